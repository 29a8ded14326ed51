//! `meshform install-provider`: puts the provider where the implied local mirrors of Terraform and OpenTofu find it.

mod configuration;
mod plugin_hosts;

use crate::codes;
use crate::exit::Exit;
use crate::io::Io;
use crate::render;
use meshform_model::diag::{Diagnostic, Sources};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The provider's source address, as the mirror's folders say it below the registry's name.
const ADDRESS: [&str; 2] = ["meshform", "appmesh"];
/// How the provider's file is called.
const PROGRAM: &str = "terraform-provider-appmesh";

/// Put the Terraform provider where `terraform init` and `tofu init` find it without a registry
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The provider's file; without it, the one beside this program
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// The plugin folder; without it, the first of Terraform's own
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    match install(arguments, io) {
        Ok(targets) => {
            for target in targets {
                io.print(&format!("installed {}\n", target.display()));
            }
            io.print("use it with:\n\n");
            io.print(&usage());
            let hidden = match (&arguments.dir, plugin_hosts::plugins(io)) {
                (None, Some(plugins)) => configuration::hides(io, &plugins),
                // A folder of the user's own choice is looked into only when the configuration says so.
                _ => Vec::new(),
            };
            if hidden.is_empty() {
                return Exit::Fine;
            }
            render::tell(io, &Sources::default(), &hidden);
            Exit::Found
        }
        Err(problem) => render::refused(io, *problem),
    }
}

fn usage() -> String {
    format!(
        "terraform {{\n  required_providers {{\n    appmesh = {{\n      source  = \"meshform/appmesh\"\n      version = \
         \"{}\"\n    }}\n  }}\n}}\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// One file for each registry: a source address without a host means another one to each program.
fn install(arguments: &Arguments, io: &Io) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let source = source(arguments, io)?;
    let plugins = match &arguments.dir {
        Some(dir) => io.path(dir),
        None => plugin_hosts::plugins(io).ok_or_else(|| {
            Box::new(
                Diagnostic::error(codes::CANNOT_WRITE, "there is no home folder: `HOME` is not set")
                    .help("give a plugin folder with `--dir DIR`"),
            )
        })?,
    };
    let version = env!("CARGO_PKG_VERSION");
    let suffix = std::env::consts::EXE_SUFFIX;
    let mut targets = Vec::new();
    for place in &plugin_hosts::PLUGIN_HOSTS {
        let mut folder = plugins.join(place.registry);
        folder.extend(ADDRESS);
        folder.push(version);
        folder.push(plugin_hosts::platform());
        let target = folder.join(format!("{PROGRAM}_v{version}{suffix}"));
        copy(&source, &folder, &target).map_err(|error| {
            Box::new(Diagnostic::error(
                codes::CANNOT_WRITE,
                format!("`{}` cannot be written: {error}", target.display()),
            ))
        })?;
        targets.push(target);
    }
    Ok(targets)
}

/// The provider's file: the one that was named, or the one beside this program.
fn source(arguments: &Arguments, io: &Io) -> Result<PathBuf, Box<Diagnostic>> {
    let (path, help) = match &arguments.binary {
        Some(binary) => (
            io.path(binary),
            "give the provider's file with `--binary FILE`".to_owned(),
        ),
        None => {
            // As it is built, or as the release archive has it.
            let suffix = std::env::consts::EXE_SUFFIX;
            let version = env!("CARGO_PKG_VERSION");
            let names = [
                format!("{PROGRAM}{suffix}"),
                format!("{PROGRAM}_v{version}{suffix}"),
            ];
            let beside = io.program.as_ref().and_then(|program| program.parent());
            let paths = names.map(|name| {
                beside
                    .map(|folder| folder.join(&name))
                    .unwrap_or_else(|| name.into())
            });
            let there = paths
                .iter()
                .find(|path| path.is_file())
                .or(paths.first())
                .cloned();
            (
                there.unwrap_or_default(),
                "unpack the provider's release archive beside this program, build it with `cargo build -p \
                 terraform-provider-appmesh`, or give it with `--binary FILE`"
                    .to_owned(),
            )
        }
    };
    match fs::metadata(&path) {
        Ok(meta) if meta.is_file() && meta.len() > 0 => Ok(path),
        Ok(_) => Err(not_there(&path, "is not a program", help)),
        Err(error) => Err(not_there(&path, &format!("cannot be read: {error}"), help)),
    }
}

fn not_there(path: &Path, why: &str, help: String) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(
            codes::CANNOT_READ,
            format!("the provider `{}` {why}", path.display()),
        )
        .help(help),
    )
}

/// A running Terraform may hold the old file: the new one is written beside it and renamed over it.
fn copy(source: &Path, folder: &Path, target: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let staged = folder.join(format!(".{PROGRAM}.{}", std::process::id()));
    let result = (|| {
        let mut file = fs::File::create(&staged)?;
        std::io::copy(&mut fs::File::open(source)?, &mut file)?;
        file.flush()?;
        file.sync_all()?;
        executable(&staged)?;
        fs::rename(&staged, target)
    })();
    if result.is_err() {
        let _ = fs::remove_file(&staged);
    }
    result
}

#[cfg(unix)]
fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
