//! Sessions for identities of AWS, before a stand-in for STS.

use crate::keys::meshform;
use crate::server::{Server, output, python};
use meshform_acceptance::{ports, tools};
use serde_json::Value as Json;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const ROLE: &str = "arn:aws:iam::123456789012:role/web";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/web/task-1";

struct Sts {
    process: Child,
    url: String,
}

impl Sts {
    fn start() -> Self {
        let mut command = python("sts.py");
        command.args(["AKIAWEB", "secret", SESSION]);
        command.args(["AKIAOTHER", "secret", "arn:aws:iam::123456789012:user/ann"]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        out.read_line(&mut url).unwrap();
        Self {
            process,
            url: url.trim().to_owned(),
        }
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Sts {
    fn drop(&mut self) {
        self.end();
    }
}

/// What `meshform keys session --aws` prints for a key of AWS.
fn session(server: &str, sts: &str, key: &str, secret: &str) -> Result<Json, String> {
    let mut command = Command::new(tools::meshform());
    command.args(["keys", "session", "--aws", "--server", server, "--sts", sts]);
    for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE"] {
        command.env_remove(name);
    }
    command
        .env("AWS_ACCESS_KEY_ID", key)
        .env("AWS_SECRET_ACCESS_KEY", secret);
    let ran = command.output().unwrap();
    match ran.status.success() {
        true => Ok(serde_json::from_slice(&ran.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&ran.stderr).into_owned()),
    }
}

/// What a session is answered that copies the server's meshes.
fn adopt(directory: &Path, server: &str, session: &Json) -> String {
    let mut command = Command::new(tools::meshform());
    command.current_dir(directory);
    command.args(["adopt", "--from-api", server, "--store", "copy"]);
    for (name, member) in [
        ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
        ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
        ("AWS_SESSION_TOKEN", "SessionToken"),
    ] {
        command.env(name, session[member].as_str().unwrap());
    }
    output(&mut command)
}

#[test]
fn an_identity_of_aws_that_is_let_in_begins_a_session() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    let mut sts = Sts::start();
    meshform(dir, &["keys", "init", "--out", "master.key"]);
    meshform(
        dir,
        &[
            "keys",
            "trust",
            ROLE,
            "--owner",
            "team",
            "--mesh",
            "apps",
            "--store",
            "store",
            "--create-store",
        ],
    );
    let listed = meshform(dir, &["keys", "list", "--store", "store"]);
    assert!(
        listed.contains(ROLE) && listed.contains("mesh `apps`"),
        "{listed}"
    );
    std::fs::write(dir.join("mesh.json"), r#"[{"meshName": "apps", "spec": {}}]"#).unwrap();
    meshform(
        dir,
        &["apply", "mesh.json", "--owner", "team", "--store", "store"],
    );

    let port = ports::free().unwrap();
    let name = format!("127.0.0.1:{port}");
    let mut command = Command::new(tools::meshform());
    command.args([
        "serve",
        "--rate",
        "0",
        "--listen",
        &name,
        "--login-name",
        &name,
        "--sts",
        &sts.url,
    ]);
    command.args(["--store"]).arg(dir.join("store"));
    command.arg("--master-key-file").arg(dir.join("master.key"));
    let server = Server::run(command);
    let url = server.url();
    let refused = |server: &str, key: &str, secret: &str| session(server, &sts.url, key, secret).unwrap_err();

    let found = session(&url, &sts.url, "AKIAWEB", "secret").unwrap();
    assert_eq!(found["Version"], 1);
    let adopted = adopt(dir, &url, &found);
    assert!(adopted.starts_with("adopted: mesh `apps`"), "{adopted}");

    let stranger = refused(&url, "AKIAOTHER", "secret");
    assert!(
        stranger.contains("user/ann` may not log in") && stranger.contains("MF0824"),
        "{stranger}"
    );
    let forger = refused(&url, "AKIAWEB", "another");
    assert!(
        forger.contains("403") && forger.contains("it does not match"),
        "{forger}"
    );
    let other = refused(&format!("http://localhost:{port}"), "AKIAWEB", "secret");
    assert!(other.contains("is for the server `localhost:"), "{other}");
    let elsewhere = session(&url, "https://sts.example.org", "AKIAWEB", "secret").unwrap_err();
    assert!(elsewhere.contains("it does not match"), "{elsewhere}");

    meshform(dir, &["keys", "revoke", ROLE, "--store", "store"]);
    let gone = refused(&url, "AKIAWEB", "secret");
    assert!(gone.contains("may not log in"), "{gone}");
    sts.end();
    let alone = session(&url, &sts.url, "AKIAWEB", "secret").unwrap_err();
    assert!(alone.contains("503") && alone.contains("MF0825"), "{alone}");
}
