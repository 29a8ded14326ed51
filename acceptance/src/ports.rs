//! Ports of this machine for what tests and tasks start.
//!
//! A program that is told its port in a file cannot ask the system for one. A port that was free a moment ago may be
//! taken when the program listens: by a connection, which gets its own port from the system, or by another test. So
//! the ports given here lie below those that the system gives to connections, and each is lent to one process until
//! that process ends.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Below the ports that systems give to connections (Linux from 32768 on, others from 49152), and above those that
/// well-known services have.
const RANGE: Range<u16> = 12_000..32_000;

/// Steps of this size visit every port of the range once, and tests that begin beside each other do not meet soon.
const STEP: usize = 7_919;

/// What this process has been lent. A port's twin in UDP, which nothing here listens on, is bound as long as the
/// process lives: no other process gets the same one, and nothing is left behind when it is killed.
static LENT: Mutex<Lent> = Mutex::new(Lent {
    twins: Vec::new(),
    tried: 0,
});

struct Lent {
    twins: Vec<UdpSocket>,
    tried: usize,
}

/// A port on which nobody listens, at no address, and that no other caller of this gets before this process ends.
///
/// # Errors
///
/// When all ports of the range are taken.
pub fn free() -> io::Result<u16> {
    let mut lent = LENT.lock().unwrap_or_else(PoisonError::into_inner);
    let first = usize::try_from(std::process::id()).unwrap_or(0).wrapping_mul(37);
    for _ in RANGE {
        let at = first.wrapping_add(lent.tried.wrapping_mul(STEP)) % RANGE.len();
        lent.tried += 1;
        let Some(port) = u16::try_from(at).ok().and_then(|at| RANGE.start.checked_add(at)) else {
            continue;
        };
        let Ok(twin) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) else {
            continue;
        };
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            lent.twins.push(twin);
            return Ok(port);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrInUse,
        format!(
            "no port from {} to {} is free",
            RANGE.start,
            RANGE.end.saturating_sub(1)
        ),
    ))
}

/// So many ports, as [`free`] gives them.
///
/// # Errors
///
/// When there are not so many.
pub fn several<const N: usize>() -> io::Result<[u16; N]> {
    let mut ports = [0; N];
    for port in &mut ports {
        *port = free()?;
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_port_is_lent_twice_also_not_to_threads() {
        let threads = [(); 8].map(|()| std::thread::spawn(|| several::<50>().unwrap()));
        let ports: Vec<u16> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 400);
        assert!(ports.iter().all(|port| RANGE.contains(port)));
    }

    #[test]
    fn a_lent_port_can_be_listened_on_and_its_twin_is_held() {
        let port = free().unwrap();
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let twin = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap_err();
        assert_eq!(twin.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn the_steps_visit_every_port() {
        let visited: BTreeSet<usize> = (0..RANGE.len()).map(|n| n * STEP % RANGE.len()).collect();
        assert_eq!(visited.len(), RANGE.len());
    }
}
