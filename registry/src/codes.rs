//! The codes of this crate's problems.

meshform_model::codes! {
    UNREADABLE "MF0502" "unreadable record"
        "A record in the store is damaged, or was written by a newer version or by another program. Without it the \
         mesh is not valid, so nothing is released; proxies keep their last release."
    OTHER_OWNER "MF0631" "resource of another owner"
        "Each resource belongs to the owner that wrote it: a Terraform root module by the `owner` of its provider \
         block, or whoever ran `meshform apply --owner`. Other owners may not overwrite it."
    IN_USE "MF0704" "resource in use"
        "The resource is still used: a mesh contains resources, a virtual router routes, a virtual gateway gateway \
         routes, or a resource of another owner refers to it. Delete those first, or have the other owner remove \
         the reference. With strict deletes, references from resources of the same owner count too, as in App \
         Mesh."
    DANGLING "MF0707" "reference to a resource that does not exist yet"
        "The resource was written. Until what it refers to is written too, by this configuration or by another \
         team's, the mesh is not valid and nothing is released: running proxies keep the last release."
    NOT_FOUND "MF1003" "resource not found"
        "The resource, or the mesh, virtual router or virtual gateway that it would be in, is not in the store. A \
         resource of another account's mesh is not found either. Lookups of the provider use the store of its block: fill a store \
         from a Terraform state, a template or API documents with `meshform adopt`."
}
