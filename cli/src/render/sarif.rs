//! SARIF 2.1.0: problems as code hosts and editors show them beside the lines.

use super::lines::Lines;
use meshform_model::diag::{Diagnostic, ProblemLocation, Severity, Sources};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// One run with all problems.
pub(crate) fn report(sources: &Sources, problems: &[Diagnostic]) -> Json {
    let mut lines = Lines::new(sources);
    let codes: BTreeSet<&str> = problems.iter().map(|problem| problem.code.0).collect();
    let rules: Vec<Json> = codes.iter().map(|code| json!({"id": code})).collect();
    let results: Vec<Json> = problems
        .iter()
        .map(|problem| result(problem, &mut lines))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "meshform",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(problem: &Diagnostic, lines: &mut Lines<'_>) -> Json {
    let level = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let told = lines.told(problem);
    let text = match told.whole_help() {
        Some(help) => format!("{}. Help: {help}", told.message),
        None => told.message,
    };
    let mut places = problem.places.iter().map(|place| location(place, lines));
    let first: Vec<Json> = places.by_ref().take(1).collect();
    let mut others: Vec<Json> = places.collect();
    for (at, other) in (1..).zip(&mut others) {
        if let Some(other) = other.as_object_mut() {
            other.insert("id".to_owned(), json!(at));
        }
    }
    json!({
        "ruleId": problem.code.0, "level": level, "message": {"text": text},
        "locations": first, "relatedLocations": others,
    })
}

fn location(place: &ProblemLocation, lines: &mut Lines<'_>) -> Json {
    let mut out = serde_json::Map::new();
    if let Some(at) = place.span.and_then(|span| lines.excerpt(span)) {
        out.insert(
            "physicalLocation".to_owned(),
            json!({
                "artifactLocation": {"uri": uri(at.name)},
                "region": {
                    "startLine": at.line, "startColumn": at.column,
                    "endLine": at.end_line, "endColumn": at.end_column,
                },
            }),
        );
    }
    if let Some(key) = &place.resource {
        let name = format!("{}{}", key.path(), place.pointer);
        out.insert(
            "logicalLocations".to_owned(),
            json!([{"fullyQualifiedName": name}]),
        );
    }
    if let Some(label) = &place.label {
        out.insert("message".to_owned(), json!({ "text": label }));
    }
    Json::Object(out)
}

/// A path as a relative reference: what a URI does not take is escaped.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                out.push(char::from(byte))
            }
            b'\\' => out.push('/'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
