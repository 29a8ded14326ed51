//! Where a request would go: asked by a form, told in words, and marked in the picture.

use super::example::{Simulators, goes_to, marked, none, shares};
use super::mesh::picture;
use crate::frame::{Content, Context, filter, nothing, problem};
use crate::page::Page;
use crate::view::View;
use maud::{Markup, html};
use meshform_envoy::route::{Explanation, Request, RouteOutcome, RouteSimulator, RouteVerdict};
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;

pub(super) fn page(cx: &Context<'_>, view: &View) -> Content {
    if !cx.links.is_served() {
        return Content::new("Route", examples(cx, view));
    }
    let asked = request(cx);
    let answer = asked.map(|(node, request)| answer(view, &node, &request?));
    let drawn = match &answer {
        Some(Ok((key, explanation))) => Some(marked(view, key, explanation)),
        _ => None,
    };
    let body = html! {
        h1 { "Route" }
        (form(cx, view))
        @match &answer {
            None => { p.soft { "Which route takes a request, and which nodes get it, by the rules of the Envoys that run." } }
            Some(Err(problems)) => { @for one in problems { (problem(cx, one)) } }
            Some(Ok((_, explanation))) => { (told(cx, explanation)) }
        }
        @if let Some(drawn) = &drawn { h2 { "In the picture" } section.drawing { (picture(cx, drawn)) } }
    };
    Content {
        has_picture: drawn.is_some(),
        is_wide: drawn.is_some(),
        ..Content::new("Route", body)
    }
}

/// Nobody is there who would answer, and a second simulation in a script would be one that can differ: so the answers are
/// written down, to a request for each route.
fn examples(cx: &Context<'_>, view: &View) -> Markup {
    let mesh = view.mesh();
    let routes = mesh.gateway_routes().map(|route| &route.key);
    let routes: Vec<&ResourceKey> = routes.chain(mesh.routes().map(|route| &route.key)).collect();
    let mut simulators = Simulators::default();
    html! {
        h1 { "Route" }
        p { "Each route with an example of a request that it takes, and the nodes that receive it, as of when these pages were written. For
            any other request, use the command:" }
        pre.command { code {
            "meshform route --node NODE --host HOST --path PATH "
            // Releases are known of a store alone.
            @if view.state.is_some() { "--store STORE" } @else { "MESH.yaml" }
        } }
        @if routes.is_empty() { (nothing("No routes", "The mesh has neither routes nor gateway routes.")) } @else {
        (filter("route, host, path or node", routes.len()))
        div.scroll { table.ways {
            thead { tr { th { "Route" } th { "Request" } th { "From" } th { "Goes to" } } }
            tbody { @for route in routes {
                tr {
                    td { (cx.resource(route)) }
                    @match simulators.example(view, route) {
                        Some(one) => {
                            td data-is="Request" { (one.shown()) }
                            td data-is="From" { (cx.resource(&one.from)) }
                            td data-is="Goes to" { (goes_to(&one.way)) }
                        }
                        None => { td.soft.note colspan="3" { (none(view)) } }
                    }
                }
            } }
        } }
        }
    }
}

/// What is asked, or what is wrong with it: nothing until there is a node and a host.
fn request(cx: &Context<'_>) -> Option<(String, Result<Request, Vec<Diagnostic>>)> {
    let get = |name| cx.query.get(name).map(str::to_owned);
    let node = get("node")?;
    let mut request = Request::get(get("host")?, get("path").unwrap_or_else(|| "/".to_owned()));
    request.method = get("method").unwrap_or_else(|| "GET".to_owned());
    request.scheme = get("scheme");
    // A text that is no number is no port, as 0 is none.
    request.port = get("port").map(|port| port.parse().unwrap_or(0));
    for line in get("headers").unwrap_or_default().lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if !line.trim().is_empty() {
            request
                .headers
                .push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    let faults = request.faults();
    Some((node, faults.is_empty().then_some(request).ok_or(faults)))
}

type Answer = Result<(ResourceKey, Explanation), Vec<Diagnostic>>;

fn answer(view: &View, node: &str, request: &Request) -> Answer {
    let named = |key: &&ResourceKey| key.name == node || format!("{}/{}", key.kind.name(), key.name) == node;
    let Some(key) = view.proxies().find(named) else {
        let message = format!("there is no virtual node or virtual gateway `{node}`");
        return Err(vec![Diagnostic::error(meshform_model::codes::MISFIT, message)]);
    };
    if view.errors() > 0 {
        return Err(view
            .records
            .problems
            .iter()
            .filter(|one| one.is_error())
            .cloned()
            .collect());
    }
    let explanation = RouteSimulator::of(view.mesh(), key)?.explain(request);
    Ok((key.clone(), explanation))
}

fn form(cx: &Context<'_>, view: &View) -> Markup {
    let value = |name| cx.query.get(name);
    html! {
        form.ask method="get" action=(cx.href(&Page::Route(view.name().to_owned()))) {
            label { "From" input name="node" list="nodes" required value=[value("node")] placeholder="node or gateway" autocomplete="off"; }
            datalist #nodes { @for key in view.proxies() { option value={ (key.kind.name()) "/" (key.name) } {} } }
            label { "Method" input name="method" value=(value("method").unwrap_or("GET")) size="7"; }
            label { "Host" input name="host" list="hosts" required value=[value("host")] placeholder="service.local:8080" autocomplete="off"; }
            datalist #hosts { @for service in view.mesh().virtual_services() { option value=(service.key.name) {} } }
            label { "Path" input name="path" value=(value("path").unwrap_or("/")); }
            label { "Scheme" select name="scheme" {
                option value="" { "as Envoy sets it" }
                @for scheme in ["http", "https"] { option value=(scheme) selected[value("scheme") == Some(scheme)] { (scheme) } }
            } }
            label { "Port" input name="port" type="number" min="1" max="65535" value=[value("port")] placeholder="of the host"; }
            label.all { "Headers, one a line" textarea name="headers" rows="2" placeholder="x-version: 2" spellcheck="false" { (value("headers").unwrap_or_default()) } }
            div.all { button { "Ask" } }
        }
    }
}

fn told(cx: &Context<'_>, explanation: &Explanation) -> Markup {
    html! {
        div.outcome role="status" {
            @match &explanation.outcome {
                RouteOutcome::Sent(sent) => {
                    p.title { "Sent as " bdi { (sent.host) } " " bdi { (sent.path) } }
                    (shares(sent))
                    @for line in limits(explanation) { p.soft { (line) } }
                }
                RouteOutcome::NotFound(why) => { p.title { "404" } p { bdi { (why) } } }
                RouteOutcome::Closed(why) => { p.title { "The connection is closed" } p { bdi { (why) } } }
                RouteOutcome::PassedOn => { p.title { "Passed on to where it was going" } p { "No virtual service of the mesh stands for it." } }
            }
        }
        @for pass in &explanation.passes {
            h2 { "Routes that were tried" }
            p.soft { bdi { (pass.listener) } " → " bdi { (pass.virtual_host.as_deref().unwrap_or("no virtual host")) } }
            @if pass.considered.is_empty() { p.soft { "None: no virtual host has this name." } } @else {
            div.scroll { table.ways {
                thead { tr { th { "Route" } th { "Taken" } th { "From" } } }
                tbody { @for route in &pass.considered {
                    tr .taken[route.verdict == RouteVerdict::Taken] {
                        td { bdi { (route.route) } }
                        td data-is="Taken" { @match &route.verdict {
                            RouteVerdict::Taken => { span.badge.current { "taken" } }
                            RouteVerdict::Not(reason) => { "no: " bdi { (reason) } }
                            RouteVerdict::NotReached => { span.soft { "not reached" } }
                        } }
                        td data-is="From" { (cx.resource(&route.origin.key)) }
                    }
                } }
            }
            } }
        }
    }
}

/// Timeout and retries, as the command tells them.
fn limits(explanation: &Explanation) -> Vec<String> {
    let text = explanation.to_string();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("timeout") || line.starts_with("idle") || line.contains("retr"));
    lines
        .filter(|line| !line.starts_with(' '))
        .map(str::to_owned)
        .collect()
}
