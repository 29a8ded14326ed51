//! What the tests of Envoy's files share: reading a mesh, asking Envoy of its files, an Envoy that follows releases.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod http;
pub(crate) mod random;
pub(crate) mod running;
pub(crate) mod steps;

use meshform_envoy::{self as envoy, Options};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use serde_json::Value;
use std::path::Path;

/// Where proxies find their files, in golden files.
pub(crate) const ROOT: &str = "/var/lib/meshform";

/// Resources as tests write them: an object per kind, by name (`router/route` for children) to spec, or to
/// `{"spec": …, "extensions": …}`; the mesh itself by `mesh`, `meshSpec` and `meshExtensions`.
pub(crate) fn resources(json: &Value) -> Vec<Resource> {
    let mesh = json["mesh"].as_str().expect("a mesh's name").to_owned();
    let mut out = Vec::new();
    let own = |name: &str| json.get(name).cloned().unwrap_or_default();
    let spec = match own("meshSpec") {
        Value::Null => serde_json::json!({}),
        spec => spec,
    };
    let itself = Resource::from_json(ResourceKey::mesh(&mesh), &spec);
    let itself = itself.and_then(|one| one.with_extensions(&own("meshExtensions")));
    out.push(itself.expect("the mesh itself"));
    for (kind_name, members) in json.as_object().expect("an object") {
        if kind_name.starts_with("mesh") {
            continue;
        }
        let kind = Kind::from_name(kind_name).unwrap_or_else(|| panic!("{kind_name} is no kind"));
        for (name, body) in members.as_object().expect("resources by name") {
            let key = match (kind, kind.parent()) {
                (_, Some(parent)) => {
                    let (of, name) = name.split_once('/').expect("parent/name");
                    ResourceKey::child(&ResourceKey::in_mesh(&mesh, parent, of), kind, name)
                }
                (_, None) => ResourceKey::in_mesh(&mesh, kind, name),
            };
            let spec = body.get("spec").unwrap_or(body);
            let extensions = body.get("extensions").unwrap_or(&Value::Null);
            let resource = Resource::from_json(key, spec).and_then(|one| one.with_extensions(extensions));
            out.push(resource.unwrap_or_else(|e| panic!("{name}: {e}")));
        }
    }
    out
}

/// A mesh as tests write it.
pub(crate) fn mesh(json: &Value) -> Mesh {
    Mesh::new(resources(json)).expect("one mesh")
}

/// All proxies' files, or what is wrong as text.
pub(crate) fn build(mesh: &Mesh) -> Result<envoy::Output, String> {
    envoy::build(mesh, &Options::new(ROOT)).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

/// What Envoy says of a bootstrap in validation mode; an error when it refuses it or calls something deprecated.
pub(crate) fn validate(bootstrap: &Path) -> Result<(), String> {
    let judged = meshform_acceptance::envoy::validate(bootstrap).expect("envoy starts");
    let said = &judged.said;
    if !judged.accepted {
        return Err(format!("{} is refused:\n{said}", bootstrap.display()));
    }
    if said.contains("Deprecated field") || said.contains("deprecated") {
        return Err(format!(
            "{} uses what is deprecated:\n{said}",
            bootstrap.display()
        ));
    }
    Ok(())
}

/// A certificate with its key and the authority that signed it, as `tls.crt`, `tls.key`, `ca.crt`.
pub(crate) fn write_certificates(folder: &Path) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    // Another name than a leaf's, which would otherwise look self-signed.
    ca.distinguished_name
        .push(rcgen::DnType::CommonName, "the authority");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "serviceb.apps.local".to_owned()];
    let certificate = rcgen::CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    std::fs::write(folder.join("ca.crt"), ca_certificate.pem()).unwrap();
    std::fs::write(folder.join("tls.crt"), certificate.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
}
