//! For each route a request that it takes: found out by asking the simulation, as everything about ways is.

use super::mesh::picture;
use crate::frame::Context;
use crate::page::Page;
use crate::view::View;
use maud::{Markup, html};
use meshform_compiler::graph::Picture;
use meshform_envoy::route::{Explanation, Request, RouteOutcome, RouteSimulator, RouteVerdict, Sent};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use std::collections::BTreeMap;

/// A request that a route takes.
pub(super) struct Example {
    /// From whom: a node's application, or a client of a gateway.
    pub(super) from: ResourceKey,
    pub(super) request: Request,
    pub(super) way: Explanation,
}

/// Proxies that are asked about several routes.
#[derive(Default)]
pub(super) struct Simulators(BTreeMap<ResourceKey, Option<RouteSimulator>>);

impl Simulators {
    /// Nothing in a mesh that is not valid, and where no request can be made up.
    pub(super) fn example(&mut self, view: &View, route: &ResourceKey) -> Option<Example> {
        if view.errors() > 0 {
            return None;
        }
        let container = route.container()?;
        let from = match route.kind {
            Kind::GatewayRoute => container,
            _ => {
                let callers = view.mesh().callers_of(&container);
                let node = callers.iter().find(|key| key.kind == Kind::VirtualNode);
                node.or(callers.first())?.clone()
            }
        };
        let simulator = self
            .0
            .entry(from.clone())
            .or_insert_with(|| RouteSimulator::of_valid(view.mesh(), &from).ok());
        let (request, way) = simulator.as_ref()?.example(route)?;
        Some(Example { from, request, way })
    }
}

impl Example {
    /// `GET shop.local:8080 /items`.
    fn line(&self) -> String {
        let Request {
            method, host, path, ..
        } = &self.request;
        format!("{method} {host} {path}")
    }

    fn conditions(&self) -> Vec<String> {
        let scheme = self
            .request
            .scheme
            .iter()
            .map(|scheme| format!(":scheme: {scheme}"));
        let headers = self.request.headers.iter();
        scheme
            .chain(headers.map(|(name, value)| format!("{name}: {value}")))
            .collect()
    }

    /// What to ask a server for it.
    fn query(&self) -> String {
        let headers = self.request.headers.iter();
        let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
        let port = self.request.port.map(|port| port.to_string());
        let pairs = [
            (
                "node",
                Some(format!("{}/{}", self.from.kind.name(), self.from.name)),
            ),
            ("method", Some(self.request.method.clone())),
            ("host", Some(self.request.host.clone())),
            ("path", Some(self.request.path.clone())),
            ("scheme", self.request.scheme.clone()),
            ("port", port),
            ("headers", (!headers.is_empty()).then(|| headers.join("\n"))),
        ];
        crate::links::query(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))))
    }

    pub(super) fn shown(&self) -> Markup {
        html! {
            code.request { bdi { (self.line()) } }
            @for line in self.conditions() { br; code.request { bdi { (line) } } }
        }
    }
}

/// Where it goes, in one line.
pub(super) fn goes_to(way: &Explanation) -> Markup {
    html! {
        @match &way.outcome {
            RouteOutcome::Sent(sent) => {
                @for (at, target) in sent.targets.iter().enumerate() {
                    @if at > 0 { br; }
                    span.share { span.number { (format!("{:.1} %", target.percent)) } " " bdi { (target.node) } }
                }
            }
            RouteOutcome::NotFound(why) => { "404: " bdi { (why) } }
            RouteOutcome::Closed(why) => { "closed: " bdi { (why) } }
            RouteOutcome::PassedOn => { "passed on to where it was going" }
        }
    }
}

/// On the page about a route.
pub(super) fn section(cx: &Context<'_>, view: &View, route: &ResourceKey) -> (Markup, bool) {
    let example = Simulators::default().example(view, route);
    // Where a server answers, its page on ways has the picture.
    let drawn = example
        .as_ref()
        .filter(|_| !cx.links.is_served())
        .map(|one| marked(view, &one.from, &one.way));
    let has_picture = drawn.is_some();
    let section = html! {
        h2 { "A request that it takes" }
        @match &example {
            Some(one) => {
                p { (one.shown()) }
                p.soft { "from " (cx.resource(&one.from)) @if let Some(port) = one.request.port { " to port " (port) } }
                @match &one.way.outcome {
                    RouteOutcome::Sent(sent) => { (shares(sent)) }
                    _ => { p { (goes_to(&one.way)) } }
                }
                @if cx.links.is_served() {
                    p { a href={ (cx.href(&Page::Route(view.name().to_owned()))) "?" (one.query()) } { "Try this request, or another" } }
                }
            }
            None => { p.soft { (none(view)) } }
        }
        @if let Some(drawn) = &drawn { section.drawing { (picture(cx, drawn)) } }
    };
    (section, has_picture)
}

/// Why there is no example, or may be none.
pub(super) fn none(view: &View) -> &'static str {
    match view.errors() {
        0 => {
            "No example can be shown: nothing calls this router or gateway, an earlier route takes every request that matches, \
             or a condition is a pattern that this page cannot construct a match for."
        }
        _ => "No example can be shown: the mesh is not valid.",
    }
}

/// Who gets it, and how often.
pub(super) fn shares(sent: &Sent) -> Markup {
    html! {
        ul.shares { @for target in &sent.targets {
            li {
                meter aria-label={ "Share of " (target.node) } min="0" max="100" value=(format!("{:.1}", target.percent)) { (format!("{:.1} %", target.percent)) }
                span.number { (format!("{:.1} %", target.percent)) } " " bdi { (target.node) }
                @match target.tls { Some(true) => { span.badge { "TLS" } } Some(false) => { span.badge.lagging { "TLS, certificate not checked" } } None => {} }
            }
        } }
    }
}

/// What is near the request's way, with everything marked that it passes.
pub(super) fn marked(view: &View, from: &ResourceKey, explanation: &Explanation) -> Picture {
    let mut taken = vec![from.clone()];
    let mesh = view.name();
    let routes = explanation.passes.iter().flat_map(|pass| &pass.considered);
    for route in routes.filter(|route| route.verdict == RouteVerdict::Taken) {
        taken.push(ResourceKey::clone(&route.origin.key));
        taken.extend(route.origin.key.container());
    }
    if let RouteOutcome::Sent(sent) = &explanation.outcome {
        let node = |name: &str| ResourceKey::in_mesh(mesh, Kind::VirtualNode, name);
        taken.extend(sent.targets.iter().map(|target| node(&target.node)));
        let host = sent.host.split(':').next().unwrap_or_default().to_lowercase();
        taken.push(ResourceKey::in_mesh(mesh, Kind::VirtualService, host));
    }
    let mut picture = view.records.picture.clone();
    picture.around(&from.name, 1);
    picture.highlight(taken);
    picture
}
