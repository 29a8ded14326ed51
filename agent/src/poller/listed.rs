//! Hosts that somebody has listed by hand: `{"NODE": [{"address": "10.0.0.1", "port": 80, "zone": "z1", "weight": 2}]}`.
//! Addresses may be names, which are resolved anew in each round.

use super::Host;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

pub(super) type Listed = BTreeMap<String, Vec<Host>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedHost {
    address: String,
    port: Option<u16>,
    zone: Option<String>,
    weight: Option<u32>,
}

/// Reads the file; nothing where none is named.
pub(super) fn read(path: Option<&Path>) -> Result<Listed, String> {
    let Some(path) = path else {
        return Ok(Listed::new());
    };
    let told = |error: &dyn std::fmt::Display| format!("MESHFORM_ENDPOINTS {}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
    let read: BTreeMap<String, Vec<ListedHost>> =
        serde_json::from_str(&text).map_err(|error| told(&error))?;
    let mut listed = Listed::new();
    for (node, entries) in read {
        let mut hosts = Vec::with_capacity(entries.len());
        for entry in entries {
            if entry.address.is_empty() {
                return Err(told(&format!("an address of `{node}` is empty")));
            }
            if entry.weight.is_some_and(|weight| weight == 0) {
                return Err(told(&format!(
                    "the weight of `{}` is 0: it is 1 or more",
                    entry.address
                )));
            }
            hosts.push(Host {
                address: entry.address,
                port: entry.port,
                zone: entry.zone,
                weight: entry.weight,
            });
        }
        listed.insert(node, hosts);
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_is_read_and_what_cannot_be_is_told_with_its_place() {
        let folder = std::env::temp_dir().join(format!("meshform-listed-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("endpoints.json");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            super::read(Some(&file))
        };
        let listed =
            read(r#"{"api": [{"address": "10.0.0.1", "port": 81, "weight": 2}, {"address": "api.local"}]}"#);
        let hosts = &listed.unwrap()["api"];
        assert_eq!((hosts[0].port, hosts[0].weight), (Some(81), Some(2)));
        assert_eq!(hosts[1].address, "api.local");
        for (text, told) in [
            ("{", "line 1"),
            (r#"{"api": [{"adress": "10.0.0.1"}]}"#, "unknown field `adress`"),
            (r#"{"api": [{"address": "10.0.0.1", "weight": 0}]}"#, "weight"),
        ] {
            let error = read(text).unwrap_err();
            assert!(
                error.contains(told) && error.contains("endpoints.json"),
                "{error}"
            );
        }
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(super::read(Some(&file)).is_err());
        assert_eq!(super::read(None).unwrap(), Listed::new());
    }
}
