//! The console on the server: who looks, what forms may do, and the answers around its pages.
//!
//! Whoever has a key logs in with it; a cookie then says, sealed, which key that was, so that a key that is revoked opens
//! nothing any more. Forms carry a token that follows from the cookie: another site's page cannot know it.

use crate::auth::Caller;
use crate::codes;
use crate::fault::Fault;
use crate::listen::Peer;
use crate::plane::ControlPlane;
use crate::seal::Sealer;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use meshform_console::assets::{Asset, POLICY};
use meshform_console::{Action, Context, Links, Page, Query, Visitor, login, notice, render};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// Below which path the console is.
const ROOT: &str = "/console";
const COOKIE: &str = "meshform-console";
/// What cookies are sealed for.
const PURPOSE: &str = "console";
/// How long a login holds, in milliseconds: a working day.
const LIFE: i64 = 12 * 3_600_000;

/// What the sealed cookie of a login holds.
#[derive(Debug, Serialize, Deserialize)]
struct Login {
    key: String,
    until: i64,
}

/// Whether a request is for the console.
pub(crate) fn is_for(path: &str) -> bool {
    path.strip_prefix(ROOT)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What is answered to a request with this body, or where that could not be read.
pub(crate) async fn answer(
    plane: &ControlPlane,
    peer: SocketAddr,
    parts: &Parts,
    body: Result<Bytes, Fault>,
) -> Response {
    let done = match body {
        Ok(body) => respond(plane, peer, parts, &body).await,
        Err(fault) => Ok(said(
            StatusCode::BAD_REQUEST,
            "Unreadable request",
            &fault.message,
        )),
    };
    let mut response = done.unwrap_or_else(|problem| {
        let text = match &problem.help {
            Some(help) => format!("{} {help}", problem.message),
            None => problem.message.clone(),
        };
        said(
            StatusCode::SERVICE_UNAVAILABLE,
            "The console cannot show this now",
            &text,
        )
    });
    let headers = [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

type Done = Result<Response, Box<Diagnostic>>;

async fn respond(plane: &ControlPlane, peer: SocketAddr, parts: &Parts, body: &[u8]) -> Done {
    if plane.keys.is_none() && !is_local(parts) {
        let text = "A server without keys shows its console under `localhost` or an IP address only.";
        return Ok(said(StatusCode::MISDIRECTED_REQUEST, "Unknown host", text));
    }
    let rest = parts.uri.path().strip_prefix(ROOT).unwrap_or_default();
    let decoded: Result<Vec<String>, _> = rest
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8().map(String::from))
        .collect();
    let Ok(decoded) = decoded else {
        return Ok(missing());
    };
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let posts = parts.method == Method::POST;
    if !posts && parts.method != Method::GET && parts.method != Method::HEAD {
        return Ok(said(
            StatusCode::METHOD_NOT_ALLOWED,
            "Unknown method",
            "The console answers GET, HEAD and POST.",
        ));
    }
    if let (["assets", name], false) = (segments.as_slice(), posts) {
        return Ok(asset(name));
    }
    let form = Query::parse(&String::from_utf8_lossy(body));
    if let ["login"] = segments.as_slice() {
        return match posts {
            true => log_in(plane, parts, peer.ip(), &form).await,
            false => Ok(page(StatusCode::OK, login(""))),
        };
    }
    let Some((caller, cookie)) = caller(plane, parts, peer.ip()).await? else {
        return Ok(to("/console/login"));
    };
    let token = token(plane, &cookie);
    let new_cookie = (cookie_of(parts).as_deref() != Some(&cookie))
        .then(|| set_cookie(&cookie, LIFE / 1000, plane, parts));
    if posts && !(is_own(parts) && form.get("token").is_some_and(|given| same(plane, given, &token))) {
        let text = "The form is from another session. Load the page again and repeat what you did. [MF0821]";
        return Ok(said(StatusCode::FORBIDDEN, "Form from another session", text));
    }
    if let (["logout"], true) = (segments.as_slice(), posts) {
        let mut response = to("/console/login");
        put(
            &mut response,
            header::SET_COOKIE,
            &set_cookie("", 0, plane, parts),
        );
        return Ok(response);
    }
    let Some(page) = Page::parse(&segments) else {
        return Ok(missing());
    };
    let mut response = shown(
        plane,
        BrowserRequest {
            caller: &caller,
            token,
            page: &page,
            parts,
            form: posts.then_some(&form),
        },
    )
    .await?;
    if let Some(cookie) = new_cookie {
        put(&mut response, header::SET_COOKIE, &cookie);
    }
    Ok(response)
}

/// A request of a browser that is signed in.
struct BrowserRequest<'a> {
    caller: &'a Caller,
    /// What a form of this session has to send along.
    token: String,
    page: &'a Page,
    parts: &'a Parts,
    form: Option<&'a Query>,
}

/// A page, after what a form asks for is done.
async fn shown(plane: &ControlPlane, visit: BrowserRequest<'_>) -> Done {
    let BrowserRequest {
        caller,
        token,
        page,
        parts,
        form,
    } = visit;
    if let Some(mesh) = page.mesh()
        && let Err(fault) = caller.may_read(mesh)
    {
        return Ok(said(
            StatusCode::FORBIDDEN,
            "Key without permission",
            &fault.message,
        ));
    }
    let visitor = Visitor {
        name: plane
            .keys
            .as_ref()
            .map(|_| caller.name.clone())
            .unwrap_or_default(),
        may_write: match page {
            Page::Releases(mesh) | Page::Release(mesh, _) => may_release(plane, caller, mesh).await?,
            _ => false,
        },
        token,
    };
    let mut told = Vec::new();
    if let Some(form) = form {
        let (Page::Releases(mesh), Some(action)) = (page, action(form)) else {
            return Ok(missing());
        };
        if !visitor.may_write {
            let text = "Pinning, unpinning and publishing need a key of the mesh's owner or an administrator's \
                        key. [MF0822]";
            return Ok(said(StatusCode::FORBIDDEN, "Key without permission", text));
        }
        let author = plane.author(caller, None).await;
        let author = author.map_err(|fault| Box::new(Diagnostic::error(codes::INTERNAL, fault.message)))?;
        tracing::info!(mesh, ?action, by = caller.actor(), "console");
        told = plane
            .site
            .act(mesh, &action, author)
            .await
            .unwrap_or_else(|problem| vec![*problem]);
        if told.is_empty() {
            return Ok(to(&Links::Served.to(page, page)));
        }
    }
    let mut meshes = Vec::new();
    let mut view = None;
    match page.mesh() {
        Some(mesh) => view = plane.site.view(mesh, plane.streams.of_mesh(mesh)).await?,
        None => {
            meshes = plane.site.meshes().await?;
            meshes.retain(|mesh| caller.may_read(mesh).is_ok());
            if let [one] = meshes.as_slice() {
                return Ok(to(&Links::Served.to(page, &Page::Mesh(one.clone()))));
            }
        }
    }
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let context = Context {
        page,
        query: &query,
        links: Links::Served,
        visitor: &visitor,
        view: view.as_ref(),
        site: Some(&plane.site),
        meshes: &meshes,
        told: &told,
    };
    Ok(match render(&context).await? {
        Some(text) => self::page(StatusCode::OK, text),
        None => missing(),
    })
}

/// Whether somebody may hold, let go and publish the releases of a mesh: what becomes of all its proxies is its owner's
/// matter, and an administrator's.
async fn may_release(plane: &ControlPlane, caller: &Caller, mesh: &str) -> Result<bool, Box<Diagnostic>> {
    if caller.may_write(mesh).is_err() {
        return Ok(false);
    }
    let record = plane.store.get(&ResourceKey::mesh(mesh)).await;
    let record = record.map_err(|error| Box::new(error.diagnostic()))?;
    Ok(match record {
        Some(record) => caller.may_change(&record).is_ok(),
        None => caller.is_admin(),
    })
}

fn action(form: &Query) -> Option<Action> {
    match (form.get("action")?, form.get("release")) {
        ("pin", Some(release)) => Some(Action::Pin(release.to_owned())),
        ("unpin", _) => Some(Action::Unpin),
        ("publish", _) => Some(Action::Publish),
        _ => None,
    }
}

// === Who looks ===

/// Who looks, and the cookie that says so; none where somebody must log in first.
async fn caller(
    plane: &ControlPlane,
    parts: &Parts,
    from: IpAddr,
) -> Result<Option<(Caller, String)>, Box<Diagnostic>> {
    let given = cookie_of(parts);
    let Some(keys) = &plane.keys else {
        let known =
            given.filter(|given| given.len() == 43 && given.bytes().all(|byte| byte.is_ascii_graphic()));
        let random = || {
            let bytes = Sealer::random()?;
            let sealer = plane.forms.as_ref()?;
            Some(sealer.derive(&format!("{bytes:?}")))
        };
        let cookie = known.or_else(random).unwrap_or_default();
        return Ok(Some((Caller::anyone(&plane.owner, from.to_string()), cookie)));
    };
    let Some(cookie) = given else {
        return Ok(None);
    };
    let opened = keys.master.sealer.open(PURPOSE, &cookie);
    let login: Option<Login> = opened.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(login) = login.filter(|login| login.until >= plane.now().0) else {
        return Ok(None);
    };
    let found = keys.find(&login.key, &from.to_string()).await;
    let found = found.map_err(|error| Box::new(error.diagnostic()))?;
    Ok(found.map(|(caller, _)| (caller, cookie)))
}

async fn log_in(plane: &ControlPlane, parts: &Parts, from: IpAddr, form: &Query) -> Done {
    let Some(keys) = &plane.keys else {
        return Ok(to("/console/"));
    };
    if !is_own(parts) {
        return Ok(said(
            StatusCode::FORBIDDEN,
            "Form from elsewhere",
            "Log in on the console's own page.",
        ));
    }
    if plane
        .limits
        .take(&format!("console {from}"), Instant::now())
        .is_err()
    {
        return Ok(page(
            StatusCode::TOO_MANY_REQUESTS,
            login("Too many attempts; try again in a moment."),
        ));
    }
    let (id, secret) = (
        form.get("key").unwrap_or_default(),
        form.get("secret").unwrap_or_default(),
    );
    let found = keys.find(id.trim(), &from.to_string()).await;
    let found = found.map_err(|error| Box::new(error.diagnostic()))?;
    // Compared by what follows from them, so that no time tells how much of it was right.
    let sealer = &keys.master.sealer;
    let fits = found.filter(|(_, known)| sealer.derive(known) == sealer.derive(secret.trim()));
    let Some((caller, _)) = fits else {
        return Ok(page(
            StatusCode::UNAUTHORIZED,
            login("Unknown key, or wrong secret."),
        ));
    };
    let statement = Login {
        key: caller.id,
        until: plane.now().plus_millis(LIFE).0,
    };
    let sealed = serde_json::to_vec(&statement)
        .ok()
        .and_then(|bytes| sealer.seal(PURPOSE, &bytes));
    let Some(cookie) = sealed else {
        return Ok(said(
            StatusCode::INTERNAL_SERVER_ERROR,
            "No session",
            "The system's random number generator failed.",
        ));
    };
    let mut response = to("/console/");
    put(
        &mut response,
        header::SET_COOKIE,
        &set_cookie(&cookie, LIFE / 1000, plane, parts),
    );
    Ok(response)
}

fn sealer(plane: &ControlPlane) -> Option<&Sealer> {
    match &plane.keys {
        Some(keys) => Some(&keys.master.sealer),
        None => plane.forms.as_ref(),
    }
}

/// The token of the forms of a session.
fn token(plane: &ControlPlane, cookie: &str) -> String {
    sealer(plane)
        .map(|sealer| sealer.derive(&format!("form {cookie}")))
        .unwrap_or_default()
}

fn same(plane: &ControlPlane, given: &str, token: &str) -> bool {
    sealer(plane).is_some_and(|sealer| sealer.derive(given) == sealer.derive(token))
}

fn header_of<'p>(parts: &'p Parts, name: &str) -> Option<&'p str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}

/// Where a client of HTTP/2 or HTTP/1.1 believes to be.
fn host(parts: &Parts) -> Option<&str> {
    parts
        .uri
        .authority()
        .map(http::uri::Authority::as_str)
        .or_else(|| header_of(parts, "host"))
}

/// Whether a browser says that the form is from a page of this server.
fn is_own(parts: &Parts) -> bool {
    let by_site = header_of(parts, "sec-fetch-site").is_none_or(|site| site == "same-origin");
    let by_origin = header_of(parts, "origin").is_none_or(|origin| {
        let origin = origin.split_once("://").map(|(_, host)| host);
        origin.is_some() && origin == host(parts)
    });
    by_site && by_origin
}

/// A name that somebody else's DNS could lead here is not one of a server that lets everyone in.
pub(crate) fn is_local(parts: &Parts) -> bool {
    let Some(host) = host(parts) else {
        return true;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

fn cookie_of(parts: &Parts) -> Option<String> {
    let all = parts
        .headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = all
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, value)| *name == COOKIE && !value.is_empty())
        .map(|(_, value)| value.to_owned())
}

/// Whether the browser speaks TLS: with this server, or with a proxy in front of it.
fn is_over_tls(parts: &Parts) -> bool {
    parts.extensions.get::<Peer>().is_some_and(|peer| peer.tls)
        || header_of(parts, "x-forwarded-proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
        || header_of(parts, "origin").is_some_and(|origin| origin.starts_with("https://"))
}

/// Only over TLS where there are keys, unless the browser is on this machine and speaks none.
fn set_cookie(value: &str, seconds: i64, plane: &ControlPlane, parts: &Parts) -> String {
    let secure = if is_over_tls(parts) || (plane.keys.is_some() && !is_local(parts)) {
        "; Secure"
    } else {
        ""
    };
    format!("{COOKIE}={value}; Path={ROOT}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

// === Answers ===

fn asset(name: &str) -> Response {
    let Some(asset) = Asset::find(name) else {
        return missing();
    };
    let mut response = Response::new(Body::from(asset.text.clone()));
    put(&mut response, header::CONTENT_TYPE, asset.media);
    // Its name changes with its content.
    put(
        &mut response,
        header::CACHE_CONTROL,
        "public, max-age=31536000, immutable",
    );
    response
}

fn page(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    put(&mut response, header::CONTENT_TYPE, "text/html; charset=utf-8");
    response
}

fn said(status: StatusCode, title: &str, text: &str) -> Response {
    page(status, notice(title, text))
}

fn missing() -> Response {
    said(
        StatusCode::NOT_FOUND,
        "No such page",
        "The mesh or resource is not there, or not any more.",
    )
}

fn to(place: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    put(&mut response, header::LOCATION, place);
    response
}

fn put(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
