//! What App Mesh takes and Envoy refuses.

use super::*;

/// Names where Envoy opens an address, or sends to it, by itself.
fn addresses() -> Vec<Case> {
    let ignored = case(
        "names that interception is to ignore",
        // And what holds for a mesh with interception.
        &["MF0292", "MF0270", "MF0307", "MF0307", "MF0307"],
        other(|m| {
            m["proxyProfile/a"]["interception"] = json!({"transparent": {"ignoredAddresses": [
                "10.0.0.0/16", "169.254.170.2", "2001:db8::/32", "s3.amazonaws.com", "10.0.0.300", "10.0.0.0/33",
            ]}});
        }),
    );
    let opened = case(
        "names where addresses belong",
        &[
            "MF0307", "MF0307", "MF0307", "MF0307", "MF0307", "MF0307", "MF0307",
        ],
        other(|m| {
            let profile = &mut m["proxyProfile/a"];
            profile["admin"] = json!({"address": "localhost"});
            profile["interception"] = json!({"explicit": {
                "address": "localhost",
                "services": [{"virtualService": "db.local", "address": "db.internal"}],
            }});
            profile["inbound"]["appPorts"][0]["appAddress"] = json!("app");
            profile["tracing"] = json!({"xray": {"address": "xray"}});
            profile["metrics"] = json!({"dogStatsD": {"address": "statsd"}});
            profile["endpoints"] =
                json!([{"virtualNode": "db", "addresses": [{"address": "db-1"}, {"address": "::1"}]}]);
        }),
    );
    vec![opened, ignored]
}

pub(super) fn all() -> Vec<Case> {
    [addresses(), texts(), durations(), logs()]
        .into_iter()
        .flatten()
        .collect()
}

/// The route `path` of the demo, with another match.
fn matching(name: &'static str, m: Value) -> Case {
    case(
        name,
        &["MF0246"],
        broken(|mesh| mesh[PATH]["httpRoute"]["match"] = m),
    )
}

fn texts() -> Vec<Case> {
    let host = |name: &'static str, codes: &'static [&'static str], host: Value| {
        case(
            name,
            codes,
            other(|m| m[GATEWAY]["httpRoute"]["match"]["hostname"] = host),
        )
    };
    vec![
        matching(
            "a query parameter without a name",
            json!({"prefix": "/v2/", "queryParameters": [{"name": ""}]}),
        ),
        matching(
            "a header's name with an end of a line",
            json!({"prefix": "/v2/", "headers": [{"name": "x\ny"}]}),
        ),
        case(
            "secrets without names",
            &["MF0246", "MF0246"],
            other(|m| {
                m["virtualNode/secure"]["listeners"][0]["tls"]["certificate"] =
                    json!({"sds": {"secretName": ""}});
                let policy = &mut m["virtualNode/a"]["backends"][2]["virtualService"]["clientPolicy"];
                policy["tls"]["certificate"] = json!({"sds": {"secretName": ""}});
            }),
        ),
        case(
            "an empty path of a health check",
            &["MF0246"],
            broken(|m| {
                m[B]["listeners"][0]["healthCheck"] = json!({
                    "healthyThreshold": 2, "unhealthyThreshold": 2, "intervalMillis": 5000, "timeoutMillis": 2000,
                    "protocol": "http", "path": "",
                });
            }),
        ),
        case(
            "a host name that no certificate can carry",
            &["MF0246"],
            broken(|m| m[B]["serviceDiscovery"]["dns"]["hostname"] = json!("x".repeat(256))),
        ),
        host(
            "a star within a host",
            &["MF0246"],
            json!({"exact": "a.*.example.com"}),
        ),
        host(
            "a star at the end of a host",
            &["MF0246"],
            json!({"exact": "a.*"}),
        ),
        host("a suffix with a star", &[], json!({"suffix": "*.example.com"})),
        host("every host", &[], json!({"exact": "*"})),
        case(
            "a rewritten path with an end of a line",
            &["MF0246"],
            other(|m| {
                m[GATEWAY]["httpRoute"]["action"]["rewrite"] = json!({"prefix": {"value": "/\r"}});
            }),
        ),
        case(
            "a socket at a path that is too long",
            &["MF0246"],
            other(|m| m["proxyProfile/default"]["sdsSocketPath"] = json!(format!("/{}", "x".repeat(107)))),
        ),
        case(
            "server names that are none",
            &["MF0246", "MF0246", "MF0246"],
            other(|m| {
                m["proxyProfile/default"]["egressSniAllowed"] =
                    json!(["*", "a*.example.com", "*.", "*.example.com"]);
            }),
        ),
    ]
}

fn durations() -> Vec<Case> {
    let seconds = |value: u64| json!({"unit": "s", "value": value});
    vec![
        case(
            "outlier detection without time",
            &["MF0239", "MF0239"],
            broken(|m| {
                m[B]["serviceDiscovery"]["dns"]["responseType"] = json!("ENDPOINTS");
                m[B]["listeners"][0]["outlierDetection"] = json!({
                    "maxServerErrors": 5, "maxEjectionPercent": 50,
                    "interval": seconds(0), "baseEjectionDuration": seconds(0),
                });
            }),
        ),
        case(
            "timeouts of more than a hundred years",
            &["MF0239", "MF0239", "MF0256"],
            broken(|m| {
                let timeout = json!({"idle": seconds(3_155_760_001), "perRequest": seconds(3_155_760_000)});
                m[B]["listeners"][0]["timeout"] = json!({"http": timeout});
                m[WEIGHTED]["httpRoute"]["timeout"] = timeout;
            }),
        ),
        case(
            "pauses of more than a hundred years",
            &["MF0239"],
            broken(|m| {
                let spec = m[WEIGHTED].take();
                let pause = json!({"retryBackOff": {"baseInterval": {"unit": "ms", "value": u64::MAX}}});
                m[WEIGHTED] = json!({"spec": spec, "extensions": pause});
            }),
        ),
        case(
            "statistics that are delivered too seldom",
            &["MF0239"],
            other(|m| m["proxyProfile/default"]["metrics"] = json!({"flushInterval": seconds(300)})),
        ),
        case(
            "a drain that does not end",
            &["MF0239"],
            other(|m| m["proxyProfile/default"]["drain"] = json!({"time": seconds(u64::MAX)})),
        ),
    ]
}

fn logs() -> Vec<Case> {
    let format = |name: &'static str, codes: &'static [&'static str], format: Value| {
        let file = json!({"path": "/dev/stdout", "format": format});
        case(
            name,
            codes,
            broken(|m| m[B]["logging"] = json!({"accessLog": {"file": file}})),
        )
    };
    vec![
        format(
            "a log of operators",
            &[],
            json!({"text": "%START_TIME% %REQ(A?B):3% 100%%\n"}),
        ),
        format(
            "a log with a misspelt operator",
            &["MF0238"],
            json!({"text": "%START_TIM%"}),
        ),
        format(
            "a log with a bare percent sign",
            &["MF0238"],
            json!({"text": "100%"}),
        ),
        format(
            "a log with an operator that lacks its brackets",
            &["MF0238"],
            json!({"text": "%REQ%"}),
        ),
        format(
            "a log with a length where none may be",
            &["MF0238"],
            json!({"text": "%BYTES_SENT:3%"}),
        ),
        format(
            "a JSON log with a bad value and a key twice",
            &["MF0238", "MF0238"],
            json!({"json": [
                {"key": "a", "value": "%PROTOCOL%"},
                {"key": "b", "value": "%PROTOCOL(x)%"},
                {"key": "a", "value": "%DURATION%"},
            ]}),
        ),
        case(
            "logs of a gateway and of a profile",
            &["MF0238", "MF0238"],
            other(|m| {
                let logging = json!({"accessLog": {"file": {"path": "/x", "format": {"text": "%"}}}});
                m["virtualGateway/g"]["logging"] = logging.clone();
                m["proxyProfile/default"]["logging"] = logging;
            }),
        ),
    ]
}
