//! Every call, by the client.

use std::time::Duration;

use tfplugin::testing::{Action, Client, Error, Launch};
use tfplugin::{Diagnostics, Value};

use super::garden::{bed, garden, row};

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Diagnostics {
    match outcome {
        Err(Error::Refused(found)) => found,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn an_object_lives_through_create_update_replace_and_delete() {
    let (client, directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let config = bed("herbs")
        .with("area", 2)
        .with("row", Value::list([row("thyme", 20)]));
    let plan = one.plan(&config).await.unwrap();
    assert_eq!(plan.action, Action::Create);
    assert!(plan.state.get("id").is_unknown());
    assert_eq!(plan.state.str("soil"), Some("loam"), "the default");
    let state = one.apply(&config).await.unwrap().clone();
    assert_eq!(state.str("id"), Some("bed-herbs"));
    assert_eq!(state.get("row").items()[0].str("label"), Some("herbs/thyme"));
    assert_eq!(one.plan(&config).await.unwrap().action, Action::None);
    one.refresh().await.unwrap();
    assert_eq!(one.plan(&config).await.unwrap().action, Action::None);

    let larger = config.clone().with("area", 3);
    let plan = one.plan(&larger).await.unwrap();
    assert_eq!(plan.action, Action::Update);
    assert_eq!(plan.state.str("id"), Some("bed-herbs"), "kept");
    assert!(plan.state.get("revision").is_unknown(), "computed anew");
    assert_eq!(
        one.apply(&larger).await.unwrap().get("revision").as_i64(),
        Some(2)
    );

    let smaller = config.clone().with("area", 1);
    let plan = one.plan(&smaller).await.unwrap();
    assert_eq!(plan.action, Action::Replace);
    assert_eq!(plan.requires_replace, ["area".into()]);
    one.apply(&smaller).await.unwrap();

    one.apply(&Value::Null).await.unwrap();
    assert!(one.state().is_null());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_object_that_is_gone_is_planned_anew() {
    let (client, directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    one.apply(&bed("a")).await.unwrap();
    std::fs::remove_file(directory.path().join("a.json")).unwrap();
    assert!(one.refresh().await.unwrap().is_null());
    assert_eq!(one.plan(&bed("a")).await.unwrap().action, Action::Create);
}

#[tokio::test]
async fn validators_name_the_attribute() {
    let (client, _directory) = garden().await;
    let one = client.resource("garden_bed").await.unwrap();
    let config = bed("Herbs")
        .with("soil", "peat")
        .with("sunny", true)
        .with("shady", true)
        .with("row", Value::list([row("thyme", 500), row("mint", 1)]));
    let found = refused(one.validate(&config).await);
    let at = |path: &str| found.iter().any(|one| one.path.to_string() == path);
    for path in ["name", "soil", "sunny", "row[0].spacing", "row[1].plant"] {
        assert!(at(path), "{path}: {found}");
    }
    assert!(
        found
            .to_string()
            .contains(r#"`soil` must be one of "loam", "sand", "clay", got "peat""#),
        "{found}"
    );
    let warned = one
        .validate(&bed("a").with("soil", "clay").with("sunny", true))
        .await
        .unwrap();
    assert_eq!(warned.len(), 1);
}

#[tokio::test]
async fn a_write_only_value_reaches_the_provider_and_is_never_stored() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let config = bed("a").with("key_wo", "hunter2").with("key_wo_version", 1);
    assert!(one.plan(&config).await.unwrap().state.get("key_wo").is_null());
    assert!(one.apply(&config).await.unwrap().get("key_wo").is_null());
    let private = String::from_utf8(one.stored().private.clone()).unwrap();
    assert_eq!(private, r#"{"key_length":7,"planned_by":"garden_bed"}"#);
}

#[tokio::test]
async fn a_failed_create_leaves_a_tainted_object_unless_nothing_was_done() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let failing = bed("a").with("tags", Value::map([("test", Value::from("fail"))]));
    refused(one.apply(&failing).await);
    assert_eq!(one.state().str("name"), Some("a"), "kept, with what was planned");
    assert!(one.state().get("id").is_null(), "without what is not known");

    let mut first = client.resource("garden_bed").await.unwrap();
    first.apply(&bed("b")).await.unwrap();
    let mut second = client.resource("garden_bed").await.unwrap();
    let found = refused(second.apply(&bed("b")).await);
    assert!(found.to_string().contains("(at name)"), "{found}");
    assert!(second.state().is_null(), "it is not ours");
}

#[tokio::test]
async fn a_panic_is_a_message_about_one_object() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let config = bed("a").with("tags", Value::map([("test", Value::from("panic"))]));
    let found = refused(one.apply(&config).await);
    assert!(found.to_string().contains("crashed: a slug"), "{found}");
    assert_eq!(one.state().str("name"), Some("a"), "nothing is orphaned");
    client
        .resource("garden_bed")
        .await
        .unwrap()
        .apply(&bed("b"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_result_that_breaks_the_plan_names_the_attribute() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let config = bed("a").with("tags", Value::map([("test", Value::from("wrong"))]));
    let found = refused(one.apply(&config).await);
    assert!(
        found
            .to_string()
            .contains(r#"`soil` was planned as "loam", but is "sand""#),
        "{found}"
    );
}

#[tokio::test]
async fn stopping_reaches_running_work_and_its_answer_still_arrives() {
    let (client, directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let config = bed("a").with("tags", Value::map([("test", Value::from("slow"))]));
    let stopper = client.clone();
    let file = directory.path().join("a.json");
    let stop = async {
        // Saved just before it becomes slow.
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stopper.stop().await.unwrap();
        std::time::Instant::now()
    };
    let both = async { tokio::join!(one.apply(&config), stop) };
    let (outcome, start) = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
    assert!(refused(outcome.cloned()).to_string().contains("Cancelled"));
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(
        one.state().str("id"),
        Some("bed-a"),
        "the partial state came back"
    );
    assert!(file.exists());
    // The next call is not affected.
    client
        .resource("garden_bed")
        .await
        .unwrap()
        .apply(&bed("b"))
        .await
        .unwrap();
}

#[tokio::test]
async fn timeouts_hold() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let config = bed("a")
        .with("tags", Value::map([("test", Value::from("slow"))]))
        .with("timeouts", Value::object([("create", Value::from("100ms"))]));
    assert!(
        refused(one.apply(&config).await)
            .to_string()
            .contains("Timed out")
    );
    let wrong = bed("a").with("timeouts", Value::object([("create", Value::from("soon"))]));
    assert!(
        refused(one.validate(&wrong).await)
            .to_string()
            .contains("timeouts.create")
    );
}

#[tokio::test]
async fn import_by_id_and_by_identity() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let made = one.apply(&bed("a").with("area", 2)).await.unwrap().clone();
    let mut by_id = client.resource("garden_bed").await.unwrap();
    assert_eq!(by_id.import("a").await.unwrap(), &made);
    let mut by_identity = client.resource("garden_bed").await.unwrap();
    assert_eq!(by_identity.import_identity(&bed("a")).await.unwrap(), &made);
    assert_eq!(by_identity.stored().identity, Some(bed("a")));
    let mut nothing = client.resource("garden_bed").await.unwrap();
    assert!(
        nothing
            .import("b")
            .await
            .unwrap_err()
            .to_string()
            .contains("no such object")
    );
}

#[tokio::test]
async fn states_are_upgraded_and_moved() {
    let (client, _directory) = garden().await;
    let one = client.resource("garden_bed").await.unwrap();
    let old = br#"{"name": "a", "size": 12345678901234567890.5, "gone": true}"#;
    let upgraded = one.upgrade(1, old).await.unwrap();
    assert_eq!(
        upgraded.get("area").as_number().unwrap().to_string(),
        "12345678901234567890.5"
    );
    assert_eq!(
        upgraded.get("row"),
        &Value::List(vec![]),
        "an absent block is empty"
    );
    let unreadable = refused(one.upgrade(1, b"{").await);
    assert!(
        unreadable.to_string().contains("not JSON at byte 1"),
        "{unreadable}"
    );

    let mut keeper = client.resource("garden_bed").await.unwrap();
    keeper.apply(&bed("a")).await.unwrap();
    for host in ["registry.terraform.io", "registry.opentofu.org"] {
        let mut moved = client.resource("garden_bed").await.unwrap();
        moved
            .move_from(&format!("{host}/acme/park"), "park_bed", 0, br#"{"name": "a"}"#)
            .await
            .unwrap();
        assert_eq!(moved.state().str("id"), Some("bed-a"));
        assert_eq!(moved.plan(&bed("a")).await.unwrap().action, Action::None);
    }
}

#[tokio::test]
async fn data_sources_functions_and_lists() {
    let (client, _directory) = garden().await;
    for name in ["a", "b", "c"] {
        client
            .resource("garden_bed")
            .await
            .unwrap()
            .apply(&bed(name))
            .await
            .unwrap();
    }
    assert_eq!(
        client
            .read_data("garden_bed", bed("a"))
            .await
            .unwrap()
            .str("soil"),
        Some("loam")
    );
    let missing = refused(client.read_data("garden_bed", bed("x")).await);
    assert!(missing.to_string().contains("(at name)"));

    assert_eq!(
        client
            .call("mix", vec!["a".into(), "b".into(), "c".into()])
            .await
            .unwrap(),
        Value::from("a-b-c")
    );
    let wrong = refused(client.call("mix", vec!["a".into(), "".into()]).await);
    assert!(
        wrong.to_string().contains("must not be empty (argument 1)"),
        "{wrong}"
    );

    let all = client
        .list("garden_bed", Value::object([("prefix", Value::Null)]), true, 2)
        .await
        .unwrap();
    assert_eq!(all.len(), 2, "the limit holds");
    assert_eq!((all[1].0.as_str(), &all[1].1), ("bed b", &bed("b")));
    assert_eq!(all[1].2.str("id"), Some("bed-b"));
}

#[tokio::test]
async fn generated_configuration_makes_the_same_object() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    one.apply(
        &bed("a")
            .with("area", 2)
            .with("row", Value::list([row("thyme", 20)])),
    )
    .await
    .unwrap();
    let config = one.generate_config().await.unwrap();
    assert!(
        config.get("id").is_null() && config.get("soil").is_null(),
        "{config:?}"
    );
    assert_eq!(one.plan(&config).await.unwrap().action, Action::None);
}

#[tokio::test]
async fn an_unconfigured_provider_says_what_is_missing() {
    let client: Client = Launch::new(super::example("garden"))
        .start()
        .await
        .unwrap()
        .client()
        .await
        .unwrap();
    let mut one = client.resource("garden_bed").await.unwrap();
    assert_eq!(one.plan(&bed("a")).await.unwrap().action, Action::Create);
    let found = refused(one.apply(&bed("a")).await);
    assert!(
        found.to_string().contains("Provider is not configured"),
        "{found}"
    );
    assert!(one.state().is_null());
    let found = refused(
        client
            .configure(Value::object([("directory", Value::from(""))]))
            .await,
    );
    assert!(found.to_string().contains("(at directory)"), "{found}");
}
