//! Tokens of proxies: whose configuration its bearer may ask for, and until when. A token says it itself, sealed under the
//! master key, so that nothing is kept and any server of the store can tell.

use super::keys::MasterKey;
use crate::codes;
use meshform_bundle::ProxyId;
use meshform_model::diag::Diagnostic;
use meshform_store::Timestamp;
use serde::{Deserialize, Serialize};

/// What a token is sealed for.
const PURPOSE: &str = "proxy";
/// What tokens begin with, so that people and scanners know one.
const PREFIX: &str = "mft_";
const BEARER: &str = "Bearer ";

/// Whose configuration may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum TokenScope {
    /// That of one proxy: `mesh/MESH/virtualNode/NAME`.
    Proxy(String),
    /// Those of all proxies of a mesh.
    Mesh(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Statement {
    scope: TokenScope,
    until: i64,
}

/// What somebody may ask for who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grant {
    /// No token is asked for: the configuration of any proxy.
    Anyone,
    /// What this says, until then.
    Holder(GrantHolder, Timestamp),
}

/// Whose token or certificate let them in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GrantHolder {
    Proxy(ProxyId),
    Mesh(String),
}

/// Makes a token for one proxy, or for every proxy of a mesh: `mesh/MESH/virtualNode/NAME`, an ARN, or `mesh/MESH`.
pub fn create(master: &MasterKey, whose: &str, until: Timestamp) -> Result<String, Box<Diagnostic>> {
    let wrong = |message: String, help: &str| Box::new(Diagnostic::error(codes::TOKEN, message).help(help));
    let scope = match whose.strip_prefix("mesh/") {
        Some(mesh) if !mesh.is_empty() && !mesh.contains('/') => TokenScope::Mesh(mesh.to_owned()),
        _ => {
            let proxy = ProxyId::parse(whose).map_err(|_| {
                wrong(
                    format!("`{whose}` is neither a proxy nor a mesh"),
                    "write `mesh/MESH/virtualNode/NAME`, `mesh/MESH/virtualGateway/NAME`, its ARN, or `mesh/MESH` for all \
                     proxies of a mesh",
                )
            })?;
            TokenScope::Proxy(proxy.to_string())
        }
    };
    let statement = Statement {
        scope,
        until: until.0,
    };
    let bytes = serde_json::to_vec(&statement).ok();
    let sealed = bytes.and_then(|bytes| master.sealer.seal(PURPOSE, &bytes));
    let sealed = sealed.ok_or_else(|| {
        wrong(
            "no token can be made: the system's random number generator failed".to_owned(),
            "try again",
        )
    })?;
    Ok(format!("{PREFIX}{sealed}"))
}

/// The file in which Envoy looks for a token: a secret as its discovery protocol has them.
pub fn file(token: &str) -> String {
    let secret = serde_json::json!({
        "resources": [{
            "@type": meshform_bundle::layout::types::SECRET,
            "name": "xds_token",
            "generic_secret": { "secret": { "inline_string": format!("{BEARER}{token}") } },
        }],
    });
    format!("{secret:#}\n")
}

impl Grant {
    /// What the value of an `authorization` header allows.
    pub(crate) fn of_header(
        master: &MasterKey,
        header: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, String> {
        let Some(header) = header else {
            return Err("the proxy sent no token; create one with `meshform token`".to_owned());
        };
        let sealed = header.strip_prefix(BEARER).unwrap_or(header).strip_prefix(PREFIX);
        let bytes = sealed.and_then(|sealed| master.sealer.open(PURPOSE, sealed));
        let statement: Option<Statement> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let Some(statement) = statement else {
            return Err("the token is not one of this server's".to_owned());
        };
        let until = Timestamp(statement.until);
        if until < now {
            return Err(format!("the token expired at {until}"));
        }
        let holder = match statement.scope {
            TokenScope::Mesh(mesh) => GrantHolder::Mesh(mesh),
            TokenScope::Proxy(proxy) => {
                GrantHolder::Proxy(ProxyId::parse(&proxy).map_err(|error| error.to_string())?)
            }
        };
        Ok(Self::Holder(holder, until))
    }

    /// What a client certificate allows until it expires: one of its URIs ends in `/mesh/MESH/virtualNode/NAME`, as SPIFFE
    /// ids do.
    pub(crate) fn of_uris<'u>(uris: impl Iterator<Item = &'u str>, until: Timestamp) -> Option<Self> {
        uris.filter_map(|uri| {
            let (_, rest) = uri.split_once("://")?;
            let (_, path) = rest.split_once('/')?;
            ProxyId::parse(path).ok()
        })
        .next()
        .map(|proxy| Self::Holder(GrantHolder::Proxy(proxy), until))
    }

    /// Refuses a proxy that is not meant.
    pub(crate) fn admit(&self, proxy: &ProxyId) -> Result<(), String> {
        match self {
            Self::Anyone => Ok(()),
            Self::Holder(GrantHolder::Proxy(own), _) if own == proxy => Ok(()),
            Self::Holder(GrantHolder::Mesh(mesh), _) if mesh == proxy.mesh() => Ok(()),
            Self::Holder(GrantHolder::Proxy(own), _) => Err(format!(
                "the proxy is authenticated as `{own}`, but asks for the configuration of `{proxy}`"
            )),
            Self::Holder(GrantHolder::Mesh(mesh), _) => Err(format!(
                "the proxy is authenticated for the mesh `{mesh}`, but asks for the configuration of `{proxy}`"
            )),
        }
    }

    /// The same, unless the certificate has expired since its connection began.
    pub(crate) fn at(self, now: Timestamp) -> Result<Self, String> {
        match self.until() {
            Some(until) if until <= now => Err(format!("the certificate expired at {until}")),
            _ => Ok(self),
        }
    }

    /// When the token or certificate expires; none where none was asked for.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Anyone => None,
            Self::Holder(_, until) => Some(*until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master() -> MasterKey {
        MasterKey::parse(&MasterKey::generate().unwrap()).unwrap()
    }

    fn proxy(text: &str) -> ProxyId {
        ProxyId::parse(text).unwrap()
    }

    #[test]
    fn a_token_holds_for_its_proxy_and_its_time() {
        let (ours, others) = (master(), master());
        let token = create(&ours, "mesh/apps/virtualNode/a", Timestamp(1000)).unwrap();
        let header = format!("Bearer {token}");
        let pass = Grant::of_header(&ours, Some(&header), Timestamp(1000)).unwrap();
        assert_eq!(pass.until(), Some(Timestamp(1000)));
        assert!(pass.admit(&proxy("mesh/apps/virtualNode/a")).is_ok());
        for other in [
            "mesh/apps/virtualNode/b",
            "mesh/apps/virtualGateway/a",
            "mesh/x/virtualNode/a",
        ] {
            let refused = pass.admit(&proxy(other)).unwrap_err();
            assert!(
                refused.contains("`mesh/apps/virtualNode/a`") && refused.contains(other),
                "{refused}"
            );
        }
        for (master, header, now) in [
            (&ours, Some(header.as_str()), 1001),
            (&others, Some(header.as_str()), 0),
            (&ours, Some("Bearer mft_x"), 0),
            (&ours, Some(""), 0),
            (&ours, None, 0),
        ] {
            assert!(
                Grant::of_header(master, header, Timestamp(now)).is_err(),
                "{header:?}"
            );
        }
        let mesh = create(&ours, "mesh/apps", Timestamp(1000)).unwrap();
        let pass = Grant::of_header(&ours, Some(&mesh), Timestamp(0)).unwrap();
        assert!(pass.admit(&proxy("mesh/apps/virtualNode/b")).is_ok());
        assert!(pass.admit(&proxy("mesh/x/virtualNode/b")).is_err());
        assert!(create(&ours, "apps", Timestamp(0)).is_err());
        // What is sealed for something else is no token.
        let session = ours.sealer.seal("session", b"{}").unwrap();
        assert!(Grant::of_header(&ours, Some(&format!("{PREFIX}{session}")), Timestamp(0)).is_err());
    }

    #[test]
    fn a_certificate_names_its_proxy_by_an_uri() {
        let pass = Grant::of_uris(
            ["https://x", "spiffe://example.org/mesh/apps/virtualNode/a"].into_iter(),
            Timestamp(5),
        )
        .unwrap();
        assert_eq!(pass.until(), Some(Timestamp(5)));
        assert!(pass.clone().at(Timestamp(4)).is_ok() && pass.clone().at(Timestamp(5)).is_err());
        assert!(pass.admit(&proxy("mesh/apps/virtualNode/a")).is_ok());
        assert!(pass.admit(&proxy("mesh/apps/virtualNode/b")).is_err());
        assert_eq!(
            Grant::of_uris(["spiffe://example.org/web"].into_iter(), Timestamp(5)),
            None
        );
    }
}
