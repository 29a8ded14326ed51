//! A stack that holds `AWS::AppMesh::*` from before: first all of it is retained, then it is adopted, then the macro takes
//! over under other logical ids, or the mesh leaves the stack.

use crate::stack::{CloudFormation, Parameters, ended};
use crate::world::{World, template};
use serde_json::{Value, json};
use std::path::Path;

const NODE: &str = "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/till";
const MESH: &str = "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps";

const STACK: &str = r#"
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
        Listeners: [{PortMapping: {Port: 8080, Protocol: http}}]
        ServiceDiscovery: {DNS: {Hostname: till.internal}}
  Task:
    Type: AWS::ECS::TaskDefinition
    DependsOn: Till
    Properties: {Family: !Sub "till-${Till.VirtualNodeName}", Arn: !Ref Till}
Outputs:
  Node: {Value: !GetAtt Till.Arn, Export: {Name: till-node}}
  Uid: {Value: !GetAtt Till.Uid, Export: {Name: till-uid}}
"#;

/// What the API said of the mesh while it was there.
fn described() -> Value {
    let metadata = |arn: &str| {
        let uid = format!("uid-{}", arn.rsplit('/').next().unwrap());
        json!({"arn": arn, "uid": uid, "meshOwner": "123456789012", "resourceOwner": "123456789012",
            "createdAt": "2021-01-01T00:00:00Z", "lastUpdatedAt": "2022-01-01T00:00:00Z", "version": 3})
    };
    json!([
        {"mesh": {"meshName": "apps", "spec": {}, "metadata": metadata(MESH), "status": {"status": "ACTIVE"}}},
        {"virtualNode": {"meshName": "apps", "virtualNodeName": "till", "metadata": metadata(NODE),
            "status": {"status": "ACTIVE"},
            "spec": {"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
                "serviceDiscovery": {"dns": {"hostname": "till.internal"}}}}},
    ])
}

fn convert(world: &World, folder: &Path, options: &[&str]) -> Value {
    let arguments = [&["convert", "stack.yaml", "--to", "cloudformation"], options].concat();
    serde_json::from_str(&world.meshform(folder, &arguments)).unwrap()
}

/// The stack with its importer, the first step done, and the mesh adopted.
fn retained<'w>(world: &'w World, folder: &Path) -> CloudFormation<'w> {
    std::fs::write(folder.join("stack.yaml"), STACK).unwrap();
    std::fs::write(folder.join("described.json"), described().to_string()).unwrap();
    let mut cfn = CloudFormation::new(&world.lambda);
    cfn.deployed_before("shop", &template(STACK), &[("Mesh", MESH), ("Till", NODE)]);
    let importer = json!({"Resources": {"User": {"Type": "AWS::SSM::Parameter",
        "Properties": {"Type": "String", "Value": {"Fn::ImportValue": "till-node"}, "Uid": {"Fn::ImportValue": "till-uid"}}}}});
    ended(
        cfn.create("user", &importer, &Parameters::new()),
        "CREATE_COMPLETE",
    );

    // The macro alone cannot do it.
    let mut directly = template(STACK);
    directly["Transform"] = json!("Meshform");
    let refused = cfn.update("shop", &directly, &Parameters::new()).unwrap_err();
    assert_eq!(refused, "Update of resource type is not permitted: Mesh");
    // Nor does an update of policies alone.
    let mut policies = template(STACK);
    policies["Resources"]["Till"]["DeletionPolicy"] = json!("Retain");
    assert_eq!(
        cfn.update("shop", &policies, &Parameters::new()).unwrap_err(),
        "No updates are to be performed."
    );

    let step = convert(world, folder, &["--retain"]);
    ended(cfn.update("shop", &step, &Parameters::new()), "UPDATE_COMPLETE");
    let url = world.bucket.url.as_str();
    world.meshform(
        folder,
        &[
            "adopt",
            "described.json",
            "--owner",
            "cloudformation",
            "--store",
            url,
        ],
    );
    cfn
}

#[test]
fn the_macro_takes_over_under_other_ids() {
    let world = World::new(2);
    let folder = tempfile::tempdir().unwrap();
    let mut cfn = retained(&world, folder.path());
    let exported = cfn.stacks["shop"].outputs.clone();
    let adopted = world.records();

    let mut taken = template(STACK);
    taken["Transform"] = json!("Meshform");
    taken["Metadata"] = json!({"meshform": {"Suffix": "V2"}});
    let reasons = ended(cfn.update("shop", &taken, &Parameters::new()), "UPDATE_COMPLETE");
    assert_eq!(reasons, Vec::<String>::new());
    let stack = &cfn.stacks["shop"];
    let ids: Vec<&str> = stack.resources.keys().map(String::as_str).collect();
    assert_eq!(ids, ["MeshV2", "Task", "TillV2"]);
    assert_eq!(stack.outputs, exported, "what others import is what it was");
    assert_eq!(stack.resources["TillV2"].physical, NODE);
    let records = world.records();
    for (record, before) in records.iter().zip(&adopted) {
        assert_eq!(
            (&record.identity, record.created_at),
            (&before.identity, before.created_at)
        );
        assert_eq!(record.author.owner, "cloudformation:123456789012:eu-west-1:shop");
    }
    // What the command prints is what the macro made.
    let token = crate::lambda::FUNCTION;
    let printed = convert(
        &world,
        folder.path(),
        &["--custom", "--suffix", "V2", "--service-token", token],
    );
    let sent: Vec<&Value> = cfn.sent.iter().collect();
    for event in sent {
        let id = event["LogicalResourceId"].as_str().unwrap();
        assert_eq!(printed["Resources"][id]["Type"], event["ResourceType"]);
    }
}

#[test]
fn a_rollback_of_the_take_over_gives_everything_back() {
    let world = World::new(2);
    let folder = tempfile::tempdir().unwrap();
    let mut cfn = retained(&world, folder.path());
    let (before, stack) = (world.seen(), cfn.stacks["shop"].resources.clone());
    let mut taken = template(STACK);
    taken["Transform"] = json!("Meshform");
    taken["Metadata"] = json!({"meshform": {"Suffix": "V2"}});
    taken["Resources"]["Wrong"] = json!({"Type": "AWS::AppMesh::VirtualNode", "DependsOn": "Till",
        "Properties": {"MeshName": "apps", "VirtualNodeName": "wrong",
            "Spec": {"Listeners": [{"PortMapping": {"Port": {"Fn::GetAtt": ["Till", "Uid"]}, "Protocol": "http"}}]}}});
    ended(
        cfn.update("shop", &taken, &Parameters::new()),
        "UPDATE_ROLLBACK_COMPLETE",
    );
    assert_eq!(world.seen(), before);
    assert_eq!(cfn.stacks["shop"].resources, stack);
}

#[test]
fn the_mesh_leaves_a_stack_whose_exports_stay() {
    let world = World::new(1);
    let folder = tempfile::tempdir().unwrap();
    let mut cfn = retained(&world, folder.path());
    let exported = cfn.stacks["shop"].outputs.clone();
    let gone = convert(
        &world,
        folder.path(),
        &["--removed", "--attribute", "Till.Uid=uid-till"],
    );
    assert!(!gone.to_string().contains("AppMesh"), "{gone:#}");
    ended(cfn.update("shop", &gone, &Parameters::new()), "UPDATE_COMPLETE");
    assert_eq!(cfn.stacks["shop"].outputs, exported);
    assert_eq!(cfn.sent, Vec::<Value>::new(), "nobody was asked");
    assert_eq!(world.paths(), ["", "/virtualNode/till"]);
}
