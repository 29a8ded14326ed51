//! The steps of `cargo xtask test`.
//!
//! Lints and tests ask cargo for the whole workspace, or for fewer targets of it: then each dependency has the same
//! features in these steps, and is compiled once to be checked and once to be run. The programs that acceptance tests
//! drive are built apart, as users build them, and so are these tests, which stand on little.

use std::ffi::OsString;
use std::process::Command;

use super::tally::Tally;
use crate::cargo::{self, cargo};
use crate::checkout::Checkout;
use crate::choice::Part;
use crate::command;
use crate::failure::Result;
use crate::tools::{self, Tool};

pub(super) struct TestStep {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Whether it runs tests, each of which counts; else it counts as one.
    pub(super) counts_tests: bool,
    pub(super) run: fn(&mut Context<'_>) -> Result<Tally>,
}

impl Part for TestStep {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// In the order in which they run: what is quick and often wrong comes first.
pub(super) const STEPS: &[TestStep] = &[
    TestStep {
        name: "tools",
        about: "Terraform, Envoy and the like are in place",
        counts_tests: false,
        run: |context| context.environment().map(|_| Tally::one(true)),
    },
    TestStep {
        name: "fmt",
        about: "the code is formatted (`cargo fmt --all` does it; files that are not are listed)",
        counts_tests: false,
        run: |context| context.pass(&["fmt", "--all", "--check", "--", "-l"]),
    },
    TestStep {
        name: "hygiene",
        about: "who imports whom, manifests, files (tests of xtask, with its own)",
        counts_tests: true,
        run: |context| context.tests(&["--workspace", "--bin", "xtask", "--test", "hygiene"], &[]),
    },
    TestStep {
        name: "licences",
        about: "licences of what we build on, crates that we do not want (tests of xtask)",
        counts_tests: true,
        run: |context| context.tests(&["--workspace", "--test", "licences"], &[]),
    },
    TestStep {
        name: "clippy",
        about: "no lint speaks up",
        counts_tests: false,
        run: |context| {
            context.pass(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--keep-going",
                "--",
                "-D",
                "warnings",
            ])
        },
    },
    TestStep {
        name: "tests",
        about: "tests of every crate",
        counts_tests: true,
        run: crates,
    },
    TestStep {
        name: "acceptance",
        about: "promises, on real Terraform and real Envoy",
        counts_tests: true,
        run: acceptance,
    },
    TestStep {
        name: "demo",
        about: "the README's first command does the main job",
        counts_tests: false,
        run: |context| crate::demo::run(context.checkout, &[]).map(Tally::one),
    },
    TestStep {
        name: "dist",
        about: "release archives are static, and Terraform takes the provider from a mirror (unoptimised here)",
        counts_tests: false,
        run: |context| {
            let unoptimised = ["--profile", "dev"].map(str::to_owned);
            crate::dist::run(context.checkout, &unoptimised).map(Tally::one)
        },
    },
    TestStep {
        name: "pages",
        about: "the reference pages are what the code says (`cargo xtask docs` writes them)",
        counts_tests: false,
        run: |context| crate::docs::run(context.checkout, &["--check".to_owned()]).map(Tally::one),
    },
    TestStep {
        name: "docs",
        about: "the documentation builds without a warning",
        counts_tests: false,
        run: docs,
    },
];

const ACCEPTANCE: &str = "meshform-acceptance";

pub(super) struct Context<'a> {
    checkout: &'a Checkout,
    environment: Option<Vec<(&'static str, OsString)>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(checkout: &'a Checkout) -> Self {
        Self {
            checkout,
            environment: None,
        }
    }

    /// Where the tools are, for tests; sees to them when that has not been done.
    fn environment(&mut self) -> Result<Vec<(&'static str, OsString)>> {
        if let Some(environment) = &self.environment {
            return Ok(environment.clone());
        }
        let environment = tools::ensure(self.checkout, &Tool::all())?.environment()?;
        self.environment = Some(environment.clone());
        Ok(environment)
    }

    /// A run of cargo that is one thing.
    fn pass(&self, arguments: &[&str]) -> Result<Tally> {
        let status = command::stream(cargo(self.checkout).args(arguments))?;
        Ok(Tally::one(status.success()))
    }

    /// A run of the tests that are selected so.
    fn tests(&self, selection: &[&str], environment: &[(&str, OsString)]) -> Result<Tally> {
        let mut tests = cargo(self.checkout);
        tests.args(["test", "--no-fail-fast"]).args(selection);
        tests.envs(environment.iter().map(|(name, value)| (name, value)));
        let built = self.pass(&[&["test", "--no-run"], selection].concat())?;
        if built.failed > 0 {
            return Ok(built);
        }
        settled();
        count(&mut tests)
    }
}

/// Waits until what was compiled is on the disk. A system writes gigabytes out for half a minute, and lets a store that
/// makes sure of its few kilobytes wait in the queue.
fn settled() {
    let _ = Command::new("sync").status();
}

/// Runs tests and counts them.
fn count(tests: &mut Command) -> Result<Tally> {
    // A snapshot that is new or differs is a failure, also on a developer's machine, and nothing is written.
    tests.env("INSTA_UPDATE", "no");
    // Properties are tried on the same cases in every run: what is new is looked for by hand and by `cargo xtask fuzz`.
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        tests.env("PROPTEST_RNG_SEED", "1");
    }
    let mut tally = Tally::default();
    let status = command::stream_lines(tests, |line| tally.read(line))?;
    Ok(tally.closed(status.success()))
}

/// All tests of all crates but those that are steps of their own.
fn crates(context: &mut Context<'_>) -> Result<Tally> {
    let environment = context.environment()?;
    context.tests(
        &["--workspace", "--exclude", "xtask", "--exclude", ACCEPTANCE],
        &environment,
    )
}

/// The acceptance tests, on the programs as they are now.
fn acceptance(context: &mut Context<'_>) -> Result<Tally> {
    let mut environment = context.environment()?;
    environment.extend(programs(context.checkout)?);
    context.tests(&["--package", ACCEPTANCE], &environment)
}

/// Where tools and programs are, for tests that drive them; sees to both.
pub(crate) fn environment(checkout: &Checkout) -> Result<Vec<(&'static str, OsString)>> {
    let mut environment = tools::ensure(checkout, &Tool::all())?.environment()?;
    environment.extend(programs(checkout)?);
    Ok(environment)
}

/// Builds the programs as they are now: where each is.
fn programs(checkout: &Checkout) -> Result<Vec<(&'static str, OsString)>> {
    let programs = [
        ("MESHFORM_PROVIDER", "terraform-provider-appmesh"),
        ("MESHFORM_CLI", "meshform"),
        ("MESHFORM_AGENT", "meshform-agent"),
        ("MESHFORM_CFN", "meshform-cfn"),
    ];
    let built = cargo::build_binaries(checkout, &programs.map(|(_, name)| name), "dev")?;
    let found = |(variable, name): (&'static str, &str)| {
        built
            .get(name)
            .map(|place| (variable, place.clone().into_os_string()))
    };
    Ok(programs.into_iter().filter_map(found).collect())
}

fn docs(context: &mut Context<'_>) -> Result<Tally> {
    let mut docs = cargo(context.checkout);
    docs.args(["doc", "--workspace", "--no-deps", "--keep-going"])
        .env("RUSTDOCFLAGS", "-D warnings");
    Ok(Tally::one(command::stream(&mut docs)?.success()))
}
