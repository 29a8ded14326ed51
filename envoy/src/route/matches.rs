//! Whether a route takes a request, by Envoy's rules, and if not, why.

use super::Request;
use crate::ir::route::{HeaderMatch, Matcher, PathMatch, QueryMatch, ValueMatch};
use crate::ir::settings::Versions;

/// How an Envoy looks at a header that comes several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeated {
    /// At each value by itself: one that meets the condition is enough.
    Each,
    /// At all of them, joined by commas.
    Joined,
}

impl Repeated {
    /// Envoy 1.39 changed it, because a joined value let callers slip past conditions (CVE-2026-26308).
    pub(super) fn of(versions: Versions) -> Self {
        if versions.max >= 39 {
            Self::Each
        } else {
            Self::Joined
        }
    }

    fn values(self, request: &Request, name: &str) -> Vec<String> {
        match self {
            Self::Each => request.values(name),
            Self::Joined => request.header(name).into_iter().collect(),
        }
    }
}

/// The first condition that the request does not meet; nothing when it meets all.
pub(super) fn reason_against(matcher: &Matcher, request: &Request, repeated: Repeated) -> Option<String> {
    let path = request.path_only();
    let by_path = match &matcher.path {
        PathMatch::Prefix(prefix) => path.starts_with(prefix.as_str()),
        PathMatch::Exact(exact) => path == exact,
        PathMatch::Regex(pattern) => whole(pattern, path),
    };
    if !by_path {
        let wanted = match &matcher.path {
            PathMatch::Prefix(prefix) => format!("the path does not begin with `{prefix}`"),
            PathMatch::Exact(exact) => format!("the path is not `{exact}`"),
            PathMatch::Regex(pattern) => format!("the path as a whole does not match `{pattern}`"),
        };
        return Some(wanted);
    }
    if matcher.grpc && !is_grpc(request) {
        return Some("it is not a gRPC call (by content-type)".to_owned());
    }
    let header = matcher
        .headers
        .iter()
        .find(|header| !takes(header, &repeated.values(request, &header.name)));
    if let Some(header) = header {
        return Some(against_header(header, request));
    }
    let query = matcher.query.iter().find(|query| !has(query, request))?;
    Some(match &query.exact {
        Some(value) => format!("the query parameter `{}` is not `{value}`", query.name),
        None => format!("the query parameter `{}` is missing", query.name),
    })
}

fn against_header(header: &HeaderMatch, request: &Request) -> String {
    let not = if header.invert { "" } else { " not" };
    let name = &header.name;
    let Some(value) = request.header(name) else {
        return format!("`{name}` is missing");
    };
    let against = match &header.value {
        ValueMatch::Present => "there".to_owned(),
        ValueMatch::Exact(wanted) => format!("`{wanted}`"),
        ValueMatch::Prefix(wanted) => format!("something that begins with `{wanted}`"),
        ValueMatch::Suffix(wanted) => format!("something that ends with `{wanted}`"),
        ValueMatch::Regex(pattern) => format!("as a whole matched by `{pattern}`"),
        ValueMatch::Range { start, end } => format!("a whole number from {start} to below {end}"),
    };
    format!("`{name}` (`{value}`) is{not} {against}")
}

/// A missing header never matches, not even inverted, but for the question whether it is there.
fn takes(header: &HeaderMatch, values: &[String]) -> bool {
    if header.value == ValueMatch::Present {
        return values.is_empty() == header.invert;
    }
    let meets = |value: &String| match &header.value {
        ValueMatch::Present => true,
        ValueMatch::Exact(wanted) => value == wanted,
        ValueMatch::Prefix(wanted) => value.starts_with(wanted),
        ValueMatch::Suffix(wanted) => value.ends_with(wanted),
        ValueMatch::Regex(pattern) => whole(pattern, value),
        ValueMatch::Range { start, end } => value.parse::<i64>().is_ok_and(|n| (*start..*end).contains(&n)),
    };
    !values.is_empty() && values.iter().any(meets) != header.invert
}

fn has(query: &QueryMatch, request: &Request) -> bool {
    let parameters = request.path.split_once('?').map_or("", |(_, query)| query);
    let parameters = parameters.split('#').next().unwrap_or_default();
    let found = parameters.split('&').find_map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        (name == query.name).then_some(value)
    });
    match (&query.exact, found) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(wanted), Some(value)) => wanted == value,
    }
}

fn is_grpc(request: &Request) -> bool {
    let Some(content_type) = request.header("content-type") else {
        return false;
    };
    content_type
        .strip_prefix("application/grpc")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
}

/// RE2 on the whole text. A pattern that this engine does not know matches nothing.
fn whole(pattern: &str, text: &str) -> bool {
    regex_lite::Regex::new(&format!(r"\A(?:{pattern})\z")).is_ok_and(|regex| regex.is_match(text))
}

/// Which of the domains a host belongs to, and how well: exact before suffix before prefix before everything; longer
/// first. A star stands for one character at least.
pub(super) fn domain_rank(domain: &str, host: &str) -> Option<(u8, usize)> {
    let domain = domain.to_lowercase();
    let stands =
        |rank, known: &str, fits: bool| (host.len() > known.len() && fits).then_some((rank, known.len()));
    match (domain.strip_prefix('*'), domain.strip_suffix('*')) {
        (Some(""), _) => Some((0, 0)),
        (Some(suffix), _) => stands(2, suffix, host.ends_with(suffix)),
        (None, Some(prefix)) => stands(1, prefix, host.starts_with(prefix)),
        (None, None) => (domain == host).then_some((3, 0)),
    }
}

/// A host as it is looked up where its port does not count.
pub(super) fn without_port(host: &str) -> &str {
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match host.rsplit_once(':') {
        Some((name, port)) if digits(port) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_comes_twice_is_seen_as_the_newest_envoy_of_the_range_sees_it() {
        let mut request = Request::get("a", "/");
        request.headers = vec![("v".into(), "1".into()), ("V".into(), "2".into())];
        let matcher = |value| Matcher {
            path: PathMatch::Prefix("/".into()),
            grpc: false,
            headers: vec![HeaderMatch {
                name: "v".into(),
                value,
                invert: false,
            }],
            query: Vec::new(),
        };
        let takes = |max, value: &str| {
            let repeated = Repeated::of(Versions { min: 34, max });
            reason_against(&matcher(ValueMatch::Exact(value.into())), &request, repeated).is_none()
        };
        assert!(takes(39, "1") && takes(39, "2") && !takes(39, "1,2"));
        assert!(!takes(38, "1") && !takes(38, "2") && takes(38, "1,2"));
    }

    #[test]
    fn the_most_specific_domain_wins() {
        assert!(domain_rank("a.b", "a.b") > domain_rank("*.b", "a.b"));
        assert!(domain_rank("*x.b", "ax.b") > domain_rank("*.b", "ax.b"));
        assert!(domain_rank("*", "a.b").is_some());
        assert_eq!(domain_rank("*.b", ".b"), None, "the star stands for something");
        assert_eq!(domain_rank("a.b", "a.b:80"), None);
        assert!(domain_rank("a.b:80", "a.b:80") > domain_rank("a.b:*", "a.b:80"));
        assert!(domain_rank("a.b:*", "a.b:81") > domain_rank("*", "a.b:81"));
        assert_eq!(domain_rank("a.b:*", "a.b:"), None);
        assert_eq!((without_port("a:80"), without_port("a:b")), ("a", "a:b"));
    }
}
