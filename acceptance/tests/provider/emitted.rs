//! Configuration that `meshform convert` writes is as Terraform would have it: formatted, and valid.

use crate::world::World;
use meshform_acceptance::tools;
use std::path::Path;
use std::process::Command;

/// Inputs of every form, seen from this crate.
const INPUTS: [&str; 4] = [
    "../examples/mesh.yaml",
    "../compiler/tests/inputs/extensions.yaml",
    "../compiler/tests/inputs/seven-kinds.tfstate",
    "../cli/tests/kubernetes/shop.yaml",
];

#[test]
fn emitted_configuration_is_formatted_and_valid() {
    let world = World::new("");
    for input in INPUTS {
        let input = Path::new(env!("CARGO_MANIFEST_DIR")).join(input);
        let converted = Command::new(tools::meshform())
            .args(["convert", "--to", "terraform"])
            .arg(&input)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&converted.stderr);
        assert!(converted.status.success(), "{}:\n{said}", input.display());
        let text = String::from_utf8(converted.stdout).unwrap();
        world.module().write("main.tf", &text).unwrap();
        for check in [
            &["fmt", "-check", "-diff", "-no-color"][..],
            &["validate", "-no-color"],
        ] {
            let ran = world.run(check);
            assert!(ran.ok(), "{} {check:?}:\n{}\n{text}", input.display(), ran.text);
        }
    }
}
