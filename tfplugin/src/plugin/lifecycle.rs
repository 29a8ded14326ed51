//! What ends a plugin process.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

/// How long a provider may take to finish after it was asked to end: Terraform kills it after two seconds.
pub(crate) const GRACE: Duration = Duration::from_millis(1500);

/// How often to look whether the parent is still there.
#[cfg(unix)]
const PARENT_POLL: Duration = Duration::from_millis(500);

/// Why the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The host asked.
    Host,
    /// Somebody asked by a signal.
    Signal,
    /// The parent is gone.
    Orphaned,
}

/// Who started the process. Taken first thing: once the handshake is out, a parent may already be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parent(u32);

impl Parent {
    pub(crate) fn now() -> Self {
        #[cfg(unix)]
        return Self(std::os::unix::process::parent_id());
        #[cfg(not(unix))]
        Self(0)
    }
}

/// Waits for whatever ends the process first. As a plugin, Ctrl-C is ignored: the terminal sends it to the
/// whole group, and Terraform decides what it means.
pub(crate) async fn end(shutdown: Arc<Notify>, parent: Option<Parent>) -> End {
    tokio::select! {
        () = shutdown.notified() => End::Host,
        () = signalled(parent.is_some()) => End::Signal,
        () = orphaned(parent) => End::Orphaned,
    }
}

#[cfg(unix)]
async fn signalled(plugin: bool) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => if !plugin { return },
            _ = terminate.recv() => return,
        }
    }
}

#[cfg(not(unix))]
async fn signalled(plugin: bool) {
    loop {
        if tokio::signal::ctrl_c().await.is_err() {
            return std::future::pending().await;
        }
        if !plugin {
            return;
        }
    }
}

/// Ends when Terraform was killed: the process is then given another parent.
#[cfg(unix)]
async fn orphaned(parent: Option<Parent>) {
    let Some(parent) = parent else {
        return std::future::pending().await;
    };
    while Parent::now() == parent {
        tokio::time::sleep(PARENT_POLL).await;
    }
}

#[cfg(not(unix))]
async fn orphaned(_parent: Option<Parent>) {
    std::future::pending().await
}
