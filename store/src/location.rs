//! Where a store is, as the provider block and the command line name it: a directory, the URL of a bucket, or the members
//! of a cluster of etcd.

mod etcd;

pub use etcd::EtcdUrl;

use crate::error::{Result, StoreError};
use std::fmt;
use std::path::{Path, PathBuf};

/// The directory of a store where nobody names one.
pub const DEFAULT_LOCATION: &str = ".meshform";

/// Whether this is a CI runner, by the variables that CI systems set. Its disk does not survive the run, so that the default
/// location is refused there: [`EMBEDDED_IN_CI`](crate::codes::EMBEDDED_IN_CI).
pub fn in_ci<T: AsRef<str>>(variable: impl Fn(&str) -> Option<T>) -> bool {
    let set = |name| variable(name).filter(|value| !value.as_ref().is_empty());
    let value = set("CI").or_else(|| set("TF_BUILD"));
    value.is_some_and(|value| !matches!(value.as_ref(), "false" | "0"))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A directory: the embedded store.
    Directory(PathBuf),
    Bucket(BucketUrl),
    Etcd(EtcdUrl),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Amazon S3, or a server with its interface.
    S3,
    Google,
    Azure,
    /// A directory that is treated as a bucket.
    File,
}

/// A bucket and the prefix in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketUrl {
    service: Service,
    bucket: String,
    account: Option<String>,
    prefix: String,
}

/// What a store may be named.
const FORMS: &str = "a directory, `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, \
                     `file:///directory` or `etcd://host,host/prefix`";

/// The two domains under which an account of Azure's is found.
const AZURE_DOMAINS: [&str; 2] = [".blob.core.windows.net", ".dfs.core.windows.net"];

impl Location {
    /// Reads the name of a store. Directories are relative to `base`.
    pub fn parse(name: &str, base: &Path) -> Result<Self> {
        if name.trim().is_empty() {
            return Err(bad(name, "it is empty", &format!("write {FORMS}")));
        }
        if let Some((scheme, rest)) = name.split_once("://") {
            let scheme = scheme.to_ascii_lowercase();
            if EtcdUrl::is_scheme(&scheme) {
                return EtcdUrl::parse(name, &scheme, rest).map(Self::Etcd);
            }
            return BucketUrl::parse(name, &scheme, rest).map(Self::Bucket);
        }
        if let Some(rest) = name.strip_prefix("arn:") {
            let bucket = rest.rsplit(":::").next().unwrap_or("bucket/prefix");
            return Err(bad(name, "it is an ARN", &format!("write `s3://{bucket}`")));
        }
        // A directory may have a colon in its name, but not after one of these.
        if let Some((scheme, rest)) = name.split_once(":/")
            && (Service::of(scheme).is_some() || EtcdUrl::is_scheme(scheme))
        {
            let rest = rest.trim_start_matches('/');
            let slash = if scheme == "file" { "/" } else { "" };
            return Err(bad(
                name,
                "a slash is missing",
                &format!("write `{scheme}://{slash}{rest}`"),
            ));
        }
        Ok(Self::Directory(base.join(name)))
    }
}

impl Service {
    fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "s3" | "s3a" => Some(Self::S3),
            "gs" => Some(Self::Google),
            "az" | "azure" | "abfs" | "abfss" => Some(Self::Azure),
            "file" => Some(Self::File),
            _ => None,
        }
    }
}

impl BucketUrl {
    pub(crate) fn parse(name: &str, scheme: &str, rest: &str) -> Result<Self> {
        if scheme == "https" || scheme == "http" {
            return Self::azure_address(name, rest);
        }
        let Some(service) = Service::of(scheme) else {
            let problem = format!("the scheme `{scheme}://` is not supported");
            return Err(bad(name, &problem, &format!("write {FORMS}")));
        };
        if let Some(at) = rest.find(['?', '#']) {
            let (url, _) = rest.split_at(at);
            return Err(bad(
                name,
                "a store's name has no options",
                &format!(
                    "write `{scheme}://{url}`; endpoint and region have their place in the provider block, or in \
                     the environment"
                ),
            ));
        }
        if service == Service::File {
            return Self::directory(name, rest);
        }
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let (bucket, account) = match (service, host.split_once('@')) {
            (Service::Azure, Some((container, host))) => {
                let account = AZURE_DOMAINS.iter().find_map(|domain| host.strip_suffix(domain));
                let account = account.ok_or_else(|| {
                    bad(
                        name,
                        &format!("`{host}` is not an Azure address"),
                        "write `abfss://container@account.dfs.core.windows.net/prefix`, or \
                         `az://container/prefix` and the account in the provider block",
                    )
                })?;
                (container, Some(account.to_owned()))
            }
            (_, Some(_)) => {
                return Err(bad(
                    name,
                    "credentials do not belong into a store's name",
                    "set them in the environment",
                ));
            }
            (_, None) => (host, None),
        };
        Self::checked(name, service, bucket, account, prefix)
    }

    /// Reads an address of Azure, `https://account.blob.core.windows.net/container/prefix`; of other addresses nobody
    /// knows what answers there.
    fn azure_address(name: &str, rest: &str) -> Result<Self> {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let account = AZURE_DOMAINS.iter().find_map(|domain| host.strip_suffix(domain));
        let Some(account) = account else {
            return Err(bad(
                name,
                "an address does not say which service answers there",
                "write `s3://bucket/prefix`, and the address as `endpoint` in the provider block's `s3` block (or \
                 as AWS_ENDPOINT_URL_S3 in the environment)",
            ));
        };
        let (container, prefix) = path.split_once('/').unwrap_or((path, ""));
        Self::checked(name, Service::Azure, container, Some(account.to_owned()), prefix)
    }

    fn directory(name: &str, rest: &str) -> Result<Self> {
        if !rest.starts_with('/') || rest.trim_matches('/').is_empty() {
            return Err(bad(
                name,
                "the directory must be written from the root of this machine's files",
                "write `file:///directory`, with three slashes",
            ));
        }
        Ok(Self {
            service: Service::File,
            bucket: rest.trim_end_matches('/').to_owned(),
            account: None,
            prefix: String::new(),
        })
    }

    fn checked(
        name: &str,
        service: Service,
        bucket: &str,
        account: Option<String>,
        prefix: &str,
    ) -> Result<Self> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if bucket.is_empty() {
            return Err(bad(name, "it names no bucket", "write `s3://bucket/prefix`"));
        }
        if !bucket.bytes().all(fits) {
            return Err(bad(
                name,
                &format!("`{bucket}` is not the name of a bucket"),
                "a bucket's name has letters, digits, `-`, `_` and `.`",
            ));
        }
        let prefix = prefix.trim_matches('/');
        let odd = |part: &str| part.is_empty() || part == "." || part == "..";
        if !prefix.is_empty() && prefix.split('/').any(odd) || prefix.contains(char::is_control) {
            return Err(bad(
                name,
                &format!("`{prefix}` is not a prefix"),
                "write names separated by single slashes, such as `s3://bucket/meshes/apps`",
            ));
        }
        Ok(Self {
            service,
            bucket: bucket.to_owned(),
            account,
            prefix: prefix.to_owned(),
        })
    }

    pub fn service(&self) -> Service {
        self.service
    }

    /// The bucket, the container or the directory.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The account, where the URL names one.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// What comes before every object's name; empty for the whole bucket.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// As one would write it.
impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bucket = &self.bucket;
        match (self.service, &self.account) {
            (Service::S3, _) => write!(f, "s3://{bucket}")?,
            (Service::Google, _) => write!(f, "gs://{bucket}")?,
            (Service::Azure, None) => write!(f, "az://{bucket}")?,
            (Service::Azure, Some(account)) => {
                write!(f, "abfss://{bucket}@{account}.dfs.core.windows.net")?;
            }
            (Service::File, _) => write!(f, "file://{bucket}")?,
        }
        if self.prefix.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.prefix)
        }
    }
}

fn bad(name: &str, problem: &str, help: &str) -> StoreError {
    StoreError::Location {
        name: name.to_owned(),
        problem: problem.to_owned(),
        help: help.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str) -> Result<Location> {
        Location::parse(name, Path::new("/here"))
    }

    fn bucket(name: &str) -> BucketUrl {
        match parse(name).unwrap() {
            Location::Bucket(url) => url,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_url_is_a_directory() {
        for (name, directory) in [
            (".meshform", "/here/.meshform"),
            ("/var/lib/mesh", "/var/lib/mesh"),
            ("a:b", "/here/a:b"),
        ] {
            assert_eq!(parse(name).unwrap(), Location::Directory(directory.into()));
        }
    }

    #[test]
    fn urls_name_service_bucket_and_prefix_and_are_printed_as_they_are_written() {
        for (name, service, held, prefix) in [
            ("s3://b/p", Service::S3, "b", "p"),
            ("s3://my.bucket-1", Service::S3, "my.bucket-1", ""),
            ("gs://b/p/q", Service::Google, "b", "p/q"),
            ("az://c/p", Service::Azure, "c", "p"),
            ("file:///srv/mesh", Service::File, "/srv/mesh", ""),
        ] {
            let url = bucket(name);
            assert_eq!(
                (url.service(), url.bucket(), url.prefix()),
                (service, held, prefix)
            );
            assert_eq!(url.to_string(), name);
        }
        assert_eq!(bucket("S3://b//p/").to_string(), "s3://b/p");
        for azure in [
            "abfss://c@shop.dfs.core.windows.net/p",
            "https://shop.blob.core.windows.net/c/p",
        ] {
            let url = bucket(azure);
            assert_eq!(
                (url.account(), url.bucket(), url.prefix()),
                (Some("shop"), "c", "p")
            );
            assert_eq!(url.to_string(), "abfss://c@shop.dfs.core.windows.net/p");
        }
    }

    #[test]
    fn what_is_wrong_says_what_would_be_right() {
        for (name, problem, help) in [
            ("", "empty", "s3://bucket/prefix"),
            ("ftp://x/y", "`ftp://`", "s3://bucket/prefix"),
            ("s3:/b/p", "slash is missing", "`s3://b/p`"),
            ("file:/srv", "slash is missing", "`file:///srv`"),
            ("file://srv/x", "from the root", "three slashes"),
            ("s3://", "names no bucket", "s3://bucket/prefix"),
            ("s3://b c/p", "`b c` is not", "letters, digits"),
            ("s3://b/../p", "`../p` is not a prefix", "single slashes"),
            ("s3://key:secret@b/p", "credentials", "environment"),
            ("s3://b/p?region=x", "no options", "`s3://b/p`"),
            ("https://s3.example.com/b", "address", "endpoint"),
            (
                "az://c@example.com/p",
                "`example.com`",
                "abfss://container@account",
            ),
            ("arn:aws:s3:::b/p", "ARN", "`s3://b/p`"),
        ] {
            let error = parse(name).unwrap_err();
            assert_eq!(error.code().0, "MF0415");
            assert!(error.to_string().contains(problem), "{name}: {error}");
            assert!(error.help().contains(help), "{name}: {}", error.help());
        }
    }
}
