//! Which proxies a change reaches: only their files need to be made again.

use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use std::collections::BTreeSet;

/// The proxies of `after` whose files may differ from those of `before`, when only these resources were written or
/// taken away in between. (A mesh that is changed in place, by [`Mesh::apply`], says so itself.)
pub fn affected(before: &Mesh, after: &Mesh, changed: &[ResourceKey]) -> BTreeSet<ResourceKey> {
    let mut out = before.proxies_reached(changed);
    out.extend(after.proxies_reached(changed));
    // What is gone has no files to be made.
    out.retain(|key| after.contains(key));
    out
}
