//! The codes of problems with ECS task definitions.

meshform_model::codes! {
    NO_INTERCEPTION "MF0911" "missing choice of interception"
        "Whether ECS goes on honouring App Mesh's proxy configuration is not known, so nothing is assumed. Choose in \
         a proxy profile: `transparent` writes that configuration, `explicit` needs no support from ECS: the \
         application uses the proxy by `http_proxy`."
    TEMPLATE "MF0912" "template that cannot be rendered"
        "A template given by `--templates` breaks Handlebars' grammar, uses a value that it is not given, or has \
         partials that include each other without end."
    RENDERED "MF0913" "invalid task definition"
        "What the template rendered is not JSON, or not what ECS takes. Nothing was written."
    NOT_ON_ECS "MF0914" "profile setting that ECS cannot express"
        "Some settings need something that ECS does not offer, such as entries of a hosts file in tasks with a \
         network interface of their own."
    LIMIT "MF0915" "ECS limit exceeded"
        "ECS takes at most 64 KiB for a task definition, and at most 120 seconds between stopping a container and \
         killing it."
    CONTAINERS "MF0916" "missing list of containers"
        "Container definitions are a list of objects, each with a `name` of its own, as ECS's API and \
         `container_definitions` of Terraform have them."
    NOT_MOUNTED "MF0917" "proxy file without a volume"
        "The proxy's configuration names a certificate, a log file, a socket or a token, and the task definition mounts \
         nothing where it would be. Envoy ends when it starts without its certificates, or cannot write its log; ECS \
         shows no more than a task that never gets healthy. Mount a volume there (`mountPoints` of a container \
         `envoy`, or a template of your own by `--templates`), use an image that holds the file (`image` of the proxy \
         profile), or log to `/dev/stdout`. It is an error where the image is Envoy's own, which holds no file of \
         yours, and a warning for other images. The certificates of a static configuration are read once, when Envoy \
         starts: only files that Envoy follows are read again."
    NO_SUBJECT "MF0918" "App Mesh's Envoy without a virtual node or virtual gateway"
        "A task definition holds App Mesh's Envoy, and which proxy it is cannot be told: `APPMESH_RESOURCE_ARN` is \
         missing, has a value that only CloudFormation knows, or names neither a virtual node nor a virtual gateway."
    PORT "MF0919" "container port that does not fit the proxy"
        "The containers of a task share one network: none may listen on a port of the proxy (its admin interface, \
         15000, 15001). And with intercepted traffic the proxy hands requests to the listener's port, so that a \
         container must have it."
    NO_COMPANION "MF0941" "trace or statistics port without a listener"
        "The proxy profile sends traces or statistics to the task's own loopback address, and no container of the \
         task takes them there. `--companions collector` (or `companions` of a workload) adds AWS Distro for \
         OpenTelemetry, which listens on X-Ray's port 2000, on StatsD's 8125 and on 4317. An address outside of the \
         task is as good."
    NO_RECORD "MF0942" "virtual service without a private DNS record"
        "With `explicit` interception on awsvpc, the stack of the mesh makes a private DNS record from each virtual \
         service's name to its loopback address. It makes none where the name is no name of DNS, where Envoy itself \
         finds a virtual node by that name (it would call itself), or where proxies of one network have different \
         addresses for it. Applications then need `http_proxy`, or another name."
    ATTRIBUTE "MF0943" "Cloud Map attribute that ECS does not set"
        "A virtual node is found by attributes of its instances in Cloud Map. ECS registers tasks with its own \
         attributes only (`ECS_CLUSTER_NAME`, `ECS_SERVICE_NAME`, `ECS_TASK_DEFINITION_FAMILY`, `AVAILABILITY_ZONE`, \
         `REGION`, …): instances of this node are not found by others. Use one of them; the stack gives family and \
         service the names that the node asks for."
    NO_ROLE "MF0580" "task definition without a task role"
        "The agent beside a proxy reads the bucket by the task's role. A task definition that has none leaves it without a \
         right to read anything: the proxy gets no configuration, and the task never becomes healthy. Give the task \
         definition a role (`taskRoleArn`) that allows what `task-role-policy.json` beside it says."
    LOST "MF0582" "setting of App Mesh's Envoy that nobody takes over"
        "A task definition or its template said something that the proxy profile has no field for, whose value is not \
         known while it is compiled, or that stands outside of the inputs, such as a task role in another stack. The proxy \
         then works differently from before. `report.md` says of each what it was and what to do; `-q` prints no warnings."
    NO_ENVOY "MF0585" "task definition without App Mesh's Envoy"
        "A task definition among the inputs has no container with App Mesh's image or one of its variables. In a template \
         or a state such task definitions are of no interest to the mesh; one that is given by itself was probably meant \
         to get a proxy. The container `envoy` needs an `image` and the variable `APPMESH_RESOURCE_ARN` alone."
    NO_SHELL "MF0581" "proxy image without a shell"
        "Without the agent, bash in the proxy's container unpacks the configuration, starts Envoy and asks it whether it is \
         ready. Envoy's distroless images hold no shell, so that the task would end at its start. Take Envoy's usual image, \
         or an image with the agent, which needs no shell."
}
