//! `cargo xtask TASK`: the project's tasks.
//!
//! One file (or folder) per task; `TASKS` below is the list, and what the help prints. The rest is what tasks
//! share: [`cargo`] builds and finds binaries, [`command`] runs programs, [`children`] keeps programs that run
//! beside us and ends them whatever happens, [`work`] gives directories and ports, [`tools`] sees to programs from
//! elsewhere, [`out`] prints.

mod bench;
mod cargo;
mod checkout;
mod children;
mod choice;
mod codegen;
mod command;
mod conformance;
mod demo;
mod dist;
mod docs;
mod failure;
mod fuzz;
mod out;
mod soak;
mod test;
mod tools;
mod work;

use std::process::ExitCode;

use crate::checkout::Checkout;
use crate::failure::Result;

/// One task: its name, what it takes, one line about it, and what it does.
struct Task {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    /// Gives whether all was well; an error is for what kept the task from being done.
    run: fn(&Checkout, &[String]) -> Result<bool>,
}

const TASKS: &[Task] = &[
    Task {
        name: "demo",
        usage: "[--keep | --stop]",
        about: "the main job, end to end: Terraform, releases, requests through Envoy",
        run: demo::run,
    },
    Task {
        name: "bench",
        usage: "[--only SECTION]… [--runs N] [--sizes N,…] [--peer PATH] [--peer-sizes N,…] [--profile P]",
        about: "figures of a release build: start, memory, plans, the way of a change to Envoy",
        run: bench::run,
    },
    Task {
        name: "test",
        usage: "[--only STEP]… [--list]",
        about: "all that CI runs: format, lints, hygiene, tests, real Terraform and Envoy, docs, licences",
        run: test::run,
    },
    Task {
        name: "tools",
        usage: "[NAME…] [--list]",
        about: "sees to Terraform, Envoy, cfn-lint and the like, under .tools/",
        run: tools::run,
    },
    Task {
        name: "codegen",
        usage: "[--check | CRATE]",
        about: "writes the Rust of our .proto files anew, or says which is out of date",
        run: codegen::run,
    },
    Task {
        name: "docs",
        usage: "[--check]",
        about: "writes the reference pages in docs/, or says which are out of date",
        run: docs::run,
    },
    Task {
        name: "conformance",
        usage: "[--only SECTION | --mutate [--only FIELD | --sample N]]",
        about: "every feature of the model on real Envoy; writes docs/guides/conformance.md, or says which row notices a missing field",
        run: conformance::run,
    },
    Task {
        name: "dist",
        usage: "[--target TRIPLE]… [--profile NAME]",
        about: "release archives with checksums, tried from a filesystem mirror",
        run: dist::run,
    },
    Task {
        name: "soak",
        usage: "[--only PROMISE]… [--list]",
        about: "promises that take long to show, run large: rolling replacements, random kills, thousands of meshes, a bucket with faults",
        run: soak::run,
    },
    Task {
        name: "fuzz",
        usage: "[TARGET] [--seconds N]",
        about: "fuzz targets of the readers and codecs, a minute each; needs cargo-fuzz",
        run: fuzz::run,
    },
];

/// Tasks that other tasks start, and that no one else has a use for.
const INNER: &[Task] = &[Task {
    name: "upstream",
    usage: "NAME PORT FILE",
    about: "a small HTTP service, for as long as the file is there",
    run: demo::upstream::run,
}];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        out::text(&help());
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        out::text(&help());
        return ExitCode::SUCCESS;
    }
    let Some(task) = TASKS.iter().chain(INNER).find(|task| task.name == name) else {
        out::error(&format!("there is no task `{name}`\n\n{}", help()));
        return ExitCode::from(2);
    };
    if rest
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        out::text(&format!(
            "cargo xtask {} {}\n    {}\n",
            task.name, task.usage, task.about
        ));
        return ExitCode::SUCCESS;
    }
    match Checkout::find().and_then(|checkout| (task.run)(&checkout, rest)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            out::error(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

/// The list of tasks, one line each.
fn help() -> String {
    let usages: Vec<String> = TASKS
        .iter()
        .map(|task| format!("{} {}", task.name, task.usage))
        .collect();
    let width = usages.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::from("Usage: cargo xtask TASK\n\n");
    for (task, usage) in TASKS.iter().zip(&usages) {
        text.push_str(&format!("  {usage:width$}  {}\n", task.about));
    }
    text
}
