//! What becomes of a task's interception, and what ECS cannot leave out of it.

use super::appmesh::{Change, VariableFate};
use super::{Task, ports};
use meshform_model::spec::Interception;
use serde_json::Value as Json;
use std::collections::BTreeSet;

const CONFIGURATION: &str = "proxyConfiguration";

fn change(what: &str, fate: VariableFate, why: String) -> Change {
    Change {
        what: what.to_owned(),
        fate,
        why,
    }
}

/// What the proxy configuration of ECS cannot leave out, for whoever did not have one: nothing has changed for others.
pub fn not_left_out(task: &Task<'_>) -> Option<Change> {
    let Some(Interception::Transparent(_)) = ports::interception(task) else {
        return None;
    };
    let why = format!(
        "ECS can exclude ports, addresses and the proxy's own user, but no names: calls by name to destinations \
         outside of the mesh go through Envoy and the mesh's egress filter (`{}`); UDP is never intercepted",
        task.mesh.spec().egress().name()
    );
    Some(change("interception", VariableFate::Impossible, why))
}

/// What becomes of the proxy configuration of a task definition that somebody has.
pub(super) fn changes(task: &Task<'_>, before: Option<&Json>, after: Option<&Json>) -> Vec<Change> {
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(_)) => {
            let new = "the proxy profile says `transparent`, and the task definition had none".to_owned();
            let new = change(CONFIGURATION, VariableFate::Moved, new);
            std::iter::once(new).chain(not_left_out(task)).collect()
        }
        (Some(_), None) => {
            let why = match ports::interception(task) {
                Some(_) => {
                    "the proxy profile says `explicit`: the application finds the proxy by `HTTP_PROXY`"
                }
                None => "a gateway needs no interception",
            };
            vec![change(CONFIGURATION, VariableFate::Dropped, why.to_owned())]
        }
        (Some(before), Some(after)) => {
            let why = "`interception.transparent` of the proxy profile, from which it is written again";
            let taken = change(CONFIGURATION, VariableFate::Moved, why.to_owned());
            std::iter::once(taken).chain(app_ports(before, after)).collect()
        }
    }
}

/// The ports on which the application is called are the listeners', whatever was written.
fn app_ports(before: &Json, after: &Json) -> Option<Change> {
    let of = |configuration: &Json| -> Option<BTreeSet<String>> {
        let mut properties = configuration.get("properties")?.as_array()?.iter();
        let pair = properties.find(|pair| pair.get("name").and_then(Json::as_str) == Some("AppPorts"))?;
        let value = pair.get("value")?.as_str()?;
        let ports = value.split(',').map(|port| port.trim().to_owned());
        Some(ports.filter(|port| !port.is_empty()).collect())
    };
    let (before, after) = (of(before)?, of(after).unwrap_or_default());
    let listed = |ports: &BTreeSet<String>| match ports.is_empty() {
        true => "nothing".to_owned(),
        false => format!("`{}`", ports.iter().cloned().collect::<Vec<_>>().join(",")),
    };
    (before != after).then(|| {
        let why = format!(
            "{} becomes {}, the ports of the listeners: other inbound traffic is not intercepted",
            listed(&before),
            listed(&after)
        );
        change("proxyConfiguration.AppPorts", VariableFate::Moved, why)
    })
}
