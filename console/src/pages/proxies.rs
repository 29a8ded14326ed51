//! The proxies of a mesh: those that run, the worst first, and those that nobody has reported.

use crate::frame::{Content, Context, condition, filter, moment, nothing, short};
use crate::page::Page;
use crate::view::View;
use maud::{Markup, html};
use meshform_bundle::ProxyId;
use meshform_model::key::ResourceKey;
use meshform_release::{Condition, RunningProxy};
use meshform_store::Timestamp;
use std::collections::BTreeSet;

pub(super) fn page(cx: &Context<'_>, view: &View) -> Content {
    let shown: Vec<&RunningProxy> = view.fleet.proxies.iter().collect();
    let reported: BTreeSet<&str> = shown.iter().map(|one| one.status.proxy.as_str()).collect();
    let connected: BTreeSet<&str> = view.streams.iter().map(|one| one.proxy.as_str()).collect();
    let silent: Vec<&ResourceKey> = view
        .proxies()
        .filter(|key| !reported.contains(key.path().as_str()) && !connected.contains(key.path().as_str()))
        .collect();
    let body = html! {
        h1 { "Proxies" }
        @for (target, error) in &view.fleet.unseen {
            div.problem.warning { p { "What is reported to " bdi { (target) } " cannot be read from here: " bdi { (error) } } }
        }
        @if !shown.is_empty() {
            p.counts {
                @for one in Condition::ALL { @if view.fleet.count(one) > 0 { span { (view.fleet.count(one)) " " (condition(one)) } } }
            }
            (filter("name, instance, release", shown.len()))
            (table(cx, view, &shown))
        }
        @if !view.streams.is_empty() {
            h2 { "Connected by ADS" }
            (filter("name, address", view.streams.len()))
            div.scroll { table {
                thead { tr { th { "Proxy" } th { "From" } th { "State" } } }
                tbody { @for one in &view.streams {
                    tr { td { (proxy(cx, view, &one.proxy)) } td { bdi { (one.peer) } } td { bdi { (one.about) } } }
                } }
            } }
        }
        @if shown.is_empty() && view.streams.is_empty() && view.state.is_some() {
            (nothing("No proxy reports", "Agents report to the bucket that they follow; proxies with ADS are shown while they \
                are connected to this server. Proxies that follow a directory do not report."))
        }
        @if !silent.is_empty() {
            h2 { @if view.state.is_some() { "Without a report" } @else { "Of the mesh" } }
            (filter("name", silent.len()))
            ul.names { @for key in silent { li { (of(cx, key)) } } }
        }
        @if view.proxies().next().is_none() && shown.is_empty() {
            p.soft { "The mesh has neither virtual nodes nor virtual gateways." }
        }
    };
    Content::new("Proxies", body)
}

fn of(cx: &Context<'_>, key: &ResourceKey) -> Markup {
    html! { a href=(cx.href(&Page::Proxy(key.clone()))) { bdi { (key.name) } } " " span.soft { (key.kind.words()) } }
}

/// A proxy by its path, with a link where the mesh has it.
pub(super) fn proxy(cx: &Context<'_>, view: &View, path: &str) -> Markup {
    let key = view
        .proxies()
        .find(|key| ProxyId::of(key).is_some_and(|id| id.to_string() == path) || key.path() == path);
    match key {
        Some(key) => of(cx, key),
        None => html! { bdi { (path) } " " span.soft { "not in the mesh any more" } },
    }
}

/// Running proxies, a row each, and below it why.
pub(super) fn table(cx: &Context<'_>, view: &View, shown: &[&RunningProxy]) -> Markup {
    html! {
        div.scroll { table.ways {
            thead { tr {
                th { "State" } th { "Proxy" } th { "Instance" } th { "Release" } th { "Envoy" } th.number { "Restarts" } th { "Reported" }
            } }
            tbody {
                @for one in shown {
                    tr {
                        td { (condition(one.condition)) }
                        td { (proxy(cx, view, &one.status.proxy))
                            @for reason in &one.status.reasons { div.reason { bdi { (reason) } } }
                            @if let Some(rejected) = &one.status.rejected {
                                @for said in &rejected.problems {
                                    div.reason {
                                        bdi { (said.reason) }
                                        @if let Some(resource) = &said.resource {
                                            " (" bdi { (resource) } @if let Some(field) = &said.field { ", " bdi { (field) } } ")"
                                        }
                                    }
                                }
                            }
                        }
                        td data-is="Instance" { bdi { (one.status.instance) } }
                        td data-is="Release" { @match &one.status.release {
                            Some(release) => {
                                a.code href=(cx.href(&Page::Release(view.name().to_owned(), release.to_string()))) { (short(release.as_str())) }
                                @if one.status.since > 0 { div.soft { "since " (moment(time(one.status.since))) } }
                            }
                            None => { span.soft { "none" } }
                        } }
                        td data-is="Envoy" { (one.status.envoy.as_deref().unwrap_or("–")) }
                        td.number data-is="Restarts" { (one.status.restarts) }
                        td.soft data-is="Reported" { (moment(one.at)) }
                    }
                }
            }
        } }
    }
}

/// Whole seconds are enough for people.
fn time(millis: u64) -> Timestamp {
    Timestamp(i64::try_from(millis / 1000 * 1000).unwrap_or(i64::MAX))
}
