//! Templates as users of App Mesh have them: through the macro and a stack they come to what `meshform adopt` makes of
//! them; and all templates that are written are clean for cfn-lint.

use crate::stack::{CloudFormation, Parameters, ended};
use crate::world::{World, template};
use meshform_acceptance::tools;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A template, the parameters that it is deployed with, and the exports that it imports.
struct Case {
    name: &'static str,
    text: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    imports: &'static [(&'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case {
        name: "headers",
        text: include_str!("templates/headers.yaml"),
        parameters: &[("EnvironmentName", "Demo"), ("CanaryWeight", "1")],
        imports: &[],
    },
    Case {
        name: "gateway",
        text: include_str!("templates/gateway.yaml"),
        parameters: &[("Certificate", "arn:aws:acm:eu-west-1:123456789012:certificate/1")],
        imports: &[],
    },
    Case {
        name: "grpc",
        text: include_str!("templates/grpc.yaml"),
        parameters: &[],
        imports: &[],
    },
    Case {
        name: "cloudmap",
        text: include_str!("templates/cloudmap.yaml"),
        parameters: &[("Owner", "123456789012")],
        imports: &[("demo:Namespace", "demo.local")],
    },
    Case {
        name: "profiles",
        text: include_str!("templates/profiles.yaml"),
        parameters: &[],
        imports: &[],
    },
];

#[test]
fn what_is_in_the_store_is_what_adopt_makes_of_a_template() {
    let world = World::new(4);
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for Case {
        name,
        text,
        parameters,
        imports,
    } in CASES
    {
        let mut cfn = CloudFormation::new(&world.lambda);
        exporter(&mut cfn, imports);
        let mut whole = template(text);
        whole["Transform"] = json!("Meshform");
        let given: Parameters = parameters
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        ended(cfn.create("shop", &whole, &given), "CREATE_COMPLETE");
        let stored = world.bodies();
        assert_eq!(cfn.delete("shop").status, "DELETE_COMPLETE");

        let file = format!("{name}.yaml");
        std::fs::write(folder.path().join(&file), text).unwrap();
        let mut arguments = vec![file.clone()];
        for (option, pairs) in [("--parameter", parameters), ("--import", imports)] {
            arguments.extend(
                pairs
                    .iter()
                    .flat_map(|(name, value)| [option.to_owned(), format!("{name}={value}")]),
            );
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut adopted = arguments.clone();
        adopted.extend([
            "--parameter",
            "AWS::StackName=shop",
            "--parameter",
            "AWS::Region=eu-west-1",
        ]);
        adopted.extend([
            "--parameter",
            "AWS::AccountId=123456789012",
            "--parameter",
            "AWS::Partition=aws",
        ]);
        assert_eq!(stored, world.adopted(folder.path(), name, &adopted), "{name}");
        assert!(stored.len() > 2, "{name}: {stored:?}");

        for (option, suffix) in [("--custom", "custom"), ("--retain", "retain")] {
            let convert = [&["convert", "--to", "cloudformation", option], &arguments[..1]].concat();
            let written = folder.path().join(format!("{name}.{suffix}.json"));
            std::fs::write(&written, world.meshform(folder.path(), &convert)).unwrap();
            files.push(written);
        }
    }
    files.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/cloudformation/meshform-cfn.yaml"));
    assert_eq!(cfn_lint(&files), Vec::<String>::new());
}

/// A stack with the exports that others import.
fn exporter(cfn: &mut CloudFormation<'_>, imports: &[(&str, &str)]) {
    let mut template =
        json!({"Resources": {"Other": {"Type": "AWS::SSM::Parameter", "Properties": {}}}, "Outputs": {}});
    for (number, (name, value)) in imports.iter().enumerate() {
        template["Outputs"][format!("Output{number}")] = json!({"Value": value, "Export": {"Name": name}});
    }
    ended(
        cfn.create("exporter", &template, &Parameters::new()),
        "CREATE_COMPLETE",
    );
}

/// What cfn-lint says of templates. That App Mesh ended, and that a template of ours says a dependency which its author
/// said too, is no news.
fn cfn_lint(files: &[PathBuf]) -> Vec<String> {
    let mut command = Command::new(tools::cfn_lint());
    command.args([
        "--format",
        "json",
        "--non-zero-exit-code",
        "none",
        "--ignore-checks",
        "W3696",
        "W3005",
        "--template",
    ]);
    let output = command.args(files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let lines = found.iter().map(|one| {
        let file = one["Filename"].as_str().unwrap().rsplit('/').next().unwrap();
        format!("{file}: {}: {}", one["Rule"]["Id"], one["Message"])
    });
    lines.collect()
}
