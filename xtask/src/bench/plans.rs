//! Plans of one and of many resources: ours, the built-in `terraform_data`, and the peer's.
//!
//! The three take turns, so that whatever else the machine does meanwhile meets all of them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use meshform_acceptance::terraform::{Module, Ran};

use super::Bench;
use super::figures::{Times, row};
use super::usage::Watched;
use crate::children::Children;
use crate::failure::{Failure, Result};

/// As many as a large organisation's mesh has nodes.
const MANY: usize = 500;

/// A root module and what runs Terraform on it.
pub(super) struct Work<'a> {
    terraform: PathBuf,
    module: Module,
    children: &'a Children,
}

/// The peer without an account.
pub(super) const PEER_BLOCK: &str = "provider \"aws\" {\n  region = \"us-east-1\"\n  access_key = \"none\"\n  secret_key = \
                     \"none\"\n  skip_credentials_validation = true\n  skip_requesting_account_id = true\n  \
                     skip_metadata_api_check = true\n}\n";

/// The file name by which Terraform knows the provider.
pub(super) fn program_name(name: &str) -> &'static str {
    if name == "peer" {
        "terraform-provider-aws"
    } else {
        "terraform-provider-appmesh"
    }
}

/// The modules that are compared, each with its name.
pub(super) fn modules<'a>(bench: &Bench<'a>, task: &str, count: usize) -> Result<Vec<(String, Work<'a>)>> {
    let mut all = vec![
        (
            "ours",
            Some(bench.provider.clone()),
            mesh("appmesh", "meshform/appmesh", "", count),
        ),
        ("built-in", None, built_in(count)),
    ];
    if let Some(peer) = &bench.peer {
        all.push((
            "peer",
            Some(peer.clone()),
            mesh("aws", "hashicorp/aws", PEER_BLOCK, count),
        ));
    }
    all.into_iter()
        .map(|(name, provider, text)| {
            let dir = bench.work.path().join(format!("{task}-{count}-{name}"));
            let folder = provider.as_deref().and_then(Path::parent).unwrap_or(&dir);
            let work = Work {
                terraform: bench.terraform.clone(),
                module: module(&bench.terraform, &dir, folder)?,
                children: bench.children,
            };
            work.module
                .write("main.tf", &text)
                .map_err(Failure::io("write to", &dir))?;
            Ok((name.to_owned(), work))
        })
        .collect()
}

/// A plan of one resource, and of many.
pub(super) fn plan(bench: &Bench<'_>) -> Result<()> {
    for count in [1, MANY] {
        let modules = modules(bench, "plan", count)?;
        let mut times: Vec<Vec<Duration>> = modules.iter().map(|_| Vec::new()).collect();
        for _ in 0..bench.runs {
            for ((_, work), times) in modules.iter().zip(&mut times) {
                times.push(work.timed(PLAN)?);
            }
        }
        let times: Vec<Times> = times.into_iter().map(Times::of).collect();
        let Some(base) = times.get(1).copied() else {
            continue;
        };
        for ((name, _), times) in modules.iter().zip(&times) {
            let what = format!("plan of {count}, {name}");
            row(
                &what,
                &format!("{}, {} of built-in", times.shown(), times.ratio(&base)),
            );
        }
    }
    for (name, work) in modules(bench, "usage", MANY)? {
        if let Some(watched) = Watched::new(bench, &name)? {
            let usage = watched.run(&work, PLAN)?;
            row(&format!("plan of {MANY}, provider of {name}"), &usage.shown());
        }
    }
    Ok(())
}

const PLAN: &[&str] = &["plan", "-input=false", "-no-color", "-out=plan"];

impl Work<'_> {
    /// The same module with the provider of another folder.
    pub(super) fn with_provider(&self, folder: &Path) -> Result<Self> {
        Ok(Self {
            terraform: self.terraform.clone(),
            module: module(&self.terraform, self.module.dir(), folder)?,
            children: self.children,
        })
    }

    pub(super) fn succeed(&self, args: &[&str]) -> Result<()> {
        let output = self.children.run(&mut self.module.command(args))?;
        let ran = Ran::from(output);
        if ran.ok() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "`terraform {}` failed:\n{}",
            args.join(" "),
            ran.text.trim()
        )))
    }

    fn timed(&self, args: &[&str]) -> Result<Duration> {
        let started = Instant::now();
        self.succeed(args)?;
        Ok(started.elapsed())
    }
}

/// A module whose providers, ours and the peer's, lie in that folder.
pub(super) fn module(terraform: &Path, dir: &Path, folder: &Path) -> Result<Module> {
    let folder = serde_json::Value::from(folder.to_string_lossy());
    let config = format!(
        "provider_installation {{\n  dev_overrides {{\n    \"meshform/appmesh\" = {folder}\n    \"hashicorp/aws\" \
         = {folder}\n  }}\n  direct {{}}\n}}\n"
    );
    Module::with_cli_config(terraform, dir, &config).map_err(Failure::io("write to", dir))
}

/// A mesh of so many resources, by a provider that knows them under its own prefix.
fn mesh(prefix: &str, source: &str, block: &str, count: usize) -> String {
    format!(
        r#"terraform {{
  required_providers {{
    {prefix} = {{
      source = "{source}"
    }}
  }}
}}
{block}
resource "{type_prefix}appmesh_mesh" "bench" {{
  name = "bench"
}}

resource "{type_prefix}appmesh_virtual_node" "bench" {{
  count     = {nodes}
  name      = "node-${{count.index}}"
  mesh_name = {type_prefix}appmesh_mesh.bench.name

  spec {{
    listener {{
      port_mapping {{
        port     = 8080
        protocol = "http"
      }}

      health_check {{
        protocol            = "http"
        path                = "/ready"
        healthy_threshold   = 2
        unhealthy_threshold = 3
        timeout_millis      = 2000
        interval_millis     = 5000
      }}

      timeout {{
        http {{
          per_request {{
            unit  = "s"
            value = 20
          }}
        }}
      }}
    }}

    backend {{
      virtual_service {{
        virtual_service_name = "next-${{count.index}}.bench.local"
      }}
    }}

    service_discovery {{
      dns {{
        hostname = "node-${{count.index}}.bench.local"
      }}
    }}
  }}
}}
"#,
        type_prefix = if prefix == "aws" { "aws_" } else { "" },
        nodes = count.saturating_sub(1),
    )
}

/// As many of what Terraform has itself.
fn built_in(count: usize) -> String {
    format!(
        r#"resource "terraform_data" "bench" {{
  count = {count}
  input = {{
    name     = "node-${{count.index}}"
    port     = 8080
    hostname = "node-${{count.index}}.bench.local"
  }}
}}
"#
    )
}
