//! The console: pages about meshes, their releases and the proxies that run them, as HTML that needs no script to be read.
//!
//! - [`Page`] is what there is a page about, and its address; [`Links`] makes links for a server or for files.
//! - [`View`] is a mesh as its pages show it. [`Site`] reads it from a store, and keeps what has not changed.
//! - [`render`] makes the HTML of one page; `pages` has a file for each, `frame` what they share.
//! - [`assets`]: style and scripts.
//!
//! Whatever stands in a mesh is text in its pages: `maud` escapes it, and the policy lets nothing run but our own files.

pub mod assets;
mod codes;
mod files;
mod frame;
mod links;
mod live;
mod page;
mod pages;
mod released;
mod site;
#[cfg(test)]
mod tests;
mod view;

pub use codes::CODES;
pub use files::files;
pub use frame::{Context, login, notice};
pub use links::Links;
pub use live::{Live, Numbers, Prometheus};
pub use page::Page;
pub use pages::render;
pub use site::{Action, Site};
pub use view::{Stream, View};

/// Who looks, and what pages may offer.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// The name to show; empty where nobody had to say who they are.
    pub name: String,
    /// Whether releases may be pinned, let go and published.
    pub may_write: bool,
    /// What a form must send back: it proves that the page came from this server.
    pub token: String,
}

/// What a page is asked for beside its address.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c=d`, as forms send it.
    pub fn parse(text: &str) -> Self {
        let decoded = |text: &str| {
            let text = text.replace('+', " ");
            percent_encoding::percent_decode_str(&text)
                .decode_utf8_lossy()
                .into_owned()
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    /// The first value of a name that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self
            .0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }
}
