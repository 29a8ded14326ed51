//! Nodes of Cloud Map whose addresses arrive: a poller asks moto, and writes where Envoy reads.

use crate::lookup::Registry;
use crate::moto::Moto;
use crate::servers::{Http1, free_port};
use crate::sheet::{Sheet, eventually};
use crate::world::Plan;
use meshform_acceptance::envoy::Envoy;
use meshform_acceptance::http::Client;
use meshform_acceptance::tools;
use meshform_bundle::ProxyId;
use meshform_bundle::discovery::{DiscoveredNode, Discovery};
use meshform_bundle::publish::Publisher;
use meshform_envoy::polled::polled;
use meshform_model::mesh::Mesh;
use meshform_release::{Builder as _, EnvoyBuilder};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A poller; it ends when this is dropped.
struct Poller(Child);

impl Drop for Poller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The namespace and the service that most nodes name.
const API: (&str, &str) = ("apps.local", "api");
const OTHER_SERVICE: (&str, &str) = ("apps.local", "other");
const OTHER_NAMESPACE: (&str, &str) = ("test.local", "api");

pub(super) fn rows(sheet: &mut Sheet) {
    // The same port on both loopback addresses: who answers says which address was taken.
    let four = Http1::start("four");
    let six = Http1::on("six", &format!("[::1]:{}", four.port));
    let moto = Moto::start();
    let registry = Registry::new(&moto);
    let both = json!({"AWS_INSTANCE_IPV4": "127.0.0.1", "AWS_INSTANCE_IPV6": "::1", "stage": "prod"});
    registry.register("both", &both);
    let elsewhere = json!({"AWS_INSTANCE_IPV4": "127.0.0.9", "stage": "test"});
    registry.register("elsewhere", &elsewhere);
    // The same attributes in another service, and in a service of that name in another namespace.
    for (name, address, (namespace, service)) in [
        ("other", "127.0.0.2", OTHER_SERVICE),
        ("staged", "127.0.0.3", OTHER_NAMESPACE),
    ] {
        Http1::on(name, &format!("{address}:{}", four.port)).unwrap();
        let instance = json!({"AWS_INSTANCE_IPV4": address, "stage": "prod"});
        Registry::of(&moto, namespace, service).register(name, &instance);
    }
    let mut plan = Plan::new();
    let mut node = |name: &str, preference: Option<&str>, (namespace, service): (&str, &str)| {
        let mut found = json!({"namespaceName": namespace, "serviceName": service,
            "attributes": [{"key": "stage", "value": "prod"}]});
        if let Some(preference) = preference {
            found["ipPreference"] = preference.into();
        }
        let listener = json!({"portMapping": {"port": four.port, "protocol": "http"}});
        plan.set(
            &format!("virtualNode/{name}"),
            json!({"listeners": [listener], "serviceDiscovery": {"awsCloudMap": found}}),
        );
        plan.served_by_node(&format!("{name}.apps.local"), name);
    };
    node("unsaid", None, API);
    node("four-only", Some("IPv4_ONLY"), API);
    node("four-preferred", Some("IPv4_PREFERRED"), API);
    node("six-only", Some("IPv6_ONLY"), API);
    node("six-preferred", Some("IPv6_PREFERRED"), API);
    node("other", None, OTHER_SERVICE);
    node("staged", None, OTHER_NAMESPACE);
    let port = plan.port;
    let admin = free_port();
    plan.profile(
        "virtualNode/web",
        admin,
        json!({"interception": {"explicit": {"port": port}}}),
    );
    let place = tempfile::tempdir().unwrap();
    publish(&plan.mesh(), place.path());
    let bootstrap = place.path().join("apps/virtualNode/web/bootstrap.json");
    let log = place.path().join("envoy.log");
    let envoy = Envoy::start(&tools::envoy(), &bootstrap, admin, &log).unwrap();
    let mut poller = Command::new(tools::agent());
    poller
        .arg("endpoints")
        .env("MESHFORM_STORE", place.path())
        .env("MESHFORM_MESH", "apps")
        .env("MESHFORM_POLL", "1")
        .env("MESHFORM_LISTEN", format!("127.0.0.1:{}", free_port()))
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "a-secret")
        .env("AWS_REGION", "us-east-1")
        .env(
            "AWS_ENDPOINT_URL_SERVICEDISCOVERY",
            format!("http://{}", moto.address()),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _poller = Poller(poller.spawn().unwrap());
    let answers = |name: &str| {
        let answer = Client::new(([127, 0, 0, 1], port).into()).get(&format!("{name}.apps.local"), "/", &[]);
        answer
            .ok()
            .filter(|answer| answer.status == 200)
            .map(|answer| answer.service().to_owned())
    };
    let has_six = six.is_ok();
    sheet.row(
        "Cloud Map by the poller",
        &[
            "virtualNode.spec.serviceDiscovery.awsCloudMap.{namespaceName,serviceName}",
            "virtualNode.spec.serviceDiscovery.awsCloudMap.attributes.{key,value}",
            "virtualNode.spec.serviceDiscovery.awsCloudMap.ipPreference",
        ],
        "instances that carry the attributes arrive as EDS, each at the node that names its service and its namespace; of two addresses IPv4 is taken where nothing is said, with IPv4_PREFERRED and with IPv4_ONLY",
        || {
            for name in ["unsaid", "four-only", "four-preferred"] {
                eventually(name, 60, || answers(name).as_deref() == Some("four"));
            }
            for name in ["other", "staged"] {
                eventually(name, 60, || answers(name).as_deref() == Some(name));
            }
            let clusters = envoy.admin("/clusters").unwrap();
            assert!(!clusters.contains("127.0.0.9"), "{clusters}");
            assert_eq!(envoy.rejected_updates().unwrap(), Vec::<String>::new());
        },
    );
    sheet.where_there_is("needs the address ::1", has_six).row(
        "Cloud Map by the poller, IPv6",
        &["virtualNode.spec.serviceDiscovery.awsCloudMap.ipPreference"],
        "IPv6_ONLY and IPv6_PREFERRED reach ::1",
        || {
            for name in ["six-only", "six-preferred"] {
                eventually(name, 60, || answers(name).as_deref() == Some("six"));
            }
        },
    );
}

/// Publishes a mesh to a directory, as a release does.
fn publish(mesh: &Mesh, root: &Path) {
    let mut discovery = Discovery::new("apps", 1);
    for node in polled(mesh) {
        let attributes = node.service.attributes.iter();
        let discovered = DiscoveredNode {
            namespace: node.service.namespace_name.clone(),
            service: node.service.service_name.clone(),
            attributes: attributes
                .map(|one| (one.key.clone(), one.value.clone()))
                .collect(),
            ip_preference: node.ip_preference,
            assignments: node.assignments.into_iter().collect(),
            callers: node
                .callers
                .iter()
                .map(|caller| ProxyId::of(caller).unwrap().to_string())
                .collect(),
        };
        discovery.nodes.insert(node.key.name.clone(), discovered);
    }
    let publisher = Publisher::new(root);
    let session = publisher.lock("apps", &|_| {}).unwrap();
    session.tell_pollers(&discovery).unwrap();
    let built = EnvoyBuilder.build(mesh).unwrap();
    let mut wanted = BTreeMap::new();
    let mut bundles = BTreeMap::new();
    for proxy in built.proxies {
        let digest = meshform_bundle::Digest::of(&proxy.bundle.encode().unwrap());
        wanted.insert(proxy.path, digest.clone());
        bundles.insert(digest, proxy.bundle);
    }
    let work = session.compare("store", None, wanted).unwrap();
    session.apply(work, &bundles).unwrap();
}
