//! One HTML file: the picture with search, zoom, keys and details. It loads nothing, and its policy lets nothing in it run
//! but its own script.

use super::picture::Picture;
use super::svg::{Drawn, Pages};
use super::text::escaped;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");
/// Search, zoom, keys and details of a picture whose element has the id `picture`. It needs the elements of `page.html`.
pub const SCRIPT: &str = include_str!("page.js");
const BODY: &str = include_str!("page.html");

// A group, not an image: what is within an image a screen reader is not told of.
const ATTRIBUTES: &str = "id=\"picture\" tabindex=\"0\" role=\"group\"";

/// The element alone, for a page that has style and script already, and pages about resources.
pub(super) fn embedded(picture: &Picture, pages: Pages<'_>) -> String {
    Drawn::of(picture, Some(pages)).element(ATTRIBUTES, false)
}

pub(super) fn write(picture: &Picture) -> String {
    let drawn = Drawn::of(picture, None);
    let names: Vec<&str> = picture.panels.iter().map(|panel| panel.mesh.as_str()).collect();
    let title = match names.as_slice() {
        [] => "No mesh".to_owned(),
        names => names.join(", "),
    };
    let title = format!("{} – meshform", escaped(&title));
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {} {}; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE),
        hash(&Drawn::style()),
    );
    let svg = drawn.element(ATTRIBUTES, true);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta \
         http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n{BODY}<main>\n{svg}</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

fn hash(text: &str) -> String {
    format!(
        "'sha256-{}'",
        BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()))
    )
}
