//! Route tables: which request goes where, how long it may take, how often it is tried.

use super::{Origin, Sourced};
use std::sync::Arc;
use std::time::Duration;

/// What becomes an Envoy `RouteConfiguration`.
#[derive(Debug, Clone)]
pub struct RouteTable {
    /// As App Mesh named it; listeners refer to it so.
    pub name: String,
    /// What it was made for.
    pub origin: Origin,
    /// By name; domains are unique among them.
    pub hosts: Vec<Arc<VirtualHost>>,
    /// A host belongs to its virtual host whatever port the request names behind it.
    pub any_port: bool,
    /// Request headers that are ours and must not reach an application.
    pub remove_headers: Vec<String>,
}

/// The routes of one name.
#[derive(Debug, Clone)]
pub struct VirtualHost {
    /// Unique within the table: the virtual service's name.
    pub name: String,
    /// What it was made for.
    pub origin: Origin,
    /// `Host` values that belong to it: exact, `*suffix`, `prefix*`, or `*`.
    pub domains: Vec<String>,
    /// In order: the first that matches is taken.
    pub routes: Vec<Route>,
}

#[derive(Debug, Clone)]
pub struct Route {
    /// The route's name in the model.
    pub name: String,
    /// What it was made from.
    pub origin: Origin,
    pub matcher: Matcher,
    pub action: Action,
}

/// Which requests a route takes. All parts must match.
#[derive(Debug, Clone, PartialEq)]
pub struct Matcher {
    pub path: PathMatch,
    /// Only gRPC (by content type).
    pub grpc: bool,
    /// By headers, `:method` and `:scheme` among them.
    pub headers: Vec<HeaderMatch>,
    pub query: Vec<QueryMatch>,
}

/// By path, without the query.
#[derive(Debug, Clone, PartialEq)]
pub enum PathMatch {
    /// A plain prefix: `/a` takes `/ab`.
    Prefix(String),
    Exact(String),
    /// RE2 on the whole path.
    Regex(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct HeaderMatch {
    pub name: String,
    /// What its value must be.
    pub value: ValueMatch,
    /// The opposite. A missing header never matches then, as in Envoy.
    pub invert: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct QueryMatch {
    pub name: String,
    /// What its value must be; nothing = it must be there.
    pub exact: Option<String>,
}

/// What a header's value must be.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueMatch {
    Present,
    Exact(String),
    Prefix(String),
    Suffix(String),
    /// RE2 on the whole value.
    Regex(String),
    /// A whole number from `start` up to but not including `end`.
    Range {
        start: i64,
        end: i64,
    },
}

#[derive(Debug, Clone)]
pub struct Action {
    /// Clusters by weight; the sum is above zero.
    pub targets: Vec<Target>,
    /// How long request and response may take, all tries together; zero = for ever.
    pub timeout: Sourced<Duration>,
    /// How long a stream may be silent; zero = for ever. Nothing = the connection manager's 5 minutes.
    pub idle_timeout: Option<Sourced<Duration>>,
    pub retry: Option<Sourced<Retry>>,
    /// What the `Host` header is replaced by; `None` keeps it.
    pub host_rewrite: Option<String>,
    /// What becomes of the path.
    pub path_rewrite: Option<PathRewrite>,
    /// A header that replaces the client's own of that name.
    pub set_header: Option<(String, String)>,
    /// Request headers of the client that must not pass.
    pub remove_headers: Vec<String>,
}

/// A cluster and its share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub cluster: String,
    /// Its share; zero gets nothing.
    pub weight: u32,
    /// The virtual node or virtual service behind it, for people.
    pub label: String,
}

/// What becomes of the path.
#[derive(Debug, Clone, PartialEq)]
pub enum PathRewrite {
    /// What the prefix or the exact path matched is replaced.
    Matched(String),
    /// The whole path is replaced; the query is kept.
    Whole(String),
}

/// When a request is tried again, and how often.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Retry {
    /// Conditions as Envoy's `retry_on` spells them: `5xx`, `connect-failure`.
    pub on: Vec<&'static str>,
    /// The status codes that `retriable-status-codes` stands for.
    pub status_codes: Vec<u32>,
    /// Beside the first try.
    pub retries: u32,
    /// How long one try may take, the first too; nothing = the route's timeout alone.
    pub per_try: Option<Duration>,
    /// The pause between tries; nothing = Envoy's 25 ms, doubling, up to 250 ms.
    pub back_off: Option<Sourced<BackOff>>,
}

/// A pause between tries: uniform between nothing and `base`, which doubles up to `max`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackOff {
    /// The bound of the first pause.
    pub base: Duration,
    /// What the bound grows to.
    pub max: Duration,
}
