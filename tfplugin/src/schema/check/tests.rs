use crate::schema::{Attribute, NestedBlock, Nesting, Schema};
use crate::value::Type;

#[track_caller]
fn finds(schema: Schema, text: &str) {
    let problems = schema.problems("x_y");
    assert!(
        problems.iter().any(|problem| problem.contains(text)),
        "{text:?}: {problems:?}"
    );
}

fn with(attribute: Attribute) -> Schema {
    Schema::new().attribute(attribute)
}

#[test]
fn what_terraform_refuses_is_found() {
    let string = Attribute::string;
    finds(with(string("a")), "x_y.a: say who sets it");
    finds(
        with(string("a").required().optional()),
        "both required and optional",
    );
    finds(
        with(string("a").required().computed()),
        "both required and computed",
    );
    finds(with(string("A").required()), "lower case");
    finds(with(string("count").required()), "keeps this name");
    finds(
        with(string("a").required()).attribute(string("a").required()),
        "occurs twice",
    );
    finds(with(string("a").computed().write_only()), "never computed");
    finds(
        with(string("a").default(3)),
        "the default does not fit: string is required, got a number",
    );
    finds(
        with(Attribute::new("a", Type::list(Type::Dynamic)).optional()),
        "inside a collection",
    );
    let any = Attribute::new("v", Type::Dynamic).optional();
    finds(
        Schema::new().block(NestedBlock::list("b").attribute(any.clone())),
        "inside a collection",
    );
    assert_eq!(
        Schema::new()
            .block(NestedBlock::single("b").attribute(any))
            .problems("x"),
        Vec::<String>::new()
    );
    finds(
        with(Attribute::nested("n", Nesting::List, vec![]).optional()),
        "without an attribute",
    );
    let secret = NestedBlock::set("b").attribute(string("t").optional().write_only());
    finds(Schema::new().block(secret), "cannot hold write-only");
    finds(
        Schema::new().block(NestedBlock::list("b").min_items(3).max_items(2)),
        "greater than the maximum",
    );
    finds(
        Schema::new().block(NestedBlock::map("b").max_items(2)),
        "bounds belong to",
    );
    finds(
        Schema::new().block(NestedBlock::set("b").unordered()),
        "only the order of a list",
    );
    finds(
        Schema::new().block(NestedBlock::list("b").unordered_by(["no"])),
        "which is no attribute",
    );
    finds(Schema::new().version(-1), "negative");
}

#[test]
fn the_attribute_at_a_place_is_found_through_blocks() {
    let inner = vec![Attribute::string("deep").optional()];
    let schema = with(Attribute::string_map("tags").optional())
        .attribute(Attribute::nested("n", Nesting::Map, inner).optional())
        .block(NestedBlock::list("b").attribute(Attribute::string("c").optional()));
    let at = |path: &str| schema.attribute_at(&path.into()).map(Attribute::name);
    assert_eq!(at("b[0].c"), Some("c"));
    assert_eq!(at("n[\"k\"].deep"), Some("deep"));
    assert_eq!(at("tags"), Some("tags"));
    assert_eq!(at("tags[\"k\"]"), None);
    assert_eq!(at("b"), None);
    assert_eq!(at("nothing"), None);
}
