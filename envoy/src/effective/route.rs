//! Route tables: which request goes where, how long it may take, how often it is tried.

use super::{Effective, EffectiveSection, Unset, seconds, shares, time};
use crate::ir::Source;
use crate::ir::route::{
    Action, BackOff, HeaderMatch, Matcher, PathMatch, PathRewrite, QueryMatch, Retry, Route, RouteTable,
    ValueMatch, VirtualHost,
};

pub(super) fn tell(list: &mut Vec<Effective>, of: &RouteTable) {
    let RouteTable {
        name,
        origin,
        hosts,
        any_port,
        remove_headers,
    } = of;
    let mut out = EffectiveSection::new(list, format!("routes {name}"));
    if *any_port {
        out.tell("port in the host of a request", "not looked at", Source::Meshform);
    }
    if !remove_headers.is_empty() {
        out.field(
            "headers of requests taken away",
            remove_headers.join(", "),
            origin,
        );
    }
    for host in hosts {
        let VirtualHost {
            name: host,
            origin,
            domains,
            routes,
        } = &**host;
        let at = format!("routes {name} / {host}");
        EffectiveSection::new(list, at.clone()).field("hosts", domains.join(", "), origin);
        for one in routes {
            route(
                &mut EffectiveSection::new(list, format!("{at} / {}", one.name)),
                one,
            );
        }
    }
}

fn route(out: &mut EffectiveSection<'_>, of: &Route) {
    let Route {
        name: _,
        origin,
        matcher,
        action,
    } = of;
    out.field("takes", conditions(matcher), origin);
    let Action {
        targets,
        timeout,
        idle_timeout,
        retry,
        host_rewrite,
        path_rewrite,
        set_header,
        remove_headers,
    } = action;
    let targets = shares(
        targets
            .iter()
            .map(|target| (target.label.as_str(), target.weight)),
    );
    out.field("targets", targets, origin);
    out.add("timeout", timeout, time);
    out.or(
        "idle timeout",
        idle_timeout.as_ref(),
        time,
        Unset {
            means: "300 s",
            whose: Source::Envoy,
        },
    );
    if let Some(host) = host_rewrite {
        out.field("host rewritten to", host, origin);
    }
    match path_rewrite {
        Some(PathRewrite::Matched(with)) => out.field("what matched of the path becomes", with, origin),
        Some(PathRewrite::Whole(with)) => out.field("the path becomes", with, origin),
        None => {}
    }
    if let Some((name, value)) = set_header {
        out.tell(&format!("header {name}"), value, Source::Meshform);
    }
    if !remove_headers.is_empty() {
        let names = remove_headers.join(", ");
        out.tell("headers of the client taken away", names, Source::Meshform);
    }
    match retry {
        None => out.tell("retries", "0", Source::AppMesh),
        Some(policy) => {
            let Retry {
                on: _,
                status_codes: _,
                retries: _,
                per_try: _,
                back_off,
            } = &policy.value;
            out.add("retries", policy, |retry| retry.retries.to_string());
            out.add("retry on", policy, on);
            out.add("per try", policy, |retry| {
                retry.per_try.as_ref().map_or("no limit".to_owned(), time)
            });
            let another = "another one than before, where there is one";
            out.tell("host of a retry", another, Source::AppMesh);
            out.or(
                "pause between tries",
                back_off.as_ref(),
                back_off_words,
                Unset {
                    means: "up to 0.025 s, doubling up to 0.25 s",
                    whose: Source::Envoy,
                },
            );
        }
    }
}

fn on(retry: &Retry) -> String {
    let codes: Vec<String> = retry.status_codes.iter().map(u32::to_string).collect();
    let words: Vec<String> = retry
        .on
        .iter()
        .map(|word| match *word {
            "retriable-status-codes" => format!("status {}", codes.join(" ")),
            word => word.to_owned(),
        })
        .collect();
    words.join(", ")
}

fn back_off_words(pause: &BackOff) -> String {
    format!(
        "up to {}, doubling up to {}",
        seconds(&pause.base),
        seconds(&pause.max)
    )
}

/// What a request must be, all of it.
fn conditions(of: &Matcher) -> String {
    let Matcher {
        path,
        grpc,
        headers,
        query,
    } = of;
    let mut all = Vec::new();
    match path {
        PathMatch::Prefix(prefix) if prefix == "/" => {}
        PathMatch::Prefix(prefix) => all.push(format!("path begins with `{prefix}`")),
        PathMatch::Exact(path) => all.push(format!("path is `{path}`")),
        PathMatch::Regex(pattern) => all.push(format!("path as a whole matches `{pattern}`")),
    }
    if *grpc {
        all.push("gRPC".to_owned());
    }
    all.extend(headers.iter().map(header));
    all.extend(query.iter().map(|QueryMatch { name, exact }| match exact {
        Some(value) => format!("query parameter `{name}` is `{value}`"),
        None => format!("query parameter `{name}` is there"),
    }));
    if all.is_empty() {
        "every request".to_owned()
    } else {
        all.join(" and ")
    }
}

fn header(of: &HeaderMatch) -> String {
    let HeaderMatch { name, value, invert } = of;
    // The condition as it stands, and its opposite.
    let (is, is_not) = match value {
        ValueMatch::Present => ("is there".to_owned(), "is missing".to_owned()),
        ValueMatch::Exact(value) => (format!("is `{value}`"), format!("is not `{value}`")),
        ValueMatch::Prefix(value) => (
            format!("begins with `{value}`"),
            format!("does not begin with `{value}`"),
        ),
        ValueMatch::Suffix(value) => (
            format!("ends with `{value}`"),
            format!("does not end with `{value}`"),
        ),
        ValueMatch::Regex(pattern) => (
            format!("as a whole matches `{pattern}`"),
            format!("as a whole does not match `{pattern}`"),
        ),
        ValueMatch::Range { start, end } => (
            format!("is a whole number from {start} to below {end}"),
            format!("is not a whole number from {start} to below {end}"),
        ),
    };
    let what = if *invert { is_not } else { is };
    format!("`{name}` {what}")
}
