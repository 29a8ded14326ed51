//! The meshes of a store.

use crate::frame::{Content, Context, nothing};
use crate::page::Page;
use maud::html;

pub(super) fn page(cx: &Context<'_>) -> Content {
    let body = html! {
        h1 { "Meshes" }
        @if cx.meshes.is_empty() {
            (nothing("No mesh yet", "The first terraform apply, meshform apply or meshform adopt writes one."))
        } @else {
            ul.tiles {
                @for mesh in cx.meshes {
                    li { a href=(cx.href(&Page::Mesh(mesh.clone()))) { bdi { (mesh) } } }
                }
            }
        }
    };
    Content::new("Meshes", body)
}
