//! What is wrong with a request is said, with the kind of error that clients know, and nothing is stored.

use crate::server::Server;
use serde_json::json;
use tempfile::TempDir;

const MESHES: &str = "/v20190125/meshes";

fn started() -> (TempDir, Server) {
    let directory = TempDir::new().unwrap();
    let server = Server::start(&directory.path().join("store"), &[]);
    let made = server.send("PUT", MESHES, r#"{"meshName": "apps"}"#);
    assert_eq!(made.status, 200, "{}", made.body);
    (directory, server)
}

#[test]
fn each_wrong_request_is_refused_by_its_name() {
    let (_directory, server) = started();
    let nodes = "/v20190125/meshes/apps/virtualNodes";
    let listener = |port: &str| {
        format!(
            r#"{{"virtualNodeName": "n", "spec": {{"listeners": [{{"portMapping": {{"port": {port}, "protocol": "http"}}}}]}}}}"#
        )
    };
    let cases = [
        ("PUT", nodes, "not json", 400, "BadRequestException", "not JSON"),
        (
            "PUT",
            nodes,
            "[]",
            400,
            "BadRequestException",
            "not a JSON object",
        ),
        (
            "PUT",
            nodes,
            "{}",
            400,
            "BadRequestException",
            "virtualNodeName: it is missing",
        ),
        (
            "PUT",
            nodes,
            r#"{"virtualNodeName": 1}"#,
            400,
            "BadRequestException",
            "a string is expected",
        ),
        (
            "PUT",
            nodes,
            r#"{"virtualNodeName": "n"}"#,
            400,
            "BadRequestException",
            "`spec` is missing",
        ),
        (
            "PUT",
            nodes,
            r#"{"virtualNodeName": "n", "spec": {}, "meshName": "apps"}"#,
            400,
            "BadRequestException",
            "meshName: the operation has no such member",
        ),
        (
            "PUT",
            nodes,
            &listener("70000"),
            400,
            "BadRequestException",
            "spec.listeners[0].portMapping.port: ",
        ),
        (
            "PUT",
            nodes,
            &listener("\"80\"").replace("http\"", "http\", \"prtocol\": \"x\""),
            400,
            "BadRequestException",
            "[MF0",
        ),
        (
            "PUT",
            nodes,
            r#"{"virtualNodeName": "", "spec": {}}"#,
            400,
            "BadRequestException",
            "virtualNodeName: ",
        ),
        (
            "PUT",
            nodes,
            r#"{"virtualNodeName": "..", "spec": {}}"#,
            400,
            "BadRequestException",
            "virtualNodeName: `..`",
        ),
        (
            "PUT",
            nodes,
            r#"{"virtualNodeName": "n", "spec": {}, "clientToken": 5}"#,
            400,
            "BadRequestException",
            "clientToken",
        ),
        (
            "PUT",
            nodes,
            r#"{"virtualNodeName": "n", "spec": {}, "tags": [{"value": "x"}]}"#,
            400,
            "BadRequestException",
            "tags[0]",
        ),
        (
            "PUT",
            "/v20190125/meshes/none/virtualNodes",
            r#"{"virtualNodeName": "n", "spec": {}}"#,
            404,
            "NotFoundException",
            "mesh `none` does not exist",
        ),
        (
            "PUT",
            MESHES,
            r#"{"meshName": "apps"}"#,
            409,
            "ConflictException",
            "exists already",
        ),
        (
            "GET",
            "/v20190125/meshes/none",
            "",
            404,
            "NotFoundException",
            "does not exist",
        ),
        (
            "GET",
            "/v20190125/meshes/apps?meshOwner=111111111111",
            "",
            404,
            "NotFoundException",
            "111111111111",
        ),
        (
            "GET",
            "/v20190125/meshes/..%2F..%2Fetc",
            "",
            400,
            "BadRequestException",
            "meshName: ",
        ),
        (
            "GET",
            "/v20190125/meshes/apps/virtualNodes?limit=101",
            "",
            400,
            "BadRequestException",
            "1 to 100",
        ),
        (
            "GET",
            "/v20190125/meshes/apps/virtualNodes?nextToken=x",
            "",
            400,
            "BadRequestException",
            "MF1005",
        ),
        (
            "POST",
            MESHES,
            "{}",
            404,
            "UnknownOperationException",
            "there is GET, PUT",
        ),
        (
            "GET",
            "/v20190125/mesh",
            "",
            404,
            "UnknownOperationException",
            "MF1002",
        ),
        (
            "GET",
            "/v20190125/meshes/%FF",
            "",
            400,
            "BadRequestException",
            "UTF-8",
        ),
        (
            "GET",
            "/v20190125/tags",
            "",
            400,
            "BadRequestException",
            "resourceArn: it is missing",
        ),
        (
            "GET",
            "/v20190125/tags?resourceArn=arn:x",
            "",
            400,
            "BadRequestException",
            "not the ARN",
        ),
    ];
    for (method, path, body, status, kind, message) in cases {
        let answer = server.send(method, path, body);
        let (found_kind, found) = answer.error();
        assert_eq!(
            (answer.status, found_kind.as_str()),
            (status, kind),
            "{method} {path} {body}: {found}"
        );
        assert!(found.contains(message), "{method} {path} {body}: {found}");
        assert!(answer.header("x-amzn-requestid").is_some());
    }
    let listed = server.send("GET", nodes, "");
    assert_eq!(listed.body, json!({"virtualNodes": []}), "nothing was stored");
}

#[test]
fn too_many_tags_too_large_bodies_and_tokens_of_other_lists_are_refused() {
    let (_directory, server) = started();
    let mesh = server.send("GET", "/v20190125/meshes/apps", "");
    let arn = mesh.body["metadata"]["arn"].as_str().unwrap().to_owned();
    let tags = |from: usize, to: usize| {
        let tags: Vec<_> = (from..to)
            .map(|n| json!({"key": format!("k{n}"), "value": ""}))
            .collect();
        server.send(
            "PUT",
            &format!("/v20190125/tag?resourceArn={arn}"),
            &json!({ "tags": tags }).to_string(),
        )
    };
    assert_eq!(tags(0, 30).status, 200);
    let refused = tags(30, 51);
    assert_eq!(
        (refused.status, refused.error().0.as_str()),
        (400, "TooManyTagsException")
    );
    let page = server.send("GET", &format!("/v20190125/tags?resourceArn={arn}&limit=20"), "");
    assert_eq!(page.body["tags"].as_array().unwrap().len(), 20);
    let token = page.body["nextToken"].as_str().unwrap();
    let other = server.send("GET", &format!("/v20190125/meshes?nextToken={token}"), "");
    assert_eq!(other.error().0, "BadRequestException");
    let rest = server.send(
        "GET",
        &format!("/v20190125/tags?resourceArn={arn}&nextToken={token}"),
        "",
    );
    assert_eq!(rest.body["tags"].as_array().unwrap().len(), 10);

    let large = format!(r#"{{"meshName": "{}"}}"#, "x".repeat(1 << 20));
    let refused = server.send("PUT", MESHES, &large);
    assert_eq!(
        (refused.status, refused.error().0.as_str()),
        (413, "RequestEntityTooLargeException")
    );
    let head = format!(
        "GET {MESHES} HTTP/1.1\r\nhost: localhost\r\nx-large: {}\r\n\r\n",
        "x".repeat(64 << 10)
    );
    assert_ne!(server.raw(&head).map_or(431, |answer| answer.status), 200);
    assert_eq!(server.send("GET", MESHES, "").status, 200, "it goes on");
}

#[test]
fn a_request_that_is_sent_again_is_answered_as_the_first() {
    let (_directory, server) = started();
    let node = |port: u16, token: &str| {
        let spec = json!({"listeners": [{"portMapping": {"port": port, "protocol": "http"}}]});
        json!({"virtualNodeName": "n", "spec": spec, "clientToken": token}).to_string()
    };
    let nodes = "/v20190125/meshes/apps/virtualNodes";
    let first = server.send("PUT", nodes, &node(80, "t1"));
    let again = server.send("PUT", nodes, &node(80, "t1"));
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.body, again.body);
    assert_eq!(
        first.header("x-meshform-revision"),
        again.header("x-meshform-revision")
    );
    let changed = server.send("PUT", nodes, &node(81, "t1"));
    assert_eq!(
        (changed.status, changed.error().0.as_str()),
        (409, "ConflictException")
    );
    assert!(changed.error().1.contains("MF1004"), "{}", changed.error().1);
    let another = server.send("PUT", nodes, &node(80, "t2"));
    assert_eq!(
        (another.status, another.error().0.as_str()),
        (409, "ConflictException")
    );

    let update = |port: u16, token: &str| {
        let spec = json!({"listeners": [{"portMapping": {"port": port, "protocol": "http"}}]});
        let body = json!({"spec": spec, "clientToken": token}).to_string();
        server.send("PUT", "/v20190125/meshes/apps/virtualNodes/n", &body)
    };
    assert_eq!(update(90, "u1").body["metadata"]["version"], 2);
    assert_eq!(
        update(90, "u1").body["metadata"]["version"],
        2,
        "the same request"
    );
    assert_eq!(update(91, "u2").body["metadata"]["version"], 3);
    // A write in between: the first is no longer what is there.
    assert_eq!(update(90, "u1").body["metadata"]["version"], 4);
}
