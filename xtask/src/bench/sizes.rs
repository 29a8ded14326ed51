//! What an apply, plans, one change and a destroy cost at several sizes: ours; a provider of the same resources that only
//! echoes (the floor: what ours costs above it is ours); as many of Terraform's built-in `terraform_data`, which has next
//! to no schema; and, where its binary is named, the provider that these resources came from, with the
//! same configuration against a small server of the API's shapes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use meshform_acceptance::terraform::{Module, Ran};

use super::figures::{millis, row};
use super::usage::{Program, Usage};
use super::{Bench, plans, server};
use crate::cargo;
use crate::failure::{Failure, Result};
use crate::out;

/// What is measured, and the arguments of Terraform's.
const STEPS: [(&str, &[&str]); 5] = [
    ("first apply", &["apply", "-auto-approve"]),
    ("empty plan", &["plan", "-detailed-exitcode"]),
    ("refresh", &["apply", "-refresh-only", "-auto-approve"]),
    ("one change", &["apply", "-auto-approve", "-var=interval=6000"]),
    ("destroy", &["destroy", "-auto-approve"]),
];
const ALWAYS: [&str; 2] = ["-input=false", "-no-color"];

/// One of those that are compared.
struct ComparedProvider {
    name: &'static str,
    module: Module,
    terraform: Program,
    provider: Option<Program>,
}

/// One step of one rival.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    terraform: Usage,
    provider: Option<Usage>,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let server = match &bench.peer {
        Some(_) => Some(server::start()?),
        None => None,
    };
    let echo = cargo::build_example(
        bench.checkout,
        "terraform-provider-appmesh",
        "echo",
        &bench.profile,
    )?;
    for &count in &bench.sizes {
        let rivals = rivals(bench, count, &echo, server)?;
        for (step, args) in STEPS {
            let mut floor = None;
            for rival in &rivals {
                let cost = rival.measure(bench, args)?;
                let base = *floor.get_or_insert(cost);
                row(&format!("{step} of {count}, {}", rival.name), &cost.shown(&base));
            }
        }
        if bench.peer.is_some() && !bench.peer_sizes.contains(&count) {
            out::line(&format!("  peer of {count}: left out; `--peer-sizes` names it"));
        }
    }
    Ok(())
}

/// The floor comes first: the others are held against it.
fn rivals(
    bench: &Bench<'_>,
    count: usize,
    echo: &Path,
    server: Option<SocketAddr>,
) -> Result<Vec<ComparedProvider>> {
    let own = || mesh("appmesh", "meshform/appmesh", "", count);
    let mut all = vec![
        ("echo", Some(echo.to_owned()), own()),
        ("ours", Some(bench.provider.clone()), own()),
        ("built-in", None, built_in(count)),
    ];
    if let (Some(peer), Some(server), true) = (&bench.peer, server, bench.peer_sizes.contains(&count)) {
        let block = format!(
            "{}\n  endpoints {{\n    appmesh = \"http://{server}\"\n  }}\n}}\n",
            plans::PEER_BLOCK.trim_end().trim_end_matches('}')
        );
        all.push((
            "peer",
            Some(peer.clone()),
            mesh("aws", "hashicorp/aws", &block, count),
        ));
    }
    all.into_iter()
        .map(|(name, provider, text)| rival(bench, count, name, provider, &text))
        .collect()
}

fn rival(
    bench: &Bench<'_>,
    count: usize,
    name: &'static str,
    provider: Option<PathBuf>,
    text: &str,
) -> Result<ComparedProvider> {
    let dir = bench.work.path().join(format!("size-{count}-{name}"));
    let terraform = Program::new(&dir.join("terraform"), "terraform", &bench.terraform)?;
    let provider = match provider {
        Some(path) => Some(Program::new(
            &dir.join("provider"),
            plans::program_name(name),
            &path,
        )?),
        None => None,
    };
    let folder = provider.as_ref().map_or(dir.as_path(), Program::folder);
    let module = plans::module(&terraform.path(), &dir.join("module"), folder)?;
    module
        .write("main.tf", text)
        .map_err(Failure::io("write to", Path::new(module.dir())))?;
    Ok(ComparedProvider {
        name,
        module,
        terraform,
        provider,
    })
}

impl ComparedProvider {
    fn measure(&self, bench: &Bench<'_>, args: &[&str]) -> Result<Cost> {
        let args: Vec<&str> = args.iter().chain(&ALWAYS).copied().collect();
        let watching = (self.terraform.watch(), self.provider.as_ref().map(Program::watch));
        let started = Instant::now();
        let output = bench.children.run(&mut self.module.command(&args));
        let wall = started.elapsed();
        let cost = Cost {
            wall,
            terraform: watching.0.end(),
            provider: watching.1.map(super::usage::Watching::end),
        };
        let ran = Ran::from(output?);
        if ran.ok() {
            return Ok(cost);
        }
        Err(Failure::new(format!(
            "`terraform {}` of {} failed:\n{}",
            args.join(" "),
            self.name,
            ran.text.trim()
        )))
    }
}

impl Cost {
    /// Beside the floor; Terraform's part and the provider's.
    fn shown(&self, floor: &Self) -> String {
        let ratio = self.wall.as_secs_f64() / floor.wall.as_secs_f64().max(1e-9);
        let mut text = format!(
            "{:>9} ({ratio:.2} x floor); Terraform {}",
            millis(self.wall),
            self.terraform.brief()
        );
        if let Some(provider) = &self.provider {
            text.push_str(&format!("; provider {}", provider.brief()));
        }
        text
    }
}

/// A mesh of so many resources: cells of node, router, route and service, and nodes for what is left over.
fn mesh(prefix: &str, source: &str, block: &str, count: usize) -> String {
    let (cells, rest) = (count.saturating_sub(1) / 4, count.saturating_sub(1) % 4);
    let text = include_str!("mesh.tf");
    let aws = if prefix == "aws" { "aws_" } else { "" };
    text.replace("PREFIX_", &format!("{aws}appmesh_"))
        .replace("LOCAL", prefix)
        .replace("SOURCE", source)
        .replace("# BLOCK", block)
        .replace("CELLS", &cells.to_string())
        .replace("NODES", &(cells + rest).to_string())
}

/// As many of what Terraform has itself, of which one can change too.
fn built_in(count: usize) -> String {
    format!(
        r#"variable "interval" {{
  default = 5000
}}

resource "terraform_data" "bench" {{
  count = {count}
  input = {{
    name     = "node-${{count.index}}"
    port     = 8080
    hostname = "node-${{count.index}}.bench.local"
    interval = count.index == 0 ? var.interval : 5000
  }}
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_has_as_many_resources_as_were_asked_for() {
        for count in [10, 100, 500, 2000] {
            let text = mesh("appmesh", "meshform/appmesh", "", count);
            let counts = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("count ")?.rsplit(' ').next());
            let sum: usize = counts.map(|number| number.parse::<usize>().unwrap()).sum();
            assert_eq!(1 + sum, count);
            assert!(!text.contains("PREFIX_") && !text.contains("CELLS"), "{text}");
        }
    }
}
