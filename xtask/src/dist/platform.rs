//! The platforms that archives are made for: Rust's names and Terraform's.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::failure::{Failure, Result};
use crate::out;

/// What we make archives for when it is installed, the better one first.
const LINUX: [[&str; 2]; 2] = [
    ["x86_64-unknown-linux-musl", "x86_64-unknown-linux-gnu"],
    ["aarch64-unknown-linux-musl", "aarch64-unknown-linux-gnu"],
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Platform {
    triple: String,
    here: bool,
}

/// The named platforms, or those that can be built for here.
pub(super) fn chosen(names: &[String]) -> Result<Vec<Platform>> {
    let mut version = Command::new("rustc");
    version.arg("-vV");
    let version = command::capture(&mut version)?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or_else(|| Failure::new("rustc does not say what it runs on"))?;
    if !names.is_empty() {
        return Ok(names.iter().map(|name| Platform::new(name, host)).collect());
    }
    let mut sysroot = Command::new("rustc");
    sysroot.args(["--print", "sysroot"]);
    let libraries = PathBuf::from(command::capture(&mut sysroot)?.trim()).join("lib/rustlib");
    let found = installed(&libraries, host);
    for [musl, _] in LINUX {
        if !found.iter().any(|platform| platform.triple == musl) {
            out::line(&format!("{musl} is not installed (rustup target add {musl})"));
        }
    }
    Ok(found)
}

/// What can be built: musl where it is there, and always for this machine.
fn installed(libraries: &Path, host: &str) -> Vec<Platform> {
    let mut found: Vec<Platform> = Vec::new();
    for [musl, gnu] in LINUX {
        if libraries.join(musl).join("lib").is_dir() {
            found.push(Platform::new(musl, host));
        } else if host == gnu {
            found.push(Platform::new(gnu, host));
        }
    }
    if !found.iter().any(Platform::is_here) {
        found.push(Platform::new(host, host));
    }
    found
}

// === impl Platform ===

impl Platform {
    fn new(triple: &str, host: &str) -> Self {
        let mut platform = Self {
            triple: triple.to_owned(),
            here: false,
        };
        let host = Self {
            triple: host.to_owned(),
            here: true,
        };
        platform.here = (platform.os(), platform.arch()) == (host.os(), host.arch());
        platform
    }

    /// The platform as Rust names it: `x86_64-unknown-linux-musl`.
    pub(super) fn triple(&self) -> &str {
        &self.triple
    }

    /// Whether its programs run on this machine.
    pub(super) fn is_here(&self) -> bool {
        self.here
    }

    /// Whether a program of ours is made for it: the agent supervises by Unix signals, and AWS Lambda runs Linux.
    pub(super) fn runs(&self, program: &str) -> bool {
        match program {
            super::AGENT => self.os() != "windows",
            super::FUNCTION => self.os() == "linux",
            _ => true,
        }
    }

    /// Whether the C library is only linked statically when that is asked for.
    pub(super) fn needs_static_flag(&self) -> bool {
        self.triple.ends_with("linux-gnu")
    }

    /// Terraform's name of the system.
    pub(super) fn os(&self) -> &'static str {
        match self.triple.as_str() {
            triple if triple.contains("apple") => "darwin",
            triple if triple.contains("windows") => "windows",
            triple if triple.contains("freebsd") => "freebsd",
            _ => "linux",
        }
    }

    /// Terraform's name of the processor.
    pub(super) fn arch(&self) -> String {
        let name = self.triple.split('-').next().unwrap_or_default();
        match name {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "i686" => "386",
            "armv7" => "arm",
            other => other,
        }
        .to_owned()
    }

    /// What names of programs end in.
    pub(super) fn suffix(&self) -> &'static str {
        if self.os() == "windows" { ".exe" } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_the_names_that_terraform_gives_them() {
        let names = |triple: &str| {
            let platform = Platform::new(triple, "x86_64-unknown-linux-gnu");
            (
                platform.os(),
                platform.arch(),
                platform.suffix(),
                platform.is_here(),
            )
        };
        assert_eq!(
            names("x86_64-unknown-linux-musl"),
            ("linux", "amd64".to_owned(), "", true)
        );
        assert_eq!(
            names("aarch64-apple-darwin"),
            ("darwin", "arm64".to_owned(), "", false)
        );
        assert_eq!(
            names("x86_64-pc-windows-msvc"),
            ("windows", "amd64".to_owned(), ".exe", false)
        );
    }

    #[test]
    fn musl_goes_before_the_hosts_own_library() {
        let host = "x86_64-unknown-linux-gnu";
        let folder = WorkFolder::new("platforms");
        let triples = |platforms: Vec<Platform>| -> Vec<String> {
            platforms.into_iter().map(|platform| platform.triple).collect()
        };
        assert_eq!(triples(installed(&folder.0, host)), [host]);
        for triple in ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"] {
            std::fs::create_dir_all(folder.0.join(triple).join("lib")).unwrap();
        }
        assert_eq!(
            triples(installed(&folder.0, host)),
            ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"]
        );
    }

    /// A folder that goes when the test ends.
    struct WorkFolder(PathBuf);

    impl WorkFolder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("meshform-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for WorkFolder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
