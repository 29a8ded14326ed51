//! What is symbolic in templates stays so: in templates, and as variables and locals in HCL.

mod common;

use common::cfn_lint;
use meshform_compiler::frontend::{self, Input, Options, Reading, Symbolic};
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
            TLS: {Mode: STRICT, Certificate: {ACM: {CertificateArn: {'Fn::ImportValue': !Sub '${Env}:Cert'}}}}
        ServiceDiscovery: {DNS: {Hostname: !GetAtt Alb.DNSName}}
        Logging: {AccessLog: {File: {Path: !If [IsProd, /dev/stdout, !Sub '/dev/${!x}/${Registry.Name}']}}}
  Canary:
    Type: AWS::AppMesh::VirtualNode
    Condition: NotProd
    DependsOn: [Mesh, Node]
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
    let mut reading = frontend::read(files.iter().map(input).collect(), &options);
    let told = reading.keep_expressions();
    reading.problems.extend(told);
    reading
}

fn template(reading: &Reading) -> serde_json::Value {
    let template = cloudformation::build_with(&reading.resources().0, &reading.symbolic);
    assert_eq!(template.warnings, []);
    template.json
}

/// The template's text, which is that of its tree.
fn template_text(reading: &Reading) -> String {
    let resources = reading.resources().0;
    let nothing = cloudformation::WrittenEntries::default();
    let text = cloudformation::TemplateText::of(&resources, &reading.symbolic, &nothing).to_string();
    // The same where each resource was written as soon as it was known.
    let mut written = cloudformation::WrittenEntries::default();
    reading.symbolic.resources.iter().for_each(|one| written.add(one));
    let rest = Symbolic {
        resources: Vec::new(),
        ..reading.symbolic.clone()
    };
    assert_eq!(
        cloudformation::TemplateText::of(&resources, &rest, &written).to_string(),
        text
    );
    let template = cloudformation::build_with(&resources, &reading.symbolic);
    assert_eq!(text, format!("{:#}\n", template.json));
    text
}

#[test]
fn a_template_keeps_what_its_mesh_uses() {
    let reading = symbolic(&[("t.yaml", TEMPLATE)], &[]);
    template_text(&reading);
    template_text(&Reading::default());
    let template = template(&reading);
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

const NESTED: &str = "
Parameters: {Name: {Type: String}, Canary: {Type: String, Default: 'no'}}
Conditions: {HasCanary: !Equals [!Ref Canary, 'yes']}
Resources:
  Node: {Type: AWS::AppMesh::VirtualNode, Properties: {MeshName: m, VirtualNodeName: !Ref Name, Spec: {}}}
  More:
    Type: AWS::AppMesh::VirtualNode
    Condition: HasCanary
    Properties: {MeshName: m, VirtualNodeName: !Sub '${Name}-canary', Spec: {}}
Outputs: {Node: {Value: !GetAtt Node.VirtualNodeName}}
";

#[test]
fn what_a_nested_stack_holds_has_the_condition_of_the_stack() {
    let parent = "
Parameters: {Env: {Type: String, Default: staging}}
Conditions: {IsProd: !Equals [!Ref Env, prod], Never: !Equals [a, b]}
Resources:
  Mesh: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}
  Some:
    Type: AWS::CloudFormation::Stack
    Condition: IsProd
    Properties: {TemplateURL: n.yaml, Parameters: {Name: some}}
  None:
    Type: AWS::CloudFormation::Stack
    Condition: Never
    Properties: {TemplateURL: n.yaml, Parameters: {Name: none}}
";
    let reading = symbolic(&[("p.yaml", parent), ("n.yaml", NESTED)], &[]);
    let template = template(&reading);
    let resources = template["Resources"].as_object().unwrap();
    let condition = |name: &str| {
        let node = resources
            .values()
            .find(|one| one["Properties"]["VirtualNodeName"] == name);
        node.map(|node| node["Condition"].clone())
    };
    // That the default leaves the stack out does not decide: `Env` is still the user's to give.
    assert_eq!(condition("some").unwrap(), "IsProd");
    assert_eq!(condition("some-canary").unwrap(), "IsProdAndHasCanary");
    assert_eq!(condition("none"), None);
    assert_eq!(resources.len(), 3, "{template:#}");
    assert_eq!(template["Outputs"].as_object().unwrap().len(), 1);
    assert_eq!(template["Outputs"]["Node"]["Condition"], "IsProd");
    assert_eq!(
        template["Conditions"]["IsProdAndHasCanary"],
        serde_json::json!({"Fn::And": [{"Condition": "IsProd"}, {"Condition": "HasCanary"}]})
    );
    let told = cfn_lint(&template);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("W3696"), "{told:?}");
    let given = symbolic(&[("p.yaml", parent), ("n.yaml", NESTED)], &[("Env", "prod")]);
    assert_eq!(
        terraform::build_with(&given.resources().0, &given.symbolic).problems,
        []
    );
}

#[test]
fn nested_stacks_may_have_parameters_of_the_same_name() {
    let parent = "
Resources:
  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: a.yaml, Parameters: {Name: a}}}
  B:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: b.yaml, Parameters: {Name: !GetAtt A.Outputs.Name}}
";
    let a = "
Parameters: {Name: {Type: String}}
Resources: {M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}}
Outputs: {Name: {Value: !Ref Name}}
";
    let reading = symbolic(&[("p.yaml", parent), ("a.yaml", a), ("b.yaml", NESTED)], &[]);
    assert_eq!(reading.problems, []);
    let names: Vec<_> = reading
        .symbolic
        .resources
        .iter()
        .filter_map(|one| one.properties.get("VirtualNodeName")?.as_str())
        .collect();
    assert_eq!(names, ["a", "a-canary"]);
}

#[test]
fn what_is_kept_is_bounded() {
    // What the default leaves out is kept but never worked out, so that nothing but keeping it can be too much.
    let refs = "!Ref Long, ".repeat(100);
    let subs = "${Long}".repeat(100);
    for long in [format!("[{refs}]"), format!("!Sub '{subs}'")] {
        let parent = format!(
            "
Resources:
  S:
    Type: AWS::CloudFormation::Stack
    Properties: {{TemplateURL: n.yaml, Parameters: {{Long: {}}}}}
",
            "x".repeat(1 << 20)
        );
        let nested = format!(
            "
Parameters: {{Long: {{Type: String}}, Canary: {{Type: String, Default: 'no'}}}}
Conditions: {{HasCanary: !Equals [!Ref Canary, 'yes']}}
Resources:
  M: {{Type: AWS::AppMesh::Mesh, Condition: HasCanary, Properties: {{MeshName: m, Tags: {long}}}}}
"
        );
        let reading = symbolic(&[("p.yaml", &parent), ("n.yaml", &nested)], &[]);
        let told: Vec<&str> = reading.problems.iter().map(|problem| problem.code.0).collect();
        assert!(told.contains(&"MF0602"), "{told:?}");
    }
}

/// The blocks and references of a configuration, as `TYPE.LABEL`.
fn declared_and_named(text: &str) -> (Vec<String>, Vec<String>) {
    let word = |text: &str| -> String {
        let of_label = |c: &char| c.is_ascii_alphanumeric() || "_-.".contains(*c);
        text.chars().take_while(of_label).collect()
    };
    let blocks = text.lines().filter_map(|line| line.strip_prefix("resource \""));
    let declared = blocks
        .map(|rest| rest.trim_end_matches("\" {").replace("\" \"", "."))
        .collect();
    let named = text.match_indices(" appmesh_").map(|(at, _)| {
        let whole = word(&text[at + 1..]);
        let mut parts = whole.split('.');
        let (ty, label) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("{ty}.{}", label.trim_end_matches("[0]"))
    });
    (declared, named.collect())
}

#[test]
fn configurations_name_only_what_they_declare() {
    // The mesh's name has no value, those of what lies in it have; one is that of another's logical id.
    let template = "
Parameters: {Project: {Type: String}}
Resources:
  Mesh: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: !Sub '${Project}-mesh'}}
  Node:
    Type: AWS::AppMesh::VirtualNode
    Properties: {MeshName: !GetAtt Mesh.MeshName, VirtualNodeName: back, Spec: {}}
  back:
    Type: AWS::AppMesh::VirtualNode
    Properties: {MeshName: other, VirtualNodeName: Node, Spec: {}}
  Router:
    Type: AWS::AppMesh::VirtualRouter
    Properties: {MeshName: !GetAtt Mesh.MeshName, VirtualRouterName: back-router, Spec: {}}
  Route:
    Type: AWS::AppMesh::Route
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualRouterName: back-router
      RouteName: all
      Spec: {TcpRoute: {Action: {WeightedTargets: [{VirtualNode: back, Weight: 1}]}}}
  Service:
    Type: AWS::AppMesh::VirtualService
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualServiceName: back.local
      Spec: {Provider: {VirtualRouter: {VirtualRouterName: back-router}}}
";
    let reading = symbolic(&[("t.yaml", template)], &[]);
    let configuration = terraform::build_with(&reading.resources().0, &reading.symbolic);
    assert_eq!(configuration.problems, []);
    let (declared, named) = declared_and_named(&configuration.text);
    assert_eq!(declared.len(), 6);
    for (at, one) in declared.iter().enumerate() {
        assert!(
            !declared[..at].contains(one),
            "{one} twice\n{}",
            configuration.text
        );
    }
    assert!(named.len() >= 6, "{named:?}");
    for one in &named {
        assert!(
            declared.contains(one),
            "{one} is not declared\n{}",
            configuration.text
        );
    }
}

#[test]
fn what_a_condition_chooses_is_told_with_the_parameter_that_decides() {
    let template = "
Parameters: {Tls: {Type: String, Default: 'on'}}
Conditions: {Off: !Equals [!Ref Tls, 'off'], On: !Not [!Condition Off]}
Resources:
  Mesh: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}
  Node:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: m
      VirtualNodeName: n
      Spec: !If [On, {Listeners: []}, !Ref AWS::NoValue]
";
    let built = |given: &[(&str, &str)]| {
        let reading = symbolic(&[("t.yaml", template)], given);
        terraform::build_with(&reading.resources().0, &reading.symbolic).problems
    };
    let told = built(&[]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        told[0].help.as_deref(),
        Some("give it with `--parameter Tls=VALUE`")
    );
    assert_eq!(built(&[("Tls", "off")]), []);
    let dynamic = template.replace("MeshName: m}", "MeshName: '{{resolve:ssm:/mesh}}'}");
    let reading = symbolic(&[("t.yaml", &dynamic)], &[("Tls", "off")]);
    let told = terraform::build_with(&reading.resources().0, &reading.symbolic).problems;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].message.contains("{{resolve:ssm:/mesh}}"), "{told:?}");
    assert!(
        template_text(&reading).contains("{{resolve:ssm:/mesh}}"),
        "CloudFormation gets it back as it was"
    );
}

#[test]
fn what_a_template_allows_a_parameter_to_be_becomes_conditions_of_the_variable() {
    let reading = symbolic(
        &[(
            "t.yaml",
            "
Parameters:
  Env: {Type: String, AllowedPattern: '[a-z]+\\d', ConstraintDescription: letters and a digit, MinLength: 2}
  Zones: {Type: CommaDelimitedList, AllowedValues: [a, b]}
  Port: {Type: Number, MinValue: '1', MaxValue: 65535}
  Java: {Type: String, AllowedPattern: '(?!x).*'}
Resources:
  M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: !Sub ['${Env}-${Port}-${Java}-${Z}', {Z: !Join ['', !Ref Zones]}]}}
",
        )],
        &[],
    );
    let configuration = terraform::build_with(&reading.resources().0, &reading.symbolic);
    assert_eq!(configuration.problems, []);
    let conditions: Vec<&str> = configuration
        .text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("condition     = "))
        .collect();
    assert_eq!(
        conditions,
        [
            "length(var.env) >= 2",
            "can(regex(\"^(?:[a-z]+\\\\d)$\", var.env))",
            "var.port >= 1",
            "var.port <= 65535",
            "alltrue([for value in var.zones : contains([\"a\", \"b\"], value)])",
        ]
    );
}
