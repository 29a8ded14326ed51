//! The codes of problems with ECS task definitions.

use meshform_model::diag::{Code, CodeInfo};

/// How traffic gets into the proxy was not chosen.
pub const NO_INTERCEPTION: Code = Code("MF0911");
/// A template breaks the template language.
pub const TEMPLATE: Code = Code("MF0912");
/// What a template rendered is no task definition.
pub const RENDERED: Code = Code("MF0913");
/// ECS cannot do what the profile asks for.
pub const NOT_ON_ECS: Code = Code("MF0914");
/// A task definition beyond a limit of ECS.
pub const LIMIT: Code = Code("MF0915");
/// What was given is no list of containers.
pub const CONTAINERS: Code = Code("MF0916");

/// A file that no volume brings to the proxy's container.
pub const NOT_MOUNTED: Code = Code("MF0917");
/// App Mesh's Envoy in a task definition names no proxy.
pub const NO_SUBJECT: Code = Code("MF0918");
/// Ports of a task that do not fit the proxy's.
pub const PORT: Code = Code("MF0919");
/// Traces or statistics that nothing takes.
pub const NO_COMPANION: Code = Code("MF0941");
/// A virtual service that gets no DNS record.
pub const NO_RECORD: Code = Code("MF0942");
/// An attribute of Cloud Map that ECS does not set.
pub const ATTRIBUTE: Code = Code("MF0943");

/// What the documentation says of each.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: NO_INTERCEPTION,
        title: "missing choice of interception",
        explanation: "Whether ECS goes on honouring App Mesh's proxy configuration is not known, so nothing is \
                      assumed. Choose in a proxy profile: `transparent` writes that configuration, `explicit` \
                      needs no support from ECS: the application uses the proxy by `http_proxy`.",
    },
    CodeInfo {
        code: TEMPLATE,
        title: "template that cannot be rendered",
        explanation: "A template given by `--templates` breaks Handlebars' grammar, uses a value that it is not \
                      given, or has partials that include each other without end.",
    },
    CodeInfo {
        code: RENDERED,
        title: "invalid task definition",
        explanation: "What the template rendered is not JSON, or not what ECS takes. Nothing was written.",
    },
    CodeInfo {
        code: NOT_ON_ECS,
        title: "profile setting that ECS cannot express",
        explanation: "Some settings need something that ECS does not offer, such as entries of a hosts file in \
                      tasks with a network interface of their own.",
    },
    CodeInfo {
        code: LIMIT,
        title: "ECS limit exceeded",
        explanation: "ECS takes at most 64 KiB for a task definition, and at most 120 seconds between stopping a \
                      container and killing it.",
    },
    CodeInfo {
        code: CONTAINERS,
        title: "missing list of containers",
        explanation: "Container definitions are a list of objects, each with a `name` of its own, as ECS's API and \
                      `container_definitions` of Terraform have them.",
    },
    CodeInfo {
        code: NOT_MOUNTED,
        title: "file that no volume brings to the proxy's container",
        explanation: "The proxy's configuration names a certificate, a log file or a socket, and the task definition \
                      mounts nothing where it would be. Envoy ends when it starts without its certificates, or \
                      cannot write its log; ECS shows no more than a task that never gets healthy. Mount a volume \
                      there, use an image that holds the file, or log to `/dev/stdout`. The certificates of a static \
                      configuration are read once, when Envoy starts: only files that Envoy follows are read again.",
    },
    CodeInfo {
        code: NO_SUBJECT,
        title: "App Mesh's Envoy without a virtual node or virtual gateway",
        explanation: "A task definition holds App Mesh's Envoy, and which proxy it is cannot be told: \
                      `APPMESH_RESOURCE_ARN` is missing, has a value that only CloudFormation knows, or names neither \
                      a virtual node nor a virtual gateway.",
    },
    CodeInfo {
        code: PORT,
        title: "container port that does not fit the proxy",
        explanation: "The containers of a task share one network: none may listen on a port of the proxy (its admin \
                      interface, 15000, 15001). And with intercepted traffic the proxy hands requests to the \
                      listener's port, so that a container must have it.",
    },
    CodeInfo {
        code: NO_COMPANION,
        title: "traces or statistics sent to a port at which nothing listens",
        explanation: "The proxy profile sends traces or statistics to the task's own loopback address, and no container of \
                      the task takes them there. `--companions collector` (or `companions` of a workload) adds AWS Distro \
                      for OpenTelemetry, which listens on X-Ray's port 2000, on StatsD's 8125 and on 4317. An address \
                      outside of the task is as good.",
    },
    CodeInfo {
        code: NO_RECORD,
        title: "virtual service without a private DNS record",
        explanation: "With `explicit` interception on awsvpc, the stack of the mesh makes a private DNS record from each \
                      virtual service's name to its loopback address. It makes none where the name is no name of DNS, where \
                      Envoy itself finds a virtual node by that name (it would call itself), or where proxies of one \
                      network have different addresses for it. Applications then need `http_proxy`, or another name.",
    },
    CodeInfo {
        code: ATTRIBUTE,
        title: "Cloud Map attribute that ECS does not set",
        explanation: "A virtual node is found by attributes of its instances in Cloud Map. ECS registers tasks with its own \
                      attributes only (`ECS_CLUSTER_NAME`, `ECS_SERVICE_NAME`, `ECS_TASK_DEFINITION_FAMILY`, \
                      `AVAILABILITY_ZONE`, `REGION`, …): instances of this node are not found by others. Use one of them; \
                      the stack gives family and service the names that the node asks for.",
    },
];
