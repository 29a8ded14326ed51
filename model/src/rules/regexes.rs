//! Regular expressions in matches: what RE2 refuses, and what may be too large for it.

use super::{Report, codes, named, re2};
use crate::key::ResourceKey;
use crate::resource::Resource;
use crate::spec::{
    GatewayRouteRule, GatewayRouteSpec, HeaderMatchMethod, HttpPathMatch, HttpRouteHeader, RouteRule,
    RouteSpec,
};

/// The largest program that App Mesh's proxies took.
const LARGE_PROGRAM: u64 = 1000;

/// The largest program at all. The size is an estimate, so every bootstrap lets Envoy take five times as much: what
/// passes here passes there.
const MAX_PROGRAM: u64 = 10_000;

pub(super) fn route(route: &Resource<RouteSpec>, report: &mut Report) {
    let at = Match {
        key: &route.key,
        field: route.spec.rule.field(),
    };
    match &route.spec.rule {
        RouteRule::Http(route) | RouteRule::Http2(route) => {
            at.path(route.r#match.path.as_ref(), report);
            at.headers("headers", &route.r#match.headers, report);
        }
        RouteRule::Grpc(route) => at.headers("metadata", &route.r#match.metadata, report),
        RouteRule::Tcp(_) => {}
    }
}

pub(super) fn gateway_route(route: &Resource<GatewayRouteSpec>, report: &mut Report) {
    let at = Match {
        key: &route.key,
        field: route.spec.rule.field(),
    };
    match &route.spec.rule {
        GatewayRouteRule::Http(route) | GatewayRouteRule::Http2(route) => {
            at.path(route.r#match.path.as_ref(), report);
            at.headers("headers", &route.r#match.headers, report);
        }
        GatewayRouteRule::Grpc(route) => at.headers("metadata", &route.r#match.metadata, report),
    }
}

/// The match of a route.
struct Match<'a> {
    key: &'a ResourceKey,
    field: &'static str,
}

impl Match<'_> {
    fn path(&self, path: Option<&HttpPathMatch>, report: &mut Report) {
        if let Some(regex) = path.and_then(|path| path.regex.as_ref()) {
            self.regex("path/regex", regex, report);
        }
    }

    fn headers(&self, list: &str, headers: &[HttpRouteHeader], report: &mut Report) {
        for (i, header) in headers.iter().enumerate() {
            if let Some(HeaderMatchMethod::Regex(regex)) = &header.r#match {
                self.regex(&format!("{list}/{i}/match/regex"), regex, report);
            }
        }
    }

    fn regex(&self, path: &str, regex: &str, report: &mut Report) {
        let at = format!("/spec/{}/match/{path}", self.field);
        match re2::parse(regex) {
            Err(refused) => report.error(
                codes::REGEX,
                (self.key, &at),
                format!(
                    "`{regex}` in {} is not a regular expression of RE2: {}",
                    named(self.key),
                    refused.why
                ),
                refused.help,
            ),
            Ok(size) if size > LARGE_PROGRAM => {
                let help =
                    "repeat less often, or match ASCII classes such as `[a-z]` in place of `.` and `[^…]`";
                let what = format!("`{regex}` in {} may take {size} instructions", named(self.key));
                if size > MAX_PROGRAM {
                    let message = format!("{what}, more than the {MAX_PROGRAM} that are let through");
                    report.error(codes::REGEX_SIZE, (self.key, &at), message, help);
                } else {
                    let message = format!("{what}; App Mesh took {LARGE_PROGRAM}");
                    report.warning(codes::REGEX_SIZE, (self.key, &at), message, help);
                }
            }
            Ok(_) => {}
        }
    }
}
