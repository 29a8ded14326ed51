//! `cargo xtask test`: all that CI runs, as named steps.
//!
//! A step that fails does not keep the others from running. The last line, `N passed, N failed`, adds up the tests
//! of every test program, and one for each step that is no test program. Before it stand the names of all that failed.

mod steps;
mod tally;

use std::time::{Duration, Instant};

use crate::checkout::Checkout;
use crate::choice;
use crate::failure::Result;
use crate::out;
pub(crate) use steps::environment;
use steps::{Context, STEPS, TestStep};
use tally::Tally;

/// What became of a step.
struct Done {
    step: &'static TestStep,
    tally: Tally,
    took: Duration,
}

pub(crate) fn run(checkout: &Checkout, arguments: &[String]) -> Result<bool> {
    let Some(chosen) = chosen(arguments)? else {
        for step in STEPS {
            out::line(&format!("{:<12} {}", step.name, step.about));
        }
        return Ok(true);
    };
    let mut context = Context::new(checkout);
    let mut done = Vec::new();
    for step in chosen {
        out::line(&format!("\n=== {}: {}", step.name, step.about));
        let started = Instant::now();
        let tally = (step.run)(&mut context).unwrap_or_else(|failure| {
            out::error(&failure.to_string());
            Tally::one(false)
        });
        done.push(Done {
            step,
            tally,
            took: started.elapsed(),
        });
    }
    out::text(&summary(&done));
    Ok(done.iter().all(|done| done.tally.failed == 0))
}

/// The steps to run, in their order; nothing when they are only to be listed.
fn chosen(arguments: &[String]) -> Result<Option<Vec<&'static TestStep>>> {
    choice::chosen("test", "step", STEPS, arguments)
}

/// One line per step, and the last line.
fn summary(done: &[Done]) -> String {
    let mut text = String::from("\n");
    let mut all = Tally::default();
    for Done { step, tally, took } in done {
        let verdict = if tally.failed == 0 { "ok" } else { "FAILED" };
        let counts = if step.counts_tests {
            format!(
                "{} passed, {} failed, {} ignored",
                tally.passed, tally.failed, tally.ignored
            )
        } else {
            String::new()
        };
        let line = format!(
            "{:<12} {:>7.1} s  {verdict:<6}  {counts}",
            step.name,
            took.as_secs_f64()
        );
        text.push_str(line.trim_end());
        text.push('\n');
        all.add(tally);
    }
    let took: Duration = done.iter().map(|done| done.took).sum();
    text.push_str(&format!("{:<12} {:>7.1} s\n\n", "all", took.as_secs_f64()));
    for Done { step, tally, .. } in done.iter().filter(|done| done.tally.failed > 0) {
        for name in &tally.names {
            text.push_str(&format!("failed: {}: {name}\n", step.name));
        }
        // A step that is no test, or one whose tests did not come to an end.
        if tally.names.is_empty() {
            text.push_str(&format!("failed: {}\n", step.name));
        }
    }
    text.push_str(&format!("{} passed, {} failed\n", all.passed, all.failed));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn steps_run_in_their_own_order_whatever_the_order_of_asking() {
        let steps = chosen(&words("--only clippy --only fmt,tools")).unwrap().unwrap();
        assert_eq!(
            steps.iter().map(|step| step.name).collect::<Vec<_>>(),
            ["tools", "fmt", "clippy"]
        );
        assert_eq!(chosen(&[]).unwrap().unwrap().len(), STEPS.len());
        assert!(chosen(&words("--list")).unwrap().is_none());
    }

    #[test]
    fn a_step_that_is_not_there_is_an_error() {
        let failure = chosen(&words("--only fnt")).map(drop).unwrap_err().to_string();
        assert!(
            failure.contains("there is no step `fnt`") && failure.contains("--list"),
            "{failure}"
        );
        assert!(chosen(&words("--only")).is_err());
        assert!(chosen(&words("fmt")).is_err());
    }

    #[test]
    fn the_last_line_adds_up_tests_and_other_steps() {
        let took = Duration::from_millis(1250);
        let find = |name: &str| STEPS.iter().find(|step| step.name == name).unwrap();
        let done = [
            Done {
                step: find("fmt"),
                tally: Tally::one(true),
                took,
            },
            Done {
                step: find("tests"),
                tally: Tally {
                    passed: 41,
                    failed: 2,
                    ignored: 1,
                    names: vec!["it::holds".to_owned()],
                },
                took,
            },
        ];
        let text = summary(&done);
        assert!(text.ends_with("\n42 passed, 2 failed\n"), "{text}");
        assert!(
            text.contains("tests            1.2 s  FAILED  41 passed, 2 failed, 1 ignored\n"),
            "{text}"
        );
        assert!(text.contains("\n\nfailed: tests: it::holds\n42 passed"), "{text}");
    }
}
