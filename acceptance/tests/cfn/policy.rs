//! The role of the function, as the template that deploys it says it: what the function asks of the bucket is allowed, and
//! what the role allows is asked.

use crate::world::template;
use serde_json::Value;
use std::collections::BTreeSet;

const TEMPLATE: &str = include_str!("../../../examples/cloudformation/meshform-cfn.yaml");

/// A request to the bucket.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) action: &'static str,
    /// The object, or the prefix of a listing.
    pub(crate) name: String,
}

/// Every request is allowed by a statement, and every statement is needed.
pub(crate) fn allows_all(asked: &[Asked]) {
    let role = &template(TEMPLATE)["Resources"]["Role"]["Properties"];
    let statements = role["Policies"][0]["PolicyDocument"]["Statement"]
        .as_array()
        .unwrap()
        .clone();
    let mut used = BTreeSet::new();
    for one in asked {
        let statement = statements.iter().find(|statement| allows(statement, one));
        let statement = statement.unwrap_or_else(|| panic!("the role does not allow {one:?}"));
        used.insert(statement["Sid"].as_str().unwrap());
    }
    assert_eq!(used, BTreeSet::from(["List", "Meshes", "Store"]));
}

fn allows(statement: &Value, asked: &Asked) -> bool {
    let actions = texts(&statement["Action"]);
    let patterns = match asked.action {
        "s3:ListBucket" => texts(&statement["Condition"]["StringLike"]["s3:prefix"]),
        _ => texts(&statement["Resource"]),
    };
    let patterns = patterns.into_iter().map(|pattern| {
        let pattern = pattern.replace("${Prefix}", "mesh");
        pattern
            .split_once("${Bucket}/")
            .map_or(pattern.clone(), |(_, key)| key.to_owned())
    });
    let fits = |pattern: String| match pattern.strip_suffix('*') {
        Some(beginning) => asked.name.starts_with(beginning),
        None => asked.name == pattern,
    };
    actions.iter().any(|one| one == asked.action) && patterns.into_iter().any(fits)
}

/// A text, or several; expressions of CloudFormation by their texts.
fn texts(json: &Value) -> Vec<String> {
    match json {
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(map) => match map.get("Ref") {
            Some(name) => vec![format!("${{{}}}", name.as_str().unwrap())],
            None => map.values().flat_map(texts).collect(),
        },
        Value::String(text) => vec![text.clone()],
        Value::Null => Vec::new(),
        other => panic!("{other} is no text"),
    }
}
