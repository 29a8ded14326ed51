//! Templates together, and values that only the user has.

use crate::frontend::{Input, Options, Reading, read, read_with};
use meshform_model::diag::Severity;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

const INFRA: &str = "
Parameters: {Env: {Type: String, Default: staging}}
Resources:
  M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: !Sub '${Env}-depot'}}
Outputs:
  MeshName: {Value: !GetAtt M.MeshName, Export: {Name: !Sub '${Env}:MeshName'}}
  Domain: {Value: !Sub '${Env}.depot.internal', Export: {Name: !Sub '${Env}:Domain'}}
";
const VAN: &str = "
Parameters: {Env: {Type: String, Default: staging}}
Resources:
  Node:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: {'Fn::ImportValue': !Sub '${Env}:MeshName'}
      VirtualNodeName: van
      Spec:
        Listeners: [{PortMapping: {Port: 80, Protocol: http}}]
        ServiceDiscovery: {DNS: {Hostname: {'Fn::Sub': ['van.${D}', {D: {'Fn::ImportValue': !Sub '${Env}:Domain'}}]}}}
";

fn inputs(files: &[(&str, &str)]) -> Vec<Input> {
    let input = |(name, text): &(&str, &str)| Input {
        name: (*name).to_owned(),
        bytes: text.as_bytes().to_vec(),
        named: true,
    };
    files.iter().map(input).collect()
}

fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

fn keys(reading: &Reading) -> Vec<String> {
    let keys = reading.found.iter().filter_map(|found| found.key.as_ref());
    keys.map(|key| key.path()).collect()
}

fn messages(reading: &Reading) -> Vec<String> {
    let all = reading.all_problems().into_iter();
    all.map(|problem| format!("{} | {}", problem.message, problem.help.unwrap_or_default()))
        .collect()
}

fn spec(reading: &Reading, at: usize) -> Json {
    reading.found[at].body.get("spec").unwrap().to_json().unwrap()
}

#[test]
fn an_export_of_the_inputs_is_the_value_of_the_import() {
    for files in [
        [("infra.yaml", INFRA), ("van.yaml", VAN)],
        [("van.yaml", VAN), ("infra.yaml", INFRA)],
    ] {
        let reading = read(inputs(&files), &Options::default());
        assert_eq!(messages(&reading), Vec::<String>::new());
        let mut found = keys(&reading);
        found.sort();
        assert_eq!(
            found,
            ["mesh/staging-depot", "mesh/staging-depot/virtualNode/van"]
        );
    }
}

#[test]
fn what_no_input_has_is_asked_for_by_the_option_that_gives_it() {
    let reading = read(inputs(&[("van.yaml", VAN)]), &Options::default());
    let told = messages(&reading).join("\n");
    assert!(told.contains("`--import staging:MeshName=VALUE`"), "{told}");
    assert!(told.contains("`--import staging:Domain=VALUE`"), "{told}");
    let options = Options {
        imports: given(&[("staging:MeshName", "m"), ("staging:Domain", "d")]),
        ..Options::default()
    };
    let reading = read(inputs(&[("van.yaml", VAN)]), &options);
    assert_eq!(messages(&reading), Vec::<String>::new());
    assert_eq!(spec(&reading, 0)["serviceDiscovery"]["dns"]["hostname"], "van.d");
    assert_eq!(reading.misused, []);
}

#[test]
fn attributes_are_given_or_follow_from_what_the_template_writes() {
    let template = "
Resources:
  M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}
  Alb: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Name: x}}
  Sd: {Type: AWS::ServiceDiscovery::Service, Properties: {Name: !Join ['-', [truck, '1']]}}
  A:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt M.MeshName
      VirtualNodeName: a
      Spec: {ServiceDiscovery: {DNS: {Hostname: !GetAtt Alb.DNSName}}}
  B:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt M.MeshName
      VirtualNodeName: b
      Spec:
        ServiceDiscovery:
          AWSCloudMap: {NamespaceName: n, ServiceName: !GetAtt Sd.Name, Attributes: [{Key: arn, Value: !GetAtt A.Arn}]}
";
    let reading = read(inputs(&[("t.yaml", template)]), &Options::default());
    let told = messages(&reading).join("\n");
    assert!(
        told.contains("give it with `--attribute Alb.DNSName=VALUE`"),
        "{told}"
    );
    assert!(!told.contains("Sd.Name"), "{told}");
    let options = Options {
        attributes: given(&[("Alb.DNSName", "alb.example")]),
        parameters: given(&[("AWS::Region", "eu-west-1"), ("AWS::AccountId", "123456789012")]),
        ..Options::default()
    };
    let reading = read(inputs(&[("t.yaml", template)]), &options);
    assert_eq!(messages(&reading), Vec::<String>::new());
    assert_eq!(
        spec(&reading, 1)["serviceDiscovery"]["dns"]["hostname"],
        "alb.example"
    );
    let map = &spec(&reading, 2)["serviceDiscovery"]["awsCloudMap"];
    assert_eq!(map["serviceName"], "truck-1");
    assert_eq!(
        map["attributes"],
        json!([{"key": "arn", "value": "arn:aws:appmesh:eu-west-1:123456789012:mesh/m/virtualNode/a"}])
    );
}

#[test]
fn values_for_which_no_template_asks_are_refused_with_the_nearest_name() {
    let options = Options {
        parameters: given(&[("Evn", "x")]),
        imports: given(&[("staging:MeshNam", "x")]),
        attributes: given(&[("Node.Arn", "x")]),
        ..Options::default()
    };
    let reading = read(inputs(&[("van.yaml", VAN)]), &options);
    let told: Vec<String> = reading
        .misused
        .iter()
        .map(|problem| format!("{} | {}", problem.message, problem.help.clone().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            "`--parameter Evn=…`: no template uses it | did you mean `Env`?",
            "`--import staging:MeshNam=…`: no template uses it | did you mean `staging:MeshName`?",
            "`--attribute Node.Arn=…`: no template uses it | the inputs use no attribute",
        ]
    );
}

#[test]
fn a_nested_stack_is_read_with_the_parameters_that_it_is_given() {
    let parent = "
Parameters: {Stage: {Type: String, Default: prod}}
Resources:
  Base:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: ./nested/infra.yaml, Parameters: {Env: !Ref Stage}}
  Node:
    Type: AWS::AppMesh::VirtualNode
    Properties: {MeshName: !GetAtt Base.Outputs.MeshName, VirtualNodeName: n, Spec: {}}
";
    let mut asked = Vec::new();
    let reading = read_with(
        inputs(&[("stacks/parent.yaml", parent)]),
        &Options::default(),
        &mut |file| {
            asked.push(file.to_owned());
            (file == "stacks/nested/infra.yaml").then(|| INFRA.as_bytes().to_vec())
        },
    );
    assert_eq!(messages(&reading), Vec::<String>::new());
    assert_eq!(
        keys(&reading),
        ["mesh/prod-depot/virtualNode/n", "mesh/prod-depot"]
    );
    assert_eq!(asked, ["stacks/nested/infra.yaml"]);
    // Without the file, the attribute can be given.
    let told = messages(&read(inputs(&[("parent.yaml", parent)]), &Options::default())).join("\n");
    assert!(told.contains("--attribute Base.Outputs.MeshName=VALUE"), "{told}");
}

#[test]
fn stacks_that_nest_or_import_one_another_in_a_circle_end() {
    let nest = "
Resources:
  S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: b.yaml}}
  M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: !GetAtt S.Outputs.X}}
Outputs: {X: {Value: !GetAtt S.Outputs.X}}
";
    let other = nest.replace("b.yaml", "a.yaml");
    let reading = read(
        inputs(&[("a.yaml", nest), ("b.yaml", &other)]),
        &Options::default(),
    );
    assert!(
        messages(&reading).iter().any(|told| told.contains("in a circle")),
        "{:?}",
        messages(&reading)
    );
    let import = |own: &str, other: &str| {
        format!(
            "Resources: {{M: {{Type: AWS::AppMesh::Mesh, Properties: {{MeshName: !ImportValue {own}}}}}}}\nOutputs: {{O: \
             {{Value: !ImportValue {other}, Export: {{Name: {own}}}}}}}\n"
        )
    };
    let reading = read(
        inputs(&[("a.yaml", &import("a", "b")), ("b.yaml", &import("b", "a"))]),
        &Options::default(),
    );
    assert!(
        messages(&reading).iter().any(|told| told.contains("circular")),
        "{:?}",
        messages(&reading)
    );
}

#[test]
fn a_folder_of_addons_is_one_template() {
    let mesh = "Resources: {Mesh: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}}\n";
    let router = "
Resources:
  Router:
    Type: AWS::AppMesh::VirtualRouter
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualRouterName: r
      Spec: {Listeners: [{PortMapping: {Port: 80, Protocol: http}}]}
";
    let files = [
        ("copilot/api/addons/1.yml", mesh),
        ("copilot/api/addons/2.yml", router),
    ];
    let reading = read(inputs(&files), &Options::default());
    assert_eq!(messages(&reading), Vec::<String>::new());
    assert_eq!(keys(&reading), ["mesh/m", "mesh/m/virtualRouter/r"]);
    let clash = mesh.replace("MeshName: m", "MeshName: other");
    let files = [("addons/1.yml", mesh), ("addons/2.yml", clash.as_str())];
    let reading = read(inputs(&files), &Options::default());
    let problem = &reading.problems[0];
    assert!(
        problem.severity == Severity::Error && problem.places.len() == 2,
        "{problem:?}"
    );
}

#[test]
fn an_assembly_of_the_cdk_says_where_its_stacks_are() {
    let manifest = r#"{"version": "36.0.0", "artifacts": {
        "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}},
        "Shop": {"type": "aws:cloudformation:stack", "environment": "aws://123456789012/eu-west-1",
                 "properties": {"templateFile": "Shop.template.json", "parameters": {"Env": "prod"}}}}}"#;
    let template = r#"{"Parameters": {"Env": {"Type": "String"}}, "Resources": {
        "Mesh": {"Type": "AWS::AppMesh::Mesh", "Properties": {"MeshName": {"Fn::Sub": "${Env}-${AWS::AccountId}"}}}}}"#;
    let reading = read_with(
        inputs(&[("cdk.out/manifest.json", manifest)]),
        &Options::default(),
        &mut |file| (file == "cdk.out/Shop.template.json").then(|| template.as_bytes().to_vec()),
    );
    assert_eq!(messages(&reading), Vec::<String>::new());
    assert_eq!(keys(&reading), ["mesh/prod-123456789012"]);
}

#[test]
fn the_owner_of_the_mesh_is_kept() {
    let template = "
Resources:
  Node:
    Type: AWS::AppMesh::VirtualNode
    Properties: {MeshName: m, MeshOwner: '123456789012', VirtualNodeName: n, Spec: {}}
";
    let (resources, _) = read(inputs(&[("t.yaml", template)]), &Options::default()).resources();
    assert_eq!(crate::api::build(&resources)[0]["meshOwner"], "123456789012");
    let emitted = crate::cloudformation::build(&resources).json;
    let properties = &emitted["Resources"]["VirtualNodeN"]["Properties"];
    assert_eq!(properties["MeshOwner"], "123456789012");
    assert!(crate::terraform::build(&resources).contains("mesh_owner = \"123456789012\""));
}

#[test]
fn a_nested_stack_whose_condition_does_not_hold_is_not_read() {
    let parent = "
Parameters: {Blue: {Type: String, Default: 'no'}}
Conditions: {IsBlue: !Equals [!Ref Blue, 'yes'], IsGreen: !Not [!Condition IsBlue]}
Resources:
  BlueStack: {Type: AWS::CloudFormation::Stack, Condition: IsBlue, Properties: {TemplateURL: middle.yaml}}
  GreenStack:
    Type: AWS::CloudFormation::Stack
    Condition: IsGreen
    Properties: {TemplateURL: mesh.yaml, Parameters: {Name: green}}
  Importing: {Type: AWS::AppMesh::VirtualNode, Properties: {MeshName: !ImportValue Mesh, VirtualNodeName: n, Spec: {}}}
";
    let middle = "
Resources:
  S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: mesh.yaml, Parameters: {Name: blue}}}
  Task: {Type: AWS::ECS::TaskDefinition, Properties: {Family: f, ContainerDefinitions: []}}
";
    let mesh = "
Parameters: {Name: {Type: String}}
Resources: {M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: !Ref Name}}}
Outputs: {M: {Value: !GetAtt M.MeshName, Export: {Name: Mesh}}}
";
    let files = [("p.yaml", parent), ("middle.yaml", middle), ("mesh.yaml", mesh)];
    for (blue, expected, tasks) in [("no", "green", 0), ("yes", "blue", 1)] {
        let options = Options {
            parameters: given(&[("Blue", blue)]),
            ..Options::default()
        };
        let reading = read(inputs(&files), &options);
        // The other stack exports the same name, which is no clash.
        assert_eq!(messages(&reading), Vec::<String>::new());
        let mut found = keys(&reading);
        found.sort();
        let mesh = format!("mesh/{expected}");
        assert_eq!(found, [mesh.clone(), format!("{mesh}/virtualNode/n")]);
        assert_eq!(reading.tasks.len(), tasks);
    }
}

#[test]
fn a_condition_of_a_nested_stack_may_need_what_another_exports() {
    let top = "
Resources:
  A:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: a.yaml, Parameters: {Env: !ImportValue Env}}
Outputs: {Env: {Value: prod, Export: {Name: Env}}}
";
    let a = "
Parameters: {Env: {Type: String}}
Conditions: {IsProd: !Equals [!Ref Env, prod]}
Resources: {B: {Type: AWS::CloudFormation::Stack, Condition: IsProd, Properties: {TemplateURL: b.yaml}}}
";
    let b = "
Resources: {M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}}
Outputs: {M: {Value: m, Export: {Name: Mesh}}}
";
    let files = [("top.yaml", top), ("a.yaml", a), ("b.yaml", b)];
    let reading = read(inputs(&files), &Options::default());
    assert_eq!(messages(&reading), Vec::<String>::new());
    assert_eq!(keys(&reading), ["mesh/m"]);
}

#[test]
fn a_nested_stack_without_a_mesh_asks_for_no_value() {
    let parent = "
Parameters: {Key: {Type: String}}
Conditions: {HasKey: !Not [!Equals [!Ref Key, '']]}
Resources:
  Bastion: {Type: AWS::CloudFormation::Stack, Condition: HasKey, Properties: {TemplateURL: bastion.yaml}}
  M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}
";
    let bastion = "Resources: {Host: {Type: AWS::EC2::Instance}}\n";
    let files = [("p.yaml", parent), ("bastion.yaml", bastion)];
    let reading = read(inputs(&files), &Options::default());
    assert_eq!(messages(&reading), Vec::<String>::new());
    assert_eq!(keys(&reading), ["mesh/m"]);
}

#[test]
fn a_nested_template_may_lie_in_a_folder_called_addons() {
    let parent = "
Resources:
  Base: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: addons/infra.yaml}}
";
    let reading = read_with(
        inputs(&[("parent.yaml", parent)]),
        &Options::default(),
        &mut |file| (file == "addons/infra.yaml").then(|| INFRA.as_bytes().to_vec()),
    );
    assert_eq!(messages(&reading), Vec::<String>::new());
    assert_eq!(keys(&reading), ["mesh/staging-depot"]);
}
