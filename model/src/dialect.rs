//! The dialects of one model, converted by walking the schema.
//!
//! The canonical form is the API's JSON (camelCase). CloudFormation differs in case; Terraform in names and in
//! nesting: objects are blocks, that is lists of at most one object; Kubernetes in a few names. What a dialect does is a
//! row of `schema::dialect`; where a place follows no rule, the schema says so beside the field. Nothing here knows a field by
//! name.
//!
//! In Terraform's form null and absent blocks mean *absent*, while an empty block stays an empty object. Unknown
//! and symbolic nodes pass through as they are, whatever is there.

mod from;
mod path;
mod to;

pub use crate::schema::Dialect;
pub use path::path;
pub use to::coerced;

use crate::diag::Diagnostic;
use crate::kind::Kind;
use crate::schema;
use crate::value::Node;

/// A resource in canonical form, from one in a dialect. The problems are those that only the dialect has: names
/// that it does not know, blocks that are given too often. What is wrong with the values, validation says.
pub fn to_canonical(kind: Kind, dialect: Dialect, node: &Node) -> (Node, Vec<Diagnostic>) {
    match dialect {
        // The API's form is the canonical one.
        Dialect::Api => (node.clone(), Vec::new()),
        _ => to::convert(schema::kind(kind).root, dialect, node),
    }
}

/// The same for who needs the resource in its dialect no longer: what is canonical already is not copied.
pub fn into_canonical(kind: Kind, dialect: Dialect, node: Node) -> (Node, Vec<Diagnostic>) {
    match dialect {
        Dialect::Api => (node, Vec::new()),
        _ => to_canonical(kind, dialect, &node),
    }
}

/// A resource in a dialect, from the canonical form. Terraform's form is complete: it has every attribute (null
/// where unset) and every block (an empty list where absent).
pub fn from_canonical(kind: Kind, dialect: Dialect, node: &Node) -> Node {
    from::convert(schema::kind(kind).root, dialect, node)
}
