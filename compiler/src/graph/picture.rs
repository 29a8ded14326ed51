//! What is shown: a card for each gateway, virtual service and node that stands alone, rows in it, arrows between them.

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
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A card with more rows goes on in another.
const MAX_ROWS: usize = 24;

/// Meshes as they are drawn.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    pub(super) panels: Vec<Panel>,
    /// Problems that have no place in the picture, in words.
    pub(super) elsewhere: Vec<String>,
    /// What a request takes; see [`Picture::highlight`].
    pub(super) taken: BTreeSet<ResourceKey>,
}

/// One mesh.
#[derive(Debug, Clone, Default)]
pub(super) struct Panel {
    pub(super) mesh: String,
    pub(super) cards: Vec<Card>,
    pub(super) arrows: Vec<Arrow>,
}

/// What a card is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CardKind {
    Gateway,
    Service,
    /// A router that provides no virtual service.
    Router,
    /// A node that no virtual service sends to.
    Node,
    /// Something that is named and not there.
    Missing,
}

/// A box.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) key: ResourceKey,
    pub(super) kind: CardKind,
    /// Where one with many rows goes on: which part, of how many.
    pub(super) part: Option<(usize, usize)>,
    /// The line under the name.
    pub(super) about: String,
    pub(super) tls: Option<String>,
    pub(super) rows: Vec<Row>,
    pub(super) faults: Vec<String>,
    /// Arrows to and from cards that are left out.
    pub(super) hidden: usize,
}

/// What a row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    Route,
    Node,
    Note,
}

/// A line or a few in a card.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) kind: RowKind,
    pub(super) key: Option<ResourceKey>,
    /// The condition, or the node's name.
    pub(super) head: String,
    pub(super) shares: Vec<Share>,
    pub(super) foot: Option<String>,
    /// Everything, for whoever looks closer.
    pub(super) title: String,
    pub(super) tls: Option<String>,
    pub(super) faults: Vec<String>,
}

/// What a node gets of a route.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub(super) node: String,
    /// Of a hundred.
    pub(super) percent: f64,
    pub(super) missing: bool,
}

/// A card, or a row of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End {
    pub(super) card: usize,
    pub(super) row: Option<usize>,
}

/// Who calls whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrow {
    pub(super) from: End,
    pub(super) to: End,
    pub(super) tls: bool,
}

// === impl Picture ===

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

    /// Only what is within so many arrows of what has that name. `false`, and nothing changed, where nothing has it.
    pub fn around(&mut self, name: &str, hops: usize) -> bool {
        let near: Vec<BTreeSet<usize>> = self.panels.iter().map(|panel| panel.near(name, hops)).collect();
        if near.iter().all(BTreeSet::is_empty) {
            return false;
        }
        for (panel, near) in self.panels.iter_mut().zip(near) {
            panel.keep(&near);
        }
        self.panels.retain(|panel| !panel.cards.is_empty());
        true
    }

    /// Every name that [`around`](Self::around) takes, sorted.
    pub fn names(&self) -> BTreeSet<&str> {
        let cards = self.panels.iter().flat_map(|panel| &panel.cards);
        let keys = cards.flat_map(|card| {
            let rows = card.rows.iter().filter_map(|row| row.key.as_ref());
            rows.chain([&card.key])
        });
        keys.map(|key| key.name.as_str()).collect()
    }

    /// Marks the resources that a request takes: gateway routes, routes, services, nodes.
    pub fn highlight(&mut self, taken: impl IntoIterator<Item = ResourceKey>) {
        self.taken.extend(taken);
    }
}

impl Panel {
    /// Cards within so many arrows, in either direction, of those that have the name or hold what has it.
    fn near(&self, name: &str, hops: usize) -> BTreeSet<usize> {
        let has = |card: &Card| {
            let rows = card.rows.iter().filter_map(|row| row.key.as_ref());
            rows.chain([&card.key]).any(|key| key.name == name)
        };
        let mut neighbours: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for arrow in &self.arrows {
            neighbours
                .entry(arrow.from.card)
                .or_default()
                .insert(arrow.to.card);
            neighbours
                .entry(arrow.to.card)
                .or_default()
                .insert(arrow.from.card);
        }
        let first = (0..)
            .zip(&self.cards)
            .filter(|(_, card)| has(card))
            .map(|(at, _)| (at, 0));
        let mut open: VecDeque<(usize, usize)> = first.collect();
        let mut near = BTreeSet::new();
        while let Some((card, far)) = open.pop_front() {
            if !near.insert(card) || far == hops {
                continue;
            }
            let next = neighbours.get(&card).into_iter().flatten();
            open.extend(next.map(|card| (*card, far + 1)));
        }
        near
    }

    fn keep(&mut self, near: &BTreeSet<usize>) {
        let places: BTreeMap<usize, usize> = near.iter().copied().zip(0..).collect();
        let mut arrows = Vec::new();
        for mut arrow in std::mem::take(&mut self.arrows) {
            match (places.get(&arrow.from.card), places.get(&arrow.to.card)) {
                (Some(from), Some(to)) => {
                    (arrow.from.card, arrow.to.card) = (*from, *to);
                    arrows.push(arrow);
                }
                (Some(_), None) => self.hide(arrow.from.card),
                (None, Some(_)) => self.hide(arrow.to.card),
                (None, None) => {}
            }
        }
        self.arrows = arrows;
        let cards = std::mem::take(&mut self.cards).into_iter().enumerate();
        self.cards = cards
            .filter(|(at, _)| near.contains(at))
            .map(|(_, card)| card)
            .collect();
    }

    fn hide(&mut self, card: usize) {
        if let Some(card) = self.cards.get_mut(card) {
            card.hidden += 1;
        }
    }

    /// Cards with many rows become several, so that none is a tower.
    fn split(&mut self) {
        let mut firsts = Vec::new();
        let mut cards = Vec::new();
        for mut card in std::mem::take(&mut self.cards) {
            firsts.push(cards.len());
            let parts = card.rows.len().div_ceil(MAX_ROWS).max(1);
            let mut rows = std::mem::take(&mut card.rows).into_iter();
            for part in 0..parts {
                let mut one = card.clone();
                one.rows = rows.by_ref().take(MAX_ROWS).collect();
                one.part = (parts > 1).then_some((part + 1, parts));
                cards.push(one);
            }
        }
        let moved = |end: &mut End| {
            let first = firsts.get(end.card).copied().unwrap_or_default();
            let (part, row) = end
                .row
                .map_or((0, None), |row| (row / MAX_ROWS, Some(row % MAX_ROWS)));
            *end = End {
                card: first + part,
                row,
            };
        };
        for arrow in &mut self.arrows {
            moved(&mut arrow.from);
            moved(&mut arrow.to);
        }
        self.cards = cards;
    }
}

/// What is wrong, by the resource that it is wrong with; what is told in the picture is taken out.
#[derive(Debug, Default)]
struct Faults {
    by_key: BTreeMap<ResourceKey, Vec<String>>,
    elsewhere: Vec<String>,
}

impl Faults {
    fn take(&mut self, key: &ResourceKey) -> Vec<String> {
        self.by_key.remove(key).unwrap_or_default()
    }
}

/// A panel while it is made.
struct Drawing<'m, 'f> {
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
    fn of(mesh: &'m Mesh, faults: &'f mut Faults) -> Panel {
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
            kind,
            part: None,
            about,
            tls: None,
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
                    self.edit(at, |card| card.faults.extend(faults));
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

impl Row {
    fn new(kind: RowKind, key: Option<ResourceKey>, head: &str) -> Self {
        Self {
            kind,
            key,
            head: head.to_owned(),
            shares: Vec::new(),
            foot: None,
            title: head.to_owned(),
            tls: None,
            faults: Vec::new(),
        }
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

impl Card {
    /// Whether something is wrong with it or with what stands in it.
    pub(super) fn is_faulty(&self) -> bool {
        !self.faults.is_empty()
    }
}

impl Share {
    /// `75 %`.
    pub(super) fn label(&self) -> String {
        let percent = (self.percent * 10.0).round() / 10.0;
        format!("{percent} %")
    }
}
