//! The store's file: found, judged, created, opened, migrated.
//!
//! What is not ours or cannot be right is distinguished by its first bytes, before SQLite sees it, so that it is
//! never written. A new file is made complete under another name and then renamed, so that nobody ever sees
//! half a store.

use super::format::{self, Migration};
use super::network;
use super::options::Setup;
use crate::error::{Result, StoreError};
use crate::identity::{Seed, StoreIdentity};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) conn: Connection,
    /// Device and inode: whether the path still leads to this file.
    file: (u64, u64),
}

/// What lies at the store's path.
#[derive(Debug, PartialEq, Eq)]
enum FileContent {
    Nothing,
    Store,
}

/// Opens the store if there is one.
pub(super) fn open(setup: &Setup) -> Result<Option<Opened>> {
    check_network(setup)?;
    match judge(&setup.file)? {
        FileContent::Nothing => Ok(None),
        FileContent::Store => connect(setup, format::STEPS).map(Some),
    }
}

/// Opens the store; creates it if there is none.
pub(super) fn open_or_create(setup: &Setup, seed: &Seed) -> Result<Opened> {
    if let Some(opened) = open(setup)? {
        return Ok(opened);
    }
    fs::create_dir_all(&setup.directory)
        .map_err(|e| io_error(&setup.directory, "create the directory", &e))?;
    {
        let _lock = lock(setup)?;
        if judge(&setup.file)? == FileContent::Nothing {
            create(setup, seed)?;
        }
    }
    connect(setup, format::STEPS)
}

/// Whether the path still leads to the file that is open.
pub(super) fn still_there(setup: &Setup, opened: &Opened) -> Result<()> {
    match fs::metadata(&setup.file) {
        Ok(meta) if (meta.dev(), meta.ino()) == opened.file => Ok(()),
        _ => Err(StoreError::Replaced {
            path: setup.file.clone(),
        }),
    }
}

fn check_network(setup: &Setup) -> Result<()> {
    let Ok(mounts) = fs::read_to_string(&setup.mounts) else {
        return Ok(());
    };
    // The directory may not be there yet; then its nearest ancestor decides.
    let absolute = std::path::absolute(&setup.directory).unwrap_or_else(|_| setup.directory.clone());
    let real = absolute.ancestors().find_map(|path| path.canonicalize().ok());
    match real.and_then(|real| network::network_file_system(&mounts, &real)) {
        Some((kind, mount)) => Err(StoreError::Network {
            path: setup.directory.clone(),
            kind,
            mount,
        }),
        None => Ok(()),
    }
}

/// Looks at what lies at the path without touching it.
fn judge(path: &Path) -> Result<FileContent> {
    let foreign = |what: &str| {
        Err(StoreError::Foreign {
            path: path.to_owned(),
            what: what.to_owned(),
        })
    };
    let damaged = |detail: &str| {
        Err(StoreError::Damaged {
            path: path.to_owned(),
            detail: detail.to_owned(),
        })
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A journal without its file would be replayed into a new file and spoil it.
            let journal = fs::metadata(with_suffix(path, "-wal")).is_ok_and(|meta| meta.len() > 0);
            if journal {
                return damaged("the file is gone but its journal (-wal) is there");
            }
            return Ok(FileContent::Nothing);
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return foreign("a file is where its directory should be");
        }
        Err(error) => return Err(io_error(path, "look at", &error)),
        Ok(_) => {}
    }
    let meta = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return damaged("it is a symbolic link to a file that is not there");
        }
        other => other.map_err(|e| io_error(path, "look at", &e))?,
    };
    if !meta.is_file() {
        return foreign("it is not a file");
    }
    let header = header(path, &meta).map_err(|e| io_error(path, "read", &e))?;
    if header.is_empty() {
        return damaged("the file is empty");
    }
    let magic = b"SQLite format 3\0";
    if !header.starts_with(magic) {
        // A store that was cut within its magic bytes is still a damaged store.
        return if magic.starts_with(&header) {
            damaged("the file is truncated")
        } else {
            foreign("it is another kind of file")
        };
    }
    let Some(application) = header.get(68..72).and_then(|bytes| bytes.try_into().ok()) else {
        return damaged("the file is truncated");
    };
    if i64::from(u32::from_be_bytes(application)) != format::APPLICATION_ID {
        return foreign("it is another program's SQLite database");
    }
    if cut_within_a_page(path, &header) {
        return damaged("the file is truncated");
    }
    Ok(FileContent::Store)
}

/// SQLite takes what is missing of the last page for zeros. While the journal has content, a page may be on its
/// way from there, and what is missing is found there.
fn cut_within_a_page(path: &Path, header: &[u8]) -> bool {
    let page = match header.get(16..18) {
        Some([0, 1]) => 65_536,
        Some([high, low]) => u64::from(*high) << 8 | u64::from(*low),
        _ => return true,
    };
    let size = || fs::metadata(path).map_or(0, |meta| meta.len());
    let journal = || fs::metadata(with_suffix(path, "-wal")).is_ok_and(|meta| meta.len() > 0);
    let cut = || page == 0 || size() % page != 0;
    cut() && !journal() && cut()
}

/// The first hundred bytes of a file.
///
/// Closing any handle of a file drops the locks that SQLite holds on it in the same process. So a handle that was
/// opened here stays open to the end of the process; it is one per store.
fn header(path: &Path, meta: &fs::Metadata) -> io::Result<Vec<u8>> {
    static KEPT: Mutex<BTreeMap<(u64, u64), File>> = Mutex::new(BTreeMap::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let file = match kept.entry((meta.dev(), meta.ino())) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(File::open(path)?),
    };
    let mut header = vec![0; 100];
    let mut length = 0;
    while let Some(rest) = header.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, length as u64)? {
            0 => break,
            read => length += read,
        }
    }
    header.truncate(length);
    Ok(header)
}

pub(super) fn connect(setup: &Setup, steps: &[Migration]) -> Result<Opened> {
    let path = &setup.file;
    let newest = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let fail = |action: &'static str| move |error: rusqlite::Error| sqlite_error(setup, action, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags).map_err(fail("open"))?;
    prepare(&conn, setup).map_err(fail("open"))?;
    check(&conn, setup)?;
    let version = format::version(&conn).map_err(fail("read"))?;
    if version > newest {
        return Err(StoreError::Newer {
            path: path.clone(),
            found: version,
            known: newest,
        });
    }
    if version < newest {
        let _lock = lock(setup)?;
        if format::version(&conn).map_err(fail("read"))? < newest {
            back_up(&conn, setup, version)?;
            format::migrate(&mut conn, steps).map_err(fail("migrate"))?;
        }
    }
    let meta = fs::metadata(path).map_err(|e| io_error(path, "look at", &e))?;
    Ok(Opened {
        conn,
        file: (meta.dev(), meta.ino()),
    })
}

fn prepare(conn: &Connection, setup: &Setup) -> rusqlite::Result<()> {
    conn.busy_timeout(setup.patience)?;
    // Else SQLite compiles a statement anew whenever another value is bound to its `LIMIT`.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "trusted_schema", "OFF")?;
    conn.pragma_update(None, "cell_size_check", "ON")?;
    if let Some(pages) = setup.page_limit {
        conn.pragma_update(None, "max_page_count", pages)?;
    }
    // Also makes SQLite read the first page, which shows most damage.
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
}

/// A quick look at the whole of small files; large ones are checked by SQLite as it reads them.
fn check(conn: &Connection, setup: &Setup) -> Result<()> {
    // Read within some milliseconds, which every start of the provider pays. A mesh of a thousand resources is smaller.
    const SMALL: u64 = 8 << 20;
    let size = fs::metadata(&setup.file).map_or(0, |meta| meta.len());
    if size > SMALL {
        return Ok(());
    }
    let verdict: String = conn
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|e| sqlite_error(setup, "check", &e))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged {
        path: setup.file.clone(),
        detail: verdict,
    })
}

fn create(setup: &Setup, seed: &Seed) -> Result<()> {
    let fail = |action: &'static str| move |error: rusqlite::Error| sqlite_error(setup, action, &error);
    remove_leftovers(setup);
    let temporary = setup.directory.join(format!("{TEMPORARY}{}", setup.ids.next()));
    let identity = StoreIdentity {
        id: setup.ids.next(),
        seed: seed.clone(),
        created_at: setup.clock.now(),
    };
    let made = (|| -> Result<()> {
        // The journal and what else SQLite puts beside it get the same mode.
        private(&temporary, true).map_err(|e| io_error(&temporary, "create", &e))?;
        let mut conn = Connection::open(&temporary).map_err(fail("create"))?;
        prepare(&conn, setup).map_err(fail("create"))?;
        conn.pragma_update(None, "application_id", format::APPLICATION_ID)
            .map_err(fail("create"))?;
        format::migrate(&mut conn, format::STEPS).map_err(fail("create"))?;
        insert_identity(&conn, &identity).map_err(fail("create"))?;
        // Closing brings everything from the journal into the file and removes the journal.
        conn.close().map_err(|(_, error)| fail("create")(error))?;
        sync(&temporary)?;
        fs::rename(&temporary, &setup.file).map_err(|e| io_error(&setup.file, "create", &e))?;
        sync(&setup.directory)
    })();
    if made.is_err() {
        remove_leftovers(setup);
    }
    made
}

const TEMPORARY: &str = ".store.db.new-";

/// What a creator that was killed left. Only under the lock.
fn remove_leftovers(setup: &Setup) {
    let Ok(entries) = fs::read_dir(&setup.directory) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            // Best effort: a leftover is harmless.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn insert_identity(conn: &Connection, identity: &StoreIdentity) -> rusqlite::Result<()> {
    let seed = &identity.seed;
    conn.execute(
        "INSERT INTO identity (one, id, partition, region, account, created_at) VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        params![identity.id, seed.partition(), seed.region(), seed.account(), identity.created_at.0],
    )
    .map(|_| ())
}

/// A copy of the whole store, beside it, before its format changes.
fn back_up(conn: &Connection, setup: &Setup, version: i64) -> Result<PathBuf> {
    let directory = setup.directory.join("backup");
    fs::create_dir_all(&directory).map_err(|e| io_error(&directory, "create the directory", &e))?;
    let stamp = setup.clock.now().0;
    let copy = directory.join(format!("store-format-{version}-{stamp}.db"));
    // SQLite takes an empty file for a new database.
    private(&copy, true).map_err(|e| io_error(&copy, "create", &e))?;
    conn.execute("VACUUM INTO ?1", [copy.to_string_lossy()])
        .map_err(|e| sqlite_error(setup, "back up", &e))?;
    sync(&copy)?;
    sync(&directory)?;
    Ok(copy)
}

/// Opens a file for its owner alone, whatever the umask, and creates it; with `fresh` it must not be there.
pub(super) fn private(path: &Path, fresh: bool) -> io::Result<File> {
    File::options()
        .create(!fresh)
        .create_new(fresh)
        .write(true)
        .mode(0o600)
        .open(path)
}

/// Only one process at a time creates or migrates.
fn lock(setup: &Setup) -> Result<File> {
    let path = setup.directory.join("store.lock");
    let file = private(&path, false).map_err(|e| io_error(&path, "open", &e))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < setup.patience => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => return Err(busy(setup)),
            Err(TryLockError::Error(error)) => return Err(io_error(&path, "lock", &error)),
        }
    }
}

pub(super) fn sync(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|e| io_error(path, "sync", &e))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn busy(setup: &Setup) -> StoreError {
    StoreError::Busy {
        path: setup.file.clone(),
        waited_ms: u64::try_from(setup.patience.as_millis()).unwrap_or(u64::MAX),
    }
}

/// An error of the system, by what is to be done about it.
pub(super) fn io_error(path: &Path, action: &'static str, error: &io::Error) -> StoreError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::Permission { path, action }
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { path },
        _ => StoreError::Io {
            path,
            action,
            detail: error.to_string(),
        },
    }
}

/// An error of SQLite, by what is to be done about it.
pub(super) fn sqlite_error(setup: &Setup, action: &'static str, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    let path = setup.file.clone();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            busy(setup)
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged {
            path,
            detail: error.to_string(),
        },
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            StoreError::Permission { path, action }
        }
        _ => StoreError::Io {
            path,
            action,
            detail: error.to_string(),
        },
    }
}
