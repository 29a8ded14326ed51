//! The codes of problems that the command itself reports.

use meshform_model::diag::{Code, CodeInfo};

/// A file or folder cannot be read.
pub const CANNOT_READ: Code = Code("MF0801");
/// A file or folder cannot be written.
pub const CANNOT_WRITE: Code = Code("MF0802");
/// No input holds what is asked for.
pub const NOT_THERE: Code = Code("MF0803");
/// An option's value cannot be used.
pub const BAD_OPTION: Code = Code("MF0804");
/// Several meshes where one is needed.
pub const SEVERAL_MESHES: Code = Code("MF0805");
/// A resource stands in two inputs.
pub const TWICE: Code = Code("MF0806");
/// Terraform would not look where the provider was put.
pub const MIRROR_HIDDEN: Code = Code("MF0807");
/// A file that a proxy reads is not as it needs it.
pub const PROXY_FILE: Code = Code("MF0808");
/// A resource that another owner has written.
pub const OTHER_OWNER: Code = Code("MF0631");
/// Nothing that a prune could spare.
pub const EMPTY_PRUNE: Code = Code("MF0632");

/// What the documentation says of each.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: CANNOT_READ,
        title: "unreadable input",
        explanation: "The path does not exist, or may not be read. `-` stands for standard input.",
    },
    CodeInfo {
        code: CANNOT_WRITE,
        title: "unwritable output",
        explanation: "Nothing was changed but what the message names: files are written beside their place and \
                      renamed when they are whole.",
    },
    CodeInfo {
        code: NOT_THERE,
        title: "resource missing from the inputs",
        explanation: "The mesh or proxy that an option names is in none of the inputs.",
    },
    CodeInfo {
        code: BAD_OPTION,
        title: "invalid option value",
        explanation: "The message says what the option takes.",
    },
    CodeInfo {
        code: SEVERAL_MESHES,
        title: "several meshes where one is needed",
        explanation: "The inputs hold resources of several meshes. Choose one with `--mesh`.",
    },
    CodeInfo {
        code: TWICE,
        title: "duplicate resource in two inputs",
        explanation: "Two inputs say different things of one resource. Give only one of them.",
    },
    CodeInfo {
        code: MIRROR_HIDDEN,
        title: "provider where Terraform does not look",
        explanation: "Terraform looks into its implied local mirrors only while its CLI configuration has no \
                      `provider_installation` block. With such a block it must name the folder as a \
                      `filesystem_mirror`, and `dev_overrides` for `meshform/appmesh` win over everything.",
    },
    CodeInfo {
        code: PROXY_FILE,
        title: "missing file of a proxy",
        explanation: "Paths of certificates and keys are paths on the proxy's machine. With `--check-files ROOT` they \
                      are looked for below that folder: an image's or a container's file system, or `/` on the \
                      proxy's machine itself. A file must be there, be readable and hold PEM.",
    },
    CodeInfo {
        code: OTHER_OWNER,
        title: "resource of another owner",
        explanation: "Each resource belongs to the owner that wrote it: a root module of Terraform by the `owner` of its \
                      provider block, or whoever ran `meshform apply --owner`. Another owner does not write over it.",
    },
    CodeInfo {
        code: EMPTY_PRUNE,
        title: "prune without any resource in the input",
        explanation: "`meshform apply --prune` deletes what its owner has in the store and the input lacks. An input \
                      without any resource, such as a wrong path or an empty folder, would delete everything.",
    },
];
