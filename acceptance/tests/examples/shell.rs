//! A shell that stays: commands are given to it one block after the other, as a reader types them.
//!
//! One shell for a whole guide, because directory and variables stay, and because an Envoy ends with whoever started
//! it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long one block may take, for guides that wait for something.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Shell {
    child: Child,
    stdin: Option<ChildStdin>,
    /// Where blocks, what they say and how they ended is kept.
    notes: PathBuf,
}

impl Shell {
    /// Starts `command`, which is to be a shell. It stops at the first command that fails.
    pub(crate) fn start(command: &mut Command, notes: &Path) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        Self {
            child,
            stdin,
            notes: notes.to_owned(),
        }
    }

    /// Runs a block; gives whether it went well, and what it said. What `may_fail` runs in a shell of its own.
    pub(crate) fn run(&mut self, block: &str, may_fail: bool) -> (bool, String) {
        let [script, said, ended] = ["script", "said", "ended"].map(|name| self.notes.join(name));
        fs::write(&script, block).unwrap();
        let _ = fs::remove_file(&ended);
        let source = format!(". '{}' < /dev/null > '{}' 2>&1", script.display(), said.display());
        let line = if may_fail {
            format!(
                "status=0; (set -eu; {source}) || status=$?; echo $status > '{0}.new'; mv '{0}.new' '{0}'\n",
                ended.display()
            )
        } else {
            format!(
                "set -eu; {source}; set +eu; echo 0 > '{0}.new'; mv '{0}.new' '{0}'\n",
                ended.display()
            )
        };
        let written = self.stdin.as_mut().unwrap().write_all(line.as_bytes());
        let went_well = written.is_ok() && self.wait(&ended);
        (went_well, fs::read_to_string(&said).unwrap_or_default())
    }

    /// Waits until a block has noted how it ended, or the shell has ended with it.
    fn wait(&mut self, ended: &Path) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Ok(status) = fs::read_to_string(ended) {
                return status.trim() == "0";
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        false
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It ends when there is nothing more to read.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
