//! One problem for programs.

use super::lines::Lines;
use meshform_model::diag::{Diagnostic, ProblemLocation, Severity};
use serde_json::{Map, Value as Json, json};

pub(crate) fn problem(problem: &Diagnostic, lines: &mut Lines<'_>) -> Json {
    let mut out = Map::new();
    out.insert("code".to_owned(), json!(problem.code.0));
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    out.insert("severity".to_owned(), json!(severity));
    let told = lines.told(problem);
    out.insert("message".to_owned(), json!(told.message));
    if let Some(help) = told.whole_help() {
        out.insert("help".to_owned(), json!(help));
    }
    let places: Vec<Json> = problem.places.iter().map(|at| place(at, lines)).collect();
    out.insert("places".to_owned(), Json::Array(places));
    Json::Object(out)
}

fn place(place: &ProblemLocation, lines: &mut Lines<'_>) -> Json {
    let mut out = Map::new();
    if let Some(key) = &place.resource {
        out.insert("resource".to_owned(), json!(key.path()));
    }
    out.insert("pointer".to_owned(), json!(place.pointer.to_string()));
    if let Some(at) = place.span.and_then(|span| lines.excerpt(span)) {
        out.insert("file".to_owned(), json!(at.name));
        out.insert("line".to_owned(), json!(at.line));
        out.insert("column".to_owned(), json!(at.column));
        out.insert("endLine".to_owned(), json!(at.end_line));
        out.insert("endColumn".to_owned(), json!(at.end_column));
    }
    if let Some(label) = &place.label {
        out.insert("label".to_owned(), json!(label));
    }
    Json::Object(out)
}
