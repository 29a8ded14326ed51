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
/// Configuration that cannot be read.
pub const NOT_HCL: Code = Code("MF0633");
/// A module from elsewhere.
pub const FOREIGN_MODULE: Code = Code("MF0634");
/// A map of providers without ours.
pub const PROVIDERS_MAP: Code = Code("MF0635");
/// A resource of an aliased provider.
pub const ALIASED_PROVIDER: Code = Code("MF0636");
/// Configuration in JSON.
pub const JSON_CONFIGURATION: Code = Code("MF0637");
/// A state that names hashicorp/aws.
pub const STATE_OF_AWS: Code = Code("MF0638");
/// Plans that do not read.
pub const NO_REFRESH: Code = Code("MF0639");
/// A state without resources.
pub const EMPTY_STATE: Code = Code("MF0640");
/// A node that Cloud Map finds.
pub const CLOUD_MAP: Code = Code("MF0641");
/// The name of our provider in other use.
pub const OTHER_SOURCE: Code = Code("MF0642");
/// The default store where the disk is forgotten.
pub const STORE_IN_CI: Code = Code("MF0646");

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
    CodeInfo {
        code: NOT_HCL,
        title: "Terraform configuration that cannot be read",
        explanation: "A file is not what Terraform's language allows. `terraform validate` says more. No file is \
                      changed before all of them can be read.",
    },
    CodeInfo {
        code: FOREIGN_MODULE,
        title: "App Mesh resources in a module from elsewhere",
        explanation: "A module that a registry or a repository provides cannot be edited where it is. Either \
                      copy it to a local folder, or take its App Mesh resources into the root module: `moved` \
                      blocks keep their state. `meshform migrate --state FILE` writes these blocks and the \
                      resources, as the state has them.",
    },
    CodeInfo {
        code: PROVIDERS_MAP,
        title: "module call whose `providers` lacks appmesh",
        explanation: "A module that is called with `providers = { … }` gets only the providers of that map. Add \
                      `appmesh = appmesh`.",
    },
    CodeInfo {
        code: ALIASED_PROVIDER,
        title: "App Mesh resource of an aliased provider",
        explanation: "An alias of hashicorp/aws stands for another region or account. A store belongs to one \
                      account and region, so each alias with App Mesh resources becomes an alias of `appmesh` \
                      with a store of its own.",
    },
    CodeInfo {
        code: JSON_CONFIGURATION,
        title: "App Mesh resources in JSON configuration",
        explanation: "`meshform migrate` changes files in Terraform's own language, not `*.tf.json`, which \
                      programs write.",
    },
    CodeInfo {
        code: STATE_OF_AWS,
        title: "state that names hashicorp/aws",
        explanation: "The state says which provider wrote each resource. The first apply with `provider = \
                      appmesh` changes that; `terraform state replace-provider` does it without an apply where a \
                      state has nothing else of AWS.",
    },
    CodeInfo {
        code: NO_REFRESH,
        title: "plan without a refresh",
        explanation: "`-refresh=false` keeps a plan from looking at the store. The first plan after a migration \
                      has to look: the state says that everything is there, and the store has nothing yet.",
    },
    CodeInfo {
        code: EMPTY_STATE,
        title: "empty Terraform state",
        explanation: "A Terraform that is killed can leave a `terraform.tfstate` of 0 bytes, and a wrong backend \
                      shows an empty one. Everything would be made anew, with other ARNs and ids.",
    },
    CodeInfo {
        code: CLOUD_MAP,
        title: "virtual node found by Cloud Map",
        explanation: "App Mesh's Envoy had its endpoints from App Mesh, which asked Cloud Map. Stock Envoy is \
                      given them: by a proxy profile's `endpoints`, or by the poller that asks Cloud Map for the \
                      whole mesh.",
    },
    CodeInfo {
        code: OTHER_SOURCE,
        title: "name `appmesh` of another provider",
        explanation: "`required_providers` gives the name `appmesh` to another source address than \
                      `meshform/appmesh`.",
    },
    CodeInfo {
        code: STORE_IN_CI,
        title: "default store in CI",
        explanation: "Without `--store`, the store is a directory beside the input, and a CI runner forgets its disk: the next \
                      run would find an empty store, and `--prune` nothing to delete. Name a bucket, \
                      `--store s3://BUCKET/PREFIX`, or a directory that outlives the run.",
    },
];
