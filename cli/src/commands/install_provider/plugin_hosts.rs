//! Where Terraform and OpenTofu look for plugins that nobody configured, and what they read first.

use crate::io::Io;
use std::path::PathBuf;

/// A program that uses providers.
pub(super) struct PluginHost {
    pub(super) program: &'static str,
    /// The registry that a source address without a host means.
    pub(super) registry: &'static str,
    /// Its configuration file in the home folder; on Windows in `%APPDATA%`. The first that is there counts.
    files: &'static [&'static str],
}

/// Both programs take plugins from the same folder.
pub(super) const PLUGIN_HOSTS: [PluginHost; 2] = [
    PluginHost {
        program: "Terraform",
        registry: "registry.terraform.io",
        files: if cfg!(windows) {
            &["terraform.rc"]
        } else {
            &[".terraformrc"]
        },
    },
    PluginHost {
        program: "OpenTofu",
        registry: "registry.opentofu.org",
        files: if cfg!(windows) {
            &["tofu.rc", "terraform.rc"]
        } else {
            &[".tofurc", ".terraformrc"]
        },
    },
];

/// The configuration file of a program, whether or not it is there.
pub(super) fn main_file(io: &Io, place: &PluginHost) -> Option<PathBuf> {
    let folder = if cfg!(windows) {
        io.var("APPDATA").map(PathBuf::from)
    } else {
        home(io)
    };
    let there = folder.and_then(|folder| {
        let files = place.files.iter().map(|name| folder.join(name));
        files.into_iter().find(|path| path.is_file())
    });
    there.or_else(|| {
        // OpenTofu alone follows XDG, where nothing of the older kind is there.
        let config = io.var("XDG_CONFIG_HOME").filter(|value| !value.is_empty())?;
        let follows = place.program == "OpenTofu" && !cfg!(windows);
        follows.then(|| PathBuf::from(config).join("opentofu/tofurc"))
    })
}

/// The first of the implied local mirrors for this user, `None` without a home folder.
///
/// Terraform looks into `plugins` of its configuration folder on every platform; the XDG data folders come
/// after it, so nothing there can hide what is put here.
pub(super) fn plugins(io: &Io) -> Option<PathBuf> {
    configuration_folder(io).map(|folder| folder.join("plugins"))
}

/// Where Terraform keeps the user's plugins: `~/.terraform.d`, on Windows `%APPDATA%\terraform.d`. None without a home.
pub(super) fn configuration_folder(io: &Io) -> Option<PathBuf> {
    if cfg!(windows) {
        return io
            .var("APPDATA")
            .map(|data| PathBuf::from(data).join("terraform.d"));
    }
    home(io).map(|home| home.join(".terraform.d"))
}

fn home(io: &Io) -> Option<PathBuf> {
    io.var("HOME").map(PathBuf::from)
}

/// The platform as Terraform writes it: `linux_amd64`.
pub(super) fn platform() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    format!("{os}_{arch}")
}
