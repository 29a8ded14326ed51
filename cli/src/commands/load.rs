//! What several commands do first: read, and make resources of what was read.

mod proxies;

use crate::codes;
use crate::exit::Exit;
use crate::input::{InputArguments, TemplateUse};
use crate::io::Io;
use crate::render;
use meshform_compiler::frontend::{FoundResource, Reading, SymbolicResource, codes as reading_codes};
use meshform_envoy::polled;
use meshform_model::diag::{Code, Diagnostic, ProblemLocation, Severity, Sources, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::pointer::{Pointer, Segment};
use meshform_model::resource::Resource;
use meshform_model::rules::{Options, codes as rules, missing, told, told_together};
use meshform_model::validate::closest;
use meshform_model::value::{Node, Span, Value};
use meshform_release::{ReleaseError, ReleaseName, Releaser};
use meshform_store::{Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

pub(crate) use proxies::{is_called, no_proxy, one_proxy};

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
    /// Meshes that are there too, where one is asked for.
    other_meshes: BTreeSet<String>,
}

/// Reads the inputs. `None` when the options do not fit them; that has been reported.
pub(crate) fn load(arguments: &InputArguments, io: &mut Io) -> Option<Loaded> {
    load_with(arguments, TemplateUse::Values, io)
}

/// The same for who needs more of templates.
pub(crate) fn load_with(arguments: &InputArguments, templates: TemplateUse, io: &mut Io) -> Option<Loaded> {
    load_side(arguments, templates, io)?.with_mesh(arguments, io)
}

/// The same for one of two inputs, of which the other may hold the mesh that is asked for.
pub(crate) fn load_side(arguments: &InputArguments, templates: TemplateUse, io: &mut Io) -> Option<Loaded> {
    let (reading, other_meshes) = arguments.read(templates, io);
    finish(reading, templates, other_meshes, io)
}

/// Reads a text that was not in a file.
pub(crate) fn load_text(name: &str, text: &str, arguments: &InputArguments, io: &mut Io) -> Option<Loaded> {
    let reading = arguments.read_text(name, text);
    finish(reading, TemplateUse::Values, BTreeSet::new(), io)
}

fn finish(
    mut reading: Reading,
    templates: TemplateUse,
    other_meshes: BTreeSet<String>,
    io: &mut Io,
) -> Option<Loaded> {
    if !reading.misused.is_empty() {
        render::tell(io, &reading.sources, &reading.misused);
        return None;
    }
    let mut problems = reading.all_problems();
    let (resources, untyped) = match templates {
        // Whoever wants expressions shows the places of these.
        TemplateUse::Expressions => reading.take_resources(),
        TemplateUse::Values | TemplateUse::Whole => reading.resources(),
    };
    problems.extend(untyped);
    let resources = once(resources, &reading, &mut problems);
    Some(Loaded {
        store: None,
        reading,
        resources,
        problems,
        other_meshes,
    })
}

/// Reads the inputs, or a store where no input is given. `None` when there is neither, or the options do not fit; that
/// has been reported.
pub(crate) fn load_or_store(arguments: &InputArguments, store: Option<&Path>, io: &mut Io) -> Option<Loaded> {
    if !arguments.paths.is_empty() {
        return load(arguments, io);
    }
    load_store(arguments, store, io)?.with_mesh(arguments, io)
}

/// What a store holds, of one mesh where one is asked for.
pub(crate) fn load_store(arguments: &InputArguments, store: Option<&Path>, io: &mut Io) -> Option<Loaded> {
    let directory = store.unwrap_or(Path::new(meshform_store::DEFAULT_LOCATION));
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
        other_meshes: BTreeSet::new(),
    };
    let read = crate::store::open(io, directory).and_then(|store| {
        let failed = |error: StoreError| Box::new(error.diagnostic());
        let found = crate::store::resources(&*store, arguments.mesh.as_deref());
        let found = crate::store::wait(found)?.map_err(failed)?;
        let meshes = match (&arguments.mesh, found.0.is_empty()) {
            (Some(_), true) => crate::store::wait(store.meshes())?.map_err(failed)?,
            _ => Vec::new(),
        };
        loaded.store = Some(store);
        Ok((found, meshes))
    });
    match read {
        Ok(((resources, problems), meshes)) => {
            loaded.resources = resources;
            loaded.problems = problems;
            loaded.other_meshes = meshes.into_iter().collect();
        }
        Err(problem) => loaded.problems.push(*problem),
    }
    Some(loaded)
}

/// What a release of a store was made from, of one mesh where one is asked for.
pub(crate) fn load_release(
    arguments: &InputArguments,
    store: &Path,
    release: &str,
    io: &mut Io,
) -> Option<Loaded> {
    let mut loaded = load_store(arguments, Some(store), io)?;
    let Some(opened) = loaded.store.clone() else {
        return Some(loaded);
    };
    // Of a mesh that cannot be read now, the release is whole.
    loaded.problems.clear();
    loaded.resources.clear();
    let meshes = crate::store::wait(opened.meshes());
    let read = crate::store::releaser(io, Arc::clone(&opened), &[]).and_then(|releaser| {
        let meshes = meshes?.map_err(|error| Box::new(error.diagnostic()))?;
        let asked = arguments.mesh.as_ref();
        let meshes = meshes
            .into_iter()
            .filter(|mesh| asked.is_none_or(|asked| asked == mesh));
        let meshes: Vec<String> = meshes.collect();
        let found = of_releases(&releaser, &meshes, release);
        crate::store::wait(found)?
    });
    match read {
        Ok(resources) => loaded.resources = resources,
        Err(problem) => loaded.problems.push(*problem),
    }
    Some(loaded)
}

/// The resources of the releases that are named so, of all these meshes.
async fn of_releases(
    releaser: &Releaser,
    meshes: &[String],
    release: &str,
) -> Result<Vec<Resource>, Box<Diagnostic>> {
    let told = |error: &ReleaseError| crate::store::told(error);
    let named = ReleaseName::parse(release);
    let mut resources = Vec::new();
    let mut found = false;
    for mesh in meshes {
        let Some(entry) = releaser.find(mesh, &named).await.map_err(|error| told(&error))? else {
            continue;
        };
        found = true;
        let of = releaser
            .resources_of(mesh, &entry)
            .await
            .map_err(|error| told(&error))?;
        let none_kept = || {
            let message = format!(
                "release {} of mesh `{mesh}` has no copy of its resources",
                entry.release
            );
            let help = "compare later releases, or files: an older version made this release, and kept no copy of \
                        the resources";
            Box::new(Diagnostic::error(codes::NO_RESOURCES, message).help(help))
        };
        resources.extend(of.ok_or_else(none_kept)?);
    }
    match found {
        true => Ok(resources),
        false => Err(Box::new(
            Diagnostic::error(codes::NOT_THERE, format!("the store's history has no release `{release}`")).help(
                "give the beginning of a release's name as `meshform history` shows it, `current`, `previous`, or `r12` \
                 for what was released as of revision 12",
            ),
        )),
    }
}

/// That there is no mesh of a name, with the one that was meant.
pub(crate) fn no_mesh<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let problem = Diagnostic::error(codes::NOT_THERE, format!("there is no mesh `{name}`"));
    match closest(name, &known) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => problem,
        None => problem.help(format!("there are {}", some_of(&known))),
    }
}

/// The first of many names.
fn some_of(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Loaded {
    /// `None` where the mesh that is asked for is not there; that has been reported.
    fn with_mesh(self, arguments: &InputArguments, io: &mut Io) -> Option<Self> {
        match self.lacks_mesh(arguments) {
            Some(problem) => {
                render::tell(io, &self.reading.sources, &[problem]);
                None
            }
            None => Some(self),
        }
    }

    /// That nothing of the mesh that is asked for is there, but of others.
    pub(crate) fn lacks_mesh(&self, arguments: &InputArguments) -> Option<Diagnostic> {
        let name = arguments.mesh.as_ref()?;
        let is_there = !self.reading.found.is_empty() || !self.resources.is_empty();
        (!is_there && !self.other_meshes.is_empty() && !self.other_meshes.contains(name))
            .then(|| no_mesh(name, self.other_meshes.iter().map(String::as_str)))
    }

    /// How a command ends that found these problems: what was asked for and is not there is wrong use.
    pub(crate) fn exit(&self) -> Exit {
        let errors = || self.problems.iter().filter(|problem| problem.is_error());
        let asked = [codes::NOT_THERE, meshform_model::codes::SEVERAL_MESHES];
        if errors().any(|problem| asked.contains(&problem.code) && problem.places.is_empty()) {
            Exit::WrongUse
        } else if errors().next().is_some() {
            Exit::Found
        } else {
            Exit::Fine
        }
    }

    /// Adds problems; what has been reported is not told again.
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

    /// For what is written, inputs without any resource are an error.
    pub(crate) fn demand_a_resource(&mut self) {
        for problem in &mut self.problems {
            if problem.code == reading_codes::NOTHING_FOUND {
                problem.severity = Severity::Error;
            }
        }
        if !has_errors(&self.problems) {
            self.problems.push(Diagnostic::error(
                reading_codes::NOTHING_FOUND,
                "the inputs hold no resource of a mesh",
            ));
        }
    }

    /// For what keeps expressions, one without a value is none that lacks it.
    pub(crate) fn allow_expressions(&mut self) {
        self.problems
            .retain(|problem| problem.code != reading_codes::NO_VALUE);
    }

    /// Puts the expressions of templates in the place of the values that these have now. Takes each resource.
    pub(crate) fn keep_expressions(&mut self, each: &mut dyn FnMut(SymbolicResource)) {
        let kept = self.reading.of_templates();
        self.resources.retain(|resource| !kept.contains(&resource.key));
        let problems = self.reading.keep_each(each).into_iter();
        self.add(
            problems
                .filter(|one| one.code != reading_codes::NO_VALUE)
                .collect(),
        );
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
        let resources = self.resources.clone();
        self.meshes_of(resources, options)
    }

    /// The same for who needs the resources in no other form.
    pub(crate) fn into_meshes(mut self, options: &Options) -> (Vec<Mesh>, Self) {
        let resources = std::mem::take(&mut self.resources);
        (self.meshes_of(resources, options), self)
    }

    fn meshes_of(&mut self, resources: Vec<Resource>, options: &Options) -> Vec<Mesh> {
        let mut by_name: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
        for resource in resources {
            match by_name.get_mut(&resource.key.mesh) {
                Some(list) => list.push(resource),
                None => drop(by_name.insert(resource.key.mesh.clone(), vec![resource])),
            }
        }
        let mut meshes = Vec::new();
        let mut problems = Vec::new();
        for resources in by_name.into_values() {
            match Mesh::new(resources) {
                Ok(mesh) => {
                    let mut found = mesh.check_with(options);
                    if !found.is_empty() {
                        let index = self.index();
                        found.retain(|one| !is_of_expression(&index, one) && !is_refused(&index, one));
                    }
                    problems.extend(told(&mesh, found));
                    meshes.push(mesh);
                }
                Err(found) => problems.extend(found),
            }
        }
        let problems = self.placed(told_together(&meshes, problems));
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

    /// Problems that name a resource and a field get the bytes where these are.
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

type Index<'l> = BTreeMap<&'l ResourceKey, &'l FoundResource>;

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

/// Whether a problem is that something does not exist which the inputs have, and which could not be read: that was told.
fn is_refused(index: &Index<'_>, problem: &Diagnostic) -> bool {
    let key = if problem.code == rules::NO_MESH {
        problem.places.first().and_then(|place| place.resource.as_ref())
    } else {
        missing(problem)
    };
    key.and_then(|key| index.get(key))
        .is_some_and(|found| found.refused)
}

/// How many names a help lists.
const SHOWN: usize = 20;

/// Each resource once. The same in two files is a copy, and worth a word; two that differ, or two in one file, are a
/// problem.
fn once(mut resources: Vec<Resource>, reading: &Reading, problems: &mut Vec<Diagnostic>) -> Vec<Resource> {
    // The sort is stable: of several the first stays the first.
    resources.sort_by(|a, b| a.key.cmp(&b.key));
    let mut repeated: BTreeMap<ResourceKey, bool> = BTreeMap::new();
    resources.dedup_by(|next, kept| {
        let is_twice = next.key == kept.key;
        if is_twice {
            *repeated.entry(next.key.clone()).or_insert(true) &= kept.says_the_same(next);
        }
        is_twice
    });
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
                format!("two inputs define {key} differently"),
            )
            .help("give only one of them"),
            (true, true) => Diagnostic::error(
                meshform_model::codes::TWICE,
                format!("{key} occurs twice in one input"),
            )
            .help("remove one, or give it another name"),
            (true, false) => {
                Diagnostic::warning(meshform_model::codes::TWICE, format!("{key} is in two inputs"))
                    .help("remove one of them; both are equal, and the first is used")
            }
        };
        for span in spans {
            let mut place = ProblemLocation::of(&key, &Pointer::root());
            place.span = Some(first_line(&reading.sources, span));
            problem = problem.at(place);
        }
        problems.push(problem);
    }
    resources
}

/// The first line of a resource is place enough; all of it would fill the screen.
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
