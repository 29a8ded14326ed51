//! What App Mesh's model says where a resource says nothing.

use crate::spec::{Duration, HttpTimeout, Listener, RouteRule, TcpTimeout};

/// How long a request may last when nothing is said.
const DEFAULT_PER_REQUEST: Duration = HttpTimeout::DEFAULT_PER_REQUEST;

/// How long a stream or a connection may be silent when nothing is said: the same for every protocol.
const DEFAULT_IDLE: Duration = TcpTimeout::DEFAULT_IDLE;

/// A route's limits: for a request (`None` for TCP, which has no requests) and for silence. Zero: no limit.
pub fn route_timeouts(rule: &RouteRule) -> (Option<Duration>, Duration) {
    let request = match rule {
        RouteRule::Tcp(_) => None,
        _ => Some(rule.per_request().unwrap_or(DEFAULT_PER_REQUEST)),
    };
    (request, rule.idle().unwrap_or(DEFAULT_IDLE))
}

/// A listener's limits: for a request (`None` for TCP) and for silence. Zero: no limit. A timeout that is named
/// after another protocol than the listener's does not hold.
pub fn listener_timeouts(listener: &Listener) -> (Option<Duration>, Duration) {
    use crate::spec::Protocol;
    let protocol = listener.port_mapping.protocol;
    let timeout = listener.timeout.as_ref().filter(|t| t.protocol() == protocol);
    let request = match protocol {
        Protocol::Tcp => None,
        _ => Some(
            timeout
                .and_then(|t| t.per_request())
                .unwrap_or(DEFAULT_PER_REQUEST),
        ),
    };
    (request, timeout.and_then(|t| t.idle()).unwrap_or(DEFAULT_IDLE))
}
