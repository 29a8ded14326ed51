//! A provider that uses everything: beds and what grows in them, and ponds, kept as JSON files in a directory.

mod pond;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tfplugin::codec::json;
use tfplugin::plan::{RequiresReplaceIf, modifier};
use tfplugin::resource::{Plan, PlanRequest};
use tfplugin::schema::{IdentityAttribute, IdentitySchema, Nesting};
use tfplugin::validate::{self, AlsoRequires, ConflictsWith};
use tfplugin::{
    Attribute, Configured, Context, Create, DataSource, Delete, Diagnostic, Diagnostics, Failure, Function,
    FunctionError, Import, ListRequest, ListResource, ListSink, Listed, MoveFrom, NestedBlock, NewState,
    Parameter, Path, Provider, Read, ReadData, Registry, Resource, Schema, Signature, StoredState, Type,
    Update, Value, timeouts,
};

struct Garden;
struct Bed;
struct BedData;
struct Mix;

/// What configuring the provider leads to.
struct Shed {
    directory: PathBuf,
}

impl Shed {
    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.json"))
    }

    fn load(&self, name: &str) -> Option<Value> {
        json::parse(&std::fs::read(self.file(name)).ok()?).ok()
    }

    fn save(&self, value: &Value) -> Result<(), Diagnostic> {
        let name = value.str("name").unwrap_or_default();
        std::fs::write(self.file(name), json::to_string(value))
            .map_err(|error| Diagnostic::error("Cannot write", error.to_string()))
    }
}

#[tfplugin::async_trait]
impl Provider for Garden {
    fn register(&self, registry: &mut Registry) {
        let bed = Arc::new(Bed);
        registry
            .resource("garden_bed", bed.clone())
            .resource("old_garden_bed", bed.clone())
            .resource("garden_pond", Arc::new(pond::Pond));
        registry.data_source("garden_bed", Arc::new(BedData));
        registry
            .list_resource("garden_bed", bed)
            .function("mix", Arc::new(Mix));
    }

    fn schema(&self) -> Schema {
        let directory = Attribute::string("directory")
            .required()
            .validate(validate::length(1..));
        Schema::new().attribute(directory.description("Where the beds and ponds are kept."))
    }

    fn meta_schema(&self) -> Option<Schema> {
        let gardener = Attribute::string("gardener").optional();
        Some(Schema::new().attribute(gardener.description("Who works in the beds of this module.")))
    }

    async fn configure(&self, _: &Context, config: Value) -> Result<Configured, Diagnostics> {
        let Some(directory) = config.str("directory").map(PathBuf::from) else {
            // Not known yet: what needs it will say so.
            return Ok(Configured::default());
        };
        std::fs::create_dir_all(&directory)
            .map_err(|error| Diagnostic::error("No such place", error.to_string()).at("directory"))?;
        Ok(Configured::with(Arc::new(Shed { directory })))
    }

    async fn shutdown(&self) {
        tracing::debug!("the garden is closed");
    }
}

fn seeds() -> Attribute {
    let inner = vec![
        Attribute::string("kind").required(),
        Attribute::number("count").default(1),
        Attribute::string("batch").computed().use_state_for_unknown(),
    ];
    Attribute::nested("seeds", Nesting::Map, inner).optional()
}

/// What the garden itself decides about a bed.
fn settle(plan: &Value, prior: &Value) -> Value {
    let mut bed = plan.clone();
    let name = plan.str("name").unwrap_or_default().to_owned();
    if bed.get("id").is_unknown() {
        bed.set_attr("id", format!("bed-{name}"));
    }
    let revision = prior.get("revision").as_i64().unwrap_or(0) + 1;
    bed.set_attr("revision", revision);
    if bed.get("tools").is_unknown() {
        bed.set_attr("tools", Value::set(["spade"]));
    }
    for row in bed
        .entries_mut()
        .and_then(|all| all.get_mut("row"))
        .and_then(Value::items_mut)
        .into_iter()
        .flatten()
    {
        if row.get("label").is_unknown() {
            row.set_attr(
                "label",
                format!("{}/{}", name, row.str("plant").unwrap_or_default()),
            );
        }
    }
    let seeds = bed
        .entries_mut()
        .and_then(|all| all.get_mut("seeds"))
        .and_then(Value::entries_mut);
    for (key, seed) in seeds.into_iter().flatten() {
        if seed.get("batch").is_unknown() {
            seed.set_attr("batch", format!("{key}-1"));
        }
    }
    bed
}

#[tfplugin::async_trait]
impl Resource for Bed {
    fn schema(&self) -> Schema {
        let row = NestedBlock::list("row")
            .unordered_by(["plant"])
            .attribute(Attribute::string("plant").required())
            .attribute(
                Attribute::number("spacing")
                    .optional()
                    .validate(validate::between(1, 200)),
            )
            .attribute(Attribute::string("label").computed().use_state_for_unknown());
        let fence = NestedBlock::list("fence")
            .max_items(1)
            .attribute(Attribute::number("height").required())
            .block(NestedBlock::set("gate").attribute(Attribute::string("side").required()));
        Schema::new()
            .version(2)
            .description("A bed in the garden.")
            .attribute(Attribute::string("id").computed().use_state_for_unknown())
            .attribute(
                Attribute::string("name")
                    .required()
                    .requires_replace()
                    .validate(validate::matches("^[a-z-]+$")),
            )
            .attribute(
                Attribute::number("area")
                    .optional()
                    .modify(RequiresReplaceIf(|field, planned| {
                        // A bed can be made larger where it is.
                        field
                            .prior
                            .and_then(Value::as_number)
                            .zip(planned.as_number())
                            .is_some_and(|(old, new)| new < old)
                    })),
            )
            .attribute(
                Attribute::string("soil")
                    .default("loam")
                    .validate(validate::one_of(["loam", "sand", "clay"])),
            )
            .attribute(
                Attribute::string_set("tools")
                    .optional()
                    .computed()
                    .use_state_for_unknown(),
            )
            .attribute(Attribute::string_map("tags").optional())
            .attribute(Attribute::new("anything", Type::Dynamic).optional())
            .attribute(Attribute::string("secret").optional().sensitive())
            .attribute(
                Attribute::string("key_wo")
                    .optional()
                    .write_only()
                    .validate(AlsoRequires::new(["key_wo_version"])),
            )
            .attribute(Attribute::number("key_wo_version").optional())
            .attribute(
                Attribute::bool("sunny")
                    .optional()
                    .validate(ConflictsWith::new(["shady"])),
            )
            .attribute(
                Attribute::bool("shady")
                    .optional()
                    .deprecated("Use `sunny = false`."),
            )
            .attribute(
                Attribute::number("revision")
                    .computed()
                    .modify(modifier("counts", |_, _| {})),
            )
            .attribute(Attribute::string("gardener").computed().use_state_for_unknown())
            .attribute(seeds())
            .block(row)
            .block(fence)
            .block(timeouts::block(["create", "delete"]))
    }

    fn identity(&self) -> Option<IdentitySchema> {
        Some(IdentitySchema::new().attribute(IdentityAttribute::required("name", Type::String)))
    }

    async fn validate(&self, _: &Context, config: &Value, found: &mut Diagnostics) {
        if config.get("soil").as_str() == Some("clay") && config.get("sunny").as_bool() == Some(true) {
            found.warn("soil", "Clay dries out", "Clay in the sun becomes hard.");
        }
        for (index, row) in config.get("row").items().iter().enumerate() {
            if row.str("plant") == Some("mint") {
                let path = Path::root().attr("row").index(index).attr("plant");
                found.error(path, "Mint spreads", "Mint takes over every bed: use a pot.");
            }
        }
    }

    async fn modify_plan(&self, cx: &Context, request: &PlanRequest, plan: &mut Plan) {
        if request.is_destroy() && request.prior.get("tags").str("keep").is_some() {
            plan.diagnostics.push(Diagnostic::error(
                "Bed is kept",
                "The tag `keep` forbids to remove it.",
            ));
        }
        plan.private.set("planned_by", cx.type_name());
    }

    #[allow(clippy::panic)] // one of the things that tests ask for
    async fn create(&self, cx: &Context, request: Create) -> Result<NewState, Failure> {
        let shed = cx.data::<Shed>().map_err(Failure::nothing_done)?;
        let name = request.plan.str("name").unwrap_or_default();
        if shed.file(name).exists() {
            let taken = Diagnostic::error("Bed exists", format!("There is a bed named `{name}` already."));
            return Err(Failure::nothing_done(taken.at("name")));
        }
        let mut bed = settle(&request.plan, &Value::Null);
        bed.set_attr("gardener", request.meta.get("gardener").clone());
        match request.plan.get("tags").str("test") {
            // What it says goes to who asked, and not into the log.
            Some("panic") => panic!(
                "a slug ate {:?} and {:?}",
                request.config.get("secret"),
                request.config.get("key_wo")
            ),
            Some("fail") => {
                shed.save(&bed)?;
                return Err(Diagnostic::error("Frost", "The seedlings died.").into());
            }
            Some("wrong") => return Ok(bed.with("soil", "sand").into()),
            Some("slow") => {
                let limit = timeouts::of(&request.config, "create", Duration::from_secs(60));
                shed.save(&bed)?;
                let waited = cx
                    .within(limit, tokio::time::sleep(Duration::from_secs(300)))
                    .await;
                waited.map_err(|why| Failure::partial(bed.clone(), why))?;
            }
            _ => {}
        }
        shed.save(&bed.clone().with(
            "planned_by",
            request.private.str("planned_by").unwrap_or_default(),
        ))?;
        if let Some(key) = request.config.str("key_wo") {
            return Ok(NewState::new(bed).private("key_length", key.len()));
        }
        Ok(bed.into())
    }

    async fn read(&self, cx: &Context, request: Read) -> Result<Option<NewState>, Diagnostics> {
        let shed = cx.data::<Shed>()?;
        let Some(mut stored) = shed.load(request.state.str("name").unwrap_or_default()) else {
            return Ok(None);
        };
        if let Some(all) = stored.entries_mut() {
            all.remove("planned_by");
        }
        // What the garden's files do not say with a type is taken from the state.
        stored.set_attr("anything", request.state.get("anything").clone());
        Ok(Some(stored.into()))
    }

    async fn update(&self, cx: &Context, request: Update) -> Result<NewState, Failure> {
        let shed = cx.data::<Shed>()?;
        let bed = settle(&request.plan, &request.prior);
        match request.plan.get("tags").str("test") {
            Some("fail") => return Err(Diagnostic::error("Drought", "Nothing was changed.").into()),
            Some("half") => {
                let area = bed.get("area").clone();
                let half = request.prior.with("area", area);
                shed.save(&half)?;
                let why = Diagnostic::error("Rain", "Only the area was changed.");
                return Err(Failure::partial(half, why));
            }
            _ => shed.save(&bed)?,
        }
        Ok(bed.into())
    }

    async fn delete(&self, cx: &Context, request: Delete) -> Result<Diagnostics, Failure> {
        let _ = std::fs::remove_file(
            cx.data::<Shed>()?
                .file(request.state.str("name").unwrap_or_default()),
        );
        Ok(Diagnostics::new())
    }

    async fn import(&self, _: &Context, request: Import) -> Result<NewState, Diagnostics> {
        let name = request.id_or(|identity| identity.str("name").map(str::to_owned))?;
        Ok(Value::object([("name", Value::from(name))]).into())
    }

    async fn upgrade(&self, _: &Context, request: StoredState) -> Result<Value, Diagnostics> {
        // Version 1 called the area `size`.
        let size = request.state.get("size").clone();
        Ok(request.state.with("area", size))
    }

    async fn move_from(&self, _: &Context, source: &MoveFrom) -> Result<Option<NewState>, Diagnostics> {
        let ours = source.is("acme", "garden", "old_garden_bed") || source.is("acme", "park", "park_bed");
        Ok(ours.then(|| NewState::new(source.state.clone()).private("from", source.type_name.as_str())))
    }
}

#[tfplugin::async_trait]
impl DataSource for BedData {
    fn schema(&self) -> Schema {
        let name = Attribute::string("name").required();
        Schema::new()
            .attribute(name)
            .attribute(Attribute::string("soil").computed())
    }

    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics> {
        let name = request.config.str("name").unwrap_or_default();
        let missing =
            || Diagnostic::error("No such bed", format!("There is no bed named `{name}`.")).at("name");
        let bed = cx.data::<Shed>()?.load(name).ok_or_else(missing)?;
        Ok(request.config.clone().with("soil", bed.get("soil").clone()))
    }
}

#[tfplugin::async_trait]
impl ListResource for Bed {
    fn schema(&self) -> Schema {
        Schema::new().attribute(Attribute::string("prefix").optional())
    }

    async fn list(
        &self,
        cx: &Context,
        request: ListRequest,
        found: &mut ListSink,
    ) -> Result<(), Diagnostics> {
        let shed = cx.data::<Shed>()?;
        let files = std::fs::read_dir(&shed.directory).into_iter().flatten().flatten();
        let mut names: Vec<String> = files
            .filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".json")?.to_owned()))
            .collect();
        names.sort();
        let prefix = request.config.str("prefix").unwrap_or_default();
        for name in names.iter().filter(|name| name.starts_with(prefix)) {
            let identity = Value::object([("name", Value::from(name))]);
            let mut state = shed.load(name).unwrap_or_default();
            if let Some(all) = state.entries_mut() {
                all.remove("planned_by");
            }
            if !found
                .push(Listed::new(identity, format!("bed {name}")).state(state))
                .await
            {
                break;
            }
        }
        Ok(())
    }
}

#[tfplugin::async_trait]
impl Function for Mix {
    fn signature(&self) -> Signature {
        Signature::returning(Type::String)
            .summary("Names a mixture")
            .parameter(Parameter::new("first", Type::String))
            .variadic(Parameter::new("more", Type::String))
    }

    async fn call(&self, _: &Context, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let parts: Vec<&str> = arguments.iter().filter_map(Value::as_str).collect();
        match parts.iter().position(|part| part.is_empty()) {
            Some(index) => Err(FunctionError::argument(index, "must not be empty")),
            None => Ok(parts.join("-").into()),
        }
    }
}

fn main() -> std::process::ExitCode {
    tfplugin::serve("registry.terraform.io/acme/garden", Garden)
}
