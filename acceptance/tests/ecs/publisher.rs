//! Releases in the bucket, in the form in which publishers write them.

use crate::server::Server;
use meshform_bundle::layout::resources;
use meshform_bundle::objects::Current;
use meshform_bundle::{Body, Bundle, Digest, ProxyId, ROOT};
use meshform_envoy::{Options, build};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The bucket, and how often something was published to it.
pub(crate) struct Publisher {
    pub(crate) server: Server,
    sequence: u64,
}

impl Publisher {
    pub(crate) fn new() -> Self {
        Self {
            server: Server::start(),
            sequence: 0,
        }
    }

    /// Publishes what every proxy of the mesh is to run.
    pub(crate) fn publish(&mut self, bodies: &[Value]) {
        self.sequence += 1;
        let output = build(&mesh(bodies), &Options::new(ROOT)).unwrap();
        for proxy in output.proxies {
            let id = ProxyId::of(&proxy.key).unwrap();
            let files = proxy.files();
            let followed = files
                .iter()
                .filter_map(|(path, text)| Some((path.strip_prefix("xds/")?.to_owned(), text.clone())));
            let bundle = Bundle {
                proxy: id.clone(),
                bootstrap: Body::parse(std::str::from_utf8(&files["bootstrap.json"]).unwrap()).unwrap(),
                resources: resources(&followed.collect()).unwrap(),
                origins: BTreeMap::new(),
            };
            let bytes = bundle.encode().unwrap();
            let mut current = Current::new(&id, self.sequence);
            current.release = Some(Digest::of(&self.sequence.to_be_bytes()));
            current.bundle = Some(Digest::of(&bytes));
            current.bootstrap = Some(bundle.bootstrap_digest());
            self.put(&id.bundle_key(current.bundle.as_ref().unwrap()), &bytes);
            self.put(&id.current_key(), &current.encode().unwrap());
        }
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        let file = self.server.file(&format!("prod/{key}"));
        put(&file, bytes);
    }
}

fn put(file: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let beside = file.with_extension("new");
    std::fs::write(&beside, bytes).unwrap();
    std::fs::rename(beside, file).unwrap();
}

/// The mesh of bodies as the API has them.
fn mesh(bodies: &[Value]) -> Mesh {
    let resources = bodies.iter().map(|body| {
        let name = |field: &str| body[field].as_str();
        let mesh = name("meshName").unwrap();
        let path = [
            ("virtualNodeName", "virtualNode"),
            ("virtualServiceName", "virtualService"),
            ("proxyProfileName", "proxyProfile"),
        ]
        .into_iter()
        .find_map(|(field, kind)| Some(format!("mesh/{mesh}/{kind}/{}", name(field)?)))
        .or_else(|| {
            let router = name("virtualRouterName")?;
            Some(match name("routeName") {
                Some(route) => format!("mesh/{mesh}/virtualRouter/{router}/route/{route}"),
                None => format!("mesh/{mesh}/virtualRouter/{router}"),
            })
        })
        .or_else(|| {
            let gateway = name("virtualGatewayName")?;
            Some(match name("gatewayRouteName") {
                Some(route) => format!("mesh/{mesh}/virtualGateway/{gateway}/gatewayRoute/{route}"),
                None => format!("mesh/{mesh}/virtualGateway/{gateway}"),
            })
        })
        .unwrap_or_else(|| format!("mesh/{mesh}"));
        let key = ResourceKey::from_path(&path).unwrap();
        Resource::from_json(key, &body["spec"]).unwrap_or_else(|error| panic!("{path}: {error}"))
    });
    Mesh::new(resources.collect()).unwrap()
}
