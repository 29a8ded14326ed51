//! The effective timeouts, for every place that needs one: callers, listeners, gateways.

use super::upstream::{Upstream, UpstreamKind};
use crate::ir::{Origin, Sourced};
use meshform_model::spec::{self, ListenerTimeout, RouteRule};
use std::time::Duration;

/// How long a request may take where nobody says anything.
const PER_REQUEST: Duration = Duration::from_secs(15);

/// How long a stream or a connection may be silent where nobody says anything.
const IDLE: Duration = Duration::from_secs(300);

/// A request's whole time, and its silence.
#[derive(Debug, Clone)]
pub(crate) struct Timeouts {
    pub(crate) request: Sourced<Duration>,
    pub(crate) idle: Sourced<Duration>,
}

fn or_default(
    written: Option<spec::Duration>,
    default: Duration,
    origin: impl FnOnce() -> Origin,
) -> Sourced<Duration> {
    match written {
        Some(duration) => Sourced::written(duration.into(), origin()),
        None => Sourced::app_mesh(default),
    }
}

/// A route's; `origin` is the rule (`/spec/httpRoute`).
pub(crate) fn of_route(rule: &RouteRule, origin: &Origin) -> Timeouts {
    let timeout = || origin.field("timeout");
    Timeouts {
        request: or_default(rule.per_request(), PER_REQUEST, || timeout().field("perRequest")),
        idle: or_default(rule.idle(), IDLE, || timeout().field("idle")),
    }
}

/// A virtual service that a node provides has no route: nothing can be set.
pub(crate) fn of_node_provider() -> Timeouts {
    Timeouts {
        request: Sourced::app_mesh(PER_REQUEST),
        idle: Sourced::app_mesh(IDLE),
    }
}

/// A listener's, on the side of the application; `origin` is the listener.
pub(crate) fn of_listener(timeout: Option<&ListenerTimeout>, origin: &Origin) -> Timeouts {
    let field = |name: &str| {
        let protocol = timeout.map_or("http", |timeout| timeout.protocol().name());
        origin.field("timeout").field(protocol).field(name)
    };
    Timeouts {
        request: or_default(
            timeout.and_then(ListenerTimeout::per_request),
            PER_REQUEST,
            || field("perRequest"),
        ),
        idle: or_default(timeout.and_then(ListenerTimeout::idle), IDLE, || field("idle")),
    }
}

/// A gateway's first pass must not cut what the second may still do: the longest of the service's routes.
pub(crate) fn of_gateway(upstream: &Upstream) -> Timeouts {
    let routes = || {
        upstream.ports.iter().flat_map(|port| match &port.kind {
            UpstreamKind::Http(routes) => routes.as_slice(),
            UpstreamKind::Tcp { .. } => &[],
        })
    };
    let default = of_node_provider();
    Timeouts {
        request: longest(routes().map(|route| &route.action.timeout)).unwrap_or(default.request),
        idle: longest(routes().filter_map(|route| route.action.idle_timeout.as_ref()))
            .unwrap_or(default.idle),
    }
}

/// Zero is for ever.
fn longest<'a>(all: impl Iterator<Item = &'a Sourced<Duration>>) -> Option<Sourced<Duration>> {
    all.max_by_key(|timeout| {
        if timeout.value.is_zero() {
            Duration::MAX
        } else {
            timeout.value
        }
    })
    .cloned()
}
