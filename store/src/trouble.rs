//! What object storage refuses, and what to do about it.

use crate::codes;
use meshform_model::diag::Code;

/// A request that object storage did not fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageError {
    /// What kind of refusal it was.
    pub trouble: Trouble,
    /// The object, with its bucket.
    pub place: String,
    pub action: &'static str,
    /// What the service or the system says.
    pub detail: String,
}

/// Why object storage does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The bucket is not there.
    NoBucket,
    /// No connection, no answer in time, an answer that broke off.
    Unreachable,
    /// Too many requests.
    Throttled,
    /// Known, but not allowed.
    Denied,
    /// No credentials, unknown ones, or expired ones.
    Credentials,
    /// The signature's time is off.
    Clock,
    /// The bucket is in another region.
    Region,
    /// `If-None-Match` is not known, or not heeded.
    Unconditional,
}

// === impl Trouble, StorageError ===

impl Trouble {
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
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::NoBucket => "there is no such bucket",
            Self::Unreachable => "the object storage does not answer",
            Self::Throttled => "the object storage asks for fewer requests",
            Self::Denied => "no permission",
            Self::Credentials => "no credentials that the object storage takes",
            Self::Clock => "this machine's clock is not the object storage's",
            Self::Region => "the bucket is in another region",
            Self::Unconditional => "the object storage cannot write on a condition",
        }
    }

    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::NoBucket => {
                "make the bucket, or correct the store's name (and the endpoint, where there is one)"
            }
            Self::Unreachable => {
                "check network, proxy and endpoint, and try again; what was acknowledged before is kept"
            }
            Self::Throttled => {
                "wait and try again, with less at once (`-parallelism=2`); what was acknowledged before is kept"
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
                 GOOGLE_APPLICATION_CREDENTIALS; Azure: AZURE_STORAGE_ACCOUNT_KEY, AZURE_CLIENT_ID and their kin"
            }
            Self::Clock => "set the clock, and try again",
            Self::Region => {
                "name the bucket's region: `s3 { region = \"…\" }` in the provider block, or AWS_REGION in the \
                 environment"
            }
            Self::Unconditional => {
                "use a bucket of Amazon S3, Google Cloud Storage or Azure, or a server that knows `If-None-Match` \
                 on puts; nothing was left there"
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
