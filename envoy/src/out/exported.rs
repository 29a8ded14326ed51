//! Certificates that only an agent brings: told where a proxy has none.

use super::lowered;
use crate::codes;
use crate::ir::tls::SecretSource;
use crate::ir::{Origin, wanted_secrets};
use meshform_model::diag::{Diagnostic, Example};
use meshform_model::exported::Exported;
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::spec::CertificateSource;
use serde_json::json;
use std::collections::BTreeMap;

/// Whether an agent may be beside a proxy that is given something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentPresence {
    /// It is started without one.
    Nothing,
    /// Whoever starts it may start one.
    PerhapsAnAgent,
}

/// That proxies which are meant want certificates that their profile has the agent export from ACM: an error where no agent can
/// be beside them, else a warning. Nothing is said of a proxy that cannot be compiled: others tell.
pub fn without_agent(
    mesh: &Mesh,
    beside: AgentPresence,
    meant: impl Fn(&ResourceKey) -> bool,
) -> Vec<Diagnostic> {
    let acm = |source: &CertificateSource| matches!(source, CertificateSource::Acm(_));
    let exports = |key: &ResourceKey| {
        mesh.profile_for(key)
            .certificates
            .iter()
            .any(|one| acm(&one.source))
    };
    let nodes = mesh.virtual_nodes().map(|node| &node.key);
    let keys = nodes.chain(mesh.virtual_gateways().map(|gateway| &gateway.key));
    keys.filter(|key| meant(key) && exports(key))
        .flat_map(|key| of_proxy(mesh, key, beside))
        .collect()
}

fn of_proxy(mesh: &Mesh, key: &ResourceKey, beside: AgentPresence) -> Vec<Diagnostic> {
    let Ok(proxy) = lowered(mesh, key, "/") else {
        return Vec::new();
    };
    let mut missed: BTreeMap<String, Origin> = BTreeMap::new();
    for (secret, origin) in wanted_secrets(&proxy.listeners, &proxy.clusters) {
        if matches!(secret.source, SecretSource::Files(_))
            && let Some(exported) = Exported::of_secret(&secret.name)
        {
            missed.entry(exported.arn).or_insert_with(|| origin.clone());
        }
    }
    let told = |(arn, origin): (String, Origin)| {
        let message = format!(
            "the proxy of {key} needs `{arn}`, which the agent exports from ACM, and {}",
            match beside {
                AgentPresence::Nothing => "this one runs without an agent",
                AgentPresence::PerhapsAnAgent => "Envoy without an agent does not get it",
            }
        );
        let problem = match beside {
            AgentPresence::Nothing => Diagnostic::error(codes::NO_AGENT, message),
            AgentPresence::PerhapsAnAgent => Diagnostic::warning(codes::NO_AGENT, message),
        };
        let file = json!({"certificateChain": "/etc/envoy/tls/tls.crt", "privateKey": "/etc/envoy/tls/tls.key", "trustChain": "/etc/envoy/tls/ca.crt"});
        problem
            .help("run it with `meshform-agent run -- envoy`, or map the ARN to files in its proxy profile")
            .example(Example::profile(json!({
                "certificates": [{"reference": arn, "source": {"file": file}}]
            })))
            .at(origin.place())
    };
    missed.into_iter().map(told).collect()
}
