//! The provider under the protocol's own conformance suite, over the wire.

use meshform_acceptance::tools;
use std::time::Duration;
use tfplugin::Value;
use tfplugin::testing::conformance::Suite;

/// The fields by which made-up resources find a mesh and each other.
const NAMES: [&str; 7] = [
    "name",
    "mesh_name",
    "virtual_node_name",
    "virtual_router_name",
    "virtual_service_name",
    "virtual_gateway_name",
    "gateway_route_name",
];

#[test]
fn the_provider_conforms_to_the_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let config = Value::object([("store", Value::from(store.to_string_lossy().into_owned()))]);
    let mesh = Value::object([("name", Value::from("shop"))]);
    let suite = Suite::new(tools::provider())
        .configure(config)
        .start_within(Duration::from_secs(5))
        .resident_below(128 << 10)
        .fitting(|_, config| {
            for name in NAMES {
                if config.get(name).as_str().is_some() {
                    config.set_attr(name, "any");
                }
            }
            // It follows from `tags`; one that says something else is read back as what it led to.
            if !config.get("tags_all").is_null() {
                config.set_attr("tags_all", Value::Null);
            }
        })
        .object("appmesh_mesh", mesh);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let report = runtime.block_on(suite.run());
    assert!(report.passed(), "{report}");
    assert_eq!(report.checks.len(), 45, "{report}");
    let skipped: Vec<&str> = report.skipped().map(|check| check.name).collect();
    // Made-up resources name others that are not there. A store on this disk neither fails half way nor takes long
    // enough to be stopped. The SDK's own examples show these.
    assert_eq!(
        skipped,
        [
            "made-up objects come out as planned, and a second plan changes nothing",
            "a create that fails returns what there is",
            "a create that is stopped returns what there is, and the provider serves on",
        ],
        "{report}"
    );
}
