//! A directory as proxies find it: who may read it, and what lies in the way.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use meshform_bundle::layout::types;
use meshform_bundle::objects::EndpointSet;
use meshform_bundle::publish::{Published, Publisher};
use meshform_bundle::{Body, Bundle, ProxyId, ROOT, Resource, Result};
use meshform_model::digest::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

fn bundle(tag: &str) -> Bundle {
    let body = |text: String| Body::parse(&text).unwrap();
    let routes = format!("{{\"name\":\"r\",\"tag\":\"{tag}\",\"path\":\"{ROOT}/x\"}}");
    Bundle {
        proxy: ProxyId::virtual_node("apps", "a"),
        bootstrap: body(format!("{{\"directory\":\"{ROOT}/apps\"}}")),
        resources: vec![Resource::new(types::ROUTES, "r", "rds/r.json", body(routes))],
        origins: BTreeMap::new(),
    }
}

fn publish(root: &Path, tags: &[&str]) -> Result<Published> {
    let publisher = Publisher::new(root).settle(Duration::ZERO).grace(Duration::ZERO);
    let session = publisher.lock("apps", &|_| {})?;
    let bundle = tags.first().map(|tag| bundle(tag));
    let digest = bundle
        .as_ref()
        .map(|bundle| Digest::of(&bundle.encode().unwrap()));
    let wanted = bundle
        .iter()
        .zip(&digest)
        .map(|(one, digest)| (one.proxy.folder(), digest.clone()));
    let work = session.compare("store", digest.as_ref(), wanted.collect())?;
    session.apply(work, &digest.into_iter().zip(bundle).collect())
}

fn folder(root: &Path) -> PathBuf {
    root.join("apps/virtualNode/a")
}

fn tag(root: &Path) -> String {
    let text = fs::read_to_string(folder(root).join("current/rds/r.json")).unwrap();
    assert!(text.contains(&format!("{}/x", root.display())), "{text}");
    text.split("\"tag\": \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

/// Not a test: what runs under another umask.
#[test]
#[ignore = "started by another test of this file"]
fn publishes_once() {
    publish(Path::new(&std::env::var("MESHFORM_TEST_PLACE").unwrap()), &["1"]).unwrap();
}

#[test]
fn everybody_may_read_whatever_the_umask() {
    let place = TempDir::new().unwrap();
    let root = place.path().join("published");
    let status = Command::new("sh")
        .args(["-c", "umask 077; exec \"$0\" --exact publishes_once --ignored"])
        .arg(std::env::current_exe().unwrap())
        .env("MESHFORM_TEST_PLACE", &root)
        .status()
        .unwrap();
    assert!(status.success());
    let mut seen = 0;
    let mut at = vec![root];
    while let Some(path) = at.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        // The lock is the publishers' own.
        if meta.is_symlink() || path.ends_with("lock") {
            continue;
        }
        let wanted = if meta.is_dir() { 0o755 } else { 0o644 };
        assert_eq!(meta.permissions().mode() & 0o777, wanted, "{}", path.display());
        if meta.is_dir() {
            at.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
        seen += 1;
    }
    assert!(seen > 8, "{seen}");
}

#[test]
fn a_link_in_place_of_a_folder_is_an_error_and_nothing_is_written_through_it() {
    for planted in [
        "apps",
        "apps/virtualNode",
        "apps/virtualNode/a",
        "apps/virtualNode/a/releases",
        ".meshform",
    ] {
        let (place, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let link = place.path().join(planted);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(elsewhere.path(), &link).unwrap();
        let error = publish(place.path(), &["1"]).unwrap_err().to_string();
        assert!(error.contains("remove it"), "{planted}: {error}");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "{planted}");
        fs::remove_file(link).unwrap();
        publish(place.path(), &["1"]).unwrap();
        assert_eq!(tag(place.path()), "1");
    }
}

#[test]
fn a_link_in_place_of_a_file_is_replaced_and_not_followed() {
    let (place, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let root = place.path();
    publish(root, &["1"]).unwrap();
    let target = elsewhere.path().join("precious");
    // The same content, so that only its kind distinguishes it.
    fs::copy(folder(root).join("bootstrap.json"), &target).unwrap();
    let before = fs::read(&target).unwrap();
    for name in [
        "bootstrap.json",
        ".new-bootstrap.json",
        "releases/.new-x",
        ".new-current",
    ] {
        let _ = fs::remove_file(folder(root).join(name));
        symlink(&target, folder(root).join(name)).unwrap();
    }
    publish(root, &["2"]).unwrap();
    assert_eq!(tag(root), "2");
    assert!(
        fs::symlink_metadata(folder(root).join("bootstrap.json"))
            .unwrap()
            .is_file()
    );
    assert_eq!(fs::read(&target).unwrap(), before);
    // Where `current` leads out, it is led back.
    fs::remove_file(folder(root).join("current")).unwrap();
    symlink(elsewhere.path(), folder(root).join("current")).unwrap();
    publish(root, &["2"]).unwrap();
    assert_eq!(tag(root), "2");
    // A locked link would lock somebody else's file.
    fs::remove_file(root.join(".meshform/lock")).unwrap();
    symlink(&target, root.join(".meshform/lock")).unwrap();
    assert!(publish(root, &["3"]).unwrap_err().to_string().contains("lock"));
}

#[test]
fn what_is_gone_is_not_taken_away_through_a_link() {
    let (place, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let root = place.path();
    publish(root, &["1"]).unwrap();
    let moved = elsewhere.path().join("apps");
    fs::rename(root.join("apps"), &moved).unwrap();
    symlink(&moved, root.join("apps")).unwrap();
    publish(root, &[]).unwrap();
    publish(root, &[]).unwrap();
    assert!(moved.join("virtualNode/a/bootstrap.json").is_file());
}

#[test]
fn a_hostile_name_leads_nowhere() {
    let place = TempDir::new().unwrap();
    let publisher = Publisher::new(place.path());
    let session = publisher.lock("apps", &|_| {}).unwrap();
    let wanted = BTreeMap::from([("../x".to_owned(), Digest::of(b""))]);
    let error = session.compare("store", None, wanted).unwrap_err();
    assert!(error.to_string().contains("points outside"), "{error}");
}

#[test]
fn what_a_poller_found_is_put_into_every_set_and_changes_only_what_it_names() {
    let place = TempDir::new().unwrap();
    let root = place.path();
    let publisher = Publisher::new(root).settle(Duration::ZERO);
    let of = |tag: &str| {
        let mut bundle = bundle(tag);
        let empty = Body::parse("{\"cluster_name\":\"c\"}").unwrap();
        let endpoints = Resource::new(types::ENDPOINTS, "c", "eds/c.json", empty);
        bundle.resources.push(endpoints);
        bundle
    };
    let release = |tag: &str| {
        let bundle = of(tag);
        let digest = Digest::of(&bundle.encode().unwrap());
        let session = publisher.lock("apps", &|_| {}).unwrap();
        let wanted = BTreeMap::from([(bundle.proxy.folder(), digest.clone())]);
        let work = session.compare("store", Some(&digest), wanted).unwrap();
        session.apply(work, &BTreeMap::from([(digest, bundle)])).unwrap()
    };
    let renew = |address: &str| {
        let text = format!(
            "{{\"format\":1,\"at\":0,\"clusters\":{{\"c\":[{{\"address\":\"{address}\",\"port\":80}}]}}}}"
        );
        let set = EndpointSet::decode(text.as_bytes()).unwrap();
        let folders = BTreeSet::from(["apps/virtualNode/a".to_owned()]);
        let session = publisher.lock("apps", &|_| {}).unwrap();
        session.renew_endpoints(&set, &folders).unwrap()
    };
    let endpoints = || fs::read_to_string(folder(root).join("current/eds/c.json")).unwrap();
    release("one");
    assert!(!endpoints().contains("address"));
    assert_eq!(renew("10.0.0.1"), ["apps/virtualNode/a"]);
    assert!(endpoints().contains("10.0.0.1"));
    assert_eq!(renew("10.0.0.1"), [""; 0], "it is there already");
    assert_eq!(tag(root), "one");
    let found = publisher.standing("apps", false).unwrap().unwrap();
    assert!(found.complete && found.proxies.len() == 1, "{found:?}");
    release("two");
    assert_eq!(tag(root), "two");
    assert!(endpoints().contains("10.0.0.1"), "a release keeps them");
    renew("10.0.0.2");
    assert!(endpoints().contains("10.0.0.2") && tag(root) == "two");
    assert_eq!(release("two"), Published::default(), "nothing is to be done");
}

#[test]
fn what_was_damaged_is_seen_and_written_anew_where_files_are_read() {
    for damage in ["current/cds.json", "current/lds.json", "bootstrap.json"] {
        for empties in [true, false] {
            let place = TempDir::new().unwrap();
            let root = place.path();
            publish(root, &["1"]).unwrap();
            let file = folder(root).join(damage);
            let whole = fs::read(&file).unwrap();
            match empties {
                true => fs::write(&file, "").unwrap(),
                false => fs::remove_file(&file).unwrap(),
            }
            let publisher = Publisher::new(root);
            let standing = |verifies| publisher.standing("apps", verifies).unwrap().unwrap();
            assert_eq!(standing(false).proxies.len(), 1, "nobody has looked");
            assert_eq!(standing(true).proxies.len(), 0, "{damage}");

            let bundle = bundle("1");
            let digest = Digest::of(&bundle.encode().unwrap());
            let session = publisher.lock("apps", &|_| {}).unwrap().verifying(true);
            let wanted = BTreeMap::from([(bundle.proxy.folder(), digest.clone())]);
            let work = session.compare("store", Some(&digest), wanted).unwrap();
            let done = session.apply(work, &BTreeMap::from([(digest, bundle)])).unwrap();
            assert_eq!(done.written.len(), 1, "{damage}");
            assert_eq!(fs::read(&file).unwrap(), whole, "{damage}");
            assert_eq!(standing(true).proxies.len(), 1);
        }
    }
}

#[test]
fn a_directory_named_by_a_detour_is_the_directory() {
    let place = TempDir::new().unwrap();
    let detour = place.path().join("module/../published");
    assert_eq!(Publisher::new(detour).root(), place.path().join("published"));
}
