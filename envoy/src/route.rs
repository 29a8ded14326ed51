//! Which way a request would take, without Envoy: which gateway route, which route, which targets, and why not the
//! others. It looks at the same intermediate form that Envoy's files are made from.

mod example;
mod matches;
mod seen;
mod sendable;
mod show;

use crate::ir::cluster::{Cluster, Protocol as Upstream};
use crate::ir::listener::{Direction, Listener, Service};
use crate::ir::route::{Action, PathMatch, PathRewrite, Retry, Route, VirtualHost};
use crate::ir::{Origin, ProxyIr, Sourced};
use crate::lower::{lowered, lowered_one};
use matches::Repeated;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use std::time::Duration;

/// A request as an application (or a client of a gateway) sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method in capitals.
    pub method: String,
    /// The `Host` header, with the port where it has one.
    pub host: String,
    /// The path with its query.
    pub path: String,
    /// `:scheme`, `http` or `https`, as a client of HTTP/2 says it. Nothing: as Envoy sets it for HTTP/1.1, by
    /// `x-forwarded-proto`, else by whether the connection is encrypted.
    pub scheme: Option<String>,
    pub headers: Vec<(String, String)>,
    /// The port that the connection is made to: with transparent interception the service's, at a gateway the
    /// listener's. Nothing: what the host says, else 80, or the gateway's only or lowest listener.
    pub port: Option<u16>,
}

#[derive(Debug, Clone)]
pub struct Explanation {
    /// Each way through Envoy: one at a node, two at a gateway.
    pub passes: Vec<ListenerPass>,
    pub outcome: RouteOutcome,
}

/// What one listener does with the request.
#[derive(Debug, Clone)]
pub struct ListenerPass {
    pub listener: String,
    /// The route table that it looks in.
    pub table: String,
    /// The virtual host that the name belongs to.
    pub virtual_host: Option<String>,
    /// Every route of it, in the order in which they are tried.
    pub considered: Vec<ConsideredRoute>,
}

/// A route, and what became of it.
#[derive(Debug, Clone)]
pub struct ConsideredRoute {
    pub route: String,
    /// What it was made from.
    pub origin: Origin,
    pub verdict: RouteVerdict,
}

/// What became of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteVerdict {
    Taken,
    /// It does not, because of this.
    Not(String),
    /// An earlier one took it.
    NotReached,
}

#[derive(Debug, Clone)]
pub enum RouteOutcome {
    /// It goes to one of these.
    Sent(Box<Sent>),
    /// Envoy answers 404: no virtual host, or no route.
    NotFound(String),
    /// The connection is closed: nothing stands for that port.
    Closed(String),
    /// It goes where it was going, past the model.
    PassedOn,
}

/// Where a request goes, and how.
#[derive(Debug, Clone)]
pub struct Sent {
    pub targets: Vec<TargetShare>,
    /// `Host` as the target sees it.
    pub host: String,
    /// The path as the target sees it.
    pub path: String,
    /// How long it may take.
    pub timeout: Sourced<Duration>,
    /// How long it may be silent.
    pub idle_timeout: Option<Sourced<Duration>>,
    /// When it is tried again.
    pub retry: Option<Sourced<Retry>>,
}

/// A target with its share.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetShare {
    pub node: String,
    pub cluster: String,
    pub percent: f64,
    /// Whether it is called over TLS, and whether its certificate is looked at.
    pub tls: Option<bool>,
}

/// One proxy, ready to tell the way of any request.
#[derive(Debug)]
pub struct RouteSimulator {
    proxy: ProxyIr,
}

impl RouteSimulator {
    /// Of the proxy beside a node, or of a gateway.
    ///
    /// # Errors
    /// When the mesh is not valid, or has no such node or gateway.
    pub fn of(mesh: &Mesh, key: &ResourceKey) -> Result<Self, Vec<Diagnostic>> {
        let proxy = lowered(mesh, key, "/")?;
        Ok(Self { proxy })
    }

    /// The same for who has seen to it that [`Mesh::check`] finds no error, and asks about many proxies.
    ///
    /// # Errors
    /// When something is wrong with this proxy alone, or the mesh has no such node or gateway.
    pub fn of_valid(mesh: &Mesh, key: &ResourceKey) -> Result<Self, Vec<Diagnostic>> {
        let proxy = lowered_one(mesh, key, "/")?;
        Ok(Self { proxy })
    }

    /// Follows a request that the application beside the node, or a client of the gateway, sends.
    pub fn explain(&self, request: &Request) -> Explanation {
        let mut passes = Vec::new();
        let outcome = if self.proxy.key.kind == Kind::VirtualGateway {
            at_gateway(&self.proxy, request, &mut passes)
        } else {
            at_node(&self.proxy, request, &mut passes)
        };
        Explanation { passes, outcome }
    }
}

fn at_gateway(proxy: &ProxyIr, request: &Request, passes: &mut Vec<ListenerPass>) -> RouteOutcome {
    let mut outer = proxy
        .listeners
        .iter()
        .filter(|listener| listener.direction == Direction::Inbound)
        .filter(|listener| request.port.is_none_or(|port| port == listener.port));
    let Some(listener) = outer.next() else {
        return RouteOutcome::Closed("the gateway has no such listener".to_owned());
    };
    let (mut next, action) = match pass(proxy, listener, listener.port, request, passes) {
        Ok(passed) => passed,
        Err(outcome) => return outcome,
    };
    let to_itself = action
        .targets
        .first()
        .and_then(|target| cluster(proxy, &target.cluster));
    if to_itself.is_some_and(|cluster| cluster.protocol == Upstream::Http1) {
        // HTTP/1.1 does not carry it: the second pass makes its own.
        next.scheme = None;
    }
    let inner = proxy
        .listeners
        .iter()
        .find(|listener| listener.direction == Direction::Outbound);
    match inner {
        Some(inner) => through(proxy, inner, inner.port, &next, passes),
        None => RouteOutcome::NotFound("the gateway has no routes".to_owned()),
    }
}

fn at_node(proxy: &ProxyIr, request: &Request, passes: &mut Vec<ListenerPass>) -> RouteOutcome {
    let outbound = || {
        proxy
            .listeners
            .iter()
            .filter(|listener| listener.direction == Direction::Outbound)
    };
    // Explicit interception: the listener by name is the one with the table of several names.
    let found = outbound()
        .find(|listener| listener.original_destination)
        .or_else(|| outbound().find(|listener| request.port == Some(listener.port)))
        .or_else(|| {
            outbound().find(|listener| {
                let by_name = format!("rds_egress_http_{}", listener.port);
                matches!(listener.chains.first().map(|chain| &chain.service), Some(Service::Http(http)) if http.table == by_name)
            })
        });
    let Some(listener) = found else {
        return RouteOutcome::Closed(
            "nothing listens for the application: the node has no backends".to_owned(),
        );
    };
    let from_host = || {
        request
            .host
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok())
    };
    let port = request.port.or_else(from_host).unwrap_or(80);
    through(proxy, listener, port, request, passes)
}

fn through(
    proxy: &ProxyIr,
    listener: &Listener,
    port: u16,
    request: &Request,
    passes: &mut Vec<ListenerPass>,
) -> RouteOutcome {
    match pass(proxy, listener, port, request, passes) {
        Ok((sent, action)) => RouteOutcome::Sent(Box::new(to(proxy, sent, action))),
        Err(outcome) => outcome,
    }
}

/// One way through a listener: the request as it leaves, and what was decided.
fn pass<'p>(
    proxy: &'p ProxyIr,
    listener: &Listener,
    port: u16,
    request: &Request,
    passes: &mut Vec<ListenerPass>,
) -> Result<(Request, &'p Action), RouteOutcome> {
    let chain = listener
        .chains
        .iter()
        .filter(|chain| chain.server_names.is_empty())
        .filter(|chain| !listener.original_destination || chain.destination_port == Some(port))
        // Where a listener takes both encrypted and other connections, the scheme says which this is.
        .min_by_key(|chain| chain.tls.is_some() != (request.scheme.as_deref() == Some("https")));
    let Some(chain) = chain else {
        return Err(match &listener.default_chain {
            Some(_) => RouteOutcome::PassedOn,
            None => RouteOutcome::Closed(format!(
                "no backend is on port {port}, and the mesh drops what it does not know"
            )),
        });
    };
    let Service::Http(http) = &chain.service else {
        return Err(RouteOutcome::Closed(format!(
            "port {port} is a TCP backend's, requests are not looked at"
        )));
    };
    let Some(table) = proxy.tables.iter().find(|table| table.name == http.table) else {
        return Err(RouteOutcome::NotFound("the listener has no routes".to_owned()));
    };
    let seen = seen::seen(request, chain.tls.is_some());
    let mut host = seen.host.to_lowercase();
    if table.any_port {
        host.truncate(matches::without_port(&host).len());
    }
    let best = table
        .hosts
        .iter()
        .filter_map(|one| Some((one_rank(one, &host)?, one)));
    let virtual_host = best.max_by_key(|(rank, _)| *rank).map(|(_, one)| one);
    let repeated = Repeated::of(proxy.settings.versions);
    let mut considered = Vec::new();
    let mut taken: Option<&Route> = None;
    for route in virtual_host.iter().flat_map(|one| &one.routes) {
        let verdict = match taken {
            Some(_) => RouteVerdict::NotReached,
            None => match matches::reason_against(&route.matcher, &seen, repeated) {
                Some(reason) => RouteVerdict::Not(reason),
                None => {
                    taken = Some(route);
                    RouteVerdict::Taken
                }
            },
        };
        considered.push(ConsideredRoute {
            route: route.name.clone(),
            origin: route.origin.clone(),
            verdict,
        });
    }
    passes.push(ListenerPass {
        listener: listener.name.clone(),
        table: table.name.clone(),
        virtual_host: virtual_host.map(|one| one.name.clone()),
        considered,
    });
    match (virtual_host, taken) {
        (_, Some(route)) => {
            let passes_on = proxy
                .clusters
                .iter()
                .filter(|cluster| {
                    route
                        .action
                        .targets
                        .iter()
                        .any(|target| target.cluster == cluster.name)
                })
                .any(|cluster| cluster.discovery == crate::ir::cluster::Discovery::OriginalDestination);
            if passes_on {
                return Err(RouteOutcome::PassedOn);
            }
            Ok((rewritten(seen, route), &route.action))
        }
        (Some(one), None) => Err(RouteOutcome::NotFound(format!(
            "no route of `{}` takes it",
            one.name
        ))),
        (None, None) => Err(RouteOutcome::NotFound(format!(
            "the name `{}` belongs to no backend",
            request.host
        ))),
    }
}

fn one_rank(host: &VirtualHost, name: &str) -> Option<(u8, usize)> {
    host.domains
        .iter()
        .filter_map(|domain| matches::domain_rank(domain, name))
        .max()
}

fn cluster<'p>(proxy: &'p ProxyIr, name: &str) -> Option<&'p Cluster> {
    let found = proxy.clusters.iter().find(|one| one.name == name)?;
    Some(found)
}

/// The request as the next one sees it.
fn rewritten(mut request: Request, route: &Route) -> Request {
    let action = &route.action;
    let at = request.path.find(['?', '#']).unwrap_or(request.path.len());
    let (path, query) = request.path.split_at(at);
    match (&action.path_rewrite, &route.matcher.path) {
        (Some(PathRewrite::Matched(with)), PathMatch::Prefix(prefix)) => {
            let rest = path.get(prefix.len()..).unwrap_or_default();
            request.path = format!("{with}{rest}{query}");
        }
        (Some(PathRewrite::Matched(with) | PathRewrite::Whole(with)), _) => {
            request.path = format!("{with}{query}")
        }
        (None, _) => {}
    }
    if let Some(host) = &action.host_rewrite {
        request.host.clone_from(host);
    }
    let gone = action
        .remove_headers
        .iter()
        .chain(action.set_header.iter().map(|(name, _)| name));
    for gone in gone {
        request
            .headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case(gone));
    }
    request.headers.extend(action.set_header.clone());
    request
}

fn to(proxy: &ProxyIr, request: Request, action: &Action) -> Sent {
    let total: u32 = action.targets.iter().map(|target| target.weight).sum();
    let tls = |name: &str| {
        let tls = cluster(proxy, name)?.tls.as_ref()?;
        Some(tls.validation.is_some())
    };
    Sent {
        targets: action
            .targets
            .iter()
            .map(|target| TargetShare {
                node: target.label.clone(),
                cluster: target.cluster.clone(),
                percent: f64::from(target.weight) * 100.0 / f64::from(total.max(1)),
                tls: tls(&target.cluster),
            })
            .collect(),
        host: request.host,
        path: request.path,
        timeout: action.timeout.clone(),
        idle_timeout: action.idle_timeout.clone(),
        retry: action.retry.clone(),
    }
}

impl Request {
    /// A `GET` without headers, to whatever port the host says.
    pub fn get(host: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            host: host.into(),
            path: path.into(),
            scheme: None,
            headers: Vec::new(),
            port: None,
        }
    }

    fn path_only(&self) -> &str {
        self.path.split(['?', '#']).next().unwrap_or_default()
    }

    /// A header's value, several of one name joined as Envoy joins them.
    fn header(&self, name: &str) -> Option<String> {
        let values = self.values(name);
        (!values.is_empty()).then(|| values.join(","))
    }

    /// The values of a header, in their order. `Host` and `:authority` are one header to Envoy.
    fn values(&self, name: &str) -> Vec<String> {
        match name {
            ":method" => return vec![self.method.clone()],
            ":path" => return vec![self.path.clone()],
            ":scheme" => return self.scheme.clone().into_iter().collect(),
            _ if name == ":authority" || name.eq_ignore_ascii_case("host") => return vec![self.host.clone()],
            _ => {}
        }
        self.headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone())
            .collect()
    }
}
