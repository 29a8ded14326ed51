//! How a picture comes from a mesh: every resource in its card, every problem where it belongs.

use super::picture::{Arrow, Card, CardKind, End, Panel, Picture, Row, RowKind, Share};
use super::words;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::{Mesh, Provider};
use meshform_model::resource::Resource;
use meshform_model::spec::{
    ListenerTls, PortMapping, RouteSpec, VirtualGatewaySpec, VirtualNodeSpec, VirtualServiceProvider,
    VirtualServiceSpec,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong, by the resource that it is wrong with; what is told in the picture is taken out.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) by_key: BTreeMap<ResourceKey, Vec<String>>,
    pub(super) elsewhere: Vec<String>,
}

impl Picture {
    /// The picture of all these meshes, with what is wrong with them.
    pub fn of(meshes: &[Mesh], problems: &[Diagnostic]) -> Self {
        let mut faults = Faults::default();
        for problem in problems.iter().filter(|problem| problem.is_error()) {
            let text = format!("{}: {}", problem.code, problem.message);
            match problem.places.first().and_then(|place| place.resource.clone()) {
                Some(key) => faults.by_key.entry(key).or_default().push(text),
                None => faults.elsewhere.push(text),
            }
        }
        let mut panels: Vec<Panel> = meshes.iter().map(|mesh| Drawing::of(mesh, &mut faults)).collect();
        panels.iter_mut().for_each(Panel::split);
        // What belongs to no card: profiles, the mesh itself, resources that could not be read.
        faults.elsewhere.extend(faults.by_key.into_values().flatten());
        Self {
            panels,
            elsewhere: faults.elsewhere,
            taken: BTreeSet::new(),
        }
    }
}

impl Faults {
    fn take(&mut self, key: &ResourceKey) -> Vec<String> {
        self.by_key.remove(key).unwrap_or_default()
    }
}

/// A panel while it is made.
pub(super) struct Drawing<'m, 'f> {
    mesh: &'m Mesh,
    faults: &'f mut Faults,
    panel: Panel,
    services: BTreeMap<&'m str, usize>,
    nodes: BTreeMap<&'m str, End>,
    routers: BTreeMap<&'m str, usize>,
    /// Routes to nodes that may be drawn elsewhere: from that row to that node.
    sends: Vec<(End, &'m str)>,
}

impl<'m, 'f> Drawing<'m, 'f> {
    pub(super) fn of(mesh: &'m Mesh, faults: &'f mut Faults) -> Panel {
        let mut drawing = Self {
            mesh,
            faults,
            panel: Panel {
                mesh: mesh.name().to_owned(),
                ..Panel::default()
            },
            services: BTreeMap::new(),
            nodes: BTreeMap::new(),
            routers: BTreeMap::new(),
            sends: Vec::new(),
        };
        for gateway in mesh.virtual_gateways() {
            drawing.gateway(gateway);
        }
        drawing.gateways_that_are_not_there();
        for service in mesh.virtual_services() {
            drawing.service(service);
        }
        drawing.routers_without_a_service();
        for node in mesh.virtual_nodes() {
            if !drawing.nodes.contains_key(node.key.name.as_str()) {
                let row = drawing.node_row(node);
                let about = row.foot.unwrap_or_default();
                let at = drawing.card(node.key.clone(), CardKind::Node, about);
                drawing.edit(at, |card| {
                    card.tls = row.tls;
                    card.faults = row.faults;
                });
                drawing.nodes.insert(&node.key.name, End { card: at, row: None });
            }
        }
        drawing.arrows();
        drawing.panel
    }

    fn key(&self, kind: Kind, name: &str) -> ResourceKey {
        ResourceKey::in_mesh(self.mesh.name(), kind, name)
    }

    fn card(&mut self, key: ResourceKey, kind: CardKind, about: String) -> usize {
        let mut faults = self.faults.take(&key);
        if kind == CardKind::Missing {
            faults.push(format!("there is no {} `{}`", key.kind.words(), key.name));
        }
        self.panel.cards.push(Card {
            key,
            router: None,
            kind,
            part: None,
            about,
            tls: None,
            said: None,
            rows: Vec::new(),
            faults,
            hidden: 0,
        });
        self.panel.cards.len() - 1
    }

    fn edit(&mut self, at: usize, work: impl FnOnce(&mut Card)) {
        if let Some(card) = self.panel.cards.get_mut(at) {
            work(card);
        }
    }

    fn row(&mut self, card: usize, row: Row) -> End {
        let mut at = 0;
        self.edit(card, |card| {
            at = card.rows.len();
            card.rows.push(row);
        });
        End { card, row: Some(at) }
    }

    fn note(&mut self, card: usize, text: &str, is_fault: bool) {
        let faults = if is_fault {
            vec![text.to_owned()]
        } else {
            Vec::new()
        };
        let mut row = Row::new(RowKind::Note, None, text);
        row.faults = faults;
        self.row(card, row);
    }

    fn gateway(&mut self, gateway: &'m Resource<VirtualGatewaySpec>) {
        let listeners = &gateway.spec.listeners;
        let about = ports(listeners.iter().map(|listener| listener.port_mapping));
        let at = self.card(gateway.key.clone(), CardKind::Gateway, about);
        let tls = tls(listeners.iter().map(|listener| listener.tls.as_ref()));
        self.edit(at, |card| card.tls = tls);
        self.gateway_rows(at, &gateway.key.name);
    }

    fn gateway_rows(&mut self, card: usize, gateway: &str) {
        for route in self.mesh.gateway_routes_of(gateway) {
            let mut row = Row::new(
                RowKind::Route,
                Some(route.key.clone()),
                &words::gateway_condition(&route.spec.rule),
            );
            row.title = words::gateway_route_title(&route.key.name, &route.spec);
            row.foot = Some(format!(
                "→ {}",
                route.spec.rule.target().virtual_service.virtual_service_name
            ));
            row.faults = self.faults.take(&route.key);
            self.row(card, row);
        }
    }

    /// Gateway routes whose gateway is not there are drawn with it.
    fn gateways_that_are_not_there(&mut self) {
        let parents = self
            .mesh
            .gateway_routes()
            .filter_map(|route| route.key.container());
        let absent: BTreeSet<ResourceKey> = parents.filter(|key| !self.mesh.contains(key)).collect();
        for key in absent {
            let name = key.name.clone();
            let at = self.card(key, CardKind::Missing, String::new());
            self.gateway_rows(at, &name);
        }
    }

    fn service(&mut self, service: &'m Resource<VirtualServiceSpec>) {
        let at = self.card(service.key.clone(), CardKind::Service, String::new());
        self.services.insert(&service.key.name, at);
        let said = match &service.spec.provider {
            None => {
                self.edit(at, |card| "no provider".clone_into(&mut card.about));
                return self.note(at, "callers get 404", false);
            }
            Some(VirtualServiceProvider::VirtualNode(node)) => format!("node {}", node.virtual_node_name),
            Some(VirtualServiceProvider::VirtualRouter(router)) => {
                format!("router {}", router.virtual_router_name)
            }
        };
        let Some(provider) = self.mesh.provider(&service.spec) else {
            self.edit(at, |card| card.about.clone_from(&said));
            return self.note(at, &format!("{said} is missing"), true);
        };
        let about = format!("{said}{}{}", words::DOT, ports(provider.mappings()));
        self.edit(at, |card| card.about = about);
        match provider {
            Provider::VirtualNode(node) => {
                let row = Row::new(RowKind::Note, None, "everything");
                match self.nodes.get(node.key.name.as_str()) {
                    Some(_) => {
                        let from = self.row(at, row);
                        self.sends.push((from, &node.key.name));
                    }
                    None => self.place_node(at, &node.key.name),
                }
            }
            Provider::VirtualRouter(router) => match self.routers.get(router.key.name.as_str()) {
                Some(first) => {
                    let first = self.panel.cards.get(*first).map(|card| card.key.name.clone());
                    let same = format!("the same router as {}", first.unwrap_or_default());
                    let from = self.row(at, Row::new(RowKind::Note, None, &same));
                    let to = self.routers.get(router.key.name.as_str()).copied().unwrap_or(at);
                    self.arrow(from, End { card: to, row: None }, false);
                }
                None => {
                    let faults = self.faults.take(&router.key);
                    self.edit(at, |card| {
                        card.faults.extend(faults);
                        card.router = Some(router.key.clone());
                    });
                    self.router(at, &router.key.name);
                }
            },
        }
    }

    /// Routers that no virtual service names, and those that only routes name.
    fn routers_without_a_service(&mut self) {
        let there = self.mesh.virtual_routers().map(|router| router.key.clone());
        let named = self.mesh.routes().filter_map(|route| route.key.container());
        let all: BTreeSet<ResourceKey> = there.chain(named).collect();
        for key in all {
            if self.routers.contains_key(key.name.as_str()) {
                continue;
            }
            let router = self.mesh.virtual_router(&key.name);
            let kind = if router.is_some() {
                CardKind::Router
            } else {
                CardKind::Missing
            };
            let listeners = router.into_iter().flat_map(|router| &router.spec.listeners);
            let about = ports(listeners.map(|listener| listener.port_mapping));
            let name = key.name.clone();
            let at = self.card(key, kind, about);
            self.router(at, &name);
        }
    }

    /// A router's routes and the nodes that they send to.
    fn router(&mut self, card: usize, name: &str) {
        let routes = self.mesh.routes_of(name);
        if let Some((name, _)) = self
            .mesh
            .virtual_router(name)
            .map(|router| (&router.key.name, ()))
        {
            self.routers.insert(name, card);
        }
        if routes.is_empty() {
            self.note(card, "no routes: callers get 404", false);
        }
        let mut mine = BTreeSet::new();
        for route in routes {
            let row = self.route_row(route);
            let from = self.row(card, row);
            for target in route.spec.rule.targets() {
                let Some(node) = self.mesh.virtual_node(&target.virtual_node) else {
                    continue;
                };
                if self.nodes.contains_key(node.key.name.as_str()) && !mine.contains(&node.key.name) {
                    self.sends.push((from, &node.key.name));
                } else {
                    mine.insert(&node.key.name);
                }
            }
        }
        for node in mine {
            self.place_node(card, node);
        }
    }

    fn route_row(&mut self, route: &Resource<RouteSpec>) -> Row {
        let spec = &route.spec;
        let mut row = Row::new(
            RowKind::Route,
            Some(route.key.clone()),
            &words::route_condition(&spec.rule),
        );
        row.title = words::route_title(&route.key.name, spec);
        row.foot = words::limits(&spec.rule);
        row.faults = self.faults.take(&route.key);
        let targets = spec.rule.targets();
        let sum: u64 = targets.iter().map(|target| u64::from(target.weight)).sum();
        row.shares = targets
            .iter()
            .map(|target| Share {
                node: target.virtual_node.clone(),
                #[expect(clippy::cast_precision_loss, reason = "a share for people")]
                percent: f64::from(target.weight) * 100.0 / sum.max(1) as f64,
                missing: self.mesh.virtual_node(&target.virtual_node).is_none(),
            })
            .collect();
        row
    }

    fn place_node(&mut self, card: usize, name: &'m str) {
        let Some(node) = self.mesh.virtual_node(name) else {
            return;
        };
        let row = self.node_row(node);
        let end = self.row(card, row);
        self.nodes.insert(name, end);
    }

    fn node_row(&mut self, node: &Resource<VirtualNodeSpec>) -> Row {
        let listeners = &node.spec.listeners;
        let mut row = Row::new(RowKind::Node, Some(node.key.clone()), &node.key.name);
        let mut about = vec![ports(listeners.iter().map(|listener| listener.port_mapping))];
        about.extend(node.spec.service_discovery.as_ref().map(words::discovery));
        about.retain(|part| !part.is_empty());
        row.tls = tls(listeners.iter().map(|listener| listener.tls.as_ref()));
        let mut title = vec![format!("virtual node {}", node.key.name)];
        title.extend(about.iter().cloned());
        title.extend(row.tls.clone());
        row.title = title.join("\n");
        row.foot = Some(about.join(words::DOT)).filter(|foot| !foot.is_empty());
        row.faults = self.faults.take(&node.key);
        row
    }

    fn arrow(&mut self, from: End, to: End, tls: bool) {
        self.panel.arrows.push(Arrow { from, to, tls });
    }

    /// Where a virtual service is drawn; one that is not there gets a card of its own.
    fn service_end(&mut self, name: &'m str) -> End {
        let card = match self.services.get(name) {
            Some(card) => *card,
            None => {
                let key = self.key(Kind::VirtualService, name);
                let card = self.card(key, CardKind::Missing, String::new());
                self.services.insert(name, card);
                card
            }
        };
        End { card, row: None }
    }

    fn arrows(&mut self) {
        let mesh = self.mesh;
        let rows: Vec<(End, ResourceKey)> = self.rows();
        let routes: BTreeMap<&ResourceKey, End> = rows.iter().map(|(end, key)| (key, *end)).collect();
        for route in mesh.gateway_routes() {
            let to = self.service_end(&route.spec.rule.target().virtual_service.virtual_service_name);
            let gateway = route
                .key
                .parent
                .as_deref()
                .and_then(|name| mesh.virtual_gateway(name));
            let defaults = gateway.and_then(|gateway| gateway.spec.backend_defaults.as_ref());
            let tls = words::calls_by_tls(defaults.and_then(|defaults| defaults.client_policy.as_ref()));
            if let Some(from) = routes.get(&route.key) {
                self.arrow(*from, to, tls);
            }
        }
        for node in mesh.virtual_nodes() {
            for backend in node.spec.backend_services() {
                let to = self.service_end(&backend.virtual_service_name);
                let tls = words::calls_by_tls(node.spec.client_policy(backend));
                if let Some(from) = self.nodes.get(node.key.name.as_str()) {
                    self.arrow(*from, to, tls);
                }
            }
        }
        for (from, node) in std::mem::take(&mut self.sends) {
            if let Some(to) = self.nodes.get(node).copied().filter(|to| to.card != from.card) {
                self.arrow(from, to, false);
            }
        }
        self.panel.arrows.sort();
        self.panel.arrows.dedup();
    }

    fn rows(&self) -> Vec<(End, ResourceKey)> {
        let cards = self.panel.cards.iter().enumerate();
        cards
            .flat_map(|(at, card)| {
                let rows = card.rows.iter().enumerate();
                rows.filter_map(move |(row, of)| {
                    let end = End {
                        card: at,
                        row: Some(row),
                    };
                    Some((end, of.key.clone()?))
                })
            })
            .collect()
    }
}

fn ports(mappings: impl Iterator<Item = PortMapping>) -> String {
    mappings.map(words::port).collect::<Vec<_>>().join(", ")
}

/// What is said of the TLS of listeners, each thing once.
fn tls<'l>(listeners: impl Iterator<Item = Option<&'l ListenerTls>>) -> Option<String> {
    let said: BTreeSet<String> = listeners.filter_map(words::listener_tls).collect();
    (!said.is_empty()).then(|| said.into_iter().collect::<Vec<_>>().join(words::DOT))
}
