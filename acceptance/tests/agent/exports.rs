//! Certificates that the agent exports from ACM: Envoy shows them, ACM's renewals reach it, and what cannot be had is told.

use crate::moto::Moto;
use crate::world::Store;
use crate::{World, eventually};
use meshform_bundle::ProxyId;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// ACM, on moto.
struct Acm(Arc<Moto>);

impl Acm {
    fn call(&self, operation: &str, asked: &Value) -> Value {
        self.0.call(("acm", "CertificateManager"), operation, asked)
    }

    /// A certificate of a private authority: its ARN. After the same seed it is the same ARN, with another certificate:
    /// that is what a renewal is to who looks.
    fn issue(&self, seed: u32) -> String {
        self.0.seed(seed);
        let authority = "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/a1";
        let asked = json!({"DomainName": "web.apps.local", "CertificateAuthorityArn": authority});
        let made = self.call("RequestCertificate", &asked);
        made["CertificateArn"].as_str().unwrap().to_owned()
    }

    fn delete(&self, arn: &str) {
        self.call("DeleteCertificate", &json!({"CertificateArn": arn}));
    }

    fn certificate(&self, arn: &str) -> CertificateDer<'static> {
        let got = self.call("GetCertificate", &json!({"CertificateArn": arn}));
        CertificateDer::from_pem_slice(got["Certificate"].as_str().unwrap().as_bytes()).unwrap()
    }
}

/// Takes any certificate, if only its key is at hand.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The certificate that is shown at a port, by who has its key.
fn shown(port: u16) -> Option<CertificateDer<'static>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from("web.apps.local").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    client.complete_io(&mut stream).ok()?;
    Some(client.peer_certificates()?.first()?.clone().into_owned())
}

/// A world whose proxy shows a certificate of ACM, once it is started.
fn world(moto: &Arc<Moto>, arn: &str) -> World {
    let web = ProxyId::virtual_node("apps", "web");
    let mut world = World::on(Store::Moto(Arc::clone(moto)), "prod", web);
    world.published.exported = Some(arn.to_owned());
    world
}

fn with_acm(moto: &Moto) -> impl FnOnce(&mut std::process::Command) {
    let url = format!("http://{}", moto.address());
    move |command| {
        command
            .env("AWS_ENDPOINT_URL_ACM", url)
            .env("MESHFORM_CERTIFICATES", "1");
    }
}

/// The modes of all files below a folder.
fn modes(folder: &Path) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(modes(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.metadata().unwrap().permissions().mode() & 0o777);
        }
    }
    found
}

#[test]
fn envoy_shows_what_acm_exports_and_what_it_renews() {
    let moto = Arc::new(Moto::start());
    let acm = Acm(Arc::clone(&moto));
    let arn = acm.issue(7);
    let first = acm.certificate(&arn);
    let mut world = world(&moto, &arn);
    let _services = world.running_by(with_acm(&moto));
    let port = world.published.ingress;
    eventually("the certificate of ACM", 30, || {
        shown(port).as_ref() == Some(&first)
    });
    let key = |name: &str| {
        let folder = world.dir().join(".meshform/acm");
        let one = std::fs::read_dir(folder).unwrap().flatten().next().unwrap();
        std::fs::read_to_string(one.path().join("current").join(name)).unwrap()
    };
    assert!(key("tls.key").contains("BEGIN ENCRYPTED PRIVATE KEY"));
    assert_eq!(key("passphrase").len(), 64, "256 bits");
    let modes = modes(&world.dir().join(".meshform/acm"));
    assert!(
        modes.len() >= 4 && modes.iter().all(|mode| *mode == 0o600),
        "{modes:?}"
    );
    eventually("the release is known as good", 20, || {
        world.status()["since"] != 0
    });
    // ACM renews it: the same ARN, another certificate and another key.
    acm.delete(&arn);
    eventually("it is told that ACM has none", 20, || {
        let told = world.health().1;
        told.contains("MF0444") && told.contains(&arn)
    });
    assert_eq!(shown(port), Some(first.clone()), "what was exported stays");
    assert_eq!(acm.issue(7), arn);
    let second = acm.certificate(&arn);
    assert_ne!(second, first);
    eventually("the renewed one", 90, || shown(port).as_ref() == Some(&second));
    eventually("nothing is wrong any more", 20, || {
        world.health().1.contains("\"reasons\":[]")
    });
    assert_eq!(world.answers().as_deref(), Some("first"));
    // Another agent on the same disk needs no ACM to start.
    world.signal("TERM");
    assert_eq!(world.ends(), Some(0), "{}", world.log());
    let mut command = world.run();
    command.env("AWS_ENDPOINT_URL_ACM", "http://127.0.0.1:1");
    world.start_by(command);
    eventually("the one on the disk", 30, || {
        shown(port).as_ref() == Some(&second)
    });
}

#[test]
fn a_certificate_that_cannot_be_exported_is_told_and_the_release_before_it_stays() {
    let moto = Arc::new(Moto::start());
    let acm = Acm(Arc::clone(&moto));
    let arn = acm.issue(11);
    let web = ProxyId::virtual_node("apps", "web");
    let mut world = World::on(Store::Moto(Arc::clone(&moto)), "prod", web);
    let [_first, second] = world.running_by(with_acm(&moto));
    world.published.exported = Some(format!("{arn}0"));
    world.publish(second.address().port());
    eventually("it is told", 30, || {
        let told = world.health().1;
        told.contains("MF0444") && told.contains("goes on with what it has")
    });
    assert!(world.health().0, "it still serves");
    assert_eq!(world.answers().as_deref(), Some("first"));
    world.published.exported = Some(arn);
    world.publish(second.address().port());
    world.serves("second");
    let port = world.published.ingress;
    eventually("it shows the certificate", 20, || shown(port).is_some());
}
