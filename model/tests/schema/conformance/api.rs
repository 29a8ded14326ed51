//! Against the API's service model.

use super::{Difference, Mismatch, Rule, hold, published};
use meshform_model::kind::Kind;
use meshform_model::schema::{self, Field, ObjectShape, SchemaNode, Shape};
use serde_json::Value as Json;

struct Walker<'a> {
    shapes: &'a Json,
    found: Vec<Difference>,
    fields: usize,
}

impl Walker<'_> {
    fn differ(&mut self, place: &str, what: Mismatch) {
        self.found.push(Difference {
            place: place.to_owned(),
            what,
        });
    }

    fn keyword(&mut self, place: &str, name: &'static str, ours: impl ToString, theirs: impl ToString) {
        let (ours, theirs) = (ours.to_string(), theirs.to_string());
        if ours != theirs {
            self.differ(place, Mismatch::Keyword(name, ours, theirs));
        }
    }

    fn node(&mut self, ours: &SchemaNode, theirs: &str, place: &str) {
        let shape = self.shapes[theirs].clone();
        let (word, union) = match &ours.shape {
            Shape::Object(_) => ("structure", false),
            Shape::Union(_) => ("structure", true),
            Shape::List(_) => ("list", false),
            Shape::Text(_) => ("string", false),
            Shape::Int(_) => ("integer", false),
            Shape::Number(_) => ("double", false),
            Shape::Bool => ("boolean", false),
            Shape::Any => ("any", false),
        };
        let kind = shape["type"]
            .as_str()
            .unwrap()
            .replace("long", "integer")
            .replace("timestamp", "any");
        self.keyword(place, "type", word, kind);
        self.keyword(place, "union", union, shape["union"] == true);
        match &ours.shape {
            Shape::Object(object) | Shape::Union(object) => self.object(object, &shape, place),
            Shape::List(list) => {
                self.bounds(
                    place,
                    (list.min > 0).then_some(list.min as f64),
                    list.max.map(|n| n as f64),
                    &shape,
                );
                self.node(list.items, shape["member"]["shape"].as_str().unwrap(), place);
            }
            Shape::Text(text) => {
                let theirs: Vec<&str> = shape["enum"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|v| v.as_str().unwrap())
                    .collect();
                let sorted = |names: Vec<&str>| {
                    let mut names = names;
                    names.sort_unstable();
                    names.join(" ")
                };
                let ours = text.choices.iter().map(String::as_str).collect();
                self.keyword(place, "enum", sorted(ours), sorted(theirs));
                if text.choices.is_empty() {
                    let min = text.min.filter(|min| *min > 0);
                    self.bounds(place, min.map(|n| n as f64), text.max.map(|n| n as f64), &shape);
                }
                let pattern = text.pattern.as_ref().map_or("", |p| p.text.as_str());
                self.keyword(
                    place,
                    "pattern",
                    pattern,
                    shape["pattern"].as_str().unwrap_or_default(),
                );
            }
            Shape::Int(bounds) | Shape::Number(bounds) => self.bounds(place, bounds.min, bounds.max, &shape),
            Shape::Bool | Shape::Any => {}
        }
    }

    fn bounds(&mut self, place: &str, min: Option<f64>, max: Option<f64>, shape: &Json) {
        let theirs = |name: &str| shape[name].as_f64().map_or(String::new(), |n| n.to_string());
        let ours = |n: Option<f64>| n.map_or(String::new(), |n| n.to_string());
        // A length or a count of at least 0 says nothing.
        let their_min = match shape["type"].as_str() {
            Some("string" | "list") if shape["min"] == 0 => String::new(),
            _ => theirs("min"),
        };
        self.keyword(place, "min", ours(min), their_min);
        self.keyword(place, "max", ours(max), theirs("max"));
    }

    fn object(&mut self, ours: &ObjectShape, shape: &Json, place: &str) {
        let members = shape["members"].as_object().unwrap();
        let required: Vec<&str> = shape["required"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|v| v.as_str().unwrap())
            .collect();
        for name in members.keys().filter(|name| ours.field(name).is_none()) {
            self.differ(&format!("{place}/{name}"), Mismatch::OnlyTheirs);
        }
        for field in &ours.fields {
            self.field(
                field,
                members.get(&field.name),
                required.contains(&field.name.as_str()),
                place,
            );
        }
    }

    fn field(&mut self, field: &Field, theirs: Option<&Json>, required: bool, place: &str) {
        let place = format!("{place}/{}", field.name);
        self.fields += 1;
        let Some(theirs) = theirs else {
            self.differ(&place, Mismatch::OnlyOurs);
            return;
        };
        match (field.required, required) {
            (true, false) => self.differ(&place, Mismatch::WeRequire),
            (false, true) => self.differ(&place, Mismatch::TheyRequire),
            _ => {}
        }
        self.node(field.node, theirs["shape"].as_str().unwrap(), &place);
    }
}

const RULES: &[Rule] = &[
    Rule {
        why: "a duration without its unit or its number means nothing; CloudFormation and Terraform require both",
        covers: |d| {
            d.what == Mismatch::WeRequire && (d.place.ends_with("/unit") || d.place.ends_with("/value"))
        },
    },
    Rule {
        why: "names are not required in a document: the API has them in the path, a template may leave them out",
        covers: |d| {
            d.what == Mismatch::TheyRequire && d.place.ends_with("Name") && d.place.matches('/').count() == 1
        },
    },
    Rule {
        why: "an absent match of a gRPC route means an empty one, as with Terraform; the API is sent `{}`",
        covers: |d| d.what == Mismatch::TheyRequire && d.place == "route/spec/grpcRoute/match",
    },
    Rule {
        why: "an absent egress filter type means DROP_ALL, which is sent",
        covers: |d| d.what == Mismatch::TheyRequire && d.place == "mesh/spec/egressFilter/type",
    },
    Rule {
        why: "a client token belongs to a request, not to a resource",
        covers: |d| d.what == Mismatch::OnlyTheirs && d.place.ends_with("/clientToken"),
    },
    Rule {
        why: "the parts of a whole document that are not in a request to create it",
        covers: |d| {
            d.what == Mismatch::OnlyOurs
                && ["/extensions", "/metadata", "/status"]
                    .iter()
                    .any(|end| d.place.ends_with(end))
                && d.place.matches('/').count() == 1
        },
    },
    Rule {
        why: "our patterns: names without slashes, paths with one, ARNs that are ARNs",
        covers: |d| matches!(&d.what, Mismatch::Keyword("pattern", _, theirs) if theirs.is_empty()),
    },
    Rule {
        why: "a virtual service's name has the length of all names, as it has in gateway routes and in Terraform",
        covers: |d| {
            matches!(d.what, Mismatch::Keyword("min" | "max", ..)) && d.place.ends_with("/virtualServiceName")
        },
    },
    Rule {
        why: "a gateway without a listener takes no traffic; Terraform requires one too",
        covers: |d| {
            matches!(d.what, Mismatch::Keyword("min", ..)) && d.place == "virtualGateway/spec/listeners"
        },
    },
    Rule {
        why: "a JSON format without members chooses nothing",
        covers: |d| matches!(d.what, Mismatch::Keyword("min", ..)) && d.place.ends_with("/file/format/json"),
    },
    Rule {
        why: "empty texts that could never work: host names to look up, and SDS secrets of trust bundles, which \
              Terraform bounds at 255 too",
        covers: |d| {
            matches!(d.what, Mismatch::Keyword("min" | "max", ..))
                && (d.place.ends_with("/dns/hostname") || d.place.ends_with("/trust/sds/secretName"))
        },
    },
];

#[test]
fn every_field_of_the_api_is_in_the_schema_and_the_other_way_round() {
    let shapes = &published()["shapes"];
    let mut walker = Walker {
        shapes,
        found: Vec::new(),
        fields: 0,
    };
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::ProxyProfile) {
        let words: String = kind.words().split(' ').map(capital).collect();
        let root = schema::kind(kind).root;
        walker.object(
            root.object().unwrap(),
            &shapes[format!("Create{words}Input")],
            kind.name(),
        );
        // What is filled in stands in the answers only.
        for name in ["metadata", "status"] {
            let theirs = shapes[format!("{words}Data")]["members"][name]["shape"]
                .as_str()
                .unwrap();
            let ours = root.object().unwrap().field(name).unwrap();
            let mut answer = Walker {
                shapes,
                found: Vec::new(),
                fields: 0,
            };
            answer.node(ours.node, theirs, name);
            let missing = [Mismatch::OnlyOurs, Mismatch::OnlyTheirs];
            answer.found.retain(|d| missing.contains(&d.what));
            assert_eq!(answer.found, [], "{kind}");
        }
    }
    assert!(walker.fields > 450, "only {} fields were compared", walker.fields);
    hold(&walker.found, RULES);
}

fn capital(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}
