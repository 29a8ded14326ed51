//! The codes of the rules of a mesh, with what the documentation says of each.

crate::codes! {
    SHAPE "MF0201" "unreadable spec"
        "The spec could not be read as its kind's. Field-level validation names the field and what it should \
         hold; this code is left for documents that reach the typed form without it."
    NOTHING "MF0202" "mesh without resources"
        "A mesh was asked for, but there is no resource of it, not even the mesh itself."
    SEVERAL_MESHES "MF0203" "resources of several meshes"
        "Resources see each other within one mesh only, so each mesh is looked at by itself."
    TWICE "MF0204" "duplicate resource"
        "Two resources have the same kind, parent and name. Which of them holds would be chance."
    MISFIT "MF0205" "key and spec of different kinds"
        "A key must have the kind of its spec. Routes lie in a virtual router and gateway routes in a virtual \
         gateway, which their key names; nothing else has such a parent."
    NAME "MF0206" "invalid resource name"
        "Names have 1 to 255 characters, none of them a slash or a control character: names stand in ARNs, \
         import ids and paths, where a slash would make two different resources look alike. The name of a \
         virtual service is what callers put into the `Host` header, so it also has no spaces, and no `*`, \
         which would catch other services' requests."
    ACCOUNT "MF0207" "invalid AWS account id"
        "AWS account ids, such as a mesh's owner, have exactly 12 digits."
    ARN "MF0208" "ARN of the wrong kind"
        "An ARN looks like `arn:partition:service:region:account:resource`. The ARN of a resource of the mesh \
         must name the resource itself and its owner."
    QUOTA "MF0209" "quota exceeded"
        "Quotas are off unless they are configured: in the provider's block `quotas`, or with `--quota` of \
         `meshform validate`, `compile`, `release`, `unpin` and `status`. They help to keep a mesh within what another \
         control plane accepts, or within what a team has agreed on. What exceeds one is written all the same, and not \
         released: proxies keep their last release. Raise the quota where it is configured, or take resources away."

    NO_MESH "MF0210" "missing mesh"
        "There are resources of a mesh, but not the mesh itself, which says whether traffic may leave. Until it \
         is there, nothing is released."
    NO_PARENT "MF0211" "missing parent router or gateway"
        "A route lies in a virtual router, a gateway route in a virtual gateway. Without it nobody gets there. \
         Until it is there, nothing is released."
    NO_PROVIDER "MF0212" "missing provider of a virtual service"
        "A virtual service names a virtual node or a virtual router that does not exist. Callers would get \
         errors, so nothing is released until it is there."
    NO_TARGET "MF0213" "missing target of a route"
        "A route names a virtual node that does not exist. Its share of the requests would fail, so nothing is \
         released until the node is there or the target is gone. When a canary is removed, this is the moment \
         between the two steps: proxies stay on the release from before."
    NO_BACKEND "MF0214" "missing backend"
        "A virtual node calls a virtual service that does not exist. App Mesh let that pass and the calls \
         failed; here nothing is released until the service is there or the backend is gone, so that replacing \
         a service does not break its callers for a moment."
    NO_GATEWAY_TARGET "MF0215" "missing virtual service of a gateway route"
        "A gateway route names a virtual service that does not exist. Its requests would fail, so nothing is \
         released until it is there."
    NO_SUBJECT "MF0216" "proxy profile without its node or gateway"
        "A proxy profile names a node, a gateway or a service that does not exist. The profile, or that part of \
         it, has no effect."
    UNPROVIDED "MF0217" "backend without a provider"
        "A virtual service may have no provider, but then whoever calls it gets 404 from the own proxy."

    SAME_LISTENER_PORT "MF0220" "duplicate listener port"
        "Each listener of a node, a router or a gateway needs a port of its own: a connection could not be told \
         apart otherwise."
    NO_LISTENER "MF0221" "route target without a listener"
        "A virtual node without listeners can only call, and a virtual router without listeners has no port \
         that callers could use. Neither can be a provider, and such a node cannot be a target."
    NO_DISCOVERY "MF0222" "route target without service discovery"
        "Requests are sent to a virtual node that says neither DNS nor Cloud Map discovery, and no proxy \
         profile gives its endpoints. Callers have no address to connect to."
    TIMEOUT_PROTOCOL "MF0223" "timeout for another protocol"
        "A listener's timeout is named after the listener's protocol: `http`, `http2`, `grpc` or `tcp`. One of \
         another name would not hold."
    POOL_PROTOCOL "MF0224" "connection pool for another protocol"
        "A listener's connection pool is named after the listener's protocol. One of another name would not \
         hold."
    HEALTH_CHECK_PORT "MF0225" "health check on another port"
        "A health check asks the listener that it belongs to, so its port is the listener's, or left out."
    HEALTH_CHECK_PROTOCOL "MF0226" "health check protocol that the listener does not speak"
        "A gRPC health check needs HTTP/2: Envoy refuses one on a listener that speaks `http` or `tcp`."
    LOGICAL_DNS "MF0227" "HTTP/2 through DNS with a single address"
        "Without `responseType: ENDPOINTS`, DNS discovery takes all addresses for one load balancer: a connection \
         goes to one of them and stays. HTTP/2 and gRPC keep one connection for everything, so one instance \
         gets all of a caller's requests. Where a load balancer answers the name, write `LOADBALANCER` and the \
         warning goes."
    OUTLIER_DNS "MF0228" "outlier detection without several instances"
        "Outlier detection stops using single instances. With DNS discovery that takes all addresses for one \
         load balancer (`LOADBALANCER`, which is the default) there is only one, and detection does nothing."

    ROUTE_PROTOCOL "MF0230" "route of another protocol than its router"
        "The type of a route should be that of the router's listener: `httpRoute` for `http`, and so on. App Mesh took \
         others. Routes for HTTP, HTTP/2 and gRPC work on a listener of any of these. A route for TCP on such a \
         listener, or one for HTTP on a `tcp` listener, does nothing beside routes of the listener's kind; where all \
         routes of a port are of the other kind, the port speaks what they are for."
    ROUTE_PORT_UNKNOWN "MF0231" "route port that the router does not listen on"
        "`match.port` of a route is one of its router's listener ports. No request comes to another one."
    ROUTE_PORT_NEEDED "MF0232" "ambiguous port of a route"
        "When a virtual router has several listeners, each route says with `match.port` which of them it is for."
    TARGET_PORT_UNKNOWN "MF0233" "target port that the node does not listen on"
        "`port` of a weighted target is one of the target's listener ports. App Mesh dropped such a route \
         silently."
    TARGET_PORT_NEEDED "MF0234" "ambiguous target port"
        "When a virtual node has several listeners, the target says with `port` which of them is meant."
    TARGET_PROTOCOL "MF0235" "target of another protocol"
        "The listener that a route sends to should speak the route's protocol. App Mesh took others. The caller's \
         proxy speaks to the target as its listener says: HTTP/1.1 and HTTP/2 are turned into one another, gRPC needs \
         HTTP/2 all the way, and a `tcp` listener passes on the bytes that it gets."
    GRPC_METHOD "MF0236" "gRPC method without service"
        "A gRPC path is the service and the method; a method alone matches nothing."
    PATHLESS "MF0237" "match without a path"
        "The match of a route for HTTP says a `prefix` or a `path`; one of a gateway route may say a `hostname` \
         in their place. Without any of them it is taken as the prefix `/`, so a match that is empty by mistake \
         takes every request."

    LOG_FORMAT "MF0238" "invalid access log format"
        "In the format of an access log `%` begins a command operator of Envoy, such as `%START_TIME%` or \
         `%REQ(:METHOD)%`; a percent sign is written `%%`. A proxy would refuse the whole listener for an operator \
         that it does not know or that has parameters of another form. In a JSON format each key stands once."
    DURATION "MF0239" "invalid duration"
        "Outlier detection needs an interval and a time of ejection above zero, statistics are delivered every \
         1 ms to 5 minutes, and no duration is longer than 100 years: a proxy would refuse its configuration."

    GATEWAY_PROTOCOL "MF0240" "gateway route of another protocol than its gateway"
        "The type of a gateway route must be that of the gateway's listener."
    GATEWAY_PORT_UNKNOWN "MF0241" "gateway route port that the gateway does not listen on"
        "`match.port` of a gateway route is one of its gateway's listener ports."
    GATEWAY_PORT_NEEDED "MF0242" "ambiguous port of a gateway route"
        "When a virtual gateway has several listeners, each gateway route says with `match.port` which of them \
         it is for."
    SERVICE_PORT_UNKNOWN "MF0243" "target port that the virtual service does not have"
        "`target.port` of a gateway route is one of the listener ports of the virtual service's provider."
    SERVICE_PORT_NEEDED "MF0244" "ambiguous service port of a gateway route"
        "When the provider of a virtual service has several listeners, the gateway route says with `target.port` \
         which of them is meant."
    SERVICE_PROTOCOL "MF0245" "gateway route to a TCP service"
        "A virtual gateway speaks HTTP and gRPC; it cannot send requests to a port that speaks plain TCP."

    TEXT "MF0246" "invalid header value or name"
        "App Mesh's API takes the text, but a proxy would refuse the configuration with it, or never find what it \
         means: an empty name of a secret or of a query parameter, an end of a line in a header, a `*` within a host \
         name, the path of a Unix socket or a host name that is too long."

    WEIGHTS_OVER "MF0250" "weights over 100"
        "App Mesh asked for weights that sum up to 100 at most. Weights are relative, so more works as well, \
         but a weight is then not a percentage."
    WEIGHTS_ZERO "MF0251" "weights that are all zero"
        "A route that sends nothing to anybody cannot be rendered: Envoy refuses a sum of zero."
    SAME_TARGET "MF0252" "duplicate target"
        "A route names the same node and port twice. Its weights add up, but somebody may have meant another."
    RETRY_TIMEOUT "MF0255" "retries longer than the request timeout"
        "The request timeout ends a request with all its retries. `perRetryTimeout` holds for the first try too, \
         so all tries together need `perRetryTimeout` times `maxRetries` plus one. Without a request timeout of \
         its own a route has 15 seconds."
    LISTENER_TIMEOUT "MF0256" "listener timeout shorter than the route's"
        "The shortest timeout on the way wins. A listener without a timeout of its own ends each request after \
         15 seconds, whatever the route allows."
    NO_RETRY_EVENTS "MF0257" "retry policy without events"
        "A retry policy says after what a request is tried again, with at least one event."
    RETRY_EVENT "MF0258" "unknown retry event"
        "HTTP retry events are `server-error`, `gateway-error`, `client-error` and `stream-error`. Envoy would \
         ignore another word without a sound."

    SAME_PRIORITY "MF0260" "duplicate route priority"
        "Routes of equal priority are tried in a fixed order (exact paths, regular expressions, longer prefixes \
         first, then more conditions, then names), but a priority that was written down was likely meant to \
         decide."
    UNREACHABLE "MF0261" "unreachable route"
        "An earlier route takes every request that this one matches. Routes are tried by priority, lower first, \
         those without one last."
    NEVER "MF0262" "match that is never true"
        "No request can match: a range that ends where it begins, or a path that does not begin with a slash."
    REGEX "MF0263" "invalid regular expression"
        "Envoy uses RE2, which has neither look-around nor back-references nor possessive repetition, and \
         repeats at most 1000 times. A proxy would refuse the whole configuration."
    REGEX_SIZE "MF0264" "large regular expression"
        "Every request is matched with the program that Envoy makes of a regular expression, and one of thousands \
         of instructions costs memory and time. App Mesh took 1000 instructions, over which this is a warning; over \
         10000 it is an error. The size is an estimate; character classes beyond ASCII and counted repetitions are \
         what makes it grow."
    NO_ROUTES "MF0265" "virtual router without routes"
        "A virtual service leads to a virtual router that has no route, so Envoy answers every request to it with 404."
    NOT_A_NAME "MF0266" "ARN or id where a name belongs"
        "Resources refer to each other by name. AWS's tools also give ARNs and ids: `Ref` in CloudFormation, `.arn` and \
         `.id` in Terraform. None of them is the name of anything, so what was meant would never be found. The help \
         says the name."

    SAME_TCP_PORT "MF0270" "services that only a port could tell apart"
        "With transparent interception a proxy knows of a TCP connection only where it goes to. Two TCP \
         services, or a TCP and an HTTP service, on one port cannot be told apart by one caller. Give one of \
         them another port, or intercept explicitly, with a port or an address for each."
    SAME_DOMAIN "MF0271" "duplicate service name"
        "Envoy compares hosts without regard to case and refuses two services of one name on one port."
    SAME_BACKEND "MF0272" "duplicate backend"
        "A virtual node names a backend twice. With different client policies, which of them holds would be \
         chance."

    TLS_UNUSED "MF0280" "TLS validation without TLS"
        "A listener whose TLS mode is `DISABLED` never sees a certificate, so what it says of callers' \
         certificates has no effect."
    TLS_PLAIN_TARGET "MF0281" "TLS to a listener without TLS"
        "A client policy demands TLS of a listener that does not speak it: every call fails, unless the \
         application itself ends TLS."
    TLS_UNVALIDATED "MF0282" "TLS without certificate verification"
        "A proxy encrypts calls to a listener with TLS even without a client policy, but then it takes any \
         certificate from a file or a secret. A client policy says whom to trust."
    TLS_NO_CLIENT_CERTIFICATE "MF0283" "missing client certificate"
        "A listener asks callers for a certificate, and the client policy of a caller has none: every call \
         fails."
    TLS_WILDCARD "MF0284" "wildcard name under an enforced policy"
        "Names in certificates are compared letter for letter, so a name with `*` is never found. App Mesh \
         allowed it only where TLS is not enforced."

    SAME_PROFILE "MF0290" "duplicate proxy profile"
        "A node or a gateway has at most one proxy profile, and a mesh at most one that names neither."
    PROFILE_PORT "MF0291" "profile for a port that the node does not listen on"
        "A proxy profile names the application's port behind a listener that the node does not have."
    NOTHING_LEAVES "MF0292" "blocked AWS endpoints"
        "Under `DROP_ALL` App Mesh let connections to `*.amazonaws.com` on port 443 pass; meshform lets out only what \
         is named. With transparent interception an application that calls SQS, S3 or STS would find its connections \
         closed. List the names in a profile's `egressSniAllowed`, or in the extension `egress` of the mesh or the \
         node; a name that no one asks for, such as `none.invalid`, says that nothing is to leave."

    EXTENSION_PORT "MF0295" "extension for a missing listener"
        "The `extensions` of a node or gateway say something of a listener by its port. Each port must be that \
         of a listener, and stand there once."
    EXTENSION_UNUSED "MF0296" "extension without effect"
        "TCP has neither headers nor retries, so limits on headers and pauses between tries do nothing there."
    RETRY_PAUSES "MF0297" "retry back-off with a maximum below its base"
        "The pause before a retry is random, up to a limit that begins with `baseInterval` and grows to \
         `maxInterval`, which therefore cannot be the smaller one."

    ADDRESS "MF0307" "invalid IP address"
        "Envoy opens its listeners and its admin endpoint on IP addresses and asks DNS for none of them; so it is with \
         endpoints, with the application behind a listener, and with X-Ray's and statistics' agents. Interception ignores \
         addresses and blocks of them (`ignoredAddresses`), and no names."

    INVALID_MESH "MF0510" "invalid mesh"
        "Something that was written breaks a rule of the mesh, or names what is not there. Everything written is in the \
         store, but no release is made of it: running proxies keep the one that they have. The message lists what is \
         wrong, as the last attempt to release found it; the next write that makes the mesh valid is released with all \
         that waited. `meshform compile` makes no configuration from such a mesh either."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_sorted_and_explained() {
        for pair in CODES.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} {}", pair[0].code, pair[1].code);
        }
        for info in CODES {
            // The last two are made elsewhere too, and keep their numbers.
            assert!(
                info.code.0.starts_with("MF02") || [ADDRESS, INVALID_MESH].contains(&info.code),
                "{}",
                info.code
            );
            assert!(info.explanation.ends_with('.'), "{}", info.code);
            assert!(!info.title.ends_with('.'), "{}", info.code);
        }
    }
}
