//! What must hold for any request: the bodies of the fuzz targets (`fuzz/api`, `fuzz/xds`) and of tests.

use crate::auth::Signer;
use crate::auth::sigv4::Signed;
use crate::rest::Input;
use crate::rest::operation::{Call, NamedResource};
use http::Method;
use http::request::Parts;
use meshform_store::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// When the requests come in: 2026-11-29, noon.
const NOW: Timestamp = Timestamp(1_795_953_600_000);

/// A stream of Envoy's discovery protocol: requests as they come over the wire, releases that change, time that passes.
///
/// # Errors
/// What of the protocol's rules was broken.
pub fn xds(bytes: &[u8]) -> Result<(), String> {
    crate::xds::fuzzing::stream(bytes)
}

/// A request, of which the first line is the URI, the lines up to an empty one are headers, and the rest is the body:
/// its signature is read or refused, and nobody's secret has made it; what we sign of it, we know.
///
/// # Errors
/// What does not hold.
pub fn signature(bytes: &[u8]) -> Result<(), String> {
    let Some((mut parts, body)) = request(bytes) else {
        return Ok(());
    };
    if let Ok(signed) = Signed::read(&parts, body, NOW)
        && signed.is_by("nobody's")
    {
        return Err("a signature of nobody's holds".to_owned());
    }
    // Signed by us, it has no other signature and no headers of AWS's that we do not sign.
    let others: Vec<_> = parts.headers.keys().cloned().collect();
    for name in others.iter().filter(|name| name.as_str().starts_with("x-amz-")) {
        parts.headers.remove(name);
    }
    parts
        .headers
        .insert("host", http::HeaderValue::from_static("mesh.example.org"));
    let signer = Signer {
        key: "MFKEXAMPLE".to_owned(),
        secret: "secret".to_owned(),
        session: None,
        region: "eu-west-1".to_owned(),
    };
    signer.sign(&mut parts, body, NOW);
    match Signed::read(&parts, body, NOW) {
        Ok(signed) if signed.is_by("secret") && !signed.is_by("another") => Ok(()),
        Ok(_) => Err("what we signed we do not know".to_owned()),
        // A presigned request stays one.
        Err(_)
            if parts
                .uri
                .query()
                .is_some_and(|query| query.contains("X-Amz-Signature")) =>
        {
            Ok(())
        }
        Err(fault) => Err(format!("what we signed is refused: {}", fault.message)),
    }
}

fn request(bytes: &[u8]) -> Option<(Parts, &[u8])> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let uri = lines.next()?;
    let mut read = uri.len() + 1;
    let mut request = http::Request::builder().method("PUT").uri(uri);
    for line in lines {
        read += line.len() + 1;
        if line.is_empty() {
            break;
        }
        let at = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(at)?;
        request = request.header(name, value.get(1..)?.trim_ascii());
    }
    let (parts, ()) = request.body(()).ok()?.into_parts();
    Some((parts, bytes.get(read..).unwrap_or_default()))
}

/// A path with a query, as it stands in a request: it has an operation or none, whatever the method; and an operation's
/// names, encoded again, lead to the same operation.
///
/// # Errors
/// What does not hold.
pub fn path(bytes: &[u8]) -> Result<(), String> {
    let Ok(uri) = http::Uri::try_from(bytes) else {
        return Ok(());
    };
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::POST] {
        let Ok(call) = Call::of(&method, uri.path()) else {
            continue;
        };
        let Some(named) = &call.path else {
            continue;
        };
        let again = format!("/v20190125{}", written(named));
        if Call::of(&method, &again).as_ref() != Ok(&call) {
            return Err(format!("{method} {uri} is {call:?}, and {again} is another"));
        }
    }
    if let Ok(request) = http::Request::builder().uri(uri).body(()) {
        // Any query is read or refused.
        let _ = Input::read(&request.into_parts().0, b"");
    }
    Ok(())
}

/// The path of what it names.
fn written(named: &NamedResource) -> String {
    let encoded = |name: &str| utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
    let mut path = "/meshes".to_owned();
    for (at, (field, name)) in named.names().enumerate() {
        let kind = field.strip_suffix("Name").unwrap_or(field);
        let is_own = named.kind.name() == kind;
        match (at, is_own) {
            (0, _) => {}
            (_, true) => path.push_str(&format!("/{}", named.kind.plural())),
            (_, false) => path.push_str(&format!("/{kind}")),
        }
        path.push('/');
        path.push_str(&encoded(name));
    }
    let is_collection = named.name.is_none() && named.mesh.is_some();
    if is_collection {
        path.push_str(&format!("/{}", named.kind.plural()));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    const PATHS: [&str; 6] = [
        "/v20190125/meshes",
        "/v20190125/meshes/a%2Fb?meshOwner=123456789012",
        "/v20190125/meshes/m/virtualNodes/%C3%BC?limit=5&nextToken=x",
        "/v20190125/meshes/m/virtualRouter/r%20x/routes/..",
        "/v20190125/meshes/m/virtualGateway/g/gatewayRoutes",
        "/v20190125/tags?resourceArn=arn%3Aaws%3Aappmesh%3Aus-east-1%3A000000000000%3Amesh%2Fm",
    ];

    /// How long inputs are spoilt by chance: a moment, or as many seconds as MESHFORM_FUZZ says.
    fn time() -> Duration {
        let seconds = std::env::var("MESHFORM_FUZZ")
            .ok()
            .and_then(|text| text.parse().ok());
        seconds.map_or(Duration::from_millis(500), Duration::from_secs)
    }

    /// Numbers that look like chance, the same each time.
    fn next(state: &mut u64) -> usize {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        usize::try_from(*state >> 16).unwrap_or_default()
    }

    /// Tries a body with seeds that are spoilt again and again; what is still refused or read as before is spoilt further.
    fn spoil(seeds: Vec<Vec<u8>>, body: fn(&[u8]) -> Result<(), String>) {
        let parts: [&[u8]; 12] = [
            b"%",
            b"%2F",
            b"%FF",
            b"..",
            b"/",
            b"?",
            b"&",
            b"=",
            b",",
            b"\n",
            b"x-amz-date:",
            b"\xc3\xbc",
        ];
        let (begun, mut state, mut count) = (Instant::now(), 88_172_645_463_325_252, 0_u64);
        let mut all = seeds;
        while begun.elapsed() < time() {
            let from = next(&mut state) % all.len();
            let mut bytes = all[from].clone();
            for _ in 0..=next(&mut state) % 4 {
                let at = next(&mut state) % (bytes.len() + 1);
                match next(&mut state) % 5 {
                    0 if at < bytes.len() => bytes[at] ^= 1 << (next(&mut state) % 8),
                    1 if at < bytes.len() => drop(bytes.remove(at)),
                    2 => bytes.truncate(at),
                    3 => {
                        let part = parts[next(&mut state) % parts.len()];
                        bytes.splice(at..at, part.iter().copied());
                    }
                    _ => {
                        let other = &all[next(&mut state) % all.len()];
                        let rest = other[next(&mut state) % (other.len() + 1)..].to_vec();
                        bytes.truncate(at);
                        bytes.extend(rest);
                    }
                }
            }
            bytes.truncate(4096);
            assert_eq!(body(&bytes), Ok(()), "{:?}", String::from_utf8_lossy(&bytes));
            count += 1;
            match all.len() {
                0..2000 => all.push(bytes),
                many => all[next(&mut state) % many] = bytes,
            }
        }
        println!("{count} inputs in {:?}", begun.elapsed());
    }

    #[test]
    fn any_path_is_read_or_refused() {
        spoil(PATHS.map(|path| path.as_bytes().to_vec()).to_vec(), path);
    }

    #[test]
    fn any_signature_is_read_or_refused() {
        let authorization = include_str!("auth/signed-by-botocore.txt").trim();
        let seeds = PATHS.map(|path| {
            let head = format!(
                "{path}\nhost: 127.0.0.1:8080\nx-amz-date: 20261129T120000Z\ncontent-type: application/json\n\
                 authorization: {authorization}\n\n{{\"a\": 1}}"
            );
            head.into_bytes()
        });
        spoil(seeds.to_vec(), signature);
    }

    #[test]
    fn a_request_that_nobody_spoilt_is_read() {
        let text = b"/v20190125/meshes?limit=2\nhost: x\nx-amz-date: 20261129T120000Z\n\nbody";
        let (parts, body) = request(text).unwrap();
        assert_eq!((parts.uri.path(), body), ("/v20190125/meshes", &b"body"[..]));
        assert_eq!(parts.headers.len(), 2);
        assert_eq!(signature(text), Ok(()));
        for text in PATHS {
            assert_eq!(path(text.as_bytes()), Ok(()), "{text}");
        }
    }
}
