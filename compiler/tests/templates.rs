//! Nothing of a template is passed over: what cannot be read, or cannot be right, is told with what to do.

use meshform_compiler::frontend::{self, Input, Options, Reading};

fn read(text: &str, parameters: &[(&str, &str)]) -> Reading {
    let given = parameters.iter();
    let options = Options {
        parameters: given.map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        ..Options::default()
    };
    let name = match text.starts_with('{') {
        true => "in/t.json",
        false => "in/t.yaml",
    };
    let input = Input {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
        named: true,
    };
    frontend::read(vec![input], &options)
}

/// Every problem: severity, code, the text at its place, message and help.
fn told(reading: &Reading) -> Vec<String> {
    let all = reading.all_problems().into_iter();
    all.map(|problem| {
        let at = problem.places.first().and_then(|place| place.span);
        let text = at.and_then(|at| {
            let (_, text) = reading.sources.get(at.source)?;
            text.get(at.start as usize..at.end as usize)
        });
        let kind = if problem.is_error() { "error" } else { "warning" };
        format!(
            "{kind} {} `{}`: {} | {}",
            problem.code.0,
            text.unwrap_or_default(),
            problem.message,
            problem.help.unwrap_or_default()
        )
    })
    .collect()
}

fn keys(reading: &Reading) -> Vec<String> {
    let keys = reading.found.iter().filter_map(|found| found.key.as_ref());
    keys.map(|key| key.path()).collect()
}

fn mesh(properties: &str) -> String {
    format!("Resources:\n  M: {{Type: AWS::AppMesh::Mesh, Properties: {{MeshName: {properties}}}}}\n")
}

const LOOPS: &str = "
Transform: AWS::LanguageExtensions
Parameters: {Names: {Type: CommaDelimitedList, Default: 'a-1,b'}}
Mappings: {Ports: {a-1: {Port: 81}, b: {Port: 82}}}
Resources:
  Mesh: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: shop}}
  'Fn::ForEach::Nodes':
    - Node
    - !Ref Names
    - 'Node&{Node}':
        Type: AWS::AppMesh::VirtualNode
        Properties:
          MeshName: !GetAtt Mesh.MeshName
          VirtualNodeName: !Ref Node
          Spec:
            Listeners: [{PortMapping: {Port: !FindInMap [Ports, !Ref Node, Port], Protocol: http}}]
            ServiceDiscovery: {DNS: {Hostname: !Sub '${Node}.local'}}
      'Service&{Node}':
        Type: AWS::AppMesh::VirtualService
        Properties:
          MeshName: !GetAtt Mesh.MeshName
          VirtualServiceName: !Sub '${Node}.shop'
          Spec: {Provider: {VirtualNode: {VirtualNodeName: !GetAtt ['Node&{Node}', VirtualNodeName]}}}
";

#[test]
fn loops_are_written_out() {
    let reading = read(LOOPS, &[]);
    assert_eq!(told(&reading), [""; 0]);
    let nodes = [
        "mesh/shop",
        "mesh/shop/virtualNode/a-1",
        "mesh/shop/virtualService/a-1.shop",
        "mesh/shop/virtualNode/b",
        "mesh/shop/virtualService/b.shop",
    ];
    assert_eq!(keys(&reading), nodes);
    let spec = |at: usize| reading.found[at].body.get("spec").unwrap().to_json().unwrap();
    assert_eq!(spec(1)["listeners"][0]["portMapping"]["port"], 81);
    assert_eq!(spec(2)["provider"]["virtualNode"]["virtualNodeName"], "a-1");
    assert_eq!(spec(3)["serviceDiscovery"]["dns"]["hostname"], "b.local");
    // A loop within a loop, and a list that the user gives.
    let nested = LOOPS.replace("'a-1,b'", "x").replace(
        "Listeners: [{PortMapping: {Port: !FindInMap [Ports, !Ref Node, Port], Protocol: http}}]",
        "'Fn::ForEach::Parts': [Part, [Listeners], {'${Part}': [{PortMapping: {Port: 80, Protocol: http}}]}]",
    );
    let reading = read(&nested, &[("Names", "c,d,e")]);
    assert_eq!(told(&reading), [""; 0]);
    assert_eq!(reading.found.len(), 7);
    assert!(
        reading.found[1]
            .body
            .get("spec")
            .unwrap()
            .get("listeners")
            .is_some()
    );
}

#[test]
fn loops_that_cannot_be_written_out_are_told() {
    let without = LOOPS.replace(", Default: 'a-1,b'", "");
    let all = told(&read(&without, &[]));
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].starts_with("error MF0615"), "{all:?}");
    assert!(
        all[0].contains("the list of `Fn::ForEach::Nodes` is not known here"),
        "{all:?}"
    );
    assert!(
        all[0].ends_with("give it with `--parameter Names=VALUE`"),
        "{all:?}"
    );
    let twice = LOOPS.replace("Node&{Node}':\n        Type", "Node':\n        Type");
    assert!(
        told(&read(&twice, &[]))
            .iter()
            .any(|one| one.contains("a loop makes `Node` twice"))
    );
    let wrong =
        "Resources: {'Fn::ForEach::X': [a, b], M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}}";
    let all = told(&read(wrong, &[]));
    assert!(
        all[0].contains("`Fn::ForEach::X` takes a name, a list and an object"),
        "{all:?}"
    );
    // Three loops within one another, of sixty turns each, would be a million values.
    let list = vec!["x"; 60].join(", ");
    let mut bomb = "{Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}".to_owned();
    for name in ["C", "B", "A"] {
        let key = if name == "C" {
            "X${A}${B}${C}"
        } else {
            "Fn::ForEach::Inner"
        };
        bomb = match name {
            "C" => format!("[C, [{list}], {{'{key}': {bomb}}}]"),
            _ => format!("[{name}, [{list}], {{'{key}': {bomb}}}]"),
        };
    }
    let all = told(&read(&format!("Resources:\n  'Fn::ForEach::A': {bomb}\n"), &[]));
    assert!(
        all.iter().any(|one| one.starts_with("error MF0602")),
        "{:?}",
        all.first()
    );
}

#[test]
fn templates_that_are_not_there_are_told() {
    let nested = "
Resources:
  Here: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./gone.yaml}}
  There: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: 'https://bucket/there.yaml'}}
  Third: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: !Sub 'https://${AWS::Region}/x.yaml'}}
  M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}
";
    assert_eq!(
        told(&read(nested, &[])),
        [
            "error MF0190 `Here`: the template of the nested stack `Here` is missing, and its resources are not \
             read | it is looked for at `in/gone.yaml`",
            "warning MF0190 `There`: the templates of the nested stack `There` and of 1 more are not read | if \
             they have mesh resources, give the path of each template's file in place of its URL",
        ]
    );
    let manifest = r#"{"version": "36.0.0", "artifacts": {
  "S": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "S.template.json"}},
  "P": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-P"}}}}"#;
    let all = told(&read(manifest, &[]));
    assert_eq!(all.len(), 2, "{all:?}");
    for (one, file) in all
        .iter()
        .zip(["in/S.template.json", "in/assembly-P/manifest.json"])
    {
        assert!(one.starts_with("error MF0190"), "{one}");
        assert!(
            one.contains(&format!("`{file}`, which the assembly names, is not there")),
            "{one}"
        );
    }
    let include = "
Resources:
  'Fn::Transform': {Name: AWS::Include, Parameters: {Location: 's3://b/x.yaml'}}
  M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}
";
    let all = told(&read(include, &[]));
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].starts_with("warning MF0190 `'Fn::Transform'`"), "{all:?}");
}

#[test]
fn every_resource_has_a_type() {
    let template = "
Resources:
  A: 3
  B: {}
  C: {type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}
  M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}
";
    assert_eq!(
        told(&read(template, &[])),
        [
            "error MF0610 `A`: the resource `A` is a number | a resource is an object with a `Type`",
            "error MF0610 `B`: the resource `B` has no `Type` | every resource of a template has one",
            "error MF0610 `C`: the resource `C` has no `Type` | write `Type` for `type`",
        ]
    );
}

#[test]
fn expressions_that_cannot_be_right_are_told() {
    let cases = [
        ("!Split [a]", "`Fn::Split` takes a delimiter and a text"),
        ("!Join ['', a]", "`Fn::Join` takes a delimiter and a list"),
        (
            "!Select [x, [a]]",
            "`Fn::Select` takes an index, from 0, and a list",
        ),
        (
            "!GetAtt M",
            "`Fn::GetAtt` takes the names of a resource and of an attribute",
        ),
        ("!Ref [a]", "`Ref` takes the name of a parameter or resource"),
        (
            "!ImportValue [a]",
            "`Fn::ImportValue` takes the name of an export",
        ),
        (
            "!FindInMap a",
            "`Fn::FindInMap` takes the names of a mapping and of two keys",
        ),
        (
            "{'Fn::Sbu': a}",
            "CloudFormation has no function `Fn::Sbu` | did you mean `Fn::Sub`?",
        ),
        (
            "!Ref Nmae",
            "the template has no parameter or resource `Nmae` | if another template has it, give its value with \
             `--parameter Nmae=VALUE`",
        ),
        (
            "!GetAtt Mesh.MeshName",
            "the template has no resource `Mesh` | if another template has it, give its value with `--attribute \
             Mesh.MeshName=VALUE`",
        ),
    ];
    for (expression, expected) in cases {
        let all = told(&read(&mesh(expression), &[]));
        assert_eq!(all.len(), 1, "{expression}: {all:?}");
        assert!(all[0].starts_with("error MF0615"), "{all:?}");
        assert!(all[0].contains(expected), "{expression}: {all:?}");
    }
    let conditions = |declared: &str| {
        let text = format!("Conditions: {declared}\n{}", mesh("!If [A, x, y]"));
        told(&read(&text, &[]))
    };
    let circle = conditions("{A: {Condition: B}, B: !Condition A}");
    assert!(
        circle[0].contains("`A` refers to itself: the expressions are circular"),
        "{circle:?}"
    );
    let text = conditions("{A: yes please}");
    assert!(
        text[0].contains("the condition `A` is not a condition function"),
        "{text:?}"
    );
    let none = conditions("{A: !Not [!Equals [a, b], !Equals [a, b]]}");
    assert!(
        none[0].contains("`Fn::Not` takes a list of one condition"),
        "{none:?}"
    );
    assert_eq!(conditions("{A: {Condition: B}, B: !Equals [a, a]}"), [""; 0]);
}

#[test]
fn a_dynamic_reference_has_no_value_here() {
    let template = "
Parameters: {P: {Type: String, Default: '{{resolve:ssm:/p}}'}}
Resources:
  M: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}
  N:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: m
      VirtualNodeName: n
      Spec: {ServiceDiscovery: {DNS: {Hostname: !Sub '{{resolve:ssm:/host}}.${P}'}}}
";
    let all = told(&read(template, &[]));
    assert!(
        !all.is_empty(),
        "a text that CloudFormation alone replaces is taken as it is"
    );
    for one in &all {
        assert!(one.starts_with("warning MF0609"), "{one}");
        assert!(
            one.contains("is known only once it is deployed | write the value literally"),
            "{one}"
        );
    }
}

#[test]
fn parameters_are_held_against_what_the_template_allows() {
    let template = format!(
        "
Parameters:
  Mode: {{Type: String, Default: 'off', AllowedValues: ['off', strict]}}
  Port: {{Type: Number, Default: 80, MinValue: 80, MaxValue: 90}}
  Secret: {{Type: String, NoEcho: true, MinLength: 3, Default: abc}}
  List: {{Type: List<Number>, Default: '1,2'}}
  Zone: {{Type: String, Default: a.local, AllowedPattern: '[a-z.]+', ConstraintDescription: letters and dots}}
  Zones: {{Type: CommaDelimitedList, Default: 'a,b', AllowedPattern: '[ab]'}}
  Java: {{Type: String, Default: x, AllowedPattern: '(?!y).*'}}
{}",
        mesh(
            "!Sub ['${Mode}${Port}${Secret}${Zone}${Java}${L}', {L: !Join ['', [!Join ['', !Ref List], !Join ['', !Ref Zones]]]}]"
        )
    );
    let given = |name, value| told(&read(&template, &[(name, value)]));
    assert_eq!(told(&read(&template, &[])), [""; 0]);
    assert_eq!(given("Mode", "strict"), [""; 0]);
    assert_eq!(
        given("Mode", "srict"),
        [
            "error MF0191 `['off', strict]`: `srict` is not allowed for the parameter `Mode` | the template allows `off`, \
          `strict`"
        ]
    );
    for (name, value, expected) in [
        (
            "Port",
            "91",
            "`91` is not allowed for the parameter `Port` | the template requires at most 90",
        ),
        ("Port", "7", "the template requires at least 80"),
        ("Port", "http", "the template requires a number"),
        ("List", "1,x", "`x` is not allowed for the parameter `List`"),
        (
            "Secret",
            "ab",
            "the value of the parameter `Secret` is not allowed | the template requires at least 3",
        ),
        (
            "Zone",
            "a.local2",
            "error MF0191 `'[a-z.]+'`: `a.local2` is not allowed for the parameter `Zone` | the template requires \
             a full match of `[a-z.]+`: letters and dots",
        ),
        ("Zones", "a,bb", "`bb` is not allowed for the parameter `Zones`"),
        (
            "Java",
            "z",
            "warning MF0191 `'(?!y).*'`: the value of the parameter `Java` is not checked against its pattern \
             `(?!y).*` |",
        ),
    ] {
        let all = given(name, value);
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].contains(expected), "{all:?}");
    }
}

#[test]
fn bodies_of_scripts_are_read_with_what_jq_fills_in() {
    let body = r#"{"meshName": "m", "virtualNodeName": "n",
 "spec": {"serviceDiscovery": {"dns": {"hostname": $DNS_HOSTNAME}}, "backends": []}}"#;
    let all = told(&read(body, &[]));
    assert_eq!(
        all,
        [
            "error MF0622 `$DNS_HOSTNAME`: `$DNS_HOSTNAME` is a variable that jq fills in | give it with \
          `--parameter DNS_HOSTNAME=VALUE`, or give the output of `jq -n --arg DNS_HOSTNAME VALUE -f FILE`"
        ]
    );
    let reading = read(body, &[("DNS_HOSTNAME", "n.local")]);
    assert_eq!(told(&reading), [""; 0]);
    assert!(reading.misused.is_empty());
    let spec = reading.found[0].body.get("spec").unwrap().to_json().unwrap();
    assert_eq!(spec["serviceDiscovery"]["dns"]["hostname"], "n.local");
    // A shell's placeholder within a text, as in manifests.
    let shell = body.replace("$DNS_HOSTNAME", "\"${HOST}.local\"");
    assert!(told(&read(&shell, &[]))[0].contains("`${HOST}` is a placeholder that a shell fills in"));
    assert_eq!(told(&read(&shell, &[("HOST", "n")])), [""; 0]);
    // What several commands wrote into one file.
    let reading = read(
        "{\"mesh\": {\"meshName\": \"m\", \"spec\": {}}}\n{\"mesh\": {\"meshName\": \"n\", \"spec\": {}}}\n",
        &[],
    );
    assert_eq!(told(&reading), [""; 0]);
    assert_eq!(keys(&reading), ["mesh/m", "mesh/n"]);
    assert!(told(&read("{} x", &[]))[0].starts_with("error MF0603"));
    // A list says no more than names; what is described beside it is all there.
    let arn = "arn:aws:appmesh:eu-west-1:123456789012:mesh/";
    let lists =
        format!("{{\"meshes\": [{{\"meshName\": \"m\", \"arn\": \"{arn}m\"}}, {{\"arn\": \"{arn}n\"}}]}}");
    let described = "{\"mesh\": {\"meshName\": \"m\", \"spec\": {}}}";
    let all = told(&read(&format!("{lists}{described}"), &[]));
    assert_eq!(
        all,
        [
            "warning MF0612 `\"meshes\"`: mesh `n` is listed, and no input describes it | give the output of `aws \
          appmesh describe-mesh` for each"
        ]
    );
}
