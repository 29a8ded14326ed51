//! The two inputs of a comparison, read and checked at the same time.

use crate::boundary;
use crate::commands::load::{Loaded, load_release, load_side, load_store};
use crate::exit::Exit;
use crate::input::{InputArguments, TemplateUse};
use crate::io::Io;
use crate::render;
use meshform_compiler::frontend::codes::NOTHING_FOUND;
use meshform_model::diag::{Diagnostic, Sources, has_errors};
use meshform_model::mesh::Mesh;
use meshform_model::rules::Options as Rules;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One of the two.
pub(super) struct DiffSide {
    meshes: Vec<Mesh>,
    /// How many errors meshes have that are not valid.
    pub(super) broken: BTreeMap<String, usize>,
    /// Whether it is what a release was made from.
    is_release: bool,
    /// That the mesh that is asked for is not there.
    lacking: Option<Diagnostic>,
}

/// Both states. What keeps one from being compared has been reported.
pub(super) fn read(
    arguments: &InputArguments,
    [before, after]: [&PathBuf; 2],
    io: &mut Io,
) -> Result<[DiffSide; 2], Exit> {
    let standard = Path::new("-");
    let (mut beside, told) = io.beside(after == standard && before != standard);
    let (before, after) = std::thread::scope(|scope| {
        let second = std::thread::Builder::new()
            .spawn_scoped(scope, || boundary::guard(|| one(arguments, after, &mut beside)));
        let first = one(arguments, before, io);
        (first, second.map(|second| second.join()))
    });
    io.tell(&told.text());
    let after = match after {
        Ok(Ok(Ok(state))) => state,
        Ok(Ok(Err(fault))) => {
            render::tell(io, &Sources::default(), &[fault]);
            return Err(Exit::Broken);
        }
        // The boundary lets no panic through.
        Ok(Err(_)) => return Err(Exit::Broken),
        Err(error) => {
            io.tell(&format!("error: no thread can be started: {error}\n"));
            return Err(Exit::WrongUse);
        }
    };
    let (Some(before), Some(after)) = (before, after) else {
        return Err(Exit::WrongUse);
    };
    let mut states = [before, after];
    // The mesh may be in one of them only: it is new, or gone.
    if let [
        DiffSide {
            lacking: Some(first), ..
        },
        DiffSide { lacking: Some(_), .. },
    ] = &states
    {
        render::tell(io, &Sources::default(), std::slice::from_ref(first));
        return Err(Exit::WrongUse);
    }
    let [before, after] = &mut states;
    before.keep_to(after);
    after.keep_to(before);
    Ok(states)
}

/// One state. `None` where it cannot be compared; that has been reported.
fn one(arguments: &InputArguments, side: &Path, io: &mut Io) -> Option<DiffSide> {
    let release = of_release(side, io);
    let is_release = release.is_some();
    let loaded = load(arguments, side, release, io)?;
    let lacking = loaded.lacks_mesh(arguments);
    let refused = has_errors(&loaded.problems);
    let some = !loaded.resources.is_empty();
    let (meshes, loaded) = loaded.into_meshes(&Rules::default());
    let state = if refused || some && meshes.is_empty() {
        render::tell(io, &loaded.reading.sources, &loaded.problems);
        None
    } else {
        // Of a side without anything all of the other would be new or gone: most often it is the wrong path.
        let nothing = loaded
            .problems
            .iter()
            .filter(|problem| problem.code == NOTHING_FOUND);
        let nothing: Vec<Diagnostic> = nothing.cloned().collect();
        if !nothing.is_empty() {
            render::tell(io, &loaded.reading.sources, &nothing);
        }
        Some(DiffSide {
            meshes,
            broken: broken(&loaded.problems),
            is_release,
            lacking,
        })
    };
    // As with the states: the process ends before its user would have anything of the memory.
    std::mem::forget(loaded);
    state
}

fn load(
    arguments: &InputArguments,
    side: &Path,
    release: Option<(PathBuf, String)>,
    io: &mut Io,
) -> Option<Loaded> {
    let mut input = arguments.clone();
    input.paths.clear();
    if let Some((store, release)) = release {
        return load_release(&input, &store, &release, io);
    }
    if is_store(side, io) {
        return load_store(&input, Some(side), io);
    }
    input.paths.push(side.to_owned());
    load_side(&input, TemplateUse::Values, io)
}

/// Whether a path that names no release is a store's name.
fn is_store(side: &Path, io: &Io) -> bool {
    side.to_string_lossy().contains("://") || io.path(side).join("store.db").is_file()
}

/// The store and the release that `STORE@RELEASE` names. In a URL an `@` may stand before the last `/`.
fn of_release(side: &Path, io: &Io) -> Option<(PathBuf, String)> {
    let (store, release) = side.to_str()?.rsplit_once('@')?;
    let is_one = !release.is_empty() && release.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_store = store.contains("://") || io.path(Path::new(store)).join("store.db").is_file();
    (is_one && is_store).then(|| (PathBuf::from(store), release.to_owned()))
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

impl DiffSide {
    pub(super) fn by_name(&self) -> BTreeMap<&str, &Mesh> {
        self.meshes.iter().map(|mesh| (mesh.name(), mesh)).collect()
    }

    /// A release is of one mesh, mostly; what else the other has is no difference from it.
    fn keep_to(&mut self, other: &Self) {
        if other.is_release {
            let names: BTreeSet<&str> = other.meshes.iter().map(Mesh::name).collect();
            self.meshes.retain(|mesh| names.contains(mesh.name()));
        }
    }
}
