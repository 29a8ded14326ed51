//! From the files to types. What cannot become a type is an error that names the file and the place.

use super::model::{Field, Group, Kind, Model, Presence, Reference, Shape, Type, Value};
use super::names::pascal;
use super::read::Schema;
use crate::Error;
use std::collections::{BTreeMap, BTreeSet};

/// The types of all kinds.
pub(super) fn build(files: &BTreeMap<String, Schema>) -> Result<Model, Error> {
    let mut builder = Builder {
        files,
        model: Model::default(),
        done: BTreeMap::new(),
        depth: 0,
    };
    let mut kinds: Vec<(&String, &Schema)> = files.iter().filter(|(_, s)| s.x_kind.is_some()).collect();
    kinds.sort_by_key(|(_, schema)| schema.x_kind.as_ref().map(|kind| kind.sorts));
    for (file, schema) in kinds {
        builder.kind(file, schema)?;
    }
    let mut model = builder.model;
    check_kinds(&model)?;
    choice_defaults(&mut model);
    Ok(model)
}

/// A schema and where it is.
#[derive(Clone)]
struct Located<'a> {
    file: &'a str,
    schema: &'a Schema,
    /// The way to it, for messages: `spec.listeners`.
    path: String,
}

struct Builder<'a> {
    files: &'a BTreeMap<String, Schema>,
    model: Model,
    /// Definitions that are done, by file and name.
    done: BTreeMap<(String, String), Value>,
    depth: usize,
}

/// References nest no deeper than this; a cycle would.
const MAX_DEPTH: usize = 64;

impl<'a> Builder<'a> {
    fn kind(&mut self, file: &'a str, schema: &'a Schema) -> Result<(), Error> {
        let Some(raw) = &schema.x_kind else { return Ok(()) };
        let part = |name: &str| {
            schema.properties.get(name).map(|schema| Located {
                file,
                schema,
                path: name.to_owned(),
            })
        };
        let named = |value: Value| match value {
            Value::Named(name) => Ok(name),
            other => Err(format!("{file}: spec and extensions are objects, not {other:?}")),
        };
        let pascal_name = pascal(&raw.name);
        let spec = part("spec").ok_or_else(|| format!("{file}: a kind has a `spec`"))?;
        let spec = named(self.value(&spec, &format!("{pascal_name}Spec"))?)?;
        let extensions = match part("extensions") {
            Some(found) => Some(named(self.value(&found, &format!("{pascal_name}Extensions"))?)?),
            None => None,
        };
        // What lies in another resource of the mesh says so by the middle one of three names.
        let parent = match raw.key.as_slice() {
            [_, parent, _] => schema
                .properties
                .get(parent)
                .and_then(|property| property.x_ref.clone()),
            _ => None,
        };
        self.model.kinds.push(Kind {
            name: raw.name.clone(),
            title: schema.title.clone(),
            doc: schema.description.clone().unwrap_or_default(),
            file: file.to_owned(),
            parent,
            stands: raw.stands,
            spec,
            spec_required: schema.required.iter().any(|name| name == "spec"),
            extensions,
        });
        Ok(())
    }

    /// What stands at a place. `hint` is the type's name where nothing else is said.
    fn value(&mut self, at: &Located<'a>, hint: &str) -> Result<Value, Error> {
        if let Some(reference) = &at.schema.reference {
            return self.reference(at, reference, hint);
        }
        let fail = |what: &str| -> Error { format!("{}: {}: {what}", at.file, at.path).into() };
        match at.schema.kind.as_str() {
            Some("string") if at.schema.choices.is_empty() => Ok(Value::Text),
            Some("string") => self.define(at, hint, |_, _| {
                Ok(Shape::Choice {
                    values: at.schema.choices.clone(),
                    default: None,
                })
            }),
            Some("integer") => Ok(Value::Int(whole(at.schema))),
            Some("number") => Ok(Value::Float),
            Some("boolean") => Ok(Value::Bool),
            Some("array") => {
                let items = at
                    .schema
                    .items
                    .as_deref()
                    .ok_or_else(|| fail("a list has items"))?;
                let items = Located {
                    file: at.file,
                    schema: items,
                    path: format!("{}[]", at.path),
                };
                let one = hint.strip_suffix('s').unwrap_or(hint);
                Ok(Value::List(Box::new(self.value(&items, one)?)))
            }
            Some("object") => self.define(at, hint, |builder, name| builder.object(at, name)),
            _ => Err(fail("no type can be generated for this: give it one `type`")),
        }
    }

    fn reference(&mut self, at: &Located<'a>, reference: &str, hint: &str) -> Result<Value, Error> {
        let nowhere = || format!("{}: {}: {reference} leads nowhere", at.file, at.path);
        let (other, name) = reference.split_once("#/$defs/").ok_or_else(nowhere)?;
        let file = if other.is_empty() { at.file } else { other };
        let (file, whole) = self.files.get_key_value(file).ok_or_else(nowhere)?;
        let schema = whole.defs.get(name).ok_or_else(nowhere)?;
        let id = (file.clone(), name.to_owned());
        if let Some(value) = self.done.get(&id) {
            return Ok(value.clone());
        }
        if self.depth >= MAX_DEPTH {
            return Err(format!("{}: {}: {reference} refers to itself", at.file, at.path).into());
        }
        let target = Located {
            file,
            schema,
            path: name.to_owned(),
        };
        // A kind's `spec` and `extensions` are called after the kind.
        let own = matches!(name, "spec" | "extensions");
        let hint = if own { hint.to_owned() } else { pascal(name) };
        self.depth += 1;
        let value = self.value(&target, &hint)?;
        self.depth -= 1;
        self.done.insert(id, value.clone());
        Ok(value)
    }

    fn object(&mut self, at: &Located<'a>, name: &str) -> Result<Shape, Error> {
        // Fields are called after what they lie in: `VirtualServiceProvider` for the `provider` of that spec.
        let stem = name.strip_suffix("Spec").unwrap_or(name);
        let mut fields = Vec::new();
        for (field, schema) in &at.schema.properties.0 {
            let place = Located {
                file: at.file,
                schema,
                path: format!("{}.{field}", at.path),
            };
            let value = self.value(&place, &format!("{stem}{}", pascal(field)))?;
            fields.push(self.field(at, &place, field, value)?);
        }
        if at.schema.x_union {
            return Ok(Shape::Union(fields));
        }
        let group = match (&at.schema.x_group, at.schema.x_one_of.as_slice()) {
            (Some(group), [members]) => Some(Group {
                name: format!("{stem}{}", pascal(&group.field)),
                field: group.field.clone(),
                suffix: group.suffix.clone(),
                members: members.clone(),
            }),
            (None, _) => None,
            (Some(_), _) => return Err(format!("{}: {}: `x-group` is of one group", at.file, at.path).into()),
        };
        Ok(Shape::Struct { fields, group })
    }

    /// A property: what is written at the place goes before what its shared definition says.
    fn field(
        &self,
        object: &Located<'a>,
        at: &Located<'a>,
        name: &String,
        value: Value,
    ) -> Result<Field, Error> {
        let here = at.schema;
        let shared = here.reference.as_ref().and_then(|reference| {
            let (other, name) = reference.split_once("#/$defs/")?;
            let file = if other.is_empty() { at.file } else { other };
            self.files.get(file)?.defs.get(name)
        });
        let doc = here.description.as_ref().or_else(|| shared?.description.as_ref());
        let kind = here.x_ref.as_ref().or_else(|| shared?.x_ref.as_ref());
        let empty = here.x_absent_is_empty || shared.is_some_and(|shared| shared.x_absent_is_empty);
        let presence = match (object.schema.required.contains(name), empty) {
            (true, _) => Presence::Required,
            (false, true) => Presence::Empty,
            (false, false) => Presence::Optional,
        };
        if kind.is_some() && here.x_role.is_none() {
            let text = format!("{}: {}: `x-ref` in a spec needs `x-role`", at.file, at.path);
            return Err(text.into());
        }
        Ok(Field {
            name: name.clone(),
            doc: doc.cloned().unwrap_or_default(),
            value,
            presence,
            default: here.default.clone().or_else(|| shared?.default.clone()),
            reference: kind.map(|kind| Reference {
                kind: kind.clone(),
                role: here.x_role.clone(),
            }),
        })
    }

    /// Makes a type, or joins it with the one of the same name.
    fn define(
        &mut self,
        at: &Located<'a>,
        hint: &str,
        shape: impl FnOnce(&mut Self, &str) -> Result<Shape, Error>,
    ) -> Result<Value, Error> {
        let name = at.schema.x_rust.clone().unwrap_or_else(|| hint.to_owned());
        let module = at.file.trim_end_matches(".json").to_owned();
        let before = self.model.types.iter().position(|one| one.name == name);
        let slot = self.model.types.len();
        if before.is_none() {
            // In front of those that it is made of.
            self.model.types.push(Type {
                name: name.clone(),
                doc: at.schema.description.clone().unwrap_or_default(),
                module: module.clone(),
                shape: Shape::Union(Vec::new()),
            });
        }
        let shape = shape(self, &name)?;
        let index = before.unwrap_or(slot);
        let Some(known) = self.model.types.get_mut(index) else {
            return Ok(Value::Named(name));
        };
        if before.is_none() {
            known.shape = shape;
        } else {
            let place = format!("{}: {}", at.file, at.path);
            if at.schema.x_rust.is_none() {
                let text =
                    format!("{place}: a type `{name}` is there already: give this one a name, `x-rust`");
                return Err(text.into());
            }
            if known.module != module {
                known.module = "shared".to_owned();
            }
            join(&mut known.shape, shape).map_err(|why| format!("{place}: `{name}`: {why}"))?;
        }
        Ok(Value::Named(name))
    }
}

/// The smallest type of 32 bits or more that holds a whole number's bounds.
fn whole(schema: &Schema) -> String {
    if let Some(named) = &schema.x_rust {
        return named.clone();
    }
    let of = match (schema.minimum, schema.maximum) {
        (Some(min), Some(max)) if min >= 0.0 && max <= f64::from(u32::MAX) => "u32",
        (Some(min), _) if min >= 0.0 => "u64",
        _ => "i64",
    };
    of.to_owned()
}

/// Two shapes of one name: the fields of both, optional where one has none.
fn join(known: &mut Shape, new: Shape) -> Result<(), String> {
    match (known, new) {
        (Shape::Choice { values, .. }, Shape::Choice { values: others, .. }) => {
            values.extend(
                others
                    .into_iter()
                    .filter(|one| !values.contains(one))
                    .collect::<Vec<_>>(),
            );
            Ok(())
        }
        (Shape::Union(known), Shape::Union(new)) => join_fields(known, new, false),
        (
            Shape::Struct { fields, group: None },
            Shape::Struct {
                fields: new,
                group: None,
            },
        ) => join_fields(fields, new, true),
        _ => Err("the places of one name are all objects, all unions, or all texts".to_owned()),
    }
}

fn join_fields(known: &mut Vec<Field>, new: Vec<Field>, missing_is_optional: bool) -> Result<(), String> {
    if missing_is_optional {
        for field in known
            .iter_mut()
            .filter(|field| !new.iter().any(|n| n.name == field.name))
        {
            field.presence = Presence::Optional;
        }
    }
    for mut field in new {
        match known.iter_mut().find(|one| one.name == field.name) {
            Some(one) if one.value != field.value => {
                return Err(format!("`{}` is of two types", field.name));
            }
            Some(one) if one.reference != field.reference => {
                return Err(format!("`{}` names two things", field.name));
            }
            Some(one) => {
                if one.presence != field.presence {
                    one.presence = Presence::Optional;
                }
                // A default holds for the type only if it holds at every place.
                if one.default != field.default {
                    one.default = None;
                }
            }
            None => {
                if missing_is_optional {
                    field.presence = Presence::Optional;
                }
                known.push(field);
            }
        }
    }
    Ok(())
}

/// The kinds' numbers tell them apart, and parents come before children.
fn check_kinds(model: &Model) -> Result<(), Error> {
    let mut stands = BTreeMap::new();
    for kind in &model.kinds {
        if let Some(other) = stands.insert(kind.stands, &kind.name) {
            return Err(format!("{}: `stands` is that of `{other}`", kind.file).into());
        }
        let Some(parent) = &kind.parent else { continue };
        match model.kinds.iter().find(|one| one.name == *parent) {
            Some(found) if found.stands < kind.stands => {}
            Some(_) => return Err(format!("{}: `stands` before its parent `{parent}`", kind.file).into()),
            None => return Err(format!("{}: there is no kind `{parent}`", kind.file).into()),
        }
    }
    Ok(())
}

/// A choice has the default that all fields of its type have.
fn choice_defaults(model: &mut Model) {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for field in model.types.iter().flat_map(Type::fields) {
        if let (Value::Named(name), Some(serde_json::Value::String(text))) = (&field.value, &field.default) {
            found.entry(name.clone()).or_default().insert(text.clone());
        }
    }
    for one in &mut model.types {
        if let Shape::Choice { default, .. } = &mut one.shape
            && let Some(texts) = found.get(&one.name)
            && texts.len() == 1
        {
            *default = texts.first().cloned();
        }
    }
}
