//! What a release takes away that running traffic may need: the last route of a router.

use crate::manifest::Manifest;
use meshform_model::mesh::{Mesh, Provider, Role};
use std::collections::BTreeSet;

/// The routers that have routes and the virtual services that lead to a node or such a router; and, with routes or
/// without, all that somebody calls.
pub(crate) fn routed(mesh: &Mesh) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut routed = BTreeSet::new();
    let mut called = BTreeSet::new();
    for router in mesh.virtual_routers() {
        if !mesh.routes_of(&router.key.name).is_empty() {
            routed.insert(router.key.path());
        }
    }
    for service in mesh.virtual_services() {
        let provider = mesh.provider(&service.spec);
        let is_called = mesh
            .referrers(&service.key)
            .any(|by| matches!(by.role, Role::Backend | Role::GatewayTarget));
        let leads = match provider {
            None => false,
            Some(Provider::VirtualNode(_)) => true,
            Some(Provider::VirtualRouter(router)) => routed.contains(&router.key.path()),
        };
        if leads {
            routed.insert(service.key.path());
        }
        if is_called {
            called.insert(service.key.path());
            called.extend(provider.map(|provider| provider.key().path()));
        }
    }
    (routed, called)
}

/// What led somewhere in the release before, is still called, and leads nowhere now.
pub(crate) fn lost(before: Option<&Manifest>, now: &Manifest, called: &BTreeSet<String>) -> Vec<String> {
    // Where no proxy changes, nobody loses anything.
    let Some(before) = before.filter(|before| !now.changes_since(Some(before)).is_empty()) else {
        return Vec::new();
    };
    let gone = before
        .routed
        .iter()
        .filter(|path| called.contains(*path) && !now.routed.contains(*path));
    gone.cloned().collect()
}
