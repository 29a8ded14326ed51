//! An authority and what it signs, in files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub(crate) struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: rcgen::Issuer::new(params, key),
            pem,
        }
    }

    /// An authority that this one has signed.
    #[allow(dead_code, reason = "each test program uses its part")]
    pub(crate) fn below(&self, name: &str) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self {
            issuer: rcgen::Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate for these names (URIs where they look like one) and its key, as PEM.
    pub(crate) fn sign(&self, names: &[&str]) -> (String, String) {
        self.sign_until(names, None)
    }

    /// The same, of a certificate that ends.
    pub(crate) fn sign_until(&self, names: &[&str], end: Option<SystemTime>) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        if let Some(end) = end {
            params.not_after = end.into();
        }
        params.subject_alt_names = names
            .iter()
            .map(|name| {
                let text = (*name).try_into().unwrap();
                if name.contains("://") {
                    rcgen::SanType::URI(text)
                } else {
                    rcgen::SanType::DnsName(text)
                }
            })
            .collect();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// Writes `tls.crt`, `tls.key` and `ca.crt` into a folder below `root`; gives the folder.
    pub(crate) fn write(&self, root: &Path, folder: &str, names: &[&str]) -> PathBuf {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).unwrap();
        let (certificate, key) = self.sign(names);
        fs::write(folder.join("tls.crt"), certificate).unwrap();
        fs::write(folder.join("tls.key"), key).unwrap();
        fs::write(folder.join("ca.crt"), &self.pem).unwrap();
        folder
    }
}
