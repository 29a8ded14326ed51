//! Whole bootstraps, made of all the parts.

use meshform_envoy_api::envoy::config::bootstrap::v3::bootstrap::{
    ApplicationLogConfig, DynamicResources, StaticResources,
    application_log_config::{LogFormat, log_format},
};
use meshform_envoy_api::envoy::config::bootstrap::v3::{
    Admin, Bootstrap, ClusterManager, LayeredRuntime, MemoryAllocatorManager, RuntimeLayer, Watchdog,
    Watchdogs, cluster_manager, runtime_layer,
};
use meshform_envoy_api::envoy::config::core::v3::api_config_source::ApiType;
use meshform_envoy_api::envoy::config::core::v3::node::UserAgentVersionType;
use meshform_envoy_api::envoy::config::core::v3::{
    AggregatedConfigSource, ApiConfigSource, BuildVersion, ConfigSource, GrpcService, Locality, Node,
    config_source::ConfigSourceSpecifier,
    grpc_service::{EnvoyGrpc, TargetSpecifier},
};
use meshform_envoy_api::envoy::config::overload::v3::{
    OverloadAction, OverloadManager, ResourceMonitor, ScaledTrigger, ThresholdTrigger, Trigger,
    resource_monitor, trigger,
};
use meshform_envoy_api::envoy::extensions::resource_monitors::downstream_connections::v3::DownstreamConnectionsConfig;
use meshform_envoy_api::envoy::extensions::resource_monitors::fixed_heap::v3::FixedHeapConfig;
use meshform_envoy_api::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use meshform_envoy_api::envoy::r#type::v3::{Percent, SemanticVersion};
use meshform_envoy_api::{any, millis, seconds};
use prost::{Message, Name};
use serde_json::json;

use crate::make::{V3, address, from_file, object, stdout_log, text};
use crate::{clusters, listeners, observe, tls};

/// Everything at once: static resources, resources from files, a control plane.
pub(crate) fn everything(directory: &str, pem: &tls::Pem) -> Bootstrap {
    Bootstrap {
        static_resources: Some(StaticResources {
            listeners: listeners::all(directory, pem),
            clusters: clusters::all(directory, pem),
            secrets: tls::secrets(pem),
        }),
        dynamic_resources: Some(DynamicResources {
            lds_config: Some(ConfigSource {
                resource_api_version: V3,
                config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {})),
                ..ConfigSource::default()
            }),
            cds_config: from_file(&format!("{directory}/cds.json")),
            ads_config: Some(control_plane()),
        }),
        cluster_manager: Some(ClusterManager {
            local_cluster_name: "local".into(),
            outlier_detection: Some(cluster_manager::OutlierDetection {
                event_log_path: format!("{directory}/outliers.log"),
            }),
            enable_deferred_cluster_creation: true,
        }),
        stats_sinks: observe::sinks(),
        stats_config: Some(observe::statistics()),
        stats_flush_interval: Some(seconds(5)),
        watchdogs: Some(Watchdogs {
            main_thread_watchdog: Some(watchdog()),
            worker_watchdog: Some(watchdog()),
        }),
        layered_runtime: Some(runtime(directory)),
        overload_manager: Some(overload()),
        application_log_config: Some(ApplicationLogConfig {
            log_format: Some(LogFormat {
                log_format: Some(log_format::LogFormat::JsonFormat(object(
                    json!({"level": "%l", "message": "%j"}),
                ))),
            }),
        }),
        memory_allocator_manager: Some(MemoryAllocatorManager {
            bytes_to_release: 1_048_576,
            memory_release_interval: Some(seconds(1)),
        }),
        ..files_only(directory, 0)
    }
}

/// The usual one: who the proxy is, its administration port, and everything else from files.
pub(crate) fn files_only(directory: &str, admin: u16) -> Bootstrap {
    Bootstrap {
        node: Some(node()),
        admin: Some(Admin {
            access_log: vec![stdout_log()],
            address: address("127.0.0.1", admin.into()),
            ignore_global_conn_limit: true,
            allow_paths: vec![text(MatchPattern::Prefix("/".into()))],
            ..Admin::default()
        }),
        dynamic_resources: Some(DynamicResources {
            lds_config: from_file(&format!("{directory}/lds.json")),
            cds_config: from_file(&format!("{directory}/cds.json")),
            ads_config: None,
        }),
        overload_manager: Some(overload()),
        ..Bootstrap::default()
    }
}

fn node() -> Node {
    Node {
        id: "mesh/apps/virtualNode/web".into(),
        cluster: "web".into(),
        metadata: Some(object(json!({"aws.appmesh.platformInfo": {"k8s": null}}))),
        locality: Some(Locality {
            region: "r".into(),
            zone: "a".into(),
            sub_zone: "1".into(),
        }),
        user_agent_name: "envoy".into(),
        user_agent_version_type: Some(UserAgentVersionType::UserAgentBuildVersion(BuildVersion {
            version: Some(SemanticVersion {
                major_number: 1,
                minor_number: 40,
                patch: 0,
            }),
            metadata: None,
        })),
        client_features: vec!["envoy.lb.does_not_support_overprovisioning".into()],
    }
}

fn control_plane() -> ApiConfigSource {
    ApiConfigSource {
        api_type: ApiType::Grpc.into(),
        transport_api_version: V3,
        set_node_on_first_message_only: true,
        grpc_services: vec![GrpcService {
            target_specifier: Some(TargetSpecifier::EnvoyGrpc(EnvoyGrpc {
                cluster_name: "grpc".into(),
                ..EnvoyGrpc::default()
            })),
            ..GrpcService::default()
        }],
        ..ApiConfigSource::default()
    }
}

fn watchdog() -> Watchdog {
    Watchdog {
        miss_timeout: Some(millis(200)),
        megamiss_timeout: Some(seconds(1)),
        kill_timeout: Some(seconds(60)),
        max_kill_timeout_jitter: Some(seconds(1)),
        multikill_timeout: Some(seconds(60)),
        multikill_threshold: Some(Percent { value: 50.0 }),
    }
}

fn runtime(directory: &str) -> LayeredRuntime {
    let layer = |name: &str, specifier| RuntimeLayer {
        name: name.into(),
        layer_specifier: Some(specifier),
    };
    LayeredRuntime {
        layers: vec![
            layer(
                "static",
                runtime_layer::LayerSpecifier::StaticLayer(object(
                    json!({"re2": {"max_program_size": {"error_level": 1000}}}),
                )),
            ),
            layer(
                "disk",
                runtime_layer::LayerSpecifier::DiskLayer(runtime_layer::DiskLayer {
                    symlink_root: directory.into(),
                    subdirectory: "runtime".into(),
                    append_service_cluster: false,
                }),
            ),
            layer(
                "admin",
                runtime_layer::LayerSpecifier::AdminLayer(runtime_layer::AdminLayer {}),
            ),
        ],
    }
}

fn overload() -> OverloadManager {
    fn monitor<M: Message + Name>(name: &str, message: &M) -> ResourceMonitor {
        ResourceMonitor {
            name: name.into(),
            config_type: Some(resource_monitor::ConfigType::TypedConfig(any(message))),
        }
    }
    let heap = "envoy.resource_monitors.fixed_heap";
    let connections = DownstreamConnectionsConfig {
        max_active_downstream_connections: 50_000,
    };
    let memory = FixedHeapConfig {
        max_heap_size_bytes: 1 << 30,
    };
    let action = |name: &str, trigger| OverloadAction {
        name: name.into(),
        triggers: vec![Trigger {
            name: heap.into(),
            trigger_oneof: Some(trigger),
        }],
    };
    OverloadManager {
        refresh_interval: Some(millis(250)),
        resource_monitors: vec![
            monitor(
                "envoy.resource_monitors.global_downstream_max_connections",
                &connections,
            ),
            monitor(heap, &memory),
        ],
        actions: vec![
            action(
                "envoy.overload_actions.shrink_heap",
                trigger::TriggerOneof::Threshold(ThresholdTrigger { value: 0.95 }),
            ),
            action(
                "envoy.overload_actions.stop_accepting_requests",
                trigger::TriggerOneof::Scaled(ScaledTrigger {
                    scaling_threshold: 0.9,
                    saturation_threshold: 0.98,
                }),
            ),
        ],
    }
}
