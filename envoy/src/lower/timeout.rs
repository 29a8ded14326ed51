//! The effective timeouts, for every place that needs one: callers, listeners, gateways.

use crate::ir::{Origin, Sourced};
use meshform_model::path::Path;
use meshform_model::spec::{
    self, GrpcRoute, HttpRoute, HttpTimeout, Listener, ListenerTimeout, RouteRule, TcpRoute, TcpTimeout,
};
use std::time::Duration;

/// How long a request may take where nobody says anything.
const PER_REQUEST: spec::Duration = HttpTimeout::DEFAULT_PER_REQUEST;

/// How long a stream or a connection may be silent where nobody says anything.
const IDLE: spec::Duration = TcpTimeout::DEFAULT_IDLE;

/// A request's whole time, and its silence.
#[derive(Debug, Clone)]
pub(crate) struct Timeouts {
    pub(crate) request: Sourced<Duration>,
    pub(crate) idle: Sourced<Duration>,
}

fn or_default(
    written: Option<spec::Duration>,
    default: spec::Duration,
    origin: impl FnOnce() -> Origin,
) -> Sourced<Duration> {
    match written {
        Some(duration) => Sourced::written(duration.into(), origin()),
        None => Sourced::app_mesh(default.into()),
    }
}

/// A route's; `origin` is the rule (`/spec/httpRoute`).
pub(crate) fn of_route(rule: &RouteRule, origin: &Origin) -> Timeouts {
    type Rule = (HttpRoute, GrpcRoute, TcpRoute);
    Timeouts {
        request: or_default(rule.per_request(), PER_REQUEST, || {
            origin.below(|rule: Path<Rule>| rule.timeout().per_request())
        }),
        idle: or_default(rule.idle(), IDLE, || {
            origin.below(|rule: Path<Rule>| rule.timeout().idle())
        }),
    }
}

/// A virtual service that a node provides has no route: nothing can be set.
pub(crate) fn of_node_provider() -> Timeouts {
    Timeouts {
        request: Sourced::app_mesh(PER_REQUEST.into()),
        idle: Sourced::app_mesh(IDLE.into()),
    }
}

/// A listener's, on the side of the application; `origin` is the listener.
pub(crate) fn of_listener(timeout: Option<&ListenerTimeout>, origin: &Origin) -> Timeouts {
    let none = HttpTimeout::default();
    let given = timeout.cloned().unwrap_or(ListenerTimeout::Http(none));
    Timeouts {
        request: or_default(given.per_request(), PER_REQUEST, || {
            origin.below(|listener: Path<Listener>| listener.timeout().of(&given).per_request())
        }),
        idle: or_default(given.idle(), IDLE, || {
            origin.below(|listener: Path<Listener>| listener.timeout().of(&given).idle())
        }),
    }
}

/// The longest of these timeouts, where zero means that there is none and so is the longest.
pub(crate) fn longest<'a>(all: impl Iterator<Item = &'a Sourced<Duration>>) -> Option<Sourced<Duration>> {
    all.max_by_key(|timeout| {
        if timeout.value.is_zero() {
            Duration::MAX
        } else {
            timeout.value
        }
    })
    .cloned()
}
