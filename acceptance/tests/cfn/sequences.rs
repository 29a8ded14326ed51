//! Whole operations of stacks: create, a create that fails, update, replacement, delete, two stacks in one mesh.

use crate::policy;
use crate::stack::{CloudFormation, Parameters, ended};
use crate::world::{World, template};
use meshform_store::Author;
use serde_json::{Value, json};

/// A mesh with a service of two nodes; the parameters say weights and names.
pub(crate) fn shop() -> Value {
    template(
        r#"
Transform: Meshform
Parameters:
  Weight: {Type: Number, Default: 90}
  CanaryName: {Type: String, Default: till-v2}
  Port: {Type: Number, Default: 8080}
Conditions:
  Bare: !Equals [!Ref Weight, 100]
Resources:
  Mesh:
    Type: AWS::AppMesh::Mesh
    Properties: {MeshName: apps}
  Till:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualNodeName: till
      Spec:
        Listeners: [{PortMapping: {Port: !Ref Port, Protocol: http}}]
        ServiceDiscovery: {DNS: {Hostname: !Sub "till.${AWS::StackName}.internal"}}
  Canary:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualNodeName: !Ref CanaryName
      Spec:
        Listeners: [{PortMapping: {Port: 8080, Protocol: http}}]
        ServiceDiscovery: {DNS: {Hostname: till-v2.internal}}
  Router:
    Type: AWS::AppMesh::VirtualRouter
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualRouterName: till
      Spec: {Listeners: [{PortMapping: {Port: !Ref Port, Protocol: http}}]}
  Route:
    Type: AWS::AppMesh::Route
    DependsOn: Router
    Properties:
      MeshName: apps
      VirtualRouterName: till
      RouteName: weighted
      Spec:
        HttpRoute:
          Match: {Prefix: /}
          Action:
            WeightedTargets:
              - {VirtualNode: !GetAtt Till.VirtualNodeName, Weight: !Ref Weight}
              - !If [Bare, !Ref "AWS::NoValue", {VirtualNode: !GetAtt Canary.VirtualNodeName, Weight: 10}]
  Service:
    Type: AWS::AppMesh::VirtualService
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualServiceName: till.apps.local
      Spec: {Provider: {VirtualRouter: {VirtualRouterName: !GetAtt Router.VirtualRouterName}}}
  Caller:
    Type: AWS::AppMesh::VirtualNode
    DependsOn: Service
    Properties:
      MeshName: apps
      VirtualNodeName: caller
      Spec: {Backends: [{VirtualService: {VirtualServiceName: till.apps.local}}]}
Outputs:
  Till: {Value: !Ref Till, Export: {Name: till-arn}}
  Service: {Value: !GetAtt Service.VirtualServiceName}
  Release: {Value: !GetAtt Caller.Release}
"#,
    )
}

fn with(pairs: &[(&str, &str)]) -> Parameters {
    pairs
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

/// What the route says now.
fn weights(world: &World) -> Value {
    let route = &world.bodies()["mesh/apps/virtualRouter/till/route/weighted"];
    route["spec"]["httpRoute"]["action"]["weightedTargets"].clone()
}

#[test]
fn a_stack_lives_from_create_to_delete() {
    let world = World::new(4);
    let mut cfn = CloudFormation::new(&world.lambda);
    cfn.twice = true;
    ended(cfn.create("shop", &shop(), &Parameters::new()), "CREATE_COMPLETE");
    let stack = &cfn.stacks["shop"];
    let arn = "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/till";
    assert_eq!(stack.outputs["Till"], arn);
    assert_eq!(stack.outputs["Service"], "till.apps.local");
    assert_eq!(stack.outputs["Release"], "released");
    let till = &stack.resources["Till"].attributes;
    assert_eq!(till["ResourceOwner"], "123456789012");
    assert!(world.is_published("virtualNode/caller"));
    let found = world.bodies();
    assert_eq!(
        found["mesh/apps/virtualNode/till"]["spec"],
        json!({"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": "till.shop.internal"}}})
    );
    // Each event came twice, and each resource was written once.
    assert!(
        world.records().iter().all(|record| record.version == 1),
        "{:?}",
        world.records()
    );

    // A canary goes: its targets first, then the node, as CloudFormation does it.
    let mut without = shop();
    without["Resources"].as_object_mut().unwrap().remove("Canary");
    let targets =
        &mut without["Resources"]["Route"]["Properties"]["Spec"]["HttpRoute"]["Action"]["WeightedTargets"];
    targets.as_array_mut().unwrap().pop();
    let only = with(&[("Weight", "100")]);
    ended(cfn.update("shop", &without, &only), "UPDATE_COMPLETE");
    assert_eq!(weights(&world), json!([{"virtualNode": "till", "weight": 100}]));
    assert!(!world.bodies().contains_key("mesh/apps/virtualNode/till-v2"));
    assert_eq!(
        cfn.update("shop", &without, &only).unwrap_err(),
        "No updates are to be performed."
    );

    let done = cfn.delete("shop");
    assert_eq!((done.status, done.reasons), ("DELETE_COMPLETE", Vec::new()));
    assert_eq!(world.paths(), Vec::<String>::new());
    policy::allows_all(&world.asked());
}

#[test]
fn another_name_replaces_and_a_failed_update_leads_back() {
    let world = World::new(3);
    let mut cfn = CloudFormation::new(&world.lambda);
    ended(cfn.create("shop", &shop(), &Parameters::new()), "CREATE_COMPLETE");
    ended(
        cfn.update("shop", &shop(), &with(&[("CanaryName", "till-v3")])),
        "UPDATE_COMPLETE",
    );
    assert_eq!(weights(&world)[1]["virtualNode"], "till-v3");
    let paths = world.paths();
    assert!(
        paths.contains(&"/virtualNode/till-v3".to_owned())
            && !paths.contains(&"/virtualNode/till-v2".to_owned())
    );

    // Now the canary is replaced again, and what comes after fails: a port that is not one.
    let before = world.bodies();
    let mut wrong = shop();
    wrong["Resources"]["Caller"]["Properties"]["Spec"]["Listeners"] =
        json!([{"PortMapping": {"Port": {"Fn::GetAtt": ["Canary", "Uid"]}, "Protocol": "http"}}]);
    let reasons = ended(
        cfn.update("shop", &wrong, &with(&[("CanaryName", "till-v4")])),
        "UPDATE_ROLLBACK_COMPLETE",
    );
    assert!(
        reasons[0].contains("Caller: [MF01") && reasons[0].contains("/Spec/Listeners/0/PortMapping/Port"),
        "{reasons:?}"
    );
    assert_eq!(world.bodies(), before);
    // The stack goes on from where it was.
    ended(
        cfn.update(
            "shop",
            &shop(),
            &with(&[("CanaryName", "till-v3"), ("Weight", "80")]),
        ),
        "UPDATE_COMPLETE",
    );
    assert_eq!(weights(&world)[0]["weight"], 80);
    assert_eq!(cfn.delete("shop").status, "DELETE_COMPLETE");
}

/// Eleven nodes; the last has a place in a mesh that another team's Terraform has filled.
fn nodes(count: usize) -> Value {
    let mut template = json!({"Transform": "Meshform", "Resources": {}});
    for number in 0..count {
        let after =
            (number == 10).then(|| json!((0..10).map(|one| format!("Node{one}")).collect::<Vec<_>>()));
        template["Resources"][format!("Node{number}")] = json!({
            "Type": "AWS::AppMesh::VirtualNode",
            "DependsOn": after.unwrap_or(json!([])),
            "Properties": {"MeshName": "apps", "VirtualNodeName": format!("n{number}"),
                "Spec": {"Listeners": [{"PortMapping": {"Port": 80, "Protocol": "tcp"}}]}},
        });
    }
    template
}

#[test]
fn ten_are_taken_over_the_eleventh_fails_and_the_store_equals_before() {
    let world = World::new(4);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, from: usize, to: usize| {
        let bodies: Vec<Value> = (from..to)
            .map(|number| {
                json!({"meshName": "apps", "virtualNodeName": format!("n{number}"), "spec": {"backends": []},
                    "metadata": {"arn": format!("arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/n{number}"),
                        "uid": format!("uid-{number}"), "meshOwner": "123456789012", "resourceOwner": "123456789012",
                        "createdAt": "2021-01-01T00:00:00Z", "lastUpdatedAt": "2022-01-01T00:00:00Z", "version": 7},
                    "status": {"status": "ACTIVE"}})
            })
            .collect();
        std::fs::write(folder.path().join(name), Value::Array(bodies).to_string()).unwrap();
    };
    write("ours.json", 0, 10);
    write("theirs.json", 10, 11);
    let adopt = ["adopt", "--store", &world.bucket.url, "--owner"];
    world.meshform(
        folder.path(),
        &[&adopt[..], &["cloudformation", "ours.json"]].concat(),
    );
    world.meshform(
        folder.path(),
        &[&adopt[..], &["terraform", "theirs.json"]].concat(),
    );
    let before = world.seen();
    assert_eq!(before.len(), 11);

    let mut cfn = CloudFormation::new(&world.lambda);
    let reasons = ended(
        cfn.create("shop", &nodes(11), &Parameters::new()),
        "ROLLBACK_COMPLETE",
    );
    assert!(
        reasons[0].contains("MF0982") && reasons[0].contains("owner `terraform`"),
        "{reasons:?}"
    );
    assert_eq!(world.seen(), before);

    // Ten alone are taken over, with what they were.
    ended(
        cfn.create("shop", &nodes(10), &Parameters::new()),
        "CREATE_COMPLETE",
    );
    assert_eq!(cfn.stacks["shop"].resources["Node3"].attributes["Uid"], "uid-3");
    let record = world
        .seen()
        .into_iter()
        .find(|record| record.key.name == "n3")
        .unwrap();
    assert_eq!((record.version, record.created_at), (8, before[3].created_at));
    assert_eq!(record.author.owner, "cloudformation:123456789012:eu-west-1:shop");
}

#[test]
fn two_stacks_share_a_mesh_and_do_not_take_from_each_other() {
    let world = World::new(3);
    let mut cfn = CloudFormation::new(&world.lambda);
    ended(cfn.create("shop", &shop(), &Parameters::new()), "CREATE_COMPLETE");
    let other = template(
        r#"
Transform: Meshform
Resources:
  Reports:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: apps
      VirtualNodeName: reports
      Spec: {Backends: [{VirtualService: {VirtualServiceName: till.apps.local}}]}
  Extra:
    Type: AWS::AppMesh::Route
    Properties:
      MeshName: apps
      VirtualRouterName: till
      RouteName: extra
      Spec: {Priority: 1, HttpRoute: {Match: {Prefix: /reports}, Action: {WeightedTargets: [{VirtualNode: till, Weight: 1}]}}}
"#,
    );
    ended(
        cfn.create("reports", &other, &Parameters::new()),
        "CREATE_COMPLETE",
    );

    // The same name in another stack.
    let mut same = other.clone();
    same["Resources"]["Reports"]["Properties"]["VirtualNodeName"] = json!("till");
    same["Resources"].as_object_mut().unwrap().remove("Extra");
    let reasons = ended(cfn.create("copy", &same, &Parameters::new()), "ROLLBACK_COMPLETE");
    assert!(
        reasons[0].contains("owner `cloudformation:123456789012:eu-west-1:shop`"),
        "{reasons:?}"
    );

    // What another stack's route leads to stays.
    let before = world.paths();
    let done = cfn.delete("shop");
    assert_eq!(done.status, "DELETE_FAILED");
    assert!(
        done.reasons.iter().any(|why| why.contains("MF0704")),
        "{:?}",
        done.reasons
    );
    assert!(
        world.paths().contains(&"/virtualNode/till".to_owned()),
        "{before:?}"
    );
    assert_eq!(cfn.delete("reports").status, "DELETE_COMPLETE");
    assert_eq!(cfn.delete("shop").status, "DELETE_COMPLETE");
    assert_eq!(world.paths(), Vec::<String>::new());
}

#[test]
fn many_resources_at_once_end_in_one_release() {
    let world = World::new(6);
    let mut cfn = CloudFormation::new(&world.lambda);
    let mut template = nodes(10);
    template["Resources"]["Mesh"] = json!({"Type": "AWS::AppMesh::Mesh", "Properties": {"MeshName": "apps"}});
    ended(
        cfn.create("shop", &template, &Parameters::new()),
        "CREATE_COMPLETE",
    );
    let authors: Vec<Author> = world.records().into_iter().map(|record| record.author).collect();
    assert_eq!(authors.len(), 11);
    // The last event saw everything.
    let folder = tempfile::tempdir().unwrap();
    let said = world.meshform(
        folder.path(),
        &["status", "--store", &world.bucket.url, "--format", "json"],
    );
    assert!(said.contains("\"current\""), "{said}");
    for number in 0..10 {
        assert!(world.is_published(&format!("virtualNode/n{number}")));
    }
}
