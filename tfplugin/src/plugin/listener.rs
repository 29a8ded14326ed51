//! Where the plugin listens: a unix socket in a directory of its own, or the loopback interface.

use std::io;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use super::connection::Connection;
use super::environment::Environment;

/// Where a listener can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// A loopback port.
    Tcp(String),
}

impl Address {
    pub(crate) fn parts(&self) -> (&'static str, String) {
        match self {
            Self::Unix(path) => ("unix", path.display().to_string()),
            Self::Tcp(address) => ("tcp", address.clone()),
        }
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn of(network: &str, address: &str) -> Option<Self> {
        match network {
            "unix" => Some(Self::Unix(address.into())),
            "tcp" => Some(Self::Tcp(address.into())),
            _ => None,
        }
    }
}

/// A bound listener. Dropping it removes the socket and its directory.
pub(crate) struct Listener {
    kind: Kind,
    address: Address,
    /// The directory made for the socket.
    directory: Option<PathBuf>,
}

enum Kind {
    #[cfg(unix)]
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// The kernel's limit on the path of a socket, with room for the terminating zero on every system.
const MAX_SOCKET_PATH: usize = 100;

impl Listener {
    pub(crate) async fn bind(environment: &Environment) -> io::Result<Self> {
        #[cfg(unix)]
        match Self::unix(environment) {
            Ok(listener) => return Ok(listener),
            Err(error) => tracing::debug!(%error, "no unix socket, listening on the loopback interface"),
        }
        let (min, max) = environment.ports;
        Self::tcp(min, max).await
    }

    #[cfg(unix)]
    fn unix(environment: &Environment) -> io::Result<Self> {
        let mut parents: Vec<PathBuf> = environment.socket_dir.iter().cloned().collect();
        parents.extend([std::env::temp_dir(), PathBuf::from("/tmp")]);
        let fits = |parent: &PathBuf| parent.as_os_str().len() + 40 < MAX_SOCKET_PATH;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no directory with a path short enough");
        for parent in parents.iter().filter(|parent| fits(parent)) {
            let bound = fresh_directory(parent).and_then(|directory| {
                let path = directory.join("plugin.sock");
                let bound = UnixListener::bind(&path).and_then(|listener| {
                    share_with_group(environment, &directory, &path)?;
                    Ok(listener)
                });
                bound
                    .map(|listener| (listener, path))
                    .inspect_err(|_| drop(std::fs::remove_dir_all(&directory)))
            });
            match bound {
                Ok((listener, path)) => {
                    let directory = path.parent().map(Path::to_path_buf);
                    return Ok(Self {
                        kind: Kind::Unix(listener),
                        address: Address::Unix(path),
                        directory,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn tcp(min: u16, max: u16) -> io::Result<Self> {
        if min > max {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the lowest port is above the highest",
            ));
        }
        let mut last = None;
        // Without bounds both are 0, and the system chooses.
        for port in min..=max {
            match TcpListener::bind(("127.0.0.1", port)).await {
                Ok(listener) => {
                    let address = Address::Tcp(listener.local_addr()?.to_string());
                    return Ok(Self {
                        kind: Kind::Tcp(listener),
                        address,
                        directory: None,
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::AddrInUse, "no port is free")))
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) async fn accept(&self) -> io::Result<Connection> {
        match &self.kind {
            #[cfg(unix)]
            Kind::Unix(listener) => Ok(Connection::new(listener.accept().await?.0)),
            Kind::Tcp(listener) => {
                let stream = listener.accept().await?.0;
                stream.set_nodelay(true)?;
                Ok(Connection::new(stream))
            }
        }
    }

    /// Removes what is left in the file system.
    pub(crate) fn remove(&self) {
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A directory that nobody else can enter, with a name that nobody had before.
#[cfg(unix)]
fn fresh_directory(parent: &Path) -> io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut last = io::Error::other("no free name");
    for attempt in 0..64_u32 {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let name = format!(
            "tfplugin-{}-{:x}",
            std::process::id(),
            now.subsec_nanos().wrapping_add(attempt)
        );
        let path = parent.join(name);
        // Making fails when the name is taken, so nobody can prepare the directory for us.
        match std::fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Lets a group of users connect, when the host asks for it.
#[cfg(unix)]
fn share_with_group(environment: &Environment, directory: &Path, socket: &Path) -> io::Result<()> {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let Some(group) = &environment.socket_group else {
        return Ok(());
    };
    let gid = group.parse().ok().or_else(|| group_id(group));
    let gid = gid.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no group `{group}`")))?;
    for (path, mode) in [(directory, 0o750), (socket, 0o660)] {
        chown(path, None, Some(gid))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(unix)]
fn group_id(name: &str) -> Option<u32> {
    let all = std::fs::read_to_string("/etc/group").ok()?;
    let line = all.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}
