//! One proxy being put together.

use super::context::{ProxyBuilder, ProxyContext};
use super::names::{CONTROL_PLANE, SDS_CLUSTER};
use super::telemetry::collector;
use super::tls::server_name;
use super::{Lowering, edge};
use crate::codes;
use crate::files::file_name;
use crate::ir::cluster::{Cluster, Discovery, Pool, Protocol, ResponseHeaders};
use crate::ir::listener::Listener;
use crate::ir::settings::{Admin, Settings, Versions};
use crate::ir::tls::{ClientTls, Files, Secret, SecretRef, SecretSource, SubjectName, Validation};
use crate::ir::{ProxyIr, Source, Sourced, wanted_secrets};
use meshform_model::arn::Arn;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::path::Path;
use meshform_model::resource::{DEFAULT_ACCOUNT, DEFAULT_PARTITION, DEFAULT_REGION, Identity};
use meshform_model::spec::{
    Admin as ProfileAdmin, ControlPlane, Drain, EnvoyVersionRange, Limits, Logging, Protocol as Wire,
    ProxyProfileSpec,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

impl Lowering<'_> {
    pub(crate) fn draft(&self, scope: &ProxyContext<'_>, logging: Option<&Logging>) -> ProxyBuilder {
        let limits = Path::<ProxyProfileSpec>::limits;
        let size = scope.profile.below(
            limits,
            |profile| profile.limits.as_ref(),
            Path::<Limits>::max_request_headers_kb,
            |limits: &Limits| limits.max_request_headers_kb,
        );
        let count = scope.profile.below(
            limits,
            |profile| profile.limits.as_ref(),
            Path::<Limits>::max_request_headers_count,
            |limits: &Limits| {
                let count = limits.max_request_headers_count;
                count.map(|count| u32::try_from(count).unwrap_or(u32::MAX))
            },
        );
        let mut draft = ProxyBuilder {
            listeners: Vec::new(),
            tables: Vec::new(),
            clusters: BTreeMap::new(),
            applications: Vec::new(),
            access_log: self.access_log(logging, scope),
            tracing: None,
            max_request_headers_kb: size,
            max_request_headers_count: count,
        };
        if let Some((tracing, cluster)) = self.tracing(scope) {
            draft.tracing = Some(tracing);
            if let Some(cluster) = cluster {
                draft.add_cluster(cluster);
            }
        }
        draft
    }

    pub(crate) fn finish(
        &self,
        mut draft: ProxyBuilder,
        scope: ProxyContext<'_>,
        identity: Option<&Identity>,
    ) -> ProxyIr {
        draft.listeners.sort_by(|a, b| a.name.cmp(&b.name));
        draft.tables.sort_by(|a, b| a.name.cmp(&b.name));
        self.check_sockets(&draft, &scope);
        let clusters: Vec<Arc<Cluster>> = draft.clusters.into_values().collect();
        let secrets = secrets(&draft.listeners, &clusters);
        ProxyIr {
            settings: self.settings(&scope, identity),
            key: scope.key,
            listeners: draft.listeners,
            tables: draft.tables,
            clusters,
            secrets,
        }
    }

    fn settings<'p>(&self, scope: &'p ProxyContext<'p>, identity: Option<&Identity>) -> Settings {
        let profile = &scope.profile;
        let merged = &profile.merged;
        let node_id = identity.map_or_else(|| self.arn(&scope.key), |identity| identity.arn.clone());
        let admin = Path::<ProxyProfileSpec>::admin;
        let of_admin = |profile: &'p ProxyProfileSpec| profile.admin.as_ref();
        let address = profile.below(
            admin,
            of_admin,
            Path::<ProfileAdmin>::address,
            |admin: &ProfileAdmin| admin.address.clone(),
        );
        let port = profile.below(
            admin,
            of_admin,
            Path::<ProfileAdmin>::port,
            |admin: &ProfileAdmin| admin.port,
        );
        let access_log = profile.below(
            admin,
            of_admin,
            Path::<ProfileAdmin>::access_log_path,
            |admin: &ProfileAdmin| admin.access_log_path.clone(),
        );
        Settings {
            node_cluster: node_id.clone(),
            node_id,
            versions: self.versions(scope),
            directory: profile
                .get(Path::<ProxyProfileSpec>::directory, |profile| {
                    profile.directory.clone()
                })
                .unwrap_or_else(|| Sourced::ours(format!("{}/{}", self.root, folder(&scope.key)))),
            admin: Admin {
                address: address.unwrap_or_else(|| Sourced::ours(ProfileAdmin::DEFAULT_ADDRESS.to_owned())),
                port: port.unwrap_or_else(|| Sourced::app_mesh(ProfileAdmin::DEFAULT_PORT)),
                access_log,
            },
            drain: profile
                .below(
                    Path::<ProxyProfileSpec>::drain,
                    |profile| profile.drain.as_ref(),
                    Path::<Drain>::time,
                    |drain: &Drain| drain.time,
                )
                .map_or_else(
                    || Sourced::app_mesh(Drain::DEFAULT_TIME.into()),
                    |time| time.map(Duration::from),
                ),
            initial_fetch_timeout: profile
                .get(Path::<ProxyProfileSpec>::initial_fetch_timeout, |profile| {
                    profile.initial_fetch_timeout
                })
                .map_or_else(
                    || Sourced::app_mesh(ProxyProfileSpec::DEFAULT_INITIAL_FETCH_TIMEOUT.into()),
                    |time| time.map(Duration::from),
                ),
            log_level: profile
                .get(Path::<ProxyProfileSpec>::log_level, |profile| profile.log_level)
                .map_or_else(
                    || Sourced::app_mesh(merged.log_level().name().to_owned()),
                    |level| level.map(|level| level.name().to_owned()),
                ),
            concurrency: profile
                .get(Path::<ProxyProfileSpec>::concurrency, |profile| {
                    profile.concurrency
                })
                .map(|threads| threads.map(|threads| u32::try_from(threads).unwrap_or(u32::MAX))),
            max_downstream_connections: profile
                .below(
                    Path::<ProxyProfileSpec>::limits,
                    |profile| profile.limits.as_ref(),
                    Path::<Limits>::max_downstream_connections,
                    |limits: &Limits| limits.max_downstream_connections,
                )
                .or_else(|| {
                    (scope.key.kind == Kind::VirtualGateway).then(|| Sourced::ours(edge::MAX_CONNECTIONS))
                }),
            metrics: self.metrics(scope),
            sds: sds_cluster(scope).map(Arc::new),
            control_plane: control_plane(scope).map(Arc::new),
            token_file: profile.below(
                Path::<ProxyProfileSpec>::control_plane,
                |profile| profile.control_plane.as_ref(),
                Path::<ControlPlane>::token_file,
                |plane: &ControlPlane| plane.token_file.clone(),
            ),
        }
    }

    /// The ARN that a resource without identity has: the mesh's partition, region and account, else the defaults.
    fn arn(&self, key: &ResourceKey) -> String {
        let identity = self
            .index
            .mesh
            .as_ref()
            .and_then(|mesh| mesh.resource.identity.as_ref());
        let of_mesh = identity.and_then(|identity| Arn::parse(&identity.arn));
        let defaults = Arn {
            partition: DEFAULT_PARTITION,
            service: "appmesh",
            region: DEFAULT_REGION,
            account: DEFAULT_ACCOUNT,
            resource: "",
        };
        let resource = &key.path();
        let arn = of_mesh.unwrap_or(defaults);
        Arn { resource, ..arn }.to_string()
    }

    fn versions(&self, scope: &ProxyContext<'_>) -> Versions {
        let merged = &scope.profile.merged;
        let minor = |text: &str| {
            text.strip_prefix("1.")
                .and_then(|minor| minor.parse::<u16>().ok())
        };
        // The default range is all that is supported.
        let (oldest, newest) = (EnvoyVersionRange::DEFAULT_MIN, EnvoyVersionRange::DEFAULT_MAX);
        let supported = Versions {
            min: minor(oldest).unwrap_or_default(),
            max: minor(newest).unwrap_or_default(),
        };
        match (minor(merged.min_envoy()), minor(merged.max_envoy())) {
            (Some(min), Some(max)) if supported.min <= min && min <= max && max <= supported.max => {
                Versions { min, max }
            }
            _ => {
                self.report(
                    Diagnostic::error(
                        codes::ENVOY_VERSION,
                        format!(
                            "Envoy {} to {} is not supported",
                            merged.min_envoy(),
                            merged.max_envoy()
                        ),
                    )
                    .help(format!(
                        "give `min` and `max` between \"{oldest}\" and \"{newest}\""
                    ))
                    .at(scope.profile_place(Path::<ProxyProfileSpec>::envoy_version)),
                );
                supported
            }
        }
    }
}

/// Where a proxy's files lie below the root: `mesh/virtualNode/name`.
pub(crate) fn folder(key: &ResourceKey) -> String {
    format!(
        "{}/{}/{}",
        file_name(&key.mesh),
        key.kind.name(),
        file_name(&key.name)
    )
}

fn sds_cluster(scope: &ProxyContext<'_>) -> Option<Cluster> {
    let found = scope
        .profile
        .get(Path::<ProxyProfileSpec>::sds_socket_path, |profile| {
            profile.sds_socket_path.clone()
        })?;
    let Source::Field(origin) = found.source else {
        return None;
    };
    Some(Cluster {
        name: SDS_CLUSTER.to_owned(),
        origin,
        discovery: Discovery::Socket { path: found.value },
        connect_timeout: Sourced::app_mesh(Duration::from_secs(1)),
        protocol: Protocol::Http2,
        pool: Pool::default(),
        outlier: None,
        health_check: None,
        tls: None,
        balancing: None,
        response_headers: ResponseHeaders::default(),
    })
}

fn control_plane(scope: &ProxyContext<'_>) -> Option<Cluster> {
    let found = scope
        .profile
        .get(Path::<ProxyProfileSpec>::control_plane, |profile| {
            profile.control_plane.as_ref()
        })?;
    let Source::Field(origin) = found.source else {
        return None;
    };
    let plane = found.value;
    let mut cluster = collector(CONTROL_PLANE, &plane.address, plane.port, Wire::Grpc, &origin);
    cluster.protocol = Protocol::Http2Watched;
    cluster.tls = plane.tls.as_ref().map(|files| {
        let secret = |files| SecretRef {
            name: String::new(),
            source: SecretSource::Files(files),
        };
        let certificate = match (&files.certificate_chain, &files.private_key) {
            (Some(chain), Some(key)) => Some(secret(Files::Identity {
                chain: chain.clone(),
                key: key.clone(),
                passphrase: None,
            })),
            _ => None,
        };
        let validation = files.trust_chain.as_ref().map(|bundle| Validation {
            trust: secret(Files::Trust {
                bundle: bundle.clone(),
            }),
            names: Sourced::ours(vec![SubjectName::of(&plane.address)]),
        });
        Arc::new(ClientTls {
            origin: origin.below(|at: Path<ControlPlane>| at.tls()),
            certificate,
            validation,
            sni: server_name(&plane.address),
            alpn: vec!["h2"],
        })
    });
    Some(cluster)
}

/// Every secret that comes from files, once.
fn secrets(listeners: &[Listener], clusters: &[Arc<Cluster>]) -> Vec<Secret> {
    let by_name: BTreeMap<String, Secret> = wanted_secrets(listeners, clusters)
        .filter_map(|(secret, _)| match &secret.source {
            SecretSource::Files(files) => Some((
                secret.name.clone(),
                Secret {
                    name: secret.name.clone(),
                    files: files.clone(),
                },
            )),
            SecretSource::Sds => None,
        })
        .collect();
    by_name.into_values().collect()
}
