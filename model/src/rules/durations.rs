//! Durations: what Envoy refuses although a number is one.

use super::{Report, codes, named};
use crate::key::ResourceKey;
use crate::resource::Resource;
use crate::spec::{Duration, Extensions, ProxyProfileSpec, RouteSpec, VirtualNodeSpec};

/// A hundred years. Protobuf ends at ten thousand, but Envoy counts some durations in nanoseconds, which end at 292.
const LONGEST: Duration = Duration::seconds(3_155_760_000);

/// The longest pause between two deliveries of statistics.
const LONGEST_FLUSH: Duration = Duration::millis(299_999);

pub(super) fn node(node: &Resource<VirtualNodeSpec>, report: &mut Report) {
    for (i, listener) in node.spec.listeners.iter().enumerate() {
        let at = At {
            key: &node.key,
            path: format!("/spec/listeners/{i}"),
        };
        if let Some(timeout) = &listener.timeout {
            let of = format!("timeout/{}", timeout.protocol());
            at.any(&format!("{of}/perRequest"), timeout.per_request(), report);
            at.any(&format!("{of}/idle"), timeout.idle(), report);
        }
        if let Some(detection) = &listener.outlier_detection {
            at.some("outlierDetection/interval", detection.interval, report);
            at.some(
                "outlierDetection/baseEjectionDuration",
                detection.base_ejection_duration,
                report,
            );
        }
    }
}

pub(super) fn route(route: &Resource<RouteSpec>, report: &mut Report) {
    let rule = &route.spec.rule;
    let at = At {
        key: &route.key,
        path: format!("/spec/{}", rule.field()),
    };
    at.any("timeout/perRequest", rule.per_request(), report);
    at.any("timeout/idle", rule.idle(), report);
    at.any(
        "retryPolicy/perRetryTimeout",
        rule.retries().map(|(_, each)| each),
        report,
    );
    let pause = route.extensions.as_ref().and_then(Extensions::route);
    if let Some(pause) = pause.and_then(|extensions| extensions.retry_back_off) {
        let at = At {
            key: &route.key,
            path: "/extensions/retryBackOff".to_owned(),
        };
        at.any("baseInterval", Some(pause.base_interval), report);
        // Without a longest pause it is ten times the first.
        let longest = Duration::millis(pause.max_millis());
        if pause.max_interval.is_none() && pause.base_interval.as_millis() <= LONGEST.as_millis() {
            at.any("baseInterval", Some(longest), report);
        }
        at.any("maxInterval", pause.max_interval, report);
    }
}

pub(super) fn profile(profile: &Resource<ProxyProfileSpec>, report: &mut Report) {
    let at = At {
        key: &profile.key,
        path: "/spec".to_owned(),
    };
    at.any(
        "drain/time",
        profile.spec.drain.as_ref().and_then(|drain| drain.time),
        report,
    );
    at.any("initialFetchTimeout", profile.spec.initial_fetch_timeout, report);
    at.any(
        "edge/requestHeadersTimeout",
        profile
            .spec
            .edge
            .as_ref()
            .and_then(|edge| edge.request_headers_timeout),
        report,
    );
    let flush = profile
        .spec
        .metrics
        .as_ref()
        .and_then(|metrics| metrics.flush_interval);
    if let Some(flush) =
        flush.filter(|flush| flush.is_zero() || flush.as_millis() > LONGEST_FLUSH.as_millis())
    {
        at.refuse(
            "metrics/flushInterval",
            flush,
            "give at least 1 ms and less than 300 s",
            report,
        );
    }
}

/// A resource, and where in it durations stand.
struct At<'a> {
    key: &'a ResourceKey,
    path: String,
}

impl At<'_> {
    /// A duration that may be zero, which mostly means that nothing ends.
    fn any(&self, field: &str, duration: Option<Duration>, report: &mut Report) {
        if let Some(duration) = duration.filter(|duration| duration.as_millis() > LONGEST.as_millis()) {
            self.refuse(
                field,
                duration,
                "give at most 100 years, or for timeouts 0 for no end",
                report,
            );
        }
    }

    /// A duration that is not zero.
    fn some(&self, field: &str, duration: Duration, report: &mut Report) {
        if duration.is_zero() {
            self.refuse(field, duration, "give more than 0, such as 10 s", report);
        }
        self.any(field, Some(duration), report);
    }

    fn refuse(&self, field: &str, duration: Duration, help: &str, report: &mut Report) {
        report.error(
            codes::DURATION,
            (self.key, &format!("{}/{field}", self.path)),
            format!(
                "Envoy does not take {duration} as `{field}` of {}",
                named(self.key)
            ),
            help,
        );
    }
}
