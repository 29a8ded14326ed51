//! What a change of a resource can make different: proxies' configuration, and what the rules say.
//!
//! It is followed on the mesh as it was and on the mesh as it is: who called before, and who calls now.

use super::{Mesh, Role};
use crate::key::ResourceKey;
use crate::kind::Kind;
use std::collections::BTreeSet;

/// What changes reach so far.
#[derive(Debug, Default)]
pub(super) struct Reach {
    pub(super) proxies: BTreeSet<ResourceKey>,
    pub(super) subjects: BTreeSet<ResourceKey>,
}

impl Mesh {
    /// The proxies whose configuration this mesh makes of these resources, among others.
    pub fn proxies_reached<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k ResourceKey>,
    ) -> BTreeSet<ResourceKey> {
        let mut reach = Reach::default();
        for key in keys {
            reach.follow(self, key);
        }
        reach.proxies
    }

    /// The proxies that call a virtual service behind which this node or router stands, directly or by routes.
    pub fn callers_of(&self, key: &ResourceKey) -> BTreeSet<ResourceKey> {
        let mut reach = Reach::default();
        reach.behind(self, key);
        reach.proxies
    }
}

impl Reach {
    /// Adds what a resource reaches in a mesh.
    pub(super) fn follow(&mut self, mesh: &Mesh, key: &ResourceKey) {
        self.subjects.insert(key.clone());
        match key.kind {
            Kind::Mesh => self.all(mesh),
            Kind::VirtualGateway => {
                self.proxies.insert(key.clone());
                self.children(mesh, key);
            }
            Kind::GatewayRoute => {
                if let Some(gateway) = key.container() {
                    self.proxy(gateway);
                }
            }
            Kind::VirtualService => self.callers(mesh, key),
            Kind::VirtualRouter => {
                self.children(mesh, key);
                self.behind(mesh, key);
            }
            Kind::Route => {
                if let Some(router) = key.container() {
                    self.behind(mesh, &router);
                    self.subjects.insert(router);
                }
            }
            Kind::VirtualNode => {
                self.proxies.insert(key.clone());
                // Routes that send to it, services that it provides, profiles that are for it.
                let near = mesh
                    .referrers(key)
                    .filter(|r| matches!(r.role, Role::Target | Role::Provider | Role::ProfileSubject));
                self.subjects.extend(near.map(|reference| reference.from.clone()));
                self.behind(mesh, key);
            }
            Kind::ProxyProfile => self.profile(mesh, key),
        }
    }

    /// A proxy's configuration, and what is said of it.
    fn proxy(&mut self, key: ResourceKey) {
        self.subjects.insert(key.clone());
        self.proxies.insert(key);
    }

    fn all(&mut self, mesh: &Mesh) {
        let nodes = mesh.virtual_nodes().map(|node| &node.key);
        for key in nodes.chain(mesh.virtual_gateways().map(|gateway| &gateway.key)) {
            self.proxy(key.clone());
        }
    }

    /// Routes are held against what they lie in.
    fn children(&mut self, mesh: &Mesh, key: &ResourceKey) {
        let inside = mesh.referrers(key).filter(|r| r.role == Role::Container);
        self.subjects
            .extend(inside.map(|reference| reference.from.clone()));
    }

    /// A profile's own proxy; of the mesh's default profile every one. And those that are for the same.
    fn profile(&mut self, mesh: &Mesh, key: &ResourceKey) {
        let Some(profile) = mesh.profile(&key.name) else {
            return;
        };
        let subject = profile.spec.subject(mesh.name());
        for name in mesh.profiles_of(subject.as_ref()) {
            self.subjects
                .insert(ResourceKey::in_mesh(mesh.name(), Kind::ProxyProfile, name));
        }
        match subject {
            Some(subject) => self.proxy(subject),
            None => self.all(mesh),
        }
    }

    /// Whoever calls a service that a node or router stands behind, directly or by routes.
    fn behind(&mut self, mesh: &Mesh, key: &ResourceKey) {
        for reference in mesh.referrers(key) {
            match reference.from.kind {
                Kind::VirtualService => self.callers(mesh, &reference.from),
                Kind::Route if key.kind == Kind::VirtualNode => {
                    if let Some(router) = reference.from.container() {
                        self.behind(mesh, &router);
                    }
                }
                _ => {}
            }
        }
    }

    fn callers(&mut self, mesh: &Mesh, service: &ResourceKey) {
        for reference in mesh.referrers(service) {
            match (reference.role, reference.from.container()) {
                (Role::Backend, _) => self.proxy(reference.from.clone()),
                (Role::GatewayTarget, gateway) => {
                    self.subjects.insert(reference.from.clone());
                    gateway.into_iter().for_each(|gateway| self.proxy(gateway));
                }
                _ => {}
            }
        }
    }
}
