//! A client of the App Mesh API, whoever serves it: signed as AWS's clients sign, with the credentials that they take
//! from the environment.

use crate::io::Io;
use http::{HeaderName, Method, Request, StatusCode};
use meshform_controlplane::auth::Signer;
use meshform_controlplane::codes;
use meshform_model::diag::{Diagnostic, with_causes};
use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::resource::DEFAULT_REGION;
use meshform_store::{Clock as _, SystemClock};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

/// What a name in a path keeps as it is.
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

type Problem = Box<Diagnostic>;

/// A server of the API.
pub(crate) struct Api {
    endpoint: String,
    /// None where nothing is signed.
    signer: Option<Signer>,
    /// Where the signer's key comes from, or would.
    variables: &'static str,
    client: reqwest::Client,
}

impl Api {
    /// The server at an address. Credentials are those of AWS's clients: AWS_ACCESS_KEY_ID and so on; without them nothing
    /// is signed.
    pub(crate) fn new(io: &Io, endpoint: &str) -> Result<Self, Problem> {
        let signer = io.var("AWS_ACCESS_KEY_ID").map(|key| Signer {
            key: key.to_owned(),
            secret: io.var("AWS_SECRET_ACCESS_KEY").unwrap_or_default().to_owned(),
            session: io.var("AWS_SESSION_TOKEN").map(ToOwned::to_owned),
            region: region(io),
        });
        Self::with(
            endpoint,
            signer,
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
        )
    }

    /// The same with a key that is given.
    pub(crate) fn with_key(io: &Io, endpoint: &str, key: String, secret: String) -> Result<Self, Problem> {
        let signer = Signer {
            key,
            secret,
            session: None,
            region: region(io),
        };
        Self::with(endpoint, Some(signer), "MESHFORM_KEY_ID and MESHFORM_KEY_SECRET")
    }

    /// The server at an address, to which nothing is signed.
    pub(crate) fn unsigned(endpoint: &str) -> Result<Self, Problem> {
        Self::with(endpoint, None, "")
    }

    fn with(endpoint: &str, signer: Option<Signer>, variables: &'static str) -> Result<Self, Problem> {
        let client = meshform_store::storage::http::client();
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            signer,
            variables,
            client: client.map_err(|error| refused(endpoint, &error))?,
        })
    }

    /// Asks, and reads the answer.
    pub(crate) async fn ask(&self, method: Method, path: &str) -> Result<Json, Problem> {
        self.send(method, path, String::new()).await
    }

    /// Sends a document, and reads the answer.
    pub(crate) async fn post(&self, path: &str, body: &Json) -> Result<Json, Problem> {
        self.send(Method::POST, path, body.to_string()).await
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Result<Json, Problem> {
        let url = format!("{}{path}", self.endpoint);
        let request = Request::builder().method(method).uri(&url).body(());
        let (mut parts, ()) = request.map_err(|error| refused(&url, &error))?.into_parts();
        let host = parts.uri.authority().map(|authority| authority.to_string());
        let host = host.and_then(|host| host.parse().ok());
        let host = host.ok_or_else(|| refused(&url, &"it names no host"))?;
        parts.headers.insert(http::header::HOST, host);
        if let Some(signer) = &self.signer {
            signer.sign(&mut parts, body.as_bytes(), SystemClock.now());
        }
        let mut request = self.client.request(parts.method, &url).body(body);
        for (name, value) in &parts.headers {
            // The client writes this one itself, and the same.
            if name != HeaderName::from_static("host") {
                request = request.header(name, value);
            }
        }
        let answer = request
            .send()
            .await
            .map_err(|error| refused(&url, &with_causes(&error)))?;
        let status = answer.status();
        let kind = answer.headers().get("x-amzn-errortype").cloned();
        let body = answer
            .bytes()
            .await
            .map_err(|error| refused(&url, &with_causes(&error)))?;
        let json: Option<Json> = serde_json::from_slice(&body).ok();
        match (status.is_success(), json) {
            (true, Some(json)) => Ok(json),
            (true, None) => Err(refused(&url, &"the answer is not JSON")),
            (false, json) => {
                let kind = kind
                    .as_ref()
                    .and_then(|kind| kind.to_str().ok())
                    .unwrap_or("no kind of error");
                let message = json.as_ref().and_then(|json| {
                    let message = json.get("message").or_else(|| json.get("Message"))?;
                    message.as_str()
                });
                let message = message.unwrap_or("without a message");
                let mut refused = refused(&url, &format!("{status}, {kind}: {message}"));
                let is_key = matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED);
                refused.help = (is_key && !self.variables.is_empty()).then(|| {
                    format!(
                        "the key is read from {}; it must be one of this server",
                        self.variables
                    )
                });
                Err(refused)
            }
        }
    }

    /// Every item of a list, page by page. `list` is its name in the answer.
    async fn pages(&self, path: &str, query: &str, list: &str) -> Result<Vec<Json>, Problem> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let next = token.map(|token| format!("&nextToken={}", encoded(&token)));
            let path = format!("{path}?{query}{}", next.unwrap_or_default());
            let mut page = self.ask(Method::GET, &path).await?;
            if let Some(Json::Array(items)) = page.get_mut(list).map(Json::take) {
                all.extend(items);
            }
            token = page
                .get("nextToken")
                .and_then(Json::as_str)
                .map(ToOwned::to_owned);
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    /// Every resource that the server has, as it describes them, with their tags; of one mesh where one is named.
    pub(crate) async fn everything(&self, mesh: Option<&str>) -> Result<Vec<Json>, Problem> {
        let mut all = Vec::new();
        for found in self.pages("/v20190125/meshes", "limit=100", "meshes").await? {
            let name = text(&found, "meshName");
            if mesh.is_some_and(|mesh| mesh != name) {
                continue;
            }
            let owner = format!("meshOwner={}", encoded(&text(&found, "meshOwner")));
            let path = format!("/v20190125/meshes/{}", encoded(&name));
            all.push(self.one(&path, &owner).await?);
            for kind in Kind::Mesh.children().filter(|kind| kind.is_app_mesh()) {
                self.children(&path, kind, &owner, &mut all).await?;
            }
        }
        Ok(all)
    }

    /// The resources of a collection, and what is inside them.
    async fn children(
        &self,
        path: &str,
        kind: Kind,
        owner: &str,
        all: &mut Vec<Json>,
    ) -> Result<(), Problem> {
        let list = kind.plural();
        let collection = format!("{path}/{list}");
        for item in self
            .pages(&collection, &format!("limit=100&{owner}"), &list)
            .await?
        {
            let name = encoded(&text(&item, kind.name_field(Dialect::Api)));
            all.push(self.one(&format!("{collection}/{name}"), owner).await?);
            for inner in kind.children() {
                let path = format!("{path}/{}/{name}", kind.name());
                Box::pin(self.children(&path, inner, owner, all)).await?;
            }
        }
        Ok(())
    }

    async fn one(&self, path: &str, owner: &str) -> Result<Json, Problem> {
        let mut found = self.ask(Method::GET, &format!("{path}?{owner}")).await?;
        let arn = found
            .pointer("/metadata/arn")
            .and_then(Json::as_str)
            .unwrap_or_default();
        let query = format!("resourceArn={}", encoded(arn));
        let tags = self.pages("/v20190125/tags", &query, "tags").await?;
        if let (Json::Object(fields), false) = (&mut found, tags.is_empty()) {
            fields.insert("tags".to_owned(), Json::Array(tags));
        }
        Ok(found)
    }
}

fn region(io: &Io) -> String {
    let region = io.var("AWS_REGION").or_else(|| io.var("AWS_DEFAULT_REGION"));
    region.unwrap_or(DEFAULT_REGION).to_owned()
}

fn text(json: &Json, name: &str) -> String {
    json.get(name)
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NAME).to_string()
}

fn refused(url: &str, why: &dyn std::fmt::Display) -> Problem {
    Box::new(
        Diagnostic::error(codes::API_CLIENT, format!("{url}: {why}"))
            .help("give the address of a server of the App Mesh API, such as `http://127.0.0.1:8080`"),
    )
}
