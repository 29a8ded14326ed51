//! `cargo xtask docs`: the reference pages, from the schemas, the codes of every crate, and what the provider says of
//! itself when Terraform asks it.

use std::fs;
use std::process::Stdio;

use crate::cargo::{self, cargo};
use crate::checkout::Checkout;
use crate::command;
use crate::failure::{Failure, Result};
use crate::tools::{self, Tool};
use crate::work::WorkDir;

const PROVIDER: &str = "terraform-provider-appmesh";
const MODULE: &str = "terraform {\n  required_providers {\n    appmesh = {\n      source = \"meshform/appmesh\"\n    }\n  }\n}\n";

/// Writes the pages, or with `--check` says which are out of date.
pub(crate) fn run(checkout: &Checkout, arguments: &[String]) -> Result<bool> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => {
            return Err(
                Failure::new(format!("`{}` is not understood", arguments.join(" ")))
                    .help("cargo xtask docs [--check]"),
            );
        }
    };
    let schema = schema(checkout)?;
    let mut writer = cargo(checkout);
    writer
        .args(["run", "--quiet", "--package", "meshform-docgen", "--"])
        .arg(checkout.root());
    if check {
        writer.arg("--check");
    }
    let place = fs::File::open(&schema).map_err(Failure::io("read", &schema))?;
    Ok(command::stream(writer.stdin(Stdio::from(place)))?.success())
}

/// The provider's schema as Terraform prints it, in a file. List resources are in it from Terraform 1.14 on, so it is
/// the packaged Terraform that is asked.
fn schema(checkout: &Checkout) -> Result<std::path::PathBuf> {
    let terraform = tools::ensure(checkout, &[Tool::Terraform115])?.path(Tool::Terraform115);
    let built = cargo::build_binaries(checkout, &[PROVIDER], "dev")?;
    let folder = built
        .get(PROVIDER)
        .and_then(|program| program.parent())
        .ok_or_else(|| Failure::new("the provider is nowhere"))?;
    let work = WorkDir::fresh("docs")?;
    let write = |name: &str, text: &str| {
        let place = work.path().join(name);
        fs::write(&place, text).map_err(Failure::io("write", &place))?;
        Ok(place)
    };
    write("main.tf", MODULE)?;
    let config = write(
        "cli.tfrc",
        &format!(
            "provider_installation {{\n  dev_overrides {{\n    \"meshform/appmesh\" = {}\n  }}\n}}\n",
            serde_json::Value::from(folder.to_string_lossy())
        ),
    )?;
    let mut ask = std::process::Command::new(terraform);
    ask.args(["providers", "schema", "-json"])
        .current_dir(work.path())
        .env("TF_CLI_CONFIG_FILE", config)
        .env("CHECKPOINT_DISABLE", "1");
    write("schema.json", &command::capture(&mut ask)?)
}
