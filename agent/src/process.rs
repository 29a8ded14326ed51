//! Children of this process, which may be the first of a container: started, told signals, and reaped, also those
//! that others have left.

use rustix::process::{Pid, Signal, WaitOptions, kill_process, test_kill_process, wait};
use std::path::Path;
use std::process::{Command, Stdio};

/// A child that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Child(Pid);

impl Child {
    pub(crate) fn start(program: &str, arguments: &[String]) -> Result<Self, String> {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| format!("{program} cannot be started: {error}"))?;
        // It is waited for with all others, by `reap`.
        Pid::from_raw(child.id().cast_signed())
            .map(Self)
            .ok_or_else(|| format!("{program} has no process id"))
    }

    pub(crate) fn pid(self) -> i32 {
        self.0.as_raw_pid()
    }

    /// Sends it a signal; one that is gone is no error.
    pub(crate) fn signal(self, signal: Signal) {
        let _ = kill_process(self.0, signal);
    }

    /// Writes down which process it is.
    pub(crate) fn note(self, file: &Path) {
        let pid = self.0.as_raw_pid();
        if let Some(begun) = begun(pid) {
            // Only a killed agent needs it.
            let _ = std::fs::write(file, format!("{pid} {begun}"));
        }
    }

    /// The one that was written down, if it still runs: an agent that was killed has left it.
    pub(crate) fn noted(file: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(file).ok()?;
        let (pid, noted) = text.split_once(' ')?;
        let pid: i32 = pid.parse().ok()?;
        (begun(pid)? == noted)
            .then(|| Pid::from_raw(pid).map(Self))
            .flatten()
    }

    pub(crate) fn is_there(self) -> bool {
        test_kill_process(self.0).is_ok()
    }
}

/// When a process began, in ticks since the machine did: it tells a process from another with the same id.
fn begun(pid: i32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

/// Reaps what has ended. The status of `child`, if it is among them: as a shell tells it.
pub(crate) fn reap(child: Option<Child>) -> Option<i32> {
    let mut found = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if Some(Child(pid)) == child {
            let signal = status.terminating_signal().map(|signal| 128 + signal);
            found = status.exit_status().or(signal).or(Some(1));
        }
    }
    found
}
