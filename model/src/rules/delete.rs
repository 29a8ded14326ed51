//! Whether a resource may be deleted.
//!
//! Containment is strict: what still contains something stays. A reference holds when somebody else's record
//! makes it: deleting would break what another team runs. The own records may be broken for a while (the next
//! step of the same apply mends them, and proxies stay on the last release), unless `strict` asks for
//! what App Mesh did: a provider and a target are held, a backend is not.

use super::{codes, listed, named};
use crate::diag::{Diagnostic, Place};
use crate::key::ResourceKey;
use crate::mesh::{Reference, Role};

/// A record that refers to others.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Who wrote it.
    pub owner: &'a str,
    /// What it refers to; see [`references`](crate::mesh::references).
    pub references: &'a [Reference],
}

/// What is to be deleted.
#[derive(Debug, Clone, Copy)]
pub struct Deletion<'a> {
    /// Which resource.
    pub key: &'a ResourceKey,
    /// Who wrote it.
    pub owner: &'a str,
    /// Whether the same owner's records hold it too.
    pub strict: bool,
}

/// A reference that keeps a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hold {
    /// The reference: who, in which field.
    pub reference: Reference,
    /// Who wrote the record that refers.
    pub owner: String,
    /// Why it keeps the resource.
    pub why: Why,
}

/// Why a reference keeps a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It lies within.
    Contained,
    /// Somebody else made the reference.
    OtherOwner,
    /// `strict` was asked for.
    Strict,
}

// === impl Deletion ===

impl Deletion<'_> {
    /// What keeps the resource, sorted. Nothing: it may be deleted.
    pub fn holds<'r>(&self, records: impl IntoIterator<Item = Record<'r>>) -> Vec<Hold> {
        let mut holds: Vec<Hold> = records
            .into_iter()
            .flat_map(|record| record.references.iter().map(move |r| (record.owner, r)))
            .filter(|(_, reference)| reference.to == *self.key)
            .filter_map(|(owner, reference)| {
                let why = self.why(reference.role, owner)?;
                Some(Hold {
                    reference: reference.clone(),
                    owner: owner.to_owned(),
                    why,
                })
            })
            .collect();
        holds.sort();
        holds
    }

    fn why(&self, role: Role, owner: &str) -> Option<Why> {
        match role {
            Role::Container => Some(Why::Contained),
            // A profile describes; it does not need what it describes.
            Role::ProfileSubject | Role::ProfileDetail => None,
            Role::Provider | Role::Target | Role::GatewayTarget | Role::Backend if owner != self.owner => {
                Some(Why::OtherOwner)
            }
            role => (self.strict && role.held_in_app_mesh()).then_some(Why::Strict),
        }
    }

    /// The refusal, naming everybody (the first ten) who keeps the resource; `None`: it may be deleted.
    pub fn refusal<'r>(&self, records: impl IntoIterator<Item = Record<'r>>) -> Option<Diagnostic> {
        let holds = self.holds(records);
        let first = holds.first()?;
        let (code, verb, help) = match first.why {
            _ if holds.iter().any(|hold| hold.why == Why::Contained) => (
                codes::CONTAINS,
                "still contains",
                "delete what it contains first".to_owned(),
            ),
            Why::Strict if holds.iter().all(|hold| hold.why == Why::Strict) => (
                codes::IN_USE,
                "is still used by",
                "change these first, or delete without `strict_deletes`".to_owned(),
            ),
            _ => (
                codes::IN_USE,
                "is still used by",
                format!("ask {} to change these first", self.others(&holds)),
            ),
        };
        let shown = holds.iter().take(10).map(|hold| {
            let owner = (hold.owner != self.owner).then(|| format!(" (owner `{}`)", hold.owner));
            let from = &hold.reference.from;
            let from = match hold.why {
                Why::Contained => format!("{} `{}`", from.kind, from.name),
                _ => named(from),
            };
            format!("{from}{}", owner.unwrap_or_default())
        });
        let mut shown: Vec<String> = shown.collect();
        if let Some(more) = holds.len().checked_sub(10).filter(|more| *more > 0) {
            shown.push(format!("{more} more"));
        }
        let message = format!("{} {verb} {}", named(self.key), listed(shown));
        let mut diagnostic = Diagnostic::error(code, message).help(help);
        diagnostic.places.push(Place::of(self.key, &Default::default()));
        let places = holds
            .iter()
            .take(10)
            .map(|hold| Place::of(&hold.reference.from, &hold.reference.pointer));
        diagnostic.places.extend(places);
        Some(diagnostic)
    }

    fn others(&self, holds: &[Hold]) -> String {
        let owners: std::collections::BTreeSet<&str> = holds
            .iter()
            .map(|hold| hold.owner.as_str())
            .filter(|owner| *owner != self.owner)
            .collect();
        listed(owners.into_iter().map(|owner| format!("`{owner}`")))
    }
}
