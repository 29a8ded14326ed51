//! Certificates that AWS Certificate Manager exports for a proxy, and those of authorities of AWS Private CA.
//!
//! ACM encrypts the key that it gives out with a passphrase of ours, and Envoy decrypts it: key and passphrase lie in two
//! files beside the certificate. Each certificate has a folder of its own, and a link leads to the one in use, so that
//! the three are exchanged at once.

use crate::aws::{Api, Refusal, Service};
use crate::log;
use crate::shared::{jittered, now};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use meshform_bundle::codes::{DIRECTORY, ENDING, EXPORT, told};
use meshform_bundle::exported::{AUTHORITIES, CHAIN, CertificatePart, Exported, FOLDER, KEY, PASSPHRASE};
use meshform_bundle::layout::types;
use meshform_bundle::{Bundle, Digest, ROOT};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// How long after a failure ACM is asked again: often enough for a proxy that waits for its first certificate, and few
/// enough requests where a role lacks a permission for days.
const AGAIN: Duration = Duration::from_secs(60);

/// How often ACM is asked for a certificate that ends soon: it may be renewed at any time, and an hour is little of the
/// week that is left.
const ENDING_SOON: Duration = Duration::from_secs(3600);

/// What "soon" is, in milliseconds: a week. ACM renews weeks before the end, so that something is wrong by then, and
/// there is time to mend it.
const SOON: u64 = 7 * 24 * 3600 * 1000;

/// What is kept beside the files of a certificate.
const ABOUT: &str = "about.json";

const ACM: Api = Api {
    target: "CertificateManager",
    signed_as: "acm",
    host: "acm",
    endpoint: "AWS_ENDPOINT_URL_ACM",
    title: "ACM",
};

const PRIVATE_CA: Api = Api {
    target: "ACMPrivateCA",
    signed_as: "acm-pca",
    host: "acm-pca",
    endpoint: "AWS_ENDPOINT_URL_ACM_PCA",
    title: "Private CA",
};

/// The exported certificates of a proxy.
pub(crate) struct Exports {
    /// The directory of the proxy's files.
    dir: PathBuf,
    interval: Duration,
    /// By what signs for them, and the region.
    services: BTreeMap<(&'static str, String), Service>,
    /// Those of what was written for Envoy last.
    wanted: BTreeSet<Exported>,
    /// What could not be had, and when that was.
    failed: BTreeMap<Exported, (Instant, String)>,
    due: Instant,
}

/// What tells one certificate from the one that follows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct About {
    mark: String,
    /// When it ends, in milliseconds since 1970; 0 where that is not looked at.
    ends: u64,
}

/// A certificate as ACM has it now.
struct FetchedCertificate {
    about: About,
    files: Vec<(&'static str, String)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExportResponse {
    certificate: String,
    #[serde(default)]
    certificate_chain: String,
    #[serde(default)]
    private_key: String,
}

impl Exports {
    pub(crate) fn new(dir: &Path, interval: Duration) -> Self {
        Self {
            dir: dir.to_owned(),
            interval,
            services: BTreeMap::new(),
            wanted: BTreeSet::new(),
            failed: BTreeMap::new(),
            due: Instant::now(),
        }
    }

    /// Sees to it that every exported certificate that a bundle names is there.
    pub(crate) async fn ensure(&mut self, bundle: &Bundle) -> Result<(), String> {
        let wanted = wanted(bundle);
        for one in &wanted {
            if self.about(one).is_some() {
                continue;
            }
            if let Some((at, error)) = self.failed.get(one)
                && at.elapsed() < AGAIN
            {
                return Err(error.clone());
            }
            if let Err(error) = self.bring(one, None).await {
                self.failed.insert(one.clone(), (Instant::now(), error.clone()));
                return Err(error);
            }
            self.failed.remove(one);
        }
        if self.wanted != wanted {
            // What was wrong with those that are not wanted any more is no problem from now on.
            self.due = Instant::now();
        }
        self.wanted = wanted;
        Ok(())
    }

    /// Whether it is time to ask for newer ones.
    pub(crate) fn are_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Asks for newer ones, and puts them in the place of the older; what is wrong with those that are there.
    pub(crate) async fn renew(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut pause = self.interval;
        for one in self.wanted.clone() {
            if let Err(error) = self.bring(&one, self.about(&one)).await {
                problems.push(error);
                pause = pause.min(AGAIN);
            }
            if let Some(about) = self.about(&one)
                && about.ends > 0
                && about.ends < now() + SOON
            {
                let ends = std::time::UNIX_EPOCH + Duration::from_millis(about.ends);
                let ends = humantime::format_rfc3339_seconds(ends);
                problems.push(told(
                    ENDING,
                    format!("{} expires at {ends}, and ACM has no newer certificate", one.arn),
                ));
                pause = pause.min(ENDING_SOON);
            }
        }
        self.due = Instant::now() + jittered(pause);
        problems
    }

    /// Takes those away that nothing needs any more.
    pub(crate) fn sweep(&self) {
        let needed: BTreeSet<PathBuf> = self
            .wanted
            .iter()
            .map(|one| self.dir.join(one.folder()))
            .collect();
        for entry in fs::read_dir(self.dir.join(FOLDER))
            .into_iter()
            .flatten()
            .flatten()
        {
            if !needed.contains(&entry.path()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// What is there of a certificate; none where it is not whole.
    fn about(&self, one: &Exported) -> Option<About> {
        let current = self.dir.join(one.current());
        let files: &[&str] = match one.part {
            CertificatePart::Identity => &[CHAIN, KEY, PASSPHRASE],
            CertificatePart::Authorities => &[AUTHORITIES],
        };
        if !files.iter().all(|name| current.join(name).is_file()) {
            return None;
        }
        serde_json::from_slice(&fs::read(current.join(ABOUT)).ok()?).ok()
    }

    /// Takes a certificate from ACM, where that has another than the one that is known.
    async fn bring(&mut self, one: &Exported, known: Option<About>) -> Result<(), String> {
        let found = match one.part {
            CertificatePart::Identity => self.identity(one, known.as_ref()).await,
            CertificatePart::Authorities => self.authorities(one, known.as_ref()).await,
        };
        let found = found.map_err(|refusal| {
            let needs = match (&refusal, one.part) {
                (Refusal::Denied(_), CertificatePart::Identity) => {
                    "; the proxy's role needs acm:DescribeCertificate and acm:ExportCertificate on it"
                }
                (Refusal::Denied(_), CertificatePart::Authorities) if one.is_authority() => {
                    "; the proxy's role needs acm-pca:GetCertificateAuthorityCertificate on it"
                }
                (Refusal::Denied(_), CertificatePart::Authorities) => {
                    "; the proxy's role needs acm:GetCertificate on it"
                }
                _ => "",
            };
            told(
                EXPORT,
                format!("{} cannot be fetched: {}{needs}", one.arn, refusal.told()),
            )
        })?;
        let Some(new) = found else { return Ok(()) };
        put(&self.dir.join(one.folder()), &new)?;
        log::info(&format!("{} is taken from {}", one.secret(), api(one).title));
        Ok(())
    }

    /// The certificate and its key.
    async fn identity(
        &mut self,
        one: &Exported,
        known: Option<&About>,
    ) -> Result<Option<FetchedCertificate>, Refusal> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Described {
            certificate: Detail,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Detail {
            #[serde(default)]
            serial: String,
            #[serde(default)]
            not_after: f64,
        }
        let asked = json!({"CertificateArn": one.arn});
        let Described {
            certificate: described,
        } = self.ask(one, "DescribeCertificate", &asked).await?;
        let about = About {
            mark: described.serial,
            ends: Duration::try_from_secs_f64(described.not_after)
                .ok()
                .and_then(|ends| u64::try_from(ends.as_millis()).ok())
                .unwrap_or_default(),
        };
        if known == Some(&about) {
            return Ok(None);
        }
        let passphrase = passphrase().map_err(Refusal::Other)?;
        let asked = json!({"CertificateArn": one.arn, "Passphrase": BASE64.encode(&passphrase)});
        let answer: ExportResponse = self.ask(one, "ExportCertificate", &asked).await?;
        let files = vec![
            (CHAIN, joined(&answer.certificate, &answer.certificate_chain)),
            (KEY, answer.private_key),
            (PASSPHRASE, passphrase),
        ];
        Ok(Some(FetchedCertificate { about, files }))
    }

    /// The authorities above a certificate; one that has none is its own. Of an authority that is named itself its own
    /// certificate: those above it have signed others too, whom nobody has named.
    async fn authorities(
        &mut self,
        one: &Exported,
        known: Option<&About>,
    ) -> Result<Option<FetchedCertificate>, Refusal> {
        let bundle = if one.is_authority() {
            let asked = json!({"CertificateAuthorityArn": one.arn});
            let answer: ExportResponse = self
                .ask(one, "GetCertificateAuthorityCertificate", &asked)
                .await?;
            answer.certificate
        } else {
            let asked = json!({"CertificateArn": one.arn});
            let answer: ExportResponse = self.ask(one, "GetCertificate", &asked).await?;
            match answer.certificate_chain.trim() {
                "" => answer.certificate,
                _ => answer.certificate_chain,
            }
        };
        let about = About {
            mark: Digest::of(bundle.as_bytes()).to_string(),
            ends: 0,
        };
        if known == Some(&about) {
            return Ok(None);
        }
        let files = vec![(AUTHORITIES, bundle)];
        Ok(Some(FetchedCertificate { about, files }))
    }

    async fn ask<T: for<'a> Deserialize<'a>>(
        &mut self,
        one: &Exported,
        operation: &str,
        asked: &Value,
    ) -> Result<T, Refusal> {
        let (api, region) = (api(one), one.region());
        let service = self
            .services
            .entry((api.signed_as, region.to_owned()))
            .or_insert_with(|| Service::new(api, region));
        let body = service.call(operation, asked).await?;
        serde_json::from_slice(&body)
            .map_err(|error| Refusal::Other(format!("the answer of {} cannot be read: {error}", api.title)))
    }
}

/// The service that gives it out.
fn api(one: &Exported) -> Api {
    if one.is_authority() { PRIVATE_CA } else { ACM }
}

/// The secrets of a bundle whose files are exported certificates.
fn wanted(bundle: &Bundle) -> BTreeSet<Exported> {
    let secrets = bundle
        .resources
        .iter()
        .filter(|one| one.type_url == types::SECRET);
    let exported = secrets.filter_map(|secret| {
        // A secret may be called like that and have files of its own.
        let one = Exported::of_secret(&secret.name)?;
        let place = format!("{ROOT}/{}/", one.current());
        secret.body.as_str().contains(&place).then_some(one)
    });
    exported.collect()
}

fn joined(certificate: &str, chain: &str) -> String {
    format!("{}\n{}\n", certificate.trim_end(), chain.trim())
        .trim_end()
        .to_owned()
        + "\n"
}

/// 256 random bits. ACM takes no `#`, `$` and `%`.
fn passphrase() -> Result<String, String> {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(|error| error.to_string())?;
    Ok(random.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Writes a certificate into a folder of its own, and leads the link there.
fn put(folder: &Path, new: &FetchedCertificate) -> Result<(), String> {
    let name = now().to_string();
    let place = folder.join(&name);
    let before = fs::read_link(folder.join("current")).ok();
    let written = write(&place, new).and_then(|()| {
        let next = folder.join("next");
        let _ = fs::remove_file(&next);
        symlink(&name, &next)?;
        fs::rename(&next, folder.join("current"))
    });
    if let Err(error) = written {
        let _ = fs::remove_dir_all(&place);
        return Err(told(
            DIRECTORY,
            format!("cannot write {}: {error}", place.display()),
        ));
    }
    // Envoy may be reading the one before.
    let needed = [Some(PathBuf::from(name)), before];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_needed = needed.iter().flatten().any(|name| *name == entry.file_name());
        if !is_needed && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn write(place: &Path, new: &FetchedCertificate) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(place)?;
    let about = serde_json::to_string(&new.about)?;
    let about = (ABOUT, &about);
    let files = new.files.iter().map(|(name, text)| (*name, text));
    for (name, text) in files.chain([about]) {
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(place.join(name))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_bundle::{Body, ProxyId, Resource};
    use std::os::unix::fs::PermissionsExt as _;

    const ARN: &str = "arn:aws:acm:eu-west-1:000000000000:certificate/0a1b-2c";

    fn bundle(name: &str, path: &str) -> Bundle {
        let body = json!({"name": name, "tls_certificate": {"private_key": {"filename": path}}});
        let body = Body::parse(&body.to_string()).unwrap();
        Bundle {
            proxy: ProxyId::virtual_node("apps", "a"),
            bootstrap: Body::parse("{}").unwrap(),
            resources: vec![Resource::new(types::SECRET, name, "sds/s.json", body)],
            origins: BTreeMap::new(),
        }
    }

    #[test]
    fn only_secrets_in_the_agents_own_place_are_exported() {
        let one = Exported::new(ARN, CertificatePart::Identity).unwrap();
        let path = format!("{ROOT}/{}", one.file(KEY));
        assert_eq!(wanted(&bundle(ARN, &path)), BTreeSet::from([one]));
        assert_eq!(wanted(&bundle("tls.key-0a1b", &path)), BTreeSet::new());
        assert_eq!(wanted(&bundle(ARN, "/certs/tls.key")), BTreeSet::new());
    }

    #[test]
    fn each_certificate_takes_the_place_of_the_one_before_at_once_and_nobody_else_can_read_it() {
        let dir = std::env::temp_dir().join(format!("meshform-exports-{}", std::process::id()));
        let one = Exported::new(ARN, CertificatePart::Identity).unwrap();
        let folder = dir.join(one.folder());
        let exports = Exports::new(&dir, Duration::from_secs(1));
        assert_eq!(exports.about(&one), None);
        for turn in 0..4 {
            let about = About {
                mark: turn.to_string(),
                ends: 0,
            };
            let files = [CHAIN, KEY, PASSPHRASE].map(|name| (name, format!("{name} {turn}")));
            let new = FetchedCertificate {
                about: about.clone(),
                files: files.to_vec(),
            };
            put(&folder, &new).unwrap();
            assert_eq!(exports.about(&one), Some(about));
            let key = folder.join("current").join(KEY);
            assert_eq!(fs::read_to_string(&key).unwrap(), format!("tls.key {turn}"));
            assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
            std::thread::sleep(Duration::from_millis(2));
        }
        let left = fs::read_dir(&folder).unwrap().count();
        assert_eq!(left, 3, "the link, and the last two");
        fs::remove_file(folder.join("current").join(PASSPHRASE)).unwrap();
        assert_eq!(exports.about(&one), None, "it is not whole");
        exports.sweep();
        assert!(!folder.exists(), "nothing needs it");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_certificate_stands_before_its_chain() {
        assert_eq!(joined("a\n", "b\nc\n"), "a\nb\nc\n");
        assert_eq!(joined("a", ""), "a\n");
    }
}
