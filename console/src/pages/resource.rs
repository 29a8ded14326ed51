//! One resource: what it says, the same to copy, who refers to whom, and who wrote it.

use super::example;
use crate::frame::{Content, Context, moment, problem, to_copy};
use crate::page::Page;
use crate::view::View;
use maud::{Markup, html};
use meshform_compiler::{api, cloudformation, terraform};
use meshform_model::body;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Reference;
use meshform_model::resource::Resource;
use meshform_store::{Action, Change};
use serde_json::Value as Json;

pub(super) async fn page(
    cx: &Context<'_>,
    view: &View,
    key: &ResourceKey,
) -> Result<Option<Content>, Box<Diagnostic>> {
    let Some(resource) = view.mesh().get(key) else {
        return Ok(None);
    };
    let writes = match cx.site {
        Some(site) => site.writes(key, view.records.revision).await?,
        None => Vec::new(),
    };
    let is_proxy = [Kind::VirtualNode, Kind::VirtualGateway].contains(&key.kind);
    let wrong = view.records.problems.iter().filter(|problem| {
        let first = problem.places.first().and_then(|place| place.resource.as_ref());
        first == Some(key)
    });
    let stored = body::stored(&resource);
    let is_route = [Kind::Route, Kind::GatewayRoute].contains(&key.kind);
    let (example, has_picture) = match is_route {
        true => example::section(cx, view, key),
        false => (html! {}, false),
    };
    let body = html! {
        p.crumbs { a href=(cx.href(&Page::Resources(key.mesh.clone()))) { "Resources" }
            @if let Some(parent) = key.container().filter(|parent| parent.kind != Kind::Mesh) { " / " (cx.resource(&parent)) }
        }
        h1 { bdi { (key.name) } " " span.soft { (key.kind.words()) } }
        @if is_proxy { p { a href=(cx.href(&Page::Proxy(key.clone()))) { "Configuration of its proxy" } } }
        @for one in wrong { (problem(cx, one)) }
        div.columns {
            section {
                h2 { "What it says" }
                @match stored.get("spec") {
                    Some(spec) if spec.as_object().is_some_and(|spec| !spec.is_empty()) => { (tree(spec)) }
                    _ => { p.soft { "Only its name." } }
                }
                @if let Some(extensions) = stored.get("extensions") { h2 { "Extensions" } (tree(extensions)) }
                @if !resource.tags.is_empty() {
                    h2 { "Tags" }
                    dl.facts { @for (name, value) in &resource.tags { dt { bdi { (name) } } dd { bdi { (value) } } } }
                }
            }
            section {
                (references(cx, view, key))
                (written(view, &resource, &writes))
            }
        }
        (example)
        h2 { "Copy, and change" }
        p.soft { "Changes belong where the resource is written. For Terraform, paste this, change it, and apply." }
        (copies(&resource))
    };
    Ok(Some(Content {
        has_picture,
        ..Content::new(key.name.clone(), body)
    }))
}

/// A value as a tree that can be folded.
fn tree(value: &Json) -> Markup {
    html! {
        @match value {
            Json::Object(fields) => {
                ul.tree { @for (name, value) in fields { li { (branch(name, value)) } } }
            }
            Json::Array(items) => {
                ul.tree { @for (at, value) in items.iter().enumerate() { li { (branch(&(at + 1).to_string(), value)) } } }
            }
            Json::String(text) => { bdi.value { (text) } }
            other => { span.value { (other) } }
        }
    }
}

fn branch(name: &str, value: &Json) -> Markup {
    let has_more = value.as_object().is_some_and(|fields| !fields.is_empty())
        || value.as_array().is_some_and(|items| !items.is_empty());
    html! {
        @if has_more { details open { summary { span.field { (name) } } (tree(value)) } }
        @else { span.field { (name) } " " (tree(value)) }
    }
}

fn references(cx: &Context<'_>, view: &View, key: &ResourceKey) -> Markup {
    let mut to = view.mesh().references_from(key);
    to.sort_by(|a, b| a.to.cmp(&b.to));
    to.dedup_by(|a, b| a.to == b.to);
    let mut from: Vec<&Reference> = view.mesh().referrers(key).collect();
    from.sort_by(|a, b| a.from.cmp(&b.from));
    from.dedup_by(|a, b| a.from == b.from);
    let (most, rest) = from.split_at(from.len().min(200));
    html! {
        h2 { "Refers to" }
        @if to.is_empty() { p.soft { "Nothing." } }
        ul.refs { @for one in &to {
            li { (cx.resource(&one.to)) @if !view.mesh().contains(&one.to) && one.to.kind != Kind::Mesh { " " span.badge.rejects { "missing" } } }
        } }
        h2 { "Referred to by" }
        @if most.is_empty() { p.soft { "Nothing." } }
        ul.refs { @for one in most { li { (cx.resource(&one.from)) } } }
        @if !rest.is_empty() { p.soft { "and " (rest.len()) " more" } }
    }
}

fn written(view: &View, resource: &Resource, writes: &[Change]) -> Markup {
    let Some(last) = view.records.written.get(&resource.key) else {
        return html! {};
    };
    html! {
        h2 { "Written" }
        dl.facts {
            dt { "Owner" } dd { bdi { (last.owner) } }
            dt { "ARN" } dd.long { bdi { (resource.identity.as_ref().map_or("", |identity| identity.arn.as_str())) } }
            dt { "Version" } dd { (last.version) }
        }
        ul.writes {
            @if writes.is_empty() { li { "revision " (last.revision) " by " bdi { (last.actor) } " " span.soft { (moment(last.at)) } } }
            @for one in writes {
                li {
                    "revision " (one.revision) @if one.action == Action::Delete { " deleted" } " by " bdi { (one.author.actor) } " "
                    span.soft { (moment(one.at)) }
                }
            }
        }
    }
}

/// The resource without what a configuration says of providers: whoever pastes it has that.
fn block(configuration: &str) -> String {
    match configuration.find("\nresource ") {
        Some(at) => configuration.get(at + 1..).unwrap_or_default().to_owned(),
        None => configuration.to_owned(),
    }
}

fn copies(resource: &Resource) -> Markup {
    let one = std::slice::from_ref(resource);
    let json = api::build(one);
    let json = json.get(0).cloned().unwrap_or_default();
    html! {
        (to_copy("Terraform", &block(&terraform::build(one)), true))
        (to_copy("CloudFormation", &format!("{:#}", cloudformation::build(one).json), false))
        (to_copy("App Mesh JSON", &format!("{json:#}"), false))
    }
}
