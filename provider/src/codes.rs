//! The codes of what can be wrong between Terraform and the store, and the titles of all codes that the provider
//! may show.

use meshform_model::diag::Code;

meshform_model::codes! {
    EMBEDDED_IN_CI "MF0701" "embedded store in CI"
        "The embedded store is a directory beside the root module. A CI runner's disk is forgotten after the \
         run, and the store with it, so it is refused there unless the provider block names it. A bucket \
         outlives the run and serves the whole team: `store = \"s3://bucket/prefix\"`."
    OTHER_STORE "MF0702" "credentials block for another kind of store"
        "The blocks `s3`, `gcs` and `azure` say how a bucket of that service is reached. The store that is \
         named is none of it."
    IMPORT_ID "MF0703" "invalid import id"
        "Import ids are those of hashicorp/aws: the mesh's name, the parent's name where there is one, and \
         the resource's own, with slashes between them."
    NOT_YET_WRITTEN "MF0705" "resource missing from the store"
        "The state comes from another provider, and the store does not have the resource. The next apply \
         writes it; nothing is made anew."
    FOREIGN_STATE "MF0706" "unreadable state"
        "The state was written by another provider or version and does not have the form that this one knows."
    REGION "MF0708" "another region than the store's"
        "A store belongs to one region, which stands in the ARNs of its resources. The argument `region`, \
         which hashicorp/aws has since version 6, may repeat it and cannot change it. A second region is a \
         second store, with a provider block of its own."
    BAD_QUOTA "MF0709" "invalid quota"
        "A quota is a whole number, 0 or more; `preset` names a set of them, of which there is one: `aws`, \
         what App Mesh allowed unless it was asked for more. What is not limited has no quota."
    NOTHING_THERE "MF0710" "unknown resource"
        "The store has nothing of that name. Names are looked up in the store of the provider block; what \
         another store has, or App Mesh had, is not seen. `meshform adopt` fills a store from a Terraform \
         state, a template or API documents."
    INCOMPLETE "MF0712" "unknown value where a known one is needed"
        "A part of the name, or of what is wanted, is missing or not known yet."
    NOT_RELEASED "MF0713" "unfinished release"
        "Everything is written; the release took longer than `release_timeout` in the provider block says, \
         could not be made, or was not waited for because the apply was interrupted. The next apply, or the \
         command in the message, goes on from there."
    BAD_DURATION "MF0714" "malformed duration"
        "`release_timeout` and `hold_time` in the provider block are durations as Go writes them: a number \
         and a unit (`ms`, `s`, `m`, `h`), one after the other."
    DAMAGED_STATE "MF0715" "damaged state"
        "Terraform's state of a resource is not what the provider gave to it. The resource itself is safe in \
         the store: restore the state from a backup, or import the resource again."
    REORDERED "MF0630" "update that changes only the order of blocks"
        "The order of some blocks (weighted targets, headers, backends) means nothing. Terraform compares a \
         plan with the configuration block by block and refuses one that keeps the state's order where the \
         blocks set different arguments, so such an update is planned, once. It is usual right after a \
         state of hashicorp/aws was taken over, which kept these blocks as sets."
}

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
        meshform_release::agents::CODES,
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

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn what_plans_say_of_running_proxies_has_its_title() {
        assert_eq!(
            summary(meshform_release::agents::REJECTED),
            "Release refused by Envoy (MF0430)"
        );
    }
}
