//! A server with the part of Azure Blob Storage's interface that the store uses, written from its documentation
//! (<https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api>): blobs on conditions, lists in pages,
//! deletes in batches, requests signed by the account's key, by a shared signature, or with a token.

use crate::blobs::{BUCKET, Blobs, Item, Wanted, http_date, refused, xml};
use crate::desk::{Answer, Asked, Desk, decoded, pairs};
use crate::server::now;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use serde_json::json;
use std::sync::Arc;

pub(crate) const ACCOUNT: &str = "meshaccount";
/// Its key: any bytes.
pub(crate) const KEY: &str = "YS1rZXktZm9yLXRlc3RzLWEta2V5LWZvci10ZXN0cw==";
/// The account of the emulator, and its key, which everybody knows.
const EMULATOR: (&str, &str) = (
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
);
/// A shared signature, and the one part of it that is secret.
pub(crate) const SAS: &str = "sv=2023-11-03&sr=c&sp=rwdl&se=2100-01-01T00%3A00%3A00Z&sig=";
pub(crate) const SIG: &str = "c2lnbmF0dXJlLWZvci10ZXN0cw%3D%3D";
/// A token that is taken.
pub(crate) const TOKEN: &str = "eyJ0eXAi.a-token-for-tests";
/// What a workload shows to get it.
pub(crate) const ASSERTION: &str = "eyJhbGci.an-assertion-for-tests";
/// What an application shows to get it.
pub(crate) const SECRET: &str = "an-applications-secret-for-tests";

pub(crate) struct Azure {
    pub(crate) desk: Desk,
    pub(crate) blobs: Arc<Blobs>,
}

impl Azure {
    /// As it is today.
    pub(crate) fn start() -> Self {
        Self::heeding_start(true)
    }

    /// Older versions do not know `startFrom`, and list from the beginning.
    pub(crate) fn heeding_start(heeds: bool) -> Self {
        let blobs: Arc<Blobs> = Arc::default();
        let held = Arc::clone(&blobs);
        let desk = Desk::start(move |asked| answer(&held, heeds, asked));
        Self { desk, blobs }
    }
}

/// Entra ID, for a workload's identity and an application's.
pub(crate) fn entra() -> Desk {
    Desk::start(|asked| {
        let form = pairs(std::str::from_utf8(&asked.body).unwrap());
        let is = |name: &str, value: &str| form.get(name).is_some_and(|found| found == value);
        let right = (asked.method.as_str(), asked.path.as_str()) == ("POST", "/the-tenant/oauth2/v2.0/token")
            && is("client_id", "the-client")
            && is("grant_type", "client_credentials")
            && is("scope", "https://storage.azure.com/.default")
            && (is("client_secret", SECRET)
                || is(
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                ) && is("client_assertion", ASSERTION));
        if !right {
            let error = json!({"error": "invalid_client", "error_description": "AADSTS700016"});
            return Answer::new(401, error.to_string());
        }
        let token = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN});
        Answer::new(200, token.to_string())
    })
}

/// What gives out a machine's identity, as App Service has it.
pub(crate) fn identity() -> Desk {
    Desk::start(|asked| {
        let right = (asked.method.as_str(), asked.path.as_str()) == ("GET", "/msi/token")
            && asked.header("metadata") == "true"
            && asked.header("x-identity-header") == SIG
            && asked.parameter("api-version") == "2019-08-01"
            && asked.parameter("resource") == "https://storage.azure.com";
        if !right {
            return Answer::new(400, json!({"error": "invalid_request"}).to_string());
        }
        let until = (now().0 / 1000 + 3600).to_string();
        let token = json!({"access_token": TOKEN, "expires_on": until, "token_type": "Bearer"});
        Answer::new(200, token.to_string())
    })
}

fn answer(blobs: &Blobs, heeds_start: bool, asked: &Asked) -> Answer {
    if let Some(answer) = blobs.fault(asked) {
        return answer;
    }
    if let Err(refusal) = known(asked) {
        return refusal;
    }
    // The emulator's account stands in the path, a real one in the host.
    let path = asked.path.trim_start_matches('/');
    let path = path.strip_prefix(EMULATOR.0).unwrap_or(path);
    let path = decoded(path.trim_start_matches('/'));
    let (container, name) = path.split_once('/').unwrap_or((&path, ""));
    if container != BUCKET {
        return refused(
            404,
            "ContainerNotFound",
            "The specified container does not exist.",
        );
    }
    match (asked.method.as_str(), name, asked.parameter("comp")) {
        ("GET", "", "list") => list(blobs, heeds_start, asked),
        ("POST", "", "batch") => batch(blobs, asked),
        ("GET" | "HEAD", name, "") if !name.is_empty() => match blobs.get(name) {
            Some(blob) => Answer::new(200, blob.bytes.clone())
                .with("etag", blob.etag())
                .with("last-modified", http_date(blob.modified))
                .with("x-ms-blob-type", "BlockBlob"),
            None => refused(404, "BlobNotFound", "The specified blob does not exist."),
        },
        ("PUT", name, "") if !name.is_empty() => put(blobs, name, asked),
        _ => refused(
            400,
            "InvalidUri",
            "The requested URI does not represent any resource.",
        ),
    }
}

fn put(blobs: &Blobs, name: &str, asked: &Asked) -> Answer {
    if asked.header("x-ms-blob-type") != "BlockBlob" {
        return refused(
            400,
            "MissingRequiredHeader",
            "An HTTP header that's mandatory is missing.",
        );
    }
    let only_new = asked.header("if-none-match") == "*";
    let written = blobs.put(name, asked.body.clone(), |there| !only_new || there.is_none());
    match written {
        Some(blob) => Answer::new(201, "")
            .with("etag", blob.etag())
            .with("last-modified", http_date(blob.modified)),
        None => refused(409, "BlobAlreadyExists", "The specified blob already exists."),
    }
}

fn list(blobs: &Blobs, heeds_start: bool, asked: &Asked) -> Answer {
    let of = |name| asked.query.get(name).map(String::as_str);
    let start = of("startFrom").filter(|_| heeds_start);
    let (items, next) = blobs.page(&Wanted {
        prefix: asked.parameter("prefix"),
        delimiter: asked.parameter("delimiter"),
        after: None,
        from: of("marker").or(start),
    });
    let parts = items.iter().map(|item| match item {
        Item::Blob(name, blob) => format!(
            "<Blob><Name>{}</Name><Properties><Last-Modified>{}</Last-Modified><Etag>{}</Etag>\
             <Content-Length>{}</Content-Length><Content-Type>application/octet-stream</Content-Type>\
             <BlobType>BlockBlob</BlobType></Properties></Blob>",
            xml(name),
            http_date(blob.modified),
            blob.etag().trim_matches('"'),
            blob.bytes.len()
        ),
        Item::Prefix(name) => format!("<BlobPrefix><Name>{}</Name></BlobPrefix>", xml(name)),
    });
    let parts: String = parts.collect();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"{BUCKET}\">\
         <Blobs>{parts}</Blobs><NextMarker>{}</NextMarker></EnumerationResults>",
        xml(&next.unwrap_or_default())
    );
    Answer::new(200, text).with("content-type", "application/xml")
}

/// Many deletes in one request, each authorised by itself.
fn batch(blobs: &Blobs, asked: &Asked) -> Answer {
    let boundary = asked
        .header("content-type")
        .strip_prefix("multipart/mixed; boundary=");
    let Some(boundary) = boundary else {
        return refused(
            400,
            "InvalidHeaderValue",
            "The value for one of the HTTP headers is not right.",
        );
    };
    let boundary = format!("--{boundary}");
    let text = std::str::from_utf8(&asked.body).unwrap();
    let mut answers = String::new();
    let parts = text
        .split(boundary.as_str())
        .filter_map(|part| part.split_once("\r\n\r\n"));
    for (part, request) in parts {
        let part = headers(part);
        let (line, rest) = request.split_once("\r\n").unwrap();
        let mut words = line.split(' ');
        let mut inner = Asked {
            method: words.next().unwrap().to_owned(),
            headers: headers(rest),
            ..Asked::default()
        };
        let path = words.next().unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        inner.path = path.to_owned();
        inner.query = pairs(query);
        let name = path.trim_start_matches('/').trim_start_matches(EMULATOR.0);
        let name = decoded(name.trim_start_matches('/'));
        let name = name.strip_prefix(&format!("{BUCKET}/")).unwrap_or_default();
        let status = if inner.method != "DELETE" {
            "400 Only deletes are here"
        } else if known(&inner).is_err() {
            "403 Server failed to authenticate the request."
        } else if blobs.delete(name) {
            "202 Accepted"
        } else {
            "404 The specified blob does not exist."
        };
        answers.push_str(&format!(
            "--answers\r\nContent-Type: application/http\r\nContent-ID: {}\r\n\r\n\
             HTTP/1.1 {status}\r\nx-ms-version: 2023-11-03\r\n\r\n",
            part["content-id"]
        ));
    }
    answers.push_str("--answers--\r\n");
    Answer::new(202, answers).with("content-type", "multipart/mixed; boundary=answers")
}

fn headers(text: &str) -> std::collections::BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect()
}

/// Whether the request may be made, by whichever of the three ways it takes.
fn known(asked: &Asked) -> Result<(), Answer> {
    let authorization = asked.header("authorization");
    let failed = || {
        let message = "Server failed to authenticate the request. Make sure the value of the Authorization header is \
                       formed correctly including the signature.";
        Err(refused(403, "AuthenticationFailed", message))
    };
    if asked.query.contains_key("sig") {
        let right = pairs(&format!("{SAS}{SIG}"));
        let given = right.iter().all(|(name, value)| asked.parameter(name) == value);
        return if given { Ok(()) } else { failed() };
    }
    let right = match authorization.split_once(' ') {
        Some(("Bearer", token)) => token == TOKEN,
        Some(("SharedKey", signed)) => [(ACCOUNT, KEY), EMULATOR]
            .into_iter()
            .any(|(account, key)| signed == format!("{account}:{}", signature(asked, account, key))),
        _ => {
            let message = "Server failed to authenticate the request.";
            return Err(refused(401, "NoAuthenticationInformation", message));
        }
    };
    if right && !asked.header("x-ms-version").is_empty() {
        Ok(())
    } else {
        failed()
    }
}

/// <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>
fn signature(asked: &Asked, account: &str, key: &str) -> String {
    let date = if asked.headers.contains_key("x-ms-date") {
        ""
    } else {
        asked.header("date")
    };
    let length = match asked.header("content-length") {
        "0" => "",
        length => length,
    };
    let standard = [
        asked.method.as_str(),
        asked.header("content-encoding"),
        asked.header("content-language"),
        length,
        asked.header("content-md5"),
        asked.header("content-type"),
        date,
        asked.header("if-modified-since"),
        asked.header("if-match"),
        asked.header("if-none-match"),
        asked.header("if-unmodified-since"),
        asked.header("range"),
    ]
    .join("\n");
    let own = asked.headers.iter().filter(|(name, _)| name.starts_with("x-ms-"));
    let own: String = own.map(|(name, value)| format!("{name}:{value}\n")).collect();
    let query = asked.query.iter();
    let query: String = query
        .map(|(name, value)| format!("\n{}:{value}", name.to_lowercase()))
        .collect();
    let text = format!("{standard}\n{own}/{account}{}{query}", asked.path);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64_STANDARD.decode(key).unwrap());
    BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}
