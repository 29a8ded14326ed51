//! Whose a record is, and who may write over it: decided here for every writer.

use crate::view::LastWrite;
use meshform_store::{Record, Revision};
use std::collections::BTreeSet;

/// Whose records somebody may write over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Overwrites {
    /// Those of their own owner.
    #[default]
    Own,
    /// Also those of the owners that whoever set the writer up has named.
    Named(BTreeSet<String>),
    /// Everyone's.
    All,
}

/// Somebody who wants to write, as far as it matters whose a record is.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'w> {
    pub owner: &'w str,
    pub overwrites: &'w Overwrites,
    /// The revision of a record that this writer was allowed to take over, where that was noted before anything was
    /// written. Whoever goes on after having been stopped finds the record at that revision still, and is not refused
    /// because the permission has been withdrawn since.
    pub began_at: Option<Revision>,
}

/// How a record stands to somebody who wants to write over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// It is the writer's own.
    Own,
    /// It is another owner's, and the writer may write over it.
    Granted,
    /// It is another owner's, and stays as it is.
    Foreign,
}

impl<'w> Writer<'w> {
    pub fn new(owner: &'w str, overwrites: &'w Overwrites) -> Self {
        Self {
            owner,
            overwrites,
            began_at: None,
        }
    }

    pub fn ownership(&self, record: &Record) -> Ownership {
        if belongs_to(record, self.owner) {
            return Ownership::Own;
        }
        match self.overwrites.grants(&record.author.owner) || self.began_at == Some(record.revision) {
            true => Ownership::Granted,
            false => Ownership::Foreign,
        }
    }

    pub fn may_change(&self, record: &Record) -> bool {
        self.ownership(record) != Ownership::Foreign
    }
}

impl Overwrites {
    /// What a list of owners means; an empty one allows nothing.
    pub fn named(owners: impl IntoIterator<Item = String>) -> Self {
        Self::Named(owners.into_iter().collect())
    }

    /// Whether it names an owner or everyone. That a writer's own owner is among them may say more than that they write
    /// as themselves.
    pub fn grants(&self, owner: &str) -> bool {
        match self {
            Self::Own => false,
            Self::Named(owners) => owners.contains(owner),
            Self::All => true,
        }
    }
}

pub fn belongs_to(record: &Record, owner: &str) -> bool {
    record.author.owner == owner
}

impl LastWrite {
    /// As [`belongs_to`], of a record of which a view keeps only this.
    pub fn belongs_to(&self, owner: &str) -> bool {
        self.owner == owner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(owner: &str) -> Record {
        let record = json!({
            "key": {"mesh": "apps", "kind": "mesh", "name": "apps"},
            "body": {"spec": {}},
            "identity": {"arn": "", "uid": "", "meshOwner": "", "resourceOwner": ""},
            "version": 1,
            "revision": 7,
            "author": {"owner": owner, "actor": "somebody"},
            "createdAt": 0,
            "lastUpdatedAt": 0,
        });
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn what_another_owner_has_stays_unless_it_is_granted() {
        let named = Overwrites::named(["them".to_owned()]);
        let wanted = [
            (&Overwrites::Own, "us", Ownership::Own),
            (&Overwrites::Own, "them", Ownership::Foreign),
            (&named, "us", Ownership::Own),
            (&named, "them", Ownership::Granted),
            (&named, "others", Ownership::Foreign),
            (&Overwrites::named([]), "them", Ownership::Foreign),
            (&Overwrites::All, "us", Ownership::Own),
            (&Overwrites::All, "them", Ownership::Granted),
        ];
        for (overwrites, owner, ownership) in wanted {
            let writer = Writer::new("us", overwrites);
            let record = record(owner);
            assert_eq!(
                writer.ownership(&record),
                ownership,
                "{overwrites:?} over {owner}"
            );
            assert_eq!(writer.may_change(&record), ownership != Ownership::Foreign);
        }
    }

    #[test]
    fn an_owner_is_nobody_whose_name_only_begins_alike() {
        let writer = Writer::new("us", &Overwrites::Own);
        for other in ["", "u", "US", "us ", "us:1"] {
            assert!(!writer.may_change(&record(other)), "{other}");
        }
    }

    #[test]
    fn a_takeover_that_was_begun_goes_on_until_somebody_else_has_written() {
        let mut writer = Writer::new("us", &Overwrites::Own);
        writer.began_at = Some(Revision(7));
        assert_eq!(writer.ownership(&record("them")), Ownership::Granted);
        assert_eq!(writer.ownership(&record("us")), Ownership::Own);
        writer.began_at = Some(Revision(6));
        assert_eq!(writer.ownership(&record("them")), Ownership::Foreign);
    }
}
