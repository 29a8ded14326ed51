//! The codes of problems that the command itself reports.

meshform_model::codes! {
    CANNOT_READ "MF0801" "unreadable input"
        "The path does not exist, or may not be read. `-` stands for standard input."
    CANNOT_WRITE "MF0802" "unwritable output"
        "The file or folder could not be written. Nothing was changed except what the message names: files are \
         written under a temporary name and renamed when they are complete."
    NOT_THERE "MF0803" "resource missing from the inputs"
        "The mesh or proxy that an option names is in none of the inputs."
    BAD_OPTION "MF0804" "invalid option value"
        "An option has a value that it does not accept; the message says what it accepts."
    MIRROR_HIDDEN "MF0807" "provider folder not searched by Terraform"
        "Terraform searches its implied local mirrors only if its CLI configuration has no `provider_installation` \
         block. With such a block, add the folder as a `filesystem_mirror`; `dev_overrides` for `meshform/appmesh` \
         take precedence over everything."
    PROXY_FILE "MF0808" "missing file on the proxy"
        "Paths of certificates and keys refer to the proxy's machine. `--check-files ROOT` looks for them below \
         that folder: an image's or a container's file system, or `/` on the proxy's machine itself. A file must \
         exist, be readable and contain PEM."
    NO_RESOURCES "MF0820" "no resource snapshot in the release"
        "The release has no copy of the resources that it was made from, so it cannot be compared with another. \
         Releases of older versions of meshform have none; compare releases made since, or files."
    EMPTY_PRUNE "MF0632" "prune without any resource in the input"
        "`meshform apply --prune` deletes the owner's resources that are in the store but not in the input. An \
         input without any resource, such as a wrong path or an empty folder, would delete everything."
    NOT_HCL "MF0633" "unreadable Terraform configuration"
        "A file is not valid Terraform syntax; `terraform validate` says more. No file is changed before all of \
         them can be read."
    FOREIGN_MODULE "MF0634" "App Mesh resources in an external module"
        "A module from a registry or a repository cannot be edited in place. Either copy it to a local folder, or \
         move its App Mesh resources into the root module: `moved` blocks keep their state. `meshform migrate \
         --state FILE` writes these blocks and the resources from the state."
    PROVIDERS_MAP "MF0635" "module call without `appmesh` in its `providers`"
        "A module that is called with `providers = { … }` gets only the providers in that map. Add `appmesh = \
         appmesh`."
    ALIASED_PROVIDER "MF0636" "App Mesh resource of an aliased provider"
        "An alias of hashicorp/aws stands for another region or account. A store belongs to one account and \
         region, so each alias with App Mesh resources becomes an alias of `appmesh` with a store of its \
         own."
    JSON_CONFIGURATION "MF0637" "App Mesh resources in JSON configuration"
        "`meshform migrate` edits files in Terraform's native syntax, not `*.tf.json`, which programs generate. \
         Change the generator."
    STATE_OF_AWS "MF0638" "state that names hashicorp/aws"
        "The state records which provider wrote each resource. The first apply with `provider = appmesh` changes \
         that; `terraform state replace-provider` does it without an apply where a state has no other AWS \
         resources."
    NO_REFRESH "MF0639" "plan without a refresh"
        "`-refresh=false` keeps a plan from reading the store. The first plan after a migration must read it: the \
         state lists every resource, and the store has none yet."
    EMPTY_STATE "MF0640" "empty Terraform state"
        "A killed Terraform can leave a `terraform.tfstate` of 0 bytes, and a wrong backend shows an empty state. \
         Everything would be created again, with new ARNs and ids."
    CLOUD_MAP "MF0641" "virtual node with Cloud Map discovery"
        "App Mesh queried Cloud Map and sent endpoints to its Envoys. Without it they come from a proxy profile's \
         `endpoints`, or from the poller, which queries Cloud Map for the whole mesh."
    OTHER_SOURCE "MF0642" "provider name `appmesh` already taken"
        "`required_providers` maps the name `appmesh` to another source address than `meshform/appmesh`."
    UNKNOWN_TARGET "MF0647" "unknown publish target"
        "The store keeps the directories and buckets that releases were published to, under the names that \
         `meshform status` shows. `release --forget` takes one of these."
}
