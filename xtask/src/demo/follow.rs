//! How long it takes until a change of weights is what requests meet: the parts of the demo as a measurement.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use meshform_acceptance::http::Client;

use super::Folders;
use super::HOST;
use super::forms::Meshform;
use super::live::{self, DemoMark, Ports, RunningEnvoy};
use super::terraform::Terraform;
use crate::children::Children;
use crate::failure::{Failure, Result};
use crate::work::free_ports;

const DAY: i64 = 24 * 60 * 60 * 1000;
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Programs<'a> {
    pub(crate) terraform: &'a Path,
    pub(crate) envoy: &'a Path,
    pub(crate) provider: &'a Path,
    pub(crate) meshform: &'a Path,
}

/// Moves all requests from one target to the other, so many times; gives the times from the record's write to the
/// first answer of the new target.
pub(crate) fn measure(
    programs: &Programs<'_>,
    example: &Path,
    work: &Path,
    children: &Children,
    runs: usize,
) -> Result<Vec<Duration>> {
    let folders = Folders::below(work);
    folders.make()?;
    let [serviceb, servicebv2, proxy, inbound, admin] = free_ports()?;
    let ports = Ports {
        serviceb,
        servicebv2,
        proxy,
        inbound,
        admin,
    };
    let terraform = Terraform::new(programs.terraform, example, &folders.module, children)?;
    let meshform = Meshform {
        program: programs.meshform,
        children,
        dir: &folders.module,
        out: &folders.forms,
    };
    meshform.install_provider(programs.provider, &terraform.plugins())?;
    terraform.settings(&ports.settings(&folders.published))?;
    terraform.weights(100, 0, true)?;
    terraform.init()?;
    terraform.apply()?;
    let mark = DemoMark::at(folders.running.clone());
    mark.set(ports, programs.terraform)?;
    for (name, port) in [("serviceb", serviceb), ("servicebv2", servicebv2)] {
        live::start_service(children, name, port, &mark, &folders.logs)?;
    }
    let directory = folders.published.join("apps/virtualNode/servicea");
    let envoy = RunningEnvoy::start(children, programs.envoy, &directory, admin, &folders.logs)?;
    let mut measured = Vec::new();
    for run in 0..runs {
        let (to, weights) = if run % 2 == 0 {
            ("servicebv2", (0, 100))
        } else {
            ("serviceb", (100, 0))
        };
        terraform.weights(weights.0, weights.1, true)?;
        measured.push(once(&terraform, proxy, to)?);
        envoy.sound()?;
    }
    children.end();
    mark.end()?;
    Ok(measured)
}

/// Sends requests without a pause until the new target answers, while Terraform applies.
fn once(terraform: &Terraform<'_>, proxy: u16, to: &'static str) -> Result<Duration> {
    let done = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&done);
    let prober = std::thread::spawn(move || {
        let mut client = Client::new(live::local(proxy));
        let started = std::time::Instant::now();
        while !stop.load(Ordering::Relaxed) && started.elapsed() < PATIENCE {
            let answer = client.get(HOST, "/", &[]);
            if answer.is_ok_and(|answer| answer.service() == to) {
                return Some(now());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        None
    });
    let applied = terraform.apply();
    if applied.is_err() {
        done.store(true, Ordering::Relaxed);
    }
    let answered = prober.join().unwrap_or_default();
    applied?;
    let answered =
        answered.ok_or_else(|| Failure::new(format!("no request came to {to} within {PATIENCE:?}")))?;
    let written = terraform.updated("appmesh_route.by_weight")?;
    let written = millis_of_day(&written).ok_or_else(|| Failure::new(format!("`{written}` is no time")))?;
    Ok(Duration::from_millis(
        (answered - written).rem_euclid(DAY).unsigned_abs(),
    ))
}

/// Milliseconds since midnight, UTC.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default() % DAY
}

/// Milliseconds since midnight of a time such as `2026-11-23T19:33:01.720Z`.
fn millis_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split_once('T')?.1.strip_suffix('Z')?.split(':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let (seconds, fraction) = parts.next()?.split_once('.').unwrap_or_default();
    let seconds: i64 = seconds.parse().ok()?;
    let millis: i64 = fraction.get(..3)?.parse().ok()?;
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_day_are_read() {
        assert_eq!(millis_of_day("2026-11-23T01:02:03.456Z"), Some(3_723_456));
        assert_eq!(millis_of_day("2026-11-23"), None);
        assert_eq!(millis_of_day("2026-11-23T01:02Z"), None);
    }
}
