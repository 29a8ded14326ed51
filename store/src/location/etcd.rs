//! The name of a store in etcd.

use super::bad;
use crate::error::Result;
use std::fmt;

/// A cluster of etcd and the prefix of the store's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdUrl {
    members: Vec<(String, u16)>,
    secure: bool,
    prefix: String,
}

/// Where a member listens that says no port.
const PORT: u16 = 2379;
const PREFIX: &str = "meshform";
const FORM: &str = "write `etcd://host:2379,host:2379/prefix`, or `etcds://` for TLS";

impl EtcdUrl {
    pub(super) fn is_scheme(scheme: &str) -> bool {
        matches!(scheme, "etcd" | "etcds")
    }

    /// Reads what comes after `etcd://` or `etcds://`.
    pub(super) fn parse(name: &str, scheme: &str, rest: &str) -> Result<Self> {
        if rest.contains(['?', '#']) {
            return Err(bad(
                name,
                "a store's name has no options",
                &format!(
                    "{FORM}; user and certificates are set in the environment (MESHFORM_ETCD_USER and others)"
                ),
            ));
        }
        let (hosts, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if hosts.contains('@') {
            return Err(bad(
                name,
                "credentials do not belong into a store's name",
                "set them in the environment: MESHFORM_ETCD_USER, MESHFORM_ETCD_PASSWORD",
            ));
        }
        let members = hosts
            .split(',')
            .map(|host| member(host).ok_or_else(|| bad(name, &format!("`{host}` is not a host"), FORM)));
        let prefix = match prefix.trim_matches('/') {
            "" => PREFIX,
            prefix => prefix,
        };
        let odd = |part: &str| part.is_empty() || part == "." || part == "..";
        if prefix.split('/').any(odd) || prefix.contains(char::is_control) {
            return Err(bad(
                name,
                &format!("`{prefix}` is not a prefix"),
                "write names separated by single slashes, such as `etcd://host:2379/meshes/apps`",
            ));
        }
        Ok(Self {
            members: members.collect::<Result<_>>()?,
            secure: scheme == "etcds",
            prefix: prefix.to_owned(),
        })
    }

    /// The hosts and ports of the cluster's members.
    pub fn members(&self) -> &[(String, u16)] {
        &self.members
    }

    /// Whether members are spoken to by TLS: the scheme is `etcds`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// What comes before every key, without its last slash.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// `host`, `host:port`, `[address]` or `[address]:port`.
fn member(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (
                address,
                port.strip_prefix(':').or(port.is_empty().then_some("2379"))?,
            )
        }
        None => text.split_once(':').unwrap_or((text, "2379")),
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    if host.is_empty() || !host.bytes().all(fits) {
        return None;
    }
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    Some((host.to_ascii_lowercase(), port))
}

/// As one would write it.
impl fmt::Display for EtcdUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "etcds://" } else { "etcd://" })?;
        for (number, (host, port)) in self.members.iter().enumerate() {
            if number > 0 {
                f.write_str(",")?;
            }
            if host.contains(':') {
                write!(f, "[{host}]")?;
            } else {
                f.write_str(host)?;
            }
            if *port != PORT {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use crate::location::Location;
    use std::path::Path;

    #[test]
    fn members_and_prefix_are_read_and_printed_as_they_are_written() {
        for (name, printed) in [
            ("etcd://a", "etcd://a/meshform"),
            ("etcd://a,b:1,10.0.0.1/", "etcd://a,b:1,10.0.0.1/meshform"),
            ("ETCDS://A:2379/x//", "etcds://a/x"),
            ("etcds://[::1]:5,[::2]/x/y", "etcds://[::1]:5,[::2]/x/y"),
        ] {
            match Location::parse(name, Path::new("/")).unwrap() {
                Location::Etcd(url) => assert_eq!(url.to_string(), printed),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_wrong_says_what_would_be_right() {
        for (name, problem, help) in [
            ("etcd://", "`` is not a host", "host:2379"),
            ("etcd://a,,b/x", "`` is not a host", "host:2379"),
            ("etcd://a:0/x", "`a:0` is not a host", "host:2379"),
            ("etcd://a:70000/x", "`a:70000` is not a host", "host:2379"),
            ("etcd://[::g]/x", "`[::g]` is not a host", "host:2379"),
            ("etcd://u:p@a/x", "credentials", "MESHFORM_ETCD_USER"),
            ("etcd://a/x?b=c", "no options", "etcds://"),
            ("etcd://a/x/../y", "`x/../y` is not a prefix", "single slashes"),
            ("etcd:/a/x", "slash is missing", "`etcd://a/x`"),
        ] {
            let error = Location::parse(name, Path::new("/")).unwrap_err();
            assert_eq!(error.code().0, "MF0415");
            assert!(error.to_string().contains(problem), "{name}: {error}");
            assert!(error.help().contains(help), "{name}: {}", error.help());
        }
    }
}
