//! Who refers to whom: every field with `x-ref` in a schema.

#[rustfmt::skip]
mod generated;

use crate::key::ResourceKey;
use crate::kind::Kind;
use crate::pointer::Pointer;
use crate::resource::Resource;

/// A field of one resource that names another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub from: ResourceKey,
    /// In which field of it; the root where the key says it.
    pub pointer: Pointer,
    pub to: ResourceKey,
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
    let mut found = ReferenceCollector {
        from: &resource.key,
        list: Vec::new(),
    };
    if let Some(container) = resource.key.container() {
        found.add(Pointer::root(), container, Role::Container);
    }
    generated::spec(&resource.spec, &Pointer::root().field("spec"), &mut found);
    found.list
}

/// What was found so far.
struct ReferenceCollector<'a> {
    from: &'a ResourceKey,
    list: Vec<Reference>,
}

// === impl ReferenceCollector ===

impl ReferenceCollector<'_> {
    fn add(&mut self, pointer: Pointer, to: ResourceKey, role: Role) {
        self.list.push(Reference {
            from: self.from.clone(),
            pointer,
            to,
            role,
        });
    }

    /// A field that names a resource of the same mesh.
    fn named(&mut self, pointer: Pointer, kind: Kind, name: &str, role: Role) {
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
