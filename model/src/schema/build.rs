//! From one written schema to its nodes. Total: what a file gets wrong is noted and left out.

use super::raw::{Ordered, RawForm, RawKind, RawSchema, RawTerraform, RawTerraformOnly};
use super::{
    ByDialect, Dialect, DialectField, DisablingValue, Field, FieldForm, KindSchema, ListShape, NumberShape,
    ObjectShape, Pattern, SchemaNode, Shape, TerraformOnly, TextShape, terraform,
};
use crate::kind::Kind;
use std::collections::BTreeMap;

/// A schema and the file it stands in.
#[derive(Clone, Copy)]
pub(super) struct Located<'a> {
    pub(super) file: &'a str,
    pub(super) schema: &'a RawSchema,
}

/// Compiles the kinds one after the other; definitions that they share are compiled once.
pub(super) struct Compiler<'a> {
    files: &'a BTreeMap<&'a str, RawSchema>,
    /// Definitions that are done, by file and name.
    done: BTreeMap<(String, String), &'static SchemaNode>,
    pub(super) problems: Vec<String>,
    depth: usize,
}

/// References nest no deeper than this; a cycle would.
const MAX_DEPTH: usize = 64;

impl<'a> Compiler<'a> {
    pub(super) fn new(files: &'a BTreeMap<&'a str, RawSchema>, problems: Vec<String>) -> Self {
        Self {
            files,
            done: BTreeMap::new(),
            problems,
            depth: 0,
        }
    }

    pub(super) fn problem(&mut self, file: &str, text: String) {
        self.problems.push(format!("{file}: {text}"));
    }

    pub(super) fn kind(&mut self, kind: Kind, raw: &RawKind, at: Located<'_>) -> KindSchema {
        KindSchema {
            kind,
            title: at.schema.title.clone().unwrap_or_default(),
            doc: at.schema.description.clone().unwrap_or_default(),
            root: self.node(at),
            types: ByDialect::new(|dialect| raw.name_in(dialect).to_owned()),
            key: raw.key.clone(),
            examples: at.schema.examples.clone(),
        }
    }

    pub(super) fn node(&mut self, at: Located<'_>) -> &'static SchemaNode {
        if let Some(reference) = &at.schema.reference {
            return self.reference(at.file, reference);
        }
        let shape = self.shape(at);
        // Leaked on purpose: compiled once per process, shared by every walker.
        Box::leak(Box::new(SchemaNode {
            shape,
            doc: at.schema.description.clone().unwrap_or_default(),
            examples: at.schema.examples.clone(),
        }))
    }

    fn reference(&mut self, file: &str, reference: &str) -> &'static SchemaNode {
        let Some((target, name)) = self.target(file, reference) else {
            self.problem(file, format!("the reference {reference} leads nowhere"));
            return any();
        };
        let id = (target.file.to_owned(), name.to_owned());
        if let Some(node) = self.done.get(&id) {
            return node;
        }
        if self.depth >= MAX_DEPTH {
            self.problem(file, format!("{reference} refers to itself"));
            return any();
        }
        self.depth += 1;
        let node = self.node(target);
        self.depth -= 1;
        self.done.insert(id, node);
        node
    }

    fn target(&self, file: &str, reference: &str) -> Option<(Located<'a>, String)> {
        let (other, fragment) = reference.split_once('#')?;
        let name = fragment.strip_prefix("/$defs/")?;
        let file = if other.is_empty() { file } else { other };
        let (file, schema) = self.files.get_key_value(file)?;
        let schema = schema.defs.get(name)?;
        Some((Located { file, schema }, name.to_owned()))
    }

    fn shape(&mut self, at: Located<'_>) -> Shape {
        let raw = at.schema;
        use serde_json::Value as Json;
        match &raw.kind {
            // One of several scalar types.
            Some(Json::Array(_)) => Shape::Any,
            Some(Json::String(kind)) => match kind.as_str() {
                "object" if raw.x_union => Shape::Union(self.object(at)),
                "object" if raw.additional_properties == Some(false) => Shape::Object(self.object(at)),
                "object" => Shape::Any,
                "array" => self.list(at),
                "string" => Shape::Text(TextShape {
                    choices: raw.choices.clone(),
                    min: raw.min_length,
                    max: raw.max_length,
                    pattern: raw.pattern.clone().map(Pattern::new),
                    form: raw.x_form.clone().unwrap_or_default(),
                }),
                "integer" => Shape::Int(number(raw)),
                "number" => Shape::Number(number(raw)),
                "boolean" => Shape::Bool,
                other => {
                    self.problem(at.file, format!("there is no type `{other}`"));
                    Shape::Any
                }
            },
            _ => {
                self.problem(at.file, "a schema has neither type nor $ref".to_owned());
                Shape::Any
            }
        }
    }

    fn list(&mut self, at: Located<'_>) -> Shape {
        let raw = at.schema;
        let items = match &raw.items {
            Some(items) => self.node(Located {
                file: at.file,
                schema: items,
            }),
            None => {
                self.problem(at.file, "a list has no items".to_owned());
                any()
            }
        };
        Shape::List(ListShape {
            items,
            min: raw.min_items.unwrap_or(0),
            max: raw.max_items,
            unordered: raw.x_set || raw.x_key.is_some(),
            key: raw.x_key.clone().unwrap_or_default(),
        })
    }

    fn object(&mut self, at: Located<'_>) -> ObjectShape {
        let raw = at.schema;
        if raw.x_union && (raw.min_properties, raw.max_properties) != (Some(1), Some(1)) {
            self.problem(at.file, "a union must have exactly one property".to_owned());
        }
        let Ordered(properties) = &raw.properties;
        let fields: Vec<Field> = properties
            .iter()
            .map(|(name, schema)| {
                let required = raw.required.contains(name);
                let place = Located {
                    file: at.file,
                    schema,
                };
                self.field(place, name, required)
            })
            .collect();
        for name in raw
            .required
            .iter()
            .chain(raw.x_one_of.iter().flatten())
            .chain(raw.x_at_most_one.iter().flatten())
            .chain(raw.x_off.iter().map(|off| &off.field))
        {
            if !fields.iter().any(|field| field.name == *name) {
                self.problem(at.file, format!("`{name}` is named but is not a property"));
            }
        }
        let terraform_only = raw
            .x_terraform_only
            .iter()
            .map(|(name, only)| self.terraform_only(at.file, name, only))
            .collect();
        let index = ByDialect::new(|dialect| {
            sorted(&fields, |field| {
                let DialectField { name, form } = field.named(dialect);
                (*form != FieldForm::Absent).then_some(name)
            })
        });
        ObjectShape {
            fields,
            one_of: raw.x_one_of.clone(),
            at_most_one: raw.x_at_most_one.clone(),
            derived: raw.x_derived.clone().into_iter().collect(),
            off: raw.x_off.as_ref().map(|off| DisablingValue {
                field: off.field.clone(),
                value: off.value.clone(),
                means: off.means.clone(),
            }),
            terraform_only,
            index,
        }
    }

    fn terraform_only(&mut self, file: &str, name: &str, raw: &RawTerraformOnly) -> TerraformOnly {
        let kind = terraform::Type::parse(&raw.kind).unwrap_or_else(|| {
            self.problem(file, format!("there is no Terraform type `{}`", raw.kind));
            terraform::Type::String
        });
        TerraformOnly {
            name: name.to_owned(),
            kind,
            optional: raw.optional,
            computed: raw.computed,
            deprecated: raw.deprecated.clone(),
            doc: raw.description.clone(),
        }
    }

    /// A property: what is written at the place goes before what its shared definition says.
    fn field(&mut self, at: Located<'_>, name: &str, required: bool) -> Field {
        let node = self.node(at);
        let shared = at
            .schema
            .reference
            .as_ref()
            .and_then(|reference| self.target(at.file, reference))
            .map(|(target, _)| target.schema);
        let here = at.schema;
        let flag =
            |get: fn(&RawSchema) -> Option<bool>| get(here).or_else(|| shared.and_then(get)).unwrap_or(false);
        let tf = RawTerraform::merged(here, shared);
        let refers_to = here.x_ref.as_ref().or_else(|| shared?.x_ref.as_ref());
        let refers_to = refers_to.and_then(|kind| {
            let found = Kind::from_name(kind);
            if found.is_none() {
                self.problem(at.file, format!("x-ref: there is no kind `{kind}`"));
            }
            found
        });
        let doc = here.description.clone().or_else(|| shared?.description.clone());
        if doc.is_none() {
            self.problem(at.file, format!("`{name}` has no description"));
        }
        Field {
            names: ByDialect::new(|dialect| {
                let (own, of_shared) = (here.said(dialect), shared.map(|shared| shared.said(dialect)));
                let of_shared = of_shared.unwrap_or_default();
                let given = own.name.or(of_shared.name);
                DialectField {
                    name: given.map_or_else(|| (dialect.rules().name)(name), str::to_owned),
                    form: own
                        .form
                        .or(of_shared.form)
                        .map_or(FieldForm::Usual, FieldForm::from),
                }
            }),
            node,
            doc: doc.unwrap_or_default(),
            required,
            terraform_required: tf.required.unwrap_or(required) || tf.min.is_some_and(|min| min > 0),
            identity: flag(|s| s.x_identity),
            computed: flag(|s| s.x_computed),
            moves: flag(|s| s.x_moves),
            secret: flag(|s| s.x_secret),
            deprecated: flag(|s| s.deprecated),
            refers_to,
            default: here.default.clone().or_else(|| shared?.default.clone()),
            sent: flag(|s| s.x_sent),
            absent_is_empty: flag(|s| s.x_absent_is_empty),
            name: name.to_owned(),
        }
    }
}

/// What a schema says of a field's name and form in a dialect.
#[derive(Default)]
struct DialectAnnotations<'a> {
    name: Option<&'a str>,
    form: Option<RawForm>,
}

impl RawSchema {
    /// The annotations of a dialect.
    fn said(&self, dialect: Dialect) -> DialectAnnotations<'_> {
        let terraform = self.x_terraform.as_ref();
        match dialect {
            Dialect::Api => DialectAnnotations::default(),
            Dialect::CloudFormation => DialectAnnotations {
                name: self.x_cfn.as_deref(),
                form: self.x_cfn_form,
            },
            Dialect::Terraform => DialectAnnotations {
                name: terraform.and_then(|said| said.name.as_deref()),
                form: terraform.and_then(|said| said.form),
            },
            Dialect::Kubernetes => DialectAnnotations {
                name: self.x_kubernetes.as_deref(),
                form: None,
            },
        }
    }
}

impl RawKind {
    /// The name of the type in a dialect; the API has a call for each, no name.
    fn name_in(&self, dialect: Dialect) -> &str {
        match dialect {
            Dialect::Api => "",
            Dialect::CloudFormation => &self.cloudformation,
            Dialect::Terraform => &self.terraform,
            Dialect::Kubernetes => self.kubernetes.as_deref().unwrap_or_default(),
        }
    }
}

impl RawTerraform {
    /// What both annotations demand, member by member.
    fn merged(here: &RawSchema, shared: Option<&RawSchema>) -> Self {
        let here = here.x_terraform.clone().unwrap_or_default();
        let shared = shared.and_then(|s| s.x_terraform.clone()).unwrap_or_default();
        Self {
            name: None,
            form: None,
            required: here.required.or(shared.required),
            min: here.min.or(shared.min),
        }
    }
}

impl From<RawForm> for FieldForm {
    fn from(raw: RawForm) -> Self {
        match raw {
            RawForm::None => FieldForm::Absent,
            RawForm::Flatten => FieldForm::Flatten,
            RawForm::Map => FieldForm::Map,
        }
    }
}

fn number(raw: &RawSchema) -> NumberShape {
    NumberShape {
        min: raw.minimum,
        max: raw.maximum,
    }
}

fn sorted(fields: &[Field], name: impl Fn(&Field) -> Option<&String>) -> Vec<(String, usize)> {
    let mut index: Vec<(String, usize)> = fields
        .iter()
        .enumerate()
        .filter_map(|(at, field)| Some((name(field)?.clone(), at)))
        .collect();
    index.sort();
    index
}

pub(super) fn any() -> &'static SchemaNode {
    static ANY: SchemaNode = SchemaNode {
        shape: Shape::Any,
        doc: String::new(),
        examples: Vec::new(),
    };
    &ANY
}
