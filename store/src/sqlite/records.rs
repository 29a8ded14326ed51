//! Records, the change feed, and their rows.

use super::identity;
use super::worker::{WorkerContext, read_error, write_error};
use crate::blob::Digest;
use crate::change::{Action, Change, Feed};
use crate::error::{Result, StoreError};
use crate::ids::RunId;
use crate::next::{self, Stamp};
use crate::record::{
    Author, Expected, Listing, Prefix, Record, RecordDraft, RecordIdentity, Revision, Unreadable,
};
use crate::time::Timestamp;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use rusqlite::{OptionalExtension as _, Row, params};

const COLUMNS: &str = "mesh, kind, parent, name, body, arn, uid, mesh_owner, resource_owner, version, revision, \
    owner, actor, run, created_at, last_updated_at, digest, request";

/// A row that may turn out unreadable.
type ReadRecord = std::result::Result<Record, Unreadable>;

pub(super) fn get(desk: &WorkerContext<'_>, key: &ResourceKey) -> Result<Option<Record>> {
    let sql =
        format!("SELECT {COLUMNS} FROM records WHERE mesh = ?1 AND kind = ?2 AND parent = ?3 AND name = ?4");
    let mut statement = desk.conn.prepare_cached(&sql).map_err(|e| read_error(desk, &e))?;
    let row = statement
        .query_row(params![key.mesh, key.kind.name(), parent(key), key.name], record)
        .optional()
        .map_err(|e| read_error(desk, &e))?;
    row.transpose().map_err(|unreadable| StoreError::Damaged {
        path: desk.setup.file.clone(),
        detail: format!("{}: {}", unreadable.what, unreadable.why),
    })
}

pub(super) fn list(desk: &WorkerContext<'_>, prefix: &Prefix) -> Result<Listing> {
    let sql = format!(
        "SELECT {COLUMNS} FROM records
         WHERE (?1 IS NULL OR mesh = ?1) AND (?2 IS NULL OR kind = ?2) AND (?3 IS NULL OR parent = ?3)"
    );
    // One moment for the revision and the rows.
    let tx = desk
        .conn
        .unchecked_transaction()
        .map_err(|e| read_error(desk, &e))?;
    let mut listing = Listing::default();
    if let Some(mesh) = &prefix.mesh {
        listing.revision = heads(desk, mesh)?.0;
    }
    {
        let mut statement = tx.prepare_cached(&sql).map_err(|e| read_error(desk, &e))?;
        let kind = prefix.kind.map(Kind::name);
        let rows = statement
            .query_map(params![prefix.mesh, kind, prefix.parent], record)
            .map_err(|e| read_error(desk, &e))?;
        for row in rows {
            match row.map_err(|e| read_error(desk, &e))? {
                Ok(record) => listing.records.push(record),
                Err(unreadable) => listing.unreadable.push(unreadable),
            }
        }
    }
    tx.finish().map_err(|e| read_error(desk, &e))?;
    listing.records.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(listing)
}

/// The meshes that have records. For each of the few names the records' index is asked, so no record is read.
pub(super) fn meshes(desk: &WorkerContext<'_>) -> Result<Vec<String>> {
    names(
        desk,
        "SELECT name FROM meshes WHERE EXISTS (SELECT 1 FROM records WHERE mesh = meshes.name) ORDER BY name",
    )
}

/// The meshes that were ever written: their revisions stay.
pub(super) fn meshes_and_gone(desk: &WorkerContext<'_>) -> Result<Vec<String>> {
    names(desk, "SELECT name FROM meshes ORDER BY name")
}

fn names(desk: &WorkerContext<'_>, query: &str) -> Result<Vec<String>> {
    desk.conn
        .prepare_cached(query)
        .and_then(|mut s| {
            s.query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()
        })
        .map_err(|e| read_error(desk, &e))
}

pub(super) fn put(
    desk: &WorkerContext<'_>,
    draft: RecordDraft,
    expected: Expected,
    author: Author,
) -> Result<Record> {
    let found = get(desk, &draft.key)?;
    next::check(&draft.key, expected, found.as_ref(), || {
        last_change(desk, &draft.key)
    })?;
    let now = desk.setup.clock.now();
    let stamp = Stamp {
        seed: &identity::read(desk)?.seed,
        uid: desk.setup.ids.next(),
        now,
        revision: advance(desk, &draft.key.mesh)?,
        author,
    };
    let record = next::next(draft, found.as_ref(), stamp);
    store(desk, &record)?;
    let change = Change {
        revision: record.revision,
        key: record.key.clone(),
        action: Action::Put,
        author: record.author.clone(),
        at: now,
    };
    log(desk, &change)?;
    Ok(record)
}

pub(super) fn delete(
    desk: &WorkerContext<'_>,
    key: ResourceKey,
    expected: Revision,
    author: Author,
) -> Result<Change> {
    let found = get(desk, &key)?;
    let expected = Expected::At(expected);
    next::check(&key, expected, found.as_ref(), || last_change(desk, &key))?;
    desk.conn
        .prepare_cached("DELETE FROM records WHERE mesh = ?1 AND kind = ?2 AND parent = ?3 AND name = ?4")
        .and_then(|mut s| s.execute(params![key.mesh, key.kind.name(), parent(&key), key.name]))
        .map_err(|e| write_error(desk, &e))?;
    let change = Change {
        revision: advance(desk, &key.mesh)?,
        key,
        action: Action::Delete,
        author,
        at: desk.setup.clock.now(),
    };
    log(desk, &change)?;
    Ok(change)
}

pub(super) fn changes(desk: &WorkerContext<'_>, mesh: &str, after: Revision, limit: usize) -> Result<Feed> {
    let tx = desk
        .conn
        .unchecked_transaction()
        .map_err(|e| read_error(desk, &e))?;
    let (head, oldest) = heads(desk, mesh)?;
    if after < oldest {
        return Ok(Feed::Compacted { oldest });
    }
    let changes = tx
        .prepare_cached(
            "SELECT mesh, kind, parent, name, revision, action, owner, actor, run, at FROM changes
             WHERE mesh = ?1 AND revision > ?2 ORDER BY revision LIMIT ?3",
        )
        .and_then(|mut statement| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![mesh, signed(after.0), limit], change)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(|e| read_error(desk, &e))?;
    Ok(Feed::Changes {
        changes: changes.into_iter().flatten().collect(),
        head,
    })
}

pub(super) fn compact(desk: &WorkerContext<'_>, mesh: &str, upto: Revision) -> Result<()> {
    let (head, oldest) = heads(desk, mesh)?;
    let upto = upto.min(head).max(oldest);
    desk.conn
        .execute(
            "DELETE FROM changes WHERE mesh = ?1 AND revision <= ?2",
            params![mesh, signed(upto.0)],
        )
        .and_then(|_| {
            desk.conn.execute(
                "UPDATE meshes SET compacted = ?2 WHERE name = ?1",
                params![mesh, signed(upto.0)],
            )
        })
        .map_err(|e| write_error(desk, &e))?;
    Ok(())
}

fn last_change(desk: &WorkerContext<'_>, key: &ResourceKey) -> Result<Option<Change>> {
    desk.conn
        .prepare_cached(
            "SELECT mesh, kind, parent, name, revision, action, owner, actor, run, at FROM changes
             WHERE mesh = ?1 AND kind = ?2 AND parent = ?3 AND name = ?4 ORDER BY revision DESC LIMIT 1",
        )
        .and_then(|mut s| {
            s.query_row(params![key.mesh, key.kind.name(), parent(key), key.name], change)
                .optional()
        })
        .map(Option::flatten)
        .map_err(|e| read_error(desk, &e))
}

/// The newest revision of a mesh, and the one up to which its feed is forgotten.
fn heads(desk: &WorkerContext<'_>, mesh: &str) -> Result<(Revision, Revision)> {
    let row = desk
        .conn
        .prepare_cached("SELECT revision, compacted FROM meshes WHERE name = ?1")
        .and_then(|mut s| {
            s.query_row([mesh], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(|e| read_error(desk, &e))?;
    let (head, compacted): (i64, i64) = row.unwrap_or_default();
    Ok((Revision(unsigned(head)), Revision(unsigned(compacted))))
}

/// Counts the mesh's revision up by one, within the open transaction.
fn advance(desk: &WorkerContext<'_>, mesh: &str) -> Result<Revision> {
    let revision: i64 = desk
        .conn
        .prepare_cached(
            "INSERT INTO meshes (name, revision, compacted) VALUES (?1, 1, 0)
             ON CONFLICT (name) DO UPDATE SET revision = revision + 1 RETURNING revision",
        )
        .and_then(|mut s| s.query_row([mesh], |row| row.get(0)))
        .map_err(|e| write_error(desk, &e))?;
    Ok(Revision(unsigned(revision)))
}

fn store(desk: &WorkerContext<'_>, record: &Record) -> Result<()> {
    let Record {
        key,
        identity,
        author,
        ..
    } = record;
    let body = record.body.to_string();
    let digest = digest(record, &body);
    desk.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO records (mesh, kind, parent, name, body, arn, uid, mesh_owner, resource_owner,
                version, revision, owner, actor, run, created_at, last_updated_at, digest, request)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        )
        .and_then(|mut s| {
            s.execute(params![
                key.mesh,
                key.kind.name(),
                parent(key),
                key.name,
                body,
                identity.arn,
                identity.uid,
                identity.mesh_owner,
                identity.resource_owner,
                signed(record.version),
                signed(record.revision.0),
                author.owner,
                author.actor,
                author.run.as_ref().map(|run| &run.0),
                record.created_at.0,
                record.last_updated_at.0,
                digest.as_str(),
                record.request,
            ])
        })
        .map(|_| ())
        .map_err(|e| write_error(desk, &e))
}

fn log(desk: &WorkerContext<'_>, change: &Change) -> Result<()> {
    let Change { key, author, .. } = change;
    desk.conn
        .prepare_cached(
            "INSERT INTO changes (mesh, kind, parent, name, revision, action, owner, actor, run, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )
        .and_then(|mut s| {
            s.execute(params![
                key.mesh,
                key.kind.name(),
                parent(key),
                key.name,
                signed(change.revision.0),
                match change.action {
                    Action::Put => "put",
                    Action::Delete => "delete",
                },
                author.owner,
                author.actor,
                author.run.as_ref().map(|run| &run.0),
                change.at.0,
            ])
        })
        .map_err(|e| write_error(desk, &e))?;
    // Now and then the oldest entries go, so that a long life does not make a large file.
    let keep = desk.setup.keep_changes;
    if change.revision.0 > keep && change.revision.0.is_multiple_of((keep / 8).max(1)) {
        compact(desk, &key.mesh, Revision(change.revision.0 - keep))?;
    }
    Ok(())
}

fn record(row: &Row<'_>) -> rusqlite::Result<ReadRecord> {
    let what: [String; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
    let text: String = row.get(4)?;
    let unreadable = |why: String| Unreadable {
        what: what.join("/"),
        why,
    };
    let body = match serde_json::from_str(&text) {
        Ok(body) => body,
        Err(error) => return Ok(Err(unreadable(error.to_string()))),
    };
    let Some(key) = key(row)? else {
        return Ok(Err(unreadable("the kind is not known".to_owned())));
    };
    let record = Record {
        key,
        body,
        identity: RecordIdentity {
            arn: row.get(5)?,
            uid: row.get(6)?,
            mesh_owner: row.get(7)?,
            resource_owner: row.get(8)?,
        },
        version: unsigned(row.get(9)?),
        revision: Revision(unsigned(row.get(10)?)),
        author: author(row, 11)?,
        created_at: Timestamp(row.get(14)?),
        last_updated_at: Timestamp(row.get(15)?),
        request: row.get(17)?,
    };
    // What format 1 wrote has none.
    let noted: Option<String> = row.get(16)?;
    if noted.is_some_and(|noted| noted != digest(&record, &text).as_str()) {
        return Ok(Err(unreadable(
            "its content does not match its digest".to_owned(),
        )));
    }
    Ok(Ok(record))
}

/// The digest of all that a row says. Each text comes with its length, so that none runs into the next.
fn digest(record: &Record, body: &str) -> Digest {
    let Record {
        key,
        identity,
        author,
        ..
    } = record;
    let texts: [&str; 12] = [
        &key.mesh,
        key.kind.name(),
        parent(key),
        &key.name,
        body,
        &identity.arn,
        &identity.uid,
        &identity.mesh_owner,
        &identity.resource_owner,
        &author.owner,
        &author.actor,
        author.run.as_ref().map_or("", |run| run.0.as_str()),
    ];
    let numbers = [
        signed(record.version),
        signed(record.revision.0),
        record.created_at.0,
        record.last_updated_at.0,
    ];
    let mut bytes = Vec::with_capacity(body.len() + 512);
    // What names no request has the digest that it had before there were any.
    for text in texts.into_iter().chain(record.request.as_deref()) {
        bytes.extend((text.len() as u64).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    numbers
        .iter()
        .for_each(|number| bytes.extend(number.to_be_bytes()));
    Digest::of(&bytes)
}

fn change(row: &Row<'_>) -> rusqlite::Result<Option<Change>> {
    let Some(key) = key(row)? else {
        return Ok(None);
    };
    let action: String = row.get(5)?;
    Ok(Some(Change {
        revision: Revision(unsigned(row.get(4)?)),
        key,
        action: if action == "delete" {
            Action::Delete
        } else {
            Action::Put
        },
        author: author(row, 6)?,
        at: Timestamp(row.get(9)?),
    }))
}

/// The key in the first four columns; `None` where the kind is not known.
fn key(row: &Row<'_>) -> rusqlite::Result<Option<ResourceKey>> {
    let (kind, parent): (String, String) = (row.get(1)?, row.get(2)?);
    let (mesh, name) = (row.get(0)?, row.get(3)?);
    Ok(Kind::from_name(&kind).map(|kind| ResourceKey {
        mesh,
        kind,
        parent: (!parent.is_empty()).then_some(parent),
        name,
    }))
}

pub(super) fn author(row: &Row<'_>, first: usize) -> rusqlite::Result<Author> {
    Ok(Author {
        owner: row.get(first)?,
        actor: row.get(first + 1)?,
        run: row.get::<_, Option<String>>(first + 2)?.map(RunId),
    })
}

/// SQLite has no NULL in a primary key.
fn parent(key: &ResourceKey) -> &str {
    key.parent.as_deref().unwrap_or_default()
}

/// SQLite's integers are signed; counters never come near the difference.
pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
