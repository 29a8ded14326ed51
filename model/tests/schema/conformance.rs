//! Our schema beside what AWS published: the API's service model and the CloudFormation resource types.
//!
//! Both are walked side by side with ours. Whatever differs must be covered by a rule that says why; a rule that
//! covers nothing is stale and fails too.

mod api;
mod cloudformation;

use serde_json::Value as Json;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// One difference at one place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// The kind and the canonical pointer, list positions left out: `route/spec/priority`.
    pub(super) place: String,
    pub(super) what: Mismatch,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mismatch {
    /// The field is only in ours.
    OnlyOurs,
    /// The field is only in theirs.
    OnlyTheirs,
    /// We require it, they do not.
    WeRequire,
    /// They require it, we do not.
    TheyRequire,
    /// A keyword with our value and theirs.
    Keyword(&'static str, String, String),
}

/// Why a difference is right.
pub(super) struct Rule {
    pub(super) why: &'static str,
    pub(super) covers: fn(&Difference) -> bool,
}

/// Fails for each difference without a rule and for each rule without a difference.
pub(super) fn hold(differences: &[Difference], rules: &[Rule]) {
    let without: Vec<String> = differences
        .iter()
        .filter(|d| !rules.iter().any(|rule| (rule.covers)(d)))
        .map(|d| format!("{}: {:?}", d.place, d.what))
        .collect();
    assert!(
        without.is_empty(),
        "{} differences without a rule:\n{}",
        without.len(),
        without.join("\n")
    );
    for rule in rules {
        assert!(
            differences.iter().any(rule.covers),
            "no difference needs this rule: {}",
            rule.why
        );
    }
}

/// What AWS published, from the packages of the tests' Python.
pub(super) fn published() -> &'static Json {
    static PUBLISHED: OnceLock<Json> = OnceLock::new();
    PUBLISHED.get_or_init(|| {
        let python = std::env::var_os("MESHFORM_PYTHON").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools/bin/python")),
            PathBuf::from,
        );
        let output = Command::new(&python)
            .args(["-c", include_str!("published.py")])
            .stderr(Stdio::inherit())
            .output()
            .unwrap_or_else(|e| panic!("{}: {e}; `cargo xtask tools` puts it there", python.display()));
        assert!(
            output.status.success(),
            "{} needs botocore and cfn-lint",
            python.display()
        );
        serde_json::from_slice(&output.stdout).unwrap()
    })
}
