//! A mesh as Terraform configuration with `appmesh_*` resources, as a person would write it: formatted, and with
//! references instead of names.

mod hcl;
mod labels;

use crate::body;
use hcl::Writer;
use meshform_model::dialect::{self, Dialect};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use meshform_model::schema::terraform::{self, Attribute, Body};
use meshform_model::value::{Node, Value};

/// The configuration of all these resources, containers first.
pub fn build(resources: &[Resource]) -> String {
    let mut sorted: Vec<&Resource> = resources.iter().collect();
    sorted.sort_by_key(|resource| {
        let order = Kind::ALL.iter().position(|kind| *kind == resource.key.kind);
        (resource.key.mesh.as_str(), order, &resource.key)
    });
    let labels = labels::assign(sorted.iter().map(|resource| &resource.key));
    let mut writer = Writer::default();
    writer.open("terraform");
    writer.open("required_providers");
    writer.open_map("appmesh");
    writer.attribute("source", "\"meshform/appmesh\"".to_owned());
    writer.close();
    writer.close();
    writer.close();
    for resource in sorted {
        let schema = terraform::resource(resource.key.kind);
        let Some(label) = labels.get(&resource.key) else {
            continue;
        };
        let node = dialect::from_canonical(resource.key.kind, Dialect::Terraform, &body::whole(resource));
        writer.open(&format!("resource \"{}\" \"{label}\"", schema.type_name));
        Emitter {
            own: &resource.key,
            labels: &labels,
        }
        .body(&schema.body, &node, &mut writer);
        writer.close();
    }
    writer.finish()
}

struct Emitter<'a> {
    own: &'a ResourceKey,
    labels: &'a labels::Labels,
}

impl Emitter<'_> {
    fn body(&self, body: &Body, node: &Node, writer: &mut Writer) {
        let written = |attribute: &&Attribute| attribute.required || attribute.optional;
        let mut maps = Vec::new();
        for attribute in body.attributes.iter().filter(written) {
            match node.get(&attribute.name).map(|node| &node.value) {
                None | Some(Value::Null) => {}
                Some(Value::Object(map)) => maps.push((attribute, map)),
                Some(value) => writer.attribute(&attribute.name, self.expression(attribute, value)),
            }
        }
        for (attribute, map) in maps.into_iter().filter(|(_, map)| !map.is_empty()) {
            writer.open_map(&attribute.name);
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by(|a, b| a.name.cmp(&b.name));
            for field in fields {
                writer.attribute(&hcl::key(&field.name), hcl::literal(&field.node.value));
            }
            writer.close();
        }
        for block in &body.blocks {
            let blocks = node.get(&block.name).and_then(Node::as_list).unwrap_or_default();
            for inner in blocks {
                writer.open(&block.name);
                self.body(&block.body, inner, writer);
                writer.close();
            }
        }
    }

    fn expression(&self, attribute: &Attribute, value: &Value) -> String {
        // Backends would close circles: two services that call each other.
        let may_refer = |kind: Kind| {
            kind == Kind::Mesh
                || Some(kind) == self.own.kind.parent()
                || !matches!(self.own.kind, Kind::VirtualNode | Kind::VirtualGateway)
        };
        if let (Some(kind), Value::String(name)) = (attribute.field.and_then(|field| field.refers_to), value)
            && may_refer(kind)
        {
            let key = match kind {
                Kind::Mesh => ResourceKey::mesh(name),
                kind => ResourceKey::in_mesh(&self.own.mesh, kind, name),
            };
            if key != *self.own
                && let Some(label) = self.labels.get(&key)
            {
                return format!("{}.{label}.name", terraform::resource(kind).type_name);
            }
        }
        hcl::literal(value)
    }
}
