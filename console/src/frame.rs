//! What all pages share: head, navigation, and the small parts that they are made of.

use crate::assets::{self, Asset, POLICY_OF_FILES};
use crate::links::Links;
use crate::page::Page;
use crate::site::Site;
use crate::view::View;
use crate::{Query, Visitor};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use meshform_compiler::diff::name;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_release::Condition;
use meshform_store::Timestamp;

/// What a page is made with.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    pub page: &'c Page,
    /// What is asked for beside its address.
    pub query: &'c Query,
    /// How pages link to one another.
    pub links: Links,
    /// The signed-in user, and what they may do.
    pub visitor: &'c Visitor,
    /// The mesh that the page is about.
    pub view: Option<&'c View>,
    /// The store, where there is one.
    pub site: Option<&'c Site>,
    pub meshes: &'c [String],
    /// What is to be said of what was just done.
    pub told: &'c [Diagnostic],
}

pub(crate) struct Content {
    pub(crate) title: String,
    pub(crate) body: Markup,
    /// Whether there is a picture to search and zoom.
    pub(crate) has_picture: bool,
    /// Whether it takes the whole width, for the sake of a picture.
    pub(crate) is_wide: bool,
}

impl Content {
    pub(crate) fn new(title: impl Into<String>, body: Markup) -> Self {
        Self {
            title: title.into(),
            body,
            has_picture: false,
            is_wide: false,
        }
    }
}

impl Context<'_> {
    pub(crate) fn href(&self, to: &Page) -> String {
        self.links.to(self.page, to)
    }

    /// A link to the page about a resource that the mesh has, or its name.
    pub(crate) fn resource(&self, key: &ResourceKey) -> Markup {
        let there = self.view.is_some_and(|view| view.mesh().contains(key));
        let of_mesh = key.kind == Kind::Mesh;
        html! {
            @if there || of_mesh { a href=(self.href(&Page::Resource(key.clone()))) { bdi { (name(key)) } } }
            @else { bdi { (name(key)) } }
        }
    }

    fn script(&self, asset: &Asset) -> Markup {
        html! { script src=(self.links.asset(self.page, asset)) defer {} }
    }
}

pub(crate) fn whole(cx: &Context<'_>, content: &Content) -> String {
    let title = match cx.page.mesh() {
        Some(mesh) => format!("{} · {mesh} · meshform", content.title),
        None => format!("{} · meshform", content.title),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                @if !cx.links.is_served() { meta http-equiv="Content-Security-Policy" content=(POLICY_OF_FILES); }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(cx.links.asset(cx.page, &assets::STYLE));
                (cx.script(&assets::SCRIPT))
                @if content.has_picture { (cx.script(&assets::PICTURE)) }
            }
            body {
                a.skip href="#main" { "Skip to content" }
                (top(cx))
                main #main .wide[content.is_wide] {
                    @for problem in cx.told { (self::problem(cx, problem)) }
                    (content.body)
                }
            }
        }
    };
    page.into_string()
}

const LOGO: &str = "<svg class=\"logo\" viewBox=\"0 0 24 24\" width=\"22\" height=\"22\" aria-hidden=\"true\"><path d=\"M5 6 12 18 \
                    19 6M5 6h14\"/><circle cx=\"5\" cy=\"6\" r=\"3\"/><circle cx=\"19\" cy=\"6\" r=\"3\"/><circle cx=\"12\" \
                    cy=\"18\" r=\"3\"/></svg>";

fn top(cx: &Context<'_>) -> Markup {
    html! {
        header.top {
            a.brand href=(cx.href(&Page::Meshes)) { (PreEscaped(LOGO)) span { "meshform" } }
            @if let Some(mesh) = cx.page.mesh() {
                span.sep aria-hidden="true" { "/" }
                a.mesh-of href=(cx.href(&Page::Mesh(mesh.to_owned()))) { bdi { (mesh) } }
                nav aria-label="Pages of the mesh" {
                    @for (title, page) in tabs(mesh) {
                        @let here = is_under(cx.page, &page);
                        a href=(cx.href(&page)) aria-current=[here.then_some("page")] { (title) }
                    }
                }
            }
            @if !cx.visitor.name.is_empty() {
                form.who method="post" action="/console/logout" {
                    input type="hidden" name="token" value=(cx.visitor.token);
                    span { bdi { (cx.visitor.name) } }
                    button.plain { "Log out" }
                }
            }
        }
    }
}

fn tabs(mesh: &str) -> [(&'static str, Page); 6] {
    let of = |page: fn(String) -> Page| page(mesh.to_owned());
    [
        ("Mesh", of(Page::Mesh)),
        ("Proxies", of(Page::Proxies)),
        ("Releases", of(Page::Releases)),
        ("Resources", of(Page::Resources)),
        ("Route", of(Page::Route)),
        ("Certificates", of(Page::Certificates)),
    ]
}

fn is_under(page: &Page, tab: &Page) -> bool {
    match (page, tab) {
        (Page::Picture(_), Page::Mesh(_)) => true,
        (page, Page::Mesh(_)) => page == tab,
        _ => page.segments().starts_with(&tab.segments()),
    }
}

// === Parts ===

/// A problem with its place and what helps.
pub(crate) fn problem(cx: &Context<'_>, problem: &Diagnostic) -> Markup {
    let (class, word) = match problem.is_error() {
        true => ("problem error", "error"),
        false => ("problem warning", "warning"),
    };
    let key = problem.places.first().and_then(|place| place.resource.as_ref());
    html! {
        div class=(class) {
            p {
                span.badge { (word) } " " bdi { (problem.message) } " " span.code { (problem.code) }
            }
            @if let Some(key) = key.filter(|key| key.kind != Kind::Mesh) { p.soft { "in " (cx.resource(key)) } }
            @if let Some(help) = &problem.help { p.soft { bdi { (help) } } }
        }
    }
}

/// How a running proxy stands.
pub(crate) fn condition(condition: Condition) -> Markup {
    html! { span.badge.(condition.name()) { (condition.words()) } }
}

/// A moment as people read it, to the second.
pub(crate) fn moment(at: Timestamp) -> Markup {
    let exact = at.to_string();
    let words = exact.get(..19).map_or_else(
        || exact.clone(),
        |start| format!("{} UTC", start.replace('T', " ")),
    );
    html! { time.moment datetime=(exact) { (words) } }
}

/// Twelve digits tell releases apart.
pub(crate) fn short(release: &str) -> &str {
    release.get(..12).unwrap_or(release)
}

/// A text to copy, behind a title.
pub(crate) fn to_copy(title: &str, text: &str, open: bool) -> Markup {
    html! {
        details.copy open[open] {
            summary { (title) }
            button.plain type="button" data-copy="" hidden { "Copy" }
            pre { code { (text) } }
        }
    }
}

/// A field that keeps the rows of the next table that have a text. Without a script it is not there.
pub(crate) fn filter(what: &str, rows: usize) -> Markup {
    html! {
        @if rows > 8 {
            div.filter hidden {
                label { "Filter " input type="search" data-filter="" placeholder=(what) autocomplete="off" spellcheck="false"; }
                output aria-live="polite" {}
            }
        }
    }
}

/// What is shown in the place of a table without rows.
pub(crate) fn nothing(title: &str, text: &str) -> Markup {
    html! { div.nothing { p.title { (title) } p { (text) } } }
}

// === Pages without a mesh ===

/// A page that says one thing: there is no such page, or it is not for this visitor.
pub fn notice(title: &str, text: &str) -> String {
    let body = html! { h1 { (title) } p { bdi { (text) } } p { a href="/console/" { "All meshes" } } };
    alone(title, body)
}

/// Where whoever has a key logs in; what went wrong the last time.
pub fn login(wrong: &str) -> String {
    let body = html! {
        form.login method="post" action="/console/login" {
            h1 { "Log in" }
            p.soft { "With a key of this server: " code { "meshform keys create" } " makes one." }
            @if !wrong.is_empty() { div.problem.error role="alert" { p { (wrong) } } }
            label { "Key id" input name="key" required autocomplete="username" autofocus spellcheck="false"; }
            label { "Secret" input name="secret" type="password" required autocomplete="current-password"; }
            button { "Log in" }
        }
    };
    alone("Log in", body)
}

fn alone(title: &str, body: Markup) -> String {
    let (query, visitor) = (Query::default(), Visitor::default());
    let cx = Context {
        page: &Page::Meshes,
        query: &query,
        links: Links::Served,
        visitor: &visitor,
        view: None,
        site: None,
        meshes: &[],
        told: &[],
    };
    whole(&cx, &Content::new(title, body))
}
