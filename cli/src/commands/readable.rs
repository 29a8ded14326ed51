//! Names that people give and read: of owners, keys and meshes.

use meshform_model::validate::is_hidden;

/// The longest: that of a resource's name.
const LONGEST: usize = 255;

/// Takes a name that people can read and tell from others, in lists and in the change feed; otherwise says what is wrong
/// with it.
pub(super) fn name(text: &str) -> Result<String, String> {
    let why = if text.is_empty() {
        "it is empty".to_owned()
    } else if let Some(c) = text.chars().find(|c| is_hidden(*c)) {
        format!("it contains '{}'", c.escape_default())
    } else if text.chars().count() > LONGEST {
        format!("it has more than {LONGEST} characters")
    } else {
        return Ok(text.to_owned());
    };
    Err(format!(
        "{why}; use 1 to {LONGEST} characters that are seen as they are"
    ))
}
