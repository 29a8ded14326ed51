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
        ("GET /v20190125/meshes HTTP/1.1\r\nhost: x\r\nx-mo", ""),
        (
            "PUT /v20190125/meshes HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{",
            "400 ",
        ),
    ] {
        let mut stream = serving.client(sent).await;
        let heard = until_closed(&mut stream).await;
        assert_eq!(heard.is_empty(), told.is_empty(), "{sent:?}: {heard}");
        assert!(heard.contains(told), "{sent:?}: {heard}");
    }
    // A client that is answered, and asks no more.
    let mut idle = serving.client("GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").await;
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
        .client("GET /v20190125/meshes HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
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
