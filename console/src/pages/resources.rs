//! The resources of a mesh.

use crate::frame::{Content, Context, filter, moment, nothing};
use crate::view::View;
use maud::html;
use meshform_model::diag::Diagnostic;
use meshform_model::key::ResourceKey;
use std::collections::BTreeMap;

pub(super) fn page(cx: &Context<'_>, view: &View) -> Content {
    let keys = &view.records.keys;
    let mut wrong: BTreeMap<&ResourceKey, usize> = BTreeMap::new();
    for problem in view
        .records
        .problems
        .iter()
        .filter(|problem| Diagnostic::is_error(problem))
    {
        if let Some(key) = problem.places.first().and_then(|place| place.resource.as_ref()) {
            *wrong.entry(key).or_default() += 1;
        }
    }
    let stored = !view.records.written.is_empty();
    let body = html! {
        h1 { "Resources" }
        @if keys.is_empty() { (nothing("No resources", "The mesh has none now.")) }
        @else {
            (filter("name, kind, owner", keys.len()))
            div.scroll { table {
                thead { tr { th { "Resource" } th { "Problems" } @if stored { th { "Owner" } th { "Written by" } th { "At" } th.number { "Revision" } } } }
                tbody { @for key in keys {
                    tr {
                        td { (cx.resource(key)) }
                        td { @if let Some(count) = wrong.get(key) { span.badge.rejects { (count) } } }
                        @if let Some(written) = view.records.written.get(key) {
                            td { bdi { (written.owner) } } td { bdi { (written.actor) } } td.soft { (moment(written.at)) } td.number { (written.revision) }
                        }
                    }
                } }
            } }
        }
    };
    Content::new("Resources", body)
}
