//! Retry policies, and whether timeouts can hold them.

use super::{Findings, codes, named, place};
use crate::diag::Diagnostic;
use crate::mesh::route_timeouts;
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::{Duration, RouteRule, RouteSpec};

const HTTP_EVENTS: [&str; 4] = ["server-error", "gateway-error", "client-error", "stream-error"];

pub(super) fn check(route: &Resource<RouteSpec>, report: &mut Findings) {
    events(route, report);
    request_timeout(route, report);
}

fn events(route: &Resource<RouteSpec>, report: &mut Findings) {
    let (http, others) = match &route.spec.rule {
        RouteRule::Http(r) | RouteRule::Http2(r) => match &r.retry_policy {
            Some(policy) => (&policy.http_retry_events, policy.tcp_retry_events.len()),
            None => return,
        },
        RouteRule::Grpc(r) => match &r.retry_policy {
            Some(policy) => (
                &policy.http_retry_events,
                policy.tcp_retry_events.len() + policy.grpc_retry_events.len(),
            ),
            None => return,
        },
        RouteRule::Tcp(_) => return,
    };
    let path = || RouteSpec::path().rule(&route.spec.rule).retry_policy();
    if http.is_empty() && others == 0 {
        report.error(
            codes::NO_RETRY_EVENTS,
            (&route.key, path()),
            format!("the retry policy of {} names no event", named(&route.key)),
            "name at least one, such as `gateway-error` among `httpRetryEvents`, or remove the policy",
        );
    }
    for (i, event) in http.iter().enumerate() {
        if !HTTP_EVENTS.contains(&event.as_str()) {
            report.error(
                codes::RETRY_EVENT,
                (&route.key, path().http_retry_events().at(i)),
                format!("`{event}` is not an HTTP retry event"),
                "use `server-error`, `gateway-error`, `client-error` or `stream-error`",
            );
        }
    }
}

/// All tries together within the request timeout.
fn request_timeout(route: &Resource<RouteSpec>, report: &mut Findings) {
    let rule = &route.spec.rule;
    let (Some((retries, each)), (Some(limit), _)) = (rule.retries(), route_timeouts(rule)) else {
        return;
    };
    let needed = each.as_millis().saturating_mul(retries.saturating_add(1));
    if limit.is_zero() || needed <= limit.as_millis() {
        return;
    }
    let path = || RouteSpec::path().rule(rule);
    let (origin, at) = match rule.per_request() {
        Some(_) => ("", Pointer::from(path().timeout().per_request())),
        None => (", the default", path().into()),
    };
    report.add(
        Diagnostic::warning(
            codes::RETRY_TIMEOUT,
            format!(
                "{} tries up to {} times for {each} each, {} together, but ends each request after {limit}{origin}",
                named(&route.key),
                retries.saturating_add(1),
                millis(needed)
            ),
        )
        .help(format!(
            "set `timeout.perRequest` to {} or more (or to 0, for no limit), or retry less",
            millis(needed)
        ))
        .at(place(&route.key, path().retry_policy()))
        .at(place(&route.key, at).label("the request timeout")),
    );
}

/// Milliseconds as a person writes them.
fn millis(millis: u64) -> String {
    let duration = if millis.is_multiple_of(1000) {
        Duration::seconds(millis / 1000)
    } else {
        Duration::millis(millis)
    };
    duration.to_string()
}
