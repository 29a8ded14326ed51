//! A server with the part of Google Cloud Storage's XML interface that the store uses, written from its documentation
//! (<https://cloud.google.com/storage/docs/xml-api/reference-methods>): objects on preconditions of their generation,
//! lists in pages, tokens and signed claims.

use crate::blobs::{BUCKET, Blobs, Item, Wanted, http_date, refused, xml};
use crate::desk::{Answer, Asked, Desk, decoded};
use crate::server::now;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::sync::Arc;

/// A token that is taken, however it was come by.
pub(crate) const TOKEN: &str = "ya29.a-token-for-tests";
const EMAIL: &str = "meshes@tests.iam.gserviceaccount.com";
/// A line of the service account's key.
pub(crate) const KEY_LINE: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDRFmeQDYjM9P98";
/// Made for this test.
const KEY: &str = include_str!("account.pem");

pub(crate) struct Google {
    pub(crate) desk: Desk,
    pub(crate) blobs: Arc<Blobs>,
}

impl Google {
    pub(crate) fn start() -> Self {
        let blobs: Arc<Blobs> = Arc::default();
        let held = Arc::clone(&blobs);
        let desk = Desk::start(move |asked| answer(&held, asked));
        Self { desk, blobs }
    }

    /// The file of a service account.
    pub(crate) fn service_account() -> Value {
        json!({
            "type": "service_account",
            "project_id": "tests",
            "private_key_id": "1",
            "private_key": KEY,
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": "https://oauth2.googleapis.com/token",
        })
    }
}

/// How a request says whose it is.
pub(crate) fn way(authorization: &str) -> String {
    let token = authorization.trim_start_matches("Bearer ");
    if token == TOKEN {
        return "token".to_owned();
    }
    let header = BASE64_URL_SAFE_NO_PAD
        .decode(token.split('.').next().unwrap())
        .unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    format!("claims by the key {}", header["kid"].as_str().unwrap())
}

/// The metadata service of a machine.
pub(crate) fn metadata() -> Desk {
    Desk::start(|asked| {
        let path = "/computeMetadata/v1/instance/service-accounts/default/token";
        if asked.header("metadata-flavor") != "Google" {
            return Answer::new(403, "");
        }
        if asked.path != path {
            return Answer::new(404, "");
        }
        let token = json!({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"});
        Answer::new(200, token.to_string())
    })
}

fn answer(blobs: &Blobs, asked: &Asked) -> Answer {
    if let Some(answer) = blobs.fault(asked) {
        return answer;
    }
    if !is_known(asked.header("authorization")) {
        return refused(401, "AuthenticationRequired", "Authentication required.");
    }
    let path = decoded(asked.path.trim_start_matches('/'));
    let (bucket, name) = path.split_once('/').unwrap_or((&path, ""));
    if bucket != BUCKET {
        return refused(404, "NoSuchBucket", "The specified bucket does not exist.");
    }
    match asked.method.as_str() {
        "GET" if name.is_empty() => list(blobs, asked),
        "GET" | "HEAD" => match blobs.get(name) {
            Some(blob) => Answer::new(200, blob.bytes.clone())
                .with("etag", blob.etag())
                .with("last-modified", http_date(blob.modified))
                .with("x-goog-generation", blob.generation.to_string()),
            None => no_such_key(),
        },
        "PUT" => put(blobs, name, asked),
        "DELETE" if blobs.delete(name) => Answer::new(204, ""),
        "DELETE" => no_such_key(),
        _ => refused(405, "MethodNotAllowed", "The specified method is not allowed."),
    }
}

fn no_such_key() -> Answer {
    refused(404, "NoSuchKey", "The specified key does not exist.")
}

fn put(blobs: &Blobs, name: &str, asked: &Asked) -> Answer {
    let wanted: Option<u64> = asked
        .headers
        .get("x-goog-if-generation-match")
        .map(|text| text.parse().unwrap());
    let written = blobs.put(name, asked.body.clone(), |there| {
        // The generation of what is not there is 0.
        wanted.is_none_or(|wanted| there.map_or(0, |blob| blob.generation) == wanted)
    });
    match written {
        Some(blob) => Answer::new(200, "")
            .with("etag", blob.etag())
            .with("x-goog-generation", blob.generation.to_string()),
        None => refused(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold.",
        ),
    }
}

fn list(blobs: &Blobs, asked: &Asked) -> Answer {
    if asked.parameter("list-type") != "2" {
        return refused(400, "InvalidArgument", "Only the second version is here.");
    }
    let of = |name| asked.query.get(name).map(String::as_str);
    let (items, next) = blobs.page(&Wanted {
        prefix: asked.parameter("prefix"),
        delimiter: asked.parameter("delimiter"),
        after: of("start-after"),
        from: of("continuation-token"),
    });
    let parts = items.iter().map(|item| match item {
        Item::Blob(name, blob) => format!(
            "<Contents><Key>{}</Key><Generation>{}</Generation><LastModified>{}</LastModified><ETag>{}</ETag>\
             <Size>{}</Size></Contents>",
            xml(name),
            blob.generation,
            blob.modified,
            blob.etag(),
            blob.bytes.len()
        ),
        Item::Prefix(name) => format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", xml(name)),
    });
    let parts: String = parts.collect();
    let more = next.is_some();
    let next = next.map(|name| format!("<NextContinuationToken>{}</NextContinuationToken>", xml(&name)));
    let text = format!(
        "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'>\
         <Name>{BUCKET}</Name><IsTruncated>{more}</IsTruncated>{}{parts}</ListBucketResult>",
        next.unwrap_or_default()
    );
    Answer::new(200, text).with("content-type", "application/xml")
}

/// Whether it is the token, or claims that the service account signed and that still hold.
fn is_known(authorization: &str) -> bool {
    match authorization.strip_prefix("Bearer ") {
        Some(TOKEN) => true,
        Some(token) => signed_claims(token).is_some_and(|claims| {
            let number = |name: &str| claims[name].as_i64().unwrap_or_default() * 1000;
            claims["iss"] == EMAIL
                && claims["sub"] == EMAIL
                && claims["scope"]
                    .as_str()
                    .is_some_and(|scope| scope.ends_with("/auth/cloud-platform"))
                && number("iat") <= now().0
                && number("exp") > now().0
        }),
        None => false,
    }
}

fn signed_claims(token: &str) -> Option<Value> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let of = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    let header: Value = serde_json::from_slice(&of(header)?).ok()?;
    if header["alg"] != "RS256" {
        return None;
    }
    let pair = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(pair.secret_der()).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
        .verify(message.as_bytes(), &of(signature)?)
        .ok()?;
    serde_json::from_slice(&of(claims)?).ok()
}
