//! What is made from the schema for tests is what they take it for.

use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema::{self, SchemaNode, Shape};
use meshform_model::testing::generate::{Chance, from_the_store, resource};
use meshform_model::testing::variants;
use meshform_model::validate;
use meshform_model::value::Node;
use std::collections::BTreeSet;

#[test]
fn generated_resources_are_right() {
    for kind in Kind::ALL {
        for seed in 0..200 {
            let json = resource(kind, &mut Chance::new(seed));
            let node = Node::from_json(&json);
            assert_eq!(
                validate::resource(kind, &node),
                [],
                "{kind}, seed {seed}: {json:#}"
            );
        }
    }
}

/// Every field that a user may write, positions in lists left out.
fn places(schema: &SchemaNode, place: &str, out: &mut BTreeSet<String>) {
    match &schema.shape {
        Shape::Object(object) | Shape::Union(object) => {
            for field in object.fields.iter().filter(|field| !from_the_store(field)) {
                let place = format!("{place}/{}", field.name);
                places(field.node, &place, out);
                out.insert(place);
            }
        }
        Shape::List(list) => places(list.items, place, out),
        _ => {}
    }
}

#[test]
fn every_field_has_variants_that_are_right_and_differ_in_it_alone() {
    for kind in Kind::ALL {
        let mut wanted = BTreeSet::new();
        places(schema::kind(kind).root, "", &mut wanted);
        let mut found = BTreeSet::new();
        for one in variants::all().iter().filter(|one| one.kind == kind) {
            found.insert(one.place());
            assert!(one.steps.len() >= 2, "{kind} {} never changes", one.pointer);
            for (index, step) in one.steps.iter().enumerate() {
                let node = Node::from_json(&step.json);
                let problems = validate::resource_in(kind, Dialect::Terraform, &node);
                assert_eq!(problems, [], "{kind} {}: {}", one.pointer, step.what);
                assert!(
                    index == 0 || one.steps[index - 1].json != step.json,
                    "{kind} {}: {} changes nothing",
                    one.pointer,
                    step.what
                );
            }
        }
        let missing: Vec<_> = wanted.symmetric_difference(&found).collect();
        assert!(missing.is_empty(), "{kind}: {missing:?}");
    }
}
