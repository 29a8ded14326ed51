use crate::*;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use meshform_model::testing;
use meshform_release::{EnvoyBuilder, Releaser};
use meshform_store::testing::{CountedStore, author};
use meshform_store::{Expected, RecordDraft, SqliteOptions, SqliteStore, Store};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

fn view(specs: &serde_json::Value) -> View {
    let mesh = Mesh::new(testing::resources(specs).unwrap()).unwrap();
    let problems = mesh.check();
    View::of_files(mesh, problems)
}

/// Every page as files.
fn all(view: View) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime
        .block_on(files(&[view], None, &mut |path, text| {
            out.push((path, text));
            Ok(())
        }))
        .unwrap();
    out
}

/// The tags of a page, without what stands in them.
fn tags(page: &str) -> Vec<String> {
    let starts = page.split('<').skip(1);
    starts
        .map(|rest| rest.split([' ', '>', '\n']).next().unwrap().to_owned())
        .collect()
}

#[test]
fn links_lead_to_pages_that_are_there() {
    let pages = all(view(&testing::demo()));
    let names: Vec<&str> = pages.iter().map(|(path, _)| path.as_str()).collect();
    assert!(
        names.contains(&"m/apps/resources/route/serviceb/weighted/index.html"),
        "{names:?}"
    );
    for (path, text) in pages.iter().filter(|(path, _)| path.ends_with(".html")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for href in text
            .split("href=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
        {
            if href.starts_with('#') || href.starts_with("data:") {
                continue;
            }
            let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
            for part in href.split('/') {
                match part {
                    ".." => drop(parts.pop().expect("within the folder")),
                    part => parts.push(part),
                }
            }
            let to = parts.join("/").replace("%25", "%");
            assert!(names.contains(&to.as_str()), "{path}: {href}");
        }
    }
}

#[test]
fn static_pages_have_a_request_for_each_route() {
    let mut mesh = testing::demo();
    mesh["proxyProfile/all"] = json!({"interception": {"transparent": {}}});
    let pages = all(view(&mesh));
    let page = |wanted: &str| &pages.iter().find(|(path, _)| path == wanted).unwrap().1;
    let ways = page("m/apps/route/index.html");
    assert!(ways.contains("<bdi>GET serviceb.apps.local"), "{ways}");
    let route = page("m/apps/resources/route/serviceb/weighted/index.html");
    assert!(route.contains("A request that it takes"), "{route}");
    assert_eq!(route.matches("row route taken").count(), 1, "{route}");
    // Of a mesh that is not valid no way can be told.
    mesh["virtualRouter/serviceb/route/weighted"] = json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": [{"virtualNode": "lost", "weight": 1}]}}});
    let pages = all(view(&mesh));
    let (_, ways) = pages
        .iter()
        .find(|(path, _)| path == "m/apps/route/index.html")
        .unwrap();
    assert!(
        ways.contains("the mesh is not valid") && !ways.contains("<bdi>GET"),
        "{ways}"
    );
}

#[test]
fn a_mesh_without_resources_is_shown_as_that() {
    let pages = all(view(&json!({"": {}})));
    let (_, mesh) = pages
        .iter()
        .find(|(path, _)| path == "m/apps/index.html")
        .unwrap();
    assert!(
        mesh.contains("none yet") && mesh.contains("Nothing to draw"),
        "{mesh}"
    );
    assert!(!mesh.contains("paper-of"), "{mesh}");
}

#[test]
fn the_command_that_is_named_reads_what_the_page_was_made_of() {
    let of_files = view(&testing::demo());
    let of_store = View {
        state: Some(meshform_release::State::default()),
        ..of_files.clone()
    };
    for (view, wanted) in [
        (of_files, "--path PATH MESH.yaml"),
        (of_store, "--path PATH --store STORE"),
    ] {
        let pages = all(view);
        let (_, ways) = pages
            .iter()
            .find(|(path, _)| path == "m/apps/route/index.html")
            .unwrap();
        assert!(ways.contains(wanted), "{ways}");
    }
}

#[test]
fn pages_keep_to_their_weight() {
    let pages = all(view(&json!({"": {}})));
    let assets: usize = pages
        .iter()
        .filter(|(path, _)| path.starts_with("assets/"))
        .map(|(_, text)| text.len())
        .sum();
    let page = pages.iter().map(|(_, text)| text.len()).max().unwrap();
    assert!(assets + page < 100_000, "{assets} and {page} bytes");
}

#[test]
fn addresses_are_read_as_they_are_written() {
    for (path, _) in all(view(&testing::demo())) {
        let Some(path) = path.strip_suffix("index.html") else {
            continue;
        };
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let page = Page::parse(&parts).unwrap();
        assert_eq!(page.segments(), parts);
    }
    assert_eq!(Page::parse(&["m", "a", "resources", "route", "b"]), None);
    assert_eq!(Page::parse(&["x"]), None);
    let query = Query::parse("a=b+c&d=%2F%ff&e=");
    assert_eq!(
        (query.get("a"), query.get("d"), query.get("e")),
        (Some("b c"), Some("/\u{fffd}"), None)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever names and fields hold: a page has the same elements as with ordinary ones, and is within the folder.
    #[test]
    fn texts_are_text(name in r#"[<>&"' /.\]\[a\u{202e}\u{5d0}\u{0}]{1,12}"#) {
        let mesh = |text: &str| {
            let listener = json!([{"portMapping": {"port": 8080, "protocol": "http"}}]);
            let node = json!({"listeners": listener, "serviceDiscovery": {"dns": {"hostname": text}}});
            let header = json!([{"name": text, "match": {"exact": text}}]);
            let target = json!({"weightedTargets": [{"virtualNode": text, "weight": 1}]});
            let route = json!({"httpRoute": {
                "match": {"prefix": format!("/{text}"), "headers": header}, "action": target,
            }});
            let of = |kind, name: &str| ResourceKey::in_mesh("apps", kind, name);
            let router = of(Kind::VirtualRouter, "r");
            let resources = [
                (ResourceKey::mesh("apps"), json!({})),
                (of(Kind::VirtualNode, text), node),
                (of(Kind::VirtualService, "s.local"), json!({"provider": {"virtualRouter": {"virtualRouterName": "r"}}})),
                (ResourceKey::child(&router, Kind::Route, "split"), route),
                (router, json!({"listeners": listener})),
            ];
            let resources = resources.map(|(key, spec)| {
                let mut resource = Resource::from_json(key, &spec).unwrap();
                resource.tags.insert(text.to_owned(), text.to_owned());
                resource
            });
            let mesh = Mesh::new(resources.to_vec()).unwrap();
            let problems = mesh.check();
            View::of_files(mesh, problems)
        };
        let (hostile, plain) = (all(mesh(&name)), all(mesh("plain")));
        prop_assert_eq!(hostile.len(), plain.len());
        // A problem more may be told of such a name; elements of another kind are none of ours.
        let known: BTreeSet<String> = plain.iter().flat_map(|(_, text)| tags(text)).collect();
        let scripts = |text: &str| tags(text).iter().filter(|tag| *tag == "script").count();
        for ((path, text), (_, other)) in hostile.iter().zip(&plain) {
            prop_assert!(path.split('/').all(|part| part != ".." && part != "."), "{}", path);
            prop_assert_eq!(scripts(text), scripts(other), "{}", path);
            let strange: Vec<String> = tags(text).into_iter().filter(|tag| !known.contains(tag)).collect();
            prop_assert!(strange.is_empty(), "{}: {:?}", path, strange);
        }
    }
}

/// A site of a store of which lists are counted, and that store.
fn site(folder: &std::path::Path) -> (Site, Arc<CountedStore>) {
    let inner = SqliteStore::open(SqliteOptions::new(folder.join("store"))).unwrap();
    let counted = Arc::new(CountedStore::new(Arc::new(inner)));
    let store: Arc<dyn Store> = counted.clone();
    let releaser = Releaser::new(Arc::clone(&store), Arc::new(EnvoyBuilder), author("us"));
    (Site::new(store, releaser), counted)
}

#[tokio::test]
async fn what_was_written_since_is_shown_without_listing_the_mesh_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (site, store) = site(folder.path());
    let put = async |key: ResourceKey, expected, owner: &str| {
        let body = json!({"spec": {}});
        let draft = RecordDraft::new(key, body);
        store.put(draft, expected, &author(owner)).await.unwrap()
    };
    put(ResourceKey::mesh("apps"), Expected::Absent, "us").await;
    let key = ResourceKey::in_mesh("apps", Kind::VirtualRouter, "r");
    let first = put(key.clone(), Expected::Absent, "us").await;
    site.view("apps", Vec::new()).await.unwrap();
    store.lists();
    let second = put(key.clone(), Expected::At(first.revision), "them").await;
    let view = site.view("apps", Vec::new()).await.unwrap().unwrap();
    assert_eq!(store.lists(), 0);
    let last = &view.records.written[&key];
    assert_eq!(
        (
            last.owner.as_str(),
            last.actor.as_str(),
            last.version,
            last.revision,
            last.at
        ),
        ("them", "them@test", 2, second.revision, second.last_updated_at)
    );
}
