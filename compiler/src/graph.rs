//! The picture of meshes: gateways at the left, then each virtual service with its routes and nodes, and who calls whom.
//!
//! - [`Picture`] is what is shown, as cards, rows and arrows; [`Picture::around`] keeps a part of it.
//! - `drawing` makes it from a mesh; `words` says conditions and limits in words.
//! - `layout` gives cards their places, `ways` arrows their ways between them; they know nothing but sizes and arrows.
//! - `svg`, `page` (SVG with search, zoom and details in one HTML file), `mermaid` and `dot` write it.
//!
//! The same resources in any order give the same bytes, and a mesh with errors is drawn too, with the errors in it.

mod dot;
mod drawing;
mod layout;
mod mermaid;
mod page;
mod picture;
mod plain;
mod svg;
mod text;
mod ways;
mod words;

pub use page::SCRIPT;
pub use picture::Picture;
pub use svg::STYLE;

use meshform_model::key::ResourceKey;
use std::collections::BTreeMap;

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An SVG file: no script, light or dark as the reader's system is.
    Svg,
    /// One HTML file with the SVG, search, zoom and details. It loads nothing.
    Html,
    /// Mermaid, as Markdown shows it.
    Mermaid,
    /// Graphviz.
    Dot,
}

impl Picture {
    /// The picture in that format.
    pub fn write(&self, format: Format) -> String {
        match format {
            Format::Svg => svg::write(self),
            Format::Html => page::write(self),
            Format::Mermaid => mermaid::write(self),
            Format::Dot => dot::write(self),
        }
    }

    /// Says more of these resources, in the upper right of their cards and rows.
    pub fn annotate(&mut self, said: &BTreeMap<ResourceKey, String>) {
        for card in self.panels.iter_mut().flat_map(|panel| &mut panel.cards) {
            card.said = said.get(&card.key).cloned();
            for row in &mut card.rows {
                row.said = row.key.as_ref().and_then(|key| said.get(key)).cloned();
            }
        }
    }

    /// The `svg` element for a page that has [`STYLE`] and [`SCRIPT`]: `pages` says where there is a page about a resource.
    pub fn embedded(&self, pages: &dyn Fn(&ResourceKey) -> String) -> String {
        page::embedded(self, pages)
    }
}

#[cfg(test)]
mod tests;
