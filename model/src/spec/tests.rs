use super::*;
use crate::key::ResourceKey;
use crate::kind::Kind;
use serde_json::json;

fn read(kind: Kind, json: serde_json::Value) -> Spec {
    let spec = Spec::from_json(kind, &json).unwrap();
    assert_eq!(spec.to_json(), json, "written as read");
    assert_eq!(spec.kind(), kind);
    spec
}

#[test]
fn specs_are_written_as_they_were_read() {
    read(Kind::Mesh, json!({}));
    read(
        Kind::Mesh,
        json!({"egressFilter": {"type": "ALLOW_ALL"}, "serviceDiscovery": {"ipPreference": "IPv6_ONLY"}}),
    );
    read(
        Kind::VirtualService,
        json!({"provider": {"virtualRouter": {"virtualRouterName": "b"}}}),
    );
    read(
        Kind::VirtualRouter,
        json!({"listeners": [{"portMapping": {"port": 80, "protocol": "http2"}}]}),
    );
    read(
        Kind::VirtualNode,
        json!({
            "listeners": [{
                "portMapping": {"port": 80, "protocol": "grpc"},
                "connectionPool": {"grpc": {"maxRequests": 4_294_967_296_u64}},
                "healthCheck": {
                    "healthyThreshold": 2, "unhealthyThreshold": 2, "intervalMillis": 5000,
                    "timeoutMillis": 2000, "protocol": "grpc",
                },
                "outlierDetection": {
                    "maxServerErrors": 5, "interval": {"unit": "s", "value": 10},
                    "baseEjectionDuration": {"unit": "ms", "value": 0}, "maxEjectionPercent": 0,
                },
                "timeout": {"grpc": {"perRequest": {"unit": "s", "value": 0}}},
                "tls": {
                    "mode": "PERMISSIVE",
                    "certificate": {"acm": {"certificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/x"}},
                    "validation": {
                        "trust": {"sds": {"secretName": "ca"}},
                        "subjectAlternativeNames": {"match": {"exact": ["a"]}},
                    },
                },
            }],
            "backends": [{"virtualService": {"virtualServiceName": "b", "clientPolicy": {"tls": {
                "enforce": false, "ports": [443],
                "certificate": {"file": {"certificateChain": "/c", "privateKey": "/k"}},
                "validation": {"trust": {"acm": {"certificateAuthorityArns": ["arn"]}}},
            }}}}],
            "backendDefaults": {"clientPolicy": {}},
            "serviceDiscovery": {"awsCloudMap": {
                "namespaceName": "n", "serviceName": "s", "attributes": [{"key": "k", "value": "v"}],
                "ipPreference": "IPv4_PREFERRED",
            }},
            "logging": {"accessLog": {"file": {"path": "/dev/stdout", "format": {"json": []}}}},
        }),
    );
    read(
        Kind::Route,
        json!({"priority": 0, "http2Route": {
            "match": {
                "path": {"regex": "/x/.*"}, "method": "GET", "scheme": "https", "port": 80,
                "headers": [{"name": "a", "invert": true, "match": {"range": {"start": 0, "end": -1}}}],
                "queryParameters": [{"name": "q", "match": {"exact": ""}}],
            },
            "action": {"weightedTargets": [{"virtualNode": "a", "weight": 0, "port": 1}]},
            "retryPolicy": {
                "maxRetries": 0, "perRetryTimeout": {"unit": "s", "value": 0},
                "httpRetryEvents": ["server-error"], "tcpRetryEvents": ["connection-error"],
            },
            "timeout": {},
        }}),
    );
    read(
        Kind::Route,
        json!({"tcpRoute": {"match": {}, "action": {"weightedTargets": []}}}),
    );
    read(
        Kind::VirtualGateway,
        json!({"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}], "logging": {}}),
    );
    read(
        Kind::GatewayRoute,
        json!({"priority": 7, "httpRoute": {
            "match": {"prefix": "/", "hostname": {"suffix": ".example.com"}},
            "action": {
                "target": {"virtualService": {"virtualServiceName": "b"}, "port": 80},
                "rewrite": {"prefix": {"defaultPrefix": "DISABLED"}, "hostname": {"defaultTargetHostname": "ENABLED"}},
            },
        }}),
    );
    read(
        Kind::ProxyProfile,
        json!({
            "interception": {"transparent": {"user": 0}},
            "tracing": {"openTelemetry": {"address": "a", "port": 4317, "samplingPercent": 0.5}},
            "metrics": {"dogStatsD": {}, "resourceTags": true},
            "certificates": [{"reference": "arn", "source": {"sds": {"secretName": "s"}}}],
            "endpoints": [{"virtualNode": "a", "addresses": [{"address": "10.0.0.1"}]}],
        }),
    );
}

#[test]
fn a_grpc_route_without_match_takes_every_call() {
    let json = json!({"grpcRoute": {"action": {"weightedTargets": [{"virtualNode": "a", "weight": 1}]}}});
    let spec = Spec::from_json(Kind::Route, &json).unwrap();
    assert_eq!(
        spec.to_json().pointer("/grpcRoute/match"),
        Some(&json!({})),
        "always written"
    );
}

#[test]
fn what_is_not_of_the_shape_is_refused_with_the_reason() {
    let none = Spec::from_json(Kind::Route, &json!({"priority": 1})).unwrap_err();
    let target = json!({"match": {}, "action": {"weightedTargets": []}});
    let two = Spec::from_json(Kind::Route, &json!({"httpRoute": target, "http2Route": target})).unwrap_err();
    let unknown = Spec::from_json(Kind::Mesh, &json!({"egress": {}})).unwrap_err();
    insta::assert_snapshot!(
        format!("{none}\n{two}\n{unknown}"),
        @r"
    error[MF0201]: the spec does not have the shape of a route's: exactly one of httpRoute, http2Route, grpcRoute, tcpRoute must be there; validate the document first: validation names the field
    error[MF0201]: the spec does not have the shape of a route's: exactly one of httpRoute, http2Route, grpcRoute, tcpRoute must be there; validate the document first: validation names the field
    error[MF0201]: the spec does not have the shape of a mesh's: unknown field `egress`, expected `egressFilter` or `serviceDiscovery`; validate the document first: validation names the field
    "
    );
}

#[test]
fn what_a_match_says_of_the_path_is_one_thing() {
    let of = |json| match read(
        Kind::Route,
        json!({"httpRoute": {"match": json, "action": {"weightedTargets": []}}}),
    ) {
        Spec::Route(RouteSpec {
            rule: RouteRule::Http(route),
            ..
        }) => route.r#match,
        other => panic!("{other:?}"),
    };
    assert_eq!(of(json!({})).path_match(), PathMatch::Prefix("/"));
    assert_eq!(of(json!({"path": {}})).path_match(), PathMatch::Prefix("/"));
    assert_eq!(of(json!({"prefix": "/a"})).path_match(), PathMatch::Prefix("/a"));
    assert_eq!(
        of(json!({"path": {"exact": "/a"}})).path_match(),
        PathMatch::Exact("/a")
    );
}

#[test]
fn a_nodes_profile_lies_over_the_meshs_field_by_field() {
    let profile = |json| match read(Kind::ProxyProfile, json) {
        Spec::ProxyProfile(profile) => *profile,
        other => panic!("{other:?}"),
    };
    let default = profile(json!({
        "image": "envoy:1", "logLevel": "debug", "admin": {"port": 1},
        "certificates": [
            {"reference": "a", "source": {"sds": {"secretName": "mesh-a"}}},
            {"reference": "b", "source": {"sds": {"secretName": "mesh-b"}}},
        ],
    }));
    let own = profile(json!({
        "virtualNode": "n", "image": "envoy:2", "admin": {"accessLogPath": "/x"},
        "certificates": [{"reference": "b", "source": {"sds": {"secretName": "node-b"}}}],
    }));
    let merged = own.over(&default);
    assert_eq!(merged.image(), "envoy:2");
    assert_eq!(merged.log_level(), LogLevel::Debug);
    assert_eq!(merged.admin(), ("127.0.0.1", 9901), "a field is taken whole");
    assert_eq!(
        merged.subject("m"),
        Some(ResourceKey::in_mesh("m", Kind::VirtualNode, "n"))
    );
    let secret = |name: &str| merged.certificate(name).cloned();
    let sds = |name: &str| {
        Some(CertificateSource::Sds(SdsReference {
            secret_name: name.into(),
        }))
    };
    assert_eq!((secret("a"), secret("b")), (sds("mesh-a"), sds("node-b")));
}
