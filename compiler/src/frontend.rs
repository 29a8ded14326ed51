//! From any form that people have to resources.
//!
//! [`read`] takes texts, recognises the form of each, and gives every resource found in them in canonical form,
//! with every problem at its place:
//!
//! - [`json`] and [`yaml`] make trees that know the place of every value;
//! - `cloudformation`, `api`, `state` and `kubernetes` recognise the forms and take the resources out;
//! - `tasks` takes the ECS task definitions that stand beside a mesh, `workloads` their short form;
//! - `found` brings each into canonical form, validates it and finds its key.
//!
//! Reading is bounded (see [`text`]) and never panics.

mod api;
mod cloudformation;
pub mod codes;
mod found;
mod gather;
pub mod json;
pub mod kubernetes;
mod state;
mod tags;
pub mod tasks;
mod template_values;
pub mod text;
mod time;
pub mod workloads;
pub mod yaml;

use meshform_model::diag::{Diagnostic, Sources};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::pointer::Pointer;
use meshform_model::resource::Resource;
use meshform_model::value::{Node, Span};
use std::collections::{BTreeMap, BTreeSet};

use cloudformation::ReadTemplates;
pub(crate) use cloudformation::sub;
pub(crate) use cloudformation::{
    DYNAMIC, METADATA, as_text, attribute_of, how_to_decide, how_to_give, is_readable_pattern, symbolise,
};
pub use cloudformation::{Symbolic, SymbolicResource, WholeTemplate};
pub(crate) use found::of_properties;
use gather::Gathered;
pub use template_values::TemplateValues;

/// An input: a file, or standard input.
#[derive(Debug, Clone)]
pub struct Input {
    /// What to call it in messages; how it ends tells JSON from YAML.
    pub name: String,
    pub bytes: Vec<u8>,
    /// Whether the user named it, rather than a folder that holds it. What a folder holds beside the mesh is
    /// passed over.
    pub named: bool,
}

/// What the inputs do not say themselves.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The mesh of resources that do not name theirs.
    pub mesh: Option<String>,
    /// The kind of a body that does not tell it.
    pub kind: Option<Kind>,
    /// The name of a resource that is alone in its input and does not name itself. The file's name otherwise.
    pub name: Option<String>,
    /// The router or gateway of routes that do not name theirs.
    pub parent: Option<String>,
    /// Values for CloudFormation's parameters, by name.
    pub parameters: BTreeMap<String, String>,
    /// Values that templates import, by the name of the export.
    pub imports: BTreeMap<String, String>,
    /// What `Fn::GetAtt` gives, by `LOGICAL.ATTRIBUTE`; `LOGICAL.Ref` for what `Ref` gives.
    pub attributes: BTreeMap<String, String>,
    /// Whether the mesh's part of templates is wanted with its expressions, too.
    pub symbolic: bool,
    /// Whether whole templates are wanted as they were read, too.
    pub whole: bool,
    /// Whether resources are wanted in their typed form alone. Where one has that, its body is given away at once, and
    /// with it the places of its fields: for who writes another form of thousands of resources.
    pub typed: bool,
}

/// A resource that an input holds.
#[derive(Debug, Clone)]
pub struct FoundResource {
    pub kind: Kind,
    /// Which resource; `None` when it lacks a name, which is reported.
    pub key: Option<ResourceKey>,
    /// The whole resource in canonical form: names, spec, tags, extensions, metadata. Null where it has been given away
    /// for its typed form ([`Options::typed`]).
    pub body: Node,
    /// The typed form, where that has been made already.
    typed: Option<Box<Resource>>,
    /// What its form calls it: a logical id, an address.
    pub label: String,
    pub span: Option<Span>,
    /// What is wrong with it.
    pub problems: Vec<Diagnostic>,
    /// Whether that is so bad that it cannot be used.
    pub refused: bool,
    /// The fields that a state of hashicorp/aws has filled in although nobody set them: they are not in the body.
    pub left_out: Vec<Pointer>,
}

#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The texts of the inputs, which the spans of resources and problems point into.
    pub sources: Sources,
    /// The resources, in the order of the inputs.
    pub found: Vec<FoundResource>,
    /// ECS task definitions that stand beside the mesh.
    pub tasks: Vec<tasks::FoundTask>,
    /// What runs beside proxies, in its short form.
    pub workloads: Vec<workloads::Workload>,
    /// The templates that hold some of the task definitions.
    pub templates: Vec<tasks::FoundTemplate>,
    /// Problems of the inputs; each resource has its own beside these.
    pub problems: Vec<Diagnostic>,
    /// Options that give values for which no input asks.
    pub misused: Vec<Diagnostic>,
    /// The mesh's part of templates with its expressions, once [`Reading::keep_expressions`] has worked it out.
    pub symbolic: Symbolic,
    /// The templates whose expressions may be asked for.
    unkept: Option<ReadTemplates>,
    /// The whole templates that no other of the inputs nests, where that was asked for too.
    pub whole: Vec<WholeTemplate>,
    /// What manifests say beside the mesh.
    pub kubernetes: kubernetes::ManifestContext,
}

/// Reads every input. Nested stacks are those among the inputs.
pub fn read(inputs: Vec<Input>, options: &Options) -> Reading {
    read_with(inputs, options, &mut |_| None)
}

/// Reads every input, and the files that nested stacks and assemblies of them name, as `open` gives them by the path
/// from where the inputs' names begin.
pub fn read_with(
    inputs: Vec<Input>,
    options: &Options,
    open: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
) -> Reading {
    let mut gathered = Gathered::new(options);
    for input in inputs {
        gathered.input(input);
    }
    gathered.follow(open);
    gathered.finish()
}

/// The trees of a text, by the format that its name or its first character tells. JSON may have variables of jq, where
/// these are given.
fn documents<'t>(
    name: &str,
    text: &'t str,
    source: u32,
    variables: Option<json::Variables<'t>>,
) -> (Vec<Node>, Vec<Diagnostic>) {
    let lower = name.to_ascii_lowercase();
    let is_yaml = lower.ends_with(".yaml") || lower.ends_with(".yml");
    let is_json = lower.ends_with(".json") || lower.ends_with(".tfstate");
    let looks_json = text.trim_start().starts_with(['{', '[']);
    if is_json || (!is_yaml && looks_json) {
        return json::read_all(text, source, variables);
    }
    yaml::read(text, source)
}

impl Reading {
    /// Reports the byte that is not a text's at its place.
    fn no_text(&mut self, name: &str, refused: text::NoText) {
        let mut problem = *refused.problem;
        if let Some(mut shown) = refused.before {
            let start = shown.len();
            shown.push(char::REPLACEMENT_CHARACTER);
            let source = self.sources.add(name, shown.as_str());
            problem = problem.at(text::place(text::span(source, start, shown.len())));
        }
        self.problems.push(problem);
    }

    /// Every problem: those of the inputs, then those of the resources.
    pub fn all_problems(&self) -> Vec<Diagnostic> {
        let of_resources = self.found.iter().flat_map(|found| found.problems.iter());
        self.problems.iter().chain(of_resources).cloned().collect()
    }

    /// Which resources come from templates whose expressions may be asked for.
    pub fn of_templates(&self) -> BTreeSet<ResourceKey> {
        let templates = self.unkept.iter();
        templates.flat_map(|all| all.keys.values().cloned()).collect()
    }

    /// Works out the mesh's part of templates with its expressions, where [`Options::symbolic`] asked for it, and gives
    /// the templates away. What is told of the expressions is what reading told, and what is too much to be kept.
    pub fn keep_expressions(&mut self) -> Vec<Diagnostic> {
        let mut resources = Vec::new();
        let problems = self.keep_each(&mut |resource| resources.push(resource));
        self.symbolic.resources = resources;
        problems
    }

    /// The same for who takes the resources one by one: of thousands, all together would be most of the memory.
    pub fn keep_each(&mut self, each: &mut dyn FnMut(SymbolicResource)) -> Vec<Diagnostic> {
        let Some(templates) = self.unkept.take() else {
            return Vec::new();
        };
        let (symbolic, problems) = templates.expressions(each);
        self.symbolic = symbolic;
        problems
    }

    /// The same as [`Reading::resources`], of a reading that has the typed forms already: they are given away.
    pub fn take_resources(&mut self) -> (Vec<Resource>, Vec<Diagnostic>) {
        let mut resources = Vec::with_capacity(self.found.len());
        let mut problems = Vec::new();
        for found in self.found.iter_mut().filter(|found| !found.refused) {
            match found
                .typed
                .take()
                .map_or_else(|| found::typed(found), |typed| Ok(*typed))
            {
                Ok(resource) => resources.push(resource),
                Err(why) => problems.extend(why),
            }
        }
        (resources, problems)
    }

    /// The typed form of every resource that can have one, and why others cannot.
    pub fn resources(&self) -> (Vec<Resource>, Vec<Diagnostic>) {
        let mut resources = Vec::new();
        let mut problems = Vec::new();
        for found in self.found.iter().filter(|found| !found.refused) {
            let typed = found.typed.as_deref().cloned();
            match typed.map_or_else(|| found::typed(found), Ok) {
                Ok(resource) => resources.push(resource),
                Err(why) => problems.extend(why),
            }
        }
        (resources, problems)
    }
}

fn unknown_form(noun: &str, span: Option<Span>) -> Diagnostic {
    let problem = Diagnostic::error(codes::UNKNOWN_FORM, format!("{noun} of no form that is known")).help(
        "supported are CloudFormation templates, App Mesh JSON or YAML as the AWS CLI takes and gives it, \
         Terraform state, `terraform show -json`, ECS task definitions as the AWS CLI takes and gives them, \
         Kubernetes manifests of the App Mesh controller, and files of workloads",
    );
    match span {
        // The first line says enough; a whole document is no place.
        Some(span) => problem.at(text::place(Span {
            end: span.start.saturating_add(1).min(span.end),
            ..span
        })),
        None => problem,
    }
}

#[cfg(test)]
mod tests;
