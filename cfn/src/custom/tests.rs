mod interrupted;

use super::*;
use meshform_model::kind::Kind;
use meshform_store::{Expected, ImportedIdentity, Location, Prefix, RecordDraft, Seed};
use serde_json::json;
use std::path::Path;

const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/1";
const OTHER: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/other/2";

/// What the function takes over by itself, and from these owners.
fn take_over(owners: &[&str]) -> Overwrites {
    Overwrites::named(["cloudformation"].iter().chain(owners).map(ToString::to_string))
}

struct Bench {
    _folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    desk: RequestHandler,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("file://{}", folder.path().display());
        let location = Location::parse(&name, Path::new("/")).unwrap();
        let seed = Seed::new("aws", "eu-west-1", "123456789012").unwrap();
        let store = location.open(&meshform_store::Access::default(), &seed).unwrap();
        Self {
            _folder: folder,
            desk: RequestHandler::new(Arc::clone(&store), take_over(&[])),
            store,
        }
    }

    async fn serve(&self, request: &CustomRequest) -> Answer {
        self.desk
            .serve(request, Instant::now() + Duration::from_secs(60))
            .await
    }

    async fn record(&self, name: &str) -> Option<Record> {
        self.store.get(&node(name)).await.unwrap()
    }

    /// A record of somebody else's.
    async fn adopted(&self, name: &str, owner: &str) -> Record {
        let author = Author {
            owner: owner.to_owned(),
            actor: "somebody".to_owned(),
            run: None,
        };
        let mut draft = RecordDraft::new(
            node(name),
            json!({"spec": {"logging": {"accessLog": {"file": {"path": "/x"}}}}}),
        );
        draft.imported = ImportedIdentity {
            uid: Some(format!("uid-{name}")),
            version: Some(7),
            ..ImportedIdentity::default()
        };
        self.store.put(draft, Expected::Absent, &author).await.unwrap()
    }

    /// Everything that a reader can see, but for the revisions, which never come again.
    async fn all(&self) -> Vec<Record> {
        let mut all = self.store.list(&Prefix::all()).await.unwrap().records;
        all.iter_mut()
            .for_each(|record| record.revision = meshform_store::Revision::default());
        all
    }
}

fn node(name: &str) -> ResourceKey {
    ResourceKey::in_mesh("apps", Kind::VirtualNode, name)
}

fn request(request_type: RequestType, id: &str, name: &str) -> CustomRequest {
    CustomRequest {
        request_type,
        response_url: "https://x".to_owned(),
        stack_id: STACK.to_owned(),
        request_id: id.to_owned(),
        resource_type: "Custom::AppMeshVirtualNode".to_owned(),
        logical_resource_id: format!("Node{name}"),
        physical_resource_id: None,
        resource_properties: json!({"ServiceToken": "t", "MeshName": "apps", "VirtualNodeName": name,
            "Spec": {"Listeners": [{"PortMapping": {"Port": "8080", "Protocol": "http"}}]}}),
        old_resource_properties: Json::Null,
    }
}

fn then(request_type: RequestType, id: &str, name: &str, physical: &str) -> CustomRequest {
    CustomRequest {
        physical_resource_id: Some(physical.to_owned()),
        ..request(request_type, id, name)
    }
}

use RequestType::{Create, Delete, Update};

#[tokio::test]
async fn a_create_that_comes_twice_writes_once_and_one_that_comes_late_writes_nothing() {
    let bench = Bench::new();
    let create = request(Create, "1", "a");
    let first = bench.serve(&create).await;
    assert!(!first.failed, "{first:?}");
    let arn = "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/a";
    assert_eq!(first.physical_id, arn);
    for (name, value) in [
        ("Arn", arn),
        ("MeshName", "apps"),
        ("VirtualNodeName", "a"),
        ("MeshOwner", "123456789012"),
    ] {
        assert_eq!(first.attributes[name], value);
    }
    // What templates may ask for is what there is.
    let given: Vec<&String> = first.attributes.keys().collect();
    let mut known = stack::attributes(Kind::VirtualNode);
    known.sort();
    assert_eq!(given, known.iter().collect::<Vec<_>>());
    let written = bench.record("a").await.unwrap();
    assert_eq!(
        (written.version, written.author.owner.as_str()),
        (1, "cloudformation:123456789012:eu-west-1:shop")
    );
    assert_eq!(bench.serve(&create).await, first);
    assert_eq!(bench.record("a").await, Some(written));

    let mut update = then(Update, "2", "a", arn);
    update.resource_properties["Spec"] = json!({});
    assert_eq!(bench.serve(&update).await.physical_id, arn);
    let updated = bench.record("a").await;
    assert!(bench.serve(&create).await.failed, "it is overtaken");
    assert_eq!(bench.record("a").await, updated);

    let delete = then(Delete, "3", "a", arn);
    assert!(!bench.serve(&delete).await.failed);
    assert_eq!(bench.record("a").await, None);
    for late in [&create, &update] {
        assert!(bench.serve(late).await.failed);
    }
    assert!(!bench.serve(&delete).await.failed);
    assert_eq!(bench.record("a").await, None);
}

#[tokio::test]
async fn ten_are_taken_over_the_eleventh_fails_and_the_store_is_as_before() {
    let bench = Bench::new();
    for number in 0..10 {
        bench.adopted(&format!("n{number}"), "cloudformation").await;
    }
    bench.adopted("n10", "terraform").await;
    let before = bench.all().await;
    let mut made = Vec::new();
    for number in 0..11 {
        let name = format!("n{number}");
        let answer = bench.serve(&request(Create, &format!("c{number}"), &name)).await;
        assert_eq!(answer.failed, number == 10, "{answer:?}");
        made.push((name, answer));
    }
    assert!(made[10].1.reason.contains("MF0982") && made[10].1.reason.contains("owner `terraform`"));
    assert_eq!(made[3].1.attributes["Uid"], "uid-n3");
    assert_ne!(bench.all().await, before);
    for (name, answer) in made.iter().rev() {
        let answer = bench
            .serve(&then(Delete, &format!("d{name}"), name, &answer.physical_id))
            .await;
        assert!(!answer.failed, "{answer:?}");
    }
    assert_eq!(bench.all().await, before);
}

#[tokio::test]
async fn after_its_first_update_a_resource_that_was_taken_over_is_the_stacks() {
    let bench = Bench::new();
    bench.adopted("a", "cloudformation").await;
    let arn = bench.serve(&request(Create, "1", "a")).await.physical_id;
    let mut update = then(Update, "2", "a", &arn);
    update.resource_properties["Spec"]["Listeners"][0]["PortMapping"]["Port"] = json!("x");
    assert!(bench.serve(&update).await.failed);
    update.request_id = "3".to_owned();
    update.resource_properties["Spec"]["Listeners"][0]["PortMapping"]["Port"] = json!("81");
    assert!(!bench.serve(&update).await.failed);
    assert!(!bench.serve(&then(Delete, "4", "a", &arn)).await.failed);
    assert_eq!(bench.record("a").await, None);
}

#[tokio::test]
async fn another_stack_and_another_logical_id_are_refused() {
    let bench = Bench::new();
    let arn = bench.serve(&request(Create, "1", "a")).await.physical_id;
    let mut other = request(Create, "2", "a");
    other.stack_id = OTHER.to_owned();
    let refused = bench.serve(&other).await;
    assert!(refused.failed && refused.reason.contains("MF0982"), "{refused:?}");
    let mut renamed = request(Create, "3", "a");
    renamed.logical_resource_id = "Renamed".to_owned();
    let refused = bench.serve(&renamed).await;
    assert!(refused.failed && refused.reason.contains("MF0983"), "{refused:?}");
    for one in [&other, &renamed] {
        let again = bench.serve(one).await;
        assert!(again.failed, "the same event fails again");
        let deleted = CustomRequest {
            request_type: Delete,
            request_id: "9".to_owned(),
            // As if the answer had never come: CloudFormation makes up an id.
            physical_resource_id: Some("shop-Node-1ABC".to_owned()),
            ..one.clone()
        };
        assert!(!bench.serve(&deleted).await.failed);
        assert!(bench.record("a").await.is_some(), "it is not theirs");
    }
    assert!(!bench.serve(&then(Delete, "4", "a", &arn)).await.failed);
    // Now it is free.
    other.request_id = "5".to_owned();
    assert!(!bench.serve(&other).await.failed);
}

#[tokio::test]
async fn a_logical_id_is_renamed_where_its_stack_may_take_over_its_own() {
    let mut bench = Bench::new();
    assert!(!bench.serve(&request(Create, "1", "a")).await.failed);
    let mut renamed = request(Create, "2", "a");
    renamed.logical_resource_id = "Renamed".to_owned();
    let refused = bench.serve(&renamed).await;
    assert!(
        refused.failed
            && refused
                .reason
                .contains("`cloudformation:123456789012:eu-west-1:shop`"),
        "{refused:?}"
    );
    bench.desk.take_over = take_over(&["cloudformation:123456789012:eu-west-1:shop"]);
    renamed.request_id = "3".to_owned();
    let taken = bench.serve(&renamed).await;
    assert!(!taken.failed, "{taken:?}");
    // What is left of the old id does no harm.
    assert!(
        !bench
            .serve(&then(Delete, "4", "a", &taken.physical_id))
            .await
            .failed
    );
    assert!(bench.record("a").await.is_some());
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_undone_by_the_delete_under_another_id() {
    let bench = Bench::new();
    assert!(!bench.serve(&request(Create, "1", "a")).await.failed);
    assert!(
        !bench
            .serve(&then(Delete, "2", "a", "shop-Nodea-1ABCDEF"))
            .await
            .failed
    );
    assert_eq!(bench.record("a").await, None);
}

#[tokio::test]
async fn another_name_is_a_replacement_and_its_rollback_leads_back() {
    let bench = Bench::new();
    let old = bench.serve(&request(Create, "1", "a")).await.physical_id;
    let as_a = |request: CustomRequest| CustomRequest {
        logical_resource_id: "Nodea".to_owned(),
        ..request
    };
    let new = bench.serve(&as_a(then(Update, "2", "b", &old))).await;
    assert!(!new.failed && new.physical_id != old, "{new:?}");
    assert!(bench.record("a").await.is_some() && bench.record("b").await.is_some());
    let back = as_a(then(Update, "3", "a", &new.physical_id));
    assert_eq!(bench.serve(&back).await.physical_id, old);
    let cleanup = as_a(then(Delete, "4", "b", &new.physical_id));
    assert!(!bench.serve(&cleanup).await.failed);
    assert!(bench.record("a").await.is_some() && bench.record("b").await.is_none());
}

#[tokio::test]
async fn a_failed_create_says_where_and_its_delete_does_nothing() {
    let bench = Bench::new();
    let mut wrong = request(Create, "1", "a");
    wrong.resource_properties["Spec"]["Listeners"][0]["PortMapping"]["Port"] = json!("hunter2");
    let answer = bench.serve(&wrong).await;
    assert!(
        answer.failed && answer.reason.contains("/Spec/Listeners/0/PortMapping/Port"),
        "{answer:?}"
    );
    assert!(answer.reason.contains("hunter2"));
    wrong.resource_properties["NoEcho"] = json!("true");
    let secret = bench.serve(&wrong).await;
    assert!(secret.failed && !secret.reason.contains("hunter2"), "{secret:?}");
    bench.adopted("a", "terraform").await;
    let before = bench.all().await;
    assert!(
        !bench
            .serve(&then(Delete, "2", "a", &answer.physical_id))
            .await
            .failed
    );
    assert_eq!(bench.all().await, before);
    let mut unknown = request(Create, "3", "a");
    unknown.resource_type = "Custom::Other".to_owned();
    assert!(bench.serve(&unknown).await.reason.contains("MF0980"));
}

#[tokio::test]
async fn what_is_inside_keeps_a_mesh_and_the_mesh_says_why_it_is_not_released() {
    let bench = Bench::new();
    let mut mesh = request(Create, "1", "a");
    mesh.resource_type = "Custom::AppMeshMesh".to_owned();
    mesh.logical_resource_id = "Mesh".to_owned();
    mesh.resource_properties = json!({"MeshName": "apps"});
    let made = bench.serve(&mesh).await;
    assert_eq!((made.failed, made.reason.as_str()), (false, "released"));
    let mut caller = request(Create, "2", "a");
    caller.resource_properties["Spec"]["Backends"] =
        json!([{"VirtualService": {"VirtualServiceName": "b.local"}}]);
    let called = bench.serve(&caller).await;
    assert!(
        !called.failed && called.reason.contains("is not valid yet"),
        "{called:?}"
    );
    assert_eq!(called.attributes[RELEASE], called.reason.as_str());
    tokio::time::pause();
    let delete = CustomRequest {
        request_type: Delete,
        request_id: "3".to_owned(),
        physical_resource_id: Some(made.physical_id),
        ..mesh
    };
    let refused = bench.serve(&delete).await;
    assert!(refused.failed && refused.reason.contains("MF0704"), "{refused:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_mesh_tells_no_secret_in_any_answer() {
    let bench = Bench::new();
    let mut mesh = request(Create, "1", "a");
    mesh.resource_type = "Custom::AppMeshMesh".to_owned();
    mesh.resource_properties = json!({"MeshName": "apps"});
    assert!(!bench.serve(&mesh).await.failed);
    let mut secret = request(Create, "2", "a");
    secret.resource_properties["NoEcho"] = json!("true");
    secret.resource_properties["Spec"]["Backends"] =
        json!([{"VirtualService": {"VirtualServiceName": "hunter2.local"}}]);
    let mut open = request(Create, "3", "b");
    open.resource_properties["Spec"]["Backends"] =
        json!([{"VirtualService": {"VirtualServiceName": "prices.local"}}]);
    for (request, shown) in [(&secret, false), (&open, true)] {
        let answer = bench.serve(request).await;
        let body = answer.body(request);
        assert!(!answer.failed && !body.contains("hunter2"), "{body}");
        assert!(
            body.contains("virtual node `a`") && body.contains("NoEcho parameter"),
            "{body}"
        );
        assert_eq!(body.contains("prices.local"), shown, "{body}");
    }
    // Without the secret it is told again.
    let arn = "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/a";
    let mut plain = then(Update, "4", "a", arn);
    plain.resource_properties["Spec"] = secret.resource_properties["Spec"].clone();
    assert!(bench.serve(&plain).await.reason.contains("hunter2"));
}

#[tokio::test]
async fn a_resource_that_was_taken_over_and_replaced_is_not_given_back() {
    let bench = Bench::new();
    bench.adopted("a", "cloudformation").await;
    let old = bench.serve(&request(Create, "1", "a")).await.physical_id;
    let as_a = |request: CustomRequest| CustomRequest {
        logical_resource_id: "Nodea".to_owned(),
        ..request
    };
    let new = bench.serve(&as_a(then(Update, "2", "b", &old))).await;
    assert!(!new.failed && new.physical_id != old, "{new:?}");
    assert!(!bench.serve(&then(Delete, "3", "a", &old)).await.failed);
    assert!(bench.record("a").await.is_none() && bench.record("b").await.is_some());
}

#[tokio::test]
async fn writes_and_releases_share_one_view_of_each_mesh() {
    let RequestHandler {
        registry, releases, ..
    } = Bench::new().desk;
    assert!(Arc::ptr_eq(registry.views(), releases.releaser.views()));
}
