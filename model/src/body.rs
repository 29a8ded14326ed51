//! A resource as a whole in canonical form: the names beside the spec, as the API has it.

use crate::canonical;
use crate::resource::Resource;
use crate::schema;
use crate::tags;
use crate::value::{Node, Object, Value};
use serde_json::Value as Json;

/// The names, the spec and the tags. Identity and extensions are no part of an API body.
pub fn of(resource: &Resource) -> Node {
    let mut object = Object::new();
    let names = &schema::kind(resource.key.kind).key;
    for (name, value) in names.iter().zip(resource.key.names()) {
        object.set(name.as_str(), Node::new(Value::from(value)));
    }
    if let Some(owner) = &resource.mesh_owner {
        object.set("meshOwner", Node::new(Value::from(owner.as_str())));
    }
    object.set("spec", Node::from_json(&resource.spec.to_json()));
    if !resource.tags.is_empty() {
        object.set("tags", Node::from_json(&tags::write(&resource.tags)));
    }
    Node::new(Value::Object(object))
}

/// What a store keeps of a resource: the canonical spec, tags and extensions.
pub fn stored(resource: &Resource) -> Json {
    let kind = resource.key.kind;
    let mut document = whole(resource);
    // A typed resource always has a spec; one that may be left out and says nothing was.
    let root = schema::kind(kind).root.object();
    let optional = root
        .and_then(|root| root.field("spec"))
        .is_some_and(|spec| !spec.required);
    if let Value::Object(object) = &mut document.value
        && optional
        && object
            .get("spec")
            .and_then(Node::as_object)
            .is_some_and(Object::is_empty)
    {
        object.remove("spec");
    }
    // A typed resource has nothing unknown in it.
    canonical::body(kind, &document).unwrap_or_default()
}

/// The same with the extensions beside the spec: all that a person decided.
pub fn whole(resource: &Resource) -> Node {
    let mut node = of(resource);
    if let (Some(extensions), Value::Object(object)) = (&resource.extensions, &mut node.value) {
        object.set("extensions", Node::from_json(&extensions.to_json()));
    }
    node
}
