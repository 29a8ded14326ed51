//! Certificates that the agent exports from ACM: Envoy shows them, ACM's renewals reach it, and what cannot be had is told.

use crate::certificates::Authority;
use crate::moto::{JsonService, Moto};
use crate::world::Store;
use crate::{World, eventually};
use base64::Engine as _;
use meshform_bundle::ProxyId;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConfig, ServerConnection,
    SignatureScheme, StreamOwned,
};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// ACM, on moto.
struct Acm(Arc<Moto>);

impl Acm {
    fn call(&self, operation: &str, asked: &Value) -> Value {
        self.0.call(JsonService::ACM, operation, asked)
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

/// Answers requests over TLS with a certificate and its chain, until the process ends; its port.
fn serve(chain: &str, key: &str) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain.as_bytes())
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let server = ServerConnection::new(config).unwrap();
                let mut tls = StreamOwned::new(server, stream);
                let mut read = [0_u8; 4096];
                while tls.read(&mut read).is_ok_and(|count| count > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\nx-service: trusted\r\ncontent-length: 0\r\n\r\n";
                    if tls.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
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
    // The agent asks moto meanwhile, which may take a number out of the row.
    eventually("the same ARN again", 20, || acm.issue(7) == arn);
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
        told.contains("MF0444") && told.contains("keeps its configuration")
    });
    assert!(world.health().0, "it still serves");
    assert_eq!(world.answers().as_deref(), Some("first"));
    world.published.exported = Some(arn.clone());
    world.publish(second.address().port());
    world.serves("second");
    let port = world.published.ingress;
    eventually("it shows the certificate", 20, || shown(port).is_some());
    eventually("its end is reported", 20, || {
        world.status()["certificates"][0]["notAfter"].is_string()
    });
    // What is wrong with a certificate is no problem any more once no release names it.
    acm.delete(&arn);
    eventually("it is told that ACM has none", 20, || {
        world.health().1.contains("MF0444")
    });
    world.published.exported = None;
    world.publish(second.address().port());
    eventually("nothing is wrong any more", 30, || {
        world.health().1.contains("\"reasons\":[]")
    });
}

#[test]
fn an_authority_of_private_ca_is_trusted_by_its_arn_and_others_below_its_root_are_not() {
    let moto = Arc::new(Moto::start());
    let call = |operation: &str, asked: &Value| moto.call(JsonService::PRIVATE_CA, operation, asked);
    let root = Authority::new("root");
    let [ours, theirs] = ["ours", "theirs"].map(|name| root.below(name));
    let asked = json!({
        "CertificateAuthorityConfiguration": {"KeyAlgorithm": "RSA_2048", "SigningAlgorithm": "SHA256WITHRSA",
            "Subject": {"CommonName": "ours"}},
        "CertificateAuthorityType": "SUBORDINATE",
    });
    let made = call("CreateCertificateAuthority", &asked);
    let arn = made["CertificateAuthorityArn"].as_str().unwrap();
    let encoded = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
    call(
        "ImportCertificateAuthorityCertificate",
        &json!({
            "CertificateAuthorityArn": arn,
            "Certificate": encoded(&ours.pem),
            "CertificateChain": encoded(&root.pem),
        }),
    );
    let ports = [&ours, &theirs].map(|authority| {
        let (certificate, key) = authority.sign(&["b.apps.local"]);
        serve(&format!("{certificate}{}", authority.pem), &key)
    });
    let web = ProxyId::virtual_node("apps", "web");
    let mut world = World::on(Store::Moto(Arc::clone(&moto)), "prod", web);
    world.published.trusted = Some(arn.to_owned());
    world.publish(ports[0]);
    let mut command = world.run();
    command
        .env("AWS_ENDPOINT_URL_ACM_PCA", format!("http://{}", moto.address()))
        .env("MESHFORM_CERTIFICATES", "1");
    world.start_by(command);
    world.serves("trusted");
    world.publish(ports[1]);
    eventually("another authority's certificate is not taken", 30, || {
        world.answers().is_none()
    });
    // The same release all the time: it was no fault of it.
    assert!(
        world.health().1.contains("\"reasons\":[]"),
        "{:?}",
        world.health()
    );
    world.publish(ports[0]);
    world.serves("trusted");
}
