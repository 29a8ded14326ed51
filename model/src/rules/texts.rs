//! Texts that App Mesh took, or never saw, and that Envoy refuses: names without a letter, characters that no header
//! may have, names that are longer than their place.

use super::{Findings, codes, named};
use crate::key::ResourceKey;
use crate::path::Path;
use crate::resource::Resource;
use crate::spec::{
    ClientCertificate, ClientPolicy, GatewayRouteRule, GatewayRouteSpec, HostnameMatch, HttpQueryParameter,
    HttpRouteHeader, ListenerCertificate, ListenerTls, ProxyProfileSpec, RouteRule, RouteSpec,
    ServiceDiscovery, VirtualGatewaySpec, VirtualNodeSpec,
};

/// What the path of a Unix socket may have; the system keeps 108 with the zero at the end.
const SOCKET_PATH: usize = 107;

/// The longest server name that TLS can ask for, which is also the longest host name that DNS has.
const HOST_NAME: usize = 255;

pub(super) fn node(node: &Resource<VirtualNodeSpec>, report: &mut Findings) {
    let at = TextChecker(&node.key);
    for (i, listener) in node.spec.listeners.iter().enumerate() {
        let path = || VirtualNodeSpec::path().listeners().at(i);
        at.listener_tls(|| path().tls(), listener.tls.as_ref(), report);
        if let Some(check) = &listener.health_check
            && let Some(text) = &check.path
        {
            let field = path().health_check().path();
            at.present(
                &field,
                text,
                "give a path such as `/ping`, or leave it out for `/`",
                report,
            );
            at.plain(&field, text, report);
        }
    }
    let defaults = node.spec.backend_defaults.as_ref();
    let policy = defaults.and_then(|defaults| defaults.client_policy.as_ref());
    let path = || VirtualNodeSpec::path().backend_defaults().client_policy();
    at.policy(path, policy, report);
    for (i, backend) in node.spec.backend_services().enumerate() {
        let path = || {
            VirtualNodeSpec::path()
                .backends()
                .at(i)
                .virtual_service()
                .client_policy()
        };
        at.policy(path, backend.client_policy.as_ref(), report);
    }
    at.discovery(node.spec.service_discovery.as_ref(), report);
}

pub(super) fn gateway(gateway: &Resource<VirtualGatewaySpec>, report: &mut Findings) {
    let at = TextChecker(&gateway.key);
    for (i, listener) in gateway.spec.listeners.iter().enumerate() {
        let path = || VirtualGatewaySpec::path().listeners().at(i).tls();
        at.listener_tls(path, listener.tls.as_ref(), report);
    }
    let defaults = gateway.spec.backend_defaults.as_ref();
    let policy = defaults.and_then(|defaults| defaults.client_policy.as_ref());
    let path = || VirtualGatewaySpec::path().backend_defaults().client_policy();
    at.policy(path, policy, report);
}

pub(super) fn route(route: &Resource<RouteSpec>, report: &mut Findings) {
    let at = TextChecker(&route.key);
    let rule = &route.spec.rule;
    let path = || RouteSpec::path().rule(rule).r#match();
    match rule {
        RouteRule::Http(http) | RouteRule::Http2(http) => {
            at.headers(|| path().headers(), &http.r#match.headers, report);
            at.query(
                || path().query_parameters(),
                &http.r#match.query_parameters,
                report,
            );
        }
        RouteRule::Grpc(grpc) => at.headers(|| path().metadata(), &grpc.r#match.metadata, report),
        RouteRule::Tcp(_) => {}
    }
}

pub(super) fn gateway_route(route: &Resource<GatewayRouteSpec>, report: &mut Findings) {
    let at = TextChecker(&route.key);
    let rule = &route.spec.rule;
    let path = || GatewayRouteSpec::path().rule(rule).r#match();
    match rule {
        GatewayRouteRule::Http(http) | GatewayRouteRule::Http2(http) => {
            at.headers(|| path().headers(), &http.r#match.headers, report);
            at.query(
                || path().query_parameters(),
                &http.r#match.query_parameters,
                report,
            );
            let action = || GatewayRouteSpec::path().rule(rule).action().rewrite();
            let rewrite = http.action.rewrite.as_ref();
            if let Some(exact) = rewrite.and_then(|rewrite| rewrite.path.as_ref()?.exact.as_ref()) {
                at.plain(&action().path().exact(), exact, report);
            }
            if let Some(value) = rewrite.and_then(|rewrite| rewrite.prefix.as_ref()?.value.as_ref()) {
                at.plain(&action().prefix().value(), value, report);
            }
        }
        GatewayRouteRule::Grpc(grpc) => {
            at.headers(|| path().metadata(), &grpc.r#match.metadata, report);
        }
    }
    match rule.hostname() {
        Some(HostnameMatch::Exact(host)) => at.host(&path().hostname().exact(), host, report),
        Some(HostnameMatch::Suffix(host)) => at.host(&path().hostname().suffix(), host, report),
        None => {}
    }
}

pub(super) fn profile(profile: &Resource<ProxyProfileSpec>, report: &mut Findings) {
    let at = TextChecker(&profile.key);
    if let Some(path) = &profile.spec.sds_socket_path
        && path.len() > SOCKET_PATH
    {
        let what = format!(
            "the path of a Unix socket has at most {SOCKET_PATH} bytes, and this one has {}",
            path.len()
        );
        at.refuse(
            &ProxyProfileSpec::path().sds_socket_path(),
            what,
            "let the SDS server listen at a shorter path",
            report,
        );
    }
    for (i, name) in profile.spec.egress_sni_allowed.iter().enumerate() {
        let rest = name.strip_prefix("*.").unwrap_or(name);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if rest.is_empty() || !rest.chars().all(plain) {
            at.refuse(
                &ProxyProfileSpec::path().egress_sni_allowed().at(i),
                format!("`{name}` is not a server name"),
                "write a host name, with `*.` at most at its beginning, such as `*.amazonaws.com`",
                report,
            );
        }
    }
}

/// A resource whose texts are looked at.
struct TextChecker<'a>(&'a ResourceKey);

impl TextChecker<'_> {
    fn refuse(&self, path: &Path<String>, what: String, help: &str, report: &mut Findings) {
        report.error(
            codes::TEXT,
            (self.0, path),
            format!("{what} ({})", named(self.0)),
            help,
        );
    }

    fn present(&self, path: &Path<String>, text: &str, help: &str, report: &mut Findings) {
        if text.is_empty() {
            self.refuse(
                path,
                "the text is empty, which Envoy refuses here".to_owned(),
                help,
                report,
            );
        }
    }

    /// What stands in a header has no ends of lines and no zero.
    fn plain(&self, path: &Path<String>, text: &str, report: &mut Findings) {
        if let Some(c) = text.chars().find(|c| matches!(c, '\0' | '\r' | '\n')) {
            let what = format!("the text contains {c:?}, which a header cannot have");
            self.refuse(path, what, "take it out", report);
        }
    }

    fn headers(
        &self,
        path: impl Fn() -> Path<Vec<HttpRouteHeader>>,
        headers: &[HttpRouteHeader],
        report: &mut Findings,
    ) {
        for (i, header) in headers.iter().enumerate() {
            self.plain(&path().at(i).name(), &header.name, report);
        }
    }

    fn query(
        &self,
        path: impl Fn() -> Path<Vec<HttpQueryParameter>>,
        parameters: &[HttpQueryParameter],
        report: &mut Findings,
    ) {
        for (i, parameter) in parameters.iter().enumerate() {
            self.present(
                &path().at(i).name(),
                &parameter.name,
                "name the parameter, or remove the condition",
                report,
            );
        }
    }

    /// A host of a gateway route, which a `*` may begin: `*.example.com` is another way to write a suffix.
    fn host(&self, path: &Path<String>, host: &str, report: &mut Findings) {
        self.plain(path, host, report);
        if host.strip_prefix('*').unwrap_or(host).contains('*') {
            self.refuse(
                path,
                format!("`{host}` is not a host name: `*` has no meaning there"),
                "write hosts out, use `suffix` for all that end alike, or leave `hostname` out for every host",
                report,
            );
        }
    }

    fn listener_tls(
        &self,
        path: impl FnOnce() -> Path<ListenerTls>,
        tls: Option<&ListenerTls>,
        report: &mut Findings,
    ) {
        if let Some(ListenerCertificate::Sds(sds)) = tls.map(|tls| &tls.certificate) {
            let path = path().certificate().sds().secret_name();
            self.secret(&path, &sds.secret_name, report);
        }
    }

    fn policy(
        &self,
        path: impl FnOnce() -> Path<ClientPolicy>,
        policy: Option<&ClientPolicy>,
        report: &mut Findings,
    ) {
        let certificate = policy.and_then(|policy| policy.tls.as_ref()?.certificate.as_ref());
        if let Some(ClientCertificate::Sds(sds)) = certificate {
            let path = path().tls().certificate().sds().secret_name();
            self.secret(&path, &sds.secret_name, report);
        }
    }

    fn secret(&self, path: &Path<String>, name: &str, report: &mut Findings) {
        self.present(path, name, "name the secret as the SDS server knows it", report);
    }

    fn discovery(&self, discovery: Option<&ServiceDiscovery>, report: &mut Findings) {
        let Some(discovery) = discovery else { return };
        let name = discovery.name();
        let path = VirtualNodeSpec::path().service_discovery();
        let path = match discovery {
            ServiceDiscovery::Dns(_) => path.dns().hostname(),
            ServiceDiscovery::AwsCloudMap(_) => path.aws_cloud_map().service_name(),
        };
        self.plain(&path, &name, report);
        if name.len() > HOST_NAME {
            let what = format!(
                "the host name has {} bytes; TLS and DNS allow {HOST_NAME}",
                name.len()
            );
            self.refuse(&path, what, "give a shorter name", report);
        }
    }
}
