//! A provider's memory and processor time, watched from outside while Terraform works with it.
//!
//! Terraform is given a script that notes its process id and becomes the provider. The process is then looked at
//! every few milliseconds until it is gone. Where there is no `/proc`, nothing is measured.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Bench;
use super::plans::Work;
use crate::failure::{Failure, Result};

const POLL: Duration = Duration::from_millis(2);
/// The kernel counts a process's time in hundredths of a second.
const TICKS: u64 = 100;

/// A program whose processes are watched: a script that stands for it notes each.
pub(super) struct Program {
    folder: PathBuf,
    name: &'static str,
}

/// Processes that are being watched.
pub(super) struct Watching {
    done: Arc<AtomicBool>,
    watcher: JoinHandle<Usage>,
}

/// What all the processes of a program took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// The most that one of them held, in KiB.
    peak: u64,
    ticks: u64,
    processes: usize,
}

impl Program {
    /// A script called `name` in `folder` that becomes `program`.
    pub(super) fn new(folder: &Path, name: &'static str, program: &Path) -> Result<Self> {
        let pids = folder.join("pids");
        fs::create_dir_all(&pids).map_err(Failure::io("make", &pids))?;
        let file = folder.join(name);
        let text = format!(
            "#!/bin/sh\n: > '{}'/$$\nexec '{}' \"$@\"\n",
            pids.display(),
            program.display()
        );
        fs::write(&file, text).map_err(Failure::io("write", &file))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).map_err(Failure::io("write", &file))?;
        Ok(Self {
            folder: folder.to_owned(),
            name,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    /// Watches what is started from now on.
    pub(super) fn watch(&self) -> Watching {
        let done = Arc::new(AtomicBool::new(false));
        let (seen, pids) = (Arc::clone(&done), self.folder.join("pids"));
        let watcher = std::thread::spawn(move || watch(&pids, &seen));
        Watching { done, watcher }
    }
}

impl Watching {
    /// What they took, now that all have ended.
    pub(super) fn end(self) -> Usage {
        self.done.store(true, Ordering::Relaxed);
        self.watcher.join().unwrap_or_default()
    }
}

/// A provider whose processes are watched.
pub(super) struct Watched {
    program: Program,
}

impl Watched {
    /// A script in the provider's stead, `ours` or `peer`; nothing for what is no process of its own, and where
    /// processes cannot be looked at.
    pub(super) fn new(bench: &Bench<'_>, name: &str) -> Result<Option<Self>> {
        let program = match (name, &bench.peer) {
            ("ours", _) => &bench.provider,
            ("peer", Some(peer)) => peer,
            _ => return Ok(None),
        };
        if !Path::new("/proc/self/status").exists() {
            return Ok(None);
        }
        let folder = bench.work.path().join(format!("watched-{name}"));
        let program = Program::new(&folder, super::plans::program_name(name), program)?;
        Ok(Some(Self { program }))
    }

    /// Runs Terraform with the provider watched.
    pub(super) fn run(&self, work: &Work, args: &[&str]) -> Result<Usage> {
        let watching = self.program.watch();
        let ran = work
            .with_provider(self.program.folder())
            .and_then(|work| work.succeed(args));
        let usage = watching.end();
        ran?;
        Ok(usage)
    }
}

impl Usage {
    #[allow(clippy::cast_precision_loss, reason = "for people")]
    pub(super) fn memory(&self) -> String {
        format!(
            "{:.1} MiB at most, {} processes",
            self.peak as f64 / 1024.0,
            self.processes
        )
    }

    /// CPU time and the most memory: `1.23 s, 46 MiB`.
    #[allow(clippy::cast_precision_loss, reason = "for people")]
    pub(super) fn brief(&self) -> String {
        format!(
            "{:.2} s, {:.0} MiB",
            self.ticks as f64 / TICKS as f64,
            self.peak as f64 / 1024.0
        )
    }

    #[allow(clippy::cast_precision_loss, reason = "for people")]
    pub(super) fn shown(&self) -> String {
        format!(
            "{:.2} s of processor, {}",
            self.ticks as f64 / TICKS as f64,
            self.memory()
        )
    }
}

/// Looks at every process that noted itself, until Terraform is done.
fn watch(pids: &Path, done: &AtomicBool) -> Usage {
    let mut last: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    while !done.load(Ordering::Relaxed) {
        for entry in fs::read_dir(pids).into_iter().flatten().flatten() {
            let pid = entry.file_name().to_string_lossy().into_owned();
            if let Some((peak, ticks)) = look(&pid) {
                let known = last.entry(pid).or_default();
                *known = (known.0.max(peak), known.1.max(ticks));
            }
        }
        std::thread::sleep(POLL);
    }
    let _ = fs::remove_dir_all(pids);
    let _ = fs::create_dir_all(pids);
    Usage {
        peak: last.values().map(|(peak, _)| *peak).max().unwrap_or(0),
        ticks: last.values().map(|(_, ticks)| *ticks).sum(),
        processes: last.len(),
    }
}

/// Peak of resident memory in KiB, and processor time in ticks. Nothing while it is still the script.
fn look(pid: &str) -> Option<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let peak = peak.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name, which may hold anything, in parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((peak, user + system))
}
