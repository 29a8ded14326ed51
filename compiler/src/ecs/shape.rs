//! Whether a rendered template has the form that `templates/ecs/task-definition.schema.json` describes. It reads the part
//! of JSON Schema that this file uses; a test holds it against a whole implementation.

use regex_lite::Regex;
use serde_json::{Map, Value as Json};
use std::sync::OnceLock;

const SCHEMA: &str = include_str!("../../../templates/ecs/task-definition.schema.json");

/// What has the wrong form, each with where it is.
pub(super) fn problems(template: &Json) -> Vec<(String, String)> {
    static READ: OnceLock<Option<Json>> = OnceLock::new();
    let Some(root) = READ.get_or_init(|| serde_json::from_str(SCHEMA).ok()) else {
        return vec![(
            String::new(),
            "the schema of task definitions is not JSON".to_owned(),
        )];
    };
    let mut walk = Walk {
        root,
        found: Vec::new(),
    };
    walk.value(root, template, &mut Vec::new());
    walk.found
}

struct Walk<'s> {
    root: &'s Json,
    found: Vec<(String, String)>,
}

impl<'s> Walk<'s> {
    fn tell(&mut self, path: &[String], what: String) {
        self.found.push((format!("/{}", path.join("/")), what));
    }

    /// Whether it fits, without a word.
    fn fits(&self, schema: &'s Json, value: &Json) -> bool {
        let mut walk = Walk {
            root: self.root,
            found: Vec::new(),
        };
        walk.value(schema, value, &mut Vec::new());
        walk.found.is_empty()
    }

    fn value(&mut self, schema: &'s Json, value: &Json, path: &mut Vec<String>) {
        let Some(rules) = schema.as_object() else { return };
        if let Some(target) = rules.get("$ref").and_then(Json::as_str) {
            if let Some(target) = target.strip_prefix('#').and_then(|at| self.root.pointer(at)) {
                self.value(target, value, path);
            }
            return;
        }
        if let Some(kind) = rules.get("type").and_then(Json::as_str)
            && !is_of(kind, value)
        {
            return self.tell(path, format!("{} is no {kind}", shown(value)));
        }
        if let Some(only) = rules.get("const").filter(|only| *only != value) {
            self.tell(path, format!("{} is not {only}", shown(value)));
        }
        if let Some(all) = rules.get("enum").and_then(Json::as_array)
            && !all.contains(value)
        {
            let all: Vec<String> = all.iter().map(Json::to_string).collect();
            self.tell(path, format!("{} is none of {}", shown(value), all.join(", ")));
        }
        if let Some(forms) = rules.get("anyOf").and_then(Json::as_array)
            && !forms.iter().any(|form| self.fits(form, value))
        {
            self.tell(
                path,
                format!("{} has none of the forms that may stand here", shown(value)),
            );
        }
        if let (Some(condition), Some(then)) = (rules.get("if"), rules.get("then"))
            && self.fits(condition, value)
        {
            self.value(then, value, path);
        }
        match value {
            Json::Object(object) => self.object(rules, object, path),
            Json::Array(list) => self.list(rules, list, path),
            Json::Number(_) => self.number(rules, value, path),
            Json::String(text) => self.text(rules, text, path),
            Json::Null | Json::Bool(_) => {}
        }
    }

    fn object(&mut self, rules: &'s Map<String, Json>, object: &Map<String, Json>, path: &mut Vec<String>) {
        let required = rules
            .get("required")
            .and_then(Json::as_array)
            .into_iter()
            .flatten();
        for name in required
            .filter_map(Json::as_str)
            .filter(|name| !object.contains_key(*name))
        {
            self.tell(path, format!("`{name}` is missing"));
        }
        let count = |rule: &str| rules.get(rule).and_then(Json::as_u64);
        let len = object.len() as u64;
        if count("minProperties").is_some_and(|least| len < least) {
            self.tell(path, "it is empty".to_owned());
        }
        if let Some(most) = count("maxProperties").filter(|most| len > *most) {
            self.tell(path, format!("it has {len} members, and may have {most}"));
        }
        let properties = rules.get("properties").and_then(Json::as_object);
        for (name, member) in object {
            path.push(name.clone());
            if let Some(names) = rules.get("propertyNames")
                && !self.fits(names, &Json::String(name.clone()))
            {
                self.tell(path, format!("`{name}` may not stand here"));
            }
            match (
                properties.and_then(|all| all.get(name)),
                rules.get("additionalProperties"),
            ) {
                (Some(own), _) => self.value(own, member, path),
                (None, Some(Json::Bool(false))) => self.tell(path, format!("`{name}` is not known")),
                (None, Some(other)) => self.value(other, member, path),
                (None, None) => {}
            }
            path.pop();
        }
    }

    fn list(&mut self, rules: &'s Map<String, Json>, list: &[Json], path: &mut Vec<String>) {
        if let Some(least) = rules.get("minItems").and_then(Json::as_u64)
            && (list.len() as u64) < least
        {
            self.tell(path, format!("it has {} elements, and needs {least}", list.len()));
        }
        if let Some(items) = rules.get("items") {
            for (at, item) in list.iter().enumerate() {
                path.push(at.to_string());
                self.value(items, item, path);
                path.pop();
            }
        }
    }

    fn number(&mut self, rules: &'s Map<String, Json>, value: &Json, path: &[String]) {
        let number = value.as_f64().unwrap_or_default();
        let bound = |rule: &str| rules.get(rule).and_then(Json::as_f64);
        if let Some(least) = bound("minimum").filter(|least| number < *least) {
            self.tell(path, format!("{value} is less than {least}"));
        }
        if let Some(most) = bound("maximum").filter(|most| number > *most) {
            self.tell(path, format!("{value} is more than {most}"));
        }
    }

    fn text(&mut self, rules: &'s Map<String, Json>, text: &str, path: &[String]) {
        if let Some(least) = rules.get("minLength").and_then(Json::as_u64)
            && (text.chars().count() as u64) < least
        {
            self.tell(path, "the text is empty".to_owned());
        }
        if let Some(pattern) = rules.get("pattern").and_then(Json::as_str)
            && !Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
        {
            self.tell(path, format!("{text:?} does not match {pattern}"));
        }
    }
}

fn is_of(kind: &str, value: &Json) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => false,
    }
}

fn shown(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_judges_as_a_whole_implementation_does() {
        let schema: Json = serde_json::from_str(SCHEMA).unwrap();
        let oracle = jsonschema::validator_for(&schema).unwrap();
        let task = |properties: Json| json!({"Resources": {"T": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}}});
        let container = |more: Json| {
            let mut container = json!({"Name": "a", "Image": "x"});
            container
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            task(json!({"ContainerDefinitions": [container]}))
        };
        let mut judged = [0, 0];
        for template in [
            json!({}),
            json!([]),
            json!({"Resources": {}}),
            json!({"Resources": {"A": {}}}),
            json!({"Resources": {"A": {"Type": "AWS::X"}}}),
            json!({"Resources": {"A": {"Type": "AWS::ECS::TaskDefinition"}}}),
            task(json!({"ContainerDefinitions": []})),
            task(json!({"ContainerDefinitions": [], "NetworkMode": "other"})),
            task(json!({"ContainerDefinitions": [{"Name": "a", "Image": "x"}], "Cpu": {"Ref": "Cpu"}})),
            task(
                json!({"ContainerDefinitions": [{"Name": "a", "Image": "x"}], "Cpu": {"Ref": "Cpu", "b": 1}}),
            ),
            task(json!({"ContainerDefinitions": [{"Name": "a", "Image": "x"}], "ProxyConfiguration": {}})),
            container(json!({})),
            container(json!({"Name": "a b"})),
            container(json!({"Image": 7})),
            container(json!({"Essential": "yes"})),
            container(json!({"Environment": [{"Name": "", "Value": ""}]})),
            container(json!({"Environment": [{"Name": "A", "Value": {"Fn::Sub": "x"}}]})),
            container(json!({"Environment": [{"Name": "A", "Value": {"Other": "x"}}]})),
            container(json!({"Environment": [{"Name": "A", "Value": "1", "More": 1}]})),
            container(json!({"DependsOn": [{"ContainerName": "b", "Condition": "LATER"}]})),
            container(json!({"PortMappings": [{"ContainerPort": 70000}]})),
            container(json!({"PortMappings": [{"ContainerPort": {"Ref": "Port"}, "Protocol": "udp"}]})),
            container(json!({"HealthCheck": {"Command": ["CMD"]}})),
            container(json!({"HealthCheck": {"Command": ["CMD", "x"], "Interval": 1}})),
            container(json!({"StopTimeout": 120})),
            container(json!({"StopTimeout": 121})),
            container(json!({"Ulimits": [{"Name": "nofile", "SoftLimit": 1}]})),
        ] {
            let ours = problems(&template);
            assert_eq!(
                ours.is_empty(),
                oracle.is_valid(&template),
                "{template}: {ours:?}"
            );
            judged[usize::from(ours.is_empty())] += 1;
        }
        assert!(judged[0] > 10 && judged[1] > 4, "{judged:?}");
    }
}
