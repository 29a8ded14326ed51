//! `meshform migrate`: Terraform configuration of hashicorp/aws made ready for this provider.

mod edit;
mod left;
mod module;
mod plan;
mod quoted;

use crate::codes;
use crate::exit::Exit;
use crate::io::Io;
use crate::output;
use crate::render::{self, Count, Format, FormatArgument};
use hcl_edit::parser::parse_body;
use left::MigrationState;
use meshform_model::diag::{Diagnostic, has_errors};
use module::Tree;
use plan::{Plan, Provider};
use serde_json::{Value as Json, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Convert Terraform configuration with `aws_appmesh_*` to this provider, and list what is left to do
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The root module; local modules that it calls are read too
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Change the files; without it, the changes are only shown
    #[arg(long, conflicts_with = "check")]
    write: bool,
    /// Change nothing, and end with status 1 while anything is left to do
    #[arg(long)]
    check: bool,
    /// The store for the provider block: a directory, or a bucket such as `s3://bucket/prefix`; `.meshform` otherwise
    #[arg(long, value_name = "DIR|URL")]
    store: Option<String>,
    /// The owner for the provider block: distinguishes this root module from others of the same mesh
    #[arg(long, value_name = "NAME", value_parser = super::readable::name)]
    owner: Option<String>,
    /// The state, as `terraform state pull` gives it; `terraform.tfstate` in the root module otherwise
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgument,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let root = arguments.folder.as_path();
    if !io.path(root).is_dir() {
        io.tell(&format!(
            "error: `{}` is not a folder; give a root module\n",
            root.display()
        ));
        return Exit::WrongUse;
    }
    // In CI, a folder that was misspelt would else have nothing left to do.
    if !has_configuration(&io.path(root)) {
        io.tell(&format!(
            "error: `{}` has no Terraform configuration, `*.tf` or `*.tf.json`; give a root module\n",
            root.display()
        ));
        return Exit::WrongUse;
    }
    let state = match state(arguments, io) {
        Ok(state) => state,
        Err(problem) => {
            render::tell(io, &Default::default(), &[*problem]);
            return Exit::WrongUse;
        }
    };
    let tree = Tree::read(io, root);
    let provider = Provider {
        store: arguments.store.clone(),
        owner: arguments.owner.clone(),
    };
    let mut plan = Plan::of(&tree, &provider);
    plan.left.extend(left::by_hand(io, root, &tree, state.as_ref()));
    let warnings = left::beware(io, root, &tree, state.as_ref());
    let mut problems = tree.problems.clone();
    let mut done = Vec::new();
    if !has_errors(&problems) {
        match changes(&plan) {
            Ok(changes) => done = changes,
            Err(problem) => problems.push(problem),
        }
    }
    if arguments.write && !has_errors(&problems) {
        problems.extend(write(io, &done));
    }
    let open = has_errors(&problems) || !plan.left.is_empty() || !done.is_empty() && !arguments.write;
    problems.extend(plan.left);
    problems.extend(warnings);
    let failed = has_errors(&problems);
    report(arguments, io, &tree, &problems, &done);
    match failed || arguments.check && open {
        true => Exit::Found,
        false => Exit::Fine,
    }
}

/// Whether a folder is a module; one that cannot be listed is told of when it is read.
fn has_configuration(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return true;
    };
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.any(|name| module::is_hcl(&name) || module::is_json(&name))
}

fn state(arguments: &Arguments, io: &mut Io) -> Result<Option<MigrationState>, Box<Diagnostic>> {
    if let Some(path) = &arguments.state {
        let bytes = crate::input::one(io, path)?;
        return MigrationState::parse(path.display().to_string(), bytes).map(Some);
    }
    let path = arguments.folder.join("terraform.tfstate");
    let bytes = fs::read(io.path(&path)).ok();
    bytes
        .map(|bytes| MigrationState::parse(path.display().to_string(), bytes))
        .transpose()
}

/// A file before and after.
struct ChangedFile {
    path: PathBuf,
    before: String,
    after: String,
}

/// The files as they will be. What would not be read again is a fault of ours, and nothing is written.
fn changes(plan: &Plan) -> Result<Vec<ChangedFile>, Diagnostic> {
    let files = plan.files.iter().map(|(path, (before, edits))| {
        let after = edit::apply(before, edits);
        match parse_body(after.trim_start_matches('\u{feff}')) {
            Ok(_) => Ok(ChangedFile {
                path: path.clone(),
                before: before.clone(),
                after,
            }),
            Err(error) => Err(Diagnostic::error(
                codes::NOT_HCL,
                format!(
                    "`{}` could not be changed: the outcome cannot be read: {}",
                    path.display(),
                    error.message()
                ),
            )
            .help("please report this; nothing was written")),
        }
    });
    files.collect()
}

/// Writes every file beside its place first, so that a full disk changes none of them.
fn write(io: &Io, changes: &[ChangedFile]) -> Option<Diagnostic> {
    let files = changes
        .iter()
        .map(|change| (io.path(&change.path), change.after.as_bytes()));
    output::replace(files.collect())
}

fn report(arguments: &Arguments, io: &mut Io, tree: &Tree, problems: &[Diagnostic], done: &[ChangedFile]) {
    match arguments.format.format {
        Format::Json => {
            let count = Count::of(problems);
            let files = done.iter().map(|change| {
                let lines = lines(change).into_iter();
                json!({
                    "file": change.path.display().to_string(),
                    "lines": lines.map(|(line, sign, text)| json!({"line": line, "sign": sign.to_string(), "text": text})).collect::<Vec<Json>>(),
                })
            });
            let report = json!({
                "errors": count.errors,
                "warnings": count.warnings,
                "problems": render::problems_json(&tree.sources, problems),
                "written": arguments.write && !has_errors(problems),
                "files": files.collect::<Vec<Json>>(),
            });
            io.print(&format!("{report:#}\n"));
        }
        Format::Text => {
            render::tell(io, &tree.sources, problems);
            for change in done {
                io.print(&format!("{}\n", change.path.display()));
                for (line, sign, text) in lines(change) {
                    io.print(&format!("  {line:>5} {sign} {text}\n"));
                }
            }
            io.print(&end(arguments, problems, done));
        }
    }
}

fn end(arguments: &Arguments, problems: &[Diagnostic], done: &[ChangedFile]) -> String {
    let files = match done.len() {
        0 => return "no file needs a change\n".to_owned(),
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    match (has_errors(problems), arguments.write) {
        (true, _) => "nothing was written\n".to_owned(),
        (false, true) => format!("{files} changed\n"),
        (false, false) => format!("{files} to be changed; `--write` does it\n"),
    }
}

/// The lines that come and go, with their numbers: in the new text for those that come, in the old for those that go.
fn lines(change: &ChangedFile) -> Vec<(usize, char, String)> {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (change.before.lines().collect(), change.after.lines().collect());
    let mut out = Vec::new();
    let (mut old, mut new) = (0, 0);
    while new < after.len() || old < before.len() {
        let (was, is) = (before.get(old), after.get(new));
        if was.is_some() && was == is {
            (old, new) = (old + 1, new + 1);
            continue;
        }
        // Only lines are inserted, and single ones replaced: the next common line is near.
        let again = was.and_then(|was| after.iter().skip(new).position(|line| line == was));
        match (again, was) {
            (Some(count), _) => {
                for line in after.iter().skip(new).take(count) {
                    new += 1;
                    out.push((new, '+', (*line).to_owned()));
                }
            }
            (None, Some(was)) => {
                old += 1;
                out.push((old, '-', (*was).to_owned()));
            }
            (None, None) => {
                new += 1;
                out.push((new, '+', is.map(|line| (*line).to_owned()).unwrap_or_default()));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_come_and_go_are_numbered() {
        let change = ChangedFile {
            path: PathBuf::from("a.tf"),
            before: "a\nb {}\nc\n".to_owned(),
            after: "a\nb {\n  x\n}\nc\nd\n".to_owned(),
        };
        let shown: Vec<String> = lines(&change)
            .into_iter()
            .map(|(line, sign, text)| format!("{line}{sign}{text}"))
            .collect();
        assert_eq!(shown, ["2-b {}", "2+b {", "3+  x", "4+}", "6+d"]);
    }
}
