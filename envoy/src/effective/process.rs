//! The process itself: what the bootstrap and the command line say.

use super::{EffectiveSection, Unset, cluster, plain, seconds, time};
use crate::ir::Source;
use crate::ir::settings::{Admin, Settings, Versions};
use crate::ir::telemetry::{DogStatsd, Metrics};
use crate::out::bootstrap::RE2_PROGRAM_SIZE;
use meshform_model::path::Path;
use meshform_model::spec;

pub(super) fn tell(out: &mut EffectiveSection<'_>, of: &Settings) {
    let Settings {
        node_id,
        node_cluster,
        versions: Versions { min, max },
        directory,
        admin,
        drain,
        initial_fetch_timeout,
        log_level,
        concurrency,
        max_downstream_connections,
        metrics,
        sds,
        control_plane,
        token_file,
    } = of;
    out.tell("node id", node_id, Source::AppMesh);
    out.tell("node cluster", node_cluster, Source::AppMesh);
    out.tell("Envoy versions", format!("1.{min} to 1.{max}"), Source::Meshform);
    out.add("directory", directory, plain);
    let Admin {
        address,
        port,
        access_log,
    } = admin;
    out.add("admin address", address, plain);
    out.add("admin port", port, plain);
    out.or(
        "admin access log",
        access_log.as_ref(),
        plain,
        Unset {
            means: "none",
            whose: Source::Meshform,
        },
    );
    out.add("log level", log_level, plain);
    out.or(
        "worker threads",
        concurrency.as_ref(),
        plain,
        Unset {
            means: "one per core",
            whose: Source::Envoy,
        },
    );
    out.add("drain time", drain, seconds);
    out.add("wait for first configuration", initial_fetch_timeout, time);
    out.or(
        "connections of clients",
        max_downstream_connections.as_ref(),
        plain,
        Unset {
            means: "unlimited",
            whose: Source::Envoy,
        },
    );
    out.tell(
        "largest program of a regular expression",
        RE2_PROGRAM_SIZE.to_string(),
        Source::Meshform,
    );
    self::metrics(out, metrics);
    if control_plane.is_some() {
        out.or(
            "token for the control plane",
            token_file.as_ref(),
            plain,
            Unset {
                means: "none",
                whose: Source::Meshform,
            },
        );
    }
    for cluster in sds.iter().chain(control_plane) {
        let at = format!("cluster {}", cluster.name);
        cluster::tell(&mut EffectiveSection::new(out.list, at), cluster);
    }
}

fn metrics(out: &mut EffectiveSection<'_>, of: &Metrics) {
    let Metrics {
        dog_statsd,
        // The mesh's name is what one of the tags says.
        mesh: _,
        tags,
        resource_tags,
        flush_interval,
    } = of;
    out.or(
        "statistics every",
        flush_interval.as_ref(),
        seconds,
        Unset {
            means: "5 s",
            whose: Source::Envoy,
        },
    );
    out.or(
        "resource tags",
        resource_tags.as_ref(),
        plain,
        Unset {
            means: "false",
            whose: Source::AppMesh,
        },
    );
    if let Some(whose) = resource_tags.as_ref().map(|tags| &tags.source) {
        for (name, value) in tags {
            out.tell(&format!("tag {name}"), value, whose.clone());
        }
    }
    match dog_statsd {
        None => out.tell("DogStatsD", "none", Source::AppMesh),
        Some(DogStatsd {
            origin,
            address,
            port,
            prefix,
        }) => {
            out.field("DogStatsD", format!("{address}:{port}"), origin);
            match prefix {
                Some(prefix) => out.field(
                    "DogStatsD prefix",
                    prefix,
                    &origin.below(|agent: Path<spec::DogStatsD>| agent.prefix()),
                ),
                None => out.tell("DogStatsD prefix", "envoy", Source::Envoy),
            }
        }
    }
}
