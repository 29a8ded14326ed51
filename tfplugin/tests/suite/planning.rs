//! Blocks whose order has no meaning, defaults, and values that are not known yet.

use tfplugin::Value;
use tfplugin::testing::Action;

use super::garden::{bed, fit, garden, row};

fn rows(all: impl IntoIterator<Item = Value>) -> Value {
    bed("a").with("row", Value::list(all))
}

#[tokio::test]
async fn another_order_of_the_same_blocks_is_no_change() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    one.apply(&rows([row("thyme", 20), row("sage", 30), row("chive", 10)]))
        .await
        .unwrap();
    let plan = one
        .plan(&rows([row("chive", 10), row("thyme", 20), row("sage", 30)]))
        .await
        .unwrap();
    assert_eq!(plan.action, Action::None);
}

#[tokio::test]
async fn what_was_computed_follows_a_block_by_its_key() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    one.apply(&rows([row("thyme", 20), row("sage", 30)]))
        .await
        .unwrap();
    let plan = one
        .plan(&rows([row("sage", 35), row("rue", 5), row("thyme", 20)]))
        .await
        .unwrap();
    assert_eq!(plan.action, Action::Update);
    let planned = plan.state.get("row").items();
    assert_eq!(planned[0].str("label"), Some("a/sage"));
    assert!(planned[1].get("label").is_unknown(), "a new block");
    assert_eq!(planned[2].str("label"), Some("a/thyme"));
    assert_eq!(
        one.apply(&rows([row("sage", 35), row("rue", 5), row("thyme", 20)]))
            .await
            .unwrap()
            .get("row")
            .items()[1]
            .str("label"),
        Some("a/rue")
    );
}

#[tokio::test]
async fn what_is_read_keeps_the_order_of_the_state() {
    let (client, directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let config = rows([row("thyme", 20), row("sage", 30)]);
    let state = one.apply(&config).await.unwrap().clone();
    let file = directory.path().join("a.json");
    let mut stored = tfplugin::codec::json::parse(&std::fs::read(&file).unwrap()).unwrap();
    stored
        .entries_mut()
        .unwrap()
        .get_mut("row")
        .unwrap()
        .items_mut()
        .unwrap()
        .reverse();
    std::fs::write(&file, tfplugin::codec::json::to_string(&stored)).unwrap();
    assert_eq!(one.refresh().await.unwrap().get("row"), state.get("row"));
    assert_eq!(one.plan(&config).await.unwrap().action, Action::None);
}

#[tokio::test]
async fn blocks_that_differ_in_what_they_set_are_planned_in_the_order_of_the_configuration() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let bare = || Value::object([("plant", Value::from("sage"))]);
    one.apply(&rows([row("thyme", 20), bare()])).await.unwrap();
    // Terraform does not allow the plan to keep the old order here: the places set different attributes.
    let swapped = rows([bare(), row("thyme", 20)]);
    let plan = one.plan(&swapped).await.unwrap();
    assert_eq!(plan.action, Action::Update);
    one.apply(&swapped).await.unwrap();
    assert_eq!(one.plan(&swapped).await.unwrap().action, Action::None);
}

#[tokio::test]
async fn nested_attributes_have_defaults_and_computed_parts() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let seed = |kind: &str| Value::object([("kind", Value::from(kind))]);
    let config = bed("a").with("seeds", Value::map([("x", seed("kale"))]));
    let state = one.apply(&config).await.unwrap();
    assert_eq!(state.get("seeds").get("x").get("count").as_i64(), Some(1));
    assert_eq!(state.get("seeds").get("x").str("batch"), Some("x-1"));
    let more = bed("a").with("seeds", Value::map([("x", seed("kale")), ("y", seed("leek"))]));
    let plan = one.plan(&more).await.unwrap();
    assert_eq!(plan.state.get("seeds").get("x").str("batch"), Some("x-1"));
    assert!(plan.state.get("seeds").get("y").get("batch").is_unknown());
}

#[tokio::test]
async fn unknown_blocks_and_values_stay_unknown_in_the_plan() {
    let (client, _directory) = garden().await;
    let one = client.resource("garden_bed").await.unwrap();
    let config = bed("a")
        .with("row", Value::UNKNOWN)
        .with("area", Value::UNKNOWN)
        .with("soil", Value::UNKNOWN);
    let plan = one.plan(&config).await.unwrap();
    assert!(plan.state.get("row").is_unknown() && plan.state.get("area").is_unknown());
    assert!(
        plan.state.get("soil").is_unknown(),
        "the default is for what is not configured"
    );
}

#[tokio::test]
async fn a_value_of_any_type_keeps_its_type_and_digits() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    let number: tfplugin::Number = "0.12345678901234567890123".parse().unwrap();
    let anything = Value::object([(
        "list",
        Value::List(vec![number.clone().into(), "x".into(), Value::Null]),
    )]);
    let config = bed("a").with("anything", anything).with("area", number.clone());
    let state = one.apply(&config).await.unwrap();
    assert_eq!(
        state.get("area").as_number().unwrap().to_string(),
        number.to_string()
    );
    assert_eq!(
        state.get("anything").get("list").items()[0].as_number(),
        Some(&number)
    );
    assert_eq!(one.plan(&config).await.unwrap().action, Action::None);
}

#[tokio::test]
async fn a_destroy_can_be_refused() {
    let (client, _directory) = garden().await;
    let mut one = client.resource("garden_bed").await.unwrap();
    one.apply(&bed("a").with("tags", Value::map([("keep", Value::from("yes"))])))
        .await
        .unwrap();
    let refusal = one.apply(&Value::Null).await.unwrap_err().to_string();
    assert!(refusal.contains("Bed is kept"), "{refusal}");
    assert!(!one.state().is_null());
}

#[tokio::test]
async fn any_change_between_made_up_configurations_keeps_the_rules_and_settles() {
    for type_name in ["garden_bed", "garden_pond"] {
        let (client, _directory) = garden().await;
        let mut one = client.resource(type_name).await.unwrap();
        let schema = client.resource_schema(type_name).await.unwrap();
        for seed in 0..60 {
            let mut config =
                tfplugin::testing::config(&schema, &mut tfplugin::testing::Random::new(seed), false);
            fit(type_name, &mut config);
            one.apply(&config)
                .await
                .unwrap_or_else(|error| panic!("{type_name}, seed {seed}: {error}\n{config:?}"));
            assert_eq!(
                one.plan(&config).await.unwrap().action,
                Action::None,
                "{type_name}, seed {seed}"
            );
            one.refresh().await.unwrap();
            let again = one.plan(&config).await.unwrap();
            assert_eq!(
                again.action,
                Action::None,
                "{type_name}, seed {seed}: {:?} became {:?}",
                one.state(),
                again.state
            );
        }
    }
}
