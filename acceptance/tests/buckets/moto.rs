//! moto's server, as a process of its own.

use meshform_acceptance::http::Client;
use meshform_acceptance::tools;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The server; it ends when this is dropped.
pub(crate) struct Moto {
    process: Child,
    address: SocketAddr,
}

/// A service of AWS that is asked in JSON.
#[derive(Clone, Copy)]
pub(crate) struct JsonService {
    /// Its name in signatures.
    signed_as: &'static str,
    /// What the names of its operations begin with.
    target: &'static str,
}

impl JsonService {
    pub(crate) const ACM: Self = Self {
        signed_as: "acm",
        target: "CertificateManager",
    };
    pub(crate) const CLOUD_MAP: Self = Self {
        signed_as: "servicediscovery",
        target: "Route53AutoNaming_v20170314",
    };
    pub(crate) const PRIVATE_CA: Self = Self {
        signed_as: "acm-pca",
        target: "ACMPrivateCA",
    };
}

/// A request without headers of its own and without a body, unless it says so.
struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

impl<'a> Asked<'a> {
    fn new(method: &'a str, path: &'a str) -> Self {
        Self {
            method,
            path,
            headers: &[],
            body: &[],
        }
    }

    fn body(self, body: &'a [u8]) -> Self {
        Self { body, ..self }
    }
}

impl Moto {
    /// Starts it on a free port and makes the bucket `meshes`.
    pub(crate) fn start() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, meshform_acceptance::ports::free().unwrap()));
        let mut command = Command::new(tools::moto());
        command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut moto = Self {
            process: command.spawn().unwrap(),
            address,
        };
        let host = address.to_string();
        while Client::new(address).get(&host, "/", &[]).is_err() {
            assert!(moto.process.try_wait().unwrap().is_none(), "moto did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        let made = Client::new(address)
            .request("PUT", &host, "/meshes", &[])
            .unwrap();
        assert_eq!(made.status, 200);
        moto
    }

    /// Writes an object of the bucket.
    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        let answer = self.ask("s3", &Asked::new("PUT", &format!("/meshes/{key}")).body(bytes));
        assert_eq!(answer.map(|(status, _)| status), Some(200), "{key}");
    }

    /// An object of the bucket, if it is there.
    pub(crate) fn read(&self, key: &str) -> Option<Vec<u8>> {
        let (status, body) = self.ask("s3", &Asked::new("GET", &format!("/meshes/{key}")))?;
        (status == 200).then_some(body)
    }

    /// The answer of a service of AWS that is asked in JSON.
    pub(crate) fn call(&self, service: JsonService, operation: &str, asked: &Value) -> Value {
        let target = format!("{}.{operation}", service.target);
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
        ];
        let body = asked.to_string();
        let (status, body) = self
            .ask(
                service.signed_as,
                &Asked {
                    headers: &headers,
                    ..Asked::new("POST", "/").body(body.as_bytes())
                },
            )
            .unwrap();
        assert_eq!(status, 200, "{operation}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap_or_default()
    }

    /// What is made after this has the names that it had after the same seed before.
    pub(crate) fn seed(&self, seed: u32) {
        let answer = self.ask("moto", &Asked::new("POST", &format!("/moto-api/seed?a={seed}")));
        assert_eq!(answer.map(|(status, _)| status), Some(200));
    }

    /// One request to a service, signed in a way that moto takes; nothing where nobody answers.
    fn ask(&self, service: &str, asked: &Asked<'_>) -> Option<(u16, Vec<u8>)> {
        let Asked {
            method,
            path,
            headers,
            body,
        } = *asked;
        let scope = format!("AKIAEXAMPLE/20260101/us-east-1/{service}/aws4_request");
        let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let mut head = format!(
            "{method} {path} HTTP/1.0\r\nhost: {}\r\nauthorization: {signed}\r\n",
            self.address
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer.split_off(end + 4)))
    }
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
