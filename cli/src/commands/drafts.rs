//! Resources of any form as the store takes them.

use meshform_model::resource::Resource;
use meshform_store::Seed;

/// Containers first, so that a reader never sees a route without its router.
pub(super) fn sorted(resources: &[Resource]) -> Vec<&Resource> {
    let mut sorted: Vec<&Resource> = resources.iter().collect();
    sorted.sort_by_key(|resource| resource.key.write_order());
    sorted
}

/// The account and region of what a new store takes over.
pub(super) fn seed(resources: &[Resource]) -> Seed {
    let identities = resources.iter().filter_map(|resource| resource.identity.as_ref());
    let seed = identities
        .filter_map(|identity| Seed::from_arn(&identity.arn))
        .next();
    seed.unwrap_or_default()
}
