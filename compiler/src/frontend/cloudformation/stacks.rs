//! The templates that are read together: stacks side by side, nested ones, and folders that are one template.

use super::expression::symbolise;
use crate::frontend::codes;
use crate::frontend::text::{place, shorten};
use meshform_model::diag::Diagnostic;
use meshform_model::value::{Field, Node, Object, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The most stacks that nested templates may make. CloudFormation allows 2,000 in an account.
const MAX_STACKS: usize = 2_000;
/// How deep stacks may be nested; a template that nests itself ends here.
const MAX_NESTED: usize = 16;

/// A template that no other of the inputs nests.
#[derive(Debug, Clone)]
pub struct WholeTemplate {
    /// What its input is called.
    pub name: String,
    root: Node,
}

impl WholeTemplate {
    /// The whole template, with functions in their long form.
    pub fn to_json(&self) -> serde_json::Value {
        self.root.to_json().unwrap_or_default()
    }
}

/// A template as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// The file's name, by which nested stacks are found.
    pub(crate) file: String,
    /// The whole document, its functions as symbols.
    pub(crate) root: Node,
}

/// What a CDK assembly says of the stack that a template makes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deployment {
    /// Values of parameters and pseudo parameters.
    pub(crate) values: BTreeMap<String, String>,
}

/// One stack: a template and what its parameters are given.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    pub(crate) template: usize,
    /// The stack that nests this one, and its logical id there.
    pub(crate) parent: Option<(usize, String)>,
    /// The stacks nested in this one, by logical id.
    pub(crate) children: BTreeMap<String, usize>,
    /// Parameters and pseudo parameters that the deployment gives.
    pub(crate) values: BTreeMap<String, String>,
}

/// Every stack of the inputs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stacks {
    pub(crate) templates: Vec<Template>,
    pub(crate) stacks: Vec<Stack>,
    /// The stacks that no other nests, by template.
    roots: BTreeMap<usize, usize>,
}

impl Stacks {
    /// Takes a template, and gives its number.
    pub(crate) fn add(&mut self, file: &str, document: Node) -> usize {
        self.templates.push(Template {
            file: file.to_owned(),
            root: symbolise(document),
        });
        self.templates.len() - 1
    }

    /// The templates that no other nests, as they were read.
    pub(crate) fn into_whole(self) -> Vec<WholeTemplate> {
        let roots = self.roots;
        let templates = self.templates.into_iter().enumerate();
        templates
            .filter(|(at, _)| roots.contains_key(at))
            .map(|(_, template)| WholeTemplate {
                name: template.file,
                root: template.root,
            })
            .collect()
    }

    /// The files that nested stacks name and that are not among the templates.
    pub(crate) fn wanted(&self) -> BTreeSet<String> {
        let have: BTreeSet<&str> = self.templates.iter().map(|t| t.file.as_str()).collect();
        let named = self.templates.iter().flat_map(|template| {
            let nested = nested(&template.root);
            nested.map(|(_, file)| beside(&template.file, file))
        });
        named.filter(|file| !have.contains(file.as_str())).collect()
    }

    /// Makes the stacks of all templates. A template that another nests is no stack by itself.
    pub(crate) fn resolve(
        &mut self,
        deployments: &BTreeMap<String, Deployment>,
        problems: &mut Vec<Diagnostic>,
    ) {
        let by_file: BTreeMap<String, usize> = self
            .templates
            .iter()
            .enumerate()
            .rev()
            .map(|(at, template)| (template.file.clone(), at))
            .collect();
        let mut is_nested = BTreeSet::new();
        let mut links: Vec<Vec<(String, usize)>> = Vec::new();
        for (own, template) in self.templates.iter().enumerate() {
            let mut children = Vec::new();
            for (id, file) in nested(&template.root) {
                let path = beside(&template.file, file);
                let Some(at) = by_file.get(&path) else {
                    problems.push(unread(id, &path));
                    continue;
                };
                children.push((id.name.clone(), *at));
                if *at != own {
                    is_nested.insert(*at);
                }
            }
            links.push(children);
            problems.extend(elsewhere(&template.root));
        }
        // Where templates nest one another in a circle there is no outermost one; each is read by itself then.
        let all: Vec<usize> = (0..self.templates.len()).collect();
        let mut roots: Vec<usize> = all.iter().copied().filter(|at| !is_nested.contains(at)).collect();
        if roots.is_empty() {
            roots = all;
        }
        for template in roots {
            let file = self.templates.get(template).map(|t| t.file.as_str());
            let values = file.and_then(|file| deployments.get(file));
            let values = values
                .map(|deployment| deployment.values.clone())
                .unwrap_or_default();
            let root = self.stacks.len();
            self.roots.insert(template, root);
            self.stacks.push(Stack {
                template,
                parent: None,
                children: BTreeMap::new(),
                values,
            });
            self.nest(root, &links, problems);
        }
    }

    /// Makes the stacks nested below one, level by level.
    fn nest(&mut self, root: usize, links: &[Vec<(String, usize)>], problems: &mut Vec<Diagnostic>) {
        let mut pending = vec![(root, 0)];
        while let Some((at, depth)) = pending.pop() {
            let template = self.stacks.get(at).map(|stack| stack.template);
            let children = template.and_then(|template| links.get(template));
            for (id, template) in children.into_iter().flatten() {
                if depth >= MAX_NESTED || self.stacks.len() >= MAX_STACKS {
                    let message = format!(
                        "`{}` nests stacks deeper than {MAX_NESTED} levels, in a circle, or more than {MAX_STACKS}",
                        shorten(id)
                    );
                    let span = self.templates.get(*template).and_then(|t| t.root.span);
                    let problem = Diagnostic::error(codes::BAD_EXPRESSION, message)
                        .help("a template cannot nest itself; give the outermost template alone");
                    problems.push(super::at(problem, span.map(super::first_byte)));
                    return;
                }
                let child = self.stacks.len();
                self.stacks.push(Stack {
                    template: *template,
                    parent: Some((at, id.clone())),
                    children: BTreeMap::new(),
                    values: BTreeMap::new(),
                });
                if let Some(stack) = self.stacks.get_mut(at) {
                    stack.children.insert(id.clone(), child);
                }
                pending.push((child, depth + 1));
            }
        }
    }

    /// The stack of a template and those nested in it, outermost first. None of a template that another nests.
    pub(crate) fn of_template(&self, template: usize) -> Vec<usize> {
        let mut all: Vec<usize> = self.roots.get(&template).copied().into_iter().collect();
        let mut next = 0;
        while let Some(stack) = all.get(next).and_then(|at| self.stacks.get(*at)) {
            all.extend(stack.children.values());
            next += 1;
        }
        all
    }

    /// Whether a template is there for others: nested in one, or with outputs that they import.
    pub(crate) fn serves_others(&self, template: usize) -> bool {
        let outputs = self
            .templates
            .get(template)
            .and_then(|template| template.root.get("Outputs"));
        outputs.is_some() || !self.roots.contains_key(&template)
    }

    pub(crate) fn root_of(&self, stack: usize) -> Option<&Node> {
        let template = self.stacks.get(stack)?.template;
        self.templates.get(template).map(|template| &template.root)
    }
}

/// The nested stacks of a template that name a local file: by `TemplateURL` or `Location`, and by the asset's path that
/// the CDK leaves in the metadata.
fn nested(template: &Node) -> impl Iterator<Item = (&Field, &str)> {
    let resources = template.get("Resources").and_then(Node::as_object);
    resources.into_iter().flatten().filter_map(|field| {
        let kind = field.node.get("Type").and_then(Node::as_str)?;
        let properties = field.node.get("Properties");
        let url = match kind {
            "AWS::CloudFormation::Stack" => properties.and_then(|all| all.get("TemplateURL")),
            "AWS::Serverless::Application" => properties.and_then(|all| all.get("Location")),
            _ => return None,
        };
        let asset = || {
            field
                .node
                .get("Metadata")
                .and_then(|all| all.get("aws:asset:path"))
        };
        let file = asset().and_then(Node::as_str).or(url.and_then(Node::as_str))?;
        (!file.contains("://")).then_some((field, file))
    })
}

/// The template of a nested stack that is not there.
fn unread(resource: &Field, path: &str) -> Diagnostic {
    let message = format!(
        "the template of the nested stack `{}` is missing, and its resources are not read",
        shorten(&resource.name)
    );
    let problem = Diagnostic::error(codes::UNREAD, message).help(format!("it is looked for at `{path}`"));
    super::at(problem, resource.name_span)
}

/// The nested stacks whose templates are no local files: said once for a template.
fn elsewhere(template: &Node) -> Option<Diagnostic> {
    let local: BTreeSet<&str> = nested(template).map(|(field, _)| field.name.as_str()).collect();
    let resources = template.get("Resources").and_then(Node::as_object);
    let stacks = resources
        .into_iter()
        .flatten()
        .filter(|field| field.node.get("Type").and_then(Node::as_str) == Some("AWS::CloudFormation::Stack"));
    let others: Vec<&Field> = stacks
        .filter(|field| !local.contains(field.name.as_str()))
        .collect();
    let (first, more) = others.split_first()?;
    let message = match more.len() {
        0 => format!(
            "the template of the nested stack `{}` is not read",
            shorten(&first.name)
        ),
        more => format!(
            "the templates of the nested stack `{}` and of {more} more are not read",
            shorten(&first.name)
        ),
    };
    let problem = Diagnostic::warning(codes::UNREAD, message)
        .help("if they have mesh resources, give the path of each template's file in place of its URL");
    Some(super::at(problem, first.name_span))
}

/// A path without `.` and `..`, so that two ways to a file compare as one.
pub(crate) fn plain_path(file: &str) -> String {
    beside(if file.starts_with('/') { "/" } else { "" }, file)
}

/// A path that a file names, from where that file lies.
pub(crate) fn beside(file: &str, named: &str) -> String {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = Vec::new();
    let whole = match named.strip_prefix('/') {
        Some(_) => named.to_owned(),
        None => format!("{folder}/{named}"),
    };
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let rooted = named.starts_with('/') || file.starts_with('/');
    format!("{}{}", if rooted { "/" } else { "" }, parts.join("/"))
}

/// The folder of a file that Copilot makes one template of: `addons`.
pub(crate) fn addons(file: &str) -> Option<&str> {
    let (folder, _) = file.rsplit_once('/')?;
    let name = folder.rsplit('/').next()?;
    (name == "addons" || name.ends_with("-addons")).then_some(folder)
}

/// The templates of a folder as one, as Copilot merges them: section by section, and what two define differently is an
/// error.
pub(crate) fn merge(documents: Vec<Node>, problems: &mut Vec<Diagnostic>) -> Option<Node> {
    let mut documents = documents.into_iter();
    let mut merged = documents.next()?;
    for document in documents {
        let (Value::Object(into), Value::Object(from)) = (&mut merged.value, document.value) else {
            continue;
        };
        for section in from {
            match (
                into.get_mut(&section.name).map(|node| &mut node.value),
                section.node.value,
            ) {
                (None, value) => into.push(Field {
                    node: Node {
                        value,
                        ..section.node
                    },
                    ..section
                }),
                (Some(Value::Object(into)), Value::Object(from)) => {
                    merge_section(&section.name, into, from, problems);
                }
                // A version or description, which says nothing of the mesh.
                _ => {}
            }
        }
    }
    Some(merged)
}

fn merge_section(section: &str, into: &mut Object, from: Object, problems: &mut Vec<Diagnostic>) {
    let mut there: BTreeMap<String, (Option<_>, Option<serde_json::Value>)> = into
        .iter()
        .map(|field| (field.name.clone(), (field.name_span, field.node.to_json())))
        .collect();
    for field in from {
        let json = field.node.to_json();
        match there.get(&field.name) {
            None => {
                there.insert(field.name.clone(), (field.name_span, json));
                into.push(field);
            }
            Some((_, first)) if *first == json => {}
            Some((first, _)) => {
                let message = format!(
                    "two templates of this folder define `{}` in `{section}` differently",
                    shorten(&field.name)
                );
                let mut problem = Diagnostic::error(codes::DUPLICATE_KEY, message)
                    .help("give one of the two another name: Copilot merges the folder into one template");
                for span in [field.name_span, *first].into_iter().flatten() {
                    problem = problem.at(place(span));
                }
                problems.push(problem);
            }
        }
    }
}
