//! Names that are safe as parts of a path, on disk and in a bucket.

use crate::digest::Digest;
use std::fmt::Write as _;

/// Longer names than this get a hash in place of their end: file systems take 255 bytes, and `.json` follows.
const MAX: usize = 200;

/// A name as one part of a path: what is not a letter, a digit, `-`, `_` or `.` is percent-encoded, also a leading
/// dot, so that no name means a folder above or a hidden file.
pub fn file_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && at > 0);
        if plain {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    if out.is_empty() {
        out.push_str("%00");
    }
    if out.len() > MAX {
        out.truncate(MAX);
        out.push('~');
        out.push_str(Digest::of(name.as_bytes()).short());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_safe_and_stay_apart() {
        assert_eq!(
            file_name("cds_egress_apps_serviceb_http_80"),
            "cds_egress_apps_serviceb_http_80"
        );
        assert_eq!(file_name("a.b"), "a.b");
        assert_eq!(file_name(".."), "%2E.");
        assert_eq!(file_name("a/b\\c:%"), "a%2Fb%5Cc%3A%25");
        assert_eq!(file_name("ü"), "%C3%BC");
        let long = "x".repeat(255);
        let names = [
            file_name(&long),
            file_name(&format!("{long}y")),
            file_name(""),
            file_name("\0"),
        ];
        assert!(names.iter().all(|name| name.len() < 255 && !name.contains('/')));
        assert_eq!(
            names.iter().collect::<BTreeSet<_>>().len(),
            3,
            "only the empty name meets a lone NUL"
        );
    }
}
