//! The codes of this crate's problems.

use meshform_model::diag::{Code, CodeInfo};

/// A record that cannot be read.
pub const UNREADABLE: Code = Code("MF0502");
/// A resource that others are in or refer to.
pub const IN_USE: Code = Code("MF0704");
/// A resource that names another which is not there.
pub const DANGLING: Code = Code("MF0707");

/// What the documentation says of them.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: UNREADABLE,
        title: "Unreadable record",
        explanation: "A record in the store is damaged, or was written by a newer version. Without it the mesh \
            is not valid, so nothing is released; proxies keep their last release.",
    },
    CodeInfo {
        code: IN_USE,
        title: "resource in use",
        explanation: "A mesh is deleted after everything in it, a router after its routes, a gateway after its \
                      gateway routes; and what another owner's resource refers to stays until that one lets go. With \
                      strict deletes the same holds for resources of the same owner, as App Mesh had it.",
    },
    CodeInfo {
        code: DANGLING,
        title: "reference to a resource that does not exist yet",
        explanation: "The resource was written. Until what it names is written too, by this configuration or by \
                      another team's, the mesh is not valid and no release is made: running proxies keep the \
                      last one.",
    },
];
