//! What reads: data sources, their plurals, `terraform query` and imports, for the 62 resources of `model/tests/data`
//! that fill nearly every field. Each value is held against the state of the resource.

use crate::migration::{CONFIGURATION, COUNT, same_names};
use crate::world::{World, differences, no_panic, says};
use meshform_acceptance::tools;
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::schema::terraform::{self, Body};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// The resources as they were applied, under the names of hashicorp/aws.
struct Applied {
    world: World,
    state: BTreeMap<String, Value>,
}

/// Applied once, as the tests only read.
fn applied() -> &'static Applied {
    static APPLIED: OnceLock<Applied> = OnceLock::new();
    APPLIED.get_or_init(Applied::new)
}

impl Applied {
    fn new() -> Self {
        let world = World::of_json(&tools::terraform_in_turn(), &same_names(CONFIGURATION));
        world.apply();
        let state = world.state();
        assert_eq!(state.len(), COUNT);
        Applied { world, state }
    }

    /// Each resource: its kind, its label, its values.
    fn resources(&self) -> impl Iterator<Item = (Kind, &str, &Value)> {
        self.state.iter().map(|(address, values)| {
            let (_, label) = address.split_once('.').unwrap();
            (kind_of(address), label, values)
        })
    }

    fn of_kind(&self, kind: Kind) -> Vec<&Value> {
        let of_kind = self.resources().filter(|(one, ..)| *one == kind);
        of_kind.map(|(.., values)| values).collect()
    }

    /// The provider block of a root module that reads this store.
    fn provider(&self) -> Value {
        json!({"appmesh": {"store": self.world.store_directory().to_string_lossy()}})
    }

    fn reader(&self, data: Value) -> World {
        let head: Value = serde_json::from_str(crate::world::HEAD_JSON).unwrap();
        let configuration = json!({"terraform": head, "provider": self.provider(), "data": data});
        World::of_json(&tools::terraform_in_turn(), &configuration)
    }
}

fn kind_of(address: &str) -> Kind {
    let (type_name, _) = address.split_once('.').unwrap();
    schema::kind_of_terraform(type_name).unwrap()
}

/// The arguments that name a resource.
fn names(kind: Kind, values: &Value) -> Map<String, Value> {
    let key = schema::kind(kind).key.iter();
    let fields = key.map(|name| schema::kind(kind).root.object().unwrap().field(name).unwrap());
    fields
        .map(|field| {
            let name = &field.named(Dialect::Terraform).name;
            (name.clone(), values[name].clone())
        })
        .collect()
}

/// The values with blocks whose order has no meaning in one order: a data source and an import have that of the store.
fn in_order(kind: Kind, values: &Value) -> Value {
    fn sort(body: &Body, value: &mut Value) {
        for block in &body.blocks {
            let Some(items) = value.get_mut(&block.name).and_then(Value::as_array_mut) else {
                continue;
            };
            items.iter_mut().for_each(|item| sort(&block.body, item));
            if block.unordered {
                items.sort_by_key(Value::to_string);
            }
        }
    }
    let mut values = values.clone();
    sort(&terraform::resource(kind).body, &mut values);
    values
}

/// In which values two resources differ, whatever the order of blocks where it has no meaning.
fn differing(kind: Kind, one: &Value, other: &Value) -> Vec<String> {
    let mut found = Vec::new();
    differences("", &in_order(kind, one), &in_order(kind, other), &mut found);
    found
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields.values().map(leaves).sum(),
        Value::Array(items) => items.iter().map(leaves).sum(),
        _ => 1,
    }
}

#[test]
fn a_data_source_of_each_resource_has_its_values_by_name_and_by_owner() {
    let applied = applied();
    let mut data: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (kind, label, values) in applied.resources() {
        let ours = schema::kind(kind).type_in(Dialect::Terraform);
        for (type_name, by_owner) in [(ours.to_owned(), true), (format!("aws_{ours}"), false)] {
            let mut block = names(kind, values);
            block.insert("provider".to_owned(), "appmesh".into());
            if by_owner && kind != Kind::Mesh {
                block.insert("mesh_owner".to_owned(), values["mesh_owner"].clone());
            }
            data.entry(type_name)
                .or_default()
                .insert(label.to_owned(), block.into());
        }
    }
    let reader = applied.reader(json!(data));
    reader.apply();
    reader.plan_is_empty();
    let read = reader.state();
    assert_eq!(read.len(), 2 * COUNT);
    let mut compared = 0;
    for (address, found) in &read {
        let (type_name, label) = address.trim_start_matches("data.").split_once('.').unwrap();
        let ours = type_name.trim_start_matches("aws_");
        let mut wanted = applied.state[&format!("aws_{ours}.{label}")].clone();
        // As hashicorp/aws has them: the id of a data source is the name, and no tags are an empty map.
        wanted["id"] = wanted["name"].clone();
        if wanted["tags"].is_null() {
            wanted["tags"] = json!({});
        }
        wanted.as_object_mut().unwrap().remove("tags_all");
        let kind = schema::kind_of_terraform(ours).unwrap();
        assert_eq!(differing(kind, &wanted, found), [] as [String; 0], "{address}");
        compared += leaves(found);
    }
    println!("{compared} values of {} data sources", read.len());
    assert!(compared > 3000, "only {compared} values");
}

#[test]
fn a_plural_data_source_lists_what_a_mesh_a_router_or_a_gateway_has() {
    let applied = applied();
    let mut data: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut wanted: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for kind in Kind::ALL {
        let singular = schema::kind(kind).type_in(Dialect::Terraform);
        let plural = if kind == Kind::Mesh {
            "appmesh_meshes".to_owned()
        } else {
            format!("{singular}s")
        };
        // Everything that holds some of the kind, and meshes that hold none.
        let of_kind = applied.of_kind(kind).into_iter();
        let holders: Vec<Map<String, Value>> = match kind.parent() {
            _ if kind == Kind::Mesh => vec![Map::new()],
            None => {
                let meshes = applied.of_kind(Kind::Mesh).into_iter();
                let empty = meshes.map(|values| json!({"mesh_name": values["name"]}));
                let full = of_kind.map(|values| json!({"mesh_name": values["mesh_name"]}));
                full.chain(empty)
                    .map(|one| one.as_object().unwrap().clone())
                    .collect()
            }
            Some(_) => of_kind
                .map(|values| {
                    let mut holder = names(kind, values);
                    holder.remove("name");
                    holder
                })
                .collect(),
        };
        let mut seen = BTreeSet::new();
        let holders = holders
            .into_iter()
            .filter(|one| seen.insert(json!(one).to_string()));
        for (number, holder) in holders.enumerate() {
            let inside = applied
                .of_kind(kind)
                .into_iter()
                .filter(|values| holder.iter().all(|(name, value)| values[name] == *value));
            let text = |values: &Value, name: &str| values[name].as_str().unwrap().to_owned();
            let mut inside: Vec<(String, String)> = inside
                .map(|values| (text(values, "name"), text(values, "arn")))
                .collect();
            inside.sort();
            wanted.insert(format!("data.{plural}.l{number}"), inside);
            data.entry(plural.clone())
                .or_default()
                .insert(format!("l{number}"), holder.into());
        }
    }
    let reader = applied.reader(json!(data));
    reader.apply();
    reader.plan_is_empty();
    let read = reader.state();
    assert_eq!(read.len(), wanted.len());
    for (address, inside) in &wanted {
        let names: Vec<&str> = inside.iter().map(|(name, _)| name.as_str()).collect();
        let arns: Vec<&str> = inside.iter().map(|(_, arn)| arn.as_str()).collect();
        assert_eq!(read[address]["names"], json!(names), "{address}");
        assert_eq!(read[address]["arns"], json!(arns), "{address}");
        assert_eq!(
            read[address]["owners"],
            json!(vec!["terraform"; names.len()]),
            "{address}"
        );
    }
    let listed: usize = wanted.values().map(Vec::len).sum();
    assert_eq!(listed, COUNT);
}

#[test]
fn what_is_not_there_or_belongs_to_another_is_told_at_its_argument() {
    let applied = applied();
    let mut data: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut wanted = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::ProxyProfile) {
        let values = applied.of_kind(kind)[0];
        let ours = schema::kind(kind).type_in(Dialect::Terraform);
        for type_name in [ours.to_owned(), format!("aws_{ours}")] {
            let blocks = data.entry(type_name.clone()).or_default();
            let mut block = names(kind, values);
            block.insert("provider".to_owned(), "appmesh".into());
            let mut absent = block.clone();
            absent.insert("name".to_owned(), "nobody.local".into());
            blocks.insert("absent".to_owned(), absent.into());
            wanted.push((format!("data.{type_name}.absent"), "name", "nobody.local"));
            if kind != Kind::Mesh {
                block.insert("mesh_owner".to_owned(), "999999999999".into());
                blocks.insert("foreign".to_owned(), block.into());
                wanted.push((
                    format!("data.{type_name}.foreign"),
                    "mesh_owner",
                    "belongs to the mesh owner",
                ));
            }
        }
    }
    let reader = applied.reader(json!(data));
    let ran = reader.run(&["plan", "-json"]);
    assert!(!ran.ok(), "{}", ran.text);
    no_panic(&ran.text);
    let lines = ran
        .text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let errors: Vec<Value> = lines
        .filter(|line| line["@level"] == "error")
        .map(|line| line["diagnostic"].clone())
        .collect();
    assert_eq!(errors.len(), wanted.len(), "{}", ran.text);
    for (address, argument, words) in wanted {
        let told = errors.iter().find(|one| one["address"] == *address);
        let told = told.unwrap_or_else(|| panic!("nothing is told of {address}"));
        says(
            told["summary"].as_str().unwrap(),
            &["Resource not found (MF1003)"],
        );
        says(told["detail"].as_str().unwrap(), &[words]);
        let snippet = told["snippet"]["code"].as_str().unwrap();
        let (start, end) = (
            &told["snippet"]["highlight_start_offset"],
            &told["snippet"]["highlight_end_offset"],
        );
        let marked = &snippet[start.as_u64().unwrap() as usize..end.as_u64().unwrap() as usize];
        let value = if argument == "name" {
            "nobody.local"
        } else {
            "999999999999"
        };
        assert!(marked.contains(value), "{address} marks {marked}");
    }
}

#[test]
fn a_query_finds_each_resource_with_identity_and_values_and_keeps_to_its_filter() {
    let applied = applied();
    let head: Value = serde_json::from_str(crate::world::HEAD_JSON).unwrap();
    let configuration = json!({"terraform": head, "provider": applied.provider()});
    let world = World::of_json(&tools::terraform_shim(), &configuration);
    let mut text = String::new();
    for kind in Kind::ALL {
        let ours = schema::kind(kind).type_in(Dialect::Terraform);
        for type_name in [ours.to_owned(), format!("aws_{ours}")] {
            if kind == Kind::ProxyProfile && type_name.starts_with("aws_") {
                continue;
            }
            text.push_str(&format!(
                "list \"{type_name}\" \"all\" {{\n  provider = appmesh\n  include_resource = true\n  limit = 1000\n}}\n"
            ));
        }
    }
    // Only what one router has.
    let route = applied.of_kind(Kind::Route)[0];
    let (mesh, router) = (&route["mesh_name"], &route["virtual_router_name"]);
    text.push_str(&format!(
        "list \"appmesh_route\" \"some\" {{\n  provider = appmesh\n  config {{\n    mesh_name = {mesh}\n    \
         virtual_router_name = {router}\n  }}\n}}\n"
    ));
    world.module().write("all.tfquery.hcl", &text).unwrap();
    let ran = world.run(&["query", "-json"]);
    assert!(ran.ok(), "{}", ran.text);
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let lines = ran
        .text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for line in lines.filter(|line| line["type"] == "list_resource_found") {
        let one = line["list_resource_found"].clone();
        found
            .entry(one["address"].as_str().unwrap().to_owned())
            .or_default()
            .push(one);
    }
    let mut compared = 0;
    for kind in Kind::ALL {
        let wanted = applied.of_kind(kind);
        let ours = schema::kind(kind).type_in(Dialect::Terraform);
        for type_name in [ours.to_owned(), format!("aws_{ours}")] {
            let listed = found.remove(&format!("list.{type_name}.all")).unwrap_or_default();
            if kind == Kind::ProxyProfile {
                continue;
            }
            assert_eq!(listed.len(), wanted.len(), "{type_name}");
            for values in &wanted {
                let identity = Value::from(names(kind, values));
                let one = listed.iter().find(|one| one["identity"] == identity);
                let one = one.unwrap_or_else(|| panic!("{type_name} has no {identity}"));
                let mut wrong = differing(kind, values, &one["resource_object"]);
                wrong.retain(|line| !line.starts_with("tags: null"));
                assert_eq!(wrong, [] as [String; 0], "{identity}");
                compared += leaves(values);
            }
        }
    }
    let some = found.remove("list.appmesh_route.some").unwrap();
    let routes = applied.of_kind(Kind::Route).into_iter();
    let of_router = routes.filter(|one| one["virtual_router_name"] == *router && one["mesh_name"] == *mesh);
    assert_eq!(some.len(), of_router.count());
    assert!(
        some.iter()
            .all(|one| one["identity"]["virtual_router_name"] == *router)
    );
    assert!(found.is_empty(), "{found:?}");
    assert!(compared > 3000, "only {compared} values");
}

#[test]
fn each_resource_is_imported_as_it_is_by_id_and_by_identity() {
    let applied = Applied::new();
    let [old, new] = tools::terraform_matrix().try_into().unwrap();
    for (terraform, by_identity) in [(old, false), (new, true)] {
        let mut configuration = same_names(CONFIGURATION);
        configuration["provider"] = applied.provider();
        let imports = applied.resources().map(|(kind, label, values)| {
            let mut block =
                json!({"to": format!("aws_{}.{label}", schema::kind(kind).type_in(Dialect::Terraform))});
            let names = names(kind, values);
            if by_identity {
                block["identity"] = names.into();
            } else {
                // Mesh, parent, name: outermost first.
                let field = |name: &str| names.get(name).and_then(Value::as_str);
                let parts = ["mesh_name", "virtual_router_name", "virtual_gateway_name", "name"];
                let parts: Vec<&str> = parts.into_iter().filter_map(field).collect();
                block["id"] = parts.join("/").into();
            }
            block
        });
        configuration["import"] = imports.collect();
        let world = World::of_json(&terraform, &configuration);
        let plan = world.plan();
        // Blocks that hold different blocks stand where the configuration has them, and come in the store's order.
        let changes = plan.changes();
        for (address, action) in &changes {
            assert_eq!(action, "update", "{address}");
            let (before, after) = plan.before_and_after(address);
            let mut wrong = differing(kind_of(address), &before, &after);
            wrong.retain(|line| !line.starts_with("last_updated_date"));
            assert_eq!(wrong, [] as [String; 0], "{address}");
        }
        assert!(changes.len() <= 1, "{changes:?}");
        let said = world.apply().flat();
        says(
            &said,
            &[&format!(
                "62 imported, 0 added, {} changed, 0 destroyed",
                changes.len()
            )],
        );
        world.plan_is_empty();
        for (address, values) in world.state() {
            let mut wrong = differing(kind_of(&address), &applied.state[&address], &values);
            wrong.retain(|_| !changes.contains_key(&address));
            assert_eq!(wrong, [] as [String; 0], "{address}");
        }
    }
}
