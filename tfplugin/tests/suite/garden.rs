//! The example that uses everything, as a process of its own.

use tfplugin::Value;
use tfplugin::testing::{Client, Launch};

/// A client of a garden of its own, as a process, and the directory of the garden.
pub(crate) async fn garden() -> (Client, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let process = Launch::new(super::example("garden")).start().await.unwrap();
    let client = process.client().await.unwrap();
    let config = Value::object([("directory", Value::from(directory.path().to_str().unwrap()))]);
    client.configure(config).await.unwrap();
    (client, directory)
}

pub(crate) fn bed(name: &str) -> Value {
    Value::object([("name", Value::from(name))])
}

pub(crate) fn row(plant: &str, spacing: i64) -> Value {
    Value::object([("plant", Value::from(plant)), ("spacing", spacing.into())])
}

/// Makes a made-up object one that the garden has no reason to refuse.
pub(crate) fn fit(type_name: &str, config: &mut Value) {
    config.set_attr("name", "any");
    if type_name == "garden_pond" {
        fit_pond(config);
        return;
    }
    for name in ["soil", "shady", "key_wo", "timeouts", "tags", "anything"] {
        config.set_attr(name, Value::Null);
    }
    let rows = config.entries_mut().and_then(|all| all.get_mut("row"));
    for row in rows.and_then(Value::items_mut).into_iter().flatten() {
        row.set_attr("spacing", Value::Null);
    }
}

fn fit_pond(config: &mut Value) {
    let rain = config.get("rain").is_null();
    config.set_attr("spring", rain.then_some("hill"));
    if config.get("depth").is_null() && config.get("area").is_null() {
        config.set_attr("area", 3);
    }
}
