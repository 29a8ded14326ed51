//! AWS's signature version 4, of requests whose body is at hand.

use crate::http::Request;
use meshform_bundle::hex;
use ring::{digest, hmac};
use std::fmt::Write as _;
use std::time::SystemTime;

#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) session: Option<String>,
}

/// Signs a request to `service` in `region`. Its path is encoded already, and its query in order.
pub(crate) fn sign(
    request: Request,
    keys: &Keys,
    (region, service): (&str, &str),
    now: SystemTime,
) -> Request {
    let time: String = humantime::format_rfc3339_seconds(now)
        .to_string()
        .chars()
        .filter(|c| *c != '-' && *c != ':')
        .collect();
    let date = time.get(..8).unwrap_or_default().to_owned();
    let payload = hex(digest::digest(&digest::SHA256, &request.body).as_ref());
    let host = request
        .uri
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut request = request
        .header("host", &host)
        .header("x-amz-content-sha256", &payload)
        .header("x-amz-date", &time);
    if let Some(session) = &keys.session {
        request = request.header("x-amz-security-token", session);
    }
    let mut headers: Vec<(String, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let mut canonical = format!(
        "{}\n{}\n{}\n",
        request.method,
        request.uri.path(),
        request.uri.query().unwrap_or_default()
    );
    for (name, value) in &headers {
        let _ = writeln!(canonical, "{name}:{value}");
    }
    let _ = write!(canonical, "\n{names}\n{payload}");
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}");
    let mut key = format!("AWS4{}", keys.secret).into_bytes();
    for part in [date.as_str(), region, service, "aws4_request"] {
        key = mac(&key, part);
    }
    let signature = hex(&mac(&key, &text));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        keys.id
    );
    request.header("authorization", &authorization)
}

/// A path or a value of a query, as S3 wants it: everything but letters, digits, `-._~` and `/` as its code.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;
    use std::time::Duration;

    /// The example `GET Object` of AWS's documentation of the signature.
    #[test]
    fn the_documented_example_has_the_documented_signature() {
        let keys = Keys {
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session: None,
        };
        let request = Request::new(Method::GET, "https://examplebucket.s3.amazonaws.com/test.txt")
            .unwrap()
            .header("range", "bytes=0-9");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600);
        let signed = sign(request, &keys, ("us-east-1", "s3"), at);
        let (_, value) = signed.headers.last().unwrap();
        assert!(
            value.ends_with("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            "{value}"
        );
        assert_eq!(encoded("m/%2E./a b"), "m/%252E./a%20b");
    }
}
