//! A mesh as App Mesh's own JSON: a list of what `aws appmesh create-… --cli-input-json` takes.

use meshform_model::body;
use meshform_model::resource::Resource;
use serde_json::Value as Json;

/// The bodies of all these resources, containers first. Extensions stand beside the spec, where they are read
/// again; the AWS CLI does not know them.
pub fn build(resources: &[Resource]) -> Json {
    let mut sorted: Vec<&Resource> = resources.iter().collect();
    sorted.sort_by_key(|resource| resource.key.write_order());
    let bodies = sorted.into_iter().map(|resource| body::whole(resource).to_json());
    Json::Array(bodies.flatten().collect())
}
