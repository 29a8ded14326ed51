//! Objects that say the digest of what they say, so that a flipped bit is noticed.
//!
//! The digest is of the bytes, not of what they mean: it is the last field, and covers everything before it. Objects
//! that were written before there were digests have none, and are read as they are.

use crate::blob::Digest;

const BEFORE: &str = ",\"digest\":\"";
const AFTER: &str = "\"}";
/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// Adds its digest to a JSON object. What is no object, or an empty one, stays as it is.
pub(crate) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() <= 2 || !bytes.starts_with(b"{") || bytes.pop_if(|last| *last == b'}').is_none() {
        return bytes;
    }
    let digest = Digest::of(&bytes);
    bytes.extend(BEFORE.as_bytes());
    bytes.extend(digest.as_str().as_bytes());
    bytes.extend(AFTER.as_bytes());
    bytes
}

/// Whether an object is as it was written, as far as it says.
pub(crate) fn is_intact(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_suffix(AFTER.as_bytes()) else {
        return true;
    };
    let Some((rest, digest)) = rest.len().checked_sub(DIGITS).map(|at| rest.split_at(at)) else {
        return true;
    };
    match rest.strip_suffix(BEFORE.as_bytes()) {
        Some(content) => Digest::of(content).as_str().as_bytes() == digest,
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn no_flipped_bit_is_taken_for_what_was_written() {
        let value = json!({"id": "a", "what": {"put": {"weight": 10, "text": "ü\n"}}});
        let sealed = seal(value.to_string().into_bytes());
        assert!(is_intact(&sealed));
        let mut read: Value = serde_json::from_slice(&sealed).unwrap();
        read.as_object_mut().unwrap().remove("digest");
        assert_eq!(read, value);
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut flipped = sealed.clone();
                flipped[at] ^= 1 << bit;
                let refused = !is_intact(&flipped) || serde_json::from_slice::<Value>(&flipped).is_err();
                // In the field's own name nothing is lost but the digest.
                let harmless =
                    || flipped.starts_with(&sealed[..sealed.len() - BEFORE.len() - DIGITS - AFTER.len()]);
                assert!(refused || harmless(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn what_has_no_digest_is_read_as_it_is() {
        for text in ["{}", "1", "", "{\"id\":\"a\"}", "[1]"] {
            assert!(is_intact(text.as_bytes()), "{text}");
        }
        for text in ["{}", "1", ""] {
            assert_eq!(seal(text.as_bytes().to_vec()), text.as_bytes());
        }
    }
}
