//! One proxy: who runs it, every effective value with where it comes from, and at last what Envoy is told.

use super::proxies::table;
use crate::frame::{Content, Context, problem, to_copy};
use crate::page::Page;
use crate::view::View;
use maud::{Markup, html};
use meshform_envoy::ir::Source;
use meshform_envoy::{Effective, Options, build_some, explain};
use meshform_model::key::ResourceKey;
use meshform_release::RunningProxy;
use std::collections::BTreeSet;

pub(super) fn page(cx: &Context<'_>, view: &View, key: &ResourceKey) -> Option<Content> {
    if !view.mesh().contains(key) {
        return None;
    }
    let of = |one: &&RunningProxy| one.status.proxy == key.path();
    let running: Vec<&RunningProxy> = view.fleet.proxies.iter().filter(of).collect();
    let options = Options::new(Options::DEFAULT_ROOT);
    let body = html! {
        p.crumbs { a href=(cx.href(&Page::Proxies(key.mesh.clone()))) { "Proxies" } }
        h1 { bdi { (key.name) } " " span.soft { (key.kind.words()) } }
        p { a href=(cx.href(&Page::Resource(key.clone()))) { "The resource" }
            @if cx.links.is_served() {
                " · " a href={ (cx.href(&Page::Route(key.mesh.clone()))) "?node=" (key.kind.name()) "/" (encoded(&key.name)) } { "Try a request" }
            }
        }
        (traffic(view, key))
        @if !running.is_empty() { h2 { "Running" } (table(cx, view, &running)) }
        @match view.errors() {
            0 => {
                @match explain(view.mesh(), key, &options) {
                    Ok(values) => { h2 { "Effective values" } (effective(cx, &values)) }
                    Err(problems) => { @for one in &problems { (problem(cx, one)) } }
                }
                (raw(view, key))
            }
            _ => { div.problem.error { p { "The mesh is not valid, so nothing is made for its proxies now." } } }
        }
    };
    Some(Content::new(key.name.clone(), body))
}

/// What it served in the last minute.
fn traffic(view: &View, key: &ResourceKey) -> Markup {
    let Some(live) = &view.live else {
        return html! {};
    };
    html! {
        h2 { "Traffic" }
        @match (&live.problem, live.proxy(key)) {
            (Some(problem), _) => { p { span.badge.lagging { "no numbers" } " " span.soft { bdi { (problem) } } } }
            (None, None) => { p.soft { "Prometheus has counted no requests of this proxy in the last minute." } }
            (None, Some(numbers)) => {
                dl.facts.row {
                    dt { "Requests" } dd { (format!("{:.1} a second", numbers.rate)) }
                    dt { "Errors" } dd { (format!("{:.1} % answered with 5xx", numbers.error_percent())) }
                    dt { "99th percentile" } dd { @match numbers.p99 { Some(p99) => { (format!("{p99:.0} ms")) } None => { "not known" } } }
                }
            }
        }
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn effective(cx: &Context<'_>, values: &[Effective]) -> Markup {
    let mut groups: Vec<(&str, Vec<(&str, &Effective)>)> = Vec::new();
    for value in values {
        let (of, name) = value.path.rsplit_once(" / ").unwrap_or(("process", &value.path));
        match groups.last_mut().filter(|(last, _)| *last == of) {
            Some((_, list)) => list.push((name, value)),
            None => groups.push((of, vec![(name, value)])),
        }
    }
    html! {
        @for (of, values) in groups {
            details.values {
                summary { bdi { (of) } " " span.soft { (values.len()) } }
                div.scroll { table {
                    thead { tr { th { "Value" } th { "Is" } th { "From" } } }
                    tbody { @for (name, value) in values {
                        tr { td { (name) } td { bdi { (value.value) } } td { (source(cx, &value.source)) } }
                    } }
                } }
            }
        }
    }
}

fn source(cx: &Context<'_>, source: &Source) -> Markup {
    html! {
        @match source {
            Source::Field(origin) => { (cx.resource(&origin.key)) " " span.soft { (origin.pointer) } }
            other => { span.soft { (other) } }
        }
    }
}

fn raw(view: &View, key: &ResourceKey) -> Markup {
    let options = Options {
        static_files: false,
        ..Options::new(Options::DEFAULT_ROOT)
    };
    let built = build_some(view.mesh(), &BTreeSet::from([key.clone()]), &options);
    let proxy = built
        .ok()
        .and_then(|output| output.proxies.into_iter().find(|proxy| proxy.key == *key));
    html! {
        @if let Some(proxy) = proxy {
            h2 { "Envoy's configuration" }
            (to_copy("bootstrap", &pretty(proxy.resources.bootstrap.json()), false))
            @for one in proxy.resources.iter() { (to_copy(&format!("{} {}", one.kind.words(), one.name), &pretty(one.json()), false)) }
        }
    }
}

fn pretty(text: &str) -> String {
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(text);
    parsed.map_or_else(|_| text.to_owned(), |json| format!("{json:#}"))
}
