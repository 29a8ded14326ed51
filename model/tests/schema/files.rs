//! The schemas themselves.

use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema::{self, Field, ObjectShape, Shape};
use meshform_model::validate;
use meshform_model::value::Node;

fn each_field(object: &'static ObjectShape, visit: &mut dyn FnMut(&'static Field)) {
    for field in &object.fields {
        visit(field);
        let node = field.node.list().map_or(field.node, |list| list.items);
        if let Some(inner) = node.object() {
            each_field(inner, visit);
        }
    }
}

#[test]
fn the_files_have_no_problems() {
    assert_eq!(schema::problems(), [""; 0]);
}

#[test]
fn every_kind_has_its_names() {
    for kind in Kind::ALL {
        let schema = schema::kind(kind);
        assert_eq!(schema.kind, kind);
        assert_eq!(
            schema::kind_of_terraform(schema.type_in(Dialect::Terraform)),
            Some(kind)
        );
        assert_eq!(
            schema::kind_of_terraform(&format!("aws_{}", schema.type_in(Dialect::Terraform))),
            Some(kind)
        );
        assert_eq!(
            schema::kind_of_cloudformation(schema.type_in(Dialect::CloudFormation)),
            Some(kind)
        );
        let root = schema.root.object().unwrap();
        for name in &schema.key {
            assert!(root.field(name).unwrap().identity, "{kind}: {name}");
        }
    }
    assert_eq!(schema::kind_of_terraform("appmesh_nothing"), None);
}

#[test]
fn every_pattern_compiles_and_every_default_fits() {
    for kind in Kind::ALL {
        each_field(schema::kind(kind).root.object().unwrap(), &mut |field| {
            if let Shape::Text(text) = &field.node.shape
                && let Some(pattern) = &text.pattern
            {
                regex_lite::Regex::new(&pattern.text).unwrap();
            }
            if let Some(default) = &field.default {
                let problems = validate::against(field.node, &Node::from_json(default));
                assert_eq!(problems, [], "{kind}: {}", field.name);
            }
            assert!(!field.doc.is_empty(), "{kind}: {}", field.name);
        });
    }
}

#[test]
fn every_example_is_right() {
    for kind in Kind::ALL {
        let schema = schema::kind(kind);
        assert!(!schema.examples.is_empty(), "{kind} has no example");
        for example in &schema.examples {
            assert_eq!(
                validate::resource(kind, &Node::from_json(example)),
                [],
                "{kind}: {example}"
            );
        }
        each_field(schema.root.object().unwrap(), &mut |field| {
            for example in &field.node.examples {
                let problems = validate::against(field.node, &Node::from_json(example));
                assert_eq!(problems, [], "{}: {example}", field.name);
            }
        });
    }
}
