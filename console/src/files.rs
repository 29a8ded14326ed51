//! The console as files: every page of every mesh, to be opened without a server.

use crate::frame::Context;
use crate::links::{Links, file};
use crate::page::Page;
use crate::pages::render;
use crate::site::Site;
use crate::view::View;
use crate::{Query, Visitor, assets::Asset};
use meshform_model::diag::Diagnostic;

/// Hands each page over, by its path in the folder, as soon as it is made.
///
/// # Errors
/// When the store does not answer, or whoever takes the files cannot.
pub async fn files(
    views: &[View],
    site: Option<&Site>,
    take: &mut (dyn FnMut(String, String) -> Result<(), Box<Diagnostic>> + Send),
) -> Result<(), Box<Diagnostic>> {
    for asset in Asset::all() {
        take(format!("assets/{}", asset.name()), asset.text.clone())?;
    }
    let meshes: Vec<String> = views.iter().map(|view| view.name().to_owned()).collect();
    let query = Query::default();
    let visitor = Visitor::default();
    let mut all = vec![(Page::Meshes, None)];
    all.extend(
        views
            .iter()
            .flat_map(|view| pages(view).into_iter().map(move |page| (page, Some(view)))),
    );
    for (page, view) in all {
        let cx = Context {
            page: &page,
            query: &query,
            links: Links::Files,
            visitor: &visitor,
            view,
            site,
            meshes: &meshes,
            told: &[],
        };
        if let Some(text) = render(&cx).await? {
            take(file(&page), text)?;
        }
    }
    Ok(())
}

/// Every page about a mesh.
fn pages(view: &View) -> Vec<Page> {
    let name = view.name().to_owned();
    let mut pages = vec![
        Page::Mesh(name.clone()),
        Page::Picture(name.clone()),
        Page::Proxies(name.clone()),
        Page::Resources(name.clone()),
        Page::Releases(name.clone()),
        Page::Route(name.clone()),
        Page::Certificates(name.clone()),
    ];
    pages.extend(view.proxies().cloned().map(Page::Proxy));
    pages.extend(view.records.keys.iter().cloned().map(Page::Resource));
    let history = view.state.iter().flat_map(|state| &state.history);
    pages.extend(history.map(|entry| Page::Release(name.clone(), entry.release.to_string())));
    pages
}
