//! Certificates that the agent beside a proxy exports from AWS Certificate Manager: what their secrets are called and
//! where their files are. Who names the files to Envoy and who writes them must agree.

use crate::arn::Arn;
use crate::file_name::file_name;

/// Where they are, below the directory of the proxy's files.
pub const FOLDER: &str = ".meshform/acm";

/// The certificate with its intermediates.
pub const CHAIN: &str = "tls.crt";
/// The private key in PKCS #8, encrypted with the passphrase: ACM exports no key in the clear.
pub const KEY: &str = "tls.key";
/// What the key is encrypted with.
pub const PASSPHRASE: &str = "passphrase";
/// The authorities that a certificate comes from.
pub const AUTHORITIES: &str = "ca.crt";

/// The service of private authorities, in ARNs.
const PRIVATE_CA: &str = "acm-pca";

/// What the name of a secret ends with that holds authorities.
const TRUSTED: &str = "/authorities";

/// What is wanted of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificatePart {
    /// The certificate and its key, to be shown to others.
    Identity,
    /// The authorities above it, to hold others' certificates against.
    Authorities,
}

/// A certificate of ACM or an authority of AWS Private CA, as a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exported {
    /// The ARN of certificate or authority.
    pub arn: String,
    /// What is wanted of it.
    pub part: CertificatePart,
}

impl Exported {
    /// Of an ARN; none where it is neither that of a certificate of ACM nor, where authorities are wanted, of an authority of
    /// AWS Private CA.
    pub fn new(arn: &str, part: CertificatePart) -> Option<Self> {
        let parts = Arn::parse(arn)?;
        let id = match (parts.service, part) {
            ("acm", _) => parts.resource.strip_prefix("certificate/")?,
            (PRIVATE_CA, CertificatePart::Authorities) => {
                parts.resource.strip_prefix("certificate-authority/")?
            }
            _ => return None,
        };
        let plain = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let given = [parts.partition, parts.region, parts.account, id];
        let is_known = given.iter().all(|text| !text.is_empty() && plain(text));
        is_known.then(|| Self {
            arn: arn.to_owned(),
            part,
        })
    }

    /// What its secret is called.
    pub fn secret(&self) -> String {
        match self.part {
            CertificatePart::Identity => self.arn.clone(),
            CertificatePart::Authorities => format!("{}{TRUSTED}", self.arn),
        }
    }

    /// What a secret of this name is.
    pub fn of_secret(name: &str) -> Option<Self> {
        match name.strip_suffix(TRUSTED) {
            Some(arn) => Self::new(arn, CertificatePart::Authorities),
            None => Self::new(name, CertificatePart::Identity),
        }
    }

    /// Whether it is an authority of AWS Private CA itself, and no certificate of ACM.
    pub fn is_authority(&self) -> bool {
        Arn::parse(&self.arn).is_some_and(|arn| arn.service == PRIVATE_CA)
    }

    /// The region that it is in.
    pub fn region(&self) -> &str {
        Arn::parse(&self.arn).map_or("", |arn| arn.region)
    }

    /// Its folder, relative to the directory of the proxy's files: each certificate that followed another is a folder in it.
    pub fn folder(&self) -> String {
        format!("{FOLDER}/{}", file_name(&self.secret()))
    }

    /// The link in that folder to the certificate that is in use.
    pub fn current(&self) -> String {
        format!("{}/current", self.folder())
    }

    /// One of its files, relative to the directory of the proxy's files.
    pub fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.current())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws-cn:acm:cn-north-1:000000000000:certificate/0a1b-2c";

    #[test]
    fn a_secret_says_what_is_to_be_exported() {
        for part in [CertificatePart::Identity, CertificatePart::Authorities] {
            let one = Exported::new(ARN, part).unwrap();
            assert_eq!(Exported::of_secret(&one.secret()), Some(one.clone()));
            assert_eq!(one.region(), "cn-north-1");
            assert!(one.file(KEY).starts_with(".meshform/acm/arn%3Aaws-cn%3Aacm"));
        }
        let folder = |part| Exported::new(ARN, part).unwrap().folder();
        assert_ne!(
            folder(CertificatePart::Identity),
            folder(CertificatePart::Authorities)
        );
    }

    #[test]
    fn an_authority_of_private_ca_is_trusted_and_has_no_key_for_proxies() {
        let arn = "arn:aws:acm-pca:eu-west-1:000000000000:certificate-authority/0a1b-2c";
        let one = Exported::new(arn, CertificatePart::Authorities).unwrap();
        assert!(one.is_authority());
        assert_eq!(Exported::of_secret(&one.secret()), Some(one));
        assert_eq!(Exported::new(arn, CertificatePart::Identity), None);
        assert!(
            !Exported::new(ARN, CertificatePart::Authorities)
                .unwrap()
                .is_authority()
        );
    }

    #[test]
    fn other_names_are_no_certificates_of_acm() {
        for name in [
            "",
            "tls.crt-0a1b2c3d",
            "spiffe://mesh/a",
            "arn:aws:acm-pca:eu-west-1:000000000000:certificate-authority/x",
            "arn:aws:acm-pca:eu-west-1:000000000000:certificate/x/authorities",
            "arn:aws:acm:eu-west-1:000000000000:certificate-authority/x/authorities",
            "arn:aws:acm:eu-west-1:000000000000:certificate/",
            "arn:aws:acm:eu-west-1:000000000000:certificate/../x",
            "arn:aws:acm:evil.example/:000000000000:certificate/x",
        ] {
            assert_eq!(Exported::of_secret(name), None, "{name}");
        }
    }
}
