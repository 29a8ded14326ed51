//! Who refers to whom.

use crate::key::ResourceKey;
use crate::kind::Kind;
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::{
    GatewayRouteSpec, Interception, ProxyProfileSpec, RouteSpec, Spec, VirtualNodeSpec,
    VirtualServiceProvider, VirtualServiceSpec,
};

/// A resource names another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Who names.
    pub from: ResourceKey,
    /// In which field of it; the root where the key says it.
    pub pointer: Pointer,
    /// Who is named.
    pub to: ResourceKey,
    /// As what.
    pub role: Role,
}

/// As what a resource is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// As what contains it: the mesh, the router of a route, the gateway of a gateway route.
    Container,
    /// As who answers for a virtual service.
    Provider,
    /// As where a route sends.
    Target,
    /// As the virtual service that a gateway route sends to.
    GatewayTarget,
    /// As a virtual service that a node calls.
    Backend,
    /// As what a proxy profile is for.
    ProfileSubject,
    /// As something that a proxy profile says more about: a service's port, a node's endpoints.
    ProfileDetail,
}

/// What a resource refers to, in the order of its fields, its container first.
pub fn references(resource: &Resource) -> Vec<Reference> {
    let mut found = Found {
        from: &resource.key,
        list: Vec::new(),
    };
    if let Some(container) = resource.key.container() {
        found.add(Pointer::root(), container, Role::Container);
    }
    match &resource.spec {
        Spec::Mesh(_) | Spec::VirtualRouter(_) | Spec::VirtualGateway(_) => {}
        Spec::VirtualService(spec) => of_virtual_service(spec, &mut found),
        Spec::VirtualNode(spec) => of_virtual_node(spec, &mut found),
        Spec::Route(spec) => of_route(spec, &mut found),
        Spec::GatewayRoute(spec) => of_gateway_route(spec, &mut found),
        Spec::ProxyProfile(spec) => of_profile(spec, &mut found),
    }
    found.list
}

struct Found<'a> {
    from: &'a ResourceKey,
    list: Vec<Reference>,
}

fn of_virtual_service(spec: &VirtualServiceSpec, found: &mut Found<'_>) {
    let provider = Pointer::root().field("spec").field("provider");
    match &spec.provider {
        None => {}
        Some(VirtualServiceProvider::VirtualNode(node)) => found.named(
            provider.field("virtualNode").field("virtualNodeName"),
            (Kind::VirtualNode, &node.virtual_node_name),
            Role::Provider,
        ),
        Some(VirtualServiceProvider::VirtualRouter(router)) => found.named(
            provider.field("virtualRouter").field("virtualRouterName"),
            (Kind::VirtualRouter, &router.virtual_router_name),
            Role::Provider,
        ),
    }
}

fn of_virtual_node(spec: &VirtualNodeSpec, found: &mut Found<'_>) {
    let backends = Pointer::root().field("spec").field("backends");
    for (index, service) in spec.backend_services().enumerate() {
        found.named(
            backends
                .index(index)
                .field("virtualService")
                .field("virtualServiceName"),
            (Kind::VirtualService, &service.virtual_service_name),
            Role::Backend,
        );
    }
}

fn of_route(spec: &RouteSpec, found: &mut Found<'_>) {
    let action = Pointer::root()
        .field("spec")
        .field(spec.rule.field())
        .field("action");
    let targets = action.field("weightedTargets");
    for (index, target) in spec.rule.targets().iter().enumerate() {
        found.named(
            targets.index(index).field("virtualNode"),
            (Kind::VirtualNode, &target.virtual_node),
            Role::Target,
        );
    }
}

fn of_gateway_route(spec: &GatewayRouteSpec, found: &mut Found<'_>) {
    let action = Pointer::root()
        .field("spec")
        .field(spec.rule.field())
        .field("action");
    found.named(
        action
            .field("target")
            .field("virtualService")
            .field("virtualServiceName"),
        (
            Kind::VirtualService,
            &spec.rule.target().virtual_service.virtual_service_name,
        ),
        Role::GatewayTarget,
    );
}

fn of_profile(profile: &ProxyProfileSpec, found: &mut Found<'_>) {
    let spec = Pointer::root().field("spec");
    if let Some(name) = &profile.virtual_node {
        found.named(
            spec.field("virtualNode"),
            (Kind::VirtualNode, name),
            Role::ProfileSubject,
        );
    }
    if let Some(name) = &profile.virtual_gateway {
        found.named(
            spec.field("virtualGateway"),
            (Kind::VirtualGateway, name),
            Role::ProfileSubject,
        );
    }
    if let Some(Interception::Explicit(explicit)) = &profile.interception {
        let services = spec.field("interception").field("explicit").field("services");
        for (index, service) in explicit.services.iter().enumerate() {
            found.named(
                services.index(index).field("virtualService"),
                (Kind::VirtualService, &service.virtual_service),
                Role::ProfileDetail,
            );
        }
    }
    for (index, endpoints) in profile.endpoints.iter().enumerate() {
        found.named(
            spec.field("endpoints").index(index).field("virtualNode"),
            (Kind::VirtualNode, &endpoints.virtual_node),
            Role::ProfileDetail,
        );
    }
}

// === impl Found ===

impl Found<'_> {
    fn add(&mut self, pointer: Pointer, to: ResourceKey, role: Role) {
        self.list.push(Reference {
            from: self.from.clone(),
            pointer,
            to,
            role,
        });
    }

    fn named(&mut self, pointer: Pointer, (kind, name): (Kind, &str), role: Role) {
        self.add(pointer, ResourceKey::in_mesh(&self.from.mesh, kind, name), role);
    }
}

// === impl Role ===

impl Role {
    /// What the one that names does with the one that is named: `sends to`.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Container => "lies in",
            Self::Provider => "is provided by",
            Self::Target | Self::GatewayTarget => "sends to",
            Self::Backend => "calls",
            Self::ProfileSubject => "is for",
            Self::ProfileDetail => "says more about",
        }
    }

    /// Whether App Mesh refused to delete what is named so.
    pub fn held_in_app_mesh(self) -> bool {
        matches!(
            self,
            Self::Container | Self::Provider | Self::Target | Self::GatewayTarget
        )
    }
}
