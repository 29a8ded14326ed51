//! The kinds of resource: App Mesh's seven, and the proxy profile, which is ours.

#[rustfmt::skip]
mod generated;

pub use generated::Kind;

use std::fmt;

impl Kind {
    /// The kind of that API name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The plural that the API's paths and lists use: `meshes`, `virtualNodes`.
    pub fn plural(self) -> String {
        plural(self.name())
    }

    /// The kinds that live inside this one; in a mesh those that live in nothing else.
    pub fn children(self) -> impl Iterator<Item = Kind> {
        let inside = Some(self).filter(|kind| *kind != Kind::Mesh);
        Self::ALL
            .into_iter()
            .filter(move |kind| *kind != Kind::Mesh && kind.parent() == inside)
    }

    /// The place of the kind among all: what contains others is written first, so that no reader sees a route without its
    /// router.
    pub fn write_order(self) -> usize {
        // Every kind stands there.
        Self::ALL
            .iter()
            .position(|kind| *kind == self)
            .unwrap_or_default()
    }
}

/// The plural of a kind's name in any notation: `meshes`, `virtual nodes`, `appmesh_routes`.
pub fn plural(name: &str) -> String {
    match name.ends_with('h') {
        true => format!("{name}es"),
        false => format!("{name}s"),
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_written_before_what_is_in_them() {
        for kind in Kind::ALL {
            let container = kind.parent().unwrap_or(Kind::Mesh);
            assert!(kind == Kind::Mesh || container.write_order() < kind.write_order());
        }
    }

    #[test]
    fn lists_have_the_names_of_the_api() {
        let below = |kind: Kind| kind.children().map(Kind::plural).collect::<Vec<_>>();
        assert_eq!(Kind::Mesh.plural(), "meshes");
        assert_eq!(
            below(Kind::Mesh),
            [
                "proxyProfiles",
                "virtualNodes",
                "virtualRouters",
                "virtualServices",
                "virtualGateways"
            ]
        );
        assert_eq!(below(Kind::VirtualRouter), ["routes"]);
        assert_eq!(below(Kind::VirtualGateway), ["gatewayRoutes"]);
        assert!(below(Kind::Route).is_empty());
        let ours: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| !kind.is_app_mesh()).collect();
        assert_eq!(ours, [Kind::ProxyProfile]);
    }
}
