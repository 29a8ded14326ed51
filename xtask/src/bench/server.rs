//! A small server with the shapes of the App Mesh API, for the provider that these resources came from: it keeps what
//! it is given, in memory, and answers with it. It checks nothing.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use crate::failure::{Failure, Result};

const VERSION: &str = "/v20190125/";
const ACCOUNT: &str = "000000000000";
/// A collection in a path, what names a resource in it, and what stands for it in paths and ARNs.
const KINDS: [(&str, &str, &str); 7] = [
    ("meshes", "meshName", "mesh"),
    ("virtualNodes", "virtualNodeName", "virtualNode"),
    ("virtualRouters", "virtualRouterName", "virtualRouter"),
    ("virtualServices", "virtualServiceName", "virtualService"),
    ("virtualGateways", "virtualGatewayName", "virtualGateway"),
    ("routes", "routeName", "route"),
    ("gatewayRoutes", "gatewayRouteName", "gatewayRoute"),
];

/// A resource by the path that names it.
type Kept = Arc<Mutex<BTreeMap<String, Value>>>;

/// Starts it on a free port of this machine; it ends with the task.
pub(super) fn start() -> Result<SocketAddr> {
    let failed = |error| Failure::new(format!("the small server cannot listen: {error}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let kept = Kept::default();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || {
                let _ = serve(&stream, &kept);
            });
        }
    });
    Ok(address)
}

/// One connection, request after request.
fn serve(mut stream: &TcpStream, kept: &Kept) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            match header.trim().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap_or(0);
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let (status, answer) = answer(kept, method, target, &body);
        let answer = answer.to_string();
        let kind = if status == 404 {
            "x-amzn-ErrorType: NotFoundException\r\n"
        } else {
            ""
        };
        let head = format!(
            "HTTP/1.1 {status} \r\ncontent-type: application/json\r\n{kind}content-length: {}\r\n\r\n",
            answer.len()
        );
        stream.write_all((head + &answer).as_bytes())?;
    }
}

fn answer(kept: &Kept, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = decoded(path.strip_prefix(VERSION).unwrap_or(path));
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let missing = || (404, json!({"message": format!("{path} is not there")}));
    match (method, path.as_str()) {
        ("GET", "tags") => {
            let arn = decoded(query.trim_start_matches("resourceArn="));
            let found = kept
                .values()
                .find(|one| one.pointer("/metadata/arn") == Some(&arn.as_str().into()));
            let tags = found.and_then(|one| one.get("tags")).cloned();
            (200, json!({"tags": tags.unwrap_or_else(|| json!([]))}))
        }
        (_, "tag" | "untag") => (200, json!({})),
        ("PUT", collection) if collection.split('/').count() % 2 == 1 => {
            let (place, made) = made(collection, body, kept.len());
            kept.insert(place, made.clone());
            (200, shown(&made))
        }
        ("PUT", item) => match kept.get_mut(item) {
            Some(one) => {
                if let Some(fields) = one.as_object_mut() {
                    fields.insert("spec".to_owned(), body.get("spec").cloned().unwrap_or_default());
                }
                (200, shown(one))
            }
            None => missing(),
        },
        ("GET", item) => kept.get(item).map_or_else(missing, |one| (200, shown(one))),
        ("DELETE", item) => kept.remove(item).map_or_else(missing, |one| (200, shown(&one))),
        _ => (400, json!({"message": "what?"})),
    }
}

/// A new resource and the path that names it.
fn made(collection: &str, body: &Value, count: usize) -> (String, Value) {
    let parts: Vec<&str> = collection.split('/').collect();
    let kind = |word: &str| KINDS.iter().find(|(many, _, one)| *many == word || *one == word);
    let mut fields = Map::new();
    let mut arn = format!("arn:aws:appmesh:us-east-1:{ACCOUNT}:");
    for pair in parts.chunks(2) {
        let Some((_, name, one)) = pair.first().and_then(|word| kind(word)) else {
            continue;
        };
        let value = match pair.get(1) {
            Some(value) => Value::from(*value),
            None => body.get(name).cloned().unwrap_or_default(),
        };
        let slash = if arn.ends_with(':') { "" } else { "/" };
        arn.push_str(&format!("{slash}{one}/{}", value.as_str().unwrap_or("")));
        fields.insert((*name).to_owned(), value);
    }
    let name = arn.rsplit('/').next().unwrap_or("").to_owned();
    fields.insert(
        "spec".to_owned(),
        body.get("spec").cloned().unwrap_or_else(|| json!({})),
    );
    fields.insert(
        "tags".to_owned(),
        body.get("tags").cloned().unwrap_or_else(|| json!([])),
    );
    fields.insert("status".to_owned(), json!({"status": "ACTIVE"}));
    let metadata = json!({
        "arn": arn, "uid": format!("00000000-0000-4000-8000-{count:012}"), "version": 1,
        "createdAt": 1_600_000_000.5, "lastUpdatedAt": 1_600_000_000.5,
        "meshOwner": ACCOUNT, "resourceOwner": ACCOUNT,
    });
    fields.insert("metadata".to_owned(), metadata);
    (format!("{collection}/{name}"), Value::Object(fields))
}

/// As the API shows it: tags have a call of their own.
fn shown(one: &Value) -> Value {
    let mut shown = one.clone();
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("tags");
    }
    shown
}

/// The text without its percent-encoding; what is no UTF-8 is replaced.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
        match byte {
            b'%' => match (hex(rest.next()), hex(rest.next())) {
                (Some(high), Some(low)) => bytes.extend(u8::try_from(high * 16 + low)),
                _ => bytes.push(byte),
            },
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_got_until_it_is_deleted() {
        let kept = Kept::default();
        let body = json!({"routeName": "a b", "spec": {"priority": 1}});
        let place = "/v20190125/meshes/m/virtualRouter/r/routes";
        let (status, route) = answer(&kept, "PUT", place, &body);
        assert_eq!((status, &route["virtualRouterName"]), (200, &json!("r")));
        let arn = "arn:aws:appmesh:us-east-1:000000000000:mesh/m/virtualRouter/r/route/a b";
        assert_eq!(route["metadata"]["arn"], arn);
        let item = format!("{place}/a%20b");
        assert_eq!(answer(&kept, "GET", &item, &Value::Null), (200, route));
        let changed = json!({"spec": {"priority": 2}});
        assert_eq!(answer(&kept, "PUT", &item, &changed).1["spec"], changed["spec"]);
        assert_eq!(answer(&kept, "DELETE", &item, &Value::Null).0, 200);
        assert_eq!(answer(&kept, "GET", &item, &Value::Null).0, 404);
    }
}
