use super::*;
use crate::Type;
use crate::schema::{Attribute, Nesting, Schema};
use crate::value::Refinement;

fn schema() -> Schema {
    let inner = vec![
        Attribute::string("a").required(),
        Attribute::string("c").computed(),
    ];
    Schema::new()
        .attribute(Attribute::string("id").computed())
        .attribute(Attribute::string("name").required())
        .attribute(Attribute::string("size").optional())
        .attribute(Attribute::string("mode").optional().computed())
        .attribute(Attribute::string("token").optional().write_only())
        .attribute(Attribute::string("secret").optional().sensitive())
        .attribute(Attribute::string_set("zones").optional())
        .attribute(Attribute::nested("list", Nesting::List, inner.clone()).optional())
        .attribute(Attribute::nested("map", Nesting::Map, inner).optional())
        .block(NestedBlock::list("rule").attribute(Attribute::string("port").optional()))
        .block(NestedBlock::single("one").attribute(Attribute::string("x").optional()))
        .block(NestedBlock::set("peer").attribute(Attribute::string("host").required()))
}

fn full(value: Value) -> Value {
    schema().conform(value).unwrap()
}

fn named() -> Value {
    full(Value::object([("name", Value::from("n"))]))
}

fn block(name: &str, value: &str) -> Value {
    Value::object([(name, Value::from(value))])
}

/// Breaches of a create plan, as `path what`.
fn planned(config: Value, planned: Value) -> Vec<String> {
    changed(Value::Null, config, planned)
}

fn changed(prior: Value, config: Value, planned: Value) -> Vec<String> {
    let found = plan(schema().root(), &prior, &full(config), &full(planned));
    found
        .into_iter()
        .map(|one| format!("{} {}", one.path, one.what))
        .collect()
}

fn applied(planned: Value, actual: Value) -> Vec<String> {
    let found = result(schema().root(), &full(planned), &full(actual));
    found
        .into_iter()
        .map(|one| format!("{} {}", one.path, one.what))
        .collect()
}

#[track_caller]
fn only(found: Vec<String>, start: &str) {
    assert!(
        found.len() == 1 && found[0].starts_with(start),
        "{start:?}: {found:?}"
    );
}

#[test]
fn a_plan_may_take_over_the_configuration_and_set_what_is_computed() {
    assert_eq!(
        planned(named(), named().with("id", Value::UNKNOWN).with("mode", "fast")),
        Vec::<String>::new()
    );
    let listed = named().with("list", Value::list([block("a", "x")]));
    let with_computed = named().with(
        "list",
        Value::list([Value::object([("a", Value::from("x")), ("c", Value::UNKNOWN)])]),
    );
    assert_eq!(planned(listed, with_computed), Vec::<String>::new());
}

#[test]
fn a_plan_may_keep_what_was_there_in_another_form() {
    let prior = named().with("size", "1024M");
    let config = named().with("size", "1G");
    assert_eq!(
        changed(prior.clone(), config.clone(), prior.clone()),
        Vec::<String>::new()
    );
    only(
        changed(prior, config, named().with("size", "1T")),
        "size planned \"1T\", which is neither",
    );
}

#[test]
fn a_plan_may_not_invent_or_drop() {
    only(
        planned(named(), named().with("size", "1")),
        "size planned \"1\" although the configuration leaves it unset",
    );
    only(
        planned(named().with("size", "1"), named()),
        "size planned null where the configuration says \"1\"",
    );
    only(
        planned(named(), named().with("token", "t")),
        "token a write-only attribute must be null",
    );
    only(
        planned(named().with("secret", "s"), named().with("secret", "t")),
        "secret planned (sensitive) where",
    );
    let one = named().with("rule", Value::list([block("port", "1")]));
    only(
        planned(one.clone(), named()),
        "rule planned 0 where there must be 1",
    );
    only(
        planned(
            one.clone(),
            named().with("rule", Value::list([block("port", "2")])),
        ),
        "rule[0].port planned \"2\"",
    );
    only(
        planned(named(), named().with("one", block("x", "1"))),
        "one planned a block that the configuration",
    );
    only(
        planned(named().with("one", block("x", "1")), named()),
        "one planned no block although",
    );
    let map = named().with("map", Value::map([("k", block("a", "x"))]));
    let other = named().with("map", Value::map([("l", block("a", "x"))]));
    only(planned(map.clone(), other), "map the keys changed");
    only(
        planned(map, named()),
        "map planned null although the configuration sets it",
    );
}

#[test]
fn unknown_collections_of_blocks_stay_unknown() {
    let unknown = named().with("rule", Value::UNKNOWN);
    assert_eq!(planned(unknown.clone(), unknown.clone()), Vec::<String>::new());
    only(
        planned(unknown.clone(), named()),
        "rule the number of blocks is not known yet",
    );
    only(planned(named(), unknown), "rule the blocks are configured");
    let inside = named().with("rule", Value::list([Value::UNKNOWN]));
    only(
        planned(named().with("rule", Value::list([block("port", "1")])), inside),
        "rule[0] a single block",
    );
}

#[test]
fn existence_is_decided_by_the_configuration() {
    let (all, some) = (schema(), named());
    assert_eq!(plan(all.root(), &some, &Value::Null, &some).len(), 1);
    assert_eq!(plan(all.root(), &Value::Null, &some, &Value::Null).len(), 1);
    assert_eq!(plan(all.root(), &some, &Value::Null, &Value::Null), vec![]);
}

#[test]
fn what_was_known_comes_out_the_same() {
    assert_eq!(
        applied(named().with("id", Value::UNKNOWN), named().with("id", "1")),
        Vec::<String>::new()
    );
    only(
        applied(named(), named().with("size", "1")),
        "size was planned as null, but is \"1\"",
    );
    only(
        applied(named().with("secret", "s"), named().with("secret", "t")),
        "secret was planned as (sensitive)",
    );
    let rules =
        |ports: &[&str]| named().with("rule", Value::list(ports.iter().map(|port| block("port", port))));
    only(
        applied(rules(&["1", "2"]), rules(&["1"])),
        "rule returned 1 where there must be 2",
    );
    only(applied(rules(&["1"]), rules(&["2"])), "rule[0].port was planned");
}

#[test]
fn sets_may_shrink_and_never_grow() {
    let zones = |all: Vec<Value>| named().with("zones", Value::Set(all));
    let two = zones(vec![Value::UNKNOWN, "a".into()]);
    assert_eq!(
        applied(two.clone(), zones(vec!["a".into(), "b".into()])),
        Vec::<String>::new()
    );
    assert_eq!(
        applied(two.clone(), zones(vec!["a".into()])),
        Vec::<String>::new()
    );
    only(
        applied(two, zones(vec!["a".into(), "b".into(), "c".into()])),
        "zones returned 3 where there must be 2",
    );
    let peers = |all: &[&str]| named().with("peer", Value::set(all.iter().map(|host| block("host", host))));
    only(applied(peers(&["a"]), peers(&["b"])), "peer was planned");
}

#[test]
fn promises_are_kept() {
    let promised = named().with("id", Value::unknown_with(Refinement::with_prefix("arn:")));
    assert_eq!(
        applied(promised.clone(), named().with("id", "arn:1")),
        Vec::<String>::new()
    );
    only(
        applied(promised.clone(), named().with("id", "1")),
        "id was promised",
    );
    only(applied(promised, named()), "id was promised");
}

#[test]
fn collections_and_numbers_are_compared_by_value() {
    let ty = Schema::new().attribute(Attribute::new("n", Type::list(Type::Number)).optional());
    let of = |text: &str| {
        ty.conform(Value::object([(
            "n",
            Value::list([text.parse::<crate::Number>().unwrap()]),
        )]))
        .unwrap()
    };
    assert_eq!(result(ty.root(), &of("1.50"), &of("1.5")), vec![]);
    assert_eq!(
        result(ty.root(), &of("1.50"), &of("1.6"))[0].path.to_string(),
        "n[0]"
    );
}
