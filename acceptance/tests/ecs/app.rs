//! The applications of the tasks: each says who it is, and one calls another through its proxy.

use crate::network::NOWHERE;
use meshform_acceptance::http::{Client, read_head, write_response};
use std::io::BufReader;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Who it is; without it this program is no application.
pub(crate) const NAME: &str = "APPLICATION_NAME";
pub(crate) const PORT: &str = "APPLICATION_PORT";

/// Serves until it is told to stop.
pub(crate) fn serve() {
    let (Ok(name), Ok(port)) = (std::env::var(NAME), std::env::var(PORT)) else {
        return;
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse().unwrap())).unwrap();
    for stream in listener.incoming().flatten() {
        let name = name.clone();
        std::thread::spawn(move || answer(&stream, &name));
    }
}

/// Answers the requests of one connection. `/called/…` is passed on to the other service, `/flaky` fails every second time.
fn answer(stream: &TcpStream, name: &str) {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let _ = stream.set_nodelay(true);
    // An address that nobody has: only the proxy can make something of it.
    let mut called = Client::new(format!("{NOWHERE}:8080").parse().unwrap());
    let mut reader = BufReader::new(stream);
    while let Ok(Some(head)) = read_head(&mut reader) {
        let path = head.start_line.split(' ').nth(1).unwrap_or_default().to_owned();
        let written = if let Some(rest) = path.strip_prefix("/called") {
            match called.get("prices.shop.svc", rest, &[]) {
                Ok(answer) if answer.status == 200 => {
                    let service = answer.service().to_owned();
                    write_response(stream, "200 OK", &service, b"{}")
                }
                Ok(answer) => {
                    let text = format!(
                        "the other answered {}: {:?}",
                        answer.status,
                        String::from_utf8_lossy(&answer.body)
                    );
                    write_response(stream, "502 Bad Gateway", name, text.as_bytes())
                }
                Err(error) => write_response(stream, "502 Bad Gateway", name, error.to_string().as_bytes()),
            }
        } else if path.starts_with("/flaky") && ASKED.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            write_response(stream, "503 Service Unavailable", name, b"{}")
        } else {
            write_response(stream, "200 OK", name, b"{}")
        };
        if written.is_err() {
            return;
        }
    }
}
