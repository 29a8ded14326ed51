//! From any form to any other, and back.

mod common;

use common::{cfn_lint, cfn_lint_file, read, resources};
use meshform_compiler::frontend::{self, Input, Options};
use meshform_compiler::{api, cloudformation, graph, terraform};
use meshform_model::body;
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use meshform_model::schema;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::path::Path;

const INPUTS: [&str; 3] = ["apps.yaml", "seven-kinds.tfstate", "extensions.yaml"];

fn sorted(mut resources: Vec<Resource>) -> Vec<Resource> {
    resources.sort_by(|a, b| a.key.cmp(&b.key));
    for resource in &mut resources {
        // Forms other than a state do not know who a resource is.
        resource.identity = None;
    }
    resources
}

fn named(name: &str, text: String) -> Input {
    Input {
        name: name.to_owned(),
        bytes: text.into_bytes(),
        named: true,
    }
}

#[test]
fn templates_are_clean_but_for_the_notice_of_the_shutdown() {
    for input in INPUTS {
        let template = cloudformation::build(&resources(input));
        assert_eq!(template.warnings, []);
        let told = cfn_lint(&template.json);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("W3696"), "{told:?}");
    }
}

#[test]
fn cfn_lint_would_tell() {
    let mut template = cloudformation::build(&resources("apps.yaml")).json;
    template["Resources"]["MeshApps"]["Properties"]["Nonsense"] = true.into();
    let told = cfn_lint(&template);
    assert!(told.iter().any(|line| line.starts_with("E3002")), "{told:?}");
}

#[test]
fn every_form_is_read_back() {
    for input in INPUTS {
        let first = resources(input);
        let template = cloudformation::build(&first).json;
        assert_eq!(
            sorted(read(named("t.json", template.to_string()))),
            sorted(first.clone())
        );
        let bodies = api::build(&first);
        assert_eq!(
            sorted(read(named("a.json", bodies.to_string()))),
            sorted(first.clone())
        );
        // JSON is YAML.
        assert_eq!(
            sorted(read(named("a.yaml", bodies.to_string()))),
            sorted(first.clone())
        );
        let state = state(&first).to_string();
        assert_eq!(sorted(read(named("t.tfstate", state))), sorted(first));
    }
}

/// The resources as the provider's own state has them.
fn state(resources: &[Resource]) -> Json {
    let of = |resource: &Resource| {
        let kind = resource.key.kind;
        let values = dialect::from_canonical(kind, Dialect::Terraform, &body::whole(resource));
        json!({
            "mode": "managed", "type": schema::kind(kind).type_in(Dialect::Terraform), "name": "one",
            "instances": [{"schema_version": 1000, "attributes": values.to_json()}],
        })
    };
    let all: Vec<Json> = resources.iter().map(of).collect();
    json!({"version": 4, "terraform_version": "1.11.0", "resources": all})
}

#[test]
fn extensions_are_read_wherever_a_form_has_them() {
    let all = resources("extensions.yaml");
    let said = |name: &str, kind| {
        let found = all
            .iter()
            .find(|one| one.key.kind == kind && one.key.name == name);
        found.unwrap().extensions.as_ref().unwrap().to_json()
    };
    assert_eq!(said("apps", Kind::Mesh)["releasePolicy"], "MANUAL");
    let node = said("api", Kind::VirtualNode);
    assert_eq!(
        node["listeners"][0],
        json!({"port": 8080, "limits": {"maxRequestHeadersKb": 96}})
    );
    assert_eq!(
        said("all", Kind::Route)["retryBackOff"]["baseInterval"]["value"],
        200
    );
    insta::assert_snapshot!("extensions_as_configuration", terraform::build(&all));
}

#[test]
fn a_wrong_extension_is_told_at_its_line_in_every_form() {
    let template = "Resources:\n  Api:\n    Type: AWS::AppMesh::VirtualNode\n    Metadata: {meshform: {loadBalancng: \
                    RANDOM, listeners: [{limits: {maxRequestHeadersKb: 0}}]}}\n    Properties: {MeshName: apps, \
                    VirtualNodeName: api, Spec: {}}\n";
    let api = "meshName: apps\nvirtualNodeName: api\nspec: {}\nextensions: {loadBalancng: RANDOM, listeners: [{limits: \
               {maxRequestHeadersKb: 0}}]}\n";
    for (text, line) in [(template, 4), (api, 4)] {
        let reading = frontend::read(vec![named("x.yaml", text.to_owned())], &Options::default());
        let problems = reading.all_problems();
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code.0).collect();
        assert_eq!(codes, ["MF0102", "MF0105", "MF0103"], "{problems:?}");
        assert!(
            problems[0].help.as_ref().unwrap().contains("loadBalancing"),
            "{problems:?}"
        );
        assert!(problems[2].message.contains("`port`"), "{problems:?}");
        for problem in &problems {
            let span = problem.places[0].span.unwrap();
            assert_eq!(reading.sources.locate(span).unwrap().line, line);
        }
    }
}

#[test]
fn a_state_tells_who_its_resources_are() {
    let all = resources("seven-kinds.tfstate");
    let router = all.iter().find(|r| r.key.name == "r1").unwrap();
    let identity = router.identity.as_ref().unwrap();
    assert_eq!(identity.mesh_owner, "123456789012");
    assert!(
        identity.arn.ends_with("mesh/m1/virtualRouter/r1"),
        "{}",
        identity.arn
    );
    assert!(
        identity.created_at.starts_with("2026-"),
        "{}",
        identity.created_at
    );
}

#[test]
fn what_is_written() {
    let first = resources("apps.yaml");
    insta::assert_snapshot!("template", format!("{:#}", cloudformation::build(&first).json));
    insta::assert_snapshot!("bodies", format!("{:#}", api::build(&first)));
    insta::assert_snapshot!("configuration", terraform::build(&first));
}

#[test]
fn pictures() {
    let meshes: Vec<Mesh> = INPUTS
        .iter()
        .map(|input| Mesh::new(resources(input)).unwrap())
        .collect();
    let picture = graph::Picture::of(&meshes, &[]);
    for (name, format) in [
        ("mermaid", graph::Format::Mermaid),
        ("dot", graph::Format::Dot),
        ("svg", graph::Format::Svg),
    ] {
        insta::assert_snapshot!(name, picture.write(format));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn the_order_of_resources_does_not_matter(shuffled in Just(resources("apps.yaml")).prop_shuffle()) {
        let first = resources("apps.yaml");
        prop_assert_eq!(cloudformation::build(&first).json, cloudformation::build(&shuffled).json);
        prop_assert_eq!(api::build(&first), api::build(&shuffled));
        prop_assert_eq!(terraform::build(&first), terraform::build(&shuffled));
    }
}

/// The template of which `meshform validate` reports every fault (`cli/tests/validate.rs`).
#[test]
fn of_seventeen_faults_cfn_lint_finds_three() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/tests/seventeen-faults.yaml");
    let told = cfn_lint_file(&path);
    let rules: Vec<&str> = told.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(rules, ["E1010", "E3002", "E3003", "W3696"], "{told:?}");
}
