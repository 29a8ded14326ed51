//! The codes of this crate's problems.

pub use meshform_model::codes::INVALID_MESH;

meshform_model::codes! {
    PUBLISH "MF0501" "inaccessible publish directory"
        "The release is in the store, but could not be written, or not completely, to the directory where proxies \
         read it. Running proxies keep their configuration: each changes from one complete set of files to the \
         next, or not at all. When the cause is fixed, the next apply or `meshform release` completes it."
    CONTENDED "MF0503" "too many concurrent releases"
        "Every attempt to publish was overtaken by another process, which published something newer than what this \
         process read. Run `meshform release` to make sure that it is the newest."
    NO_RELEASE "MF0504" "unknown release"
        "The mesh has no release of that name in its history; only the last releases are kept. `meshform \
         history` lists them."
    DAMAGED "MF0505" "damaged release"
        "The store lists a release whose parts are missing or malformed. Run `meshform release` to build it again; \
         until then proxies keep what they have."
    OTHER_STORE "MF0506" "publish target of another store"
        "The directory or bucket holds releases of a mesh of the same name from another store. Two stores that \
         publish to one place would overwrite each other. Use another place; or, where the other store no longer \
         exists, delete what the message names and publish again."
    PINNED "MF0507" "pinned release"
        "The mesh is pinned to a release. Changes are written to the store, but proxies do not get them until \
         `meshform unpin`."
    UNFIT "MF0508" "unsafe file name in a release"
        "A file or folder of a release has a name that leads out of its folder, or is not valid text. Nothing was \
         published. This is a bug of meshform, or somebody changed the store by hand."
    BY_HAND "MF0509" "manual release policy"
        "The mesh has the release policy `MANUAL`. Changes are written to the store, but proxies get them only on \
         request: by `meshform release`, or by an `appmesh_release` resource."
    BEHIND "MF0511" "outdated publish target"
        "A publish target lacks the mesh's current release, or a part of it: the target is new, could not be \
         written, or was changed by hand. Proxies that read it keep what they have. The command in the message \
         updates it."
    TARGET "MF0512" "not a publish target"
        "Releases are published to directories and buckets. The given target is neither."
    UNRELEASED "MF0513" "changes without a release"
        "The store has changes that no release contains: the mesh was adopted from another form, or the process \
         that wrote them ended before it could release them. The next apply that changes the mesh, or the command \
         in the message, releases them."
    LOST "MF0514" "loss of the last route"
        "A virtual router, or a virtual service that had a destination, has no route any more: Envoy answers its \
         requests with 404. During an apply such a release is held for `hold_time`, because the route that \
         replaces the last one may still be written."
}
