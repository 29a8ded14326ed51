//! Which Terraform there is, and which something is for.

use std::fmt;
use std::path::{Path, PathBuf};

use super::workspace::Command;

/// A program and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Whether it is OpenTofu.
    pub opentofu: bool,
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.opentofu { "OpenTofu" } else { "Terraform" };
        write!(f, "{name} {}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// The version of a program.
    ///
    /// # Errors
    /// When it cannot be run, or is something else.
    pub fn of(program: &Path) -> Result<Self, Command> {
        let output = std::process::Command::new(program)
            .args(["version"])
            .env("CHECKPOINT_DISABLE", "1")
            .env_remove("TF_CLI_CONFIG_FILE")
            .output()
            .map_err(|error| {
                Command::Broken(format!(
                    "{} cannot be run ({error}): install Terraform, or name it in TFPLUGIN_TEST_TERRAFORM",
                    program.display()
                ))
            })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.lines().find_map(Self::read);
        version.ok_or_else(|| Command::Broken(format!("no version in {text:?}")))
    }

    /// `Terraform v1.15.5`, perhaps with more behind the numbers.
    fn read(line: &str) -> Option<Self> {
        let (name, numbers) = line.split_once(" v")?;
        let mut parts = numbers.split('.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part.get(..end)?.parse().ok()
        });
        Some(Self {
            opentofu: name == "OpenTofu",
            major: parts.next()??,
            minor: parts.next()??,
            patch: parts.next()??,
        })
    }
}

/// The versions that a step, a scenario or a feature is for.
///
/// ```
/// use tfplugin::testing::terraform::Versions;
/// let queries = Versions::since(1, 14).terraform_only();
/// let before_identities = Versions::below(1, 12);
/// let between = Versions::since(1, 8).and_below(1, 12);
/// # assert_eq!(queries.to_string(), "Terraform since 1.14");
/// # assert_eq!(before_identities.to_string(), "below 1.12");
/// # assert_eq!(between.to_string(), "since 1.8 and below 1.12");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Versions {
    since: (u32, u32),
    below: Option<(u32, u32)>,
    opentofu: Option<bool>,
}

impl Versions {
    /// All of them.
    pub const ANY: Self = Self {
        since: (0, 0),
        below: None,
        opentofu: None,
    };

    /// This version and later ones.
    pub fn since(major: u32, minor: u32) -> Self {
        Self {
            since: (major, minor),
            ..Self::ANY
        }
    }

    /// Older ones than this.
    pub fn below(major: u32, minor: u32) -> Self {
        Self::ANY.and_below(major, minor)
    }

    /// Of these, only older ones than this.
    #[must_use]
    pub fn and_below(self, major: u32, minor: u32) -> Self {
        Self {
            below: Some((major, minor)),
            ..self
        }
    }

    /// Of these, only Terraform's.
    #[must_use]
    pub fn terraform_only(self) -> Self {
        Self {
            opentofu: Some(false),
            ..self
        }
    }

    /// Of these, only OpenTofu's.
    #[must_use]
    pub fn opentofu_only(self) -> Self {
        Self {
            opentofu: Some(true),
            ..self
        }
    }

    /// Whether a version is among them.
    pub fn contain(&self, version: Version) -> bool {
        let number = (version.major, version.minor);
        number >= self.since
            && self.below.is_none_or(|below| number < below)
            && self.opentofu.is_none_or(|wanted| wanted == version.opentofu)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product = match self.opentofu {
            None => None,
            Some(true) => Some("OpenTofu".to_owned()),
            Some(false) => Some("Terraform".to_owned()),
        };
        let (major, minor) = self.since;
        let since = (self.since != (0, 0)).then(|| format!("since {major}.{minor}"));
        let below = self.below.map(|(major, minor)| format!("below {major}.{minor}"));
        let range: Vec<String> = since.into_iter().chain(below).collect();
        let range = (!range.is_empty()).then(|| range.join(" and "));
        let all: Vec<String> = product.into_iter().chain(range).collect();
        match all.as_slice() {
            [] => f.write_str("any"),
            all => f.write_str(&all.join(" ")),
        }
    }
}

/// The programs to test with: `TFPLUGIN_TEST_TERRAFORM` or the `terraform` on the path, all in
/// `TFPLUGIN_TEST_TERRAFORM_MATRIX` (separated like `PATH`), and OpenTofu when a `tofu` is on the path.
#[allow(clippy::disallowed_methods)] // tests say by environment what to test with
pub fn binaries() -> Vec<PathBuf> {
    let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let mut all: Vec<PathBuf> =
        vec![var("TFPLUGIN_TEST_TERRAFORM").map_or_else(|| PathBuf::from("terraform"), PathBuf::from)];
    if let Some(more) = var("TFPLUGIN_TEST_TERRAFORM_MATRIX") {
        all.extend(std::env::split_paths(&more).filter(|path| !path.as_os_str().is_empty()));
    }
    let path = var("PATH").unwrap_or_default();
    let tofu = format!("tofu{}", std::env::consts::EXE_SUFFIX);
    all.extend(
        std::env::split_paths(&path)
            .map(|directory| directory.join(&tofu))
            .find(|file| file.is_file()),
    );
    all
}

/// Of these programs one of each version, and every OpenTofu; for tests that must see certain versions of Terraform.
///
/// # Errors
/// Names the versions that are missing: a test that ran with fewer would say less than it seems to.
pub fn matrix(
    programs: impl IntoIterator<Item = PathBuf>,
    wanted: &[(u32, u32)],
) -> Result<Vec<(PathBuf, Version)>, String> {
    let mut found: Vec<(PathBuf, Version)> = Vec::new();
    let mut broken = Vec::new();
    for program in programs {
        match Version::of(&program) {
            Ok(version) if found.iter().all(|(_, known)| *known != version) => found.push((program, version)),
            Ok(_) => {}
            Err(error) => broken.push(error.to_string()),
        }
    }
    let missing: Vec<String> = wanted
        .iter()
        .filter(|wanted| {
            let same = |(_, version): &(PathBuf, Version)| {
                !version.opentofu && (version.major, version.minor) == **wanted
            };
            !found.iter().any(same)
        })
        .map(|(major, minor)| format!("Terraform {major}.{minor}"))
        .collect();
    if missing.is_empty() {
        return Ok(found);
    }
    let there: Vec<String> = found.iter().map(|(_, version)| version.to_string()).collect();
    Err(format!(
        "{} is missing among the programs to test with (there is {}{}{}): name them in \
         TFPLUGIN_TEST_TERRAFORM_MATRIX",
        missing.join(" and "),
        if there.is_empty() {
            "none".to_owned()
        } else {
            there.join(", ")
        },
        if broken.is_empty() { "" } else { "; " },
        broken.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_programs_print() {
        let read = |line: &str| Version::read(line).map(|version| version.to_string());
        assert_eq!(read("Terraform v1.15.5").as_deref(), Some("Terraform 1.15.5"));
        assert_eq!(read("OpenTofu v1.10.0-rc1").as_deref(), Some("OpenTofu 1.10.0"));
        assert_eq!(read("on linux_amd64"), None);
        assert_eq!(read("Your version is out of date"), None);
    }

    #[test]
    fn ranges_end_before_their_upper_bound() {
        let version = |line: &str| Version::read(line).unwrap();
        let (old, new, tofu) = (
            version("Terraform v1.11.4"),
            version("Terraform v1.15.5"),
            version("OpenTofu v1.11.1"),
        );
        let within = |versions: Versions| [old, new, tofu].map(|version| versions.contain(version));
        assert_eq!(within(Versions::ANY), [true, true, true]);
        assert_eq!(within(Versions::since(1, 12)), [false, true, false]);
        assert_eq!(within(Versions::since(1, 11)), [true, true, true]);
        assert_eq!(within(Versions::below(1, 15)), [true, false, true]);
        assert_eq!(
            within(Versions::since(1, 11).and_below(1, 12)),
            [true, false, true]
        );
        assert_eq!(within(Versions::ANY.terraform_only()), [true, true, false]);
        assert_eq!(
            within(Versions::since(1, 0).opentofu_only()),
            [false, false, true]
        );
    }

    #[test]
    fn a_version_that_is_missing_is_named() {
        let problem = matrix([PathBuf::from("/no/such/terraform")], &[(1, 11)]).unwrap_err();
        assert!(problem.starts_with("Terraform 1.11 is missing"), "{problem}");
        assert!(problem.contains("/no/such/terraform cannot be run"), "{problem}");
    }
}
