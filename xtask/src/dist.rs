//! `cargo xtask dist`: release archives as the Terraform registry wants them, as `meshform` is handed out, and as AWS Lambda
//! takes the function for CloudFormation.
//!
//! With `--oci` an OCI image layout with the agent instead.
//!
//! Linux programs are static, because Terraform's own images are Alpine: by musl where that target is installed
//! (`rustup target add x86_64-unknown-linux-musl`), else by linking glibc statically. A Debian package for each Linux and a
//! Homebrew formula for all archives are made of the same programs. The last steps take the archives for this machine as a
//! user would: out of a filesystem mirror, by `terraform init` and `terraform plan`, and on a root file system with nothing
//! else on it.

mod elf;
mod formula;
mod oci;
mod platform;
mod trial;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::cargo::cargo;
use crate::checkout::Checkout;
use crate::command;
use crate::failure::{Failure, Result};
use crate::out;
use crate::tools::{self, Tool};
use crate::work::{WorkDir, target};
use platform::Platform;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const PROVIDER: &str = "terraform-provider-appmesh";
const COMMAND: &str = "meshform";
/// The function of AWS Lambda, which runs Linux alone, and starts a program of this name.
const FUNCTION: &str = "meshform-cfn";
const BOOTSTRAP: &str = "bootstrap";
const AGENT: &str = "meshform-agent";
const PROGRAMS: [&str; 4] = [PROVIDER, COMMAND, AGENT, FUNCTION];
const MANIFEST: &str = "terraform-registry-manifest.json";
const PACK: &str = include_str!("dist/pack.py");

const USE: &str =
    "cargo xtask dist [--target TRIPLE]… [--profile NAME] [--oci [--envoy PROGRAM [--base LAYOUT]]]";

#[derive(Debug, PartialEq, Eq)]
struct DistArguments {
    /// Cargo's profile: `release`, unless somebody only wants to see the archives.
    profile: String,
    /// Rust's names of the platforms; empty for what is installed here.
    targets: Vec<String>,
    /// Images instead of archives, and the Envoy that stands in them.
    images: Option<oci::Envoy>,
}

pub(crate) fn run(checkout: &Checkout, arguments: &[String]) -> Result<bool> {
    let wish = wish(arguments)?;
    let platforms = platform::chosen(&wish.targets)?;
    let folder = target()?.join("dist").join(VERSION);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(Failure::io("make", &folder))?;
    if let Some(envoy) = &wish.images {
        let mut agents = Vec::new();
        for platform in platforms.into_iter().filter(|platform| platform.os() == "linux") {
            let built = compile(checkout, &wish.profile, &platform, &[AGENT])?;
            agents.push((platform, built.join(AGENT)));
        }
        return oci::write(checkout, &agents, envoy, &folder).map(|()| true);
    }
    let mut archives = Vec::new();
    for platform in &platforms {
        archives.extend(build(checkout, &wish.profile, platform, &folder)?);
    }
    let manifest = folder.join(format!("{PROVIDER}_{VERSION}_manifest.json"));
    fs::copy(checkout.root().join(MANIFEST), &manifest).map_err(Failure::io("write", &manifest))?;
    let mut digests = BTreeMap::new();
    for name in PROGRAMS {
        let own: Vec<&Archive> = archives
            .iter()
            .filter(|archive| archive.program == name)
            .collect();
        let also: &[&Path] = if name == PROVIDER { &[&manifest] } else { &[] };
        // One package has all three programs.
        let debs = if name == COMMAND {
            debs(&archives, &folder)
        } else {
            Vec::new()
        };
        let sums = pack(checkout, &own, &debs, also)?;
        digests.extend(sums.lines().filter_map(|line| {
            let (digest, name) = line.split_once("  ")?;
            Some((name.to_owned(), digest.to_owned()))
        }));
        let place = folder.join(format!("{name}_{VERSION}_SHA256SUMS"));
        fs::write(&place, sums).map_err(Failure::io("write", &place))?;
    }
    let formula = folder.join("meshform.rb");
    fs::write(&formula, formula::text(&digests)).map_err(Failure::io("write", &formula))?;
    list(&folder)?;
    out::line(&format!(
        "\nNothing is signed. Before publishing: gpg --detach-sign {PROVIDER}_{VERSION}_SHA256SUMS"
    ));
    let own = archives
        .iter()
        .find(|archive| archive.program == PROVIDER && archive.platform.is_here());
    let Some(own) = own else {
        out::line("None of the archives is for this machine, so none was tried.");
        return Ok(true);
    };
    let terraform = tools::ensure(checkout, &[Tool::Terraform])?.path(Tool::Terraform);
    let said = trial::trial(&terraform, &own.path, WorkDir::fresh("dist")?.path())?;
    out::line(&format!("Tried from a filesystem mirror: {said}"));
    let here: Vec<&Archive> = archives.iter().filter(|one| one.platform.is_here()).collect();
    // The provider was tried above, and the function is started by AWS Lambda alone.
    let by_hand = |one: &&&Archive| one.program != PROVIDER && one.program != FUNCTION;
    for archive in here.iter().filter(by_hand) {
        let work = WorkDir::fresh("dist-bare")?;
        let said = trial::bare(&archive.binary, archive.program, work.path())?;
        out::line(&format!("Tried on a bare root file system: {said}"));
    }
    Ok(true)
}

/// One archive, and what goes into it.
struct Archive {
    program: &'static str,
    platform: Platform,
    path: PathBuf,
    binary: PathBuf,
    /// The name of the program in it.
    inside: String,
}

/// A Debian package of all programs, for each Linux.
fn debs(archives: &[Archive], folder: &Path) -> Vec<serde_json::Value> {
    let commands = archives
        .iter()
        .filter(|one| one.program == COMMAND && one.platform.os() == "linux");
    let deb = |command: &Archive| {
        let arch = command.platform.arch();
        let programs = archives
            .iter()
            .filter(|one| one.platform.triple() == command.platform.triple() && one.program != FUNCTION);
        let members: Vec<_> = programs
            .map(|one| json!({"name": format!("usr/bin/{}", one.program), "from": one.binary, "mode": "755"}))
            .collect();
        let control = format!(
            "Package: meshform\nVersion: {VERSION}\nArchitecture: {arch}\nMaintainer: The meshform authors\nSection: net\n\
             Priority: optional\nHomepage: https://github.com/meshform/meshform\nDescription: AWS App Mesh's model, without \
             AWS\n The command, the agent beside Envoy, and the Terraform provider. `meshform\n install-provider` puts the provider \
             where Terraform finds it.\n"
        );
        json!({
            "path": folder.join(format!("meshform_{VERSION}_{arch}.deb")),
            "control": control,
            "members": members,
        })
    };
    commands.map(deb).collect()
}

/// Builds programs for a platform, static on Linux; the folder in which they are.
fn compile(checkout: &Checkout, profile: &str, platform: &Platform, programs: &[&str]) -> Result<PathBuf> {
    out::line(&format!("building for {} ({profile})", platform.triple()));
    let mut command = cargo(checkout);
    command.args(["build", "--profile", profile, "--target", platform.triple()]);
    // By their packages: not all of them are what a plain build makes.
    command.args(
        programs
            .iter()
            .flat_map(|program| ["--package", program, "--bin", program]),
    );
    if platform.needs_static_flag() {
        // With `--target` cargo keeps these flags from build scripts and macros, which cannot be static.
        command.env("RUSTFLAGS", "-C target-feature=+crt-static");
    }
    if !command::stream(&mut command)?.success() {
        return Err(Failure::new(format!("cannot build for {}", platform.triple())));
    }
    let profile_folder = if profile == "dev" { "debug" } else { profile };
    let built = target()?.join(platform.triple()).join(profile_folder);
    for program in programs.iter().filter(|_| platform.os() == "linux") {
        let binary = built.join(program);
        let bytes = fs::read(&binary).map_err(Failure::io("read", &binary))?;
        if elf::interpreter(&bytes).is_some() {
            return Err(Failure::new(format!("{} is not static", binary.display()))
                .help("install a musl target: rustup target add x86_64-unknown-linux-musl"));
        }
    }
    Ok(built)
}

/// Builds the programs for a platform.
fn build(checkout: &Checkout, profile: &str, platform: &Platform, folder: &Path) -> Result<Vec<Archive>> {
    let programs: Vec<&'static str> = PROGRAMS.into_iter().filter(|name| platform.runs(name)).collect();
    let built = compile(checkout, profile, platform, &programs)?;
    let (os, arch) = (platform.os(), platform.arch());
    let mut archives = Vec::new();
    for program in programs {
        let binary = built.join(format!("{program}{}", platform.suffix()));
        let inside = match program {
            PROVIDER => format!("{PROVIDER}_v{VERSION}{}", platform.suffix()),
            FUNCTION => BOOTSTRAP.to_owned(),
            other => format!("{other}{}", platform.suffix()),
        };
        archives.push(Archive {
            program,
            platform: platform.clone(),
            path: folder.join(format!("{program}_{VERSION}_{os}_{arch}.zip")),
            binary,
            inside,
        });
    }
    Ok(archives)
}

/// Packs archives, and gives the lines of `SHA256SUMS` for them and for other files.
fn pack(
    checkout: &Checkout,
    archives: &[&Archive],
    debs: &[serde_json::Value],
    also: &[&Path],
) -> Result<String> {
    let licence = checkout.root().join("LICENSE");
    let archives: Vec<_> = archives
        .iter()
        .map(|archive| {
            json!({
                "path": archive.path,
                "members": [
                    {"name": archive.inside, "from": archive.binary, "mode": "755"},
                    {"name": "LICENSE", "from": licence, "mode": "644"},
                ],
            })
        })
        .collect();
    let order = json!({"archives": archives, "debs": debs, "also": also}).to_string();
    let python = tools::ensure(checkout, &[Tool::Python])?.path(Tool::Python);
    let mut packer = Command::new(python);
    packer
        .args(["-c", PACK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let failed = |error: std::io::Error| Failure::new(format!("cannot pack the archives: {error}"));
    let mut running = packer.spawn().map_err(failed)?;
    if let Some(mut stdin) = running.stdin.take() {
        stdin.write_all(order.as_bytes()).map_err(failed)?;
    }
    let done = running.wait_with_output().map_err(failed)?;
    if !done.status.success() {
        return Err(Failure::new("cannot pack the archives"));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

fn list(folder: &Path) -> Result<()> {
    out::line(&format!("\nin {}:", folder.display()));
    let entries = fs::read_dir(folder).map_err(Failure::io("read", folder))?;
    let mut lines: Vec<String> = entries
        .flatten()
        .map(|entry| {
            let size = entry
                .metadata()
                .map(|metadata| metadata.len())
                .unwrap_or_default();
            format!(
                "  {:>8.1} KiB  {}",
                size as f64 / 1024.0,
                entry.file_name().to_string_lossy()
            )
        })
        .collect();
    lines.sort_by_key(|line| line.split("KiB").nth(1).map(str::to_owned));
    out::line(&lines.join("\n"));
    Ok(())
}

fn wish(arguments: &[String]) -> Result<DistArguments> {
    let mut wish = DistArguments {
        profile: "release".to_owned(),
        targets: Vec::new(),
        images: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            let value = rest.next().cloned();
            value.ok_or_else(|| Failure::new(format!("{argument} needs a value")))
        };
        match argument.as_str() {
            "--profile" => wish.profile = value()?,
            "--target" => wish.targets.push(value()?),
            "--oci" => drop(wish.images.get_or_insert_default()),
            "--envoy" => wish.images.get_or_insert_default().program = Some(value()?.into()),
            "--base" => wish.images.get_or_insert_default().base = Some(value()?.into()),
            other => {
                return Err(Failure::new(format!("`{other}` is not understood")).help(USE));
            }
        }
    }
    if wish
        .images
        .as_ref()
        .is_some_and(|envoy| envoy.base.is_some() && envoy.program.is_none())
    {
        return Err(Failure::new("--base is for an Envoy, and --envoy names none").help(USE));
    }
    Ok(wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_profile_are_understood_and_nothing_else() {
        let wish = |text: &str| super::wish(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(wish("").unwrap().profile, "release");
        let both = wish("--target a --profile dev --target b").unwrap();
        assert_eq!((both.profile.as_str(), both.targets.len()), ("dev", 2));
        assert!(wish("--target").is_err());
        let images = wish("--oci --envoy e --base b").unwrap().images.unwrap();
        assert_eq!(
            (images.program, images.base),
            (Some("e".into()), Some("b".into()))
        );
        assert!(wish("--base b").is_err());
        assert!(
            wish("now")
                .unwrap_err()
                .to_string()
                .contains("`now` is not understood")
        );
    }

    #[test]
    fn the_manifest_says_the_protocol_that_the_provider_speaks() {
        let manifest = include_str!("../../terraform-registry-manifest.json");
        let manifest: serde_json::Value = serde_json::from_str(manifest).unwrap();
        assert_eq!(manifest["version"], 1);
        assert_eq!(manifest["metadata"]["protocol_versions"], json!(["6.0"]));
    }
}
