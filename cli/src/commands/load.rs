//! What several commands do first: read, and make resources of what was read.

use crate::codes;
use crate::input::InputArguments;
use crate::io::Io;
use crate::render;
use meshform_compiler::frontend::{Found, Reading, codes as reading_codes};
use meshform_envoy::polled;
use meshform_model::diag::{Code, Diagnostic, Place, Severity, Sources, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::pointer::{Pointer, Segment};
use meshform_model::resource::Resource;
use meshform_model::rules::{Options, codes as rules};
use meshform_model::value::{Node, Span, Value};
use meshform_store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// What can be missing because it is in an input that was not given.
const MISSING: &[Code] = &[
    rules::NO_MESH,
    rules::NO_PARENT,
    rules::NO_PROVIDER,
    rules::NO_TARGET,
    rules::NO_BACKEND,
    rules::NO_GATEWAY_TARGET,
    rules::NO_SUBJECT,
];

/// The inputs as resources, and everything that is wrong with them.
pub(crate) struct Loaded {
    /// Where the resources come from, if that is a store.
    store: Option<Arc<dyn Store>>,
    pub(crate) reading: Reading,
    pub(crate) resources: Vec<Resource>,
    pub(crate) problems: Vec<Diagnostic>,
}

/// Reads the inputs. `None` when the options do not fit them; that has been told.
pub(crate) fn load(arguments: &InputArguments, io: &mut Io) -> Option<Loaded> {
    load_with(arguments, false, io)
}

/// The same; with `symbolic`, templates are read with their expressions, too.
pub(crate) fn load_with(arguments: &InputArguments, symbolic: bool, io: &mut Io) -> Option<Loaded> {
    finish(arguments.read(symbolic, io), io)
}

/// Reads a text that was not in a file.
pub(crate) fn load_text(name: &str, text: &str, arguments: &InputArguments, io: &mut Io) -> Option<Loaded> {
    finish(arguments.read_text(name, text), io)
}

fn finish(reading: Reading, io: &mut Io) -> Option<Loaded> {
    if !reading.misused.is_empty() {
        render::tell(io, &reading.sources, &reading.misused);
        return None;
    }
    let mut problems = reading.all_problems();
    let (resources, untyped) = reading.resources();
    problems.extend(untyped);
    let resources = once(resources, &reading, &mut problems);
    Some(Loaded {
        store: None,
        reading,
        resources,
        problems,
    })
}

/// Reads the inputs, or a store where no input is given. `None` when there is neither, or the options do not fit; that
/// has been told.
pub(crate) fn load_or_store(arguments: &InputArguments, store: Option<&Path>, io: &mut Io) -> Option<Loaded> {
    if !arguments.paths.is_empty() {
        return load(arguments, io);
    }
    let directory = store.unwrap_or(Path::new(".meshform"));
    if store.is_none() && !io.path(directory).is_dir() {
        io.tell(
            "error: nothing to read; give files or folders, `-` for standard input, or `--store DIR|URL`\n",
        );
        return None;
    }
    let mut loaded = Loaded {
        store: None,
        reading: Reading::default(),
        resources: Vec::new(),
        problems: Vec::new(),
    };
    let read = crate::store::open(io, directory).and_then(|store| {
        let read = crate::store::wait(crate::store::resources(&*store, arguments.mesh.as_deref()))?
            .map_err(|error| Box::new(error.diagnostic()));
        loaded.store = Some(store);
        read
    });
    match read {
        Ok((resources, problems)) => {
            loaded.resources = resources;
            loaded.problems = problems;
        }
        Err(problem) => loaded.problems.push(*problem),
    }
    Some(loaded)
}

impl Loaded {
    /// Adds problems; what has been told is not told again.
    pub(crate) fn add(&mut self, problems: Vec<Diagnostic>) {
        for problem in problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    /// For what is deployed, an expression without a value is no warning.
    pub(crate) fn demand_values(&mut self) {
        for problem in &mut self.problems {
            if problem.code == reading_codes::NO_VALUE {
                problem.severity = Severity::Error;
            }
        }
    }

    /// For what keeps expressions, one without a value is none that lacks it.
    pub(crate) fn allow_expressions(&mut self) {
        self.problems
            .retain(|problem| problem.code != reading_codes::NO_VALUE);
    }

    /// Where the mesh itself is not among the inputs they are a part of it: what they refer to may be in another.
    pub(crate) fn allow_parts(&mut self, meshes: &[Mesh]) {
        let parts: Vec<&str> = meshes
            .iter()
            .filter(|mesh| mesh.resource().is_none())
            .map(|mesh| mesh.name())
            .collect();
        for problem in &mut self.problems {
            let of_part = problem
                .places
                .iter()
                .filter_map(|place| place.resource.as_ref())
                .any(|key| parts.contains(&key.mesh.as_str()));
            // A backend may be another account's or a later stack's; App Mesh took it.
            if problem.code == rules::NO_BACKEND || of_part && MISSING.contains(&problem.code) {
                problem.severity = Severity::Warning;
            }
        }
    }

    /// The resources by mesh, each with its references resolved. Problems of the meshes are added.
    pub(crate) fn meshes(&mut self, options: &Options) -> Vec<Mesh> {
        let mut by_name: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
        for resource in &self.resources {
            by_name
                .entry(resource.key.mesh.clone())
                .or_default()
                .push(resource.clone());
        }
        let mut meshes = Vec::new();
        let mut problems = Vec::new();
        let index = self.index();
        for resources in by_name.into_values() {
            match Mesh::new(resources) {
                Ok(mesh) => {
                    let mut found = mesh.check_with(options);
                    found.retain(|problem| !is_of_expression(&index, problem));
                    problems.extend(found);
                    meshes.push(mesh);
                }
                Err(found) => problems.extend(found),
            }
        }
        let problems = self.placed(problems);
        self.problems.extend(problems);
        meshes
    }

    /// That callers of Cloud Map's nodes have no addresses: of a store it is known where a poller has looked them up.
    pub(crate) fn without_endpoints(&self, io: &Io, mesh: &Mesh) -> Vec<Diagnostic> {
        let Some(store) = &self.store else {
            return polled::cloud_map_warning(mesh).into_iter().collect();
        };
        let looked = crate::store::releaser(io, Arc::clone(store), &[]).and_then(|releaser| {
            crate::store::wait(releaser.without_endpoints_of(mesh))?
                .map_err(|error| crate::store::told(&error))
        });
        looked.unwrap_or_else(|problem| vec![*problem])
    }

    /// Problems that name a resource and a field get the bytes where these stand.
    pub(crate) fn placed(&self, mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
        if problems.is_empty() {
            return problems;
        }
        let index = self.index();
        for place in problems.iter_mut().flat_map(|problem| problem.places.iter_mut()) {
            if place.span.is_none()
                && let Some(found) = place.resource.as_ref().and_then(|key| index.get(key))
            {
                let whole = found.span.map(|span| first_line(&self.reading.sources, span));
                place.span = nearest(&found.body, &place.pointer).or(whole);
            }
        }
        problems
    }

    /// What was found, by key; of two the first.
    fn index(&self) -> Index<'_> {
        let keyed = self.reading.found.iter().rev();
        keyed
            .filter_map(|found| Some((found.key.as_ref()?, found)))
            .collect()
    }
}

type Index<'l> = BTreeMap<&'l ResourceKey, &'l Found>;

/// Whether a problem is with a text that only CloudFormation knows: `${Parameter}` is no ARN, and its value may be
/// one; a mesh of such a name may well be there.
fn is_of_expression(index: &Index<'_>, problem: &Diagnostic) -> bool {
    if problem.code == rules::NO_MESH {
        let key = problem.places.first().and_then(|place| place.resource.as_ref());
        return key.is_some_and(|key| key.mesh.contains("${"));
    }
    let of_form = [rules::NAME, rules::ACCOUNT, rules::ARN].contains(&problem.code);
    let text = problem.places.first().and_then(|place| {
        let found = index.get(place.resource.as_ref()?)?;
        deepest(&found.body, &place.pointer).as_str()
    });
    of_form && text.is_some_and(|text| text.contains("${"))
}

/// The one proxy of a name, where nothing is wrong so far. Otherwise why not is added.
pub(crate) fn one_proxy<'m>(
    loaded: &mut Loaded,
    meshes: &'m [Mesh],
    name: &str,
) -> Option<(&'m Mesh, ResourceKey)> {
    if has_errors(&loaded.problems) {
        return None;
    }
    let mut named = meshes
        .iter()
        .flat_map(|mesh| {
            [Kind::VirtualNode, Kind::VirtualGateway]
                .map(|kind| (mesh, ResourceKey::in_mesh(mesh.name(), kind, name)))
        })
        .filter(|(mesh, key)| mesh.contains(key));
    match (named.next(), named.next()) {
        (Some(one), None) => Some(one),
        (None, _) => {
            loaded.add(vec![no_proxy(name, meshes)]);
            None
        }
        (Some(_), Some(_)) => {
            let several = Diagnostic::error(
                meshform_model::codes::SEVERAL_MESHES,
                format!("`{name}` is the name of several proxies"),
            );
            loaded.add(vec![several.help("choose the mesh with `--mesh NAME`")]);
            None
        }
    }
}

/// There is no node or gateway of that name.
pub(crate) fn no_proxy(name: &str, meshes: &[Mesh]) -> Diagnostic {
    let names: Vec<String> = meshes
        .iter()
        .flat_map(|mesh| {
            let nodes = mesh.virtual_nodes().map(|node| node.key.name.clone());
            nodes.chain(mesh.virtual_gateways().map(|gateway| gateway.key.name.clone()))
        })
        .map(|name| format!("`{name}`"))
        .collect();
    Diagnostic::error(
        codes::NOT_THERE,
        format!("there is no virtual node or virtual gateway `{name}`"),
    )
    .help(format!("there are {}", names.join(", ")))
}

/// Each resource once. The same in two files is a copy, and worth a word; two that differ, or two in one file, are a
/// problem.
fn once(resources: Vec<Resource>, reading: &Reading, problems: &mut Vec<Diagnostic>) -> Vec<Resource> {
    let mut kept: BTreeMap<ResourceKey, Resource> = BTreeMap::new();
    let mut repeated: BTreeMap<ResourceKey, bool> = BTreeMap::new();
    for resource in resources {
        match kept.get(&resource.key) {
            Some(there) => *repeated.entry(resource.key.clone()).or_insert(true) &= equal(there, &resource),
            None => drop(kept.insert(resource.key.clone(), resource)),
        }
    }
    for (key, equal) in repeated {
        let found = reading
            .found
            .iter()
            .filter(|found| found.key.as_ref() == Some(&key));
        let spans: Vec<Span> = found.filter_map(|found| found.span).collect();
        let files: BTreeSet<u32> = spans.iter().map(|span| span.source).collect();
        let mut problem = match (equal, files.len() < spans.len()) {
            (false, _) => Diagnostic::error(
                meshform_model::codes::TWICE,
                format!("two inputs say different things of {key}"),
            )
            .help("give only one of them"),
            (true, true) => Diagnostic::error(
                meshform_model::codes::TWICE,
                format!("{key} stands twice in one input"),
            )
            .help("two resources cannot have one name: remove one, or give it another name"),
            (true, false) => Diagnostic::warning(
                meshform_model::codes::TWICE,
                format!("{key} stands in two inputs"),
            )
            .help("both say the same; the first is taken"),
        };
        for span in spans {
            let mut place = Place::of(&key, &Pointer::root());
            place.span = Some(first_line(&reading.sources, span));
            problem = problem.at(place);
        }
        problems.push(problem);
    }
    kept.into_values().collect()
}

fn equal(a: &Resource, b: &Resource) -> bool {
    a.spec == b.spec && a.tags == b.tags && a.extensions == b.extensions && a.mesh_owner == b.mesh_owner
}

/// The first line of a resource is place enough; the whole of it would fill the screen.
fn first_line(sources: &Sources, span: Span) -> Span {
    let text = sources
        .get(span.source)
        .and_then(|(_, text)| text.get(span.start as usize..span.end as usize));
    let length = text.and_then(|text| text.find(['\n', '\r']));
    match length.and_then(|length| u32::try_from(length).ok()) {
        Some(length) => Span {
            end: span.start.saturating_add(length),
            ..span
        },
        None => span,
    }
}

/// The deepest node on the way of a pointer.
fn deepest<'n>(root: &'n Node, pointer: &Pointer) -> &'n Node {
    let mut node = root;
    for segment in pointer.segments() {
        match below(node, segment) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

fn below<'n>(node: &'n Node, segment: &Segment) -> Option<&'n Node> {
    match (segment, &node.value) {
        (Segment::Field(name), Value::Object(object)) => object.get(name),
        (Segment::Index(index), Value::List(list)) => list.get(*index),
        _ => None,
    }
}

/// The span of the deepest node on the way of a pointer that has one.
fn nearest(root: &Node, pointer: &Pointer) -> Option<Span> {
    let mut node = root;
    let mut span = None;
    for segment in pointer.segments() {
        let Some(next) = below(node, segment) else { break };
        node = next;
        span = node.span.or(span);
    }
    span
}
