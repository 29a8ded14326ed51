//! `examples/ecs-fargate`: a system on ECS with a canary by weights. What is hashicorp/aws's is held against the arguments
//! that its resources have (its own binary is most of a gigabyte); what is ours is applied, with a bucket.

use crate::moto::Moto;
use crate::reference;
use meshform_acceptance::terraform::Module;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The arguments of hashicorp/aws 5.100.0 that the example may use, by type; blocks with a dot.
const ARGUMENTS: &str = "
data.aws_iam_policy_document: statement statement.actions statement.principals statement.principals.type statement.principals.identifiers
aws_cloudwatch_log_group: name retention_in_days
aws_ecs_service: name cluster task_definition desired_count launch_type network_configuration network_configuration.subnets
 network_configuration.security_groups service_registries service_registries.registry_arn deployment_circuit_breaker
 deployment_circuit_breaker.enable deployment_circuit_breaker.rollback
aws_ecs_task_definition: family network_mode requires_compatibilities cpu memory execution_role_arn task_role_arn
 container_definitions volume volume.name
aws_iam_role: name_prefix assume_role_policy
aws_iam_role_policy: name role policy
aws_iam_role_policy_attachment: role policy_arn
aws_route53_record: zone_id name type ttl records
aws_route53_zone: name vpc vpc.vpc_id
aws_security_group: name_prefix description vpc_id
aws_service_discovery_private_dns_namespace: name vpc
aws_service_discovery_service: name dns_config dns_config.namespace_id dns_config.dns_records dns_config.dns_records.type
 dns_config.dns_records.ttl
aws_vpc_security_group_egress_rule: security_group_id ip_protocol cidr_ipv4
aws_vpc_security_group_ingress_rule: security_group_id referenced_security_group_id ip_protocol from_port to_port
";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/ecs-fargate")
}

fn texts() -> BTreeMap<String, String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "tf"))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

/// The top-level blocks of a configuration: the first line of each, and its lines. `terraform fmt` ends each with a brace in
/// the first column.
fn blocks(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if !open && line.ends_with('{') && !line.starts_with([' ', '#']) {
            all.push((line, Vec::new()));
            open = true;
        } else if line == "}" {
            open = false;
        } else if open {
            all.last_mut().unwrap().1.push(line);
        }
    }
    all
}

/// The type of a block of hashicorp/aws, `data.` before it where it is one.
fn aws_type(head: &str) -> Option<String> {
    let mut words = head.split(' ');
    let data = match words.next()? {
        "resource" => "",
        "data" => "data.",
        _ => return None,
    };
    let kind = words.next()?.trim_matches('"');
    kind.starts_with("aws_").then(|| format!("{data}{kind}"))
}

/// The arguments of a block: names behind the names of the blocks around them.
fn arguments(lines: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    // A block's name; none where values of our own stand: maps, lists and calls.
    let mut around: Vec<Option<String>> = Vec::new();
    for line in lines.iter().map(|line| line.split(" #").next().unwrap().trim()) {
        let within_values = around.iter().any(Option::is_none);
        let named = |name: &str| -> String {
            let names = around
                .iter()
                .flatten()
                .map(String::as_str)
                .filter(|name| *name != "content");
            names.chain([name]).collect::<Vec<_>>().join(".")
        };
        let (name, is_value) = match line.split_once(" = ") {
            Some((name, _)) => (name.trim(), true),
            None => (line.trim_end_matches(" {"), false),
        };
        let name = name.strip_prefix("dynamic ").unwrap_or(name).trim_matches('"');
        let meta = [
            "for_each",
            "count",
            "depends_on",
            "content",
            "provider",
            "lifecycle",
        ]
        .contains(&name);
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
        let block = !is_value && line.ends_with('{') && is_name;
        if !within_values && is_name && !meta && (is_value || block) {
            found.push(named(name));
        }
        let opened = line.matches(['{', '[', '(']).count();
        let closed = line.matches(['}', ']', ')']).count();
        for at in closed..opened {
            around.push((block && at == closed).then(|| name.to_owned()));
        }
        for _ in opened..closed {
            around.pop();
        }
    }
    found
}

#[test]
fn what_is_of_aws_has_arguments_that_are_there() {
    let joined = ARGUMENTS.replace("\n ", " ");
    let known: BTreeMap<&str, Vec<&str>> = joined
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(kind, names)| (kind, names.split_whitespace().collect()))
        .collect();
    let mut seen = 0;
    for (file, text) in texts() {
        for (head, lines) in blocks(&text) {
            let Some(kind) = aws_type(head) else { continue };
            let known = known
                .get(kind.as_str())
                .unwrap_or_else(|| panic!("{file}: {kind} is not in the list"));
            for name in arguments(&lines) {
                assert!(
                    known.contains(&name.as_str()),
                    "{file}: {kind} has no argument `{name}`"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 80, "{seen}");
}

/// The example without hashicorp/aws: references to its resources are the values that they would have, and what its
/// task definitions would take is kept to compare.
fn ours(module: &Module) {
    for (file, text) in texts() {
        let mut kept = String::new();
        for (head, lines) in blocks(&text)
            .into_iter()
            .filter(|(head, _)| aws_type(head).is_none())
        {
            kept.push_str(&format!("{head}\n{}\n}}\n\n", lines.join("\n")));
        }
        let kept = kept
            .replace(
                "aws_service_discovery_private_dns_namespace.shop.name",
                "\"shop.internal\"",
            )
            .replace("aws_cloudwatch_log_group.shop.name", "\"/ecs/shop\"")
            .replace(
                "    aws = {\n      source  = \"hashicorp/aws\"\n      version = \">= 5.0\"\n    }\n",
                "",
            );
        // `aws_cloud_map` is App Mesh's own.
        assert!(
            !kept.replace("aws_cloud_map", "").contains("aws_"),
            "{file}: {kept}"
        );
        module.write(&file, &kept).unwrap();
    }
    let stand_in = r#"
resource "terraform_data" "task" {
  for_each = local.services

  input = {
    containers = data.appmesh_ecs_task_definition.of[each.key].container_definitions
    volumes    = data.appmesh_ecs_task_definition.of[each.key].volumes
    policy     = data.appmesh_bucket_policy.proxy[each.key].json
    poller     = data.appmesh_bucket_policy.endpoints.json
  }
}
"#;
    module.write("stand-in.tf", stand_in).unwrap();
}

#[test]
fn a_canary_changes_weights_and_no_task() {
    let moto = Moto::start();
    let dir = tempfile::tempdir().unwrap();
    let module = reference::module(dir.path())
        .env("AWS_ENDPOINT_URL_S3", format!("http://{}", moto.address()))
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "a-secret")
        .env("AWS_REGION", "eu-central-1");
    // The example has a provider block of its own.
    fs::remove_file(dir.path().join("provider.tf")).unwrap();
    ours(&module);
    let canary = |weight: u8| {
        let values = json!({
            "bucket": "meshes", "proxy_image": "registry.example/proxy:1", "cluster": "shop", "vpc": "vpc-1",
            "subnets": ["subnet-1"], "region": "eu-central-1", "canary": weight,
        });
        module
            .write("terraform.tfvars.json", &values.to_string())
            .unwrap();
    };
    canary(0);
    reference::apply(&module);
    let tasks = || -> Value {
        let shown = module.show().unwrap();
        let resources = shown["values"]["root_module"]["resources"]
            .as_array()
            .unwrap()
            .clone();
        resources
            .into_iter()
            .filter(|one| one["type"] == "terraform_data")
            .collect()
    };
    let before = tasks();
    assert_eq!(before.as_array().unwrap().len(), 3);
    let web = before
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["index"] == "web")
        .unwrap();
    let containers = web["values"]["input"]["containers"].as_str().unwrap();
    let containers: Value = serde_json::from_str(containers).unwrap();
    assert_eq!(
        (&containers[0]["name"], &containers[1]["name"]),
        (&json!("app"), &json!("envoy"))
    );
    assert_eq!(
        containers[1]["logConfiguration"]["logDriver"], "awslogs",
        "it logs where the application does"
    );
    assert_eq!(web["values"]["input"]["volumes"], json!(["meshform"]));
    let policy = web["values"]["input"]["policy"].as_str().unwrap();
    assert!(
        policy.contains("meshes/shop/m/shop/proxies/virtualNode/web/*"),
        "{policy}"
    );

    canary(10);
    let plan = reference::run(&module, &["plan", "-no-color"]);
    assert!(
        plan.text.contains("Plan: 0 to add, 1 to change, 0 to destroy."),
        "{}",
        plan.text
    );
    assert!(plan.text.contains("appmesh_route.prices"), "{}", plan.text);
    reference::apply(&module);
    assert_eq!(tasks(), before);
}
