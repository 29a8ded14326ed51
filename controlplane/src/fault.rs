//! What the API answers where it does not do what was asked.

use crate::codes;
use http::StatusCode;
use meshform_model::diag::{Code, Diagnostic};
use meshform_registry::RegistryError;
use meshform_store::StoreError;

/// The kinds of error, by the names that App Mesh's clients know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    BadRequest,
    Conflict,
    Expired,
    Forbidden,
    Internal,
    InvalidSignature,
    MissingToken,
    NotFound,
    ResourceInUse,
    /// The run under which it was to be written was taken for dead; nothing was.
    RunLost,
    ServiceUnavailable,
    TooLarge,
    TooManyRequests,
    TooManyTags,
    UnknownOperation,
    UnrecognizedClient,
}

impl FaultKind {
    /// The name in the header `x-amzn-ErrorType`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequestException",
            Self::Conflict => "ConflictException",
            Self::Expired => "ExpiredTokenException",
            Self::Forbidden => "ForbiddenException",
            Self::Internal => "InternalServerErrorException",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::MissingToken => "MissingAuthenticationTokenException",
            Self::NotFound => "NotFoundException",
            Self::ResourceInUse => "ResourceInUseException",
            Self::RunLost | Self::ServiceUnavailable => "ServiceUnavailableException",
            Self::TooLarge => "RequestEntityTooLargeException",
            Self::TooManyRequests => "TooManyRequestsException",
            Self::TooManyTags => "TooManyTagsException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
        }
    }

    /// The status that comes with it.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::TooManyTags => StatusCode::BAD_REQUEST,
            Self::Conflict | Self::ResourceInUse => StatusCode::CONFLICT,
            Self::Expired
            | Self::Forbidden
            | Self::InvalidSignature
            | Self::MissingToken
            | Self::UnrecognizedClient => StatusCode::FORBIDDEN,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotFound | Self::UnknownOperation => StatusCode::NOT_FOUND,
            Self::RunLost | Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

/// An error as it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// What is wrong and what would be right, with the stable code in brackets.
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, code: Code, message: impl std::fmt::Display) -> Self {
        Self {
            kind,
            message: format!("{message} [{code}]"),
        }
    }

    /// A request that cannot be right, whatever the store has.
    pub(crate) fn bad(code: Code, message: impl std::fmt::Display) -> Self {
        Self::new(FaultKind::BadRequest, code, message)
    }

    /// What is wrong with a document, all of it.
    pub(crate) fn of_problems(problems: &[Diagnostic]) -> Option<Self> {
        Self::of_problems_at("", problems)
    }

    /// What is wrong with a parameter or member of that name.
    pub(crate) fn of_problems_at(name: &str, problems: &[Diagnostic]) -> Option<Self> {
        let errors = problems.iter().filter(|one| one.is_error());
        let errors: Vec<String> = errors.map(|problem| told(name, problem)).collect();
        (!errors.is_empty()).then(|| Self {
            kind: FaultKind::BadRequest,
            message: errors.join("; "),
        })
    }

    /// A failure of the store. What is in it stays as it was.
    pub(crate) fn of_store(error: &StoreError) -> Self {
        let kind = match error {
            StoreError::Conflict(conflict) if conflict.found.is_none() => FaultKind::NotFound,
            StoreError::Conflict(_) => FaultKind::Conflict,
            StoreError::RunLost { .. } => FaultKind::RunLost,
            _ => FaultKind::ServiceUnavailable,
        };
        Self::new(kind, error.code(), joined(&error.to_string(), &error.help()))
    }

    /// Why the registry did not write.
    pub(crate) fn of_registry(error: &RegistryError) -> Self {
        match error {
            RegistryError::Store(error) => Self::of_store(error),
            RegistryError::NoContainer { .. } => Self::new(FaultKind::NotFound, error.code(), error),
            error => {
                let kind = match error {
                    RegistryError::InUse { .. } => FaultKind::ResourceInUse,
                    _ => FaultKind::Conflict,
                };
                Self::new(kind, error.code(), joined(&error.to_string(), &error.help()))
            }
        }
    }

    /// A failure that is ours.
    pub(crate) fn internal(message: impl std::fmt::Display) -> Self {
        Self::new(FaultKind::Internal, codes::INTERNAL, message)
    }
}

/// A problem in one sentence: where (within what has that name), what, how it would be right.
fn told(name: &str, problem: &Diagnostic) -> String {
    let place = problem.places.first().map(|place| place.pointer.dotted());
    let place = place.unwrap_or_default();
    let dot = if name.is_empty() || place.is_empty() || place.starts_with('[') {
        ""
    } else {
        "."
    };
    let at = Some(format!("{name}{dot}{place}")).filter(|at| !at.is_empty());
    let mut message = joined(&problem.message, problem.help.as_deref().unwrap_or_default());
    if let Some(example) = &problem.example {
        message = format!("{message}: {}", example.body);
    }
    match at {
        Some(at) => format!("{at}: {message} [{}]", problem.code),
        None => format!("{message} [{}]", problem.code),
    }
}

fn joined(message: &str, help: &str) -> String {
    match help.is_empty() {
        true => message.to_owned(),
        false => format!("{message}; {help}"),
    }
}
