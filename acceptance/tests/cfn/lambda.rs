//! AWS Lambda: gives events to processes of the function, takes their outcomes, and takes the answers that the function
//! sends to CloudFormation's addresses.

use crate::desk::on_a_thread;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use meshform_acceptance::tools;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

pub(crate) const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:meshform-cfn";

/// How long an outcome may take before a test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often Lambda hands an event over that fails.
const ATTEMPTS: u32 = 3;

/// Lambda with some processes of the function; they end when this is dropped.
pub(crate) struct Lambda {
    address: SocketAddr,
    shared: Arc<Shared>,
    processes: Vec<Child>,
    _end: oneshot::Sender<()>,
}

pub(crate) type InvocationResult = Result<Value, Value>;

#[derive(Default)]
struct Shared {
    queue: Mutex<VecDeque<Event>>,
    more: Notify,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone)]
struct Event {
    id: String,
    body: Vec<u8>,
    attempt: u32,
    retried: bool,
}

#[derive(Default)]
struct State {
    under_way: BTreeMap<String, Event>,
    outcomes: BTreeMap<String, InvocationResult>,
    answers: BTreeMap<String, Vec<Value>>,
    /// What becomes of answers whose logical id is this one.
    trouble: BTreeMap<String, (Trouble, u32)>,
    given: u64,
}

/// What goes wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is taken, and nobody ever sees it.
    Lost,
    Refused,
}

impl Lambda {
    /// Starts so many processes with these variables.
    pub(crate) fn start(processes: usize, variables: &[(String, String)]) -> Self {
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        let (address, end) = on_a_thread(|listener| listen(listener, serving));
        let start = |_| {
            let mut command = Command::new(tools::cfn());
            command
                .env_clear()
                .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
                .envs(variables.iter().map(|(name, value)| (name, value)));
            let log = std::env::var_os("MESHFORM_CFN_LOG").is_some();
            let said = || if log { Stdio::inherit() } else { Stdio::null() };
            command.stdin(Stdio::null()).stdout(said()).stderr(said());
            command.spawn().unwrap()
        };
        Self {
            address,
            shared,
            processes: (0..processes).map(start).collect(),
            _end: end,
        }
    }

    /// The address for the answer to a request.
    pub(crate) fn answer_url(&self, request: &str) -> String {
        format!("http://{}/answer/{request}?X-Signature=secret", self.address)
    }

    /// Hands an event over. One that nobody waits for is handed over again where it fails.
    pub(crate) fn invoke(&self, event: &Value, retried: bool) -> String {
        let id = {
            let mut state = self.shared.state.lock().unwrap();
            state.given += 1;
            format!("invocation-{}", state.given)
        };
        self.shared.queue.lock().unwrap().push_back(Event {
            id: id.clone(),
            body: event.to_string().into_bytes(),
            attempt: 1,
            retried,
        });
        self.shared.more.notify_one();
        id
    }

    /// Waits for the outcome of an invocation.
    pub(crate) fn outcome(&self, id: &str) -> InvocationResult {
        self.wait(|state| state.outcomes.remove(id))
    }

    /// Waits for the answer to a request, or for the end of its invocation without one.
    pub(crate) fn answer(&self, invocation: &str, request: &str) -> Option<Value> {
        self.wait(|state| {
            let ended = state.outcomes.contains_key(invocation);
            let answer = state.answers.get_mut(request).and_then(Vec::pop);
            (ended || answer.is_some()).then_some(answer)
        })
    }

    /// The next few answers of a logical id come to grief.
    pub(crate) fn trouble(&self, logical_id: &str, trouble: Trouble, times: u32) {
        let mut state = self.shared.state.lock().unwrap();
        state.trouble.insert(logical_id.to_owned(), (trouble, times));
    }

    fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut state = self.shared.state.lock().unwrap();
        loop {
            if let Some(found) = look(&mut state) {
                return found;
            }
            let (next, late) = self.shared.changed.wait_timeout(state, PATIENCE).unwrap();
            assert!(!late.timed_out(), "the function does not answer");
            state = next;
        }
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let serve = service_fn(|request| serve(&shared, request));
            let connection = hyper::server::conn::http1::Builder::new();
            let _ = connection.serve_connection(TokioIo::new(stream), serve).await;
        });
    }
}

type Response = http::Response<Full<Bytes>>;

async fn serve(shared: &Shared, request: http::Request<Incoming>) -> Result<Response, Infallible> {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let plain = |status: u16| {
        let answer = http::Response::builder().status(status);
        Ok(answer.body(Full::default()).unwrap())
    };
    match (request.method().as_str(), parts.as_slice()) {
        ("GET", ["2018-06-01", "runtime", "invocation", "next"]) => Ok(next(shared).await),
        ("POST", ["2018-06-01", "runtime", "invocation", id, end]) => {
            let (id, end) = (id.to_string(), end.to_string());
            let body = request.into_body().collect().await.unwrap().to_bytes();
            ended(
                shared,
                &id,
                end == "response",
                serde_json::from_slice(&body).unwrap(),
            );
            plain(202)
        }
        ("PUT", ["answer", id]) => {
            let id = id.to_string();
            let typed = request.headers().contains_key("content-type");
            let body = request.into_body().collect().await.unwrap().to_bytes();
            assert!(
                !typed && body.len() <= 4096,
                "{} bytes, a type: {typed}",
                body.len()
            );
            plain(answered(shared, &id, serde_json::from_slice(&body).unwrap()))
        }
        _ => plain(404),
    }
}

async fn next(shared: &Shared) -> Response {
    let event = loop {
        let more = shared.more.notified();
        if let Some(event) = shared.queue.lock().unwrap().pop_front() {
            break event;
        }
        more.await;
    };
    let until = SystemTime::now() + Duration::from_secs(120);
    let until = until.duration_since(UNIX_EPOCH).unwrap().as_millis();
    let answer = http::Response::builder()
        .header("Lambda-Runtime-Aws-Request-Id", &event.id)
        .header("Lambda-Runtime-Invoked-Function-Arn", FUNCTION)
        .header("Lambda-Runtime-Deadline-Ms", until.to_string());
    let answer = answer.body(Full::new(Bytes::from(event.body.clone()))).unwrap();
    let mut state = shared.state.lock().unwrap();
    state.under_way.insert(event.id.clone(), event);
    answer
}

fn ended(shared: &Shared, id: &str, well: bool, body: Value) {
    let mut state = shared.state.lock().unwrap();
    let mut event = state.under_way.remove(id).unwrap();
    if !well && event.retried && event.attempt < ATTEMPTS {
        event.attempt += 1;
        shared.queue.lock().unwrap().push_back(event);
        shared.more.notify_one();
        return;
    }
    state
        .outcomes
        .insert(id.to_owned(), if well { Ok(body) } else { Err(body) });
    shared.changed.notify_all();
}

fn answered(shared: &Shared, request: &str, answer: Value) -> u16 {
    let mut state = shared.state.lock().unwrap();
    let logical = answer["LogicalResourceId"].as_str().unwrap().to_owned();
    match state.trouble.get_mut(&logical) {
        Some((trouble, times)) if *times > 0 => {
            *times -= 1;
            return if *trouble == Trouble::Lost { 200 } else { 403 };
        }
        _ => {}
    }
    state.answers.entry(request.to_owned()).or_default().push(answer);
    shared.changed.notify_all();
    200
}
