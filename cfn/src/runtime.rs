//! Lambda's loop: the next event, its outcome, and so on until the process is ended.

use crate::custom::RequestHandler;
use crate::event::{self, CustomRequest, Event};
use crate::settings::Settings;
use crate::{answer::Answer, codes, http, macros};
use meshform_model::diag::Diagnostic;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Map, Value as Json, json};
use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// The variable with host and port of Lambda's interface for functions.
const API: &str = "AWS_LAMBDA_RUNTIME_API";

/// How long an event may take that does not say so. Lambda's always do; stand-ins for it in tests need not.
const USUAL: Duration = Duration::from_secs(60);

/// How often an answer is sent to CloudFormation, with pauses between that double from the first: six seconds in all.
/// Without an answer the stack waits until its timeout.
const SENT: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// An event as Lambda hands it over.
struct Invocation {
    id: String,
    function: String,
    deadline: Instant,
    event: Vec<u8>,
}

/// What serves events; made with the first that needs it.
#[derive(Debug)]
struct Worker {
    settings: Settings,
    desk: OnceCell<RequestHandler>,
    remote: OnceCell<Client>,
}

/// Serves events. Ends only where Lambda's interface is not there any more.
pub(crate) async fn serve(variables: Vec<(OsString, OsString)>) -> Result<(), String> {
    let settings = Settings::new(variables);
    let api = settings
        .text(API)
        .ok_or("AWS Lambda starts this program: AWS_LAMBDA_RUNTIME_API is not set")?;
    let base = format!("http://{api}/2018-06-01/runtime/invocation");
    let client = http::local()?;
    let worker = Arc::new(Worker {
        settings,
        desk: OnceCell::new(),
        remote: OnceCell::new(),
    });
    loop {
        let invocation = next(&client, &base).await?;
        let id = invocation.id.clone();
        let own = Arc::clone(&worker);
        // A panic ends one event, not the process.
        let outcome = match tokio::spawn(async move { own.serve(invocation).await }).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Diagnostic::error(codes::PANIC, "the function crashed")),
        };
        let (end, body) = match outcome {
            Ok(result) => ("response", result),
            Err(problem) => {
                tracing::error!(code = %problem.code, "{problem}");
                let error =
                    json!({"errorType": problem.code.to_string(), "errorMessage": problem.to_string()});
                ("error", error)
            }
        };
        let url = format!("{base}/{id}/{end}");
        let sent = client.post(url).body(body.to_string()).send().await;
        sent.map_err(|error| error.to_string())?;
    }
}

async fn next(client: &Client, base: &str) -> Result<Invocation, String> {
    let broken = |error: reqwest::Error| error.to_string();
    let response = client.get(format!("{base}/next")).send().await.map_err(broken)?;
    if response.status() != StatusCode::OK {
        return Err(format!("Lambda's runtime API answers {}", response.status()));
    }
    let header = |name: &str| -> String { text(&response, name) };
    Ok(Invocation {
        id: header("lambda-runtime-aws-request-id"),
        function: header("lambda-runtime-invoked-function-arn"),
        deadline: deadline(&header("lambda-runtime-deadline-ms")),
        event: response.bytes().await.map_err(broken)?.to_vec(),
    })
}

fn text(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// Lambda tells the end as a time of the day.
fn deadline(millis: &str) -> Instant {
    let until = millis.parse().map(Duration::from_millis).ok();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = until.map_or(USUAL, |until| until.saturating_sub(now));
    Instant::now() + left
}

impl Worker {
    async fn serve(&self, invocation: Invocation) -> Result<Json, Diagnostic> {
        let Invocation {
            function,
            deadline,
            event,
            ..
        } = invocation;
        match event::read(&event)? {
            Event::Macro(request) => Ok(macros::rewrite(&request, &function)),
            Event::Schedule => {
                let left = self.desk(&function).await?.finish(deadline).await;
                for problem in &left {
                    tracing::warn!(code = %problem.code, "{problem}");
                }
                left.into_iter().next().map_or(Ok(json!({})), Err)
            }
            Event::Custom(request) => {
                let answer = match RequestHandler::left_nothing(&request) {
                    Some(answer) => answer,
                    None => self.answer(&function, &request, deadline).await,
                };
                self.send(&request, &answer).await?;
                Ok(json!({"failed": answer.failed, "physicalResourceId": answer.physical_id}))
            }
        }
    }

    /// Does what is asked for, where the store can be had.
    async fn answer(&self, function: &str, request: &CustomRequest, deadline: Instant) -> Answer {
        match self.desk(function).await {
            Ok(desk) => desk.serve(request, deadline).await,
            Err(problem) => Answer {
                failed: true,
                reason: problem.to_string(),
                // A delete that failed is asked for again under the same id.
                physical_id: request
                    .physical_resource_id
                    .clone()
                    .unwrap_or_else(|| crate::custom::nothing_made(request)),
                attributes: Map::new(),
            },
        }
    }

    async fn desk(&self, function: &str) -> Result<&RequestHandler, Diagnostic> {
        let make = async || {
            let store = self.settings.store(function)?;
            Ok(RequestHandler::new(store, self.settings.take_over()))
        };
        self.desk.get_or_try_init(make).await
    }

    /// Tells CloudFormation. Without this the stack waits until its timeout.
    async fn send(&self, request: &CustomRequest, answer: &Answer) -> Result<(), Diagnostic> {
        let undelivered = |why: String| {
            Diagnostic::error(codes::ANSWER, format!("CloudFormation did not accept the response: {why}"))
                .help("Lambda delivers the event again; if that fails too, the stack operation fails at its timeout")
        };
        let make = async || http::remote();
        let client = self.remote.get_or_try_init(make).await.map_err(undelivered)?;
        let body = answer.body(request);
        let mut pause = FIRST_PAUSE;
        let mut why = String::new();
        for attempt in 0..SENT {
            if attempt > 0 {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            // The address is signed for a request without a content type.
            let sent = client.put(&request.response_url).body(body.clone()).send().await;
            match sent {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) => {
                    why = response.status().to_string();
                    if response.status().is_client_error() {
                        break;
                    }
                }
                // The address is as good as a key: it is not told.
                Err(error) => why = error.without_url().to_string(),
            }
        }
        Err(undelivered(why))
    }
}
