//! The templates: ours, or the user's in their place.

use super::{codes, partials};
use crate::frontend::json;
use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderError, RenderErrorReason,
    Template,
};
use meshform_model::diag::{Diagnostic, Sources};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::OnceLock;

const TASK_DEFINITION: &str = "ecs/task-definition.json.hbs";
/// What runs in the proxy's container.
const ENTRYPOINT: &str = "ecs/entrypoint.sh.hbs";

/// The shape of what the proxies of a mesh share.
const MESH: &str = "ecs/mesh.json.hbs";

/// The shape of a file for Docker Compose.
pub(super) const COMPOSE: &str = "compose/compose.yaml.hbs";

const OURS: [(&str, &str); 4] = [
    (
        TASK_DEFINITION,
        include_str!("../../../templates/ecs/task-definition.json.hbs"),
    ),
    (
        ENTRYPOINT,
        include_str!("../../../templates/ecs/entrypoint.sh.hbs"),
    ),
    (MESH, include_str!("../../../templates/ecs/mesh.json.hbs")),
    (
        COMPOSE,
        include_str!("../../../templates/compose/compose.yaml.hbs"),
    ),
];

/// Templates by their path below `templates/`; one that is missing is ours.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    own: BTreeMap<String, String>,
}

impl Templates {
    /// The paths of the templates that can be replaced.
    pub fn names() -> impl Iterator<Item = &'static str> {
        OURS.into_iter().map(|(name, _)| name)
    }

    /// Replaces one of our templates.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.own.insert(name.into(), text.into());
        self
    }

    fn text(&self, name: &str) -> &str {
        let ours = || OURS.iter().find(|(n, _)| *n == name).map_or("", |(_, text)| text);
        self.own.get(name).map_or_else(ours, String::as_str)
    }
}

/// The rendered task definition as JSON.
pub(super) fn task_definition(templates: &Templates, values: &Json) -> Result<Json, Box<Diagnostic>> {
    rendered(templates, TASK_DEFINITION, values)
}

/// The rendered stack of a mesh as JSON.
pub(super) fn mesh(templates: &Templates, values: &Json) -> Result<Json, Box<Diagnostic>> {
    rendered(templates, MESH, values)
}

fn rendered(templates: &Templates, name: &'static str, values: &Json) -> Result<Json, Box<Diagnostic>> {
    let text = render(templates, name, values)?;
    let mut sources = Sources::default();
    let source = sources.add(name, text.as_str());
    let (node, problems) = json::read(&text, source);
    if let Some(problem) = problems.into_iter().next() {
        // The rendered text is nobody's file: its line is quoted in the message.
        let at = problem.places.first().and_then(|place| place.span);
        let line = at.and_then(|span| sources.locate(span)).map_or(0, |at| at.line);
        let shown = text
            .lines()
            .nth(line.saturating_sub(1))
            .unwrap_or_default()
            .trim();
        let shown: String = shown.chars().take(120).collect();
        return Err(Box::new(
            Diagnostic::error(
                codes::RENDERED,
                format!(
                    "what the template `{name}` rendered is not JSON: {}, in line {line}: {shown}",
                    problem.message
                ),
            )
            .help("`{{json x}}` writes a value with its quotes and escapes"),
        ));
    }
    Ok(node.and_then(|node| node.to_json()).unwrap_or(Json::Null))
}

/// The rendered file for Docker Compose.
pub(super) fn compose(templates: &Templates, values: &Json) -> Result<String, Box<Diagnostic>> {
    render(templates, COMPOSE, values)
}

pub(super) fn entrypoint(templates: &Templates, values: &Json) -> Result<String, Box<Diagnostic>> {
    render(templates, ENTRYPOINT, values).map(|script| script.trim().to_owned())
}

fn render(templates: &Templates, name: &str, values: &Json) -> Result<String, Box<Diagnostic>> {
    if !templates.own.contains_key(name) {
        return ours()
            .render(name, values)
            .map_err(|error| failed(name, &error, values));
    }
    let mut handlebars = empty();
    let template = Template::compile_with_name(templates.text(name), name.to_owned()).map_err(|error| {
        let at = error
            .pos()
            .map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
        // The grammar's names of what could stand there help nobody.
        let reason = error.reason().to_string();
        let reason = reason.split(": expected").next().unwrap_or_default();
        wrong(
            &format!("{name}{at}"),
            &format!("is not valid Handlebars: {reason}"),
        )
    })?;
    partials::check(&template).map_err(|what| wrong(name, &what))?;
    handlebars.register_template(name, template);
    handlebars
        .render(name, values)
        .map_err(|error| failed(name, &error, values))
}

/// What keeps a template from being rendered, and in which line.
fn failed(name: &str, error: &RenderError, values: &Json) -> Box<Diagnostic> {
    let at = match (error.line_no, error.column_no) {
        (Some(line), Some(column)) => format!("{name}:{line}:{column}"),
        _ => name.to_owned(),
    };
    match error.reason() {
        RenderErrorReason::MissingVariable(Some(path)) => {
            let problem = wrong(&at, &format!("uses the undefined value `{path}`"));
            match given(values, path) {
                Some(names) => Box::new(problem.help(format!(
                    "it has {names}; they are described at the top of meshform's own template of that name"
                ))),
                None => problem,
            }
        }
        RenderErrorReason::HelperNotFound(helper) => Box::new(
            wrong(&at, &format!("calls the unknown helper `{helper}`"))
                .help("`json` writes a value with its quotes and escapes; `if`, `unless`, `each`, `with` and `lookup` are Handlebars' own"),
        ),
        RenderErrorReason::PartialNotFound(partial) => wrong(
            &at,
            &format!("includes the partial `{partial}`, which it does not define (`{{{{#*inline \"{partial}\"}}}}`)"),
        ),
        reason => wrong(&at, &format!("cannot be rendered: {reason}")),
    }
}

/// The names beside the last of a path, where the path begins at the top.
fn given(values: &Json, path: &str) -> Option<String> {
    let (parents, _) = path.rsplit_once('.').unwrap_or(("", path));
    let parents = parents.split('.').filter(|part| !part.is_empty());
    let names = parents.into_iter().try_fold(values, |at, part| at.get(part))?;
    let names: Vec<String> = names
        .as_object()?
        .keys()
        .map(|name| format!("`{name}`"))
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn wrong(at: &str, what: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::TEMPLATE, format!("the template `{at}` {what}"))
            .help("the values that it has are described at the top of meshform's own template of that name"),
    )
}

fn empty() -> Handlebars<'static> {
    let mut handlebars = Handlebars::new();
    handlebars.set_strict_mode(true);
    handlebars.register_escape_fn(handlebars::no_escape);
    handlebars.register_helper("json", Box::new(write_json));
    handlebars
}

/// Our own templates, compiled once for all proxies.
fn ours() -> &'static Handlebars<'static> {
    static COMPILED: OnceLock<Handlebars<'static>> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let mut handlebars = empty();
        for (name, text) in OURS {
            // A test compiles each; one that does not is missing when it is rendered.
            if let Ok(template) = Template::compile_with_name(text, name.to_owned()) {
                handlebars.register_template(name, template);
            }
        }
        handlebars
    })
}

/// `{{json x}}`: a value with its quotes and escapes.
fn write_json(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let value = helper
        .param(0)
        .ok_or(RenderErrorReason::ParamNotFoundForIndex("json", 0))?;
    if value.is_value_missing() {
        return Err(RenderErrorReason::MissingVariable(value.relative_path().cloned()).into());
    }
    out.write(&value.value().to_string())?;
    Ok(())
}
