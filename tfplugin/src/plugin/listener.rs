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

/// What the name of a socket's directory begins with, and the socket's name in it.
#[cfg(unix)]
const DIRECTORY: &str = "tfplugin-";
#[cfg(unix)]
const SOCKET: &str = "plugin.sock";
/// For so long nobody doubts that a directory is needed.
#[cfg(unix)]
const ABANDONED: std::time::Duration = std::time::Duration::from_secs(60);

impl Listener {
    pub(crate) async fn bind(environment: &Environment) -> io::Result<Self> {
        #[cfg(unix)]
        match Self::unix(environment) {
            Ok(listener) => return Ok(listener),
            Err(error) => tracing::debug!(%error, "no unix socket, listening on the loopback interface"),
        }
        Self::tcp(environment.ports).await
    }

    #[cfg(unix)]
    fn unix(environment: &Environment) -> io::Result<Self> {
        let mut parents: Vec<PathBuf> = environment.socket_dir.iter().cloned().collect();
        parents.extend([std::env::temp_dir(), PathBuf::from("/tmp")]);
        let fits = |parent: &PathBuf| parent.as_os_str().len() + 40 < MAX_SOCKET_PATH;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no directory with a path short enough");
        for parent in parents.iter().filter(|parent| fits(parent)) {
            let bound = fresh_directory(parent).and_then(|directory| {
                let path = directory.join(SOCKET);
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

    async fn tcp((min, max): (u16, u16)) -> io::Result<Self> {
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
    remove_abandoned(parent);
    let mut last = io::Error::other("no free name");
    for attempt in 0..64_u32 {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let name = format!(
            "{DIRECTORY}{}-{:x}",
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

/// Removes what killed plugins left there: a directory whose process is gone, with a socket on which nobody listens.
#[cfg(unix)]
fn remove_abandoned(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let (name, directory) = (entry.file_name(), entry.path());
        let name = name.to_str().and_then(|name| name.strip_prefix(DIRECTORY));
        let Some((process, _)) = name.and_then(|rest| rest.split_once('-')) else {
            continue;
        };
        // Whoever has just made it may be about to listen.
        let is_old = entry.metadata().is_ok_and(|found| {
            let age = found.modified().ok().and_then(|then| then.elapsed().ok());
            found.is_dir() && age.is_some_and(|age| age > ABANDONED)
        });
        if !is_old || Path::new("/proc").join(process).exists() {
            continue;
        }
        // The process may be one of another container that shares the directory.
        let socket = directory.join(SOCKET);
        let refused = std::os::unix::net::UnixStream::connect(&socket)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        if refused && std::fs::remove_file(&socket).is_ok() {
            // Only when nothing else is in it.
            let _ = std::fs::remove_dir(&directory);
        }
    }
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener as Bound;
    use std::time::{Duration, SystemTime};

    #[test]
    fn what_killed_plugins_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let made = |name: &str, age: u64| {
            let directory = parent.path().join(name);
            std::fs::create_dir(&directory).unwrap();
            let bound = Bound::bind(directory.join(SOCKET)).unwrap();
            let then = SystemTime::now() - Duration::from_secs(age);
            std::fs::File::open(&directory)
                .unwrap()
                .set_modified(then)
                .unwrap();
            bound
        };
        // No process has such a number.
        let gone = 1 << 30;
        drop(made(&format!("tfplugin-{gone}-a"), 3600));
        let listening = made(&format!("tfplugin-{gone}-b"), 3600);
        drop(made(&format!("tfplugin-{gone}-c"), 0));
        drop(made(&format!("tfplugin-{}-d", std::process::id()), 3600));
        drop(made(&format!("other-{gone}-e"), 3600));
        remove_abandoned(parent.path());
        let left = std::fs::read_dir(parent.path()).unwrap();
        let mut left: Vec<String> = left
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let own = format!("tfplugin-{}-d", std::process::id());
        let mut kept = vec![
            format!("other-{gone}-e"),
            format!("tfplugin-{gone}-b"),
            format!("tfplugin-{gone}-c"),
            own,
        ];
        kept.sort();
        assert_eq!(left, kept);
        drop(listening);
    }
}
