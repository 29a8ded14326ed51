//! Requests to a cluster: to one member after the other until one answers.
//!
//! A request whose answer was lost is sent again, so what it writes must be the same when it is done twice: each write
//! is tied to what was there before, and recognises itself.

use super::connect::{self, Credentials};
use crate::background::Background;
use crate::error::{Result, StoreError};
use crate::r#gen::auth_client::AuthClient;
use crate::r#gen::kv_client::KvClient;
use crate::r#gen::{AuthenticateRequest, TxnRequest, TxnResponse};
use crate::location::EtcdUrl;
use crate::storage::Access;
use crate::trouble::{ServiceFailure, StorageError};
use std::error::Error as _;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

/// How long one member may take before another is asked.
const ATTEMPT: Duration = Duration::from_secs(3);
/// How long is tried in all; a new leader is there within two or three seconds.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long after a failure others do not try as long again: an apply has ten requests under way, each of which would
/// wait for all of it.
const SILENT: Duration = Duration::from_secs(10);
/// Answers are as large as what was asked for; etcd has no bound of its own.
const LARGEST: usize = 512 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Client {
    url: EtcdUrl,
    access: Access,
    background: Background,
    made: OnceLock<Result<Link>>,
    at: AtomicUsize,
    token: Mutex<Option<Token>>,
    failed: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Link {
    channels: Vec<Channel>,
    credentials: Credentials,
}

#[derive(Debug, Clone)]
pub(super) enum Token {
    /// The cluster knows no users.
    NotNeeded,
    Given(AsciiMetadataValue),
}

/// What to do about a refusal.
enum RetryDecision {
    /// This member cannot answer now, and another may.
    Again(String),
    /// The token is too old.
    Login(String),
    Refused(ServiceFailure, String),
}

impl Client {
    pub(super) fn new(url: EtcdUrl, access: Access) -> Arc<Self> {
        Arc::new(Self {
            url,
            access,
            background: Background::default(),
            made: OnceLock::new(),
            at: AtomicUsize::new(0),
            token: Mutex::default(),
            failed: Mutex::default(),
        })
    }

    /// How messages call the store.
    pub(super) fn place(&self) -> String {
        self.url.to_string()
    }

    /// Where the tasks of the store run.
    pub(super) fn background(&self) -> Result<Handle> {
        self.background.handle()
    }

    /// One transaction. `action` is for messages: `write`.
    pub(super) async fn txn(&self, action: &'static str, request: TxnRequest) -> Result<TxnResponse> {
        self.call(action, |channel, token| {
            let mut request = Request::new(request.clone());
            authorise(&mut request, token);
            async move {
                let mut client = KvClient::new(channel).max_decoding_message_size(LARGEST);
                client.txn(request).await
            }
        })
        .await
    }

    /// Any call, as often as it takes.
    pub(super) async fn call<T, F: Future<Output = std::result::Result<Response<T>, Status>>>(
        &self,
        action: &'static str,
        ask: impl Fn(Channel, Option<Token>) -> F,
    ) -> Result<T> {
        let begun = Instant::now();
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = match failed {
            Some(at) if at.elapsed() < SILENT => ATTEMPT,
            _ => PATIENCE,
        };
        // An election of a leader takes about a second: the first tries come soon after each other, the later ones do not
        // add to what a cluster in trouble has to do.
        let mut pause = Duration::from_millis(20);
        let mut logged_in = false;
        loop {
            let channel = self.channel()?;
            let verdict = match self.token(&channel).await {
                Err(verdict) => verdict,
                Ok(token) => match tokio::time::timeout(ATTEMPT, ask(channel, token)).await {
                    Ok(Ok(answer)) => {
                        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = None;
                        return Ok(answer.into_inner());
                    }
                    Ok(Err(status)) => judge(&status),
                    Err(_) => RetryDecision::Again(no_answer()),
                },
            };
            let detail = match verdict {
                RetryDecision::Refused(trouble, detail) => return Err(self.error(trouble, action, detail)),
                RetryDecision::Login(detail) => {
                    let has_user = self.link()?.credentials.user.is_some();
                    self.forget_token();
                    if logged_in || !has_user {
                        return Err(self.error(ServiceFailure::EtcdCredentials, action, detail));
                    }
                    logged_in = true;
                    continue;
                }
                RetryDecision::Again(detail) => detail,
            };
            self.at.fetch_add(1, Ordering::Relaxed);
            if begun.elapsed() + pause > patience {
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                return Err(self.error(ServiceFailure::Etcd, action, detail));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// The member that is asked now, and the token for it: for streams, which their users begin again.
    pub(super) async fn stream_to(&self) -> Result<(Channel, Option<Token>)> {
        let channel = self.channel()?;
        match self.token(&channel).await {
            Ok(token) => Ok((channel, token)),
            Err(RetryDecision::Refused(trouble, detail)) => Err(self.error(trouble, "follow", detail)),
            Err(RetryDecision::Again(detail) | RetryDecision::Login(detail)) => {
                Err(self.error(ServiceFailure::Etcd, "follow", detail))
            }
        }
    }

    /// Asks another member from now on, with a new token.
    pub(super) fn turn_away(&self) {
        self.at.fetch_add(1, Ordering::Relaxed);
        self.forget_token();
    }

    pub(super) fn error(&self, trouble: ServiceFailure, action: &'static str, detail: String) -> StoreError {
        StoreError::Storage(Box::new(StorageError {
            trouble,
            place: self.place(),
            action,
            detail,
        }))
    }

    fn forget_token(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn link(&self) -> Result<&Link> {
        let made = self.made.get_or_init(|| {
            let handle = self.background.handle()?;
            let _here = handle.enter();
            let refused = |(trouble, detail)| self.error(trouble, "connect to", detail);
            let credentials = Credentials::read(&self.access.environment).map_err(refused)?;
            let channels = connect::channels(self.url.members(), self.url.is_secure(), &credentials);
            Ok(Link {
                channels: channels.map_err(refused)?,
                credentials,
            })
        });
        made.as_ref().map_err(Clone::clone)
    }

    fn channel(&self) -> Result<Channel> {
        let channels = &self.link()?.channels;
        let at = self.at.load(Ordering::Relaxed) % channels.len().max(1);
        let channel = channels.get(at).cloned();
        channel.ok_or_else(|| {
            self.error(
                ServiceFailure::Etcd,
                "connect to",
                "no member is named".to_owned(),
            )
        })
    }

    async fn token(&self, channel: &Channel) -> std::result::Result<Option<Token>, RetryDecision> {
        let user = self.link().ok().and_then(|link| link.credentials.user.as_ref());
        let Some((name, password)) = user else {
            return Ok(None);
        };
        let known = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.is_some() {
            return Ok(known);
        }
        let request = AuthenticateRequest {
            name: name.clone(),
            password: password.clone(),
        };
        let mut client = AuthClient::new(channel.clone());
        let asked = tokio::time::timeout(ATTEMPT, client.authenticate(request)).await;
        let token = match asked {
            Err(_) => return Err(RetryDecision::Again(no_answer())),
            Ok(Err(status)) if status.message().contains("authentication is not enabled") => Token::NotNeeded,
            Ok(Err(status)) => return Err(judge(&status)),
            Ok(Ok(answer)) => {
                let token = answer.into_inner().token;
                let token = token.parse().map_err(|_| {
                    RetryDecision::Refused(
                        ServiceFailure::EtcdCredentials,
                        "the token cannot be sent back".to_owned(),
                    )
                })?;
                Token::Given(token)
            }
        };
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(Some(token))
    }
}

/// Adds the token to a request.
pub(super) fn authorise<T>(request: &mut Request<T>, token: Option<Token>) {
    if let Some(Token::Given(token)) = token {
        request.metadata_mut().insert("token", token);
    }
}

fn no_answer() -> String {
    format!("no answer within {} s", ATTEMPT.as_secs())
}

/// What etcd means by a refusal. Its codes are coarse; its texts have been the same since 3.0.
fn judge(status: &Status) -> RetryDecision {
    let detail = told(status);
    let says = |text: &str| detail.contains(text);
    if says("certificate") || says("fatal alert") || says("InvalidContentType") {
        return RetryDecision::Refused(ServiceFailure::EtcdTls, detail);
    }
    if says("database space exceeded") {
        return RetryDecision::Refused(ServiceFailure::EtcdFull, detail);
    }
    if says("request is too large") || says("larger than max") || says("too many operations") {
        return RetryDecision::Refused(ServiceFailure::EtcdTooLarge, detail);
    }
    // The last is said to who sends no token: users may have been switched on since.
    if says("invalid auth token") || says("revision in header is old") || says("user name is empty") {
        return RetryDecision::Login(detail);
    }
    if says("authentication failed") || says("user name not found") {
        return RetryDecision::Refused(ServiceFailure::EtcdCredentials, detail);
    }
    match status.code() {
        Code::PermissionDenied => RetryDecision::Refused(ServiceFailure::EtcdDenied, detail),
        Code::Unauthenticated => RetryDecision::Login(detail),
        Code::OutOfRange | Code::InvalidArgument | Code::Unimplemented | Code::FailedPrecondition => {
            RetryDecision::Refused(ServiceFailure::Etcd, detail)
        }
        _ => RetryDecision::Again(detail),
    }
}

/// What a refusal says, with its causes.
fn told(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = status.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
