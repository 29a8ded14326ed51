//! `meshform keys`: the keys of the API that `meshform serve` gives.

use super::serve::master_key;
use crate::api::Api;
use crate::exit::Exit;
use crate::io::Io;
use crate::render::{self, Format, FormatArgument};
use crate::store::{self, StoreArgument};
use meshform_controlplane::auth::Rights;
use meshform_controlplane::auth::keys::{self, KeyRecord, MasterKey, NewKey};
use meshform_controlplane::codes;
use meshform_model::diag::Diagnostic;
use meshform_store::{Clock as _, Seed, SystemClock};
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
        /// The file that it is written to, for its owner alone; one that is there is not written over
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Create a key, and print its id and secret in the form of an AWS credentials file; the secret is shown only this once
    Create(CreateArguments),
    /// Begin a session with a key, and print it as a `credential_process` of AWS's clients does; it ends after an hour
    ///
    /// The key is read from MESHFORM_KEY_ID and MESHFORM_KEY_SECRET, so that no file of AWS's clients has it.
    Session {
        /// The address of `meshform serve`
        #[arg(long, value_name = "URL")]
        server: String,
    },
    /// List the keys of a store
    List {
        #[command(flatten)]
        store: StoreArgument,
        #[command(flatten)]
        format: FormatArgument,
    },
    /// Revoke a key; running servers refuse it within ten seconds
    Revoke {
        /// The key's id
        id: String,
        #[command(flatten)]
        store: StoreArgument,
    },
}

#[derive(Debug, clap::Args)]
struct CreateArguments {
    /// The owner of what is written with the key: the provider's `owner` argument
    #[arg(long, value_name = "NAME")]
    owner: String,
    /// A name for people, which the change feed shows [default: the owner]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only this mesh
    #[arg(long, value_name = "NAME")]
    mesh: Option<String>,
    /// The key only reads
    #[arg(long, conflicts_with = "admin")]
    read_only: bool,
    /// The key also writes what belongs to other owners
    #[arg(long)]
    admin: bool,
    /// The file with the master key [default: MESHFORM_MASTER_KEY_FILE, or the key itself in MESHFORM_MASTER_KEY]
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<String>,
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    format: FormatArgument,
}

type Problem = Box<Diagnostic>;

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let done = match &arguments.action {
        Action::Init { out } => init(out, io),
        Action::Create(arguments) => create(arguments, io),
        Action::Session { server } => session(server, io),
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
    let file = arguments.master_key_file.clone();
    let file = file.or_else(|| io.var("MESHFORM_MASTER_KEY_FILE").map(ToOwned::to_owned));
    let master =
        master_key(io, file)?.ok_or_else(|| {
            Box::new(wrong("there is no master key".to_owned()).help(
                "make one with `meshform keys init --out FILE`, and give it with `--master-key-file FILE`",
            ))
        })?;
    let master = MasterKey::parse(&master)?;
    let store = store::open_or_create(io, &arguments.store.store, &Seed::default());
    let store = store.map_err(|error| error.diagnostic())?;
    let new = NewKey {
        name: arguments.name.clone().unwrap_or_else(|| arguments.owner.clone()),
        owner: arguments.owner.clone(),
        mesh: arguments.mesh.clone(),
        rights: match (arguments.read_only, arguments.admin) {
            (true, _) => Rights::Read,
            (_, true) => Rights::Admin,
            _ => Rights::Write,
        },
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

fn session(server: &str, io: &Io) -> Result<String, Problem> {
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

fn list(store: &StoreArgument, format: Format, io: &Io) -> Result<String, Problem> {
    let store = store::open(io, &store.store)?;
    let found = store::wait(keys::list(&*store))?.map_err(|error| error.diagnostic())?;
    Ok(match format {
        Format::Json => {
            let all: Vec<Json> = found.iter().map(key_json).collect();
            format!("{:#}\n", Json::Array(all))
        }
        Format::Text => found.iter().map(key_line).collect(),
    })
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
    let of = key
        .mesh
        .as_ref()
        .map_or_else(|| "all meshes".to_owned(), |mesh| format!("mesh `{mesh}`"));
    let rights = match key.rights {
        Rights::Read => "reads",
        Rights::Write => "reads, and writes its owner's",
        Rights::Admin => "reads and writes everything",
    };
    format!(
        "{}: `{}`, owner `{}`, {of}, {rights}; made by {} at {}\n",
        key.id, key.name, key.owner, key.made_by, key.made_at
    )
}

fn revoke(id: &str, store: &StoreArgument, io: &Io) -> Result<String, Problem> {
    let store = store::open(io, &store.store)?;
    let gone = store::wait(keys::revoke(&*store, id, &store::author(io)))?;
    match gone.map_err(|error| error.diagnostic())? {
        true => Ok(format!("{id} is revoked\n")),
        false => Err(Box::new(
            Diagnostic::error(codes::UNKNOWN_KEY, format!("the store has no key `{id}`"))
                .help("`meshform keys list` shows the ids of the store's keys"),
        )),
    }
}

fn wrong(message: String) -> Diagnostic {
    Diagnostic::error(codes::MASTER_KEY, message)
}
