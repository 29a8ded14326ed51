//! The sockets beside one proxy: which of them could not be opened together, and which are none.

use super::Lowering;
use super::context::{ProxyBuilder, ProxyContext};
use crate::codes;
use crate::ir::Origin;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::path::Path;
use meshform_model::spec::{ProxyProfileSpec, VirtualNodeSpec};
use std::collections::BTreeMap;
use std::net::IpAddr;

struct Socket {
    what: String,
    /// Nothing: every address of both families.
    address: Option<IpAddr>,
    /// `::` that takes IPv4 too.
    both_families: bool,
    places: Vec<ProblemLocation>,
    application: bool,
}

impl Socket {
    /// Whether both want the same connections; they have one port.
    fn meets(&self, other: &Self) -> bool {
        let (Some(own), Some(its)) = (self.address, other.address) else {
            return true;
        };
        own == its || self.covers(its) || other.covers(own)
    }

    fn covers(&self, address: IpAddr) -> bool {
        self.address.is_some_and(|own| {
            own.is_unspecified()
                && (own.is_ipv4() == address.is_ipv4() || (own.is_ipv6() && self.both_families))
        })
    }
}

impl Lowering<'_> {
    /// Two sockets for one connection: only one could be opened, or would get nothing.
    pub(crate) fn check_sockets(&self, draft: &ProxyBuilder, scope: &ProxyContext<'_>) {
        let mut by_port: BTreeMap<u16, Vec<Socket>> = BTreeMap::new();
        let (admin, port) = scope.profile.merged.admin();
        if let Ok(address) = admin.parse() {
            by_port.entry(port).or_default().push(Socket {
                what: "the admin endpoint".to_owned(),
                address: Some(address),
                both_families: false,
                places: vec![scope.profile_place(Path::<ProxyProfileSpec>::admin)],
                application: false,
            });
        }
        for listener in &draft.listeners {
            // The rules of a mesh let no other through.
            let Ok(address) = listener.address.parse() else {
                continue;
            };
            by_port.entry(listener.port).or_default().push(Socket {
                what: format!("`{}`", listener.name),
                address: Some(address),
                both_families: listener.ipv4_compat,
                places: vec![
                    listener.origin.place(),
                    Origin::at(&scope.key, VirtualNodeSpec::path()).place(),
                ],
                application: false,
            });
        }
        for application in &draft.applications {
            let address = match &application.address {
                None => None,
                Some(address) => match address.parse::<IpAddr>() {
                    // An application elsewhere takes no port here.
                    Ok(address) if address.is_loopback() || address.is_unspecified() => Some(address),
                    _ => continue,
                },
            };
            by_port.entry(application.port).or_default().push(Socket {
                what: "the application".to_owned(),
                address,
                both_families: true,
                places: vec![
                    application.origin.place(),
                    scope.profile_place(Path::<ProxyProfileSpec>::inbound),
                ],
                application: true,
            });
        }
        for (port, sockets) in by_port {
            for (at, socket) in sockets.iter().enumerate() {
                let mut before = sockets.iter().take(at);
                let met =
                    before.find(|other| !(other.application && socket.application) && other.meets(socket));
                if let Some(other) = met {
                    self.report(clash(socket, other, port));
                }
            }
        }
    }
}

fn clash(socket: &Socket, other: &Socket, port: u16) -> Diagnostic {
    let help = if socket.application || other.application {
        "give one of them another port; with explicit interception `inbound.appPorts` of the proxy profile says where \
         the application listens"
    } else {
        "give one of them another port or loopback address"
    };
    let message = format!(
        "{} and {} would both listen on port {port}",
        socket.what, other.what
    );
    let mut out = Diagnostic::error(codes::SOCKET_CLASH, message).help(help);
    for place in socket.places.iter().chain(&other.places) {
        if !out.places.contains(place) {
            out = out.at(place.clone());
        }
    }
    out
}
