//! Whether a request can be sent at all, and whether Envoy comes to look for its route. What HTTP does not carry, no Envoy ever
//! sees; what Envoy refuses while it reads has no way: an answer to either would be one that nobody gets.

use super::Request;
use crate::codes::NOT_SENDABLE;
use meshform_model::diag::Diagnostic;

const SCHEMES: [&str; 2] = ["http", "https"];
const METHODS: [&str; 8] = [
    "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];
/// What may stand in a token beside letters and digits (RFC 9110, 5.6.2).
const TOKEN: &str = "!#$%&'*+-.^_`|~";
/// What Envoy takes in a `Host` or `:authority` beside letters and digits.
const AUTHORITY: &str = "-._~%!$&'()*+,;=:[]@";

impl Request {
    /// Everything for which no client could send it.
    pub fn faults(&self) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        let mut fault = |message: String, help: &str| {
            faults.push(Diagnostic::error(NOT_SENDABLE, message).help(help));
        };
        if !is_token(&self.method) {
            let message = format!("`{}` is not an HTTP method", shown(&self.method));
            fault(message, "a method is one word such as `GET`, without spaces");
        } else if self.method == "CONNECT" {
            fault(
                "`CONNECT` asks for a tunnel, which Envoy refuses before it looks at a route".to_owned(),
                "give the method of a request, such as `GET`",
            );
        } else if METHODS.contains(&self.method.to_ascii_uppercase().as_str())
            && self.method.chars().any(|c| c.is_ascii_lowercase())
        {
            let message = format!("Envoy answers the method `{}` with 400", self.method);
            fault(message, "write the method in capitals");
        }
        if self.host.is_empty() {
            fault(
                "the host is empty".to_owned(),
                "give the `Host` header: a name, with a port where it has one",
            );
        } else if !self
            .host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || AUTHORITY.contains(c))
        {
            let message = format!("`{}` is not a host", shown(&self.host));
            fault(
                message,
                "a host is a name or an address, with a port where it has one: no spaces, no `/`, ASCII only",
            );
        } else if let Some(port) = port_of(&self.host).filter(|port| !is_port(port)) {
            let message = format!(
                "`{}` of the host `{}` is not a port",
                shown(port),
                shown(&self.host)
            );
            fault(message, PORT);
        }
        // A request about the server as a whole names no path.
        let is_of_server = self.path == "*" && self.method == "OPTIONS";
        if !self.path.starts_with('/') && !is_of_server {
            let message = format!("the path `{}` does not begin with `/`", shown(&self.path));
            fault(
                message,
                "give the path with its query, as it follows the host in a URL",
            );
        } else if self.path.contains('#') {
            let message = format!("the path `{}` has a fragment", shown(&self.path));
            fault(
                message,
                "write `%23` for the character: clients do not send what follows `#`",
            );
        } else if !self.path.chars().all(|c| c.is_ascii_graphic()) {
            let message = format!(
                "the path `{}` has a space, a control character or one beyond ASCII",
                shown(&self.path)
            );
            fault(
                message,
                "write it percent-encoded, as clients do: `%20` for a space",
            );
        }
        if self
            .path
            .split('?')
            .next()
            .is_some_and(|path| path.contains("%00"))
        {
            let message = format!(
                "Envoy answers the path `{}` with 400: it has `%00`",
                shown(&self.path)
            );
            fault(message, "remove it, or put it into the query");
        }
        if let Some(scheme) = self.scheme.as_deref().filter(|scheme| !SCHEMES.contains(scheme)) {
            let message = format!(
                "`{}` is not a scheme that proxies of the mesh serve",
                shown(scheme)
            );
            fault(message, "give `http` or `https`");
        }
        if self.port == Some(0) {
            fault("port 0 cannot be connected to".to_owned(), PORT);
        }
        for (name, value) in &self.headers {
            if !is_token(name) {
                let message = format!("`{}` is not a header name", shown(name));
                fault(message, "a name is one word such as `x-version`, without spaces");
            } else if value.chars().any(|c| c.is_control() && c != '\t') {
                let message = format!("the value of the header `{name}` has a control character");
                fault(message, "headers are one line each");
            }
        }
        faults
    }
}

const PORT: &str = "a port is a number from 1 to 65535";

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || TOKEN.contains(c))
}

/// What stands behind the colon; those within the brackets of an IPv6 address are its own.
fn port_of(host: &str) -> Option<&str> {
    let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
    after.split_once(':').map(|(_, port)| port)
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0) && !text.starts_with('+')
}

/// The beginning of a text, safe to be shown.
fn shown(text: &str) -> String {
    text.chars().take(60).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(change: impl FnOnce(&mut Request)) -> Vec<String> {
        let mut request = Request::get("api.local:8080", "/");
        change(&mut request);
        request.faults().into_iter().map(|fault| fault.message).collect()
    }

    #[test]
    fn what_clients_send_has_no_fault() {
        for host in [
            "api.local",
            "API.local:80",
            "10.0.0.1:1",
            "[::1]:8080",
            "[::1]",
            "a_b.c",
        ] {
            assert_eq!(
                faults(|request| request.host = host.to_owned()),
                [""; 0],
                "{host}"
            );
        }
        for path in [
            "/",
            "/a?b=%00",
            "/%zz",
            "//a/../b?x=/y&z=%20",
            "/a%2Fb:c",
            "/\"<>",
        ] {
            assert_eq!(
                faults(|request| request.path = path.to_owned()),
                [""; 0],
                "{path}"
            );
        }
        assert_eq!(
            faults(|request| {
                request.method = "OPTIONS".to_owned();
                request.path = "*".to_owned();
                request.scheme = Some("https".to_owned());
                request.headers.push(("x-a".to_owned(), "ü\t b".to_owned()));
            }),
            [""; 0]
        );
    }

    #[test]
    fn what_no_client_can_send_is_told_with_the_reason() {
        let header = |name: &str, value: &str| {
            let header = (name.to_owned(), value.to_owned());
            faults(|request| request.headers.push(header))
        };
        for (told, expected) in [
            (
                faults(|request| request.method = "B AD".to_owned()),
                "`B AD` is not an HTTP method",
            ),
            (
                faults(|request| request.method.clear()),
                "`` is not an HTTP method",
            ),
            (
                faults(|request| request.method = "CONNECT".to_owned()),
                "`CONNECT` asks for a tunnel, which Envoy refuses before it looks at a route",
            ),
            (
                faults(|request| request.method = "get".to_owned()),
                "Envoy answers the method `get` with 400",
            ),
            (
                faults(|request| request.path = "/a%00?b".to_owned()),
                "Envoy answers the path `/a%00?b` with 400: it has `%00`",
            ),
            (
                faults(|request| request.path = "nopath".to_owned()),
                "the path `nopath` does not begin with `/`",
            ),
            (
                faults(|request| request.path.clear()),
                "the path `` does not begin with `/`",
            ),
            (
                faults(|request| request.path = "*".to_owned()),
                "the path `*` does not begin with `/`",
            ),
            (
                faults(|request| request.path = "/a#b".to_owned()),
                "the path `/a#b` has a fragment",
            ),
            (
                faults(|request| request.path = "/a\n".to_owned()),
                "the path `/a\\n` has a space, a control character or one beyond ASCII",
            ),
            (
                faults(|request| request.scheme = Some("ftp".to_owned())),
                "`ftp` is not a scheme that proxies of the mesh serve",
            ),
            (faults(|request| request.host.clear()), "the host is empty"),
            (
                faults(|request| request.host = "a b".to_owned()),
                "`a b` is not a host",
            ),
            (
                faults(|request| request.host = "http://a/".to_owned()),
                "`http://a/` is not a host",
            ),
            (
                faults(|request| request.host = "a:99999".to_owned()),
                "`99999` of the host `a:99999` is not a port",
            ),
            (
                faults(|request| request.host = "a:".to_owned()),
                "`` of the host `a:` is not a port",
            ),
            (
                faults(|request| request.port = Some(0)),
                "port 0 cannot be connected to",
            ),
            (header("x y", "z"), "`x y` is not a header name"),
            (
                header("x", "a\r\nb"),
                "the value of the header `x` has a control character",
            ),
        ] {
            assert_eq!(told, [expected]);
        }
    }
}
