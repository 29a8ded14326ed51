//! `cargo xtask conformance`: every feature of the model on real Envoy, and the page that says so.

use crate::cargo::cargo;
use crate::checkout::Checkout;
use crate::command;
use crate::failure::{Failure, Result};
use crate::tools::{self, Tool};

/// The test of the rows, and the one that runs them without each field.
const PROMISES: &str = "what_is_promised_holds";
const MUTATIONS: &str = "each_field_is_noticed_by_a_row";

/// Runs the rows and writes `docs/guides/conformance.md`; with `--only` runs some of them and writes nothing; with `--mutate`
/// says which row notices when a field of Envoy's configuration is missing.
pub(crate) fn run(checkout: &Checkout, arguments: &[String]) -> Result<bool> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mutated = |value: &str| ("MESHFORM_CONFORMANCE_MUTATE", value.to_owned());
    let ((variable, value), test) = match words.as_slice() {
        [] => (("MESHFORM_CONFORMANCE", "write".to_owned()), PROMISES),
        ["--only", section] => (("MESHFORM_CONFORMANCE_ONLY", (*section).to_owned()), PROMISES),
        ["--mutate"] => (mutated("all"), MUTATIONS),
        ["--mutate", "--only", field] => (mutated(&format!("only {field}")), MUTATIONS),
        ["--mutate", "--sample", count] if count.parse::<usize>().is_ok_and(|count| count > 0) => {
            (mutated(&format!("sample {count}")), MUTATIONS)
        }
        _ => {
            return Err(
                Failure::new(format!("`{}` is not understood", arguments.join(" ")))
                    .help("cargo xtask conformance [--only SECTION | --mutate [--only FIELD | --sample N]]"),
            );
        }
    };
    let tools = tools::ensure(checkout, &Tool::all())?;
    let mut rows = cargo(checkout);
    rows.args([
        "test",
        "--package",
        "meshform-acceptance",
        "--test",
        "conformance",
    ])
    .args([test, "--", "--nocapture"])
    .env(variable, value)
    .envs(tools.environment()?);
    Ok(command::stream(&mut rows)?.success())
}
