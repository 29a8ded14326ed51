//! Sums measurements up, and prints them.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::Bench;
use crate::command;
use crate::failure::Result;
use crate::out;

/// What remains of several measurements of one thing.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) median: Duration,
    pub(super) least: Duration,
    pub(super) most: Duration,
}

impl Times {
    /// Of at least one measurement.
    pub(super) fn of(mut all: Vec<Duration>) -> Self {
        all.sort();
        let at = |index: usize| all.get(index).copied().unwrap_or_default();
        Self {
            median: at(all.len() / 2),
            least: at(0),
            most: at(all.len().saturating_sub(1)),
        }
    }

    /// `12.3 ms (11.9 to 14.0)`.
    pub(super) fn shown(&self) -> String {
        format!(
            "{} ({} to {})",
            millis(self.median),
            number(self.least),
            number(self.most)
        )
    }

    /// How many times as long as the other.
    pub(super) fn ratio(&self, other: &Self) -> String {
        format!(
            "{:.2} x",
            self.median.as_secs_f64() / other.median.as_secs_f64().max(1e-9)
        )
    }
}

/// A time as people read it.
pub(super) fn millis(time: Duration) -> String {
    format!("{} ms", number(time))
}

fn number(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    if millis < 100.0 {
        format!("{millis:.1}")
    } else {
        format!("{millis:.0}")
    }
}

pub(super) fn row(name: &str, value: &str) {
    out::line(&format!("  {name:<52}  {value}"));
}

/// What the figures were taken on and with.
pub(super) fn machine(bench: &Bench<'_>) -> Result<String> {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("", |(_, model)| model);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    let mut terraform = Command::new(&bench.terraform);
    let terraform = command::capture(terraform.arg("--version").env("CHECKPOINT_DISABLE", "1"))?;
    let terraform = terraform.lines().next().unwrap_or_default();
    let rustc = command::capture(Command::new("rustc").arg("--version"))?;
    Ok(format!(
        "{} {}, {cpus} processors {model}, load {load}; {terraform}; {}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        rustc.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_one_and_the_ends() {
        let times = Times::of([30, 10, 250].map(Duration::from_millis).to_vec());
        assert_eq!(times.shown(), "30.0 ms (10.0 to 250)");
        let half = Times::of(vec![Duration::from_millis(15)]);
        assert_eq!(half.ratio(&times), "0.50 x");
    }
}
