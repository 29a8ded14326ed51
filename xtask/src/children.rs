//! Programs that run beside a task, and their end: when the task is done, when it fails, when it is interrupted.
//!
//! Each is started as the leader of a process group of its own. So Ctrl-C in the terminal reaches only us, we end
//! them in the reverse order of their start, and what one of them left behind goes with its group.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use std::io::Read;
use std::os::unix::process::CommandExt;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::command::shown;
use crate::failure::{Failure, Result};
use crate::out;

/// How long a program may take to end by itself once it is asked to.
const GRACE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// The programs that a task has started. Dropping it ends them.
pub(crate) struct Children {
    known: Arc<Mutex<Vec<Running>>>,
}

/// A program that was started.
#[derive(Clone)]
pub(crate) struct Running {
    name: String,
    pid: u32,
    child: Arc<Mutex<Child>>,
}

impl Children {
    /// No programs yet. From here on SIGINT, SIGTERM and SIGHUP end those that are started, and then us.
    pub(crate) fn new() -> Result<Self> {
        let known: Arc<Mutex<Vec<Running>>> = Arc::default();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
            .map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
        let watched = Arc::clone(&known);
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                out::line("interrupted: ending what was started");
                end_all(&watched);
                std::process::exit(128 + signal);
            }
        });
        Ok(Self { known })
    }

    /// Starts a program that goes on beside us, its output in a file.
    pub(crate) fn start(&self, name: &str, command: &mut Command, log: &Path) -> Result<Running> {
        let file = File::create(log).map_err(Failure::io("make", log))?;
        let copy = file.try_clone().map_err(Failure::io("make", log))?;
        self.spawn(name, command.stdout(file).stderr(copy))
    }

    /// Runs a program to its end and gives its output, whether it failed or not.
    pub(crate) fn run(&self, command: &mut Command) -> Result<Output> {
        let name = shown(command);
        let running = self.spawn(&name, command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let (stdout, stderr) = {
            let mut child = running.lock();
            (child.stdout.take(), child.stderr.take())
        };
        let errors = thread::spawn(move || read(stderr));
        let stdout = read(stdout);
        let stderr = errors.join().unwrap_or_default();
        let status = loop {
            match running.exited()? {
                Some(status) => break status,
                None => thread::sleep(POLL),
            }
        };
        lock(&self.known).retain(|known| known.pid != running.pid);
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Ends those that run, in the reverse order of their start.
    pub(crate) fn end(&self) {
        end_all(&self.known);
    }

    /// Lets those that run go on when we end.
    pub(crate) fn keep(self) {
        lock(&self.known).clear();
    }

    fn spawn(&self, name: &str, command: &mut Command) -> Result<Running> {
        // Locked while it starts: an interruption comes before it or finds it in the list.
        let mut known = lock(&self.known);
        let child = command.stdin(Stdio::null()).process_group(0).spawn();
        let child = child.map_err(|error| Failure::new(format!("cannot start {name}: {error}")))?;
        let running = Running {
            name: name.to_owned(),
            pid: child.id(),
            child: Arc::new(Mutex::new(child)),
        };
        known.push(running.clone());
        Ok(running)
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        end_all(&self.known);
    }
}

impl Running {
    /// Its process id, which is also that of its group.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// What it was called when it was started.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How it ended, if it has.
    pub(crate) fn exited(&self) -> Result<Option<ExitStatus>> {
        self.lock()
            .try_wait()
            .map_err(|error| Failure::new(format!("cannot wait for {}: {error}", self.name)))
    }

    /// Asks it to end, waits, then leaves it no choice.
    pub(crate) fn end(&self) {
        let deadline = Instant::now() + GRACE;
        if matches!(self.exited(), Ok(None)) {
            kill("TERM", &self.pid.to_string());
        }
        while matches!(self.exited(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        // The group: itself if it is still there, and what it started and left.
        kill("KILL", &format!("-{}", self.pid));
        let _ = self.lock().wait();
    }

    /// Sends the process a signal by its name without `SIG`: `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        kill(name, &self.pid.to_string());
    }

    /// Ends it and what it started, at once.
    pub(crate) fn kill(&self) {
        kill("KILL", &format!("-{}", self.pid));
        let _ = self.lock().wait();
    }

    fn lock(&self) -> MutexGuard<'_, Child> {
        lock(&self.child)
    }
}

fn end_all(known: &Mutex<Vec<Running>>) {
    let mut known = lock(known);
    while let Some(running) = known.pop() {
        running.end();
    }
}

/// The standard library sends no signal but SIGKILL, and none to a group; the shell does, on every system.
fn kill(signal: &str, whom: &str) {
    let _ = Command::new("/bin/sh")
        .args(["-c", "kill -s \"$0\" -- \"$1\"", signal, whom])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

fn read(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        let _ = stream.read_to_end(&mut bytes);
    }
    bytes
}

/// A thread that panicked with the lock held leaves a list that is still right.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
