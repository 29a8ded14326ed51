//! A proxy as functions are given it: a node or a gateway, and a profile, of which only what is needed is read. What
//! is not needed may be unknown.

use super::files;
use crate::value;
use meshform_compiler::ecs::NeededFile;
use meshform_envoy as envoy;
use meshform_model::diag::{Diagnostic, Notation};
use meshform_model::dialect::{self, Dialect};
use meshform_model::help;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::resource::Resource;
use meshform_model::spec::{Interception, Spec};
use meshform_model::value::{Node, Object, Value as Inner};
use serde_json::json;
use tfplugin::value::Type;
use tfplugin::{FunctionError, Parameter, Value};

/// Parts of a profile that say nothing of how the process is run.
const OF_OTHERS: [&str; 3] = ["endpoints", "certificates", "inbound"];

/// A mesh of one proxy.
pub(super) struct ProxyMesh {
    pub(super) mesh: Mesh,
    pub(super) key: ResourceKey,
    /// Whether the ports of its listeners are known.
    pub(super) ports_known: bool,
    /// Whether connections are intercepted by their ports.
    pub(super) transparent: bool,
    /// The files that node and profile name, as far as they are known.
    pub(super) files: Vec<NeededFile>,
}

/// The parameters `node` and `profile`.
pub(super) fn parameters() -> [Parameter; 2] {
    [
        Parameter::new("node", Type::Dynamic)
            .allow_unknown()
            .description("The `appmesh_virtual_node` or `appmesh_virtual_gateway`."),
        Parameter::new("profile", Type::Dynamic)
            .allow_null()
            .allow_unknown()
            .description("Its `appmesh_proxy_profile`, or null for the defaults."),
    ]
}

impl ProxyMesh {
    /// Reads both; `first` is the position of the node among the arguments. None while a part that is needed is not
    /// known.
    pub(super) fn read(node: &Value, profile: &Value, first: usize) -> Result<Option<Self>, FunctionError> {
        let kind = match is_gateway(node) {
            None => return Ok(None),
            Some(true) => Kind::VirtualGateway,
            Some(false) => Kind::VirtualNode,
        };
        let Some(key) = key(kind, node).map_err(|why| FunctionError::argument(first, why))? else {
            return Ok(None);
        };
        let whole = document(kind, node);
        let ports = ports(&whole);
        let mut files = files::named(&whole);
        let spec = json!({"listeners": ports.clone().unwrap_or_default()});
        let mut resources = vec![
            made(ResourceKey::mesh(&key.mesh), &json!({}))?,
            made(key.clone(), &spec)?,
        ];
        let mut interception = None;
        if !profile.plain().is_null() {
            let Some(spec) = profile_spec(profile) else {
                return Ok(None);
            };
            let name = ResourceKey::in_mesh(&key.mesh, Kind::ProxyProfile, "profile");
            let wrong = |found: Diagnostic| FunctionError::argument(first + 1, found.to_string());
            let mut own = Resource::from_json(name, &spec).map_err(wrong)?;
            if let Spec::ProxyProfile(spec) = &mut own.spec {
                (spec.virtual_node, spec.virtual_gateway) = match kind {
                    Kind::VirtualGateway => (None, Some(key.name.clone())),
                    _ => (Some(key.name.clone()), None),
                };
                interception.clone_from(&spec.interception);
            }
            files.extend(files::of_profile(&whole, &own));
            resources.push(own);
        }
        Ok(Some(Self {
            mesh: Mesh::new(resources).map_err(|found| failed(&found))?,
            ports_known: ports.is_some(),
            transparent: kind == Kind::VirtualNode
                && matches!(interception, Some(Interception::Transparent(_))),
            files,
            key,
        }))
    }

    /// The image that its container runs.
    pub(super) fn image(&self) -> String {
        self.mesh.profile_for(&self.key).image().to_owned()
    }

    /// The bootstrap with which its Envoy follows published files in `directory`.
    pub(super) fn bootstrap(&self, directory: &str) -> Result<String, FunctionError> {
        let options = envoy::Options::new(directory);
        envoy::bootstrap(&self.mesh, &self.key, envoy::Mode::Files, &options).map_err(|found| failed(&found))
    }
}

/// Everything that is wrong, as a function tells it.
pub(super) fn failed(found: &[Diagnostic]) -> FunctionError {
    let told = |one: &Diagnostic| {
        let words = help::told(one, Notation::Hcl);
        match words.whole_help() {
            Some(help) => format!("{}: {}; {help}", one.code, words.message),
            None => format!("{}: {}", one.code, words.message),
        }
    };
    let lines: Vec<String> = found.iter().filter(|one| one.is_error()).map(told).collect();
    FunctionError::new(lines.join("\n"))
}

fn made(key: ResourceKey, spec: &serde_json::Value) -> Result<Resource, FunctionError> {
    Resource::from_json(key, spec).map_err(|found| failed(&[found]))
}

fn document(kind: Kind, value: &Value) -> Node {
    dialect::to_canonical(kind, Dialect::Terraform, &value::to_node(value)).0
}

/// Both have listeners; only a node has discovery and backends. None while the value is not known.
fn is_gateway(node: &Value) -> Option<bool> {
    let fields = node.plain().entries()?;
    let spec = fields.get("spec")?.plain();
    if spec.is_unknown() {
        return None;
    }
    let spec = spec.items().first().cloned().unwrap_or_default();
    let Some(fields) = spec.plain().entries() else {
        // A node may be without all; a gateway never is.
        return Some(false);
    };
    Some(!fields.contains_key("backend") && !fields.contains_key("service_discovery"))
}

/// The key; none while a part of it is not known.
fn key(kind: Kind, value: &Value) -> Result<Option<ResourceKey>, String> {
    let value = value.plain();
    let unknown = ["name", "mesh_name"]
        .iter()
        .any(|name| value.get(name).is_unknown());
    if unknown {
        return Ok(None);
    }
    let key = crate::key::of_value(kind, value);
    key.map(Some)
        .ok_or_else(|| format!("This is not a {kind}: a part of its name is missing."))
}

/// Listeners with nothing but their ports; none while one is not known.
fn ports(document: &Node) -> Option<Vec<serde_json::Value>> {
    let spec = document.get("spec")?;
    match spec.get("listeners") {
        None => (spec.value != Inner::Unknown).then(Vec::new),
        Some(listeners) => {
            let port =
                |listener: &Node| Some(json!({"portMapping": listener.get("portMapping")?.to_json()?}));
            listeners.as_list()?.iter().map(port).collect()
        }
    }
}

/// What the profile says of how the process is run; none while a part of it is not known.
fn profile_spec(profile: &Value) -> Option<serde_json::Value> {
    let document = document(Kind::ProxyProfile, profile);
    let Some(spec) = document.get("spec") else {
        return profile.plain().entries().map(|_| json!({}));
    };
    let fields = spec.as_object()?.iter();
    let kept: Object = fields
        .filter(|field| !OF_OTHERS.contains(&field.name.as_str()))
        .map(|field| (field.name.clone(), field.node.clone()))
        .collect();
    Node::new(Inner::Object(kept)).to_json()
}
