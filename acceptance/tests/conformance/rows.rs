//! The sections, in the page's order.

mod ads;
mod cloud_map;
mod conditions;
mod discovery;
mod edge;
mod gateways;
mod headers;
mod kinds;
mod limits;
mod logs;
mod matching;
mod retries;
mod sds;
mod targets;
mod timeouts;
mod tls;
mod tracing;
mod transparent;
mod unseen;

use super::servers::{connect, read_head};
use super::sheet::Section;
use std::io::{BufReader, Read, Write};

pub(crate) const SECTIONS: &[Section] = &[
    ("Health checks", limits::health),
    ("Timeouts", timeouts::rows),
    ("Matching", matching::rows),
    ("The same conditions elsewhere", conditions::rows),
    ("Targets", targets::rows),
    ("Retries", retries::rows),
    ("Gateways", gateways::rows),
    ("Gateways at the edge", edge::rows),
    ("The same on other routes", kinds::rows),
    ("Connection pools", limits::pools),
    ("Limits on headers", headers::rows),
    ("Outlier detection", limits::outliers),
    ("Where Envoy's default is another", unseen::rows),
    ("TLS", tls::rows),
    ("Secrets by SDS", sds::rows),
    ("Control plane", ads::rows),
    ("Discovery and interception", discovery::rows),
    ("Transparent interception", transparent::rows),
    ("Access logs", logs::rows),
    ("Tracing", tracing::rows),
    ("Proxy profile", logs::profile),
];

/// Fields that have no live row, and why.
pub(crate) const WITHOUT_A_ROW: &[(&str, &str)] = &[
    (
        "proxyProfile.spec.certificates.source.acm.certificateArn",
        "the agent exports it: its tests show it with Envoy and a stand-in for ACM",
    ),
    (
        "proxyProfile.spec.{image,logLevel,concurrency}",
        "an option of the container or of Envoy's command line, not of its configuration; the ECS output's tests show it",
    ),
    (
        "proxyProfile.spec.envoyVersion.{min,max}",
        "decides which command operators an access log may have: the golden case `refused-versions` shows it",
    ),
    (
        "proxyProfile.spec.controlPlane.{tokenFile,apiUrl}",
        "tests of the control plane and of the agent show with a real Envoy who is let in, and what happens when the server is away",
    ),
    (
        "virtualGateway.spec.listeners.healthCheck.{protocol,path,port,intervalMillis,timeoutMillis,healthyThreshold,unhealthyThreshold}",
        "kept and not rendered: no Envoy calls a gateway, so nothing could make the check",
    ),
    (
        "mesh.extensions.releasePolicy",
        "decides when proxies get their configuration, not what is in it; the tests of releases show it",
    ),
];

pub(crate) use transparent::inside as in_a_namespace;

/// Upgrades a connection to a websocket and sends bytes both ways.
fn websocket(port: u16, host: &str, path: &str) {
    let mut stream = BufReader::new(connect(&format!("127.0.0.1:{port}")).unwrap());
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    let head = read_head(&mut stream).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    stream.get_mut().write_all(b"\x81\x02hi").unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"\x81\x02hi");
}
