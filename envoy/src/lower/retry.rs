//! Retry policies: App Mesh's events in Envoy's words.

use super::Lowering;
use super::index::IndexedResource;
use crate::codes;
use crate::ir::route::{BackOff, Retry};
use crate::ir::{Origin, Sourced};
use meshform_model::diag::Diagnostic;
use meshform_model::path::Path;
use meshform_model::spec::{
    self, GrpcRetryEvent, GrpcRoute, HttpRoute, RouteExtensions, RouteRule, RouteSpec, TcpRetryEvent,
    TcpRoute,
};
use std::time::Duration;

/// What a route's rule may be.
type Rule = (HttpRoute, GrpcRoute, TcpRoute);

const SERVER_ERRORS: &[u32] = &[500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511];
const GATEWAY_ERRORS: &[u32] = &[502, 503, 504];
const CLIENT_ERRORS: &[u32] = &[409];

/// What App Mesh did where nobody said anything.
pub(crate) fn default() -> Sourced<Retry> {
    Sourced::app_mesh(Retry {
        on: vec![
            "reset",
            "unavailable",
            "connect-failure",
            "refused-stream",
            "retriable-status-codes",
        ],
        status_codes: vec![503],
        retries: 2,
        per_try: None,
        back_off: None,
    })
}

/// The events of a policy, whatever kind of route has it.
struct Events<'a> {
    http: &'a [String],
    tcp: &'a [TcpRetryEvent],
    grpc: &'a [GrpcRetryEvent],
}

impl Lowering<'_> {
    /// A route's retry policy; TCP has none.
    pub(crate) fn retry(&self, rule: &RouteRule, origin: &Origin) -> Option<Sourced<Retry>> {
        let (events, retries, per_try) = match rule {
            RouteRule::Http(route) | RouteRule::Http2(route) => {
                let Some(policy) = &route.retry_policy else {
                    return Some(default());
                };
                let events = Events {
                    http: &policy.http_retry_events,
                    tcp: &policy.tcp_retry_events,
                    grpc: &[],
                };
                (events, policy.max_retries, policy.per_retry_timeout)
            }
            RouteRule::Grpc(route) => {
                let Some(policy) = &route.retry_policy else {
                    return Some(default());
                };
                let events = Events {
                    http: &policy.http_retry_events,
                    tcp: &policy.tcp_retry_events,
                    grpc: &policy.grpc_retry_events,
                };
                (events, policy.max_retries, policy.per_retry_timeout)
            }
            RouteRule::Tcp(_) => return None,
        };
        let origin = origin.below(|at: Path<Rule>| at.retry_policy());
        let retry = policy(&events, retries, per_try);
        Some(Sourced::written(retry, origin))
    }

    /// Tries and the pauses between them must fit into the route's timeout. (The rules of the mesh look at tries
    /// without pauses.)
    pub(crate) fn check_pauses_fit(&self, retry: &Retry, timeout: &Sourced<Duration>, origin: &Origin) {
        let Some(Sourced { value: pause, .. }) = &retry.back_off else {
            return;
        };
        let per_try = retry.per_try.unwrap_or_default();
        let pauses = pause.max.saturating_mul(retry.retries);
        let tries = per_try.saturating_mul(retry.retries.saturating_add(1));
        let needed = tries.saturating_add(pauses);
        if timeout.value.is_zero() || needed <= timeout.value {
            return;
        }
        let seconds = |duration: Duration| format!("{} s", duration.as_secs_f64());
        self.report(
            Diagnostic::warning(
                codes::PAUSES_DO_NOT_FIT,
                format!(
                    "{} tries of up to {} with pauses of up to {} do not fit into the request timeout of {} ({})",
                    retry.retries.saturating_add(1),
                    seconds(per_try),
                    seconds(pause.max),
                    seconds(timeout.value),
                    timeout.source,
                ),
            )
            .help(format!("set the route's perRequest timeout to {} or more", seconds(needed)))
            .at(origin.below(|at: Path<Rule>| at.retry_policy()).place()),
        );
    }

    /// A route's pause between tries, which App Mesh had no field for.
    pub(crate) fn back_off(&self, route: &IndexedResource<'_, RouteSpec>) -> Option<Sourced<BackOff>> {
        let pause = route.resource.extensions.as_ref()?.route()?.retry_back_off?;
        let pause = BackOff {
            base: pause.base_interval.into(),
            max: Duration::from_millis(pause.max_millis()),
        };
        Some(Sourced::written(
            pause,
            Origin::at(&route.key, RouteExtensions::path().retry_back_off()),
        ))
    }
}

/// App Mesh's events in Envoy's words. Unknown ones are refused by the rules of the mesh.
fn policy(events: &Events<'_>, retries: u64, per_try: spec::Duration) -> Retry {
    let mut words: Vec<&'static str> = Vec::new();
    let mut status_codes: Vec<u32> = Vec::new();
    let has = |name: &str| events.http.iter().any(|event| event == name);
    if has("server-error") || has("gateway-error") {
        words.push("reset");
    }
    let mut grpc: Vec<&'static str> = events.grpc.iter().map(|event| event.name()).collect();
    grpc.sort_unstable();
    words.extend(grpc);
    if !events.tcp.is_empty() {
        words.push("connect-failure");
    }
    if has("stream-error") {
        words.push("refused-stream");
    }
    for (name, codes) in [
        ("server-error", SERVER_ERRORS),
        ("gateway-error", GATEWAY_ERRORS),
        ("client-error", CLIENT_ERRORS),
    ] {
        if has(name) {
            status_codes.extend(codes);
        }
    }
    if !status_codes.is_empty() {
        words.push("retriable-status-codes");
    }
    let mut kept = std::collections::BTreeSet::new();
    status_codes.retain(|code| kept.insert(*code));
    words.dedup();
    Retry {
        on: words,
        status_codes,
        retries: u32::try_from(retries).unwrap_or(u32::MAX),
        per_try: (!per_try.is_zero()).then(|| per_try.into()),
        back_off: None,
    }
}
