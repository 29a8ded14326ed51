//! What a server and the commands around it are told, where it cannot be right or is half of it.

use crate::certificates::Authority;
use crate::keys::{key, meshform};
use crate::server::{Server, arguments, output};
use meshform_acceptance::tools;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// What a command that must fail says on both streams.
fn fails(directory: &Path, words: &[&str]) -> String {
    let mut command = Command::new(tools::meshform());
    command.current_dir(directory).args(words);
    command.env_remove("MESHFORM_MASTER_KEY");
    let ran = command.output().unwrap();
    let told = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
    assert!(!ran.status.success(), "{words:?}\n{told}");
    told
}

#[test]
fn a_key_of_another_certificate_is_told_with_both_files() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    let authority = Authority::new("mesh");
    authority.write(dir, "one", &["localhost"]);
    authority.write(dir, "two", &["localhost"]);
    let told = fails(
        dir,
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            "one/tls.crt",
            "--tls-key",
            "two/tls.key",
        ],
    );
    assert!(
        told.contains("two/tls.key is not the key of the certificate ") && told.contains("one/tls.crt"),
        "{told}"
    );
}

#[test]
fn the_cookie_of_a_login_over_tls_is_sent_over_tls_alone() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    Authority::new("mesh").write(dir, "tls", &["localhost"]);
    meshform(dir, &["keys", "init", "--out", "master.key"]);
    let (id, secret) = key(dir, &["--owner", "team"]);
    let mut command = Command::new(tools::meshform());
    command.current_dir(dir).args(arguments(&dir.join("store")));
    command.args([
        "--tls-cert",
        "tls/tls.crt",
        "--tls-key",
        "tls/tls.key",
        "--master-key-file",
        "master.key",
    ]);
    let server = Server::run(command);
    let program = "import http.client, ssl, sys, urllib.parse\n\
        _, port, ca, key, secret = sys.argv\n\
        context = ssl.create_default_context(cafile=ca)\n\
        connection = http.client.HTTPSConnection('localhost', int(port), context=context)\n\
        connection.request('POST', '/console/login', urllib.parse.urlencode({'key': key, 'secret': secret}))\n\
        answer = connection.getresponse()\n\
        print(answer.status, answer.getheader('set-cookie'))";
    let mut ask = Command::new(tools::python());
    let port = server.address().port().to_string();
    let told = output(
        ask.args(["-c", program, &port])
            .arg(dir.join("tls/ca.crt"))
            .args([&id, &secret]),
    );
    assert!(
        told.starts_with("303 meshform-console=") && told.contains("; Secure"),
        "{told}"
    );
}

#[test]
fn a_server_without_a_mesh_is_no_empty_form() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    let server = Server::start(&dir.join("store"), &[]);
    let url = server.url();
    let copy = ["adopt", "--from-api", &url, "--store", "copy"];
    let none = fails(dir, &copy);
    assert!(
        none.contains(&format!("{url} has no mesh that may be read")),
        "{none}"
    );
    server.send("PUT", "/v20190125/meshes", r#"{"meshName": "apps"}"#);
    let other = fails(dir, &[&copy[..], &["--mesh", "nope"]].concat());
    assert!(other.contains("`nope`"), "{other}");
    assert!(!dir.join("copy").exists());
}

#[test]
fn a_query_or_body_that_says_two_things_is_refused_and_what_others_add_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(&directory.path().join("store"), &[]);
    let meshes = "/v20190125/meshes";
    let refused = |method: &str, path: &str, body: &str, told: &str| {
        let answer = server.send(method, path, body);
        let (kind, message) = answer.error();
        assert_eq!(
            (answer.status, kind.as_str()),
            (400, "BadRequestException"),
            "{message}"
        );
        assert!(message.contains(told), "{message}");
    };
    refused(
        "PUT",
        meshes,
        r#"{"meshName": "q", "meshName": "z"}"#,
        "`meshName` is named twice",
    );
    let twice = r#"{"meshName": "q", "spec": {"egressFilter": {"type": "DROP_ALL", "type": "ALLOW_ALL"}}}"#;
    refused("PUT", meshes, twice, "`spec.egressFilter.type` is named twice");
    refused(
        "GET",
        &format!("{meshes}?limit=5&limit=6"),
        "",
        "limit: the query has it twice",
    );
    refused(
        "GET",
        &format!("{meshes}?limit=%zz"),
        "",
        "limit: the value has `%zz`",
    );
    refused(
        "GET",
        &format!("{meshes}/50%"),
        "",
        "meshName: the name in the path has `%`",
    );
    assert_eq!(server.send("PUT", meshes, r#"{"meshName": "z"}"#).status, 200);
    let listed = server.send(
        "GET",
        &format!("{meshes}?x-id=ListMeshes&x-id=again&foo&limit=5"),
        "",
    );
    assert_eq!(
        (listed.status, listed.body["meshes"].as_array().unwrap().len()),
        (200, 1)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_asks_for_no_huge_pages() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(&directory.path().join("store"), &[]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("THP_enabled:"));
    // A kernel without the line has no such pages, or is older than it.
    assert!(
        line.is_none_or(|line| line.split_whitespace().last() == Some("0")),
        "{line:?}"
    );
}
