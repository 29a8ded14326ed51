//! The releases of a mesh: who made them, what they changed, and which proxies they reached.

use crate::frame::{Content, Context, moment, nothing, short};
use crate::page::Page;
use crate::released::Released;
use crate::site::Site;
use crate::view::View;
use maud::{Markup, html};
use meshform_compiler::diff::name;
use meshform_envoy::diff::{ConnectionEffect, Difference, ProxyDiff};
use meshform_release::{Refusals, ReleaseEntry, State};
use std::sync::Arc;

/// Lines of a release in the list; its page has all.
const LINES: usize = 6;
/// Changes and proxies on the page of a release.
const SHOWN: usize = 500;

/// A release and the one before it.
type Pair<'s> = (&'s ReleaseEntry, Option<&'s ReleaseEntry>);

pub(super) async fn page(cx: &Context<'_>, view: &View) -> Content {
    let (Some(state), Some(site)) = (&view.state, cx.site) else {
        let body = html! {
            h1 { "Releases" }
            (nothing("No releases here", "These pages were made from files. A store has releases."))
        };
        return Content::new("Releases", body);
    };
    let mut told: Vec<(Pair<'_>, Arc<Released>)> = Vec::new();
    for pair in pairs(state) {
        told.push((pair, site.released(view.name(), pair.0, pair.1).await));
    }
    let body = html! {
        h1 { "Releases" }
        (standing(cx, view, state))
        @if told.is_empty() { (nothing("No release yet", "The first one is made as soon as the mesh is valid.")) }
        ol.timeline {
            @for ((entry, _), released) in &told {
                @let current = state.current.as_ref() == Some(&entry.release);
                li .here[current] {
                    div.head {
                        a.code href=(cx.href(&Page::Release(view.name().to_owned(), entry.release.to_string()))) { (short(entry.release.as_str())) }
                        @if current { " " span.badge.current { "current" } }
                        @if let Some(refused) = refused(view, entry) { " " span.badge.rejects { "refused by " (count(refused.len(), "proxy", "proxies")) } }
                        @if current && state.pinned { " " span.badge.pinned { "pinned" } }
                        span.soft { "revision " (entry.revision) " by " bdi { (entry.actor) } ", " (moment(entry.at)) }
                        (pin(cx, view, entry, current && state.pinned))
                    }
                    (words(released, LINES))
                    @if !released.proxies.is_empty() { p.soft { "reaches " (count(released.proxies.len(), "proxy", "proxies")) } }
                }
            }
        }
    };
    Content::new("Releases", body)
}

pub(super) async fn one(cx: &Context<'_>, view: &View, release: &str) -> Option<Content> {
    let (state, site): (&State, &Site) = (view.state.as_ref()?, cx.site?);
    let pair = pairs(state)
        .into_iter()
        .find(|(entry, _)| entry.release.as_str() == release)?;
    let released = site.released(view.name(), pair.0, pair.1).await;
    let entry = pair.0;
    let reached = view.fleet.proxies.iter();
    let has = reached
        .filter(|one| one.status.release.as_ref() == Some(&entry.release))
        .count();
    let body = html! {
        p.crumbs { a href=(cx.href(&Page::Releases(view.name().to_owned()))) { "Releases" } }
        h1 { "Release " span.code { (short(entry.release.as_str())) } }
        dl.facts.row {
            dt { "Revision" } dd { (entry.revision) }
            dt { "By" } dd { bdi { (entry.actor) } }
            dt { "At" } dd { (moment(entry.at)) }
            dt { "Running" } dd { (count(has, "proxy", "proxies")) }
            dt { "Digest" } dd.code.long { (entry.release.as_str()) }
        }
        @if let Some(refused) = refused(view, entry) {
            h2 { "Refused by" }
            @for (proxy, reasons) in refused.iter().take(SHOWN) {
                div.problem.error { p.code { bdi { (proxy) } } @for reason in reasons { p.soft { bdi { (reason) } } } }
            }
        }
        h2 { "What changed" }
        (words(&released, SHOWN))
        @if !released.proxies.is_empty() {
            h2 { "Proxies" }
            div.scroll { table.ways {
                thead { tr { th { "Proxy" } th { "Because of" } th { "What it gets" } th { "Open connections" } } }
                tbody { @for proxy in released.proxies.iter().take(SHOWN) { (rows(cx, proxy)) } }
            } }
            @if released.proxies.len() > SHOWN { p.soft { "and " (released.proxies.len() - SHOWN) " more proxies" } }
        }
    };
    Some(Content::new(format!("Release {}", short(release)), body))
}

/// The proxies whose Envoys refused a release.
fn refused<'v>(view: &'v View, entry: &ReleaseEntry) -> Option<&'v Refusals> {
    view.refusals.get(&entry.release)
}

/// The releases that are kept, the newest first.
fn pairs(state: &State) -> Vec<Pair<'_>> {
    let entries: Vec<&ReleaseEntry> = state.history.iter().rev().collect();
    let before = entries.iter().skip(1).copied().map(Some).chain([None]);
    entries.iter().copied().zip(before).collect()
}

/// What is not released, and what can be done.
fn standing(cx: &Context<'_>, view: &View, state: &State) -> Markup {
    let waits = view.records.revision > state.judged;
    html! {
        @if let Some(broken) = &state.broken {
            div.problem.error {
                p { "As of revision " (broken.revision) " the mesh is not valid (" (count(broken.count, "error", "errors")) "): proxies keep their last release." }
                @for said in &broken.problems { p.soft { bdi { (said) } } }
            }
        }
        @if state.pinned { div.problem.warning { p { "Proxies are pinned to a release: changes reach them when it \
                                                      is unpinned." } } }
        @if waits && state.broken.is_none() { p.soft { "Revision " (view.records.revision) " is not released yet." } }
        @if cx.visitor.may_write {
            div.actions {
                @if state.pinned { (form(cx, view, "unpin", "", "Let go")) }
                @else { (form(cx, view, "publish", "", "Release and publish now")) }
            }
        }
        @for target in &state.targets {
            @if let Some(failure) = &target.failure {
                div.problem.error { p { "Publishing to " bdi { (target.target) } " failed: " bdi { (failure.message) } " " span.soft { (moment(failure.at)) } } }
            }
        }
    }
}

fn pin(cx: &Context<'_>, view: &View, entry: &ReleaseEntry, is_pinned: bool) -> Markup {
    html! { @if cx.visitor.may_write && !is_pinned { (form(cx, view, "pin", entry.release.as_str(), "Pin")) } }
}

fn form(cx: &Context<'_>, view: &View, action: &str, release: &str, title: &str) -> Markup {
    html! {
        form method="post" action=(cx.href(&Page::Releases(view.name().to_owned()))) {
            input type="hidden" name="token" value=(cx.visitor.token);
            input type="hidden" name="action" value=(action);
            @if !release.is_empty() { input type="hidden" name="release" value=(release); }
            button aria-label=[(action == "pin").then(|| format!("Pin {}", short(release)))] { (title) }
        }
    }
}

fn words(released: &Released, most: usize) -> Markup {
    let lines: Vec<String> = released
        .changes
        .iter()
        .flat_map(|change| change.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    html! {
        @if let Some(note) = &released.note { p.soft { (note) } }
        @else if lines.is_empty() { p.soft { "The resources are unchanged." } }
        ul.words { @for line in lines.iter().take(most) { li { bdi { (line) } } } }
        @if lines.len() > most { p.soft { "and " (lines.len() - most) " more" } }
    }
}

fn rows(cx: &Context<'_>, proxy: &ProxyDiff) -> Markup {
    let how = |how| match how {
        Difference::Added => "new",
        Difference::Removed => "gone",
        Difference::Changed => "changed",
    };
    html! {
        @if proxy.parts.is_empty() { tr { td { (cx.resource(&proxy.key)) } td {} td data-is="It" { (how(proxy.how)) } td {} } }
        @for part in &proxy.parts {
            tr {
                td { (cx.resource(&proxy.key)) }
                td data-is="Because of" { @for cause in &part.causes { div { bdi { (name(cause)) } } } }
                td data-is="It gets" { (part.kind.words()) " " bdi { (part.name) } " " (how(part.how)) }
                td data-is="Connections" { @match part.effect {
                    ConnectionEffect::Untouched => { "untouched" }
                    ConnectionEffect::Drained => { "drained" }
                    ConnectionEffect::Restart => { "need a restart of Envoy" }
                } }
            }
        }
    }
}

fn count(many: usize, one: &str, more: &str) -> String {
    match many {
        1 => format!("1 {one}"),
        many => format!("{many} {more}"),
    }
}
