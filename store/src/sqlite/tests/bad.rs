//! Files that are not ours, are damaged, are newer; disks that are full; directories that may not be written.

use super::{open, setup};
use crate::sqlite::file::{self, open_or_create};
use crate::sqlite::{SqliteStore, format};
use crate::testing::{author, node};
use crate::{Expected, Prefix, Seed, Store, StoreError};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn place(directory: &Path) -> PathBuf {
    fs::create_dir_all(directory.join(".meshform")).unwrap();
    directory.join(".meshform/store.db")
}

/// The error of opening, after a look that the file was not touched.
fn refused(directory: &Path) -> StoreError {
    let file = directory.join(".meshform/store.db");
    let before = fs::read(&file).ok();
    let error = SqliteStore::start(setup(directory)).unwrap_err();
    assert_eq!(fs::read(&file).ok(), before, "the file was written");
    assert!(error.to_string().contains(".meshform"), "no path: {error}");
    let diagnostic = error.diagnostic();
    assert!(diagnostic.help.is_some_and(|help| !help.is_empty()));
    error
}

async fn filled(directory: &Path, count: u64) {
    let store = open(directory);
    for number in 0..count {
        let draft = node(&format!("n{number}"), number);
        store.put(draft, Expected::Absent, &author("x")).await.unwrap();
    }
}

#[test]
fn a_text_file_is_refused() {
    let directory = TempDir::new().unwrap();
    fs::write(
        place(directory.path()),
        "my shopping list, which is longer than a hundred bytes, so long it is",
    )
    .unwrap();
    let error = refused(directory.path());
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("is not a meshform store: it is another kind of file"),
        "{error}"
    );
    assert!(error.help().contains("move"), "{}", error.help());
}

#[test]
fn a_database_of_another_program_is_refused() {
    let directory = TempDir::new().unwrap();
    let other = rusqlite::Connection::open(place(directory.path())).unwrap();
    other
        .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .unwrap();
    drop(other);
    let error = refused(directory.path());
    assert!(
        error.to_string().contains("another program's SQLite database"),
        "{error}"
    );
    let names = fs::read_dir(directory.path().join(".meshform")).unwrap().count();
    assert_eq!(names, 1, "nothing beside it");
}

#[test]
fn an_empty_file_is_damage_and_a_directory_is_foreign() {
    let directory = TempDir::new().unwrap();
    fs::write(place(directory.path()), "").unwrap();
    let error = refused(directory.path());
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let directory = TempDir::new().unwrap();
    fs::create_dir(place(directory.path())).unwrap();
    assert!(matches!(refused(directory.path()), StoreError::Foreign { .. }));
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join(".meshform"), "a file").unwrap();
    assert!(matches!(refused(directory.path()), StoreError::Foreign { .. }));
}

#[tokio::test]
async fn a_truncated_store_is_refused_wherever_it_was_cut() {
    let directory = TempDir::new().unwrap();
    filled(directory.path(), 60).await;
    let file = place(directory.path());
    let whole = fs::read(&file).unwrap();
    assert!(whole.len() > 8 * 4096);
    for length in [
        8,
        16,
        50,
        99,
        100,
        4096,
        5000,
        whole.len() / 2,
        whole.len() - 4096,
        whole.len() - 1,
    ] {
        let directory = TempDir::new().unwrap();
        fs::write(place(directory.path()), &whole[..length]).unwrap();
        let error = refused(directory.path());
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "cut at {length}: {error}"
        );
        assert!(error.help().contains("meshform adopt"), "{}", error.help());
    }
}

#[tokio::test]
async fn bytes_overwritten_in_the_middle_are_damage() {
    let directory = TempDir::new().unwrap();
    filled(directory.path(), 60).await;
    let file = place(directory.path());
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    // Under a new inode, as a bad copy would be.
    fs::remove_file(&file).unwrap();
    fs::write(&file, bytes).unwrap();
    let error = refused(directory.path());
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_also_when_it_becomes_one_while_open() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    store
        .put(node("a", 1), Expected::Absent, &author("x"))
        .await
        .unwrap();
    let newer = rusqlite::Connection::open(place(directory.path())).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    let error = store
        .put(node("b", 1), Expected::Absent, &author("x"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Newer {
                found: 99,
                known: 3,
                ..
            }
        ),
        "{error}"
    );
    drop((newer, store));
    let error = refused(directory.path());
    assert!(
        matches!(
            error,
            StoreError::Newer {
                found: 99,
                known: 3,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.help().contains("newer version"));
}

#[tokio::test]
async fn a_flipped_bit_is_refused_and_old_records_have_no_digest() {
    let directory = TempDir::new().unwrap();
    filled(directory.path(), 3).await;
    {
        let conn = rusqlite::Connection::open(place(directory.path())).unwrap();
        conn.execute(
            "UPDATE records SET body = replace(body, '1', '3') WHERE name = 'n1'",
            [],
        )
        .unwrap();
        conn.execute("UPDATE records SET digest = NULL WHERE name = 'n2'", [])
            .unwrap();
    }
    let store = open(directory.path());
    let listing = store.list(&Prefix::mesh("apps")).await.unwrap();
    let names: Vec<&str> = listing.records.iter().map(|one| one.key.name.as_str()).collect();
    assert_eq!(names, ["n0", "n2"]);
    assert!(listing.unreadable[0].why.contains("digest"), "{listing:?}");
    let error = store.get(&node("n1", 0).key).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn an_older_format_is_migrated_after_a_backup() {
    let directory = TempDir::new().unwrap();
    filled(directory.path(), 3).await;
    let setup = setup(directory.path());
    let add: format::Migration = |tx| tx.execute_batch("ALTER TABLE records ADD COLUMN colour TEXT");
    let mut steps = format::STEPS.to_vec();
    steps.push(add);
    // Two at once: one migrates, both open.
    let opened: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| file::connect(&setup, &steps).unwrap()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for opened in &opened {
        assert_eq!(format::version(&opened.conn).unwrap(), 4);
        opened.conn.prepare("SELECT colour FROM records").unwrap();
    }
    let backups: Vec<_> = fs::read_dir(setup.directory.join("backup")).unwrap().collect();
    assert_eq!(backups.len(), 1);
    let copy = rusqlite::Connection::open(backups[0].as_ref().unwrap().path()).unwrap();
    assert_eq!(format::version(&copy).unwrap(), 3);
    let count: i64 = copy
        .query_row("SELECT count(*) FROM records", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 3);
    // A step that fails leaves the format as it was.
    let broken: format::Migration = |tx| tx.execute_batch("CREATE TABLE half (x); CREATE TABLE records (x)");
    steps.push(broken);
    let error = file::connect(&setup, &steps).unwrap_err();
    assert!(error.to_string().contains("migrate"), "{error}");
    assert_eq!(format::version(&opened[0].conn).unwrap(), 4);
    assert!(opened[0].conn.prepare("SELECT x FROM half").is_err());
}

#[test]
fn a_network_file_system_is_refused_before_anything_is_made() {
    let directory = TempDir::new().unwrap();
    let mounts = directory.path().join("mounts");
    let real = directory.path().canonicalize().unwrap();
    fs::write(
        &mounts,
        format!(
            "/dev/sda / ext4 rw 0 0\nserver:/x {} nfs4 rw 0 0\n",
            real.display()
        ),
    )
    .unwrap();
    let mut setup = setup(&directory.path().join("project"));
    setup.mounts = mounts;
    let error = SqliteStore::start(setup.clone()).unwrap_err();
    assert!(error.to_string().contains("nfs4"), "{error}");
    assert!(error.help().contains("s3://"), "{}", error.help());
    assert!(open_or_create(&setup, &Seed::default()).is_err());
    assert!(!setup.directory.exists());
}

#[test]
fn a_dangling_link_and_a_journal_without_its_file_are_refused() {
    let directory = TempDir::new().unwrap();
    symlink("nowhere", place(directory.path())).unwrap();
    let error = refused(directory.path());
    assert!(error.to_string().contains("symbolic link"), "{error}");
    let directory = TempDir::new().unwrap();
    fs::write(place(directory.path()).with_file_name("store.db-wal"), "frames").unwrap();
    let error = refused(directory.path());
    assert!(error.to_string().contains("journal"), "{error}");
}

#[tokio::test]
async fn a_directory_behind_a_link_is_the_same_store() {
    let directory = TempDir::new().unwrap();
    filled(&directory.path().join("real"), 1).await;
    fs::create_dir(directory.path().join("project")).unwrap();
    symlink("../real/.meshform", directory.path().join("project/.meshform")).unwrap();
    let store = open(&directory.path().join("project"));
    assert_eq!(store.list(&Prefix::all()).await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn a_directory_that_may_not_be_written_says_so() {
    let directory = TempDir::new().unwrap();
    let project = directory.path().join("project");
    fs::create_dir(&project).unwrap();
    fs::set_permissions(&project, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(project.join("probe"), "").is_ok() {
        // A superuser may write anywhere; then a device that refuses stands in for the directory.
        fs::remove_file(project.join("probe")).unwrap();
        let error = file::io_error(&project, "write", &std::io::ErrorKind::PermissionDenied.into());
        assert!(matches!(error, StoreError::Permission { .. }));
        return;
    }
    let store = open(&project);
    let error = store
        .put(node("a", 1), Expected::Absent, &author("x"))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Permission { .. }), "{error}");
    assert!(error.help().contains("read and write access"), "{}", error.help());
}

#[tokio::test]
async fn a_full_disk_takes_back_the_write_and_keeps_the_rest() {
    let directory = TempDir::new().unwrap();
    filled(directory.path(), 20).await;
    let mut setup = setup(directory.path());
    let pages = fs::metadata(&setup.file).unwrap().len() / 4096;
    setup.page_limit = Some(u32::try_from(pages).unwrap() + 4);
    let store = SqliteStore::start(setup).unwrap();
    let mut kept = 20;
    let error = loop {
        let mut draft = node(&format!("more{kept}"), kept);
        draft.body["spec"]["filler"] = "x".repeat(3000).into();
        match store.put(draft, Expected::Absent, &author("x")).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 100, "the limit does not hold");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let blobs = store.put_blobs("apps", vec![vec![7; 100_000]]).await;
    assert!(matches!(blobs, Err(StoreError::Full { .. })), "{blobs:?}");
    let listing = store.list(&Prefix::all()).await.unwrap();
    assert_eq!(
        (listing.records.len() as u64, listing.unreadable.len()),
        (kept, 0)
    );
    drop(store);
    let store = open(directory.path());
    assert_eq!(
        store.list(&Prefix::all()).await.unwrap().records.len() as u64,
        kept
    );
    assert!(store.blobs("apps").await.unwrap().is_empty());
    store
        .put(node("room again", 0), Expected::Absent, &author("x"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_store_that_is_deleted_or_replaced_while_open_takes_no_more_writes() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    store
        .put(node("a", 1), Expected::Absent, &author("x"))
        .await
        .unwrap();
    fs::rename(directory.path().join(".meshform"), directory.path().join("moved")).unwrap();
    let error = store
        .put(node("b", 1), Expected::Absent, &author("x"))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Replaced { .. }), "{error}");
    filled(directory.path(), 1).await;
    let error = store.get(&node("a", 1).key).await.unwrap_err();
    assert!(matches!(error, StoreError::Replaced { .. }), "{error}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_hide_the_others() {
    let directory = TempDir::new().unwrap();
    filled(directory.path(), 2).await;
    let conn = rusqlite::Connection::open(place(directory.path())).unwrap();
    conn.execute("UPDATE records SET body = '{' WHERE name = 'n0'", [])
        .unwrap();
    let store = open(directory.path());
    let listing = store.list(&Prefix::mesh("apps")).await.unwrap();
    assert_eq!((listing.records.len(), listing.unreadable.len()), (1, 1));
    assert_eq!(listing.unreadable[0].what, "apps/virtualNode//n0");
    let error = store.get(&node("n0", 0).key).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_writer_waits_for_another_process_and_then_says_that_it_is_busy() {
    let directory = TempDir::new().unwrap();
    filled(directory.path(), 1).await;
    let mut setup = setup(directory.path());
    setup.patience = std::time::Duration::from_millis(200);
    let store = SqliteStore::start(setup).unwrap();
    let other = rusqlite::Connection::open(place(directory.path())).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store
        .put(node("a", 1), Expected::Absent, &author("x"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Busy { waited_ms: 200, .. }),
        "{error}"
    );
    assert_eq!(
        store.list(&Prefix::all()).await.unwrap().records.len(),
        1,
        "readers do not wait"
    );
    other.execute_batch("COMMIT").unwrap();
    store
        .put(node("a", 1), Expected::Absent, &author("x"))
        .await
        .unwrap();
}
