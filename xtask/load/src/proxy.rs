//! What an Envoy asks for, from what it was sent.

use crate::messages::{Error, Request, Response};
use bytes::Bytes;
use meshform_envoy_api::envoy::config::cluster::v3::Cluster;
use meshform_envoy_api::envoy::config::listener::v3::{Listener, filter::ConfigType};
use meshform_envoy_api::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, http_connection_manager::RouteSpecifier,
};
use prost::Message as _;
use std::collections::BTreeMap;

pub const CLUSTERS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
pub const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
pub const LISTENERS: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
pub const ROUTES: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

/// One Envoy's memory: the versions of what it has, by type and name.
#[derive(Debug, Clone, Default)]
pub struct XdsClientState {
    node: Bytes,
    has: BTreeMap<&'static str, BTreeMap<String, String>>,
    asked: BTreeMap<&'static str, bool>,
    /// Whether it was answered for each type that it needs.
    answered: BTreeMap<&'static str, bool>,
}

impl XdsClientState {
    pub fn new(node: Bytes) -> Self {
        Self {
            node,
            ..Self::default()
        }
    }

    /// What it says on a new stream: who it is, and what it has of an earlier one.
    pub fn begins(&mut self) -> Vec<Request> {
        self.asked.clear();
        self.answered.clear();
        let mut all = vec![self.first(CLUSTERS, Vec::new())];
        // One that ran before asks for everything at once.
        if self.has.contains_key(LISTENERS) {
            let named = |kind| -> Vec<String> { self.names(kind) };
            let (endpoints, routes) = (named(ENDPOINTS), named(ROUTES));
            if !endpoints.is_empty() {
                all.push(self.first(ENDPOINTS, endpoints));
            }
            all.push(self.first(LISTENERS, Vec::new()));
            if !routes.is_empty() {
                all.push(self.first(ROUTES, routes));
            }
        }
        if let Some(first) = all.first_mut() {
            first.node = Some(self.node.clone());
        }
        all
    }

    fn names(&self, kind: &str) -> Vec<String> {
        self.has
            .get(kind)
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn first(&mut self, kind: &'static str, subscribe: Vec<String>) -> Request {
        self.asked.insert(kind, true);
        Request {
            type_url: kind.to_owned(),
            subscribe,
            versions: self.has.get(kind).cloned().unwrap_or_default(),
            ..Request::default()
        }
    }

    /// Takes a response; what it asks for because of it. The response is yet to be acknowledged.
    pub fn takes(&mut self, response: &Response) -> Vec<Request> {
        let Some(kind) = [CLUSTERS, ENDPOINTS, LISTENERS, ROUTES]
            .into_iter()
            .find(|kind| *kind == response.type_url)
        else {
            return Vec::new();
        };
        self.answered.insert(kind, true);
        let has = self.has.entry(kind).or_default();
        for name in &response.removed {
            has.remove(name);
        }
        for resource in &response.resources {
            has.insert(resource.name.clone(), resource.version.clone());
        }
        let bodies = response.resources.iter().map(|one| any(&one.resource));
        let mut asks = Vec::new();
        let wants = match kind {
            CLUSTERS => Some((ENDPOINTS, bodies.filter_map(|body| endpoints(&body)).collect())),
            LISTENERS => Some((ROUTES, bodies.flat_map(|body| routes(&body)).collect())),
            _ => None,
        };
        if let Some((below, names)) = wants {
            let known = self.has.get(below);
            let names: Vec<String> = names;
            let news: Vec<String> = names
                .into_iter()
                .filter(|name| known.is_none_or(|known| !known.contains_key(name)))
                .collect();
            if !news.is_empty() {
                asks.push(match self.asked.get(below) {
                    None => self.first(below, news),
                    Some(_) => Request {
                        type_url: below.to_owned(),
                        subscribe: news,
                        ..Request::default()
                    },
                });
            }
        }
        // An Envoy that starts asks for listeners when its clusters are warm.
        let warm = match kind {
            CLUSTERS => !self.asked.contains_key(ENDPOINTS),
            ENDPOINTS => true,
            _ => false,
        };
        if warm && !self.asked.contains_key(LISTENERS) {
            asks.push(self.first(LISTENERS, Vec::new()));
        }
        asks
    }

    /// Whether everything that it asked for was answered, so that it serves.
    pub fn is_configured(&self) -> bool {
        let all = self.asked.keys().all(|kind| self.answered.contains_key(kind));
        all && self.asked.contains_key(LISTENERS)
    }

    /// Whether it was answered for what has an answer in any case on a new stream.
    pub fn is_answered(&self) -> bool {
        [CLUSTERS, LISTENERS]
            .iter()
            .all(|kind| self.answered.contains_key(kind))
    }

    /// The version of a resource that it has.
    pub fn version(&self, kind: &str, name: &str) -> Option<&str> {
        self.has.get(kind)?.get(name).map(String::as_str)
    }

    /// All of a type that it has, by name.
    pub fn all(&self, kind: &str) -> BTreeMap<String, String> {
        self.has.get(kind).cloned().unwrap_or_default()
    }
}

/// That a response was taken, or why not.
pub fn answer(response: &Response, refused: Option<&str>) -> Request {
    Request {
        type_url: response.type_url.clone(),
        nonce: response.nonce.clone(),
        error: refused.map(|message| Error {
            code: 13,
            message: message.to_owned(),
        }),
        ..Request::default()
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

fn any(bytes: &Bytes) -> Bytes {
    Any::decode(bytes.clone())
        .map(|any| any.value)
        .unwrap_or_default()
}

/// Under which name a cluster asks for its endpoints.
fn endpoints(body: &Bytes) -> Option<String> {
    let cluster = Cluster::decode(body.clone()).ok()?;
    let config = cluster.eds_cluster_config?;
    Some(match config.service_name.is_empty() {
        true => cluster.name,
        false => config.service_name,
    })
}

/// The route configurations that a listener asks for.
fn routes(body: &Bytes) -> Vec<String> {
    let Ok(listener) = Listener::decode(body.clone()) else {
        return Vec::new();
    };
    let chains = listener
        .filter_chains
        .into_iter()
        .chain(listener.default_filter_chain);
    let filters = chains.flat_map(|chain| chain.filters);
    let named = filters.filter_map(|filter| {
        let ConfigType::TypedConfig(config) = filter.config_type?;
        let manager = HttpConnectionManager::decode(config.value.as_slice()).ok()?;
        match manager.route_specifier? {
            RouteSpecifier::Rds(rds) => Some(rds.route_config_name),
            RouteSpecifier::RouteConfig(_) => None,
        }
    });
    let mut names: Vec<String> = named.collect();
    names.sort();
    names.dedup();
    names
}
