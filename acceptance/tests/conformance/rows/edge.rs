//! Gateways before clients from outside the mesh: whose address counts, what is refused, what is limited.

use crate::servers::{Http1, connect, free_port, read_all, read_head};
use crate::sheet::{Sheet, eventually};
use crate::world::{Plan, TestedProxy, merged, millis};
use meshform_acceptance::http::{Client, Response};
use serde_json::{Value, json};
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// A gateway before a service that answers with the head that it got.
struct Front {
    plan: Plan,
    port: u16,
}

impl Front {
    fn new() -> Self {
        let mut plan = Plan::new();
        plan.node("app", 8080, "http", Http1::start("app").port);
        plan.served_by_node("app.apps.local", "app");
        let (port, _) = plan.gateway_before("app.apps.local", &Value::Null);
        plan.set(
            "virtualGateway/front",
            json!({"listeners": [{"portMapping": {"port": port, "protocol": "http"}}]}),
        );
        Self { plan, port }
    }

    /// Starts it with these fields of a profile.
    fn run(&self, profile: Value) -> TestedProxy {
        let inner = json!({"interception": {"explicit": {"port": free_port()}}});
        self.plan.run("virtualGateway/front", merged(inner, profile))
    }

    fn edge(&self, edge: Value) -> TestedProxy {
        self.run(json!({"edge": edge}))
    }

    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        Client::new(([127, 0, 0, 1], self.port).into())
            .get("shop.example.com", path, headers)
            .unwrap()
    }

    /// A header as the service saw it.
    fn seen(&self, headers: &[(&str, &str)], name: &str) -> Option<String> {
        seen(&String::from_utf8_lossy(&self.ask("/", headers).body), name)
    }

    fn connect(&self) -> TcpStream {
        connect(&format!("127.0.0.1:{}", self.port)).unwrap()
    }
}

fn seen(head: &str, name: &str) -> Option<String> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .filter(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.to_owned())
        .next_back()
}

pub(crate) fn rows(sheet: &mut Sheet) {
    sheet.row(
        "the client's address",
        &["proxyProfile.spec.edge.trustedHops"],
        "absent: `x-forwarded-for` and `x-forwarded-proto` pass as they came, and nothing is added; 0: the caller's address is added, and `x-forwarded-proto` says how it called; 1: the address that the proxy in front added is the client's (`x-envoy-external-address`), and its `x-forwarded-proto` stays",
        addresses,
    );
    sheet.row(
        "PROXY protocol",
        &["proxyProfile.spec.edge.proxyProtocol"],
        "versions 1 and 2 give the client's address, whatever port it was calling; REQUIRED closes a connection without, OPTIONAL serves it; absent, the header is no HTTP: 400",
        proxy_protocol,
    );
    sheet.row(
        "escaped slashes",
        &["proxyProfile.spec.edge.escapedSlashes"],
        "`/a%2Fb` reaches the service as it is (absent, and KEEP_UNCHANGED), as `/a/b` (UNESCAPE_AND_FORWARD), is redirected there (UNESCAPE_AND_REDIRECT), or refused with 400 (REJECT_REQUEST)",
        escaped_slashes,
    );
    sheet.row(
        "headers with underscores",
        &["proxyProfile.spec.edge.headersWithUnderscores"],
        "`x_user` reaches the service (absent, and ALLOW), does not (DROP_HEADER), or the request is refused with 400 (REJECT_REQUEST)",
        underscores,
    );
    sheet.row_in_time(
        "time for request headers",
        &["proxyProfile.spec.edge.requestHeadersTimeout"],
        "headers that do not end: 408 after the given 500 ms, and after 10 s where nothing is given; with 0 they are still waited for then",
        headers_timeout,
    );
    sheet.row(
        "HTTP/2 limits",
        &["proxyProfile.spec.edge.{maxConcurrentStreams,streamWindowBytes,connectionWindowBytes}"],
        "the gateway's first frames tell a client 100 streams and windows of 64 KiB and 1 MiB, or what the profile says",
        http2_limits,
    );
    sheet.row(
        "connections at a gateway",
        &["proxyProfile.spec.limits.maxDownstreamConnections"],
        "of 3, three clients are served at once and a fourth is closed; the gateway's second pass takes none of them, and the admin interface answers; 50,000 where nothing is given",
        connections,
    );
}

fn addresses() {
    let front = Front::new();
    let told = [
        ("x-forwarded-for", "192.0.2.66, 192.0.2.1"),
        ("x-forwarded-proto", "https"),
    ];
    let forwarded = |headers| front.seen(headers, "x-forwarded-for");
    let proto = || front.seen(&told, "x-forwarded-proto");
    let client = || front.seen(&told, "x-envoy-external-address");
    {
        let _proxy = front.run(json!({}));
        assert_eq!(forwarded(&[]), None);
        assert_eq!(forwarded(&told).as_deref(), Some("192.0.2.66, 192.0.2.1"));
        assert_eq!(proto().as_deref(), Some("https"));
    }
    {
        let _proxy = front.edge(json!({"trustedHops": 0}));
        let own = own(forwarded(&[]));
        let added = forwarded(&told).unwrap();
        assert_eq!(added.replace(' ', ""), format!("192.0.2.66,192.0.2.1,{own}"));
        assert_eq!(proto().as_deref(), Some("http"));
        assert_eq!(client().as_deref(), Some("127.0.0.1"));
    }
    let _proxy = front.edge(json!({"trustedHops": 1}));
    let added = forwarded(&told).unwrap().replace(' ', "");
    let own = added.strip_prefix("192.0.2.66,192.0.2.1,").map(str::to_owned);
    assert_eq!(own, forwarded(&[]), "{added}");
    assert_eq!(proto().as_deref(), Some("https"));
    assert_eq!(client().as_deref(), Some("192.0.2.1"));
}

/// The address of a caller on this machine: for the loopback one Envoy writes the machine's own.
fn own(forwarded: Option<String>) -> String {
    let forwarded = forwarded.expect("an address");
    assert!(forwarded.parse::<std::net::IpAddr>().is_ok(), "{forwarded}");
    forwarded
}

/// The header for a client at 203.0.113.7 that called port 443.
fn announced(version: u8) -> Vec<u8> {
    if version == 1 {
        return b"PROXY TCP4 203.0.113.7 198.51.100.1 5000 443\r\n".to_vec();
    }
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend([203, 0, 113, 7, 198, 51, 100, 1]);
    header.extend(5000_u16.to_be_bytes());
    header.extend(443_u16.to_be_bytes());
    header
}

fn proxy_protocol() {
    const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: shop.example.com\r\nconnection: close\r\n\r\n";
    let front = Front::new();
    let send = |before: &[u8]| {
        let mut stream = front.connect();
        let _ = stream.write_all(&[before, GET].concat());
        read_all(&mut stream)
    };
    let address = |answer: &str| seen(answer, "x-forwarded-for");
    for mode in ["REQUIRED", "OPTIONAL"] {
        let _proxy = front.edge(json!({"proxyProtocol": mode, "trustedHops": 0}));
        for version in [1, 2] {
            let answer = send(&announced(version));
            assert_eq!(
                address(&answer).as_deref(),
                Some("203.0.113.7"),
                "{mode} {answer}"
            );
        }
        let without = send(b"");
        match mode {
            "REQUIRED" => assert_eq!(without, ""),
            _ => assert_ne!(own(address(&without)), "203.0.113.7", "{without}"),
        }
    }
    let _proxy = front.edge(json!({"trustedHops": 0}));
    assert!(send(&announced(1)).starts_with("HTTP/1.1 400"));
}

fn escaped_slashes() {
    let front = Front::new();
    let ask = || front.ask("/a%2Fb?x=%2F", &[]);
    let line = || {
        String::from_utf8_lossy(&ask().body)
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    for edge in [json!({}), json!({"escapedSlashes": "KEEP_UNCHANGED"})] {
        let _proxy = front.edge(edge);
        assert_eq!(line(), "GET /a%2Fb?x=%2F HTTP/1.1");
    }
    {
        let _proxy = front.edge(json!({"escapedSlashes": "UNESCAPE_AND_FORWARD"}));
        assert_eq!(line(), "GET /a/b?x=%2F HTTP/1.1");
    }
    {
        let _proxy = front.edge(json!({"escapedSlashes": "UNESCAPE_AND_REDIRECT"}));
        let answer = ask();
        assert_eq!(answer.status, 307);
        let mut stream = front.connect();
        stream
            .write_all(b"GET /a%2Fb?x=%2F HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .unwrap();
        assert_eq!(
            seen(&read_all(&mut stream), "location").as_deref(),
            Some("/a/b?x=%2F")
        );
    }
    let _proxy = front.edge(json!({"escapedSlashes": "REJECT_REQUEST"}));
    assert_eq!(ask().status, 400);
    assert_eq!(front.ask("/a/b", &[]).status, 200);
}

fn underscores() {
    let front = Front::new();
    let header: &[(&str, &str)] = &[("x_user", "me")];
    for (edge, arrives) in [
        (json!({}), true),
        (json!({"headersWithUnderscores": "ALLOW"}), true),
        (json!({"headersWithUnderscores": "DROP_HEADER"}), false),
    ] {
        let _proxy = front.edge(edge);
        assert_eq!(front.seen(header, "x_user").is_some(), arrives);
    }
    let _proxy = front.edge(json!({"headersWithUnderscores": "REJECT_REQUEST"}));
    assert_eq!(front.ask("/", header).status, 400);
    assert_eq!(front.ask("/", &[]).status, 200);
}

fn headers_timeout() {
    // Each answers at its own time: all three at once.
    let expected = [
        (json!({"requestHeadersTimeout": millis(500)}), Some(400..5000)),
        (json!({}), Some(9000..14000)),
        (json!({"requestHeadersTimeout": millis(0)}), None),
    ];
    std::thread::scope(|scope| {
        let run = |(edge, limits): (Value, Option<std::ops::Range<u128>>)| {
            let front = Front::new();
            let _proxy = front.edge(edge);
            let mut stream = front.connect();
            stream
                .set_read_timeout(Some(std::time::Duration::from_secs(12)))
                .unwrap();
            let start = Instant::now();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").unwrap();
            let answer = read_all(&mut stream);
            let taken = start.elapsed().as_millis();
            match limits {
                Some(limits) => {
                    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
                    assert!(limits.contains(&taken), "{taken} ms");
                }
                None => assert_eq!(answer, ""),
            }
        };
        let all: Vec<_> = expected
            .into_iter()
            .map(|one| scope.spawn(move || run(one)))
            .collect();
        for one in all {
            one.join().unwrap();
        }
    });
}

/// What a server's first frames allow: streams, and the windows of a stream and of the connection.
fn allowed(stream: &mut TcpStream) -> (u32, u32, u32) {
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let (mut streams, mut window, mut connection) = (0, 0, 0);
    while window == 0 || connection == 0 {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let mut body = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        stream.read_exact(&mut body).unwrap();
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
        match head[3] {
            4 => {
                for setting in body.chunks_exact(6) {
                    match setting[1] {
                        3 => streams = number(&setting[2..]),
                        4 => window = number(&setting[2..]),
                        _ => {}
                    }
                }
            }
            // What is added to the 65,535 that every connection has.
            8 => connection = 65_535 + number(&body),
            _ => {}
        }
    }
    (streams, window, connection)
}

fn http2_limits() {
    let front = Front::new();
    {
        let _proxy = front.run(json!({}));
        assert_eq!(allowed(&mut front.connect()), (100, 65_536, 1_048_576));
    }
    let given =
        json!({"maxConcurrentStreams": 7, "streamWindowBytes": 70_000, "connectionWindowBytes": 90_000});
    let _proxy = front.edge(given);
    assert_eq!(allowed(&mut front.connect()), (7, 70_000, 90_000));
}

fn connections() {
    let front = Front::new();
    {
        let proxy = front.run(json!({}));
        let dump = proxy.envoy.config_dump().unwrap().to_string();
        assert!(
            dump.contains("\"max_active_downstream_connections\":\"50000\""),
            "{dump}"
        );
    }
    let proxy = front.run(json!({"limits": {"maxDownstreamConnections": 3}}));
    let served = || {
        let mut stream = BufReader::new(front.connect());
        let get = b"GET / HTTP/1.1\r\nhost: shop.example.com\r\n\r\n";
        stream.get_mut().write_all(get).ok()?;
        read_head(&mut stream)
            .filter(|head| head.starts_with("HTTP/1.1 200"))
            .map(|_| stream)
    };
    let open: Vec<_> = (0..3).map(|_| served().expect("one of three")).collect();
    assert!(served().is_none(), "a fourth");
    assert!(proxy.envoy.admin("/ready").unwrap().contains("LIVE"));
    drop(open);
    eventually("served again", 5, || served().is_some());
}
