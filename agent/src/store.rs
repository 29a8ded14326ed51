//! Where releases come from: a bucket with the interface of S3, or a directory.

use crate::aws::{domain, region};
use crate::credentials::Credentials;
use crate::http::{Request, Response};
use crate::sigv4::{encoded, sign};
use http::{Method, StatusCode};
use meshform_bundle::ProxyId;
use meshform_bundle::codes::{AWAY, CLOCK, DENIED, MALFORMED, SETTING, told};
use meshform_bundle::layout::{BOOTSTRAP, OWN, is_inside};
use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub(crate) enum ObjectSource {
    Bucket(Box<Bucket>),
    Directory(PathBuf),
}

/// Who uses a store: what they must be allowed differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreUser {
    Proxy,
    Poller,
}

/// What a look at an object found.
pub(crate) enum ObjectRead {
    /// The same as at the look before.
    Unchanged,
    /// There is no such object.
    Missing,
    /// Its content, and what tells it from another.
    Found(Vec<u8>, String),
}

pub(crate) struct Bucket {
    name: String,
    /// What all keys begin with; empty, or with a slash at its end.
    prefix: String,
    /// Scheme, host and, where the bucket is no part of the host, the bucket.
    base: String,
    region: String,
    credentials: Credentials,
    user: StoreUser,
    /// How many of the last requests in a row were too many.
    throttled: u32,
}

impl ObjectSource {
    /// Reads `s3://BUCKET/PREFIX`, `file:///PATH` or a path.
    pub(crate) fn parse(text: &str, user: StoreUser) -> Result<Self, String> {
        Self::understood(text, user).map_err(|error| told(SETTING, error))
    }

    fn understood(text: &str, user: StoreUser) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            // `s3:/bucket` is no directory that anybody means.
            return match text.split_once(":/") {
                Some((scheme, _)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                    Err(format!("`{text}` is neither s3://BUCKET/PREFIX nor a directory"))
                }
                _ => Ok(Self::Directory(PathBuf::from(text))),
            };
        };
        match scheme {
            "file" => Ok(Self::Directory(PathBuf::from(rest))),
            "s3" => Bucket::parse(rest, user).map(|bucket| Self::Bucket(Box::new(bucket))),
            "gs" | "az" | "azure" | "abfs" | "abfss" => Err(format!(
                "the agent does not read `{scheme}://` stores; publish to an s3:// bucket or a directory as well"
            )),
            _ => Err(format!("`{text}` is neither s3://BUCKET/PREFIX nor a directory")),
        }
    }

    /// Why no agent can follow releases there: a directory in another form than that of a store.
    pub(crate) fn has_no_releases(&self, proxy: &ProxyId) -> Option<String> {
        let Self::Directory(root) = self else {
            return None;
        };
        if root.join("m").is_dir() {
            return None;
        }
        let folder = proxy.folder();
        let is_published = root.join(OWN).is_dir();
        let embedded = ["store.db", ".meshform/store.db"];
        let is_embedded = embedded.iter().any(|file| root.join(file).is_file());
        let root = root.display();
        if is_published && !is_embedded {
            return Some(format!(
                "MESHFORM_STORE {root} is published for Envoys to read themselves: start Envoy with -c \
                 {root}/{folder}/{BOOTSTRAP}, without an agent; or name a store, s3://BUCKET/PREFIX or the directory of \
                 one that was made as file:///DIR"
            ));
        }
        is_embedded.then(|| {
            format!(
                "MESHFORM_STORE {root} has an embedded store, whose releases are in a database: publish the mesh to an s3:// \
                 bucket or to a store that was made as file:///DIR, and name that"
            )
        })
    }

    /// Reads an object, unless it is still the one of which `known` was said.
    pub(crate) async fn look(&mut self, key: &str, known: Option<&str>) -> Result<ObjectRead, String> {
        match self {
            Self::Bucket(bucket) => bucket.look(key, known).await,
            Self::Directory(root) => look_at_file(root, key, known),
        }
    }

    /// Reads an object that must be there.
    pub(crate) async fn read(&mut self, key: &str) -> Result<Vec<u8>, String> {
        match self.look(key, None).await? {
            ObjectRead::Found(bytes, _) => Ok(bytes),
            _ => Err(told(
                MALFORMED,
                format!(
                    "{key} is missing, although current.json names it; `meshform release` writes it again"
                ),
            )),
        }
    }

    pub(crate) async fn write(&mut self, key: &str, bytes: Vec<u8>) -> Result<(), String> {
        match self {
            Self::Bucket(bucket) => bucket.change(Method::PUT, key, bytes).await,
            Self::Directory(root) => write_file(root, key, &bytes),
        }
    }

    /// Writes an object if `seen` is what is there: a version, or nothing. The new version; none where something else is
    /// there. (In a directory two who write at the same moment both succeed.)
    pub(crate) async fn replace(
        &mut self,
        key: &str,
        bytes: Vec<u8>,
        seen: Option<&str>,
    ) -> Result<Option<String>, String> {
        match self {
            Self::Bucket(bucket) => bucket.replace(key, bytes, seen).await,
            Self::Directory(root) => {
                let there = match look_at_file(root, key, None)? {
                    ObjectRead::Found(_, version) => Some(version),
                    ObjectRead::Missing | ObjectRead::Unchanged => None,
                };
                if there.as_deref() != seen {
                    return Ok(None);
                }
                write_file(root, key, &bytes)?;
                Ok(Some(meshform_bundle::Digest::of(&bytes).to_string()))
            }
        }
    }

    /// Takes an object away; one that is not there is no error.
    pub(crate) async fn remove(&mut self, key: &str) -> Result<(), String> {
        match self {
            Self::Bucket(bucket) => bucket.change(Method::DELETE, key, Vec::new()).await,
            Self::Directory(root) => match std::fs::remove_file(place(root, key)?) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
                _ => Ok(()),
            },
        }
    }

    /// How long to wait between two looks where nothing happens. A look at a directory costs nothing; one at a bucket is a
    /// request that is paid for, and 15 s are 175,000 of them a month and proxy.
    pub(crate) fn pace(&self) -> Duration {
        match self {
            Self::Bucket(_) => Duration::from_secs(15),
            Self::Directory(_) => Duration::from_secs(1),
        }
    }

    /// Whether the last request was one too many.
    pub(crate) fn is_throttled(&self) -> bool {
        matches!(self, Self::Bucket(bucket) if bucket.throttled > 0)
    }

    /// The pause in place of this one: twice as long for each request in a row that was one too many.
    pub(crate) fn throttled(&self, pause: Duration) -> Duration {
        match self {
            Self::Bucket(bucket) if bucket.throttled > 0 => {
                let longer = pause.saturating_mul(1 << bucket.throttled.min(16));
                longer.min(LONGEST).max(pause)
            }
            _ => pause,
        }
    }
}

impl Bucket {
    fn parse(rest: &str, user: StoreUser) -> Result<Self, String> {
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if name.is_empty() {
            return Err(format!("`s3://{rest}` names no bucket"));
        }
        let prefix = prefix.trim_matches('/');
        let variable = |names: &[&str]| {
            let mut found = names.iter().filter_map(|name| env::var(name).ok());
            found.find(|value| !value.is_empty())
        };
        let region = region();
        let endpoint = variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]);
        let domain = domain(&region);
        let base = match endpoint {
            Some(endpoint) => format!("{}/{name}", endpoint.trim_end_matches('/')),
            // A dot would need a certificate that nobody has.
            None if name.contains('.') => format!("https://s3.{region}.{domain}/{name}"),
            None => format!("https://{name}.s3.{region}.{domain}"),
        };
        Ok(Self {
            name: name.to_owned(),
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
            base,
            region,
            credentials: Credentials::default(),
            user,
            throttled: 0,
        })
    }

    async fn look(&mut self, key: &str, known: Option<&str>) -> Result<ObjectRead, String> {
        let condition = known.map(|known| ("if-none-match", known));
        let answer = self.send(Method::GET, key, condition, Vec::new()).await?;
        match answer.status {
            StatusCode::OK => {
                let etag = answer.header("etag").unwrap_or_default().to_owned();
                Ok(ObjectRead::Found(answer.body.to_vec(), etag))
            }
            StatusCode::NOT_MODIFIED => Ok(ObjectRead::Unchanged),
            StatusCode::NOT_FOUND if !answer.text().contains("<Code>NoSuchBucket<") => {
                Ok(ObjectRead::Missing)
            }
            _ => Err(self.refused("read", key, &answer)),
        }
    }

    async fn change(&mut self, method: Method, key: &str, body: Vec<u8>) -> Result<(), String> {
        // What is to go away may be gone; what is to be written finds no bucket.
        let may_be_missing = method == Method::DELETE;
        let answer = self.send(method, key, None, body).await?;
        if answer.status.is_success() || (may_be_missing && answer.status == StatusCode::NOT_FOUND) {
            return Ok(());
        }
        Err(self.refused("write", key, &answer))
    }

    async fn replace(
        &mut self,
        key: &str,
        bytes: Vec<u8>,
        seen: Option<&str>,
    ) -> Result<Option<String>, String> {
        let condition = match seen {
            Some(version) => ("if-match", version),
            None => ("if-none-match", "*"),
        };
        let answer = self.send(Method::PUT, key, Some(condition), bytes).await?;
        match answer.status {
            status if status.is_success() => Ok(Some(answer.header("etag").unwrap_or_default().to_owned())),
            // Something else is there, another write is under way, or what was seen is gone.
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => Ok(None),
            StatusCode::NOT_FOUND if seen.is_some() => Ok(None),
            _ => Err(self.refused("write", key, &answer)),
        }
    }

    async fn send(
        &mut self,
        method: Method,
        key: &str,
        condition: Option<(&str, &str)>,
        body: Vec<u8>,
    ) -> Result<Response, String> {
        let uri = format!("{}/{}", self.base, encoded(&format!("{}{key}", self.prefix)));
        let mut request = Request::new(method, &uri)?;
        if let Some((name, value)) = condition {
            request = request.header(name, value);
        }
        request.body = body;
        let keys = self.credentials.keys().await?;
        let answer = sign(request, &keys, &self.region, "s3", SystemTime::now())
            .send()
            .await?;
        self.throttled = match is_throttled(answer.status) {
            true => self.throttled.saturating_add(1),
            false => 0,
        };
        if matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST) {
            self.credentials.are_refused();
        }
        Ok(answer)
    }

    /// Which policy a role lacks that was refused.
    fn policy(&self, action: &str) -> String {
        let mut lacks = match self.user {
            StoreUser::Proxy => {
                "; its policy must let this proxy's role read its own prefix and write its own status, as \
                 `meshform policy --proxy` has it"
            }
            StoreUser::Poller => {
                "; its policy must let the poller's role read what is published and write endpoints, as \
                 `meshform policy --endpoints` has it"
            }
        }
        .to_owned();
        // A role that may not list is told 403 of what is not there, too.
        if action == "read" {
            lacks.push_str(
                "; without s3:ListBucket it may also mean that nothing is published or the name is wrong",
            );
        }
        lacks
    }

    /// What an answer that is no success means, and what to do about it.
    fn refused(&self, action: &str, key: &str, answer: &Response) -> String {
        let text = answer.text();
        let field = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once(&format!("</{name}>"))
                .map(|(value, _)| value.to_owned())
        };
        let code = field("Code").unwrap_or_default();
        let place = format!("s3://{}/{}{key}", self.name, self.prefix);
        let mut message = format!(
            "cannot {action} {place}: the bucket answered {} {code}",
            answer.status.as_u16()
        );
        message.truncate(message.trim_end().len());
        let region = answer.header("x-amz-bucket-region").map(str::to_owned);
        let region = region.or_else(|| field("Region"));
        if let Some(region) = region.filter(|region| *region != self.region) {
            message.push_str(&format!(
                "; the bucket is in {region}, but requests were signed for {}: set AWS_REGION",
                self.region
            ));
        }
        if code == "NoSuchBucket" {
            message.push_str("; correct MESHFORM_STORE, or AWS_ENDPOINT_URL_S3 where that is set");
        }
        let theirs = answer.header("date").and_then(time_of);
        let now = SystemTime::now();
        let is_forbidden = answer.status == StatusCode::FORBIDDEN;
        let skewed = theirs.filter(|theirs| is_forbidden && apart(*theirs, now) > Duration::from_secs(300));
        let (kind, told_more) = match skewed {
            Some(theirs) => {
                let show = |time| humantime::format_rfc3339_seconds(time);
                let clocks = format!(
                    "; this machine's clock says {}, the bucket's {}: correct this machine's",
                    show(now),
                    show(theirs)
                );
                (CLOCK, clocks)
            }
            None if UNACCEPTED.contains(&code.as_str()) => (DENIED, CORRECT.to_owned()),
            None if EXPIRED.contains(&code.as_str()) => (DENIED, RENEWED.to_owned()),
            None if is_forbidden => (DENIED, self.policy(action)),
            None => (AWAY, String::new()),
        };
        message.push_str(&told_more);
        told(kind, message)
    }
}

/// The longest pause that a bucket is given which asks for fewer requests.
const LONGEST: Duration = Duration::from_secs(120);

/// What S3 calls credentials that it does not know, or that were not what a request was signed with.
const UNACCEPTED: &[&str] = &["InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"];

const CORRECT: &str =
    "; the bucket does not accept these credentials: correct the access key, its secret or the session token";

/// What S3 calls credentials whose time is over.
const EXPIRED: &[&str] = &["ExpiredToken", "TokenRefreshRequired"];
const RENEWED: &str = "; the credentials have expired, and new ones are requested on each attempt";

fn is_throttled(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    )
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    let after = |one: SystemTime, other| one.duration_since(other).unwrap_or_default();
    after(one, other).max(after(other, one))
}

/// `Sun, 29 Nov 2026 21:30:12 GMT`.
fn time_of(date: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut parts = date.split_whitespace().skip(1);
    let day = parts.next()?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let (year, time) = (parts.next()?, parts.next()?);
    humantime::parse_rfc3339(&format!("{year}-{month:02}-{day:0>2}T{time}Z")).ok()
}

fn place(root: &Path, key: &str) -> Result<PathBuf, String> {
    if is_inside(key) {
        Ok(root.join(key))
    } else {
        Err(format!("`{key}` points outside of the store"))
    }
}

fn look_at_file(root: &Path, key: &str, known: Option<&str>) -> Result<ObjectRead, String> {
    let path = place(root, key)?;
    match std::fs::read(&path) {
        Ok(bytes) => {
            let digest = meshform_bundle::Digest::of(&bytes).to_string();
            if known == Some(digest.as_str()) {
                return Ok(ObjectRead::Unchanged);
            }
            Ok(ObjectRead::Found(bytes, digest))
        }
        // Without its root the store is away, and not without this object.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && root.is_dir() => {
            Ok(ObjectRead::Missing)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(format!(
            "cannot read {}: {} is not there",
            path.display(),
            root.display()
        )),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

fn write_file(root: &Path, key: &str, bytes: &[u8]) -> Result<(), String> {
    let path = place(root, key)?;
    // A directory that is away, such as one that is not mounted, must not come to be by a report.
    if !root.is_dir() {
        return Err(format!(
            "cannot write {}: {} is not there",
            path.display(),
            root.display()
        ));
    }
    let beside = path.with_extension("new");
    let folder = path.parent().unwrap_or(root);
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&beside, bytes))
        .and_then(|()| std::fs::rename(&beside, &path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        format!("cannot write {}: {error}", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_that_the_agent_does_not_read_are_refused_at_once() {
        for text in ["gs://b/p", "az://c/p", "http://x", "s3:///p", "s3:/b/p"] {
            assert!(ObjectSource::parse(text, StoreUser::Proxy).is_err(), "{text}");
        }
        let directory = ObjectSource::parse("/srv/a:/store", StoreUser::Proxy);
        assert!(matches!(directory, Ok(ObjectSource::Directory(_))));
    }

    #[test]
    fn directories_of_another_form_are_told_from_stores() {
        let root = std::env::temp_dir().join(format!("meshform-agent-store-{}", std::process::id()));
        let proxy = ProxyId::virtual_node("apps", "a");
        let why = |path: &Path| ObjectSource::Directory(path.to_owned()).has_no_releases(&proxy);
        let [published, embedded, store] = ["published", "embedded", "store"].map(|name| root.join(name));
        std::fs::create_dir_all(published.join(".meshform")).unwrap();
        std::fs::create_dir_all(&embedded).unwrap();
        std::fs::write(embedded.join("store.db"), "").unwrap();
        std::fs::create_dir_all(store.join("m")).unwrap();
        assert!(
            why(&published)
                .unwrap()
                .contains("/virtualNode/a/bootstrap.json, without an agent")
        );
        assert!(why(&embedded).unwrap().contains("has an embedded store"));
        assert_eq!(why(&store), None);
        // It may be mounted later.
        let away = root.join("away");
        assert_eq!(why(&away), None);
        let told = write_file(&away, "m/apps/status", b"{}").unwrap_err();
        assert!(told.contains("is not there") && !away.exists(), "{told}");
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_bucket_that_asks_for_fewer_requests_gets_fewer_each_time() {
        let mut store = ObjectSource::parse("s3://b/p", StoreUser::Proxy).unwrap();
        let mut paces = Vec::new();
        for throttled in [0, 1, 3, 60] {
            if let ObjectSource::Bucket(bucket) = &mut store {
                bucket.throttled = throttled;
            }
            paces.push([2, 15].map(|pause| store.throttled(Duration::from_secs(pause)).as_secs()));
        }
        assert_eq!(paces, [[2, 15], [4, 30], [16, 120], [120, 120]]);
    }

    #[test]
    fn the_date_of_an_answer_is_read() {
        let read = time_of("Sat, 24 May 2013 00:00:00 GMT").unwrap();
        assert_eq!(read, SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600));
    }
}
