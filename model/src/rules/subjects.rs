//! The rules resource by resource: for a complete mesh, and again for what a change concerns.

use super::{
    Findings, Options, addresses, backends, durations, extensions, gateway_routes, listeners, logs, names,
    profiles, quotas, reachability, references, regexes, retries, routes, texts, timeouts, tls, weights,
};
use crate::diag::Diagnostic;
use crate::key::ResourceKey;
use crate::kind::Kind;
use crate::mesh::Mesh;
use crate::resource::Resource;
use crate::spec::{
    GatewayRouteSpec, ProxyProfileSpec, RouteSpec, VirtualGatewaySpec, VirtualNodeSpec, VirtualRouterSpec,
    VirtualServiceSpec,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the rules say of a mesh that changes, kept by the resource that each of them was asked of.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdicts {
    options: Options,
    /// Only of those of which there is something to say.
    by: BTreeMap<ResourceKey, Vec<Diagnostic>>,
}

impl Verdicts {
    /// Runs every rule on every resource of the mesh.
    pub fn of(mesh: &Mesh, options: Options) -> Self {
        let mut by = BTreeMap::new();
        RuleRunner::new(mesh, &options).all(&mut |key, found| {
            let list: &mut Vec<Diagnostic> = by.entry(key.clone()).or_default();
            list.extend(found);
        });
        Self { options, by }
    }

    /// Asks again about these resources of the changed mesh: [`ChangeEffects::subjects`](crate::mesh::ChangeEffects::subjects).
    pub fn again(&mut self, mesh: &Mesh, subjects: &BTreeSet<ResourceKey>) {
        let mut judge = RuleRunner::new(mesh, &self.options);
        for key in subjects {
            let mut report = Findings::default();
            judge.one(key, &mut report);
            if report.list.is_empty() {
                self.by.remove(key);
            } else {
                self.by.insert(key.clone(), report.list);
            }
        }
        // What is counted in the whole mesh can change with any resource.
        let key = mesh.key();
        if !subjects.contains(&key) {
            let mut report = Findings::default();
            judge.one(&key, &mut report);
            if report.list.is_empty() {
                self.by.remove(&key);
            } else {
                self.by.insert(key, report.list);
            }
        }
    }

    /// What was said when a resource was asked about; it may be about its neighbours too.
    pub fn of_subject(&self, key: &ResourceKey) -> &[Diagnostic] {
        self.by.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// What [`Mesh::check_with`] says of the mesh.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let list = self.by.values().flatten().cloned().collect();
        Findings { list }.sorted()
    }

    /// Whether the mesh is not valid.
    pub fn has_errors(&self) -> bool {
        self.by.values().flatten().any(Diagnostic::is_error)
    }
}

/// Asks the rules, and remembers what several of them look up.
pub(super) struct RuleRunner<'m> {
    mesh: &'m Mesh,
    options: &'m Options,
    sums: tls::ServiceListenersCache<'m>,
}

impl<'m> RuleRunner<'m> {
    pub(super) fn new(mesh: &'m Mesh, options: &'m Options) -> Self {
        Self {
            mesh,
            options,
            sums: tls::ServiceListenersCache::default(),
        }
    }

    /// Every resource, and everything that is referred to. What is found of one key may come in two parts.
    pub(super) fn all(&mut self, each: &mut dyn FnMut(&ResourceKey, Vec<Diagnostic>)) {
        let mesh = self.mesh;
        let mut tell = |key: &ResourceKey, report: Findings| {
            if !report.list.is_empty() {
                each(key, report.list);
            }
        };
        let mut ask = |key: &ResourceKey, with: &mut dyn FnMut(&mut Self, &mut Findings)| {
            let mut report = Findings::default();
            with(self, &mut report);
            tell(key, report);
        };
        ask(&mesh.key(), &mut |judge, report| judge.mesh(report));
        for one in mesh.profiles() {
            ask(&one.key, &mut |judge, report| judge.profile(one, report));
        }
        for one in mesh.virtual_nodes() {
            ask(&one.key, &mut |judge, report| judge.node(one, report));
        }
        for one in mesh.virtual_routers() {
            ask(&one.key, &mut |judge, report| judge.router(one, report));
        }
        for one in mesh.routes() {
            ask(&one.key, &mut |judge, report| judge.route(one, report));
        }
        for one in mesh.virtual_services() {
            ask(&one.key, &mut |judge, report| judge.service(one, report));
        }
        for one in mesh.virtual_gateways() {
            ask(&one.key, &mut |judge, report| judge.gateway(one, report));
        }
        for one in mesh.gateway_routes() {
            ask(&one.key, &mut |judge, report| judge.gateway_route(one, report));
        }
        for (to, by) in mesh.referred() {
            ask(to, &mut |_, report| references::to(mesh, to, by.iter(), report));
        }
    }

    /// One resource, there or not.
    pub(super) fn one(&mut self, key: &ResourceKey, report: &mut Findings) {
        let mesh = self.mesh;
        let parent = key.parent.as_deref().unwrap_or_default();
        match key.kind {
            Kind::Mesh => self.mesh(report),
            Kind::ProxyProfile => {
                if let Some(one) = mesh.profile(&key.name) {
                    self.profile(one, report);
                }
            }
            Kind::VirtualNode => {
                if let Some(one) = mesh.virtual_node(&key.name) {
                    self.node(one, report);
                }
            }
            Kind::VirtualRouter => {
                if let Some(one) = mesh.virtual_router(&key.name) {
                    self.router(one, report);
                }
            }
            Kind::VirtualService => {
                if let Some(one) = mesh.virtual_service(&key.name) {
                    self.service(one, report);
                }
            }
            Kind::VirtualGateway => {
                if let Some(one) = mesh.virtual_gateway(&key.name) {
                    self.gateway(one, report);
                }
            }
            Kind::Route => {
                let mut of_router = mesh.routes_of(parent).iter();
                if let Some(one) = of_router.find(|one| one.key == *key) {
                    self.route(one, report);
                }
            }
            Kind::GatewayRoute => {
                let mut of_gateway = mesh.gateway_routes_of(parent).iter();
                if let Some(one) = of_gateway.find(|one| one.key == *key) {
                    self.gateway_route(one, report);
                }
            }
        }
        references::to(mesh, key, mesh.referrers(key), report);
    }

    fn mesh(&mut self, report: &mut Findings) {
        match self.mesh.resource() {
            Some(resource) => {
                names::of(resource, report);
                profiles::nothing_leaves(self.mesh, resource, report);
            }
            None => {
                names::name(&self.mesh.key(), report);
                references::absent_mesh(self.mesh, report);
            }
        }
        quotas::mesh(self.mesh, &self.options.quotas, report);
    }

    fn profile(&mut self, profile: &'m Resource<ProxyProfileSpec>, report: &mut Findings) {
        names::of(profile, report);
        profiles::check(self.mesh, profile, report);
        addresses::profile(profile, report);
        durations::profile(profile, report);
        texts::profile(profile, report);
        let path = || ProxyProfileSpec::path().logging();
        logs::check(&profile.key, path, profile.spec.logging.as_ref(), report);
    }

    fn node(&mut self, node: &'m Resource<VirtualNodeSpec>, report: &mut Findings) {
        names::of(node, report);
        names::node(node, report);
        listeners::node(self.mesh, node, report);
        backends::node(self.mesh, node, report);
        tls::node(self.mesh, node, &mut self.sums, report);
        extensions::node(node, report);
        durations::node(node, report);
        texts::node(node, report);
        let path = || VirtualNodeSpec::path().logging();
        logs::check(&node.key, path, node.spec.logging.as_ref(), report);
        quotas::node(node, &self.options.quotas, report);
    }

    fn service(&mut self, service: &'m Resource<VirtualServiceSpec>, report: &mut Findings) {
        names::of(service, report);
        timeouts::service(self.mesh, service, report);
    }

    fn router(&mut self, router: &'m Resource<VirtualRouterSpec>, report: &mut Findings) {
        names::of(router, report);
        listeners::router(self.mesh, router, report);
        reachability::router(self.mesh, router, report);
        quotas::router(self.mesh, &router.key, &self.options.quotas, report);
    }

    fn route(&mut self, route: &'m Resource<RouteSpec>, report: &mut Findings) {
        names::of(route, report);
        routes::check(self.mesh, route, report);
        weights::check(route, report);
        retries::check(route, report);
        timeouts::route(self.mesh, route, report);
        regexes::route(route, report);
        extensions::route(route, report);
        durations::route(route, report);
        texts::route(route, report);
    }

    fn gateway(&mut self, gateway: &'m Resource<VirtualGatewaySpec>, report: &mut Findings) {
        names::of(gateway, report);
        names::gateway(gateway, report);
        listeners::gateway(gateway, report);
        reachability::gateway(self.mesh, gateway, report);
        backends::gateway(self.mesh, gateway, report);
        tls::gateway(self.mesh, gateway, &mut self.sums, report);
        extensions::gateway(gateway, report);
        texts::gateway(gateway, report);
        let path = || VirtualGatewaySpec::path().logging();
        logs::check(&gateway.key, path, gateway.spec.logging.as_ref(), report);
        quotas::gateway(self.mesh, &gateway.key, &self.options.quotas, report);
    }

    fn gateway_route(&mut self, route: &'m Resource<GatewayRouteSpec>, report: &mut Findings) {
        names::of(route, report);
        regexes::gateway_route(route, report);
        texts::gateway_route(route, report);
        gateway_routes::check(self.mesh, route, report);
    }
}
