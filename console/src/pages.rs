//! The pages, one file each.

mod certificates;
mod example;
mod mesh;
mod meshes;
mod proxies;
mod proxy;
mod releases;
mod resource;
mod resources;
mod route;

use crate::frame::{self, Content, Context};
use crate::page::Page;
use meshform_model::diag::Diagnostic;

/// The HTML of a page; none where there is no such page.
///
/// # Errors
/// When the store does not answer.
pub async fn render(cx: &Context<'_>) -> Result<Option<String>, Box<Diagnostic>> {
    let content = content(cx).await?;
    Ok(content.map(|content| frame::whole(cx, &content)))
}

async fn content(cx: &Context<'_>) -> Result<Option<Content>, Box<Diagnostic>> {
    let view = match (cx.page, cx.view) {
        (Page::Meshes, _) => return Ok(Some(meshes::page(cx))),
        (_, Some(view)) => view,
        (_, None) => return Ok(None),
    };
    Ok(match cx.page {
        Page::Meshes => None,
        Page::Mesh(_) => Some(mesh::page(cx, view, false)),
        Page::Picture(_) => Some(mesh::page(cx, view, true)),
        Page::Proxies(_) => Some(proxies::page(cx, view)),
        Page::Proxy(key) => proxy::page(cx, view, key),
        Page::Resources(_) => Some(resources::page(cx, view)),
        Page::Resource(key) => resource::page(cx, view, key).await?,
        Page::Releases(_) => Some(releases::page(cx, view).await),
        Page::Release(_, release) => releases::one(cx, view, release).await,
        Page::Route(_) => Some(route::page(cx, view)),
        Page::Certificates(_) => Some(certificates::page(cx, view)),
    })
}
