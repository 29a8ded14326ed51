//! The codes of problems with ECS task definitions.

meshform_model::codes! {
    NO_INTERCEPTION "MF0911" "missing interception mode"
        "Set the interception in a proxy profile: whether ECS continues to honour App Mesh's proxy configuration \
         is unknown, so there is no default. `transparent` writes that configuration; `explicit` needs no support \
         from ECS: the application uses the proxy through `http_proxy`."
    TEMPLATE "MF0912" "template that cannot be rendered"
        "A template given by `--templates` is not valid Handlebars, uses a value that it does not get, or has \
         partials that include each other endlessly."
    RENDERED "MF0913" "invalid task definition"
        "The rendered template is not JSON, or not a task definition that ECS accepts. Nothing was written."
    NOT_ON_ECS "MF0914" "profile setting that ECS cannot express"
        "Some settings need features that ECS does not offer, such as hosts file entries in tasks with their own \
         network interface (awsvpc)."
    LIMIT "MF0915" "ECS limit exceeded"
        "ECS accepts at most 64 KiB for a task definition, and at most 120 seconds between stopping and killing a \
         container."
    CONTAINERS "MF0916" "invalid container definitions"
        "Container definitions are a list of objects, each with its own `name`, as in ECS's API and in Terraform's \
         `container_definitions`."
    NOT_MOUNTED "MF0917" "proxy file without a volume"
        "The proxy's configuration refers to a certificate, a log file, a socket or a token, and the task \
         definition mounts nothing at that path. Envoy exits if its certificates are missing or its log cannot be \
         written; ECS only shows a task that never becomes healthy. Mount a volume there (`mountPoints` of a \
         container `envoy`, or your own template with `--templates`), use an image that contains the file (`image` \
         of the proxy profile), or log to `/dev/stdout`. It is an error for Envoy's own image, which contains no \
         files of yours, and a warning for other images. Certificates of a static configuration are read once, at \
         Envoy's start."
    NO_SUBJECT "MF0918" "App Mesh's Envoy without a virtual node or virtual gateway"
        "A task definition contains App Mesh's Envoy, but which proxy it is cannot be determined: \
         `APPMESH_RESOURCE_ARN` is missing, has a value that only CloudFormation knows, or names neither a virtual \
         node nor a virtual gateway."
    PORT "MF0919" "container port conflicting with the proxy"
        "The containers of a task share one network: none may listen on a port of the proxy (its admin interface, \
         15000, 15001). With intercepted traffic the proxy forwards requests to the listener's port, so a \
         container must expose that port."
    NO_COMPANION "MF0941" "trace or statistics port without a receiver"
        "The proxy profile sends traces or statistics to the task's own loopback address, and no container of the \
         task listens there. `--companions collector` (or `companions` of a workload) adds AWS Distro for \
         OpenTelemetry, which listens on X-Ray's port 2000, StatsD's 8125 and on 4317. Or use an address outside \
         of the task."
    NO_RECORD "MF0942" "virtual service without a private DNS record"
        "With `explicit` interception on awsvpc, the stack of the mesh creates a private DNS record from each \
         virtual service's name to its loopback address. It creates none if the name is no valid DNS name, if \
         Envoy itself finds a virtual node by that name (it would call itself), or if proxies of one network have \
         different addresses for it. Applications then need `http_proxy`, or another name."
    ATTRIBUTE "MF0943" "Cloud Map attribute that ECS does not set"
        "A virtual node is discovered by attributes of its instances in Cloud Map. ECS registers tasks with its \
         own attributes only (`ECS_CLUSTER_NAME`, `ECS_SERVICE_NAME`, `ECS_TASK_DEFINITION_FAMILY`, \
         `AVAILABILITY_ZONE`, `REGION`, …), so other proxies do not find instances of this node. Use one of these; \
         the stack gives family and service the names that the node asks for."
    NO_ROLE "MF0580" "task definition without a task role"
        "The agent beside a proxy reads the bucket with the task's role. Without one it may read nothing: the \
         proxy gets no configuration, and the task never becomes healthy. Give the task definition a role \
         (`taskRoleArn`) with the policy in `task-role-policy.json` beside it."
    LOST "MF0582" "App Mesh setting not carried over"
        "A setting of App Mesh's Envoy in a task definition or its template has no field in the proxy profile, has \
         a value that is unknown at compile time, or lies outside of the inputs, such as a task role in another \
         stack. The proxy will behave differently from before. `report.md` lists each such setting and what to do \
         about it; `-q` suppresses the warnings."
    NO_ENVOY "MF0585" "task definition without App Mesh's Envoy"
        "A task definition among the inputs has no container with App Mesh's image or one of its variables. Such \
         task definitions in a template or a state are skipped; one that is given by itself was probably meant to \
         get a proxy. The container `envoy` needs only an `image` and the variable `APPMESH_RESOURCE_ARN`."
    NO_SHELL "MF0581" "proxy image without a shell"
        "Without the agent, bash in the proxy's container unpacks the configuration, starts Envoy and probes its \
         readiness. Envoy's distroless images have no shell, so the task would end at once. Use Envoy's standard \
         image, or an image with the agent, which needs no shell."
}
