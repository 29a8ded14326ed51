//! TLS at both ends.

use super::EffectiveSection;
use crate::ir::tls::{ClientTls, Files, SecretRef, SecretSource, ServerTls, SubjectName, Validation};
use crate::ir::{Origin, Source};
use meshform_model::path::Path;
use meshform_model::spec::{ClientPolicyTls, ListenerTls};

/// What a chain does to its clients.
pub(super) fn server(out: &mut EffectiveSection<'_>, of: &ServerTls) {
    let ServerTls {
        origin,
        certificate,
        clients,
        alpn,
    } = of;
    out.field("TLS", "terminated", origin);
    let place = origin.below(|tls: Path<ListenerTls>| tls.certificate());
    out.field("certificate", secret(certificate), &place);
    let trust = || origin.below(|tls: Path<ListenerTls>| tls.validation().trust());
    match clients {
        Some(clients) => validation(out, clients, &trust()),
        None => out.tell("certificate of the client", "not asked for", Source::AppMesh),
    }
    protocols(out, alpn);
}

/// What a cluster does to its hosts.
pub(super) fn client(out: &mut EffectiveSection<'_>, of: &ClientTls) {
    let ClientTls {
        origin,
        certificate,
        validation,
        sni,
        alpn,
    } = of;
    out.field("TLS", "spoken", origin);
    out.tell("server name asked for", sni, Source::AppMesh);
    match certificate {
        Some(own) => {
            let place = origin.below(|tls: Path<ClientPolicyTls>| tls.certificate());
            out.field("certificate", secret(own), &place);
        }
        None => out.tell("certificate", "none", Source::AppMesh),
    }
    // Where a listener decides about its callers, its TLS has the same fields.
    let trust = || origin.below(|tls: Path<ClientPolicyTls>| tls.validation().trust());
    match validation {
        Some(server) => self::validation(out, server, &trust()),
        None => out.tell("certificate of the host", "not checked", Source::AppMesh),
    }
    protocols(out, alpn);
}

fn protocols(out: &mut EffectiveSection<'_>, alpn: &[&str]) {
    if !alpn.is_empty() {
        out.tell("protocols inside", alpn.join(", "), Source::AppMesh);
    }
}

/// `origin` is that of the trust.
fn validation(out: &mut EffectiveSection<'_>, of: &Validation, origin: &Origin) {
    let Validation { trust, names } = of;
    out.field("trusted", secret(trust), origin);
    out.add("names, one of which its certificate must have", names, |names| {
        let names: Vec<&str> = names
            .iter()
            .map(|name| match name {
                SubjectName::Dns(name) | SubjectName::Uri(name) | SubjectName::Ip(name) => name.as_str(),
            })
            .collect();
        if names.is_empty() {
            "any".to_owned()
        } else {
            names.join(", ")
        }
    });
}

fn secret(of: &SecretRef) -> String {
    let SecretRef { name, source } = of;
    match source {
        SecretSource::Files(Files::Identity {
            chain,
            key,
            passphrase,
        }) => match passphrase {
            Some(passphrase) => format!("{chain} with the key {key}, encrypted with {passphrase}"),
            None => format!("{chain} with the key {key}"),
        },
        SecretSource::Files(Files::Trust { bundle }) => bundle.clone(),
        SecretSource::Sds => format!("{name} from the SDS server"),
    }
}
