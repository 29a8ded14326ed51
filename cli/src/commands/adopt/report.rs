//! What became of each resource: kept as it was, changed and why, or not taken.

use crate::commands::load::Loaded;
use crate::exit::Exit;
use crate::io::Io;
use crate::render::{self, Count, DocumentFormat};
use meshform_compiler::frontend::FoundResource;
use meshform_model::diag::{Diagnostic, Sources, has_errors};
use meshform_model::help;
use meshform_model::resource::Resource;
use meshform_registry::Adoption;
use serde_json::{Value as Json, json};

/// So many fields are named of those that were left out.
const NAMED: usize = 4;

/// One resource of the input.
struct Line {
    /// In words, or what its form calls it where it has no name.
    resource: String,
    path: Option<String>,
    /// What its form calls it.
    from: String,
    outcome: &'static str,
    arn: Option<String>,
    /// What was changed, and why.
    changes: Vec<String>,
    /// Why it was not taken.
    reasons: Vec<String>,
}

pub(super) fn report(
    format: DocumentFormat,
    io: &mut Io,
    loaded: &Loaded,
    fates: &[(Resource, Adoption)],
) -> Exit {
    let lines = lines(loaded, fates);
    match format {
        DocumentFormat::Json => {
            let count = Count::of(&loaded.problems);
            let report = json!({
                "errors": count.errors,
                "warnings": count.warnings,
                "problems": render::problems_json(&loaded.reading.sources, &loaded.problems),
                "resources": lines.iter().map(line_json).collect::<Vec<Json>>(),
            });
            io.print(&format!("{report:#}\n"));
        }
        DocumentFormat::Text => {
            render::tell(io, &loaded.reading.sources, &loaded.problems);
            lines.iter().for_each(|line| io.print(&text(line)));
        }
        DocumentFormat::Markdown => io.print(&markdown(&lines, &loaded.reading.sources, &loaded.problems)),
    }
    match has_errors(&loaded.problems) {
        true => Exit::Found,
        false => Exit::Fine,
    }
}

fn lines(loaded: &Loaded, fates: &[(Resource, Adoption)]) -> Vec<Line> {
    let found = |resource: &Resource| {
        let mut all = loaded.reading.found.iter();
        all.find(|found| found.key.as_ref() == Some(&resource.key))
    };
    let mut lines: Vec<Line> = fates
        .iter()
        .map(|(resource, fate)| {
            let found = found(resource);
            Line {
                resource: resource.key.to_string(),
                path: Some(resource.key.path()),
                from: found.map(|found| found.label.clone()).unwrap_or_default(),
                outcome: words(*fate),
                arn: resource.identity.as_ref().map(|identity| identity.arn.clone()),
                // What is there already was adopted before, or written.
                changes: match fate {
                    Adoption::Unchanged => Vec::new(),
                    _ => found.and_then(changed).into_iter().collect(),
                },
                reasons: Vec::new(),
            }
        })
        .collect();
    let refused = loaded.reading.found.iter().filter(|found| found.refused);
    lines.extend(refused.map(|found| {
        Line {
            resource: match &found.key {
                Some(key) => key.to_string(),
                None => format!("{} `{}`", found.kind, found.label),
            },
            path: found.key.as_ref().map(|key| key.path()),
            from: found.label.clone(),
            outcome: "not supported",
            arn: None,
            changes: Vec::new(),
            reasons: found
                .problems
                .iter()
                .filter(|one| one.is_error())
                .map(|one| format!("{} ({})", one.message, one.code))
                .collect(),
        }
    }));
    lines
}

fn words(adoption: Adoption) -> &'static str {
    match adoption {
        Adoption::Adopted => "adopted",
        Adoption::Possible => "to be adopted",
        Adoption::Unchanged => "unchanged",
        Adoption::Conflict => "conflict",
    }
}

/// What the store has otherwise than the input.
fn changed(found: &FoundResource) -> Option<String> {
    let fields = &found.left_out;
    let named: Vec<String> = fields
        .iter()
        .take(NAMED)
        .map(|field| format!("`{}`", field.dotted()))
        .collect();
    let more = match fields.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let one = if fields.len() == 1 {
        "1 value"
    } else {
        &format!("{} values", fields.len())
    };
    (!fields.is_empty()).then(|| {
        format!(
            "left out {one} that hashicorp/aws fills in for what was not set: {}{more}",
            named.join(", ")
        )
    })
}

fn text(line: &Line) -> String {
    let known = line
        .arn
        .as_ref()
        .map(|arn| format!(", as {arn}"))
        .unwrap_or_default();
    let mut text = format!("{}: {}{known}\n", line.outcome, line.resource);
    for note in line.changes.iter().chain(&line.reasons) {
        text.push_str(&format!("  {note}\n"));
    }
    text
}

fn line_json(line: &Line) -> Json {
    json!({
        "resource": line.path,
        "from": line.from,
        "outcome": line.outcome,
        "arn": line.arn,
        "changes": line.changes,
        "reasons": line.reasons,
    })
}

/// A page: the sums first, then what somebody has to look at, then everything.
fn markdown(lines: &[Line], sources: &Sources, problems: &[Diagnostic]) -> String {
    let mut outcomes: Vec<(&str, usize)> = Vec::new();
    for line in lines {
        match outcomes.iter_mut().find(|(name, _)| *name == line.outcome) {
            Some((_, count)) => *count += 1,
            None => outcomes.push((line.outcome, 1)),
        }
    }
    let sums: Vec<String> = outcomes
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let changed = lines.iter().filter(|line| !line.changes.is_empty()).count();
    let sums = match lines.len() {
        0 => "No resource was found.".to_owned(),
        count => format!(
            "{count} resources: {}. Changed on the way: {changed}.",
            sums.join(", ")
        ),
    };
    let mut page = format!("# Adopting\n\n{sums}\n");
    if !problems.is_empty() {
        page.push_str("\n## To look at\n\n");
        for problem in problems {
            let told = help::told(problem, sources.notation(problem));
            let help = told.whole_help().map(|help| match help.split_once('\n') {
                // What to write stands below, as a block of the list's item.
                Some((first, rest)) => format!("; {first}\n\n  ```\n  {}\n  ```", rest.replace('\n', "\n  ")),
                None => format!("; {help}"),
            });
            let word = if problem.is_error() {
                "**error**"
            } else {
                "warning"
            };
            page.push_str(&format!(
                "- {word} {}: {}{}\n",
                problem.code,
                told.message,
                help.unwrap_or_default()
            ));
        }
    }
    page.push_str("\n## Resources\n\n| resource | from | outcome | what differs, and why |\n| --- | --- | --- | --- |\n");
    for line in lines {
        let notes: Vec<&String> = line.changes.iter().chain(&line.reasons).collect();
        let notes: Vec<String> = notes.into_iter().map(|note| cell(note)).collect();
        page.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            cell(&line.resource),
            cell(&line.from),
            line.outcome,
            notes.join("; ")
        ));
    }
    page
}

/// A text within a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
