//! Load balancing policies, as extensions.

use meshform_envoy_api::envoy::config::core::v3::RuntimeDouble;
use meshform_envoy_api::envoy::extensions::load_balancing_policies::common::v3::{
    ConsistentHashingLbConfig, LocalityLbConfig, SlowStartConfig, locality_lb_config,
};
use meshform_envoy_api::envoy::extensions::load_balancing_policies::{
    least_request::v3::LeastRequest, maglev::v3::Maglev, ring_hash::v3::RingHash, round_robin::v3::RoundRobin,
};
use meshform_envoy_api::envoy::r#type::v3::Percent;
use meshform_envoy_api::seconds;

fn slow_start() -> Option<SlowStartConfig> {
    Some(SlowStartConfig {
        slow_start_window: Some(seconds(60)),
        aggression: Some(RuntimeDouble {
            default_value: 1.0,
            runtime_key: "example.aggression".into(),
        }),
        min_weight_percent: Some(Percent { value: 10.0 }),
    })
}

fn weighted() -> locality_lb_config::LocalityWeightedLbConfig {
    locality_lb_config::LocalityWeightedLbConfig {}
}

fn hashing() -> Option<ConsistentHashingLbConfig> {
    Some(ConsistentHashingLbConfig {
        use_hostname_for_hashing: false,
        hash_balance_factor: Some(150),
    })
}

pub(crate) fn least_request() -> LeastRequest {
    let zone_aware = locality_lb_config::ZoneAwareLbConfig {
        routing_enabled: Some(Percent { value: 100.0 }),
        min_cluster_size: Some(6),
        fail_traffic_on_panic: false,
    };
    LeastRequest {
        choice_count: Some(2),
        active_request_bias: Some(RuntimeDouble {
            default_value: 1.0,
            runtime_key: "example.bias".into(),
        }),
        slow_start_config: slow_start(),
        locality_lb_config: Some(LocalityLbConfig {
            locality_config_specifier: Some(locality_lb_config::LocalityConfigSpecifier::ZoneAwareLbConfig(
                zone_aware,
            )),
        }),
        selection_method: 0,
    }
}

pub(crate) fn round_robin() -> RoundRobin {
    RoundRobin {
        slow_start_config: slow_start(),
        locality_lb_config: Some(LocalityLbConfig {
            locality_config_specifier: Some(
                locality_lb_config::LocalityConfigSpecifier::LocalityWeightedLbConfig(weighted()),
            ),
        }),
    }
}

pub(crate) fn ring_hash() -> RingHash {
    RingHash {
        hash_function: 1,
        minimum_ring_size: Some(1024),
        maximum_ring_size: Some(8192),
        consistent_hashing_lb_config: hashing(),
        locality_weighted_lb_config: Some(weighted()),
    }
}

pub(crate) fn maglev() -> Maglev {
    Maglev {
        table_size: Some(65_537),
        consistent_hashing_lb_config: hashing(),
        locality_weighted_lb_config: Some(weighted()),
    }
}
