//! The codes of what can be wrong between Terraform and the store, and the titles of all codes that the provider
//! may show.

use meshform_model::diag::Code;

meshform_model::codes! {
    OTHER_STORE "MF0702" "bucket or etcd settings for another kind of store"
        "A provider block has settings of a kind of store that `store` does not name: `s3`, `gcs` and `azure` \
         configure buckets of these services, `etcd` a cluster of etcd. Remove the block, or set `store` to such a \
         store."
    IMPORT_ID "MF0703" "invalid import id"
        "Import ids have the form of hashicorp/aws: the mesh's name, the parent's name where there is one, and the \
         resource's own, separated by slashes."
    NOT_YET_WRITTEN "MF0705" "resource missing from the store"
        "The state comes from another provider, and the store does not have the resource yet. The next apply \
         writes it from the state; ARNs and ids stay the same."
    FOREIGN_STATE "MF0706" "unreadable state"
        "The state was written by another provider or version, in a form that this version cannot read."
    REGION "MF0708" "another region than the store's"
        "A store belongs to one region, which is part of its resources' ARNs. The argument `region`, which \
         hashicorp/aws has since version 6, may repeat it but not change it. Use a second store, with its own \
         provider block, for a second region."
    BAD_QUOTA "MF0709" "invalid quota"
        "A quota is an integer, 0 or more. `preset` selects a set of quotas; the only one is `aws`, App Mesh's \
         default quotas. Leave a quota out for no limit."
    INCOMPLETE "MF0712" "unknown value where a known one is needed"
        "A part of the resource's name, or of what is requested, is missing or not known yet."
    NOT_RELEASED "MF0713" "unfinished release"
        "Everything is written to the store, but the release is not complete: it took longer than \
         `release_timeout`, could not be made, or was interrupted. The next apply, or the command in the message, \
         completes it."
    BAD_DURATION "MF0714" "malformed duration"
        "`release_timeout` and `hold_time` in the provider block are durations in Go's notation: numbers with \
         units (`ms`, `s`, `m`, `h`), such as `1m30s`."
    DAMAGED_STATE "MF0715" "damaged state"
        "Terraform's state of a resource is not what the provider wrote. The resource itself is safe in the store: \
         restore the state from a backup, or import the resource again."
    REORDERED "MF0630" "update that changes only the order of blocks"
        "The order of some blocks (weighted targets, headers, backends) has no meaning. Terraform compares a plan \
         with the configuration block by block and rejects one that keeps the state's order where the blocks set \
         different arguments, so such an update is planned once. It is usual after a state of hashicorp/aws, which \
         kept these blocks as sets, was taken over."
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
