//! Links between pages: of a server, or of files in a folder.

use crate::assets::Asset;
use crate::page::Page;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// How pages link to one another, which depends on where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// On a server, under `/console/`.
    Served,
    /// In a folder, each page as the `index.html` of its own.
    Files,
}

/// What stands as it is in an address, and in the name of a file.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A longer name of a file is cut, and told apart by a digest.
const LONGEST: usize = 120;

impl Links {
    /// A link from one page to another.
    pub fn to(self, from: &Page, to: &Page) -> String {
        match self {
            Self::Served => {
                let parts = to.segments();
                let parts: Vec<String> = parts.iter().map(|part| encoded(part)).collect();
                match parts.is_empty() {
                    true => "/console/".to_owned(),
                    false => format!("/console/{}", parts.join("/")),
                }
            }
            // What stands encoded in a file's name is encoded once more in its address.
            Self::Files => format!("{}{}", up(from), file(to).replace('%', "%25")),
        }
    }

    /// A link to a file of our own.
    pub fn asset(self, from: &Page, asset: &Asset) -> String {
        match self {
            Self::Served => format!("/console/assets/{}", asset.name()),
            Self::Files => format!("{}assets/{}", up(from), asset.name()),
        }
    }

    /// Whether somebody is there who answers.
    pub fn is_served(self) -> bool {
        self == Self::Served
    }
}

/// The file of a page within a folder.
pub(crate) fn file(page: &Page) -> String {
    let mut path = String::new();
    for part in page.segments() {
        let mut name = encoded(&part);
        // `.` and `..` are no names of files.
        if name.bytes().all(|byte| byte == b'.') {
            name = name.replace('.', "%2E");
        }
        if name.len() > LONGEST {
            let digest: String =
                Sha256::digest(part.as_bytes())
                    .iter()
                    .take(8)
                    .fold(String::new(), |mut text, byte| {
                        let _ = write!(text, "{byte:02x}");
                        text
                    });
            name = format!("{}-{digest}", name.get(..LONGEST - 17).unwrap_or_default());
        }
        path.push_str(&name);
        path.push('/');
    }
    path.push_str("index.html");
    path
}

/// What to ask a page for, as forms send it.
pub(crate) fn query<'n>(pairs: impl Iterator<Item = (&'n str, String)>) -> String {
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={}", encoded(&value)))
        .collect();
    pairs.join("&")
}

fn encoded(part: &str) -> String {
    utf8_percent_encode(part, &KEPT).to_string()
}

fn up(from: &Page) -> String {
    "../".repeat(from.segments().len())
}
