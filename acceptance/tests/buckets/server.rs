//! A server with the interface of S3 in this process, on a directory, that knows its callers by their keys, counts its
//! requests and fails as it is told.

use crate::desk::{decoded, on_a_thread, pairs};
use crate::{Bucket, KEY, SECRET};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use meshform_store::Timestamp;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, HttpResponse, S3Result, s3_error};
use s3s_fs::FileSystem;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

/// The server; it ends when this is dropped.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    address: SocketAddr,
    shared: Arc<Shared>,
    _end: oneshot::Sender<()>,
}

#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// An answer of that status, with that code of S3's.
    Answer(u16, &'static str),
    /// An answer that breaks off.
    Broken,
    /// No answer until [`Server::heal`].
    Held,
    /// As if no condition had been sent.
    Unconditional,
    /// The request's time is too far from the server's, which is in 1994.
    #[allow(dead_code, reason = "each test program uses its part")]
    Skewed,
}

#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) secret: String,
    /// What must come with each request, and be signed, where the keys are temporary.
    pub(crate) session: Option<String>,
    pub(crate) until: Option<Timestamp>,
}

/// The accounts by their key's id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accounts(Arc<Mutex<BTreeMap<String, Account>>>);

struct Shared {
    root: PathBuf,
    service: S3Service,
    accounts: Accounts,
    /// What the holder of a key may do, where that is not everything.
    policies: Mutex<BTreeMap<String, Value>>,
    /// The requests that a policy did not allow.
    denied: Mutex<Vec<String>>,
    requests: Mutex<Vec<String>>,
    /// The key's id of each request that was taken.
    signers: Mutex<Vec<String>>,
    /// What fails, how, and how often yet.
    fault: Mutex<Option<(String, Fault, usize)>>,
    healed: Notify,
    /// So long each answer takes.
    slow: Mutex<Duration>,
    /// s3s-fs looks whether a file is there and then writes it: one at a time, as a real server has it.
    puts: tokio::sync::Mutex<()>,
}

impl Server {
    /// Starts it, with the bucket `meshes`.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("meshes")).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        let accounts = Accounts::default();
        let for_good = Account {
            secret: SECRET.to_owned(),
            session: None,
            until: None,
        };
        accounts.add(KEY, for_good);
        builder.set_auth(accounts.clone());
        let shared = Arc::new(Shared {
            root: folder.path().to_owned(),
            service: builder.build(),
            accounts,
            policies: Mutex::default(),
            denied: Mutex::default(),
            requests: Mutex::default(),
            signers: Mutex::default(),
            fault: Mutex::default(),
            healed: Notify::new(),
            slow: Mutex::default(),
            puts: tokio::sync::Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let (address, end) = on_a_thread(|listener| listen(listener, serving));
        Self {
            folder,
            address,
            shared,
            _end: end,
        }
    }

    /// A prefix of the bucket.
    pub(crate) fn bucket(&self, prefix: &str) -> Bucket {
        Bucket::at(self.address, prefix)
    }

    /// The file of an object, or a folder of them.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("meshes").join(name)
    }

    /// The names of the objects in a folder.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        names(&self.file(folder))
    }

    /// From now on requests whose method and path contain `part` fail.
    pub(crate) fn fail(&self, part: &str, fault: Fault) {
        self.fail_times(part, fault, usize::MAX);
    }

    /// The next few of these requests fail, and then no more.
    pub(crate) fn fail_times(&self, part: &str, fault: Fault, times: usize) {
        *self.shared.fault.lock().unwrap() = Some((part.to_owned(), fault, times));
    }

    /// From now on each answer takes so long.
    #[allow(dead_code, reason = "each test program uses its part")]
    pub(crate) fn slow(&self, each: Duration) {
        *self.shared.slow.lock().unwrap() = each;
    }

    /// From now on nothing fails, and what was held goes on.
    pub(crate) fn heal(&self) {
        *self.shared.fault.lock().unwrap() = None;
        self.shared.healed.notify_waiters();
    }

    /// From now on whoever has this key may do only what an IAM policy allows.
    #[allow(dead_code, reason = "each test program uses its part")]
    pub(crate) fn restrict(&self, key: &str, policy: Value) {
        self.shared
            .policies
            .lock()
            .unwrap()
            .insert(key.to_owned(), policy);
    }

    /// The requests since the last question that a policy did not allow.
    #[allow(dead_code, reason = "each test program uses its part")]
    pub(crate) fn denied(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.denied.lock().unwrap())
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.shared.accounts
    }

    /// Whose requests were taken since the last question, each once, in the order of their first.
    pub(crate) fn signers(&self) -> Vec<String> {
        let mut signers = std::mem::take(&mut *self.shared.signers.lock().unwrap());
        let mut seen = Vec::new();
        signers.retain(|signer| {
            !seen.contains(signer) && {
                seen.push(signer.clone());
                true
            }
        });
        signers
    }

    /// The requests since the last question, as `PUT /bucket/object`.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap())
    }
}

impl Shared {
    /// Whether the policy of whoever has this key allows a request.
    fn allows(&self, signer: Option<&String>, method: &str, uri: &http::Uri) -> bool {
        let policies = self.policies.lock().unwrap();
        let policy = signer.and_then(|signer| policies.get(signer));
        policy.is_none_or(|policy| allows(policy, method, uri))
    }
}

impl Accounts {
    pub(crate) fn add(&self, key: &str, account: Account) {
        self.0.lock().unwrap().insert(key.to_owned(), account);
    }

    pub(crate) fn forget(&self, key: &str) {
        self.0.lock().unwrap().remove(key);
    }

    /// What S3 says of a session before it looks at the signature; else whose the request is.
    fn session<B>(&self, request: &http::Request<B>) -> Result<Option<String>, (u16, &'static str)> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let signed = header("authorization").unwrap_or_default();
        let key = signed
            .split_once("Credential=")
            .and_then(|(_, rest)| rest.split_once('/'));
        let key = key.map(|(key, _)| key.to_owned());
        let accounts = self.0.lock().unwrap();
        let Some(account) = key.as_ref().and_then(|key| accounts.get(key)) else {
            return Ok(key);
        };
        if header("x-amz-security-token") != account.session.as_deref()
            || account.session.is_some() && !signed.contains(";x-amz-security-token")
        {
            return Err((403, "InvalidToken"));
        }
        if account.until.is_some_and(|until| until <= now()) {
            return Err((400, "ExpiredToken"));
        }
        Ok(key)
    }
}

#[async_trait::async_trait]
impl S3Auth for Accounts {
    async fn get_secret_key(&self, key: &str) -> S3Result<SecretKey> {
        let accounts = self.0.lock().unwrap();
        match accounts.get(key) {
            Some(account) => Ok(account.secret.clone().into()),
            None => Err(s3_error!(InvalidAccessKeyId, "Nobody has this key")),
        }
    }
}

/// The time, as credentials have it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let serve = service_fn(|request| answer(&shared, request));
            let connection = hyper::server::conn::http1::Builder::new();
            let _ = connection.serve_connection(TokioIo::new(stream), serve).await;
        });
    }
}

async fn answer(shared: &Shared, request: http::Request<Incoming>) -> Result<HttpResponse, HttpError> {
    let line = format!("{} {}", request.method(), request.uri());
    shared.requests.lock().unwrap().push(line.clone());
    let healed = shared.healed.notified();
    let slow = *shared.slow.lock().unwrap();
    if !slow.is_zero() {
        tokio::time::sleep(slow).await;
    }
    let fault = match &mut *shared.fault.lock().unwrap() {
        Some((part, fault, left)) if *left > 0 && line.contains(part.as_str()) => {
            *left -= 1;
            Some(fault.clone())
        }
        _ => None,
    };
    let signer = match shared.accounts.session(&request) {
        Ok(signer) => signer,
        Err((status, code)) => return Ok(refusal(status, code)),
    };
    if !shared.allows(signer.as_ref(), request.method().as_str(), request.uri()) {
        shared.denied.lock().unwrap().push(line);
        return Ok(refusal(403, "AccessDenied"));
    }
    let is_put = request.method() == http::Method::PUT;
    let request = request.map(Body::from);
    match fault {
        None => {}
        Some(Fault::Answer(status, code)) => {
            return Ok(refusal(status, code));
        }
        Some(Fault::Skewed) => {
            let mut answer = refusal(403, "RequestTimeTooSkewed");
            let then = http::HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
            answer.headers_mut().insert(http::header::DATE, then);
            return Ok(answer);
        }
        Some(Fault::Broken) => return Ok(http::Response::new(Body::http_body_unsync(Broken(false)))),
        Some(Fault::Held) => healed.await,
        // The condition itself is signed; where nothing is, it holds.
        Some(Fault::Unconditional) => {
            let _ = std::fs::remove_file(shared.root.join(request.uri().path().trim_start_matches('/')));
        }
    }
    let _one = if is_put {
        Some(shared.puts.lock().await)
    } else {
        None
    };
    let answer = shared.service.call(request).await;
    if answer.as_ref().is_ok_and(|answer| answer.status() != 403) {
        shared.signers.lock().unwrap().extend(signer);
    }
    answer
}

/// Whether an IAM policy allows a request: as much of them as ours use.
fn allows(policy: &Value, method: &str, uri: &http::Uri) -> bool {
    let path = uri.path().trim_start_matches('/');
    let query = pairs(uri.query().unwrap_or_default());
    let (action, resource) = match (method, path.split_once('/')) {
        ("GET" | "HEAD", Some((_, key))) if !key.is_empty() => ("s3:GetObject", decoded(path)),
        ("PUT", _) => ("s3:PutObject", decoded(path)),
        ("DELETE", _) => ("s3:DeleteObject", decoded(path)),
        _ => ("s3:ListBucket", path.trim_end_matches('/').to_owned()),
    };
    let resource = format!("arn:aws:s3:::{resource}");
    let list = |value: &Value| -> Vec<String> {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let texts = values
            .iter()
            .filter_map(|value| value.as_str().map(str::to_owned));
        texts.collect()
    };
    let prefix = query.get("prefix").cloned().unwrap_or_default();
    policy["Statement"].as_array().unwrap().iter().any(|statement| {
        let condition = &statement["Condition"]["StringLike"]["s3:prefix"];
        list(&statement["Action"]).iter().any(|one| one == action)
            && list(&statement["Resource"])
                .iter()
                .any(|one| is_like(&resource, one))
            && (condition.is_null() || list(condition).iter().any(|one| is_like(&prefix, one)))
    })
}

/// Whether a text is as a pattern with `*` says.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap()) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    for (at, part) in parts.iter().enumerate() {
        if at + 1 == parts.len() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(found) => rest = &rest[found + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

fn refusal(status: u16, code: &str) -> HttpResponse {
    let text = format!("<Error><Code>{code}</Code><Message>As told.</Message></Error>");
    let answer = http::Response::builder().status(status);
    answer.body(Body::from(text)).unwrap()
}

/// A body that ends before it is whole.
struct Broken(bool);

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(Some(Err(std::io::Error::other("broken off"))));
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{\"format\":")))))
    }
}
