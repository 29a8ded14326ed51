//! The conformance suite on both examples.

use std::time::Duration;

use tfplugin::Value;
use tfplugin::testing::conformance::{Report, Suite};

/// All passed, and nothing was left out but this.
fn conforms(report: &Report, left_out: &[&str]) {
    assert!(report.passed(), "{report}");
    let skipped: Vec<&str> = report.skipped().map(|check| check.name).collect();
    assert_eq!(skipped, left_out, "{report}");
    assert_eq!(report.checks.len(), 45, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_small_example_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("note.txt");
    let note = Value::object([("path", Value::from(path.to_str().unwrap()))]);
    let nowhere = note.clone().with("path", "/no/such/directory/note.txt");
    let suite = Suite::new(super::example("note"))
        .object("note_file", note)
        .resident_below(64 << 10);
    let report = suite.clone().run().await;
    conforms(
        &report,
        &[
            "a number is the same as an integer, a float and text",
            "numbers of thirty digits and of four hundred keep them all",
            "blocks that are not in a state are empty, never null",
            "blocks that come as null are answered",
            "made-up objects come out as planned, and a second plan changes nothing",
            "a create that fails returns what there is",
            "a create that is stopped returns what there is, and the provider serves on",
        ],
    );
    // It says that nothing was done, so there is nothing to return: not what the check is for, and it notices.
    let report = suite.failing("note_file", nowhere).run().await;
    let failed: Vec<&str> = report.failed().map(|check| check.name).collect();
    assert_eq!(failed, ["a create that fails returns what there is"], "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_large_example_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let config = Value::object([("directory", Value::from(directory.path().to_str().unwrap()))]);
    let bed = |test: &str| {
        Value::object([
            ("name", Value::from("herbs")),
            ("area", 3.into()),
            ("tags", Value::map([("test", Value::from(test))])),
        ])
    };
    let suite = Suite::new(super::example("garden"))
        .configure(config)
        .start_within(Duration::from_secs(5))
        .resident_below(64 << 10)
        .fitting(super::garden::fit)
        .creates()
        .object("garden_bed", bed("no"))
        .failing("garden_bed", bed("fail"))
        .slow("garden_bed", bed("slow"));
    conforms(&suite.run().await, &[]);
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        0,
        "all is removed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_no_provider_does_not_conform() {
    let report = Suite::new("/bin/true").rounds(1).run().await;
    assert!(!report.passed(), "{report}");
}
