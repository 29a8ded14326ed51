//! Statements that leave the server and come back: sealed, so that nobody reads or changes them on the way.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

/// The length of a key.
pub(crate) const KEY: usize = 32;

/// A key and what it does: ChaCha20-Poly1305 with a nonce for each statement, taken at random.
pub(crate) struct Sealer {
    key: LessSafeKey,
    mac: hmac::Key,
}

impl Sealer {
    pub(crate) fn new(bytes: &[u8; KEY]) -> Option<Self> {
        let unbound = UnboundKey::new(&CHACHA20_POLY1305, bytes).ok()?;
        Some(Self {
            key: LessSafeKey::new(unbound),
            mac: hmac::Key::new(hmac::HMAC_SHA256, bytes),
        })
    }

    /// With a key taken at random, and the key.
    pub(crate) fn random() -> Option<[u8; KEY]> {
        let mut bytes = [0; KEY];
        getrandom::fill(&mut bytes).ok()?;
        Some(bytes)
    }

    /// A statement as text. `purpose` is part of what is sealed: a statement for one is none for another.
    pub(crate) fn seal(&self, purpose: &str, statement: &[u8]) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).ok()?;
        let mut bytes = statement.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes)
            .ok()?;
        let mut all = nonce.to_vec();
        all.append(&mut bytes);
        Some(URL_SAFE_NO_PAD.encode(all))
    }

    /// What was sealed; none where it was not by this key and for this purpose.
    pub(crate) fn open(&self, purpose: &str, text: &str) -> Option<Vec<u8>> {
        let all = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = all.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = sealed.to_vec();
        let opened = self
            .key
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut bytes)
            .ok()?;
        Some(opened.to_vec())
    }

    /// A secret that follows from a text, for whoever has the key.
    pub(crate) fn derive(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.mac, text.as_bytes()).as_ref())
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_key_alone() {
        let sealer = Sealer::new(&[7; KEY]).unwrap();
        let text = sealer.seal("page", b"after b").unwrap();
        assert_eq!(sealer.open("page", &text).as_deref(), Some(&b"after b"[..]));
        assert_eq!(sealer.open("session", &text), None);
        assert_eq!(Sealer::new(&[8; KEY]).unwrap().open("page", &text), None);
        let mut other = text.clone().into_bytes();
        other[20] ^= 1;
        assert_eq!(sealer.open("page", &String::from_utf8(other).unwrap()), None);
        assert_eq!(sealer.open("page", "short"), None);
    }
}
