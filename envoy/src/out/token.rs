//! The token with which a proxy asks a control plane: put into each request by a filter of the control plane's cluster. It
//! lies in a file that Envoy reads again when another is renamed over it.

use super::cluster::HTTP_OPTIONS;
use meshform_envoy_api::any;
use meshform_envoy_api::envoy::config::cluster::v3::Cluster;
use meshform_envoy_api::envoy::config::core::v3 as core;
use meshform_envoy_api::envoy::extensions::filters::http::credential_injector::v3::CredentialInjector;
use meshform_envoy_api::envoy::extensions::filters::http::upstream_codec::v3::UpstreamCodec;
use meshform_envoy_api::envoy::extensions::filters::network::http_connection_manager::v3 as hcm;
use meshform_envoy_api::envoy::extensions::http::injected_credentials::generic::v3::Generic;
use meshform_envoy_api::envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig;
use meshform_envoy_api::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use meshform_envoy_api::prost::Message as _;
use meshform_envoy_api::prost_types::Any;
use std::path::Path;

/// The name of the secret in the file.
const SECRET: &str = "xds_token";

/// Lets a cluster send the token of a file.
pub(crate) fn inject(cluster: &mut Cluster, file: &str) {
    let kept = cluster.typed_extension_protocol_options.get(HTTP_OPTIONS);
    let options = kept.and_then(|kept| HttpProtocolOptions::decode(kept.value.as_slice()).ok());
    let options = HttpProtocolOptions {
        http_filters: filters(file),
        ..options.unwrap_or_default()
    };
    cluster
        .typed_extension_protocol_options
        .insert(HTTP_OPTIONS.to_owned(), any(&options));
}

fn filters(file: &str) -> Vec<hcm::HttpFilter> {
    let folder = Path::new(file).parent().unwrap_or_else(|| Path::new("/"));
    let source = core::PathConfigSource {
        path: file.to_owned(),
        watched_directory: Some(core::WatchedDirectory {
            path: folder.to_string_lossy().into_owned(),
        }),
    };
    let secret = SdsSecretConfig {
        name: SECRET.to_owned(),
        sds_config: Some(core::ConfigSource {
            resource_api_version: core::ApiVersion::V3 as i32,
            config_source_specifier: Some(core::config_source::ConfigSourceSpecifier::PathConfigSource(
                source,
            )),
            ..Default::default()
        }),
    };
    let injector = CredentialInjector {
        overwrite: true,
        // A control plane that refuses says why in the log; a request that is never sent says nothing.
        allow_request_without_credential: true,
        credential: Some(core::TypedExtensionConfig {
            name: "envoy.http.injected_credentials.generic".to_owned(),
            typed_config: Some(any(&Generic {
                credential: Some(secret),
                header: String::new(),
            })),
        }),
    };
    vec![
        filter("envoy.filters.http.credential_injector", any(&injector)),
        filter("envoy.filters.http.upstream_codec", any(&UpstreamCodec {})),
    ]
}

fn filter(name: &str, config: Any) -> hcm::HttpFilter {
    hcm::HttpFilter {
        name: name.to_owned(),
        config_type: Some(hcm::http_filter::ConfigType::TypedConfig(config)),
        ..Default::default()
    }
}
