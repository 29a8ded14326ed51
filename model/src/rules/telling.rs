//! What a mesh's problems look like to a person: one fault is reported once, with what was meant.
//!
//! The rules say of every resource by itself what is wrong with it, because a release, a plan or an editor looks at
//! one of them. A report of everything would repeat a misspelt name for each resource that names it.

use super::codes;
use crate::diag::{Code, Diagnostic, ProblemLocation};
use crate::key::ResourceKey;
use crate::kind::Kind;
use crate::mesh::Mesh;
use crate::validate::{MAX_SUGGESTIONS, closest};
use std::collections::BTreeMap;

/// How many places of one fault are shown.
const SHOWN: usize = 10;

/// What names something that is not there.
const MISSING: &[Code] = &[
    codes::NO_PARENT,
    codes::NO_PROVIDER,
    codes::NO_TARGET,
    codes::NO_BACKEND,
    codes::NO_GATEWAY_TARGET,
    codes::NO_SUBJECT,
];

/// What is missing, where a problem says that something is.
pub fn missing(problem: &Diagnostic) -> Option<&ResourceKey> {
    let last = problem.places.last()?;
    MISSING
        .contains(&problem.code)
        .then_some(last.resource.as_ref())
        .flatten()
}

/// The problems of a mesh with each fault told once: everything that names one missing resource is one problem, and so
/// is everything that one field of another resource makes wrong. What was meant is named where it is known.
pub fn told(mesh: &Mesh, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut groups: Vec<Vec<Diagnostic>> = Vec::new();
    let mut known: BTreeMap<CommonCause, usize> = BTreeMap::new();
    for problem in found {
        match CommonCause::of(&problem) {
            None => groups.push(vec![problem]),
            Some(fault) => match known.get(&fault).and_then(|at| groups.get_mut(*at)) {
                Some(group) => group.push(problem),
                None => {
                    known.insert(fault, groups.len());
                    groups.push(vec![problem]);
                }
            },
        }
    }
    groups
        .into_iter()
        .filter_map(|group| folded(mesh, group))
        .collect()
}

/// The problems of several meshes, told together: where a mesh is not there and one of nearly the same name is, that is
/// the fault. What the resources of both then do not find of each other follows from it, and is not told.
pub fn told_together(meshes: &[Mesh], mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let there: Vec<&str> = meshes
        .iter()
        .filter(|mesh| mesh.resource().is_some())
        .map(Mesh::name)
        .collect();
    for written in meshes.iter().filter(|mesh| mesh.resource().is_none()) {
        let near = closest(written.name(), &there);
        let Some(meant) = meshes.iter().find(|mesh| Some(mesh.name()) == near) else {
            continue;
        };
        problems.retain(|problem| match missing(problem) {
            Some(key) if key.mesh == written.name() => !has(meant, key),
            Some(key) if key.mesh == meant.name() => !has(written, key),
            _ => true,
        });
        let of_written = |problem: &&mut Diagnostic| {
            let place = problem.places.first();
            let key = place.and_then(|place| place.resource.as_ref());
            problem.code == codes::NO_MESH && key.is_some_and(|key| key.mesh == written.name())
        };
        for problem in problems.iter_mut().filter(of_written) {
            let otherwise = problem.help.take().unwrap_or_default();
            problem.help = Some(format!("did you mean `{}`? Otherwise {otherwise}", meant.name()));
        }
    }
    problems
}

/// Whether a mesh has the resource that another lacks.
fn has(mesh: &Mesh, key: &ResourceKey) -> bool {
    let mut key = key.clone();
    mesh.name().clone_into(&mut key.mesh);
    mesh.contains(&key)
}

/// What makes several problems one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum CommonCause {
    Missing(ResourceKey),
    /// The same is wrong with several resources because of the same field of another.
    OneField(Code, ResourceKey, String),
}

impl CommonCause {
    fn of(problem: &Diagnostic) -> Option<Self> {
        if let Some(key) = missing(problem) {
            return Some(Self::Missing(key.clone()));
        }
        let (last, before) = problem.places.split_last()?;
        let of_another = before.len() == 1 && problem.is_error();
        let key = last.resource.as_ref().filter(|_| of_another)?;
        Some(Self::OneField(
            problem.code,
            key.clone(),
            last.pointer.to_string(),
        ))
    }
}

/// One problem for all of a group: an error before a warning, a parent before what is only named, a backend last, since
/// one may be missing.
fn folded(mesh: &Mesh, group: Vec<Diagnostic>) -> Option<Diagnostic> {
    let count = group.len();
    let (at, _) = group
        .iter()
        .enumerate()
        .min_by_key(|(_, one)| (!one.is_error(), one.code == codes::NO_BACKEND, one.code))?;
    let others: Vec<ProblemLocation> = group
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != at)
        .filter_map(|(_, one)| one.places.first().cloned())
        .collect();
    let mut first = group.into_iter().nth(at)?;
    let key = missing(&first).cloned();
    if count > 1 {
        let more = match count - 1 {
            1 => "the same applies to 1 other resource".to_owned(),
            more => format!("the same applies to {more} other resources"),
        };
        first.message = format!("{}; {more}", first.message);
        let last = first.places.pop();
        let label = if key.is_some() {
            "named here too"
        } else {
            "the same here"
        };
        first
            .places
            .extend(others.into_iter().take(SHOWN).map(|place| place.label(label)));
        first.places.extend(last);
    }
    if let Some(key) = key {
        first = with_what_was_meant(mesh, first, &key);
    }
    Some(first)
}

/// With the name that was meant: that of the resource whose id was given, or one that is nearly the same.
fn with_what_was_meant(mesh: &Mesh, mut problem: Diagnostic, missing: &ResourceKey) -> Diagnostic {
    let of_kind = || names(mesh, missing.kind).into_iter().take(MAX_SUGGESTIONS);
    if looks_like_id(&missing.name)
        && let Some((_, key)) = of_kind().find(|(uid, _)| *uid == Some(missing.name.as_str()))
    {
        problem.code = codes::NOT_A_NAME;
        problem.message = format!(
            "`{}` is the id of {} `{}`, where a name belongs",
            missing.name, key.kind, key.name
        );
        problem.places.pop();
        return problem.help(format!("use its name: `{}`", key.name));
    }
    let known: Vec<&str> = of_kind().map(|(_, key)| key.name.as_str()).collect();
    suggested(mesh, problem, missing, closest(&missing.name, &known))
}

/// A problem that something is missing, with what was meant: what has the very name, which says more than `near`, a name that
/// is nearly the same.
pub fn suggested(
    mesh: &Mesh,
    mut problem: Diagnostic,
    missing: &ResourceKey,
    near: Option<&str>,
) -> Diagnostic {
    if let Some(meant) = meant(of_another_kind(mesh, missing), near) {
        let help = problem.help.take().unwrap_or_default();
        problem.help = Some(format!("{meant} Otherwise {help}"));
    }
    problem
}

/// What was probably meant by a name that leads nowhere: what has the very name and is something else, or a name that is
/// nearly the same.
pub fn meant(other: Option<&ResourceKey>, near: Option<&str>) -> Option<String> {
    match other {
        Some(other) => Some(format!("`{}` is a {}.", other.name, other.kind)),
        None => near.map(|near| format!("did you mean `{near}`?")),
    }
}

/// What has the name that is missing, and is something else.
pub fn of_another_kind<'m>(mesh: &'m Mesh, missing: &ResourceKey) -> Option<&'m ResourceKey> {
    [
        Kind::VirtualNode,
        Kind::VirtualRouter,
        Kind::VirtualService,
        Kind::VirtualGateway,
    ]
    .into_iter()
    .filter(|kind| *kind != missing.kind)
    .flat_map(|kind| names(mesh, kind))
    .map(|(_, key)| key)
    .find(|key| key.name == missing.name)
}

/// Whether a text has the form of the ids that App Mesh and stores give.
pub fn looks_like_id(text: &str) -> bool {
    let mut lengths = text.split('-').map(|part| {
        let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex { part.len() } else { 0 }
    });
    [8, 4, 4, 4, 12]
        .into_iter()
        .all(|wanted| lengths.next() == Some(wanted))
        && lengths.next().is_none()
}

/// The ids and keys of a kind that others refer to.
fn names(mesh: &Mesh, kind: Kind) -> Vec<(Option<&str>, &ResourceKey)> {
    fn of<'m, S: 'm>(
        all: impl Iterator<Item = &'m crate::resource::Resource<S>>,
    ) -> Vec<(Option<&'m str>, &'m ResourceKey)> {
        all.map(|one| (one.identity.as_ref().map(|it| it.uid.as_str()), &one.key))
            .collect()
    }
    match kind {
        Kind::VirtualNode => of(mesh.virtual_nodes()),
        Kind::VirtualRouter => of(mesh.virtual_routers()),
        Kind::VirtualService => of(mesh.virtual_services()),
        Kind::VirtualGateway => of(mesh.virtual_gateways()),
        // No resource refers to one of these by an id or an ARN.
        Kind::Mesh | Kind::Route | Kind::GatewayRoute | Kind::ProxyProfile => Vec::new(),
    }
}
