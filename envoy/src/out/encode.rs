//! Encodes what a proxy needs as messages and their JSON. What several proxies share is encoded once.

use super::delivery::Delivery;
use super::{bootstrap as boot, cluster, endpoint, listener, origins, route, tls};
use crate::ir::ProxyIr;
use crate::ir::cluster::{Cluster, Discovery};
use crate::ir::route::{RouteTable, VirtualHost};
use crate::ir::settings::Settings;
use crate::resources::{PartOrigin, Resource, ResourceType, Resources};
use crate::text::{self, Doc, Tables, write};
use meshform_envoy_api::envoy::config::bootstrap::v3::Bootstrap;
use meshform_envoy_api::envoy::config::{cluster::v3 as cds, listener::v3 as lds, route::v3 as rds};
use meshform_envoy_api::{Error, to_json};
use prost::encoding::{WireType, encode_key, encode_varint};
use prost::{Message, Name};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Encodes proxies and remembers the pieces that others may share.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    /// By address; the value keeps the address taken.
    clusters: BTreeMap<usize, (Arc<Cluster>, Arc<Resource>)>,
    hosts: BTreeMap<usize, (Arc<VirtualHost>, Host)>,
}

/// A virtual host, ready to be put into route tables.
#[derive(Debug, Clone)]
struct Host {
    message: Arc<[u8]>,
    json: Arc<str>,
}

impl Encoder {
    /// A proxy's bootstrap and resources.
    pub(crate) fn resources(&mut self, proxy: &ProxyIr, delivery: &Delivery) -> Result<Resources, Error> {
        let listeners = proxy.listeners.iter().map(|one| {
            encoded(
                ResourceType::Listener,
                one.name.as_str(),
                &listener::message(one, delivery),
                origins::listener(one),
            )
        });
        let mut endpoints = Vec::new();
        let mut named = BTreeSet::new();
        for one in &proxy.clusters {
            let (name, hosts) = match &one.discovery {
                Discovery::Endpoints(hosts) => (&one.name, hosts.as_slice()),
                Discovery::CloudMap(cloud_map) => (&cloud_map.assignment, [].as_slice()),
                _ => continue,
            };
            // Two clusters towards one listener share what is told of its hosts.
            if named.insert(name) {
                let message = endpoint::assignment(name, hosts);
                endpoints.push(encoded(
                    ResourceType::Endpoints,
                    name.as_str(),
                    &message,
                    origins::whole(&one.origin),
                )?);
            }
        }
        let secrets = proxy.secrets.iter().map(|secret| {
            encoded(
                ResourceType::Secret,
                secret.name.as_str(),
                &tls::secret(secret),
                origins::secret(proxy, secret),
            )
        });
        let routes = proxy.tables.iter().map(|table| {
            let (message, json) = self.table(table)?;
            Ok(Resource::new(
                ResourceType::Routes,
                table.name.as_str(),
                message,
                json,
                origins::table(table),
            )
            .into())
        });
        Ok(Resources {
            bootstrap: bootstrap(&proxy.settings, delivery)?,
            listeners: listeners.collect::<Result<_, _>>()?,
            routes: routes.collect::<Result<_, Error>>()?,
            clusters: self.clusters(proxy, delivery)?,
            endpoints,
            secrets: secrets.collect::<Result<_, _>>()?,
        })
    }

    /// A bootstrap that holds everything, as JSON.
    pub(crate) fn inline(&mut self, proxy: &ProxyIr) -> Result<String, Error> {
        let delivery = &Delivery::Inline;
        let mut tables = Tables::new();
        for table in &proxy.tables {
            tables.insert(table.name.clone(), self.table(table)?.1.into());
        }
        let listeners = proxy.listeners.iter().map(|one| {
            let message = listener::message(one, delivery).encode_to_vec();
            text::with_tables::<lds::Listener>(&message, &tables)
        });
        let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
        let clusters = self.clusters(proxy, delivery)?;
        let value = to_json(&boot::message(&proxy.settings, delivery))?;
        let own = value
            .pointer("/static_resources/clusters")
            .and_then(Value::as_array);
        let own = own.into_iter().flatten().map(Doc::Value);
        let clusters = clusters.iter().map(|one| Doc::Piece(one.json())).chain(own);
        let lists = [
            ("clusters", clusters.collect::<Vec<_>>()),
            ("listeners", listeners.iter().map(|one| Doc::Piece(one)).collect()),
        ];
        let filled = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let resources = Doc::Object(filled.map(|(name, list)| (name, Doc::List(list))).collect());
        let mut fields: Vec<(&str, Doc<'_>)> = value
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != "static_resources")
            .map(|(name, value)| (name.as_str(), Doc::Value(value)))
            .collect();
        fields.push(("static_resources", resources));
        fields.sort_by_key(|(name, _)| *name);
        Ok(write(&Doc::Object(fields)))
    }

    fn clusters(&mut self, proxy: &ProxyIr, delivery: &Delivery) -> Result<Vec<Arc<Resource>>, Error> {
        let clusters = proxy.clusters.iter();
        clusters.map(|one| self.cluster(one, delivery)).collect()
    }

    fn cluster(&mut self, one: &Arc<Cluster>, delivery: &Delivery) -> Result<Arc<Resource>, Error> {
        let make = || {
            let message: cds::Cluster = cluster::message(one, delivery);
            encoded(
                ResourceType::Cluster,
                one.name.as_str(),
                &message,
                origins::cluster(one),
            )
        };
        // What only one proxy holds is not worth remembering.
        if !cluster::is_portable(one) || Arc::strong_count(one) == 1 {
            return make();
        }
        let address = Arc::as_ptr(one).addr();
        if let Some((_, known)) = self.clusters.get(&address) {
            return Ok(Arc::clone(known));
        }
        let made = make()?;
        self.clusters
            .insert(address, (Arc::clone(one), Arc::clone(&made)));
        Ok(made)
    }

    /// A route table, encoded and as JSON.
    fn table(&mut self, table: &RouteTable) -> Result<(Vec<u8>, String), Error> {
        let shell = route::table_without_hosts(table);
        let hosts = table.hosts.iter().map(|host| self.host(host));
        let hosts = hosts.collect::<Result<Vec<_>, _>>()?;
        let mut message = shell.encode_to_vec();
        for host in &hosts {
            // An element of a repeated field may stand anywhere in a message: a key, a length, its bytes.
            encode_key(VIRTUAL_HOSTS, WireType::LengthDelimited, &mut message);
            encode_varint(host.message.len() as u64, &mut message);
            message.extend_from_slice(&host.message);
        }
        let shell = to_json(&shell)?;
        let mut fields: Vec<(&str, Doc<'_>)> = shell
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), Doc::Value(value)))
            .collect();
        if !hosts.is_empty() {
            let hosts = hosts.iter().map(|host| Doc::Piece(&host.json));
            fields.push(("virtual_hosts", Doc::List(hosts.collect())));
        }
        Ok((message, write(&Doc::Object(fields))))
    }

    fn host(&mut self, host: &Arc<VirtualHost>) -> Result<Host, Error> {
        let address = Arc::as_ptr(host).addr();
        if let Some((_, known)) = self.hosts.get(&address) {
            return Ok(known.clone());
        }
        let message = route::virtual_host(host).encode_to_vec();
        let made = Host {
            json: text::of_message::<rds::VirtualHost>(&message)?.into(),
            message: message.into(),
        };
        if Arc::strong_count(host) > 1 {
            self.hosts.insert(address, (Arc::clone(host), made.clone()));
        }
        Ok(made)
    }
}

/// What Envoy is started with, where the rest comes from elsewhere.
pub(crate) fn bootstrap(settings: &Settings, delivery: &Delivery) -> Result<Resource, Error> {
    let message = boot::message(settings, delivery).encode_to_vec();
    let json = text::of_message::<Bootstrap>(&message)?;
    Ok(Resource::new(
        ResourceType::Bootstrap,
        settings.node_id.as_str(),
        message,
        json,
        Vec::new(),
    ))
}

/// The field number of `RouteConfiguration.virtual_hosts` in Envoy's `route.proto`.
const VIRTUAL_HOSTS: u32 = 2;

fn encoded<M: Message + Name>(
    kind: ResourceType,
    name: &str,
    message: &M,
    origins: Vec<PartOrigin>,
) -> Result<Arc<Resource>, Error> {
    let message = message.encode_to_vec();
    let json = text::of_message::<M>(&message)?;
    Ok(Resource::new(kind, name, message, json, origins).into())
}
