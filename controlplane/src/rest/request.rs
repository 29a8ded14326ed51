//! A request as the operations take it: query, body, token.

use crate::codes;
use crate::fault::Fault;
use http::request::Parts;
use meshform_model::kind::Kind;
use meshform_model::schema;
use percent_encoding::percent_decode_str;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value as Json};

/// Query and body of a request.
#[derive(Debug)]
pub(crate) struct Input {
    query: Vec<(String, String)>,
    body: Map<String, Json>,
}

impl Input {
    /// Reads them. A body that is empty has no members.
    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Result<Self, Fault> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decoded(name)?, decoded(value)?))
            })
            .collect::<Result<_, Fault>>()?;
        let body = match body.iter().all(u8::is_ascii_whitespace) {
            true => Map::new(),
            false => match serde_json::from_slice(body) {
                Ok(Json::Object(members)) => members,
                Ok(_) => return Err(Fault::bad(codes::BAD_REQUEST, "the body is not a JSON object")),
                Err(error) => {
                    let message = format!("the body is not JSON: {error}");
                    return Err(Fault::bad(codes::BAD_REQUEST, message));
                }
            },
        };
        Ok(Self { query, body })
    }

    /// A parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A member of the body; null is none.
    pub(crate) fn member(&self, name: &str) -> Option<&Json> {
        self.body.get(name).filter(|value| !value.is_null())
    }

    /// Refuses members of the body that the operation does not have.
    pub(crate) fn only(&self, members: &[&str]) -> Result<(), Fault> {
        match self.body.keys().find(|name| !members.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let message = format!(
                    "{name}: the operation has no such member; it has {}",
                    members.join(", ")
                );
                Err(Fault::bad(codes::BAD_REQUEST, message))
            }
        }
    }

    /// A member of the body that is a text and must be there.
    pub(crate) fn text(&self, name: &str) -> Result<&str, Fault> {
        match self.member(name) {
            Some(Json::String(text)) => Ok(text),
            Some(_) => Err(Fault::bad(
                codes::BAD_REQUEST,
                format!("{name}: a string is expected"),
            )),
            None => Err(Fault::bad(codes::BAD_REQUEST, format!("{name}: it is missing"))),
        }
    }

    /// What the record keeps of the request: the client's token, and a digest of everything else that was asked. None
    /// where the client names no token.
    pub(crate) fn request(&self, operation: &str, path: &str) -> Result<Option<String>, Fault> {
        if self.member("clientToken").is_none() {
            return Ok(None);
        }
        let token = self.text("clientToken")?;
        let mut asked = self.body.clone();
        asked.remove("clientToken");
        let asked = format!("{operation}\n{path}\n{}", Json::Object(asked));
        let digest = digest(&SHA256, asked.as_bytes());
        let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Some(format!("{digest} {token}")))
    }
}

/// The member of the body that names a new resource of a kind.
pub(crate) fn name_field(kind: Kind) -> &'static str {
    schema::kind(kind).key.last().map_or("name", String::as_str)
}

/// Whether two requests carry the same token.
pub(crate) fn same_token(one: &str, other: &str) -> bool {
    match (one.split_once(' '), other.split_once(' ')) {
        (Some((_, one)), Some((_, other))) => one == other,
        _ => false,
    }
}

fn decoded(text: &str) -> Result<String, Fault> {
    let text = text.replace('+', " ");
    match percent_decode_str(&text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(Fault::bad(codes::BAD_REQUEST, "the query is not UTF-8")),
    }
}
