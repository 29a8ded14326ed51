//! The codes of the rules of a mesh, with what the documentation says of each.

crate::codes! {
    SHAPE "MF0201" "unreadable spec"
        "The spec could not be parsed as that of its kind. Validation normally names the field and what it should \
         contain; this code remains for documents that were not validated first."
    NOTHING "MF0202" "mesh without resources"
        "There is no resource of the requested mesh, not even the mesh itself."
    SEVERAL_MESHES "MF0203" "resources of several meshes"
        "References work within one mesh only, so each mesh is processed on its own. Select one mesh."
    TWICE "MF0204" "duplicate resource"
        "Two resources have the same kind, parent and name. Remove one of them: which one takes effect would be \
         undefined."
    MISFIT "MF0205" "key and spec of different kinds"
        "A key must have the kind of its spec. The key of a route names its virtual router, and the key of a \
         gateway route its virtual gateway; other kinds have no parent."
    NAME "MF0206" "invalid resource name"
        "Names have 1 to 255 characters and contain no slash and no control character: they are part of ARNs, \
         import ids and paths, where a slash would make two different resources indistinguishable. The name of a \
         virtual service is what callers send in the `Host` header, so it also contains no spaces, and no `*`, \
         which would match other services' requests."
    ACCOUNT "MF0207" "invalid AWS account id"
        "AWS account ids, such as a mesh's owner, have exactly 12 digits."
    ARN "MF0208" "ARN of the wrong kind"
        "An ARN looks like `arn:partition:service:region:account:resource`. The ARN of a resource of the mesh \
         must name the resource itself and its owner."
    QUOTA "MF0209" "quota exceeded"
        "Quotas are off unless they are configured: in the provider's block `quotas`, or with `--quota` of \
         `meshform validate`, `compile`, `release`, `unpin` and `status`. They keep a mesh within what another \
         control plane accepts, or what a team has agreed on. A mesh over its quota is stored but not released: \
         proxies keep their last release. Raise the quota where it is configured, or remove resources."

    NO_MESH "MF0210" "missing mesh"
        "There are resources of a mesh, but not the mesh itself, which defines the egress filter. Nothing is \
         released until it exists."
    NO_PARENT "MF0211" "missing parent router or gateway"
        "A route belongs to a virtual router, a gateway route to a virtual gateway, and that parent does not \
         exist. Nothing is released until it does."
    NO_PROVIDER "MF0212" "missing provider of a virtual service"
        "A virtual service names a virtual node or a virtual router that does not exist. Callers would get errors, \
         so nothing is released until it exists."
    NO_TARGET "MF0213" "missing target of a route"
        "A route names a virtual node that does not exist. Its share of the requests would fail, so nothing is \
         released until the node exists or the target is removed. While a canary is being removed this is a normal \
         intermediate state: proxies stay on the previous release."
    NO_BACKEND "MF0214" "missing backend"
        "A virtual node calls a virtual service that does not exist. App Mesh accepted that, and the calls failed; \
         here nothing is released until the service exists or the backend is removed, so that replacing a service \
         does not briefly break its callers."
    NO_GATEWAY_TARGET "MF0215" "missing virtual service of a gateway route"
        "A gateway route names a virtual service that does not exist. Its requests would fail, so nothing is \
         released until it exists."
    NO_SUBJECT "MF0216" "proxy profile without its node or gateway"
        "A proxy profile names a node, a gateway or a service that does not exist. The profile, or that part of \
         it, has no effect."
    UNPROVIDED "MF0217" "backend without a provider"
        "A virtual service may have no provider, but its callers' proxies then answer every request with 404."

    SAME_LISTENER_PORT "MF0220" "duplicate listener port"
        "Each listener of a node, a router or a gateway needs its own port; otherwise connections could not be \
         told apart."
    NO_LISTENER "MF0221" "provider or target without a listener"
        "A virtual node without listeners can only make calls, and a virtual router without listeners has no port \
         to call. Neither can be the provider of a virtual service, and such a node cannot be the target of a \
         route."
    NO_DISCOVERY "MF0222" "route target without service discovery"
        "Requests are routed to a virtual node that has neither DNS nor Cloud Map discovery, and no proxy profile \
         lists its endpoints. Callers have no address to connect to."
    TIMEOUT_PROTOCOL "MF0223" "timeout for another protocol"
        "A listener's timeout is named after the listener's protocol: `http`, `http2`, `grpc` or `tcp`. A timeout \
         under another name would have no effect."
    POOL_PROTOCOL "MF0224" "connection pool for another protocol"
        "A listener's connection pool is named after the listener's protocol. A pool under another name would have \
         no effect."
    HEALTH_CHECK_PORT "MF0225" "health check on another port"
        "A health check probes the listener that it belongs to: its port must be the listener's, or be left out."
    HEALTH_CHECK_PROTOCOL "MF0226" "health check protocol that the listener does not speak"
        "A gRPC health check needs HTTP/2: Envoy rejects one on a listener that speaks `http` or `tcp`."
    LOGICAL_DNS "MF0227" "HTTP/2 through DNS with a single address"
        "Without `responseType: ENDPOINTS`, DNS discovery treats all addresses as one load balancer: each \
         connection goes to one address and stays there. HTTP/2 and gRPC use a single connection, so one instance \
         gets all of a caller's requests. If a load balancer does answer at that name, write `LOADBALANCER` \
         explicitly to silence the warning."
    OUTLIER_DNS "MF0228" "outlier detection without several instances"
        "Outlier detection ejects single instances. DNS discovery with `LOADBALANCER` (the default) treats all \
         addresses as one host, so detection has nothing to eject. Set `responseType: ENDPOINTS`."

    ROUTE_PROTOCOL "MF0230" "route of another protocol than its router"
        "The type of a route should match the router's listener: `httpRoute` for `http`, and so on. App Mesh \
         accepted others. Routes for HTTP, HTTP/2 and gRPC work on a listener of any of these. A TCP route on such \
         a listener, or an HTTP route on a `tcp` listener, has no effect beside routes of the listener's own \
         protocol; if all routes of a port are of another protocol, the port speaks that one."
    ROUTE_PORT_UNKNOWN "MF0231" "route port that the router does not listen on"
        "`match.port` of a route must be one of its router's listener ports: no request arrives at another."
    ROUTE_PORT_NEEDED "MF0232" "ambiguous port of a route"
        "When a virtual router has several listeners, each route selects one with `match.port`."
    TARGET_PORT_UNKNOWN "MF0233" "target port that the node does not listen on"
        "`port` of a weighted target must be one of the target's listener ports. App Mesh silently dropped such a \
         route."
    TARGET_PORT_NEEDED "MF0234" "ambiguous target port"
        "When a virtual node has several listeners, the target selects one with `port`."
    TARGET_PROTOCOL "MF0235" "target of another protocol"
        "The listener that a route sends to should speak the route's protocol. App Mesh accepted others. The \
         caller's proxy uses the protocol of the target's listener: HTTP/1.1 and HTTP/2 are converted into one \
         another, gRPC needs HTTP/2 end to end, and a `tcp` listener passes bytes through unchanged."
    GRPC_METHOD "MF0236" "gRPC method without service"
        "A gRPC path consists of the service and the method; a method alone matches nothing. Set `serviceName`."
    PATHLESS "MF0237" "match without a path"
        "The match of an HTTP route sets `prefix` or `path`; that of a gateway route may set `hostname` instead. \
         Without any of them it means the prefix `/`, so a match that is empty by mistake takes every request."

    LOG_FORMAT "MF0238" "invalid access log format"
        "In an access log format, `%` begins a command operator of Envoy such as `%START_TIME%` or \
         `%REQ(:METHOD)%`; a literal percent sign is written `%%`. Envoy would reject the whole listener because \
         of an unknown operator or malformed arguments. In a JSON format each key may occur once."
    DURATION "MF0239" "invalid duration"
        "Outlier detection needs an interval and an ejection time above zero, statistics are flushed every 1 ms to \
         5 minutes, and no duration exceeds 100 years: Envoy would reject the configuration."

    GATEWAY_PROTOCOL "MF0240" "gateway route of another protocol than its gateway"
        "The type of a gateway route must be that of the gateway's listener."
    GATEWAY_PORT_UNKNOWN "MF0241" "gateway route port that the gateway does not listen on"
        "`match.port` of a gateway route is one of its gateway's listener ports."
    GATEWAY_PORT_NEEDED "MF0242" "ambiguous port of a gateway route"
        "When a virtual gateway has several listeners, each gateway route selects one with `match.port`."
    SERVICE_PORT_UNKNOWN "MF0243" "target port that the virtual service does not have"
        "`target.port` of a gateway route must be one of the listener ports of the virtual service's provider."
    SERVICE_PORT_NEEDED "MF0244" "ambiguous service port of a gateway route"
        "When the provider of a virtual service has several listeners, the gateway route selects one with \
         `target.port`."
    SERVICE_PROTOCOL "MF0245" "gateway route to a TCP service"
        "A virtual gateway speaks HTTP and gRPC; it cannot send requests to a port that speaks plain TCP."

    TEXT "MF0246" "text that Envoy rejects"
        "App Mesh's API accepts the text, but Envoy would reject the configuration with it or never match it: an \
         empty name of a secret or of a query parameter, a line break in a header, a `*` within a host name, or a \
         Unix socket path or a host name that is too long."

    WEIGHTS_OVER "MF0250" "weights over 100"
        "App Mesh required weights to add up to at most 100. Weights are relative, so a larger sum works too, but \
         a weight is then no percentage."
    WEIGHTS_ZERO "MF0251" "weights that are all zero"
        "A route whose weights are all zero cannot be rendered: Envoy rejects a sum of zero."
    SAME_TARGET "MF0252" "duplicate target"
        "A route names the same node and port twice. The weights add up, but one of the two was probably meant to \
         be another target."
    RETRY_TIMEOUT "MF0255" "retries longer than the request timeout"
        "The request timeout covers a request with all its retries. `perRetryTimeout` applies to the first attempt \
         too, so all attempts together need `perRetryTimeout` times (`maxRetries` + 1). A route without a request \
         timeout has 15 seconds."
    LISTENER_TIMEOUT "MF0256" "listener timeout shorter than the route's"
        "The shortest timeout on the path of a request wins. A listener without a timeout of its own ends each \
         request after 15 seconds, whatever the route allows."
    NO_RETRY_EVENTS "MF0257" "retry policy without events"
        "A retry policy must list at least one event after which a request is retried."
    RETRY_EVENT "MF0258" "unknown retry event"
        "HTTP retry events are `server-error`, `gateway-error`, `client-error` and `stream-error`. Envoy would \
         silently ignore any other."

    SAME_PRIORITY "MF0260" "duplicate route priority"
        "Routes of equal priority are tried in a fixed order (exact paths, regular expressions, longer prefixes \
         first, then more conditions, then names), but a priority that was set explicitly was probably meant to \
         decide."
    UNREACHABLE "MF0261" "unreachable route"
        "An earlier route takes every request that this one matches. Routes are tried by priority, lowest first; \
         those without one come last."
    NEVER "MF0262" "match that is never true"
        "No request can match: an empty range, or a path that does not begin with a slash."
    REGEX "MF0263" "invalid regular expression"
        "Envoy uses RE2, which has no look-around, no back-references and no possessive quantifiers, and allows at \
         most 1000 repetitions. Envoy would reject the whole configuration."
    REGEX_SIZE "MF0264" "large regular expression"
        "Envoy compiles a regular expression into a program that runs for every request; thousands of instructions \
         cost memory and time. App Mesh allowed 1000 instructions: more than that is a warning, more than 10000 an \
         error. The size is an estimate; character classes beyond ASCII and counted repetitions make it grow most."
    NO_ROUTES "MF0265" "virtual router without routes"
        "A virtual service has a virtual router without routes as its provider, so Envoy answers every request to \
         it with 404."
    NOT_A_NAME "MF0266" "ARN or id where a name belongs"
        "Resources refer to each other by name. ARNs and ids, such as those from `Ref` in CloudFormation or `.arn` \
         and `.id` in Terraform, are not names, so the reference would never resolve. The help gives the name."

    SAME_TCP_PORT "MF0270" "services indistinguishable by port"
        "With transparent interception a proxy knows only the destination of a TCP connection. One caller cannot \
         tell two TCP services, or a TCP and an HTTP service, on the same port apart. Give one of them another \
         port, or use explicit interception, with a port or an address for each."
    SAME_DOMAIN "MF0271" "duplicate service name"
        "Envoy compares host names case-insensitively and rejects two services of the same name on one port."
    SAME_BACKEND "MF0272" "duplicate backend"
        "A virtual node lists a backend twice. If the client policies differ, which of them applies would be \
         undefined."

    TLS_UNUSED "MF0280" "TLS validation without TLS"
        "A listener whose TLS mode is `DISABLED` never sees a certificate, so its validation of client \
         certificates has no effect."
    TLS_PLAIN_TARGET "MF0281" "TLS to a listener without TLS"
        "A client policy enforces TLS to a listener that does not speak it: every call fails unless the \
         application itself terminates TLS."
    TLS_UNVALIDATED "MF0282" "TLS without certificate verification"
        "A proxy encrypts calls to a TLS listener even without a client policy, but it then accepts any \
         certificate where the listener's comes from a file or from SDS. Set a client policy that says which \
         authorities to trust."
    TLS_NO_CLIENT_CERTIFICATE "MF0283" "missing client certificate"
        "A listener requires a client certificate, and the client policy of a caller has none: every call fails."
    TLS_WILDCARD "MF0284" "wildcard name under an enforced policy"
        "Names in certificates are compared literally, so a name with `*` never matches. App Mesh allowed it only \
         where TLS is not enforced."

    SAME_PROFILE "MF0290" "duplicate proxy profile"
        "A node or a gateway has at most one proxy profile, and a mesh at most one default profile that names \
         neither."
    PROFILE_PORT "MF0291" "profile for a port that the node does not listen on"
        "A proxy profile gives the application's port for a listener that the node does not have."
    NOTHING_LEAVES "MF0292" "blocked AWS endpoints"
        "Under `DROP_ALL`, App Mesh let connections to `*.amazonaws.com` on port 443 pass; meshform lets out only \
         what is listed. With transparent interception, calls of an application to SQS, S3 or STS fail. List the \
         names in a profile's `egressSniAllowed`, or in the extension `egress` of the mesh or the node; a name \
         that nobody calls, such as `none.invalid`, states that nothing may leave."

    EXTENSION_PORT "MF0295" "extension for a missing listener"
        "The `extensions` of a node or gateway refer to listeners by port. Each port must be that of a listener, \
         and may occur once."
    EXTENSION_UNUSED "MF0296" "extension without effect"
        "TCP has neither headers nor retries, so limits on headers and retry back-off have no effect there."
    RETRY_PAUSES "MF0297" "retry back-off with a maximum below its base"
        "The pause before a retry is random, with an upper limit that grows from `baseInterval` to `maxInterval`. \
         Set `maxInterval` to `baseInterval` or more."

    ADDRESS "MF0307" "invalid IP address"
        "Envoy binds its listeners and its admin interface to IP addresses and resolves no names there; the same \
         holds for endpoints, for the application behind a listener, and for the X-Ray and StatsD agents. \
         `ignoredAddresses` of the interception accepts addresses and CIDR blocks, but no names."

    INVALID_MESH "MF0510" "invalid mesh"
        "A resource breaks a rule of the mesh, or refers to one that does not exist. Everything written is in the \
         store, but it is not released: running proxies keep their current release. The message lists the \
         problems, as the last attempt to release found them; the next write that makes the mesh valid releases \
         all pending changes. `meshform compile` makes no configuration from such a mesh either."
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
