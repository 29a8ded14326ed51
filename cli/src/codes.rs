//! The codes of problems that the command itself reports.

meshform_model::codes! {
    CANNOT_READ "MF0801" "unreadable input"
        "The path does not exist, or may not be read. `-` stands for standard input."
    CANNOT_WRITE "MF0802" "unwritable output"
        "Nothing was changed but what the message names: files are written beside their place and renamed \
         when they are whole."
    NOT_THERE "MF0803" "resource missing from the inputs"
        "The mesh or proxy that an option names is in none of the inputs."
    BAD_OPTION "MF0804" "invalid option value"
        "The message says what the option takes."
    MIRROR_HIDDEN "MF0807" "provider where Terraform does not look"
        "Terraform looks into its implied local mirrors only while its CLI configuration has no \
         `provider_installation` block. With such a block it must name the folder as a `filesystem_mirror`, \
         and `dev_overrides` for `meshform/appmesh` win over everything."
    PROXY_FILE "MF0808" "missing file of a proxy"
        "Paths of certificates and keys are paths on the proxy's machine. With `--check-files ROOT` they are \
         looked for below that folder: an image's or a container's file system, or `/` on the proxy's machine \
         itself. A file must be there, be readable and hold PEM."
    NO_RESOURCES "MF0820" "release without the resources it was made from"
        "A store keeps records of now only. A release keeps the resources that it was made from, so that two \
         releases can be compared; releases of older versions kept none."
    EMPTY_PRUNE "MF0632" "prune without any resource in the input"
        "`meshform apply --prune` deletes what its owner has in the store and the input lacks. An input \
         without any resource, such as a wrong path or an empty folder, would delete everything."
    NOT_HCL "MF0633" "Terraform configuration that cannot be read"
        "A file is not what Terraform's language allows. `terraform validate` says more. No file is changed \
         before all of them can be read."
    FOREIGN_MODULE "MF0634" "App Mesh resources in a module from elsewhere"
        "A module that a registry or a repository provides cannot be edited where it is. Either copy it to \
         a local folder, or take its App Mesh resources into the root module: `moved` blocks keep their \
         state. `meshform migrate --state FILE` writes these blocks and the resources, as the state has \
         them."
    PROVIDERS_MAP "MF0635" "module call without `appmesh` in its `providers`"
        "A module that is called with `providers = { … }` gets only the providers of that map. Add `appmesh \
         = appmesh`."
    ALIASED_PROVIDER "MF0636" "App Mesh resource of an aliased provider"
        "An alias of hashicorp/aws stands for another region or account. A store belongs to one account and \
         region, so each alias with App Mesh resources becomes an alias of `appmesh` with a store of its \
         own."
    JSON_CONFIGURATION "MF0637" "App Mesh resources in JSON configuration"
        "`meshform migrate` changes files in Terraform's own language, not `*.tf.json`, which programs \
         write."
    STATE_OF_AWS "MF0638" "state that names hashicorp/aws"
        "The state says which provider wrote each resource. The first apply with `provider = appmesh` \
         changes that; `terraform state replace-provider` does it without an apply where a state has \
         nothing else of AWS."
    NO_REFRESH "MF0639" "plan without a refresh"
        "`-refresh=false` keeps a plan from looking at the store. The first plan after a migration has to \
         look: the state says that everything is there, and the store has nothing yet."
    EMPTY_STATE "MF0640" "empty Terraform state"
        "A Terraform that is killed can leave a `terraform.tfstate` of 0 bytes, and a wrong backend shows \
         an empty one. Everything would be made anew, with other ARNs and ids."
    CLOUD_MAP "MF0641" "virtual node found by Cloud Map"
        "App Mesh's Envoy had its endpoints from App Mesh, which asked Cloud Map. Stock Envoy is given \
         them: by a proxy profile's `endpoints`, or by the poller that asks Cloud Map for the whole mesh."
    OTHER_SOURCE "MF0642" "name `appmesh` of another provider"
        "`required_providers` gives the name `appmesh` to another source address than `meshform/appmesh`."
    UNKNOWN_TARGET "MF0647" "unknown publish target"
        "The store remembers the directories and buckets that releases were published to, by the names that `meshform status` \
         shows. `release --forget` takes one of these."
    STORE_IN_CI "MF0646" "default store in CI"
        "Without `--store`, the store is a directory beside the input, and a CI runner forgets its disk: \
         the next run would find an empty store, and `--prune` nothing to delete. Name a bucket, `--store \
         s3://BUCKET/PREFIX`, or a directory that outlives the run."
}
