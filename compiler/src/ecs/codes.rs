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
];
