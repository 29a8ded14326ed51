//! What we build on: under licences that we can pass on, and without crates that we do not want.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test program")]

#[allow(dead_code, reason = "each test program uses its part")]
mod common;
#[path = "licences/expression.rs"]
mod expression;

use common::{list, members, metadata, none, text};
use expression::Expression;

/// Licences that let anyone ship a binary of ours by passing on their texts.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    // Of data: the certificates that Mozilla ships.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not come in, by whatever way, and why.
const BANNED: &[(&str, &str)] = &[
    (
        "aws-lc-rs",
        "TLS is ring: aws-lc needs a C toolchain with cmake on every platform",
    ),
    (
        "aws-lc-sys",
        "TLS is ring: aws-lc needs a C toolchain with cmake on every platform",
    ),
    ("openssl", "TLS is rustls"),
    (
        "openssl-sys",
        "TLS is rustls: a static binary must not look for the system's OpenSSL",
    ),
    ("native-tls", "TLS is rustls"),
    ("serde_yaml", "unmaintained, and it guesses types"),
    ("serde_yml", "unsound"),
];

#[test]
fn every_crate_has_a_licence_that_we_can_pass_on() {
    let metadata = metadata();
    let mut complaints = Vec::new();
    for package in list(metadata, "packages") {
        let name = format!("{} {}", text(package, "name"), text(package, "version"));
        match Expression::parse(text(package, "license")) {
            Ok(licence) if licence.allows(&|name| ALLOWED.contains(&name)) => {}
            Ok(_) => complaints.push(format!("{name}: {}", text(package, "license"))),
            Err(error) => complaints.push(format!("{name}: {error} in `{}`", text(package, "license"))),
        }
    }
    none(&complaints);
}

#[test]
fn our_own_crates_are_apache() {
    let metadata = metadata();
    for package in members(metadata) {
        assert_eq!(
            text(package, "license"),
            "Apache-2.0",
            "{}",
            text(package, "name")
        );
    }
    let licence = std::fs::read_to_string(common::root().join("LICENSE")).unwrap();
    assert!(licence.contains("Apache License") && licence.contains("Version 2.0"));
}

#[test]
fn no_crate_that_we_do_not_want() {
    let metadata = metadata();
    // The graph, and not the list of packages: that also has what is only there for features that are off.
    let nodes = list(&metadata["resolve"], "nodes");
    assert!(nodes.len() > 20, "the graph is not there");
    let mut complaints = Vec::new();
    for package in list(metadata, "packages") {
        let in_graph = nodes.iter().any(|node| node["id"] == package["id"]);
        let banned = BANNED.iter().find(|(name, _)| text(package, "name") == *name);
        if let (true, Some((name, reason))) = (in_graph, banned) {
            complaints.push(format!(
                "{name}: {reason} (`cargo tree -i {name}` shows who brings it)"
            ));
        }
    }
    none(&complaints);
}
