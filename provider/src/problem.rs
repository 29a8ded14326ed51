//! The model's and the store's problems as Terraform shows them: at the attribute that the user wrote.

use crate::codes;
use meshform_model::diag::{Diagnostic as Problem, Notation, ProblemLocation, Severity};
use meshform_model::dialect::{self, Dialect};
use meshform_model::help;
use meshform_model::kind::Kind;
use meshform_model::pointer::{Pointer, Segment};
use meshform_model::schema::{self, FieldForm};
use tfplugin::{Diagnostic, Diagnostics, Path};

/// A problem of a resource of `kind`, found in its canonical form.
pub(crate) fn of_resource(kind: Kind, problem: &Problem) -> Diagnostic {
    let pointer = problem.places.first().map(|place| &place.pointer);
    let mut diagnostic = plain(problem);
    if let Some(pointer) = pointer.filter(|pointer| !pointer.is_root()) {
        let mut place = path(&dialect::path(kind, pointer, Dialect::Terraform));
        if is_block(kind, pointer) {
            // Terraform shows what a path leads to, and of a path to a block often the block around it. One step
            // further, to what is not there, it shows the block that lacks it.
            place = place.attr("nothing");
        }
        diagnostic = diagnostic.at(place);
    }
    diagnostic
}

/// Whether a canonical pointer leads to what is a block in Terraform.
fn is_block(kind: Kind, pointer: &Pointer) -> bool {
    let mut node = Some(schema::kind(kind).root);
    for segment in pointer.segments() {
        node = match segment {
            Segment::Field(name) => {
                let field = node
                    .and_then(|node| node.object())
                    .and_then(|one| one.field(name));
                field
                    .filter(|field| field.named(Dialect::Terraform).form == FieldForm::Usual)
                    .map(|field| field.node)
            }
            Segment::Index(_) => node.and_then(|node| node.list()).map(|list| list.items),
        };
    }
    node.is_some_and(|node| node.object().is_some())
}

/// Problems of a resource, all of them.
pub(crate) fn all_of_resource(kind: Kind, problems: &[Problem]) -> Diagnostics {
    let mut all = Diagnostics::new();
    all.extend(problems.iter().map(|problem| of_resource(kind, problem)));
    all
}

/// Makes an error of a mesh the warning that it is for who writes one resource of it.
pub(crate) fn until_mended(problem: &mut Problem) {
    problem.severity = Severity::Warning;
    let help = problem.help.take().unwrap_or_default();
    let until = "the mesh is not valid, and proxies keep their last release";
    problem.help = Some(match help.ends_with(['?', '.']) {
        true => format!("{help} Until that is fixed {until}"),
        false => format!("{help}; until then {until}"),
    });
}

/// A problem without a place in the configuration.
pub(crate) fn plain(problem: &Problem) -> Diagnostic {
    let told = help::told(problem, Notation::Hcl);
    let mut detail = sentence(&told.message);
    if let Some(help) = &told.help {
        detail.push(' ');
        detail.push_str(&sentence(help));
    }
    if let Some(example) = &told.example {
        if detail.ends_with('.') {
            detail.pop();
            detail.push_str(":\n");
        }
        // Terraform leaves lines alone that begin with a blank.
        example
            .lines()
            .for_each(|line| detail.push_str(&format!("\n    {line}")));
        detail.push('\n');
    }
    for place in problem.places.iter().skip(1) {
        if let Some(line) = elsewhere(place) {
            detail.push('\n');
            detail.push_str(&line);
        }
    }
    let summary = codes::summary(problem.code);
    match problem.severity {
        Severity::Error => Diagnostic::error(summary, detail),
        Severity::Warning => Diagnostic::warning(summary, detail),
    }
}

/// That the store has no such thing.
pub(crate) fn absent(text: impl Into<String>) -> Diagnostic {
    Diagnostic::error(codes::summary(meshform_registry::codes::NOT_FOUND), text.into())
}

/// That a record has no form in Terraform.
pub(crate) fn misfit(text: impl Into<String>) -> Diagnostic {
    Diagnostic::error(codes::summary(meshform_registry::codes::UNREADABLE), text.into())
}

/// That Terraform's state is not what was given to it.
pub(crate) fn damaged_state(why: impl Into<String>) -> Diagnostic {
    Diagnostic::error(
        codes::summary(codes::DAMAGED_STATE),
        format!(
            "The state of this resource is damaged, or was changed by hand: {}. Restore it from a backup (a local state \
             has one in `terraform.tfstate.backup`), or take the resource out of it with `terraform state rm` and import \
             it again.",
            why.into()
        ),
    )
}

/// That a part of what is wanted is not said.
pub(crate) fn incomplete(text: impl Into<String>) -> Diagnostic {
    Diagnostic::error(codes::summary(codes::INCOMPLETE), text.into())
}

/// The other end of a problem, in words.
fn elsewhere(place: &ProblemLocation) -> Option<String> {
    let resource = place.resource.as_ref()?;
    let label = place
        .label
        .as_deref()
        .map(|label| format!(": {label}"))
        .unwrap_or_default();
    Some(format!(
        "See {resource}, {}{label}.",
        terraform_text(resource.kind, &place.pointer)
    ))
}

/// A canonical pointer as Terraform users write it: `spec[0].listener[0]`.
fn terraform_text(kind: Kind, pointer: &Pointer) -> String {
    if pointer.is_root() {
        return "as a whole".to_owned();
    }
    dialect::path(kind, pointer, Dialect::Terraform).dotted()
}

/// A path of the SDK's from a pointer in Terraform's dialect.
fn path(pointer: &Pointer) -> Path {
    pointer
        .segments()
        .iter()
        .fold(Path::root(), |path, segment| match segment {
            Segment::Field(name) => path.attr(name.as_str()),
            Segment::Index(index) => path.index(*index),
        })
}

/// A text with a capital at its beginning.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// Ends a message as Terraform's texts end, and begins it with a capital.
fn sentence(text: &str) -> String {
    let mut sentence = capital(text);
    if !sentence.ends_with(['.', '!', '?', ':']) {
        sentence.push('.');
    }
    sentence
}
