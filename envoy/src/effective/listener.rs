//! Sockets, filter chains, and what is reported of their traffic.

use super::{Effective, EffectiveSection, Unset, plain, shares, time, tls};
use crate::ir::Source;
use crate::ir::listener::{Chain, Direction, Edge, HttpService, Listener, Service, TcpService, Transport};
use crate::ir::telemetry::{AccessLog, Collector, LogFormat, Tracing};
use meshform_model::path::Path;
use meshform_model::spec::{EscapedSlashes, FileAccessLog, ProxyProtocol, Underscores};

pub(super) fn tell(list: &mut Vec<Effective>, of: &Listener) {
    let Listener {
        name,
        origin,
        address,
        port,
        port_source,
        ipv4_compat,
        direction,
        proxy_protocol,
        limited,
        original_destination,
        chains,
        default_chain,
    } = of;
    let mut out = EffectiveSection::new(list, format!("listener {name}"));
    let both = if *ipv4_compat { ", IPv4 too" } else { "" };
    let socket = if address.contains(':') {
        format!("[{address}]:{port}{both}")
    } else {
        format!("{address}:{port}")
    };
    out.tell("socket", socket, port_source.clone());
    let way = match direction {
        Direction::Inbound => "to the application",
        Direction::Outbound => "from the application",
    };
    out.field("direction", way, origin);
    let reached = if *original_destination {
        "by iptables, wherever they were going"
    } else {
        "made to the socket itself"
    };
    out.field("connections", reached, origin);
    out.or(
        "PROXY protocol",
        proxy_protocol.as_ref(),
        |one| match one {
            ProxyProtocol::Optional => "read where there is one".to_owned(),
            ProxyProtocol::Required => "required".to_owned(),
        },
        Unset {
            means: "not read",
            whose: Source::AppMesh,
        },
    );
    if !*limited {
        let counted = "not counted: they counted where they came in";
        out.tell("towards the limit of connections", counted, Source::Meshform);
    }
    if default_chain.is_none() {
        out.tell("connections that no chain takes", "closed", Source::Envoy);
    }
    for one in chains.iter().chain(default_chain) {
        chain(
            &mut EffectiveSection::new(list, format!("listener {name} / {}", one.name)),
            one,
        );
    }
}

fn chain(out: &mut EffectiveSection<'_>, of: &Chain) {
    let Chain {
        name: _,
        origin,
        destination_port,
        server_names,
        transport,
        tls,
        service,
    } = of;
    if let Some(port) = destination_port {
        out.field("port that the connection was made to", port.to_string(), origin);
    }
    for name in server_names {
        out.add("TLS server name that may leave", name, plain);
    }
    match transport {
        Some(Transport::Tls) => out.field("takes", "TLS", origin),
        Some(Transport::Plain) => out.field("takes", "anything but TLS", origin),
        None => {}
    }
    match tls {
        Some(tls) => tls::server(out, tls),
        None => out.tell("TLS", "not terminated", Source::AppMesh),
    }
    match service {
        Service::Http(service) => http(out, service),
        Service::Tcp(service) => tcp(out, service, of),
    }
}

fn http(out: &mut EffectiveSection<'_>, of: &HttpService) {
    let HttpService {
        stat_prefix,
        table,
        websocket,
        access_log,
        tracing,
        max_request_headers_kb,
        max_request_headers_count,
        edge,
    } = of;
    out.tell("routes requests by", table, Source::AppMesh);
    out.tell("prefix of statistics", stat_prefix, Source::AppMesh);
    let paths = "`.` and `..` resolved, slashes merged";
    out.tell("paths", paths, Source::AppMesh);
    match edge {
        Some(edge) => self::edge(out, edge),
        None => out.tell("escaped slashes", "kept", Source::AppMesh),
    }
    let upgrade = if *websocket { "allowed" } else { "not allowed" };
    out.tell("WebSocket", upgrade, Source::AppMesh);
    out.or(
        "request headers, KiB",
        max_request_headers_kb.as_ref(),
        plain,
        Unset {
            means: "60",
            whose: Source::Envoy,
        },
    );
    out.or(
        "request headers, count",
        max_request_headers_count.as_ref(),
        plain,
        Unset {
            means: "100",
            whose: Source::Envoy,
        },
    );
    self::access_log(out, access_log.as_deref());
    match tracing {
        Some(tracing) => spans(out, tracing),
        None => out.tell("spans", "none", Source::AppMesh),
    }
}

fn edge(out: &mut EffectiveSection<'_>, of: &Edge) {
    let Edge {
        trusted_hops,
        escaped_slashes,
        underscores,
        headers_timeout,
        max_streams,
        stream_window,
        connection_window,
    } = of;
    out.or(
        "address of the client",
        trusted_hops.as_ref(),
        |hops| match hops {
            0 => "whoever connects; added to X-Forwarded-For".to_owned(),
            hops => format!(
                "from X-Forwarded-For, as {hops} proxies in front wrote it; whoever connects is added"
            ),
        },
        Unset {
            means: "as X-Forwarded-For comes; nothing added",
            whose: Source::AppMesh,
        },
    );
    out.add("escaped slashes", escaped_slashes, |action| {
        match action {
            EscapedSlashes::KeepUnchanged => "kept",
            EscapedSlashes::RejectRequest => "refused with 400",
            EscapedSlashes::UnescapeAndForward => "become slashes",
            EscapedSlashes::UnescapeAndRedirect => "redirected to the path with slashes",
        }
        .to_owned()
    });
    out.add("headers with underscores", underscores, |action| {
        match action {
            Underscores::Allow => "pass",
            Underscores::DropHeader => "taken away",
            Underscores::RejectRequest => "refused with 400",
        }
        .to_owned()
    });
    out.add("time for request headers", headers_timeout, time);
    out.add("HTTP/2 requests at once on a connection", max_streams, plain);
    out.add("HTTP/2 window of a request, bytes", stream_window, plain);
    out.add("HTTP/2 window of a connection, bytes", connection_window, plain);
}

fn tcp(out: &mut EffectiveSection<'_>, of: &TcpService, chain: &Chain) {
    let TcpService {
        stat_prefix,
        targets,
        idle_timeout,
        access_log,
    } = of;
    let targets = shares(
        targets
            .iter()
            .map(|target| (target.cluster.as_str(), target.weight)),
    );
    out.field("passes bytes to", targets, &chain.origin);
    out.tell("prefix of statistics", stat_prefix, Source::AppMesh);
    out.add("idle timeout", idle_timeout, time);
    self::access_log(out, access_log.as_deref());
}

fn access_log(out: &mut EffectiveSection<'_>, of: Option<&AccessLog>) {
    let Some(AccessLog { origin, path, format }) = of else {
        out.tell("access log", "none", Source::AppMesh);
        return;
    };
    out.field(
        "access log",
        path,
        &origin.below(|file: Path<FileAccessLog>| file.path()),
    );
    match format {
        None => out.tell("format of the access log", "Envoy's text", Source::Envoy),
        Some(LogFormat::Text(text)) => out.field(
            "format of the access log",
            text.trim_end_matches('\n'),
            &origin.below(|file: Path<FileAccessLog>| file.format().text()),
        ),
        Some(LogFormat::Json(fields)) => {
            let origin = origin.below(|file: Path<FileAccessLog>| file.format().json());
            for (key, value) in fields {
                out.field(&format!("format of the access log, {key}"), value, &origin);
            }
        }
    }
}

fn spans(out: &mut EffectiveSection<'_>, of: &Tracing) {
    let Tracing {
        origin,
        collector,
        sampling_percent,
        sampling,
    } = of;
    let (to, sampled) = match collector {
        Collector::OpenTelemetry { cluster, service } => (
            format!("OpenTelemetry at {cluster}, as {service}"),
            sampling_percent,
        ),
        Collector::Zipkin {
            cluster,
            hostname,
            path,
        } => (format!("Zipkin at {cluster}, {hostname}{path}"), sampling_percent),
        Collector::Datadog { cluster, service } => {
            (format!("Datadog at {cluster}, as {service}"), sampling_percent)
        }
        Collector::XRay {
            address,
            port,
            segment,
            sampling_percent,
            fields: _,
        } => (
            format!("X-Ray at {address}:{port}, as {segment}"),
            sampling_percent,
        ),
    };
    out.field("spans", to, origin);
    match (sampled, collector) {
        (Some(percent), _) => out.field("requests with spans", format!("{percent} %"), sampling),
        (None, Collector::XRay { .. }) => out.tell(
            "requests with spans",
            "the first of each second and 5 % of the others",
            Source::Envoy,
        ),
        (None, _) => out.tell("requests with spans", "100 %", Source::Envoy),
    }
}
