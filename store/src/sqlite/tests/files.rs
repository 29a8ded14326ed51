//! Who may read the files, and what processes that died leave.

use super::{open, setup};
use crate::sqlite::SqliteStore;
use crate::testing::{author, node};
use crate::{Author, Expected, RunState, Store};
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

#[tokio::test]
async fn the_files_are_their_owners_alone() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let run = store.open_run("one").await.unwrap();
    store
        .put(node("a", 1), Expected::Absent, &author("one"))
        .await
        .unwrap();
    let folder = directory.path().join(".meshform");
    let mut files = Vec::new();
    for folder in [folder.clone(), folder.join("runs")] {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{:?}", entry.path());
                files.push(entry.file_name().into_string().unwrap());
            }
        }
    }
    assert!(
        files.contains(&"store.db".to_owned()) && files.contains(&"store.db-wal".to_owned()),
        "{files:?}"
    );
    assert!(files.contains(&format!("{}.lock", run.0)), "{files:?}");
}

#[tokio::test]
async fn runs_that_died_are_cleaned_away_once_nobody_asks_of_them() {
    let directory = TempDir::new().unwrap();
    let died = open(directory.path());
    let idle = died.open_run("idle").await.unwrap();
    let busy = died.open_run("busy").await.unwrap();
    let who = Author {
        run: Some(busy.clone()),
        ..author("one")
    };
    let written = died.put(node("a", 1), Expected::Absent, &who).await.unwrap();
    let lives = SqliteStore::start(setup(directory.path())).unwrap();
    let mine = lives.open_run("mine").await.unwrap();
    assert_eq!(
        lives.run_state(&idle).await.unwrap(),
        RunState::Alive,
        "not by others"
    );
    drop(died);
    let locks = || {
        let runs = std::fs::read_dir(directory.path().join(".meshform/runs")).unwrap();
        runs.count()
    };
    assert_eq!(locks(), 3);
    let next = lives.open_run("next").await.unwrap();
    assert_eq!(locks(), 2);
    // Whether `busy` died decides about a create that meets its record.
    assert_eq!(lives.run_state(&busy).await.unwrap(), RunState::Dead);
    assert_eq!(lives.run_state(&idle).await.unwrap(), RunState::Closed);
    lives
        .put(node("a", 2), Expected::At(written.revision), &author("one"))
        .await
        .unwrap();
    lives.open_run("last").await.unwrap();
    assert_eq!(lives.run_state(&busy).await.unwrap(), RunState::Closed);
    for run in [mine, next] {
        assert_eq!(lives.run_state(&run).await.unwrap(), RunState::Alive);
    }
}
