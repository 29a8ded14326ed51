//! TLS: what a listener shows and asks for, and what a caller does by App Mesh's rules.

use super::Lowering;
use super::context::ProxyContext;
use super::upstream::TargetRef;
use crate::codes;
use crate::ir::tls::{ClientTls, Files, SecretRef, SecretSource, ServerTls, SubjectName, Validation};
use crate::ir::{Origin, Sourced};
use meshform_model::diag::{Diagnostic, Example};
use meshform_model::digest::suffix;
use meshform_model::exported::{self, CertificatePart, Exported};
use meshform_model::path::Path;
use meshform_model::spec::{
    AcmTrust, CertificateSource, ClientCertificate, ClientPolicyTls, ClientTrust, FileCertificate, Listener,
    ListenerCertificate, ListenerTls, ListenerTlsMode, ListenerTrust, ListenerValidation, Protocol,
    ServiceDiscovery, SubjectAlternativeNames, VirtualNodeSpec,
};
use serde_json::json;
use std::sync::Arc;

impl Lowering<'_> {
    /// What a listener does; `origin` is its `tls`.
    pub(crate) fn server_tls(
        &self,
        tls: &ListenerTls,
        protocol: Protocol,
        scope: &ProxyContext<'_>,
        origin: &Origin,
    ) -> Option<Arc<ServerTls>> {
        let place = origin.below(|tls: Path<ListenerTls>| tls.certificate());
        let certificate = match &tls.certificate {
            ListenerCertificate::Acm(acm) => {
                let place = place.below(|at: Path<ListenerCertificate>| at.acm().certificate_arn());
                self.known_identity(&acm.certificate_arn, scope, &place)?
            }
            ListenerCertificate::File(files) => identity(files),
            ListenerCertificate::Sds(sds) => {
                let place = place.below(|at: Path<ListenerCertificate>| at.sds());
                self.sds(&sds.secret_name, scope, &place)?
            }
        };
        let clients = match &tls.validation {
            None => None,
            Some(validation) => {
                let place = origin.below(|tls: Path<ListenerTls>| tls.validation());
                let trust = match &validation.trust {
                    ListenerTrust::File(file) => trust(&file.certificate_chain),
                    ListenerTrust::Sds(sds) => {
                        let place = place.below(|at: Path<ListenerValidation>| at.trust().sds());
                        self.sds(&sds.secret_name, scope, &place)?
                    }
                };
                let place = || place.below(|at: Path<ListenerValidation>| at.subject_alternative_names());
                let names = subject_names(validation.subject_alternative_names.as_ref(), place)
                    .unwrap_or_else(|| Sourced::app_mesh(Vec::new()));
                Some(Validation { trust, names })
            }
        };
        Some(Arc::new(ServerTls {
            origin: origin.clone(),
            certificate,
            clients,
            alpn: match protocol {
                Protocol::Http => vec!["http/1.1"],
                Protocol::Http2 | Protocol::Grpc => vec!["h2", "http/1.1"],
                Protocol::Tcp => Vec::new(),
            },
        }))
    }

    /// What a caller does towards a target: its policy where that is enforced, else what the listener asks for.
    pub(crate) fn client_tls(
        &self,
        target: &TargetRef,
        policy: Option<(&ClientPolicyTls, Origin)>,
        scope: &ProxyContext<'_>,
    ) -> Option<Arc<ClientTls>> {
        let node = self.index.nodes.get(target.node.as_str())?;
        let listener = node.spec.listeners.get(target.listener)?;
        let discovered = node.spec.service_discovery.as_ref().map(ServiceDiscovery::name);
        let name = discovered
            .as_deref()
            .unwrap_or(&target.node)
            .trim_end_matches('.');
        let port = listener.port_mapping.port;
        let enforced = policy.as_ref().filter(|(policy, _)| policy.enforced_for(port));
        let offered = listener
            .tls
            .as_ref()
            .filter(|tls| tls.mode != ListenerTlsMode::Disabled);
        let certificate = |policy: &ClientPolicyTls, origin: &Origin| match policy.certificate.as_ref()? {
            ClientCertificate::File(files) => Some(identity(files)),
            ClientCertificate::Sds(sds) => {
                let place = origin.below(|policy: Path<ClientPolicyTls>| policy.certificate().sds());
                self.sds(&sds.secret_name, scope, &place)
            }
        };
        let (origin, certificate, validation) = match (enforced, offered) {
            (Some((policy, origin)), _) => {
                let trust = self.client_trust(&policy.validation.trust, scope, origin)?;
                let wanted = policy.validation.subject_alternative_names.as_ref();
                let place = || {
                    origin.below(|policy: Path<ClientPolicyTls>| {
                        policy.validation().subject_alternative_names()
                    })
                };
                let names = subject_names(wanted, place)
                    .unwrap_or_else(|| Sourced::app_mesh(vec![SubjectName::of(name)]));
                let validation = Validation { trust, names };
                (origin.clone(), certificate(policy, origin), Some(validation))
            }
            (None, Some(tls)) => {
                let place = Origin::at(
                    &node.key,
                    VirtualNodeSpec::path().listeners().at(target.listener).tls(),
                );
                let own = policy
                    .as_ref()
                    .and_then(|(policy, origin)| certificate(policy, origin));
                let validation = self.listeners_own_trust(tls, scope, &place)?;
                (place, own, validation)
            }
            (None, None) => return None,
        };
        Some(Arc::new(ClientTls {
            origin,
            certificate,
            validation,
            sni: server_name(name),
            alpn: alpn(listener),
        }))
    }

    /// App Mesh's rule for callers without a policy: an ACM certificate is held against its authority, another one
    /// is not looked at (the rules of the mesh warn of that). The outer `None` is an error that was reported.
    #[expect(clippy::option_option, reason = "an error and no validation are two things")]
    fn listeners_own_trust(
        &self,
        tls: &ListenerTls,
        scope: &ProxyContext<'_>,
        place: &Origin,
    ) -> Option<Option<Validation>> {
        if let ListenerCertificate::Acm(acm) = &tls.certificate {
            let place = place.below(|tls: Path<ListenerTls>| tls.certificate().acm().certificate_arn());
            let trust = self.known_trust(&acm.certificate_arn, scope, &place)?;
            return Some(Some(Validation {
                trust,
                names: Sourced::app_mesh(Vec::new()),
            }));
        }
        Some(None)
    }

    fn client_trust(
        &self,
        wanted: &ClientTrust,
        scope: &ProxyContext<'_>,
        origin: &Origin,
    ) -> Option<SecretRef> {
        let place = origin.below(|policy: Path<ClientPolicyTls>| policy.validation().trust());
        match wanted {
            ClientTrust::File(file) => Some(trust(&file.certificate_chain)),
            ClientTrust::Sds(sds) => {
                let place = place.below(|trust: Path<ClientTrust>| trust.sds());
                self.sds(&sds.secret_name, scope, &place)
            }
            ClientTrust::Acm(acm) => {
                self.authorities(acm, scope, &place.below(|trust: Path<ClientTrust>| trust.acm()))
            }
        }
    }

    /// All authorities must come from one place: Envoy reads one bundle.
    fn authorities(&self, acm: &AcmTrust, scope: &ProxyContext<'_>, origin: &Origin) -> Option<SecretRef> {
        let place = origin.below(|acm: Path<AcmTrust>| acm.certificate_authority_arns());
        let mut found: Option<SecretRef> = None;
        for (at, arn) in acm.certificate_authority_arns.iter().enumerate() {
            let trust = self.known_trust(arn, scope, &place.below(|arns: Path<Vec<String>>| arns.at(at)))?;
            if found.as_ref().is_some_and(|first| *first != trust) {
                self.report(
                    Diagnostic::error(
                        codes::TRUST,
                        "the authorities' certificates are in different files",
                    )
                    .help("put them into one bundle and name it as `trustChain` of each of the ARNs")
                    .at(place.place()),
                );
                return None;
            }
            found = Some(trust);
        }
        found
    }

    fn known_identity(
        &self,
        reference: &str,
        scope: &ProxyContext<'_>,
        origin: &Origin,
    ) -> Option<SecretRef> {
        match scope.profile.merged.certificate(reference) {
            Some(CertificateSource::Sds(sds)) => self.sds(&sds.secret_name, scope, origin),
            Some(CertificateSource::File(files)) => match (&files.certificate_chain, &files.private_key) {
                (Some(chain), Some(key)) => Some(SecretRef {
                    name: secret_name(chain, key),
                    source: SecretSource::Files(Files::Identity {
                        chain: chain.clone(),
                        key: key.clone(),
                        passphrase: None,
                    }),
                }),
                _ => self.no_source(reference, CertificateUse::Identity, scope, origin),
            },
            Some(CertificateSource::Acm(acm)) => {
                let arn = acm.certificate_arn.as_deref().unwrap_or(reference);
                self.exported(arn, CertificatePart::Identity, scope, origin)
            }
            None => self.no_source(reference, CertificateUse::Identity, scope, origin),
        }
    }

    fn known_trust(&self, reference: &str, scope: &ProxyContext<'_>, origin: &Origin) -> Option<SecretRef> {
        match scope.profile.merged.certificate(reference) {
            Some(CertificateSource::Sds(sds)) => self.sds(&sds.secret_name, scope, origin),
            Some(CertificateSource::File(files)) => match &files.trust_chain {
                Some(bundle) => Some(trust(bundle)),
                None => self.no_source(reference, CertificateUse::Trust, scope, origin),
            },
            Some(CertificateSource::Acm(acm)) => {
                let arn = acm.certificate_arn.as_deref().unwrap_or(reference);
                self.exported(arn, CertificatePart::Authorities, scope, origin)
            }
            None => self.no_source(reference, CertificateUse::Trust, scope, origin),
        }
    }

    /// What the agent exports from ACM, where it will put it.
    fn exported(
        &self,
        arn: &str,
        part: CertificatePart,
        scope: &ProxyContext<'_>,
        origin: &Origin,
    ) -> Option<SecretRef> {
        let Some(exported) = Exported::new(arn, part) else {
            self.report(
                Diagnostic::error(
                    codes::CERTIFICATE_SOURCE,
                    match part {
                        CertificatePart::Identity => format!("`{arn}` is not the ARN of a certificate of ACM, so nothing can be exported for the proxy of {}", scope.key),
                        CertificatePart::Authorities => format!("`{arn}` is the ARN neither of a certificate of \
                                                                 ACM nor of an authority of AWS Private CA, so \
                                                                 nothing can be fetched for the proxy of {}", scope.key),
                    },
                )
                .help(match part {
                    CertificatePart::Identity => "name a certificate of ACM as `certificateArn` of the source `acm`, or give files with `certificateChain` and `privateKey`",
                    CertificatePart::Authorities => "name one of them as `certificateArn` of the source `acm`, or give the authority as a file with `trustChain`",
                })
                .at(origin.place()),
            );
            return None;
        };
        let path = |name| format!("{}/{}", self.root, exported.file(name));
        let files = match part {
            CertificatePart::Identity => Files::Identity {
                chain: path(exported::CHAIN),
                key: path(exported::KEY),
                passphrase: Some(path(exported::PASSPHRASE)),
            },
            CertificatePart::Authorities => Files::Trust {
                bundle: path(exported::AUTHORITIES),
            },
        };
        Some(SecretRef {
            name: exported.secret(),
            source: SecretSource::Files(files),
        })
    }

    fn no_source(
        &self,
        reference: &str,
        wanted: CertificateUse,
        scope: &ProxyContext<'_>,
        origin: &Origin,
    ) -> Option<SecretRef> {
        let (what, files) = match wanted {
            CertificateUse::Identity => (
                "the certificate and its key",
                json!({"certificateChain": "/etc/envoy/tls/tls.crt", "privateKey": "/etc/envoy/tls/tls.key"}),
            ),
            CertificateUse::Trust => (
                "the authority's certificate",
                json!({"trustChain": "/etc/envoy/tls/ca.crt"}),
            ),
        };
        let profile = scope.profile.name().map_or_else(
            || "a proxy profile".to_owned(),
            |name| format!("the proxy profile `{name}`"),
        );
        self.report(
            Diagnostic::error(
                codes::CERTIFICATE_SOURCE,
                format!(
                    "the proxy of {} has no source for {what} of `{reference}`",
                    scope.key
                ),
            )
            .help(match Exported::new(reference, wanted.part()) {
                Some(_) => {
                    format!("add to {profile} (or the source `acm`: the agent beside the proxy exports it)")
                }
                None => format!("add to {profile}"),
            })
            .example(Example::profile(json!({
                "certificates": [{"reference": reference, "source": {"file": files}}]
            })))
            .at(origin.place()),
        );
        None
    }

    fn sds(&self, name: &str, scope: &ProxyContext<'_>, origin: &Origin) -> Option<SecretRef> {
        if scope.profile.merged.sds_socket_path.is_none() {
            self.report(
                Diagnostic::error(
                    codes::SDS_SOCKET,
                    format!(
                        "the secret `{name}` comes from SDS, but the proxy of {} knows no SDS server",
                        scope.key
                    ),
                )
                .help("set in its proxy profile, for instance for SPIRE")
                .example(Example::profile(
                    json!({"sdsSocketPath": "/run/spire/sockets/agent.sock"}),
                ))
                .at(origin.place()),
            );
            return None;
        }
        Some(SecretRef {
            name: name.to_owned(),
            source: SecretSource::Sds,
        })
    }
}

/// What a certificate is wanted for.
#[derive(Clone, Copy)]
enum CertificateUse {
    Identity,
    Trust,
}

impl CertificateUse {
    fn part(self) -> CertificatePart {
        match self {
            Self::Identity => CertificatePart::Identity,
            Self::Trust => CertificatePart::Authorities,
        }
    }
}

fn identity(files: &FileCertificate) -> SecretRef {
    SecretRef {
        name: secret_name(&files.certificate_chain, &files.private_key),
        source: SecretSource::Files(Files::Identity {
            chain: files.certificate_chain.clone(),
            key: files.private_key.clone(),
            passphrase: None,
        }),
    }
}

fn trust(bundle: &str) -> SecretRef {
    SecretRef {
        name: secret_name(bundle, ""),
        source: SecretSource::Files(Files::Trust {
            bundle: bundle.to_owned(),
        }),
    }
}

/// A short name that people recognise, and that differs where the files differ.
fn secret_name(first: &str, second: &str) -> String {
    let stem = first.rsplit('/').next().unwrap_or_default();
    format!("{stem}-{}", suffix(&format!("{first}\n{second}")))
}

/// The names that somebody wrote at a place. Nothing = none written.
fn subject_names(
    names: Option<&SubjectAlternativeNames>,
    place: impl FnOnce() -> Origin,
) -> Option<Sourced<Vec<SubjectName>>> {
    let mut exact: Vec<&String> = names?.r#match.exact.iter().collect();
    exact.sort();
    exact.dedup();
    let names: Vec<SubjectName> = exact.into_iter().map(|name| SubjectName::of(name)).collect();
    (!names.is_empty()).then(|| Sourced::written(names, place()))
}

/// The name that a client asks for; TLS has no field for an address.
pub(crate) fn server_name(host: &str) -> String {
    match SubjectName::of(host) {
        SubjectName::Ip(_) => String::new(),
        SubjectName::Dns(_) | SubjectName::Uri(_) => host.to_owned(),
    }
}

fn alpn(listener: &Listener) -> Vec<&'static str> {
    match listener.port_mapping.protocol {
        Protocol::Http => vec!["http/1.1"],
        Protocol::Http2 | Protocol::Grpc => vec!["h2"],
        Protocol::Tcp => Vec::new(),
    }
}
