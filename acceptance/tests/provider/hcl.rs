//! Resources in the model's form as HCL, each argument on a line of its own, so that a diagnostic's line tells which
//! argument it is about.

use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::pointer::{Pointer, Segment};
use meshform_model::schema;
use meshform_model::schema::terraform::{self, Body};
use meshform_model::value::Node;
use serde_json::Value;
use std::collections::BTreeMap;

/// What stands between two braces.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    /// Names and expressions.
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) blocks: Vec<(String, Block)>,
}

impl Block {
    /// A resource in canonical form. What only the provider fills in is left out.
    pub(crate) fn resource(kind: Kind, json: &Value) -> Self {
        let node = dialect::from_canonical(kind, Dialect::Terraform, &Node::from_json(json));
        let values = node.to_json();
        let values = values.unwrap_or_else(|| panic!("{kind} cannot be written in HCL: {json}"));
        Self::of(&terraform::resource(kind).body, &values)
    }

    fn of(body: &Body, value: &Value) -> Self {
        let mut block = Self::default();
        for attribute in body.attributes.iter().filter(|one| one.required || one.optional) {
            let given = &value[&attribute.name];
            if !given.is_null() {
                block.set(&attribute.name, &expression(given));
            }
        }
        for inner in &body.blocks {
            for given in value[&inner.name].as_array().into_iter().flatten() {
                block
                    .blocks
                    .push((inner.name.clone(), Self::of(&inner.body, given)));
            }
        }
        block
    }

    /// Gives an argument, once.
    pub(crate) fn set(&mut self, name: &str, expression: &str) {
        self.attributes.retain(|(given, _)| given != name);
        self.attributes.push((name.to_owned(), expression.to_owned()));
    }

    /// The block at a place in Terraform's form, such as `/spec/0/listener/1`.
    pub(crate) fn at(&mut self, place: &[Segment]) -> Option<&mut Block> {
        match place {
            [] => Some(self),
            [Segment::Field(name), Segment::Index(index), rest @ ..] => {
                let named = self.blocks.iter_mut().filter(|(given, _)| given == name);
                named.map(|(_, block)| block).nth(*index)?.at(rest)
            }
            _ => None,
        }
    }
}

/// A value as an expression.
pub(crate) fn expression(value: &Value) -> String {
    // HCL reads JSON but for the beginnings of templates.
    value.to_string().replace("${", "$${").replace("%{", "%%{")
}

/// A place of a resource: its address and the path in it, as `/spec/0/listener/1`.
pub(crate) type AttributeAddress = (String, String);

/// A configuration, one file for each resource: Terraform reads a file anew for each diagnostic in it.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Names and texts.
    pub(crate) files: BTreeMap<String, String>,
    /// Where each block and argument is: the file and the line, counted from 1.
    places: BTreeMap<(String, usize), AttributeAddress>,
}

impl Script {
    /// Adds a resource, in a file with the name of its label.
    pub(crate) fn resource(&mut self, type_name: &str, label: &str, block: &Block) {
        let mut page = Page {
            address: format!("{type_name}.{label}"),
            text: String::new(),
            places: Vec::new(),
        };
        let root = Pointer::root();
        page.say(&root, &format!("resource \"{type_name}\" \"{label}\" {{"));
        if type_name.starts_with("aws_") {
            page.push("provider = appmesh");
        }
        page.contents(&root, block);
        page.push("}");
        let name = format!("{label}.tf");
        let Page {
            address,
            text,
            places,
        } = page;
        for (line, place) in places {
            self.places
                .insert((name.clone(), line), (address.clone(), place.to_string()));
        }
        self.files.insert(name, text);
    }

    /// The place that stands on a line of a file.
    pub(crate) fn place_on(&self, file: &str, line: usize) -> Option<&AttributeAddress> {
        self.places.get(&(file.to_owned(), line))
    }
}

/// A file that is being written.
struct Page {
    address: String,
    text: String,
    places: Vec<(usize, Pointer)>,
}

impl Page {
    fn contents(&mut self, place: &Pointer, block: &Block) {
        for (name, expression) in &block.attributes {
            self.say(&place.field(name), &format!("{name} = {expression}"));
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, inner) in &block.blocks {
            let count = counts.entry(name).or_default();
            let place = place.field(name).index(*count);
            *count += 1;
            self.say(&place, &format!("{name} {{"));
            self.contents(&place, inner);
            self.push("}");
        }
    }

    fn say(&mut self, place: &Pointer, line: &str) {
        self.push(line);
        self.places.push((self.text.lines().count(), place.clone()));
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// The type name of a kind, ours or that of hashicorp/aws where it has the kind.
pub(crate) fn type_name(kind: Kind, original: bool) -> String {
    let ours = schema::kind(kind).type_in(Dialect::Terraform);
    match original && kind != Kind::ProxyProfile {
        true => format!("aws_{ours}"),
        false => ours.to_owned(),
    }
}

/// A place as [`crate::world::differences`] writes it: `spec[0].listener[0].port_mapping`.
pub(crate) fn shown(place: &Pointer) -> String {
    let mut text = String::new();
    for segment in place.segments() {
        match segment {
            Segment::Field(name) if text.is_empty() => text.push_str(name),
            Segment::Field(name) => text.push_str(&format!(".{name}")),
            Segment::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}
