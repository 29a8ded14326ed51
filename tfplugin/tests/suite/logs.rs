//! What is in the log of a provider, and what never is.

use std::path::Path;
use std::time::{Duration, Instant};

use tfplugin::Value;
use tfplugin::testing::terraform::Workspace;
use tfplugin::testing::{Client, Launch};

use super::garden::bed;

/// What is in every value that nobody may read in a log.
const HUSH: &str = "hush";

/// The places of the log that say one of those values.
fn said(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains(HUSH)).collect()
}

/// A bed with a plain, a sensitive and a write-only value.
fn secretive(test: &str, key: &str, version: i64) -> Value {
    let tags = [("test", Value::from(test)), ("plain", "hush-plain".into())];
    bed("a")
        .with("tags", Value::map(tags))
        .with("secret", "hush-secret")
        .with("key_wo", key)
        .with("key_wo_version", version)
}

/// The log once the line about this call is in it.
async fn log_with(client: &Client, call: &str) -> String {
    let start = Instant::now();
    loop {
        let log = client.process().unwrap().log();
        let answered = |line: &str| line.contains(call) && line.contains("call answered");
        if log.lines().any(answered) {
            return log;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no {call}:\n{log}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn no_value_is_logged_whatever_comes_of_a_call() {
    let directory = tempfile::tempdir().unwrap();
    let launch = Launch::new(super::example("garden")).var("TF_LOG", "trace");
    let client = launch.start().await.unwrap().client().await.unwrap();
    let config = Value::object([("directory", Value::from(directory.path().to_str().unwrap()))]);
    client.configure(config).await.unwrap();
    for test in ["fail", "panic", "wrong"] {
        let mut one = client.resource("garden_bed").await.unwrap();
        let refusal = one.apply(&secretive(test, "hush-key", 1)).await.unwrap_err();
        // The answer is for who asked: it is the log alone that must not have it.
        assert_eq!(refusal.to_string().contains(HUSH), test == "panic", "{refusal}");
        one.apply(&Value::Null).await.unwrap();
    }
    let mut one = client.resource("garden_bed").await.unwrap();
    let unversioned = secretive("no", "hush-key", 1).with("key_wo_version", Value::Null);
    one.validate(&unversioned).await.unwrap_err();
    one.apply(&secretive("no", "hush-key", 1)).await.unwrap();
    one.refresh().await.unwrap();
    one.apply(&secretive("fail", "hush-new-key", 2))
        .await
        .unwrap_err();
    one.apply(&Value::Null).await.unwrap();
    client
        .call("mix", vec!["hush-a".into(), "hush-b".into()])
        .await
        .unwrap();

    let log = log_with(&client, "CallFunction").await;
    for part in [
        "\"ApplyResourceChange\"",
        "\"ReadResource\"",
        "\"panic\"",
        "garden/main.rs:",
    ] {
        assert!(log.contains(part), "{part} is not in the log:\n{log}");
    }
    assert_eq!(said(&log), [""; 0]);
}

/// Runs a command of Terraform, with its log in a file of its own: what it prints is for the user.
fn logged(workspace: &Workspace, arguments: &[&str]) -> (bool, String) {
    let path = workspace.scratch().join("terraform.log");
    let _ = std::fs::remove_file(&path);
    let mut command = workspace.command(arguments);
    command.env("TF_LOG_PROVIDER", "trace").env("TF_LOG_PATH", &path);
    let output = command.output().unwrap();
    (output.status.success(), read(&path))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn terraform_understands_the_logs_and_no_value_is_in_them() {
    for (terraform, version) in super::terraforms() {
        let workspace = Workspace::new(&terraform, "acme/garden", &super::example("garden")).unwrap();
        let beds = workspace.scratch().join("beds");
        for (test, fine) in [("panic", false), ("fail", false), ("no", true)] {
            let hcl = format!(
                "terraform {{\n  required_providers {{\n    garden = {{ source = \"acme/garden\" }}\n  }}\n}}\n\
                 provider \"garden\" {{\n  directory = {beds:?}\n}}\n\
                 resource \"garden_bed\" \"a\" {{\n  name = \"a\"\n  tags = {{ test = \"{test}\", plain = \"hush-plain\" }}\n  \
                 secret = \"hush-secret\"\n  key_wo = \"hush-key\"\n  key_wo_version = 1\n}}\n"
            );
            workspace.config(&hcl).unwrap();
            let (succeeded, log) = logged(&workspace, &["apply", "-no-color", "-auto-approve"]);
            assert_eq!(succeeded, fine, "{version}, {test}: {log}");
            for part in [
                "[DEBUG]",
                "call answered",
                "tf_resource_type=garden_bed",
                "tf_req_duration_ms=",
            ] {
                let there = |line: &str| line.contains("tf_rpc=ApplyResourceChange") && line.contains(part);
                assert!(log.lines().any(there), "{version}, {test}, {part}: {log}");
            }
            let crash = |line: &str| line.contains("[ERROR]") && line.contains("garden/main.rs:");
            assert_eq!(log.lines().any(crash), test == "panic", "{version}: {log}");
            assert_eq!(said(&log), [""; 0], "{version}, {test}");
        }
        workspace.destroy().unwrap();
    }
}
