//! Ids: of resources (`uid`), of stores, of runs; and where they come from.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A process that writes, from its first write to its end. See [`Store::open_run`](crate::Store::open_run).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

/// Makes ids that nobody has made before. Injected, so that tests and replays have their own.
pub trait Ids: Send + Sync + fmt::Debug {
    /// A new id, in the form of a UUID.
    fn next(&self) -> String;
}

/// Random UUIDs (version 4) from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

// === impl RunId ===

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl RandomIds ===

impl Ids for RandomIds {
    fn next(&self) -> String {
        let mut bytes = [0_u8; 16];
        // The call fails only where the system has no randomness at all; time and process still distinguish.
        if getrandom::fill(&mut bytes).is_err() {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let mixed = now.unwrap_or_default().as_nanos() ^ (u128::from(std::process::id()) << 96);
            bytes = mixed.to_be_bytes();
        }
        let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
        let first = u32::from_be_bytes([a, b, c, d]);
        let second = u16::from_be_bytes([e, f]);
        let third = (u16::from_be_bytes([g, h]) & 0x0fff) | 0x4000;
        let [i, j, k @ ..] = rest;
        let fourth = (u16::from_be_bytes([i, j]) & 0x3fff) | 0x8000;
        let tail = k.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        format!("{first:08x}-{second:04x}-{third:04x}-{fourth:04x}-{tail:012x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_have_the_form_of_a_version_4_uuid_and_differ() {
        let (one, two) = (RandomIds.next(), RandomIds.next());
        assert_ne!(one, two);
        let lengths: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&one[14..15], "4");
        assert!("89ab".contains(&one[19..20]), "{one}");
    }
}
