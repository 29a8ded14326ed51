//! Short forms for what the examples write often.

use meshform_envoy_api::envoy::config::accesslog::v3::{AccessLog, access_log};
use meshform_envoy_api::envoy::config::core::v3::{
    Address, ConfigSource, DataSource, HeaderValue, HeaderValueOption, PathConfigSource,
    RuntimeFractionalPercent, SocketAddress, TransportSocket, TypedExtensionConfig, WatchedDirectory,
    address, config_source, data_source, socket_address, transport_socket,
};
use meshform_envoy_api::envoy::extensions::access_loggers::stream::v3::StdoutAccessLog;
use meshform_envoy_api::envoy::r#type::matcher::v3::{StringMatcher, string_matcher::MatchPattern};
use meshform_envoy_api::envoy::r#type::v3::FractionalPercent;
use meshform_envoy_api::prost_types::Struct;
use meshform_envoy_api::{any, structure};
use prost::{Message, Name};

/// `ApiVersion::V3`, as fields hold it.
pub(crate) const V3: i32 = 2;

pub(crate) fn address(host: &str, port: u32) -> Option<Address> {
    Some(Address {
        address: Some(address::Address::SocketAddress(socket(host, port))),
    })
}

pub(crate) fn socket(host: &str, port: u32) -> SocketAddress {
    SocketAddress {
        address: host.into(),
        port_specifier: Some(socket_address::PortSpecifier::PortValue(port)),
        ..SocketAddress::default()
    }
}

pub(crate) fn text(pattern: MatchPattern) -> StringMatcher {
    StringMatcher {
        match_pattern: Some(pattern),
        ..StringMatcher::default()
    }
}

pub(crate) fn exact(value: &str) -> StringMatcher {
    text(MatchPattern::Exact(value.into()))
}

pub(crate) fn inline(value: &str) -> DataSource {
    DataSource {
        specifier: Some(data_source::Specifier::InlineString(value.into())),
        watched_directory: None,
    }
}

pub(crate) fn object(json: serde_json::Value) -> Struct {
    structure(json.as_object().unwrap())
}

pub(crate) fn share(percent: u32) -> FractionalPercent {
    FractionalPercent {
        numerator: percent,
        denominator: 0,
    }
}

pub(crate) fn runtime_share(percent: u32) -> Option<RuntimeFractionalPercent> {
    Some(RuntimeFractionalPercent {
        default_value: Some(share(percent)),
        runtime_key: "example.share".into(),
    })
}

pub(crate) fn header(key: &str, value: &str) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: key.into(),
            value: value.into(),
        }),
        append_action: 2,
        keep_empty_value: true,
    }
}

pub(crate) fn extension<M: Message + Name>(name: &str, message: &M) -> TypedExtensionConfig {
    TypedExtensionConfig {
        name: name.into(),
        typed_config: Some(any(message)),
    }
}

pub(crate) fn transport<M: Message + Name>(name: &str, message: &M) -> Option<TransportSocket> {
    Some(TransportSocket {
        name: name.into(),
        config_type: Some(transport_socket::ConfigType::TypedConfig(any(message))),
    })
}

pub(crate) fn from_file(path: &str) -> Option<ConfigSource> {
    let directory = path.rsplit_once('/').unwrap().0;
    Some(ConfigSource {
        resource_api_version: V3,
        initial_fetch_timeout: Some(meshform_envoy_api::seconds(0)),
        config_source_specifier: Some(config_source::ConfigSourceSpecifier::PathConfigSource(
            PathConfigSource {
                path: path.into(),
                watched_directory: Some(WatchedDirectory {
                    path: directory.into(),
                }),
            },
        )),
    })
}

pub(crate) fn log<M: Message + Name>(name: &str, message: &M) -> AccessLog {
    AccessLog {
        name: name.into(),
        filter: None,
        config_type: Some(access_log::ConfigType::TypedConfig(any(message))),
    }
}

pub(crate) fn stdout_log() -> AccessLog {
    log("envoy.access_loggers.stdout", &StdoutAccessLog::default())
}
