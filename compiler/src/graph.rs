//! The picture of meshes: who calls whom, and by which rules, as text for Mermaid or Graphviz.

use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::{Mesh, Provider};
use meshform_model::spec::Backend;
use std::collections::{BTreeMap, BTreeSet};

/// What draws the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Mermaid, as Markdown shows it.
    Mermaid,
    /// Graphviz.
    Dot,
}

/// A picture: boxes by mesh, and arrows with a word on each.
#[derive(Debug, Default)]
struct Picture {
    boxes: BTreeMap<String, BTreeMap<ResourceKey, String>>,
    arrows: BTreeSet<(ResourceKey, ResourceKey, String)>,
}

/// The picture of all these meshes. What does not exist is not drawn.
pub fn draw(meshes: &[Mesh], format: Format) -> String {
    let mut picture = Picture::default();
    for mesh in meshes {
        picture.mesh(mesh);
    }
    match format {
        Format::Mermaid => picture.mermaid(),
        Format::Dot => picture.dot(),
    }
}

impl Picture {
    fn mesh(&mut self, mesh: &Mesh) {
        let key = |kind, name: &str| ResourceKey::in_mesh(mesh.name(), kind, name);
        let keys = mesh
            .virtual_nodes()
            .map(|r| &r.key)
            .chain(mesh.virtual_services().map(|r| &r.key))
            .chain(mesh.virtual_routers().map(|r| &r.key))
            .chain(mesh.virtual_gateways().map(|r| &r.key));
        let boxes = self.boxes.entry(mesh.name().to_owned()).or_default();
        boxes.extend(keys.map(|key| (key.clone(), format!("{} {}", key.kind.words(), key.name))));
        for node in mesh.virtual_nodes() {
            for backend in &node.spec.backends {
                let Backend::VirtualService(service) = backend;
                let to = key(Kind::VirtualService, &service.virtual_service_name);
                self.arrow(&node.key, to, "calls".to_owned());
            }
        }
        for service in mesh.virtual_services() {
            let provider = mesh.provider_of(&service.key.name).map(Provider::key);
            if let Some(provider) = provider {
                self.arrow(&service.key, provider.clone(), "provided by".to_owned());
            }
        }
        for route in mesh.routes() {
            let Some(router) = route.key.container() else {
                continue;
            };
            for target in route.spec.rule.targets() {
                let word = format!("{}: {}", route.key.name, target.weight);
                self.arrow(&router, key(Kind::VirtualNode, &target.virtual_node), word);
            }
        }
        for route in mesh.gateway_routes() {
            let Some(gateway) = route.key.container() else {
                continue;
            };
            let target = route.spec.rule.target();
            let to = key(Kind::VirtualService, &target.virtual_service.virtual_service_name);
            self.arrow(&gateway, to, route.key.name.clone());
        }
    }

    /// An arrow between two boxes that are there.
    fn arrow(&mut self, from: &ResourceKey, to: ResourceKey, word: String) {
        let boxes = self.boxes.get(&from.mesh);
        if boxes.is_some_and(|boxes| boxes.contains_key(from) && boxes.contains_key(&to)) {
            self.arrows.insert((from.clone(), to, word));
        }
    }

    /// Short names: those of resources can hold anything.
    fn ids(&self) -> BTreeMap<&ResourceKey, String> {
        let keys = self.boxes.values().flat_map(BTreeMap::keys);
        keys.enumerate()
            .map(|(at, key)| (key, format!("n{at}")))
            .collect()
    }

    fn mermaid(&self) -> String {
        let ids = self.ids();
        let id = |key: &ResourceKey| ids.get(key).map_or("", String::as_str);
        // Mermaid's entities; a text in quotes may hold anything else.
        let text = |text: &str| {
            text.replace('#', "#35;")
                .replace('"', "#quot;")
                .replace(['<', '>'], "")
        };
        let mut out = String::from("flowchart LR\n");
        for (at, (mesh, boxes)) in self.boxes.iter().enumerate() {
            out.push_str(&format!("  subgraph m{at} [\"{}\"]\n", text(mesh)));
            for (key, label) in boxes {
                out.push_str(&format!("    {}[\"{}\"]\n", id(key), text(label)));
            }
            out.push_str("  end\n");
        }
        for (from, to, word) in &self.arrows {
            out.push_str(&format!("  {} -->|\"{}\"| {}\n", id(from), text(word), id(to)));
        }
        out
    }

    fn dot(&self) -> String {
        let ids = self.ids();
        let id = |key: &ResourceKey| ids.get(key).map_or("", String::as_str);
        let text = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut out = String::from("digraph mesh {\n  rankdir=LR;\n  node [shape=box];\n");
        for (at, (mesh, boxes)) in self.boxes.iter().enumerate() {
            out.push_str(&format!(
                "  subgraph cluster_{at} {{\n    label=\"{}\";\n",
                text(mesh)
            ));
            for (key, label) in boxes {
                out.push_str(&format!("    {} [label=\"{}\"];\n", id(key), text(label)));
            }
            out.push_str("  }\n");
        }
        for (from, to, word) in &self.arrows {
            out.push_str(&format!(
                "  {} -> {} [label=\"{}\"];\n",
                id(from),
                id(to),
                text(word)
            ));
        }
        out.push_str("}\n");
        out
    }
}
