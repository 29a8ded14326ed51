//! The codes of problems on the way from a mesh to Envoy.

pub use meshform_model::codes::INVALID_MESH;

meshform_model::codes! {
    CLOUD_MAP = "MF0302", "Cloud Map discovery without endpoints",
        "App Mesh's control plane asked Cloud Map itself. Envoy cannot, and DNS does not know Cloud Map's \
         attributes, so it is never used in its place silently. `meshform-agent endpoints`, one for each mesh, looks \
         addresses up and writes them where proxies read. The warning stays until it has done so for the node within the last \
         5 minutes: until then callers have no address of the node, and answer 503. Where there is no poller, list the \
         addresses under `endpoints` in a proxy profile. To the static configuration of a task nobody brings addresses: \
         there it is an error.";
    TCP_NEEDS_PORT = "MF0303", "TCP backend without a loopback port",
        "With explicit interception a TCP connection carries no name. Declare under `interception.explicit.services` \
         of the proxy profile on which loopback port Envoy listens for this virtual service.";
    CERTIFICATE_SOURCE = "MF0304", "certificate without a source",
        "App Mesh took certificates of ACM and put them into proxies. A stock Envoy needs files or an SDS server: \
         say under `certificates` of the proxy profile what stands behind the ARN.";
    SDS_SOCKET = "MF0305", "missing SDS socket path",
        "A certificate comes from SDS, but the proxy profile has no `sdsSocketPath`, the Unix socket of the SDS \
         server on the proxy's host.";
    APP_PORT = "MF0306", "missing application port",
        "With explicit interception Envoy takes the listener's port from the network and hands requests on to the \
         application, which must therefore listen elsewhere: `inbound.appPorts` of the proxy profile says where.";
    SOCKET_CLASH = "MF0308", "duplicate listening socket",
        "Two listening sockets beside one proxy, of Envoy or of the application, would take the same connections; only \
         one could be opened. `0.0.0.0` takes every address of IPv4, `::` with an IP preference those of both families.";
    ENVOY_VERSION = "MF0309", "unsupported range of Envoy versions",
        "meshform writes for Envoy 1.34 (the last that App Mesh shipped) to 1.40.";
    TOO_NEW = "MF0310", "feature newer than the oldest Envoy of the range",
        "The profile's `envoyVersion` says which Envoys must understand the configuration, from 1.34 where it says \
         nothing. A command operator of an access log that the oldest of them does not know would keep it from \
         starting.";
    TRUST = "MF0311", "trusted certificates in several files",
        "Envoy reads trusted certificates from one file. Put the authorities into one bundle and name it for each \
         of the ARNs.";
    NO_AGENT = "MF0312", "certificate of ACM without an agent to export it",
        "The source `acm` of a proxy profile means that `meshform-agent` beside the proxy takes the certificate from ACM and \
         writes the files that Envoy reads. Where no agent is, as with a static configuration, a plain Envoy or one that has \
         its configuration by ADS, nobody writes them, and Envoy refuses the listener or cluster for want of them. Run the \
         proxy with the agent, or say in the profile which files or which SDS secret stand for the ARN.";
    NO_PROXY = "MF0320", "unknown proxy",
        "Only virtual nodes and virtual gateways have proxies.";
    NO_CONTROL_PLANE = "MF0321", "missing control plane address",
        "A bootstrap for a control plane needs its address: `controlPlane` of the proxy profile.";
    NOT_SENDABLE = "MF0322", "request that no client can send",
        "A question about the way of a request names a method, host, path, scheme, port or header that HTTP does not carry, \
         so no Envoy would ever be asked it, or one that Envoy refuses before it looks at a route. The message says what is \
         wrong with it.";
    PAUSES_DO_NOT_FIT = "MF0330", "request timeout shorter than retries and back-off",
        "The request timeout counts all tries and the pauses between them together. Raise `perRequest` of the route, \
         or set it to zero.";
    INBOUND_NOT_PROXIED = "MF0331", "listener settings that are not enforced",
        "With explicit interception and no `inbound.appPorts` entry for the listener the application itself takes \
         the port, and Envoy only serves what the application calls. Timeouts and connection pools of the listener \
         then have no effect.";
    ALLOW_ALL_EXPLICIT = "MF0332", "outbound traffic that bypasses the proxy",
        "With explicit interception Envoy gets only what applications send to it. What is no backend leaves without \
         it, whatever the mesh's egress filter says; through the common listener a name that is no backend gets 404, \
         with `ALLOW_ALL` too.";
    INTERNAL = "MF0399", "internal error",
        "A message for Envoy could not be written, or a command failed by itself (exit status 101). That is no fault of \
         the input. Please report it with the message, and the input if you may.";
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
