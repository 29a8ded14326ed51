//! Puts a proxy's files together from pieces.

use super::delivery::{Delivery, Part};
use super::text::{Doc, Fragment, Tables, write};
use super::{bootstrap, cluster, endpoint, listener, route, tls};
use crate::files::{Files, sha256};
use crate::ir::Proxy;
use crate::ir::cluster::{Cluster, Discovery};
use crate::ir::route::{RouteTable, VirtualHost};
use meshform_envoy_api::envoy::config::route::v3::RouteConfiguration;
use meshform_envoy_api::{Error, to_json};
use prost::Name as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Writes files and remembers the pieces that others may share.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// By address; the value keeps the address taken.
    clusters: BTreeMap<usize, (Arc<Cluster>, Fragment)>,
    hosts: BTreeMap<usize, (Arc<VirtualHost>, Fragment)>,
}

impl Writer {
    /// All files of a proxy.
    pub(crate) fn files(
        &mut self,
        proxy: &Proxy,
        delivery: &Delivery,
        static_files: bool,
    ) -> Result<Files, Error> {
        let mut files = Files::new();
        files.insert(
            "bootstrap.json".to_owned(),
            self.bootstrap(proxy, delivery)?.into_bytes(),
        );
        if static_files {
            let text = self.bootstrap(proxy, &Delivery::Inline)?;
            files.insert("static.json".to_owned(), text.into_bytes());
        }
        let mut put = |part: Part<'_>, text: String| {
            files.insert(format!("xds/{}", part.file()), text.into_bytes());
        };
        let empty = Tables::new();
        let listeners = proxy
            .listeners
            .iter()
            .map(|one| Fragment::with_tables(&listener::message(one, delivery), &empty))
            .collect::<Result<Vec<_>, _>>()?;
        put(Part::Listeners, response(&listeners));
        let clusters = self.clusters(proxy, delivery)?;
        put(Part::Clusters, response(&clusters));
        for table in &proxy.tables {
            put(Part::Routes(&table.name), response(&[self.table(table)?]));
        }
        for one in &proxy.clusters {
            if let Discovery::Endpoints(hosts) = &one.discovery {
                let assignment = Fragment::of(&endpoint::assignment(&one.name, hosts))?;
                put(Part::Endpoints(&one.name), response(&[assignment]));
            }
        }
        for secret in &proxy.secrets {
            put(
                Part::Secret(&secret.name),
                response(&[Fragment::of(&tls::secret(secret))?]),
            );
        }
        Ok(files)
    }

    /// The bootstrap; inline it holds everything.
    pub(crate) fn bootstrap(&mut self, proxy: &Proxy, delivery: &Delivery) -> Result<String, Error> {
        let message = bootstrap::message(&proxy.settings, delivery);
        let value = to_json(&message)?;
        if *delivery != Delivery::Inline {
            return Ok(write(&Doc::Value(&value)) + "\n");
        }
        let mut tables = Tables::new();
        for table in &proxy.tables {
            tables.insert(table.name.clone(), self.table(table)?);
        }
        let listeners = proxy
            .listeners
            .iter()
            .map(|one| Fragment::with_tables(&listener::message(one, delivery), &tables))
            .collect::<Result<Vec<_>, _>>()?;
        let clusters = self.clusters(proxy, delivery)?;
        let no_clusters = Vec::new();
        let own = value
            .pointer("/static_resources/clusters")
            .and_then(Value::as_array)
            .unwrap_or(&no_clusters);
        let pieces = |list: &'_ [Fragment]| -> usize { list.len() };
        let mut resources = Vec::new();
        if pieces(&clusters) + own.len() > 0 {
            let own = own.iter().map(Doc::Value);
            resources.push((
                "clusters",
                Doc::List(clusters.iter().map(Doc::Piece).chain(own).collect()),
            ));
        }
        if pieces(&listeners) > 0 {
            resources.push(("listeners", Doc::List(listeners.iter().map(Doc::Piece).collect())));
        }
        let resources = Doc::Object(resources);
        let mut fields: Vec<(&str, Doc<'_>)> = value
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != "static_resources")
            .map(|(name, value)| (name.as_str(), Doc::Value(value)))
            .collect();
        fields.push(("static_resources", resources));
        fields.sort_by_key(|(name, _)| *name);
        Ok(write(&Doc::Object(fields)) + "\n")
    }

    fn clusters(&mut self, proxy: &Proxy, delivery: &Delivery) -> Result<Vec<Fragment>, Error> {
        proxy
            .clusters
            .iter()
            .map(|one| self.cluster(one, delivery))
            .collect()
    }

    fn cluster(&mut self, one: &Arc<Cluster>, delivery: &Delivery) -> Result<Fragment, Error> {
        if !cluster::is_portable(one) {
            return Fragment::of(&cluster::message(one, delivery));
        }
        let address = Arc::as_ptr(one).addr();
        if let Some((_, known)) = self.clusters.get(&address) {
            return Ok(known.clone());
        }
        let fragment = Fragment::of(&cluster::message(one, delivery))?;
        // What only one proxy holds is not worth remembering.
        if Arc::strong_count(one) > 1 {
            self.clusters.insert(address, (Arc::clone(one), fragment.clone()));
        }
        Ok(fragment)
    }

    fn table(&mut self, table: &RouteTable) -> Result<Fragment, Error> {
        let shell = to_json(&route::table_without_hosts(table))?;
        let hosts = table
            .hosts
            .iter()
            .map(|host| self.host(host))
            .collect::<Result<Vec<_>, _>>()?;
        let mut fields: Vec<(&str, Doc<'_>)> = shell
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), Doc::Value(value)))
            .collect();
        if !hosts.is_empty() {
            fields.push(("virtual_hosts", Doc::List(hosts.iter().map(Doc::Piece).collect())));
        }
        Ok(Fragment::of_doc(
            RouteConfiguration::type_url(),
            &Doc::Object(fields),
        ))
    }

    fn host(&mut self, host: &Arc<VirtualHost>) -> Result<Fragment, Error> {
        let address = Arc::as_ptr(host).addr();
        if let Some((_, known)) = self.hosts.get(&address) {
            return Ok(known.clone());
        }
        let fragment = Fragment::of(&route::virtual_host(host))?;
        if Arc::strong_count(host) > 1 {
            self.hosts.insert(address, (Arc::clone(host), fragment.clone()));
        }
        Ok(fragment)
    }
}

/// A discovery response, as Envoy reads it from a file. The version is a hash of the content.
fn response(resources: &[Fragment]) -> String {
    let mut all = Vec::new();
    for resource in resources {
        all.extend_from_slice(resource.text().as_bytes());
        all.push(b'\n');
    }
    let version: String = sha256(&all).chars().take(16).collect();
    let doc = Doc::Object(vec![
        ("resources", Doc::List(resources.iter().map(Doc::Typed).collect())),
        ("version_info", Doc::Text(&version)),
    ]);
    write(&doc) + "\n"
}
