//! Terraform's values and the model's instance tree.

use meshform_model::value::{Node, Number, Object, Value as Inner};
use tfplugin::Value;

/// A value of Terraform's as a tree in Terraform's dialect. Sets become lists: the model knows which lists have
/// no order.
pub(crate) fn to_node(value: &Value) -> Node {
    Node::new(match value {
        Value::Null => Inner::Null,
        Value::Unknown(_) => Inner::Unknown,
        Value::Bool(b) => Inner::Bool(*b),
        // Terraform's numbers are decimal texts too; one that the model cannot read is no number of the schema's
        // and is reported as the text that it is.
        Value::Number(n) => {
            let text = n.to_string();
            Number::parse(&text).map_or(Inner::String(text), Inner::Number)
        }
        Value::String(s) => Inner::String(s.clone()),
        Value::List(items) | Value::Set(items) => Inner::List(items.iter().map(to_node).collect()),
        Value::Map(entries) | Value::Object(entries) => Inner::Object(
            entries
                .iter()
                .map(|(name, value)| (name.to_string(), to_node(value)))
                .collect::<Object>(),
        ),
        Value::Dynamic(inner) => return to_node(&inner.1),
    })
}

/// A tree in Terraform's dialect as a value. It has lists where the schema may want sets, and objects where it may
/// want maps: [`tfplugin::schema::Schema::conform`] gives it the exact form.
pub(crate) fn from_node(node: &Node) -> Value {
    match &node.value {
        Inner::Null => Value::Null,
        // A symbol cannot come out of a store: nothing unresolved is written there.
        Inner::Unknown | Inner::Symbol(_) => Value::UNKNOWN,
        Inner::Bool(b) => Value::Bool(*b),
        Inner::Number(n) => n.as_text().parse().map_or(Value::Null, Value::Number),
        Inner::String(s) => Value::String(s.clone()),
        Inner::List(items) => Value::List(items.iter().map(from_node).collect()),
        Inner::Object(object) => Value::object(
            object
                .iter()
                .map(|field| (field.name.as_str(), from_node(&field.node))),
        ),
    }
}
