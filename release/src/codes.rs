//! The codes of this crate's problems.

pub use meshform_model::codes::INVALID_MESH;

meshform_model::codes! {
    PUBLISH "MF0501" "inaccessible publish directory"
        "The release is in the store, but not, or only in part, in the directory where proxies look for it. \
         Running proxies go on with what they have: each of them changes from one complete set of files to \
         the next, or not at all. When the cause is gone, the next apply or `meshform release` finishes the \
         work."
    CONTENDED "MF0503" "too many concurrent releases"
        "Every attempt to publish was overtaken by another process. What is published is newer than what this \
         process saw. Run `meshform release` to be sure that it is the newest."
    NO_RELEASE "MF0504" "unknown release"
        "The mesh has no release of that name in its history; only the last releases are kept. `meshform \
         history` lists them."
    DAMAGED "MF0505" "damaged release"
        "The store says that a release exists, but parts of it are not there or do not have the right form. \
         Run `meshform release` to build it again; proxies keep what they have until then."
    OTHER_STORE "MF0506" "publish target of another store"
        "The directory or bucket holds releases of a mesh of the same name from another store. Two stores \
         that publish to one place would undo each other's work. Use another place; or, where the other store \
         is gone, delete what the message names and publish again."
    PINNED "MF0507" "pinned release"
        "Somebody has pinned the mesh to a release. Changes are written to the store, but proxies do not get \
         them until `meshform unpin`."
    UNFIT "MF0508" "unsafe file name in a release"
        "A file or folder of a release has a name that would lead out of its folder, or is not text. Nothing \
         was published. This is a fault of meshform, or somebody changed the store by hand."
    BY_HAND "MF0509" "manual release policy"
        "The mesh has the release policy `MANUAL`. Changes are written to the store, but proxies get them \
         only when somebody says so: by `meshform release`, or by an `appmesh_release` resource."
    BEHIND "MF0511" "outdated publish target"
        "The mesh has a release that a publish target does not have, or only in part: the target is new, could \
         not be written, or was changed by hand. Proxies that read it go on with what they have. The command \
         in the message brings it up."
    TARGET "MF0512" "not a publish target"
        "Releases are published to directories and buckets. What is named is neither."
    UNRELEASED "MF0513" "changes without a release"
        "Something was written to the mesh that no release has: it was adopted from another form, or the \
         process that wrote it ended before it could release it. The next apply that changes the mesh, or the \
         command in the message, releases it."
    LOST "MF0514" "loss of the last route"
        "A virtual router, or a virtual service that led somewhere, has no route any more: Envoy answers its \
         requests with 404. While an apply is under way such a release is held for `hold_time`, because the \
         route that replaces the last one may be on its way."
}
