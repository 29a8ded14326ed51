//! The names and namespaces of the objects.

use crate::frontend::kubernetes::{ManifestContext, default_name};
use meshform_model::arn::Arn;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::resource::{DEFAULT_ACCOUNT, DEFAULT_PARTITION, DEFAULT_REGION, Resource};
use std::collections::{BTreeMap, BTreeSet};

/// The longest name of an object.
const LONGEST: usize = 253;
/// Where the path of a resource begins in its ARN.
const MESH_OF_ARN: &str = ":mesh/";

/// How an object is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) namespace: String,
}

/// The names of all objects.
pub(super) struct Names<'n> {
    names: BTreeMap<ResourceKey, Name>,
    namespace: &'n str,
    /// The ARNs that the manifests of the input had.
    arns: &'n BTreeMap<ResourceKey, String>,
    /// The objects that their refs named.
    refs: &'n BTreeMap<(Kind, String), (String, String)>,
    /// The beginning of the ARNs in each mesh of which a resource tells it.
    homes: BTreeMap<&'n str, &'n str>,
}

/// An ARN of what is not among the inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExternalArn {
    /// An input says it, or it follows from one that does.
    Known(String),
    /// Made up, for this reason.
    MadeUp(String, String),
}

/// The kind of an object, as manifests have it.
pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Mesh => "Mesh",
        Kind::VirtualService => "VirtualService",
        Kind::VirtualNode => "VirtualNode",
        Kind::VirtualRouter | Kind::Route => "VirtualRouter",
        Kind::VirtualGateway => "VirtualGateway",
        Kind::GatewayRoute => "GatewayRoute",
        Kind::ProxyProfile => "ProxyProfile",
    }
}

impl<'n> Names<'n> {
    pub(super) fn assign(resources: &'n [Resource], kept: &'n ManifestContext, namespace: &'n str) -> Self {
        let mut taken: BTreeSet<(&'static str, String, String)> = BTreeSet::new();
        let mut names = BTreeMap::new();
        // A route stands in the object of its router, and takes no object's name.
        let keys = resources.iter().map(|resource| &resource.key);
        let mut keys: Vec<&ResourceKey> = keys.filter(|key| key.kind != Kind::Route).collect();
        // What a manifest called goes first, so that nothing else takes its name.
        keys.sort_by_key(|key| (!kept.objects.contains_key(*key), *key));
        for key in keys {
            let mut name = match kept.objects.get(key) {
                Some(object) => Name {
                    name: object.name.clone(),
                    namespace: object.namespace.clone(),
                },
                None => made_up(key, namespace),
            };
            let plain = name.name.clone();
            let mut number = 2;
            while !taken.insert((kind(key.kind), name.namespace.clone(), name.name.clone())) {
                name.name = format!("{plain}-{number}");
                number += 1;
            }
            names.insert(key.clone(), name);
        }
        let homes = resources.iter().filter_map(|resource| {
            let (home, _) = resource.identity.as_ref()?.arn.split_once(MESH_OF_ARN)?;
            Some((resource.key.mesh.as_str(), home))
        });
        Self {
            names,
            namespace,
            arns: &kept.arns,
            refs: &kept.refs,
            homes: homes.collect(),
        }
    }

    /// The ARN by which an object names what is not among the inputs. Nothing there says a region, and only a shared mesh
    /// says the account.
    pub(super) fn arn(&self, key: &ResourceKey, mesh_owner: Option<&str>) -> ExternalArn {
        if let Some(arn) = self.arns.get(key) {
            return ExternalArn::Known(arn.clone());
        }
        let path = key.path();
        if let Some(home) = self.homes.get(key.mesh.as_str()) {
            return ExternalArn::Known(format!("{home}:{path}"));
        }
        let (account, made_up) = match mesh_owner {
            Some(owner) => (owner, format!("region {DEFAULT_REGION}")),
            None => (
                DEFAULT_ACCOUNT,
                format!("account {DEFAULT_ACCOUNT} and region {DEFAULT_REGION}"),
            ),
        };
        let arn = Arn {
            partition: DEFAULT_PARTITION,
            service: "appmesh",
            region: DEFAULT_REGION,
            account,
            resource: &path,
        };
        ExternalArn::MadeUp(arn.to_string(), made_up)
    }

    /// The name of an object; of one that is not among the resources, the name that it would have.
    pub(super) fn of(&self, key: &ResourceKey) -> Name {
        let known = self.names.get(key).cloned();
        known.unwrap_or_else(|| made_up(key, self.namespace))
    }

    /// The name of an object that refs may name: one of the resources, or one that a manifest of the input named so.
    pub(super) fn referred(&self, key: &ResourceKey) -> Option<Name> {
        if let Some(name) = self.names.get(key) {
            return Some(name.clone());
        }
        let (name, namespace) = self.refs.get(&(key.kind, key.name.clone()))?;
        Some(Name {
            name: name.clone(),
            namespace: namespace.clone(),
        })
    }

    pub(super) fn has(&self, key: &ResourceKey) -> bool {
        self.names.contains_key(key)
    }

    /// The name of the object of a mesh.
    pub(super) fn mesh(&self, mesh: &str) -> String {
        self.of(&ResourceKey::mesh(mesh)).name
    }

    /// Whether the controller would give the object another name in App Mesh.
    pub(super) fn needs_aws_name(&self, key: &ResourceKey) -> bool {
        let name = self.of(key);
        default_name(kind(key.kind), &name.name, &name.namespace) != key.name
    }
}

/// The name of an object that came from another form: one from which the controller would make the same name, where that
/// is possible.
fn made_up(key: &ResourceKey, namespace: &str) -> Name {
    let separator = match key.kind {
        Kind::VirtualService => '.',
        _ => '_',
    };
    let suffix = format!("{separator}{namespace}");
    let name = match key.kind {
        Kind::Mesh => key.name.as_str(),
        _ => key.name.strip_suffix(&suffix).unwrap_or(&key.name),
    };
    Name {
        name: object_name(name),
        namespace: namespace.to_owned(),
    }
}

/// A name that Kubernetes takes for an object: lower case letters, digits, `-` and `.`, with letters or digits at both
/// ends.
pub(super) fn object_name(name: &str) -> String {
    let valid = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' => c,
        _ => '-',
    };
    let name: String = name.chars().map(valid).take(LONGEST).collect();
    // Each part between dots begins and ends with a letter or a digit.
    let parts: Vec<&str> = name
        .split('.')
        .map(|part| part.trim_matches('-'))
        .filter(|part| !part.is_empty())
        .collect();
    match parts.is_empty() {
        true => "x".to_owned(),
        false => parts.join("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_such_that_kubernetes_takes_them() {
        for (name, object) in [
            ("Order_Service", "order-service"),
            ("-a-.-b", "a.b"),
            ("_", "x"),
            ("*.apps.local", "apps.local"),
        ] {
            assert_eq!(object_name(name), object);
        }
        let key = ResourceKey::in_mesh("m", Kind::VirtualNode, "a_shop");
        let router = |name| ResourceKey::in_mesh("m", Kind::VirtualRouter, name);
        let route = ResourceKey::child(&router("a"), Kind::Route, "z");
        let spec =
            serde_json::json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": []}}});
        let resources = [
            Resource::from_json(route, &spec).unwrap(),
            Resource::from_json(router("z"), &serde_json::json!({})).unwrap(),
        ];
        let kept = ManifestContext::default();
        let names = Names::assign(&resources, &kept, "shop");
        assert_eq!(names.of(&router("z")).name, "z", "a route takes no object's name");
        assert_eq!(made_up(&key, "shop").name, "a");
        assert_eq!(made_up(&key, "other").name, "a-shop");
    }
}
