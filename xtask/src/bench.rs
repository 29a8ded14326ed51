//! `cargo xtask bench`: figures of the programs as users get them, beside peers where these are at hand.
//!
//! - [`start`]: from a provider's start to its handshake.
//! - [`plans`]: plans of many resources, beside Terraform's built-in `terraform_data` and, where a binary of it is named,
//!   beside the provider that these resources came from.
//! - [`mod@sizes`]: the same for applies, plans, a change and a destroy at several sizes; [`server`] answers the peer.
//! - [`usage`]: a provider's memory and processor time, watched from outside.
//! - [`function`]: the Lambda function for CloudFormation: its start, its first events, its memory.
//! - [`mod@forms`]: CloudFormation in and out, beside what makes and checks such templates.
//! - [`mod@ecs`]: workloads in, ECS stacks out, beside a program that makes such stacks.
//! - [`follow`]: from a record's write to the first request that takes the new way.
//! - [`agent`]: the agent's memory, processor time, and the way of a release to a request, on one S3 server.
//! - [`ads`]: the control plane with many proxies, beside a server that sends whole states.
//! - [`rest`]: the App Mesh API beside moto's.
//! - [`see`]: pictures, differences, the pages of the console and their first paint.
//! - [`crates`]: what single crates measure of themselves, the SDK beside the peer too.
//!
//! [`figures`] sums up and prints.

mod ads;
mod agent;
mod crates;
mod ecs;
mod figures;
mod follow;
mod forms;
mod function;
mod plans;
mod rest;
mod see;
mod server;
mod sizes;
mod start;
mod usage;

use std::path::PathBuf;

use crate::cargo;
use crate::checkout::Checkout;
use crate::children::Children;
use crate::failure::{Failure, Result};
use crate::out;
use crate::tools::{self, Tool};
use crate::work::WorkDir;

struct Section {
    name: &'static str,
    about: &'static str,
    run: fn(&Bench<'_>) -> Result<()>,
}

const SECTIONS: &[Section] = &[
    Section {
        name: "start",
        about: "provider: start to handshake, memory after the schema",
        run: start::run,
    },
    Section {
        name: "plan",
        about: "terraform plan of 1 and of many resources",
        run: plans::plan,
    },
    Section {
        name: "apply",
        about: "apply, empty plan, refresh, one change and destroy at several sizes",
        run: sizes::run,
    },
    Section {
        name: "follow",
        about: "a record's write to the first request that takes the new way",
        run: follow::run,
    },
    Section {
        name: "forms",
        about: "CloudFormation in, a checked mesh, CloudFormation out; peers make or check the same template",
        run: forms::run,
    },
    Section {
        name: "ecs",
        about: "workloads in, ECS stacks out; a peer makes the same stacks",
        run: ecs::run,
    },
    Section {
        name: "function",
        about: "the Lambda function for CloudFormation: start, first events, memory",
        run: function::run,
    },
    Section {
        name: "agent",
        about: "the agent: publish to first request, memory, processor time, with 1, 100 and 600 on one server",
        run: agent::run,
    },
    Section {
        name: "ads",
        about: "the control plane with many streams (--streams) in meshes of several sizes (--nodes): first configuration, changes, faults, restart, memory",
        run: ads::run,
    },
    Section {
        name: "rest",
        about: "the App Mesh API on the embedded store, beside moto's: create, describe, list",
        run: rest::run,
    },
    Section {
        name: "see",
        about: "pictures and differences of large meshes, pages of the console, first paint",
        run: see::run,
    },
    Section {
        name: "crates",
        about: "cargo bench of single crates",
        run: crates::run,
    },
];

struct Bench<'a> {
    checkout: &'a Checkout,
    children: &'a Children,
    work: WorkDir,
    terraform: PathBuf,
    envoy: PathBuf,
    /// Ours, in a release build.
    provider: PathBuf,
    meshform: PathBuf,
    function: PathBuf,
    /// The provider that these resources came from, when it is named.
    peer: Option<PathBuf>,
    /// How often each figure is taken.
    runs: usize,
    sizes: Vec<usize>,
    /// Those of the sizes that the peer takes part in.
    peer_sizes: Vec<usize>,
    /// How many proxies a control plane has, and in meshes of how many nodes.
    streams: Option<Vec<usize>>,
    nodes: Option<Vec<usize>>,
    profile: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct BenchArguments {
    only: Vec<String>,
    peer: Option<PathBuf>,
    runs: Option<usize>,
    sizes: Option<Vec<usize>>,
    peer_sizes: Option<Vec<usize>>,
    streams: Option<Vec<usize>>,
    nodes: Option<Vec<usize>>,
    /// Another profile than `release`, when it is the bench that is worked on.
    profile: Option<String>,
}

pub(crate) fn run(checkout: &Checkout, arguments: &[String]) -> Result<bool> {
    let wishes = wishes(arguments)?;
    let toolbox = tools::ensure(checkout, &[Tool::Terraform, Tool::Envoy])?;
    let names = ["terraform-provider-appmesh", "meshform", "meshform-cfn"];
    let profile = wishes.profile.as_deref().unwrap_or("release");
    let built = cargo::build_binaries(checkout, &names, profile)?;
    let place = |name: &str| {
        let place = built.get(name).cloned();
        place.ok_or_else(|| Failure::new(format!("{name} was built and is not there")))
    };
    let children = Children::new()?;
    let [provider, meshform, function] = names.map(place);
    let bench = Bench {
        checkout,
        children: &children,
        work: WorkDir::fresh("bench")?,
        terraform: toolbox.path(Tool::Terraform),
        envoy: toolbox.path(Tool::Envoy),
        provider: provider?,
        meshform: meshform?,
        function: function?,
        peer: wishes.peer,
        runs: wishes.runs.unwrap_or(5),
        sizes: wishes.sizes.unwrap_or_else(|| vec![10, 100, 500, 2000]),
        peer_sizes: wishes.peer_sizes.unwrap_or_else(|| vec![10, 100, 500]),
        streams: wishes.streams,
        nodes: wishes.nodes,
        profile: profile.to_owned(),
    };
    out::line(&format!(
        "{}; {profile} build; medians (least to most)",
        figures::machine(&bench)?
    ));
    let chosen = SECTIONS
        .iter()
        .filter(|section| wishes.only.is_empty() || wishes.only.iter().any(|name| name == section.name));
    for section in chosen {
        out::line(&format!("\n{}: {}", section.name, section.about));
        (section.run)(&bench)?;
    }
    Ok(true)
}

fn wishes(arguments: &[String]) -> Result<BenchArguments> {
    let mut wishes = BenchArguments::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            let value = rest.next();
            value.ok_or_else(|| Failure::new(format!("{argument} needs a value")))
        };
        match argument.as_str() {
            "--only" => wishes.only.extend(value()?.split(',').map(str::to_owned)),
            "--profile" => wishes.profile = Some(value()?.clone()),
            "--peer" | "--peer-provider" => {
                let path = PathBuf::from(value()?);
                wishes.peer = Some(path.canonicalize().map_err(Failure::io("find", &path))?);
            }
            "--sizes" => wishes.sizes = Some(sizes(value()?)?),
            "--streams" => wishes.streams = Some(sizes(value()?)?),
            "--nodes" => wishes.nodes = Some(sizes(value()?)?),
            "--peer-sizes" => wishes.peer_sizes = Some(sizes(value()?)?),
            "--runs" => {
                let count = value()?;
                let count = count.parse().ok().filter(|count| *count > 0);
                wishes.runs = Some(count.ok_or_else(|| Failure::new("--runs needs a number, at least 1"))?);
            }
            other => return Err(Failure::new(format!("`{other}` is not understood"))),
        }
    }
    let names: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
    match wishes.only.iter().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(Failure::new(format!("there are no figures called `{name}`"))
            .help(format!("there are {}", names.join(", ")))),
        None => Ok(wishes),
    }
}

/// Numbers with commas between them. A mesh with a service is five resources.
fn sizes(text: &str) -> Result<Vec<usize>> {
    let numbers = text
        .split(',')
        .map(|number| number.parse().ok().filter(|size| *size >= 5));
    let numbers: Option<Vec<usize>> = numbers.collect();
    numbers.ok_or_else(|| Failure::new(format!("`{text}` is not a list of sizes of at least 5")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BenchArguments> {
        wishes(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn wishes_are_read() {
        let wishes = read("--only plan,start --runs 3").unwrap();
        assert_eq!(wishes.only, ["plan", "start"]);
        assert_eq!(wishes.runs, Some(3));
    }

    #[test]
    fn what_is_not_there_is_said() {
        for (text, part) in [
            ("--only plans", "there are start, plan"),
            ("--runs 0", "at least 1"),
            ("--sizes 10,4", "at least 5"),
            ("--runs", "--runs needs a value"),
            ("--peer-provider /no/such/file", "/no/such/file"),
            ("--peer /no/such/file", "/no/such/file"),
            ("plan", "`plan` is not understood"),
        ] {
            let failure = read(text).unwrap_err().to_string();
            assert!(failure.contains(part), "{text}: {failure}");
        }
    }
}
