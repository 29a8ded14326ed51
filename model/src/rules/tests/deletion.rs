//! Who may be deleted.

use super::*;
use crate::kind::Kind;
use crate::mesh::{Reference, references};
use crate::rules::delete::{Deletion, Record, Why};

/// The demo mesh; `owner` says whose each record is.
fn records(owner: fn(&ResourceKey) -> &'static str) -> Vec<(&'static str, Vec<Reference>)> {
    let list = resources(&demo()).unwrap();
    list.iter().map(|r| (owner(&r.key), references(r))).collect()
}

fn refusal(deletion: &Deletion<'_>, records: &[(&str, Vec<Reference>)]) -> Option<Diagnostic> {
    let records = records
        .iter()
        .map(|(owner, references)| Record { owner, references });
    deletion.refusal(records)
}

fn of_team(key: &ResourceKey) -> &'static str {
    if key.kind == Kind::Route {
        "routing"
    } else {
        "apps"
    }
}

#[test]
fn what_contains_something_stays() {
    let records = records(|_| "apps");
    for key in [
        ResourceKey::mesh("apps"),
        ResourceKey::in_mesh("apps", Kind::VirtualRouter, "serviceb"),
    ] {
        let deletion = Deletion {
            key: &key,
            owner: "apps",
            strict: false,
        };
        let refused = refusal(&deletion, &records).unwrap();
        assert_eq!(refused.code, codes::CONTAINS);
        insta::assert_snapshot!(format!("contains_{}", key.kind.name()), shown(&refused));
    }
}

#[test]
fn ones_own_references_hold_only_when_strict() {
    let node = ResourceKey::in_mesh("apps", Kind::VirtualNode, "servicebv2");
    let records = records(|_| "apps");
    let mut deletion = Deletion {
        key: &node,
        owner: "apps",
        strict: false,
    };
    assert_eq!(refusal(&deletion, &records), None);
    deletion.strict = true;
    insta::assert_snapshot!("strict", shown(&refusal(&deletion, &records).unwrap()));
}

#[test]
fn another_owners_references_hold() {
    let node = ResourceKey::in_mesh("apps", Kind::VirtualNode, "serviceb");
    let deletion = Deletion {
        key: &node,
        owner: "apps",
        strict: false,
    };
    insta::assert_snapshot!(
        "other_owner",
        shown(&refusal(&deletion, &records(of_team)).unwrap())
    );
}

#[test]
fn a_backend_holds_for_another_owner_and_never_for_oneself() {
    let service = ResourceKey::in_mesh("apps", Kind::VirtualService, "serviceb.apps.local");
    for (owner, strict, held) in [
        ("apps", true, None),
        ("apps", false, None),
        ("other", false, Some(Why::OtherOwner)),
    ] {
        let deletion = Deletion {
            key: &service,
            owner,
            strict,
        };
        let records = records(|_| "apps");
        let records = records
            .iter()
            .map(|(owner, references)| Record { owner, references });
        let holds = deletion.holds(records);
        assert_eq!(holds.first().map(|hold| hold.why), held, "{owner} {strict}");
    }
}

#[test]
fn what_nobody_names_may_go() {
    let route = ResourceKey::child(
        &ResourceKey::in_mesh("apps", Kind::VirtualRouter, "serviceb"),
        Kind::Route,
        "header",
    );
    let deletion = Deletion {
        key: &route,
        owner: "nobody",
        strict: true,
    };
    assert_eq!(refusal(&deletion, &records(of_team)), None);
}
