//! The console: who gets in, and what forms may do. `browsing` opens its pages in a browser.

use crate::keys::{key, meshform};
use crate::server::{Answer, Server};
use std::path::Path;
use tempfile::TempDir;

pub(crate) const MESH: &str = r#"[
  {"meshName": "m", "spec": {}},
  {"meshName": "m", "proxyProfileName": "all", "spec": {"interception": {"transparent": {}}}},
  {"meshName": "m", "virtualNodeName": "web", "spec": {"backends": [{"virtualService": {"virtualServiceName": "api.local"}}]}},
  {"meshName": "m", "virtualServiceName": "api.local", "spec": {"provider": {"virtualNode": {"virtualNodeName": "api"}}}},
  {"meshName": "m", "virtualNodeName": "api", "spec": {"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
   "serviceDiscovery": {"dns": {"hostname": "api.local"}}}}
]"#;

pub(crate) fn apply(dir: &Path, mesh: &str) {
    std::fs::write(dir.join("mesh.json"), mesh).unwrap();
    meshform(
        dir,
        &["apply", "mesh.json", "--owner", "team", "--store", "store"],
    );
}

fn asked(server: &Server, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        server.address(),
        body.len()
    );
    server.raw(&text).unwrap()
}

fn text(answer: &Answer) -> &str {
    answer.body.as_str().unwrap()
}

/// The token of the forms of a page.
fn token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn whoever_has_a_key_logs_in_and_forms_are_of_their_own_session() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    meshform(dir, &["keys", "init", "--out", "master.key"]);
    apply(dir, MESH);
    let team = key(dir, &["--owner", "team"]);
    let reader = key(dir, &["--owner", "team", "--read-only"]);
    let stranger = key(dir, &["--owner", "another"]);
    let master = dir.join("master.key");
    let server = Server::start(
        &dir.join("store"),
        &["--master-key-file", master.to_str().unwrap()],
    );
    let get = |path: &str, cookie: &str| asked(&server, "GET", path, &format!("cookie: {cookie}\r\n"), "");
    let to_login = get("/console/m/m", "meshform-console=forged");
    assert_eq!(
        (to_login.status, to_login.header("location")),
        (303, Some("/console/login"))
    );
    let log_in = |id: &str, secret: &str| {
        let form = format!(
            "key={id}&secret={}",
            secret.replace('+', "%2B").replace('/', "%2F")
        );
        asked(&server, "POST", "/console/login", "", &form)
    };
    assert_eq!(log_in(&team.0, "wrong").status, 401);
    assert_eq!(log_in("unknown", &team.1).status, 401);
    let session = |(id, secret): &(String, String)| {
        let answer = log_in(id, secret);
        assert_eq!(answer.status, 303);
        let cookie = answer.header("set-cookie").unwrap();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
            "{cookie}"
        );
        cookie.split(';').next().unwrap().to_owned()
    };
    let (writes, reads) = (session(&team), session(&reader));
    let page = get("/console/m/m/releases", &writes);
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let releases = text(&page);
    let release = releases.split("name=\"release\" value=\"").nth(1).unwrap();
    let release = release.split('"').next().unwrap();
    let token_of = |cookie: &str| token(text(&get("/console/m/m/releases", cookie)));
    let pin = |headers: &str, token: &str| {
        let form = format!("action=pin&release={release}&token={token}");
        asked(&server, "POST", "/console/m/m/releases", headers, &form).status
    };
    let own = format!("cookie: {writes}\r\n");
    assert_eq!(pin(&own, "forged"), 403);
    assert_eq!(pin(&own, &token_of(&reads)), 403, "a token of another session");
    assert_eq!(
        pin(&format!("cookie: {reads}\r\n"), &token_of(&reads)),
        403,
        "a key that reads only"
    );
    let strange = session(&stranger);
    assert_eq!(
        pin(&format!("cookie: {strange}\r\n"), &token_of(&strange)),
        403,
        "a key of another owner"
    );
    let elsewhere = format!("{own}origin: http://elsewhere.example\r\n");
    assert_eq!(pin(&elsewhere, &token_of(&writes)), 403);
    assert!(!text(&get("/console/m/m/releases", &writes)).contains("badge pinned"));
    assert_eq!(pin(&own, &token_of(&writes)), 303);
    assert!(text(&get("/console/m/m/releases", &writes)).contains("badge pinned"));
    let token = token_of(&writes);
    let unpin = asked(
        &server,
        "POST",
        "/console/m/m/releases",
        &own,
        &format!("action=unpin&token={token}"),
    );
    assert_eq!(unpin.status, 303);
    assert!(!text(&get("/console/m/m/releases", &writes)).contains("badge pinned"));
    for missing in [
        "/console/m/none",
        "/console/m/m/resources/route/a/b",
        "/console/%ff",
        "/console/assets/x",
    ] {
        assert_eq!(get(missing, &writes).status, 404, "{missing}");
    }
}

#[test]
fn without_keys_it_answers_to_this_machine_alone() {
    let directory = TempDir::new().unwrap();
    apply(directory.path(), MESH);
    let server = Server::start(&directory.path().join("store"), &[]);
    let other = "GET /console/m/m HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\r\n";
    assert_eq!(server.raw(other).unwrap().status, 421);
    let route = server.page("/console/m/m/route?node=virtualNode%2Fweb&host=api.local%3A8080&path=%2Fx");
    assert_eq!(route.0, 200);
    assert!(
        route.1.contains("100.0 %") && route.1.contains("card service taken"),
        "{}",
        route.1
    );
}
