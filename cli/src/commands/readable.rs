//! Names that people give and read: of owners, keys and meshes.

use meshform_model::validate::is_hidden;

/// The longest name of a key, owner or mesh: that of a resource.
const LONGEST: usize = 255;

/// Why nobody could read a name, or tell it from others, in a list and in the change feed.
pub(super) fn unfit(text: &str) -> Option<String> {
    if text.is_empty() {
        Some("is empty".to_owned())
    } else if let Some(c) = text.chars().find(|c| is_hidden(*c)) {
        Some(format!("contains '{}'", c.escape_default()))
    } else if text.chars().count() > LONGEST {
        Some(format!("has more than {LONGEST} characters"))
    } else {
        None
    }
}

/// What such a name may be.
pub(super) fn help() -> String {
    format!("use 1 to {LONGEST} characters that are seen as they are")
}

/// An owner, as an option gives it.
pub(super) fn owner(text: &str) -> Result<String, String> {
    match unfit(text) {
        Some(why) => Err(format!("it {why}; {}", help())),
        None => Ok(text.to_owned()),
    }
}
