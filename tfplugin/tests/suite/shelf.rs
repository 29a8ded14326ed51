//! A provider in the same process, small and with a bit of everything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tfplugin::schema::{IdentityAttribute, IdentitySchema};
use tfplugin::validate::one_of;
use tfplugin::{
    Attribute, Configured, Context, Create, DataSource, Delete, Diagnostic, Diagnostics, Failure, Function,
    FunctionError, Import, ListRequest, ListResource, ListSink, Listed, MoveFrom, NewState, Parameter,
    Provider, Read, ReadData, Registry, Resource, Schema, Signature, StoredState, Type, Update, Value,
};

/// Books by their titles.
#[derive(Default)]
pub(crate) struct Shelf {
    book: Arc<Book>,
}

#[derive(Default)]
struct Book {
    all: Mutex<BTreeMap<String, Value>>,
}

struct Lookup;
struct Shout;

#[tfplugin::async_trait]
impl Provider for Shelf {
    fn register(&self, registry: &mut Registry) {
        registry
            .resource("shelf_book", self.book.clone())
            .list_resource("shelf_book", self.book.clone())
            .data_source("shelf_book", Arc::new(Lookup))
            .function("shout", Arc::new(Shout));
    }

    fn schema(&self) -> Schema {
        Schema::new().attribute(
            Attribute::string("room")
                .optional()
                .validate(one_of(["attic", "hall"])),
        )
    }

    async fn configure(&self, _: &Context, config: Value) -> Result<Configured, Diagnostics> {
        if config.str("room") == Some("attic") {
            return Err(Diagnostic::error("Locked", "The attic is locked.")
                .at("room")
                .into());
        }
        Ok(Configured::with(Arc::clone(&self.book)))
    }
}

fn title(value: &Value) -> String {
    value.str("title").unwrap_or_default().to_owned()
}

impl Book {
    fn put(&self, book: &Value) {
        self.all.lock().unwrap().insert(title(book), book.clone());
    }
}

#[tfplugin::async_trait]
impl Resource for Book {
    fn schema(&self) -> Schema {
        Schema::new()
            .version(1)
            .attribute(Attribute::string("id").computed().use_state_for_unknown())
            .attribute(Attribute::string("title").required().requires_replace())
            .attribute(
                Attribute::number("pages")
                    .optional()
                    .validate(tfplugin::validate::between(1, 9999)),
            )
    }

    fn identity(&self) -> Option<IdentitySchema> {
        let title = IdentityAttribute::required("title", Type::String);
        Some(IdentitySchema::new().version(2).attribute(title))
    }

    async fn create(&self, cx: &Context, request: Create) -> Result<NewState, Failure> {
        let id = format!("book-{}", title(&request.plan));
        let book = request.plan.with("id", id);
        self.put(&book);
        if book.str("title") == Some("long") {
            cx.within(Duration::from_secs(60), std::future::pending::<()>())
                .await?;
        }
        Ok(book.into())
    }

    async fn read(&self, _: &Context, request: Read) -> Result<Option<NewState>, Diagnostics> {
        let found = self.all.lock().unwrap().get(&title(&request.state)).cloned();
        Ok(found.map(NewState::new))
    }

    async fn update(&self, _: &Context, request: Update) -> Result<NewState, Failure> {
        self.put(&request.plan);
        Ok(request.plan.into())
    }

    async fn delete(&self, _: &Context, request: Delete) -> Result<Diagnostics, Failure> {
        let title = title(&request.state);
        let told = match title.as_str() {
            "chained" => return Ok(Diagnostic::error("Chained", "It stays.").into()),
            "lent" => Diagnostic::warning("Lent", "Somebody still has it.").into(),
            _ => Diagnostics::new(),
        };
        self.all.lock().unwrap().remove(&title);
        Ok(told)
    }

    async fn import(&self, _: &Context, request: Import) -> Result<NewState, Diagnostics> {
        let title = request.id_or(|identity| identity.str("title").map(str::to_owned))?;
        Ok(Value::object([("title", Value::from(title))]).into())
    }

    async fn upgrade(&self, _: &Context, request: StoredState) -> Result<Value, Diagnostics> {
        // Version 0 called the title `name`.
        let title = request.state.get("name").clone();
        Ok(request.state.with("title", title))
    }

    async fn upgrade_identity(&self, _: &Context, request: StoredState) -> Result<Value, Diagnostics> {
        // Version 1 had a number in front.
        let old = request.state.str("title").unwrap_or_default();
        let title = old.split_once(':').map_or(old, |(_, title)| title);
        Ok(Value::object([("title", Value::from(title))]))
    }

    async fn move_from(&self, _: &Context, source: &MoveFrom) -> Result<Option<NewState>, Diagnostics> {
        let ours = source.is("acme", "shelf", "shelf_magazine");
        Ok(ours.then(|| NewState::new(source.state.clone())))
    }
}

#[tfplugin::async_trait]
impl ListResource for Book {
    fn schema(&self) -> Schema {
        Schema::new().attribute(
            Attribute::string("room")
                .optional()
                .validate(one_of(["attic", "hall"])),
        )
    }

    async fn list(&self, _: &Context, _: ListRequest, found: &mut ListSink) -> Result<(), Diagnostics> {
        let all = self.all.lock().unwrap().clone();
        for (title, book) in all {
            let identity = Value::object([("title", Value::from(&title))]);
            if !found.push(Listed::new(identity, title).state(book)).await {
                break;
            }
        }
        Ok(())
    }
}

#[tfplugin::async_trait]
impl DataSource for Lookup {
    fn schema(&self) -> Schema {
        Schema::new()
            .attribute(
                Attribute::string("title")
                    .required()
                    .validate(tfplugin::validate::length(1..)),
            )
            .attribute(Attribute::string("id").computed())
    }

    async fn read(&self, cx: &Context, request: ReadData) -> Result<Value, Diagnostics> {
        let books = cx.data::<Book>()?;
        let found = books.all.lock().unwrap().get(&title(&request.config)).cloned();
        let found = found.ok_or_else(|| Diagnostic::error("No such book", "It is not there.").at("title"))?;
        Ok(request.config.clone().with("id", found.get("id").clone()))
    }
}

#[tfplugin::async_trait]
impl Function for Shout {
    fn signature(&self) -> Signature {
        Signature::returning(Type::String).parameter(Parameter::new("text", Type::String))
    }

    async fn call(&self, _: &Context, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let text = arguments[0].as_str().unwrap_or_default();
        if text.is_empty() {
            return Err(FunctionError::argument(0, "nothing to shout"));
        }
        Ok(text.to_uppercase().into())
    }
}
