//! The files that a node and a profile name: a function knows no mesh, and what is not known yet is left out.

use meshform_compiler::ecs::NeededFile;
use meshform_model::diag::ProblemLocation;
use meshform_model::resource::Resource;
use meshform_model::spec::Spec;
use meshform_model::value::{Node, Value};

/// The certificates, keys and logs of a node or a gateway.
pub(super) fn named(document: &Node) -> Vec<NeededFile> {
    let mut out = Vec::new();
    let mut pending = vec![(document, "")];
    while let Some((node, above)) = pending.pop() {
        match &node.value {
            Value::List(list) => pending.extend(list.iter().map(|node| (node, above))),
            Value::Object(object) => {
                for field in object {
                    let text = field.node.as_str();
                    match (above, field.name.as_str(), text) {
                        (_, "certificateChain" | "privateKey", Some(path)) => out.push(certificate(path)),
                        ("accessLogFile", "path", Some(path)) => out.push(log(path)),
                        ("accessLog", "file", _) => pending.push((&field.node, "accessLogFile")),
                        (_, name, _) => pending.push((&field.node, name)),
                    }
                }
            }
            _ => {}
        }
    }
    out
}

/// What the profile adds: the socket that certificates come from, and the log of the admin interface.
pub(super) fn of_profile(document: &Node, profile: &Resource) -> Vec<NeededFile> {
    let Spec::ProxyProfile(profile) = &profile.spec else {
        return Vec::new();
    };
    let admin = profile
        .admin
        .as_ref()
        .and_then(|admin| admin.access_log_path.as_deref());
    let socket = profile.sds_socket_path.as_deref().filter(|_| has_sds(document));
    let socket = socket.map(|path| file(path, "socket of the secret discovery service", false));
    admin.map(log).into_iter().chain(socket).collect()
}

fn has_sds(document: &Node) -> bool {
    match &document.value {
        Value::List(list) => list.iter().any(has_sds),
        Value::Object(object) => object
            .iter()
            .any(|field| !field.node.is_null() && (field.name == "sds" || has_sds(&field.node))),
        _ => false,
    }
}

fn certificate(path: &str) -> NeededFile {
    file(path, "certificate file", false)
}

fn log(path: &str) -> NeededFile {
    file(path, "log file", true)
}

fn file(path: &str, what: &'static str, written: bool) -> NeededFile {
    NeededFile {
        path: path.to_owned(),
        what,
        written,
        place: ProblemLocation::default(),
    }
}
