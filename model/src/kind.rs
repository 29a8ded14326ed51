//! The kinds of resource: App Mesh's seven, and the proxy profile, which is ours.

#[rustfmt::skip]
mod generated;

pub use generated::Kind;

use std::fmt;

impl Kind {
    /// The kind of that API name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
