//! From texts to documents whose form is known, and from these to resources. Templates are read together: one may
//! import, or nest, what another has.

use super::cloudformation::{self, Deployment, Keys, ReadTemplates, Stacks, TemplateScope, assembly};
use super::kubernetes::{self, Manifests};
use super::{
    FoundResource, Input, Options, Reading, api, codes, documents, found, json, state, tasks, text,
    unknown_form, workloads,
};
use meshform_model::diag::{Diagnostic, Notation, Severity, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::value::{Node, Span};
use std::collections::{BTreeMap, BTreeSet};

/// The most files that templates and assemblies may lead to.
const MAX_FOLLOWED: usize = 1_000;

enum InputForm {
    /// A template, by its number in the stacks.
    Template(usize),
    /// One of the templates that are merged into the template of this number.
    Part,
    /// A CDK assembly's manifest, which holds no resource itself.
    Assembly,
    State(Node),
    /// Objects of Kubernetes, by where they are among all of them.
    Kubernetes(kubernetes::Range),
    Other(Node),
}

impl InputForm {
    /// How who gave the document writes resources.
    fn notation(&self, is_json: bool) -> Notation {
        match (self, is_json) {
            (InputForm::State(_), _) => Notation::Hcl,
            (InputForm::Template(_) | InputForm::Part | InputForm::Assembly, true) => {
                Notation::CloudFormationJson
            }
            (InputForm::Template(_) | InputForm::Part | InputForm::Assembly, false) => {
                Notation::CloudFormationYaml
            }
            (InputForm::Kubernetes(_) | InputForm::Other(_), true) => Notation::Json,
            (InputForm::Kubernetes(_) | InputForm::Other(_), false) => Notation::Yaml,
        }
    }
}

/// An input that was read as far as its documents.
struct ReadInput {
    name: String,
    named: bool,
    /// Whether its text is right.
    whole: bool,
    documents: Vec<InputForm>,
    problems: Vec<Diagnostic>,
}

/// All inputs, before resources are taken out.
#[derive(Default)]
pub(super) struct Gathered {
    reading: Reading,
    read: Vec<ReadInput>,
    stacks: Stacks,
    manifests: Manifests,
    options: Options,
    deployments: BTreeMap<String, Deployment>,
    /// The files that assemblies of CDK name, with the place where each is named.
    of_assemblies: BTreeMap<String, Option<Span>>,
    /// Whether the inputs are all there, and what comes now are files that they name.
    following: bool,
    /// Templates of folders that are one template: documents, and where each stands in `read`.
    addons: BTreeMap<String, Vec<(Node, usize, usize)>>,
}

impl Gathered {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
            ..Self::default()
        }
    }

    /// Reads the text of an input and recognises its documents.
    pub(super) fn input(&mut self, input: Input) {
        let reading = &mut self.reading;
        let text = match text::decode(&input.name, input.bytes) {
            Ok(text) => text,
            Err(refused) => return reading.no_text(&input.name, refused),
        };
        let source = reading.sources.add(input.name.as_str(), text.as_str());
        if input.name.ends_with(".tf") || input.name.ends_with(".tf.json") {
            let problem = Diagnostic::error(
                codes::UNKNOWN_FORM,
                format!(
                    "`{}` is Terraform configuration, which only Terraform can evaluate",
                    input.name
                ),
            );
            return reading.problems.push(
                problem
                    .help("give the state, or the output of `terraform show -json`")
                    .at(text::place(text::span(source, 0, 1.min(text.len())))),
            );
        }
        let variables = json::Variables {
            given: &self.options.parameters,
            met: &mut self.manifests.placeholders,
        };
        let (mut documents, mut problems) = documents(&input.name, &text, source, Some(variables));
        if text.contains("appmesh.k8s.aws/")
            && let Some(problem) = kubernetes::helm(&text, source)
        {
            // What follows from a template that is not rendered is no news.
            (documents, problems) = (Vec::new(), vec![problem]);
        }
        let mut read = ReadInput {
            whole: !has_errors(&problems),
            name: input.name,
            named: input.named,
            documents: Vec::new(),
            problems,
        };
        let is_json = text.trim_start().starts_with(['{', '[']);
        let has_loops = cloudformation::has_loops(&text);
        let has_placeholders = text.contains("${");
        for document in documents {
            let document = match has_loops && cloudformation::recognise(&document) {
                true => {
                    let problems = &mut self.reading.problems;
                    cloudformation::without_loops(document, &self.options, problems)
                }
                false => document,
            };
            let form = match self.recognise(&read, document) {
                InputForm::Other(document) if has_placeholders && api::recognise(&document) => {
                    let (met, problems) = (&mut self.manifests.placeholders, &mut self.reading.problems);
                    InputForm::Other(kubernetes::fill(document, &self.options, met, problems))
                }
                form => form,
            };
            self.reading.sources.note(source, form.notation(is_json));
            read.documents.push(form);
        }
        self.read.push(read);
    }

    fn recognise(&mut self, read: &ReadInput, document: Node) -> InputForm {
        let file = cloudformation::plain_path(&read.name);
        if assembly::recognise(&document) {
            let found = assembly::read(&file, &document);
            self.of_assemblies.extend(found.files);
            self.deployments.extend(found.stacks);
            return InputForm::Assembly;
        }
        if cloudformation::recognise(&document) {
            // A file that is named is a template by itself, wherever it lies: Copilot merges what it finds in the folder.
            let folder = cloudformation::addons(&file).filter(|_| !self.following);
            let folder = folder.map(str::to_owned);
            return match folder {
                None => InputForm::Template(self.stacks.add(&file, document)),
                Some(folder) => {
                    let at = (self.read.len(), read.documents.len());
                    self.addons
                        .entry(folder)
                        .or_default()
                        .push((document, at.0, at.1));
                    InputForm::Part
                }
            };
        }
        if state::recognise(&document) {
            return InputForm::State(document);
        }
        match kubernetes::recognise(&document) {
            true => {
                let problems = &mut self.reading.problems;
                InputForm::Kubernetes(self.manifests.add(document, &self.options, problems))
            }
            false => InputForm::Other(document),
        }
    }

    /// Opens what assemblies and nested stacks name, until nothing more is named.
    pub(super) fn follow(&mut self, open: &mut dyn FnMut(&str) -> Option<Vec<u8>>) {
        self.merge_addons();
        self.following = true;
        let have = |read: &[ReadInput]| -> BTreeSet<String> {
            read.iter()
                .map(|read| cloudformation::plain_path(&read.name))
                .collect()
        };
        let mut tried = have(&self.read);
        let mut opened = tried.clone();
        loop {
            let mut wanted = self.stacks.wanted();
            wanted.extend(self.of_assemblies.keys().cloned());
            wanted.retain(|file| !tried.contains(file));
            if wanted.is_empty() || tried.len() > MAX_FOLLOWED + self.read.len() {
                break;
            }
            for file in wanted {
                tried.insert(file.clone());
                if let Some(bytes) = open(&file) {
                    opened.insert(file.clone());
                    self.input(Input {
                        name: file,
                        bytes,
                        named: true,
                    });
                }
            }
        }
        self.unread(&opened);
    }

    /// What assemblies name and is not there.
    fn unread(&mut self, opened: &BTreeSet<String>) {
        for (file, span) in &self.of_assemblies {
            if opened.contains(file) {
                continue;
            }
            let message = format!("`{file}`, which the assembly names, is not there");
            let problem = Diagnostic::error(codes::UNREAD, message)
                .help("`cdk synth` makes all of the folder: give it as it is");
            self.reading.problems.push(match span {
                Some(span) => problem.at(text::place(*span)),
                None => problem,
            });
        }
    }

    /// Makes one template of the templates of each such folder. It stands where its first file does.
    fn merge_addons(&mut self) {
        for (folder, parts) in std::mem::take(&mut self.addons) {
            let (at, document) = parts.first().map_or((0, 0), |(_, at, document)| (*at, *document));
            let documents = parts.into_iter().map(|(document, ..)| document).collect();
            let Some(merged) = cloudformation::merge(documents, &mut self.reading.problems) else {
                continue;
            };
            let template = self.stacks.add(&format!("{folder}/"), merged);
            let form = self
                .read
                .get_mut(at)
                .and_then(|read| read.documents.get_mut(document));
            if let Some(form) = form {
                *form = InputForm::Template(template);
            }
        }
    }

    /// Takes the resources out of everything.
    pub(super) fn finish(self) -> Reading {
        let options = &self.options;
        let mut reading = self.reading;
        let mut stacks = self.stacks;
        stacks.resolve(&self.deployments, &mut reading.problems);
        let mut scope = TemplateScope::new(&stacks, options);
        let mut input = InputReader {
            options,
            stacks: &stacks,
            manifests: &self.manifests,
            name_used: false,
            listed: Vec::new(),
            beside: TemplateScope::new(&stacks, options),
            keys: Keys::new(),
        };
        for read in self.read {
            input.read(read, &mut scope, &mut reading);
        }
        reading.kubernetes = self.manifests.kept(&reading.found);
        scope.imports.append(&mut input.beside.imports);
        let (keys, name_used) = (input.keys, input.name_used);
        let described: BTreeSet<&ResourceKey> = reading
            .found
            .iter()
            .filter_map(|found| found.key.as_ref())
            .collect();
        let missing = input
            .listed
            .iter()
            .filter_map(|listed| listed.missing(&described));
        reading.problems.extend(missing);
        reading.misused =
            cloudformation::misused(options, &stacks, &scope.imports, &self.manifests.placeholders);
        if let (Some(name), false) = (&options.name, name_used) {
            let message = format!(
                "`--name {}`: every resource of the inputs has a name",
                text::shorten(name)
            );
            let problem = Diagnostic::error(codes::UNKNOWN_GIVEN, message);
            reading
                .misused
                .push(problem.help("it names one body of API JSON that does not name itself"));
        }
        reading.problems.extend(scope.finish());
        if options.whole {
            reading.whole = stacks.clone().into_whole();
        }
        if options.symbolic {
            let options = self.options;
            reading.unkept = Some(ReadTemplates {
                stacks,
                keys,
                options,
            });
        }
        reading
    }
}

/// How much the inputs have given so far.
fn taken(reading: &Reading) -> usize {
    reading.found.len() + reading.tasks.len() + reading.workloads.len()
}

/// A resource in canonical form, noted by where it stands in a template.
fn finished(draft: found::ResourceDraft, options: &Options, keys: &mut Keys) -> FoundResource {
    let origin = draft.origin.clone();
    let mut found = found::finish(draft, options);
    if let (Some(origin), Some(key)) = (origin, &found.key) {
        keys.insert(origin, key.clone());
    }
    if options.typed {
        found::settle(&mut found);
    }
    found
}

struct InputReader<'s> {
    options: &'s Options,
    stacks: &'s Stacks,
    manifests: &'s Manifests,
    name_used: bool,
    /// What lists name without saying more of it.
    listed: Vec<api::Listed>,
    /// For what stands beside the mesh, of which nobody needs to know every value.
    beside: TemplateScope<'s>,
    /// The resources of templates, by stack and logical id.
    keys: Keys,
}

impl<'s> InputReader<'s> {
    fn read(&mut self, read: ReadInput, scope: &mut TemplateScope<'s>, reading: &mut Reading) {
        let before = taken(reading);
        let told = reading.problems.len();
        let listed = self.listed.len();
        let mut recognised = read.documents.is_empty();
        let mut nested = false;
        let mut unknown = None;
        reading.problems.extend(read.problems);
        for document in read.documents {
            nested |= match &document {
                InputForm::Template(template) => self.stacks.serves_others(*template),
                InputForm::Part | InputForm::Assembly => true,
                InputForm::Kubernetes(range) => range.of_mesh,
                InputForm::State(_) | InputForm::Other(_) => false,
            };
            match self.document(&read.name, document, scope, reading) {
                Ok(()) => recognised = true,
                // One file, one word on it: manifests of other tools hold dozens of documents.
                Err(problem) if read.named && read.whole && unknown.is_none() => unknown = Some(problem),
                Err(_) => {}
            }
        }
        reading.problems.extend(unknown);
        if !read.named && !recognised {
            // A template of another tool beside the mesh's files is no fault of the mesh.
            for problem in reading.problems.iter_mut().skip(told) {
                problem.severity = Severity::Warning;
            }
        }
        let silent = reading.problems.len() == told && self.listed.len() == listed;
        if read.named && read.whole && silent && taken(reading) == before && recognised && !nested {
            reading.problems.push(Diagnostic::warning(
                codes::NOTHING_FOUND,
                format!("`{}` holds no resource of a mesh", read.name),
            ));
        }
    }

    /// Takes the resources of one document, or says why its form is not known.
    fn document(
        &mut self,
        file: &str,
        form: InputForm,
        scope: &mut TemplateScope<'s>,
        reading: &mut Reading,
    ) -> Result<(), Diagnostic> {
        let told = reading.problems.len();
        let drafts = match form {
            InputForm::Template(template) => {
                tasks::of_template(template, self.stacks, &mut self.beside, reading);
                let Reading { found, problems, .. } = reading;
                let (options, keys) = (self.options, &mut self.keys);
                cloudformation::read(template, self.stacks, scope, problems, &mut |draft| {
                    found.push(finished(draft, options, keys));
                });
                Vec::new()
            }
            InputForm::Part | InputForm::Assembly => Vec::new(),
            InputForm::State(document) => {
                reading.tasks.extend(tasks::of_state(&document));
                state::read(&document, &mut reading.problems)
            }
            InputForm::Kubernetes(range) => self.manifests.read(&range, self.options, &mut reading.problems),
            InputForm::Other(document) if workloads::recognise(&document) => {
                workloads::read(&document, reading);
                Vec::new()
            }
            InputForm::Other(document) if let Some(tasks) = tasks::by_themselves(&document) => {
                reading.tasks.extend(tasks);
                Vec::new()
            }
            InputForm::Other(document) => {
                let (noun, span) = (document.value.noun(), document.span);
                let mut reader = api::Reader {
                    options: self.options,
                    file,
                    name_used: &mut self.name_used,
                    listed: &mut self.listed,
                    problems: &mut reading.problems,
                };
                reader.read(document).ok_or_else(|| unknown_form(noun, span))?
            }
        };
        for draft in drafts {
            let mut found = finished(draft, self.options, &mut self.keys);
            if reading
                .problems
                .iter()
                .skip(told)
                .any(|problem| problem.code == codes::MEMBERSHIP)
            {
                // That an object belongs to no mesh has been reported.
                found.problems.retain(|problem| problem.code != codes::NO_NAME);
            }
            reading.found.push(found);
        }
        Ok(())
    }
}
