//! The rules of the protocol, one by one.

use super::*;
use crate::xds::view::made_up as view;

use XdsType::{Cluster, Endpoints, Listener, Routes};

fn first(names: &[&str]) -> TypeRequest {
    TypeRequest {
        subscribe: names.iter().map(|name| (*name).to_owned()).collect(),
        ..TypeRequest::default()
    }
}

fn acknowledged(push: &Push) -> TypeRequest {
    TypeRequest {
        nonce: push.nonce.clone(),
        ..TypeRequest::default()
    }
}

fn told(pushes: &[Push]) -> Vec<String> {
    let one = |push: &Push| {
        let names: Vec<String> = push
            .resources
            .iter()
            .map(|entry| format!("{}@{}", entry.name, entry.version))
            .collect();
        let gone: Vec<String> = push.removed.iter().map(|name| format!("-{name}")).collect();
        format!("{:?} {}", push.kind, [names, gone].concat().join(" "))
    };
    pushes.iter().map(one).collect()
}

/// A client that has everything of a view with the clusters a and b.
fn settled() -> Session {
    let mut session = Session::new(Protocol::Delta);
    session.show(Arc::new(view(&[
        (Cluster, "a", "1"),
        (Cluster, "b", "1"),
        (Endpoints, "a", "1"),
        (Endpoints, "b", "1"),
        (Listener, "in", "1"),
        (Routes, "r", "1"),
    ])));
    session.ask(Cluster, first(&[]));
    let clusters = session.next(0);
    assert_eq!(told(&clusters), ["Cluster a@1 b@1"]);
    session.ask(Endpoints, first(&["a", "b"]));
    session.ask(Listener, first(&[]));
    let endpoints = session.next(0);
    assert_eq!(told(&endpoints), ["Endpoints a@1 b@1"], "listeners wait");
    session.ask(Cluster, acknowledged(&clusters[0]));
    session.ask(Endpoints, acknowledged(&endpoints[0]));
    let listeners = session.next(0);
    assert_eq!(told(&listeners), ["Listener in@1"]);
    session.ask(Routes, first(&["r"]));
    let routes = session.next(0);
    assert_eq!(told(&routes), ["Routes r@1"]);
    session.ask(Listener, acknowledged(&listeners[0]));
    session.ask(Routes, acknowledged(&routes[0]));
    assert!(session.next(0).is_empty());
    assert!(session.is_up_to_date());
    session
}

#[test]
fn what_is_needed_comes_first_and_what_is_gone_goes_last() {
    let mut session = settled();
    // b leaves, c comes, the route changes.
    session.show(Arc::new(view(&[
        (Cluster, "a", "1"),
        (Cluster, "c", "1"),
        (Endpoints, "a", "1"),
        (Endpoints, "c", "1"),
        (Listener, "in", "1"),
        (Routes, "r", "2"),
    ])));
    let step = session.next(0);
    assert_eq!(told(&step), ["Cluster c@1"]);
    assert!(session.next(0).is_empty(), "nothing else before it is taken");
    session.ask(Endpoints, first(&["c"]));
    let endpoints = session.next(0);
    assert_eq!(told(&endpoints), ["Endpoints c@1"]);
    session.ask(Endpoints, acknowledged(&endpoints[0]));
    session.ask(Cluster, acknowledged(&step[0]));
    let routes = session.next(0);
    assert_eq!(told(&routes), ["Routes r@2"]);
    session.ask(Routes, acknowledged(&routes[0]));
    assert_eq!(told(&session.next(0)), ["Cluster -b"]);
}

#[test]
fn routes_wait_for_the_names_of_a_new_cluster_but_not_at_the_start() {
    let with = |clusters: &[&'static str], route: &'static str| {
        let clusters = clusters.iter().map(|name| (Cluster, *name, "1"));
        let rest = [(Listener, "in", "1"), (Routes, "r", route)];
        Arc::new(view(&clusters.chain(rest).collect::<Vec<_>>()))
    };
    let mut session = Session::new(Protocol::Delta);
    session.show(with(&["a.dns"], "1"));
    session.ask(Cluster, first(&[]));
    let clusters = session.next(0);
    session.ask(Cluster, acknowledged(&clusters[0]));
    session.ask(Listener, first(&[]));
    session.ask(Routes, first(&["r"]));
    let start = session.next(0);
    assert_eq!(told(&start), ["Listener in@1", "Routes r@1"]);
    for push in &start {
        session.ask(push.kind, acknowledged(push));
    }
    assert!(session.is_up_to_date());

    session.show(with(&["b.dns"], "2"));
    let clusters = session.next(10);
    assert_eq!(told(&clusters), ["Cluster b.dns@1"]);
    session.ask(Cluster, acknowledged(&clusters[0]));
    assert!(session.next(20).is_empty());
    assert!(!session.is_up_to_date(), "its routes are still to come");
    assert_eq!(session.wake(), Some(20 + RESOLVE));
    assert!(session.next(19 + RESOLVE).is_empty());
    let routes = session.next(20 + RESOLVE);
    assert_eq!(told(&routes), ["Routes r@2"]);
    session.ask(Routes, acknowledged(&routes[0]));
    assert_eq!(told(&session.next(20 + RESOLVE)), ["Cluster -a.dns"]);
}

#[test]
fn what_a_client_has_from_an_earlier_stream_goes_after_its_routes() {
    let mut session = Session::new(Protocol::Delta);
    session.show(Arc::new(view(&[
        (Cluster, "new.dns", "1"),
        (Listener, "in", "1"),
        (Routes, "r", "2"),
    ])));
    let has = |names: &[&str], named: &[&str]| TypeRequest {
        versions: names
            .iter()
            .map(|name| ((*name).to_owned(), "1".to_owned()))
            .collect(),
        returns: true,
        ..first(named)
    };
    session.ask(Cluster, has(&["old.dns"], &[]));
    let clusters = session.next(0);
    assert_eq!(told(&clusters), ["Cluster new.dns@1"], "nothing is removed yet");
    session.ask(Cluster, acknowledged(&clusters[0]));
    session.ask(Listener, has(&["in"], &[]));
    assert!(session.next(0).is_empty());
    let listeners = session.next(RESOLVE);
    assert_eq!(told(&listeners), ["Listener "]);
    session.ask(Listener, acknowledged(&listeners[0]));
    assert!(
        session.next(RESOLVE).is_empty(),
        "its routes are not asked for yet"
    );
    session.ask(Routes, has(&["r"], &["r"]));
    let routes = session.next(RESOLVE);
    assert_eq!(told(&routes), ["Routes r@2"]);
    session.ask(Routes, acknowledged(&routes[0]));
    assert_eq!(told(&session.next(RESOLVE)), ["Cluster -old.dns"]);
}

#[test]
fn a_changed_cluster_gets_its_endpoints_again() {
    let mut session = settled();
    session.show(Arc::new(view(&[
        (Cluster, "a", "2"),
        (Cluster, "b", "1"),
        (Endpoints, "a", "1"),
        (Endpoints, "b", "1"),
        (Listener, "in", "1"),
        (Routes, "r", "1"),
    ])));
    assert_eq!(told(&session.next(0)), ["Cluster a@2", "Endpoints a@1"]);
}

#[test]
fn endpoints_that_are_gone_are_none_and_not_removed() {
    let mut session = settled();
    session.show(Arc::new(view(&[
        (Cluster, "a", "1"),
        (Cluster, "b", "1"),
        (Endpoints, "a", "1"),
        (Listener, "in", "1"),
        (Routes, "r", "1"),
    ])));
    let pushes = session.next(0);
    assert_eq!(pushes.len(), 1);
    assert_eq!((pushes[0].kind, &*pushes[0].resources[0].name), (Endpoints, "b"));
    assert!(pushes[0].removed.is_empty());
}

#[test]
fn what_was_refused_is_not_sent_again_until_it_is_another() {
    let mut session = settled();
    let with_route = |version: &str| {
        Arc::new(view(&[
            (Cluster, "a", "1"),
            (Cluster, "b", "1"),
            (Endpoints, "a", "1"),
            (Endpoints, "b", "1"),
            (Listener, "in", "1"),
            (Routes, "r", version),
        ]))
    };
    session.show(with_route("2"));
    let pushes = session.next(0);
    let refused = session.ask(
        Routes,
        TypeRequest {
            error: Some("no such cluster".to_owned()),
            ..acknowledged(&pushes[0])
        },
    );
    assert_eq!(
        refused.map(|refused| refused.message).as_deref(),
        Some("no such cluster")
    );
    assert!(session.next(0).is_empty());
    assert!(!session.is_up_to_date());
    session.show(with_route("3"));
    assert_eq!(told(&session.next(0)), ["Routes r@3"]);
}

#[test]
fn a_client_that_comes_back_is_sent_what_differs() {
    let mut session = Session::new(Protocol::Delta);
    session.show(Arc::new(view(&[(Cluster, "a", "2"), (Cluster, "b", "1")])));
    let had = [("a", "1"), ("b", "1"), ("gone", "1")];
    let versions = had
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .into();
    session.ask(
        Cluster,
        TypeRequest {
            versions,
            ..TypeRequest::default()
        },
    );
    let changed = session.next(0);
    assert_eq!(
        told(&changed),
        ["Cluster a@2"],
        "its routes may still lead to the one that is gone"
    );
    session.ask(Cluster, acknowledged(&changed[0]));
    assert_eq!(told(&session.next(0)), ["Cluster -gone"]);
    // One that has everything is answered all the same, with nothing.
    let mut session = Session::new(Protocol::Delta);
    session.show(Arc::new(view(&[(Cluster, "a", "1")])));
    session.ask(
        Cluster,
        TypeRequest {
            versions: [("a".to_owned(), "1".to_owned())].into(),
            ..TypeRequest::default()
        },
    );
    assert_eq!(told(&session.next(0)), ["Cluster "]);
    assert!(session.next(0).is_empty());
}

#[test]
fn a_name_may_be_asked_for_before_it_exists_and_again_after_it_was_sent() {
    let mut session = Session::new(Protocol::Delta);
    session.show(Arc::new(view(&[])));
    session.ask(Routes, first(&["r"]));
    assert!(session.next(0).is_empty());
    session.show(Arc::new(view(&[(Routes, "r", "1")])));
    let pushes = session.next(0);
    assert_eq!(told(&pushes), ["Routes r@1"]);
    session.ask(Routes, acknowledged(&pushes[0]));
    session.ask(
        Routes,
        TypeRequest {
            unsubscribe: vec!["r".to_owned()],
            ..TypeRequest::default()
        },
    );
    session.ask(Routes, first(&["r"]));
    assert_eq!(told(&session.next(0)), ["Routes r@1"]);
}

#[test]
fn who_never_acknowledges_is_told_the_next_step_after_a_while() {
    let mut session = settled();
    let changed = [
        (Cluster, "a", "2"),
        (Endpoints, "a", "1"),
        (Listener, "in", "2"),
        (Routes, "r", "1"),
    ];
    session.show(Arc::new(view(&changed)));
    assert_eq!(told(&session.next(0)), ["Cluster a@2", "Endpoints a@1"]);
    assert_eq!(session.wake(), Some(STEP));
    let late = told(&session.next(STEP));
    assert!(
        late.iter().any(|push| push.starts_with("Listener in@2")),
        "{late:?}"
    );
}

#[test]
fn the_state_of_the_world_keeps_what_is_gone_until_nothing_needs_it() {
    let mut session = Session::new(Protocol::World);
    let ask = world;
    session.show(Arc::new(view(&[
        (Cluster, "a", "1"),
        (Cluster, "b", "1"),
        (Listener, "in", "1"),
    ])));
    session.ask(Cluster, ask(&[], ""));
    session.ask(Listener, ask(&[], ""));
    let clusters = session.next(0);
    assert_eq!(told(&clusters), ["Cluster a@1 b@1"]);
    session.ask(Cluster, ask(&[], &clusters[0].nonce));
    let listeners = session.next(0);
    session.ask(Listener, ask(&[], &listeners[0].nonce));
    assert!(session.next(0).is_empty());
    session.show(Arc::new(view(&[
        (Cluster, "a", "1"),
        (Cluster, "c", "1"),
        (Listener, "in", "2"),
    ])));
    let clusters = session.next(0);
    assert_eq!(told(&clusters), ["Cluster a@1 b@1 c@1"], "b is still there");
    session.ask(Cluster, ask(&[], &clusters[0].nonce));
    let listeners = session.next(0);
    assert_eq!(told(&listeners), ["Listener in@2"]);
    session.ask(Listener, ask(&[], &listeners[0].nonce));
    let clusters = session.next(0);
    assert_eq!(told(&clusters)[0].split(" -").next(), Some("Cluster a@1 c@1"));
    // A request that answers something older is not heeded.
    session.ask(Cluster, ask(&["x"], "1"));
    session.ask(Cluster, ask(&[], &clusters[0].nonce));
    assert!(session.next(0).is_empty());
    assert!(session.is_up_to_date());
}

#[test]
fn hosts_that_are_looked_up_are_told_when_they_change_and_never_taken_away_for_want_of_knowledge() {
    let shown = || {
        Arc::new(view(&[
            (Cluster, "a", "1"),
            (Cluster, "b", "1"),
            (Endpoints, "a", "none"),
            (Endpoints, "b", "1"),
        ]))
    };
    let know = |session: &mut Session, known: &[(&str, &str)], read: bool| {
        session.know(Arc::new(Polled::made_up(&["a"], known, read)));
    };
    let mut session = Session::new(Protocol::Delta);
    session.show(shown());
    know(&mut session, &[], false);
    session.ask(Cluster, first(&[]));
    let clusters = session.next(0);
    session.ask(Cluster, acknowledged(&clusters[0]));
    session.ask(Endpoints, first(&["a", "b"]));
    let endpoints = session.next(0);
    assert_eq!(told(&endpoints), ["Endpoints b@1"], "of a nothing was read yet");
    session.ask(Endpoints, acknowledged(&endpoints[0]));
    know(&mut session, &[], true);
    let endpoints = session.next(0);
    assert_eq!(told(&endpoints), ["Endpoints a@none"], "nobody looks them up");
    session.ask(Endpoints, acknowledged(&endpoints[0]));
    know(&mut session, &[("a", "hosts")], true);
    let endpoints = session.next(0);
    assert_eq!(told(&endpoints), ["Endpoints a@hosts"]);
    session.ask(Endpoints, acknowledged(&endpoints[0]));
    know(&mut session, &[], true);
    assert!(session.next(0).is_empty(), "they stay");
    // Who comes back with hosts keeps them until others are known.
    let mut session = Session::new(Protocol::Delta);
    session.show(shown());
    know(&mut session, &[], true);
    let mut returns = first(&["a", "b"]);
    returns.versions = [("a", "hosts"), ("b", "1")]
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .into();
    returns.returns = true;
    session.ask(Endpoints, returns);
    assert!(session.next(0).is_empty());
    know(&mut session, &[("a", "others")], true);
    assert_eq!(told(&session.next(0)), ["Endpoints a@others"]);
}

fn world(names: &[&str], nonce: &str) -> TypeRequest {
    TypeRequest {
        names: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        nonce: nonce.to_owned(),
        ..TypeRequest::default()
    }
}

#[test]
fn after_the_first_name_an_empty_list_means_nothing() {
    let shown = |version| Arc::new(view(&[(Cluster, "a", version), (Cluster, "b", version)]));
    let mut session = Session::new(Protocol::World);
    session.show(shown("1"));
    session.ask(Cluster, world(&["a"], ""));
    let pushes = session.next(0);
    assert_eq!(told(&pushes), ["Cluster a@1"]);
    session.ask(Cluster, world(&[], &pushes[0].nonce));
    session.show(shown("2"));
    assert!(session.next(0).is_empty());
    // What is named and goes is gone by a response without it, and comes again.
    session.ask(Cluster, world(&["a", "b"], ""));
    let pushes = session.next(0);
    session.ask(Cluster, world(&["a", "b"], &pushes[0].nonce));
    session.show(Arc::new(view(&[(Cluster, "a", "2")])));
    let pushes = session.next(0);
    assert_eq!(told(&pushes), ["Cluster a@2 -b"]);
    session.ask(Cluster, world(&["a", "b"], &pushes[0].nonce));
    session.show(shown("2"));
    let pushes = session.next(0);
    assert_eq!(told(&pushes), ["Cluster a@2 b@2"]);
    session.ask(Cluster, world(&["a", "b"], &pushes[0].nonce));
    // `*` is a name that means all.
    session.show(shown("3"));
    session.ask(Cluster, world(&["*"], ""));
    assert_eq!(told(&session.next(0)), ["Cluster a@3 b@3"]);
    let mut session = Session::new(Protocol::Delta);
    session.show(shown("1"));
    session.ask(Cluster, first(&["a"]));
    assert_eq!(told(&session.next(0)), ["Cluster a@1"]);
}

#[test]
fn a_name_beside_all_there_are_is_added_and_answered_when_it_is_let_go() {
    let mut session = Session::new(Protocol::Delta);
    session.show(Arc::new(view(&[(Listener, "a", "1")])));
    session.ask(Listener, first(&[]));
    let pushes = session.next(0);
    assert_eq!(told(&pushes), ["Listener a@1"]);
    session.ask(Listener, acknowledged(&pushes[0]));
    session.ask(Listener, first(&["a", "x"]));
    let pushes = session.next(0);
    assert_eq!(told(&pushes), ["Listener a@1"], "what is named anew is sent anew");
    session.ask(Listener, acknowledged(&pushes[0]));
    let lets_go = |names: &[&str]| TypeRequest {
        unsubscribe: names.iter().map(|name| (*name).to_owned()).collect(),
        ..TypeRequest::default()
    };
    // What it lets go is among all there are, or is not.
    session.ask(Listener, lets_go(&["a", "x"]));
    let pushes = session.next(0);
    assert_eq!(told(&pushes), ["Listener a@1 -x"]);
    session.ask(Listener, acknowledged(&pushes[0]));
    session.show(Arc::new(view(&[(Listener, "b", "1")])));
    let pushes = session.next(0);
    assert_eq!(told(&pushes), ["Listener b@1 -a"], "all there are still");
    session.ask(Listener, acknowledged(&pushes[0]));
    session.ask(Listener, lets_go(&["*"]));
    session.show(Arc::new(view(&[(Listener, "c", "1")])));
    assert!(session.next(0).is_empty(), "letting go alone needs no answer");
}

#[test]
fn names_are_heeded_whatever_a_request_answers() {
    let mut session = Session::new(Protocol::Delta);
    session.show(Arc::new(view(&[(Routes, "a", "1"), (Routes, "b", "1")])));
    session.ask(Routes, first(&["a"]));
    let pushes = session.next(0);
    // Of itself, while a response is under way, and with an answer to something else.
    let stale = TypeRequest {
        nonce: "none of ours".to_owned(),
        error: Some("of something else".to_owned()),
        ..first(&["b"])
    };
    assert_eq!(session.ask(Routes, stale), None);
    assert!(session.next(0).is_empty(), "one response at a time");
    session.ask(Routes, acknowledged(&pushes[0]));
    let more = session.next(0);
    assert_eq!(told(&more), ["Routes b@1"]);
    assert_ne!(more[0].nonce, pushes[0].nonce);
    assert!(session.refused().next().is_none());
}

#[test]
fn a_client_that_returns_may_ask_in_any_order_and_is_sent_nothing_that_it_names() {
    let mut session = Session::new(Protocol::Delta);
    session.show(Arc::new(view(&[(Cluster, "a", "2"), (Endpoints, "a", "1")])));
    let has = |version: &str, names: &[&str]| TypeRequest {
        versions: [("a".to_owned(), version.to_owned())].into(),
        returns: true,
        ..first(names)
    };
    // As Envoy does when its server ended while a cluster warmed: it names what it has not acknowledged.
    session.ask(Endpoints, has("1", &["a"]));
    assert!(session.next(0).is_empty());
    session.ask(Cluster, has("2", &[]));
    assert_eq!(told(&session.next(0)), ["Cluster "], "that there is an answer");
}

#[test]
fn with_the_state_of_the_world_who_returns_is_answered_again() {
    let mut session = Session::new(Protocol::World);
    session.show(Arc::new(view(&[(Cluster, "a", "1"), (Endpoints, "a", "1")])));
    for (kind, names) in [(Cluster, &[][..]), (Endpoints, &["a"])] {
        session.ask(
            kind,
            TypeRequest {
                returns: true,
                ..world(names, "")
            },
        );
    }
    assert_eq!(told(&session.next(0)), ["Cluster a@1", "Endpoints a@1"]);
}

#[test]
fn endpoints_that_were_under_way_when_their_cluster_changed_do_not_count() {
    let mut session = settled();
    let changed = |cluster, endpoints, listener| {
        Arc::new(view(&[
            (Cluster, "a", cluster),
            (Cluster, "b", "1"),
            (Endpoints, "a", endpoints),
            (Endpoints, "b", "1"),
            (Listener, "in", listener),
            (Routes, "r", "1"),
        ]))
    };
    session.show(changed("1", "2", "1"));
    let endpoints = session.next(0);
    assert_eq!(told(&endpoints), ["Endpoints a@2"]);
    session.show(changed("2", "2", "2"));
    let clusters = session.next(0);
    assert_eq!(told(&clusters), ["Cluster a@2"]);
    session.ask(Cluster, acknowledged(&clusters[0]));
    session.ask(Endpoints, acknowledged(&endpoints[0]));
    let again = session.next(0);
    assert_eq!(
        told(&again),
        ["Endpoints a@2"],
        "the changed cluster has none, and listeners wait"
    );
    session.ask(Endpoints, acknowledged(&again[0]));
    assert_eq!(told(&session.next(0)), ["Listener in@2"]);
}
