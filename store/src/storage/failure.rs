//! What object storage says when it refuses, sorted by what is to be done about it.

use crate::error::StoreError;
use crate::trouble::{ServiceFailure, StorageError};
use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error as _;
use std::io::ErrorKind;

/// Where machines, and containers, ask for their own credentials. Where that fails there were no others.
const METADATA: [&str; 4] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "metadata.google.internal",
];

/// There are no credentials available.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{asked}: {detail}")]
pub(super) struct NoCredentials {
    /// Where they were to come from.
    asked: String,
    /// What went wrong there.
    detail: String,
}

impl NoCredentials {
    /// As an error of the library, in which [`failure`] finds it again.
    pub(super) fn error(asked: impl Into<String>, detail: impl Into<String>) -> Error {
        Error::Generic {
            store: "S3",
            source: Box::new(Self {
                asked: asked.into(),
                detail: detail.into(),
            }),
        }
    }
}

/// An error of the storage, by what is to be done about it.
pub(crate) fn failure(place: &str, action: &'static str, error: &Error) -> StoreError {
    if let Some(found) = of_disk(place, action, error) {
        return found;
    }
    if let Some(unobtained) = causes(error).find_map(|cause| cause.downcast_ref::<NoCredentials>()) {
        return self::storage(ServiceFailure::Credentials, place, action, unobtained.to_string());
    }
    let text = whole_text(error);
    let answer = Answer::of(&text);
    let trouble = trouble(error, &text, &answer);
    let detail = answer.words(error);
    match trouble {
        Some(trouble) => self::storage(trouble, place, action, detail),
        None => StoreError::Io {
            path: place.into(),
            action,
            detail,
        },
    }
}

/// A refusal of the storage.
pub(crate) fn storage(
    trouble: ServiceFailure,
    place: &str,
    action: &'static str,
    detail: String,
) -> StoreError {
    StoreError::Storage(Box::new(StorageError {
        trouble,
        place: place.to_owned(),
        action,
        detail,
    }))
}

/// An address as messages may have it: without what may be secret in it.
pub(super) fn shown(address: &str) -> String {
    let Ok(mut url) = reqwest::Url::parse(address) else {
        return "an address that cannot be read".to_owned();
    };
    // Only addresses without a host refuse this, and those have no name and no password.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

/// What went wrong, in the service's own words where it has said some.
pub(crate) fn words(error: &Error) -> String {
    Answer::of(&whole_text(error)).words(error)
}

/// Whether an absent object is absent because its bucket is.
pub(crate) fn bucket_is_absent(error: &Error) -> bool {
    Answer::of(&whole_text(error)).is_absent_bucket()
}

/// Whether the answer was lost, so that it is not known whether the request was fulfilled.
pub(crate) fn is_lost_answer(error: &Error) -> bool {
    matches!(
        http_kind(error),
        Some(HttpErrorKind::Timeout | HttpErrorKind::Interrupted | HttpErrorKind::Request)
    )
}

/// Whether an answer began and did not end. What was only read can be asked for again.
pub(crate) fn is_broken_answer(error: &Error) -> bool {
    is_lost_answer(error) || http_kind(error) == Some(HttpErrorKind::Decode)
}

/// A directory that is treated as a bucket has the troubles of a disk.
fn of_disk(place: &str, action: &'static str, error: &Error) -> Option<StoreError> {
    let path = place.into();
    let io = causes(error).find_map(|cause| cause.downcast_ref::<std::io::Error>())?;
    match io.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(StoreError::Full { path }),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Some(StoreError::Permission { path, action })
        }
        _ => None,
    }
}

fn trouble(error: &Error, text: &str, answer: &Answer<'_>) -> Option<ServiceFailure> {
    if METADATA.iter().any(|address| text.contains(address)) {
        return Some(ServiceFailure::Credentials);
    }
    if answer.is_absent_bucket() {
        return Some(ServiceFailure::NoBucket);
    }
    match answer.code.unwrap_or_default() {
        "RequestTimeTooSkewed" | "RequestExpired" => return Some(ServiceFailure::Clock),
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "AuthenticationFailed"
        | "NoAuthenticationInformation" => return Some(ServiceFailure::Credentials),
        "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException" => {
            return Some(ServiceFailure::Region);
        }
        "SlowDown"
        | "ServerBusy"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequests"
        | "RequestLimitExceeded" => return Some(ServiceFailure::Throttled),
        _ => {}
    }
    if text.contains("redirect without LOCATION") {
        return Some(ServiceFailure::Region);
    }
    if text.contains("ExpiredTokenException") || text.contains("InvalidIdentityToken") {
        return Some(ServiceFailure::Credentials);
    }
    match error {
        Error::PermissionDenied { .. } => return Some(ServiceFailure::Denied),
        Error::Unauthenticated { .. } => return Some(ServiceFailure::Credentials),
        _ => {}
    }
    match answer.status {
        Some(401) => Some(ServiceFailure::Credentials),
        Some(403) => Some(ServiceFailure::Denied),
        Some(301 | 307 | 308) => Some(ServiceFailure::Region),
        Some(501) => Some(ServiceFailure::Unconditional),
        Some(429 | 503) => Some(ServiceFailure::Throttled),
        Some(408 | 502 | 504) => Some(ServiceFailure::Unreachable),
        Some(_) => None,
        None => http_kind(error).map(|_| ServiceFailure::Unreachable),
    }
}

/// What the service answered, as far as it can be read.
struct Answer<'a> {
    status: Option<u16>,
    /// The service's own name for the problem.
    code: Option<&'a str>,
    message: Option<&'a str>,
}

impl<'a> Answer<'a> {
    /// Reads it out of the library's message: status and body are there, but in no type that is public.
    fn of(text: &'a str) -> Self {
        let status = text.split_once("status code: ").map(|(_, rest)| rest);
        let digits = status.and_then(|rest| rest.get(..3));
        Self {
            status: digits.and_then(|digits| digits.parse().ok()),
            code: element(text, "Code"),
            message: element(text, "Message"),
        }
    }

    fn is_absent_bucket(&self) -> bool {
        matches!(self.code, Some("NoSuchBucket" | "ContainerNotFound"))
            || self
                .message
                .is_some_and(|message| message.contains("bucket does not exist"))
    }

    /// In words: the service's own, or the innermost cause.
    fn words(&self, error: &Error) -> String {
        match (self.status, self.code, self.message) {
            (_, Some(code), Some(message)) if !message.is_empty() => {
                format!("{code}: {}", message.trim_end_matches('.'))
            }
            (_, Some(code), _) => code.to_owned(),
            (Some(status), None, _) => format!("HTTP status {status}"),
            (None, None, _) => causes(error)
                .last()
                .map_or_else(|| error.to_string(), ToString::to_string),
        }
    }
}

fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inside, _)| inside)
}

fn http_kind(error: &Error) -> Option<HttpErrorKind> {
    causes(error).find_map(|cause| cause.downcast_ref::<HttpError>().map(HttpError::kind))
}

/// The message with those of all causes.
fn whole_text(error: &Error) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        text.push('\n');
        text.push_str(&cause.to_string());
    }
    text
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn std::error::Error + 'static)| {
        (*cause).source()
    })
}
