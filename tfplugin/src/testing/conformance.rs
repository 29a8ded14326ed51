//! Questions to any provider program, over the wire. Nothing is created unless it is told to ([`Suite::object`] and
//! its kin): it asks what a provider must answer without an account, or with the configuration that it is given.
//!
//! ```no_run
//! # async fn x() {
//! use tfplugin::testing::conformance::Suite;
//! let report = Suite::new("target/debug/terraform-provider-note").run().await;
//! assert!(report.passed(), "{report}");
//! # }
//! ```

mod applies;
mod calls;
mod forms;
mod life;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::instance::Instance;
use super::random::{Random, config};
use crate::value::Value;

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckOutcome {
    /// As it must be.
    Passed,
    /// Not so, and how.
    Failed(String),
    /// The provider offers nothing to check.
    Skipped(String),
}

/// One check.
#[derive(Debug, Clone)]
pub struct Check {
    /// What must be true.
    pub name: &'static str,
    /// What came of it.
    pub outcome: CheckOutcome,
}

/// What came of all checks.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// In the order in which they ran.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether nothing failed.
    pub fn passed(&self) -> bool {
        self.failed().next().is_none()
    }

    /// What failed.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|check| matches!(check.outcome, CheckOutcome::Failed(_)))
    }

    /// What had nothing to look at.
    pub fn skipped(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|check| matches!(check.outcome, CheckOutcome::Skipped(_)))
    }

    fn add(&mut self, name: &'static str, outcome: Result<(), String>) {
        let outcome = match outcome {
            Ok(()) => CheckOutcome::Passed,
            Err(text) => match text.strip_prefix(SKIP) {
                Some(why) => CheckOutcome::Skipped(why.to_owned()),
                None => CheckOutcome::Failed(text),
            },
        };
        self.checks.push(Check { name, outcome });
    }
}

/// Begins the text of a check that has nothing to look at.
const SKIP: &str = "skip: ";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            match &check.outcome {
                CheckOutcome::Passed => writeln!(f, "ok      {}", check.name)?,
                CheckOutcome::Skipped(why) => writeln!(f, "skipped {} ({why})", check.name)?,
                CheckOutcome::Failed(how) => writeln!(f, "FAILED  {}: {how}", check.name)?,
            }
        }
        Ok(())
    }
}

/// The suite for one program.
#[derive(Debug, Clone)]
pub struct Suite {
    program: PathBuf,
    config: Option<Value>,
    start: Duration,
    resident_kib: Option<u64>,
    rounds: u64,
    creates: bool,
    objects: Vec<Object>,
    failing: Vec<Object>,
    slow: Vec<Object>,
    fit: Fit,
}

/// How made-up configurations become ones that the provider may take.
#[derive(Clone, Default)]
struct Fit(Option<Arc<FitFn>>);

type FitFn = dyn Fn(&str, &mut Value) + Send + Sync;

impl fmt::Debug for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fit").field(&self.0.is_some()).finish()
    }
}

/// The type of an object and its configuration.
type Object = (String, Value);

impl Suite {
    /// The suite for this program.
    pub fn new(program: impl AsRef<Path>) -> Self {
        let program = program.as_ref().to_path_buf();
        Self {
            program,
            config: None,
            start: Duration::from_secs(60),
            resident_kib: None,
            rounds: 24,
            creates: false,
            objects: Vec::new(),
            failing: Vec::new(),
            slow: Vec::new(),
            fit: Fit::default(),
        }
    }

    /// Changes made-up configurations of a type: puts in what no chance finds, such as a name of the right form. What the
    /// provider refuses all the same is no failure, but only what it takes can be planned and made.
    #[must_use]
    pub fn fitting(mut self, fit: impl Fn(&str, &mut Value) + Send + Sync + 'static) -> Self {
        self.fit = Fit(Some(Arc::new(fit)));
        self
    }

    /// A made-up configuration.
    fn made_up(&self, instance: &Instance, random: &mut Random, unknowns: bool) -> Value {
        let mut made = config(instance.schema(), random, unknowns);
        if let Some(fit) = &self.fit.0 {
            fit(instance.type_name(), &mut made);
        }
        made
    }

    /// Any object may be made: nothing that counts is behind the configuration of the provider. Everything is removed
    /// again.
    #[must_use]
    pub fn creates(mut self) -> Self {
        self.creates = true;
        self
    }

    /// An object of this type with this configuration may be made, and can be.
    #[must_use]
    pub fn object(mut self, type_name: &str, config: Value) -> Self {
        self.objects.push((type_name.into(), config));
        self
    }

    /// Making this object fails half way.
    #[must_use]
    pub fn failing(mut self, type_name: &str, config: Value) -> Self {
        self.failing.push((type_name.into(), config));
        self
    }

    /// Making this object takes so long that it can be stopped meanwhile.
    #[must_use]
    pub fn slow(mut self, type_name: &str, config: Value) -> Self {
        self.slow.push((type_name.into(), config));
        self
    }

    /// Plans with this provider block.
    #[must_use]
    pub fn configure(mut self, config: Value) -> Self {
        self.config = Some(config);
        self
    }

    /// The program must be ready within this time (the best of five starts).
    #[must_use]
    pub fn start_within(mut self, limit: Duration) -> Self {
        self.start = limit;
        self
    }

    /// The program must not need more memory than this when it is ready.
    #[must_use]
    pub fn resident_below(mut self, kib: u64) -> Self {
        self.resident_kib = Some(kib);
        self
    }

    /// How many made-up configurations each resource is asked about.
    #[must_use]
    pub fn rounds(mut self, rounds: u64) -> Self {
        self.rounds = rounds;
        self
    }

    /// Asks everything.
    pub async fn run(&self) -> Report {
        let mut report = Report::default();
        life::check(self, &mut report).await;
        calls::check(self, &mut report).await;
        values::check(self, &mut report).await;
        forms::check(self, &mut report).await;
        applies::check(self, &mut report).await;
        report
    }
}
