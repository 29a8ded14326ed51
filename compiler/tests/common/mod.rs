//! What several test programs need: inputs as resources, and cfn-lint.

#![allow(clippy::unwrap_used, clippy::panic, reason = "only tests use it")]

use meshform_compiler::frontend::{self, Input, Options};
use meshform_model::resource::Resource;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The resources of an input of `tests/inputs`; problems fail the test.
#[allow(dead_code)]
pub(crate) fn resources(name: &str) -> Vec<Resource> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/inputs")
        .join(name);
    let input = Input {
        name: name.to_owned(),
        bytes: std::fs::read(path).unwrap(),
        named: true,
    };
    read(input)
}

/// The resources of a text.
#[allow(dead_code)]
pub(crate) fn read(input: Input) -> Vec<Resource> {
    let reading = frontend::read(vec![input], &Options::default());
    assert_eq!(reading.all_problems(), [], "the input is fine");
    let (resources, problems) = reading.resources();
    assert_eq!(problems, []);
    resources
}

/// What cfn-lint says of a template: the rules that it breaks, each once, with its first line.
#[allow(dead_code)]
pub(crate) fn cfn_lint(template: &serde_json::Value) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.json");
    std::fs::write(&path, format!("{template:#}")).unwrap();
    cfn_lint_file(&path)
}

/// The same of a template that stands in a file.
#[allow(dead_code)]
pub(crate) fn cfn_lint_file(path: &Path) -> Vec<String> {
    let program = program();
    let output = Command::new(&program)
        .args([
            "--format",
            "parseable",
            "--non-zero-exit-code",
            "none",
            "--template",
        ])
        .arg(path)
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "cfn-lint is needed and `{}` does not run: {error}. Install it with `cargo xtask tools` or \
                 `pip install cfn-lint==1.58.0`, or name it in MESHFORM_CFN_LINT",
                program.display()
            )
        });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let text = String::from_utf8_lossy(&output.stdout);
    // `file:line:column:line:column:rule:message`
    let mut told: Vec<String> = text
        .lines()
        .filter_map(|line| line.splitn(6, ':').nth(5).map(str::to_owned))
        .collect();
    told.sort();
    told.dedup_by_key(|line| line.split(':').next().unwrap().to_owned());
    told
}

fn program() -> PathBuf {
    if let Ok(path) = std::env::var("MESHFORM_CFN_LINT") {
        return path.into();
    }
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin/cfn-lint");
    if ours.exists() { ours } else { "cfn-lint".into() }
}
