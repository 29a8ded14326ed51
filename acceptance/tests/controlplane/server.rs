//! `meshform serve`, as a process of its own.

use meshform_acceptance::http::Client;
use meshform_acceptance::tools;
use serde_json::Value as Json;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server; it is killed when this is dropped.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
}

/// An answer of the API.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Json,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(given, _)| given.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    }

    /// The kind of error, and its message.
    pub(crate) fn error(&self) -> (String, String) {
        let kind = self.header("x-amzn-errortype").unwrap_or_default().to_owned();
        (kind, self.body["message"].as_str().unwrap_or_default().to_owned())
    }
}

/// What `meshform` is told so that it serves a store on a free port of the loopback address.
pub(crate) fn arguments(store: &Path) -> Vec<OsString> {
    let words = ["serve", "--listen", "127.0.0.1:0", "--rate", "0", "--store"];
    let words = words.into_iter().map(OsString::from);
    words.chain([store.into()]).collect()
}

impl Server {
    /// Starts it on a free port of the loopback address.
    pub(crate) fn start(store: &Path, options: &[&str]) -> Self {
        let mut command = Command::new(tools::meshform());
        command.args(arguments(store)).args(options);
        Self::run(command)
    }

    /// Starts it by a command that ends in `meshform` with [`arguments`].
    pub(crate) fn run(mut command: Command) -> Self {
        // What the machine's user has set is no part of the test.
        command
            .env_remove("MESHFORM_MASTER_KEY")
            .env("MESHFORM_LOG", "warn");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .and_then(|url| url.split_once("://"));
        let address = address.map(|(_, address)| address.parse());
        Self {
            process,
            address: address
                .unwrap_or_else(|| panic!("it did not start: {line:?}"))
                .unwrap(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request, and its answer.
    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.try_send(method, path, body).unwrap()
    }

    /// The same where the server may be gone.
    pub(crate) fn try_send(&self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        ))
    }

    /// What a client writes, and the whole answer.
    pub(crate) fn raw(&self, text: &str) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        // A server that refuses early may have closed its end.
        let _ = stream.write_all(text.as_bytes());
        let mut all = Vec::new();
        let read = stream.read_to_end(&mut all);
        let all = String::from_utf8_lossy(&all).into_owned();
        let Some((head, body)) = all.split_once("\r\n\r\n") else {
            read?;
            return Err(std::io::Error::other(format!("no answer: {all:?}")));
        };
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok(Answer {
            status: status.unwrap_or_default(),
            head: head.to_owned(),
            body: serde_json::from_str(body).unwrap_or_else(|_| Json::String(body.to_owned())),
        })
    }

    /// A page that is no part of the API.
    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        let host = self.address.to_string();
        let answer = Client::new(self.address).get(&host, path, &[]).unwrap();
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    /// Asks it to end, and waits.
    pub(crate) fn stop(mut self) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.process.wait().unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A program beside this file.
fn beside(program: &str) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/controlplane");
    tests.join(program)
}

/// A Python program beside this file, with botocore.
pub(crate) fn python(program: &str) -> Command {
    let mut command = Command::new(tools::moto_python());
    command.arg(beside(program));
    for name in [
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ] {
        command.env_remove(name);
    }
    command
}

/// A Python program beside this file, with the AWS command line.
pub(crate) fn aws(program: &str) -> Command {
    let mut command = Command::new(tools::aws_python());
    command.arg(beside(program));
    command
}

/// What a command prints, which must end well.
pub(crate) fn output(command: &mut Command) -> String {
    let ran = command.output().unwrap();
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success(),
        "{command:?}\n{text}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    text
}
