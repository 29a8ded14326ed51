//! Where credentials come from, always in the same order, and with errors that say what was asked.
//!
//! For S3 the library fetches those of a web identity and of the machine. Those of the container are fetched by
//! [`container`](super::container), because the library knows only two of the four forms that the AWS SDKs know.

use super::container::{Container, Token};
use super::failure::{NoCredentials, shown, words};
use async_trait::async_trait;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::HttpConnector;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientOptions, CredentialProvider, Result};
use std::sync::Arc;
use std::time::Duration;

/// Where the agent of ECS answers that a relative URI means.
const AGENT: &str = "http://169.254.170.2";

/// Where machines ask for their own credentials.
const MACHINE: &str = "http://169.254.169.254";

/// The builder with the first of these that the environment names: keys, a web identity, a container, the machine.
///
/// All else must have been said to the builder already: the same clients and regions serve for the credentials.
pub(super) fn s3_credentials(
    builder: AmazonS3Builder,
    connector: &dyn HttpConnector,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<AmazonS3Builder> {
    let said = |key| builder.get_config_value(&key);
    let half = |there: &str, missing: &str| {
        Err(NoCredentials::error(
            "the environment",
            format!("{there} is set and {missing} is not"),
        ))
    };
    if said(Key::SkipSignature).is_some_and(|value| value == "true") {
        return Ok(builder);
    }
    match (said(Key::AccessKeyId), said(Key::SecretAccessKey)) {
        (Some(_), Some(_)) => return Ok(builder),
        (Some(_), None) => return half("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        (None, Some(_)) => return half("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        (None, None) => {}
    }
    if let Some(file) = said(Key::WebIdentityTokenFile) {
        return match said(Key::RoleArn) {
            Some(role) => web_identity(builder, &file, &role),
            None => half("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
        };
    }
    let url = match said(Key::ContainerCredentialsRelativeUri) {
        Some(path) => Some(format!("{AGENT}/{}", path.trim_start_matches('/'))),
        None => said(Key::ContainerCredentialsFullUri),
    };
    if let Some(url) = url {
        let token = match said(Key::ContainerAuthorizationTokenFile) {
            Some(file) => Token::File(file.into()),
            None => variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").map_or(Token::None, Token::Text),
        };
        // The agent is at hand: it answers at once or not at all.
        let options = ClientOptions::new()
            .with_allow_http(true)
            .with_connect_timeout(Duration::from_secs(2))
            .with_timeout(Duration::from_secs(10));
        let container = Container::new(&url, token, connector.connect(&options)?)?;
        return Ok(builder.with_credentials(Arc::new(container)));
    }
    machine(builder, variable)
}

fn web_identity(builder: AmazonS3Builder, file: &str, role: &str) -> Result<AmazonS3Builder> {
    let region = builder.get_config_value(&Key::Region);
    let endpoint = builder
        .get_config_value(&Key::StsEndpoint)
        .unwrap_or_else(|| sts(region.as_deref().unwrap_or("us-east-1")));
    let asked = format!(
        "the web identity of AWS_WEB_IDENTITY_TOKEN_FILE ({file}) for the role {role}, at {}",
        shown(&endpoint)
    );
    if !endpoint.starts_with("https://") {
        let detail = "AWS_ENDPOINT_URL_STS must begin with https://, because the token is sent there";
        return Err(NoCredentials::error(asked, detail));
    }
    of_library(builder.with_config(Key::StsEndpoint, endpoint), asked)
}

/// Where STS answers in a region.
fn sts(region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("https://sts.{region}.{domain}")
}

fn machine(
    mut builder: AmazonS3Builder,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<AmazonS3Builder> {
    const NO_OTHERS: &str = "no keys, web identity or container in the environment";
    if variable("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        let detail = "and AWS_EC2_METADATA_DISABLED turns the machine's metadata service off";
        return Err(NoCredentials::error(NO_OTHERS, detail));
    }
    let endpoint = builder
        .get_config_value(&Key::MetadataEndpoint)
        .or_else(|| variable("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
        .unwrap_or_else(|| MACHINE.to_owned());
    builder = builder.with_config(Key::MetadataEndpoint, endpoint.trim_end_matches('/'));
    let asked = format!(
        "{NO_OTHERS}; the machine's metadata service at {}",
        shown(&endpoint)
    );
    of_library(builder, asked)
}

/// The builder with what it would fetch anyway, and errors that say where.
fn of_library(builder: AmazonS3Builder, asked: String) -> Result<AmazonS3Builder> {
    let inner = Arc::clone(builder.clone().build()?.credentials());
    Ok(builder.with_credentials(Arc::new(ReportingProvider { inner, asked })))
}

/// The builder for Google's storage, with errors that say where credentials were asked.
pub(super) fn google_credentials(builder: GoogleCloudStorageBuilder) -> Result<GoogleCloudStorageBuilder> {
    use GoogleConfigKey as Key;
    let said = |key| builder.get_config_value(&key);
    if said(Key::SkipSignature).is_some_and(|value| value == "true") {
        return Ok(builder);
    }
    let file = said(Key::ServiceAccount).or_else(|| said(Key::ApplicationCredentials));
    let asked = match file {
        Some(file) => format!("Google's credentials in {file}"),
        None if said(Key::ServiceAccountKey).is_some() => "Google's GOOGLE_SERVICE_ACCOUNT_KEY".to_owned(),
        None if said(Key::BearerToken).is_some() => "Google's GOOGLE_BEARER_TOKEN".to_owned(),
        None => {
            "no GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_SERVICE_ACCOUNT_KEY or GOOGLE_BEARER_TOKEN in the \
                 environment; gcloud's own file, and the machine's metadata service"
                .to_owned()
        }
    };
    // All else was said to it: what it still refuses are credentials.
    let built = builder.clone().build();
    let built = built.map_err(|error| NoCredentials::error(&asked, words(&error)))?;
    let inner = Arc::clone(built.credentials());
    Ok(builder.with_credentials(Arc::new(ReportingProvider { inner, asked })))
}

/// The builder for Azure's storage, with errors that say where credentials were asked.
pub(super) fn azure_credentials(builder: MicrosoftAzureBuilder) -> Result<MicrosoftAzureBuilder> {
    use AzureConfigKey as Key;
    let said = |key| builder.get_config_value(&key);
    let is_set = |key| said(key).is_some_and(|value| value == "true");
    if is_set(Key::SkipSignature) || is_set(Key::UseEmulator) {
        return Ok(builder);
    }
    if said(Key::AccountName).is_none() {
        return Err(NoCredentials::error(
            "Azure's storage account",
            "name it: AZURE_STORAGE_ACCOUNT_NAME in the environment, `azure { storage_account_name = \"…\" }` in the \
             provider block, or abfss://container@account.dfs.core.windows.net/prefix",
        ));
    }
    let client = said(Key::ClientId).unwrap_or_default();
    let named = [
        (Key::Token, "Azure's AZURE_STORAGE_TOKEN".to_owned()),
        (Key::AccessKey, "Azure's AZURE_STORAGE_ACCOUNT_KEY".to_owned()),
        (
            Key::FederatedTokenFile,
            format!("Azure's workload identity of AZURE_FEDERATED_TOKEN_FILE for the client {client}"),
        ),
        (
            Key::ClientSecret,
            format!("Azure's AZURE_CLIENT_SECRET for the client {client}"),
        ),
        (Key::SasKey, "Azure's AZURE_STORAGE_SAS_TOKEN".to_owned()),
    ];
    let first = named.into_iter().find(|(key, _)| said(*key).is_some());
    let asked = first.map_or_else(
        || {
            let machine = said(Key::MsiEndpoint).unwrap_or_else(|| MACHINE.to_owned());
            format!(
                "no AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN or AZURE_CLIENT_ID with related variables \
                 in the environment; the machine's managed identity at {}",
                shown(&machine)
            )
        },
        |(_, asked)| asked,
    );
    let built = builder.clone().build();
    let built = built.map_err(|error| NoCredentials::error(&asked, words(&error)))?;
    let inner = Arc::clone(built.credentials());
    Ok(builder.with_credentials(Arc::new(ReportingProvider { inner, asked })))
}

/// The library's way to credentials.
#[derive(Debug)]
struct ReportingProvider<C> {
    inner: Arc<dyn CredentialProvider<Credential = C>>,
    asked: String,
}

#[async_trait]
impl<C: Send + Sync + std::fmt::Debug + 'static> CredentialProvider for ReportingProvider<C> {
    type Credential = C;

    async fn get_credential(&self) -> Result<Arc<C>> {
        let found = self.inner.get_credential().await;
        found.map_err(|error| NoCredentials::error(&self.asked, words(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sts_is_asked_in_the_buckets_region() {
        assert_eq!(sts("eu-west-1"), "https://sts.eu-west-1.amazonaws.com");
        assert_eq!(sts("cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn what_may_be_secret_in_an_address_is_not_shown() {
        for (address, expected) in [
            ("http://127.0.0.1:99/v1/c?token=s#s", "http://127.0.0.1:99/v1/c"),
            ("https://me:secret@sts.example.com/", "https://sts.example.com"),
            ("secret", "an address that cannot be read"),
        ] {
            assert_eq!(shown(address), expected);
        }
    }
}
