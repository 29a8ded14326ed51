//! The typed structs beside the schema: what the schema allows passes through them unchanged, and they know no
//! field that the schema does not have.

use meshform_model::canonical;
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::schema::{self, SchemaNode, Shape};
use meshform_model::spec::{Extensions, Spec};
use meshform_model::testing::generate::{self, Chance};
use meshform_model::value::Node;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

const SEEDS: u64 = 500;

/// A part of a resource that has structs, and its schema.
struct Part {
    kind: Kind,
    name: &'static str,
    schema: &'static SchemaNode,
}

impl Part {
    /// All of them: every kind's spec, and the extensions of the kinds that have some.
    fn all() -> impl Iterator<Item = Part> {
        let of = |kind, name| {
            let field = schema::kind(kind).root.object()?.field(name)?;
            Some(Part {
                kind,
                name,
                schema: field.node,
            })
        };
        Kind::ALL.into_iter().flat_map(move |kind| {
            ["spec", "extensions"]
                .into_iter()
                .filter_map(move |name| of(kind, name))
        })
    }

    /// As the API is sent it: with the sent defaults, and with an empty match where a gRPC route has none.
    fn canonical(&self, part: &Json) -> Json {
        let node = Node::from_json(&json!({ self.name: part }));
        let node = canonical::canonicalise(self.kind, &node);
        let json = dialect::from_canonical(self.kind, Dialect::Api, &node).to_json();
        json.unwrap()[self.name].take()
    }

    fn generated(&self, seed: u64) -> Json {
        self.canonical(&generate::value(self.schema, &mut Chance::new(seed)))
    }

    /// Through the structs and back.
    fn typed(&self, json: &Json) -> Result<Json, String> {
        let typed = match self.name {
            "spec" => Spec::from_json(self.kind, json).map(|spec| spec.to_json()),
            _ => Extensions::from_json(self.kind, json).map(|some| some.unwrap().to_json()),
        };
        typed.map_err(|error| error.message)
    }
}

/// Every place of the schema, list positions left out.
fn places(schema: &SchemaNode, place: &str, out: &mut BTreeSet<String>) {
    out.insert(place.to_owned());
    match &schema.shape {
        Shape::Object(object) | Shape::Union(object) => {
            for field in &object.fields {
                places(field.node, &format!("{place}/{}", field.name), out);
            }
        }
        Shape::List(list) => places(list.items, place, out),
        _ => {}
    }
}

fn visited(json: &Json, place: &str, out: &mut BTreeSet<String>) {
    out.insert(place.to_owned());
    match json {
        Json::Object(map) => {
            for (name, value) in map {
                visited(value, &format!("{place}/{name}"), out);
            }
        }
        Json::Array(list) => list.iter().for_each(|value| visited(value, place, out)),
        _ => {}
    }
}

#[test]
fn every_field_of_the_schema_passes_through_the_structs() {
    for part in Part::all() {
        let (kind, name) = (part.kind, part.name);
        let mut seen = BTreeSet::new();
        for seed in 0..SEEDS {
            // The structs come after the canonicaliser: a default that is sent is there.
            let json = part.generated(seed);
            let back = part
                .typed(&json)
                .unwrap_or_else(|e| panic!("{kind} {name}, seed {seed}: {e}: {json:#}"));
            assert_eq!(part.canonical(&back), json, "{kind} {name}, seed {seed}");
            visited(&back, "", &mut seen);
        }
        let mut all = BTreeSet::new();
        places(part.schema, "", &mut all);
        let missed: Vec<_> = all.difference(&seen).collect();
        assert!(
            missed.is_empty(),
            "{kind} {name}: chance never reached {missed:?}"
        );
    }
}

/// Puts an unknown field into each object of `whole`, one at a time, and gives the error to `check`.
fn probe(schema: &SchemaNode, pointer: &str, whole: &Json, check: &mut dyn FnMut(&SchemaNode, &str, Json)) {
    let here = whole.pointer(pointer).unwrap();
    match &schema.shape {
        Shape::Object(object) => {
            let mut probed = whole.clone();
            probed.pointer_mut(pointer).unwrap()["zzz"] = json!(1);
            check(schema, pointer, probed);
            for field in object
                .fields
                .iter()
                .filter(|field| here.get(&field.name).is_some())
            {
                probe(field.node, &format!("{pointer}/{}", field.name), whole, check);
            }
        }
        Shape::Union(object) => {
            let mut probed = whole.clone();
            *probed.pointer_mut(pointer).unwrap() = json!({"zzz": 1});
            check(schema, pointer, probed);
            for field in object
                .fields
                .iter()
                .filter(|field| here.get(&field.name).is_some())
            {
                probe(field.node, &format!("{pointer}/{}", field.name), whole, check);
            }
        }
        Shape::List(list) => {
            for index in 0..here.as_array().unwrap().len() {
                probe(list.items, &format!("{pointer}/{index}"), whole, check);
            }
        }
        _ => {}
    }
}

/// The names that serde offers: "unknown field `zzz`, expected one of `a`, `b`".
fn offered(message: &str) -> Option<BTreeSet<&str>> {
    let (_, list) = message.split_once("`zzz`, ")?;
    Some(list.split('`').skip(1).step_by(2).collect())
}

/// Where the structs of nodes and gateways are shared and know more than a gateway may say; validation, which
/// comes first, refuses it.
const SHARED: [(Kind, &str, &[&str]); 2] = [
    (Kind::VirtualGateway, "/connectionPool", &["tcp"]),
    (
        Kind::VirtualGateway,
        "/limits",
        &["maxResponseHeadersKb", "maxResponseHeadersCount"],
    ),
];

#[test]
fn every_field_of_the_structs_is_in_the_schema() {
    for part in Part::all() {
        let kind = part.kind;
        let mut places = BTreeSet::new();
        for seed in 0..SEEDS {
            let whole = part.generated(seed);
            probe(part.schema, "", &whole, &mut |schema, pointer, json| {
                if !places.insert(pointer.replace(|c: char| c.is_ascii_digit(), "")) {
                    return;
                }
                let error = match part.typed(&json) {
                    Ok(_) => panic!("{kind}{pointer}: the structs take an unknown field"),
                    Err(error) => error,
                };
                let names: BTreeSet<&str> = schema
                    .object()
                    .unwrap()
                    .fields
                    .iter()
                    .map(|field| field.name.as_str())
                    .collect();
                match offered(&error) {
                    Some(mut offered) => {
                        let shared = SHARED
                            .iter()
                            .filter(|(k, end, _)| *k == kind && pointer.ends_with(end))
                            .flat_map(|(_, _, names)| *names);
                        let shared: BTreeSet<&str> = shared.copied().collect();
                        offered.retain(|name| !shared.contains(name));
                        assert_eq!(offered, names, "{kind}{pointer}");
                    }
                    None => panic!("{kind}{pointer}: {error}"),
                }
            });
        }
    }
}
