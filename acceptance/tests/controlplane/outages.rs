//! Stores that go away while requests come in, and come back: the answers say so, nothing that was answered is lost, and
//! nobody starts the server anew.

use crate::moto::Moto;
use crate::server::{Answer, Server, arguments};
use meshform_acceptance::tools;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MESHES: &str = "/v20190125/meshes";
const NODES: &str = "/v20190125/meshes/apps/virtualNodes";
/// How long anything may take on a machine that does much else.
const LONG: Duration = Duration::from_secs(60);

/// How much longer a store stays away than it takes to see it: nothing, or as many seconds as MESHFORM_AWAY says.
fn longer() -> Duration {
    let seconds = std::env::var("MESHFORM_AWAY")
        .ok()
        .and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or_default())
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Writes one node after the other, as a client that does not give up.
struct Writer<'a> {
    server: &'a Server,
    stop: AtomicBool,
    /// What was answered with 200.
    written: Mutex<BTreeSet<String>>,
    refused: Mutex<Vec<Answer>>,
}

impl<'a> Writer<'a> {
    fn new(server: &'a Server) -> Self {
        let made = server.send("PUT", MESHES, r#"{"meshName": "apps"}"#);
        assert_eq!(made.status, 200, "{}", made.body);
        Self {
            server,
            stop: AtomicBool::new(false),
            written: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    fn write(&self) {
        for number in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let name = format!("n{number:05}");
            let answer = self.create(&name);
            match answer.status {
                200 => drop(self.written.lock().unwrap().insert(name)),
                _ => self.refused.lock().unwrap().push(answer),
            }
            // Others have a turn.
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn create(&self, name: &str) -> Answer {
        let body = json!({"virtualNodeName": name, "spec": {}}).to_string();
        self.server.send("PUT", NODES, &body)
    }

    fn written(&self) -> usize {
        self.written.lock().unwrap().len()
    }

    fn refused(&self) -> usize {
        self.refused.lock().unwrap().len()
    }

    /// Writes while the store goes away and comes back; what was answered. Clients that retry, as AWS's do, get over it.
    fn through(self, away: impl FnOnce(), back: impl FnOnce()) -> BTreeSet<String> {
        std::thread::scope(|scope| {
            scope.spawn(|| self.write());
            // What is expected may fail: the writer ends all the same.
            let stop = Stop(&self.stop);
            until("it writes", || self.written() >= 20);
            away();
            until("writes are refused", || self.refused() >= 5);
            let read = self.server.send("GET", MESHES, "");
            assert_eq!(read.status, 503, "{}", read.body);
            assert_eq!(self.server.page("/readyz").0, 503);
            let (status, health) = self.server.page("/healthz");
            assert!(status == 200 && health.starts_with("degraded: "), "{health}");
            std::thread::sleep(longer());
            back();
            let before = self.written();
            until("it writes again", || self.written() > before + 20);
            drop(stop);
        });
        assert_eq!(self.server.page("/readyz"), (200, "ready\n".to_owned()));
        self.end()
    }

    /// What was answered with 200. It is there, and what was refused was refused as clients know it.
    fn end(self) -> BTreeSet<String> {
        for answer in self.refused.into_inner().unwrap() {
            let (kind, message) = answer.error();
            assert_eq!(
                (answer.status, kind.as_str()),
                (503, "ServiceUnavailableException")
            );
            assert!(message.contains("[MF0"), "{message}");
        }
        let written = self.written.into_inner().unwrap();
        all_is_there(self.server, &written);
        written
    }
}

/// Everything that was answered with 200 is there.
fn all_is_there(server: &Server, written: &BTreeSet<String>) {
    let (mut found, mut token) = (BTreeSet::new(), String::new());
    loop {
        let page = server.send("GET", &format!("{NODES}?limit=100{token}"), "");
        assert_eq!(page.status, 200, "{}", page.body);
        for node in page.body["virtualNodes"].as_array().unwrap() {
            found.insert(node["virtualNodeName"].as_str().unwrap().to_owned());
        }
        match page.body["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => break,
        }
    }
    let lost: Vec<&String> = written.difference(&found).collect();
    assert!(lost.is_empty(), "answered and not there: {lost:?}");
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A directory that is renamed, as one whose mount goes away; then it is there again.
fn goes_away(directory: &Path, store: &Path) {
    let away = directory.with_extension("away");
    let server = Server::start(store, &[]);
    let written = Writer::new(&server).through(
        || std::fs::rename(directory, &away).unwrap(),
        || {
            assert!(!directory.exists(), "something was written where the store was");
            std::fs::rename(&away, directory).unwrap();
        },
    );
    assert!(server.stop().success());
    // Another server finds the same.
    all_is_there(&Server::start(store, &[]), &written);
}

#[test]
fn a_directory_that_goes_away_and_comes_back_loses_nothing() {
    let place = TempDir::new().unwrap();
    let store = place.path().join("store");
    goes_away(&store, &store);
}

#[test]
fn a_directory_treated_as_a_bucket_that_goes_away_and_comes_back_loses_nothing() {
    let place = TempDir::new().unwrap();
    let bucket = place.path().join("bucket");
    std::fs::create_dir(&bucket).unwrap();
    let url = format!("file://{}", bucket.display());
    goes_away(&bucket, Path::new(&url));
}

// === A bucket whose server cannot be reached ===

/// A port before another one, which lets nobody through while it is closed.
struct Gate {
    address: SocketAddr,
    shared: Arc<Passing>,
}

#[derive(Default)]
struct Passing {
    is_closed: AtomicBool,
    through: Mutex<Vec<TcpStream>>,
}

impl Gate {
    fn before(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Passing::default());
        let passing = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if passing.is_closed.load(Ordering::Relaxed) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(behind) else {
                    continue;
                };
                let both = [client.try_clone(), server.try_clone()].map(Result::unwrap);
                passing.through.lock().unwrap().extend(both);
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                for (from, to) in [(client, server), back] {
                    std::thread::spawn(move || pass(from, to));
                }
            }
        });
        Self { address, shared }
    }

    fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Relaxed);
        for stream in self.shared.through.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn open(&self) {
        self.shared.is_closed.store(false, Ordering::Relaxed);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn a_bucket_that_cannot_be_reached_for_a_while_loses_nothing() {
    let moto = Moto::start();
    let gate = Gate::before(moto.address());
    let serve = || {
        let mut command = Command::new(tools::meshform());
        command.args(arguments(Path::new("s3://meshes/store")));
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "any"),
            ("AWS_SECRET_ACCESS_KEY", "any"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL_S3", &format!("http://{}", gate.address)),
        ] {
            command.env(name, value);
        }
        Server::run(command)
    };
    let server = serve();
    let written = Writer::new(&server).through(|| gate.close(), || gate.open());
    assert!(server.stop().success());
    all_is_there(&serve(), &written);
}

// === A disk that is full ===

#[test]
fn a_full_disk_is_said_and_room_is_all_that_is_needed() {
    let place = TempDir::new().unwrap();
    let disk = place.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    // A file system of its own, in a namespace of its own.
    let script = "mount -t tmpfs -o size=8m tmpfs \"$0\" && exec \"$@\"";
    let may_mount = Command::new("unshare")
        .args(["--mount", "--", "/bin/sh", "-c", script])
        .arg(&disk)
        .arg("true")
        .output();
    if !may_mount.is_ok_and(|ran| ran.status.success()) {
        println!("nothing may be mounted here");
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--", "/bin/sh", "-c", script]);
    command.arg(&disk).arg(tools::meshform());
    command.args(arguments(&disk.join("store")));
    let server = Server::run(command);
    let writer = Writer::new(&server);
    let seen = |name: &str| {
        let inside = disk.strip_prefix("/").unwrap();
        Path::new(&format!("/proc/{}/root", server.pid()))
            .join(inside)
            .join(name)
    };
    let ballast = seen("ballast");
    std::thread::scope(|scope| {
        scope.spawn(|| writer.write());
        let stop = Stop(&writer.stop);
        until("it writes", || writer.written() >= 20);
        let mut file = std::fs::File::create(&ballast).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        until("writes are refused", || writer.refused() >= 5);
        // What is there can still be read.
        assert_eq!(server.send("GET", &format!("{NODES}/n00000"), "").status, 200);
        drop(file);
        std::fs::remove_file(&ballast).unwrap();
        let before = writer.written();
        until("it writes again", || writer.written() > before + 20);
        drop(stop);
    });
    writer.end();
}
