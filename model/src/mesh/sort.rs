//! From resources in any order to a mesh.

use super::{Mesh, RouteRank, gateway_route_rank, references, route_rank};
use crate::codes;
use crate::diag::{Diagnostic, Place};
use crate::key::ResourceKey;
use crate::kind::Kind;
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::{GatewayRouteSpec, MeshSpec, RouteSpec, Spec};
use std::collections::{BTreeMap, BTreeSet};

/// Sorts resources into a mesh; see [`Mesh::new`].
pub(super) fn sort(resources: Vec<Resource>) -> Result<Mesh, Vec<Diagnostic>> {
    let problems = identity(&resources);
    if !problems.is_empty() {
        return Err(problems);
    }
    let name = resources
        .first()
        .map_or_else(String::new, |first| first.key.mesh.clone());
    let mut mesh = empty(name);
    for resource in resources {
        mesh.refer(&references(&resource));
        place(&mut mesh, resource);
    }
    for routes in mesh.routes.values_mut() {
        routes.sort_by_cached_key(route_place);
    }
    for routes in mesh.gateway_routes.values_mut() {
        routes.sort_by_cached_key(gateway_route_place);
    }
    Ok(mesh)
}

/// Where a route stands among those of its router.
pub(super) fn route_place(route: &Resource<RouteSpec>) -> (RouteRank, String) {
    (route_rank(&route.spec), route.key.name.clone())
}

/// Where a gateway route stands among those of its gateway.
pub(super) fn gateway_route_place(route: &Resource<GatewayRouteSpec>) -> (RouteRank, String) {
    (gateway_route_rank(&route.spec), route.key.name.clone())
}

/// What keeps resources from being one mesh: sorted, so that their order does not matter.
fn identity(resources: &[Resource]) -> Vec<Diagnostic> {
    let Some(mesh) = resources.iter().map(|resource| &resource.key.mesh).min() else {
        return vec![
            Diagnostic::error(codes::NOTHING, "there are no resources")
                .help("a mesh has at least the resource `mesh` itself"),
        ];
    };
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    let mut sorted: Vec<&Resource> = resources.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    for resource in sorted {
        let key = &resource.key;
        let here = || Place::of(key, &Pointer::root());
        if key.mesh != *mesh {
            problems.push(
                Diagnostic::error(
                    codes::SEVERAL_MESHES,
                    format!("{key} does not belong with mesh `{mesh}`"),
                )
                .help("give the resources of one mesh at a time")
                .at(here()),
            );
        }
        if !seen.insert(key) {
            problems.push(
                Diagnostic::error(codes::TWICE, format!("{key} is given twice"))
                    .help("give each resource once, or another name to one of them")
                    .at(here()),
            );
        }
        problems.extend(misfit(resource));
    }
    problems
}

/// Why a resource's key does not fit its spec: [`Mesh::new`] and [`Mesh::apply`] refuse such a resource.
pub fn misfit(resource: &Resource) -> Option<Diagnostic> {
    let key = &resource.key;
    let kind = resource.spec.kind();
    let why = if key.kind != kind {
        format!("{key} has the spec of a {kind}")
    } else if key.kind == Kind::Mesh && key.name != key.mesh {
        format!("mesh `{}` has a key of mesh `{}`", key.name, key.mesh)
    } else {
        match (kind.parent(), &key.parent) {
            (Some(parent), None) => format!("{kind} `{}` does not say its {parent}", key.name),
            (None, Some(parent)) => format!("{kind} `{}` says a parent, `{parent}`", key.name),
            _ => return None,
        }
    };
    Some(
        Diagnostic::error(codes::MISFIT, why)
            .help("a key has its spec's kind; routes and gateway routes have a parent, nothing else has")
            .at(Place::of(key, &Pointer::root())),
    )
}

pub(super) fn empty(name: String) -> Mesh {
    Mesh {
        name,
        mesh: None,
        fallback: MeshSpec::default(),
        virtual_services: BTreeMap::new(),
        virtual_nodes: BTreeMap::new(),
        virtual_routers: BTreeMap::new(),
        virtual_gateways: BTreeMap::new(),
        profiles: BTreeMap::new(),
        routes: BTreeMap::new(),
        gateway_routes: BTreeMap::new(),
        own_profiles: BTreeMap::new(),
        default_profiles: BTreeSet::new(),
        referrers: BTreeMap::new(),
    }
}

/// Routes go to the end of their list.
fn place(mesh: &mut Mesh, resource: Resource) {
    match split(resource) {
        Split::Route(route) => mesh.routes.entry(parent(&route.key)).or_default().push(route),
        Split::GatewayRoute(route) => {
            let list = mesh.gateway_routes.entry(parent(&route.key)).or_default();
            list.push(route);
        }
        Split::Other(resource) => place_other(mesh, *resource),
    }
}

/// A resource, by whether its place among its siblings matters.
pub(super) enum Split {
    Route(Resource<RouteSpec>),
    GatewayRoute(Resource<GatewayRouteSpec>),
    Other(Box<Resource>),
}

pub(super) fn split(resource: Resource) -> Split {
    let (spec, bare) = bare(resource);
    match spec {
        Spec::Route(spec) => Split::Route(bare.with_spec(spec)),
        Spec::GatewayRoute(spec) => Split::GatewayRoute(bare.with_spec(spec)),
        spec => Split::Other(Box::new(bare.with_spec(spec))),
    }
}

pub(super) fn parent(key: &ResourceKey) -> String {
    key.parent.clone().unwrap_or_default()
}

fn bare(resource: Resource) -> (Spec, Resource<()>) {
    let Resource {
        key,
        spec,
        tags,
        mesh_owner,
        extensions,
        identity,
    } = resource;
    let bare = Resource {
        key,
        spec: (),
        tags,
        mesh_owner,
        extensions,
        identity,
    };
    (spec, bare)
}

pub(super) fn place_other(mesh: &mut Mesh, resource: Resource) {
    let name = resource.key.name.clone();
    let (spec, bare) = bare(resource);
    match spec {
        Spec::Mesh(spec) => mesh.mesh = Some(bare.with_spec(spec)),
        Spec::VirtualService(spec) => drop(mesh.virtual_services.insert(name, bare.with_spec(spec))),
        Spec::VirtualNode(spec) => drop(mesh.virtual_nodes.insert(name, bare.with_spec(spec))),
        Spec::VirtualRouter(spec) => drop(mesh.virtual_routers.insert(name, bare.with_spec(spec))),
        Spec::VirtualGateway(spec) => drop(mesh.virtual_gateways.insert(name, bare.with_spec(spec))),
        Spec::ProxyProfile(spec) => {
            let names = match spec.subject(&mesh.name) {
                Some(subject) => mesh.own_profiles.entry(subject).or_default(),
                None => &mut mesh.default_profiles,
            };
            names.insert(name.clone());
            mesh.profiles.insert(name, bare.with_spec(*spec));
        }
        // Split off before.
        Spec::Route(_) | Spec::GatewayRoute(_) => {}
    }
}
