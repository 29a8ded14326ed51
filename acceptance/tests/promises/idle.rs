//! What plans say, and do, of a mesh that they leave as it is.

use crate::promise::{is_kept, nodes};
use crate::server::{Fault, Server};
use crate::world::{World, open, says, somebody, wait};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_store::{Author, Expected, Location, PublishedObjects, RecordDraft, Store};
use std::path::Path;
use std::time::{Duration, Instant};

const SETTINGS: &str = "publish = [\"published\"]";

/// An applied mesh of one node, whose provider has what it needs to reach a bucket and does not publish to it yet.
fn applied_beside(environment: &[(String, String)]) -> World {
    let world = World::with_provider("", &nodes(1, 8080));
    let world = environment
        .iter()
        .fold(world, |world, (name, value)| world.env(name, value));
    world.apply();
    world
}

#[test]
fn a_plan_releases_what_a_run_left_that_is_over() {
    let world = World::with_provider(SETTINGS, &nodes(1, 8080));
    world.apply();
    let published = world.module().dir().join("published");
    let key = ResourceKey::in_mesh("m", Kind::VirtualNode, "n0");
    let store = open(&world.store_directory());
    wait(async {
        let run = store.open_run("somebody").await.unwrap();
        let record = store.get(&key).await.unwrap().unwrap();
        let mut draft = RecordDraft::new(key.clone(), record.body.clone());
        draft.body["spec"]["listeners"][0]["portMapping"]["port"] = 9090.into();
        let author = Author {
            run: Some(run.clone()),
            ..somebody()
        };
        store
            .put(draft, Expected::At(record.revision), &author)
            .await
            .unwrap();
        store.close_run(&run).await.unwrap();
    });
    world.write(SETTINGS, &nodes(1, 9090));
    let said = world.plan().text;
    says(
        &said,
        &[
            "What an earlier apply wrote to mesh `m` is released now",
            "m/virtualNode/n0",
        ],
    );
    wait(is_kept(&store, &[&published]));
    let said = world.plan().text;
    assert!(!said.contains("earlier apply"), "{said}");
}

#[test]
fn an_idle_plan_tells_what_is_worth_a_look_in_the_whole_mesh() {
    let router = r#"
resource "appmesh_virtual_router" "empty" {
  name      = "empty"
  mesh_name = appmesh_mesh.m.name
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
  }
}

resource "appmesh_virtual_service" "empty" {
  name      = "empty.local"
  mesh_name = appmesh_mesh.m.name
  spec {
    provider {
      virtual_router {
        virtual_router_name = appmesh_virtual_router.empty.name
      }
    }
  }
}
"#;
    let world = World::with_provider(SETTINGS, &format!("{}{router}", nodes(1, 8080)));
    let said = world.apply().flat();
    assert!(
        !said.contains("has no route,"),
        "in the midst of an apply nothing is said of it: {said}"
    );
    let said = world.plan().text;
    says(&said, &["irtual router `empty`", "no route"]);
}

#[test]
fn a_plan_does_not_wait_for_a_place_that_is_silent() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let world = applied_beside(&bucket.environment());
    world.write(&format!("publish = [\"{}\"]", bucket.url), &nodes(1, 8080));
    server.fail("", Fault::Held);
    let begun = Instant::now();
    let said = world.plan().text;
    let took = begun.elapsed();
    server.heal();
    says(
        &said,
        &[
            "It is not known whether the proxies of mesh `m` are current",
            "10 s",
        ],
    );
    assert!(took < Duration::from_secs(40), "{took:?}");
}

#[test]
fn a_list_of_published_objects_that_breaks_off_is_asked_for_again() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let Location::Bucket(url) = Location::parse(&bucket.url, Path::new("/")).unwrap() else {
        panic!("{} is no bucket", bucket.url)
    };
    let objects = PublishedObjects::open(&url, bucket.access());
    wait(objects.write("a/b", b"1".to_vec())).unwrap();
    server.fail_times("list-type=2", Fault::Broken, 1);
    let listed = wait(objects.list("a")).unwrap();
    assert_eq!(listed.len(), 1);
}

#[test]
fn beside_a_place_that_is_silent_the_proxies_are_named_that_are_known() {
    let server = Server::start();
    let bucket = server.bucket("p");
    let settings = format!("publish = [\"{}\"]\nrelease_timeout = \"500ms\"", bucket.url);
    let world = applied_beside(&bucket.environment());
    server.fail("", Fault::Held);
    world.write(&settings, &nodes(1, 8081));
    let said = world.apply().flat();
    server.heal();
    says(
        &said,
        &[
            "MF0713",
            "m/virtualNode/n0",
            &format!("{} could not be read within 2 s", bucket.url),
        ],
    );
}
