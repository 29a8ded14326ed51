//! Where nodes are found, and the ways in which an application reaches its proxy, without iptables.

use crate::http2::{Call, Http2};
use crate::servers::{Http1, connect, free_port, read_head, tcp};
use crate::sheet::Sheet;
use crate::world::{Plan, merged};
use meshform_acceptance::http::Client;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};

pub(crate) fn rows(sheet: &mut Sheet) {
    names(sheet);
    endpoints(sheet);
    super::cloud_map::rows(sheet);
    explicit(sheet);
}

fn names(sheet: &mut Sheet) {
    // The same port on both loopback addresses: who answers says which address was taken.
    let four = Http1::start("four");
    let six = Http1::on("six", &format!("[::1]:{}", four.port));
    let mut plan = Plan::new();
    let mut node = |name: &str, dns: Value| {
        let dns = merged(json!({"hostname": "localhost"}), dns);
        let listener = json!({"portMapping": {"port": four.port, "protocol": "http"}});
        plan.set(
            &format!("virtualNode/{name}"),
            json!({"listeners": [listener], "serviceDiscovery": {"dns": dns}}),
        );
        plan.served_by_node(&format!("{name}.apps.local"), name);
    };
    node(
        "balancer",
        json!({"responseType": "LOADBALANCER", "ipPreference": "IPv4_ONLY"}),
    );
    node(
        "every",
        json!({"responseType": "ENDPOINTS", "ipPreference": "IPv4_ONLY"}),
    );
    node("four-preferred", json!({"ipPreference": "IPv4_PREFERRED"}));
    node("six-only", json!({"ipPreference": "IPv6_ONLY"}));
    node("six-preferred", json!({"ipPreference": "IPv6_PREFERRED"}));
    let mut by_mesh = Plan::new();
    by_mesh.set("", json!({"serviceDiscovery": {"ipPreference": "IPv4_ONLY"}}));
    let listener = json!({"portMapping": {"port": four.port, "protocol": "http"}});
    by_mesh.set(
        "virtualNode/node",
        json!({"listeners": [listener], "serviceDiscovery": {"dns": {"hostname": "localhost"}}}),
    );
    by_mesh.served_by_node("node.apps.local", "node");
    let proxy = plan.start(json!({}));
    let by_mesh = by_mesh.start(json!({}));
    let answers = |name: &str| {
        proxy
            .get(&format!("{name}.apps.local"), "/", &[])
            .service()
            .to_owned()
    };
    let has_six = six.is_ok();
    sheet.row(
        "discovery by DNS",
        &["virtualNode.spec.serviceDiscovery.dns.{hostname,responseType}"],
        "`localhost` is resolved by Envoy: LOADBALANCER as one logical address, ENDPOINTS as a host per address",
        || {
            assert_eq!(answers("balancer"), "four");
            assert_eq!(answers("every"), "four");
            let dump = proxy.envoy.config_dump().unwrap().to_string();
            assert!(dump.contains("LOGICAL_DNS") && dump.contains("STRICT_DNS"));
        },
    );
    sheet.row(
        "IP preference, IPv4",
        &["virtualNode.spec.serviceDiscovery.dns.ipPreference", "mesh.spec.serviceDiscovery.ipPreference"],
        "a name with an IPv4 and an IPv6 address: IPv4_ONLY and IPv4_PREFERRED reach 127.0.0.1; the mesh's holds where a node has none",
        || {
            assert_eq!(answers("four-preferred"), "four");
            assert_eq!(by_mesh.get("node.apps.local", "/", &[]).service(), "four");
        },
    );
    sheet.where_there_is("needs the address ::1", has_six).row(
        "IP preference, IPv6",
        &["virtualNode.spec.serviceDiscovery.dns.ipPreference"],
        "IPv6_ONLY and IPv6_PREFERRED reach ::1",
        || {
            assert_eq!(answers("six-only"), "six");
            assert_eq!(answers("six-preferred"), "six");
        },
    );
}

fn endpoints(sheet: &mut Sheet) {
    let (one, two) = (Http1::start("one"), Http1::start("two"));
    let mut plan = Plan::new();
    let map = json!({"awsCloudMap": {"namespaceName": "apps.local", "serviceName": "map",
        "attributes": [{"key": "stage", "value": "prod"}]}});
    let listener = json!({"portMapping": {"port": one.port, "protocol": "http"}});
    for name in ["map", "weighed"] {
        plan.set(
            &format!("virtualNode/{name}"),
            json!({"listeners": [listener], "serviceDiscovery": map}),
        );
        plan.served_by_node(&format!("{name}.apps.local"), name);
    }
    plan.set(
        "virtualNode/spread",
        json!({"spec": {"listeners": [listener], "serviceDiscovery": {"dns": {"hostname": "spread"}}},
        "extensions": {"loadBalancing": "ROUND_ROBIN"}}),
    );
    plan.served_by_node("spread.apps.local", "spread");
    plan.set(
        "virtualNode/least",
        json!({"spec": {"listeners": [listener], "serviceDiscovery": {"dns": {"hostname": "least"}}},
        "extensions": {"loadBalancing": "LEAST_REQUEST"}}),
    );
    plan.served_by_node("least.apps.local", "least");
    let at = |service: &Http1, weight: u32| json!({"address": "127.0.0.1", "port": service.port, "weight": weight});
    let profile = json!({"endpoints": [
        {"virtualNode": "map", "addresses": [{"address": "127.0.0.1"}]},
        {"virtualNode": "weighed", "addresses": [at(&one, 3), at(&two, 1)]},
        {"virtualNode": "least", "addresses": [at(&one, 1), at(&two, 1)]},
        {"virtualNode": "spread", "addresses": [at(&one, 1), merged(at(&two, 1), json!({"zone": "b"}))]},
    ]});
    let mut proxy = plan.start(profile.clone());
    sheet.row(
        "endpoints of a Cloud Map node",
        &[
            "proxyProfile.spec.endpoints.virtualNode",
            "proxyProfile.spec.endpoints.addresses.{address,port}",
        ],
        "come from the profile, as EDS of the node's own; without a port the listener's holds",
        || assert_eq!(proxy.get("map.apps.local", "/", &[]).service(), "one"),
    );
    sheet.row(
        "Cloud Map without endpoints",
        &[
            "virtualNode.spec.serviceDiscovery.awsCloudMap.{namespaceName,serviceName}",
            "virtualNode.spec.serviceDiscovery.awsCloudMap.attributes.{key,value}",
        ],
        "is EDS without hosts and a warning that names the node and the poller; never silently DNS",
        || {
            let temporary = tempfile::tempdir().unwrap();
            let options = meshform_envoy::Options::new(temporary.path().to_str().unwrap());
            let mesh = plan.mesh();
            let output = meshform_envoy::build(&mesh, &options).unwrap();
            let clusters = output.proxies.iter().flat_map(|proxy| &proxy.resources.clusters);
            let types: BTreeSet<bool> = clusters
                .filter(|cluster| cluster.name.starts_with("cds_egress_apps_map_"))
                .map(|cluster| {
                    cluster.json().contains("\"EDS\"") && !cluster.json().contains("map.apps.local")
                })
                .collect();
            assert_eq!(types, BTreeSet::from([true]));
            let warning = meshform_envoy::polled::cloud_map_warning(&mesh)
                .unwrap()
                .to_string();
            assert!(
                warning.contains("`map`") && warning.contains("meshform-agent endpoints"),
                "{warning}"
            );
        },
    );
    sheet.row(
        "weights of endpoints",
        &["proxyProfile.spec.endpoints.addresses.weight"],
        "3 to 1: of 400 requests the first gets three quarters, within five standard deviations",
        || {
            let mut client = proxy.client();
            let first =
                (0..400).filter(|_| client.get("weighed.apps.local", "/", &[]).unwrap().service() == "one");
            let first = first.count();
            assert!((257..=343).contains(&first), "{first}");
        },
    );
    sheet.row(
        "`extensions.loadBalancing` and zones",
        &[
            "virtualNode.extensions.loadBalancing",
            "proxyProfile.spec.endpoints.addresses.zone",
        ],
        "ROUND_ROBIN: of two endpoints, in two zones, each gets 20 of 40 requests",
        || {
            let mut client = proxy.client();
            let first = (0..40)
                .filter(|_| client.get("spread.apps.local", "/", &[]).unwrap().service() == "one")
                .count();
            assert!((19..=21).contains(&first), "{first}");
            let clusters = proxy.envoy.admin("/clusters").unwrap();
            for (service, zone) in [(&one, ""), (&two, "b")] {
                let line = format!(
                    "cds_egress_apps_spread_http_{}::127.0.0.1:{}::zone::{zone}\n",
                    one.port, service.port
                );
                assert!(clusters.contains(&line), "{line}{clusters}");
            }
        },
    );
    sheet.row(
        "`extensions.loadBalancing`: least request",
        &["virtualNode.extensions.loadBalancing"],
        "LEAST_REQUEST: of two endpoints one has a slow request; of the others it gets fewer than 40 % (one in four is \
         expected: Envoy looks at two at random)",
        || {
            let port = proxy.port;
            let slow = std::thread::spawn(move || {
                let mut client = Client::new(([127, 0, 0, 1], port).into());
                let answer = client.get("least.apps.local", "/", &[("x-id", "slow"), ("x-script", "3000ms")]);
                answer.unwrap().service().to_owned()
            });
            while one.log.count("x-id: slow") + two.log.count("x-id: slow") == 0 {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            let mut client = proxy.client();
            let services: Vec<String> = (0..200)
                .map(|_| client.get("least.apps.local", "/", &[]).unwrap().service().to_owned())
                .take_while(|_| !slow.is_finished())
                .collect();
            let busy = slow.join().unwrap();
            let got = services.iter().filter(|service| **service == busy).count();
            assert!(services.len() > 100 && got * 10 < services.len() * 4, "{got} of {}", services.len());
        },
    );
    sheet.row(
        "endpoints that move",
        &["proxyProfile.spec.endpoints.addresses.port"],
        "a release with other endpoints is followed without a restart and without a failed request",
        || {
            let pid = proxy.envoy.pid();
            let mut moved = profile.clone();
            moved["endpoints"][0]["addresses"][0]["port"] = two.port.into();
            proxy.change_profile(moved);
            proxy.follow(&plan);
            assert_eq!(proxy.get("map.apps.local", "/", &[]).service(), "two");
            assert_eq!(proxy.envoy.pid(), pid);
            assert_eq!(proxy.envoy.rejected_updates().unwrap(), Vec::<String>::new());
        },
    );
}

fn explicit(sheet: &mut Sheet) {
    let (one, h2, app) = (Http1::start("one"), Http2::start("h2"), Http1::start("app"));
    let other_app = Http1::on("other-app", "127.0.0.3:0").unwrap();
    let (line, _) = tcp("line", true);
    let mut plan = Plan::new();
    plan.node("one", 8080, "http", one.port);
    plan.node("h2", 8081, "http2", h2.port);
    plan.node("line", 5432, "tcp", line);
    for name in ["one", "h2", "line"] {
        plan.served_by_node(&format!("{name}.apps.local"), name);
    }
    let (inbound, other) = (free_port(), free_port());
    let listeners = json!([
        {"portMapping": {"port": inbound, "protocol": "http"}},
        {"portMapping": {"port": other, "protocol": "http"}},
    ]);
    let node = plan.at("virtualNode/web", "").clone();
    let found = json!({"dns": {"hostname": "web.apps.local"}});
    plan.set(
        "virtualNode/web",
        merged(node, json!({"listeners": listeners, "serviceDiscovery": found})),
    );
    let (own, line_port) = (free_port(), free_port());
    let services = json!([
        {"virtualService": "one.apps.local", "address": "127.0.0.2", "port": own},
        {"virtualService": "line.apps.local", "port": line_port},
    ]);
    let proxy = plan.start(json!({
        "interception": {"explicit": {"address": "127.0.0.4", "services": services}},
        "inbound": {"appPorts": [
            {"listenerPort": inbound, "appPort": app.port},
            {"listenerPort": other, "appPort": other_app.port, "appAddress": "127.0.0.3"},
        ]},
    }));
    let by_name = |host: &str, path: &str| {
        let mut client = Client::new(([127, 0, 0, 4], proxy.port).into());
        client.get(host, path, &[]).unwrap()
    };
    sheet.row(
        "explicit: by name",
        &["proxyProfile.spec.interception.explicit.{address,port}"],
        "one listener at the given address and port knows every HTTP, HTTP/2 and gRPC backend by its name, alone, with the service's port, with the listener's",
        || {
            assert_eq!(by_name("one.apps.local", "/").service(), "one");
            assert_eq!(by_name("one.apps.local:8080", "/").service(), "one");
            assert_eq!(by_name(&format!("one.apps.local:{}", proxy.port), "/").service(), "one");
            assert_eq!(by_name("h2.apps.local", "/").service(), "h2");
        },
    );
    sheet.row(
        "explicit: as `http_proxy`",
        &["proxyProfile.spec.interception.explicit.port"],
        "a request line with an absolute URL goes to the service of that URL, whatever the `Host` header says",
        || {
            let answer = by_name("elsewhere", "http://one.apps.local/x?y");
            assert_eq!(answer.service(), "one");
            assert!(answer.body.starts_with(b"GET /x?y HTTP/1.1\r\nhost: one.apps.local\r\n"));
        },
    );
    sheet.row(
        "explicit: an address of its own",
        &["proxyProfile.spec.interception.explicit.services.{virtualService,address,port}"],
        "a service's loopback address and port take every request to it, whatever the `Host` header says; for applications that only know a hosts entry",
        || {
            let mut client = Client::new(([127, 0, 0, 2], own).into());
            assert_eq!(client.get("whatever", "/", &[]).unwrap().service(), "one");
        },
    );
    sheet.row(
        "explicit: TCP",
        &["proxyProfile.spec.interception.explicit.services.port", "virtualNode.spec.listeners.portMapping.protocol"],
        "a port of its own per TCP backend; a service that speaks first is heard at once, lines go there and back",
        || {
            let mut stream = BufReader::new(connect(&format!("127.0.0.4:{line_port}")).unwrap());
            let mut text = String::new();
            stream.read_line(&mut text).unwrap();
            writeln!(stream.get_mut(), "hello").unwrap();
            stream.read_line(&mut text).unwrap();
            assert_eq!(text, "line greets\nline:hello\n");
        },
    );
    sheet.row(
        "explicit: inbound",
        &["proxyProfile.spec.inbound.appPorts.{listenerPort,appPort,appAddress}"],
        "the proxy listens on the model's port and hands on to the application's port, also at another address",
        || {
            let at = |port: u16| Client::new(([127, 0, 0, 1], port).into()).get("web", "/", &[]).unwrap();
            assert_eq!(at(inbound).service(), "app");
            assert_eq!(at(other).service(), "other-app");
        },
    );
    sheet.row(
        "explicit: nothing leaves by other names",
        &["virtualNode.spec.backends.virtualService.virtualServiceName"],
        "whatever the mesh's egress filter says: a name that is no backend gets 404; a `CONNECT` is not served",
        || {
            assert_eq!(by_name("other.example.com", "/").status, 404);
            let mut stream = connect(&format!("127.0.0.4:{}", proxy.port)).unwrap();
            stream
                .write_all(b"CONNECT one.apps.local:80 HTTP/1.1\r\nhost: one.apps.local:80\r\n\r\n")
                .unwrap();
            let answer = read_head(&mut BufReader::new(stream)).unwrap();
            assert!(
                answer.starts_with("HTTP/1.1 404") || answer.starts_with("HTTP/1.1 403"),
                "{answer}"
            );
        },
    );
    sheet.row(
        "HTTP/2 from the application",
        &["proxyProfile.spec.interception.explicit.port"],
        "the common listener takes HTTP/2 with prior knowledge beside HTTP/1.1",
        || {
            let mut other = plan.clone();
            other.port = free_port();
            let proxy = other.start(json!({"interception": {"explicit": {"services": [
                {"virtualService": "line.apps.local", "port": free_port()}]}}}));
            let names: BTreeSet<String> = ["one", "h2"]
                .map(|name| {
                    let host = format!("{name}.apps.local");
                    Call::get(proxy.port, &host, "/")
                        .send()
                        .unwrap()
                        .service()
                        .to_owned()
                })
                .into();
            assert_eq!(names, BTreeSet::from(["one".to_owned(), "h2".to_owned()]));
        },
    );
}
