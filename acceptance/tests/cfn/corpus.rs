//! Templates as users of App Mesh have them: through the macro and a stack they come to what `meshform adopt` makes of
//! them; and all templates that are written are clean for cfn-lint.

use crate::stack::{CloudFormation, Parameters, ended};
use crate::template::Scope;
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

/// By hand, on templates that are not in the tree: each is deployed with made-up values, and compared with what adopt
/// makes of it with the same. What the macro refuses is told.
#[test]
#[ignore = "needs a folder of templates in MESHFORM_CFN_TEMPLATES"]
fn templates_of_a_folder_come_to_what_adopt_makes_of_them() {
    let folder = PathBuf::from(std::env::var_os("MESHFORM_CFN_TEMPLATES").unwrap());
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let world = World::new(8);
    let (mut same, mut refused) = (0, 0);
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let mut whole = template(&text);
        let (parameters, imports, attributes) = made_up(&whole);
        let mut cfn = CloudFormation::new(&world.lambda);
        let borrowed: Vec<(&str, &str)> = imports
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        exporter(&mut cfn, &borrowed);
        whole["Transform"] = json!("Meshform");
        match cfn.create("shop", &whole, &parameters) {
            Err(why) => {
                refused += 1;
                eprintln!("{}: refused: {why}", file.display());
                continue;
            }
            Ok(done) => assert_eq!(
                done.status,
                "CREATE_COMPLETE",
                "{}: {:?}",
                file.display(),
                done.reasons
            ),
        }
        let stored = world.bodies();
        assert_eq!(cfn.delete("shop").status, "DELETE_COMPLETE");
        let mut arguments = vec![file.display().to_string()];
        let pseudo = [
            ("AWS::StackName", "shop"),
            ("AWS::Region", "eu-west-1"),
            ("AWS::AccountId", "123456789012"),
        ];
        let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let options = [
            ("--parameter", parameters),
            ("--import", imports),
            ("--attribute", attributes),
        ];
        for (option, pairs) in options
            .into_iter()
            .chain([("--parameter", pseudo.into_iter().collect())])
        {
            arguments.extend(
                pairs
                    .iter()
                    .flat_map(|(name, value)| [option.to_owned(), format!("{name}={value}")]),
            );
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let name = format!("adopted-{same}");
        assert_eq!(
            stored,
            world.adopted(Path::new("/"), &name, &arguments),
            "{}",
            file.display()
        );
        same += 1;
    }
    eprintln!("{same} of {} are the same, {refused} were refused", files.len());
}

/// Values for the parameters that have none, the exports that are imported, and what resources of no mesh give.
fn made_up(whole: &Value) -> (Parameters, Parameters, Parameters) {
    let mut parameters = Parameters::new();
    for (name, declared) in whole["Parameters"].as_object().into_iter().flatten() {
        let value = match declared["Type"].as_str() {
            Some("Number") => "8080".to_owned(),
            _ if name.ends_with("Owner") => "123456789012".to_owned(),
            _ if name.ends_with("Arn") => format!("arn:aws:acm:eu-west-1:123456789012:certificate/{name}"),
            _ => name.to_lowercase(),
        };
        if declared.get("Default").is_none() {
            parameters.insert(name.clone(), value);
        }
    }
    let (mut imports, mut attributes) = (Parameters::new(), Parameters::new());
    let empty = std::collections::BTreeMap::new();
    let scope = Scope {
        template: whole,
        parameters: &parameters,
        stack: "shop",
        physical: &std::collections::BTreeMap::new(),
        attributes: &std::collections::BTreeMap::new(),
        exports: &empty,
    };
    // Other imports are none of the mesh's, and the command takes no value that no resource of the mesh asks for.
    let resources = whole["Resources"].as_object().unwrap().values();
    let of_mesh = |resource: &&Value| resource["Type"].as_str().unwrap().starts_with("AWS::AppMesh::");
    let mut pending: Vec<&Value> = resources.filter(of_mesh).collect();
    while let Some(json) = pending.pop() {
        match json {
            Value::Array(list) => pending.extend(list),
            Value::Object(map) => {
                if let Some(name) = map.get("Fn::ImportValue") {
                    let name = scope.value(name).as_str().unwrap().to_owned();
                    let plain = name
                        .to_lowercase()
                        .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
                    let value = match plain.contains("arn") {
                        true => format!("arn:aws:acm:eu-west-1:123456789012:certificate/{plain}"),
                        false => plain,
                    };
                    imports.insert(name, value);
                }
                pending.extend(map.values());
            }
            _ => {}
        }
    }
    let foreign = |id: &str| {
        let kind = whole["Resources"][id]["Type"].as_str();
        kind.is_some_and(|kind| !kind.starts_with("AWS::AppMesh::"))
    };
    let mut mentioned = std::collections::BTreeSet::new();
    uses(whole, &mut mentioned);
    for full in mentioned {
        let (id, attribute) = full.split_once('.').unwrap();
        if foreign(id) {
            let value = if attribute == "Ref" {
                format!("shop-{id}")
            } else {
                full.clone()
            };
            attributes.insert(full, value);
        }
    }
    (parameters, imports, attributes)
}

/// What expressions ask of resources, as `LOGICAL.ATTRIBUTE`.
fn uses(json: &Value, into: &mut std::collections::BTreeSet<String>) {
    match json {
        Value::Array(list) => list.iter().for_each(|item| uses(item, into)),
        Value::Object(map) => {
            for (name, value) in map {
                match (name.as_str(), value) {
                    ("Ref", Value::String(id)) => drop(into.insert(format!("{id}.Ref"))),
                    ("Fn::GetAtt", Value::Array(parts)) => {
                        let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
                        into.insert(parts.join("."));
                    }
                    ("Fn::Sub", _) => {
                        let text = value.as_str().or_else(|| value[0].as_str()).unwrap();
                        for name in text.split("${").skip(1).filter_map(|rest| rest.split('}').next()) {
                            into.insert(if name.contains('.') {
                                name.to_owned()
                            } else {
                                format!("{name}.Ref")
                            });
                        }
                        uses(value, into);
                    }
                    _ => uses(value, into),
                }
            }
        }
        _ => {}
    }
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
