//! AWS credentials as a task, pod or machine has them: variables, web identity, container, instance. Kept until
//! shortly before they expire, and on an error as long as they hold.

use crate::http::Request;
use crate::log;
use crate::sigv4::Keys;
use http::Method;
use serde::Deserialize;
use std::env;
use std::time::{Duration, SystemTime};

/// How long before their end credentials are asked for anew. ECS and EC2 have the next ones by then, and a failed try
/// leaves time for others.
const EARLY: Duration = Duration::from_secs(300);

/// Where a machine's own credentials are.
const INSTANCE: &str = "http://169.254.169.254";

/// Where a task's own credentials are.
const CONTAINER: &str = "http://169.254.170.2";

/// The credentials that were found, and how long they hold.
#[derive(Default)]
pub(crate) struct Credentials {
    found: Option<(Keys, Option<SystemTime>)>,
    /// The service has refused them, which others may mend.
    refused: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialResponse {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

impl Credentials {
    /// The keys to sign with now.
    pub(crate) async fn keys(&mut self) -> Result<Keys, String> {
        let now = SystemTime::now();
        if let Some((keys, until)) = &self.found
            && !self.refused
            && until.is_none_or(|until| until > now + EARLY)
        {
            return Ok(keys.clone());
        }
        match find().await {
            Ok(found) => {
                let keys = found.0.clone();
                self.found = Some(found);
                self.refused = false;
                Ok(keys)
            }
            Err(error) => match &self.found {
                Some((keys, until)) if until.is_some_and(|until| until > now) => {
                    log::warn(&format!("the credentials cannot be renewed yet: {error}"));
                    Ok(keys.clone())
                }
                _ => Err(format!("no credentials: {error}")),
            },
        }
    }

    /// The next request asks anew: the service has refused these. They are kept for when no others can be had, since a policy may
    /// be why.
    pub(crate) fn are_refused(&mut self) {
        self.refused = true;
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

async fn find() -> Result<(Keys, Option<SystemTime>), String> {
    if let (Some(id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        let session = variable("AWS_SESSION_TOKEN");
        return Ok((Keys { id, secret, session }, None));
    }
    if let (Some(file), Some(role)) = (variable("AWS_WEB_IDENTITY_TOKEN_FILE"), variable("AWS_ROLE_ARN")) {
        return web_identity(&file, &role).await;
    }
    let full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    let relative =
        variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{CONTAINER}{path}"));
    if let Some(uri) = relative.or(full) {
        return container(&uri).await;
    }
    if variable("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err(
            "there are no AWS credentials: neither variables, nor a role of a task or pod".to_owned(),
        );
    }
    instance().await.map_err(|error| {
        format!("there are no AWS credentials: neither variables, nor a role of a task or pod, and the machine's: {error}")
    })
}

async fn container(uri: &str) -> Result<(Keys, Option<SystemTime>), String> {
    let mut request = Request::new(Method::GET, uri)?;
    let token = match variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => Some(read(&file)?),
        None => variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    };
    if let Some(token) = token {
        request = request.header("authorization", token.trim());
    }
    json(request).await
}

async fn instance() -> Result<(Keys, Option<SystemTime>), String> {
    let host = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| INSTANCE.to_owned());
    let host = host.trim_end_matches('/');
    let token = Request::new(Method::PUT, &format!("{host}/latest/api/token"))?
        .header("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    let token = text(token).await?;
    let roles = format!("{host}/latest/meta-data/iam/security-credentials/");
    let with_token = |uri: &str| {
        Ok::<_, String>(Request::new(Method::GET, uri)?.header("x-aws-ec2-metadata-token", &token))
    };
    let role = text(with_token(&roles)?).await?;
    let role = role.lines().next().unwrap_or_default();
    json(with_token(&format!("{roles}{role}"))?).await
}

async fn web_identity(file: &str, role: &str) -> Result<(Keys, Option<SystemTime>), String> {
    let token = read(file)?;
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    // AWS_ENDPOINT_URL is the address of the bucket's server, which need not know STS: it must not get the token.
    let host = variable("AWS_ENDPOINT_URL_STS").unwrap_or_else(|| sts(region.as_deref()));
    let session = variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "meshform-agent".to_owned());
    let mut request = Request::new(Method::POST, &format!("{}/", host.trim_end_matches('/')))?
        .header("content-type", "application/x-www-form-urlencoded");
    let value = |text: &str| crate::sigv4::encoded(text).replace('/', "%2F");
    request.body = format!(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}&WebIdentityToken={}",
        value(role),
        value(&session),
        value(token.trim())
    )
    .into_bytes();
    let text = text(request).await?;
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>"))
            .map(|(value, _)| value.trim().to_owned())
    };
    let needed = |name: &str| field(name).ok_or_else(|| format!("the answer of {host} has no {name}"));
    let keys = Keys {
        id: needed("AccessKeyId")?,
        secret: needed("SecretAccessKey")?,
        session: Some(needed("SessionToken")?),
    };
    Ok((keys, Some(expiration(&needed("Expiration")?)?)))
}

/// Where STS is in a region. China has a domain of its own.
fn sts(region: Option<&str>) -> String {
    match region {
        None => "https://sts.amazonaws.com".to_owned(),
        Some(region) if region.starts_with("cn-") => format!("https://sts.{region}.amazonaws.com.cn"),
        Some(region) => format!("https://sts.{region}.amazonaws.com"),
    }
}

async fn json(request: Request) -> Result<(Keys, Option<SystemTime>), String> {
    let text = text(request).await?;
    let answer: CredentialResponse =
        serde_json::from_str(&text).map_err(|error| format!("credentials that cannot be read: {error}"))?;
    let keys = Keys {
        id: answer.access_key_id,
        secret: answer.secret_access_key,
        session: Some(answer.token),
    };
    Ok((keys, Some(expiration(&answer.expiration)?)))
}

async fn text(request: Request) -> Result<String, String> {
    let place = request.uri.to_string();
    let answer = request.send().await?;
    if answer.status.is_success() {
        Ok(answer.text())
    } else {
        Err(format!("{place} answered {}", answer.status))
    }
}

fn expiration(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339(text).map_err(|error| format!("credentials expire at `{text}`: {error}"))
}

fn read(file: &str) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{file} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sts_is_in_the_region() {
        assert_eq!(sts(None), "https://sts.amazonaws.com");
        assert_eq!(sts(Some("eu-west-1")), "https://sts.eu-west-1.amazonaws.com");
        assert_eq!(sts(Some("cn-north-1")), "https://sts.cn-north-1.amazonaws.com.cn");
    }
}
