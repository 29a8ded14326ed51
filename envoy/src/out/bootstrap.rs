//! The bootstrap: node, admin, statistics, runtime, and where the rest comes from.

use super::delivery::{Delivery, duration, socket};
use super::{cluster, telemetry, token};
use crate::ir::settings::Settings;
use crate::lower::names::CONTROL_PLANE;
use crate::resources::ResourceType;
use meshform_envoy_api::any;
use meshform_envoy_api::envoy::config::bootstrap::v3 as api;
use meshform_envoy_api::envoy::config::core::v3 as core;
use meshform_envoy_api::envoy::config::overload::v3 as overload;
use meshform_envoy_api::envoy::extensions::resource_monitors::downstream_connections::v3::DownstreamConnectionsConfig;
use meshform_envoy_api::prost_types::{Struct, Value, value::Kind};
use std::collections::BTreeMap;

/// The size of RE2's programs at which Envoy refuses them. The rules of the mesh refuse far smaller ones, by an
/// estimate of the size: what they let pass, Envoy must take.
pub(crate) const RE2_PROGRAM_SIZE: f64 = 50_000.0;

/// The bootstrap without listeners and clusters of the mesh.
pub(crate) fn message(settings: &Settings, delivery: &Delivery) -> api::Bootstrap {
    let ads = matches!(delivery, Delivery::Ads { .. });
    let mut clusters: Vec<_> = settings
        .sds
        .iter()
        .map(|sds| cluster::message(sds, &Delivery::Inline))
        .collect();
    if let Delivery::Ads { token_file } = delivery {
        clusters.extend(settings.control_plane.iter().map(|plane| {
            let mut message = cluster::message(plane, &Delivery::Inline);
            if let Some(file) = token_file {
                token::inject(&mut message, file);
            }
            message
        }));
    }
    let subscribe = |kind| {
        delivery.source(kind, "").map(|source| core::ConfigSource {
            initial_fetch_timeout: Some(duration(settings.initial_fetch_timeout.value)),
            ..source
        })
    };
    let dynamic = *delivery != Delivery::Inline;
    api::Bootstrap {
        node: Some(core::Node {
            id: settings.node_id.clone(),
            cluster: settings.node_cluster.clone(),
            ..Default::default()
        }),
        admin: Some(api::Admin {
            address: Some(socket(
                &settings.admin.address.value,
                settings.admin.port.value,
                false,
            )),
            access_log: settings
                .admin
                .access_log
                .iter()
                .map(|path| telemetry::file_log(&path.value, None))
                .collect(),
            // Whoever looks after the proxy gets through when clients have taken all connections.
            ignore_global_conn_limit: settings.max_downstream_connections.is_some(),
            ..Default::default()
        }),
        static_resources: (!clusters.is_empty()).then(|| api::bootstrap::StaticResources {
            clusters,
            ..Default::default()
        }),
        dynamic_resources: dynamic.then(|| api::bootstrap::DynamicResources {
            lds_config: subscribe(ResourceType::Listener),
            cds_config: subscribe(ResourceType::Cluster),
            ads_config: ads.then(|| core::ApiConfigSource {
                api_type: core::api_config_source::ApiType::DeltaGrpc as i32,
                transport_api_version: core::ApiVersion::V3 as i32,
                grpc_services: vec![super::grpc_service(CONTROL_PLANE)],
                set_node_on_first_message_only: true,
                ..Default::default()
            }),
        }),
        stats_sinks: telemetry::sinks(&settings.metrics),
        stats_config: telemetry::stats_config(&settings.metrics),
        stats_flush_interval: settings
            .metrics
            .flush_interval
            .as_ref()
            .map(|interval| duration(interval.value)),
        layered_runtime: Some(runtime()),
        overload_manager: settings
            .max_downstream_connections
            .as_ref()
            .map(|limit| connection_limit(limit.value)),
        ..Default::default()
    }
}

fn runtime() -> api::LayeredRuntime {
    use api::runtime_layer::{AdminLayer, LayerSpecifier};
    let size = Value {
        kind: Some(Kind::NumberValue(RE2_PROGRAM_SIZE)),
    };
    let layer = |name: &str, specifier| api::RuntimeLayer {
        name: name.to_owned(),
        layer_specifier: Some(specifier),
    };
    api::LayeredRuntime {
        layers: vec![
            layer(
                "static_layer_0",
                LayerSpecifier::StaticLayer(Struct {
                    fields: BTreeMap::from([("re2.max_program_size.error_level".to_owned(), size)]),
                }),
            ),
            layer("admin_layer", LayerSpecifier::AdminLayer(AdminLayer {})),
        ],
    }
}

fn connection_limit(limit: u64) -> overload::OverloadManager {
    overload::OverloadManager {
        resource_monitors: vec![overload::ResourceMonitor {
            name: "envoy.resource_monitors.global_downstream_max_connections".to_owned(),
            config_type: Some(overload::resource_monitor::ConfigType::TypedConfig(any(
                &DownstreamConnectionsConfig {
                    max_active_downstream_connections: i64::try_from(limit).unwrap_or(i64::MAX),
                },
            ))),
        }],
        ..Default::default()
    }
}
