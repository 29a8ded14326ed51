//! The Lambda function for CloudFormation: from its start to the first question for an event, its first events, and its
//! memory. Lambda's interface and the address for the answer are served here.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Bench;
use super::figures::{Times, row};
use crate::failure::{Failure, Result};

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:meshform-cfn";
const NODES: usize = 100;

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let mut starts = Vec::new();
    let mut macros = Vec::new();
    let mut creates = Vec::new();
    let mut peak = 0;
    for run in 0..bench.runs {
        let folder = bench.work.path().join(format!("function-{run}"));
        let mut function = Function::start(bench, &folder)?;
        starts.push(function.started);
        macros.push(function.event(&rewritten())?);
        creates.push(function.event(&created(function.port))?);
        peak = peak.max(function.memory());
    }
    row(
        "start to the first question for an event",
        &Times::of(starts).shown(),
    );
    row(
        &format!("first event: the macro, {NODES} resources"),
        &Times::of(macros).shown(),
    );
    row(
        "first create: write, release, answer (a directory)",
        &Times::of(creates).shown(),
    );
    row(
        "resident memory",
        &format!("{:.1} MiB at most", peak as f64 / 1024.0),
    );
    Ok(())
}

/// A process of the function that waits for an event.
struct Function {
    process: Child,
    listener: TcpListener,
    port: u16,
    started: Duration,
    /// The question that waits for an event.
    waiting: Option<TcpStream>,
}

impl Function {
    fn start(bench: &Bench<'_>, folder: &std::path::Path) -> Result<Self> {
        let failed = |error: std::io::Error| Failure::new(format!("cannot listen: {error}"));
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let mut command = Command::new(&bench.function);
        command
            .env("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}"))
            .env("MESHFORM_STORE", format!("file://{}", folder.display()))
            .env("MESHFORM_LOG", "off")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let begun = Instant::now();
        let process = command.spawn();
        let process = process.map_err(|error| Failure::new(format!("cannot start the function: {error}")))?;
        let mut function = Self {
            process,
            listener,
            port,
            started: Duration::ZERO,
            waiting: None,
        };
        while function.waiting.is_none() {
            function.take()?;
        }
        function.started = begun.elapsed();
        Ok(function)
    }

    /// Takes one request. Lambda's question for an event waits; all else is answered. The connection of the function's
    /// own client stays open, so that each is closed after its answer.
    fn take(&mut self) -> Result<()> {
        let failed = |error: std::io::Error| Failure::new(format!("the function ended: {error}"));
        let (stream, _) = self.listener.accept().map_err(failed)?;
        let mut reader = BufReader::new(stream.try_clone().map_err(failed)?);
        let mut line = String::new();
        reader.read_line(&mut line).map_err(failed)?;
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).map_err(failed)?;
            if header.trim().is_empty() {
                break;
            }
            let lower = header.to_ascii_lowercase();
            if let Some(said) = lower.strip_prefix("content-length:") {
                length = said.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).map_err(failed)?;
        if line.starts_with("GET") {
            self.waiting = Some(stream);
            return Ok(());
        }
        if line.contains("/error") {
            return Err(Failure::new(String::from_utf8_lossy(&body).into_owned()));
        }
        let mut stream = stream;
        let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).map_err(failed)
    }

    /// How long an event takes until the function asks for the next.
    fn event(&mut self, event: &Value) -> Result<Duration> {
        let failed = |error: std::io::Error| Failure::new(format!("the function ended: {error}"));
        let body = event.to_string();
        let begun = Instant::now();
        if let Some(mut waiting) = self.waiting.take() {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\nlambda-runtime-invoked-function-arn: {FUNCTION}\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            waiting.write_all(answer.as_bytes()).map_err(failed)?;
        }
        while self.waiting.is_none() {
            self.take()?;
        }
        Ok(begun.elapsed())
    }

    /// The most that it held, in KiB; nothing where there is no `/proc`.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        peak.and_then(|peak| peak.trim().parse().ok()).unwrap_or(0)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn rewritten() -> Value {
    let nodes = (0..NODES).map(|number| {
        let node = json!({"Type": "AWS::AppMesh::VirtualNode", "Properties": {"MeshName": "apps",
            "VirtualNodeName": format!("n{number}"),
            "Spec": {"Listeners": [{"PortMapping": {"Port": 8080, "Protocol": "http"}}]}}});
        (format!("Node{number}"), node)
    });
    let resources: serde_json::Map<String, Value> = nodes.collect();
    json!({"fragment": {"Resources": resources}, "transformId": "1::Meshform", "requestId": "r", "params": {},
        "templateParameterValues": {}})
}

fn created(port: u16) -> Value {
    json!({"RequestType": "Create", "RequestId": "1", "ResponseURL": format!("http://127.0.0.1:{port}/answer"),
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/1", "LogicalResourceId": "Mesh",
        "ResourceType": "Custom::AppMeshMesh", "ResourceProperties": {"MeshName": "apps"}})
}
