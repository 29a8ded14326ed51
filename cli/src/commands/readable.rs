//! Names that people give on the command line: of owners, keys and meshes.

use meshform_model::validate::readable;

/// Takes a name that people can read and tell from others; otherwise says what is wrong with it.
pub(super) fn name(text: &str) -> Result<String, String> {
    readable(text).map(|()| text.to_owned())
}
