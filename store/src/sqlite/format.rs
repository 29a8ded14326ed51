//! The file's format: tables, version, and the steps from one version to the next.

use rusqlite::{Connection, Transaction};

/// `mfst` in the file's header tells our files from other SQLite databases.
pub(super) const APPLICATION_ID: i64 = 0x6d66_7374;

/// A step from one format to the next.
pub(super) type Migration = fn(&Transaction<'_>) -> rusqlite::Result<()>;

/// The steps: the first makes format 1 of an empty database, the second format 2 of format 1, and so on. A
/// step that was released is never changed.
pub(super) const STEPS: &[Migration] = &[first, second, third];

fn first(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "CREATE TABLE identity (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            id TEXT NOT NULL, partition TEXT NOT NULL, region TEXT NOT NULL, account TEXT NOT NULL,
            created_at INTEGER NOT NULL
         ) STRICT;
         CREATE TABLE meshes (
            name TEXT PRIMARY KEY, revision INTEGER NOT NULL, compacted INTEGER NOT NULL
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE records (
            mesh TEXT NOT NULL, kind TEXT NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL,
            body TEXT NOT NULL,
            arn TEXT NOT NULL, uid TEXT NOT NULL, mesh_owner TEXT NOT NULL, resource_owner TEXT NOT NULL,
            version INTEGER NOT NULL, revision INTEGER NOT NULL,
            owner TEXT NOT NULL, actor TEXT NOT NULL, run TEXT,
            created_at INTEGER NOT NULL, last_updated_at INTEGER NOT NULL,
            PRIMARY KEY (mesh, kind, parent, name)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE changes (
            mesh TEXT NOT NULL, revision INTEGER NOT NULL,
            kind TEXT NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL, action TEXT NOT NULL,
            owner TEXT NOT NULL, actor TEXT NOT NULL, run TEXT, at INTEGER NOT NULL,
            PRIMARY KEY (mesh, revision)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE blobs (
            mesh TEXT NOT NULL, digest TEXT NOT NULL, bytes BLOB NOT NULL, touched_at INTEGER NOT NULL,
            UNIQUE (mesh, digest)
         ) STRICT;
         CREATE TABLE pointers (
            mesh TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, version INTEGER NOT NULL,
            owner TEXT NOT NULL, actor TEXT NOT NULL, run TEXT, at INTEGER NOT NULL,
            PRIMARY KEY (mesh, name)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE runs (
            id TEXT PRIMARY KEY, actor TEXT NOT NULL, opened_at INTEGER NOT NULL
         ) STRICT, WITHOUT ROWID;",
    )
}

/// Records carry a digest; those of format 1 have none. Settings of the store.
fn second(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "ALTER TABLE records ADD COLUMN digest TEXT;
         CREATE TABLE settings (
            name TEXT PRIMARY KEY, value TEXT, version INTEGER NOT NULL,
            owner TEXT NOT NULL, actor TEXT NOT NULL, run TEXT, at INTEGER NOT NULL
         ) STRICT, WITHOUT ROWID;",
    )
}

/// Records say which request wrote them.
fn third(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch("ALTER TABLE records ADD COLUMN request TEXT;")
}

/// The format of a file: how many steps it has been through.
pub(super) fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Goes through the steps that are missing, all or none.
pub(super) fn migrate(conn: &mut Connection, steps: &[Migration]) -> rusqlite::Result<()> {
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive)?;
    // Read again inside: another process may have been first.
    let mut done = version(&tx)?;
    for step in steps.iter().skip(usize::try_from(done).unwrap_or(usize::MAX)) {
        step(&tx)?;
        done += 1;
    }
    tx.pragma_update(None, "user_version", done)?;
    tx.commit()
}
