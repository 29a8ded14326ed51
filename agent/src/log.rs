//! Lines for whoever reads the container's log.

use std::io::Write as _;
use std::time::SystemTime;

/// What is as it should be.
pub(crate) fn info(text: &str) {
    line("info", text);
}

/// What somebody should look at.
pub(crate) fn warn(text: &str) {
    line("warning", text);
}

/// What keeps the proxy from its work.
pub(crate) fn error(text: &str) {
    line("error", text);
}

fn line(level: &str, text: &str) {
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    // A log that cannot be written is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{now} meshform-agent {level}: {text}");
}
