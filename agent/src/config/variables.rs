//! The variables: what can be set, what App Mesh's own image understood, and what of that means nothing here.

/// All that can be set: name of the variable, what it means.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    (
        "MESHFORM_STORE",
        "s3://BUCKET/PREFIX, or the directory of a store that was made as file:///DIR; needed",
    ),
    (
        "MESHFORM_PROXY",
        "mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME; APPMESH_RESOURCE_ARN also says it",
    ),
    (
        "MESHFORM_DIR",
        "directory for Envoy's files, and for the last good release (/var/lib/meshform)",
    ),
    (
        "MESHFORM_LISTEN",
        "loopback address and port of /health, /status and /metrics (127.0.0.1:9903)",
    ),
    (
        "MESHFORM_RESTARTS",
        "how often Envoy is restarted within 10 minutes when it exits by itself (3)",
    ),
    (
        "MESHFORM_DRAIN_WAIT",
        "seconds between failing health and draining, for peers to notice (7)",
    ),
    (
        "MESHFORM_STOP_TIMEOUT",
        "seconds from SIGTERM to exit; ECS's stopTimeout (30)",
    ),
    (
        "MESHFORM_RESTART",
        "when Envoy is restarted for changes that need it (a changed bootstrap, a control plane that is back): \
         `next`, when it next starts anyway, or `idle`, as soon as no connection is open (next)",
    ),
    (
        "MESHFORM_CONTROL_PLANE",
        "http://HOST:PORT of `meshform serve`, where the bootstrap given to Envoy (-c FILE) is for ADS: asked before Envoy is started",
    ),
    (
        "MESHFORM_CONTROL_PLANE_WAIT",
        "seconds to wait for it to be ready; then Envoy is started with the last release from files (30)",
    ),
    (
        "MESHFORM_ADS_BOOTSTRAP",
        "the bootstrap itself, as JSON, if Envoy is given no file: `meshform bootstrap NODE --mode ads` writes it",
    ),
    (
        "MESHFORM_CERTIFICATES",
        "seconds between two checks whether ACM has renewed a certificate that the agent exports for the proxy \
         (43200)",
    ),
    (
        "MESHFORM_DISCOVERY",
        "who queries Cloud Map: `poller`, the mesh's `meshform-agent endpoints`; or `own`, this proxy for itself, \
         in small meshes (poller)",
    ),
    (
        "MESHFORM_MESH",
        "for `endpoints`: the mesh whose endpoints are polled",
    ),
    (
        "MESHFORM_POLL",
        "for `endpoints`, and MESHFORM_DISCOVERY=own: seconds between two reads of a service (15)",
    ),
    (
        "MESHFORM_ENDPOINTS",
        "for the same: a JSON file with addresses of nodes, used instead of a lookup",
    ),
    (
        "MESHFORM_CONFIG",
        "a JSON file with any of these, by name; variables win over it",
    ),
];

/// Variables of App Mesh's own image that mean here what they meant there.
pub(crate) const APP_MESH: &[(&str, &str)] = &[
    (
        "APPMESH_RESOURCE_ARN",
        "which proxy this is; also APPMESH_RESOURCE_NAME and APPMESH_VIRTUAL_NODE_NAME",
    ),
    (
        "ENVOY_LOG_LEVEL, ENVOY_CONCURRENCY",
        "Envoy's -l and --concurrency",
    ),
    ("APPNET_ENVOY_RESTART_COUNT", "as MESHFORM_RESTARTS, which wins"),
    ("LISTENER_DRAIN_WAIT_TIME_S", "Envoy's --drain-time-s (20)"),
    (
        "APPNET_AGENT_ADMIN_MODE",
        "`tcp` or `uds`: /status, /drain_listeners, /enableLogging and /stats/prometheus of App Mesh's own agent",
    ),
    (
        "APPNET_AGENT_HTTP_PORT",
        "port of these (9902), at APPNET_AGENT_HTTP_BIND_ADDRESS (127.0.0.1: they have no authentication)",
    ),
    (
        "APPNET_AGENT_ADMIN_UDS_PATH",
        "their socket (/var/run/ecs/appnet_admin.sock)",
    ),
    (
        "APPNET_AGENT_LOGGING_RESET_TIMEOUT",
        "seconds after which /enableLogging is undone (300)",
    ),
];

/// Variables of App Mesh's own image that change nothing here, and why.
pub(super) const IGNORED: &[(&str, &str)] = &[
    (
        "APPMESH_XDS_ENDPOINT, APPMESH_DUALSTACK_ENDPOINT, APPMESH_FIPS_ENDPOINT, APPMESH_SIGNING_NAME",
        "there is no management server; releases come from MESHFORM_STORE",
    ),
    ("APPMESH_PREVIEW", "there is no preview channel"),
    (
        "APPMESH_RESOURCE_CLUSTER, APPMESH_VIRTUAL_NODE_CLUSTER",
        "the published bootstrap sets the node's cluster",
    ),
    (
        "APPMESH_SDS_SOCKET_PATH",
        "set sdsSocketPath in the proxy profile",
    ),
    (
        "APPMESH_METRIC_EXTENSION_VERSION",
        "it is an extension of App Mesh's Envoy; set metrics in the proxy profile",
    ),
    (
        "APPMESH_SET_TRACING_DECISION",
        "Envoy has no such setting any more",
    ),
    (
        "APPMESH_PLATFORM_K8S_VERSION, APPMESH_PLATFORM_APP_MESH_CONTROLLER_VERSION, APPMESH_PLATFORM_K8S_POD_UID",
        "they told the management server where the proxy runs",
    ),
    (
        "ENVOY_ADMIN_ACCESS_PORT, ENVOY_ADMIN_ACCESS_ENABLE_IPV6, ENVOY_ADMIN_ACCESS_LOG_FILE, ENVOY_ADMIN_MODE",
        "set admin in the proxy profile",
    ),
    (
        "ENVOY_INITIAL_FETCH_TIMEOUT",
        "files are there before Envoy starts",
    ),
    (
        "ENVOY_CONFIG_FILE, ENVOY_RESOURCES_CONFIG_FILE",
        "Envoy is started with the published bootstrap, and nothing is merged into it",
    ),
    (
        "ENVOY_STATS_CONFIG_FILE, ENVOY_STATS_SINKS_CFG_FILE, ENVOY_STATS_FLUSH_INTERVAL, ENABLE_ENVOY_STATS_TAGS, \
         ENABLE_ENVOY_DOG_STATSD, STATSD_ADDRESS, STATSD_PORT, STATSD_SOCKET_PATH",
        "set metrics in the proxy profile",
    ),
    (
        "ENVOY_TRACING_CFG_FILE, ENABLE_ENVOY_XRAY_TRACING, XRAY_DAEMON_PORT, AWS_XRAY_DAEMON_ADDRESS, XRAY_SAMPLING_RATE, \
         XRAY_SAMPLING_RULE_MANIFEST, XRAY_SEGMENT_NAME, ENABLE_ENVOY_DATADOG_TRACING, DATADOG_TRACER_PORT, \
         DATADOG_TRACER_ADDRESS, DD_SERVICE, ENABLE_ENVOY_JAEGER_TRACING, JAEGER_TRACER_PORT, JAEGER_TRACER_ADDRESS, \
         JAEGER_TRACER_VERSION",
        "set tracing in the proxy profile",
    ),
    (
        "ENVOY_OUTLIER_DETECTION_EVENT_LOG_PATH",
        "outlier detection keeps no log of events",
    ),
    (
        "ENVOY_NO_EXTENSION_LOOKUP_BY_NAME, ENVOY_USE_HTTP_CLIENT_TO_FETCH_AWS_CREDENTIALS, MAX_REQUESTS_PER_IO_CYCLE",
        "Envoy's own default applies",
    ),
    ("ENVOY_SKIP_DEPRECATED_LOGS", "give Envoy --skip-deprecated-logs"),
    (
        "DISABLE_HOT_RESTART",
        "hot restart is off unless Envoy is given --base-id",
    ),
    (
        "HC_POLL_INTERVAL_MS, APPNET_AGENT_POLL_ENVOY_READINESS_INTERVAL_S, APPNET_AGENT_POLL_ENVOY_READINESS_TIMEOUT_S",
        "Envoy is asked once a second",
    ),
    (
        "HC_DISCONNECTED_TIMEOUT_S",
        "an unreachable store makes no proxy unhealthy",
    ),
    ("PID_POLL_INTERVAL_MS", "the system reports when Envoy exits"),
    (
        "APPNET_ENVOY_LOG_DESTINATION, APPNET_ENVOY_LOG_NAME, APPNET_AGENT_MAX_LOG_FILE_SIZE, APPNET_AGENT_MAX_RETENTION_COUNT",
        "Envoy logs to the container's log; give Envoy --log-path",
    ),
    (
        "APPNET_ENABLE_RELAY_MODE_FOR_XDS, APPNET_MANAGEMENT_PORT, APPNET_RELAY_LISTENER_UDS_PATH, RELAY_STREAM_IDLE_TIMEOUT, \
         RELAY_BUFFER_LIMIT_BYTES, APPNET_LISTENER_PORT_MAPPING, APPNET_CONTAINER_IP_MAPPING",
        "there is no management server to relay",
    ),
    ("ENABLE_STATS_SNAPSHOT", "/stats/prometheus has no `delta`"),
];
