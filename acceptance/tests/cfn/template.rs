//! What CloudFormation makes of a template: parameters, conditions and functions worked out. Written for the tests from
//! CloudFormation's documentation, apart from the compiler's own.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What expressions are worked out with.
pub(crate) struct Scope<'a> {
    pub(crate) template: &'a Value,
    pub(crate) parameters: &'a BTreeMap<String, String>,
    pub(crate) stack: &'a str,
    /// What `Ref` gives, by logical id.
    pub(crate) physical: &'a BTreeMap<String, String>,
    /// What `Fn::GetAtt` gives, by logical id.
    pub(crate) attributes: &'a BTreeMap<String, Value>,
    pub(crate) exports: &'a BTreeMap<String, String>,
}

/// What an expression without a value stands for.
const NO_VALUE: &str = "\u{0}no value";

impl Scope<'_> {
    /// The value; `AWS::NoValue` takes its field or item away.
    pub(crate) fn value(&self, json: &Value) -> Value {
        match json {
            Value::Array(list) => {
                let items = list.iter().map(|item| self.value(item));
                Value::Array(items.filter(|item| item != NO_VALUE).collect())
            }
            Value::Object(map) => match map.iter().next() {
                Some((name, argument)) if map.len() == 1 && (name == "Ref" || name.starts_with("Fn::")) => {
                    self.function(name, argument)
                }
                _ => {
                    let fields = map.iter().map(|(name, value)| (name.clone(), self.value(value)));
                    Value::Object(fields.filter(|(_, value)| value != NO_VALUE).collect())
                }
            },
            plain => plain.clone(),
        }
    }

    fn text(&self, json: &Value) -> String {
        match self.value(json) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    fn function(&self, name: &str, argument: &Value) -> Value {
        let list = || self.value(argument).as_array().cloned().unwrap();
        match name {
            "Ref" => self.reference(argument.as_str().unwrap()),
            "Fn::GetAtt" => match argument {
                Value::String(text) => {
                    let (id, attribute) = text.split_once('.').unwrap();
                    self.attribute(id, attribute)
                }
                parts => self.attribute(parts[0].as_str().unwrap(), &self.text(&parts[1])),
            },
            "Fn::Sub" => Value::from(self.substitute(argument)),
            "Fn::Join" => {
                let items = self.value(&argument[1]);
                let items: Vec<&str> = items
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item.as_str().unwrap())
                    .collect();
                json!(items.join(argument[0].as_str().unwrap()))
            }
            "Fn::Select" => list()[1][self.text(&argument[0]).parse::<usize>().unwrap()].clone(),
            "Fn::Split" => {
                let text = self.text(&argument[1]);
                json!(text.split(argument[0].as_str().unwrap()).collect::<Vec<_>>())
            }
            "Fn::FindInMap" => {
                let mapping = &self.template["Mappings"][self.text(&argument[0])];
                mapping[self.text(&argument[1])][self.text(&argument[2])].clone()
            }
            "Fn::If" => match self.condition(argument[0].as_str().unwrap()) {
                true => self.value(&argument[1]),
                false => self.value(&argument[2]),
            },
            "Fn::ImportValue" => {
                let name = self.text(argument);
                let exported = self
                    .exports
                    .get(&name)
                    .unwrap_or_else(|| panic!("nobody exports {name}"));
                json!(exported)
            }
            "Fn::Equals" => json!(self.text(&argument[0]) == self.text(&argument[1])),
            "Fn::Not" => json!(!self.holds(&argument[0])),
            "Fn::And" => json!(argument.as_array().unwrap().iter().all(|one| self.holds(one))),
            "Fn::Or" => json!(argument.as_array().unwrap().iter().any(|one| self.holds(one))),
            other => panic!("the stand-in for CloudFormation does not know {other}"),
        }
    }

    pub(crate) fn condition(&self, name: &str) -> bool {
        self.holds(&self.template["Conditions"][name])
    }

    fn holds(&self, json: &Value) -> bool {
        match json.get("Condition").and_then(Value::as_str) {
            Some(name) => self.condition(name),
            None => self.value(json).as_bool().unwrap(),
        }
    }

    fn reference(&self, name: &str) -> Value {
        match name {
            "AWS::NoValue" => return json!(NO_VALUE),
            "AWS::Region" => return json!("eu-west-1"),
            "AWS::AccountId" => return json!("123456789012"),
            "AWS::Partition" => return json!("aws"),
            "AWS::StackName" => return json!(self.stack),
            _ => {}
        }
        if let Some(declared) = self.template["Parameters"].get(name) {
            let given = self.parameters.get(name).cloned();
            let default = declared.get("Default").map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            let text = given
                .or(default)
                .unwrap_or_else(|| panic!("parameter {name} has no value"));
            return match declared["Type"].as_str() {
                Some(kind) if kind.contains("List") => json!(text.split(',').collect::<Vec<_>>()),
                _ => json!(text),
            };
        }
        json!(
            self.physical
                .get(name)
                .unwrap_or_else(|| panic!("nothing is called {name}"))
        )
    }

    fn attribute(&self, id: &str, attribute: &str) -> Value {
        match self.attributes.get(id).and_then(|all| all.get(attribute)) {
            Some(value) => value.clone(),
            // What is of no mesh is taken to be there.
            None if self.attributes.get(id).is_some_and(|all| *all == json!({})) => {
                json!(format!("{id}.{attribute}"))
            }
            None => panic!("{id} has no attribute {attribute}"),
        }
    }

    fn substitute(&self, argument: &Value) -> String {
        let (text, own) = match argument {
            Value::String(text) => (text, None),
            list => match &list[0] {
                Value::String(text) => (text, list[1].as_object()),
                _ => panic!("no text in {argument}"),
            },
        };
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let (name, tail) = after.split_once('}').unwrap();
            rest = tail;
            let value = match (
                name.strip_prefix('!'),
                own.and_then(|own| own.get(name)),
                name.split_once('.'),
            ) {
                (Some(literal), ..) => json!(format!("${{{literal}}}")),
                (_, Some(own), _) => self.value(own),
                (_, _, Some((id, attribute))) => self.attribute(id, attribute),
                _ => self.reference(name),
            };
            out.push_str(value.as_str().unwrap());
        }
        out + rest
    }
}

/// The names that the expressions below refer to.
pub(crate) fn named(json: &Value, into: &mut BTreeSet<String>) {
    match json {
        Value::Array(list) => list.iter().for_each(|item| named(item, into)),
        Value::Object(map) => {
            for (name, value) in map {
                match (name.as_str(), value) {
                    ("Ref", Value::String(id)) => drop(into.insert(id.clone())),
                    ("Fn::GetAtt", Value::String(text)) => {
                        into.insert(text.split('.').next().unwrap().to_owned());
                    }
                    ("Fn::GetAtt", parts) => drop(into.insert(parts[0].as_str().unwrap().to_owned())),
                    ("Fn::Sub", _) => {
                        let text = value.as_str().or_else(|| value[0].as_str()).unwrap();
                        let names = text
                            .split("${")
                            .skip(1)
                            .filter_map(|rest| rest.split(['}', '.']).next());
                        into.extend(names.map(str::to_owned));
                        named(value, into);
                    }
                    _ => named(value, into),
                }
            }
        }
        _ => {}
    }
}

/// The properties as a custom resource is sent them: every value is a text.
pub(crate) fn texts(json: &Value) -> Value {
    match json {
        Value::Array(list) => list.iter().map(texts).collect(),
        Value::Object(map) => {
            let fields = map.iter().map(|(name, value)| (name.clone(), texts(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::String(_) => json.clone(),
        other => json!(other.to_string()),
    }
}

/// A template without what CloudFormation takes for no update.
pub(crate) fn policies_aside(template: &Value) -> Value {
    let mut plain = template.clone();
    for resource in plain["Resources"].as_object_mut().unwrap().values_mut() {
        let fields = resource.as_object_mut().unwrap();
        fields.remove("DeletionPolicy");
        fields.remove("UpdateReplacePolicy");
    }
    plain
}
