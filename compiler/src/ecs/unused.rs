//! What a template has of no use any more, once its proxies are ours and its mesh is gone: parameters, conditions and
//! mappings to which something referred before and nothing refers now.

use super::appmesh::{Change, VariableFate};
use crate::stack::named;
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;

const PARAMETERS: &str = "Parameters";
const CONDITIONS: &str = "Conditions";
const MAPPINGS: &str = "Mappings";
/// What the console groups and labels parameters by.
const INTERFACE: &str = "AWS::CloudFormation::Interface";

/// Takes out of `after` what `before` used and `after` does not.
pub(super) fn remove(before: &Json, after: &mut Json) -> Vec<Change> {
    let used = UsedNames::of(before);
    let mut changes = Vec::new();
    // A condition may be all that used a parameter or another condition.
    loop {
        let now = UsedNames::of(after);
        let gone: Vec<(&str, String)> = [PARAMETERS, CONDITIONS, MAPPINGS]
            .into_iter()
            .flat_map(|section| {
                let gone = used.names(section).difference(now.names(section));
                gone.map(move |name| (section, name.clone())).collect::<Vec<_>>()
            })
            .filter(|(section, name)| after.get(*section).is_some_and(|all| all.get(name).is_some()))
            .collect();
        if gone.is_empty() {
            return changes;
        }
        for (section, name) in gone {
            take(after, section, &name);
            let why = match section {
                PARAMETERS => {
                    "nothing uses it any more; give it no value when you deploy, because CloudFormation rejects \
                     values of parameters that a template does not declare"
                }
                _ => "nothing uses it any more",
            };
            changes.push(Change {
                what: format!("{section}.{name}"),
                fate: VariableFate::Dropped,
                why: why.to_owned(),
            });
        }
    }
}

fn take(template: &mut Json, section: &str, name: &str) {
    let Some(fields) = template.as_object_mut() else {
        return;
    };
    if let Some(Json::Object(all)) = fields.get_mut(section) {
        all.remove(name);
        if all.is_empty() {
            fields.remove(section);
        }
    }
    if section == PARAMETERS
        && let Some(shown) = fields.get_mut("Metadata").and_then(|all| all.get_mut(INTERFACE))
    {
        not_shown(shown, name);
    }
}

fn not_shown(interface: &mut Json, name: &str) {
    let labels = interface.get_mut("ParameterLabels").and_then(Json::as_object_mut);
    labels.and_then(|labels| labels.remove(name));
    let groups = interface.get_mut("ParameterGroups").and_then(Json::as_array_mut);
    for group in groups.into_iter().flatten() {
        if let Some(Json::Array(listed)) = group.get_mut(PARAMETERS) {
            listed.retain(|one| one.as_str() != Some(name));
        }
    }
}

/// The names that a template uses.
#[derive(Default)]
struct UsedNames {
    parameters: BTreeSet<String>,
    conditions: BTreeSet<String>,
    mappings: BTreeSet<String>,
}

impl UsedNames {
    fn of(template: &Json) -> Self {
        let mut used = Self::default();
        for (section, content) in template.as_object().into_iter().flatten() {
            match section.as_str() {
                PARAMETERS | MAPPINGS | "Metadata" => {}
                "Resources" | "Outputs" | CONDITIONS => {
                    used.parameters.extend(named(content));
                    used.look(content);
                }
                // `Rules` name parameters as plain texts, and macros as they like.
                _ => used.all_texts(content),
            }
        }
        used
    }

    fn names(&self, section: &str) -> &BTreeSet<String> {
        match section {
            PARAMETERS => &self.parameters,
            CONDITIONS => &self.conditions,
            _ => &self.mappings,
        }
    }

    fn look(&mut self, json: &Json) {
        match json {
            Json::Object(map) => self.look_into(map),
            Json::Array(list) => list.iter().for_each(|one| self.look(one)),
            _ => {}
        }
    }

    fn look_into(&mut self, map: &Map<String, Json>) {
        for (name, value) in map {
            let first = value.get(0).and_then(Json::as_str);
            match (name.as_str(), value, first) {
                ("Condition", Json::String(condition), _) => drop(self.conditions.insert(condition.clone())),
                ("Fn::If", _, Some(condition)) => drop(self.conditions.insert(condition.to_owned())),
                ("Fn::FindInMap", Json::Array(_), Some(mapping)) => {
                    self.mappings.insert(mapping.to_owned());
                }
                // Which one it is tells an expression.
                ("Fn::FindInMap", ..) | ("Fn::Transform", ..) => self.all_texts(value),
                _ => {}
            }
            self.look(value);
        }
    }

    fn all_texts(&mut self, json: &Json) {
        match json {
            Json::String(text) => {
                let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
                for word in words.filter(|word| !word.is_empty()) {
                    for names in [&mut self.parameters, &mut self.conditions, &mut self.mappings] {
                        names.insert(word.to_owned());
                    }
                }
            }
            Json::Array(list) => list.iter().for_each(|one| self.all_texts(one)),
            Json::Object(map) => map.values().for_each(|one| self.all_texts(one)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_used_and_is_not_any_more_goes_and_the_rest_stays() {
        let before = json!({
            "Metadata": {"AWS::CloudFormation::Interface": {
                "ParameterGroups": [{"Parameters": ["Image", "Stage"]}], "ParameterLabels": {"Image": {"default": "Envoy"}}}},
            "Parameters": {"Image": {}, "Own": {}, "Stage": {}, "Unused": {}, "Ruled": {}, "Tag": {}},
            "Mappings": {"Accounts": {"a": {"b": "c"}}, "Kept": {"a": {"b": "c"}}},
            "Conditions": {"IsOwn": {"Fn::Equals": [{"Ref": "Own"}, ""]}, "Both": {"Fn::And": [{"Condition": "IsOwn"}]},
                "IsStage": {"Fn::Equals": [{"Ref": "Stage"}, ""]}},
            "Rules": {"R": {"Assertions": [{"Assert": {"Fn::Contains": [["a"], {"Fn::ValueOf": ["Ruled", "x"]}]}}]}},
            "Resources": {
                "Node": {"Type": "AWS::AppMesh::VirtualNode", "Properties": {"A": {"Fn::Sub": "${Tag}-${Ruled}"}}},
                "Task": {"Type": "T", "Condition": "IsStage", "Properties": {
                    "Image": {"Fn::If": ["Both", {"Ref": "Image"}, {"Fn::FindInMap": ["Accounts", "a", "b"]}]},
                    "Name": {"Fn::FindInMap": ["Kept", "a", "b"]}}},
            },
        });
        let mut after = before.clone();
        after["Resources"].as_object_mut().unwrap().remove("Node");
        after["Resources"]["Task"]["Properties"]["Image"] = json!("x");
        let changes = remove(&before, &mut after);
        assert_eq!(
            after["Parameters"],
            json!({"Stage": {}, "Unused": {}, "Ruled": {}})
        );
        assert_eq!(after["Mappings"], json!({"Kept": {"a": {"b": "c"}}}));
        assert_eq!(after["Conditions"].as_object().unwrap().len(), 1);
        let shown = &after["Metadata"]["AWS::CloudFormation::Interface"];
        assert_eq!(shown["ParameterGroups"], json!([{"Parameters": ["Stage"]}]));
        assert_eq!(shown["ParameterLabels"], json!({}));
        assert_eq!(changes.len(), 6, "{changes:?}");
        assert_eq!(remove(&before, &mut before.clone()).len(), 0);
    }
}
