//! What resources say beside their specs, as lowering needs it: limits of listeners, names that may leave.

use super::Lowering;
use super::context::ProxyContext;
use crate::ir::cluster::ResponseHeaders;
use crate::ir::listener::Service;
use crate::ir::{Origin, Sourced};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::path::{FieldOf, Path};
use meshform_model::spec::{
    AllowedEgress, Extensions, ListenerLimits as Limits, MeshExtensions, ProxyProfileSpec,
    VirtualNodeExtensions,
};
use std::sync::Arc;

/// What is said of one listener.
#[derive(Debug, Default)]
pub(crate) struct ListenerLimits {
    request_kb: Option<Sourced<u32>>,
    request_count: Option<Sourced<u32>>,
    /// What comes back through it.
    pub(crate) responses: ResponseHeaders,
}

impl ListenerLimits {
    /// Takes the place of what holds for the whole proxy.
    pub(crate) fn apply(self, service: &mut Service) {
        if let Service::Http(http) = service {
            http.max_request_headers_kb = self.request_kb.or(http.max_request_headers_kb.take());
            http.max_request_headers_count = self.request_count.or(http.max_request_headers_count.take());
        }
    }
}

impl Lowering<'_> {
    /// The extensions of a node or a gateway.
    fn extensions(&self, key: &ResourceKey) -> Option<&Extensions> {
        let name = key.name.as_str();
        match key.kind {
            Kind::VirtualNode => self.index.nodes.get(name)?.resource.extensions.as_ref(),
            Kind::VirtualGateway => self.index.gateways.get(name)?.resource.extensions.as_ref(),
            _ => None,
        }
    }

    /// The limits of the listener of a node or a gateway on that port.
    pub(crate) fn listener_limits(&self, key: &Arc<ResourceKey>, port: u16) -> ListenerLimits {
        let listeners = self.extensions(key).map_or(&[][..], Extensions::listeners);
        let found = listeners.iter().enumerate().find(|(_, one)| one.port == port);
        let Some((at, limits)) = found.and_then(|(at, one)| Some((at, one.limits?))) else {
            return ListenerLimits::default();
        };
        // Those of a gateway stand at the same place.
        let path = VirtualNodeExtensions::path().listeners().at(at).limits();
        let limit = |value: Option<u32>, field: FieldOf<Limits, u32>| {
            Some(Sourced::written(value?, Origin::at(key, field(path.clone()))))
        };
        ListenerLimits {
            request_kb: limit(
                limits.max_request_headers_kb,
                Path::<Limits>::max_request_headers_kb,
            ),
            request_count: limit(
                limits.max_request_headers_count,
                Path::<Limits>::max_request_headers_count,
            ),
            responses: ResponseHeaders {
                kb: limit(
                    limits.max_response_headers_kb,
                    Path::<Limits>::max_response_headers_kb,
                ),
                count: limit(
                    limits.max_response_headers_count,
                    Path::<Limits>::max_response_headers_count,
                ),
            },
        }
    }

    /// The TLS server names that may leave although the mesh drops what it does not know: the mesh's, the node's
    /// and the profile's, sorted.
    pub(crate) fn allowed_server_names(&self, scope: &ProxyContext<'_>) -> Vec<Sourced<String>> {
        let mesh = self.index.mesh.as_ref();
        let of_mesh = mesh.and_then(|mesh| {
            let extensions = mesh.resource.extensions.as_ref()?.mesh()?;
            Some((&mesh.key, extensions.egress.as_ref()?))
        });
        let own = self.extensions(&scope.key).and_then(Extensions::virtual_node);
        let of_node = own.and_then(|own| Some((&scope.key, own.egress.as_ref()?)));
        let mut names: Vec<Sourced<String>> = of_mesh
            .into_iter()
            .chain(of_node)
            .flat_map(|(key, egress)| written(key, egress))
            .collect();
        let profile = scope
            .profile
            .get(Path::<ProxyProfileSpec>::egress_sni_allowed, |profile| {
                (!profile.egress_sni_allowed.is_empty()).then_some(&profile.egress_sni_allowed)
            });
        if let Some(found) = profile {
            let source = found.source;
            names.extend(found.value.iter().map(|name| Sourced {
                // Callers' names are compared in lower case.
                value: name.to_lowercase(),
                source: source.clone(),
            }));
        }
        // Of several who say the same the first one stands: the mesh before the node before the profile.
        names.sort_by(|a, b| a.value.cmp(&b.value));
        names.dedup_by(|b, a| a.value == b.value);
        names
    }
}

fn written<'a>(
    key: &'a Arc<ResourceKey>,
    egress: &'a AllowedEgress,
) -> impl Iterator<Item = Sourced<String>> + 'a {
    // A mesh's and a node's stand at the same place.
    let origin = Origin::at(key, MeshExtensions::path().egress().server_names());
    let names = egress.server_names.iter();
    names.map(move |name| Sourced::written(name.clone(), origin.clone()))
}
