//! Routes that no request reaches, and priorities that do not decide.
//!
//! A route is reached unless an earlier one takes every request that it matches. What a match asks for is put
//! as a path and a set of conditions; an earlier route takes everything of a later one when its path covers the
//! later one's and its conditions are among the later one's. Only cover that can be seen from the text counts:
//! what a regular expression matches is not worked out, so a route may be unreachable without a warning, but
//! what is warned of is unreachable.
//!
//! To find earlier routes without looking at every pair, they are filed under their path and one of their
//! conditions.

use super::{Findings, codes, named, place};
use crate::diag::Diagnostic;
use crate::key::ResourceKey;
use crate::mesh::{Mesh, Role};
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::{
    GatewayRouteRule, GatewayRouteSpec, HeaderMatchMethod, HostnameMatch, HttpQueryParameter,
    HttpRouteHeader, PathMatch, RouteRule, RouteSpec, VirtualGatewaySpec, VirtualRouterSpec,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn router(mesh: &Mesh, router: &Resource<VirtualRouterSpec>, report: &mut Findings) {
    let only = match router.spec.listeners.as_slice() {
        [listener] => Some(listener.port_mapping.port),
        _ => None,
    };
    let routes = mesh.routes_of(&router.key.name).iter();
    if routes.len() == 0 {
        without_routes(mesh, &router.key, report);
    }
    let entries = routes
        .map(|route| of_route(&route.key, &route.spec, only))
        .collect();
    within(entries, report);
}

/// A router that nobody uses harms nobody.
fn without_routes(mesh: &Mesh, router: &ResourceKey, report: &mut Findings) {
    let mut referrers = mesh.referrers(router);
    let Some(service) = referrers.find(|reference| reference.role == Role::Provider) else {
        return;
    };
    let message = format!(
        "{router} has no route, so every request to {} is answered with 404",
        service.from
    );
    report.add(
        Diagnostic::warning(codes::NO_ROUTES, message)
            .help("add a route to it")
            .at(place(router, Pointer::root()))
            .at(place(&service.from, &service.pointer)),
    );
}

pub(super) fn gateway(mesh: &Mesh, gateway: &Resource<VirtualGatewaySpec>, report: &mut Findings) {
    let only = match gateway.spec.listeners.as_slice() {
        [listener] => Some(listener.port_mapping.port),
        _ => None,
    };
    let routes = mesh.gateway_routes_of(&gateway.key.name).iter();
    let entries = routes
        .map(|route| of_gateway_route(&route.key, &route.spec, only))
        .collect();
    within(entries, report);
}

/// A route as reachability sees it.
struct RouteEntry<'a> {
    key: &'a ResourceKey,
    priority: Option<u16>,
    /// The place of the match.
    at: MatchedRule<'a>,
    path: PathCondition,
    asks: BTreeSet<String>,
    /// What follows from that, `asks` included.
    implied: BTreeSet<String>,
    /// Parts of the match that are never true: where, and why.
    never: Vec<(Pointer, String)>,
}

/// A rule, whose path is made when something is reported of it.
#[derive(Clone, Copy)]
enum MatchedRule<'a> {
    Route(&'a RouteRule),
    GatewayRoute(&'a GatewayRouteRule),
}

/// What is asked of the path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum PathCondition {
    Exact(String),
    Regex(String),
    Prefix(String),
}

/// The routes of one router or gateway, in order.
fn within(entries: Vec<RouteEntry<'_>>, report: &mut Findings) {
    // Alone, a route is reached by whatever it matches.
    if let [only] = entries.as_slice()
        && only.never.is_empty()
    {
        return;
    }
    let mut filed: BTreeMap<(PathCondition, Option<String>), Vec<usize>> = BTreeMap::new();
    let mut priorities: BTreeMap<(u16, String), usize> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        for (path, why) in &entry.never {
            report.warning(
                codes::NEVER,
                (entry.key, path),
                format!("{} never matches: {why}", named(entry.key)),
                "correct the match, or delete the route",
            );
        }
        let cover = covering(&entries, &filed, entry);
        if let Some(earlier) = cover {
            unreachable(entry, earlier, report);
        }
        let same = entry
            .priority
            .map(|priority| (priority, scope(entry)))
            .and_then(|key| match priorities.get(&key) {
                Some(earlier) => entries.get(*earlier),
                None => {
                    priorities.insert(key, index);
                    None
                }
            });
        if let Some(earlier) = same.filter(|_| cover.is_none()) {
            same_priority(entry, earlier, report);
        }
        let under = (entry.path.clone(), entry.asks.first().cloned());
        filed.entry(under).or_default().push(index);
    }
}

/// Routes of different ports or protocols never compete.
fn scope(entry: &RouteEntry<'_>) -> String {
    let of = |ask: &&String| ask.starts_with("port ") || ask.starts_with("protocol ");
    entry.asks.iter().filter(of).cloned().collect()
}

/// The first earlier route that takes everything of this one.
fn covering<'e, 'a>(
    entries: &'e [RouteEntry<'a>],
    filed: &BTreeMap<(PathCondition, Option<String>), Vec<usize>>,
    entry: &RouteEntry<'a>,
) -> Option<&'e RouteEntry<'a>> {
    let conditions = || std::iter::once(None).chain(entry.implied.iter().cloned().map(Some));
    let candidates = entry
        .path
        .covers()
        .into_iter()
        .flat_map(|path| conditions().map(move |condition| (path.clone(), condition)))
        .filter_map(|under| filed.get(&under))
        .flatten();
    candidates
        .filter(|index| {
            let earlier = entries.get(**index);
            earlier.is_some_and(|earlier| earlier.never.is_empty() && earlier.asks.is_subset(&entry.implied))
        })
        .min()
        .and_then(|index| entries.get(*index))
}

fn unreachable(entry: &RouteEntry<'_>, earlier: &RouteEntry<'_>, report: &mut Findings) {
    let rank = |e: &RouteEntry<'_>| match e.priority {
        Some(priority) => format!("priority {priority}"),
        None => "no priority".to_owned(),
    };
    report.add(
        Diagnostic::warning(
            codes::UNREACHABLE,
            format!(
                "{} ({}) is never reached: {} `{}` ({}) comes first and takes everything it matches",
                named(entry.key),
                rank(entry),
                earlier.key.kind,
                earlier.key.name,
                rank(earlier)
            ),
        )
        .help("give it a lower priority number, narrow the other's match, or delete it")
        .at(place(entry.key, entry.at.matching()))
        .at(place(earlier.key, earlier.at.matching()).label("comes first")),
    );
}

fn same_priority(entry: &RouteEntry<'_>, earlier: &RouteEntry<'_>, report: &mut Findings) {
    report.add(
        Diagnostic::warning(
            codes::SAME_PRIORITY,
            format!(
                "{} has priority {}, as {} `{}` has, which is tried first",
                named(entry.key),
                entry.priority.unwrap_or_default(),
                earlier.key.kind,
                earlier.key.name
            ),
        )
        .help("give each its own priority")
        .at(place(entry.key, entry.at.priority()))
        .at(place(earlier.key, earlier.at.priority()).label("the other one")),
    );
}

// === impl MatchedRule ===

impl MatchedRule<'_> {
    fn field(self) -> &'static str {
        match self {
            Self::Route(rule) => rule.field(),
            Self::GatewayRoute(rule) => rule.field(),
        }
    }

    fn matching(self) -> Pointer {
        match self {
            Self::Route(rule) => RouteSpec::path().rule(rule).r#match().into(),
            Self::GatewayRoute(rule) => GatewayRouteSpec::path().rule(rule).r#match().into(),
        }
    }

    fn exact_path(self) -> Pointer {
        match self {
            Self::Route(rule) => RouteSpec::path().rule(rule).r#match().path().exact().into(),
            Self::GatewayRoute(rule) => GatewayRouteSpec::path()
                .rule(rule)
                .r#match()
                .path()
                .exact()
                .into(),
        }
    }

    fn priority(self) -> Pointer {
        match self {
            Self::Route(_) => RouteSpec::path().priority().into(),
            Self::GatewayRoute(_) => GatewayRouteSpec::path().priority().into(),
        }
    }

    /// The range of a header's match, or of metadata's.
    fn range(self, index: usize) -> Pointer {
        let headers = match self {
            Self::Route(rule) => {
                let m = RouteSpec::path().rule(rule).r#match();
                match rule {
                    RouteRule::Grpc(_) => m.metadata(),
                    RouteRule::Http(_) | RouteRule::Http2(_) | RouteRule::Tcp(_) => m.headers(),
                }
            }
            Self::GatewayRoute(rule) => {
                let m = GatewayRouteSpec::path().rule(rule).r#match();
                match rule {
                    GatewayRouteRule::Grpc(_) => m.metadata(),
                    GatewayRouteRule::Http(_) | GatewayRouteRule::Http2(_) => m.headers(),
                }
            }
        };
        headers.at(index).r#match().range().into()
    }
}

// === impl PathCondition ===

impl PathCondition {
    fn of(path: PathMatch<'_>) -> Self {
        match path {
            PathMatch::Exact(path) => Self::Exact(path.to_owned()),
            PathMatch::Regex(regex) => Self::Regex(regex.to_owned()),
            PathMatch::Prefix(prefix) => Self::Prefix(prefix.to_owned()),
        }
    }

    /// Every path match that takes all that this one takes, as far as the text shows it.
    fn covers(&self) -> Vec<PathCondition> {
        let any = ["/.*", ".*"].map(|regex| PathCondition::Regex(regex.to_owned()));
        let mut covers = match self {
            Self::Exact(path) => prefixes(path),
            Self::Prefix(prefix) => prefixes(prefix),
            Self::Regex(_) => vec![Self::Prefix("/".to_owned()), Self::Prefix(String::new())],
        };
        covers.push(self.clone());
        covers.extend(any);
        covers.sort();
        covers.dedup();
        covers
    }
}

/// Every beginning of a text, as a prefix match.
fn prefixes(text: &str) -> Vec<PathCondition> {
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.filter_map(|end| text.get(..end))
        .map(|beginning| PathCondition::Prefix(beginning.to_owned()))
        .collect()
}

// === impl RouteEntry ===

impl<'a> RouteEntry<'a> {
    fn new(key: &'a ResourceKey, priority: Option<u16>, at: MatchedRule<'a>, path: PathMatch<'_>) -> Self {
        let mut never = Vec::new();
        if let PathMatch::Exact(path) = path
            && !path.starts_with('/')
        {
            let why = format!("its path `{path}` does not begin with `/`");
            never.push((at.exact_path(), why));
        }
        let mut entry = Self {
            key,
            priority,
            at,
            path: PathCondition::of(path),
            asks: BTreeSet::new(),
            implied: BTreeSet::new(),
            never,
        };
        entry.ask(format!("protocol {}", at.field()));
        entry
    }

    fn ask(&mut self, condition: String) {
        self.implied.insert(condition.clone());
        self.asks.insert(condition);
    }

    /// A port that the only listener has anyway asks for nothing.
    fn port(&mut self, port: Option<u16>, only: Option<u16>) {
        if let Some(port) = port.filter(|_| port != only) {
            self.ask(format!("port {port}"));
        }
    }

    fn headers(&mut self, headers: &[HttpRouteHeader]) {
        for (i, header) in headers.iter().enumerate() {
            let name = header.name.to_lowercase();
            let value = header
                .r#match
                .as_ref()
                .map(|m| format!(" {m:?}"))
                .unwrap_or_default();
            let not = if header.inverted() { "not " } else { "" };
            self.ask(format!("{not}header {name}{value}"));
            if !header.inverted() {
                self.implied.insert(format!("header {name}"));
            }
            if let Some(HeaderMatchMethod::Range(range)) = &header.r#match
                && range.start >= range.end
                && !header.inverted()
            {
                let why = format!("the range from {} to below {} is empty", range.start, range.end);
                self.never.push((self.at.range(i), why));
            }
        }
    }

    fn query(&mut self, parameters: &[HttpQueryParameter]) {
        for parameter in parameters {
            let name = &parameter.name;
            let value = parameter
                .exact()
                .map(|value| format!(" {value:?}"))
                .unwrap_or_default();
            self.ask(format!("query {name}{value}"));
            self.implied.insert(format!("query {name}"));
        }
    }
}

fn of_route<'a>(key: &'a ResourceKey, spec: &'a RouteSpec, only: Option<u16>) -> RouteEntry<'a> {
    let at = MatchedRule::Route(&spec.rule);
    let mut entry = match &spec.rule {
        RouteRule::Http(route) | RouteRule::Http2(route) => {
            let m = &route.r#match;
            let mut entry = RouteEntry::new(key, spec.priority, at, m.path_match());
            entry.headers(&m.headers);
            entry.query(&m.query_parameters);
            m.method
                .iter()
                .for_each(|method| entry.ask(format!("method {}", method.name())));
            m.scheme
                .iter()
                .for_each(|scheme| entry.ask(format!("scheme {}", scheme.name())));
            entry
        }
        RouteRule::Grpc(route) => {
            let m = &route.r#match;
            let path = grpc_path(m.service_name.as_deref(), m.method_name.as_deref());
            let mut entry = RouteEntry::new(key, spec.priority, at, path.borrowed());
            entry.headers(&m.metadata);
            entry
        }
        RouteRule::Tcp(_) => RouteEntry::new(key, spec.priority, at, PathMatch::Prefix("/")),
    };
    entry.port(spec.rule.match_port(), only);
    entry
}

fn of_gateway_route<'a>(
    key: &'a ResourceKey,
    spec: &'a GatewayRouteSpec,
    only: Option<u16>,
) -> RouteEntry<'a> {
    let at = MatchedRule::GatewayRoute(&spec.rule);
    let mut entry = match &spec.rule {
        GatewayRouteRule::Http(route) | GatewayRouteRule::Http2(route) => {
            let m = &route.r#match;
            let mut entry = RouteEntry::new(key, spec.priority, at, m.path_match());
            entry.headers(&m.headers);
            entry.query(&m.query_parameters);
            m.method
                .iter()
                .for_each(|method| entry.ask(format!("method {}", method.name())));
            entry
        }
        GatewayRouteRule::Grpc(route) => {
            let m = &route.r#match;
            let path = grpc_path(m.service_name.as_deref(), None);
            let mut entry = RouteEntry::new(key, spec.priority, at, path.borrowed());
            entry.headers(&m.metadata);
            entry
        }
    };
    match spec.rule.hostname() {
        None => {}
        Some(HostnameMatch::Exact(host)) => entry.ask(format!("host {}", host.to_lowercase())),
        Some(HostnameMatch::Suffix(host)) => entry.ask(format!("host *{}", host.to_lowercase())),
    }
    entry.port(spec.rule.match_port(), only);
    entry
}

fn grpc_path(service: Option<&str>, method: Option<&str>) -> PathCondition {
    match (service, method) {
        (Some(service), Some(method)) => PathCondition::Exact(format!("/{service}/{method}")),
        (Some(service), None) => PathCondition::Prefix(format!("/{service}/")),
        (None, _) => PathCondition::Prefix("/".to_owned()),
    }
}

impl PathCondition {
    fn borrowed(&self) -> PathMatch<'_> {
        match self {
            Self::Exact(path) => PathMatch::Exact(path),
            Self::Regex(regex) => PathMatch::Regex(regex),
            Self::Prefix(prefix) => PathMatch::Prefix(prefix),
        }
    }
}
