//! A request as the operations take it: query, body, token.

use super::body;
use super::escape;
use super::operation::{self, NamedResource};
use crate::codes;
use crate::fault::Fault;
use http::request::Parts;
use meshform_model::digest::Digest;
use meshform_model::schema::{self, SchemaNode};
use meshform_model::validate;
use meshform_model::value::Node;
use serde_json::{Map, Value as Json};

/// The parameters of queries that operations have.
const PARAMETERS: [&str; 4] = ["limit", "meshOwner", "nextToken", "resourceArn"];

/// Query and body of a request.
#[derive(Debug)]
pub(crate) struct Input {
    query: Vec<(String, String)>,
    body: Map<String, Json>,
}

impl Input {
    /// Reads them. A body that is empty has no members.
    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Result<Self, Fault> {
        let query = query(parts.uri.query().unwrap_or_default())?;
        let body = match body.iter().all(u8::is_ascii_whitespace) {
            true => Map::new(),
            false => match body::read(body) {
                Ok(Json::Object(members)) => members,
                Ok(_) => return Err(Fault::bad(codes::BAD_REQUEST, "the body is not a JSON object")),
                Err(error) => {
                    let message = match error.is_data() {
                        true => format!("the body: {error}"),
                        false => format!("the body is not JSON: {error}"),
                    };
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
        let digest = Digest::of(asked.as_bytes());
        Ok(Some(format!("{digest} {token}")))
    }
}

/// Refuses what a path names by names that no resource can have.
pub(crate) fn check_names(named: &NamedResource) -> Result<(), Fault> {
    let fields = schema::kind(named.kind).root.object();
    for (name, value) in named.names() {
        let field = fields.and_then(|fields| fields.field(name));
        check(name, field.map(|field| field.node), value)?;
        no_step(name, value)?;
    }
    Ok(())
}

/// Refuses names that the paths of the API cannot have: clients and proxies take them out of a path, with what stands
/// before them.
pub(crate) fn no_step(name: &str, value: &str) -> Result<(), Fault> {
    match value {
        "." | ".." => Err(Fault::bad(
            codes::BAD_REQUEST,
            format!(
                "{name}: `{value}` cannot be a name, because it cannot stand in the path of a URL; choose another"
            ),
        )),
        _ => Ok(()),
    }
}

/// Refuses an account that is none.
pub(crate) fn check_owner(input: &Input) -> Result<(), Fault> {
    const NAME: &str = "meshOwner";
    let Some(owner) = input.query(NAME) else {
        return Ok(());
    };
    let mut all = operation::kinds().filter_map(|kind| schema::kind(kind).root.object()?.field(NAME));
    check(NAME, all.next().map(|field| field.node), owner)
}

/// Refuses a text that its place in the schema does not take.
pub(crate) fn check(name: &str, schema: Option<&SchemaNode>, text: &str) -> Result<(), Fault> {
    let given = Node::from_json(&Json::from(text));
    let problems = schema.map(|schema| validate::against(schema, &given));
    match Fault::of_problems_at(name, &problems.unwrap_or_default()) {
        Some(fault) => Err(fault),
        None => Ok(()),
    }
}

/// Whether two requests carry the same token.
pub(crate) fn same_token(one: &str, other: &str) -> bool {
    match (one.split_once(' '), other.split_once(' ')) {
        (Some((_, one)), Some((_, other))) => one == other,
        _ => false,
    }
}

/// The parameters of a query. Those that no operation has are left alone, as AWS's services do, because tools and proxies add
/// some of their own. One of ours that comes twice is refused: which of the two is meant, nobody knows.
fn query(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let bad = |message: String| Fault::bad(codes::BAD_REQUEST, message);
    let mut query: Vec<(String, String)> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(name).map_err(|why| bad(format!("the name of a parameter of the query {why}")))?;
        let value = decoded(value).map_err(|why| bad(format!("{name}: the value {why}")))?;
        if !PARAMETERS.contains(&name.as_str()) {
            continue;
        }
        if query.iter().any(|(known, _)| *known == name) {
            return Err(bad(format!("{name}: the query has it twice")));
        }
        query.push((name, value));
    }
    Ok(query)
}

fn decoded(text: &str) -> Result<String, String> {
    escape::decoded(&text.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        query(text).unwrap_err().message
    }

    #[test]
    fn a_query_says_each_parameter_once() {
        let read = query("limit=5&meshOwner=1%2B2+3&x-id=ListMeshes&x-id=again&&foo").unwrap();
        let read: Vec<(&str, &str)> = read.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(read, [("limit", "5"), ("meshOwner", "1+2 3")]);
        assert!(refused("limit=5&nextToken=x&limit=5").starts_with("limit: the query has it twice"));
        assert!(refused("limit=5&l%69mit=6").starts_with("limit: "));
        assert!(refused("limit=%zz").starts_with("limit: the value has `%zz`"));
        assert!(refused("foo=1%2").contains("foo: the value has `%2`"));
        assert!(refused("limit=%FF").contains("limit: the value is not UTF-8"));
    }
}
