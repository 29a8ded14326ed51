//! The codes of this crate's problems.

meshform_model::codes! {
    UNREADABLE "MF0502" "unreadable record"
        "A record in the store is damaged, or was written by a newer version or by something else than meshform. Without \
         it the mesh is not valid, so nothing is released; proxies keep their last release."
    OTHER_OWNER "MF0631" "resource of another owner"
        "Each resource belongs to the owner that wrote it: a root module of Terraform by the `owner` of its \
         provider block, or whoever ran `meshform apply --owner`. Another owner does not write over it."
    IN_USE "MF0704" "resource in use"
        "A mesh is deleted after everything in it, a router after its routes, a gateway after its gateway \
         routes; and what another owner's resource refers to stays until that one lets go. With strict \
         deletes the same holds for resources of the same owner, as App Mesh had it."
    DANGLING "MF0707" "reference to a resource that does not exist yet"
        "The resource was written. Until what it names is written too, by this configuration or by another \
         team's, the mesh is not valid and no release is made: running proxies keep the last one."
    NOT_FOUND "MF1003" "resource not found"
        "The resource, or the mesh, virtual router or virtual gateway that it would be in, is not in the store. A \
         resource of another account's mesh is not found either."
}
