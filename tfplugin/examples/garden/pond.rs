//! Ponds: every nesting that beds do not have, and what is asked of several attributes together.

use std::path::PathBuf;

use tfplugin::codec::json;
use tfplugin::plan::{RequiresReplaceIfConfigured, UseNonNullStateForUnknown};
use tfplugin::schema::Nesting;
use tfplugin::validate::{self, AtLeastOneOf, ExactlyOneOf};
use tfplugin::{
    Attribute, Context, Create, Delete, Diagnostic, Diagnostics, Failure, NestedBlock, NewState, Number,
    Read, Resource, Schema, Update, Value,
};

use super::Shed;

pub(super) struct Pond;

fn file(cx: &Context, pond: &Value) -> Result<PathBuf, Diagnostic> {
    let name = pond.str("name").unwrap_or_default();
    Ok(cx.data::<Shed>()?.directory.join(format!("{name}.pond")))
}

fn save(cx: &Context, pond: Value) -> Result<NewState, Failure> {
    std::fs::write(file(cx, &pond)?, json::to_string(&pond))
        .map_err(|error| Diagnostic::error("Cannot write", error.to_string()))?;
    Ok(pond.into())
}

/// Sets a part that the plan leaves to the provider.
fn give(object: &mut Value, name: &str, value: impl Into<Value>) {
    if object.get(name).is_unknown() {
        object.set_attr(name, value);
    }
}

fn inside<'v>(pond: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    pond.entries_mut().and_then(|all| all.get_mut(name))
}

/// What is decided about a pond when it is dug or changed. A permit is given to a deep one and never taken back.
fn settle(plan: &Value, prior: &Value) -> Value {
    let mut pond = plan.clone();
    give(
        &mut pond,
        "id",
        format!("pond-{}", plan.str("name").unwrap_or_default()),
    );
    let lining = prior.str("lining").unwrap_or("clay").to_owned();
    give(&mut pond, "lining", lining);
    let revision = prior.get("revision").as_i64().unwrap_or(0) + 1;
    pond.set_attr("revision", revision);
    let deep = plan
        .get("depth")
        .as_number()
        .is_some_and(|depth| *depth >= Number::from(1));
    let permit = deep.then(|| format!("permit-{revision}"));
    give(&mut pond, "permit", permit);
    if let Some(pump) = inside(&mut pond, "pump").filter(|pump| !pump.is_null()) {
        give(pump, "serial", format!("p{revision}"));
    }
    for name in ["ledge", "fish"] {
        let all = inside(&mut pond, name).and_then(Value::items_mut);
        for one in all.into_iter().flatten() {
            give(one, "label", format!("{name}-{revision}"));
        }
    }
    let bridges = inside(&mut pond, "bridge").and_then(Value::entries_mut);
    for (side, bridge) in bridges.into_iter().flatten() {
        give(bridge, "label", format!("{side}-{revision}"));
    }
    if let Some(edge) = inside(&mut pond, "edge") {
        give(edge, "label", format!("edge-{revision}"));
    }
    pond
}

fn label() -> Attribute {
    Attribute::string("label").computed().use_state_for_unknown()
}

#[tfplugin::async_trait]
impl Resource for Pond {
    fn schema(&self) -> Schema {
        let pump = vec![
            Attribute::number("power").required(),
            Attribute::string("serial").computed().use_state_for_unknown(),
        ];
        let ledge = vec![Attribute::number("depth").required(), label()];
        let fish = vec![
            Attribute::string("kind").required(),
            Attribute::number("count").default(1),
            label(),
        ];
        let bridge = NestedBlock::map("bridge")
            .attribute(Attribute::number("length").required())
            .attribute(label());
        let edge = NestedBlock::group("edge")
            .attribute(Attribute::string("stone").optional())
            .attribute(label());
        Schema::new()
            .description("A pond in the garden.")
            .attribute(Attribute::string("id").computed().use_state_for_unknown())
            .attribute(
                Attribute::string("name")
                    .required()
                    .requires_replace()
                    .validate(validate::matches("^[a-z-]+$")),
            )
            .attribute(
                Attribute::string("spring")
                    .optional()
                    .validate(ExactlyOneOf::new(["rain"])),
            )
            .attribute(Attribute::bool("rain").optional())
            .attribute(
                Attribute::number("depth")
                    .optional()
                    .validate(AtLeastOneOf::new(["area"])),
            )
            .attribute(Attribute::number("area").optional())
            .attribute(
                Attribute::string("lining")
                    .optional()
                    .computed()
                    .modify(RequiresReplaceIfConfigured),
            )
            .attribute(
                Attribute::string("permit")
                    .computed()
                    .modify(UseNonNullStateForUnknown),
            )
            .attribute(Attribute::number("revision").computed())
            .attribute(Attribute::nested("pump", Nesting::Single, pump).optional())
            .attribute(Attribute::nested("ledge", Nesting::List, ledge).optional())
            .attribute(Attribute::nested("fish", Nesting::Set, fish).optional())
            .block(bridge)
            .block(edge)
    }

    async fn create(&self, cx: &Context, request: Create) -> Result<NewState, Failure> {
        save(cx, settle(&request.plan, &Value::Null))
    }

    async fn read(&self, cx: &Context, request: Read) -> Result<Option<NewState>, Diagnostics> {
        let Ok(stored) = std::fs::read(file(cx, &request.state)?) else {
            return Ok(None);
        };
        let unreadable = |error: &dyn std::fmt::Display| Diagnostic::error("Cannot read", error.to_string());
        let pond = json::parse(&stored).map_err(|error| unreadable(&error))?;
        Ok(Some(pond.into()))
    }

    async fn update(&self, cx: &Context, request: Update) -> Result<NewState, Failure> {
        save(cx, settle(&request.plan, &request.prior))
    }

    async fn delete(&self, cx: &Context, request: Delete) -> Result<Diagnostics, Failure> {
        let _ = std::fs::remove_file(file(cx, &request.state)?);
        Ok(Diagnostics::new())
    }
}
