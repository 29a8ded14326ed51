//! A request that a route takes, made up from the route's conditions.
//!
//! Nothing here decides anything: what is made up is asked, and only a request that the simulation sends through the route is
//! an example of it.

use super::{Explanation, Request, RouteSimulator, RouteVerdict};
use crate::ir::listener::{Direction, Service};
use crate::ir::route::{Matcher, PathMatch, ValueMatch, VirtualHost};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;

mod sample;

/// How many requests are made up for one route behind a gateway.
const MAX_TRIED: usize = 200;

/// A request in the making.
#[derive(Debug, Clone)]
struct RequestDraft {
    path: String,
    query: Vec<String>,
    method: Option<String>,
    scheme: Option<String>,
    headers: Vec<(String, String)>,
}

impl RouteSimulator {
    /// A request that goes by a route or gateway route, and its way. `None` where none can be made up: others come first, the
    /// proxy does not know the route, or a condition is a pattern that is beyond us.
    pub fn example(&self, route: &ResourceKey) -> Option<(Request, Explanation)> {
        let tried = self.requests(route).into_iter().take(MAX_TRIED);
        tried
            .filter(|request| request.faults().is_empty())
            .map(|request| {
                let way = self.explain(&request);
                (request, way)
            })
            .find(|(_, way)| way.goes_by(route))
    }

    /// What meets a route's conditions: from the application, from a client of the gateway, or by a gateway's route.
    fn requests(&self, route: &ResourceKey) -> Vec<Request> {
        let (outer, inner): (Vec<EntryPoint<'_>>, Vec<EntryPoint<'_>>) =
            self.entries().partition(|entry| entry.is_outer);
        let mut out = Vec::new();
        for entry in &outer {
            out.extend(entry.drafts(route).map(|draft| draft.request(entry)));
        }
        for behind in inner.iter().flat_map(|entry| entry.drafts(route)) {
            for entry in &outer {
                let all = entry
                    .host
                    .routes
                    .iter()
                    .filter_map(|one| RequestDraft::of(&one.matcher));
                out.extend(
                    all.flat_map(|before| behind.after(&before))
                        .map(|draft| draft.request(entry)),
                );
            }
        }
        out
    }

    /// Every name under which something is found, by listener.
    fn entries(&self) -> impl Iterator<Item = EntryPoint<'_>> {
        let is_gateway = self.proxy.key.kind == Kind::VirtualGateway;
        let first = match is_gateway {
            true => Direction::Inbound,
            false => Direction::Outbound,
        };
        let sides = self
            .proxy
            .listeners
            .iter()
            .filter(move |listener| is_gateway || listener.direction == first);
        sides.flat_map(move |listener| {
            let is_outer = listener.direction == first;
            listener.chains.iter().flat_map(move |chain| {
                let table = match &chain.service {
                    Service::Http(http) => self.proxy.tables.iter().find(|table| table.name == http.table),
                    Service::Tcp(_) => None,
                };
                let port = match (is_gateway, listener.original_destination) {
                    (true, _) => Some(listener.port),
                    (false, true) => chain.destination_port,
                    (false, false) => None,
                };
                let hosts = table.into_iter().flat_map(|table| &table.hosts);
                hosts.map(move |host| EntryPoint { host, port, is_outer })
            })
        })
    }
}

impl Explanation {
    /// Whether the request is taken by that route.
    pub fn goes_by(&self, route: &ResourceKey) -> bool {
        let considered = self.passes.iter().flat_map(|pass| &pass.considered);
        considered
            .filter(|one| one.verdict == RouteVerdict::Taken)
            .any(|one| *one.origin.key == *route)
    }
}

/// A virtual host, and how its listener is reached.
struct EntryPoint<'p> {
    host: &'p VirtualHost,
    port: Option<u16>,
    /// Whether requests come in here, rather than from the gateway's own routes.
    is_outer: bool,
}

impl EntryPoint<'_> {
    fn drafts(&self, route: &ResourceKey) -> impl Iterator<Item = RequestDraft> {
        let all = self.host.routes.iter();
        all.filter(|one| *one.origin.key == *route)
            .filter_map(|one| RequestDraft::of(&one.matcher))
    }

    /// A `Host` that belongs here: one without a star where there is one.
    fn name(&self) -> String {
        let plain = self.host.domains.iter().find(|domain| !domain.contains('*'));
        match plain.or(self.host.domains.first()).map(String::as_str) {
            None | Some("*") => "example.com".to_owned(),
            Some(domain) => domain.replace('*', "x"),
        }
    }
}

impl RequestDraft {
    /// What meets the conditions, one by one.
    fn of(matcher: &Matcher) -> Option<Self> {
        let mut path = match &matcher.path {
            PathMatch::Prefix(text) | PathMatch::Exact(text) => text.clone(),
            PathMatch::Regex(pattern) => sample::of(pattern)?,
        };
        let mut draft = Self {
            path: String::new(),
            query: Vec::new(),
            method: None,
            scheme: None,
            headers: Vec::new(),
        };
        if matcher.grpc {
            // A call names a service and a method.
            path.push_str(match (path.as_str(), path.ends_with('/')) {
                ("/", _) => "Service/Method",
                (_, true) => "Method",
                (_, false) => "",
            });
            draft.method = Some("POST".to_owned());
            let kind = "application/grpc".to_owned();
            draft.headers.push(("content-type".to_owned(), kind));
        }
        for header in &matcher.headers {
            let value = match (&header.value, header.invert) {
                (ValueMatch::Present, true) => continue,
                (_, true) => "other".to_owned(),
                (ValueMatch::Present, false) => "1".to_owned(),
                (ValueMatch::Exact(text) | ValueMatch::Prefix(text) | ValueMatch::Suffix(text), false) => {
                    text.clone()
                }
                (ValueMatch::Regex(pattern), false) => sample::of(pattern)?,
                (ValueMatch::Range { start, .. }, false) => start.to_string(),
            };
            match header.name.as_str() {
                ":method" => draft.method = Some(value),
                ":scheme" => draft.scheme = Some(value),
                // These are what the rest of the request says.
                name if name.starts_with(':') || name.eq_ignore_ascii_case("host") => {}
                name => draft.headers.push((name.to_owned(), value)),
            }
        }
        draft.query = matcher
            .query
            .iter()
            .map(|query| format!("{}={}", query.name, query.exact.as_deref().unwrap_or("1")))
            .collect();
        draft.path = path;
        Some(draft)
    }

    /// Both conditions, where the request goes by another route first, which may take a part of its path away.
    fn after(&self, before: &Self) -> [Self; 3] {
        let joined = format!(
            "{}/{}",
            before.path.trim_end_matches('/'),
            self.path.trim_start_matches('/')
        );
        [&self.path, &joined, &before.path].map(|path| {
            let mut both = self.clone();
            both.path.clone_from(path);
            both.query.extend(before.query.iter().cloned());
            both.headers.extend(before.headers.iter().cloned());
            both.method = both.method.or_else(|| before.method.clone());
            both.scheme = both.scheme.or_else(|| before.scheme.clone());
            both
        })
    }

    fn request(&self, entry: &EntryPoint<'_>) -> Request {
        let query = match self.query.is_empty() {
            true => String::new(),
            false => format!("?{}", self.query.join("&")),
        };
        let mut request = Request::get(entry.name(), format!("{}{query}", self.path));
        if let Some(method) = &self.method {
            request.method.clone_from(method);
        }
        request.scheme.clone_from(&self.scheme);
        request.headers.clone_from(&self.headers);
        request.headers.dedup();
        request.port = entry.port;
        request
    }
}

#[cfg(test)]
mod tests;
