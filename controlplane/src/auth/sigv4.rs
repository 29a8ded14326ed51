//! AWS's signature version 4, checked: one way through, whatever is wrong, and a comparison that takes the same time for
//! every signature.
//!
//! Sources: AWS's documentation of the signature; what AWS's own clients send for App Mesh (they sign `host`, `x-amz-date`,
//! and `content-type` where there is a body; the path is encoded once more than it is sent).

use crate::codes;
use crate::fault::{Fault, FaultKind};
use http::request::Parts;
use meshform_model::digest::hex;
use meshform_store::{Digest, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::hmac;
use std::fmt::Write as _;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "appmesh";

/// How far a request's time may be from ours, in milliseconds: five minutes, as AWS allows.
pub(super) const SKEW: i64 = 5 * 60 * 1000;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// A request's signature and what it covers, read and not yet checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) key: String,
    /// The session token, where the key is of a session.
    pub(crate) session: Option<String>,
    scope: [String; 4],
    time: String,
    signature: Vec<u8>,
    /// What the client has hashed and signed.
    canonical: String,
}

impl Signed {
    /// Reads the signature of a request that was sent to us now.
    pub(crate) fn read(parts: &Parts, body: &[u8], now: Timestamp) -> Result<Self, Fault> {
        if parts
            .uri
            .query()
            .is_some_and(|query| query.contains("X-Amz-Signature"))
        {
            return Err(invalid(
                "presigned requests are not supported; sign with the header `Authorization`",
            ));
        }
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let Some(authorization) = header("authorization") else {
            let message = "the request is not signed; sign it with a key of this server";
            return Err(Fault::new(FaultKind::MissingToken, codes::SIGNATURE, message));
        };
        let Authorization {
            key,
            scope,
            signed,
            signature,
        } = Authorization::read(authorization)?;
        let [date, _, service, _] = scope;
        let time = header("x-amz-date").unwrap_or_default();
        let at = moment(time)
            .ok_or_else(|| invalid("the header `X-Amz-Date` is not a time such as 20261129T120000Z"))?;
        if time.get(..8) != Some(date) {
            return Err(invalid("Credential and `X-Amz-Date` name different days"));
        }
        if service != SERVICE {
            return Err(invalid(format!(
                "the request is signed for `{service}`, not for `{SERVICE}`"
            )));
        }
        let needed = parts.headers.keys().map(http::HeaderName::as_str);
        let needed = needed.filter(|name| name.starts_with("x-amz-") && *name != "x-amz-user-agent");
        if let Some(missing) = ["host"]
            .into_iter()
            .chain(needed)
            .find(|name| !signed.contains(name))
        {
            return Err(invalid(format!("the header `{missing}` is not signed")));
        }
        if (at - now.0).abs() > SKEW {
            let message = format!(
                "the request's time is {}, and this server's {now}; a difference of five minutes is allowed",
                Timestamp(at)
            );
            return Err(Fault::new(FaultKind::InvalidSignature, codes::CLOCK, message));
        }
        if header("x-amz-content-sha256") == Some("UNSIGNED-PAYLOAD") {
            return Err(invalid("the body must be signed too"));
        }
        let canonical = canonical(parts, &signed, body);
        Ok(Self {
            key: key.to_owned(),
            session: header("x-amz-security-token").map(ToOwned::to_owned),
            scope: scope.map(ToOwned::to_owned),
            time: time.to_owned(),
            signature,
            canonical,
        })
    }

    /// Whether the request was signed with this secret. A key that does not exist is checked against some secret too,
    /// so that it takes as long.
    pub(crate) fn is_by(&self, secret: &str) -> bool {
        let (key, text) = signing(secret, &self.scope, &self.time, &self.canonical);
        hmac::verify(&key, text.as_bytes(), &self.signature).is_ok()
    }
}

/// A header `Authorization`, taken apart.
pub(super) struct Authorization<'a> {
    key: &'a str,
    /// Date, region, service, `aws4_request`.
    pub(super) scope: [&'a str; 4],
    /// The names of the headers that are signed.
    pub(super) signed: Vec<&'a str>,
    signature: Vec<u8>,
}

impl<'a> Authorization<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Fault> {
        let Some(rest) = text.strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(' ')) else {
            return Err(invalid(format!(
                "the header `Authorization` does not begin with `{ALGORITHM}`"
            )));
        };
        let (mut credential, mut names, mut signature) = (None, None, None);
        for part in rest.split(',') {
            match part.trim().split_once('=') {
                Some(("Credential", value)) => credential = Some(value),
                Some(("SignedHeaders", value)) => names = Some(value),
                Some(("Signature", value)) => signature = bytes(value),
                _ => return Err(invalid("the header `Authorization` has an unknown part")),
            }
        }
        let (Some(credential), Some(names), Some(signature)) = (credential, names, signature) else {
            let message = "the header `Authorization` needs Credential, SignedHeaders and Signature";
            return Err(invalid(message));
        };
        let parts: Vec<&str> = credential.split('/').collect();
        let [key, date, region, service, end @ "aws4_request"] = parts.as_slice() else {
            return Err(invalid("Credential is not `ID/DATE/REGION/SERVICE/aws4_request`"));
        };
        Ok(Self {
            key,
            scope: [date, region, service, end],
            signed: names.split(';').collect(),
            signature,
        })
    }
}

/// Whose signature a request gets.
#[derive(Clone)]
pub struct Signer {
    pub key: String,
    pub secret: String,
    /// The session's token, where the key is of a session.
    pub session: Option<String>,
    /// The region that the signature names.
    pub region: String,
}

impl Signer {
    /// Signs a request to a server of App Mesh's API, which has its header `host`.
    pub fn sign(&self, parts: &mut Parts, body: &[u8], now: Timestamp) {
        self.sign_for(SERVICE, parts, body, now);
    }

    /// The same for any service.
    pub(super) fn sign_for(&self, service: &str, parts: &mut Parts, body: &[u8], now: Timestamp) {
        let time: String = now.to_string().chars().filter(|c| !"-:".contains(*c)).collect();
        let time = format!("{}Z", time.get(..15).unwrap_or_default());
        let date = time.get(..8).unwrap_or_default();
        let mut set = |name: &'static str, value: &str| {
            if let Ok(value) = http::HeaderValue::from_str(value) {
                parts.headers.insert(name, value);
            }
        };
        set("x-amz-date", &time);
        if let Some(session) = &self.session {
            set("x-amz-security-token", session);
        }
        let is_signed = |name: &&str| {
            matches!(*name, "content-type" | "host")
                || ["x-amz-", "x-meshform-"].iter().any(|of| name.starts_with(of))
        };
        let names = parts
            .headers
            .keys()
            .map(http::HeaderName::as_str)
            .filter(is_signed);
        let mut names: Vec<String> = names.map(ToOwned::to_owned).collect();
        names.sort();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let scope = [date, self.region.as_str(), service, "aws4_request"].map(ToOwned::to_owned);
        let canonical = canonical(parts, &names, body);
        let (key, text) = signing(&self.secret, &scope, &time, &canonical);
        let signature = hex(hmac::sign(&key, text.as_bytes()).as_ref());
        let authorization = format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
            self.key,
            scope.join("/"),
            names.join(";")
        );
        if let Ok(value) = http::HeaderValue::from_str(&authorization) {
            parts.headers.insert("authorization", value);
        }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The key of a signature, and the text that is signed.
fn signing(secret: &str, scope: &[String; 4], time: &str, canonical: &str) -> (hmac::Key, String) {
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes())
            .as_ref()
            .to_vec();
    }
    let text = format!(
        "{ALGORITHM}\n{time}\n{}\n{}",
        scope.join("/"),
        hash(canonical.as_bytes())
    );
    (hmac::Key::new(hmac::HMAC_SHA256, &key), text)
}

/// That a signature does not hold. A proxy in front that changes `Host` is the usual reason, and is said.
pub(crate) fn mismatch(parts: &Parts) -> Fault {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let mut message = "the signature does not match the request and the key's secret".to_owned();
    if let (Some(host), Some(sent)) = (text("host"), text("x-forwarded-host"))
        && host != sent
    {
        let _ = write!(
            message,
            "; the header `Host` says `{host}`, and a proxy says that the client sent `{sent}`: it must keep `Host`"
        );
    }
    invalid(message)
}

fn invalid(message: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::InvalidSignature, codes::SIGNATURE, message)
}

fn canonical(parts: &Parts, signed: &[&str], body: &[u8]) -> String {
    let mut text = format!(
        "{}\n{}\n{}\n",
        parts.method,
        utf8_percent_encode(&without_dots(parts.uri.path()), PATH),
        query(parts.uri.query().unwrap_or_default())
    );
    for name in signed {
        let values = parts.headers.get_all(*name).iter();
        let values: Vec<String> = values
            .map(|value| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                value.split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect();
        // HTTP/2 has no header `host`; the authority is the same.
        let value = match (*name, values.is_empty(), parts.uri.authority()) {
            ("host", true, Some(authority)) => authority.to_string(),
            _ => values.join(","),
        };
        let _ = writeln!(text, "{name}:{value}");
    }
    let _ = write!(text, "\n{}\n{}", signed.join(";"), hash(body));
    text
}

/// A path without `.`, `..` and empty segments, as clients sign it.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(kept.pop()),
            part => kept.push(part),
        }
    }
    let end = if path.ends_with('/') && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", kept.join("/"))
}

fn query(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let encoded = |text: &str| {
        let text: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&text, UNRESERVED).to_string()
    };
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encoded(name), encoded(value))
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn hash(bytes: &[u8]) -> String {
    Digest::of(bytes).into()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

/// Milliseconds since 1970 of `20261129T120000Z`.
pub(super) fn moment(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let part = |text: &str, from: usize, to: usize| text.get(from..to).map(ToOwned::to_owned);
    if date.len() != 8 || time.len() != 6 {
        return None;
    }
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(date, 0, 4)?,
        part(date, 4, 6)?,
        part(date, 6, 8)?,
        part(time, 0, 2)?,
        part(time, 2, 4)?,
        part(time, 4, 6)?
    );
    text.parse::<Timestamp>().ok().map(|at| at.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const NOW: &str = "2026-11-29T12:00:00Z";

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method("PUT").uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn headers<'a>(date: &'a str, authorization: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("host", "127.0.0.1:8080"),
            ("x-amz-date", date),
            ("content-type", "application/json"),
            ("authorization", authorization),
        ]
    }

    fn read(uri: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Signed, Fault> {
        Signed::read(&parts(uri, headers), body, NOW.parse().unwrap())
    }

    /// Made with botocore 1.44.8: `SigV4Auth(credentials, "appmesh", "eu-west-1")` on
    /// `PUT /v20190125/meshes/a%2Fb/virtualNodes?meshOwner=123456789012&x=b%20c` with the body `{"a": 1}`.
    const AUTHORIZATION: &str = include_str!("signed-by-botocore.txt");

    #[test]
    fn what_botocore_signed_is_known_and_nothing_else() {
        let uri = "/v20190125/meshes/a%2Fb/virtualNodes?meshOwner=123456789012&x=b%20c";
        let authorization = AUTHORIZATION.trim();
        let sent = headers("20261129T120000Z", authorization);
        let signed = read(uri, &sent, b"{\"a\": 1}").unwrap();
        assert_eq!(signed.key, "MFKEXAMPLE");
        assert!(signed.is_by(SECRET));
        assert!(!signed.is_by("another"));
        for (uri, body) in [
            (uri, &b"{\"a\": 2}"[..]),
            (&uri.replace("a%2Fb", "a/b"), b"{\"a\": 1}"),
            (&uri.replace("b%20c", "b%20d"), b"{\"a\": 1}"),
        ] {
            assert!(!read(uri, &sent, body).unwrap().is_by(SECRET), "{uri}");
        }
    }

    #[test]
    fn what_we_sign_we_know() {
        let mut sent = parts("/v20190125/meshes?limit=2", &[("host", "127.0.0.1:1")]);
        let signer = Signer {
            key: "MFKEXAMPLE".to_owned(),
            secret: SECRET.to_owned(),
            session: Some("token".to_owned()),
            region: "eu-west-1".to_owned(),
        };
        let now: Timestamp = "2026-11-29T12:00:00.5Z".parse().unwrap();
        signer.sign(&mut sent, b"{}", now);
        let signed = Signed::read(&sent, b"{}", now).unwrap();
        assert!(signed.is_by(SECRET));
        assert_eq!(signed.session.as_deref(), Some("token"));
    }

    #[test]
    fn what_is_wrong_with_a_signature_is_said() {
        let good = "AWS4-HMAC-SHA256 Credential=K/20261129/eu-west-1/appmesh/aws4_request, \
                    SignedHeaders=content-type;host;x-amz-date, Signature=00ff";
        let refused = |date: &str, authorization: &str| {
            read("/", &headers(date, authorization), b"").unwrap_err().message
        };
        assert!(read("/", &headers("20261129T120459Z", good), b"").is_ok());
        let late = refused("20261129T120501Z", good);
        assert!(
            late.contains("2026-11-29T12:05:01") && late.contains("MF1010"),
            "{late}"
        );
        for (authorization, expected) in [
            (good.replace("HMAC-SHA256", "ECDSA-P256-SHA256"), "does not begin"),
            (good.replace("appmesh", "s3"), "signed for `s3`"),
            (good.replace("host;", ""), "`host` is not signed"),
            (good.replace(";x-amz-date", ""), "`x-amz-date` is not signed"),
            (good.replace("20261129", "20261128"), "different days"),
            (good.replace("Signature=00ff", "Signature=0"), "needs Credential"),
            (good.replace("K/", ""), "Credential is not"),
        ] {
            let message = refused("20261129T120000Z", &authorization);
            assert!(message.contains(expected), "{authorization}: {message}");
        }
        let message = refused("yesterday", good);
        assert!(message.contains("X-Amz-Date"), "{message}");
        let presigned = read("/?X-Amz-Signature=00", &[], b"").unwrap_err();
        assert!(presigned.message.contains("presigned"));
        assert_eq!(read("/", &[], b"").unwrap_err().kind, FaultKind::MissingToken);
    }
}
