//! Durations: what Envoy refuses although a number is one.

use super::{Findings, codes, named};
use crate::key::ResourceKey;
use crate::path::Path;
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::{Duration, Extensions, ProxyProfileSpec, RouteExtensions, RouteSpec, VirtualNodeSpec};

/// A hundred years. Protobuf ends at ten thousand, but Envoy counts some durations in nanoseconds, which end at 292.
const LONGEST: Duration = Duration::seconds(3_155_760_000);

/// The longest pause between two deliveries of statistics.
const LONGEST_FLUSH: Duration = Duration::millis(299_999);

pub(super) fn node(node: &Resource<VirtualNodeSpec>, report: &mut Findings) {
    for (i, listener) in node.spec.listeners.iter().enumerate() {
        let path = || VirtualNodeSpec::path().listeners().at(i);
        let at = DurationScope::of(&node.key, path());
        if let Some(timeout) = &listener.timeout {
            let path = || path().timeout().of(timeout);
            at.any(|| path().per_request(), timeout.per_request(), report);
            at.any(|| path().idle(), timeout.idle(), report);
        }
        if let Some(detection) = &listener.outlier_detection {
            let path = || path().outlier_detection();
            at.some(|| path().interval(), detection.interval, report);
            at.some(
                || path().base_ejection_duration(),
                detection.base_ejection_duration,
                report,
            );
        }
    }
}

pub(super) fn route(route: &Resource<RouteSpec>, report: &mut Findings) {
    let rule = &route.spec.rule;
    let path = || RouteSpec::path().rule(rule);
    let at = DurationScope::of(&route.key, path());
    at.any(|| path().timeout().per_request(), rule.per_request(), report);
    at.any(|| path().timeout().idle(), rule.idle(), report);
    at.any(
        || path().retry_policy().per_retry_timeout(),
        rule.retries().map(|(_, each)| each),
        report,
    );
    let pause = route.extensions.as_ref().and_then(Extensions::route);
    if let Some(pause) = pause.and_then(|extensions| extensions.retry_back_off) {
        let path = || RouteExtensions::path().retry_back_off();
        let at = DurationScope::of(&route.key, path());
        at.any(|| path().base_interval(), Some(pause.base_interval), report);
        // Without a longest pause it is ten times the first.
        let longest = Duration::millis(pause.max_millis());
        if pause.max_interval.is_none() && pause.base_interval.as_millis() <= LONGEST.as_millis() {
            at.any(|| path().base_interval(), Some(longest), report);
        }
        at.any(|| path().max_interval(), pause.max_interval, report);
    }
}

pub(super) fn profile(profile: &Resource<ProxyProfileSpec>, report: &mut Findings) {
    let spec = &profile.spec;
    let path = ProxyProfileSpec::path;
    let at = DurationScope::of(&profile.key, path());
    at.any(
        || path().drain().time(),
        spec.drain.as_ref().and_then(|drain| drain.time),
        report,
    );
    at.any(
        || path().initial_fetch_timeout(),
        spec.initial_fetch_timeout,
        report,
    );
    at.any(
        || path().edge().request_headers_timeout(),
        spec.edge.as_ref().and_then(|edge| edge.request_headers_timeout),
        report,
    );
    let flush = spec.metrics.as_ref().and_then(|metrics| metrics.flush_interval);
    if let Some(flush) =
        flush.filter(|flush| flush.is_zero() || flush.as_millis() > LONGEST_FLUSH.as_millis())
    {
        at.refuse(
            path().metrics().flush_interval(),
            flush,
            "give at least 1 ms and less than 300 s",
            report,
        );
    }
}

/// A part of a resource in which durations stand.
struct DurationScope<'a> {
    key: &'a ResourceKey,
    base: Pointer,
}

impl<'a> DurationScope<'a> {
    fn of<T>(key: &'a ResourceKey, base: Path<T>) -> Self {
        Self {
            key,
            base: base.into(),
        }
    }

    /// A duration that may be zero, which mostly means that nothing ends.
    fn any(&self, path: impl FnOnce() -> Path<Duration>, duration: Option<Duration>, report: &mut Findings) {
        if let Some(duration) = duration.filter(|duration| duration.as_millis() > LONGEST.as_millis()) {
            self.refuse(
                path(),
                duration,
                "give at most 100 years, or 0 for a timeout without a limit",
                report,
            );
        }
    }

    /// A duration that is not zero.
    fn some(&self, path: impl Fn() -> Path<Duration>, duration: Duration, report: &mut Findings) {
        if duration.is_zero() {
            self.refuse(path(), duration, "give more than 0, such as 10 s", report);
        }
        self.any(path, Some(duration), report);
    }

    fn refuse(&self, path: Path<Duration>, duration: Duration, help: &str, report: &mut Findings) {
        let message = format!(
            "Envoy rejects {duration} as `{}` of {}",
            self.shown(&path),
            named(self.key)
        );
        report.error(codes::DURATION, (self.key, path), message, help);
    }

    /// A field as it is called within the part: `timeout/perRequest`.
    fn shown(&self, path: &Path<Duration>) -> String {
        let segments = path.pointer().segments().iter();
        let below: Pointer = segments.skip(self.base.segments().len()).cloned().collect();
        below.to_string().trim_start_matches('/').to_owned()
    }
}
