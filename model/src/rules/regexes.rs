//! Regular expressions in matches: what RE2 refuses, and what may be too large for it.

use super::{Findings, codes, named, re2};
use crate::key::ResourceKey;
use crate::path::Path;
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

pub(super) fn route(route: &Resource<RouteSpec>, report: &mut Findings) {
    let at = Texts(&route.key);
    let rule = &route.spec.rule;
    let path = || RouteSpec::path().rule(rule).r#match();
    match rule {
        RouteRule::Http(route) | RouteRule::Http2(route) => {
            at.path(|| path().path(), route.r#match.path.as_ref(), report);
            at.headers(|| path().headers(), &route.r#match.headers, report);
        }
        RouteRule::Grpc(route) => at.headers(|| path().metadata(), &route.r#match.metadata, report),
        RouteRule::Tcp(_) => {}
    }
}

pub(super) fn gateway_route(route: &Resource<GatewayRouteSpec>, report: &mut Findings) {
    let at = Texts(&route.key);
    let rule = &route.spec.rule;
    let path = || GatewayRouteSpec::path().rule(rule).r#match();
    match rule {
        GatewayRouteRule::Http(route) | GatewayRouteRule::Http2(route) => {
            at.path(|| path().path(), route.r#match.path.as_ref(), report);
            at.headers(|| path().headers(), &route.r#match.headers, report);
        }
        GatewayRouteRule::Grpc(route) => at.headers(|| path().metadata(), &route.r#match.metadata, report),
    }
}

/// The resource in which the expressions stand.
struct Texts<'a>(&'a ResourceKey);

impl Texts<'_> {
    fn path(
        &self,
        at: impl FnOnce() -> Path<HttpPathMatch>,
        path: Option<&HttpPathMatch>,
        report: &mut Findings,
    ) {
        if let Some(regex) = path.and_then(|path| path.regex.as_ref()) {
            self.regex(&at().regex(), regex, report);
        }
    }

    fn headers(
        &self,
        at: impl Fn() -> Path<Vec<HttpRouteHeader>>,
        headers: &[HttpRouteHeader],
        report: &mut Findings,
    ) {
        for (i, header) in headers.iter().enumerate() {
            if let Some(HeaderMatchMethod::Regex(regex)) = &header.r#match {
                self.regex(&at().at(i).r#match().regex(), regex, report);
            }
        }
    }

    fn regex(&self, at: &Path<String>, regex: &str, report: &mut Findings) {
        match re2::parse(regex) {
            Err(refused) => report.error(
                codes::REGEX,
                (self.0, at),
                format!(
                    "`{regex}` in {} is not a regular expression of RE2: {}",
                    named(self.0),
                    refused.why
                ),
                refused.help,
            ),
            Ok(size) if size > LARGE_PROGRAM => {
                let help =
                    "repeat less often, or match ASCII classes such as `[a-z]` in place of `.` and `[^…]`";
                let what = format!("`{regex}` in {} may take {size} instructions", named(self.0));
                if size > MAX_PROGRAM {
                    let message = format!("{what}, more than the {MAX_PROGRAM} that are allowed");
                    report.error(codes::REGEX_SIZE, (self.0, at), message, help);
                } else {
                    let message = format!("{what}; App Mesh allowed {LARGE_PROGRAM}");
                    report.warning(codes::REGEX_SIZE, (self.0, at), message, help);
                }
            }
            Ok(_) => {}
        }
    }
}
