//! The schema beside that of hashicorp/aws 5.100.0: every argument, block, default and computed attribute of the
//! original is there, under both type names, and where something is different the reason is written down.

use crate::world::World;
use meshform_model::schema;
use meshform_model::schema::terraform::{self, Body};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the original has, as derived from the original; the file says how.
const ORIGINAL: &str = include_str!("data/aws-5.100-schema.txt");

/// A difference that is meant.
struct Meant {
    /// Resources or data sources.
    of: &'static str,
    at: &'static [&'static str],
    /// What the original says and we do not.
    less: &'static [&'static str],
    /// What we say and the original does not.
    more: &'static [&'static str],
    why: &'static str,
}

const MEANT: [Meant; 9] = [
    Meant {
        of: "resource",
        at: &[
            "backend",
            "header",
            "metadata",
            "query_parameter",
            "weighted_target",
        ],
        less: &["block(set)"],
        more: &["block(list)"],
        why: "a changed element of a set reads as one that goes and one that comes; ours are lists whose order means \
              nothing, so a shifted weight reads as that attribute. Both are written alike, and references by index work",
    },
    Meant {
        of: "data",
        at: &[
            "backend",
            "header",
            "metadata",
            "query_parameter",
            "weighted_target",
        ],
        less: &["set(object)"],
        more: &["list(object)"],
        why: "as in the resources",
    },
    Meant {
        of: "resource",
        at: &[".invert", ".enforce", "egress_filter.type"],
        less: &[],
        more: &["computed"],
        why: "the protocol lets a provider plan a default where an attribute is computed too; the SDK of the original \
              is exempt from that",
    },
    Meant {
        of: "resource",
        at: &["weighted_target.port", "health_check.port"],
        less: &["computed"],
        more: &[],
        why: "a computed port that is taken out of the configuration stays for ever",
    },
    Meant {
        of: "resource",
        at: &[
            "grpc_route.match.service_name",
            "rewrite.hostname.default_target_hostname",
            "rewrite.path.exact",
        ],
        less: &["required"],
        more: &["optional"],
        why: "the API has them optional",
    },
    Meant {
        of: "resource",
        at: &[
            "connection_pool.http",
            "connection_pool.http2",
            "connection_pool.tcp",
        ],
        less: &["0.."],
        more: &["0..1"],
        why: "the original takes several, sends the first and plans the second for ever",
    },
    Meant {
        of: "resource",
        at: &["id"],
        less: &["optional"],
        more: &[],
        why: "an id is given by the store; that it could be configured is an accident of the SDK of the original",
    },
    Meant {
        of: "data",
        at: &["id"],
        less: &["optional"],
        more: &[],
        why: "an id follows from the name; that it could be configured is an accident of the SDK of the original",
    },
    Meant {
        of: "data",
        at: &["mesh_owner"],
        less: &[],
        more: &["optional"],
        why: "the original left the argument out of the data source of virtual gateways",
    },
];

/// Path of an argument or block in a resource or data source, and what it is.
type Arguments = BTreeMap<String, BTreeSet<String>>;

/// The original's, by `resource aws_appmesh_mesh`.
fn original() -> BTreeMap<String, Arguments> {
    let mut out: BTreeMap<String, Arguments> = BTreeMap::new();
    for line in ORIGINAL.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ').map(str::to_owned);
        let of = format!("{} {}", words.next().unwrap(), words.next().unwrap());
        let path = words.next().unwrap();
        out.entry(of).or_default().insert(path, words.collect());
    }
    out
}

/// Ours, as Terraform sees it.
fn ours(block: &Value) -> Arguments {
    let mut out = Arguments::new();
    of_block(block, "", &mut out);
    out
}

fn of_block(block: &Value, path: &str, out: &mut Arguments) {
    for (name, one) in block["attributes"].as_object().into_iter().flatten() {
        let path = format!("{path}{name}");
        let flags = ["required", "optional", "computed"].into_iter();
        let mut words: BTreeSet<String> = flags
            .filter(|flag| one[*flag] == true)
            .map(str::to_owned)
            .collect();
        words.insert(type_text(&one["type"]));
        out.insert(path.clone(), words);
        of_object(&one["type"], &path, out);
    }
    for (name, one) in block["block_types"].as_object().into_iter().flatten() {
        let path = format!("{path}{name}");
        let max = one["max_items"]
            .as_u64()
            .map_or(String::new(), |max| max.to_string());
        let words = [
            format!("block({})", one["nesting_mode"].as_str().unwrap()),
            format!("{}..{max}", one["min_items"].as_u64().unwrap_or_default()),
        ];
        out.insert(path.clone(), words.into());
        of_block(&one["block"], &format!("{path}."), out);
    }
}

fn of_object(of_type: &Value, path: &str, out: &mut Arguments) {
    match of_type[0].as_str() {
        Some("list" | "set") => of_object(&of_type[1], path, out),
        Some("object") => {
            for (name, inner) in of_type[1].as_object().unwrap() {
                let path = format!("{path}.{name}");
                out.insert(path.clone(), [type_text(inner)].into());
                of_object(inner, &path, out);
            }
        }
        _ => {}
    }
}

fn type_text(of_type: &Value) -> String {
    match of_type {
        Value::String(text) => text.clone(),
        list if list[0] == "object" => "object".to_owned(),
        list => format!("{}({})", list[0].as_str().unwrap(), type_text(&list[1])),
    }
}

/// What Terraform is not told: replacements, and defaults, which the plan shows.
fn add_behaviour(body: &Body, path: &str, out: &mut Arguments) {
    for one in &body.attributes {
        let words = out.get_mut(&format!("{path}{}", one.name)).unwrap();
        if one.replaces {
            words.insert("replaces".to_owned());
        }
        if let Some(default) = &one.default {
            words.insert(format!("default={default}"));
        }
    }
    for block in &body.blocks {
        add_behaviour(&block.body, &format!("{path}{}.", block.name), out);
    }
}

#[test]
fn everything_of_the_original_schema_is_there() {
    let world = World::new("");
    let shown = world.run(&["providers", "schema", "-json"]);
    let shown: Value = serde_json::from_str(&shown.text).unwrap();
    let provider = shown["provider_schemas"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    let mut unexplained = Vec::new();
    let mut used = BTreeSet::new();
    let mut compared = 0;
    for (of, original) in original() {
        let (what, type_name) = of.split_once(' ').unwrap();
        let schemas = if what == "data" {
            "data_source_schemas"
        } else {
            "resource_schemas"
        };
        for type_name in [type_name, type_name.trim_start_matches("aws_")] {
            let block = &provider[schemas][type_name]["block"];
            assert!(block.is_object(), "no {what} {type_name}");
            let mut ours = ours(block);
            if what == "resource" {
                let kind = schema::kind_of_terraform(type_name).unwrap();
                add_behaviour(&terraform::resource(kind).body, "", &mut ours);
            }
            for (path, theirs) in &original {
                compared += 1;
                let ours = ours.get(path).cloned().unwrap_or_default();
                let less: Vec<&str> = theirs.difference(&ours).map(String::as_str).collect();
                let more: Vec<&str> = ours.difference(theirs).map(String::as_str).collect();
                let meant = MEANT.iter().position(|one| {
                    let is_there = one.at.iter().any(|end| path.ends_with(end));
                    one.of == what && is_there && one.less == less && one.more == more
                });
                used.extend(meant);
                if ours != *theirs && meant.is_none() {
                    unexplained.push(format!("{what} {type_name} {path}: not {less:?}, but {more:?}"));
                }
            }
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(compared > 2000, "{compared}");
    for (number, meant) in MEANT.iter().enumerate() {
        assert!(used.contains(&number), "nothing differs any more: {}", meant.why);
    }
}
