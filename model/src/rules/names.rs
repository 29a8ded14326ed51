//! Names, account ids, ARNs.

use super::{Findings, codes, named};
use crate::arn::{Arn, is_account};
use crate::key::ResourceKey;
use crate::kind::Kind;
use crate::path::Path;
use crate::pointer::Pointer;
use crate::resource::{Identity, Resource};
use crate::schema::Dialect;
use crate::spec::{
    ClientPolicy, ClientTrust, ListenerCertificate, ListenerTls, VirtualGatewaySpec, VirtualNodeSpec,
};
use crate::validate::is_hidden;

pub(super) fn of<S>(resource: &Resource<S>, report: &mut Findings) {
    name(&resource.key, report);
    if let Some(it) = &resource.identity {
        identity(&resource.key, it, report);
    }
}

pub(super) fn name(key: &ResourceKey, report: &mut Findings) {
    let name = key.name.as_str();
    let length = name.chars().count();
    let service = key.kind == Kind::VirtualService;
    let wrong = if length == 0 {
        "is empty".to_owned()
    } else if length > 255 {
        format!("has {length} characters, {} more than 255", length - 255)
    } else if let Some(c) = name.chars().find(|c| *c == '/' || is_hidden(*c)) {
        format!("contains '{}'", c.escape_default())
    } else if let Some(c) = name.chars().find(|c| service && (*c == '*' || c.is_whitespace())) {
        format!("contains {c:?}, which a host name cannot have")
    } else {
        return;
    };
    let shown: String = name.chars().take(60).flat_map(shown).collect();
    report.error(
        codes::NAME,
        (key, Pointer::root().field(key.kind.name_field(Dialect::Api))),
        format!("the name `{shown}` of a {} {wrong}", key.kind),
        "use 1 to 255 characters without a slash, such as `serviceb` or `serviceb.apps.local`",
    );
}

/// A character as a message may show it.
fn shown(c: char) -> Vec<char> {
    if is_hidden(c) {
        c.escape_default().collect()
    } else {
        c.escape_debug().collect()
    }
}

fn identity(key: &ResourceKey, identity: &Identity, report: &mut Findings) {
    for (field, account) in [
        ("meshOwner", &identity.mesh_owner),
        ("resourceOwner", &identity.resource_owner),
    ] {
        if !is_account(account) {
            report.error(
                codes::ACCOUNT,
                (key, Pointer::root().field("metadata").field(field)),
                format!("`{account}`, the {field} of {}, is not an account id", named(key)),
                "write the 12 digits, with leading zeros",
            );
        }
    }
    let (account, path) = (&identity.resource_owner, key.path());
    let fits = arn(&identity.arn)
        .is_some_and(|arn| arn.service == "appmesh" && arn.account == account && arn.resource == path);
    if !fits {
        report.error(
            codes::ARN,
            (key, Pointer::root().field("metadata").field("arn")),
            format!("`{}` is not the ARN of {}", identity.arn, named(key)),
            &format!("it is `arn:<partition>:appmesh:<region>:{account}:{path}`"),
        );
    }
}

/// An ARN of which the parts that every ARN has are not empty.
fn arn(text: &str) -> Option<Arn<'_>> {
    Arn::parse(text).filter(|arn| {
        [arn.partition, arn.service, arn.resource]
            .iter()
            .all(|part| !part.is_empty())
    })
}

/// The ARNs of certificates and authorities that a node's listeners and client policies name.
pub(super) fn node(node: &Resource<VirtualNodeSpec>, report: &mut Findings) {
    let key = &node.key;
    for (i, listener) in node.spec.listeners.iter().enumerate() {
        let path = || VirtualNodeSpec::path().listeners().at(i).tls();
        of_listener(key, path, listener.tls.as_ref(), report);
    }
    let defaults = node.spec.backend_defaults.as_ref();
    let policy = defaults.and_then(|defaults| defaults.client_policy.as_ref());
    let path = || VirtualNodeSpec::path().backend_defaults().client_policy();
    of_policy(key, path, policy, report);
    for (i, backend) in node.spec.backend_services().enumerate() {
        let path = || {
            let backend = VirtualNodeSpec::path().backends().at(i);
            backend.virtual_service().client_policy()
        };
        of_policy(key, path, backend.client_policy.as_ref(), report);
    }
}

/// The same of a gateway.
pub(super) fn gateway(gateway: &Resource<VirtualGatewaySpec>, report: &mut Findings) {
    let key = &gateway.key;
    for (i, listener) in gateway.spec.listeners.iter().enumerate() {
        let path = || VirtualGatewaySpec::path().listeners().at(i).tls();
        of_listener(key, path, listener.tls.as_ref(), report);
    }
    let defaults = gateway.spec.backend_defaults.as_ref();
    let policy = defaults.and_then(|defaults| defaults.client_policy.as_ref());
    let path = || VirtualGatewaySpec::path().backend_defaults().client_policy();
    of_policy(key, path, policy, report);
}

fn of_listener(
    key: &ResourceKey,
    path: impl FnOnce() -> Path<ListenerTls>,
    tls: Option<&ListenerTls>,
    report: &mut Findings,
) {
    if let Some(ListenerCertificate::Acm(acm)) = tls.map(|tls| &tls.certificate) {
        let path = path().certificate().acm().certificate_arn();
        well_formed(key, &path, &acm.certificate_arn, report);
    }
}

fn of_policy(
    key: &ResourceKey,
    path: impl Fn() -> Path<ClientPolicy>,
    policy: Option<&ClientPolicy>,
    report: &mut Findings,
) {
    let trust = policy
        .and_then(|policy| policy.tls.as_ref())
        .map(|tls| &tls.validation.trust);
    if let Some(ClientTrust::Acm(acm)) = trust {
        for (i, authority) in acm.certificate_authority_arns.iter().enumerate() {
            let trust = path().tls().validation().trust();
            let path = trust.acm().certificate_authority_arns().at(i);
            well_formed(key, &path, authority, report);
        }
    }
}

fn well_formed(key: &ResourceKey, path: &Path<String>, text: &str, report: &mut Findings) {
    if arn(text).is_none() {
        report.error(
            codes::ARN,
            (key, path),
            format!("`{text}` is not an ARN"),
            "write the full ARN, as in `arn:aws:acm:eu-west-1:123456789012:certificate/…`",
        );
    }
}
