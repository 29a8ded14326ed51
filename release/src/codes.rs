//! The codes of this crate's problems.

use meshform_model::diag::{Code, CodeInfo};

/// The publishing directory could not be read or written.
pub const PUBLISH: Code = Code("MF0501");
/// A record of the mesh cannot be read.
pub const UNREADABLE: Code = Code("MF0502");
/// Others kept publishing.
pub const CONTENDED: Code = Code("MF0503");
/// There is no such release.
pub const NO_RELEASE: Code = Code("MF0504");
/// A stored release is incomplete.
pub const DAMAGED: Code = Code("MF0505");
/// The publishing directory belongs to another store.
pub const OTHER_STORE: Code = Code("MF0506");
/// Proxies are held at a release.
pub const PINNED: Code = Code("MF0507");
/// A file that was built cannot be published.
pub const UNFIT: Code = Code("MF0508");
/// A mesh is not valid.
pub const INVALID_MESH: Code = Code("MF0510");
/// A mesh is released by hand.
pub const BY_HAND: Code = Code("MF0509");
/// A target does not have the current release.
pub const BEHIND: Code = Code("MF0511");
/// Nothing is published there.
pub const TARGET: Code = Code("MF0512");
/// Something that was written was never released.
pub const UNRELEASED: Code = Code("MF0513");
/// A release took routes away.
pub const LOST: Code = Code("MF0514");

/// What the documentation says of them.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: PUBLISH,
        title: "Publish directory cannot be read or written",
        explanation: "The release is in the store, but not (or not whole) in the directory where proxies look \
            for it. Running proxies go on with what they have: each of them changes from one complete set of \
            files to the next, or not at all. When the cause is gone, the next apply or `meshform release` \
            finishes the work.",
    },
    CodeInfo {
        code: UNREADABLE,
        title: "Unreadable record",
        explanation: "A record in the store is damaged, or was written by a newer version. Without it the mesh \
            is not valid, so nothing is released; proxies keep their last release.",
    },
    CodeInfo {
        code: CONTENDED,
        title: "Too many concurrent releases",
        explanation: "Every attempt to publish was overtaken by another process. What is published is newer \
            than what this process saw. Run `meshform release` to be sure that it is the newest.",
    },
    CodeInfo {
        code: NO_RELEASE,
        title: "Unknown release",
        explanation: "The mesh has no release of that name in its history; only the last releases are kept. \
            `meshform history` lists them.",
    },
    CodeInfo {
        code: DAMAGED,
        title: "Damaged release",
        explanation: "The store says that a release exists, but parts of it are not there or do not have the \
            right form. Run `meshform release` to build it again; proxies keep what they have until then.",
    },
    CodeInfo {
        code: OTHER_STORE,
        title: "Publish target of another store",
        explanation: "The directory or bucket holds releases of a mesh of the same name from another store. Two stores \
            that publish to one place would undo each other's work. Use another place; or, where the other store is \
            gone, delete what the message names and publish again.",
    },
    CodeInfo {
        code: PINNED,
        title: "Pinned release",
        explanation: "Somebody has pinned the mesh to a release. Changes are written to the store, but proxies \
            do not get them until `meshform unpin`.",
    },
    CodeInfo {
        code: INVALID_MESH,
        title: "Invalid mesh",
        explanation: "Something that was written breaks a rule of the mesh, or names what is not there. \
            Everything written is in the store, but no release is made of it: running proxies keep the one that \
            they have. The message lists what is wrong, as the last attempt to release found it; the next write \
            that makes the mesh whole is released with all that waited.",
    },
    CodeInfo {
        code: UNFIT,
        title: "Unsafe file name in a release",
        explanation: "A file or folder of a release has a name that would lead out of its folder, or is not \
            text. Nothing was published. This is a fault of meshform, or somebody changed the store by hand.",
    },
    CodeInfo {
        code: BEHIND,
        title: "A publish target is behind",
        explanation: "The mesh has a release that a publish target does not have, or not whole: the target is new, \
            could not be written, or was changed by hand. Proxies that read it go on with what they have. The \
            command in the message brings it up.",
    },
    CodeInfo {
        code: TARGET,
        title: "Not a publish target",
        explanation: "Releases are published to directories and buckets. What is named is neither.",
    },
    CodeInfo {
        code: UNRELEASED,
        title: "Changes without a release",
        explanation: "Something was written to the mesh that no release has: it was adopted from another form, or the \
            process that wrote it ended before it could release it. The next apply that changes the mesh, or the \
            command in the message, releases it.",
    },
    CodeInfo {
        code: LOST,
        title: "Loss of the last route",
        explanation: "A virtual router, or a virtual service that led somewhere, has no route any more: Envoy answers \
            its requests with 404. While an apply is under way such a release is held for `hold_time`, because the \
            route that replaces the last one may be on its way.",
    },
    CodeInfo {
        code: BY_HAND,
        title: "Manual release policy",
        explanation: "The mesh has the release policy `MANUAL`. Changes are written to the store, but proxies \
            get them only when somebody says so: by `meshform release`, or by an `appmesh_release` resource.",
    },
];
