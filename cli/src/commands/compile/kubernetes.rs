//! `--target kubernetes`: the user's workloads with the proxy in their pods, and the configuration of each proxy.

use super::targets::{needed_file, proxies};
use super::{Arguments, Configuration};
use crate::codes;
use crate::commands::load::Loaded;
use crate::io::Io;
use crate::output::Files;
use meshform_compiler::ecs::{self, Delivery};
use meshform_compiler::kubernetes::{self, codes as kubernetes_codes, workload, yaml};
use meshform_envoy::{self as envoy, BuiltProxy};
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::pointer::Pointer;
use meshform_model::spec::Interception;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// Where proxies find their files, unless their profile says another directory.
pub(super) const ROOT: &str = envoy::Options::DEFAULT_ROOT;

/// What is made for one proxy.
struct ProxyManifests {
    sidecar: ecs::Sidecar,
    volume: Json,
    config_map: Option<Json>,
}

/// The files of all proxies.
pub(super) fn build(arguments: &Arguments, io: &Io, meshes: &[Mesh], loaded: &mut Loaded) -> Files {
    let mut files = Files::default();
    let kept = loaded.reading.kubernetes.clone();
    let mut taken: BTreeMap<String, ResourceKey> = BTreeMap::new();
    for (mesh, proxy) in proxies(arguments, io, meshes, loaded) {
        let key = &proxy.key;
        let (namespace, selector) = kubernetes::pods(key, &loaded.resources, &kept, &arguments.namespace);
        let made = match made(arguments, mesh, &proxy, &namespace) {
            Ok(made) => made,
            Err(problems) => {
                let problems = loaded.placed(problems);
                loaded.add(problems);
                continue;
            }
        };
        let told = made.sidecar.warnings.iter();
        // Here the hosts entries are written.
        let told = told
            .filter(|warning| warning.code != ecs::codes::NOT_ON_ECS)
            .cloned();
        let told = loaded.placed(told.collect());
        loaded.add(told);
        if let Some(map) = &made.config_map {
            let name = map
                .pointer("/metadata/name")
                .and_then(Json::as_str)
                .unwrap_or_default();
            files.file(format!("{namespace}/configmap-{name}.yaml"), yaml::document(map));
        }
        let own: Vec<&Json> = kept
            .workloads
            .iter()
            .filter(|one| workload::selects(one, &namespace, &selector))
            .collect();
        if own.is_empty() {
            let problem = Diagnostic::warning(
                kubernetes_codes::NO_PODS,
                format!("no manifest of the inputs makes pods of {key}, in the namespace `{namespace}`"),
            );
            loaded.add(vec![
                problem
                    .help(format!(
                        "give the Deployment whose pods have the labels of {selector}"
                    ))
                    .at(ProblemLocation::of(key, &Pointer::root())),
            ]);
        }
        for one in own {
            let path = format!("{namespace}/{}.yaml", workload::file_name(one));
            if let Some(other) = taken.insert(path.clone(), key.clone()) {
                loaded.add(vec![Diagnostic::error(
                    kubernetes_codes::NO_PODS,
                    format!("the pods of `{path}` are selected by {other} and by {key}"),
                )]);
                continue;
            }
            let beside = workload::beside(
                one,
                &workload::PodProxy {
                    key,
                    made: &made.sidecar,
                    volume: made.volume.clone(),
                    init_image: arguments.init_image.as_deref(),
                    hosts: hosts(mesh, key),
                },
            );
            match beside {
                Ok(workload) => files.file(path, yaml::document(&workload)),
                Err(problem) => loaded.add(vec![*problem]),
            }
        }
    }
    files
}

fn made(
    arguments: &Arguments,
    mesh: &Mesh,
    proxy: &BuiltProxy,
    namespace: &str,
) -> Result<ProxyManifests, Vec<Diagnostic>> {
    let key = &proxy.key;
    let needed = envoy::needed_files(mesh, key, &envoy::Options::new(ROOT)).unwrap_or_default();
    let needed: Vec<ecs::NeededFile> = needed.into_iter().map(needed_file).collect();
    let own = mesh.profile_for(key).directory;
    let directory = own.unwrap_or_else(|| format!("{ROOT}/{}", proxy.path));
    let (image, store) = (&arguments.proxy_image, &arguments.proxy_store);
    let (image, store) = (
        image.as_ref().map(|one| json!(one)),
        store.as_ref().map(|one| json!(one)),
    );
    let mut files = Vec::new();
    let mut bootstrap = Vec::new();
    for (name, bytes) in proxy.files() {
        match name.strip_prefix(envoy::layout::FOLLOWED) {
            Some(rest) => files.push((format!("current/{rest}"), bytes)),
            None if name == envoy::layout::BOOTSTRAP => bootstrap = bytes,
            None => {}
        }
    }
    let (delivery, volume, config_map) = match (arguments.configuration, &image, &store) {
        (Configuration::Static, ..) => {
            let (map, volume) =
                workload::config_map(key, namespace, &files).map_err(|problem| vec![*problem])?;
            let delivery = Delivery::Volume {
                bootstrap: &bootstrap,
                directory: &directory,
            };
            (delivery, volume, Some(map))
        }
        (Configuration::Agent, Some(image), Some(store)) => (
            Delivery::Agent { image, store },
            workload::kept_by_the_agent(),
            None,
        ),
        (Configuration::Agent, ..) => return Err(vec![no_agent()]),
        (Configuration::Ads, ..) => return Err(vec![no_ads()]),
    };
    let task = ecs::Task {
        files: &needed,
        ..ecs::Task::new(mesh, key, delivery)
    };
    let sidecar = ecs::sidecar(&task, &json!([{"name": "application"}]))?;
    Ok(ProxyManifests {
        sidecar,
        volume,
        config_map,
    })
}

/// The names that an application with explicit interception finds at addresses of its proxy.
fn hosts(mesh: &Mesh, key: &ResourceKey) -> Vec<(String, String)> {
    if key.kind == Kind::VirtualGateway {
        return Vec::new();
    }
    match mesh.profile_for(key).interception() {
        Interception::Explicit(explicit) => explicit
            .services
            .iter()
            .filter_map(|service| Some((service.address.clone()?, service.virtual_service.clone())))
            .collect(),
        Interception::Transparent(_) => Vec::new(),
    }
}

fn no_ads() -> Diagnostic {
    Diagnostic::error(
        codes::BAD_OPTION,
        "`--configuration ads` is not supported for Kubernetes manifests",
    )
    .help(
        "give `--configuration agent`; or write the bootstrap yourself by `meshform bootstrap NODE --mode ads`, keep it in a \
         ConfigMap, and start Envoy with it",
    )
}

fn no_agent() -> Diagnostic {
    Diagnostic::error(
        codes::BAD_OPTION,
        "pods with the agent need the image of the proxy, and the store that it follows",
    )
    .help(
        "give `--proxy-image IMAGE` (agent and Envoy) and `--proxy-store s3://BUCKET/PREFIX`, or let a ConfigMap hold the \
         configuration by `--configuration static`",
    )
}
