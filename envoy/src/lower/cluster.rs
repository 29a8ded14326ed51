//! Clusters towards other nodes: discovery, health, outliers, TLS. Declared at the server, rendered at its callers.

use super::context::ProxyContext;
use super::upstream::TargetRef;
use super::{Lowering, names};
use crate::codes;
use crate::ir::cluster::{
    Balancing, CloudMap, Cluster, Discovery, Endpoint, Family, HealthCheck, Outlier, Pool, Probe, Protocol,
};
use crate::ir::tls::ClientTls;
use crate::ir::{Origin, Sourced};
use meshform_model::diag::Diagnostic;
use meshform_model::path::{FieldOf, Path};
use meshform_model::spec::{
    self, ConnectionPool, DnsResponseType, HealthCheckPolicy, HttpConnectionPool, IpPreference, Listener,
    LoadBalancing, MeshSpec, OutlierDetection, Protocol as Wire, RequestPool, ServiceDiscovery,
    TcpConnectionPool, VirtualNodeExtensions, VirtualNodeSpec,
};
use std::sync::Arc;
use std::time::Duration;

/// How long a connection to another node may take to stand.
const CONNECT: Duration = Duration::from_secs(1);

/// How long one to the own application may take.
const CONNECT_LOCAL: Duration = Duration::from_millis(250);

pub(crate) fn protocol(wire: Wire) -> Protocol {
    match wire {
        Wire::Http => Protocol::Http1,
        Wire::Http2 | Wire::Grpc => Protocol::Http2,
        Wire::Tcp => Protocol::Tcp,
    }
}

impl Lowering<'_> {
    /// The cluster for a target as one caller reaches it. Without TLS and endpoints of the caller's profile it is
    /// the same for all callers, and made once.
    pub(crate) fn egress_cluster(
        &self,
        target: &TargetRef,
        scope: &ProxyContext<'_>,
        tls: Option<Arc<ClientTls>>,
    ) -> Option<Arc<Cluster>> {
        let told = scope
            .profile
            .merged
            .endpoints
            .iter()
            .any(|endpoints| endpoints.virtual_node == target.node);
        if tls.is_some() || told {
            return self.make_cluster(target, scope, tls).map(Arc::new);
        }
        if let Some(known) = self.clusters.borrow().get(target) {
            return known.clone();
        }
        let made = self.make_cluster(target, scope, None).map(Arc::new);
        self.clusters.borrow_mut().insert(target.clone(), made.clone());
        made
    }

    fn make_cluster(
        &self,
        target: &TargetRef,
        scope: &ProxyContext<'_>,
        tls: Option<Arc<ClientTls>>,
    ) -> Option<Cluster> {
        let node = self.index.nodes.get(target.node.as_str())?;
        let listener = node.spec.listeners.get(target.listener)?;
        let origin = Origin::at(&node.key, VirtualNodeSpec::path().listeners().at(target.listener));
        let discovery = self.discovery(target, scope)?;
        let name = node.spec.service_discovery.as_ref().map(ServiceDiscovery::name);
        let outlier = listener.outlier_detection.as_ref().map(|detection| {
            outlier(
                detection,
                origin.below(|at: Path<Listener>| at.outlier_detection()),
            )
        });
        let wire = listener.port_mapping.protocol;
        Some(Cluster {
            name: target.cluster.clone(),
            discovery,
            connect_timeout: Sourced::app_mesh(CONNECT),
            protocol: protocol(wire),
            pool: Pool::default(),
            outlier,
            health_check: listener.health_check.as_ref().map(|check| {
                let origin = origin.below(|at: Path<Listener>| at.health_check());
                health_check(check, listener, name.as_deref(), origin)
            }),
            tls,
            balancing: self.balancing(target.node.as_str()),
            response_headers: self
                .listener_limits(&node.key, listener.port_mapping.port)
                .responses,
            origin,
        })
    }

    fn discovery(&self, target: &TargetRef, scope: &ProxyContext<'_>) -> Option<Discovery> {
        let node = self.index.nodes.get(target.node.as_str())?;
        let port = node.spec.listeners.get(target.listener)?.port_mapping.port;
        let merged = &scope.profile.merged;
        if let Some(told) = merged
            .endpoints
            .iter()
            .find(|told| told.virtual_node == target.node)
        {
            return Some(endpoints(told, port));
        }
        match &node.spec.service_discovery {
            Some(ServiceDiscovery::Dns(dns)) => {
                let origin = Origin::at(&node.key, VirtualNodeSpec::path().service_discovery().dns());
                Some(Discovery::Dns {
                    hostname: dns.hostname.clone(),
                    port,
                    every_address: match dns.response_type {
                        Some(response) => Sourced::written(
                            matches!(response, DnsResponseType::Endpoints),
                            origin.below(|dns: Path<spec::DnsServiceDiscovery>| dns.response_type()),
                        ),
                        None => Sourced::app_mesh(false),
                    },
                    family: self.family(node.spec, &origin.key),
                })
            }
            Some(ServiceDiscovery::AwsCloudMap(cloud_map)) => {
                let attributes = cloud_map.attributes.iter();
                Some(Discovery::CloudMap(Arc::new(CloudMap {
                    assignment: target.cluster.clone(),
                    name: node.spec.service_discovery.as_ref()?.name(),
                    attributes: attributes
                        .map(|one| (one.key.clone(), one.value.clone()))
                        .collect(),
                    port,
                    family: self.instance_family(node.spec, &node.key),
                })))
            }
            None => {
                self.report(
                    Diagnostic::error(
                        codes::INVALID_MESH,
                        format!("virtual node `{}` gets traffic but has no service discovery", target.node),
                    )
                    .help("give it `serviceDiscovery`, or list its addresses under `endpoints` in a proxy profile")
                    .at(Origin::at(&node.key, VirtualNodeSpec::path().service_discovery()).place()),
                );
                None
            }
        }
    }

    /// The node's preference, else the mesh's.
    pub(crate) fn preference(
        &self,
        node: Option<&VirtualNodeSpec>,
        key: &Arc<meshform_model::key::ResourceKey>,
    ) -> Option<Sourced<IpPreference>> {
        let own = node
            .and_then(|node| node.service_discovery.as_ref())
            .and_then(|discovery| {
                let place = VirtualNodeSpec::path()
                    .service_discovery()
                    .of(discovery)
                    .ip_preference();
                Some(Sourced::written(
                    discovery.ip_preference()?,
                    Origin::at(key, place),
                ))
            });
        own.or_else(|| {
            let mesh = self.index.mesh.as_ref()?;
            let place = Origin::at(&mesh.key, MeshSpec::path().service_discovery().ip_preference());
            Some(Sourced::written(mesh.spec.ip_preference()?, place))
        })
    }

    /// Of the addresses that an instance in Cloud Map has, App Mesh took IPv4 where nobody says anything.
    fn instance_family(
        &self,
        node: &VirtualNodeSpec,
        key: &Arc<meshform_model::key::ResourceKey>,
    ) -> Sourced<Family> {
        match self.preference(Some(node), key) {
            None => Sourced::app_mesh(Family::V4Preferred),
            Some(_) => self.family(node, key),
        }
    }

    fn family(&self, node: &VirtualNodeSpec, key: &Arc<meshform_model::key::ResourceKey>) -> Sourced<Family> {
        match self.preference(Some(node), key) {
            None => Sourced::app_mesh(Family::Auto),
            Some(preference) => preference.map(|preference| match preference {
                IpPreference::Ipv4Preferred => Family::V4Preferred,
                IpPreference::Ipv6Preferred => Family::Auto,
                IpPreference::Ipv4Only => Family::V4Only,
                IpPreference::Ipv6Only => Family::V6Only,
            }),
        }
    }

    /// How callers choose among a node's instances, which App Mesh had no field for.
    fn balancing(&self, name: &str) -> Option<Sourced<Balancing>> {
        let node = self.index.nodes.get(name)?;
        let extensions = node.resource.extensions.as_ref()?.virtual_node()?;
        let policy = match extensions.load_balancing? {
            LoadBalancing::RoundRobin => Balancing::RoundRobin,
            LoadBalancing::LeastRequest => Balancing::LeastRequest,
            LoadBalancing::Random => Balancing::Random,
        };
        Some(Sourced::written(
            policy,
            Origin::at(&node.key, VirtualNodeExtensions::path().load_balancing()),
        ))
    }

    /// The application beside the proxy.
    pub(crate) fn local_cluster(
        &self,
        origin: Origin,
        listener: &Listener,
        address: String,
        port: u16,
    ) -> Cluster {
        let wire = listener.port_mapping.protocol;
        Cluster {
            name: names::local_cluster(
                self.index.name,
                &origin.key.name,
                wire,
                listener.port_mapping.port,
            ),
            discovery: Discovery::Loopback { address, port },
            connect_timeout: Sourced::app_mesh(CONNECT_LOCAL),
            protocol: protocol(wire),
            pool: pool(
                listener.connection_pool.as_ref(),
                &origin.below(|at: Path<Listener>| at.connection_pool()),
            ),
            outlier: None,
            health_check: None,
            tls: None,
            balancing: None,
            response_headers: self
                .listener_limits(&origin.key, listener.port_mapping.port)
                .responses,
            origin,
        }
    }
}

/// A listener's connection pool; `origin` is its place.
pub(crate) fn pool(pool: Option<&ConnectionPool>, origin: &Origin) -> Pool {
    let Some(pool) = pool else { return Pool::default() };
    type Pools = (RequestPool, HttpConnectionPool, TcpConnectionPool);
    let limit = |value: u64, field: FieldOf<Pools, u64>| {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        let place = origin.below(|at: Path<ConnectionPool>| field(at.of(pool)));
        Some(Sourced::written(value, place))
    };
    match pool {
        ConnectionPool::Http(http) => Pool {
            connections: limit(http.max_connections, Path::<Pools>::max_connections),
            pending: http
                .max_pending_requests
                .and_then(|pending| limit(pending, Path::<Pools>::max_pending_requests)),
            requests: None,
        },
        ConnectionPool::Http2(pool) | ConnectionPool::Grpc(pool) => Pool {
            requests: limit(pool.max_requests, Path::<Pools>::max_requests),
            ..Pool::default()
        },
        ConnectionPool::Tcp(tcp) => Pool {
            connections: limit(tcp.max_connections, Path::<Pools>::max_connections),
            ..Pool::default()
        },
    }
}

fn outlier(detection: &OutlierDetection, origin: Origin) -> Outlier {
    Outlier {
        origin,
        errors: u32::try_from(detection.max_server_errors).unwrap_or(u32::MAX),
        interval: detection.interval.into(),
        ejection: detection.base_ejection_duration.into(),
        max_percent: detection.max_ejection_percent,
    }
}

fn health_check(
    check: &HealthCheckPolicy,
    listener: &Listener,
    name: Option<&str>,
    origin: Origin,
) -> HealthCheck {
    let port = check.port.unwrap_or(listener.port_mapping.port);
    let request = |http2| Probe::Http {
        host: format!("{}:{port}", name.unwrap_or("localhost")),
        path: check.path.clone().unwrap_or_else(|| "/".to_owned()),
        http2,
    };
    HealthCheck {
        probe: match check.protocol {
            Wire::Http => request(false),
            Wire::Http2 => request(true),
            Wire::Grpc => Probe::Grpc,
            Wire::Tcp => Probe::Tcp,
        },
        healthy: check.healthy_threshold,
        unhealthy: check.unhealthy_threshold,
        interval: Duration::from_millis(check.interval_millis.into()),
        timeout: Duration::from_millis(check.timeout_millis.into()),
        port: check.port,
        origin,
    }
}

/// Addresses from the caller's profile. Their order has no meaning.
fn endpoints(told: &spec::StaticEndpoints, port: u16) -> Discovery {
    let hosts = told.addresses.iter().map(|told| Endpoint {
        address: told.address.clone(),
        port: told.port.unwrap_or(port),
        weight: told.weight.and_then(|weight| u32::try_from(weight).ok()),
        zone: told.zone.clone(),
    });
    let mut hosts: Vec<Endpoint> = hosts.collect();
    hosts.sort_by(|a, b| (&a.zone, &a.address, a.port).cmp(&(&b.zone, &b.address, b.port)));
    Discovery::Endpoints(Arc::new(hosts))
}
