//! The codes of problems on the way from a mesh to Envoy.

pub use meshform_model::codes::INVALID_MESH;

meshform_model::codes! {
    CLOUD_MAP "MF0302" "Cloud Map discovery without endpoints"
        "App Mesh's control plane queried Cloud Map itself. Envoy cannot, and DNS does not know Cloud Map's \
         attributes, so it is never silently used instead. Run `meshform-agent endpoints`, one per mesh: it looks \
         addresses up and writes them where proxies read them. The warning stays until it has done so for the node \
         within the last 5 minutes; until then callers have no address of the node and answer 503. Without a \
         poller, list the addresses under `endpoints` in a proxy profile. For a static configuration this is an \
         error, because nothing updates its addresses."
    TCP_NEEDS_PORT "MF0303" "TCP backend without a loopback port"
        "With explicit interception a TCP connection carries no service name. Declare under \
         `interception.explicit.services` of the proxy profile on which loopback port Envoy listens for this \
         virtual service."
    CERTIFICATE_SOURCE "MF0304" "certificate without a source"
        "App Mesh fetched certificates from ACM and delivered them to proxies. Envoy itself needs files or an SDS \
         server: map the ARN to its source under `certificates` of the proxy profile."
    SDS_SOCKET "MF0305" "missing SDS socket path"
        "A certificate comes from SDS, but the proxy profile has no `sdsSocketPath`, the Unix socket of the SDS \
         server on the proxy's host."
    APP_PORT "MF0306" "missing application port"
        "With explicit interception Envoy takes the listener's port on the network and forwards requests to the \
         application, which must listen on another port: set it in `inbound.appPorts` of the proxy profile."
    SOCKET_CLASH "MF0308" "duplicate listening socket"
        "Two listening sockets of one proxy, of Envoy or of the application, overlap; only one of them could be \
         opened. `0.0.0.0` covers every IPv4 address, and `::` with an IP preference every address of both \
         families."
    ENVOY_VERSION "MF0309" "unsupported range of Envoy versions"
        "meshform writes for Envoy 1.34 (the last that App Mesh shipped) to 1.40."
    TOO_NEW "MF0310" "feature newer than the oldest Envoy of the range"
        "The profile's `envoyVersion` says which Envoy versions must understand the configuration, from 1.34 by \
         default. A command operator in an access log that the oldest of them does not know would keep it from \
         starting."
    TRUST "MF0311" "trusted certificates in several files"
        "Envoy reads trusted certificates from a single file. Put the authorities into one bundle and use it for \
         each of the ARNs."
    NO_AGENT "MF0312" "ACM certificate without an agent"
        "The source `acm` of a proxy profile means that `meshform-agent` beside the proxy exports the certificate \
         from ACM and writes the files that Envoy reads. Without an agent (a static configuration, Envoy alone, or \
         ADS) nobody writes them, and Envoy rejects the listener or cluster. Run the proxy with the agent, or map \
         the ARN to files or an SDS secret in the profile."
    NO_PROXY "MF0320" "unknown proxy"
        "Only virtual nodes and virtual gateways have proxies."
    NO_CONTROL_PLANE "MF0321" "missing control plane address"
        "A bootstrap for a control plane needs its address: `controlPlane` of the proxy profile."
    NOT_SENDABLE "MF0322" "invalid route request"
        "The request whose route is asked for has a method, host, path, scheme, port or header that HTTP does not \
         allow, or that Envoy rejects before it evaluates routes. The message names the part."
    PAUSES_DO_NOT_FIT "MF0330" "request timeout shorter than retries and back-off"
        "The request timeout covers all attempts and the pauses between them. Raise `perRequest` of the route, or \
         set it to zero."
    INBOUND_NOT_PROXIED "MF0331" "listener settings that are not enforced"
        "With explicit interception and no `inbound.appPorts` entry for the listener, the application itself binds \
         the port and Envoy serves outbound traffic only. Timeouts and connection pools of the listener then have \
         no effect."
    ALLOW_ALL_EXPLICIT "MF0332" "outbound traffic that bypasses the proxy"
        "With explicit interception Envoy only gets what applications send to it. Other traffic bypasses it, \
         whatever the mesh's egress filter says; on the shared listener a name that is no backend gets 404, with \
         `ALLOW_ALL` too."
    INTERNAL "MF0399" "internal error"
        "A message for Envoy could not be encoded, or a command crashed (exit status 101). The input is not at \
         fault. Please report it with the message, and with the input if you may share it."
}

#[cfg(test)]
mod tests {
    use super::CODES;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_of_the_compilers_range_and_stands_once() {
        let all: BTreeSet<_> = CODES.iter().map(|info| info.code).collect();
        assert_eq!(all.len(), CODES.len());
        for info in CODES {
            assert!(info.code.0.starts_with("MF03"), "{}", info.code);
            assert!(
                !info.title.ends_with('.') && info.explanation.ends_with('.'),
                "{}",
                info.code
            );
        }
    }
}
