//! The store's identity, and its runs.

use super::file::{io_error, private};
use super::worker::WorkerContext;
use super::worker::{read_error, write_error};
use crate::contract::RunState;
use crate::error::{Result, StoreError};
use crate::identity::{Seed, StoreIdentity};
use crate::ids::RunId;
use crate::time::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use std::fs::{self, File, TryLockError};
use std::path::PathBuf;

pub(super) fn read(desk: &WorkerContext<'_>) -> Result<StoreIdentity> {
    let row = desk
        .conn
        .prepare_cached("SELECT id, partition, region, account, created_at FROM identity")
        .and_then(|mut s| {
            s.query_row([], |row| {
                let parts: [String; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
                Ok((parts, row.get(4)?))
            })
            .optional()
        })
        .map_err(|e| read_error(desk, &e))?;
    let Some(([id, partition, region, account], created_at)) = row else {
        return Err(StoreError::Damaged {
            path: desk.setup.file.clone(),
            detail: "it has no identity".to_owned(),
        });
    };
    Ok(StoreIdentity {
        id,
        seed: Seed::new(&partition, &region, &account)?,
        created_at: Timestamp(created_at),
    })
}

/// The lock comes before the row: whoever sees the row can tell whether its process lives.
pub(super) fn open_run(desk: &mut WorkerContext<'_>, actor: &str) -> Result<RunId> {
    forget_the_dead(desk)?;
    let run = RunId(desk.setup.ids.next());
    let runs = &desk.setup.runs;
    fs::create_dir_all(runs).map_err(|e| io_error(runs, "create the directory", &e))?;
    let path = lock_file(desk, &run);
    let file = private(&path, true).map_err(|e| io_error(&path, "create", &e))?;
    file.lock().map_err(|e| io_error(&path, "lock", &e))?;
    desk.conn
        .execute(
            "INSERT INTO runs (id, actor, opened_at) VALUES (?1, ?2, ?3)",
            params![run.0, actor, desk.setup.clock.now().0],
        )
        .map_err(|e| write_error(desk, &e))?;
    desk.held.insert(run.clone(), file);
    Ok(run)
}

/// Takes away what is left of runs that died and of whose writes no record is left: nobody will ask of them again. Of
/// the others only the lock's file goes, without which they are dead all the same.
fn forget_the_dead(desk: &WorkerContext<'_>) -> Result<()> {
    let known: Vec<(RunId, bool)> = desk
        .conn
        .prepare_cached("SELECT id, EXISTS (SELECT 1 FROM records WHERE run = runs.id) FROM runs")
        .and_then(|mut select| {
            let rows = select.query_map([], |row| Ok((RunId(row.get(0)?), row.get(1)?)))?;
            rows.collect()
        })
        .map_err(|e| read_error(desk, &e))?;
    for (run, is_asked_of) in known {
        // A lock that cannot be looked at may be held.
        if !matches!(run_state(desk, &run), Ok(RunState::Dead)) {
            continue;
        }
        // Best effort: a file that stays is harmless.
        let _ = fs::remove_file(lock_file(desk, &run));
        if !is_asked_of {
            close_run(desk, &run)?;
        }
    }
    Ok(())
}

/// A run that was closed leaves nothing; what stays are those that died.
pub(super) fn close_run(desk: &WorkerContext<'_>, run: &RunId) -> Result<()> {
    desk.conn
        .execute("DELETE FROM runs WHERE id = ?1", [&run.0])
        .map(|_| ())
        .map_err(|e| write_error(desk, &e))
}

/// After the commit: the lock goes, then its file.
pub(super) fn let_go(desk: &mut WorkerContext<'_>, run: &RunId) {
    if desk.held.remove(run).is_some() {
        // A file that stays is harmless: the run is closed.
        let _ = fs::remove_file(lock_file(desk, run));
    }
}

pub(super) fn run_state(desk: &WorkerContext<'_>, run: &RunId) -> Result<RunState> {
    let known = desk
        .conn
        .query_row("SELECT 1 FROM runs WHERE id = ?1", [&run.0], |_| Ok(()))
        .optional()
        .map_err(|e| read_error(desk, &e))?;
    if known.is_none() {
        return Ok(RunState::Closed);
    }
    let path = lock_file(desk, run);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(RunState::Dead),
        Err(error) => return Err(io_error(&path, "open", &error)),
    };
    // Shared, so that two who ask at once do not take each other for the run.
    match file.try_lock_shared() {
        Ok(()) => Ok(RunState::Dead),
        Err(TryLockError::WouldBlock) => Ok(RunState::Alive),
        Err(TryLockError::Error(error)) => Err(io_error(&path, "lock", &error)),
    }
}

fn lock_file(desk: &WorkerContext<'_>, run: &RunId) -> PathBuf {
    // Ids may come from a record that somebody else wrote: only what is a plain name becomes a path.
    let name: String = run
        .0
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
    desk.setup.runs.join(format!("{name}.lock"))
}
