//! Against the CloudFormation resource types.

use super::{Difference, Mismatch, Rule, hold, published};
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema::{self, Field, FieldForm, ObjectShape, SchemaNode, Shape};
use serde_json::Value as Json;
use std::collections::BTreeMap;

struct Walker<'a> {
    definitions: &'a Json,
    found: Vec<Difference>,
    fields: usize,
}

impl<'a> Walker<'a> {
    fn differ(&mut self, place: &str, what: Mismatch) {
        self.found.push(Difference {
            place: place.to_owned(),
            what,
        });
    }

    fn resolved(&self, json: &'a Json) -> &'a Json {
        match json["$ref"].as_str() {
            Some(reference) => &self.definitions[reference.strip_prefix("#/definitions/").unwrap()],
            None => json,
        }
    }

    fn node(&mut self, ours: &SchemaNode, theirs: &'a Json, place: &str) {
        let theirs = self.resolved(theirs);
        let word = match &ours.shape {
            Shape::Object(_) | Shape::Union(_) => "object",
            Shape::List(_) => "array",
            Shape::Text(_) => "string",
            Shape::Int(_) => "integer",
            Shape::Number(_) => "number",
            Shape::Bool => "boolean",
            Shape::Any => "any",
        };
        let kind = theirs["type"].as_str().unwrap();
        if word != kind {
            self.differ(place, Mismatch::Keyword("type", word.to_owned(), kind.to_owned()));
            return;
        }
        match &ours.shape {
            Shape::Object(object) | Shape::Union(object) => self.object(object, theirs, place),
            Shape::List(list) => self.node(list.items, &theirs["items"], place),
            _ => {}
        }
    }

    fn object(&mut self, ours: &ObjectShape, theirs: &'a Json, place: &str) {
        let properties = theirs["properties"].as_object().unwrap();
        let required: Vec<&str> = theirs["required"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|v| v.as_str().unwrap())
            .collect();
        let mut names: BTreeMap<&str, &Field> = BTreeMap::new();
        collect(ours, &mut names);
        for name in properties
            .keys()
            .filter(|name| !names.contains_key(name.as_str()))
        {
            self.differ(&format!("{place}/{name}"), Mismatch::OnlyTheirs);
        }
        for (name, field) in names {
            self.fields += 1;
            let place = format!("{place}/{name}");
            let Some(theirs) = properties.get(name) else {
                self.differ(&place, Mismatch::OnlyOurs);
                continue;
            };
            match (field.required, required.contains(&name)) {
                (true, false) => self.differ(&place, Mismatch::WeRequire),
                (false, true) => self.differ(&place, Mismatch::TheyRequire),
                _ => {}
            }
            self.node(field.node, theirs, &place);
        }
    }
}

fn collect<'f>(object: &'f ObjectShape, names: &mut BTreeMap<&'f str, &'f Field>) {
    for field in &object.fields {
        let own = field.named(Dialect::CloudFormation);
        match own.form {
            FieldForm::Absent => {}
            FieldForm::Flatten => collect(field.node.object().unwrap(), names),
            _ => drop(names.insert(&own.name, field)),
        }
    }
}

const RULES: &[Rule] = &[
    Rule {
        why: "CloudFormation's own id of a resource, which is its ARN",
        covers: |d| {
            d.what == Mismatch::OnlyTheirs && d.place.matches('/').count() == 1 && d.place.ends_with("/Id")
        },
    },
    Rule {
        why: "names are not required in a document: the API has them in the path",
        covers: |d| {
            d.what == Mismatch::TheyRequire && d.place.matches('/').count() == 1 && d.place.ends_with("Name")
        },
    },
    Rule {
        why: "an absent egress filter type means DROP_ALL, an absent match of a gRPC route an empty one, and a router \
              may be without listeners, as in the API",
        covers: |d| {
            d.what == Mismatch::TheyRequire
                && [
                    "/EgressFilter/Type",
                    "/GrpcRoute/Match",
                    "virtualRouter/Spec/Listeners",
                ]
                .iter()
                .any(|end| d.place.ends_with(end))
        },
    },
    Rule {
        why: "a matcher without names would match nothing; the API requires them",
        covers: |d| {
            d.what == Mismatch::WeRequire && d.place.ends_with("/SubjectAlternativeNames/Match/Exact")
        },
    },
];

#[test]
fn every_property_of_cloudformation_is_in_the_schema_and_the_other_way_round() {
    let types = &published()["types"];
    let mut found = Vec::new();
    let mut fields = 0;
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::ProxyProfile) {
        let schema = schema::kind(kind);
        let theirs = &types[schema.type_in(Dialect::CloudFormation)];
        let mut walker = Walker {
            definitions: &theirs["definitions"],
            found: Vec::new(),
            fields: 0,
        };
        walker.object(schema.root.object().unwrap(), theirs, kind.name());
        found.append(&mut walker.found);
        fields += walker.fields;
    }
    assert!(fields > 450, "only {fields} properties were compared");
    hold(&found, RULES);
}
