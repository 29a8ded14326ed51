//! From any form that people have to resources.
//!
//! [`read`] takes texts, recognises the form of each, and gives every resource found in them in canonical form,
//! with every problem at its place:
//!
//! - [`json`] and [`yaml`] make trees that know the place of every value;
//! - `cloudformation`, `api` and `state` recognise the forms and take the resources out;
//! - `found` brings each into canonical form, validates it and finds its key.
//!
//! Reading is bounded (see [`text`]) and never panics.

mod api;
mod cloudformation;
pub mod codes;
mod found;
pub mod fuzzing;
pub mod json;
mod state;
mod tags;
pub mod text;
mod time;
pub mod yaml;

use meshform_model::diag::{Diagnostic, Severity, Sources};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use meshform_model::value::{Node, Span};
use std::collections::BTreeMap;

pub(crate) use cloudformation::METADATA;

/// An input: a file, or standard input.
#[derive(Debug, Clone)]
pub struct Input {
    /// What to call it in messages; how it ends tells JSON from YAML.
    pub name: String,
    /// Its bytes.
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
    /// Values for CloudFormation's parameters, by name.
    pub parameters: BTreeMap<String, String>,
}

/// A resource that an input holds.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its kind.
    pub kind: Kind,
    /// Which resource; `None` when it lacks a name, which is reported.
    pub key: Option<ResourceKey>,
    /// The whole resource in canonical form: names, spec, tags, extensions, metadata.
    pub body: Node,
    /// What its form calls it: a logical id, an address.
    pub label: String,
    /// Where it stands.
    pub span: Option<Span>,
    /// What is wrong with it.
    pub problems: Vec<Diagnostic>,
    /// Whether that is so bad that it cannot be used.
    pub refused: bool,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The texts, for places.
    pub sources: Sources,
    /// The resources, in the order of the inputs.
    pub found: Vec<Found>,
    /// Problems of the inputs; each resource has its own beside these.
    pub problems: Vec<Diagnostic>,
}

/// Reads every input.
pub fn read(inputs: Vec<Input>, options: &Options) -> Reading {
    let mut reading = Reading::default();
    for input in inputs {
        reading.input(input, options);
    }
    reading
}

/// The trees of a text, by the format that its name or its first character tells.
fn documents(name: &str, text: &str, source: u32) -> (Vec<Node>, Vec<Diagnostic>) {
    let lower = name.to_ascii_lowercase();
    let is_yaml = lower.ends_with(".yaml") || lower.ends_with(".yml");
    let is_json = lower.ends_with(".json") || lower.ends_with(".tfstate");
    let looks_json = text.trim_start().starts_with(['{', '[']);
    if is_json || (!is_yaml && looks_json) {
        let (node, problems) = json::read(text, source);
        return (node.into_iter().collect(), problems);
    }
    yaml::read(text, source)
}

impl Reading {
    fn input(&mut self, input: Input, options: &Options) {
        let text = match text::decode(&input.name, input.bytes) {
            Ok(text) => text,
            Err(refused) => return self.no_text(&input.name, refused),
        };
        if input.name.ends_with(".tf") {
            let source = self.sources.add(input.name.as_str(), text.as_str());
            return self.problems.push(
                Diagnostic::error(
                    codes::UNKNOWN_FORM,
                    format!(
                        "`{}` is Terraform configuration, which only Terraform can evaluate",
                        input.name
                    ),
                )
                .help("give the state, or what `terraform show -json` prints")
                .at(text::place(text::span(source, 0, 1.min(text.len())))),
            );
        }
        let source = self.sources.add(input.name.as_str(), text.as_str());
        let (documents, problems) = documents(&input.name, &text, source);
        let whole = !meshform_model::diag::has_errors(&problems);
        let before = self.found.len();
        let told = self.problems.len();
        let mut recognised = documents.is_empty();
        let mut unknown = None;
        self.problems.extend(problems);
        for document in documents {
            match self.document(document, options) {
                Ok(()) => recognised = true,
                // One file, one word on it: manifests of other tools hold dozens of documents.
                Err(problem) if input.named && whole && unknown.is_none() => unknown = Some(problem),
                Err(_) => {}
            }
        }
        self.problems.extend(unknown);
        if !input.named && !recognised {
            // A template of another tool beside the mesh's files is no fault of the mesh.
            for problem in self.problems.iter_mut().skip(told) {
                problem.severity = Severity::Warning;
            }
        }
        let silent = self.problems.len() == told;
        if input.named && whole && silent && self.found.len() == before && recognised {
            self.problems.push(Diagnostic::warning(
                codes::NOTHING_FOUND,
                format!("`{}` holds no resource of a mesh", input.name),
            ));
        }
    }

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

    /// Takes the resources of one document, or says why its form is not known.
    fn document(&mut self, document: Node, options: &Options) -> Result<(), Diagnostic> {
        let drafts = if cloudformation::recognise(&document) {
            cloudformation::read(document, &options.parameters, &mut self.problems)
        } else if state::recognise(&document) {
            state::read(&document, &mut self.problems)
        } else if is_kubernetes(&document) {
            return Err(unknown_form(&document));
        } else {
            api::read(&document).ok_or_else(|| unknown_form(&document))?
        };
        self.found
            .extend(drafts.into_iter().map(|draft| found::finish(draft, options)));
        Ok(())
    }

    /// Every problem: those of the inputs, then those of the resources.
    pub fn all_problems(&self) -> Vec<Diagnostic> {
        let of_resources = self.found.iter().flat_map(|found| found.problems.iter());
        self.problems.iter().chain(of_resources).cloned().collect()
    }

    /// The typed form of every resource that can have one, and why others cannot.
    pub fn resources(&self) -> (Vec<Resource>, Vec<Diagnostic>) {
        let mut resources = Vec::new();
        let mut problems = Vec::new();
        for found in self.found.iter().filter(|found| !found.refused) {
            match found::typed(found) {
                Ok(resource) => resources.push(resource),
                Err(why) => problems.extend(why),
            }
        }
        (resources, problems)
    }
}

fn is_kubernetes(document: &Node) -> bool {
    document.get("apiVersion").is_some() && document.get("kind").is_some()
}

fn unknown_form(document: &Node) -> Diagnostic {
    let problem = Diagnostic::error(
        codes::UNKNOWN_FORM,
        if is_kubernetes(document) {
            "a Kubernetes resource; that form is not read yet".to_owned()
        } else {
            format!("{} of no form that is known", document.value.noun())
        },
    )
    .help(
        "known are CloudFormation templates, App Mesh JSON or YAML as the AWS CLI takes and gives it, Terraform \
         state, and `terraform show -json`",
    );
    match document.span {
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
