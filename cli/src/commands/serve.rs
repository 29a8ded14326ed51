//! `meshform serve`: the control plane.

mod settings;

pub(crate) use settings::{Arguments, master_key};

use crate::exit::Exit;
use crate::io::Io;
use crate::render;
use crate::store;
use meshform_console::Prometheus;
use meshform_controlplane::auth::keys::MasterKey;
use meshform_controlplane::codes;
use meshform_controlplane::{Addresses, Authentication, Rate, Server, Settings};
use meshform_model::diag::Diagnostic;
use meshform_model::resource::DEFAULT_PARTITION;
use meshform_release::Releaser;
use meshform_store::{Seed, Store};
use settings::Chosen;
use std::sync::Arc;
use std::time::Duration;

/// The pause between two looks at a mesh's current release: on a disk it costs nothing, in a bucket a request.
const LOOK_AT_DISK: Duration = Duration::from_millis(50);
const LOOK_AT_BUCKET: Duration = Duration::from_secs(1);

type Problem = Box<Diagnostic>;

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    match start(arguments, io) {
        Ok(()) => Exit::Fine,
        Err(problem) => render::refused(io, *problem),
    }
}

fn start(arguments: &Arguments, io: &mut Io) -> Result<(), Problem> {
    let chosen = arguments.choose(io)?;
    log(&chosen)?;
    small_pages();
    let cannot = |error: std::io::Error| {
        Box::new(Diagnostic::error(
            codes::SETTINGS,
            format!("the server cannot run: {error}"),
        ))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(cannot)?;
    runtime.block_on(async {
        // Before anything is told, so that a stop that comes at once is one in order.
        let stop = stop().map_err(cannot)?;
        let addresses = Addresses {
            api: chosen.listen,
            xds: chosen.xds,
            xds_for_anyone: chosen.xds_for_anyone,
            tls: chosen.tls.clone(),
        };
        let server = Server::bind(settings(&chosen, io)?, addresses).await?;
        if chosen.master_key.is_none() {
            tracing::warn!("without a master key anyone who can reach the API may change everything");
        }
        tracing::info!(store = %chosen.store.display(), address = %server.address(), "serving");
        let scheme = if chosen.tls.is_some() { "https" } else { "http" };
        io.print(&format!("listening on {scheme}://{}\n", server.address()));
        io.print(&format!("console at {scheme}://{}/console/\n", server.address()));
        if let Some(xds) = server.xds_address() {
            io.print(&format!("serving Envoys on {xds}\n"));
        }
        io.finish();
        server.serve(stop).await;
        tracing::info!("stopped");
        Ok(())
    })
}

/// A server runs for months and its memory is counted by whoever places it: the allocator asks for huge pages, of which
/// thousands of small streams touch a part each. For commands that end after a moment they are worth their memory.
fn small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages cannot be turned off");
    }
}

fn settings(chosen: &Chosen, io: &Io) -> Result<Settings, Problem> {
    let seed = Seed::new(DEFAULT_PARTITION, &chosen.region, &chosen.account_id)
        .map_err(|error| error.diagnostic())?;
    let opened = store::open_or_create(io, &chosen.store, &seed).map_err(|error| error.diagnostic())?;
    let authentication = match &chosen.master_key {
        None => Authentication::Anyone,
        Some(text) => Authentication::Keys(MasterKey::parse(text)?),
    };
    Ok(Settings {
        releaser: store::releaser(io, opened.clone(), &chosen.publish)?,
        reader: reader(io, &opened, &chosen.publish)?,
        look: match opened.place().contains("://") {
            true => LOOK_AT_BUCKET,
            false => LOOK_AT_DISK,
        },
        store: opened,
        seed,
        authentication,
        relaxed_deletes: chosen.relaxed_deletes,
        prometheus: match &chosen.prometheus {
            Some(address) => Some(Prometheus::at(address)?),
            None => None,
        },
        owner: chosen.owner.clone(),
        rate: (chosen.rate > 0.0).then_some(Rate {
            per_second: chosen.rate,
            burst: chosen.rate * 2.0,
        }),
        login: chosen.login.clone(),
        patience: Settings::PATIENCE,
    })
}

/// Reads releases, and what pollers of endpoints write where they are published.
fn reader(io: &Io, store: &Arc<dyn Store>, publish: &[String]) -> Result<Releaser, Problem> {
    let mut reader = store::releaser(io, Arc::clone(store), &[])?;
    for name in publish {
        reader = reader.look_at(store::target(io, name)?);
    }
    Ok(reader)
}

/// Over when the process is asked to end.
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Logs to standard error from now on.
fn log(chosen: &Chosen) -> Result<(), Problem> {
    let filter = tracing_subscriber::EnvFilter::try_new(&chosen.log).map_err(|error| {
        Box::new(Diagnostic::error(
            codes::SETTINGS,
            format!("`log` is `{}`: {error}", chosen.log),
        ))
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    // A second server in one process logs where the first does.
    let _ = match chosen.json_log {
        true => tracing::subscriber::set_global_default(subscriber.json().finish()),
        false => tracing::subscriber::set_global_default(subscriber.finish()),
    };
    Ok(())
}
