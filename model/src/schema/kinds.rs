//! What the schema says of a kind. It stands here and not beside the kind, because the schema is made of kinds.

use super::{Dialect, kind};
use crate::kind::Kind;

impl Kind {
    /// Whether App Mesh has the kind. What it does not have is ours: its API, its templates and hashicorp/aws do not know it.
    pub fn is_app_mesh(self) -> bool {
        kind(self).type_in(Dialect::CloudFormation).starts_with("AWS::")
    }

    /// The field that names a resource of the kind in a dialect: `virtualNodeName`, `VirtualNodeName`.
    pub fn name_field(self, dialect: Dialect) -> &'static str {
        let schema = kind(self);
        let canonical = schema.key.last().map_or("", String::as_str);
        let field = schema.root.object().and_then(|root| root.field(canonical));
        field.map_or(canonical, |field| &field.named(dialect).name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_that_names_a_kind_is_the_last_of_its_key() {
        for (dialect, expected) in [
            (Dialect::Api, "virtualNodeName"),
            (Dialect::CloudFormation, "VirtualNodeName"),
            (Dialect::Terraform, "name"),
        ] {
            assert_eq!(Kind::VirtualNode.name_field(dialect), expected);
        }
        for kind in Kind::ALL {
            assert_eq!(kind.name_field(Dialect::Api), format!("{}Name", kind.name()));
        }
    }
}
