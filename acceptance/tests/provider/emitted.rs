//! What the command writes for others is as they would have it: Terraform, the App Mesh API, Kubernetes.

use crate::world::World;
use meshform_acceptance::tools;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
    for input in inputs() {
        let text = converted(&input, "terraform");
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

/// The bodies of requests, by botocore's validator of `--cli-input-json`, each against every create operation that has
/// its names: exactly one takes it, the one of its kind.
const VALIDATE: &str = r#"
import json, sys, botocore.session, botocore.validate
model = botocore.session.get_session().get_service_model("appmesh")
creates = [model.operation_model(name) for name in model.operation_names if name.startswith("Create")]
problems, count = [], 0
for body in json.load(sys.stdin):
    # Names in a URL are members as well; profiles are ours and have no operation.
    names = {name for name in body if name.endswith("Name")}
    if "proxyProfileName" in names:
        continue
    # What App Mesh never had: our own server takes it.
    body.pop("extensions", None)
    count += 1
    owns = [one for one in creates if names == {name for name in one.input_shape.members if name.endswith("Name")}]
    report = botocore.validate.ParamValidator().validate(body, owns[0].input_shape) if len(owns) == 1 else None
    if report is None or report.has_errors():
        problems.append(f"{sorted(names)}: {report.generate_report() if report else [one.name for one in owns]}")
print(count)
if problems:
    sys.exit("\n".join(problems))
"#;

#[test]
fn emitted_bodies_are_what_the_api_takes_and_what_we_read() {
    for input in inputs() {
        let text = converted(&input, "api");
        let count = python(VALIDATE, &[], &text);
        assert!(
            count.trim().parse::<usize>().unwrap() > 2,
            "{}: {count}",
            input.display()
        );
        let folder = tempfile::tempdir().unwrap();
        let again = folder.path().join("again.json");
        fs::write(&again, &text).unwrap();
        assert_eq!(converted(&again, "api"), text, "{}", input.display());
    }
}

/// Every object of every file, against Kubernetes' own schemas of one version, fields that they do not know included.
const MANIFESTS: &str = r#"
import pathlib, sys, yaml, kubernetes_validate
kinds = set()
for file in sorted(pathlib.Path(sys.argv[1]).rglob("*.yaml")):
    for one in yaml.safe_load_all(file.read_text()):
        kubernetes_validate.validate(one, "1.29", strict=True)
        kinds.add(one["kind"])
print(*sorted(kinds))
"#;

const SHOP: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {mesh: shop}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: Mesh
metadata: {name: shop}
spec: {namespaceSelector: {matchLabels: {mesh: shop}}}
---
apiVersion: appmesh.k8s.aws/v1beta2
kind: VirtualNode
metadata: {name: front, namespace: shop}
spec:
  podSelector: {matchLabels: {app: front}}
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {dns: {hostname: front.shop.svc.cluster.local}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: shop}
spec:
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec: {containers: [{name: app, image: 'example.com/front:1'}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: night, namespace: shop}
spec:
  schedule: 0 3 * * *
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: front}}
        spec: {restartPolicy: Never, containers: [{name: app, image: 'example.com/front:1'}]}
";

#[test]
fn emitted_manifests_are_what_kubernetes_takes() {
    let folder = tempfile::tempdir().unwrap();
    let ways: [(&str, &[&str]); 3] = [
        ("explicit", &["--configuration", "static"]),
        (
            "explicit",
            &[
                "--proxy-image",
                "example.com/agent:1",
                "--proxy-store",
                "s3://meshes/shop",
            ],
        ),
        (
            "transparent",
            &[
                "--configuration",
                "static",
                "--init-image",
                "example.com/route-manager:1",
            ],
        ),
    ];
    for (at, (interception, options)) in ways.into_iter().enumerate() {
        let shop = folder.path().join(format!("shop-{at}.yaml"));
        fs::write(&shop, SHOP).unwrap();
        let profile = folder.path().join(format!("profile-{at}.json"));
        let spec = serde_json::json!({"interception": {interception: {}}});
        let body = serde_json::json!({"meshName": "shop", "proxyProfileName": "default", "spec": spec});
        fs::write(&profile, body.to_string()).unwrap();
        let out = folder.path().join(format!("out-{at}"));
        let compiled = Command::new(tools::meshform())
            .args(["compile", "--target", "kubernetes"])
            .args([&shop, &profile])
            .args(options)
            .arg("--out")
            .arg(&out)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{options:?}:\n{said}");
        let kinds = python(MANIFESTS, &[&out], "");
        assert!(
            kinds.contains("CronJob") && kinds.contains("Deployment"),
            "{kinds}"
        );
        assert_eq!(
            kinds.contains("ConfigMap"),
            options.contains(&"static"),
            "{kinds}"
        );
    }
}

fn inputs() -> impl Iterator<Item = PathBuf> {
    INPUTS
        .into_iter()
        .map(|input| Path::new(env!("CARGO_MANIFEST_DIR")).join(input))
}

/// What `meshform convert` prints.
fn converted(input: &Path, form: &str) -> String {
    let converted = Command::new(tools::meshform())
        .args(["convert", "--to", form])
        .arg(input)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&converted.stderr);
    assert!(converted.status.success(), "{}:\n{said}", input.display());
    String::from_utf8(converted.stdout).unwrap()
}

/// What a script prints that ends well.
fn python(script: &str, arguments: &[&Path], input: &str) -> String {
    let mut child = Command::new(tools::python())
        .args(["-c", script])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}
