//! References that lead nowhere, and what is said of them.

use crate::codes;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Reference;
use meshform_model::rules;

/// A reference that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Who names what, in which field.
    pub reference: Reference,
    /// A name that is there and nearly the same.
    pub near: Option<String>,
    /// What has its name and is of another kind.
    pub other: Option<ResourceKey>,
}

/// The warning that a resource names what is not there.
pub fn dangling(missing: &Missing) -> Diagnostic {
    let Reference {
        from, to, pointer, ..
    } = &missing.reference;
    let meant = rules::meant(missing.other.as_ref(), missing.near.as_deref());
    let begin = meant.map_or_else(|| "until".to_owned(), |meant| format!("{meant} Until"));
    Diagnostic::warning(
        codes::DANGLING,
        format!("{from} names {to}, which does not exist yet"),
    )
    .help(format!(
        "{begin} it is written the mesh is not valid, and running proxies keep their last release"
    ))
    .at(ProblemLocation::of(from, pointer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_model::kind::Kind;
    use meshform_model::mesh::Role;
    use meshform_model::pointer::Pointer;

    #[test]
    fn what_was_meant_is_told_before_what_follows_from_it() {
        let help = |near: Option<&str>, other: Option<Kind>| {
            let named = |kind, name| ResourceKey::in_mesh("apps", kind, name);
            let missing = Missing {
                reference: Reference {
                    from: named(Kind::VirtualService, "a.local"),
                    pointer: Pointer::root(),
                    to: named(Kind::VirtualNode, "b"),
                    role: Role::Provider,
                },
                near: near.map(str::to_owned),
                other: other.map(|kind| named(kind, "b")),
            };
            dangling(&missing).help.unwrap_or_default()
        };
        let rest = "ntil it is written the mesh is not valid, and running proxies keep their last release";
        assert_eq!(help(None, None), format!("u{rest}"));
        assert_eq!(help(Some("b2"), None), format!("did you mean `b2`? U{rest}"));
        assert_eq!(
            help(Some("b2"), Some(Kind::VirtualRouter)),
            format!("`b` is a virtual router. U{rest}")
        );
    }
}
