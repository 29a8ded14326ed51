//! The one proxy that a command asks for by name.

use super::{Loaded, some_of};
use crate::codes;
use meshform_model::diag::{Diagnostic, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::validate::closest;

/// Whether that is the proxy that was asked for: by its name, or by `virtualGateway/name` where a node and a gateway
/// share one.
pub(crate) fn is_called(key: &ResourceKey, asked: &str) -> bool {
    match asked.split_once('/') {
        Some((kind, name)) => key.kind.name() == kind && key.name == name,
        None => key.name == asked,
    }
}

/// The one proxy of a name, where nothing is wrong so far. Otherwise why not is added.
pub(crate) fn one_proxy<'m>(
    loaded: &mut Loaded,
    meshes: &'m [Mesh],
    name: &str,
) -> Option<(&'m Mesh, ResourceKey)> {
    if has_errors(&loaded.problems) {
        return None;
    }
    let mut named = meshes
        .iter()
        .flat_map(|mesh| {
            let bare = name.split_once('/').map_or(name, |(_, name)| name);
            [Kind::VirtualNode, Kind::VirtualGateway]
                .map(|kind| (mesh, ResourceKey::in_mesh(mesh.name(), kind, bare)))
        })
        .filter(|(mesh, key)| is_called(key, name) && mesh.contains(key));
    match (named.next(), named.next()) {
        (Some(one), None) => Some(one),
        (None, _) => {
            loaded.add(vec![no_proxy(name, meshes)]);
            None
        }
        (Some((first, _)), Some((second, _))) => {
            let several = Diagnostic::error(
                meshform_model::codes::SEVERAL_MESHES,
                format!("`{name}` is the name of several proxies"),
            );
            let help = if first.name() == second.name() {
                format!("say which one: `virtualNode/{name}` or `virtualGateway/{name}`")
            } else {
                "choose the mesh with `--mesh NAME`".to_owned()
            };
            loaded.add(vec![several.help(help)]);
            None
        }
    }
}

/// There is no node or gateway of that name.
pub(crate) fn no_proxy(name: &str, meshes: &[Mesh]) -> Diagnostic {
    let proxies = || {
        meshes.iter().flat_map(|mesh| {
            let nodes = mesh.virtual_nodes().map(|node| &node.key);
            nodes.chain(mesh.virtual_gateways().map(|gateway| &gateway.key))
        })
    };
    let bare = name.split_once('/').map_or(name, |(_, name)| name);
    let names: Vec<&str> = proxies().map(|key| key.name.as_str()).collect();
    let help = match closest(bare, &names) {
        // The name is there, as the other kind.
        Some(near) if near == bare => {
            let kinds = proxies().filter(|key| key.name == bare);
            let kinds: Vec<String> = kinds.map(|key| format!("`{}/{bare}`", key.kind.name())).collect();
            format!("there is {}", kinds.join(" and "))
        }
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "the inputs hold neither nodes nor gateways".to_owned(),
        None => format!("there are {}", some_of(&names)),
    };
    Diagnostic::error(
        codes::NOT_THERE,
        format!("there is no virtual node or virtual gateway `{name}`"),
    )
    .help(help)
}
