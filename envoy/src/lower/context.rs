//! Whose proxy is made, and what has been made for it so far.

use super::profile::Profile;
use crate::ir::cluster::Cluster;
use crate::ir::listener::{HttpService, Listener, Service};
use crate::ir::route::RouteTable;
use crate::ir::telemetry::{AccessLog, Tracing};
use crate::ir::{Origin, Source, Sourced};
use meshform_model::diag::ProblemLocation;
use meshform_model::key::ResourceKey;
use meshform_model::path::FieldOf;
use meshform_model::spec::{Protocol as Wire, ProxyProfileSpec, VirtualNodeSpec};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whose proxy it is, and how it is run.
#[derive(Debug)]
pub(crate) struct ProxyContext<'a> {
    pub(crate) key: Arc<ResourceKey>,
    pub(crate) profile: Profile<'a>,
}

/// What has been made for a proxy so far.
#[derive(Debug)]
pub(crate) struct ProxyBuilder {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) tables: Vec<RouteTable>,
    pub(crate) clusters: BTreeMap<String, Arc<Cluster>>,
    /// Where the application listens, for each listener of the node.
    pub(crate) applications: Vec<Application>,
    pub(crate) access_log: Option<Arc<AccessLog>>,
    pub(crate) tracing: Option<Arc<Tracing>>,
    pub(crate) max_request_headers_kb: Option<Sourced<u32>>,
    pub(crate) max_request_headers_count: Option<Sourced<u32>>,
}

/// Where the application beside a node's proxy listens.
#[derive(Debug)]
pub(crate) struct Application {
    /// Nothing: nobody says so, it may be every address.
    pub(crate) address: Option<String>,
    pub(crate) port: u16,
    pub(crate) origin: Origin,
}

impl ProxyContext<'_> {
    /// A field of the profile that decides, to point at.
    pub(crate) fn profile_place<F>(&self, field: FieldOf<ProxyProfileSpec, F>) -> ProblemLocation {
        let own = self.profile.get(field, |_| Some(())).map(|found| found.source);
        match own {
            Some(Source::Field(origin)) => origin.place(),
            _ => Origin::at(&self.key, VirtualNodeSpec::path()).place(),
        }
    }
}

impl ProxyBuilder {
    /// A connection manager with what all of this proxy's have in common.
    pub(crate) fn http(&self, table: String, stat_prefix: String, wire: Wire) -> Service {
        Service::Http(Box::new(HttpService {
            stat_prefix,
            table,
            websocket: wire != Wire::Grpc,
            access_log: self.access_log.clone(),
            tracing: self.tracing.clone(),
            max_request_headers_kb: self.max_request_headers_kb.clone(),
            max_request_headers_count: self.max_request_headers_count.clone(),
            edge: None,
        }))
    }

    pub(crate) fn access_log(&self) -> Option<Arc<AccessLog>> {
        self.access_log.clone()
    }

    pub(crate) fn add_cluster(&mut self, cluster: Cluster) {
        self.clusters.insert(cluster.name.clone(), Arc::new(cluster));
    }
}
