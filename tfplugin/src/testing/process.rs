//! A provider program as a child process.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tonic::transport::Channel;

use super::client::{Client, Error, channel};
use super::transport::Transport;
use crate::r#gen::plugin as pb;
use crate::plugin::Connection;
use crate::plugin::environment::COOKIE;
use crate::plugin::handshake::Line;
use crate::plugin::listener::Address;
use crate::plugin::tls;

/// How to start a provider program.
#[derive(Debug, Clone)]
pub struct Launch {
    program: PathBuf,
    versions: Option<String>,
    tls: bool,
    cookie: Option<String>,
    any_protocol: bool,
    vars: Vec<(String, String)>,
}

impl Launch {
    /// This program, the way Terraform starts it, with TLS.
    pub fn new(program: impl AsRef<Path>) -> Self {
        let program = program.as_ref().to_path_buf();
        Self {
            program,
            versions: Some("5,6".into()),
            tls: true,
            cookie: Some(COOKIE.1.to_owned()),
            any_protocol: false,
            vars: Vec::new(),
        }
    }

    /// Without TLS, as for debugging.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.tls = false;
        self
    }

    /// Without the cookie, as if started by hand.
    #[must_use]
    pub fn by_hand(mut self) -> Self {
        self.cookie = None;
        self
    }

    /// With another cookie than Terraform's.
    #[must_use]
    pub fn cookie(mut self, cookie: &str) -> Self {
        self.cookie = Some(cookie.to_owned());
        self
    }

    /// Takes programs of protocol 5 too: a client speaks to them in what both protocols have.
    #[must_use]
    pub fn any_protocol(mut self) -> Self {
        self.any_protocol = true;
        self
    }

    /// With these protocol versions offered; `None` offers nothing.
    #[must_use]
    pub fn versions(mut self, versions: Option<&str>) -> Self {
        self.versions = versions.map(str::to_owned);
        self
    }

    /// With a variable in the environment.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.into(), value.into()));
        self
    }

    fn command(&self, certificate: Option<&str>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in [
            "PLUGIN_PROTOCOL_VERSIONS",
            "PLUGIN_CLIENT_CERT",
            "PLUGIN_MULTIPLEX_GRPC",
            COOKIE.0,
        ] {
            command.env_remove(name);
        }
        if let Some(cookie) = &self.cookie {
            command.env(COOKIE.0, cookie);
        }
        if let Some(versions) = &self.versions {
            command.env("PLUGIN_PROTOCOL_VERSIONS", versions);
        }
        command
            .env("PLUGIN_MIN_PORT", "10000")
            .env("PLUGIN_MAX_PORT", "25000");
        if let Some(pem) = certificate {
            command.env("PLUGIN_CLIENT_CERT", pem);
        }
        command.envs(self.vars.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts the program and waits for its handshake.
    ///
    /// # Errors
    /// When it cannot be started, or says anything else than a handshake.
    pub async fn start(self) -> Result<Process, Error> {
        let identity = self.tls.then(tls::client::Identity::new).transpose();
        let identity = identity.map_err(|error| Error::Broken(error.to_string()))?;
        let pem = identity.as_ref().map(tls::client::Identity::pem);
        let start = Instant::now();
        let mut child = self.command(pem.as_deref()).spawn()?;
        let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Error::Broken("the program has no output".into()));
        };
        let log = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&log);
        tokio::spawn(async move {
            let mut buffer = vec![0; 8192];
            while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
                let mut log = sink.lock().unwrap_or_else(PoisonError::into_inner);
                log.extend_from_slice(buffer.get(..count).unwrap_or_default());
            }
        });
        let mut line = String::new();
        let mut stdout = BufReader::new(stdout);
        let read = tokio::time::timeout(Duration::from_secs(60), stdout.read_line(&mut line)).await;
        let handshake_after = start.elapsed();
        let text =
            || String::from_utf8_lossy(&log.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
        match read {
            Ok(Ok(1..)) => {}
            Ok(_) => return Err(Error::Broken(format!("it ended without a handshake: {}", text()))),
            Err(_) => return Err(Error::Broken("no handshake within a minute".into())),
        }
        tokio::spawn(async move {
            // A program that prints more must not block on a full pipe.
            let _ = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
        });
        let shown = if self.any_protocol {
            line.replacen("1|5|", "1|6|", 1)
        } else {
            line.clone()
        };
        let parsed: Line = shown.parse().map_err(Error::Breach)?;
        let pid = child.id();
        Ok(Process {
            child: Mutex::new(Some(child)),
            pid,
            raw: line,
            line: parsed,
            identity,
            log,
            handshake_after,
        })
    }

    /// Starts the program and lets it end by itself: exit code, standard output, standard error.
    ///
    /// # Errors
    /// When it cannot be started or does not end.
    pub async fn run_out(self) -> Result<(Option<i32>, String, String), Error> {
        let work = self.command(None).output();
        let ended = tokio::time::timeout(Duration::from_secs(20), work).await;
        let output = ended.map_err(|_| Error::Broken("it did not end".into()))??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
    }
}

/// A running provider program.
pub struct Process {
    child: Mutex<Option<Child>>,
    pid: Option<u32>,
    raw: String,
    line: Line,
    identity: Option<tls::client::Identity>,
    log: Arc<Mutex<Vec<u8>>>,
    /// How long it took from the start to the handshake.
    pub handshake_after: Duration,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process")
            .field("pid", &self.pid)
            .field("handshake", &self.raw)
            .finish_non_exhaustive()
    }
}

impl Drop for Process {
    /// A program that is killed cannot remove its socket.
    fn drop(&mut self) {
        if let Some(child) = self.child.get_mut().unwrap_or_else(PoisonError::into_inner) {
            let _ = child.start_kill();
        }
        let directory = self
            .socket()
            .and_then(|socket| socket.parent().map(Path::to_path_buf));
        let ours = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("tfplugin-"))
        };
        if let Some(directory) = directory.filter(ours) {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

/// Which certificate to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    Own,
    Nothing,
    AnotherOne,
}

impl Process {
    /// The handshake line as it came.
    pub fn handshake(&self) -> &str {
        &self.raw
    }

    /// The process's id.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// What it wrote to standard error so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Its resident memory in KiB, where the system tells.
    pub fn resident_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// The socket file, if it listens on one.
    pub fn socket(&self) -> Option<PathBuf> {
        match &self.line.address {
            Address::Unix(path) => Some(path.clone()),
            Address::Tcp(_) => None,
        }
    }

    async fn raw_connection(&self) -> Result<Connection, Error> {
        Ok(match &self.line.address {
            #[cfg(unix)]
            Address::Unix(path) => Connection::new(tokio::net::UnixStream::connect(path).await?),
            #[cfg(not(unix))]
            Address::Unix(_) => return Err(Error::Broken("no unix sockets here".into())),
            Address::Tcp(address) => Connection::new(tokio::net::TcpStream::connect(address).await?),
        })
    }

    pub(super) async fn connect(&self, show: Show) -> Result<Channel, Error> {
        if self.identity.is_none() || self.line.certificate.is_none() {
            return channel(self.raw_connection().await?).await;
        }
        channel(Connection::new(self.tls(show).await?)).await
    }

    /// The version of TLS, and the protocol inside that both sides agreed on.
    pub(super) async fn secured(&self) -> Result<(String, Option<Vec<u8>>), Error> {
        let stream = self.tls(Show::Own).await?;
        let session = stream.get_ref().1;
        let version = session.protocol_version().map(|version| format!("{version:?}"));
        let protocol = session.alpn_protocol().map(<[u8]>::to_vec);
        Ok((version.unwrap_or_default(), protocol))
    }

    async fn tls(&self, show: Show) -> Result<tokio_rustls::client::TlsStream<Connection>, Error> {
        let broken = |error: &dyn std::fmt::Display| Error::Broken(error.to_string());
        let raw = self.raw_connection().await?;
        let (Some(own), Some(server)) = (&self.identity, &self.line.certificate) else {
            return Err(Error::Breach("the handshake has no certificate".into()));
        };
        let other = tls::client::Identity::new().map_err(|error| broken(&error))?;
        let identity = match show {
            Show::Own => Some(own),
            Show::Nothing => None,
            Show::AnotherOne => Some(&other),
        };
        let config = tls::client::config(server, identity).map_err(|error| broken(&error))?;
        let name = rustls::pki_types::ServerName::try_from("localhost").map_err(|error| broken(&error))?;
        Ok(tokio_rustls::TlsConnector::from(config)
            .connect(name, raw)
            .await?)
    }

    /// A client of it.
    ///
    /// # Errors
    /// When it does not take the connection.
    pub async fn client(self) -> Result<Client, Error> {
        let channel = self.connect(Show::Own).await?;
        let transport = Transport::new(channel, self.raw.starts_with("1|5|"));
        Ok(Client::of(transport, Some(Arc::new(self))))
    }

    /// Asks it to end, as Terraform does, and waits: its exit code and how long it took.
    ///
    /// # Errors
    /// When it does not end within the two seconds that Terraform gives it.
    pub async fn shut_down(&self) -> Result<(Option<i32>, Duration), Error> {
        let channel = self.connect(Show::Own).await?;
        let start = Instant::now();
        let mut controller = pb::grpc_controller_client::GrpcControllerClient::new(channel);
        // The answer may be cut off by the end.
        let _ = controller.shutdown(pb::Empty {}).await;
        self.ended(start).await
    }

    /// Waits for its end.
    pub(super) async fn ended(&self, start: Instant) -> Result<(Option<i32>, Duration), Error> {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut child = child.ok_or_else(|| Error::Broken("it has ended already".into()))?;
        match tokio::time::timeout(Duration::from_secs(2), child.wait()).await {
            Ok(status) => Ok((status?.code(), start.elapsed())),
            Err(_) => Err(Error::Breach("it did not end within two seconds".into())),
        }
    }
}
