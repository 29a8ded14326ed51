//! The codes of what can be wrong between Terraform and the store, and the titles of all codes that the provider
//! may show.

use meshform_model::diag::{Code, CodeInfo};

/// The embedded store in an environment whose disk is forgotten.
pub const EMBEDDED_IN_CI: Code = Code("MF0701");
/// A block about another kind of store than the one that is named.
pub const OTHER_STORE: Code = Code("MF0702");
/// An import id of the wrong form.
pub const IMPORT_ID: Code = Code("MF0703");
/// A state that another provider wrote and whose resource is not in the store yet.
pub const NOT_YET_WRITTEN: Code = Code("MF0705");
/// A state that cannot be read.
pub const FOREIGN_STATE: Code = Code("MF0706");
/// A region that is not the store's.
pub const REGION: Code = Code("MF0708");
/// A quota in the provider block that cannot be used.
pub const BAD_QUOTA: Code = Code("MF0709");
/// Something that the store does not have.
pub const NOTHING_THERE: Code = Code("MF0710");
/// A record that cannot be shown in Terraform's form.
pub const MISFIT: Code = Code("MF0711");
/// A name, or another part of what is wanted, that is not said.
pub const INCOMPLETE: Code = Code("MF0712");
/// A release that took too long, or failed.
pub const NOT_RELEASED: Code = Code("MF0713");
/// A text that is no duration.
pub const BAD_DURATION: Code = Code("MF0714");
/// A state that is damaged.
pub const DAMAGED_STATE: Code = Code("MF0715");
/// An update that only moves blocks.
pub const REORDERED: Code = Code("MF0630");

/// What the documentation says of them.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: EMBEDDED_IN_CI,
        title: "Embedded store in CI",
        explanation: "The embedded store is a directory beside the root module. A CI runner's disk is forgotten \
                      after the run, and the store with it, so it is refused there unless the provider block \
                      names it. A bucket outlives the run and serves the whole team: \
                      `store = \"s3://bucket/prefix\"`.",
    },
    CodeInfo {
        code: OTHER_STORE,
        title: "Credentials block for another kind of store",
        explanation: "The blocks `s3`, `gcs` and `azure` say how a bucket of that service is reached. The store that \
                      is named is none of it.",
    },
    CodeInfo {
        code: IMPORT_ID,
        title: "Invalid import id",
        explanation: "Import ids are those of hashicorp/aws: the mesh's name, the parent's name where there is \
                      one, and the resource's own, with slashes between them.",
    },
    CodeInfo {
        code: NOT_YET_WRITTEN,
        title: "Resource missing from the store",
        explanation: "The state comes from another provider, and the store does not have the resource. The next \
                      apply writes it; nothing is made anew.",
    },
    CodeInfo {
        code: FOREIGN_STATE,
        title: "Unreadable state",
        explanation: "The state was written by another provider or version and does not have the form that \
                      this one knows.",
    },
    CodeInfo {
        code: REGION,
        title: "Another region than the store's",
        explanation: "A store belongs to one region, which stands in the ARNs of its resources. The argument \
                      `region`, which hashicorp/aws has since version 6, may repeat it and cannot change it. A \
                      second region is a second store, with a provider block of its own.",
    },
    CodeInfo {
        code: BAD_QUOTA,
        title: "Invalid quota",
        explanation: "A quota is a whole number, 0 or more; `preset` names a set of them, of which there is one: \
            `aws`, what App Mesh allowed unless it was asked for more. What is not limited has no quota.",
    },
    CodeInfo {
        code: NOTHING_THERE,
        title: "Unknown resource",
        explanation: "The store has nothing of that name. Names are looked up in the store of the provider block; \
                      what another store has, or App Mesh had, is not seen. `meshform adopt` fills a store from a \
                      Terraform state, a template or API documents.",
    },
    CodeInfo {
        code: MISFIT,
        title: "Unreadable record",
        explanation: "A record of the store has no form in Terraform: it was written by a newer version, or by \
                      something else than meshform.",
    },
    CodeInfo {
        code: INCOMPLETE,
        title: "Unknown value where a known one is needed",
        explanation: "A part of the name, or of what is wanted, is missing or not known yet.",
    },
    CodeInfo {
        code: NOT_RELEASED,
        title: "Release not finished",
        explanation: "Everything is written; the release took longer than `release_timeout` in the provider block \
                      says, could not be made, or was not waited for because the apply was interrupted. The next \
                      apply, or the command in the message, goes on from there.",
    },
    CodeInfo {
        code: DAMAGED_STATE,
        title: "Damaged state",
        explanation: "Terraform's state of a resource is not what the provider gave to it. The resource itself is safe \
                      in the store: restore the state from a backup, or import the resource again.",
    },
    CodeInfo {
        code: REORDERED,
        title: "Update that changes only the order of blocks",
        explanation: "The order of some blocks (weighted targets, headers, backends) means nothing. Terraform compares a \
                      plan with the configuration block by block and refuses one that keeps the state's order where \
                      the blocks set different arguments, so such an update is planned, once. It is usual right \
                      after a state of hashicorp/aws was taken over, which kept these blocks as sets.",
    },
    CodeInfo {
        code: BAD_DURATION,
        title: "Malformed duration",
        explanation: "`release_timeout` and `hold_time` in the provider block are durations as Go writes them: a number \
                      and a unit (`ms`, `s`, `m`, `h`), one after the other.",
    },
];

/// What a message of Terraform's is headed with: the title of a code, and the code.
pub fn summary(code: Code) -> String {
    format!("{} ({code})", title(code))
}

/// The title of a code.
fn title(code: Code) -> String {
    let known = [
        CODES,
        meshform_model::validate::codes::CODES,
        meshform_model::codes::CODES,
        meshform_store::codes::CODES,
        meshform_registry::codes::CODES,
        meshform_release::codes::CODES,
        meshform_envoy::CODES,
        meshform_compiler::ecs::codes::CODES,
    ];
    let info = known.into_iter().flatten().find(|info| info.code == code);
    let title = info.map_or("Problem", |info| info.title);
    let mut letters = title.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().to_string() + letters.as_str())
        .unwrap_or_default()
}
