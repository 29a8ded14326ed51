//! What finds out that an endpoint is ill.

use meshform_envoy_api::envoy::config::cluster::v3::OutlierDetection;
use meshform_envoy_api::envoy::config::core::v3::HealthCheck;
use meshform_envoy_api::envoy::config::core::v3::health_check::{
    GrpcHealthCheck, HealthChecker, HttpHealthCheck, Payload, TcpHealthCheck, TlsOptions, payload,
};
use meshform_envoy_api::envoy::r#type::v3::Int64Range;
use meshform_envoy_api::{millis, seconds};

use crate::make::header;

fn health_check(name: &str, checker: HealthChecker) -> HealthCheck {
    HealthCheck {
        name: name.into(),
        timeout: Some(millis(2000)),
        interval: Some(millis(5000)),
        interval_jitter: Some(millis(100)),
        healthy_threshold: Some(2),
        unhealthy_threshold: Some(3),
        alt_port: Some(8081),
        reuse_connection: Some(false),
        health_checker: Some(checker),
        always_log_health_check_failures: true,
        tls_options: Some(TlsOptions {
            alpn_protocols: vec!["h2".into()],
        }),
        ..HealthCheck::default()
    }
}

pub(crate) fn http_and_tcp() -> Vec<HealthCheck> {
    let http = HttpHealthCheck {
        host: "one.example:8080".into(),
        path: "/ping".into(),
        request_headers_to_add: vec![header("x-check", "1")],
        request_headers_to_remove: vec!["user-agent".into()],
        expected_statuses: vec![Int64Range { start: 200, end: 300 }],
        retriable_statuses: vec![Int64Range { start: 500, end: 501 }],
        codec_client_type: 0,
        method: 1,
    };
    let bytes = |text: &str| Payload {
        payload: Some(payload::Payload::Text(text.into())),
    };
    let tcp = TcpHealthCheck {
        send: Some(bytes("0a")),
        receive: vec![bytes("0b")],
    };
    vec![
        health_check("http", HealthChecker::HttpHealthCheck(http)),
        health_check("tcp", HealthChecker::TcpHealthCheck(tcp)),
    ]
}

pub(crate) fn grpc() -> Vec<HealthCheck> {
    let check = GrpcHealthCheck {
        service_name: "example.Service".into(),
        authority: "one.example".into(),
        initial_metadata: vec![],
    };
    vec![health_check("grpc", HealthChecker::GrpcHealthCheck(check))]
}

pub(crate) fn outliers() -> OutlierDetection {
    OutlierDetection {
        consecutive_5xx: Some(5),
        interval: Some(seconds(10)),
        base_ejection_time: Some(seconds(30)),
        max_ejection_percent: Some(50),
        always_eject_one_host: Some(true),
        enforcing_success_rate: Some(0),
        enforcing_failure_percentage: Some(0),
        ..OutlierDetection::default()
    }
}
