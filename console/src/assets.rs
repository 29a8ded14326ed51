//! Style and scripts, each under a name that changes with its content.

use meshform_compiler::graph;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// A file of our own.
#[derive(Debug)]
pub struct Asset {
    name: String,
    pub media: &'static str,
    pub text: String,
}

/// What pages look like, the picture in them too.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let text = format!("{}\n{}", graph::STYLE, include_str!("../assets/console.css"));
    Asset::new("console", "css", "text/css; charset=utf-8", text)
});

/// Filters of tables, and copying.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../assets/console.js").to_owned();
    Asset::new("console", "js", "text/javascript; charset=utf-8", text)
});

/// Search, zoom and details of a picture.
pub static PICTURE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "picture",
        "js",
        "text/javascript; charset=utf-8",
        graph::SCRIPT.to_owned(),
    )
});

/// The policy of pages: our own style and scripts, and nothing else from anywhere.
pub const POLICY: &str = "default-src 'none'; img-src data:; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; \
                          frame-ancestors 'none'";

/// The same for pages in a folder, which a browser may open without a server.
pub(crate) const POLICY_OF_FILES: &str = "default-src 'none'; img-src data:; style-src 'self' file:; script-src 'self' file:; form-action 'none'; base-uri 'none'";

impl Asset {
    fn new(stem: &str, ending: &str, media: &'static str, text: String) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let digest: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self {
            name: format!("{stem}-{digest}.{ending}"),
            media,
            text,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn all() -> [&'static Self; 3] {
        [&STYLE, &SCRIPT, &PICTURE]
    }

    /// The one of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::all().into_iter().find(|asset| asset.name == name)
    }
}
