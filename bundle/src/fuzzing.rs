//! What must hold for any bytes: the bodies of the fuzz targets (`fuzz/stores`) and of the tests.

use crate::discovery::{Discovery, PollerState};
use crate::error::Result;
use crate::objects::{Current, EndpointSet, Status};
use crate::publish::ledger::fuzzed;
use crate::{Bundle, ProxyId};
use std::fmt::Debug;

/// Every object of a bucket target: what can be read says the same when it is written and read again.
///
/// # Errors
/// What does not.
pub fn objects(bytes: &[u8]) -> std::result::Result<(), String> {
    let proxy = ProxyId::virtual_node("apps", "a");
    again(Current::decode(&proxy, bytes), Current::encode, |bytes| {
        Current::decode(&proxy, bytes)
    })?;
    again(Bundle::decode(&proxy, bytes), Bundle::encode, |bytes| {
        Bundle::decode(&proxy, bytes)
    })?;
    again(
        EndpointSet::decode(bytes),
        EndpointSet::encode,
        EndpointSet::decode,
    )?;
    again(Status::decode(bytes), Status::encode, Status::decode)?;
    again(Discovery::decode("apps", bytes), Discovery::encode, |bytes| {
        Discovery::decode("apps", bytes)
    })?;
    again(PollerState::decode("apps", bytes), PollerState::encode, |bytes| {
        PollerState::decode("apps", bytes)
    })
}

/// The ledger of a publishing directory: what can be read leads nowhere outside, and says the same when it is read again.
///
/// # Errors
/// What does not.
pub fn ledger(bytes: &[u8]) -> std::result::Result<(), String> {
    fuzzed(bytes)
}

fn again<T: PartialEq + Debug>(
    read: Result<T>,
    encode: impl Fn(&T) -> Result<Vec<u8>>,
    decode: impl Fn(&[u8]) -> Result<T>,
) -> std::result::Result<(), String> {
    let Ok(read) = read else {
        return Ok(());
    };
    let written = encode(&read).map_err(|error| format!("{read:?}: {error}"))?;
    match decode(&written) {
        Ok(back) if back == read => Ok(()),
        other => Err(format!("{read:?} came back as {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Bytes of a text with some of them changed, left out or repeated (splitmix64).
    fn spoilt(text: &str, mut state: u64) -> Vec<u8> {
        let mut next = |n: usize| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            ((z ^ (z >> 31)) % n.max(1) as u64) as usize
        };
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            match next(5) {
                0 => bytes[at] ^= 1 << next(8),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"\"0-9e{}[],:./\\"[next(14)]),
                3 => bytes.truncate(at),
                _ => {
                    let part = bytes[at..(at + 8).min(bytes.len())].to_vec();
                    bytes.splice(at..at, part);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        bytes
    }

    #[test]
    fn spoilt_objects_and_ledgers_are_refused_or_read_as_they_are() {
        let proxy = ProxyId::virtual_node("apps", "a");
        let text = |bytes: Result<Vec<u8>>| String::from_utf8(bytes.unwrap()).unwrap();
        let digest = meshform_model::digest::Digest::of(b"x");
        let mut current = Current::new(&proxy, 7);
        current.release = Some(digest.clone());
        current.pinned = true;
        let endpoints = json!({"format": 1, "at": 5, "clusters": {"c": [
            {"address": "10.0.0.1", "port": 80, "zone": "b", "health": "HEALTHY", "weight": 3}]}});
        let ledger = json!({"format": 1, "store": "s", "mesh": "apps", "release": digest, "complete": true,
            "proxies": {"apps/virtualNode/a": {"bundle": digest, "set": "x"}}, "retired": {"apps/virtualNode/b": 12}});
        let whole = [
            text(current.encode()),
            text(Status::new(&proxy, "i").encode()),
            endpoints.to_string(),
            ledger.to_string(),
        ];
        assert!(EndpointSet::decode(whole[2].as_bytes()).is_ok(), "{}", whole[2]);
        for (at, whole) in whole.iter().enumerate() {
            for seed in 0..3000 {
                let bytes = spoilt(whole, seed * 4 + at as u64);
                let shown = || String::from_utf8_lossy(&bytes).into_owned();
                assert_eq!(objects(&bytes), Ok(()), "{}", shown());
                assert_eq!(super::ledger(&bytes), Ok(()), "{}", shown());
            }
        }
    }
}
