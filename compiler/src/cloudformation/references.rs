//! Names of other resources of the template become `Fn::GetAtt`, so that CloudFormation knows the order.

use super::logical_id::Ids;
use meshform_model::body;
use meshform_model::dialect::Dialect;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::resource::Resource;
use meshform_model::schema::{self, SchemaNode, Shape};
use meshform_model::value::{Field, Node, Object, Symbol, Value};

/// The resource's canonical form with references.
pub(crate) fn insert(resource: &Resource, ids: &Ids) -> Node {
    let kind = resource.key.kind;
    let schema = schema::kind(kind);
    let mut whole = body::of(resource);
    let Value::Object(object) = &mut whole.value else {
        return whole;
    };
    // The names of what contains the resource.
    for (key, name) in [
        (
            Some(ResourceKey::mesh(&resource.key.mesh)),
            Kind::Mesh.name_field(Dialect::Api),
        ),
        (resource.key.container(), parent_field(kind).unwrap_or_default()),
    ] {
        if let Some(key) = key
            && key != resource.key
            && let (Some(id), Some(node)) = (ids.get(&key), object.get_mut(name))
        {
            *node = get_att(id, key.kind);
        }
    }
    // Backends would close circles (two services that call each other), and App Mesh never asked for them.
    if !matches!(kind, Kind::VirtualNode | Kind::VirtualGateway)
        && let (Some(spec), Some(shape)) = (
            object.remove("spec"),
            schema.root.object().and_then(|root| root.field("spec")),
        )
    {
        let walker = Walker {
            mesh: &resource.key.mesh,
            own: kind,
            ids,
        };
        object.set("spec", walker.walk(shape.node, spec));
    }
    whole
}

/// The field that names a kind's container: `virtualRouterName` of a route. `None` of what stands directly in a mesh.
fn parent_field(kind: Kind) -> Option<&'static str> {
    kind.parent().map(|parent| parent.name_field(Dialect::Api))
}

struct Walker<'a> {
    mesh: &'a str,
    own: Kind,
    ids: &'a Ids,
}

impl Walker<'_> {
    fn walk(&self, schema: &SchemaNode, node: Node) -> Node {
        let value = match (&schema.shape, node.value) {
            (Shape::Object(shape) | Shape::Union(shape), Value::Object(object)) => {
                let mut out = Object::new();
                for field in object {
                    let node = match shape.field(&field.name) {
                        Some(known) => self.field(known, field.node),
                        None => field.node,
                    };
                    out.push(Field { node, ..field });
                }
                Value::Object(out)
            }
            (Shape::List(shape), Value::List(list)) => Value::List(
                list.into_iter()
                    .map(|item| self.walk(shape.items, item))
                    .collect(),
            ),
            (_, value) => value,
        };
        Node::new(value)
    }

    fn field(&self, field: &schema::Field, node: Node) -> Node {
        if let (Some(kind), Some(name)) = (field.refers_to, node.as_str())
            && kind != self.own
            && let Some(id) = self.ids.get(&ResourceKey::in_mesh(self.mesh, kind, name))
        {
            return get_att(id, kind);
        }
        self.walk(field.node, node)
    }
}

fn get_att(id: &str, kind: Kind) -> Node {
    let attribute = kind.name_field(Dialect::CloudFormation);
    Node::new(Value::Symbol(Symbol {
        function: "Fn::GetAtt".to_owned(),
        argument: Box::new(Node::new(Value::List(vec![
            Node::new(Value::from(id)),
            Node::new(Value::from(attribute)),
        ]))),
    }))
}
