//! How object storage is reached: services, endpoints, credentials, TLS.

use super::credentials::{azure_credentials, google_credentials, s3_credentials};
use super::failure::{failure, storage};
use crate::background::Background;
use crate::error::{Result, StoreError};
use crate::location::{BucketUrl, Service};
use crate::trouble::ServiceFailure;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{HttpClient, HttpConnector, SpawnService};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, Error, ObjectStore, RetryConfig};
use rustls::{ClientConfig, RootCertStore};
use std::ffi::OsString;
use std::fmt;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Handle;

/// Where Azure's App Service and Container Apps give out the machine's identity.
const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";

/// What is told of a bucket, or of a cluster of etcd, beside its name.
#[derive(Clone, Default)]
pub struct Access {
    /// The environment's variables: credentials, and whatever else is not said below.
    pub environment: Vec<(String, String)>,
    /// The server's address, where it is not the service's own.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    /// Whether the bucket stands in the path of a request, not in the name of its host.
    pub path_style: Option<bool>,
    /// The storage account, of Azure alone; `None` takes the one of the URL or of the environment.
    pub account: Option<String>,
}

impl Access {
    /// All that the environment says.
    pub fn of_environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let all = variables.into_iter();
        let texts =
            all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let known = |name: &str| {
            ["AWS_", "AZURE_", "GOOGLE_", "MESHFORM_ETCD_"]
                .iter()
                .any(|one| name.starts_with(one))
                || name == IDENTITY_ENDPOINT
        };
        Self {
            environment: texts.filter(|(name, _)| known(name)).collect(),
            ..Self::default()
        }
    }
}

/// Without the environment's variables, which hold secrets.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("path_style", &self.path_style)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// Keys of AWS, as they stand in the environment or are given to the container or machine.
#[derive(Clone)]
pub struct AwsKeys {
    pub id: String,
    pub secret: String,
    /// Of keys that end.
    pub session: Option<String>,
}

impl AwsKeys {
    /// Those that a bucket in S3 would be asked with.
    ///
    /// # Errors
    /// When there are none.
    pub async fn find(access: Access) -> Result<Self> {
        let background = Arc::new(Background::default());
        let url = BucketUrl::parse("s3://any", "s3", "any")?;
        let remote = Remote::new(url, access, background);
        let at = |error: &Error| failure("AWS", "find the credentials of", error);
        let connector = Connector {
            runtime: remote.background.handle()?,
            tls: OnceLock::new(),
        };
        let client = remote.s3(connector).map_err(|error| at(&error))?;
        let found = client
            .credentials()
            .get_credential()
            .await
            .map_err(|error| at(&error))?;
        Ok(Self {
            id: found.key_id.clone(),
            secret: found.secret_key.clone(),
            session: found.token.clone(),
        })
    }
}

impl fmt::Debug for AwsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKeys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Device and inode of a directory that is there.
fn identity(directory: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(directory).ok()?;
    found.is_dir().then(|| (found.dev(), found.ino()))
}

/// A bucket that is connected to when it is first needed.
#[derive(Debug)]
pub(crate) struct Remote {
    url: BucketUrl,
    access: Access,
    background: Arc<Background>,
    made: OnceLock<Arc<dyn ObjectStore>>,
    /// Device and inode of the directory, where the bucket is one.
    home: OnceLock<(u64, u64)>,
}

impl Remote {
    pub(crate) fn new(url: BucketUrl, access: Access, background: Arc<Background>) -> Self {
        Self {
            url,
            access,
            background,
            made: OnceLock::new(),
            home: OnceLock::new(),
        }
    }

    /// The storage; where it could not be made before, that is tried again.
    pub(crate) fn storage(&self) -> Result<Arc<dyn ObjectStore>> {
        if let Some(made) = self.made.get() {
            self.still_there()?;
            return Ok(Arc::clone(made));
        }
        let made = self.make()?;
        Ok(Arc::clone(self.made.get_or_init(|| made)))
    }

    /// Refuses a directory that is no longer the one that was opened: renamed, or a mount that went away. The next write would
    /// make it anew, and what is written there is gone when the other comes back.
    fn still_there(&self) -> Result<()> {
        let Some(home) = self.home.get() else {
            return Ok(());
        };
        let directory = Path::new(self.url.bucket());
        match identity(directory) {
            Some(found) if found == *home => Ok(()),
            _ => Err(StoreError::Replaced {
                path: directory.to_owned(),
            }),
        }
    }

    /// Lets everybody reach what is published for proxies, whatever the umask: their agents often run as somebody else. Only
    /// a directory needs it; who reads a bucket, its policy says.
    pub(crate) fn share(&self, object: &str) -> std::io::Result<()> {
        if self.home.get().is_none() {
            return Ok(());
        }
        let root = Path::new(self.url.bucket());
        let path = self.file(object);
        let folders = path.ancestors().skip(1);
        for folder in folders.take_while(|folder| *folder != root) {
            let mode = std::fs::metadata(folder)?.permissions().mode() & 0o7777;
            if mode & 0o755 != 0o755 {
                // That of somebody else is theirs to open.
                let _ = std::fs::set_permissions(folder, Permissions::from_mode(mode | 0o755));
            }
        }
        Ok(())
    }

    /// The file of an object; none where the bucket is no directory that was opened.
    pub(crate) fn directory_file(&self, object: &str) -> Option<PathBuf> {
        self.home.get().map(|_| self.file(object))
    }

    /// The file of an object, where the bucket is a directory.
    pub(crate) fn file(&self, object: &str) -> PathBuf {
        Path::new(self.url.bucket()).join(object)
    }

    fn make(&self) -> Result<Arc<dyn ObjectStore>> {
        let connector = Connector {
            runtime: self.background.handle()?,
            tls: OnceLock::new(),
        };
        let made = match self.url.service() {
            Service::File => return self.directory(),
            Service::S3 => self.s3(connector).map(|s3| Arc::new(s3) as Arc<dyn ObjectStore>),
            Service::Google => self.google(connector),
            Service::Azure => self.azure(connector),
        };
        made.map_err(|error| failure(&self.url.to_string(), "open", &error))
    }

    fn s3(&self, connector: Connector) -> object_store::Result<AmazonS3> {
        let bucket = self.url.bucket();
        let endpoint = self
            .access
            .endpoint
            .as_deref()
            .or_else(|| self.variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]));
        let region = self
            .access
            .region
            .as_deref()
            .or_else(|| self.variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
        let mut builder = AmazonS3Builder::new()
            .with_http_connector(connector.clone())
            .with_retry(retry())
            .with_client_options(client(endpoint))
            // One object a request: some servers do not know the other way, and its refusals are hard to read.
            .with_config(AmazonS3ConfigKey::DisableBulkDelete, "true");
        for (key, value) in self.variables::<AmazonS3ConfigKey>("AWS_") {
            builder = match key {
                AmazonS3ConfigKey::S3Endpoint | AmazonS3ConfigKey::Endpoint => builder,
                key => builder.with_config(key, value),
            };
        }
        builder = builder.with_bucket_name(bucket);
        if let Some(region) = region {
            builder = builder.with_region(region);
        }
        // A certificate for `*.s3.…` does not cover a bucket with a dot in its name.
        let in_path = self
            .access
            .path_style
            .unwrap_or(endpoint.is_some() || bucket.contains('.'));
        let endpoint = match (endpoint, region.filter(|region| region.starts_with("cn-"))) {
            (Some(endpoint), _) => Some(endpoint.to_owned()),
            (None, Some(china)) => Some(format!("https://s3.{china}.amazonaws.com.cn")),
            (None, None) => None,
        };
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(match endpoint.split_once("://") {
                Some((scheme, host)) if !in_path => format!("{scheme}://{bucket}.{host}"),
                _ => endpoint,
            });
        }
        builder = builder.with_virtual_hosted_style_request(!in_path);
        let variable = |name: &str| self.variable(&[name]).map(str::to_owned);
        s3_credentials(builder, &connector, &variable)?.build()
    }

    fn google(&self, connector: Connector) -> object_store::Result<Arc<dyn ObjectStore>> {
        let endpoint = self
            .access
            .endpoint
            .as_deref()
            .or_else(|| self.variable(&["GOOGLE_BASE_URL"]));
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_http_connector(connector)
            .with_retry(retry())
            .with_client_options(client(endpoint));
        for (key, value) in self.variables("GOOGLE_") {
            builder = builder.with_config(key, value);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_base_url(endpoint.trim_end_matches('/'));
        }
        builder = builder.with_bucket_name(self.url.bucket());
        Ok(Arc::new(google_credentials(builder)?.build()?))
    }

    fn azure(&self, connector: Connector) -> object_store::Result<Arc<dyn ObjectStore>> {
        let endpoint = self
            .access
            .endpoint
            .as_deref()
            .or_else(|| self.variable(&["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]));
        let mut builder = MicrosoftAzureBuilder::new()
            .with_http_connector(connector)
            .with_retry(retry())
            .with_client_options(client(endpoint));
        if let Some(endpoint) = self.variable(&[IDENTITY_ENDPOINT]) {
            builder = builder.with_msi_endpoint(endpoint);
        }
        for (key, value) in self.variables("AZURE_") {
            builder = builder.with_config(key, value);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.to_owned());
        }
        if let Some(account) = self.access.account.as_deref().or(self.url.account()) {
            builder = builder.with_account(account);
        }
        builder = builder.with_container_name(self.url.bucket());
        Ok(Arc::new(azure_credentials(builder)?.build()?))
    }

    fn directory(&self) -> Result<Arc<dyn ObjectStore>> {
        let directory = Path::new(self.url.bucket());
        let place = self.url.to_string();
        let absent = || {
            storage(
                ServiceFailure::NoBucket,
                &place,
                "open",
                "no such directory".to_owned(),
            )
        };
        let home = identity(directory).ok_or_else(absent)?;
        let storage =
            LocalFileSystem::new_with_prefix(directory).map_err(|error| failure(&place, "open", &error))?;
        let _ = self.home.set(home);
        Ok(Arc::new(storage.with_fsync(true)))
    }

    /// The first of these variables that is set.
    fn variable(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|wanted| {
            let mut set = self.access.environment.iter();
            let found = set.find(|(name, value)| name == wanted && !value.is_empty());
            found.map(|(_, value)| value.as_str())
        })
    }

    /// The variables that a service knows.
    fn variables<K: FromStr>(&self, beginning: &str) -> Vec<(K, String)> {
        let set = self.access.environment.iter();
        set.filter(|(name, value)| name.starts_with(beginning) && !value.is_empty())
            .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.clone())))
            .collect()
    }
}

/// Some tries with random pauses that grow: a service that throttles, or a connection that broke, is well again within
/// seconds. Whoever waits hears after half a minute that it is not.
fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(3),
            base: 2.0,
        },
        max_retries: 6,
        retry_timeout: Duration::from_secs(30),
    }
}

fn client(endpoint: Option<&str>) -> ClientOptions {
    // Who writes `http://` means it; without an endpoint it is TLS.
    let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    ClientOptions::new()
        .with_allow_http(plain)
        .with_connect_timeout(Duration::from_secs(5))
        .with_timeout(Duration::from_secs(20))
}

/// Makes HTTP clients whose connections live in the background.
#[derive(Debug, Clone)]
struct Connector {
    runtime: Handle,
    tls: OnceLock<std::result::Result<ClientConfig, String>>,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let said = |key| options.get_config_value(&key);
        let duration = |key| said(key).and_then(|text| humantime::parse_duration(&text).ok());
        let plain = said(ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        let tls = self.tls.get_or_init(tls_roots).clone();
        let tls = tls.map_err(|detail| generic(detail.into()))?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(!plain)
            .http1_only()
            .user_agent(concat!("meshform/", env!("CARGO_PKG_VERSION")));
        if let Some(limit) = duration(ClientConfigKey::ConnectTimeout) {
            builder = builder.connect_timeout(limit);
        }
        if let Some(limit) = duration(ClientConfigKey::Timeout) {
            builder = builder.timeout(limit);
        }
        let client = builder.build().map_err(|error| generic(error.into()))?;
        Ok(HttpClient::new(SpawnService::new(client, self.runtime.clone())))
    }
}

fn generic(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Generic {
        store: "HTTP",
        source,
    }
}

/// TLS by ring. The system's roots are asked; a machine that has none (an image with nothing but this program) gets
/// those that Mozilla ships.
pub fn tls_roots() -> std::result::Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (_, refused) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(known = roots.len(), refused, errors = ?found.errors, "the system's certificates");
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
