//! A store, for commands that read or release from one.

use crate::io::Io;
use meshform_model::diag::Diagnostic;
use meshform_model::resource::{DEFAULT_ACCOUNT, DEFAULT_PARTITION, DEFAULT_REGION, Resource};
use meshform_model::validate::seen;
use meshform_release::{EnvoyBuilder, ReleaseError, Releaser, Target};
use meshform_store::{Access, Author, DEFAULT_LOCATION, Location, Prefix, Seed, Store, StoreError};
use std::future::Future;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

/// The option of commands that work on a store, which has a default.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StoreArgument {
    /// The store: a directory, a bucket such as `s3://bucket/prefix`, or `etcd://host,host/prefix`
    #[arg(long, value_name = "DIR|URL", default_value = DEFAULT_LOCATION)]
    pub(crate) store: PathBuf,
}

impl StoreArgument {
    /// Whether it is the one that nobody named.
    pub(crate) fn is_default(&self) -> bool {
        self.store == Path::new(DEFAULT_LOCATION)
    }
}

/// A store that is created only where that is said: one that was mistyped is not made, and looks as if it worked.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NewStoreArgument {
    #[command(flatten)]
    store: StoreArgument,
    /// Create the store where there is none yet
    #[arg(long)]
    create_store: bool,
    /// The account of a store that is created: 12 digits [default: 000000000000]
    #[arg(long, value_name = "ID", requires = "create_store")]
    account_id: Option<String>,
    /// The region of a store that is created [default: us-east-1]
    #[arg(long, value_name = "NAME", requires = "create_store")]
    region: Option<String>,
}

impl NewStoreArgument {
    pub(crate) fn open(&self, io: &Io) -> Result<Arc<dyn Store>, Box<Diagnostic>> {
        let name = &self.store.store;
        let account = self.account_id.as_deref().unwrap_or(DEFAULT_ACCOUNT);
        let region = self.region.as_deref().unwrap_or(DEFAULT_REGION);
        let seed = Seed::new(DEFAULT_PARTITION, region, account).map_err(|error| error.diagnostic())?;
        let store = open_or_create(io, name, &seed).map_err(|error| error.diagnostic())?;
        let found = wait(store.identity())?.map_err(|error| error.diagnostic())?;
        match found.is_some() || self.create_store {
            true => Ok(store),
            false => Err(Box::new(absent(name).help(
                "name that of the servers with `--store DIR|URL`; with `--create-store` a new one is made",
            ))),
        }
    }
}

/// A store instead of files.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct FromStoreArgument {
    /// Read from this store, a directory or a bucket such as `s3://bucket/prefix`, instead of files
    #[arg(long, value_name = "DIR|URL", conflicts_with = "paths")]
    store: Option<PathBuf>,
}

impl FromStoreArgument {
    /// The store, where one is named.
    pub(crate) fn name(&self) -> Option<&Path> {
        self.store.as_deref()
    }
}

/// Runs what the store does; a command has nothing else to do meanwhile.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> Result<T, Box<Diagnostic>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // Behind a pointer, so that the scheduler is compiled once and not for each command.
    let future: Pin<&mut dyn Future<Output = T>> = std::pin::pin!(future);
    match runtime {
        Ok(runtime) => Ok(runtime.block_on(future)),
        Err(error) => Err(Box::new(Diagnostic::error(
            crate::codes::CANNOT_READ,
            format!("no task can be run: {error}"),
        ))),
    }
}

/// Opens a store. One that is not there is not made: nothing that was lost shall look empty.
pub(crate) fn open(io: &Io, name: &Path) -> Result<Arc<dyn Store>, Box<Diagnostic>> {
    let location = location(io, name).map_err(|error| error.diagnostic())?;
    let absent =
        || absent(name).help("name what the provider's `store` argument names, with `--store DIR|URL`");
    if let Location::Directory(directory) = &location
        && !directory.is_dir()
    {
        return Err(Box::new(absent()));
    }
    let store = location.open(&access(io), &Seed::default());
    let store = store.map_err(|error| error.diagnostic())?;
    if !matches!(location, Location::Directory(_)) {
        let found = wait(store.identity())?.map_err(|error| error.diagnostic())?;
        found.ok_or_else(absent)?;
    }
    Ok(store)
}

fn absent(name: &Path) -> Diagnostic {
    let message = format!("there is no store at `{}`", name.display());
    Diagnostic::error(crate::codes::CANNOT_READ, message)
}

/// Opens a store that the next write may create.
pub(crate) fn open_or_create(io: &Io, name: &Path, seed: &Seed) -> Result<Arc<dyn Store>, StoreError> {
    location(io, name)?.open(&access(io), seed)
}

fn location(io: &Io, name: &Path) -> Result<Location, StoreError> {
    match name.to_str() {
        Some(text) => Location::parse(text, &io.directory),
        None => Ok(Location::Directory(io.path(name))),
    }
}

pub(crate) fn access(io: &Io) -> Access {
    let variables = io.env.iter();
    Access::of_environment(variables.map(|(name, value)| (name.into(), value.into())))
}

/// Releases as the person at the keyboard, and publishes to these places.
pub(crate) fn releaser(
    io: &Io,
    store: Arc<dyn Store>,
    publish: &[String],
) -> Result<Releaser, Box<Diagnostic>> {
    let mut releaser = Releaser::new(store, Arc::new(EnvoyBuilder), author(io));
    for name in publish {
        releaser = releaser.publish_to(target(io, name)?);
    }
    Ok(releaser)
}

/// A place to which releases are published. Nothing is connected to yet.
pub(crate) fn target(io: &Io, name: &str) -> Result<Target, Box<Diagnostic>> {
    Target::open(name, &io.directory, &access(io)).map_err(|error| told(&error))
}

/// Who writes: the user, on this machine.
pub(crate) fn author(io: &Io) -> Author {
    // Services and containers have no name of a user in their environment.
    let user = io
        .var("USER")
        .or_else(|| io.var("LOGNAME"))
        .map(ToOwned::to_owned);
    let user = user.or_else(|| Some(format!("uid {}", std::fs::metadata("/proc/self").ok()?.uid())));
    let user = user.unwrap_or_else(|| "unknown".to_owned());
    let actor = match io.var("HOSTNAME") {
        Some(host) => format!("{user}@{host}"),
        None => user,
    };
    Author {
        owner: "default".to_owned(),
        actor: seen(&actor),
        run: None,
    }
}

/// The resources of a store, of one mesh or of all.
pub(crate) async fn resources(
    store: &dyn Store,
    mesh: Option<&str>,
) -> Result<(Vec<Resource>, Vec<Diagnostic>), StoreError> {
    let prefix = mesh.map_or_else(Prefix::all, Prefix::mesh);
    let listing = store.list(&prefix).await?;
    Ok(meshform_registry::resources(mesh.unwrap_or_default(), listing))
}

/// A release's problem as every other is told.
pub(crate) fn told(error: &ReleaseError) -> Box<Diagnostic> {
    Box::new(error.diagnostic())
}
