//! `meshform diff`: what differs between two inputs, for the mesh and for its proxies.

mod show;
mod sides;

use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::render::{self, DocumentFormat as Format};
use meshform_compiler::diff::{Change, ChangeKind, between};
use meshform_envoy::diff::{Difference, ProxyDiff, diff as proxies};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use sides::DiffSide;
use std::collections::BTreeSet;
use std::path::Path;

/// Show what differs between two inputs: resources first, then what changes for each proxy and for
/// open connections
///
/// Of the two paths the first is before, the second after; each is a file or folder of any form, `-` for standard input, or a
/// store: its directory, or `s3://bucket/prefix`. `STORE@RELEASE` is what a release of a store was made from: the beginning of
/// its name, `current`, `previous`, or `r12` for the newest as of revision 12. The exit status is 0 when nothing differs, 1 when something does, and 2 when an input cannot be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    /// One line for each mesh
    #[arg(long)]
    summary: bool,
    /// The form of the report, on standard output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What differs in one mesh.
#[derive(Debug)]
struct MeshDiff {
    mesh: String,
    changes: Vec<Change>,
    proxies: Vec<ProxyDiff>,
    /// How many proxies there are in either state.
    count: usize,
    /// What keeps the proxies from being compared.
    note: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let [before, after] = arguments.input.paths.as_slice() else {
        io.tell("error: give two inputs, before and after: `meshform diff BEFORE AFTER`\n");
        return Exit::WrongUse;
    };
    if before == after && before == Path::new("-") {
        io.tell("error: standard input is one input: give the other as a file, a folder or a store\n");
        return Exit::WrongUse;
    }
    let states = match sides::read(&arguments.input, [before, after], io) {
        Ok(states) => states,
        Err(exit) => return exit,
    };
    let diffs = compared(&states);
    // The command ends with this comparison: taking large meshes apart would only make its user wait.
    std::mem::forget(states);
    let diffs = match diffs {
        Ok(diffs) => diffs,
        Err(problems) => {
            render::tell(io, &meshform_model::diag::Sources::default(), &problems);
            return Exit::WrongUse;
        }
    };
    let text = match arguments.format {
        Format::Text => show::text(&diffs, arguments.summary),
        Format::Json => show::json(&diffs),
        Format::Markdown => show::markdown(&diffs, arguments.summary),
    };
    io.print(&text);
    if diffs.iter().all(|diff| diff.changes.is_empty()) {
        Exit::Fine
    } else {
        Exit::Found
    }
}

fn compared(states: &[DiffSide; 2]) -> Result<Vec<MeshDiff>, Vec<Diagnostic>> {
    let [old, new] = states.each_ref().map(DiffSide::by_name);
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    names
        .into_iter()
        .map(|name| {
            let pair = [old.get(name).copied(), new.get(name).copied()];
            of_mesh(name, pair, states)
        })
        .collect()
}

/// What differs in the mesh of that name, which one of the states may lack.
fn of_mesh(
    name: &str,
    [before, after]: [Option<&Mesh>; 2],
    states: &[DiffSide; 2],
) -> Result<MeshDiff, Vec<Diagnostic>> {
    let changes = between(before, after);
    let note = ["before", "after"]
        .into_iter()
        .zip(states)
        .find_map(|(when, state)| {
            let errors = state.broken.get(name)?;
            Some(format!(
                "proxies are not compared: the mesh {when} is not valid ({}; `meshform validate` shows why)",
                if *errors == 1 {
                    "1 error".to_owned()
                } else {
                    format!("{errors} errors")
                }
            ))
        });
    let proxies = match (before, after) {
        _ if note.is_some() || changes.is_empty() => Vec::new(),
        (Some(before), Some(after)) => proxies(before, after, &keys(&changes))?,
        (Some(only), None) => all(only, Difference::Removed),
        (None, Some(only)) => all(only, Difference::Added),
        (None, None) => Vec::new(),
    };
    Ok(MeshDiff {
        mesh: name.to_owned(),
        changes,
        proxies,
        count: count([before, after]),
        note,
    })
}

/// Every key that changed, by either name.
fn keys(changes: &[Change]) -> Vec<ResourceKey> {
    let was = changes.iter().filter_map(|change| match &change.what {
        ChangeKind::Renamed(was, _) => Some(ResourceKey::clone(was)),
        _ => None,
    });
    changes
        .iter()
        .map(|change| change.key.clone())
        .chain(was)
        .collect()
}

fn proxy_keys(mesh: &Mesh) -> impl Iterator<Item = &ResourceKey> {
    let nodes = mesh.virtual_nodes().map(|node| &node.key);
    nodes.chain(mesh.virtual_gateways().map(|gateway| &gateway.key))
}

fn count(states: [Option<&Mesh>; 2]) -> usize {
    let all: BTreeSet<&ResourceKey> = states.into_iter().flatten().flat_map(proxy_keys).collect();
    all.len()
}

fn all(mesh: &Mesh, how: Difference) -> Vec<ProxyDiff> {
    let proxies = proxy_keys(mesh).map(|key| ProxyDiff {
        key: key.clone(),
        how,
        parts: Vec::new(),
    });
    proxies.collect()
}
