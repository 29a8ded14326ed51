//! Cases about the store as a whole: names of meshes, watching, settings.

use super::{author, body, node};
use crate::{Expected, Feed, RecordDraft, Revision, SettingWrite, Store};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use std::sync::Arc;

pub(super) async fn meshes_are_named(store: &dyn Store) {
    assert!(store.meshes().await.unwrap().is_empty());
    let long = "m".repeat(255);
    let names = ["Apps", "a.b", "apps", long.as_str(), "ä/..", "%41"];
    for name in names {
        let draft = RecordDraft::new(ResourceKey::in_mesh(name, Kind::VirtualNode, "a"), body(0));
        store.put(draft, Expected::Absent, &author("x")).await.unwrap();
    }
    // What is kept of a mesh beside records makes none.
    store.put_blobs("blobs only", vec![Vec::new()]).await.unwrap();
    let found = store.meshes().await.unwrap();
    assert!(found.is_sorted(), "{found:?}");
    let mut wanted = names.map(str::to_owned);
    wanted.sort();
    let found: Vec<String> = found.into_iter().filter(|name| name != "blobs only").collect();
    assert_eq!(found, wanted);
    // What was released of them may still run somewhere.
    for name in names {
        let key = ResourceKey::in_mesh(name, Kind::VirtualNode, "a");
        let record = store.get(&key).await.unwrap().unwrap();
        store.delete(&key, record.revision, &author("x")).await.unwrap();
    }
    let found = store.meshes_and_gone().await.unwrap();
    let found: Vec<String> = found.into_iter().filter(|name| name != "blobs only").collect();
    assert_eq!(found, wanted);
}

pub(super) async fn who_watches_learns_of_what_is_written(store: Arc<dyn Store>) {
    let soon = std::time::Duration::from_secs(20);
    let first = store
        .put(node("a", 1), Expected::Absent, &author("x"))
        .await
        .unwrap();
    let Feed::Changes { changes, .. } = store.watch("apps", Revision(0)).await.unwrap() else {
        panic!("compacted");
    };
    assert_eq!(changes.len(), 1, "what has happened already is told at once");
    let watcher = {
        let store = store.clone();
        tokio::spawn(async move { store.watch("apps", first.revision).await.unwrap() })
    };
    let nothing = tokio::time::timeout(
        std::time::Duration::from_millis(100),
        store.watch("apps", first.revision),
    );
    assert!(nothing.await.is_err(), "nothing has happened");
    let second = store
        .put(node("b", 1), Expected::Absent, &author("x"))
        .await
        .unwrap();
    let told = tokio::time::timeout(soon, watcher).await.unwrap().unwrap();
    let Feed::Changes { changes, .. } = told else {
        panic!("compacted");
    };
    assert_eq!(changes.first().map(|change| &change.key), Some(&second.key));
    store.compact("apps", second.revision).await.unwrap();
    let told = store.watch("apps", first.revision).await.unwrap();
    assert!(matches!(told, Feed::Compacted { .. }), "{told:?}");
}

pub(super) async fn settings_are_set_by_who_saw_their_last_value(store: &dyn Store) {
    let write = |name: &str, expected: Option<u64>, value: Option<&str>| SettingWrite {
        name: name.to_owned(),
        expected,
        value: value.map(str::to_owned),
    };
    let (one, two) = (author("one"), author("two"));
    assert_eq!(store.setting("keys/a").await.unwrap(), None);
    assert!(store.settings("").await.unwrap().is_empty());
    assert!(
        store
            .set_setting(write("keys/a", Some(1), Some("x")), &one)
            .await
            .is_err()
    );
    let first = store
        .set_setting(write("keys/a", None, Some("1")), &one)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((first.value.as_str(), &first.author), ("1", &one));
    let error = store
        .set_setting(write("keys/a", None, Some("2")), &two)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the setting `keys/a` was set by `one@test`"),
        "{error}"
    );
    let second = store
        .set_setting(write("keys/a", Some(first.version), Some("2")), &two)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(store.setting("keys/a").await.unwrap(), Some(second.clone()));
    for name in ["keys/b", "keys", "other"] {
        store
            .set_setting(write(name, None, Some("3")), &one)
            .await
            .unwrap();
    }
    let names = async |prefix: &str| -> Vec<String> {
        let found = store.settings(prefix).await.unwrap();
        found.into_iter().map(|setting| setting.name).collect()
    };
    assert_eq!(names("keys/").await, ["keys/a", "keys/b"]);
    assert_eq!(names("").await, ["keys", "keys/a", "keys/b", "other"]);
    // Taken away, and made anew: no version comes again.
    let stale = store
        .set_setting(write("keys/a", Some(first.version), None), &one)
        .await;
    assert!(stale.is_err());
    let gone = store
        .set_setting(write("keys/a", Some(second.version), None), &one)
        .await
        .unwrap();
    assert_eq!(gone, None);
    assert_eq!(store.setting("keys/a").await.unwrap(), None);
    assert_eq!(names("keys/").await, ["keys/b"]);
    let anew = store
        .set_setting(write("keys/a", None, Some("4")), &two)
        .await
        .unwrap()
        .unwrap();
    assert!(anew.version > second.version);
    // No mesh is made by it.
    assert!(store.meshes().await.unwrap().is_empty());
}
