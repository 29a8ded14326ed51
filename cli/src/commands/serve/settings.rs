//! What the server is told: by options, then by the environment, then by a file.

use crate::commands::readable;
use crate::io::Io;
use meshform_controlplane::auth::aws::STS;
use meshform_controlplane::{Login, TlsFiles, codes};
use meshform_model::diag::Diagnostic;
use meshform_model::resource::{DEFAULT_ACCOUNT, DEFAULT_REGION};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Serve the App Mesh REST API over a store, for AWS's command line, SDKs and hashicorp/aws
///
/// Each option may also be given in the environment (MESHFORM_STORE for `--store`, MESHFORM_MASTER_KEY_FILE for
/// `--master-key-file`, …) or in a TOML file (`store = "…"`, `master-key-file = "…"`); an option wins over the
/// environment, and that over the file.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Arguments {
    /// A TOML file with these settings; also by MESHFORM_CONFIG
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The store: a directory, a bucket such as `s3://bucket/prefix`, or `etcd://host,host/prefix` [default: .meshform]
    #[arg(long, value_name = "DIR|URL")]
    pub(super) store: Option<String>,
    /// Where the API listens [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(super) listen: Option<String>,
    /// Where Envoys get their configuration (ADS); without it none are served
    #[arg(long, value_name = "ADDR")]
    pub(super) xds: Option<String>,
    /// Serve Envoys also on an address that is not loopback: anybody who can reach it can read every proxy's configuration
    #[arg(long)]
    pub(super) xds_for_anyone: bool,
    /// The server's certificate with its intermediates (PEM), with which the API and xDS speak TLS; read again when it
    /// changes
    #[arg(long, value_name = "FILE")]
    pub(super) tls_cert: Option<String>,
    /// The key of the certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub(super) tls_key: Option<String>,
    /// The authorities of the proxies' certificates (PEM): a proxy whose certificate has a URI that ends in
    /// `/mesh/MESH/virtualNode/NAME` needs no token
    #[arg(long, value_name = "FILE")]
    pub(super) tls_client_ca: Option<String>,
    /// Also publish to this directory or bucket; may be given several times
    #[arg(long, value_name = "DIR|URL")]
    pub(super) publish: Vec<String>,
    /// A file with the master key of the API's keys (`meshform keys init`); without it and without
    /// MESHFORM_MASTER_KEY the API has no authentication
    #[arg(long, value_name = "FILE")]
    pub(super) master_key_file: Option<String>,
    /// The owner of what is written without authentication [default: api]
    #[arg(long, value_name = "NAME")]
    pub(super) owner: Option<String>,
    /// The account of a store that is created: 12 digits [default: 000000000000]
    #[arg(long, value_name = "ID")]
    pub(super) account_id: Option<String>,
    /// The region of a store that is created [default: us-east-1]
    #[arg(long, value_name = "NAME")]
    pub(super) region: Option<String>,
    /// Requests per second that each key may make; 0: unlimited [default: 100]
    #[arg(long, value_name = "N")]
    pub(super) rate: Option<String>,
    /// Also delete resources that others of the same owner refer to, as the Terraform provider does
    #[arg(long)]
    pub(super) relaxed_deletes: bool,
    /// The host (with its port, where it has one) by which clients call this server: identities of AWS that `meshform keys
    /// trust` allows may then start sessions with requests that are signed for it
    #[arg(long, value_name = "HOST")]
    pub(super) login_name: Option<String>,
    /// The AWS STS that identifies signers; clients must use the same [default: https://sts.amazonaws.com]
    #[arg(long, value_name = "URL")]
    pub(super) sts: Option<String>,
    /// The Prometheus that scrapes the Envoys, such as `http://prometheus:9090`: the console then shows requests per second,
    /// errors and the 99th percentile
    #[arg(long, value_name = "URL")]
    pub(super) prometheus: Option<String>,
    /// The log level: `error`, `warn`, `info`, `debug` [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(super) log: Option<String>,
    /// The log format: `text` or `json` [default: text]
    #[arg(long, value_name = "FORM")]
    pub(super) log_format: Option<String>,
}

/// The same with everything decided.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) store: PathBuf,
    pub(super) listen: SocketAddr,
    pub(super) xds: Option<SocketAddr>,
    pub(super) xds_for_anyone: bool,
    pub(super) tls: Option<TlsFiles>,
    pub(super) publish: Vec<String>,
    pub(super) master_key: Option<String>,
    pub(super) owner: String,
    pub(super) account_id: String,
    pub(super) region: String,
    pub(super) rate: f64,
    pub(super) relaxed_deletes: bool,
    pub(super) login: Option<Login>,
    pub(super) prometheus: Option<String>,
    pub(super) log: String,
    pub(super) json_log: bool,
}

/// The names of the settings, as the file has them.
const NAMES: [&str; 19] = [
    "store",
    "listen",
    "xds",
    "xds-for-anyone",
    "tls-cert",
    "tls-key",
    "tls-client-ca",
    "publish",
    "master-key-file",
    "owner",
    "account-id",
    "region",
    "rate",
    "relaxed-deletes",
    "login-name",
    "sts",
    "prometheus",
    "log",
    "log-format",
];

/// The levels of the log.
const LEVELS: [&str; 4] = ["error", "warn", "info", "debug"];

type Problem = Box<Diagnostic>;

fn wrong(message: String) -> Problem {
    Box::new(Diagnostic::error(codes::SETTINGS, message))
}

/// A file's settings, and the environment.
struct Sources<'a> {
    io: &'a Io,
    file: toml::Table,
}

impl Sources<'_> {
    fn text(&self, option: Option<&String>, name: &str) -> Result<Option<String>, Problem> {
        if let Some(given) = option {
            return Ok(Some(given.clone()));
        }
        let variable = format!("MESHFORM_{}", name.replace('-', "_").to_ascii_uppercase());
        if let Some(given) = self.io.var(&variable) {
            return Ok(Some(given.to_owned()));
        }
        match self.file.get(name) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text.clone())),
            Some(toml::Value::Integer(number)) => Ok(Some(number.to_string())),
            Some(toml::Value::Float(number)) => Ok(Some(number.to_string())),
            Some(toml::Value::Boolean(truth)) => Ok(Some(truth.to_string())),
            Some(other) => Err(wrong(format!(
                "`{name}` in the settings file is {}; expected a string",
                other.type_str()
            ))),
        }
    }

    fn list(&self, option: &[String], name: &str) -> Result<Vec<String>, Problem> {
        if !option.is_empty() {
            return Ok(option.to_vec());
        }
        if let Some(toml::Value::Array(all)) = self.file.get(name)
            && self.io.var("MESHFORM_PUBLISH").is_none()
        {
            let texts = all.iter().map(|one| one.as_str().map(ToOwned::to_owned));
            let texts: Option<Vec<String>> = texts.collect();
            return texts
                .ok_or_else(|| wrong(format!("`{name}` in the settings file is not a list of strings")));
        }
        let text = self.text(None, name)?.unwrap_or_default();
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(parts.map(ToOwned::to_owned).collect())
    }
}

impl Arguments {
    /// Each setting from its option, else the environment, else the file, else its default. Fails where one is
    /// malformed.
    pub(super) fn choose(&self, io: &Io) -> Result<Chosen, Problem> {
        let sources = Sources {
            io,
            file: self.file(io)?,
        };
        let text = |option: &Option<String>, name, default: &str| {
            let found = sources.text(option.as_ref(), name)?;
            Ok::<_, Problem>(found.unwrap_or_else(|| default.to_owned()))
        };
        let listen = text(&self.listen, "listen", "127.0.0.1:8080")?;
        let rate = text(&self.rate, "rate", "100")?;
        let truth = |name, option: bool| {
            let option = option.then(|| "true".to_owned());
            match text(&option, name, "false")?.as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                other => Err(wrong(format!(
                    "`{name}` is `{other}`; expected `true` or `false`"
                ))),
            }
        };
        let form = text(&self.log_format, "log-format", "text")?;
        Ok(Chosen {
            store: PathBuf::from(text(&self.store, "store", meshform_store::DEFAULT_LOCATION)?),
            listen: address(&listen)?,
            xds: match sources.text(self.xds.as_ref(), "xds")? {
                Some(xds) => Some(address(&xds)?),
                None => None,
            },
            xds_for_anyone: truth("xds-for-anyone", self.xds_for_anyone)?,
            tls: self.tls(&sources)?,
            publish: sources.list(&self.publish, "publish")?,
            master_key: self.master_key(&sources)?,
            owner: {
                let owner = text(&self.owner, "owner", "api")?;
                readable::name(&owner).map_err(|why| wrong(format!("`owner` cannot be used: {why}")))?
            },
            account_id: text(&self.account_id, "account-id", DEFAULT_ACCOUNT)?,
            region: text(&self.region, "region", DEFAULT_REGION)?,
            rate: rate
                .parse()
                .ok()
                .filter(|rate: &f64| rate.is_finite() && *rate >= 0.0)
                .ok_or_else(|| {
                    wrong(format!(
                        "`rate` is `{rate}`; expected a number of requests per second"
                    ))
                })?,
            relaxed_deletes: truth("relaxed-deletes", self.relaxed_deletes)?,
            login: match (
                sources.text(self.login_name.as_ref(), "login-name")?,
                sources.text(self.sts.as_ref(), "sts")?,
            ) {
                (Some(server), sts) => Some(Login {
                    server,
                    sts: sts.unwrap_or_else(|| STS.to_owned()),
                }),
                (None, None) => None,
                (None, Some(_)) => return Err(wrong("`sts` needs `login-name`".to_owned())),
            },
            prometheus: sources.text(self.prometheus.as_ref(), "prometheus")?,
            log: match text(&self.log, "log", "info")? {
                level if LEVELS.contains(&level.as_str()) => level,
                other => {
                    return Err(wrong(format!(
                        "`log` is `{other}`; expected one of {}",
                        LEVELS.join(", ")
                    )));
                }
            },
            json_log: match form.as_str() {
                "text" => false,
                "json" => true,
                other => {
                    return Err(wrong(format!(
                        "`log-format` is `{other}`; expected `text` or `json`"
                    )));
                }
            },
        })
    }

    fn file(&self, io: &Io) -> Result<toml::Table, Problem> {
        let given = self.config.clone();
        let Some(path) = given.or_else(|| io.var("MESHFORM_CONFIG").map(PathBuf::from)) else {
            return Ok(toml::Table::new());
        };
        let path = &path;
        let read = std::fs::read_to_string(io.path(path));
        let text = read.map_err(|error| wrong(format!("{}: {error}", path.display())))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(0, |span| {
                text.get(..span.start).map_or(0, |before| before.lines().count())
            });
            wrong(format!("{}:{}: {}", path.display(), line.max(1), error.message()))
        })?;
        match table.keys().find(|name| !NAMES.contains(&name.as_str())) {
            None => Ok(table),
            Some(unknown) => Err(wrong(format!(
                "{}: there is no setting `{unknown}`; there are {}",
                path.display(),
                NAMES.join(", ")
            ))),
        }
    }

    fn tls(&self, sources: &Sources) -> Result<Option<TlsFiles>, Problem> {
        let file = |option: &Option<String>, name| {
            let found = sources.text(option.as_ref(), name)?;
            Ok::<_, Problem>(found.map(|file| sources.io.path(file.as_ref())))
        };
        let clients = file(&self.tls_client_ca, "tls-client-ca")?;
        match (file(&self.tls_cert, "tls-cert")?, file(&self.tls_key, "tls-key")?) {
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles {
                certificate,
                key,
                clients,
            })),
            (None, None) if clients.is_none() => Ok(None),
            _ => Err(wrong("TLS needs `tls-cert` and `tls-key`".to_owned())),
        }
    }

    fn master_key(&self, sources: &Sources) -> Result<Option<String>, Problem> {
        master_key(
            sources.io,
            sources.text(self.master_key_file.as_ref(), "master-key-file")?,
        )
    }
}

fn address(text: &str) -> Result<SocketAddr, Problem> {
    let wrong = |_| {
        wrong(format!(
            "`{text}` is not an address to listen on; write one such as `127.0.0.1:8080`"
        ))
    };
    text.parse().map_err(wrong)
}

/// The master key, from a file or from MESHFORM_MASTER_KEY.
pub(crate) fn master_key(io: &Io, file: Option<String>) -> Result<Option<String>, Problem> {
    let Some(file) = file else {
        // A secret that was not found would open the server to everybody.
        let empty = ["MESHFORM_MASTER_KEY_FILE", "MESHFORM_MASTER_KEY"];
        if let (Some(name), None) = (
            empty.into_iter().find(|name| io.is_empty(name)),
            io.var("MESHFORM_MASTER_KEY"),
        ) {
            return Err(Box::new(
                Diagnostic::error(codes::MASTER_KEY, format!("{name} is set and empty"))
                    .help("unset it if the API is to have no authentication"),
            ));
        }
        return Ok(io.var("MESHFORM_MASTER_KEY").map(ToOwned::to_owned));
    };
    match std::fs::read_to_string(io.path(file.as_ref())) {
        Ok(text) => Ok(Some(text)),
        Err(error) => Err(wrong(format!(
            "the master key cannot be read from {file}: {error}"
        ))),
    }
}
