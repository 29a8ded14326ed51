//! `meshform diff`: what differs between two inputs, for the mesh and for its proxies.

mod show;

use super::load::{Loaded, load_release, load_side, load_store};
use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::render::{self, DocumentFormat as Format};
use meshform_compiler::diff::{Change, ChangeKind, diff};
use meshform_envoy::diff::{Difference, ProxyDiff, diff as proxies};
use meshform_model::diag::{Diagnostic, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::rules::Options as Rules;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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
    /// How to report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What differs in one mesh.
#[derive(Debug)]
struct MeshDiff {
    mesh: String,
    changes: Vec<Change>,
    proxies: Vec<ProxyDiff>,
    /// How many proxies the second state has.
    count: usize,
    /// What keeps the proxies from being compared.
    note: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    if arguments.input.paths.len() != 2 {
        io.tell("error: give two inputs, before and after: `meshform diff BEFORE AFTER`\n");
        return Exit::WrongUse;
    }
    let mut states = Vec::new();
    let mut lacking = Vec::new();
    for side in &arguments.input.paths {
        let Some(mut loaded) = arguments.load(side, io) else {
            return Exit::WrongUse;
        };
        lacking.extend(loaded.lacks_mesh(&arguments.input));
        let refused = has_errors(&loaded.problems);
        let meshes = loaded.meshes(&Rules::default());
        if refused || states_no_mesh(&loaded, &meshes) {
            render::tell(io, &loaded.reading.sources, &loaded.problems);
            return Exit::WrongUse;
        }
        let broken = broken(&loaded.problems);
        states.push(State { meshes, broken });
    }
    // The mesh may be in one of them only: it is new, or gone.
    if lacking.len() == arguments.input.paths.len() {
        lacking.truncate(1);
        render::tell(io, &meshform_model::diag::Sources::default(), &lacking);
        return Exit::WrongUse;
    }
    // A release is of one mesh, mostly; what else the other has is no difference from it.
    for side in 0..2 {
        let is_release = arguments
            .input
            .paths
            .get(side)
            .and_then(|path| of_release(path, io));
        let names = states.get(side).map(State::names).unwrap_or_default();
        if let (Some(_), Some(other)) = (is_release, states.get_mut(1 - side)) {
            other.meshes.retain(|mesh| names.contains(mesh.name()));
        }
    }
    let [before, after] = states.as_slice() else {
        return Exit::WrongUse;
    };
    let diffs = match compared(before, after) {
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

impl Arguments {
    fn load(&self, side: &Path, io: &mut Io) -> Option<Loaded> {
        let mut input = self.input.clone();
        input.paths.clear();
        if is_store(side, io) {
            return load_store(&input, Some(side), io);
        }
        if let Some((store, release)) = of_release(side, io) {
            return load_release(&input, &store, &release, io);
        }
        input.paths.push(side.to_owned());
        load_side(&input, false, io)
    }
}

/// Whether a path is a store's name.
fn is_store(side: &Path, io: &Io) -> bool {
    side.to_string_lossy().contains("://") && of_release(side, io).is_none()
        || io.path(side).join("store.db").is_file()
}

/// The store and the release that `STORE@RELEASE` names. In a URL an `@` may stand before the last `/`.
fn of_release(side: &Path, io: &Io) -> Option<(PathBuf, String)> {
    let (store, release) = side.to_str()?.rsplit_once('@')?;
    let is_one = !release.is_empty() && release.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_store = store.contains("://") || io.path(Path::new(store)).join("store.db").is_file();
    (is_one && is_store).then(|| (PathBuf::from(store), release.to_owned()))
}

/// What one side of the comparison has.
struct State {
    meshes: Vec<Mesh>,
    /// How many errors meshes have that are not valid.
    broken: BTreeMap<String, usize>,
}

impl State {
    fn names(&self) -> BTreeSet<String> {
        self.meshes.iter().map(|mesh| mesh.name().to_owned()).collect()
    }
}

fn states_no_mesh(loaded: &Loaded, meshes: &[Mesh]) -> bool {
    meshes.is_empty() && !loaded.resources.is_empty()
}

fn broken(problems: &[Diagnostic]) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for problem in problems.iter().filter(|problem| problem.is_error()) {
        if let Some(key) = problem.places.first().and_then(|place| place.resource.as_ref()) {
            *out.entry(key.mesh.clone()).or_default() += 1;
        }
    }
    out
}

fn compared(before: &State, after: &State) -> Result<Vec<MeshDiff>, Vec<Diagnostic>> {
    let named = |state: &'_ State| -> BTreeMap<String, Mesh> {
        let meshes = state.meshes.iter();
        meshes
            .map(|mesh| (mesh.name().to_owned(), mesh.clone()))
            .collect()
    };
    let (old, new) = (named(before), named(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut out = Vec::new();
    for name in names {
        let resources = |mesh: Option<&Mesh>| mesh.map(Mesh::resources).unwrap_or_default();
        let pair = (old.get(name), new.get(name));
        let changes = diff(&resources(pair.0), &resources(pair.1));
        let mut one = MeshDiff {
            mesh: name.clone(),
            changes,
            proxies: Vec::new(),
            count: pair.1.map_or(0, count),
            note: None,
        };
        one.note = [("before", before), ("after", after)].into_iter().find_map(|(when, state)| {
            let errors = state.broken.get(name)?;
            Some(format!(
                "proxies are not compared: the mesh {when} is not valid ({errors} errors; `meshform validate` shows them)"
            ))
        });
        one.proxies = match pair {
            _ if one.note.is_some() || one.changes.is_empty() => Vec::new(),
            (Some(old), Some(new)) => proxies(old, new, &keys(&one.changes))?,
            (Some(only), None) => all(only, Difference::Removed),
            (None, Some(only)) => all(only, Difference::Added),
            (None, None) => Vec::new(),
        };
        out.push(one);
    }
    Ok(out)
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

fn count(mesh: &Mesh) -> usize {
    proxy_keys(mesh).count()
}

fn all(mesh: &Mesh, how: Difference) -> Vec<ProxyDiff> {
    let proxies = proxy_keys(mesh).map(|key| ProxyDiff {
        key: key.clone(),
        how,
        parts: Vec::new(),
    });
    proxies.collect()
}
