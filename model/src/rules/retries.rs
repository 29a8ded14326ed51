//! Retry policies, and whether timeouts can hold them.

use super::{Report, codes, named, place};
use crate::diag::Diagnostic;
use crate::mesh::{Mesh, listener_timeouts, route_timeouts};
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::{Duration, RouteRule, RouteSpec, VirtualNodeSpec};

const HTTP_EVENTS: [&str; 4] = ["server-error", "gateway-error", "client-error", "stream-error"];

pub(super) fn check(mesh: &Mesh, route: &Resource<RouteSpec>, report: &mut Report) {
    events(route, report);
    request_timeout(route, report);
    listener_timeout(mesh, route, report);
}

fn events(route: &Resource<RouteSpec>, report: &mut Report) {
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
            "name at least one, such as `gateway-error` among `httpRetryEvents`, or take the policy out",
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
fn request_timeout(route: &Resource<RouteSpec>, report: &mut Report) {
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

/// What the route allows a single try, the targets' listeners allow too. Only what somebody wrote down is
/// held against them: a route that says nothing means the listener's limit.
fn listener_timeout(mesh: &Mesh, route: &Resource<RouteSpec>, report: &mut Report) {
    let rule = &route.spec.rule;
    let each = rule
        .retries()
        .map(|(_, each)| each)
        .filter(|each| !each.is_zero());
    let path = || RouteSpec::path().rule(rule);
    let (at, allowed) = match (each, rule.per_request()) {
        (Some(each), Some(request)) if request.is_zero() || each.as_millis() <= request.as_millis() => {
            (path().retry_policy().per_retry_timeout(), each)
        }
        (_, Some(request)) => (path().timeout().per_request(), request),
        (Some(each), None) => (path().retry_policy().per_retry_timeout(), each),
        (None, None) => return,
    };
    for target in rule.targets().iter().filter(|target| target.weight > 0) {
        let Some((node, listener)) = mesh.listener_of(target) else {
            continue;
        };
        let (Some(limit), _) = listener_timeouts(listener) else {
            continue;
        };
        let short = !limit.is_zero() && (allowed.is_zero() || limit.as_millis() < allowed.as_millis());
        if !short {
            continue;
        }
        let port = listener.port_mapping.port;
        let index = node
            .spec
            .listeners
            .iter()
            .position(|l| l.port_mapping.port == port);
        let set = listener
            .timeout
            .as_ref()
            .is_some_and(|t| t.per_request().is_some());
        report.add(
            Diagnostic::warning(
                codes::LISTENER_TIMEOUT,
                format!(
                    "{} allows {}, but port {port} of {} ends each request after {limit}{}",
                    named(&route.key),
                    span(allowed),
                    named(&node.key),
                    if set { "" } else { ", the default" }
                ),
            )
            .help(format!(
                "set `timeout.{}.perRequest` of the listener too",
                listener.port_mapping.protocol
            ))
            .at(place(&route.key, &at))
            .at(place(
                &node.key,
                VirtualNodeSpec::path().listeners().at(index.unwrap_or_default()),
            )
            .label("the target's listener")),
        );
    }
}

fn span(duration: Duration) -> String {
    if duration.is_zero() {
        "any time".to_owned()
    } else {
        duration.to_string()
    }
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
