//! The shortest timeout between a caller and an application holds, on whichever side it stands. Only what somebody
//! wrote down is held against the other side: two defaults are equal.

use super::{Findings, codes, named, place};
use crate::diag::{Diagnostic, ProblemLocation};
use crate::key::ResourceKey;
use crate::mesh::{Mesh, Provider, listener_timeouts, route_timeouts};
use crate::path::{Path, name_of};
use crate::resource::Resource;
use crate::spec::{
    Duration, HttpTimeout, Listener, Protocol, RouteRule, RouteSpec, TcpTimeout, VirtualNodeSpec,
    VirtualServiceSpec,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limited {
    Request,
    Silence,
}

impl Limited {
    const BOTH: [Self; 2] = [Self::Request, Self::Silence];

    fn field(self) -> String {
        match self {
            Self::Request => name_of(Path::<HttpTimeout>::per_request),
            Self::Silence => name_of(Path::<HttpTimeout>::idle),
        }
    }

    fn allows(self, duration: Duration) -> String {
        match (self, duration.is_zero()) {
            (Self::Request, true) => "any time".to_owned(),
            (Self::Silence, true) => "any silence".to_owned(),
            (Self::Request, false) => duration.to_string(),
            (Self::Silence, false) => format!("{duration} of silence"),
        }
    }

    fn ends(self, duration: Duration) -> String {
        match self {
            Self::Request => format!("ends each request after {duration}"),
            Self::Silence => format!("ends what is silent for {duration}"),
        }
    }

    /// What a listener was told, and what holds there.
    fn of_listener(self, listener: &Listener) -> (Option<Duration>, Option<Duration>) {
        let protocol = listener.port_mapping.protocol;
        let written = listener.timeout.as_ref().filter(|t| t.protocol() == protocol);
        let (request, idle) = listener_timeouts(listener);
        match self {
            Self::Request => (written.and_then(|t| t.per_request()), request),
            Self::Silence => (written.and_then(|t| t.idle()), Some(idle)),
        }
    }

    /// What a route was told, at which place, and what holds there.
    fn of_route(self, rule: &RouteRule) -> (Option<(Path<Duration>, Duration)>, Option<Duration>) {
        let (request, idle) = route_timeouts(rule);
        match self {
            Self::Request => (per_try(rule), request),
            Self::Silence => {
                let at = || RouteSpec::path().rule(rule).timeout().idle();
                (rule.idle().map(|idle| (at(), idle)), Some(idle))
            }
        }
    }
}

/// Whether `limit` ends what `allowed` would let go on; zero is no limit.
fn cuts(limit: Duration, allowed: Duration) -> bool {
    !limit.is_zero() && (allowed.is_zero() || limit.as_millis() < allowed.as_millis())
}

/// What a route allows and a listener ends sooner.
struct Cut<'a> {
    route: &'a ResourceKey,
    /// The field of the route that allows it.
    at: &'a Path<Duration>,
    allowed: Duration,
    limited: Limited,
    /// What the listener allows.
    limit: Duration,
    /// Whether nobody wrote the listener's.
    default: bool,
}

/// A route against the listeners that it sends to.
pub(super) fn route(mesh: &Mesh, route: &Resource<RouteSpec>, report: &mut Findings) {
    let rule = &route.spec.rule;
    for target in rule.targets().iter().filter(|target| target.weight > 0) {
        let Some((node, listener)) = mesh.listener_of(target) else {
            continue;
        };
        for limited in Limited::BOTH {
            let (on_route, of_route) = limited.of_route(rule);
            let (on_listener, of_listener) = limited.of_listener(listener);
            match (&on_route, of_listener) {
                (Some((at, allowed)), Some(limit)) if cuts(limit, *allowed) => {
                    let callee = Callee { node, listener };
                    let default = on_listener.is_none();
                    let cut = Cut {
                        route: &route.key,
                        at,
                        allowed: *allowed,
                        limited,
                        limit,
                        default,
                    };
                    callee.cuts(&cut, report);
                }
                _ => {}
            }
            // A retry's limit says nothing of the whole request.
            let unsaid = match limited {
                Limited::Request => rule.per_request().is_none(),
                Limited::Silence => on_route.is_none(),
            };
            match (on_listener, of_route) {
                (Some(allowed), Some(limit)) if unsaid && cuts(limit, allowed) => {
                    let callee = Callee { node, listener };
                    let field = limited.field();
                    let told = Diagnostic::warning(
                        codes::LISTENER_TIMEOUT,
                        format!(
                            "{} {}, the default, but port {} of {} allows {}",
                            named(&route.key),
                            limited.ends(limit),
                            listener.port_mapping.port,
                            named(&node.key),
                            limited.allows(allowed),
                        ),
                    )
                    .help(format!(
                        "set `timeout.{field}` of the route too, or to {limit} where that is meant"
                    ))
                    .at(place(&route.key, RouteSpec::path().rule(rule)));
                    report.add(told.at(callee.place(Some(limited))));
                }
                _ => {}
            }
        }
    }
}

/// A service that a node provides: its callers have no route, and so nothing but defaults.
pub(super) fn service(mesh: &Mesh, service: &Resource<VirtualServiceSpec>, report: &mut Findings) {
    let Some(Provider::VirtualNode(node)) = mesh.provider_of(&service.key.name) else {
        return;
    };
    for listener in &node.spec.listeners {
        for limited in Limited::BOTH {
            let limit = match limited {
                Limited::Request if listener.port_mapping.protocol == Protocol::Tcp => continue,
                Limited::Request => HttpTimeout::DEFAULT_PER_REQUEST,
                Limited::Silence => TcpTimeout::DEFAULT_IDLE,
            };
            let (Some(allowed), _) = limited.of_listener(listener) else {
                continue;
            };
            if !cuts(limit, allowed) {
                continue;
            }
            let field = limited.field();
            let told = Diagnostic::warning(
                codes::LISTENER_TIMEOUT,
                format!(
                    "port {} of {} allows {}, but for callers of {} the proxy {}, the default",
                    listener.port_mapping.port,
                    named(&node.key),
                    limited.allows(allowed),
                    named(&service.key),
                    limited.ends(limit),
                ),
            )
            .help(format!(
                "give the service a virtual router as its provider, with a route that has `timeout.{field}`: without \
                 a route there is no place for it"
            ))
            .at(place(&service.key, VirtualServiceSpec::path().provider()));
            report.add(told.at(Callee { node, listener }.place(Some(limited))));
        }
    }
}

/// A listener that is called.
struct Callee<'m> {
    node: &'m Resource<VirtualNodeSpec>,
    listener: &'m Listener,
}

impl Callee<'_> {
    /// The listener, or a field of its timeout that is there.
    fn place(&self, limited: Option<Limited>) -> ProblemLocation {
        let mut listeners = self.node.spec.listeners.iter();
        let port = self.listener.port_mapping.port;
        let index = listeners.position(|one| one.port_mapping.port == port);
        let path = || VirtualNodeSpec::path().listeners().at(index.unwrap_or_default());
        let at = match (limited, &self.listener.timeout) {
            (Some(Limited::Request), Some(timeout)) => {
                place(&self.node.key, path().timeout().of(timeout).per_request())
            }
            (Some(Limited::Silence), Some(timeout)) => {
                place(&self.node.key, path().timeout().of(timeout).idle())
            }
            _ => place(&self.node.key, path()),
        };
        at.label("the target's listener")
    }

    /// What a route allows, this listener does not.
    fn cuts(&self, cut: &Cut<'_>, report: &mut Findings) {
        let Cut {
            route,
            at,
            allowed,
            limited,
            limit,
            default,
        } = *cut;
        let told = Diagnostic::warning(
            codes::LISTENER_TIMEOUT,
            format!(
                "{} allows {}, but port {} of {} {}{}",
                named(route),
                limited.allows(allowed),
                self.listener.port_mapping.port,
                named(&self.node.key),
                limited.ends(limit),
                if default { ", the default" } else { "" }
            ),
        )
        .help(format!(
            "set `timeout.{}.{}` of the listener too",
            self.listener.port_mapping.protocol,
            limited.field()
        ))
        .at(place(route, at));
        report.add(told.at(self.place(None)));
    }
}

/// How long a single try may take, where a route says it, and the field that does.
fn per_try(rule: &RouteRule) -> Option<(Path<Duration>, Duration)> {
    let path = || RouteSpec::path().rule(rule);
    let each = rule
        .retries()
        .map(|(_, each)| each)
        .filter(|each| !each.is_zero());
    match (each, rule.per_request()) {
        (Some(each), Some(request)) if request.is_zero() || each.as_millis() <= request.as_millis() => {
            Some((path().retry_policy().per_retry_timeout(), each))
        }
        (_, Some(request)) => Some((path().timeout().per_request(), request)),
        (Some(each), None) => Some((path().retry_policy().per_retry_timeout(), each)),
        (None, None) => None,
    }
}
