//! What an apply has to say.

use super::plan::{ApplyStep, Todo};
use super::{ApplyReport, Arguments};
use crate::commands::load::Loaded;
use crate::exit::Exit;
use crate::io::Io;
use crate::render::{self, Count, Format};
use meshform_model::diag::has_errors;
use serde_json::{Value as Json, json};

pub(super) fn report(
    arguments: &Arguments,
    io: &mut Io,
    loaded: &Loaded,
    done: Option<&ApplyReport>,
) -> Exit {
    // Where nothing was looked at, nobody knows what would be written.
    let nothing = ApplyReport::default();
    let (done, is_known) = (done.unwrap_or(&nothing), done.is_some());
    let mut problems = loaded.problems.clone();
    // The releaser knows records alone; what they were written from has places.
    for problem in loaded.placed(done.releases.problems.clone()) {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    match arguments.format.format {
        Format::Json => {
            let count = Count::of(&problems);
            let report = json!({
                "errors": count.errors,
                "warnings": count.warnings,
                "problems": render::problems_json(&loaded.reading.sources, &problems),
                "resources": done.steps.iter().map(|step| step_json(step, !done.wrote)).collect::<Vec<_>>(),
                "left": done.left.iter().map(|key| key.path()).collect::<Vec<_>>(),
                "meshes": done.releases.json,
            });
            io.print(&format!("{report:#}\n"));
        }
        Format::Text => {
            render::tell(io, &loaded.reading.sources, &problems);
            for step in &done.steps {
                lines(step, !done.wrote, io);
            }
            for key in &done.left {
                io.print(&format!(
                    "left: {key}, which is not in the input; `--prune` deletes it\n"
                ));
            }
            for line in &done.releases.lines {
                io.print(&format!("{line}\n"));
            }
            match is_known {
                true => io.print(&sum(done, !done.wrote)),
                false => io.print("nothing was written\n"),
            }
        }
    }
    match has_errors(&problems) {
        true => Exit::Found,
        false => Exit::Fine,
    }
}

/// `Create` as it was done, or would be.
fn outcome(todo: &Todo, dry_run: bool) -> &'static str {
    match (todo, dry_run) {
        (Todo::Create, false) => "created",
        (Todo::Create, true) => "to be created",
        (Todo::Update(_), false) => "updated",
        (Todo::Update(_), true) => "to be updated",
        (Todo::Delete, false) => "deleted",
        (Todo::Delete, true) => "to be deleted",
        (Todo::Keep, _) => "unchanged",
        (Todo::Refused, _) => "refused",
        (Todo::Failed, _) => "failed",
    }
}

fn lines(step: &ApplyStep, dry_run: bool, io: &mut Io) {
    // What stays as it is is no news.
    if step.todo == Todo::Keep {
        return;
    }
    io.print(&format!("{}: {}\n", outcome(&step.todo, dry_run), step.key));
    if let Todo::Update(fields) = &step.todo {
        for field in fields {
            io.print(&format!("  {field}\n"));
        }
    }
}

fn step_json(step: &ApplyStep, dry_run: bool) -> Json {
    let fields = match &step.todo {
        Todo::Update(fields) => fields.as_slice(),
        _ => &[],
    };
    json!({
        "resource": step.key.path(),
        "outcome": outcome(&step.todo, dry_run),
        "fields": fields.iter().map(|field| json!({"path": field.path, "change": field.to_string()})).collect::<Vec<_>>(),
    })
}

fn sum(done: &ApplyReport, dry_run: bool) -> String {
    let count = |wanted: &str| {
        let steps = done.steps.iter();
        steps.filter(|step| outcome(&step.todo, false) == wanted).count()
    };
    let parts = ["created", "updated", "deleted", "unchanged", "refused", "failed"];
    let parts = parts.into_iter().map(|name| (name, count(name)));
    let parts: Vec<String> = parts
        .filter(|(name, count)| *count > 0 || ["created", "updated", "deleted"].contains(name))
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    match dry_run {
        true => format!("nothing was written, which would be: {}\n", parts.join(", ")),
        false => format!("{}\n", parts.join(", ")),
    }
}
