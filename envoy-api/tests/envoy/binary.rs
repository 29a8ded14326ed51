//! The real Envoy: where it is, and what it says about a configuration.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The binary: `MESHFORM_ENVOY`, else `envoy` on the path, else the one that `cargo xtask tools` keeps.
pub(crate) fn envoy() -> PathBuf {
    if let Some(path) = std::env::var_os("MESHFORM_ENVOY") {
        return PathBuf::from(path);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin");
    std::env::split_paths(&path)
        .chain([kept])
        .map(|directory| directory.join("envoy"))
        .find(|file| file.is_file())
        .expect("no envoy here: run `cargo xtask tools`, or set MESHFORM_ENVOY")
}

/// What `--mode validate` says about a bootstrap, and whether it was content.
pub(crate) fn validate(bootstrap: &Path) -> (bool, String) {
    let output = Command::new(envoy())
        .args(["--mode", "validate", "--disable-hot-restart", "-l", "info", "-c"])
        .arg(bootstrap)
        .output()
        .expect("envoy does not start: run `cargo xtask tools`, or set MESHFORM_ENVOY");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}
