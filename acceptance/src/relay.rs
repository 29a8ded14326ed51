//! A network between a client and a service that can stand still: connections stay open, and nothing comes through. So is a
//! peer that vanished without a word, and a partition.

use std::io::{self, ErrorKind, Read, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often a connection looks whether it may go on.
const LOOK: Duration = Duration::from_millis(20);

/// A port of the loopback address that leads to a service.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    stands: AtomicBool,
    ended: AtomicBool,
}

impl Relay {
    /// Leads to a service, which need not be there yet.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub fn to(service: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let seen = Arc::clone(&state);
        std::thread::spawn(move || {
            while !seen.ended.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((client, _)) => lead(client, service, &seen),
                    Err(_) => std::thread::sleep(LOOK),
                }
            }
        });
        Ok(Self { address, state })
    }
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets nothing through from now on, in neither direction.
    pub fn stop(&self) {
        self.state.stands.store(true, Ordering::Relaxed);
    }

    /// Lets everything through again, and what was written meanwhile.
    pub fn go_on(&self) {
        self.state.stands.store(false, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
    }
}

fn lead(client: TcpStream, service: SocketAddr, state: &Arc<State>) {
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        while state.stands.load(Ordering::Relaxed) && !state.ended.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK);
        }
        let Ok(server) = TcpStream::connect(service) else {
            return;
        };
        let (Ok(up), Ok(down)) = (client.try_clone(), server.try_clone()) else {
            return;
        };
        let seen = Arc::clone(&state);
        std::thread::spawn(move || copy(server, client, &seen));
        copy(up, down, &state);
    });
}

fn copy(mut from: TcpStream, mut to: TcpStream, state: &State) {
    let _ = from.set_nonblocking(false);
    let _ = from.set_read_timeout(Some(LOOK));
    let _ = to.set_nodelay(true);
    let mut buffer = vec![0; 64 * 1024];
    while !state.ended.load(Ordering::Relaxed) {
        if state.stands.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK);
            continue;
        }
        let read = match from.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        // What was read when it came to stand still waits too.
        while state.stands.load(Ordering::Relaxed) && !state.ended.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK);
        }
        let written = buffer.get(..read).is_some_and(|part| to.write_all(part).is_ok());
        if read == 0 || !written {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
