//! What is symbolic in templates stays so: in templates, and as variables and locals in HCL.

mod common;

use common::cfn_lint;
use meshform_compiler::frontend::{self, Input, Options, Reading};
use meshform_compiler::{cloudformation, terraform};
use std::collections::BTreeMap;

const TEMPLATE: &str = "
Parameters:
  Env: {Type: String, Default: staging, AllowedValues: [staging, prod], Description: Where it runs}
  Port: {Type: Number, Default: 8080}
  Unused: {Type: String}
Mappings:
  Ports: {staging: {health: 9000}, prod: {health: 9001}}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  NotProd: !Not [!Condition IsProd]
Resources:
  Mesh: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: !Sub '${Env}-depot'}}
  Alb: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Name: x}}
  Registry: {Type: AWS::ServiceDiscovery::Service, Properties: {Name: !Sub 'truck-${Env}'}}
  Node:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualNodeName: truck
      Spec:
        Listeners:
          - PortMapping: {Port: !Ref Port, Protocol: http}
            HealthCheck:
              {HealthyThreshold: 2, IntervalMillis: 5000, Protocol: http, TimeoutMillis: 2000, UnhealthyThreshold: 2,
               Path: /, Port: !FindInMap [Ports, !Ref Env, health]}
            TLS: {Mode: STRICT, Certificate: {ACM: {CertificateArn: !ImportValue Cert}}}
        ServiceDiscovery: {DNS: {Hostname: !GetAtt Alb.DNSName}}
        Logging: {AccessLog: {File: {Path: !If [IsProd, /dev/stdout, !Sub '/dev/${!x}/${Registry.Name}']}}}
  Canary:
    Type: AWS::AppMesh::VirtualNode
    Condition: NotProd
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualNodeName: !Join ['-', [canary, !Ref Env]]
      Spec: {}
Outputs:
  MeshName: {Value: !GetAtt Mesh.MeshName, Export: {Name: !Sub '${Env}:MeshName'}}
  Balancer: {Value: !GetAtt Alb.DNSName}
";

fn symbolic(files: &[(&str, &str)], parameters: &[(&str, &str)]) -> Reading {
    let input = |(name, text): &(&str, &str)| Input {
        name: (*name).to_owned(),
        bytes: text.as_bytes().to_vec(),
        named: true,
    };
    let options = Options {
        symbolic: true,
        parameters: parameters
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        ..Options::default()
    };
    frontend::read(files.iter().map(input).collect(), &options)
}

fn template(reading: &Reading) -> serde_json::Value {
    let template = cloudformation::build_with(&reading.resources().0, &reading.symbolic);
    assert_eq!(template.warnings, []);
    template.json
}

#[test]
fn a_template_keeps_what_its_mesh_uses() {
    let template = template(&symbolic(&[("t.yaml", TEMPLATE)], &[]));
    insta::assert_snapshot!("kept", format!("{template:#}"));
    let told = cfn_lint(&template);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("W3696"), "{told:?}");
}

#[test]
fn what_was_kept_means_the_same_and_is_kept_again() {
    let first = symbolic(&[("t.yaml", TEMPLATE)], &[("Env", "prod")]);
    let kept = template(&symbolic(&[("t.yaml", TEMPLATE)], &[]));
    let given = [("Env", "prod"), ("Port", "8080")];
    let again = symbolic(&[("t.json", &kept.to_string())], &given);
    let bodies = |reading: &Reading| -> Vec<String> {
        let mut all: Vec<String> = reading
            .found
            .iter()
            .map(|found| found.body.get("meshName").unwrap().to_json().unwrap().to_string())
            .collect();
        all.sort();
        all
    };
    assert_eq!(bodies(&first), bodies(&again));
    assert_eq!(template(&symbolic(&[("t.json", &kept.to_string())], &[])), kept);
}

#[test]
fn configurations_have_variables_and_locals() {
    let reading = symbolic(&[("t.yaml", TEMPLATE)], &[]);
    let configuration = terraform::build_with(&reading.resources().0, &reading.symbolic);
    assert_eq!(configuration.problems, []);
    insta::assert_snapshot!("variables", configuration.text);
}

#[test]
fn what_hcl_cannot_say_is_refused_until_it_is_decided() {
    let text = TEMPLATE.replace(
        "        ServiceDiscovery: {DNS: {Hostname: !GetAtt Alb.DNSName}}\n",
        "        ServiceDiscovery: !If [IsProd, {DNS: {Hostname: a}}, {DNS: {Hostname: b}}]\n",
    );
    let reading = symbolic(&[("t.yaml", &text)], &[]);
    let configuration = terraform::build_with(&reading.resources().0, &reading.symbolic);
    let problem = &configuration.problems[0];
    assert_eq!(problem.code.0, "MF0902", "{problem}");
    assert!(problem.places[0].span.is_some());
    let reading = symbolic(&[("t.yaml", &text)], &[("Env", "prod")]);
    let configuration = terraform::build_with(&reading.resources().0, &reading.symbolic);
    assert_eq!(configuration.problems, []);
    assert!(!configuration.text.contains("${"), "{}", configuration.text);
}

#[test]
fn stacks_become_one_template() {
    let service = "
Parameters: {Env: {Type: String, Default: prod}}
Resources:
  Node:
    Type: AWS::AppMesh::VirtualNode
    Properties: {MeshName: !ImportValue 'staging:MeshName', VirtualNodeName: !Sub '${Env}-van', Spec: {}}
";
    let reading = symbolic(&[("infra.yaml", TEMPLATE), ("van.yaml", service)], &[]);
    let template = template(&reading);
    // Both stacks have a parameter `Env` and a resource `Node`; the second of each gets a number.
    assert_eq!(template["Parameters"]["Env2"]["Default"], "prod");
    let node = &template["Resources"]["Node2"]["Properties"];
    assert_eq!(
        node["MeshName"],
        serde_json::json!({"Fn::GetAtt": ["Mesh", "MeshName"]})
    );
    assert_eq!(
        node["VirtualNodeName"],
        serde_json::json!({"Fn::Sub": "${Env2}-van"})
    );
    let told = cfn_lint(&template);
    assert_eq!(told.len(), 1, "{told:?}");
}
