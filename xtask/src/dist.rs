//! `cargo xtask dist`: release archives as the Terraform registry wants them, and as `meshform` is handed out.
//!
//! With `--oci` an OCI image layout with the agent instead.
//!
//! Linux programs are static, because Terraform's own images are Alpine: by musl where that target is installed
//! (`rustup target add x86_64-unknown-linux-musl`), else by linking glibc statically. The last step takes the archive
//! for this machine as a user would: out of a filesystem mirror, by `terraform init` and `terraform plan`.

mod elf;
mod oci;
mod platform;
mod trial;

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
const AGENT: &str = "meshform-agent";
const MANIFEST: &str = "terraform-registry-manifest.json";
const PACK: &str = include_str!("dist/pack.py");

const USE: &str =
    "cargo xtask dist [--target TRIPLE]… [--profile NAME] [--oci [--envoy PROGRAM [--base LAYOUT]]]";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
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
    for name in [PROVIDER, COMMAND] {
        let own = |archive: &&Archive| archive.program == name;
        let also: &[&Path] = if name == PROVIDER { &[&manifest] } else { &[] };
        let sums = pack(checkout, archives.iter().filter(own), also)?;
        let place = folder.join(format!("{name}_{VERSION}_SHA256SUMS"));
        fs::write(&place, sums).map_err(Failure::io("write", &place))?;
    }
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

/// Builds programs for a platform, static on Linux; the folder in which they are.
fn compile(checkout: &Checkout, profile: &str, platform: &Platform, programs: &[&str]) -> Result<PathBuf> {
    out::line(&format!("building for {} ({profile})", platform.triple()));
    let mut command = cargo(checkout);
    command.args(["build", "--profile", profile, "--target", platform.triple()]);
    command.args(programs.iter().flat_map(|program| ["--bin", program]));
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

/// Builds both programs for a platform.
fn build(checkout: &Checkout, profile: &str, platform: &Platform, folder: &Path) -> Result<Vec<Archive>> {
    let built = compile(checkout, profile, platform, &[PROVIDER, COMMAND])?;
    let (os, arch) = (platform.os(), platform.arch());
    let mut archives = Vec::new();
    for program in [PROVIDER, COMMAND] {
        let binary = built.join(format!("{program}{}", platform.suffix()));
        let versioned = if program == PROVIDER {
            format!("_v{VERSION}")
        } else {
            String::new()
        };
        archives.push(Archive {
            program,
            platform: platform.clone(),
            path: folder.join(format!("{program}_{VERSION}_{os}_{arch}.zip")),
            binary,
            inside: format!("{program}{versioned}{}", platform.suffix()),
        });
    }
    Ok(archives)
}

/// Packs archives, and gives the lines of `SHA256SUMS` for them and for other files.
fn pack<'a>(
    checkout: &Checkout,
    archives: impl Iterator<Item = &'a Archive>,
    also: &[&Path],
) -> Result<String> {
    let licence = checkout.root().join("LICENSE");
    let archives: Vec<_> = archives
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
    let order = json!({"archives": archives, "also": also}).to_string();
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

fn wish(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish {
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
