//! The garden as it was a version ago, when the area of a bed was called its size: states that it wrote are what
//! `garden` must still understand.

use std::path::PathBuf;
use std::sync::Arc;

use tfplugin::codec::json;
use tfplugin::{
    Attribute, Configured, Context, Create, Delete, Diagnostic, Diagnostics, Failure, NewState, Provider,
    Read, Registry, Resource, Schema, Value,
};

struct Garden;
struct Bed;

fn file(cx: &Context, bed: &Value) -> Result<PathBuf, Diagnostic> {
    let name = bed.str("name").unwrap_or_default();
    Ok(cx.data::<PathBuf>()?.join(format!("{name}.json")))
}

#[tfplugin::async_trait]
impl Provider for Garden {
    fn register(&self, registry: &mut Registry) {
        registry.resource("garden_bed", Arc::new(Bed));
    }

    fn schema(&self) -> Schema {
        Schema::new().attribute(Attribute::string("directory").required())
    }

    async fn configure(&self, _: &Context, config: Value) -> Result<Configured, Diagnostics> {
        let directory = PathBuf::from(config.str("directory").unwrap_or_default());
        std::fs::create_dir_all(&directory)
            .map_err(|error| Diagnostic::error("No such place", error.to_string()).at("directory"))?;
        Ok(Configured::with(Arc::new(directory)))
    }
}

#[tfplugin::async_trait]
impl Resource for Bed {
    fn schema(&self) -> Schema {
        Schema::new()
            .version(1)
            .attribute(Attribute::string("id").computed())
            .attribute(Attribute::string("name").required().requires_replace())
            .attribute(Attribute::number("size").required().requires_replace())
    }

    async fn create(&self, cx: &Context, request: Create) -> Result<NewState, Failure> {
        let id = format!("bed-{}", request.plan.str("name").unwrap_or_default());
        let bed = request.plan.with("id", id);
        // The garden itself has always called it the area.
        let stored = Value::object([
            ("name", bed.get("name").clone()),
            ("id", bed.get("id").clone()),
            ("area", bed.get("size").clone()),
            ("soil", "loam".into()),
            ("revision", 1.into()),
            ("tools", Value::set(["spade"])),
        ]);
        std::fs::write(file(cx, &bed)?, json::to_string(&stored))
            .map_err(|error| Diagnostic::error("Cannot write", error.to_string()))?;
        Ok(bed.into())
    }

    async fn read(&self, cx: &Context, request: Read) -> Result<Option<NewState>, Diagnostics> {
        let there = file(cx, &request.state)?.exists();
        Ok(there.then(|| request.state.into()))
    }

    async fn delete(&self, cx: &Context, request: Delete) -> Result<Diagnostics, Failure> {
        let _ = std::fs::remove_file(file(cx, &request.state)?);
        Ok(Diagnostics::new())
    }
}

fn main() -> std::process::ExitCode {
    tfplugin::serve("registry.terraform.io/acme/garden", Garden)
}
