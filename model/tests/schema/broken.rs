//! Broken resources: each constraint of the schema broken once is refused with the code of that constraint at the place
//! where it was broken, and with nothing else.

use meshform_model::diag::Code;
use meshform_model::kind::Kind;
use meshform_model::testing::broken::all;
use meshform_model::validate::{self, codes};
use meshform_model::value::Node;
use serde_json::json;
use std::collections::BTreeMap;

#[test]
fn each_broken_constraint_is_refused_with_its_code_at_its_place() {
    let all = all();
    let mut by_code: BTreeMap<&str, usize> = BTreeMap::new();
    for broken in all {
        let problems = validate::resource(broken.kind, &Node::from_json(&broken.json));
        let found: Vec<(Code, String)> = problems
            .iter()
            .map(|p| (p.code, p.places[0].pointer.to_string()))
            .collect();
        assert_eq!(
            found,
            [(broken.code, broken.pointer.clone())],
            "{} {}: {:#}",
            broken.kind,
            broken.what,
            broken.json
        );
        assert!(problems[0].is_error() && !problems[0].message.is_empty());
        *by_code.entry(broken.code.0).or_default() += 1;
    }
    assert!(all.len() >= 300, "only {} broken resources", all.len());
    println!("{} broken resources: {by_code:?}", all.len());
    // What no single resource in canonical form can break, tests elsewhere do.
    let elsewhere = [codes::TOO_MANY_BLOCKS, codes::DUPLICATE_KEY];
    for info in codes::CODES {
        assert!(
            by_code.contains_key(info.code.0) || elsewhere.contains(&info.code),
            "{}",
            info.code
        );
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let json = json!({"spec": {
        "listeners": [{"portMapping": {"port": 0, "protocol": "HTTP"}, "healthChek": {}}],
        "serviceDiscovery": {},
    }, "tags": [{"key": "a"}, {"key": "a"}]});
    let problems = validate::resource(Kind::VirtualNode, &Node::from_json(&json));
    let shown: Vec<String> = problems
        .iter()
        .map(|p| format!("{} at {}", p, p.places[0].pointer))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn each_code_has_a_message_that_helps() {
    let mut seen: BTreeMap<Code, String> = BTreeMap::new();
    for broken in all() {
        let problem = validate::resource(broken.kind, &Node::from_json(&broken.json)).remove(0);
        let line = format!("{} {}\n  {problem}", broken.kind, broken.pointer);
        seen.entry(broken.code).or_insert(line);
    }
    let lines: Vec<String> = seen.into_values().collect();
    insta::assert_snapshot!(lines.join("\n"));
}
