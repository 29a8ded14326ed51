//! Credentials that the container is given by an agent beside it: ECS, EKS Pod Identity, and whatever else speaks their
//! interface (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, `AWS_CONTAINER_CREDENTIALS_FULL_URI`).

use super::failure::{NoCredentials, shown};
use crate::time::{Clock as _, SystemClock, Timestamp};
use async_trait::async_trait;
use http::{HeaderValue, StatusCode, header};
use object_store::aws::AwsCredential;
use object_store::client::{HttpClient, HttpErrorKind, HttpRequestBody};
use object_store::{CredentialProvider, Result};
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Who is asked without TLS, beside this machine itself: the agents of ECS and EKS. The token goes nowhere else.
const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// Credentials with less left are fetched anew, so that none expires under way.
const LEFT: i64 = 5 * 60 * 1000;

/// Where an agent always gives such short ones, it is not asked for every request.
const AGAIN: Duration = Duration::from_secs(1);

/// The pauses between tries. They are not random: only this container asks its agent.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1600),
];

/// How much of an agent's refusal is told, in characters: a line or two, whatever page an intermediary answers with.
const LONGEST: usize = 200;

/// What the agent knows its container by.
pub(super) enum Token {
    /// Nothing: whoever can ask is right.
    None,
    /// A file, whose text changes as time passes.
    File(PathBuf),
    Text(String),
}

/// Without the token, which is a secret.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// An agent, and what it gave last.
#[derive(Debug)]
pub(super) struct Container {
    url: String,
    token: Token,
    client: HttpClient,
    held: Mutex<Option<CachedCredential>>,
}

#[derive(Clone)]
struct CachedCredential {
    credential: Arc<AwsCredential>,
    until: Option<Timestamp>,
    fetched: Instant,
}

impl fmt::Debug for CachedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerCredentials {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

/// How an agent refuses, where it says so in JSON.
#[derive(Deserialize)]
struct AgentError {
    #[serde(alias = "Code")]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

/// Why there was no answer, and whether there may be one yet.
struct Failed {
    detail: String,
    again: bool,
}

// === impl Failed, Held ===

impl Failed {
    fn for_good(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            again: false,
        }
    }
}

impl CachedCredential {
    fn has_left(&self, left: i64) -> bool {
        let then = SystemClock.now().plus_millis(left);
        self.until.is_none_or(|until| until > then)
    }
}

// === impl Container ===

impl Container {
    pub(super) fn new(url: &str, token: Token, client: HttpClient) -> Result<Self> {
        let refused = |detail: &str| {
            let asked = format!("the container's credentials at {}", shown(url));
            Err(NoCredentials::error(asked, detail))
        };
        let Ok(parsed) = reqwest::Url::parse(url) else {
            return refused("AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL");
        };
        let host = parsed.host_str().unwrap_or_default();
        match parsed.scheme() {
            "https" => {}
            "http" if may_be_asked_plainly(host) => {}
            "http" => {
                return refused(
                    "let AWS_CONTAINER_CREDENTIALS_FULL_URI begin with https://: without TLS only this machine and \
                     the agents of ECS and EKS are asked",
                );
            }
            _ => return refused("AWS_CONTAINER_CREDENTIALS_FULL_URI must begin with http:// or https://"),
        }
        Ok(Self {
            url: url.to_owned(),
            token,
            client,
            held: Mutex::default(),
        })
    }

    /// The token, as the agent wants it. It is read each time, because who wrote the file renews it.
    fn authorization(&self) -> std::result::Result<Option<HeaderValue>, Failed> {
        let text = match &self.token {
            Token::None => return Ok(None),
            Token::Text(text) => text.clone(),
            Token::File(path) => std::fs::read_to_string(path).map_err(|error| {
                Failed::for_good(format!(
                    "cannot read AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE ({}): {error}",
                    path.display()
                ))
            })?,
        };
        let Ok(mut value) = HeaderValue::from_str(text.trim()) else {
            return Err(Failed::for_good(
                "the token has characters that no header may have",
            ));
        };
        value.set_sensitive(true);
        Ok(Some(value))
    }

    async fn ask(&self) -> std::result::Result<CachedCredential, Failed> {
        let token = self.authorization()?;
        let mut request = http::Request::get(&self.url).header(header::ACCEPT, "application/json");
        if let Some(token) = &token {
            request = request.header(header::AUTHORIZATION, token);
        }
        let request = request
            .body(HttpRequestBody::empty())
            .map_err(|error| Failed::for_good(error.to_string()))?;
        let failed = |error: object_store::client::HttpError| Failed {
            detail: innermost(&error),
            again: error.kind() != HttpErrorKind::Decode,
        };
        let answer = self.client.execute(request).await.map_err(failed)?;
        let status = answer.status();
        let body = answer.into_body().bytes().await.map_err(failed)?;
        if !status.is_success() {
            let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            let detail = refusal(status, &body, token.as_ref());
            return Err(Failed { detail, again });
        }
        // What serde says may quote what it read.
        let given: ContainerCredentials = serde_json::from_slice(&body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Failed::for_good(format!(
                "the answer is not the JSON of credentials (line {line}, column {column})"
            ))
        })?;
        let until = given.expiration.map(|text| text.parse()).transpose();
        Ok(CachedCredential {
            until: until.map_err(|_| Failed::for_good("the answer's Expiration is not a time"))?,
            credential: Arc::new(AwsCredential {
                key_id: given.access_key_id,
                secret_key: given.secret_access_key,
                token: given.token.filter(|token| !token.is_empty()),
            }),
            fetched: Instant::now(),
        })
    }

    async fn fetch(&self) -> std::result::Result<CachedCredential, String> {
        for pause in PAUSES {
            match self.ask().await {
                Ok(held) => return Ok(held),
                Err(failed) if failed.again => {
                    tracing::debug!(detail = failed.detail, "the container's credentials, again");
                    tokio::time::sleep(pause).await;
                }
                Err(failed) => return Err(failed.detail),
            }
        }
        self.ask().await.map_err(|failed| failed.detail)
    }
}

#[async_trait]
impl CredentialProvider for Container {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> Result<Arc<AwsCredential>> {
        let mut held = self.held.lock().await;
        if let Some(held) = &*held
            && (held.has_left(LEFT) || held.has_left(0) && held.fetched.elapsed() < AGAIN)
        {
            return Ok(Arc::clone(&held.credential));
        }
        match (self.fetch().await, &*held) {
            (Ok(fresh), _) => {
                let credential = Arc::clone(&fresh.credential);
                *held = Some(fresh);
                Ok(credential)
            }
            // They were to be renewed early so that an agent may be away for a moment.
            (Err(detail), Some(old)) if old.has_left(0) => {
                tracing::warn!(detail, "the container's credentials cannot be renewed yet");
                Ok(Arc::clone(&old.credential))
            }
            (Err(detail), _) => {
                let asked = format!("the container's credentials at {}", shown(&self.url));
                Err(NoCredentials::error(asked, detail))
            }
        }
    }
}

fn may_be_asked_plainly(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    host == "localhost" || AGENTS.contains(&host) || host.parse().is_ok_and(is_loopback)
}

/// Why it refused, in the agent's own words, without the token should they repeat it.
fn refusal(status: StatusCode, body: &[u8], token: Option<&HeaderValue>) -> String {
    let text = match serde_json::from_slice(body) {
        Ok(AgentError { code, message }) => format!("{code}: {message}"),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let token = token.and_then(|token| token.to_str().ok()).unwrap_or_default();
    let text = if token.is_empty() {
        text
    } else {
        text.replace(token, "…")
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let text: String = words.join(" ").chars().take(LONGEST).collect();
    let text = text.trim_end_matches([':', ' ', '.']);
    if text.is_empty() {
        format!("HTTP status {}", status.as_u16())
    } else {
        format!("HTTP status {}: {text}", status.as_u16())
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_a_token_goes_to_this_machine_and_its_agents_only() {
        for host in ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"] {
            assert!(may_be_asked_plainly(host), "{host}");
        }
        for host in AGENTS {
            assert!(may_be_asked_plainly(host), "{host}");
        }
        for host in [
            "10.0.0.1",
            "example.com",
            "169.254.169.254",
            "localhost.example.com",
            "",
        ] {
            assert!(!may_be_asked_plainly(host), "{host}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words_without_the_token() {
        let token = HeaderValue::from_static("the-token");
        let said = |body: &str| refusal(StatusCode::FORBIDDEN, body.as_bytes(), Some(&token));
        assert_eq!(said(""), "HTTP status 403");
        assert_eq!(
            said(r#"{"code": "AccessDenied", "message": "no role for the-token"}"#),
            "HTTP status 403: AccessDenied: no role for …"
        );
        assert_eq!(said("not you,\n the-token.\n"), "HTTP status 403: not you, …");
        assert_eq!(said(&"x".repeat(1000)).len(), LONGEST + "HTTP status 403: ".len());
    }
}
