//! `cargo xtask conformance`: every feature of the model on real Envoy, and the page that says so.

use crate::cargo::cargo;
use crate::checkout::Checkout;
use crate::command;
use crate::failure::{Failure, Result};
use crate::tools::{self, Tool};

/// Runs the rows and writes `docs/conformance.md`; with `--only` runs some of them and writes nothing.
pub(crate) fn run(checkout: &Checkout, arguments: &[String]) -> Result<bool> {
    let (variable, value) = match arguments {
        [] => ("MESHFORM_CONFORMANCE", "write"),
        [flag, section] if flag == "--only" => ("MESHFORM_CONFORMANCE_ONLY", section.as_str()),
        _ => {
            return Err(
                Failure::new(format!("`{}` is not understood", arguments.join(" ")))
                    .help("cargo xtask conformance [--only SECTION]"),
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
    .args(["--", "--nocapture"])
    .env(variable, value)
    .envs(tools.environment()?);
    Ok(command::stream(&mut rows)?.success())
}
