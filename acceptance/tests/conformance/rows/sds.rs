//! Certificates from an SDS server, as SPIRE's agent is one: on every listener and in every client policy.

use crate::certificates::Authority;
use crate::secure::{self, Identity, Tls};
use crate::servers::{Http1, free_port};
use crate::sheet::{Sheet, eventually};
use crate::world::{Plan, TestedProxy, merged};
use crate::xds::{self, Xds};
use serde_json::{Value, json};
use std::path::Path;

const NAME: &str = "secure.apps.local";

fn secret(name: &str) -> Value {
    json!({"sds": {"secretName": name}})
}

fn by_sds(own: Option<&str>, trust: &str) -> Value {
    let mut policy = json!({"validation": {"trust": secret(trust)}});
    if let Some(name) = own {
        policy["certificate"] = secret(name);
    }
    policy
}

pub(crate) fn rows(sheet: &mut Sheet) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent.sock");
    let (authority, other) = (Authority::new("ours"), Authority::new("other"));
    let secrets = |server: &Identity| {
        xds::secrets(&[
            xds::identity("server", server),
            xds::identity("client", &authority.sign(&["web.apps.local"])),
            xds::trust("ours", &authority.pem),
            xds::trust("other", &other.pem),
        ])
    };
    let server = Xds::on_socket(&socket, secrets(&authority.sign(&[NAME])));
    listeners(sheet, &authority, &socket, || {
        server.change(secrets(&authority.sign(&[NAME])));
    });
    clients(sheet, &authority, &socket);
    sheet.row(
        "SDS: who asks",
        &["proxyProfile.spec.sdsSocketPath"],
        "the server on the socket is asked in the name of the proxy's ARN, and nothing that it sends is refused",
        || {
            let noted = server.noted();
            let arn = "arn:aws:appmesh:us-east-1:000000000000:mesh/apps/virtualNode/web";
            assert!(noted.nodes.iter().any(|node| node == arn), "{:?}", noted.nodes);
            assert_eq!(noted.refused, Vec::<String>::new());
        },
    );
}

fn listeners(sheet: &mut Sheet, authority: &Authority, socket: &Path, rotate: impl Fn()) {
    let app = Http1::start("app");
    let arn = "arn:aws:acm:us-east-1:000000000000:certificate/a";
    let profile = json!({
        "sdsSocketPath": socket.to_str().unwrap(),
        "certificates": [{"reference": arn, "source": secret("server")}],
    });
    let forms = [
        json!({"mode": "STRICT", "certificate": secret("server")}),
        json!({"mode": "STRICT", "certificate": secret("server"), "validation": {"trust": secret("ours")}}),
        json!({"mode": "STRICT", "certificate": {"acm": {"certificateArn": arn}}}),
    ];
    let listen = || -> (Vec<Value>, Vec<u16>) {
        let each = forms.iter().map(|tls| {
            let port = free_port();
            let listener = json!({"portMapping": {"port": port, "protocol": "http"}, "tls": tls});
            (listener, port)
        });
        each.unzip()
    };
    let (node_listeners, node_ports) = listen();
    let mut plan = Plan::new();
    plan.set(
        "virtualNode/web",
        json!({"listeners": node_listeners, "serviceDiscovery": {"dns": {"hostname": NAME}}}),
    );
    let app_ports: Vec<Value> = node_ports
        .iter()
        .map(|port| json!({"listenerPort": port, "appPort": app.port}))
        .collect();
    let _node = plan.start(merged(
        profile.clone(),
        json!({"inbound": {"appPorts": app_ports}}),
    ));
    let (gateway_listeners, gateway_ports) = listen();
    let mut plan = Plan::new();
    plan.set("virtualGateway/front", json!({"listeners": gateway_listeners}));
    plan.node("app", 8080, "http", app.port);
    plan.served_by_node("app.apps.local", "app");
    for port in &gateway_ports {
        let target = json!({"virtualService": {"virtualServiceName": "app.apps.local"}});
        let rule =
            json!({"httpRoute": {"match": {"prefix": "/", "port": port}, "action": {"target": target}}});
        plan.set(&format!("virtualGateway/front/gatewayRoute/on-{port}"), rule);
    }
    let explicit = json!({"interception": {"explicit": {"port": free_port()}}});
    let _gateway = plan.run("virtualGateway/front", merged(explicit, profile));
    let (known, stranger) = (
        authority.sign(&["web.apps.local"]),
        Authority::new("stranger").sign(&["web.apps.local"]),
    );
    let get = |identity: Option<&Identity>, port: u16| {
        let tls = Tls {
            trust: &authority.pem,
            identity,
            name: NAME,
        };
        let seen = tls.get(port, &["http/1.1"]).ok()?;
        seen.answer
            .starts_with("HTTP/1.1 200")
            .then_some(seen.certificate)
    };
    sheet.row(
        "SDS: listener's certificate, and whom it trusts",
        &[
            "{virtualNode,virtualGateway}.spec.listeners.tls.{certificate.sds.secretName,validation.trust.sds.secretName}",
        ],
        "a node's and a gateway's listener show the certificate that the SDS server gave; where they trust an authority by SDS, a caller without certificate and one of another authority are refused",
        || {
            for ports in [&node_ports, &gateway_ports] {
                assert!(get(None, ports[0]).is_some());
                assert!(get(Some(&known), ports[1]).is_some());
                assert!(get(None, ports[1]).is_none() && get(Some(&stranger), ports[1]).is_none());
            }
        },
    );
    sheet.row(
        "SDS: certificates by ARN",
        &["proxyProfile.spec.certificates.source.sds.secretName"],
        "an ACM certificate is where the profile says: at the SDS server",
        || assert!(get(None, node_ports[2]).is_some() && get(None, gateway_ports[2]).is_some()),
    );
    sheet.row(
        "SDS: rotation",
        &["virtualNode.spec.listeners.tls.certificate.sds.secretName"],
        "another certificate from the SDS server is shown to new connections, without a restart",
        || {
            let before = get(None, node_ports[0]).unwrap();
            rotate();
            eventually("the new certificate is shown", 10, || {
                get(None, node_ports[0]).unwrap() != before
            });
        },
    );
}

fn clients(sheet: &mut Sheet, authority: &Authority, socket: &Path) {
    let (secure, log) = secure::service(&authority.sign(&[NAME]), Some(&authority.pem));
    let sds = json!({"sdsSocketPath": socket.to_str().unwrap()});
    let base = || {
        let mut plan = Plan::new();
        plan.set(
            "virtualNode/secure",
            json!({"listeners": [{"portMapping": {"port": 8443, "protocol": "http"}}],
                "serviceDiscovery": {"dns": {"hostname": NAME}}}),
        );
        plan.found("secure", &[secure]);
        plan.served_by_node("service.apps.local", "secure");
        plan
    };
    let policies = [
        (by_sds(None, "ours"), true),
        (by_sds(Some("client"), "ours"), true),
        (by_sds(None, "other"), false),
    ];
    // Whether it works, and whether the service was shown a certificate.
    let holds = |start: &dyn Fn(&Value) -> (TestedProxy, u16)| {
        for (policy, good) in &policies {
            let before = log.count("client=yes");
            let (_proxy, port) = start(policy);
            let mut client = meshform_acceptance::http::Client::new(([127, 0, 0, 1], port).into());
            let status = client.get("service.apps.local", "/", &[]).unwrap().status;
            assert_eq!(status == 200, *good, "{policy}: {status}");
            let shown = log.count("client=yes") > before;
            assert_eq!(shown, !policy["certificate"].is_null(), "{policy}");
        }
    };
    const POLICY: &str = "trust from the SDS server lets a service of that authority be reached, and no other; a certificate from it is shown to a service that asks";
    sheet.row(
        "SDS: client policy of a backend",
        &["virtualNode.spec.backends.virtualService.clientPolicy.tls.{certificate.sds.secretName,validation.trust.sds.secretName}"],
        POLICY,
        || {
            holds(&|policy| {
                let mut plan = base();
                let backend = json!({"virtualServiceName": "service.apps.local", "clientPolicy": {"tls": policy}});
                plan.set("virtualNode/web", json!({"backends": [{"virtualService": backend}]}));
                (plan.start(sds.clone()), plan.port)
            });
        },
    );
    sheet.row(
        "SDS: client policy of all backends",
        &["virtualNode.spec.backendDefaults.clientPolicy.tls.{certificate.sds.secretName,validation.trust.sds.secretName}"],
        POLICY,
        || {
            holds(&|policy| {
                let mut plan = base();
                let more = json!({"backendDefaults": {"clientPolicy": {"tls": policy}}});
                let node = merged(plan.at("virtualNode/web", "").clone(), more);
                plan.set("virtualNode/web", node);
                (plan.start(sds.clone()), plan.port)
            });
        },
    );
    sheet.row(
        "SDS: client policy of a gateway",
        &["virtualGateway.spec.backendDefaults.clientPolicy.tls.{certificate.sds.secretName,validation.trust.sds.secretName}"],
        POLICY,
        || {
            holds(&|policy| {
                let mut plan = base();
                let (port, explicit) = plan.gateway_before("service.apps.local", policy);
                (plan.run("virtualGateway/front", merged(explicit, sds.clone())), port)
            });
        },
    );
}
