//! `meshform keys`: the keys of the API that `meshform serve` gives.

use super::readable::name;
use super::serve::master_key;
use crate::api::Api;
use crate::exit::Exit;
use crate::io::Io;
use crate::render::{self, Format, FormatArgument};
use crate::store::{self, NewStoreArgument, StoreArgument};
use meshform_controlplane::auth::Rights;
use meshform_controlplane::auth::Signer;
use meshform_controlplane::auth::aws::{self, STS};
use meshform_controlplane::auth::keys::{self, KeyRecord, MasterKey, NewKey};
use meshform_controlplane::auth::trusted::{self, Trusted};
use meshform_controlplane::{Login, codes};
use meshform_model::diag::Diagnostic;
use meshform_store::{AwsKeys, Clock as _, SystemClock};
use serde_json::{Value as Json, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Make, list and revoke the keys with which requests to the API are signed
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make the master key under which the secrets of keys are kept; every server of a store needs the same
    Init {
        /// The file that it is written to, readable by its owner only; an existing file is not overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Create a key, and print its id and secret in the form of an AWS credentials file; the secret is shown only this once
    Create(CreateArguments),
    /// Start a session with a key, and print it as a `credential_process` of AWS's clients does; it ends after an hour
    ///
    /// The key is read from MESHFORM_KEY_ID and MESHFORM_KEY_SECRET, so that no file of AWS's clients has it. With `--aws` an
    /// identity of AWS takes its place.
    Session(SessionArguments),
    /// Allow an AWS identity (a role or user) to start sessions at servers with a `--login-name`, or change its rights
    Trust {
        /// `arn:aws:iam::123456789012:role/NAME`, without the role's path, or `arn:aws:iam::123456789012:user/NAME`
        arn: String,
        #[command(flatten)]
        allowed: Allowed,
        #[command(flatten)]
        store: NewStoreArgument,
    },
    /// List the keys of a store, and the identities of AWS that may log in
    List {
        #[command(flatten)]
        store: StoreArgument,
        #[command(flatten)]
        format: FormatArgument,
    },
    /// Revoke a key; running servers refuse it within ten seconds. For an AWS identity: it can start no more sessions
    Revoke {
        /// The key's id, or the identity's ARN
        id: String,
        #[command(flatten)]
        store: StoreArgument,
    },
}

/// What is allowed to a key or an identity.
#[derive(Debug, clap::Args)]
struct Allowed {
    /// The owner of what is written: the provider's `owner` argument
    #[arg(long, value_name = "NAME", value_parser = name)]
    owner: String,
    /// Limit the key to this mesh [default: every mesh]
    #[arg(long, value_name = "NAME", value_parser = name)]
    mesh: Option<String>,
    /// Allow reading, no writing
    #[arg(long, conflicts_with = "admin")]
    read_only: bool,
    /// Also allow writing what belongs to other owners
    #[arg(long)]
    admin: bool,
}

#[derive(Debug, clap::Args)]
struct SessionArguments {
    /// The address of `meshform serve`
    #[arg(long, value_name = "URL")]
    server: String,
    /// Log in with the identity of AWS that the environment, the container or the machine gives: AWS_ACCESS_KEY_ID, a web
    /// identity, the role of an ECS task, the role of an EC2 instance
    #[arg(long)]
    aws: bool,
    /// The AWS STS that the server uses [default: https://sts.amazonaws.com]
    #[arg(long, value_name = "URL", requires = "aws")]
    sts: Option<String>,
}

#[derive(Debug, clap::Args)]
struct CreateArguments {
    /// A name for people, which the change feed shows [default: the owner]
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    #[command(flatten)]
    allowed: Allowed,
    /// The file with the master key [default: MESHFORM_MASTER_KEY_FILE, or the key itself in MESHFORM_MASTER_KEY]
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<String>,
    #[command(flatten)]
    store: NewStoreArgument,
    #[command(flatten)]
    format: FormatArgument,
}

type Problem = Box<Diagnostic>;

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let done = match &arguments.action {
        Action::Init { out } => init(out, io),
        Action::Create(arguments) => create(arguments, io),
        Action::Session(arguments) => session(arguments, io),
        Action::Trust { arn, allowed, store } => trust(arn, allowed, store, io),
        Action::List { store, format } => list(store, format.format, io),
        Action::Revoke { id, store } => revoke(id, store, io),
    };
    render::printed(io, done)
}

fn init(out: &Path, io: &Io) -> Result<String, Problem> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let text = MasterKey::generate()?;
    let path = io.path(out);
    // Readable by its owner from the first byte on.
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path);
    let written = file.and_then(|mut file| {
        file.write_all(format!("{text}\n").as_bytes())?;
        file.sync_all()
    });
    match written {
        Ok(()) => Ok(format!(
            "wrote the master key to {}; keep a copy, as keys cannot be used without it\n",
            out.display()
        )),
        Err(error) => Err(Box::new(wrong(format!(
            "the master key cannot be written to {}: {error}",
            out.display()
        )))),
    }
}

fn create(arguments: &CreateArguments, io: &Io) -> Result<String, Problem> {
    let allowed = &arguments.allowed;
    let file = arguments.master_key_file.clone();
    let file = file.or_else(|| io.var("MESHFORM_MASTER_KEY_FILE").map(ToOwned::to_owned));
    let master =
        master_key(io, file)?.ok_or_else(|| {
            Box::new(wrong("there is no master key".to_owned()).help(
                "make one with `meshform keys init --out FILE`, and give it with `--master-key-file FILE`",
            ))
        })?;
    let master = MasterKey::parse(&master)?;
    let store = arguments.store.open(io)?;
    let new = NewKey {
        name: arguments.name.clone().unwrap_or_else(|| allowed.owner.clone()),
        owner: allowed.owner.clone(),
        mesh: allowed.mesh.clone(),
        rights: allowed.rights(),
    };
    let author = store::author(io);
    let made = keys::create(&*store, &master, new, &author, SystemClock.now());
    let (id, secret) = store::wait(made)??;
    Ok(match arguments.format.format {
        Format::Text => format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n"),
        Format::Json => {
            let key = json!({"Version": 1, "AccessKeyId": id, "SecretAccessKey": secret});
            format!("{key:#}\n")
        }
    })
}

fn session(arguments: &SessionArguments, io: &Io) -> Result<String, Problem> {
    let server = arguments.server.as_str();
    if arguments.aws {
        let sts = arguments.sts.as_deref().unwrap_or(STS);
        return aws_session(server, sts, io);
    }
    let given = |name: &str| {
        let help = "it is what `meshform keys create` printed";
        let missing = || Box::new(wrong(format!("{name} is not set")).help(help));
        io.var(name).map(ToOwned::to_owned).ok_or_else(missing)
    };
    let api = Api::with_key(
        io,
        server,
        given("MESHFORM_KEY_ID")?,
        given("MESHFORM_KEY_SECRET")?,
    )?;
    let session = store::wait(api.ask(http::Method::POST, "/meshform/session"))??;
    Ok(format!("{session}\n"))
}

/// A session of whoever AWS says that this process is.
fn aws_session(server: &str, sts: &str, io: &Io) -> Result<String, Problem> {
    let uri: Option<http::Uri> = server.parse().ok();
    let name = uri
        .as_ref()
        .and_then(http::Uri::authority)
        .map(ToString::to_string);
    let name = name.ok_or_else(|| {
        let message = format!("`{server}` is not the address of a server");
        Box::new(
            Diagnostic::error(codes::API_CLIENT, message)
                .help("write one such as `https://mesh.example.org`"),
        )
    })?;
    let found = store::wait(AwsKeys::find(store::access(io)))?.map_err(|error| error.diagnostic())?;
    let signer = Signer {
        key: found.id,
        secret: found.secret,
        session: found.session,
        region: aws::region(sts).to_owned(),
    };
    let login = Login {
        server: name,
        sts: sts.to_owned(),
    };
    let body = aws::login(&signer, &login, SystemClock.now())?;
    let api = Api::unsigned(server)?;
    let session = store::wait(api.post("/meshform/login", &body))??;
    Ok(format!("{session}\n"))
}

fn trust(arn: &str, allowed: &Allowed, store: &NewStoreArgument, io: &Io) -> Result<String, Problem> {
    let opened = store.open(io)?;
    let author = store::author(io);
    let trusted = Trusted {
        arn: arn.to_owned(),
        owner: allowed.owner.clone(),
        mesh: allowed.mesh.clone(),
        rights: allowed.rights(),
        made_by: author.actor.clone(),
        made_at: SystemClock.now(),
    };
    store::wait(trusted::trust(&*opened, &trusted, &author))??;
    Ok(format!("{arn} may log in\n"))
}

impl Allowed {
    fn rights(&self) -> Rights {
        match (self.read_only, self.admin) {
            (true, _) => Rights::Read,
            (_, true) => Rights::Admin,
            _ => Rights::Write,
        }
    }
}

fn list(store: &StoreArgument, format: Format, io: &Io) -> Result<String, Problem> {
    let store = store::open(io, &store.store)?;
    let found = store::wait(keys::list(&*store))?.map_err(|error| error.diagnostic())?;
    let trusted = store::wait(trusted::list(&*store))?.map_err(|error| error.diagnostic())?;
    Ok(match format {
        Format::Json => {
            let all = found.iter().map(key_json).chain(trusted.iter().map(trusted_json));
            format!("{:#}\n", Json::Array(all.collect()))
        }
        Format::Text => found
            .iter()
            .map(key_line)
            .chain(trusted.iter().map(trusted_line))
            .collect(),
    })
}

fn trusted_json(one: &Trusted) -> Json {
    json!({
        "arn": one.arn,
        "owner": one.owner,
        "mesh": one.mesh,
        "rights": one.rights,
        "madeBy": one.made_by,
        "madeAt": one.made_at.to_string(),
    })
}

fn trusted_line(one: &Trusted) -> String {
    format!(
        "{}: {}; made by {} at {}\n",
        one.arn,
        allowed(&one.owner, one.mesh.as_deref(), one.rights),
        one.made_by,
        one.made_at
    )
}

/// What a key or an identity may do, in words.
fn allowed(owner: &str, mesh: Option<&str>, rights: Rights) -> String {
    let of = mesh.map_or_else(|| "all meshes".to_owned(), |mesh| format!("mesh `{mesh}`"));
    let rights = match rights {
        Rights::Read => "reads",
        Rights::Write => "reads, and writes its owner's",
        Rights::Admin => "reads and writes everything",
    };
    format!("owner `{owner}`, {of}, {rights}")
}

fn key_json(key: &KeyRecord) -> Json {
    json!({
        "id": key.id,
        "name": key.name,
        "owner": key.owner,
        "mesh": key.mesh,
        "rights": key.rights,
        "madeBy": key.made_by,
        "madeAt": key.made_at.to_string(),
    })
}

fn key_line(key: &KeyRecord) -> String {
    format!(
        "{}: `{}`, {}; made by {} at {}\n",
        key.id,
        key.name,
        allowed(&key.owner, key.mesh.as_deref(), key.rights),
        key.made_by,
        key.made_at
    )
}

fn revoke(id: &str, store: &StoreArgument, io: &Io) -> Result<String, Problem> {
    let store = store::open(io, &store.store)?;
    let author = store::author(io);
    let gone = match id.starts_with("arn:") {
        true => store::wait(trusted::distrust(&*store, id, &author))?,
        false => store::wait(keys::revoke(&*store, id, &author))?,
    };
    match gone.map_err(|error| error.diagnostic())? {
        true => Ok(format!("{id} is revoked\n")),
        false => Err(Box::new(
            Diagnostic::error(
                codes::UNKNOWN_KEY,
                format!("the store has no key or identity `{id}`"),
            )
            .help("`meshform keys list` shows the store's keys by id, and identities of AWS by ARN"),
        )),
    }
}

fn wrong(message: String) -> Diagnostic {
    Diagnostic::error(codes::MASTER_KEY, message)
}
