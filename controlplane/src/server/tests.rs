//! Connections whose clients do not go on.

use super::*;
use meshform_release::{EnvoyBuilder, Releaser};
use meshform_store::{Author, Seed, SqliteOptions, SqliteStore, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// How long clients may take here.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long anything may take on a machine that does much else.
const LONG: Duration = Duration::from_secs(20);

struct Serving {
    _directory: TempDir,
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

fn settings(directory: &TempDir) -> Settings {
    let options = SqliteOptions::new(directory.path().join("store"));
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(options).unwrap());
    let author = Author {
        owner: "team".to_owned(),
        actor: "test".to_owned(),
        run: None,
    };
    let releaser = Releaser::new(Arc::clone(&store), Arc::new(EnvoyBuilder), author);
    Settings {
        seed: Seed::default(),
        reader: releaser.clone(),
        releaser,
        look: Duration::from_secs(1),
        store,
        authentication: Authentication::Anyone,
        relaxed_deletes: false,
        prometheus: None,
        owner: "team".to_owned(),
        rate: None,
        login: None,
        patience: PATIENCE,
    }
}

async fn serving() -> Serving {
    let directory = TempDir::new().unwrap();
    let addresses = Addresses {
        api: ([127, 0, 0, 1], 0).into(),
        xds: None,
        xds_for_anyone: false,
        tls: None,
    };
    let server = Server::bind(settings(&directory), addresses).await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let address = server.address();
    tokio::spawn(server.serve(async {
        let _ = stopped.await;
    }));
    Serving {
        _directory: directory,
        address,
        _stop: stop,
    }
}

impl Serving {
    /// A client that has sent this, and nothing after it.
    async fn client(&self, sent: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream
    }
}

/// What a client still gets until its connection is closed.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut told = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut told)).await;
    // Closed is closed, with or without a word.
    let _ = read.expect("the connection is closed");
    String::from_utf8(told).unwrap()
}

#[tokio::test]
async fn clients_that_do_not_go_on_are_let_go() {
    let serving = serving().await;
    // Nothing; less than tells the version; half a head; the preface of HTTP/2 and no more of it.
    for (sent, told) in [
        ("", ""),
        ("PRI * H", ""),
        ("GET /v20190125/meshes HTTP/1.1\r\nhost: localhost\r\nx-mo", ""),
        (
            "PUT /v20190125/meshes HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{",
            "400 ",
        ),
    ] {
        let mut stream = serving.client(sent).await;
        let heard = until_closed(&mut stream).await;
        assert_eq!(heard.is_empty(), told.is_empty(), "{sent:?}: {heard}");
        assert!(heard.contains(told), "{sent:?}: {heard}");
    }
    // A client that is answered, and asks no more.
    let mut idle = serving
        .client("GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    let heard = until_closed(&mut idle).await;
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
}

#[tokio::test]
async fn many_clients_that_do_not_go_on_hold_nobody_up() {
    let serving = serving().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(serving.client("").await);
    }
    let mut asks = serving
        .client("GET /v20190125/meshes HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await;
    let heard = until_closed(&mut asks).await;
    assert!(heard.ends_with(r#"{"meshes":[]}"#), "{heard}");
    for stream in &mut silent {
        assert_eq!(until_closed(stream).await, "");
    }
}

#[tokio::test]
async fn api_releases_and_console_share_one_view_of_each_mesh() {
    let directory = TempDir::new().unwrap();
    let plane = ControlPlane::new(settings(&directory)).unwrap();
    assert!(Arc::ptr_eq(plane.registry.views(), plane.site.views()));
}

#[tokio::test]
async fn without_keys_no_name_that_others_give_leads_here() {
    let serving = serving().await;
    for (host, status) in [
        ("localhost", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("mesh.example.org", 403),
        ("localhost.example.org:8080", 403),
    ] {
        let request = format!("GET /v20190125/meshes HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let heard = until_closed(&mut serving.client(&request).await).await;
        assert!(
            heard.starts_with(&format!("HTTP/1.1 {status} ")),
            "{host}: {heard}"
        );
        assert_eq!(
            heard.contains("`localhost` or an IP address"),
            status == 403,
            "{host}"
        );
    }
}

/// Answers to requests that are sent at the same time: the status of each.
async fn at_once(serving: &Serving, requests: Vec<(&str, String, String)>) -> Vec<String> {
    let mut clients = Vec::new();
    for (method, path, body) in requests {
        let length = body.len();
        let request = format!(
            "{method} /v20190125/meshes{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        clients.push(serving.client(&request).await);
    }
    let mut heard = Vec::new();
    for mut client in clients {
        let answer = until_closed(&mut client).await;
        heard.push(answer.split(' ').nth(1).unwrap_or_default().to_owned());
    }
    heard
}

fn put(path: &str, body: &str) -> (&'static str, String, String) {
    ("PUT", path.to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_change_one_resource_at_once_are_all_heard() {
    let serving = serving().await;
    at_once(&serving, vec![put("", r#"{"meshName": "m"}"#)]).await;
    let filter = |all| match all % 2 {
        0 => r#"{"spec": {"egressFilter": {"type": "ALLOW_ALL"}}}"#,
        _ => r#"{"spec": {"egressFilter": {"type": "DROP_ALL"}}}"#,
    };
    let heard = at_once(&serving, (0..60).map(|at| put("/m", filter(at))).collect()).await;
    assert_eq!(heard, vec!["200"; 60]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_in_a_mesh_that_is_being_deleted() {
    let serving = serving().await;
    for at in 0..60 {
        let mesh = format!("/m{at}");
        at_once(&serving, vec![put("", &format!(r#"{{"meshName": "m{at}"}}"#))]).await;
        let node = put(
            &format!("{mesh}/virtualNodes"),
            r#"{"virtualNodeName": "n", "spec": {}}"#,
        );
        let delete = ("DELETE", mesh, String::new());
        let heard = match at % 2 {
            0 => at_once(&serving, vec![delete, node]).await,
            _ => at_once(&serving, vec![node, delete]).await,
        };
        let done = heard.iter().filter(|status| *status == "200").count();
        assert_eq!(done, 1, "{heard:?}");
    }
}
