//! TLS at both ends, and secrets.
//!
//! Files come as SDS from a file, so that Envoy reads them again when they change; only the static form names them
//! directly.

use super::delivery::Delivery;
use crate::ir::tls::{ClientTls, Files, Secret, SecretRef, SecretSource, ServerTls, SubjectName, Validation};
use crate::resources::ResourceType;
use meshform_envoy_api::any;
use meshform_envoy_api::envoy::config::core::v3 as core;
use meshform_envoy_api::envoy::extensions::transport_sockets::tls::v3 as api;
use meshform_envoy_api::envoy::r#type::matcher::v3 as matcher;

/// The transport socket of a filter chain that terminates TLS.
pub(crate) fn server(tls: &ServerTls, delivery: &Delivery) -> core::TransportSocket {
    let mut common = common(&tls.alpn);
    certificate(&mut common, &tls.certificate, delivery);
    if let Some(clients) = &tls.clients {
        common.validation_context_type = Some(validation(clients, delivery));
    }
    transport_socket(&any(&api::DownstreamTlsContext {
        common_tls_context: Some(common),
        require_client_certificate: tls.clients.as_ref().map(|_| true),
        ..Default::default()
    }))
}

/// The transport socket of a cluster that is called by TLS.
pub(crate) fn client(tls: &ClientTls, delivery: &Delivery) -> core::TransportSocket {
    let mut common = common(&tls.alpn);
    if let Some(own) = &tls.certificate {
        certificate(&mut common, own, delivery);
    }
    common.validation_context_type = tls.validation.as_ref().map(|server| validation(server, delivery));
    transport_socket(&any(&api::UpstreamTlsContext {
        common_tls_context: Some(common),
        sni: tls.sni.clone(),
        ..Default::default()
    }))
}

/// A secret as a resource of its own.
pub(crate) fn secret(secret: &Secret) -> api::Secret {
    api::Secret {
        name: secret.name.clone(),
        r#type: Some(match &secret.files {
            Files::Identity {
                chain,
                key,
                passphrase,
            } => api::secret::Type::TlsCertificate(identity(chain, key, passphrase.as_deref())),
            Files::Trust { bundle } => api::secret::Type::ValidationContext(trust(bundle)),
        }),
    }
}

fn transport_socket(config: &meshform_envoy_api::prost_types::Any) -> core::TransportSocket {
    core::TransportSocket {
        name: "envoy.transport_sockets.tls".to_owned(),
        config_type: Some(core::transport_socket::ConfigType::TypedConfig(config.clone())),
    }
}

fn common(alpn: &[&str]) -> api::CommonTlsContext {
    api::CommonTlsContext {
        alpn_protocols: alpn.iter().map(|&name| name.to_owned()).collect(),
        ..Default::default()
    }
}

fn certificate(common: &mut api::CommonTlsContext, secret: &SecretRef, delivery: &Delivery) {
    match (&secret.source, delivery) {
        (
            SecretSource::Files(Files::Identity {
                chain,
                key,
                passphrase,
            }),
            Delivery::Inline,
        ) => {
            common
                .tls_certificates
                .push(identity(chain, key, passphrase.as_deref()));
        }
        _ => common
            .tls_certificate_sds_secret_configs
            .push(sds(secret, delivery)),
    }
}

/// Whose signature counts, and which names. Names stand beside the trust, since the trust may come from elsewhere.
fn validation(
    validation: &Validation,
    delivery: &Delivery,
) -> api::common_tls_context::ValidationContextType {
    use api::common_tls_context::{CombinedCertificateValidationContext, ValidationContextType};
    let names = validation.names.value.iter().map(subject_name).collect();
    match (&validation.trust.source, delivery) {
        (SecretSource::Files(Files::Trust { bundle }), Delivery::Inline) => {
            ValidationContextType::ValidationContext(api::CertificateValidationContext {
                match_typed_subject_alt_names: names,
                ..trust(bundle)
            })
        }
        _ => ValidationContextType::CombinedValidationContext(CombinedCertificateValidationContext {
            default_validation_context: Some(api::CertificateValidationContext {
                match_typed_subject_alt_names: names,
                ..Default::default()
            }),
            validation_context_sds_secret_config: Some(sds(&validation.trust, delivery)),
        }),
    }
}

fn subject_name(name: &SubjectName) -> api::SubjectAltNameMatcher {
    use api::subject_alt_name_matcher::SanType;
    let (kind, exact) = match name {
        SubjectName::Dns(name) => (SanType::Dns, name),
        SubjectName::Uri(uri) => (SanType::Uri, uri),
        SubjectName::Ip(address) => (SanType::IpAddress, address),
    };
    api::SubjectAltNameMatcher {
        san_type: kind as i32,
        matcher: Some(matcher::StringMatcher {
            match_pattern: Some(matcher::string_matcher::MatchPattern::Exact(exact.clone())),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn sds(secret: &SecretRef, delivery: &Delivery) -> api::SdsSecretConfig {
    use core::config_source::ConfigSourceSpecifier;
    let sds_config = match &secret.source {
        SecretSource::Files(_) => delivery.source(ResourceType::Secret, &secret.name),
        SecretSource::Sds => Some(core::ConfigSource {
            initial_fetch_timeout: None,
            resource_api_version: core::ApiVersion::V3 as i32,
            config_source_specifier: Some(ConfigSourceSpecifier::ApiConfigSource(core::ApiConfigSource {
                api_type: core::api_config_source::ApiType::Grpc as i32,
                transport_api_version: core::ApiVersion::V3 as i32,
                grpc_services: vec![super::grpc_service(crate::lower::names::SDS_CLUSTER)],
                set_node_on_first_message_only: true,
                ..Default::default()
            })),
        }),
    };
    api::SdsSecretConfig {
        name: secret.name.clone(),
        sds_config,
    }
}

fn identity(chain: &str, key: &str, passphrase: Option<&str>) -> api::TlsCertificate {
    api::TlsCertificate {
        certificate_chain: Some(file(chain)),
        private_key: Some(file(key)),
        password: passphrase.map(file),
        // Two files are read as one only where both lie in the watched directory.
        watched_directory: (parent(chain) == parent(key)).then(|| watched(chain)),
        ..Default::default()
    }
}

fn trust(bundle: &str) -> api::CertificateValidationContext {
    api::CertificateValidationContext {
        trusted_ca: Some(file(bundle)),
        watched_directory: Some(watched(bundle)),
        ..Default::default()
    }
}

fn file(path: &str) -> core::DataSource {
    core::DataSource {
        specifier: Some(core::data_source::Specifier::Filename(path.to_owned())),
        ..Default::default()
    }
}

fn watched(path: &str) -> core::WatchedDirectory {
    core::WatchedDirectory {
        path: parent(path).to_owned(),
    }
}

fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((parent, _)) => parent,
        None => ".",
    }
}
