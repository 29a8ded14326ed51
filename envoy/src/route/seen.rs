//! A request as Envoy's connection manager makes it before routes see it.

use super::Request;

/// Set by Envoy, and not available from outside.
const DROPPED: [&str; 1] = ["x-envoy-internal"];
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const REQUEST_ID: &str = "x-request-id";
/// Envoy makes one by chance; this has the form of one.
const SOME_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The request with the headers that Envoy itself sets, and with the path that routes see.
pub(super) fn seen(request: &Request, encrypted: bool) -> Request {
    let mut seen = request.clone();
    seen.path = normalised(&request.path);
    seen.headers
        .retain(|(name, _)| !DROPPED.iter().any(|dropped| name.eq_ignore_ascii_case(dropped)));
    let by_connection = if encrypted { "https" } else { "http" };
    set_absent(&mut seen, FORWARDED_PROTO, by_connection);
    set_absent(&mut seen, REQUEST_ID, SOME_ID);
    if seen.scheme.is_none() {
        let said = seen.header(FORWARDED_PROTO).map(|said| said.to_ascii_lowercase());
        let valid = said.filter(|said| said == "http" || said == "https");
        seen.scheme = Some(valid.unwrap_or_else(|| by_connection.to_owned()));
    }
    seen
}

fn set_absent(request: &mut Request, name: &str, value: &str) {
    if request.values(name).is_empty() {
        request.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// The path as the connection manager makes it before routes see it: escapes of letters, digits and `-._~` resolved,
/// then `.` and `..`; slashes merged; the query stays.
fn normalised(path: &str) -> String {
    // `OPTIONS *` is about the server, and stays so.
    if path == "*" {
        return path.to_owned();
    }
    let (path, query) = match path.find(['?', '#']) {
        Some(at) => path.split_at(at),
        None => (path, ""),
    };
    let path = unescaped(path);
    let mut parts: Vec<&str> = Vec::new();
    let mut folder = false;
    for part in path.split('/') {
        folder = matches!(part, "" | "." | "..");
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let end = if folder && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}{query}", parts.join("/"))
}

/// A path without the escapes that say nothing (RFC 3986, 2.3); others stay as they are.
fn unescaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let plain = escape
            .get(1..3)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .map(char::from)
            .filter(|c| c.is_ascii_alphanumeric() || "-._~".contains(*c));
        let (shown, taken) = plain.map_or(('%', 1), |c| (c, 3));
        out.push(shown);
        rest = escape.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_as_the_connection_manager_makes_them() {
        for (path, seen) in [
            ("/", "/"),
            ("*", "*"),
            ("//a///b/", "/a/b/"),
            ("/a/../b/./c", "/b/c"),
            ("/a/b/..", "/a/"),
            ("/../a?x=/../y", "/a?x=/../y"),
            ("/a/.", "/a/"),
            ("/%61/%2e%2E/b%2Fc%", "/b%2Fc%"),
            ("/%7Ea?%61", "/~a?%61"),
        ] {
            assert_eq!(normalised(path), seen, "{path}");
        }
    }

    #[test]
    fn envoy_says_itself_whether_a_connection_was_encrypted() {
        let plain = seen(&Request::get("a", "/"), false);
        assert_eq!(plain.header(FORWARDED_PROTO).as_deref(), Some("http"));
        assert_eq!(plain.scheme.as_deref(), Some("http"));
        let encrypted = seen(&Request::get("a", "/"), true);
        assert_eq!(encrypted.header(FORWARDED_PROTO).as_deref(), Some("https"));
        let mut said = Request::get("a", "/");
        said.headers.push(("X-Forwarded-Proto".into(), "https".into()));
        assert_eq!(seen(&said, false).scheme.as_deref(), Some("https"));
        said.scheme = Some("http".into());
        assert_eq!(
            seen(&said, false).scheme.as_deref(),
            Some("http"),
            "HTTP/2 says its own"
        );
    }
}
