//! What the host says in the environment, read once.

use std::path::PathBuf;

/// The cookie that tells a plugin from a program that somebody started by hand. It is no secret.
pub(crate) const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);

/// The host's wishes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    pub(crate) cookie: bool,
    /// Protocol versions that the host speaks; empty when it does not say.
    pub(crate) versions: Vec<u32>,
    pub(crate) ports: (u16, u16),
    /// PEM; without it the connection is not encrypted.
    pub(crate) client_cert: Option<String>,
    pub(crate) socket_dir: Option<PathBuf>,
    pub(crate) socket_group: Option<String>,
    /// Whether to say that one connection for everything is not supported.
    pub(crate) multiplex: bool,
}

impl Environment {
    pub(crate) fn read(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| var(name).filter(|value| !value.is_empty());
        let port = |name: &str| var(name).and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let versions = var("PLUGIN_PROTOCOL_VERSIONS").unwrap_or_default();
        Self {
            cookie: var(COOKIE.0).as_deref() == Some(COOKIE.1),
            versions: versions
                .split(',')
                .filter_map(|text| text.trim().parse().ok())
                .collect(),
            ports: (port("PLUGIN_MIN_PORT"), port("PLUGIN_MAX_PORT")),
            client_cert: var("PLUGIN_CLIENT_CERT"),
            socket_dir: var("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
            socket_group: var("PLUGIN_UNIX_SOCKET_GROUP"),
            multiplex: var("PLUGIN_MULTIPLEX_GRPC").is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_a_set_and_junk_is_skipped() {
        let read = |versions: &str| {
            let versions = versions.to_owned();
            Environment::read(move |name| (name == "PLUGIN_PROTOCOL_VERSIONS").then(|| versions.clone()))
                .versions
        };
        assert_eq!(read("5,6"), [5, 6]);
        assert_eq!(read(" 6 ,x,,-1,5"), [6, 5]);
        assert_eq!(read(""), Vec::<u32>::new());
    }

    #[test]
    fn a_wrong_cookie_is_no_cookie() {
        let with =
            |value: &'static str| Environment::read(move |name| (name == COOKIE.0).then(|| value.into()));
        assert!(with(COOKIE.1).cookie);
        assert!(!with("x").cookie);
        assert!(!Environment::read(|_| None).cookie);
    }
}
