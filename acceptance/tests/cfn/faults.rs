//! What goes wrong on the way: lost answers, events that are not CloudFormation's, a bucket that refuses.

use crate::lambda::Trouble;
use crate::sequences::shop;
use crate::server::Fault;
use crate::stack::{CloudFormation, Parameters, ended};
use crate::world::World;
use serde_json::json;

#[test]
fn a_lost_answer_rolls_back_and_leaves_nothing() {
    let world = World::new(3);
    let mut cfn = CloudFormation::new(&world.lambda);
    world.lambda.trouble("Caller", Trouble::Lost, 1);
    let reasons = ended(
        cfn.create("shop", &shop(), &Parameters::new()),
        "ROLLBACK_COMPLETE",
    );
    assert_eq!(reasons, ["Caller: no answer"]);
    assert_eq!(world.paths(), Vec::<String>::new());
}

#[test]
fn an_answer_that_is_refused_comes_again_with_the_event() {
    let world = World::new(3);
    let mut cfn = CloudFormation::new(&world.lambda);
    world.lambda.trouble("Till", Trouble::Refused, 2);
    ended(cfn.create("shop", &shop(), &Parameters::new()), "CREATE_COMPLETE");
    assert!(world.records().iter().all(|record| record.version == 1));
}

#[test]
fn what_could_not_be_published_is_finished_by_the_schedule() {
    let world = World::new(2);
    let mut cfn = CloudFormation::new(&world.lambda);
    world
        .server
        .fail("/proxies/virtualNode/caller/", Fault::Answer(403, "AccessDenied"));
    ended(cfn.create("shop", &shop(), &Parameters::new()), "CREATE_COMPLETE");
    let said = cfn.stacks["shop"].outputs["Release"].clone();
    assert!(
        said.contains("virtualNode/caller") && said != "released",
        "{said}"
    );
    assert!(!world.is_published("virtualNode/caller"));
    let event = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
    let failed = world.lambda.outcome(&world.lambda.invoke(&event, false));
    assert!(
        failed.unwrap_err()["errorMessage"]
            .as_str()
            .unwrap()
            .contains("caller")
    );
    world.server.heal();
    world.lambda.outcome(&world.lambda.invoke(&event, false)).unwrap();
    assert!(world.is_published("virtualNode/caller"));
}

#[test]
fn a_release_that_takes_the_last_route_away_is_held_and_made_by_the_schedule() {
    let world = World::new(2);
    let mut cfn = CloudFormation::new(&world.lambda);
    ended(cfn.create("shop", &shop(), &Parameters::new()), "CREATE_COMPLETE");
    let mut without = shop();
    without["Resources"].as_object_mut().unwrap().remove("Route");
    ended(
        cfn.update("shop", &without, &Parameters::new()),
        "UPDATE_COMPLETE",
    );
    let current = || {
        let folder = tempfile::tempdir().unwrap();
        let url = world.bucket.url.as_str();
        world.meshform(folder.path(), &["history", "--store", url, "--format", "json"])
    };
    let held = current();
    let event = json!({"source": "aws.events"});
    world.lambda.outcome(&world.lambda.invoke(&event, false)).unwrap();
    assert_ne!(current(), held);
}

#[test]
fn a_template_with_a_mistake_is_refused_before_anything_is_made() {
    let world = World::new(1);
    let mut cfn = CloudFormation::new(&world.lambda);
    let mut wrong = shop();
    wrong["Resources"]["Till"]["Properties"]["Spec"]["Listners"] = json!([]);
    let refused = cfn.create("shop", &wrong, &Parameters::new()).unwrap_err();
    assert!(
        refused.contains("Till: [MF0102]") && refused.contains("Listners"),
        "{refused}"
    );
    assert_eq!(world.records(), []);
}

#[test]
fn events_of_others_are_refused() {
    let world = World::new(1);
    for event in [
        json!({"Records": []}),
        json!("x"),
        json!({"RequestType": "Create", "ResponseURL": "ftp://x"}),
    ] {
        let refused = world
            .lambda
            .outcome(&world.lambda.invoke(&event, false))
            .unwrap_err();
        assert_eq!(refused["errorType"], "MF0980", "{refused}");
    }
    assert_eq!(world.records(), []);
}
