//! `cargo xtask soak`: promises that take long to show, run large.
//!
//! Each is a test that CI runs small; a variable makes it large, and its lines say what was measured. A new one is an
//! entry of [`PROMISES`]. A variable that is set already wins, so `MESHFORM_KILLS=1000 cargo xtask soak --only kills`
//! asks for more.

use std::time::Instant;

use crate::cargo::cargo;
use crate::checkout::Checkout;
use crate::choice::{self, Part};
use crate::command;
use crate::failure::Result;
use crate::out;
use crate::test;

/// A test that can be run large.
struct SoakTest {
    name: &'static str,
    about: &'static str,
    package: &'static str,
    /// The test program; none: the library's own tests.
    target: Option<&'static str>,
    /// What the names of its tests begin with.
    tests: &'static str,
    variables: &'static [(&'static str, &'static str)],
}

impl Part for SoakTest {
    fn name(&self) -> &'static str {
        self.name
    }
}

const PROMISES: &[SoakTest] = &[
    SoakTest {
        name: "rolling",
        about: "100,000 requests while ECS replaces callers and called, none fails; the same with Envoy alone",
        package: "meshform-acceptance",
        target: Some("agent"),
        tests: "rolling::",
        variables: &[
            ("MESHFORM_ROLLING_REQUESTS", "100000"),
            ("MESHFORM_ROLLING_BARE", "1"),
        ],
    },
    SoakTest {
        name: "kills",
        about: "agent and Envoy killed at random 100 times under load",
        package: "meshform-acceptance",
        target: Some("agent"),
        tests: "kills::",
        variables: &[("MESHFORM_KILLS", "100")],
    },
    SoakTest {
        name: "meshes",
        about: "5,000 meshes made up from the schema: what the rules accept, Envoy accepts",
        package: "meshform-envoy",
        target: Some("batches"),
        tests: "",
        variables: &[("MESHFORM_MESHES", "5000")],
    },
    SoakTest {
        name: "applies",
        about: "applies of 1,000 proxies at 200 ms a request of the bucket, 4 ms a file operation, beside 30 busy \
                threads: every proxy has what was applied",
        package: "meshform-acceptance",
        target: Some("promises"),
        tests: "an_apply_waits_for_",
        variables: &[
            ("MESHFORM_PROXIES", "1000"),
            ("MESHFORM_REQUEST_MS", "200"),
            ("MESHFORM_BUSY", "30"),
        ],
    },
    SoakTest {
        name: "bucket",
        about: "5,000 histories of a store on a simulated storage that loses requests and answers: every acknowledged \
                write is there, none twice",
        package: "meshform-store",
        target: None,
        tests: "bucket::tests::simulated::",
        variables: &[("MESHFORM_SEEDS", "5000")],
    },
];

pub(crate) fn run(checkout: &Checkout, arguments: &[String]) -> Result<bool> {
    let Some(chosen) = chosen(arguments)? else {
        for promise in PROMISES {
            out::line(&format!("{:<10} {}", promise.name, promise.about));
        }
        return Ok(true);
    };
    let environment = test::environment(checkout)?;
    let mut all_hold = true;
    for promise in chosen {
        out::line(&format!("\n=== {}: {}", promise.name, promise.about));
        let begun = Instant::now();
        let mut tests = cargo(checkout);
        tests.args(["test", "--package", promise.package]);
        match promise.target {
            Some(target) => tests.args(["--test", target]),
            None => tests.args(["--lib", "--features", "bucket"]),
        };
        tests.args([promise.tests, "--", "--nocapture", "--test-threads", "1"]);
        tests.envs(environment.iter().map(|(name, value)| (name, value)));
        for (name, value) in promise.variables {
            if std::env::var_os(name).is_none() {
                tests.env(name, value);
            }
        }
        let holds = command::stream(&mut tests)?.success();
        all_hold &= holds;
        let verdict = if holds { "holds" } else { "FAILED" };
        out::line(&format!(
            "{}: {verdict}, {:.0} s",
            promise.name,
            begun.elapsed().as_secs_f64()
        ));
    }
    Ok(all_hold)
}

/// The promises to run; nothing when they are only to be listed.
fn chosen(arguments: &[String]) -> Result<Option<Vec<&'static SoakTest>>> {
    choice::chosen("soak", "promise", PROMISES, arguments)
}
