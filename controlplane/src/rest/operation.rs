//! The operations of the App Mesh API: seven kinds by five verbs, and three for tags. Method and path follow from a kind
//! and its container, so that no operation is written down by itself.

use super::escape;
use http::Method;
use meshform_model::dialect::Dialect;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema;

/// What every path begins with: the version of the API.
const VERSION: &str = "v20190125";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Create,
    Describe,
    Update,
    Delete,
    List,
    ListTags,
    Tag,
    Untag,
}

/// One request's operation and what its path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    /// What the path says; none for the operations on tags, which name their resource by ARN.
    pub(crate) path: Option<NamedResource>,
}

/// What a path names: a resource, or the resources of a kind in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedResource {
    pub(crate) kind: Kind,
    /// The mesh, unless the path is that of all meshes.
    pub(crate) mesh: Option<String>,
    /// The router of a route, the gateway of a gateway route.
    pub(crate) parent: Option<String>,
    /// The resource's own name, unless the path is that of a collection.
    pub(crate) name: Option<String>,
}

/// Why a path has no operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoOperation {
    /// There is none with this path.
    Path,
    /// The path is known, with other methods.
    Method(&'static [&'static str]),
    /// A name in the path cannot be read: which one, and why.
    Name { field: &'static str, why: String },
}

/// The kinds that the API has, which are App Mesh's own.
pub(crate) fn kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| kind.is_app_mesh())
}

impl Call {
    /// The operation of a method and a path as it was sent: split before anything is decoded, so that a name may
    /// contain `%2F`.
    pub(crate) fn of(method: &Method, path: &str) -> Result<Self, NoOperation> {
        let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
        if parts.next() != Some(VERSION) {
            return Err(NoOperation::Path);
        }
        let parts: Vec<&str> = parts.collect();
        let tags = match parts.as_slice() {
            ["tags"] => Some((Verb::ListTags, Method::GET, &["GET"] as &[_])),
            ["tag"] => Some((Verb::Tag, Method::PUT, &["PUT"] as &[_])),
            ["untag"] => Some((Verb::Untag, Method::PUT, &["PUT"] as &[_])),
            _ => None,
        };
        if let Some((verb, expected, methods)) = tags {
            return match *method == expected {
                true => Ok(Self { verb, path: None }),
                false => Err(NoOperation::Method(methods)),
            };
        }
        let named = NamedResource::of(&parts)?;
        let verb = match (method.as_str(), &named.name) {
            ("GET", None) => Verb::List,
            ("PUT", None) => Verb::Create,
            ("GET", Some(_)) => Verb::Describe,
            ("PUT", Some(_)) => Verb::Update,
            ("DELETE", Some(_)) => Verb::Delete,
            (_, None) => return Err(NoOperation::Method(&["GET", "PUT"])),
            (_, Some(_)) => return Err(NoOperation::Method(&["GET", "PUT", "DELETE"])),
        };
        Ok(Self {
            verb,
            path: Some(named),
        })
    }

    /// The operation's name in the API: `CreateVirtualNode`.
    pub(crate) fn name(&self) -> String {
        let Some(named) = &self.path else {
            return match self.verb {
                Verb::Tag => "TagResource",
                Verb::Untag => "UntagResource",
                _ => "ListTagsForResource",
            }
            .to_owned();
        };
        let (verb, noun) = match self.verb {
            Verb::Create => ("Create", named.kind.name().to_owned()),
            Verb::Describe => ("Describe", named.kind.name().to_owned()),
            Verb::Update => ("Update", named.kind.name().to_owned()),
            Verb::Delete => ("Delete", named.kind.name().to_owned()),
            _ => ("List", named.kind.plural()),
        };
        let mut letters = noun.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().fold(verb.to_owned(), |mut name, letter| {
            name.push(letter);
            name
        }) + letters.as_str()
    }

    /// Whether the operation changes anything, so that a key that only reads may not call it.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self.verb, Verb::Describe | Verb::List | Verb::ListTags)
    }
}

impl NamedResource {
    fn of(parts: &[&str]) -> Result<Self, NoOperation> {
        let (mesh, rest) = match parts {
            ["meshes"] => {
                return Ok(Self {
                    kind: Kind::Mesh,
                    mesh: None,
                    parent: None,
                    name: None,
                });
            }
            ["meshes", mesh, rest @ ..] => (decoded(mesh, Kind::Mesh)?, rest),
            _ => return Err(NoOperation::Path),
        };
        let (parent_kind, parent, rest) = match rest {
            [] => {
                return Ok(Self {
                    kind: Kind::Mesh,
                    mesh: Some(mesh.clone()),
                    parent: None,
                    name: Some(mesh),
                });
            }
            [collection] | [collection, _] if of_collection(collection, None).is_some() => (None, None, rest),
            [kind, parent, rest @ ..] => {
                let kind = Kind::from_name(kind).ok_or(NoOperation::Path)?;
                (Some(kind), Some(decoded(parent, kind)?), rest)
            }
            _ => return Err(NoOperation::Path),
        };
        let (collection, name) = match rest {
            [collection] => (collection, None),
            [collection, name] => (collection, Some(name)),
            _ => return Err(NoOperation::Path),
        };
        let kind = of_collection(collection, parent_kind).ok_or(NoOperation::Path)?;
        let name = name.map(|name| decoded(name, kind)).transpose()?;
        Ok(Self {
            kind,
            mesh: Some(mesh),
            parent,
            name,
        })
    }

    /// The names in the path, each with the field that it is.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let own = self.name.as_ref().filter(|_| self.kind != Kind::Mesh);
        let names = [self.mesh.as_ref(), self.parent.as_ref(), own];
        let fields = schema::kind(self.kind).key.iter().map(String::as_str);
        fields.zip(names.into_iter().flatten().map(String::as_str))
    }

    /// The resource, where the path names one.
    pub(crate) fn key(&self) -> Option<ResourceKey> {
        self.called(self.name.as_deref()?)
    }

    /// The resource of that name in what the path names.
    pub(crate) fn called(&self, name: &str) -> Option<ResourceKey> {
        if self.kind == Kind::Mesh {
            return Some(ResourceKey::mesh(name));
        }
        Some(ResourceKey {
            mesh: self.mesh.clone()?,
            kind: self.kind,
            parent: self.parent.clone(),
            name: name.to_owned(),
        })
    }
}

/// The kind whose resources lie in a collection below a container of that kind.
fn of_collection(collection: &str, parent: Option<Kind>) -> Option<Kind> {
    kinds().find(|kind| *kind != Kind::Mesh && kind.parent() == parent && kind.plural() == collection)
}

/// A name of a resource of that kind, as a path has it.
fn decoded(part: &str, kind: Kind) -> Result<String, NoOperation> {
    let wrong = |why: String| NoOperation::Name {
        field: kind.name_field(Dialect::Api),
        why: format!("the name in the path {why}"),
    };
    match escape::decoded(part) {
        Ok(text) if text.is_empty() => Err(wrong("is empty".to_owned())),
        decoded => decoded.map_err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn call(method: &str, path: &str) -> Result<Call, NoOperation> {
        Call::of(&method.parse().unwrap(), &format!("/v20190125{path}"))
    }

    #[test]
    fn the_api_has_38_operations() {
        let mut names = BTreeSet::new();
        for kind in kinds() {
            let inner = match (kind, kind.parent()) {
                (Kind::Mesh, _) => "/meshes".to_owned(),
                (_, None) => format!("/meshes/m/{}", kind.plural()),
                (_, Some(parent)) => format!("/meshes/m/{}/p/{}", parent.name(), kind.plural()),
            };
            for (method, path) in [
                ("PUT", inner.clone()),
                ("GET", inner.clone()),
                ("GET", format!("{inner}/n")),
                ("PUT", format!("{inner}/n")),
                ("DELETE", format!("{inner}/n")),
            ] {
                names.insert(call(method, &path).unwrap().name());
            }
        }
        for (method, path) in [("GET", "/tags"), ("PUT", "/tag"), ("PUT", "/untag")] {
            names.insert(call(method, path).unwrap().name());
        }
        assert_eq!(names.len(), 38, "{names:?}");
        for name in ["CreateMesh", "ListMeshes", "ListGatewayRoutes", "UntagResource"] {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn a_name_may_have_a_slash_that_is_encoded() {
        let found = call("GET", "/meshes/a%2Fb/virtualRouter/r%20x/routes/%C3%BC").unwrap();
        let key = found.path.unwrap().key().unwrap();
        assert_eq!((key.mesh.as_str(), key.name.as_str()), ("a/b", "ü"));
        assert_eq!(key.parent.as_deref(), Some("r x"));
        let of_mesh = call("GET", "/meshes/m").unwrap().path.unwrap();
        assert_eq!(of_mesh.names().collect::<Vec<_>>(), [("meshName", "m")]);
        let of_list = call("GET", "/meshes/m/virtualGateway/g/gatewayRoutes").unwrap();
        let names = of_list.path.as_ref().unwrap().names();
        assert_eq!(
            names.collect::<Vec<_>>(),
            [("meshName", "m"), ("virtualGatewayName", "g")]
        );
    }

    #[test]
    fn what_is_no_operation_is_said() {
        assert_eq!(call("POST", "/meshes"), Err(NoOperation::Method(&["GET", "PUT"])));
        assert_eq!(call("GET", "/meshes/m/routes"), Err(NoOperation::Path));
        assert_eq!(
            call("GET", "/meshes/m/virtualNode/n/routes"),
            Err(NoOperation::Path)
        );
        let field = |path: &str| match call("GET", path) {
            Err(NoOperation::Name { field, .. }) => field,
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(field("/meshes//virtualNodes"), "meshName");
        assert_eq!(field("/meshes/%FF"), "meshName");
        assert_eq!(field("/meshes/m/virtualNodes/50%"), "virtualNodeName");
        assert_eq!(field("/meshes/m/virtualRouter//routes/r"), "virtualRouterName");
        assert_eq!(field("/meshes/m/virtualRouter/r/routes/%C3%28"), "routeName");
        assert_eq!(call("GET", "/meshes/m/proxyProfiles"), Err(NoOperation::Path));
        assert_eq!(Call::of(&Method::GET, "/v1/meshes"), Err(NoOperation::Path));
    }
}
