//! Who may do what.

use crate::server::{Server, output, python};
use meshform_acceptance::tools;
use serde_json::Value as Json;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

pub(crate) fn meshform(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(tools::meshform());
    command.current_dir(directory).args(arguments);
    command.env("MESHFORM_MASTER_KEY_FILE", "master.key");
    output(&mut command)
}

pub(crate) fn key(directory: &Path, options: &[&str]) -> (String, String) {
    let mut arguments = vec!["keys", "create", "--store", "store", "--create-store"];
    arguments.extend(["--format", "json"]);
    arguments.extend(options);
    let made: Json = serde_json::from_str(&meshform(directory, &arguments)).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("AccessKeyId"), text("SecretAccessKey"))
}

fn profile(name: &str, id: &str, secret: &str) -> String {
    format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}

#[test]
fn a_key_does_what_it_was_made_for() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    meshform(dir, &["keys", "init", "--out", "master.key"]);
    let mut again = Command::new(tools::meshform());
    again
        .current_dir(dir)
        .args(["keys", "init", "--out", "master.key"]);
    assert!(
        !again.status().unwrap().success(),
        "a master key is never written over"
    );

    let team = key(dir, &["--owner", "team"]);
    let reader = key(dir, &["--owner", "team", "--read-only"]);
    let other = key(dir, &["--owner", "other"]);
    let only = key(dir, &["--owner", "team", "--mesh", "apps"]);
    let admin = key(dir, &["--owner", "ops", "--name", "ann", "--admin"]);
    let server = Server::start(
        &dir.join("store"),
        &["--master-key-file", dir.join("master.key").to_str().unwrap()],
    );

    let mut credentials = String::new();
    for (name, (id, secret)) in [
        ("team", &team),
        ("reader", &reader),
        ("other", &other),
        ("only", &only),
        ("admin", &admin),
    ] {
        credentials.push_str(&profile(name, id, secret));
    }
    credentials.push_str(&profile("stranger", "AKIAIOSFODNN7EXAMPLE", "secret"));
    credentials.push_str(&profile("forger", &team.0, &reader.1));
    std::fs::write(dir.join("credentials"), credentials).unwrap();
    // A session is begun by the command, as AWS's clients ask for it.
    let process = format!(
        "[profile session]\ncredential_process = sh -c 'MESHFORM_KEY_ID={} MESHFORM_KEY_SECRET={} {} keys session --server {}'\n",
        team.0,
        team.1,
        tools::meshform().display(),
        server.url()
    );
    std::fs::write(dir.join("config"), process).unwrap();
    let told = output(
        python("signed.py")
            .arg(server.url())
            .env("AWS_SHARED_CREDENTIALS_FILE", dir.join("credentials"))
            .env("AWS_CONFIG_FILE", dir.join("config")),
    );
    let expected = "\
        unsigned: 403 MissingAuthenticationTokenException\n\
        unknown key: 403 UnrecognizedClientException\n\
        wrong secret: 403 InvalidSignatureException\n\
        create plain: done\n\
        create apps: done\n\
        query: done\n\
        tag: done\n\
        encoded: 404 NotFoundException\n\
        reader reads: done\n\
        reader writes: 403 ForbiddenException\n\
        another owner reads: done\n\
        another owner writes: 403 ForbiddenException\n\
        another owner deletes: 403 ForbiddenException\n\
        of another mesh: 403 ForbiddenException\n\
        sees ['apps']\n\
        administrator: done\n\
        session: done\n\
        seen: 200 done 1\n\
        sent again: 409 ConflictException MF0401\n\
        with a token: 200 done 1\n\
        with a token again: 200 done 1\n\
        update: 200 done 2\n\
        update again: 200 done 3\n\
        another body: 403 InvalidSignatureException MF1008\n\
        another path: 403 InvalidSignatureException MF1008\n\
        another method: 403 InvalidSignatureException MF1008\n\
        another query: 403 InvalidSignatureException MF1008\n\
        another host: 403 InvalidSignatureException MF1008\n\
        another time: 403 InvalidSignatureException MF1008\n\
        four minutes old: 200 done None\n\
        six minutes old: 403 InvalidSignatureException MF1010\n\
        six minutes early: 403 InvalidSignatureException MF1010\n";
    assert_eq!(told, expected);

    // The secret is nowhere in the store.
    let listed = meshform(dir, &["keys", "list", "--store", "store"]);
    assert!(listed.contains(&team.0) && !listed.contains(&team.1), "{listed}");
    for file in std::fs::read_dir(dir.join("store")).unwrap() {
        let path = file.unwrap().path();
        let bytes = if path.is_file() {
            std::fs::read(&path).unwrap()
        } else {
            Vec::new()
        };
        let found = bytes
            .windows(team.1.len())
            .any(|window| window == team.1.as_bytes());
        assert!(!found, "the secret stands in {}", path.display());
    }
    meshform(dir, &["keys", "revoke", &team.0, "--store", "store"]);
    let listed = meshform(dir, &["keys", "list", "--store", "store"]);
    assert!(!listed.contains(&team.0), "{listed}");
}

#[test]
fn without_keys_it_listens_on_loopback_alone() {
    let directory = TempDir::new().unwrap();
    let mut command = Command::new(tools::meshform());
    command
        .args(["serve", "--listen", "0.0.0.0:0", "--store"])
        .arg(directory.path().join("store"));
    command
        .env_remove("MESHFORM_MASTER_KEY")
        .env_remove("MESHFORM_MASTER_KEY_FILE");
    let ran = command.output().unwrap();
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(2), "{told}");
    assert!(
        told.contains("MF1013") && told.contains("meshform keys init"),
        "{told}"
    );
}
