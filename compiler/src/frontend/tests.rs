use super::*;
use meshform_model::diag::Severity;
use proptest::prelude::*;

fn read_one(name: &str, text: &str) -> Reading {
    read_with(name, text, &Options::default())
}

fn read_with(name: &str, text: &str, options: &Options) -> Reading {
    let input = Input {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
        named: true,
    };
    read(vec![input], options)
}

/// The keys found and the problems told, with their places.
fn told(reading: &Reading) -> String {
    let mut lines: Vec<String> = reading
        .found
        .iter()
        .map(|found| match &found.key {
            Some(key) => format!("{} as {}", key.path(), found.label),
            None => format!("a {} without key", found.kind),
        })
        .collect();
    for problem in reading.all_problems() {
        let at = problem.places.first().and_then(|place| place.span);
        let at = at.and_then(|span| reading.sources.locate(span));
        let at = at.map_or("-".to_owned(), |at| format!("{}:{}", at.line, at.column));
        lines.push(format!("{at} {problem}"));
    }
    lines.join("\n")
}

#[test]
fn what_the_aws_cli_takes_and_gives() {
    let taken = r#"{"meshName": "m", "virtualServiceName": "s.local", "clientToken": "x",
        "spec": {"provider": {"virtualNode": {"virtualNodeName": "n"}}}, "tags": [{"key": "a", "value": "b"}]}"#;
    let given = r#"{"route": {"meshName": "m", "virtualRouterName": "r", "routeName": "x",
        "spec": {"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": [{"virtualNode": "n", "weight": 1}]}}},
        "metadata": {"arn": "arn:aws:appmesh:us-east-1:123456789012:mesh/m/virtualRouter/r/route/x", "uid": "u",
            "version": 3, "createdAt": 1790726399.5, "lastUpdatedAt": "2026-01-01T00:00:00Z",
            "meshOwner": "123456789012", "resourceOwner": "123456789012"},
        "status": {"status": "ACTIVE"}}}"#;
    let both = format!("[{taken}, {given}]");
    let reading = read_one("x.json", &both);
    insta::assert_snapshot!(told(&reading), @r"
    mesh/m/virtualService/s.local as s.local
    mesh/m/virtualRouter/r/route/x as x
    ");
    let (resources, problems) = reading.resources();
    assert_eq!(problems, []);
    assert_eq!(resources[0].tags["a"], "b");
    let identity = resources[1].identity.as_ref().unwrap();
    assert_eq!(
        (identity.version, identity.created_at.as_str()),
        (3, "2026-09-29T23:59:59Z")
    );
}

#[test]
fn names_that_were_options_of_the_aws_cli_are_asked_for() {
    let route = r#"{"spec": {"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": [{"virtualNode": "n", "weight": 101}]}}}}"#;
    let gateway_route = r#"{"meshName": "m", "virtualGatewayName": "g", "spec": {"httpRoute": {"match": {"prefix": "/"},
        "action": {"target": {"virtualService": {"virtualServiceName": "s"}}}}}}"#;
    let service = r#"{"virtualServiceName": "s", "spec": {}}"#;
    insta::assert_snapshot!(
        [route, gateway_route, service]
            .map(|text| told(&read_one("x.json", text)))
            .join("\n\n")
    );
    let options = Options {
        mesh: Some("m".into()),
        ..Options::default()
    };
    assert_eq!(
        told(&read_with("x.json", service, &options)),
        "mesh/m/virtualService/s as s"
    );
}

#[test]
fn expressions_without_a_value_are_told_once_and_stay() {
    let template = "
Parameters:
  Name: {Type: String}
  Port: {Type: Number}
  Stored: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /path}
Resources:
  Node:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !Sub '${Name}-mesh'
      MeshOwner: !Ref AWS::AccountId
      Spec:
        Listeners: [{PortMapping: {Port: !Ref Port, Protocol: http}}]
        ServiceDiscovery: {DNS: {Hostname: !Sub '${Name}.${Stored}.${!literal}'}}
  Other:
    Type: AWS::AppMesh::Wrong
    Properties: {MeshName: !GetAtt Node.MeshName}
  Third:
    Type: AWS::AppMesh::VirtualRouter
    Condition: Nowhere
    Properties:
      MeshName: !GetAtt Node.MeshName
      VirtualRouterName: !Select [1, !Split [',', 'a,b']]
      Spec: {Listeners: [{PortMapping: {Port: !FindInMap [Ports, !Ref Name, x], Protocol: http}}]}
";
    let reading = read_one("t.yaml", template);
    insta::assert_snapshot!(told(&reading));
    let (_, problems) = reading.resources();
    insta::assert_snapshot!(
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    );
    let options = Options {
        parameters: [
            ("Name", "n"),
            ("Port", "80"),
            ("Stored", "s"),
            ("AWS::AccountId", "123456789012"),
        ]
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .into(),
        ..Options::default()
    };
    let reading = read_with("t.yaml", template, &options);
    let node = &reading.found[0];
    assert!(node.problems.is_empty(), "{:?}", node.problems);
    assert_eq!(
        node.body.to_json().unwrap()["spec"]["serviceDiscovery"]["dns"]["hostname"],
        "n.s.${literal}"
    );
}

#[test]
fn expressions_that_lead_in_a_circle_end() {
    let template = "
Conditions: {A: !Condition B, B: !Condition A}
Resources:
  X: {Type: 'AWS::AppMesh::Mesh', Condition: A, Properties: {MeshName: !GetAtt Y.MeshName}}
  Y: {Type: 'AWS::AppMesh::VirtualRouter', Properties: {MeshName: !GetAtt X.MeshName, Spec: {}}}
";
    let reading = read_one("t.yaml", template);
    assert!(
        reading.problems.iter().any(|p| p.message.contains("circular")),
        "{}",
        told(&reading)
    );
}

/// Found by the fuzz target `forms`: each turn of the circle doubled the work.
#[test]
fn a_condition_that_needs_itself_twice_is_told_at_once() {
    let template = r#"
Conditions:
  Canary: !Not [!Or [!Condition Canary, !Condition Canary, !Equals ["a", "a"]]]
Resources:
  Gone:
    Type: AWS::AppMesh::Mesh
    Condition: Canary
  Mesh:
    Type: AWS::AppMesh::Mesh
    Properties:
      MeshName: !Join ["", [!GetAtt Mesh.MeshName, !GetAtt Mesh.MeshName]]
"#;
    let begun = std::time::Instant::now();
    let told = told(&read_one("x.yaml", template));
    assert!(told.contains("`Canary` refers to itself"), "{told}");
    assert!(told.contains("`Mesh.MeshName` refers to itself"), "{told}");
    // A second is a thousand times what it takes; without the check it never ends.
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn inputs_of_other_forms_are_named() {
    let cases = [
        (
            "a.yaml",
            "apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: Pod\n",
        ),
        ("b.json", "[]"),
        ("c.json", r#"{"a": 1}"#),
        ("d.tf", "resource x y {}"),
        ("e.yaml", "# nothing\n"),
        (
            "f.json",
            r#"{"terraform_version": "0.11", "version": 3, "modules": []}"#,
        ),
        (
            "g.tfstate",
            r#"{"terraform_version": "1.11.4", "version": 4, "resources": []}"#,
        ),
        ("h.yaml", "just words"),
        ("i.json", "{\"meshName\": \"a\u{0}\"}"),
    ];
    let all: Vec<String> = cases
        .iter()
        .map(|(name, text)| format!("{name}\n{}", told(&read_one(name, text))))
        .collect();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn what_a_folder_holds_beside_the_mesh_is_no_error() {
    let input = |name: &str, text: &str| Input {
        name: name.into(),
        bytes: text.as_bytes().to_vec(),
        named: false,
    };
    let inputs = vec![
        input("chart.yaml", "{{ if }}\nx: [\n"),
        input("package.json", r#"{"name": "x"}"#),
        input("mesh.yaml", "meshName: m\n"),
    ];
    let reading = read(inputs, &Options::default());
    assert_eq!(reading.found.len(), 1);
    assert!(
        reading.problems.iter().all(|p| p.severity == Severity::Warning),
        "{}",
        told(&reading)
    );
}

#[test]
fn states_of_both_providers_and_what_terraform_shows() {
    let attributes = |name: &str| {
        format!(
            r#"{{"name": "{name}", "mesh_name": "m", "spec": [{{"listener": [{{"port_mapping": [{{"port": 80, "protocol": "http"}}]}}]}}], "tags": {{}}}}"#
        )
    };
    let state = format!(
        r#"{{"version": 4, "terraform_version": "1.11.4", "resources": [
        {{"mode": "managed", "type": "aws_appmesh_virtual_router", "name": "r", "module": "module.m", "instances": [
            {{"schema_version": 0, "index_key": "a", "attributes": {a}}},
            {{"schema_version": 0, "deposed": "x", "attributes": {b}}}]}},
        {{"mode": "managed", "type": "appmesh_virtual_router", "name": "r", "instances": [
            {{"schema_version": 1000, "index_key": 1, "attributes": {c}}}]}},
        {{"mode": "data", "type": "aws_appmesh_virtual_router", "name": "d", "instances": [{{"attributes": {b}}}]}},
        {{"mode": "managed", "type": "aws_appmesh_new_thing", "name": "d", "instances": []}},
        {{"mode": "managed", "type": "aws_instance", "name": "d", "instances": []}}]}}"#,
        a = attributes("a"),
        b = attributes("b"),
        c = attributes("c"),
    );
    let shown = format!(
        r#"{{"format_version": "1.0", "terraform_version": "1.11.4", "values": {{"root_module": {{"child_modules": [
        {{"resources": [{{"address": "module.m.aws_appmesh_virtual_router.r", "mode": "managed",
        "type": "aws_appmesh_virtual_router", "schema_version": 0, "values": {}}}]}}]}}}}}}"#,
        attributes("s")
    );
    insta::assert_snapshot!([state, shown].map(|text| told(&read_one("x.json", &text))).join("\n\n"), @r#"
    mesh/m/virtualRouter/a as module.m.aws_appmesh_virtual_router.r["a"]
    mesh/m/virtualRouter/c as appmesh_virtual_router.r[1]
    8:9 warning[MF0610]: the type `aws_appmesh_new_thing` is not known

    mesh/m/virtualRouter/s as module.m.aws_appmesh_virtual_router.r
    "#);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(name in "x\\.(json|yaml|tfstate|txt)", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzzing::forms(&name, &bytes);
    }

    #[test]
    fn no_template_makes_it_panic(
        key in "(Ref|Fn::[A-Z][a-z]{1,8}|Condition|AWS::NoValue|MeshName|Type|Spec)",
        function in "(Ref|Sub|GetAtt|If|Join|Select|Split|FindInMap|Equals|And|Or|Not|Condition|Cidr)",
        argument in "(\\[\\]|\\[1, \\[a\\]\\]|\\$\\{\\$\\{a.b\\}|'\\$\\{!\\}\\$\\{'|a.b.c|\\{\\}|~|\\[A, \\[x, y\\], \\{Ref: A\\}\\])",
    ) {
        let text = format!(
            "Conditions: {{A: !{function} {argument}}}\nMappings: {{A: {{x: {{y: 1}}}}}}\nResources:\n  X:\n    Type: \
             AWS::AppMesh::Mesh\n    Condition: A\n    Properties:\n      MeshName: !{function} {argument}\n      \
             Spec: {{{key}: !{function} {argument}}}\n"
        );
        let _ = read_one("t.yaml", &text).resources();
    }
}

#[test]
fn a_kind_without_one_of_the_fields_is_none_that_a_body_may_be() {
    // A router's listeners have no TLS; and what jq fills in is no ARN yet.
    let body = r#"{"meshName": "m", "spec": {"listeners": [{"portMapping": {"port": 9080, "protocol": "http"},
        "tls": {"mode": "STRICT", "certificate": {"acm": {"certificateArn": $CERTIFICATE_ARN}}}}]}}"#;
    let told = told(&read_one("shop-vg.json", body));
    assert!(
        told.contains("may be a virtual node or a virtual gateway"),
        "{told}"
    );
}

#[test]
fn a_body_that_may_be_of_several_kinds_is_not_guessed() {
    let body =
        r#"{"meshName": "m", "spec": {"listeners": [{"portMapping": {"port": 9080, "protocol": "http"}}]}}"#;
    let told = told(&read_one("shop-vg.json", body));
    assert!(
        told.contains("may be a virtual node, a virtual router or a virtual gateway"),
        "{told}"
    );
    let options = Options {
        kind: Some(Kind::VirtualGateway),
        name: Some("edge".to_owned()),
        ..Options::default()
    };
    let reading = read_with("shop-vg.json", body, &options);
    assert_eq!(keys(&reading), ["mesh/m/virtualGateway/edge"]);
    assert_eq!(reading.misused, []);
    let options = Options {
        kind: Some(Kind::VirtualGateway),
        ..Options::default()
    };
    assert_eq!(
        keys(&read_with("dir/shop-vg.json", body, &options)),
        ["mesh/m/virtualGateway/shop-vg"]
    );
    let named = r#"{"meshName": "m", "virtualRouterName": "r", "spec": {}}"#;
    let options = Options {
        name: Some("x".to_owned()),
        ..Options::default()
    };
    assert_eq!(read_with("r.json", named, &options).misused.len(), 1);
}

#[test]
fn a_mesh_is_a_mesh_and_lists_hold_what_they_say() {
    let mesh = r#"{"meshName": "m", "spec": {"serviceDiscovery": {"ipPreference": "IPv4_ONLY"}}}"#;
    assert_eq!(keys(&read_one("x.json", mesh)), ["mesh/m"]);
    let route = r#"{"meshName": "m", "spec": {"tcpRoute": {"action": {"weightedTargets": [{"virtualNode": "n", "weight": 1}]}}}}"#;
    let options = Options {
        parent: Some("r".to_owned()),
        ..Options::default()
    };
    assert_eq!(
        keys(&read_with("blue.json", route, &options)),
        ["mesh/m/virtualRouter/r/route/blue"]
    );
    let list =
        r#"{"virtualNodes": [{"arn": "a", "meshName": "m", "virtualNodeName": "n"}], "nextToken": "x"}"#;
    let reading = read_one("list.json", list);
    assert_eq!(keys(&reading), Vec::<String>::new());
    assert!(
        told(&reading).contains("names of virtual nodes"),
        "{}",
        told(&reading)
    );
}

fn keys(reading: &Reading) -> Vec<String> {
    let keys = reading.found.iter().filter_map(|found| found.key.as_ref());
    keys.map(|key| key.path()).collect()
}
