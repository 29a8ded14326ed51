//! Input that means harm, or is merely strange: nothing crashes or hangs, and what is said is short.

use meshform_model::canonical;
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::testing::generate::Chance;
use meshform_model::validate::{self, codes};
use meshform_model::value::{Node, Number, Object, Symbol, Value};
use serde_json::json;
use std::time::{Duration, Instant};

/// Everything that is done with a tree; gives back what validation says.
fn all_walkers(kind: Kind, node: &Node) -> Vec<Diagnostic> {
    for dialect in Dialect::ALL {
        let (canonical, _) = dialect::to_canonical(kind, dialect, node);
        validate::resource(kind, &canonical);
        dialect::from_canonical(kind, dialect, node);
        dialect::from_canonical(kind, dialect, &canonical);
    }
    let plain = canonical::canonicalise(kind, node);
    canonical::align(kind, &plain, node);
    canonical::foreign(kind, node);
    validate::resource(kind, node)
}

fn in_time<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "took {:?}",
        start.elapsed()
    );
    result
}

fn codes_of(problems: &[Diagnostic]) -> Vec<&str> {
    problems.iter().map(|p| p.code.0).collect()
}

#[test]
fn a_huge_text_is_refused_in_a_short_message() {
    let with = |length| {
        let huge = "ü".repeat(length);
        Node::from_json(&json!({"meshName": huge, "spec": {"egressFilter": {"type": huge}}}))
    };
    // 100 MB; the walkers that copy get less.
    let problems = in_time(|| validate::resource(Kind::Mesh, &with(50_000_000)));
    assert_eq!(in_time(|| all_walkers(Kind::Mesh, &with(1_000_000))).len(), 2);
    assert_eq!(codes_of(&problems), [codes::TEXT_LENGTH.0, codes::NOT_A_CHOICE.0]);
    assert!(problems.iter().all(|p| p.to_string().len() < 500), "{problems:?}");
}

#[test]
fn a_huge_name_of_a_field_is_refused_in_a_short_message() {
    let mut object = Object::new();
    object.set("x".repeat(1_000_000), Node::null());
    let problems = in_time(|| all_walkers(Kind::Mesh, &Node::new(Value::Object(object))));
    assert_eq!(codes_of(&problems), [codes::UNKNOWN_FIELD.0]);
    assert!(problems[0].to_string().len() < 500);
    assert_eq!(problems[0].places[0].pointer.to_string(), "");
}

#[test]
fn a_long_list_takes_time_by_its_length() {
    let target = json!({"virtualNode": "a", "weight": 1});
    let node = Node::from_json(&json!({"spec": {"httpRoute": {
        "match": {}, "action": {"weightedTargets": vec![target; 30_000]},
    }}}));
    let problems = in_time(|| all_walkers(Kind::Route, &node));
    assert_eq!(codes_of(&problems), [codes::LIST_LENGTH.0]);
}

#[test]
fn depth_that_the_schema_does_not_have_is_not_followed() {
    // As deep as readers let anything be.
    let mut deep = json!(1);
    for _ in 0..120 {
        deep = json!({ "spec": [deep] });
    }
    let node = Node::from_json(&json!({"spec": {"listeners": deep}, "extensions": deep}));
    let problems = all_walkers(Kind::VirtualNode, &node);
    // `spec` is no extension, and a list's place has an object.
    assert_eq!(codes_of(&problems), [codes::UNKNOWN_FIELD.0, codes::WRONG_TYPE.0]);
}

#[test]
fn strange_numbers_are_numbers() {
    for (text, code) in [
        ("99999999999999999999999999", Some(codes::OUT_OF_RANGE)),
        ("-1e400", Some(codes::OUT_OF_RANGE)),
        ("1e5", Some(codes::OUT_OF_RANGE)),
        ("80.5", Some(codes::NOT_WHOLE)),
        ("8e1", None),
        ("80.0", None),
    ] {
        let mut node = Node::from_json(
            &json!({"spec": {"listeners": [{"portMapping": {"port": 1, "protocol": "http"}}]}}),
        );
        set(&mut node, &["spec", "listeners"], |listener| {
            set(listener, &["portMapping", "port"], |port| {
                port.value = Value::Number(Number::parse(text).unwrap());
            });
        });
        let problems = all_walkers(Kind::VirtualRouter, &node);
        assert_eq!(problems.first().map(|p| p.code), code, "{text}");
    }
}

/// Goes down fields (and to the first element of a list) and changes what is there.
fn set(node: &mut Node, path: &[&str], change: impl FnOnce(&mut Node)) {
    match (&mut node.value, path) {
        (Value::List(list), _) => set(&mut list[0], path, change),
        (Value::Object(object), [first, rest @ ..]) => set(object.get_mut(first).unwrap(), rest, change),
        _ => change(node),
    }
}

#[test]
fn nul_bytes_and_controls_are_refused_in_names_and_shown_escaped() {
    let node = Node::from_json(&json!({"meshName": "a\u{0}b\u{1b}[31m"}));
    let problems = all_walkers(Kind::Mesh, &node);
    assert_eq!(codes_of(&problems), [codes::TEXT_FORM.0]);
    assert!(!problems[0].message.chars().any(char::is_control));
}

/// A tree that has nothing to do with the schema, but sometimes its names.
fn noise(chance: &mut Chance, depth: usize) -> Node {
    const NAMES: [&str; 12] = [
        "spec",
        "listeners",
        "listener",
        "Spec",
        "tags",
        "key",
        "value",
        "port",
        "match",
        "metadata",
        "name",
        "httpRoute",
    ];
    Node::new(match chance.below(if depth == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => Value::from(chance.below(100_000) as i64 - 50_000),
        3 => Value::from(NAMES[chance.below(NAMES.len())]),
        4 => Value::Unknown,
        5 => Value::Symbol(Symbol {
            function: "Ref".to_owned(),
            argument: Box::new(Node::new(Value::from("P"))),
        }),
        6 => Value::List((0..chance.below(4)).map(|_| noise(chance, depth - 1)).collect()),
        _ => {
            let mut object = Object::new();
            for _ in 0..chance.below(5) {
                object.set(NAMES[chance.below(NAMES.len())], noise(chance, depth - 1));
            }
            Value::Object(object)
        }
    })
}

#[test]
fn noise_is_survived() {
    for seed in 0..3_000 {
        let mut chance = Chance::new(seed);
        let kind = Kind::ALL[chance.below(Kind::ALL.len())];
        let node = noise(&mut chance, 6);
        all_walkers(kind, &node);
    }
}
