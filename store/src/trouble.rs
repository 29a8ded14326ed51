//! What object storage or etcd refuses, and what to do about it.

use crate::codes;
use meshform_model::diag::Code;

/// A request that object storage or etcd did not fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageError {
    /// What kind of refusal it was.
    pub trouble: ServiceFailure,
    /// The object with its bucket, or the cluster with the store's prefix.
    pub place: String,
    pub action: &'static str,
    /// What the service or the system says.
    pub detail: String,
}

/// Why object storage or etcd does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceFailure {
    /// The bucket is not there.
    NoBucket,
    /// No connection, no answer in time, an answer that broke off.
    Unreachable,
    /// The service wants fewer requests for a while (HTTP 429 or 503).
    Throttled,
    /// The credentials are accepted, and do not allow the action.
    Denied,
    /// No credentials, unknown ones, or expired ones.
    Credentials,
    /// The signature's time is off.
    Clock,
    /// The bucket is in another region.
    Region,
    /// `If-None-Match` is not known, or not heeded.
    Unconditional,
    /// No member of etcd answers, or not as it should: there is no connection, or no leader.
    Etcd,
    /// etcd knows no such user, or no user was named.
    EtcdCredentials,
    /// The credentials for etcd that the environment names are not whole, or cannot be read. It was not asked.
    EtcdIncomplete,
    /// The user may not read or write the store's keys.
    EtcdDenied,
    /// The space of etcd's database is used up.
    EtcdFull,
    /// More than etcd takes in one request.
    EtcdTooLarge,
    /// A certificate is not accepted, ours or the member's.
    EtcdTls,
}

// === impl Trouble, StorageError ===

impl ServiceFailure {
    pub(crate) fn code(self) -> Code {
        match self {
            Self::NoBucket => codes::NO_BUCKET,
            Self::Unreachable => codes::UNREACHABLE,
            Self::Throttled => codes::THROTTLED,
            Self::Denied => codes::PERMISSION,
            Self::Credentials => codes::CREDENTIALS,
            Self::Clock => codes::CLOCK,
            Self::Region => codes::REGION,
            Self::Unconditional => codes::UNCONDITIONAL,
            Self::Etcd => codes::ETCD,
            Self::EtcdCredentials | Self::EtcdIncomplete => codes::ETCD_CREDENTIALS,
            Self::EtcdDenied => codes::ETCD_DENIED,
            Self::EtcdFull => codes::ETCD_FULL,
            Self::EtcdTooLarge => codes::ETCD_TOO_LARGE,
            Self::EtcdTls => codes::ETCD_TLS,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::NoBucket => "there is no such bucket",
            Self::Unreachable => "the object storage does not answer",
            Self::Throttled => "the object storage throttles requests",
            Self::Denied => "no permission",
            Self::Credentials => "no valid credentials for the object storage",
            Self::Clock => "this machine's clock differs from the object storage's",
            Self::Region => "the bucket is in another region",
            Self::Unconditional => "the object storage has no conditional writes",
            Self::Etcd => "etcd does not answer as it should",
            Self::EtcdCredentials => "etcd does not accept the user",
            Self::EtcdIncomplete => "incomplete credentials for etcd",
            Self::EtcdDenied => "the user of etcd has no permission",
            Self::EtcdFull => "the quota of etcd's database is used up",
            Self::EtcdTooLarge => "it is more than etcd accepts in one request",
            Self::EtcdTls => "no TLS connection to etcd",
        }
    }

    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::NoBucket => {
                "create the bucket, or correct the store's name (and the endpoint, where there is one)"
            }
            Self::Unreachable => {
                "check network, proxy and endpoint, and try again; what was acknowledged before is kept"
            }
            Self::Throttled => {
                "wait and try again, with fewer requests at once (`-parallelism=2`); what was acknowledged before \
                 is kept"
            }
            Self::Denied => {
                "the credentials need to get, put and delete objects under the store's prefix and to list them \
                 (S3: s3:GetObject, s3:PutObject, s3:DeleteObject on bucket/prefix/*, s3:ListBucket on the bucket; \
                 Google: roles/storage.objectUser; Azure: Storage Blob Data Contributor)"
            }
            Self::Credentials => {
                "give credentials by the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary \
                 ones, AWS_SESSION_TOKEN), a web identity, the container or the machine; a profile becomes \
                 variables by `aws configure export-credentials --format env`. Google: \
                 GOOGLE_APPLICATION_CREDENTIALS; Azure: AZURE_STORAGE_ACCOUNT_KEY, AZURE_CLIENT_ID and related \
                 variables"
            }
            Self::Clock => "set the clock, and try again",
            Self::Region => {
                "name the bucket's region: `s3 { region = \"…\" }` in the provider block, or AWS_REGION in the \
                 environment"
            }
            Self::Unconditional => {
                "use a bucket of Amazon S3, Google Cloud Storage or Azure, or a server that supports \
                 `If-None-Match` on puts; nothing was left there"
            }
            Self::Etcd => {
                "check that most members of the cluster run and are reached from here (and `etcds://` where they speak \
                 TLS), and try again; what was acknowledged is kept, and a write that was under way may have been done"
            }
            Self::EtcdCredentials | Self::EtcdIncomplete => {
                "give MESHFORM_ETCD_USER and MESHFORM_ETCD_PASSWORD (or MESHFORM_ETCD_PASSWORD_FILE), or a client \
                 certificate by MESHFORM_ETCD_CERT_FILE and MESHFORM_ETCD_KEY_FILE"
            }
            Self::EtcdDenied => {
                "grant its role `readwrite` on the store's prefix: `etcdctl role grant-permission ROLE readwrite \
                 PREFIX/ --prefix=true`"
            }
            Self::EtcdFull => {
                "compact and defragment the cluster and clear the alarm (`etcdctl compact`, `etcdctl defrag`, \
                 `etcdctl alarm disarm`), or raise `--quota-backend-bytes`; nothing was written, and reads still \
                 work"
            }
            Self::EtcdTooLarge => {
                "nothing was written; make the resource smaller, or raise the cluster's `--max-request-bytes`"
            }
            Self::EtcdTls => {
                "name the authority of the members' certificates by MESHFORM_ETCD_CA_FILE, and a client certificate by \
                 MESHFORM_ETCD_CERT_FILE and MESHFORM_ETCD_KEY_FILE where the cluster asks for one; members that speak \
                 plain text are named by `etcd://`"
            }
        }
    }
}

impl std::fmt::Display for StorageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            trouble,
            place,
            action,
            detail,
        } = self;
        write!(f, "cannot {action} {place}: {}", trouble.words())?;
        if detail.is_empty() {
            return Ok(());
        }
        write!(f, " ({detail})")
    }
}
