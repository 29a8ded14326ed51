//! App Mesh's own JSON (or the same as YAML): as the AWS CLI takes it, as it gives it, and lists of these.
//!
//! What `--cli-input-json` takes may lack the names, which the CLI took as options. The kind is what the body says by its
//! names, what the user says, or the only one that its fields allow; it is never guessed.

use super::found::ResourceDraft;
use super::text::{place, shorten};
use super::{Options, codes};
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::key::ResourceKey;
use meshform_model::kind::{Kind, plural};
use meshform_model::schema;
use meshform_model::validate::{self, codes::UNKNOWN_FIELD};
use meshform_model::value::{Node, Span, Value};
use std::collections::BTreeSet;

/// Reads the documents of one input.
pub(super) struct Reader<'r> {
    pub(super) options: &'r Options,
    /// The input's name, of which a resource without one takes its own.
    pub(super) file: &'r str,
    /// Whether the user's name was given to a resource.
    pub(super) name_used: &'r mut bool,
    /// What lists name without saying more of it.
    pub(super) listed: &'r mut Vec<Listed>,
    pub(super) problems: &'r mut Vec<Diagnostic>,
}

/// What `list-…` answers: names, which do not say what the resources say.
pub(super) struct Listed {
    keys: Vec<ResourceKey>,
    kind: Kind,
    span: Option<Span>,
}

impl Listed {
    /// What of the list no input describes.
    pub(super) fn missing(&self, found: &BTreeSet<&ResourceKey>) -> Option<Diagnostic> {
        let missing: Vec<&ResourceKey> = self.keys.iter().filter(|key| !found.contains(key)).collect();
        let (first, more) = missing.split_first()?;
        let message = match more.len() {
            0 => format!("{first} is listed, and no input describes it"),
            more => format!("{first} and {more} more are listed, and no input describes them"),
        };
        let problem = Diagnostic::warning(codes::NOTHING_FOUND, message).help(format!(
            "give the output of `aws appmesh describe-{}` for each",
            dashed(self.kind)
        ));
        Some(at(problem, self.span))
    }
}

/// A kind as the AWS CLI spells it.
fn dashed(kind: Kind) -> String {
    kind.to_string().replace(' ', "-")
}

/// The kind of a body, as far as it tells.
enum KindGuess {
    One(Kind),
    /// The fields belong to each of these kinds.
    Several(Vec<Kind>),
    Nothing,
}

impl Reader<'_> {
    /// The resources of a document, or `None` when it is not of this form.
    pub(super) fn read(&mut self, mut document: Node) -> Option<Vec<ResourceDraft>> {
        match &mut document.value {
            Value::List(list) => self.list(std::mem::take(list)),
            Value::Object(object) => {
                // `{"resources": [...]}` holds what this command writes for a complete mesh.
                if let (1, Some(Value::List(list))) = (
                    object.len(),
                    object.get_mut("resources").map(|node| &mut node.value),
                ) {
                    return self.list(std::mem::take(list));
                }
                if let Some(listed) = self.listed(&document) {
                    return Some(listed);
                }
                self.one(document, true).map(|draft| draft.into_iter().collect())
            }
            _ => None,
        }
    }

    fn list(&mut self, list: Vec<Node>) -> Option<Vec<ResourceDraft>> {
        let some = !list.is_empty();
        let mut all = Vec::with_capacity(list.len());
        for item in list {
            all.extend(self.one(item, false)?);
        }
        some.then_some(all)
    }

    /// What `list-…` answers.
    fn listed(&mut self, document: &Node) -> Option<Vec<ResourceDraft>> {
        let fields = document.as_object()?.iter();
        let mut fields = fields.filter(|field| field.name != "nextToken");
        let (field, None) = (fields.next()?, fields.next()) else {
            return None;
        };
        let kind = Kind::ALL.into_iter().find(|kind| field.name == kind.plural())?;
        let list = field.node.as_list()?;
        let span = field.name_span.or(field.node.span);
        let mut drafts = Vec::new();
        let mut keys = Vec::new();
        let mut unnamed = 0;
        for item in list {
            let arn = item.get("arn").and_then(Node::as_str);
            match (item.get("spec"), arn.and_then(ResourceKey::from_arn)) {
                (Some(_), _) => drafts.extend(self.draft(kind, item.clone(), false)),
                (None, Some(key)) => keys.push(key),
                (None, None) => unnamed += 1,
            }
        }
        if unnamed > 0 {
            let message = format!("a list of names of {}, without their specs", plural(kind.words()));
            let problem = Diagnostic::warning(codes::NOTHING_FOUND, message)
                .help("give the output of `aws appmesh describe-…` for each");
            self.problems.push(at(problem, span));
        }
        self.listed.push(Listed { keys, kind, span });
        Some(drafts)
    }

    /// `None`: no resource of this form. `Some(None)`: one, of which the kind is not known; that is reported.
    fn one(&mut self, document: Node, alone: bool) -> Option<Option<ResourceDraft>> {
        // `describe`, `create`, `update` and `delete` answer with the resource under its kind's name.
        if let Some(kind) = answered(&document)? {
            let Value::Object(object) = document.value else {
                return None;
            };
            let field = object.into_iter().next()?;
            return Some(self.draft(kind, field.node, alone));
        }
        let kind = match (told(&document), self.options.kind) {
            (KindGuess::One(kind), _) => kind,
            (_, Some(kind)) if document.get("spec").is_some() => kind,
            (KindGuess::Several(kinds), _) => {
                self.problems.push(several(&document, &kinds));
                return Some(None);
            }
            (KindGuess::Nothing, _) => return None,
        };
        Some(self.draft(kind, document, alone))
    }

    fn draft(&mut self, kind: Kind, mut body: Node, alone: bool) -> Option<ResourceDraft> {
        let names = &schema::kind(kind).key;
        if let Value::Object(object) = &mut body.value {
            // Every SDK sends one with each call; it is no part of the resource.
            object.remove("clientToken");
            // An empty name is a wrong one, not none.
            let lacks = |object: &meshform_model::value::Object, name: &str| {
                object.get(name).is_none_or(Node::is_null)
            };
            if let (Some(parent), [_, name, _]) = (&self.options.parent, names.as_slice())
                && lacks(object, name)
            {
                object.set(name.as_str(), Node::new(Value::from(parent.as_str())));
            }
            if let Some(own) = names.last()
                && alone
                && lacks(object, own)
                && !(kind == Kind::Mesh && self.options.mesh.is_some())
                && let Some(name) = self.name(kind, document_start(body.span))
            {
                object.set(own.as_str(), Node::new(Value::from(name)));
            }
        }
        let name = names
            .last()
            .and_then(|name| body.get(name))
            .and_then(Node::as_str);
        Some(ResourceDraft {
            kind,
            dialect: Dialect::Api,
            foreign: false,
            label: name.unwrap_or(kind.name()).to_owned(),
            span: body.span,
            body,
            extensions: None,
            origin: None,
        })
    }

    /// The name that the user gives, or the file's.
    fn name(&mut self, kind: Kind, span: Option<Span>) -> Option<String> {
        if let Some(name) = &self.options.name {
            *self.name_used = true;
            return Some(name.clone());
        }
        let file = self.file.rsplit(['/', '\\']).next()?;
        let (stem, _) = file.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
        let message = format!(
            "the {kind} has no name; `{}` is taken from the file's",
            shorten(stem)
        );
        let problem = Diagnostic::warning(codes::NO_NAME, message)
            .help("give it with `--name NAME`, or write it beside `spec`: the AWS CLI took it as an option");
        self.problems.push(at(problem, span));
        Some(stem.to_owned())
    }
}

/// Whether a document is of this form, as far as its first resource tells.
pub(super) fn recognise(document: &Node) -> bool {
    match document.as_list() {
        Some(list) => list.first().is_some_and(recognise),
        None => document.get("spec").is_some() || answered(document).flatten().is_some(),
    }
}

/// The kind under whose name alone an object has another; `None` where it is no object at all.
fn answered(document: &Node) -> Option<Option<Kind>> {
    let mut fields = document.as_object()?.iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Some(None);
    };
    let is_body = field.node.as_object().is_some();
    Some(Kind::from_name(&field.name).filter(|_| is_body))
}

/// The first byte of a document is place enough.
fn document_start(span: Option<Span>) -> Option<Span> {
    span.map(|span| Span {
        end: span.start.saturating_add(1).min(span.end),
        ..span
    })
}

fn at(problem: Diagnostic, span: Option<Span>) -> Diagnostic {
    match span {
        Some(span) => problem.at(place(span)),
        None => problem,
    }
}

fn several(document: &Node, kinds: &[Kind]) -> Diagnostic {
    let names: Vec<String> = kinds.iter().map(|kind| format!("a {kind}")).collect();
    let listed = match names.split_last() {
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => String::new(),
    };
    let options: Vec<String> = kinds
        .iter()
        .map(|kind| format!("`--kind {}`", kind.name()))
        .collect();
    let problem = Diagnostic::error(codes::UNKNOWN_KIND, format!("this body may be {listed}")).help(format!(
        "say which with {}, or write its name beside `spec` (`{}`)",
        options.join(" or "),
        kinds
            .iter()
            .filter_map(|kind| schema::kind(*kind).key.last().cloned())
            .collect::<Vec<_>>()
            .join("`, `")
    ));
    at(problem, document_start(document.span))
}

/// The kind whose names the document has; of several the one with the most, because a route has its router's.
fn told(document: &Node) -> KindGuess {
    let own = |kind: &Kind| {
        let key = &schema::kind(*kind).key;
        key.last().is_some_and(|name| document.get(name).is_some())
    };
    let mut kinds: Vec<Kind> = Kind::ALL.into_iter().filter(own).collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(schema::kind(*kind).key.len()));
    let spec = document.get("spec");
    match kinds.first() {
        None => spec.map_or(KindGuess::Nothing, |spec| by_spec(spec, &Kind::ALL)),
        // A name of what contains a resource stands in every resource, also in one whose own name was an option.
        Some(Kind::Mesh) => match spec.map(|spec| by_spec(spec, &Kind::ALL)) {
            Some(KindGuess::Nothing) | None => KindGuess::One(Kind::Mesh),
            Some(told) => told,
        },
        Some(Kind::VirtualRouter) => within(spec, Kind::VirtualRouter, Kind::Route),
        Some(Kind::VirtualGateway) => within(spec, Kind::VirtualGateway, Kind::GatewayRoute),
        Some(kind) => KindGuess::One(*kind),
    }
}

fn within(spec: Option<&Node>, own: Kind, child: Kind) -> KindGuess {
    match spec.map(|spec| by_spec(spec, &[own, child])) {
        Some(KindGuess::One(kind)) => KindGuess::One(kind),
        _ => KindGuess::One(own),
    }
}

/// The kinds whose spec has all of these fields; of these, those that know the most of what is inside, and have the least against
/// the rest. A value that is no such value yet, as a placeholder, says nothing about the kind.
fn by_spec(spec: &Node, among: &[Kind]) -> KindGuess {
    let Some(fields) = spec.as_object().filter(|fields| !fields.is_empty()) else {
        return KindGuess::Nothing;
    };
    let mut fitting: Vec<((usize, usize), Kind)> = Vec::new();
    for kind in among {
        let Some(shape) = schema::kind(*kind)
            .root
            .object()
            .and_then(|root| root.field("spec"))
        else {
            continue;
        };
        let known = shape.node.object();
        if known.is_some_and(|known| fields.iter().all(|field| known.field(&field.name).is_some())) {
            let problems = validate::against(shape.node, spec);
            let unknown = problems.iter().filter(|one| one.code == UNKNOWN_FIELD).count();
            fitting.push(((unknown, problems.len()), *kind));
        }
    }
    let least = fitting.iter().map(|(problems, _)| *problems).min();
    let best: Vec<Kind> = fitting
        .into_iter()
        .filter(|(problems, _)| Some(*problems) == least)
        .map(|(_, kind)| kind)
        .collect();
    match best.as_slice() {
        [] => KindGuess::Nothing,
        [kind] => KindGuess::One(*kind),
        _ => KindGuess::Several(best),
    }
}
