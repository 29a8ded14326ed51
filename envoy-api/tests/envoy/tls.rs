//! TLS on both sides: certificates in place, from files and from a secret service.

use meshform_envoy_api::envoy::config::core::v3::api_config_source::ApiType;
use meshform_envoy_api::envoy::config::core::v3::{
    ApiConfigSource, ConfigSource, GrpcService, HeaderValue,
    config_source::ConfigSourceSpecifier,
    grpc_service::{EnvoyGrpc, TargetSpecifier},
};
use meshform_envoy_api::envoy::extensions::transport_sockets::tls::v3::common_tls_context::{
    CombinedCertificateValidationContext, ValidationContextType,
};
use meshform_envoy_api::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, DownstreamTlsContext, SdsSecretConfig, Secret,
    SubjectAltNameMatcher, TlsCertificate, TlsParameters, UpstreamTlsContext, certificate_validation_context,
    downstream_tls_context::SessionTicketKeysType, secret,
};
use meshform_envoy_api::seconds;

use crate::make::{V3, exact, from_file, inline};

/// A self-signed certificate and its key.
pub(crate) struct Pem {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pem {
    pub(crate) fn new() -> Self {
        let signed = rcgen::generate_simple_self_signed(["one.example".to_owned()]).unwrap();
        Self {
            certificate: signed.cert.pem(),
            key: signed.signing_key.serialize_pem(),
        }
    }
}

fn certificate(pem: &Pem) -> TlsCertificate {
    TlsCertificate {
        certificate_chain: Some(inline(&pem.certificate)),
        private_key: Some(inline(&pem.key)),
        ..TlsCertificate::default()
    }
}

fn trust(pem: &Pem) -> CertificateValidationContext {
    CertificateValidationContext {
        trusted_ca: Some(inline(&pem.certificate)),
        match_typed_subject_alt_names: vec![SubjectAltNameMatcher {
            san_type: 2,
            matcher: Some(exact("one.example")),
            oid: String::new(),
        }],
        max_verify_depth: Some(3),
        ..CertificateValidationContext::default()
    }
}

fn over_ads_like_service(name: &str) -> SdsSecretConfig {
    let service = GrpcService {
        target_specifier: Some(TargetSpecifier::EnvoyGrpc(EnvoyGrpc {
            cluster_name: "secrets".into(),
            authority: "secrets".into(),
            max_receive_message_length: Some(1_048_576),
        })),
        timeout: Some(seconds(5)),
        initial_metadata: vec![HeaderValue {
            key: "x-mesh".into(),
            value: "apps".into(),
        }],
    };
    SdsSecretConfig {
        name: name.into(),
        sds_config: Some(ConfigSource {
            resource_api_version: V3,
            config_source_specifier: Some(ConfigSourceSpecifier::ApiConfigSource(ApiConfigSource {
                api_type: ApiType::Grpc.into(),
                transport_api_version: V3,
                grpc_services: vec![service],
                ..ApiConfigSource::default()
            })),
            ..ConfigSource::default()
        }),
    }
}

/// What a client checks and shows.
pub(crate) fn upstream(pem: &Pem) -> UpstreamTlsContext {
    UpstreamTlsContext {
        common_tls_context: Some(CommonTlsContext {
            tls_params: Some(TlsParameters {
                tls_minimum_protocol_version: 3,
                tls_maximum_protocol_version: 4,
                cipher_suites: vec!["ECDHE-ECDSA-AES128-GCM-SHA256".into()],
                ecdh_curves: vec!["P-256".into()],
                signature_algorithms: vec![],
            }),
            tls_certificates: vec![certificate(pem)],
            validation_context_type: Some(ValidationContextType::ValidationContext(trust(pem))),
            alpn_protocols: vec!["h2".into(), "http/1.1".into()],
            ..CommonTlsContext::default()
        }),
        sni: "one.example".into(),
        max_session_keys: Some(1),
        ..UpstreamTlsContext::default()
    }
}

/// A client that trusts what the system trusts.
pub(crate) fn system_trust() -> UpstreamTlsContext {
    UpstreamTlsContext {
        common_tls_context: Some(CommonTlsContext {
            validation_context_type: Some(ValidationContextType::ValidationContext(
                CertificateValidationContext {
                    system_root_certs: Some(certificate_validation_context::SystemRootCerts {}),
                    ..CertificateValidationContext::default()
                },
            )),
            ..CommonTlsContext::default()
        }),
        auto_host_sni: true,
        ..UpstreamTlsContext::default()
    }
}

/// A server that wants a client's certificate; its own comes from a file, whom to trust from a service.
pub(crate) fn downstream(directory: &str, pem: &Pem) -> DownstreamTlsContext {
    let combined = CombinedCertificateValidationContext {
        default_validation_context: Some(CertificateValidationContext {
            trusted_ca: None,
            ..trust(pem)
        }),
        validation_context_sds_secret_config: Some(over_ads_like_service("authorities")),
    };
    DownstreamTlsContext {
        common_tls_context: Some(CommonTlsContext {
            tls_certificate_sds_secret_configs: vec![SdsSecretConfig {
                name: "server".into(),
                sds_config: from_file(&format!("{directory}/sds.json")),
            }],
            validation_context_type: Some(ValidationContextType::CombinedValidationContext(combined)),
            ..CommonTlsContext::default()
        }),
        require_client_certificate: Some(true),
        require_sni: Some(false),
        session_timeout: Some(seconds(3600)),
        session_ticket_keys_type: Some(SessionTicketKeysType::DisableStatelessSessionResumption(true)),
        ..DownstreamTlsContext::default()
    }
}

/// A server whose certificate comes from a file.
pub(crate) fn from_files(directory: &str) -> DownstreamTlsContext {
    DownstreamTlsContext {
        common_tls_context: Some(CommonTlsContext {
            tls_certificate_sds_secret_configs: vec![SdsSecretConfig {
                name: "server".into(),
                sds_config: from_file(&format!("{directory}/sds.json")),
            }],
            ..CommonTlsContext::default()
        }),
        ..DownstreamTlsContext::default()
    }
}

/// The certificate that the SDS file holds.
pub(crate) fn server_secret(pem: &Pem) -> Secret {
    Secret {
        name: "server".into(),
        r#type: Some(secret::Type::TlsCertificate(certificate(pem))),
    }
}

/// The secrets that the bootstrap itself holds.
pub(crate) fn secrets(pem: &Pem) -> Vec<Secret> {
    vec![
        server_secret(pem),
        Secret {
            name: "trust".into(),
            r#type: Some(secret::Type::ValidationContext(trust(pem))),
        },
    ]
}
