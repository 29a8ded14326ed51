//! Counters of the server, as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The upper bounds of the classes of duration, in seconds.
const BOUNDS: [f64; 8] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0];

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<(String, u16), u64>,
    durations: BTreeMap<String, Durations>,
}

#[derive(Debug, Default)]
struct Durations {
    classes: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}
#[derive(Debug)]
pub(crate) struct StreamCounts {
    pub(crate) open: usize,
    /// Of the open ones those that have the current release.
    pub(crate) current: usize,
    /// Responses that proxies refused since the server began.
    pub(crate) refused: u64,
}

impl Metrics {
    /// Counts a request that was answered.
    pub(crate) fn answered(&self, operation: &str, status: u16, took: Duration) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.requests.entry((operation.to_owned(), status)).or_default() += 1;
        let durations = counts.durations.entry(operation.to_owned()).or_default();
        let seconds = took.as_secs_f64();
        durations.count += 1;
        durations.sum += seconds;
        for (class, bound) in durations.classes.iter_mut().zip(BOUNDS) {
            *class += u64::from(seconds <= bound);
        }
    }

    /// All of it as text.
    pub(crate) fn text(&self, store_answers: bool, streams: &StreamCounts) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        head(
            &mut out,
            "meshform_store_up",
            "gauge",
            "Whether the store answered last.",
        );
        let _ = writeln!(out, "meshform_store_up {}", u8::from(store_answers));
        let StreamCounts {
            open,
            current,
            refused,
        } = streams;
        head(
            &mut out,
            "meshform_xds_streams",
            "gauge",
            "Streams of proxies that are open.",
        );
        let _ = writeln!(out, "meshform_xds_streams {open}");
        head(
            &mut out,
            "meshform_xds_streams_current",
            "gauge",
            "Those that have the current release.",
        );
        let _ = writeln!(out, "meshform_xds_streams_current {current}");
        head(
            &mut out,
            "meshform_xds_refused_total",
            "counter",
            "Responses that proxies refused.",
        );
        let _ = writeln!(out, "meshform_xds_refused_total {refused}");
        let name = "meshform_api_requests_total";
        head(
            &mut out,
            name,
            "counter",
            "Requests answered, by operation and HTTP status.",
        );
        for ((operation, status), count) in &counts.requests {
            let _ = writeln!(
                out,
                "{name}{{operation=\"{operation}\",status=\"{status}\"}} {count}"
            );
        }
        let name = "meshform_api_request_seconds";
        head(&mut out, name, "histogram", "How long requests took.");
        for (operation, durations) in &counts.durations {
            for (count, bound) in durations.classes.iter().zip(BOUNDS) {
                let _ = writeln!(
                    out,
                    "{name}_bucket{{operation=\"{operation}\",le=\"{bound}\"}} {count}"
                );
            }
            let Durations { count, sum, .. } = durations;
            let _ = writeln!(
                out,
                "{name}_bucket{{operation=\"{operation}\",le=\"+Inf\"}} {count}"
            );
            let _ = writeln!(out, "{name}_sum{{operation=\"{operation}\"}} {sum}");
            let _ = writeln!(out, "{name}_count{{operation=\"{operation}\"}} {count}");
        }
        out
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_operation_and_status() {
        let metrics = Metrics::default();
        metrics.answered("CreateMesh", 200, Duration::from_millis(2));
        metrics.answered("CreateMesh", 409, Duration::from_millis(20));
        let streams = StreamCounts {
            open: 2,
            current: 1,
            refused: 0,
        };
        let text = metrics.text(true, &streams);
        for line in [
            "meshform_api_requests_total{operation=\"CreateMesh\",status=\"409\"} 1",
            "meshform_api_request_seconds_bucket{operation=\"CreateMesh\",le=\"0.003\"} 1",
            "meshform_api_request_seconds_bucket{operation=\"CreateMesh\",le=\"0.03\"} 2",
            "meshform_api_request_seconds_count{operation=\"CreateMesh\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
