//! What the provider logs reaches Terraform's log as it should, and nobody else.

use crate::kinds::EVERY_KIND;
use crate::world::{World, no_panic, says};
use serde_json::Value;
use std::fs;

#[test]
fn the_log_has_the_providers_lines_with_level_and_module() {
    let world = World::new(EVERY_KIND);
    let log = world.folder().join("log");
    let world = world
        .env("TF_LOG", "JSON")
        .env("TF_LOG_PATH", &log.to_string_lossy());
    world.apply();
    let text = fs::read_to_string(&log).unwrap();
    no_panic(&text);
    let lines: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    // Terraform's own lines about the plugin's process have the module `provider`; that its standard output closed
    // may be an error among them.
    let ours = |line: &&Value| {
        let module = line["@module"].as_str().unwrap_or_default();
        ["tfplugin", "meshform_", "terraform_provider_"]
            .iter()
            .any(|name| module.starts_with(name))
    };
    let ours: Vec<&Value> = lines.iter().filter(ours).collect();
    assert!(!ours.is_empty(), "the provider's lines are not there");
    for line in &ours {
        let level = line["@level"].as_str().unwrap_or_default();
        assert!(
            ["trace", "debug", "info", "warn", "error"].contains(&level),
            "{line}"
        );
        assert!(
            line["@message"].is_string() && line["@timestamp"].is_string(),
            "{line}"
        );
        // A line that Terraform could not read arrives as a message that holds JSON.
        let message = line["@message"].as_str().unwrap_or_default();
        assert!(!message.trim_start().starts_with('{'), "{line}");
    }
    let errors: Vec<_> = ours.iter().filter(|line| line["@level"] == "error").collect();
    assert!(errors.is_empty(), "errors in an apply without one: {errors:?}");
}

#[test]
fn terraforms_text_log_has_no_panic_and_no_broken_line() {
    let world = World::new(EVERY_KIND);
    let log = world.folder().join("log");
    let world = world
        .env("TF_LOG", "debug")
        .env("TF_LOG_PATH", &log.to_string_lossy());
    world.apply();
    let text = fs::read_to_string(&log).unwrap();
    no_panic(&text);
    says(&text, &["[DEBUG] provider"]);
    assert!(!text.contains("\"@level\""), "a line was not understood");
}
