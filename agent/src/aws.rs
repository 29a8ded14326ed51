//! Services of AWS that are asked in JSON, by one request for each operation.

use crate::credentials::Credentials;
use crate::http::Request;
use crate::sigv4::sign;
use http::{Method, StatusCode};
use serde_json::Value;
use std::env;
use std::time::SystemTime;

/// What tells one service from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    /// What the name of an operation begins with in `x-amz-target`.
    pub(crate) target: &'static str,
    /// The service's name in signatures (SigV4's credential scope): `servicediscovery`.
    pub(crate) signed_as: &'static str,
    /// The first part of its host.
    pub(crate) host: &'static str,
    /// The variable that names another server.
    pub(crate) endpoint: &'static str,
    /// The service as messages call it: `Cloud Map`.
    pub(crate) title: &'static str,
}

/// A service in a region.
pub(crate) struct Service {
    api: Api,
    base: String,
    region: String,
    credentials: Credentials,
}

/// Why a service did not do what it was asked. Each says so in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many requests: ask less.
    Throttled(String),
    /// The role may not do that.
    Denied(String),
    Other(String),
}

impl Refusal {
    pub(crate) fn told(self) -> String {
        match self {
            Self::Throttled(told) | Self::Denied(told) | Self::Other(told) => told,
        }
    }
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The region of the environment.
pub(crate) fn region() -> String {
    variable("AWS_REGION")
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .unwrap_or_else(|| "us-east-1".to_owned())
}

/// What the names of AWS's servers end with in a region.
pub(crate) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

impl Service {
    pub(crate) fn new(api: Api, region: &str) -> Self {
        // AWS_ENDPOINT_URL may be the bucket's server, which need not know other services.
        let base = variable(api.endpoint)
            .unwrap_or_else(|| format!("https://{}.{region}.{}", api.host, domain(region)));
        Self {
            api,
            base: base.trim_end_matches('/').to_owned(),
            region: region.to_owned(),
            credentials: Credentials::default(),
        }
    }

    /// The answer of an operation.
    pub(crate) async fn call(&mut self, operation: &str, asked: &Value) -> Result<Vec<u8>, Refusal> {
        let mut request = Request::new(Method::POST, &format!("{}/", self.base))
            .map_err(Refusal::Other)?
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", &format!("{}.{operation}", self.api.target));
        request.body = asked.to_string().into_bytes();
        let keys = self.credentials.keys().await.map_err(Refusal::Other)?;
        let now = SystemTime::now();
        let answer = sign(request, &keys, &self.region, self.api.signed_as, now)
            .send()
            .await
            .map_err(Refusal::Other)?;
        if answer.status.is_success() {
            return Ok(answer.body.to_vec());
        }
        if matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST) {
            self.credentials.are_refused();
        }
        Err(refusal(self.api.title, answer.status, &answer.body))
    }
}

fn refusal(title: &str, status: StatusCode, body: &[u8]) -> Refusal {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| value.get(*name)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    let code = text(&["__type", "code", "Code"]);
    let code = code.rsplit('#').next().unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    let mut told = format!("{title} answered {} {code}", status.as_u16());
    let message = text(&["message", "Message"]);
    if !message.is_empty() {
        told.push_str(&format!(": {message}"));
    }
    if code.contains("AccessDenied") || status == StatusCode::FORBIDDEN {
        Refusal::Denied(told)
    } else if status == StatusCode::TOO_MANY_REQUESTS
        || code.contains("Throttl")
        || code.contains("LimitExceeded")
    {
        Refusal::Throttled(told)
    } else {
        Refusal::Other(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_who_refused_and_whether_to_ask_less() {
        let throttled = br#"{"__type":"RequestLimitExceeded","message":"slow down"}"#;
        assert_eq!(
            refusal("Cloud Map", StatusCode::BAD_REQUEST, throttled),
            Refusal::Throttled("Cloud Map answered 400 RequestLimitExceeded: slow down".to_owned())
        );
        let denied = br#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}"#;
        assert_eq!(
            refusal("ACM", StatusCode::BAD_REQUEST, denied),
            Refusal::Denied("ACM answered 400 AccessDeniedException: no".to_owned())
        );
        let other = refusal("ACM", StatusCode::INTERNAL_SERVER_ERROR, b"<html>");
        assert!(matches!(other, Refusal::Other(_)), "{other:?}");
    }

    #[test]
    fn china_has_a_domain_of_its_own() {
        assert_eq!(domain("cn-north-1"), "amazonaws.com.cn");
        assert_eq!(domain("eu-west-1"), "amazonaws.com");
    }
}
