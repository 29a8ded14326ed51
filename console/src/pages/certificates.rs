//! The certificates that running proxies hold, those that expire first at the top.

use super::proxies::proxy;
use crate::frame::{Content, Context, filter, nothing};
use crate::view::View;
use maud::html;
use meshform_bundle::objects::Certificate;
use meshform_release::{Condition, RunningProxy};

pub(super) fn page(cx: &Context<'_>, view: &View) -> Content {
    let running = view
        .fleet
        .proxies
        .iter()
        .filter(|one| one.condition != Condition::Stopped);
    let mut held: Vec<(&Certificate, &RunningProxy)> = running
        .flat_map(|one| one.status.certificates.iter().map(move |held| (held, one)))
        .collect();
    // What Envoy does not say stands last.
    held.sort_by_key(|(held, one)| {
        (
            held.not_after.is_empty(),
            &held.not_after,
            &one.status.proxy,
            &held.name,
        )
    });
    let body = html! {
        h1 { "Certificates" }
        @if held.is_empty() {
            (nothing("No certificates reported", "Agents report the certificates that their Envoy holds, with the day on which each expires."))
        } @else {
            (filter("name, proxy, day", held.len()))
            div.scroll { table {
                thead { tr { th { "Expires" } th { "Certificate" } th { "Proxy" } th { "Instance" } } }
                tbody { @for (held, one) in held {
                    tr {
                        td { @if held.not_after.is_empty() { span.soft { "not known" } } @else { (held.not_after) } }
                        td.long { bdi { (held.name) } }
                        td { (proxy(cx, view, &one.status.proxy)) }
                        td { bdi { (one.status.instance) } }
                    }
                } }
            } }
        }
    };
    Content::new("Certificates", body)
}
