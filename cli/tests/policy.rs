//! `meshform policy`: whose policy it is, and what is said where that is not clear.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::World;
use meshform::Exit;
use meshform_release::ProxyId;
use serde_json::Value;

fn policy(arguments: &[&str]) -> Value {
    let ran = World::new(&[]).run(&[&["policy", "--store", "s3://meshes/prod"], arguments].concat());
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn a_proxy_is_named_in_several_ways_and_gets_the_keys_that_its_agent_uses() {
    let first = policy(&["--mesh", "Apps", "--proxy", "a b"]);
    for arguments in [
        ["--proxy", "mesh/Apps/virtualNode/a b", "--partition", "aws"],
        ["--proxy", "virtualNode/a b", "--mesh", "Apps"],
        [
            "--proxy",
            "arn:aws:appmesh:us-east-1:000000000000:mesh/Apps/virtualNode/a b",
            "--mesh",
            "Apps",
        ],
    ] {
        assert_eq!(policy(&arguments), first, "{arguments:?}");
    }
    let proxy = ProxyId::virtual_node("Apps", "a b");
    let text = first.to_string();
    for key in [
        format!("{}/*", proxy.prefix()),
        format!("{}/*", proxy.status_prefix()),
        proxy.rejected_key("*").replace("%2A", "*"),
    ] {
        assert!(
            text.contains(&format!("arn:aws:s3:::meshes/prod/{key}\"")),
            "{key} in {text}"
        );
    }
    let gateway = policy(&[
        "--mesh",
        "m",
        "--proxy",
        "virtualGateway/g",
        "--partition",
        "aws-cn",
    ]);
    assert!(
        gateway
            .to_string()
            .contains("arn:aws-cn:s3:::meshes/prod/m/m/proxies/virtualGateway/g/*")
    );
}

#[test]
fn writers_and_the_poller_get_their_mesh_and_no_other() {
    let writer = policy(&["--mesh", "Apps"]).to_string();
    assert!(writer.contains("meshes/prod/m/=41pps/*") && writer.contains("meshes/prod/m/Apps/*"));
    assert!(!writer.contains("meshes/prod/*"));
    let poller = policy(&["--mesh", "apps", "--endpoints"]).to_string();
    assert!(
        poller.contains("servicediscovery:DiscoverInstances\""),
        "{poller}"
    );
    assert!(!poller.contains("meshes/prod/m/apps/records/*"), "{poller}");
}

#[test]
fn what_is_not_clear_is_refused() {
    let world = World::new(&[]);
    for (arguments, told) in [
        (vec!["--store", "s3://b"], "no option says whose policy to write"),
        (vec!["--store", "gs://b", "--mesh", "m"], "is not an S3 bucket"),
        (
            vec!["--store", "s3://b", "--proxy", "a"],
            "mesh/MESH/virtualNode/NAME",
        ),
        (
            vec!["--store", "s3://b", "--mesh", "m", "--proxy", "virtualRouter/r"],
            "mesh/MESH/virtualNode/NAME",
        ),
        (
            vec![
                "--store",
                "s3://b",
                "--mesh",
                "m",
                "--proxy",
                "mesh/n/virtualNode/a",
            ],
            "is of mesh `n`",
        ),
        (vec!["--store", "s3://b", "--endpoints"], "--mesh"),
        (
            vec!["--store", "s3://b", "--mesh", "m", "--proxy", "a", "--endpoints"],
            "cannot be used with",
        ),
    ] {
        let ran = world.run(&[&["policy"], arguments.as_slice()].concat());
        assert_eq!(ran.exit, Exit::WrongUse, "{arguments:?}");
        assert!(ran.err.contains(told), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn certificates_and_cloud_map_are_allowed_where_they_are_asked_for() {
    let arn = "arn:aws:acm:eu-west-1:000000000000:certificate/0a1b";
    let proxy = ["--mesh", "Apps", "--proxy", "a"];
    let plain = policy(&proxy).to_string();
    assert!(
        !plain.contains("acm:") && !plain.contains("servicediscovery:"),
        "{plain}"
    );
    let wide = policy(&[&proxy[..], &["--certificate", arn, "--discovery"]].concat());
    let granted = &wide["Statement"][2];
    assert_eq!(granted["Resource"], serde_json::json!([arn]));
    assert!(granted["Action"].to_string().contains("acm:ExportCertificate"));
    assert!(wide.to_string().contains("proxies/discovery.json"));
    let wrong = World::new(&[]).run(&[
        "policy",
        "--store",
        "s3://meshes/prod",
        "--mesh",
        "Apps",
        "--proxy",
        "a",
        "--certificate",
        "tls.crt",
    ]);
    assert_eq!(wrong.exit, Exit::WrongUse);
    assert!(
        wrong.err.contains("arn:aws:acm:REGION:ACCOUNT:certificate/ID"),
        "{}",
        wrong.err
    );
}
