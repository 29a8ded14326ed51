//! Login with an identity of AWS: a client signs a request for STS's `GetCallerIdentity` and does not send it; this server
//! sends it to STS, whose answer says whose signature it is. No secret of AWS's comes here, and only AWS checks it.
//!
//! The request is for one server: its name stands in a header that is signed, so that whoever is given a request for one
//! server cannot log in to another with it.

use super::sigv4::{Authorization, SKEW, Signer, moment};
use crate::codes;
use crate::fault::{Fault, FaultKind};
use http::HeaderValue;
use meshform_model::arn::Arn;
use meshform_model::diag::{Diagnostic, with_causes};
use meshform_store::Timestamp;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value as Json, json};

/// The whole body of the request, whoever asks.
const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// The header that names the server that the request is for.
const SERVER: &str = "x-meshform-server";
/// The headers that come from the client. All else of the request is this server's.
const HEADERS: [&str; 4] = ["authorization", "x-amz-date", "x-amz-security-token", SERVER];
/// Where the name stands in STS's answer.
const ARN: [&str; 3] = ["GetCallerIdentityResponse", "GetCallerIdentityResult", "Arn"];
/// The longest answer that is read.
const ANSWER: usize = 64 << 10;

/// Where identities of AWS are asked for, and under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name of this server in requests to log in: the host, with its port where it has one, by which clients call it.
    pub server: String,
    /// The address of STS.
    pub sts: String,
}

/// STS in every region of AWS's commercial partition; it is called as in us-east-1.
pub const STS: &str = "https://sts.amazonaws.com";

/// Asks STS who has signed.
#[derive(Debug)]
pub(crate) struct Identities {
    login: Login,
    client: reqwest::Client,
}

/// What a client sends to log in to a server, which will ask this STS.
///
/// # Errors
/// When that is no address of STS.
pub fn login(signer: &Signer, login: &Login, now: Timestamp) -> Result<Json, Box<Diagnostic>> {
    let request = http::Request::builder()
        .method("POST")
        .uri(format!("{}/", login.sts));
    let request = request
        .header("host", host(&login.sts)?)
        .header("content-type", CONTENT_TYPE);
    let request = request.header(SERVER, &login.server).body(());
    let (mut parts, ()) = request.map_err(|error| wrong(&login.sts, &error))?.into_parts();
    signer.sign_for("sts", &mut parts, BODY.as_bytes(), now);
    let headers: Map<String, Json> = HEADERS
        .iter()
        .filter_map(|name| {
            Some((
                (*name).to_owned(),
                parts.headers.get(*name)?.to_str().ok()?.into(),
            ))
        })
        .collect();
    Ok(json!({ "headers": headers }))
}

/// The region that signatures for an STS name: `https://sts.eu-west-1.amazonaws.com` is in eu-west-1.
pub fn region(sts: &str) -> &str {
    let host = sts.split_once("://").map_or(sts, |(_, rest)| rest);
    match host.split('.').collect::<Vec<_>>().as_slice() {
        ["sts", region, "amazonaws", ..] => region,
        _ => "us-east-1",
    }
}

impl Identities {
    pub(crate) fn new(login: Login) -> Result<Self, Box<Diagnostic>> {
        host(&login.sts)?;
        let client = meshform_store::storage::http::client();
        Ok(Self {
            client: client.map_err(|error| wrong(&login.sts, &error))?,
            login,
        })
    }

    /// Whose signature a request to log in has: the ARN that STS says.
    pub(crate) async fn ask(&self, body: &[u8], now: Timestamp) -> Result<String, Fault> {
        let headers = self.headers(body, now)?;
        let url = format!("{}/", self.login.sts);
        let mut request = self
            .client
            .post(&url)
            .header("content-type", CONTENT_TYPE)
            .body(BODY);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let unreached = |why: &dyn std::fmt::Display| {
            let message = format!("STS at {url} cannot be reached: {why}");
            Fault::new(FaultKind::ServiceUnavailable, codes::STS, message)
        };
        let mut answer = request
            .send()
            .await
            .map_err(|error| unreached(&with_causes(&error)))?;
        let status = answer.status();
        let mut text = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| unreached(&with_causes(&error)))?
        {
            text.extend_from_slice(&chunk);
            if text.len() > ANSWER {
                return Err(unreached(&"its answer is too long"));
            }
        }
        let text = String::from_utf8(text).map_err(|error| unreached(&error))?;
        if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
            return Err(unreached(&status));
        }
        if !status.is_success() {
            let why = value(&text, &["ErrorResponse", "Error", "Message"]);
            let message = format!(
                "STS rejects the signature ({status}): {}",
                why.as_deref().unwrap_or("it does not say why")
            );
            return Err(refused(FaultKind::InvalidSignature, message));
        }
        let arn = value(&text, &ARN).filter(|arn| arn.starts_with("arn:"));
        arn.ok_or_else(|| unreached(&"its answer names no identity"))
    }

    /// The headers that STS is to see, of a request that is for this server.
    fn headers(&self, body: &[u8], now: Timestamp) -> Result<Vec<(&'static str, HeaderValue)>, Fault> {
        let bad = |message: &str| Fault::bad(codes::LOGIN, message);
        let given: Json = serde_json::from_slice(body).map_err(|_| bad("the body is not JSON"))?;
        let given = given.get("headers").and_then(Json::as_object);
        let given = given.ok_or_else(|| bad("headers: an object whose values are strings is expected"))?;
        let text = |name: &str| given.get(name).and_then(Json::as_str);
        let authorization = text("authorization").unwrap_or_default();
        let authorization = Authorization::read(authorization)?;
        let invalid = |message: String| refused(FaultKind::InvalidSignature, message);
        let [_, _, service, _] = authorization.scope;
        if service != "sts" {
            return Err(invalid(format!(
                "the request is signed for `{service}`, not for `sts`"
            )));
        }
        let unsigned = HEADERS.iter().skip(1).filter(|name| given.contains_key(**name));
        let needed = ["host", "x-amz-date", SERVER].iter().chain(unsigned);
        if let Some(missing) = needed
            .into_iter()
            .find(|name| !authorization.signed.contains(*name))
        {
            return Err(invalid(format!("the header `{missing}` is not signed")));
        }
        let server = text(SERVER).unwrap_or_default();
        if server != self.login.server {
            return Err(invalid(format!(
                "the request is for the server `{server}`, and this is `{}`",
                self.login.server
            )));
        }
        let at = moment(text("x-amz-date").unwrap_or_default());
        if at.is_none_or(|at| (at - now.0).abs() > SKEW) {
            let message = format!(
                "the request was signed more than five minutes before or after this server's time, {now}"
            );
            return Err(Fault::new(FaultKind::InvalidSignature, codes::CLOCK, message));
        }
        let all = HEADERS.iter().filter_map(|name| Some((*name, text(name)?)));
        all.map(|(name, text)| match HeaderValue::from_str(text) {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(bad("headers: a value has characters that a header cannot have")),
        })
        .collect()
    }
}

/// The principal of an ARN that STS gives: of a session of a role, the role. Sessions of roles below a path are of
/// `role/NAME` too, since STS does not say the path.
pub(crate) fn principal(arn: &str) -> String {
    let Some(parts) = Arn::parse(arn).filter(|parts| parts.service == "sts") else {
        return arn.to_owned();
    };
    let mut names = parts.resource.split('/');
    let role = match (names.next(), names.next()) {
        (Some("assumed-role"), Some(role)) => format!("role/{role}"),
        _ => return arn.to_owned(),
    };
    let role = Arn {
        service: "iam",
        region: "",
        resource: &role,
        ..parts
    };
    role.to_string()
}

/// The text at a place of a document of XML; none where it is not whole.
fn value(text: &str, place: &[&str]) -> Option<String> {
    let mut reader = Reader::from_str(text);
    let (mut at, mut found): (Vec<String>, Option<String>) = (Vec::new(), None);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => at.push(String::from_utf8(start.local_name().as_ref().to_vec()).ok()?),
            Event::End(_) => drop(at.pop()?),
            Event::Text(text) if at == place && found.is_none() => {
                found = Some(text.decode().ok()?.trim().to_owned());
            }
            Event::Eof => return found.filter(|_| at.is_empty()),
            _ => {}
        }
    }
}

/// The host of an STS. Whoever answers in its place lets anybody in, so it is called by TLS; without it on this machine alone.
fn host(sts: &str) -> Result<String, Box<Diagnostic>> {
    let uri: http::Uri = sts.parse().map_err(|error| wrong(sts, &error))?;
    let is_here = |host: &str| {
        let address = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    };
    let is_safe = match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => is_here(host),
        _ => false,
    };
    match uri
        .authority()
        .filter(|_| is_safe && uri.path() == "/" && uri.query().is_none())
    {
        Some(host) => Ok(host.to_string()),
        None => Err(wrong(sts, &"it is not `https://HOST`")),
    }
}

fn wrong(sts: &str, why: &dyn std::fmt::Display) -> Box<Diagnostic> {
    let message = format!("`{sts}` is not a valid address of STS: {why}");
    let help = format!("write one such as `{STS}` or `https://sts.eu-west-1.amazonaws.com`");
    Box::new(Diagnostic::error(codes::SETTINGS, message).help(help))
}

fn refused(kind: FaultKind, message: String) -> Fault {
    Fault::new(kind, codes::LOGIN, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_953_600_000);

    fn identities(server: &str) -> Identities {
        Identities::new(Login {
            server: server.to_owned(),
            sts: STS.to_owned(),
        })
        .unwrap()
    }

    fn signed(server: &str) -> Json {
        let signer = Signer {
            key: "AKIAEXAMPLE".to_owned(),
            secret: "secret".to_owned(),
            session: Some("token".to_owned()),
            region: "us-east-1".to_owned(),
        };
        let of = Login {
            server: server.to_owned(),
            sts: STS.to_owned(),
        };
        login(&signer, &of, NOW).unwrap()
    }

    #[test]
    fn a_request_is_for_one_server_and_all_of_it_is_signed() {
        let ours = identities("mesh.example.org");
        let headers = |body: &Json| ours.headers(body.to_string().as_bytes(), NOW);
        let whole = signed("mesh.example.org");
        assert_eq!(headers(&whole).unwrap().len(), 4);
        let other = headers(&signed("mesh.example.com")).unwrap_err();
        assert!(other.message.contains("`mesh.example.com`") && other.message.contains("MF0824"));
        let authorization = whole["headers"]["authorization"].as_str().unwrap().to_owned();
        for (from, to, expected) in [
            ("host;", "", "`host` is not signed"),
            (";x-meshform-server", "", "`x-meshform-server` is not signed"),
            (
                ";x-amz-security-token",
                "",
                "`x-amz-security-token` is not signed",
            ),
            ("/sts/", "/appmesh/", "signed for `appmesh`"),
        ] {
            let mut changed = whole.clone();
            changed["headers"]["authorization"] = authorization.replace(from, to).into();
            let message = headers(&changed).unwrap_err().message;
            assert!(message.contains(expected), "{message}");
        }
        let late = ours.headers(whole.to_string().as_bytes(), Timestamp(NOW.0 + SKEW + 1));
        assert!(late.unwrap_err().message.contains("MF1010"));
        for body in [
            json!([]),
            json!({"headers": []}),
            json!({"headers": {"authorization": 1}}),
        ] {
            assert!(headers(&body).is_err(), "{body}");
        }
        let mut more = whole.clone();
        more["headers"]["accept"] = "application/json".into();
        let names: Vec<_> = headers(&more)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, HEADERS, "nothing else comes from the client");
    }

    #[test]
    fn the_role_of_a_session_is_who_is_let_in() {
        for (arn, expected) in [
            (
                "arn:aws:sts::123456789012:assumed-role/web/i-1",
                "arn:aws:iam::123456789012:role/web",
            ),
            (
                "arn:aws-cn:sts::123456789012:assumed-role/web/a/b",
                "arn:aws-cn:iam::123456789012:role/web",
            ),
            (
                "arn:aws:iam::123456789012:user/team/ann",
                "arn:aws:iam::123456789012:user/team/ann",
            ),
            (
                "arn:aws:sts::123456789012:federated-user/ann",
                "arn:aws:sts::123456789012:federated-user/ann",
            ),
            ("arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:root"),
        ] {
            assert_eq!(principal(arn), expected);
        }
        assert_eq!(region("https://sts.eu-west-1.amazonaws.com"), "eu-west-1");
        assert_eq!(region(STS), "us-east-1");
        assert_eq!(region("http://127.0.0.1:8080"), "us-east-1");
        for sts in [
            "http://sts.amazonaws.com",
            "https://sts.amazonaws.com/x",
            "sts.amazonaws.com",
            "http://[::2]:1",
        ] {
            assert!(host(sts).is_err(), "{sts}");
        }
        assert_eq!(host("http://[::1]:1").unwrap(), "[::1]:1");
    }

    #[test]
    fn the_name_is_read_at_its_place_alone() {
        let answer = |inner: &str| {
            format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">{inner}\
                 <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
            )
        };
        let good =
            answer("<GetCallerIdentityResult>\n <Arn>arn:aws:iam::1:user/a</Arn></GetCallerIdentityResult>");
        assert_eq!(value(&good, &ARN).as_deref(), Some("arn:aws:iam::1:user/a"));
        for text in [
            answer("<Arn>arn:aws:iam::1:user/a</Arn>"),
            answer("<GetCallerIdentityResult><UserId><Arn>arn:x</Arn></UserId></GetCallerIdentityResult>"),
            good.replace("</GetCallerIdentityResponse>", ""),
            "{\"Arn\": \"arn:x\"}".to_owned(),
            String::new(),
        ] {
            assert_eq!(value(&text, &ARN), None, "{text}");
        }
    }
}
