//! Every call of the protocol, in the same process. The calls are read from the protocol's definition: one without a
//! test of its name here fails, as does a test that does not make its call.

use std::pin::Pin;
use std::time::Duration;

use tfplugin::testing::{Action, Client, Error, Protocol, messages as pb};
use tfplugin::{Diagnostics, Value};
use tonic::{Code, Response, Status};

use super::shelf::Shelf;

type Test = fn(Client) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! tests {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), |client| Box::pin($name(client)))),*] };
}

const TESTS: &[(&str, Test)] = tests![
    get_metadata,
    get_provider_schema,
    get_resource_identity_schemas,
    get_functions,
    validate_provider_config,
    configure_provider,
    validate_resource_config,
    validate_data_resource_config,
    validate_list_resource_config,
    upgrade_resource_state,
    upgrade_resource_identity,
    read_resource,
    plan_resource_change,
    apply_resource_change,
    import_resource_state,
    move_resource_state,
    generate_resource_config,
    read_data_source,
    list_resource,
    call_function,
    stop_provider,
    validate_ephemeral_resource_config,
    open_ephemeral_resource,
    renew_ephemeral_resource,
    close_ephemeral_resource,
    validate_state_store_config,
    configure_state_store,
    read_state_bytes,
    write_state_bytes,
    lock_state,
    unlock_state,
    get_states,
    delete_state,
    validate_action_config,
    plan_action,
    invoke_action,
];

/// `GetMetadata` as `get_metadata`.
fn snake(call: &str) -> String {
    let mut name = String::new();
    for letter in call.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

fn calls() -> Vec<&'static str> {
    include_str!("../../proto/tfplugin6.proto")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_the_protocol_has_a_test_that_makes_it() {
    let calls = calls();
    assert_eq!(calls.len(), 36, "calls of 6.11");
    for call in &calls {
        let name = snake(call);
        let (_, test) = TESTS
            .iter()
            .find(|(test, _)| *test == name)
            .unwrap_or_else(|| panic!("`{call}` has no test: write `{name}`"));
        let client = Client::in_process(Shelf::default()).await.unwrap();
        test(client.clone()).await;
        assert!(
            client.calls().contains_key(*call),
            "`{name}` does not call {call}"
        );
    }
    assert_eq!(
        TESTS.len(),
        calls.len(),
        "a test of something that is not in the protocol"
    );
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Diagnostics {
    match outcome {
        Err(Error::Refused(found)) => found,
        other => panic!("not refused: {other:?}"),
    }
}

fn at(found: &Diagnostics, path: &str) {
    assert!(
        found.iter().any(|one| one.path.to_string() == path),
        "{path}: {found}"
    );
}

fn book(title: &str) -> Value {
    Value::object([("title", Value::from(title))])
}

fn room(room: &str) -> Value {
    Value::object([("room", Value::from(room))])
}

async fn get_metadata(client: Client) {
    let answer = client.protocol().get_metadata(pb::get_metadata::Request {}).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.resources[0].type_name, "shelf_book");
    assert_eq!(answer.data_sources[0].type_name, "shelf_book");
    assert_eq!(answer.list_resources[0].type_name, "shelf_book");
    assert_eq!(answer.functions[0].name, "shout");
    assert!(answer.actions.is_empty() && answer.state_stores.is_empty());
    assert!(answer.ephemeral_resources.is_empty() && answer.diagnostics.is_empty());
    assert!(answer.server_capabilities.unwrap().get_provider_schema_optional);
}

async fn get_provider_schema(client: Client) {
    let request = pb::get_provider_schema::Request {};
    let answer = client
        .protocol()
        .get_provider_schema(request)
        .await
        .unwrap()
        .into_inner();
    assert!(answer.provider.is_some() && answer.diagnostics.is_empty());
    assert_eq!(answer.resource_schemas["shelf_book"].version, 1);
    assert!(answer.data_source_schemas.contains_key("shelf_book"));
    assert!(answer.list_resource_schemas.contains_key("shelf_book"));
    assert!(answer.functions.contains_key("shout"));
    assert!(answer.ephemeral_resource_schemas.is_empty() && answer.action_schemas.is_empty());
    assert!(answer.state_store_schemas.is_empty() && answer.provider_meta.is_none());
}

async fn get_resource_identity_schemas(client: Client) {
    let request = pb::get_resource_identity_schemas::Request {};
    let answer = client.protocol().get_resource_identity_schemas(request).await;
    let schema = &answer.unwrap().into_inner().identity_schemas["shelf_book"];
    assert_eq!(schema.version, 2);
    assert!(schema.identity_attributes[0].required_for_import);
}

async fn get_functions(client: Client) {
    let answer = client
        .protocol()
        .get_functions(pb::get_functions::Request {})
        .await;
    let functions = answer.unwrap().into_inner().functions;
    assert_eq!(functions["shout"].parameters[0].name, "text");
}

async fn validate_provider_config(client: Client) {
    at(&refused(client.configure(room("cellar")).await), "room");
}

async fn configure_provider(client: Client) {
    let found = refused(client.configure(room("attic")).await);
    assert!(found.to_string().contains("The attic is locked."), "{found}");
    client.configure(room("hall")).await.unwrap();
}

async fn validate_resource_config(client: Client) {
    let one = client.resource("shelf_book").await.unwrap();
    at(&refused(one.validate(&book("a").with("pages", 0)).await), "pages");
    assert!(
        one.validate(&book("a").with("pages", Value::UNKNOWN))
            .await
            .unwrap()
            .is_empty()
    );
}

async fn validate_data_resource_config(client: Client) {
    at(&refused(client.read_data("shelf_book", book("")).await), "title");
}

async fn validate_list_resource_config(client: Client) {
    at(
        &refused(client.list("shelf_book", room("cellar"), false, 0).await),
        "room",
    );
    assert!(
        !client.calls().contains_key("ListResource"),
        "a wrong list is not run"
    );
}

async fn upgrade_resource_state(client: Client) {
    let one = client.resource("shelf_book").await.unwrap();
    let old = one.upgrade(0, br#"{"name": "a", "pages": 1e2}"#).await.unwrap();
    assert_eq!(
        (old.str("title"), old.get("pages").as_i64()),
        (Some("a"), Some(100))
    );
    let same = one
        .upgrade(1, br#"{"title": "a", "colour": "red"}"#)
        .await
        .unwrap();
    assert_eq!(same.str("title"), Some("a"));
    at(
        &refused(one.upgrade(1, br#"{"title": "a", "pages": "many"}"#).await),
        "pages",
    );
}

async fn upgrade_resource_identity(client: Client) {
    let one = client.resource("shelf_book").await.unwrap();
    let identity = one.upgrade_identity(1, br#"{"title": "17:a"}"#).await.unwrap();
    assert_eq!(identity, book("a"));
    assert_eq!(
        one.upgrade_identity(2, br#"{"title": "17:a"}"#).await.unwrap(),
        book("17:a")
    );
    refused(one.upgrade_identity(2, b"[").await);
}

async fn read_resource(client: Client) {
    let mut one = client.resource("shelf_book").await.unwrap();
    one.apply(&book("a")).await.unwrap();
    assert_eq!(one.refresh().await.unwrap().str("id"), Some("book-a"));
    assert_eq!(one.stored().identity, Some(book("a")));
    let mut other = one.clone();
    other.apply(&Value::Null).await.unwrap();
    assert!(one.refresh().await.unwrap().is_null(), "it is gone");
}

async fn plan_resource_change(client: Client) {
    let mut one = client.resource("shelf_book").await.unwrap();
    assert!(one.plan(&book("a")).await.unwrap().state.get("id").is_unknown());
    one.apply(&book("a")).await.unwrap();
    assert_eq!(
        one.plan(&book("a").with("pages", 3)).await.unwrap().action,
        Action::Update
    );
    assert_eq!(
        one.plan(&book("b")).await.unwrap().requires_replace,
        ["title".into()]
    );
}

async fn apply_resource_change(client: Client) {
    let mut one = client.resource("shelf_book").await.unwrap();
    assert_eq!(one.apply(&book("a")).await.unwrap().str("id"), Some("book-a"));
    assert_eq!(
        one.apply(&book("a").with("pages", 3))
            .await
            .unwrap()
            .get("pages")
            .as_i64(),
        Some(3)
    );
    assert!(one.apply(&Value::Null).await.unwrap().is_null());
    // A delete has something to say, or leaves the object where it is.
    let mut lent = client.resource("shelf_book").await.unwrap();
    lent.apply(&book("lent")).await.unwrap();
    lent.apply(&Value::Null).await.unwrap();
    assert!(lent.state().is_null());
    assert_eq!(lent.warnings().iter().next().unwrap().summary, "Lent");
    let mut chained = client.resource("shelf_book").await.unwrap();
    chained.apply(&book("chained")).await.unwrap();
    let found = refused(chained.apply(&Value::Null).await);
    assert_eq!(found.iter().next().unwrap().summary, "Chained");
    assert_eq!(chained.state().str("title"), Some("chained"));
}

async fn import_resource_state(client: Client) {
    let mut one = client.resource("shelf_book").await.unwrap();
    let made = one.apply(&book("a")).await.unwrap().clone();
    let mut by_id = client.resource("shelf_book").await.unwrap();
    assert_eq!(by_id.import("a").await.unwrap(), &made);
    let mut by_identity = client.resource("shelf_book").await.unwrap();
    assert_eq!(by_identity.import_identity(&book("a")).await.unwrap(), &made);
}

async fn move_resource_state(client: Client) {
    let mut one = client.resource("shelf_book").await.unwrap();
    one.apply(&book("a")).await.unwrap();
    let state = br#"{"title": "a", "issue": 7}"#;
    let mut moved = client.resource("shelf_book").await.unwrap();
    let from = "registry.opentofu.org/acme/shelf";
    assert_eq!(
        moved
            .move_from(from, "shelf_magazine", 3, state)
            .await
            .unwrap()
            .str("id"),
        Some("book-a")
    );
    let found = refused(moved.move_from(from, "shelf_comic", 3, state).await);
    assert!(found.to_string().contains("schema version 3"), "{found}");
}

async fn generate_resource_config(client: Client) {
    let mut one = client.resource("shelf_book").await.unwrap();
    one.apply(&book("a").with("pages", 3)).await.unwrap();
    let config = one.generate_config().await.unwrap();
    assert!(config.get("id").is_null());
    assert_eq!(
        (config.str("title"), config.get("pages").as_i64()),
        (Some("a"), Some(3))
    );
}

async fn read_data_source(client: Client) {
    let unconfigured = refused(client.read_data("shelf_book", book("a")).await);
    assert!(
        unconfigured.to_string().contains("not configured"),
        "{unconfigured}"
    );
    client.configure(room("hall")).await.unwrap();
    client
        .resource("shelf_book")
        .await
        .unwrap()
        .apply(&book("a"))
        .await
        .unwrap();
    let found = client.read_data("shelf_book", book("a")).await.unwrap();
    assert_eq!(found.str("id"), Some("book-a"));
    at(&refused(client.read_data("shelf_book", book("b")).await), "title");
}

async fn list_resource(client: Client) {
    for title in ["a", "b", "c"] {
        client
            .resource("shelf_book")
            .await
            .unwrap()
            .apply(&book(title))
            .await
            .unwrap();
    }
    let anywhere = || Value::object([("room", Value::Null)]);
    let all = client.list("shelf_book", anywhere(), false, 0).await.unwrap();
    assert_eq!(all.len(), 3);
    assert!(all[0].2.is_null(), "no states were asked for");
    let two = client.list("shelf_book", anywhere(), true, 2).await.unwrap();
    assert_eq!(two.len(), 2);
    assert_eq!((&two[1].1, two[1].2.str("id")), (&book("b"), Some("book-b")));
}

async fn call_function(client: Client) {
    assert_eq!(
        client.call("shout", vec!["a".into()]).await.unwrap(),
        Value::from("A")
    );
    let found = refused(client.call("shout", vec!["".into()]).await);
    assert!(
        found.to_string().contains("nothing to shout (argument 0)"),
        "{found}"
    );
}

async fn stop_provider(client: Client) {
    let mut one = client.resource("shelf_book").await.unwrap();
    let stopper = client.clone();
    let stop = async move {
        let anywhere = || Value::object([("room", Value::Null)]);
        // Put there just before it takes long.
        while stopper
            .list("shelf_book", anywhere(), false, 0)
            .await
            .unwrap()
            .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stopper.stop().await.unwrap();
    };
    let config = book("long");
    let (outcome, ()) = tokio::join!(one.apply(&config), stop);
    assert!(refused(outcome.cloned()).to_string().contains("Cancelled"));
    assert_eq!(one.state().str("title"), Some("long"), "its answer still arrived");
}

/// What a provider does not offer has this status, which Terraform takes as exactly that.
fn not_offered<T: std::fmt::Debug>(what: &str, answer: Result<Response<T>, Status>) {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains(what), "{}", status.message());
}

macro_rules! not_offered {
    ($what:literal: $($name:ident ($module:ident)),* $(,)?) => {$(
        async fn $name(client: Client) {
            let mut protocol: Protocol = client.protocol();
            not_offered($what, protocol.$name(pb::$module::Request::default()).await);
        }
    )*};
}

not_offered!("ephemeral resources":
    validate_ephemeral_resource_config (validate_ephemeral_resource_config),
    open_ephemeral_resource (open_ephemeral_resource),
    renew_ephemeral_resource (renew_ephemeral_resource),
    close_ephemeral_resource (close_ephemeral_resource),
);
not_offered!("state stores":
    validate_state_store_config (validate_state_store),
    configure_state_store (configure_state_store),
    read_state_bytes (read_state_bytes),
    lock_state (lock_state),
    unlock_state (unlock_state),
    get_states (get_states),
    delete_state (delete_state),
);
not_offered!("actions":
    validate_action_config (validate_action_config),
    plan_action (plan_action),
    invoke_action (invoke_action),
);

async fn write_state_bytes(client: Client) {
    let chunks = tokio_stream::once(pb::write_state_bytes::RequestChunk::default());
    not_offered("state stores", client.protocol().write_state_bytes(chunks).await);
}
