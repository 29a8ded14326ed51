//! TLS on both sides: listeners and client policies, mutual TLS, names, rotation.

use crate::certificates::Authority;
use crate::secure::{self, Identity, Tls};
use crate::servers::{Http1, connect, free_port, read_all};
use crate::sheet::{Sheet, eventually};
use crate::world::{Plan, TestedProxy, merged};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

const NAME: &str = "secure.apps.local";
const SPIFFE: &str = "spiffe://apps/web";

/// An authority with what it signed, in folders.
struct Keys {
    root: tempfile::TempDir,
    authority: Authority,
    other: Authority,
    server: PathBuf,
    client: PathBuf,
}

impl Keys {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let (authority, other) = (Authority::new("ours"), Authority::new("other"));
        let server = authority.write(root.path(), "server", &[NAME, "alias.apps.local"]);
        let client = authority.write(root.path(), "client", &["web.apps.local", SPIFFE]);
        fs::write(root.path().join("other.crt"), &other.pem).unwrap();
        Self {
            root,
            authority,
            other,
            server,
            client,
        }
    }

    fn path(&self, name: &str) -> String {
        self.root.path().join(name).to_str().unwrap().to_owned()
    }
}

fn file(folder: &Path) -> Value {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    json!({"certificateChain": at("tls.crt"), "privateKey": at("tls.key")})
}

fn trust(path: String) -> Value {
    json!({"trust": {"file": {"certificateChain": path}}})
}

fn plain(port: u16) -> String {
    let mut stream = connect(&format!("127.0.0.1:{port}")).unwrap();
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: secure.apps.local\r\nconnection: close\r\n\r\n");
    read_all(&mut stream)
}

pub(crate) fn rows(sheet: &mut Sheet) {
    let keys = Keys::new();
    listeners(sheet, &keys);
    gateway(sheet, &keys);
    clients(sheet, &keys);
}

fn listeners(sheet: &mut Sheet, keys: &Keys) {
    let app = Http1::start("app");
    let rotated = keys.root.path().join("rotated");
    // As mounted secrets lie: the files are links through `..data`, which is swapped.
    fs::create_dir(&rotated).unwrap();
    std::os::unix::fs::symlink(&keys.server, rotated.join("..data")).unwrap();
    for name in ["tls.crt", "tls.key"] {
        std::os::unix::fs::symlink(Path::new("..data").join(name), rotated.join(name)).unwrap();
    }
    let certificate = json!({"certificate": {"file": file(&keys.server)}});
    let ca = keys.path("server/ca.crt");
    let exact = |name: &str| json!({"validation": merged(trust(ca.clone()), json!({"subjectAlternativeNames": {"match": {"exact": [name]}}}))});
    let tls = |mode: &str, more: Value| merged(json!({"mode": mode}), merged(certificate.clone(), more));
    let (mut listeners, mut apps, mut ports) = (Vec::new(), Vec::new(), Vec::new());
    for (protocol, tls) in [
        ("http", tls("STRICT", json!({}))),
        ("http", tls("PERMISSIVE", json!({}))),
        ("http", tls("DISABLED", json!({}))),
        ("http", tls("STRICT", json!({"validation": trust(ca.clone())}))),
        ("http", tls("STRICT", exact("web.apps.local"))),
        ("http", tls("STRICT", exact(SPIFFE))),
        ("http", tls("STRICT", exact("someone.apps.local"))),
        (
            "http",
            json!({"mode": "STRICT", "certificate": {"file": file(&rotated)}}),
        ),
        (
            "http",
            json!({"mode": "STRICT", "certificate": {"acm": {"certificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/a"}}}),
        ),
        ("http2", tls("STRICT", json!({}))),
    ] {
        let port = free_port();
        listeners.push(json!({"portMapping": {"port": port, "protocol": protocol}, "tls": tls}));
        apps.push(json!({"listenerPort": port, "appPort": app.port}));
        ports.push(port);
    }
    let mut plan = Plan::new();
    plan.set("virtualNode/secure", json!({"listeners": listeners}));
    let source = merged(file(&keys.server), json!({"trustChain": ca}));
    let _proxy: TestedProxy = plan.run(
        "virtualNode/secure",
        json!({
            "interception": {"explicit": {"port": free_port()}},
            "inbound": {"appPorts": apps},
            "certificates": [{"reference": "arn:aws:acm:us-east-1:000000000000:certificate/a", "source": {"file": source}}],
        }),
    );
    let anonymous = Tls {
        trust: &keys.authority.pem,
        identity: None,
        name: NAME,
    };
    let identity: Identity = keys.authority.sign(&["web.apps.local", SPIFFE]);
    let stranger: Identity = keys.other.sign(&["web.apps.local"]);
    let known = Tls {
        identity: Some(&identity),
        ..anonymous.clone()
    };
    let ok = |tls: &Tls<'_>, port: u16| {
        tls.get(port, &["http/1.1"])
            .is_ok_and(|seen| seen.answer.starts_with("HTTP/1.1 200"))
    };

    sheet.row(
        "listener TLS: STRICT",
        &[
            "virtualNode.spec.listeners.tls.mode",
            "virtualNode.spec.listeners.tls.certificate.file.{certificateChain,privateKey}",
        ],
        "TLS with the file's certificate is served, and only TLS: a plain request gets no answer",
        || {
            assert!(ok(&anonymous, ports[0]));
            assert_eq!(plain(ports[0]), "");
        },
    );
    sheet.row(
        "listener TLS: PERMISSIVE",
        &["virtualNode.spec.listeners.tls.mode"],
        "TLS and plain text are both served on one port",
        || {
            assert!(ok(&anonymous, ports[1]));
            assert!(plain(ports[1]).starts_with("HTTP/1.1 200"));
        },
    );
    sheet.row(
        "listener TLS: DISABLED",
        &["virtualNode.spec.listeners.tls.mode"],
        "plain text only: a TLS handshake fails",
        || {
            assert!(plain(ports[2]).starts_with("HTTP/1.1 200"));
            assert!(anonymous.get(ports[2], &[]).is_err());
        },
    );
    sheet.row(
        "mutual TLS",
        &["virtualNode.spec.listeners.tls.validation.trust.file.certificateChain"],
        "a caller without certificate and one of another authority are refused, one of the trusted authority is served",
        || {
            assert!(ok(&known, ports[3]));
            assert!(!ok(&anonymous, ports[3]));
            assert!(!ok(&Tls { identity: Some(&stranger), ..anonymous.clone() }, ports[3]));
        },
    );
    sheet.row(
        "mutual TLS: names",
        &["virtualNode.spec.listeners.tls.validation.subjectAlternativeNames.match.exact"],
        "the caller's certificate must carry the DNS name or SPIFFE URI; one with other names is refused",
        || {
            assert!(ok(&known, ports[4]) && ok(&known, ports[5]));
            assert!(!ok(&known, ports[6]));
        },
    );
    sheet.row(
        "certificate rotation",
        &["virtualNode.spec.listeners.tls.certificate.file.{certificateChain,privateKey}"],
        "certificate and key behind a link in their folder (as mounted secrets lie) are read again when the link is swapped, without a restart: new connections see the new one",
        || {
            let before = anonymous.get(ports[7], &[]).unwrap().certificate;
            let next = keys.authority.write(keys.root.path(), "server-2", &[NAME]);
            let link = rotated.join("..next");
            std::os::unix::fs::symlink(next, &link).unwrap();
            fs::rename(link, rotated.join("..data")).unwrap();
            eventually("the new certificate is shown", 10, || {
                anonymous.get(ports[7], &[]).unwrap().certificate != before
            });
        },
    );
    sheet.row(
        "certificates by ARN",
        &[
            "virtualNode.spec.listeners.tls.certificate.acm.certificateArn",
            "proxyProfile.spec.certificates.reference",
            "proxyProfile.spec.certificates.source.file.{certificateChain,privateKey}",
        ],
        "an ACM certificate is where the profile says: in files; TLS is served with it",
        || assert!(ok(&anonymous, ports[8])),
    );
    sheet.row(
        "protocol by ALPN",
        &["virtualNode.spec.listeners.portMapping.protocol"],
        "an HTTP/2 listener chooses `h2`, an HTTP one `http/1.1`",
        || {
            assert_eq!(anonymous.get(ports[9], &["h2"]).unwrap().protocol, "h2");
            assert_eq!(
                anonymous.get(ports[0], &["h2", "http/1.1"]).unwrap().protocol,
                "http/1.1"
            );
        },
    );
}

fn gateway(sheet: &mut Sheet, keys: &Keys) {
    let app = Http1::start("app");
    let ca = keys.path("server/ca.crt");
    let mut plan = Plan::new();
    let (mut listeners, mut ports) = (Vec::new(), Vec::new());
    let names = json!({"subjectAlternativeNames": {"match": {"exact": ["web.apps.local"]}}});
    let file = json!({"file": file(&keys.server)});
    let arn = "arn:aws:acm:us-east-1:000000000000:certificate/a";
    for tls in [
        json!({"mode": "STRICT", "certificate": file}),
        json!({"mode": "PERMISSIVE", "certificate": file}),
        json!({"mode": "STRICT", "certificate": file, "validation": merged(trust(ca), names)}),
        json!({"mode": "STRICT", "certificate": {"acm": {"certificateArn": arn}}}),
    ] {
        let port = free_port();
        listeners.push(json!({"portMapping": {"port": port, "protocol": "http"}, "tls": tls}));
        ports.push(port);
        let target = json!({"virtualService": {"virtualServiceName": "app.apps.local"}});
        let rule =
            json!({"httpRoute": {"match": {"prefix": "/", "port": port}, "action": {"target": target}}});
        plan.set(&format!("virtualGateway/front/gatewayRoute/on-{port}"), rule);
    }
    plan.set("virtualGateway/front", json!({"listeners": listeners}));
    plan.node("app", 8080, "http", app.port);
    plan.served_by_node("app.apps.local", "app");
    let _proxy = plan.run(
        "virtualGateway/front",
        json!({
            "interception": {"explicit": {"port": free_port()}},
            "certificates": [{"reference": arn, "source": file}],
        }),
    );
    let anonymous = Tls {
        trust: &keys.authority.pem,
        identity: None,
        name: NAME,
    };
    let identity = keys.authority.sign(&["web.apps.local"]);
    let stranger = keys.authority.sign(&["someone.apps.local"]);
    let ok = |identity: Option<&Identity>, port: u16| {
        let tls = Tls {
            identity,
            ..anonymous.clone()
        };
        tls.get(port, &["http/1.1"])
            .is_ok_and(|seen| seen.answer.starts_with("HTTP/1.1 200"))
    };
    sheet.row(
        "gateway TLS",
        &[
            "virtualGateway.spec.listeners.tls.mode",
            "virtualGateway.spec.listeners.tls.certificate.file.{certificateChain,privateKey}",
            "virtualGateway.spec.listeners.tls.certificate.acm.certificateArn",
        ],
        "STRICT serves TLS only, PERMISSIVE plain text too; certificates from files and by ARN",
        || {
            assert!(ok(None, ports[0]) && ok(None, ports[1]) && ok(None, ports[3]));
            assert_eq!(plain(ports[0]), "");
            assert!(plain(ports[1]).starts_with("HTTP/1.1 200"));
        },
    );
    sheet.row(
        "gateway: mutual TLS",
        &[
            "virtualGateway.spec.listeners.tls.validation.trust.file.certificateChain",
            "virtualGateway.spec.listeners.tls.validation.subjectAlternativeNames.match.exact",
        ],
        "a caller without certificate and one of another name are refused, the named one is served",
        || {
            assert!(ok(Some(&identity), ports[2]));
            assert!(!ok(None, ports[2]) && !ok(Some(&stranger), ports[2]));
        },
    );
}

fn clients(sheet: &mut Sheet, keys: &Keys) {
    let identity = keys.authority.sign(&[NAME, "alias.apps.local"]);
    let (secure, log) = secure::service(&identity, Some(&keys.authority.pem));
    let app = Http1::start("plain");
    let ca = keys.path("server/ca.crt");
    let other = keys.path("other.crt");
    let arn = "arn:aws:acm-pca:us-east-1:000000000000:certificate-authority/a";
    let san = |name: &str| json!({"subjectAlternativeNames": {"match": {"exact": [name]}}});
    let own = json!({"certificate": {"file": file(&keys.client)}});
    let policy = |validation: Value, more: Value| merged(json!({"validation": validation}), more);
    let acm = json!({"trust": {"acm": {"certificateAuthorityArns": [arn]}}});
    // Each policy for a service of its own; whether it is to work.
    let policies: Vec<(&str, Value, bool)> = vec![
        ("trusted", policy(trust(ca.clone()), json!({})), true),
        ("other-authority", policy(trust(other), json!({})), false),
        (
            "named",
            policy(merged(trust(ca.clone()), san("alias.apps.local")), json!({})),
            true,
        ),
        (
            "misnamed",
            policy(merged(trust(ca.clone()), san("someone.apps.local")), json!({})),
            false,
        ),
        // The node `stranger` is the same service, found by a name that its certificate does not have.
        ("unnamed", policy(trust(ca.clone()), json!({})), false),
        ("shown", policy(trust(ca.clone()), own.clone()), true),
        ("by-arn", policy(acm.clone(), json!({})), true),
        ("port", policy(trust(ca.clone()), json!({"ports": [8443]})), true),
        (
            "other-port",
            policy(trust(ca.clone()), json!({"ports": [9999]})),
            false,
        ),
        ("off", policy(trust(ca.clone()), json!({"enforce": false})), false),
    ];
    let build = |of_defaults: Option<&Value>| {
        let mut plan = Plan::new();
        plan.set(
            "virtualNode/secure",
            json!({"listeners": [{"portMapping": {"port": 8443, "protocol": "http"}}],
                "serviceDiscovery": {"dns": {"hostname": NAME}}}),
        );
        plan.found("secure", &[secure]);
        plan.node("stranger", 8443, "http", secure);
        plan.node("app", 8080, "http", app.port);
        let mut backends = Vec::new();
        for (name, policy, _) in &policies {
            let service = format!("{name}.apps.local");
            plan.served_by_node(&service, if *name == "unnamed" { "stranger" } else { "secure" });
            let mut backend = json!({"virtualServiceName": service});
            if of_defaults.is_none() {
                backend["clientPolicy"] = json!({"tls": policy});
            }
            backends.push(json!({"virtualService": backend}));
        }
        let mut node = json!({"backends": backends});
        if let Some(policy) = of_defaults {
            node["backendDefaults"] = json!({"clientPolicy": {"tls": policy}});
        }
        plan.set("virtualNode/web", node);
        plan
    };
    let certificates = json!({"certificates": [{"reference": arn, "source": {"file": {"trustChain": ca}}}]});
    let proxy = build(None).start(certificates.clone());
    let works =
        |proxy: &TestedProxy, name: &str| proxy.get(&format!("{name}.apps.local"), "/", &[]).status == 200;

    sheet.row(
        "client policy: trust",
        &[
            "virtualNode.spec.backends.virtualService.clientPolicy.tls.validation.trust.file.certificateChain",
            "virtualNode.spec.backends.virtualService.clientPolicy.tls.enforce",
        ],
        "a service of the trusted authority is reached over TLS; with another authority the answer is 503; `enforce: false` speaks plain text, which a TLS service does not answer",
        || {
            assert!(works(&proxy, "trusted") && !works(&proxy, "other-authority") && !works(&proxy, "off"));
            assert!(proxy.sum("ssl.fail_verify_error") > 0);
        },
    );
    sheet.row(
        "client policy: names",
        &["virtualNode.spec.backends.virtualService.clientPolicy.tls.validation.subjectAlternativeNames.match.exact"],
        "one of the names must be in the certificate, else 503; without names, the node's discovery name must be, else 503",
        || {
            assert!(works(&proxy, "named") && works(&proxy, "trusted"));
            for name in ["misnamed", "unnamed"] {
                let before = proxy.sum("ssl.fail_verify_san");
                assert!(!works(&proxy, name), "{name}");
                assert!(proxy.sum("ssl.fail_verify_san") > before, "{name}");
            }
        },
    );
    sheet.row(
        "client policy: SNI and ALPN",
        &["virtualNode.spec.serviceDiscovery.dns.hostname"],
        "the handshake names the node's discovery name and `http/1.1`",
        || {
            assert!(works(&proxy, "trusted"));
            assert_eq!(
                log.last("client=no").unwrap(),
                format!("sni={NAME}; alpn=http/1.1; client=no")
            );
        },
    );
    sheet.row(
        "client policy: own certificate",
        &["virtualNode.spec.backends.virtualService.clientPolicy.tls.certificate.file.{certificateChain,privateKey}"],
        "is shown to a service that asks, and only by backends whose policy has one",
        || {
            assert!(works(&proxy, "shown"));
            assert!(log.count("client=yes") > 0);
        },
    );
    sheet.row(
        "client policy: trust by ARN",
        &[
            "virtualNode.spec.backends.virtualService.clientPolicy.tls.validation.trust.acm.certificateAuthorityArns",
            "proxyProfile.spec.certificates.source.file.trustChain",
        ],
        "an authority of ACM is where the profile says",
        || assert!(works(&proxy, "by-arn")),
    );
    sheet.row(
        "client policy: ports",
        &["virtualNode.spec.backends.virtualService.clientPolicy.tls.ports"],
        "TLS on the listed ports only",
        || assert!(works(&proxy, "port") && !works(&proxy, "other-port")),
    );
    sheet.row(
        "client policy of all backends",
        &[
            "virtualNode.spec.backendDefaults.clientPolicy.tls.{enforce,ports}",
            "virtualNode.spec.backendDefaults.clientPolicy.tls.certificate.file.{certificateChain,privateKey}",
            "virtualNode.spec.backendDefaults.clientPolicy.tls.validation.trust.file.certificateChain",
            "virtualNode.spec.backendDefaults.clientPolicy.tls.validation.trust.acm.certificateAuthorityArns",
            "virtualNode.spec.backendDefaults.clientPolicy.tls.validation.subjectAlternativeNames.match.exact",
        ],
        "each of those policies as the default of all backends does the same",
        || {
            for (name, policy, good) in &policies {
                let (proxy, before) = (build(Some(policy)).start(certificates.clone()), log.count("client=yes"));
                assert_eq!(works(&proxy, name), *good, "{name}");
                assert_eq!(log.count("client=yes") > before, *name == "shown", "{name}");
            }
        },
    );
    sheet.row(
        "client policy of a gateway",
        &[
            "virtualGateway.spec.backendDefaults.clientPolicy.tls.{enforce,ports}",
            "virtualGateway.spec.backendDefaults.clientPolicy.tls.certificate.file.{certificateChain,privateKey}",
            "virtualGateway.spec.backendDefaults.clientPolicy.tls.validation.trust.file.certificateChain",
            "virtualGateway.spec.backendDefaults.clientPolicy.tls.validation.trust.acm.certificateAuthorityArns",
            "virtualGateway.spec.backendDefaults.clientPolicy.tls.validation.subjectAlternativeNames.match.exact",
            "proxyProfile.spec.virtualGateway",
        ],
        "each of those policies as a gateway's does the same",
        || {
            for (name, policy, good) in &policies {
                let mut plan = build(Some(&policies[0].1));
                let (port, profile) = plan.gateway_before(&format!("{name}.apps.local"), policy);
                let _proxy = plan.run("virtualGateway/front", merged(profile, certificates.clone()));
                let before = log.count("client=yes");
                let answered = plain(port).starts_with("HTTP/1.1 200");
                assert_eq!(answered, *good, "{name}");
                assert_eq!(log.count("client=yes") > before, *name == "shown", "{name}");
            }
        },
    );
}
