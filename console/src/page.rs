//! What there is a page about.

use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Page {
    /// The meshes of a store.
    Meshes,
    /// A mesh: its picture, and what is wrong.
    Mesh(String),
    /// The whole picture, where that of [`Page::Mesh`] is a part.
    Picture(String),
    /// The proxies of a mesh.
    Proxies(String),
    /// What one proxy is told, and who runs it.
    Proxy(ResourceKey),
    /// The resources of a mesh.
    Resources(String),
    Resource(ResourceKey),
    /// The releases of a mesh.
    Releases(String),
    /// One release, by its digest.
    Release(String, String),
    /// Where a request would go.
    Route(String),
    /// The certificates of running proxies.
    Certificates(String),
}

impl Page {
    /// The parts of its address.
    pub fn segments(&self) -> Vec<String> {
        let of = |mesh: &str, rest: &[&str]| -> Vec<String> {
            let parts = ["m", mesh].into_iter().chain(rest.iter().copied());
            parts.map(ToOwned::to_owned).collect()
        };
        let of_key = |folder: &str, key: &ResourceKey| {
            let mut parts = of(&key.mesh, &[folder, key.kind.name()]);
            parts.extend(key.parent.clone());
            parts.push(key.name.clone());
            parts
        };
        match self {
            Self::Meshes => Vec::new(),
            Self::Mesh(mesh) => of(mesh, &[]),
            Self::Picture(mesh) => of(mesh, &["picture"]),
            Self::Proxies(mesh) => of(mesh, &["proxies"]),
            Self::Proxy(key) => of_key("proxies", key),
            Self::Resources(mesh) => of(mesh, &["resources"]),
            Self::Resource(key) => of_key("resources", key),
            Self::Releases(mesh) => of(mesh, &["releases"]),
            Self::Release(mesh, release) => of(mesh, &["releases", release]),
            Self::Route(mesh) => of(mesh, &["route"]),
            Self::Certificates(mesh) => of(mesh, &["certificates"]),
        }
    }

    /// The page of an address, by its decoded parts.
    pub fn parse(segments: &[&str]) -> Option<Self> {
        let (mesh, rest) = match segments {
            [] => return Some(Self::Meshes),
            ["m", mesh, rest @ ..] => ((*mesh).to_owned(), rest),
            _ => return None,
        };
        Some(match rest {
            [] => Self::Mesh(mesh),
            ["picture"] => Self::Picture(mesh),
            ["proxies"] => Self::Proxies(mesh),
            ["proxies", rest @ ..] => Self::Proxy(
                key(&mesh, rest)
                    .filter(|key| [Kind::VirtualNode, Kind::VirtualGateway].contains(&key.kind))?,
            ),
            ["resources"] => Self::Resources(mesh),
            ["resources", rest @ ..] => Self::Resource(key(&mesh, rest)?),
            ["releases"] => Self::Releases(mesh),
            ["releases", release] => Self::Release(mesh, (*release).to_owned()),
            ["route"] => Self::Route(mesh),
            ["certificates"] => Self::Certificates(mesh),
            _ => return None,
        })
    }

    /// The mesh that it is about.
    pub fn mesh(&self) -> Option<&str> {
        match self {
            Self::Meshes => None,
            Self::Mesh(mesh)
            | Self::Picture(mesh)
            | Self::Proxies(mesh)
            | Self::Resources(mesh)
            | Self::Releases(mesh)
            | Self::Release(mesh, _)
            | Self::Route(mesh)
            | Self::Certificates(mesh) => Some(mesh),
            Self::Proxy(key) | Self::Resource(key) => Some(&key.mesh),
        }
    }
}

fn key(mesh: &str, parts: &[&str]) -> Option<ResourceKey> {
    let kind = Kind::from_name(parts.first()?)?;
    match (kind.parent(), parts) {
        (_, [_, name]) if kind == Kind::Mesh => (*name == mesh).then(|| ResourceKey::mesh(mesh)),
        (None, [_, name]) => Some(ResourceKey::in_mesh(mesh, kind, *name)),
        (Some(parent), [_, of, name]) => Some(ResourceKey::child(
            &ResourceKey::in_mesh(mesh, parent, *of),
            kind,
            *name,
        )),
        _ => None,
    }
}
