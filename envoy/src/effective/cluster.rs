//! Where requests go: discovery, connections, health.

use super::{EffectiveSection, Unset, plain, seconds, time, tls};
use crate::ir::Source;
use crate::ir::cluster::{
    Balancing, CloudMap, Cluster, Discovery, Endpoint, Family, HealthCheck, Outlier, Pool, Probe, Protocol,
    ResponseHeaders,
};
use meshform_model::path::{FieldOf, Path};
use meshform_model::spec::{HealthCheckPolicy, OutlierDetection};
use std::time::Duration;

pub(super) fn tell(out: &mut EffectiveSection<'_>, of: &Cluster) {
    let Cluster {
        name: _,
        origin,
        discovery,
        connect_timeout,
        protocol,
        pool,
        outlier,
        health_check,
        tls,
        balancing,
        response_headers,
    } = of;
    let speaks = match protocol {
        Protocol::Http1 => "HTTP/1.1",
        Protocol::Http2 => "HTTP/2",
        Protocol::Http2Watched => "HTTP/2, with pings while nothing else comes",
        Protocol::SameAsCaller => "what the caller speaks",
        Protocol::Tcp => "bytes",
    };
    out.field("protocol", speaks, origin);
    self::discovery(out, discovery, of);
    out.add("connect timeout", connect_timeout, time);
    self::pool(out, pool);
    let round_robin = Unset {
        means: "round robin",
        whose: Source::AppMesh,
    };
    match discovery {
        Discovery::OriginalDestination => {}
        _ => out.or("load balancing", balancing.as_ref(), balancing_words, round_robin),
    }
    if *protocol != Protocol::Tcp {
        let ResponseHeaders { kb, count } = response_headers;
        let default = "60, over HTTP/1.1 80";
        out.or(
            "response headers, KiB",
            kb.as_ref(),
            plain,
            Unset {
                means: default,
                whose: Source::Envoy,
            },
        );
        out.or(
            "response headers, count",
            count.as_ref(),
            plain,
            Unset {
                means: "100",
                whose: Source::Envoy,
            },
        );
    }
    match tls {
        Some(tls) => tls::client(out, tls),
        None => out.tell("TLS", "none", Source::AppMesh),
    }
    match health_check {
        Some(check) => self::health_check(out, check),
        None => out.tell("health check", "none", Source::AppMesh),
    }
    match outlier {
        Some(outlier) => self::outlier(out, outlier),
        None => out.tell("outlier detection", "none", Source::AppMesh),
    }
}

fn discovery(out: &mut EffectiveSection<'_>, of: &Discovery, cluster: &Cluster) {
    let origin = &cluster.origin;
    match of {
        Discovery::Loopback { address, port } => out.field("host", format!("{address}:{port}"), origin),
        Discovery::Socket { path } => out.field("host", path, origin),
        Discovery::OriginalDestination => {
            out.field("host", "wherever the connection was going", origin);
        }
        Discovery::Endpoints(hosts) => {
            for Endpoint {
                address,
                port,
                weight,
                zone,
            } in hosts.iter()
            {
                let weight = weight.map_or(String::new(), |weight| format!(", weight {weight}"));
                let zone = zone
                    .as_ref()
                    .map_or(String::new(), |zone| format!(", zone {zone}"));
                out.field("host", format!("{address}:{port}{weight}{zone}"), origin);
            }
        }
        Discovery::CloudMap(cloud_map) => {
            let CloudMap {
                assignment: _,
                name,
                attributes,
                port,
                family,
            } = cloud_map.as_ref();
            let mut host = format!("instances of {name} in Cloud Map, on port {port}");
            for (key, value) in attributes {
                host.push_str(&format!(", {key} = {value}"));
            }
            out.field("host", host, origin);
            out.add("IP version", family, family_words);
        }
        Discovery::Dns {
            hostname,
            port,
            every_address,
            family,
        } => {
            out.field("host", format!("{hostname}:{port}"), origin);
            out.add("addresses of the name", every_address, |every| {
                if *every { "each is a host" } else { "one at a time" }.to_owned()
            });
            out.add("IP version", family, family_words);
        }
    }
}

fn family_words(of: &Family) -> String {
    match of {
        Family::Auto => "6, else 4",
        Family::V4Preferred => "4, else 6",
        Family::V4Only => "4",
        Family::V6Only => "6",
    }
    .to_owned()
}

fn pool(out: &mut EffectiveSection<'_>, of: &Pool) {
    let Pool {
        connections,
        pending,
        requests,
    } = of;
    let unlimited = "2147483647 (unlimited)";
    for (name, limit) in [
        ("connections", connections),
        ("waiting requests", pending),
        ("requests at a time", requests),
    ] {
        out.or(
            name,
            limit.as_ref(),
            plain,
            Unset {
                means: unlimited,
                whose: Source::AppMesh,
            },
        );
    }
    out.tell("retries at a time", unlimited, Source::AppMesh);
}

fn balancing_words(of: &Balancing) -> String {
    match of {
        Balancing::RoundRobin => "round robin",
        Balancing::LeastRequest => "least request",
        Balancing::Random => "random",
    }
    .to_owned()
}

fn health_check(out: &mut EffectiveSection<'_>, of: &HealthCheck) {
    let HealthCheck {
        origin,
        probe,
        healthy,
        unhealthy,
        interval,
        timeout,
        port,
    } = of;
    let sent = match probe {
        Probe::Http { host, path, http2 } => {
            let version = if *http2 { "HTTP/2" } else { "HTTP/1.1" };
            format!("GET {path} of {host} over {version}")
        }
        Probe::Grpc => "gRPC health service".to_owned(),
        Probe::Tcp => "a connection".to_owned(),
    };
    out.field("health check", sent, origin);
    match port {
        Some(port) => out.field(
            "health check port",
            port.to_string(),
            &origin.below(|check: Path<HealthCheckPolicy>| check.port()),
        ),
        None => out.tell("health check port", "the host's", Source::AppMesh),
    }
    let count: [(&str, &u32, FieldOf<HealthCheckPolicy, u32>); 2] = [
        (
            "healthy after",
            healthy,
            Path::<HealthCheckPolicy>::healthy_threshold,
        ),
        (
            "unhealthy after",
            unhealthy,
            Path::<HealthCheckPolicy>::unhealthy_threshold,
        ),
    ];
    for (name, count, field) in count {
        out.field(name, format!("{count} in a row"), &origin.below(field));
    }
    let time: [(&str, &Duration, FieldOf<HealthCheckPolicy, u32>); 2] = [
        (
            "health check every",
            interval,
            Path::<HealthCheckPolicy>::interval_millis,
        ),
        (
            "health check timeout",
            timeout,
            Path::<HealthCheckPolicy>::timeout_millis,
        ),
    ];
    for (name, time, field) in time {
        out.field(name, seconds(time), &origin.below(field));
    }
}

fn outlier(out: &mut EffectiveSection<'_>, of: &Outlier) {
    let Outlier {
        origin,
        errors,
        interval,
        ejection,
        max_percent,
    } = of;
    type Detection = Path<OutlierDetection>;
    out.field(
        "outlier detection",
        format!("{errors} server errors in a row"),
        &origin.below(|at: Detection| at.max_server_errors()),
    );
    out.field(
        "hosts looked at every",
        seconds(interval),
        &origin.below(|at: Detection| at.interval()),
    );
    out.field(
        "left out for",
        format!("{} times how often it was", seconds(ejection)),
        &origin.below(|at: Detection| at.base_ejection_duration()),
    );
    out.field(
        "left out at most",
        format!("{max_percent} %, but always one"),
        &origin.below(|at: Detection| at.max_ejection_percent()),
    );
    out.tell("outliers by success rate", "none", Source::AppMesh);
}
