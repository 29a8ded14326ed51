use super::*;
use serde_json::json;

fn template() -> Json {
    json!({
        "Transform": ["AWS::LanguageExtensions", "Meshform"],
        "Parameters": {"Stage": {"Type": "String"}, "Secret": {"Type": "String", "NoEcho": true}},
        "Resources": {
            "Mesh": {"Type": "AWS::AppMesh::Mesh", "Properties": {"MeshName": {"Ref": "Stage"}}},
            "Node": {
                "Type": "AWS::AppMesh::VirtualNode",
                "DependsOn": ["Mesh", "Cluster"],
                "Condition": "Wanted",
                "Metadata": {"meshform": {"zoneAware": true}, "Other": 1},
                "Properties": {"MeshName": {"Fn::GetAtt": ["Mesh", "MeshName"]},
                    "Spec": {"ServiceDiscovery": {"DNS": {"Hostname": {"Fn::Sub": "x.${Secret}"}}}}},
            },
            "Cluster": {"Type": "AWS::ECS::Cluster"},
            "Task": {
                "Type": "AWS::ECS::TaskDefinition",
                "DependsOn": "Node",
                "Properties": {"Family": {"Fn::Sub": ["${Node}/${Node.Uid}/${!Node}/${Own}/${Cluster}", {"Own": {"Ref": "Node"}}]}},
            },
        },
        "Outputs": {
            "Arn": {"Value": {"Fn::GetAtt": "Node.Arn"}, "Export": {"Name": "arn"}},
            "Name": {"Value": {"Fn::GetAtt": ["Node", "MeshName"]}},
        },
    })
}

fn how(suffix: &str) -> Custom<'_> {
    Custom {
        service_token: json!("arn:aws:lambda:eu-west-1:123456789012:function:meshform-cfn"),
        suffix,
    }
}

#[test]
fn in_a_new_stack_the_ids_stay_and_the_types_change() {
    let out = custom(&template(), &how("")).unwrap();
    let node = &out["Resources"]["Node"];
    assert_eq!(out["Transform"], json!(["AWS::LanguageExtensions"]));
    assert_eq!(node["Type"], "Custom::AppMeshVirtualNode");
    assert_eq!(node["Properties"]["VirtualNodeName"], "Node");
    assert_eq!(node["Properties"]["ServiceTimeout"], SERVICE_TIMEOUT);
    assert_eq!(node["Properties"]["Extensions"], json!({"zoneAware": true}));
    assert_eq!(node["Properties"]["NoEcho"], true, "a secret parameter is in it");
    assert_eq!(out["Resources"]["Mesh"]["Properties"].get("NoEcho"), None);
    assert_eq!(node["DependsOn"], json!(["Mesh", "Cluster"]));
    assert_eq!(
        (&node["Condition"], &node["Metadata"]["Other"]),
        (&json!("Wanted"), &json!(1))
    );
    assert_eq!(out["Outputs"], template()["Outputs"]);
    assert_eq!(out["Resources"]["Task"], template()["Resources"]["Task"]);
}

#[test]
fn with_a_suffix_every_reference_follows() {
    let out = custom(&template(), &how("V2")).unwrap();
    let all = out["Resources"].as_object().unwrap();
    let ids: Vec<&str> = all.keys().map(String::as_str).collect();
    assert_eq!(ids, ["Cluster", "MeshV2", "NodeV2", "Task"]);
    let node = &all["NodeV2"];
    // The name is that of the resource which is taken over.
    assert_eq!(node["Properties"]["VirtualNodeName"], "Node");
    assert_eq!(
        node["Properties"]["MeshName"],
        json!({"Fn::GetAtt": ["MeshV2", "MeshName"]})
    );
    assert_eq!(node["DependsOn"], json!(["MeshV2", "Cluster"]));
    assert_eq!(all["Task"]["DependsOn"], "NodeV2");
    assert_eq!(
        all["Task"]["Properties"]["Family"],
        json!({"Fn::Sub": ["${NodeV2}/${NodeV2.Uid}/${!Node}/${Own}/${Cluster}", {"Own": {"Ref": "NodeV2"}}]})
    );
    assert_eq!(
        out["Outputs"]["Arn"]["Value"],
        json!({"Fn::GetAtt": ["NodeV2", "Arn"]})
    );
}

#[test]
fn a_suffix_that_cloudformation_would_refuse_is_refused() {
    let code = |template: &Json, suffix: &str| custom(template, &how(suffix)).unwrap_err()[0].code;
    assert_eq!(code(&template(), "-2"), codes::SUFFIX);
    let mut taken = template();
    taken["Parameters"]["NodeV2"] = json!({"Type": "String"});
    assert_eq!(code(&taken, "V2"), codes::SUFFIX);
    assert_eq!(
        code(&json!({"Resources": {"A": {"Type": "AWS::ECS::Cluster"}}}), ""),
        codes::NO_STACK
    );
    assert_eq!(code(&json!({"Type": "AWS::AppMesh::Mesh"}), ""), codes::NO_STACK);
    let looped = json!({"Resources": {"Fn::ForEach::All": ["Name", ["a"], {"N${Name}": {"Type": "AWS::AppMesh::Mesh"}}]}});
    assert_eq!(code(&looped, ""), codes::LOOP);
}

#[test]
fn profiles_of_the_metadata_become_resources() {
    let mut template = template();
    template["Metadata"] = json!({"meshform": {"Suffix": "V2", "proxyProfiles": [
        {"meshName": {"Ref": "Stage"}, "proxyProfileName": "all-nodes", "spec": {"admin": {"port": 9901}}}]}});
    assert_eq!(suffix(&template).unwrap(), "V2");
    let out = custom(&template, &how("")).unwrap();
    let profile = &out["Resources"]["ProxyProfileallnodes"];
    assert_eq!(profile["Type"], "Custom::AppMeshProxyProfile");
    assert_eq!(profile["Properties"]["MeshName"], json!({"Ref": "Stage"}));
    assert_eq!(
        kind_of_custom("Custom::AppMeshProxyProfile"),
        Some(Kind::ProxyProfile)
    );
}

#[test]
fn properties_of_texts_are_the_resource() {
    let properties = json!({
        "ServiceToken": "x", "ServiceTimeout": "600", "MeshName": "apps", "VirtualNodeName": "web",
        "Spec": {"Listeners": [{"PortMapping": {"Port": "8080", "Protocol": "http"}}]},
        "Tags": [{"Key": "a", "Value": "1"}]});
    let read = resource(Kind::VirtualNode, "Web", &properties).unwrap();
    assert_eq!(read.key.path(), "mesh/apps/virtualNode/web");
    assert_eq!(read.spec.to_json()["listeners"][0]["portMapping"]["port"], 8080);
    let wrong = json!({"MeshName": "apps", "VirtualNodeName": "web", "Spec": {"Listeners": [{"PortMapping": {"Port": "x"}}]}});
    assert!(resource(Kind::VirtualNode, "Web", &wrong).is_err());
}

#[test]
fn the_first_step_retains_and_changes_something_else() {
    let out = retain(&template()).unwrap();
    for id in ["Mesh", "Node"] {
        assert_eq!(out["Resources"][id]["DeletionPolicy"], "Retain");
        assert_eq!(out["Resources"][id]["UpdateReplacePolicy"], "Retain");
    }
    assert_eq!(out["Resources"]["Cluster"].get("DeletionPolicy"), None);
    assert_eq!(
        out["Resources"][HANDLE]["Type"],
        "AWS::CloudFormation::WaitConditionHandle"
    );
}

#[test]
fn what_is_left_has_the_values_of_what_is_gone() {
    let mut template = template();
    template["Resources"]["Node"]["Properties"]["VirtualNodeName"] = json!("web");
    let unknown = removed(&template, &BTreeMap::new()).unwrap_err();
    assert_eq!((unknown.len(), unknown[0].code), (1, codes::NO_LITERAL));
    let given = BTreeMap::from([("Node.Uid".to_owned(), "u-1".to_owned())]);
    let out = removed(&template, &given).unwrap();
    let ids: Vec<&String> = out["Resources"].as_object().unwrap().keys().collect();
    assert_eq!(ids, ["Cluster", "Task"]);
    assert_eq!(out["Resources"]["Task"].get("DependsOn"), None);
    assert_eq!(out["Outputs"]["Name"]["Value"], json!({"Ref": "Stage"}));
    assert_eq!(
        out["Outputs"]["Arn"]["Value"],
        json!({"Fn::Sub": ["arn:${AWS::Partition}:appmesh:${AWS::Region}:${AWS::AccountId}:mesh/${MeshName}/virtualNode/\
            ${VirtualNodeName}", {"MeshName": {"Ref": "Stage"}, "VirtualNodeName": "web"}]})
    );
    let family = out["Resources"]["Task"]["Properties"]["Family"].to_string();
    assert!(
        family.contains("/u-1/${!Node}/") && !family.contains("\"Ref\":\"Node\""),
        "{family}"
    );
}

#[test]
fn a_suffix_that_is_meant_and_cannot_be_taken_is_told() {
    let of = |metadata: Json| {
        let mut template = template();
        template["Metadata"] = metadata;
        suffix(&template)
    };
    assert_eq!(of(json!({"other": {"Suffix": "V2"}})).unwrap(), "");
    assert_eq!(of(json!({"meshform": {"Suffix": "V2"}})).unwrap(), "V2");
    // YAML makes a number of `Suffix: 2`.
    assert_eq!(of(json!({"meshform": {"Suffix": 2}})).unwrap(), "2");
    for (metadata, place) in [
        (
            json!({"meshform": {"suffix": "V2"}}),
            "`Metadata.meshform.suffix`",
        ),
        (
            json!({"Meshform": {"Suffix": "V2"}}),
            "`Metadata.Meshform.Suffix`",
        ),
        (
            json!({"meshform": {"Suffix": null}}),
            "`Metadata.meshform.Suffix` is null",
        ),
        (
            json!({"meshform": {"Suffix": {"Ref": "Stage"}}}),
            "`Metadata.meshform.Suffix` is {",
        ),
    ] {
        let problem = of(metadata).unwrap_err();
        assert!(
            problem.code == codes::SUFFIX && problem.message.contains(place),
            "{problem}"
        );
    }
}

#[test]
fn what_a_custom_resource_cannot_give_is_found_before_a_deployment() {
    let refused = |change: &dyn Fn(&mut Json)| {
        let mut template = template();
        change(&mut template);
        let problems = custom(&template, &how("V2")).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].to_string()
    };
    let told = refused(&|template| {
        template["Outputs"]["Name"]["Value"] = json!({"Fn::Sub": "${Node.Nonsense}/${Cluster.Arn}"});
    });
    assert!(
        told.contains("MF0583") && told.contains("`Nonsense`") && told.contains("`VirtualNodeName`"),
        "{told}"
    );
    let told = refused(&|template| {
        let properties = template["Resources"]["Node"]["Properties"].take();
        template["Resources"]["Node"]["Properties"] = json!({"Fn::If": ["Wanted", properties, properties]});
    });
    assert!(told.contains("MF0584") && told.contains("`Fn::If`"), "{told}");
}
