//! A mesh: its picture, what is wrong, how its release and its proxies stand.

use super::proxies::proxy;
use crate::frame::{Content, Context, condition, moment, nothing, problem, short};
use crate::page::Page;
use crate::view::View;
use maud::{Markup, PreEscaped, html};
use meshform_compiler::graph::Picture;
use meshform_model::kind::Kind;
use meshform_release::Condition;

/// A larger picture is shown in part, unless it is asked for whole.
const BOXES: usize = 150;
/// Problems that are shown; the rest is counted.
const SHOWN: usize = 12;

pub(super) fn page(cx: &Context<'_>, view: &View, whole: bool) -> Content {
    let records = &view.records;
    let (mut picture, part) = shown(cx, &records.picture, whole);
    let said = view.live.as_ref().map(|live| live.words(view.mesh()));
    if let Some(said) = said.as_ref().filter(|said| !said.is_empty()) {
        picture.annotate(said);
    }
    let is_empty = records.picture.boxes() == 0;
    // It is the same for everybody, and large.
    let whole_drawn = cx.links.is_served()
        && said.is_none_or(|said| said.is_empty())
        && picture.boxes() == records.picture.boxes();
    let body = html! {
        h1.unseen { "Mesh " (view.name()) }
        div.split {
            aside.side aria-label="State of the mesh" {
                (facts(cx, view))
                (problems(cx, view))
            }
            section.drawing aria-label="Picture of the mesh" {
                @if let Some(part) = part { (part) }
                @if is_empty { (nothing("Nothing to draw", "The mesh has neither virtual services nor nodes nor gateways.")) }
                @else if whole_drawn { (tools(records.drawn.get_or_init(|| drawn(cx, &picture)))) }
                @else { (self::picture(cx, &picture)) }
            }
        }
    };
    Content {
        has_picture: !is_empty,
        is_wide: !is_empty,
        ..Content::new("Mesh", body)
    }
}

/// The picture, or the part of it that was asked for or that there is room for; and what is said of that.
fn shown(cx: &Context<'_>, all: &Picture, whole: bool) -> (Picture, Option<Markup>) {
    let mut picture = all.clone();
    let asked = cx.query.get("around");
    let hops = cx
        .query
        .get("hops")
        .and_then(|hops| hops.parse().ok())
        .unwrap_or(1);
    let around = match asked {
        _ if whole => None,
        Some(name) => Some(name),
        None if all.boxes() > BOXES => all.busiest(),
        None => None,
    };
    let mesh = cx.page.mesh().unwrap_or_default().to_owned();
    let found = around.map(|name| picture.around(name, hops));
    let served = cx.links.is_served();
    let said = (around.is_some() || all.boxes() > BOXES).then(|| {
        html! {
            form.around method="get" action=[served.then(|| cx.href(&Page::Mesh(mesh.clone())))] {
                p {
                    @match (around, found) {
                        (Some(name), Some(false)) => { "Nothing is named " strong { bdi { (name) } } ", so everything is drawn." }
                        (Some(name), _) => {
                            (picture.boxes()) " of " (all.boxes()) " boxes, around " strong { bdi { (name) } } "."
                        }
                        (None, _) => { "All " (all.boxes()) " boxes." }
                    }
                }
                @if served {
                    label { "Around " input name="around" list="names" value=[around] autocomplete="off"; }
                    label { "Hops " input name="hops" type="number" min="0" max="9" value=(hops); }
                    button { "Draw" }
                    datalist #names { @for name in all.names() { option value=(name) {} } }
                }
                @if !whole { a href=(cx.href(&Page::Picture(mesh.clone()))) { "Draw all" } }
                @else { a href=(cx.href(&Page::Mesh(mesh.clone()))) { "Draw a part" } }
            }
        }
    });
    (picture, said)
}

/// A picture with search, zoom and details. The script brings them to life.
pub(super) fn picture(cx: &Context<'_>, picture: &Picture) -> Markup {
    tools(&drawn(cx, picture))
}

fn drawn(cx: &Context<'_>, picture: &Picture) -> String {
    picture.embedded(&|key| cx.href(&Page::Resource(key.clone())))
}

fn tools(svg: &str) -> Markup {
    html! {
        div.tools {
            label for="search" { "Find" }
            input #search type="search" autocomplete="off" spellcheck="false" placeholder="service, node, gateway, route";
            output #found aria-live="polite" {}
            span.keys {
                button #out .plain type="button" aria-label="Smaller" { "−" }
                button #in .plain type="button" aria-label="Larger" { "+" }
                button #fit .plain type="button" { "All" }
            }
            span.help.soft { "/ find · Tab next · Enter details · arrows move · + − 0 zoom" }
        }
        div.paper-of {
            (PreEscaped(svg))
            aside #details .details hidden aria-live="polite" {
                button #close .plain type="button" aria-label="Close" { "×" }
                h2 #what {}
                pre #about {}
                div #lists {}
            }
        }
    }
}

fn facts(cx: &Context<'_>, view: &View) -> Markup {
    let name = view.name().to_owned();
    let count = |kind: Kind| view.records.count(kind);
    let running = &view.fleet.proxies;
    html! {
        dl.facts {
            @if let Some(state) = &view.state {
                dt { "Release" }
                dd {
                    @match state.current_entry() {
                        Some(entry) => {
                            a.code href=(cx.href(&Page::Release(name.clone(), entry.release.to_string()))) {
                                (short(entry.release.as_str()))
                            }
                            @if state.pinned { " " span.badge.pinned { "pinned" } }
                            div.soft { (moment(entry.at)) }
                        }
                        None => { "none yet" }
                    }
                }
                dt { "Revision" }
                dd { (view.records.revision) }
            }
            dt { "Valid" }
            dd {
                @match view.errors() {
                    0 => { span.badge.current { "valid" } }
                    1 => { span.badge.rejects { "1 error" } }
                    many => { span.badge.rejects { (many) " errors" } }
                }
            }
            @if view.state.is_some() {
                dt { "Running" }
                dd {
                    @if running.is_empty() && view.streams.is_empty() { span.soft { "no proxy reports" } }
                    @for one in Condition::ALL {
                        @let many = view.fleet.count(one);
                        @if many > 0 { a.count href=(cx.href(&Page::Proxies(name.clone()))) { (many) " " (condition(one)) } }
                    }
                    @if !view.streams.is_empty() {
                        a.count href=(cx.href(&Page::Proxies(name.clone()))) { (view.streams.len()) " by ADS" }
                    }
                }
            }
            (live(view))
            dt { "Resources" }
            dd.kinds {
                @if beside(view) == 0 { span.soft { "none yet" } }
                @for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Mesh && count(*kind) > 0) {
                    div { (count(kind)) " " (kind.words()) @if count(kind) > 1 { "s" } }
                }
            }
        }
    }
}

/// How many resources the mesh has beside itself.
fn beside(view: &View) -> usize {
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Mesh);
    kinds.map(|kind| view.records.count(kind)).sum()
}

/// Whether there are live numbers.
fn live(view: &View) -> Markup {
    html! {
        @if let Some(live) = &view.live {
            dt { "Traffic" }
            dd {
                @match &live.problem {
                    Some(problem) => { span.badge.lagging { "no numbers" } div.soft { bdi { (problem) } } }
                    None if live.is_empty() => { span.soft { "Prometheus has counted no requests of this mesh in \
                                                              the last minute" } }
                    None => { span.soft { "in the last minute, by Prometheus" } }
                }
            }
        }
    }
}

fn problems(cx: &Context<'_>, view: &View) -> Markup {
    let problems = &view.records.problems;
    let errors = problems.iter().filter(|problem| problem.is_error());
    let warnings = problems.iter().filter(|problem| !problem.is_error());
    let broken = view.state.as_ref().and_then(|state| state.broken.as_ref());
    let refusing = view.refusing();
    html! {
        h2 { "Problems" }
        @if problems.is_empty() && broken.is_none() && refusing.is_empty() { p.soft { "None." } }
        @if let Some(broken) = broken {
            div.problem.error {
                p {
                    "What was written up to revision " (broken.revision)
                    " is not released: proxies keep their last release."
                }
            }
        }
        @for (path, reason) in refusing.iter().take(SHOWN) {
            div.problem.error {
                p { (proxy(cx, view, path)) " refuses the current release" }
                p { bdi { (reason) } }
            }
        }
        @if refusing.len() > SHOWN {
            p.soft { "and " (refusing.len() - SHOWN) " more: " a href=(cx.href(&Page::Proxies(view.name().to_owned()))) { "Proxies" } }
        }
        @for one in errors.chain(warnings).take(SHOWN) { (problem(cx, one)) }
        @if problems.len() > SHOWN { p.soft { "and " (problems.len() - SHOWN) " more: " code { "meshform validate" } } }
    }
}
