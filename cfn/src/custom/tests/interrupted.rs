//! Events that come again, answers that are lost, a store that fails between two steps.

use super::*;

const SHOP: &str = "cloudformation:123456789012:eu-west-1:shop";

fn of_other(request: CustomRequest) -> CustomRequest {
    CustomRequest {
        stack_id: OTHER.to_owned(),
        ..request
    }
}

fn with_port(mut request: CustomRequest, port: &str) -> CustomRequest {
    request.resource_properties["Spec"]["Listeners"][0]["PortMapping"]["Port"] = json!(port);
    request
}

fn as_a(request: CustomRequest) -> CustomRequest {
    CustomRequest {
        logical_resource_id: "Nodea".to_owned(),
        ..request
    }
}

impl Bench {
    /// Makes the claim of a resource unreadable, or readable again.
    fn garble(&self, name: &str, is_garbled: bool) {
        let settings = self._folder.path().join("settings");
        let mut folders = std::fs::read_dir(settings)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let folder = folders.find(|path| path.to_str().unwrap().ends_with(&format!("=2f{name}")));
        let file = folder.unwrap().join("00000000000000000099.json");
        match is_garbled {
            true => std::fs::write(file, "{").unwrap(),
            false => std::fs::remove_file(file).unwrap(),
        }
    }
}

#[tokio::test]
async fn what_was_refused_to_another_stack_overtakes_nothing() {
    let bench = Bench::new();
    let create = request(Create, "1", "a");
    let first = bench.serve(&create).await;
    let refused = bench.serve(&of_other(request(Create, "2", "a"))).await;
    assert!(refused.failed && refused.reason.contains("MF0982"), "{refused:?}");
    // The answer to the first was not taken: Lambda hands it over again.
    assert_eq!(bench.serve(&create).await, first);
    assert_eq!(bench.record("a").await.unwrap().version, 1);
}

#[tokio::test]
async fn a_create_that_comes_again_to_a_broken_store_is_deleted_all_the_same() {
    let bench = Bench::new();
    let create = request(Create, "1", "a");
    assert!(!bench.serve(&create).await.failed);
    bench.garble("a", true);
    let answer = bench.serve(&create).await;
    assert!(
        answer.failed && answer.physical_id.starts_with(UNFINISHED_CREATE),
        "{answer:?}"
    );
    bench.garble("a", false);
    assert!(
        !bench
            .serve(&then(Delete, "2", "a", &answer.physical_id))
            .await
            .failed
    );
    assert_eq!(bench.record("a").await, None);
}

#[tokio::test]
async fn a_rollback_that_a_broken_store_stops_deletes_nothing() {
    let bench = Bench::new();
    let old = bench.serve(&request(Create, "1", "a")).await.physical_id;
    let new = bench.serve(&as_a(then(Update, "2", "b", &old))).await.physical_id;
    let before = bench.record("a").await;
    bench.garble("a", true);
    let back = as_a(then(Update, "3", "a", &new));
    assert!(bench.serve(&back).await.failed);
    bench.garble("a", false);
    assert_eq!(bench.record("a").await, before);
    let request = &back;
    let problem = Diagnostic::error(meshform_store::codes::CONFLICT, "x");
    bench.desk.undo(request, &node("a"), &[problem]).await.unwrap();
    assert_eq!(bench.record("a").await, before, "the stack had it before");
}

#[tokio::test]
async fn what_another_logical_id_took_over_goes_back_to_the_first() {
    let mut bench = Bench::new();
    bench.desk.take_over = take_over(&[SHOP]);
    bench.adopted("a", "cloudformation").await;
    let adopted = bench.all().await;
    let arn = bench.serve(&request(Create, "1", "a")).await.physical_id;
    let before = bench.all().await;
    let renamed = |request: CustomRequest| CustomRequest {
        logical_resource_id: "Renamed".to_owned(),
        ..request
    };
    let taken = renamed(with_port(request(Create, "2", "a"), "81"));
    assert!(!bench.serve(&taken).await.failed);
    let delete = renamed(then(Delete, "3", "a", &arn));
    for _ in 0..2 {
        assert!(!bench.serve(&delete).await.failed);
        assert_eq!(bench.all().await, before);
    }
    // The first took it over itself, and gives it back in its turn.
    let last = bench.serve(&then(Delete, "4", "a", &arn)).await;
    assert_eq!((last.failed, bench.all().await), (false, adopted), "{last:?}");
}

#[tokio::test]
async fn what_a_stack_retained_is_there_again_when_it_creates_it_anew_and_fails() {
    let bench = Bench::new();
    let arn = bench.serve(&request(Create, "1", "a")).await.physical_id;
    let before = bench.all().await;
    assert!(
        !bench
            .serve(&with_port(request(Create, "2", "a"), "81"))
            .await
            .failed
    );
    let delete = then(Delete, "3", "a", &arn);
    for _ in 0..2 {
        assert!(!bench.serve(&delete).await.failed);
        assert_eq!(
            bench.record("a").await.unwrap().body,
            before[0].body,
            "twice, because Lambda may hand it over twice"
        );
    }
}

#[tokio::test]
async fn a_replacement_whose_answer_was_lost_is_taken_back_by_the_rollback() {
    let bench = Bench::new();
    let old = bench.serve(&request(Create, "1", "a")).await.physical_id;
    let lost = as_a(then(Update, "2", "b", &old));
    assert!(!bench.serve(&lost).await.failed);
    let back = CustomRequest {
        old_resource_properties: lost.resource_properties.clone(),
        ..as_a(then(Update, "3", "a", &old))
    };
    assert_eq!(bench.serve(&back).await.physical_id, old);
    assert!(bench.record("a").await.is_some() && bench.record("b").await.is_none());

    // What the stack has by a create of its own stays.
    let kept = as_a(request(Create, "4", "c"));
    assert!(!bench.serve(&kept).await.failed);
    let back = CustomRequest {
        old_resource_properties: kept.resource_properties.clone(),
        ..as_a(then(Update, "5", "a", &old))
    };
    assert!(!bench.serve(&back).await.failed);
    assert!(bench.record("c").await.is_some());
}

#[tokio::test]
async fn a_secret_that_was_written_over_is_none() {
    let bench = Bench::new();
    let mut secret = request(Create, "1", "a");
    secret.resource_properties["NoEcho"] = json!("true");
    assert!(!bench.serve(&secret).await.failed);
    let key = node("a");
    let is_secret = async || bench.desk.claims.of(&key).await.unwrap().claim.secret;
    assert!(is_secret().await);
    let arn = "arn:aws:appmesh:eu-west-1:123456789012:mesh/apps/virtualNode/a";
    let bare = with_port(then(Update, "2", "a", arn), "81");
    assert!(!bench.serve(&bare).await.failed);
    assert!(!is_secret().await);
}

#[tokio::test]
async fn the_delete_of_a_failed_create_needs_no_store() {
    let delete = then(Delete, "1", "a", "meshform-failed-create/0");
    let answer = RequestHandler::left_nothing(&delete).unwrap();
    assert_eq!(
        (answer.failed, answer.physical_id.as_str()),
        (false, "meshform-failed-create/0")
    );
    assert_eq!(
        RequestHandler::left_nothing(&then(Delete, "1", "a", "meshform-unfinished-create/0")),
        None
    );
    assert_eq!(
        RequestHandler::left_nothing(&then(Update, "1", "a", "meshform-failed-create/0")),
        None
    );
}
