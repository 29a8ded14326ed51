//! Blobs and pointers.

use super::records::{author, signed, unsigned};
use super::worker::{WorkerContext, read_error, write_error};
use crate::blob::{BlobInfo, Digest, NamedPointer};
use crate::contract::PointerWrite;
use crate::error::{PointerConflict, Result, StoreError};
use crate::record::Author;
use crate::time::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

/// A blob is touched again only when its last touch is that old: most blobs are put again and again, and a sweep spares
/// an hour.
const TOUCH_MILLIS: i64 = 60_000;

pub(super) fn put(desk: &WorkerContext<'_>, mesh: &str, blobs: &[(Digest, Vec<u8>)]) -> Result<()> {
    let now = desk.setup.clock.now();
    desk.conn
        .prepare_cached(
            "INSERT INTO blobs (mesh, digest, bytes, touched_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (mesh, digest) DO UPDATE SET touched_at = ?4 WHERE touched_at < ?5",
        )
        .and_then(|mut statement| {
            for (digest, bytes) in blobs {
                let old = now.plus_millis(-TOUCH_MILLIS).0;
                statement.execute(params![mesh, digest.as_str(), bytes, now.0, old])?;
            }
            Ok(())
        })
        .map_err(|e| write_error(desk, &e))
}

pub(super) fn get(desk: &WorkerContext<'_>, mesh: &str, digest: &Digest) -> Result<Option<Vec<u8>>> {
    let bytes: Option<Vec<u8>> = desk
        .conn
        .prepare_cached("SELECT bytes FROM blobs WHERE mesh = ?1 AND digest = ?2")
        .and_then(|mut s| {
            s.query_row(params![mesh, digest.as_str()], |row| row.get(0))
                .optional()
        })
        .map_err(|e| read_error(desk, &e))?;
    match bytes {
        Some(bytes) if Digest::of(&bytes) != *digest => Err(StoreError::Damaged {
            path: desk.setup.file.clone(),
            detail: format!("the content of blob {digest} does not match its name"),
        }),
        other => Ok(other),
    }
}

pub(super) fn list(desk: &WorkerContext<'_>, mesh: &str) -> Result<Vec<BlobInfo>> {
    let rows = desk
        .conn
        .prepare_cached("SELECT digest, length(bytes), touched_at FROM blobs WHERE mesh = ?1 ORDER BY digest")
        .and_then(|mut s| {
            s.query_map([mesh], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    unsigned(row.get(1)?),
                    Timestamp(row.get(2)?),
                ))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(|e| read_error(desk, &e))?;
    let infos = rows.into_iter().filter_map(|(digest, size, touched_at)| {
        Digest::parse(&digest).map(|digest| BlobInfo {
            digest,
            size,
            touched_at,
        })
    });
    Ok(infos.collect())
}

pub(super) fn delete(desk: &WorkerContext<'_>, mesh: &str, digests: &[Digest]) -> Result<()> {
    desk.conn
        .prepare_cached("DELETE FROM blobs WHERE mesh = ?1 AND digest = ?2")
        .and_then(|mut statement| {
            for digest in digests {
                statement.execute(params![mesh, digest.as_str()])?;
            }
            Ok(())
        })
        .map_err(|e| write_error(desk, &e))
}

pub(super) fn pointer(desk: &WorkerContext<'_>, mesh: &str, name: &str) -> Result<Option<NamedPointer>> {
    desk.conn
        .prepare_cached(
            "SELECT value, version, owner, actor, run, at FROM pointers WHERE mesh = ?1 AND name = ?2",
        )
        .and_then(|mut s| s.query_row(params![mesh, name], named_pointer).optional())
        .map_err(|e| read_error(desk, &e))
}

fn named_pointer(row: &Row<'_>) -> rusqlite::Result<NamedPointer> {
    Ok(NamedPointer {
        value: row.get(0)?,
        version: unsigned(row.get(1)?),
        author: author(row, 2)?,
        at: Timestamp(row.get(5)?),
    })
}

pub(super) fn set_pointer(
    desk: &WorkerContext<'_>,
    write: PointerWrite,
    author: Author,
) -> Result<NamedPointer> {
    let found = pointer(desk, &write.mesh, &write.name)?;
    if found.as_ref().map(|found| found.version) != write.expected {
        return Err(StoreError::PointerConflict(Box::new(PointerConflict {
            mesh: Some(write.mesh),
            name: write.name,
            expected: write.expected,
            found,
        })));
    }
    let pointer = NamedPointer {
        value: write.value,
        version: found.map_or(1, |found| found.version + 1),
        author,
        at: desk.setup.clock.now(),
    };
    desk.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO pointers (mesh, name, value, version, owner, actor, run, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .and_then(|mut s| {
            s.execute(params![
                write.mesh,
                write.name,
                pointer.value,
                signed(pointer.version),
                pointer.author.owner,
                pointer.author.actor,
                pointer.author.run.as_ref().map(|run| &run.0),
                pointer.at.0,
            ])
        })
        .map_err(|e| write_error(desk, &e))?;
    Ok(pointer)
}
