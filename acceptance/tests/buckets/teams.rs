//! Real Terraform on buckets: a life from apply to destroy, several states, lost races, killed runs.

use crate::moto::Moto;
use crate::server::{Fault, Server};
use crate::world::{World, no_panic, says, somebody, wait};
use crate::{Bucket, MESH, node, nodes};
use meshform_acceptance::tools;
use meshform_store::{Expected, RecordDraft, Store};
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[test]
fn two_states_share_a_mesh_on_moto_from_apply_to_destroy() {
    let moto = Moto::start();
    let bucket = Bucket::at(moto.address(), "teams/shop");
    let published = tempfile::tempdir().unwrap();
    let first = bucket.world("terraform", &format!("{MESH}{}", nodes("a", 6)));
    let second = bucket.world("team-b", &nodes("b", 6));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| second.apply());
        first.apply();
        other.join().unwrap();
    });
    first.plan_is_empty();
    second.plan_is_empty();
    let records = bucket.records();
    assert_eq!(records.len(), 13);
    for record in &records {
        let theirs = record.key.name.starts_with('b');
        assert_eq!(record.author.owner, if theirs { "team-b" } else { "terraform" });
    }
    releases_go_through_the_bucket(&bucket, published.path());
    let elsewhere = Bucket {
        url: "s3://elsewhere/p".to_owned(),
        ..bucket.clone()
    };
    let said = elsewhere.world("terraform", MESH).plan_fails();
    says(&said, &["MF0416", "s3://elsewhere/p", "reate the bucket"]);
    // Planned, and meanwhile it became another team's.
    first.write(
        &bucket.settings("terraform"),
        &format!("{MESH}{}", nodes("a", 6).replace("= 80", "= 81")),
    );
    first.plan();
    let taken = nodes("a", 1)
        .replace("= 80", "= 82")
        .replace("\"a\" {", "\"taken\" {");
    second.write(&bucket.settings("team-b"), &format!("{}{taken}", nodes("b", 6)));
    let ran = second.run(&["import", "-no-color", "appmesh_virtual_node.taken[0]", "m/a0"]);
    assert!(ran.ok(), "{}", ran.text);
    second.apply();
    let ran = first.run(&["apply", "-no-color", "tfplan"]);
    no_panic(&ran.text);
    assert!(!ran.ok(), "{}", ran.text);
    says(
        &ran.flat(),
        &["MF0401", "irtual node `a0`", "owner `team-b`", "lan again"],
    );
    let found = bucket
        .records()
        .into_iter()
        .find(|record| record.key == node("a0"));
    assert_eq!(
        found.unwrap().body["spec"]["listeners"][0]["portMapping"]["port"],
        82
    );
    second.destroy();
    first.destroy();
    assert_eq!(bucket.records(), []);
}

fn releases_go_through_the_bucket(bucket: &Bucket, published: &std::path::Path) {
    let directory = published.to_string_lossy().into_owned();
    for (arguments, words) in [
        (vec!["status"], "valid, nothing to release"),
        (vec!["history"], "mesh `m`"),
        (vec!["release", "--publish", &directory], "mesh `m`"),
    ] {
        let (ended_well, said) = bucket.meshform(&arguments);
        assert!(ended_well, "{said}");
        says(&said, &[words]);
    }
    let (_, history) = bucket.meshform(&["history", "--format", "json"]);
    let history: serde_json::Value = serde_json::from_str(&history).unwrap();
    let newest = history["meshes"][0]["releases"][0]["release"].as_str().unwrap();
    let (ended_well, said) = bucket.meshform(&["pin", newest]);
    assert!(ended_well, "{said}");
    let (ended_well, said) = bucket.meshform(&["unpin"]);
    assert!(ended_well, "{said}");
    let proxies = fs::read_dir(published).unwrap().count();
    assert!(proxies > 0, "nothing was published to {directory}");
}

#[test]
fn a_directory_may_stand_in_for_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    // As with buckets: it has to be there.
    let url = format!("file://{}", folder.path().display());
    let versions = tools::terraform_matrix();
    for (at, terraform) in versions.iter().enumerate() {
        let settings = format!("store = \"{url}\"\nowner = \"team{at}\"");
        let mesh = if at == 0 { MESH } else { "" };
        let world = World::on(
            terraform,
            &settings,
            &format!("{mesh}{}", nodes(&format!("n{at}x"), 1)),
        );
        world.apply();
        world.plan_is_empty();
    }
    let mut command = Command::new(tools::meshform());
    let drawn = command.args(["graph", "--store", &url]).output().unwrap();
    says(&String::from_utf8_lossy(&drawn.stdout), &["n0x0", "n1x0"]);
}

#[test]
fn in_ci_a_bucket_is_no_embedded_store() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let release = "resource \"appmesh_release\" \"it\" {\n  mesh_name = \"m\"\n  depends_on = [appmesh_mesh.it, \
                   appmesh_virtual_node.a]\n}\n";
    let configuration = format!("{MESH}{}{release}", nodes("a", 1));
    let world = bucket.world("terraform", &configuration).env("CI", "true");
    world.write("", &configuration);
    says(&world.plan_fails(), &["MF0701", "store = \"s3://bucket/prefix\""]);
    world.write(&bucket.settings("terraform"), &configuration);
    world.apply();
    world.plan_is_empty();
    assert!(world.state()["appmesh_release.it"]["release"].is_string());
    assert_eq!(
        server.names("p/runs"),
        Vec::<String>::new(),
        "a run was not closed"
    );
    assert_eq!(server.names("p/probe"), Vec::<String>::new());
    world.destroy();
}

#[test]
fn a_long_apply_renews_its_run() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let world = bucket.world("terraform", MESH);
    server.fail("records/00000000000000000001.json", Fault::Held);
    let renewed = std::thread::scope(|scope| {
        let apply = scope.spawn(|| world.apply());
        // As long as its write is not answered, the apply cannot end; the run goes on showing that it lives.
        let mut times = Vec::new();
        while times.len() < 3 && !apply.is_finished() {
            let run = server
                .names("p/runs")
                .first()
                .map(|name| server.file(&format!("p/runs/{name}")));
            let time = run.and_then(|run| fs::metadata(run).ok()?.modified().ok());
            times.extend(time.filter(|time| times.last() != Some(time)));
            std::thread::sleep(Duration::from_millis(100));
        }
        server.heal();
        apply.join().unwrap();
        times.len()
    });
    assert_eq!(renewed, 3);
    assert_eq!(
        server.names("p/runs"),
        Vec::<String>::new(),
        "a run was not closed"
    );
}

#[test]
fn a_killed_apply_is_finished_by_the_next_one() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let world = bucket.world("terraform", &format!("{MESH}{}", nodes("a", 20)));
    // Written, but Terraform is not told: the answer to the last of these is held back.
    server.fail("records/00000000000000000013.json", Fault::Held);
    let mut command = world.module().command(&["apply", "-auto-approve", "-no-color"]);
    let mut child = std::os::unix::process::CommandExt::process_group(&mut command, 0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !server.file("p/m/m/records/00000000000000000012.json").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the apply ended");
        std::thread::sleep(Duration::from_millis(10));
    }
    let group = format!("-{}", child.id());
    let killed = std::process::Command::new("kill")
        .args(["-9", "--", &group])
        .status();
    assert!(killed.unwrap().success());
    child.wait().unwrap();
    server.heal();
    // As if half a minute had passed: the killed run is not taken for alive any more.
    let runs = server.names("p/runs");
    assert_eq!(runs.len(), 1, "a killed run leaves its object");
    let run = fs::File::options()
        .write(true)
        .open(server.file(&format!("p/runs/{}", runs[0])))
        .unwrap();
    run.set_modified(SystemTime::now() - Duration::from_secs(60))
        .unwrap();
    let _ = fs::remove_file(world.module().dir().join(".terraform.tfstate.lock.info"));
    world.apply();
    world.plan_is_empty();
    assert_eq!(bucket.records().len(), 21);
    world.destroy();
    assert_eq!(bucket.records(), []);
}

#[test]
fn what_another_run_of_the_same_owner_changed_stays_or_is_told() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let in_bucket = bucket.world("terraform", &format!("{MESH}{}", nodes("a", 1)));
    changed_meanwhile(&in_bucket, &bucket.settings("terraform"), || bucket.store());
    // The embedded store, likewise.
    let embedded = World::new(&format!("{MESH}{}", nodes("a", 1)));
    changed_meanwhile(&embedded, "", || {
        Arc::new(crate::world::open(&embedded.store_directory()))
    });
}

fn changed_meanwhile(world: &World, settings: &str, store: impl Fn() -> Arc<dyn Store>) {
    let port = |port: u16| format!("{MESH}{}", nodes("a", 1).replace("= 80", &format!("= {port}")));
    let body = || wait(store().get(&node("a0"))).unwrap().unwrap().body;
    let change = |pointer: &str, value: serde_json::Value| {
        let store = store();
        let record = wait(store.get(&node("a0"))).unwrap().unwrap();
        let mut draft = RecordDraft::new(record.key.clone(), record.body.clone());
        *draft.body.pointer_mut(pointer).unwrap() = value;
        wait(store.put(draft, Expected::At(record.revision), &somebody())).unwrap();
    };
    let (hostname, listener) = (
        "/spec/serviceDiscovery/dns/hostname",
        "/spec/listeners/0/portMapping/port",
    );
    world.apply();
    world.write(settings, &port(81));
    world.plan();
    change(hostname, "elsewhere.local".into());
    let ran = world.run(&["apply", "-no-color", "tfplan"]);
    assert!(ran.ok(), "{}", ran.text);
    assert_eq!(body().pointer(hostname).unwrap(), "elsewhere.local");
    assert_eq!(body().pointer(listener).unwrap(), 81);
    // It shows as drift, and is the configuration's again.
    world.plan().is(&[("appmesh_virtual_node.a[0]", "update")]);
    world.apply();
    world.plan_is_empty();
    assert_eq!(body().pointer(hostname).unwrap(), "a0.local");
    // The same field: who was first is told, and keeps it.
    world.write(settings, &port(82));
    world.plan();
    change(listener, 83.into());
    let ran = world.run(&["apply", "-no-color", "tfplan"]);
    no_panic(&ran.text);
    assert!(!ran.ok(), "{}", ran.text);
    says(
        &ran.flat(),
        &[
            "MF0401",
            "was changed by `somebody`",
            "is changed here too",
            "listener",
        ],
    );
    assert_eq!(body().pointer(listener).unwrap(), 83);
}
