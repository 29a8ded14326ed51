//! Percent-encoding of paths and queries.

use percent_encoding::percent_decode_str;

/// What a text stands for; otherwise what is wrong with it. What is no escape would be taken for itself elsewhere, and for
/// something else by whoever decodes it again.
pub(super) fn decoded(text: &str) -> Result<String, String> {
    for (at, _) in text.match_indices('%') {
        let rest = text.get(at..).unwrap_or_default();
        let digits = rest.get(1..3).unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let escape: String = rest.chars().take(3).collect();
            return Err(format!(
                "has `{escape}`, which is no percent-encoding; `%` itself is `%25`"
            ));
        }
    }
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| "is not UTF-8".to_owned())
}
