//! The one place that prints.
//!
//! A reader that went away (`cargo xtask … | head`) is no reason to fail: errors of writing are dropped.

use std::io::{self, Write};

/// Text as it is, on standard output, at once.
pub(crate) fn text(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// One line on standard output.
pub(crate) fn line(line: &str) {
    text(&format!("{line}\n"));
}

/// One error on standard error.
pub(crate) fn error(message: &str) {
    let _ = io::stderr().write_all(format!("error: {}\n", message.trim_end()).as_bytes());
}
