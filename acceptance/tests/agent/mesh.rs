//! What is published for the tests: the node `web`, which calls a service wherever a test says.

use meshform_acceptance::ports;
use meshform_bundle::layout::resources;
use meshform_bundle::objects::Current;
use meshform_bundle::{Body, Bundle, Digest, ProxyId, ROOT};
use meshform_envoy::{Options, build};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The ports of one proxy, and how often something was published for it.
pub(crate) struct Published {
    pub(crate) admin: u16,
    /// Where the application calls others.
    pub(crate) egress: u16,
    /// Where others call it, where it has certificates.
    pub(crate) ingress: u16,
    pub(crate) sequence: u64,
    /// The folder of the certificate with which `web` serves, if it does.
    pub(crate) certificates: Option<PathBuf>,
    /// The socket of a server of secrets that has `web`'s certificate, as `server`, if one has.
    pub(crate) secrets: Option<PathBuf>,
    /// The certificate of ACM with which `web` serves, if it does.
    pub(crate) exported: Option<String>,
    /// The authority of Private CA that `web` trusts, if it calls by TLS.
    pub(crate) trusted: Option<String>,
}

impl Published {
    pub(crate) fn new() -> Self {
        let [admin, egress, ingress] = ports::several().unwrap();
        Self {
            admin,
            egress,
            ingress,
            sequence: 0,
            certificates: None,
            secrets: None,
            exported: None,
            trusted: None,
        }
    }

    /// What `web` gets while the service is at that port.
    pub(crate) fn bundle(&self, proxy: &ProxyId, port: u16) -> Bundle {
        let mut profile = json!({
            "virtualNode": "web",
            "admin": {"port": self.admin},
            "interception": {"explicit": {"port": self.egress}},
            "endpoints": [{"virtualNode": "b", "addresses": [{"address": "127.0.0.1", "port": port}]}],
        });
        let listener = json!({"portMapping": {"port": 8080, "protocol": "http"}});
        let dns = json!({"dns": {"hostname": "b.apps.local"}});
        let provider = json!({"provider": {"virtualNode": {"virtualNodeName": "b"}}});
        let backend = json!({"virtualService": {"virtualServiceName": "b.local"}});
        let mut web = json!({"backends": [backend]});
        let files = self.certificates.as_ref().map(|folder| {
            json!({"file": {"certificateChain": folder.join("tls.crt"), "privateKey": folder.join("tls.key")}})
        });
        let exported = self.exported.as_ref().map(|arn| {
            profile["certificates"] = json!([{"reference": arn, "source": {"acm": {}}}]);
            json!({"acm": {"certificateArn": arn}})
        });
        if let Some(arn) = &self.trusted {
            profile["certificates"] = json!([{"reference": arn, "source": {"acm": {}}}]);
            let trust = json!({"acm": {"certificateAuthorityArns": [arn]}});
            web["backendDefaults"] = json!({"clientPolicy": {"tls": {"validation": {"trust": trust}}}});
        }
        let secret = self.secrets.as_ref().map(|socket| {
            profile["sdsSocketPath"] = json!(socket);
            json!({"sds": {"secretName": "server"}})
        });
        if let Some(certificate) = files.or(exported).or(secret) {
            let tls = json!({"mode": "STRICT", "certificate": certificate});
            web["listeners"] =
                json!([{"portMapping": {"port": self.ingress, "protocol": "http"}, "tls": tls}]);
            profile["inbound"] = json!({"appPorts": [{"listenerPort": self.ingress, "appPort": port}]});
            web["serviceDiscovery"] = json!({"dns": {"hostname": "web.apps.local"}});
        }
        built(
            proxy,
            &[
                ("mesh/apps", json!({})),
                ("mesh/apps/virtualNode/web", web),
                (
                    "mesh/apps/virtualNode/b",
                    json!({"listeners": [listener], "serviceDiscovery": dns}),
                ),
                ("mesh/apps/virtualService/b.local", provider),
                ("mesh/apps/proxyProfile/web", profile),
            ],
        )
    }

    /// What an instance of `b` gets whose application is at that port.
    pub(crate) fn server(&self, proxy: &ProxyId, port: u16) -> Bundle {
        let profile = json!({
            "virtualNode": "b",
            "admin": {"port": self.admin},
            "interception": {"explicit": {"port": self.egress}},
            "inbound": {"appPorts": [{"listenerPort": self.ingress, "appPort": port}]},
        });
        let listener = json!({"portMapping": {"port": self.ingress, "protocol": "http"}});
        let dns = json!({"dns": {"hostname": "b.apps.local"}});
        built(
            proxy,
            &[
                ("mesh/apps", json!({})),
                (
                    "mesh/apps/virtualNode/b",
                    json!({"listeners": [listener], "serviceDiscovery": dns}),
                ),
                ("mesh/apps/proxyProfile/b", profile),
            ],
        )
    }

    /// The pointer to a bundle, one further.
    pub(crate) fn current(&mut self, proxy: &ProxyId, bundle: &[u8], bootstrap: &Digest) -> Current {
        self.sequence += 1;
        let mut current = Current::new(proxy, self.sequence);
        current.release = Some(Digest::of(&self.sequence.to_be_bytes()));
        current.bundle = Some(Digest::of(bundle));
        current.bootstrap = Some(bootstrap.clone());
        current
    }
}

/// What a proxy gets of a mesh with these resources.
fn built(proxy: &ProxyId, resources_of: &[(&str, Value)]) -> Bundle {
    let mesh = mesh(resources_of);
    let output = build(&mesh, &Options::new(ROOT)).unwrap();
    let built = output
        .proxies
        .into_iter()
        .find(|built| ProxyId::of(&built.key).as_ref() == Some(proxy));
    let files = built.unwrap().files();
    let followed = files
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix("xds/")?.to_owned(), text.clone())));
    let bootstrap = std::str::from_utf8(&files["bootstrap.json"]).unwrap();
    Bundle {
        proxy: proxy.clone(),
        bootstrap: Body::parse(bootstrap).unwrap(),
        resources: resources(&followed.collect()).unwrap(),
        origins: BTreeMap::new(),
    }
}

fn mesh(resources: &[(&str, Value)]) -> Mesh {
    let resources = resources.iter().map(|(path, spec)| {
        let key = ResourceKey::from_path(path).unwrap();
        Resource::from_json(key, spec).unwrap_or_else(|error| panic!("{path}: {error}"))
    });
    Mesh::new(resources.collect()).unwrap()
}
