//! The types of specs and extensions, as Rust with serde's attributes.

use super::any;
use super::header;
use super::model::{Field, Group, Model, Presence, Shape, Type, Value};
use super::names::{camel, doc, ident, import, snake, variant};
use std::collections::{BTreeMap, BTreeSet};

/// A module per schema file, one for what is of any kind, and their list: paths below `spec/`, and texts.
pub(super) fn modules(model: &Model) -> Vec<(String, String)> {
    let mut by_module: BTreeMap<&str, Vec<&Type>> = BTreeMap::new();
    for one in &model.types {
        by_module.entry(&one.module).or_default().push(one);
    }
    let mut out: Vec<(String, String)> = by_module
        .iter()
        .map(|(module, types)| {
            (
                snake(&module.replace('-', "_")),
                self::module(model, module, types),
            )
        })
        .collect();
    out.push(("any".to_owned(), any::render(model)));
    let mut list = header(
        "`schemas/`",
        "Types that follow from the schemas, a module for each file.",
    );
    for (name, _) in &out {
        list.push_str(&format!("mod {name};\n"));
    }
    list.push('\n');
    for (name, _) in &out {
        list.push_str(&format!("pub use {name}::*;\n"));
    }
    let mut files: Vec<(String, String)> = out
        .into_iter()
        .map(|(name, text)| (format!("generated/{name}.rs"), text))
        .collect();
    files.push(("generated.rs".to_owned(), list));
    files
}

fn module(model: &Model, name: &str, types: &[&Type]) -> String {
    let mut body = String::new();
    for one in types {
        body.push('\n');
        body.push_str(&definition(model, one));
    }
    let own: BTreeSet<&str> = types.iter().map(|one| one.name.as_str()).collect();
    let mut used = BTreeSet::new();
    for field in types.iter().flat_map(|one| one.fields()) {
        names(&field.value, &mut used);
        // The parts of a default that is an object stand in a constant.
        if field.default.as_ref().is_some_and(serde_json::Value::is_object)
            && let Value::Named(name) = &field.value
            && let Some(inner) = model.get(name)
        {
            inner
                .fields()
                .iter()
                .for_each(|field| names(&field.value, &mut used));
        }
    }
    let used: Vec<&str> = used.into_iter().filter(|name| !own.contains(name)).collect();
    let about = match name {
        "shared" => "Types that several kinds share.".to_owned(),
        name => format!("Types of a {}.", name.replace('-', " ")),
    };
    let mut out = header(&format!("`schemas/{name}.json`"), &about);
    if !used.is_empty() {
        out.push_str(&import("super", &used));
    }
    out.push_str("use serde::{Deserialize, Serialize};\n");
    out + &body
}

fn names<'m>(value: &'m Value, into: &mut BTreeSet<&'m str>) {
    match value {
        Value::Named(name) => drop(into.insert(name)),
        Value::List(inner) => names(inner, into),
        _ => {}
    }
}

fn definition(model: &Model, one: &Type) -> String {
    match &one.shape {
        Shape::Struct { fields, group: None } => structure(model, one, fields),
        Shape::Struct {
            fields,
            group: Some(group),
        } => grouped(model, one, fields, group),
        Shape::Union(fields) => union(model, one, fields),
        Shape::Choice { values, default } => choice(one, values, default.as_deref()),
    }
}

/// The traits that can be derived for a type.
fn derives(model: &Model, one: &Type) -> String {
    let value = Value::Named(one.name.clone());
    let mut list = vec!["Debug", "Clone"];
    let copy = model.all(&value, &|leaf| !matches!(leaf, Value::Text | Value::List(_)));
    let eq = model.all(&value, &|leaf| *leaf != Value::Float);
    let fieldless = matches!(one.shape, Shape::Choice { .. });
    let has_default = model.has_default(one);
    if copy {
        list.push("Copy");
    }
    if has_default {
        list.push("Default");
    }
    list.push("PartialEq");
    if eq {
        list.push("Eq");
    }
    if copy && eq {
        list.push("Hash");
    }
    if fieldless {
        list.extend(["PartialOrd", "Ord"]);
    }
    list.extend(["Serialize", "Deserialize"]);
    format!("#[derive({})]\n", list.join(", "))
}

const CAMEL: &str = "#[serde(rename_all = \"camelCase\", deny_unknown_fields)]\n";

fn structure(model: &Model, one: &Type, fields: &[Field]) -> String {
    let mut out = doc(&one.doc, 0) + &derives(model, one) + CAMEL;
    out.push_str(&format!("pub struct {} {{\n", one.name));
    for field in fields {
        out.push_str(&member(field, "pub "));
    }
    out.push_str("}\n");
    out + &defaults(model, one, fields)
}

/// A field with its attributes.
fn member(field: &Field, visibility: &str) -> String {
    let mut out = if visibility.is_empty() {
        String::new()
    } else {
        doc(&field.doc, 4)
    };
    let name = field.rust();
    let mut attributes = Vec::new();
    let list = matches!(field.value, Value::List(_));
    match field.presence {
        Presence::Required => {}
        Presence::Empty => attributes.push("default".to_owned()),
        Presence::Optional => {
            let empty = if list { "Vec::is_empty" } else { "Option::is_none" };
            attributes.push(format!("default, skip_serializing_if = \"{empty}\""));
        }
    }
    if camel(&name) != field.name {
        attributes.push(format!("rename = \"{}\"", field.name));
    }
    if !attributes.is_empty() {
        out.push_str(&format!("    #[serde({})]\n", attributes.join(", ")));
    }
    out + &format!("    {visibility}{}: {},\n", ident(&name), optional(field))
}

/// The type of a field.
fn optional(field: &Field) -> String {
    let of = field.value.rust();
    match field.presence {
        Presence::Optional if !matches!(field.value, Value::List(_)) => format!("Option<{of}>"),
        _ => of,
    }
}

/// The constants of what holds where a field is absent.
fn defaults(model: &Model, one: &Type, fields: &[Field]) -> String {
    let mut consts = String::new();
    for field in fields {
        let Some(value) = field
            .default
            .as_ref()
            .and_then(|json| literal(model, &field.value, json))
        else {
            continue;
        };
        let of = match &field.value {
            Value::Text => "&str".to_owned(),
            other => other.rust(),
        };
        consts.push_str(&doc(
            &format!("What `{}` is where nothing is said.", field.name),
            4,
        ));
        let name = field.rust().to_ascii_uppercase();
        consts.push_str(&format!("    pub const DEFAULT_{name}: {of} = {value};\n"));
    }
    if consts.is_empty() {
        return consts;
    }
    format!("\nimpl {} {{\n{consts}}}\n", one.name)
}

/// A value from JSON as an expression; nothing for lists and what cannot stand in a constant.
fn literal(model: &Model, value: &Value, json: &serde_json::Value) -> Option<String> {
    use serde_json::Value as Json;
    match (value, json) {
        (Value::Text, Json::String(text)) => Some(format!("{text:?}")),
        (Value::Bool, Json::Bool(is)) => Some(is.to_string()),
        (Value::Int(_), Json::Number(number)) => Some(grouped_digits(&number.to_string())),
        (Value::Float, Json::Number(number)) => Some(format!("{:?}", number.as_f64()?)),
        (Value::Named(name), json) => match (&model.get(name)?.shape, json) {
            (Shape::Choice { values, .. }, Json::String(text)) if values.contains(text) => {
                Some(format!("{name}::{}", variant(text)))
            }
            (Shape::Struct { fields, group: None }, Json::Object(given)) => {
                let members: Option<Vec<String>> = fields
                    .iter()
                    .map(|field| {
                        let value = literal(model, &field.value, given.get(&field.name)?)?;
                        let required = field.presence == Presence::Required;
                        required.then(|| format!("{}: {value}", ident(&field.rust())))
                    })
                    .collect();
                Some(format!("{name} {{ {} }}", members?.join(", ")))
            }
            _ => None,
        },
        _ => None,
    }
}

/// A number as rustfmt's readers expect it: `1048576` → `1_048_576`.
fn grouped_digits(digits: &str) -> String {
    let count = digits.len();
    let mut out = String::new();
    for (at, c) in digits.chars().enumerate() {
        if at > 0 && count > 4 && (count - at).is_multiple_of(3) && c.is_ascii_digit() {
            out.push('_');
        }
        out.push(c);
    }
    out
}

fn union(model: &Model, one: &Type, fields: &[Field]) -> String {
    let mut out = doc(&one.doc, 0) + &derives(model, one);
    out.push_str(&format!("pub enum {} {{\n", one.name));
    for field in fields {
        out.push_str(&doc(&field.doc, 4));
        out.push_str(&format!("    #[serde(rename = \"{}\")]\n", field.name));
        out.push_str(&format!("    {}({}),\n", field.variant(), field.value.rust()));
    }
    out.push_str("}\n");
    out
}

fn choice(one: &Type, values: &[String], default: Option<&str>) -> String {
    let derived = [
        "Debug",
        "Clone",
        "Copy",
        "Default",
        "PartialEq",
        "Eq",
        "Hash",
        "PartialOrd",
        "Ord",
        "Serialize",
        "Deserialize",
    ];
    let derived = derived
        .into_iter()
        .filter(|name| *name != "Default" || default.is_some());
    let derived: Vec<&str> = derived.collect();
    let mut out = doc(&one.doc, 0) + &format!("#[derive({})]\n", derived.join(", "));
    out.push_str(&format!("pub enum {} {{\n", one.name));
    for value in values {
        out.push_str(&format!("    /// `{value}`.\n"));
        if default == Some(value) {
            out.push_str("    #[default]\n");
        }
        out.push_str(&format!(
            "    #[serde(rename = \"{value}\")]\n    {},\n",
            variant(value)
        ));
    }
    out.push_str("}\n\n");
    out.push_str(&format!("impl {} {{\n", one.name));
    out.push_str(
        "    /// As it is written.\n    pub fn name(self) -> &'static str {\n        match self {\n",
    );
    for value in values {
        out.push_str(&format!("            Self::{} => \"{value}\",\n", variant(value)));
    }
    out.push_str("        }\n    }\n}\n");
    out
}

/// A struct of which some fields are one: read and written by way of a struct that has them all.
fn grouped(model: &Model, one: &Type, fields: &[Field], group: &Group) -> String {
    let (members, others): (Vec<&Field>, Vec<&Field>) = fields.iter().partition(|field| group.has(field));
    let as_one = Field {
        name: group.field.clone(),
        doc: format!("Exactly one of {}.", list(&members, "`", " and ")),
        value: Value::Named(group.name.clone()),
        presence: Presence::Required,
        default: None,
        reference: None,
    };
    let written = format!("{}Fields", one.name);
    let mut out = doc(&one.doc, 0) + &derives(model, one);
    out.push_str(&format!(
        "#[serde(try_from = \"{written}\", into = \"{written}\")]\n"
    ));
    out.push_str(&format!("pub struct {} {{\n", one.name));
    for field in &others {
        out.push_str(&member(field, "pub ").replace(&serde_line(field), ""));
    }
    out.push_str(&member(&as_one, "pub "));
    out.push_str("}\n\n");

    let derived = derives(model, one).replace(", Serialize, Deserialize", "");
    out.push_str(&(doc(&format!("{} At its place in a `{}`.", as_one.doc, one.name), 0) + &derived));
    out.push_str(&format!("pub enum {} {{\n", group.name));
    for field in &members {
        out.push_str(&doc(&field.doc, 4));
        out.push_str(&format!(
            "    {}({}),\n",
            group.variant(field),
            field.value.rust()
        ));
    }
    out.push_str("}\n\n");

    out.push_str(&format!(
        "impl {} {{\n    /// The field that holds it.\n",
        group.name
    ));
    out.push_str("    pub fn field(&self) -> &'static str {\n        match self {\n");
    for field in &members {
        out.push_str(&format!(
            "            Self::{}(_) => \"{}\",\n",
            group.variant(field),
            field.name
        ));
    }
    out.push_str("        }\n    }\n}\n\n");

    out.push_str(&format!("/// A `{}` as it is written.\n", one.name));
    out.push_str("#[derive(Clone, Default, Serialize, Deserialize)]\n");
    out.push_str(CAMEL);
    out.push_str(&format!("struct {written} {{\n"));
    for field in fields {
        out.push_str(&member(field, ""));
    }
    out.push_str("}\n\n");

    out.push_str(&format!(
        "impl TryFrom<{written}> for {} {{\n    type Error = &'static str;\n\n    \
         fn try_from(fields: {written}) -> Result<Self, Self::Error> {{\n        let mut found = [\n",
        one.name
    ));
    for field in &members {
        out.push_str(&format!(
            "            fields.{}.map({}::{}),\n",
            ident(&field.rust()),
            group.name,
            group.variant(field)
        ));
    }
    out.push_str("        ]\n        .into_iter()\n        .flatten();\n");
    out.push_str(
        "        match (found.next(), found.next()) {\n            (Some(one), None) => Ok(Self {\n",
    );
    for field in &others {
        let name = ident(&field.rust());
        out.push_str(&format!("                {name}: fields.{name},\n"));
    }
    out.push_str(&format!(
        "                {}: one,\n            }}),\n",
        ident(&as_one.rust())
    ));
    out.push_str(&format!(
        "            _ => Err(\"exactly one of {} must be there\"),\n        }}\n    }}\n}}\n\n",
        list(&members, "", ", ")
    ));

    out.push_str(&format!(
        "impl From<{0}> for {written} {{\n    fn from(spec: {0}) -> Self {{\n        let mut fields = Self {{\n",
        one.name
    ));
    for field in &others {
        let name = ident(&field.rust());
        out.push_str(&format!("            {name}: spec.{name},\n"));
    }
    out.push_str("            ..Self::default()\n        };\n");
    out.push_str(&format!("        match spec.{} {{\n", ident(&as_one.rust())));
    for field in &members {
        out.push_str(&format!(
            "            {}::{}(one) => fields.{} = Some(one),\n",
            group.name,
            group.variant(field),
            ident(&field.rust())
        ));
    }
    out.push_str("        }\n        fields\n    }\n}\n");
    out
}

/// The line of attributes of a field.
fn serde_line(field: &Field) -> String {
    let text = member(field, "pub ");
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("#[serde("));
    line.map_or_else(String::new, |line| format!("{line}\n"))
}

fn list(fields: &[&Field], quote: &str, last: &str) -> String {
    let names: Vec<String> = fields
        .iter()
        .map(|field| format!("{quote}{}{quote}", field.name))
        .collect();
    match names.split_last() {
        Some((end, [])) => end.clone(),
        Some((end, before)) => format!("{}{last}{end}", before.join(", ")),
        None => String::new(),
    }
}
