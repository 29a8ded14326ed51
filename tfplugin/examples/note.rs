//! A provider of one resource: notes, each a file.
use std::sync::Arc;
use tfplugin::{Attribute, Context, Create, Delete, Diagnostic, Diagnostics, Failure, Import, NewState};
use tfplugin::{Provider, Read, Registry, Resource, Schema, Update, Value, validate::length};

struct Notes;
struct Note;

impl Provider for Notes {
    fn register(&self, registry: &mut Registry) {
        registry.resource("note_file", Arc::new(Note));
    }
}

fn write(plan: Value) -> Result<NewState, Failure> {
    let path = plan.str("path").unwrap_or_default().to_owned();
    let failed =
        |error: std::io::Error| Diagnostic::error("Cannot write the note", error.to_string()).at("path");
    std::fs::write(&path, plan.str("text").unwrap_or_default())
        .map_err(|error| Failure::nothing_done(failed(error)))?;
    Ok(plan.with("id", path).into())
}

#[tfplugin::async_trait]
impl Resource for Note {
    fn schema(&self) -> Schema {
        Schema::new()
            .attribute(Attribute::string("id").computed().use_state_for_unknown())
            .attribute(
                Attribute::string("path")
                    .required()
                    .requires_replace()
                    .validate(length(1..)),
            )
            .attribute(Attribute::string("text").default(""))
    }
    async fn create(&self, _: &Context, request: Create) -> Result<NewState, Failure> {
        write(request.plan)
    }
    async fn read(&self, _: &Context, request: Read) -> Result<Option<NewState>, Diagnostics> {
        let text = std::fs::read_to_string(request.state.str("id").unwrap_or_default());
        Ok(text.ok().map(|text| request.state.with("text", text).into()))
    }
    async fn update(&self, _: &Context, request: Update) -> Result<NewState, Failure> {
        write(request.plan)
    }
    async fn delete(&self, _: &Context, request: Delete) -> Result<Diagnostics, Failure> {
        let _ = std::fs::remove_file(request.state.str("id").unwrap_or_default());
        Ok(Diagnostics::new())
    }
    async fn import(&self, _: &Context, request: Import) -> Result<NewState, Diagnostics> {
        let path = request.id_or(|_| None)?;
        Ok(Value::object([("id", Value::from(&path)), ("path", path.into())]).into())
    }
}

fn main() -> std::process::ExitCode {
    tfplugin::serve("registry.terraform.io/acme/note", Notes)
}
