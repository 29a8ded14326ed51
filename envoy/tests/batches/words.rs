//! The words of generated meshes: for each field what people write there, and what lies at its edges.

use crate::support::random::Random;

/// The words for a text at a place, which is named by the fields on the way to it.
pub(crate) fn of(path: &[String]) -> &'static [&'static str] {
    let name = path.last().map_or("", String::as_str);
    let upper = path.iter().rev().nth(1).map_or("", String::as_str);
    match (upper, name) {
        (_, "regex") => REGEXES,
        ("json", "value") | (_, "text") => FORMATS,
        ("json", "key") => &["method", "m%", "a.b", "x\"y", "ü", "method"],
        (_, "path") if upper == "healthCheck" => &["/ping", "/", "/p?q=1", "/ü", "", "ping", "/a b", "/a\n"],
        (_, "path") if upper == "file" => &["/dev/null", "/dev/stdout", "/dev/stderr"],
        ("zipkin", "path") => &["/api/v2/spans", "/", "/x?y=%20"],
        (_, "accessLogPath") => &["/dev/null", "/dev/stdout"],
        (_, "certificateChain") if path.iter().any(|part| part == "trust") => &["/etc/meshform/tls/ca.crt"],
        (_, "certificateChain") => &["/etc/meshform/tls/tls.crt"],
        (_, "privateKey") => &["/etc/meshform/tls/tls.key"],
        (_, "trustChain") => &["/etc/meshform/tls/ca.crt"],
        (_, "certificateArn" | "certificateAuthorityArns" | "reference") => ARNS,
        (_, "secretName") => &["cert", "spiffe://a.b/c", "ü", "", "a b", "%"],
        (_, "exact") if path.iter().any(|part| part == "subjectAlternativeNames") => &[
            "a.local",
            "spiffe://mesh/a",
            "*.local",
            "ü.local",
            " ",
            "10.0.0.1",
        ],
        ("hostname", "exact") => HOSTS,
        ("hostname", "suffix") => &[
            ".example.com",
            "example.com",
            ".EXAMPLE.com",
            ".example.com:8080",
            "*",
            "-x.local",
            "*.example.com",
            ".",
        ],
        ("path", "exact") => &["/a", "/", "a", "/a?b=c", "/\\1\\", "/%2F%", "/ü", "/a b", "//"],
        ("dogStatsD", "prefix") => &["svc", "a.b", "%", "ü", "a:b|c"],
        ("prefix", "value") => &["/", "/v/", "/v", "/\\1", "/a?b", "/%"],
        (_, "prefix")
            if upper != "match" || path.iter().any(|part| part == "headers" || part == "metadata") =>
        {
            VALUES
        }
        (_, "prefix") => &["/", "/a", "/a/", "/a?b", "/%2f", "/ü", "//", "/a b", "/#"],
        ("headers" | "metadata", "name") => HEADERS,
        ("queryParameters", "name") => &["q", "Q", "a b", "", "ü", "q[]", "%71", "a&b"],
        ("match", "exact") | (_, "suffix") => VALUES,
        (_, "serviceName") if path.iter().any(|part| part == "grpcRoute") => {
            &["a.B", "a.b.C", "", "a/b", "a b", "ü.B", "/a"]
        }
        (_, "methodName") => &["Get", "get it", "a/b", "ü", "?"],
        ("dns", "hostname") => &[
            "n.local",
            "10.0.0.9",
            "localhost",
            "n.ns.svc.cluster.local.",
            "fe80::1",
            "n.local:80",
            "ü.local",
            "a b",
            "_x._tcp.local",
            "unix:///x",
            " ",
        ],
        (_, "ignoredAddresses") => &["169.254.170.2/32", "fe80::/10", "x"],
        ("explicit" | "services" | "appPorts" | "admin", "address" | "appAddress") => LISTENING,
        ("endpoints" | "addresses" | "xray" | "dogStatsD", "address") => ADDRESSES,
        ("controlPlane" | "openTelemetry" | "zipkin" | "datadog", "address") => PEERS,
        (_, "tokenFile") => &["/run/token", "/a b", "/ü", "token"],
        (_, "apiUrl") => &["http://mesh.internal:8080", "https://a", "http://", "mesh:80"],
        (_, "zone") => &["a", "b", "eu-west-1a", "ü", "%"],
        (_, "min" | "max") => &["1.34", "1.35", "1.38", "1.40", "1.40", "1.41", "1.33"],
        (_, "image") => &["envoyproxy/envoy:v1.40.0", "x"],
        (_, "directory") => &["/var/lib/meshform/own", "/", "/a b"],
        (_, "sdsSocketPath") => &["/run/sds.sock", "/a b.sock", LONG_PATH],
        (_, "serverNames" | "egressSniAllowed") => &[
            "*.amazonaws.com",
            "api.example.com",
            "*",
            "A.example.com",
            "a*.example.com",
            "*.*.com",
            "*.",
            "*x",
            ".x",
            "ü.com",
            "a b",
        ],
        (_, "serviceName" | "namespaceName") => &["svc", "a.b", "%", "ü", "a:b|c", ""],
        (_, "httpRetryEvents") => &[
            "server-error",
            "gateway-error",
            "client-error",
            "stream-error",
            "5xx",
        ],
        _ => &["a", "b", "ü", "%", "a b", ""],
    }
}

const LONG_PATH: &str = "/run/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/sds.sock";

pub(crate) const ARNS: &[&str] = &[
    "arn:aws:acm:us-east-1:123456789012:certificate/one",
    "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/two",
];

const REGEXES: &[&str] = &[
    "/items/[0-9]+",
    "",
    "a|b|",
    "(?i)x.*",
    "(?=a)b",
    r"(a)\1",
    "a{1001}",
    "[a-z]{200}",
    "[a-z]{1000}",
    ".{100}",
    ".{300}",
    r"\pL{100}",
    r"\pL{1000}",
    r"[^a]{1000}",
    r"(?i)[a-zü]{500}",
    r"(?i)kkkkkkkkkkssssssssss",
    "(a{10}){100}",
    "((a{10}){10}){11}",
    "a**",
    "[[:alpha:]_]+",
    "[[:nope:]]",
    r"\p{Greek}",
    r"\p{Klingon}",
    r"\C",
    "ü+",
    "(?P<n>x)(?<m>y)",
    "(?<n>x)(?<n>y)",
    r"\Qa(b\E+",
    "[z-a]",
    "(",
    "^/x$",
    r"\z",
    r"\b",
    "a{,3}",
    "x{2}{3}",
    "(?s).(?-s).",
    "(?m)^a$",
    "(((((((((((a*)*)*)*)*)*)*)*)*)*)*)*",
    "(|a){1000}",
    "(a?){500}",
    r"\x{10FFFF}",
    r"\x{D800}",
];

const FORMATS: &[&str] = &[
    "[%START_TIME%] %REQ(:METHOD)% %RESPONSE_CODE%\n",
    "%START_TIME(%Y/%m/%dT%H:%M:%S%z %s)%",
    "%REQ(X-A?:AUTHORITY):10%",
    "%RESP(X)% %TRAILER(X)%",
    "%BYTES_SENT%%BYTES_RECEIVED%",
    "%DYNAMIC_METADATA(a:b):3%",
    "%FILTER_STATE(a:PLAIN)%",
    "%DOWNSTREAM_PEER_URI_SAN%",
    "%UPSTREAM_HOST% %UPSTREAM_CLUSTER%",
    "%ENVIRONMENT(HOME)%",
    "%ROUTE_NAME% %CONNECTION_ID%",
    "%DURATION% %COMMON_DURATION(DS_RX_BEG:US_TX_END:ms)%",
    "100%",
    "100 %%",
    "%%",
    "%NOPE%",
    "%START_TIME",
    "%REQ(X-A%",
    "%REQ()%",
    "%REQ%",
    "%REQ(A?B?C)%",
    "%REQ(X):0%",
    "%REQ(X):-1%",
    "%REQ(X):x%",
    "%BYTES_SENT(x)%",
    "%BYTES_SENT:5%",
    "%bytes_sent%",
    "%START_TIME(%E4n)%",
    "%START_TIME(%f)%",
    "%START_TIME(%1f%3f%9f)%",
    "%COMMON_DURATION(x)%",
    "%METADATA(ROUTE:a:b)%",
    "%METADATA(NOPE:a)%",
    "%FILTER_STATE(a:NOPE)%",
    "%QUERY_PARAM(q)%",
    "%PATH(NQ)%",
    "%PATH(XX)%",
    "%CEL(request.path)%",
    "%DOWNSTREAM_LOCAL_ADDRESS%",
    "plain",
    "ü",
    " ",
];

const VALUES: &[&str] = &["1", "abc", "ü", "a b", "%", "\"", "\\", "a\nb", "\u{0}", "\r"];

const HEADERS: &[&str] = &[
    "x-a",
    "X-Upper",
    ":path",
    ":authority",
    "host",
    ":method",
    "content-type",
    "ü",
    "a b",
    "a:b",
    "x\n",
    "x\u{0}",
    ":",
    "%",
];

const HOSTS: &[&str] = &[
    "a.example.com",
    "A.example.com",
    "a.example.com:80",
    "a.example.com:8080",
    "a.example.com:",
    "*",
    "*.example.com",
    "a.*",
    "*-x.local",
    "a*b",
    "ü.example.com",
    "10.0.0.1",
    "a b",
    "[::1]",
];

const LISTENING: &[&str] = &[
    "127.0.0.1",
    "127.0.0.2",
    "127.0.0.3",
    "::1",
    "0.0.0.0",
    "::",
    "::ffff:127.0.0.1",
    "localhost",
    "x.local",
    "[::1]",
    "127.1",
    "fe80::1%lo",
    "256.0.0.1",
    " ",
];

const ADDRESSES: &[&str] = &[
    "10.0.0.1",
    "10.0.0.2",
    "fd00::1",
    "::ffff:10.0.0.1",
    "localhost",
    "x.local",
    "fe80::1%eth0",
    "010.0.0.1",
    "255.255.255.255",
    "0.0.0.0",
    "224.0.0.1",
];

const PEERS: &[&str] = &[
    "10.0.0.1",
    "::1",
    "localhost",
    "collector.local",
    "collector.local.",
    "a b",
    "collector:80",
    "ü",
    "unix:///x",
    "%",
    "*",
];

/// Ports that meet each other, and those that proxies take.
pub(crate) const PORTS: &[u16] = &[80, 443, 8080, 8081, 9090, 9901, 15000, 15001, 1, 65535];

/// Numbers for fields without an upper end.
pub(crate) const LARGE: &[i64] = &[
    1,
    2,
    1000,
    2_147_483_647,
    2_147_483_648,
    4_294_967_295,
    4_294_967_296,
    i64::MAX,
];

/// Values of durations, in either unit.
pub(crate) const DURATIONS: &[i64] = &[
    0,
    1,
    2,
    15,
    300,
    60_000,
    315_576_000_001,
    3_155_760_000,
    3_155_760_001,
    9_223_372_037,
    4_294_967,
    4_294_968,
    i64::MAX,
];

/// Names of virtual services.
pub(crate) const SERVICES: &[&str] = &[
    "s.local",
    "S.local",
    "s.local:8080",
    "s.local:80",
    "t%20.local",
    "%NOPE%",
    "u",
    "10.0.0.1",
    "ü.local",
    "v.local.",
    "[::1]",
    "fd00::1",
    "\"q\"",
    "default_backend",
    "mesh-allow-all",
];

/// Endings that make names of nodes, routers, gateways and routes strange.
pub(crate) const ENDINGS: &[&str] = &[
    "",
    "",
    "",
    "",
    " b",
    "%",
    ".c",
    "ü",
    ":d",
    "\"",
    "\\",
    "_via_s.local",
];

/// One of the words, the plain first ones more often.
pub(crate) fn pick(random: &mut Random, words: &[&'static str]) -> String {
    let among = if random.often() {
        words.len().min(4)
    } else {
        words.len()
    };
    words[random.below(among)].to_owned()
}
