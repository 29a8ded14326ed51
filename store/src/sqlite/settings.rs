//! Settings of the store. One that was taken away keeps its row, so that its versions do not begin again.

use super::records::{author, signed, unsigned};
use super::worker::{WorkerContext, read_error, write_error};
use crate::error::{PointerConflict, Result, StoreError};
use crate::record::Author;
use crate::setting::{Setting, SettingVersion, SettingWrite};
use crate::time::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

pub(super) fn get(desk: &WorkerContext<'_>, name: &str) -> Result<Option<Setting>> {
    Ok(last(desk, name)?.and_then(|written| written.setting(name)))
}

pub(super) fn list(desk: &WorkerContext<'_>, prefix: &str) -> Result<Vec<Setting>> {
    let rows = desk
        .conn
        .prepare_cached(
            "SELECT name, value, version, owner, actor, run, at FROM settings
             WHERE value IS NOT NULL AND substr(name, 1, length(?1)) = ?1 ORDER BY name",
        )
        .and_then(|mut s| {
            s.query_map([prefix], |row| {
                let name: String = row.get(0)?;
                Ok(written(row, 1)?.setting(&name))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(|e| read_error(desk, &e))?;
    Ok(rows.into_iter().flatten().collect())
}

pub(super) fn set(desk: &WorkerContext<'_>, write: SettingWrite, author: Author) -> Result<Option<Setting>> {
    let found = last(desk, &write.name)?;
    let version = found.as_ref().map_or(1, |found| found.version + 1);
    let there = found.and_then(|found| found.setting(&write.name));
    if there.as_ref().map(|there| there.version) != write.expected {
        return Err(StoreError::PointerConflict(Box::new(
            PointerConflict::of_setting(write, there),
        )));
    }
    let at = desk.setup.clock.now();
    desk.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO settings (name, value, version, owner, actor, run, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .and_then(|mut s| {
            s.execute(params![
                write.name,
                write.value,
                signed(version),
                author.owner,
                author.actor,
                author.run.as_ref().map(|run| &run.0),
                at.0,
            ])
        })
        .map_err(|e| write_error(desk, &e))?;
    let written = SettingVersion {
        version,
        value: write.value,
        author,
        at,
    };
    Ok(written.setting(&write.name))
}

fn last(desk: &WorkerContext<'_>, name: &str) -> Result<Option<SettingVersion>> {
    desk.conn
        .prepare_cached("SELECT value, version, owner, actor, run, at FROM settings WHERE name = ?1")
        .and_then(|mut s| s.query_row([name], |row| written(row, 0)).optional())
        .map_err(|e| read_error(desk, &e))
}

fn written(row: &Row<'_>, first: usize) -> rusqlite::Result<SettingVersion> {
    Ok(SettingVersion {
        value: row.get(first)?,
        version: unsigned(row.get(first + 1)?),
        author: author(row, first + 2)?,
        at: Timestamp(row.get(first + 5)?),
    })
}
