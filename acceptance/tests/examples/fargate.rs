//! `examples/ecs-fargate`: a system on ECS with a canary by weights. What is hashicorp/aws's is held against
//! its schema (its own binary is most of a gigabyte); what is ours is applied, with a bucket.

use crate::aws_schema;
use crate::moto::Moto;
use crate::reference;
use meshform_acceptance::terraform::Module;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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

#[test]
fn what_is_of_aws_has_arguments_that_are_there() {
    let (problems, seen) = aws_schema::held(&texts());
    assert_eq!(problems, [""; 0]);
    assert!(seen > 200, "{seen}");
}

#[test]
fn what_the_provider_of_aws_would_refuse_is_noticed() {
    let told = |from: &str, to: &str| {
        let mut texts = texts();
        for text in texts.values_mut() {
            *text = text.replace(from, to);
        }
        let (problems, _) = aws_schema::held(&texts);
        assert!(
            problems.iter().any(|one| one.contains("hashicorp/aws 5.")),
            "{from}"
        );
        assert!(
            problems.iter().any(|one| one.contains("hashicorp/aws 6.")),
            "{from}"
        );
        problems.join("\n")
    };
    for (from, to, problem) in [
        (
            "launch_type     =",
            "launch_kind =",
            "aws_ecs_service has no argument `launch_kind`",
        ),
        (
            "  family                   = \"shop-${each.key}\"\n",
            "",
            "aws_ecs_task_definition needs `family`",
        ),
        (
            "    registry_arn =",
            "    arn =",
            "aws_ecs_service.service_registries needs `registry_arn`",
        ),
        (
            "  dynamic \"volume\"",
            "  dynamic \"volumes\"",
            "aws_ecs_task_definition has no block `volumes`",
        ),
        (
            "  vpc {\n    vpc_id = var.vpc\n  }",
            "  vpc = var.vpc",
            "`vpc` of aws_route53_zone is a block",
        ),
        (
            "records = [each.value]",
            "records = \"${each.value}\"",
            "`records` of aws_route53_record takes a list or a map",
        ),
        (
            "aws_iam_role.execution.arn",
            "aws_iam_role.execution.role_arn",
            "aws_iam_role has no attribute `role_arn`",
        ),
        (
            "policy_document.tasks.json",
            "policy_document.tasks.text",
            "data.aws_iam_policy_document has no attribute `text`",
        ),
    ] {
        let told = told(from, to);
        assert!(told.contains(problem), "{problem}: {told}");
    }
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
