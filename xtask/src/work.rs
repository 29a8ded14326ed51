//! Where tasks leave their files, and ports for what they start.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// A directory under cargo's target folder that one task at a time works in. It stays after the task, for a look.
pub(crate) struct WorkDir {
    path: PathBuf,
    /// Held as long as the task runs; goes with the process.
    _lock: File,
}

impl WorkDir {
    /// An empty directory: what an earlier run of the task left in it is removed.
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "for tasks that need nothing of an earlier run")
    )]
    pub(crate) fn fresh(task: &str) -> Result<Self> {
        let work = Self::open(task)?;
        work.empty()?;
        Ok(work)
    }

    /// The directory as an earlier run of the task left it.
    pub(crate) fn open(task: &str) -> Result<Self> {
        let folder = target()?.join("xtask");
        fs::create_dir_all(&folder).map_err(Failure::io("make", &folder))?;
        let place = folder.join(format!("{task}.lock"));
        let lock = File::create(&place).map_err(Failure::io("make", &place))?;
        // A task that has just ended may have a program that is just being started, which holds its files a moment longer.
        let last = Instant::now() + Duration::from_secs(1);
        while lock.try_lock().is_err() {
            if Instant::now() > last {
                return Err(
                    Failure::new(format!("another `cargo xtask {task}` is running here"))
                        .help("wait for it or end it: both would write to the same directory"),
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let path = folder.join(task);
        fs::create_dir_all(&path).map_err(Failure::io("make", &path))?;
        Ok(Self { path, _lock: lock })
    }

    /// Removes what is in it.
    pub(crate) fn empty(&self) -> Result<()> {
        fs::remove_dir_all(&self.path).map_err(Failure::io("empty", &self.path))?;
        fs::create_dir_all(&self.path).map_err(Failure::io("make", &self.path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Cargo's target folder: this program lies in a profile's folder in it.
pub(crate) fn target() -> Result<PathBuf> {
    let program = std::env::current_exe().map_err(|error| Failure::new(format!("where am I? {error}")))?;
    // Cargo marks the folder when it makes it, and the profile's folder always.
    let marked = |name: &'static str| {
        program
            .ancestors()
            .find(move |folder| folder.join(name).is_file())
    };
    let folder = marked("CACHEDIR.TAG").or_else(|| marked(".cargo-lock")?.parent());
    folder.map(Path::to_path_buf).ok_or_else(|| {
        Failure::new(format!("{} is not in a target folder", program.display()))
            .help("start tasks with `cargo xtask`")
    })
}

/// So many different ports of this machine that nobody listens on.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    meshform_acceptance::ports::several().map_err(|error| Failure::new(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_task_at_a_time_has_the_directory() {
        let first = WorkDir::open("test-of-work").unwrap();
        fs::write(first.path().join("left"), "x").unwrap();
        assert!(WorkDir::open("test-of-work").is_err());
        drop(first);
        let second = WorkDir::open("test-of-work").unwrap();
        assert_eq!(fs::read_dir(second.path()).unwrap().count(), 1);
        second.empty().unwrap();
        assert_eq!(fs::read_dir(second.path()).unwrap().count(), 0);
    }
}
