//! moto's server, as a process of its own.

use meshform_acceptance::http::Client;
use meshform_acceptance::tools;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The server; it ends when this is dropped.
pub(crate) struct Moto {
    process: Child,
    address: SocketAddr,
}

impl Moto {
    /// Starts it on a free port and makes the bucket `meshes`.
    pub(crate) fn start() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, meshform_acceptance::ports::free().unwrap()));
        let mut command = Command::new(tools::moto());
        command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut moto = Self {
            process: command.spawn().unwrap(),
            address,
        };
        let host = address.to_string();
        while Client::new(address).get(&host, "/", &[]).is_err() {
            assert!(moto.process.try_wait().unwrap().is_none(), "moto did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        let made = Client::new(address)
            .request("PUT", &host, "/meshes", &[])
            .unwrap();
        assert_eq!(made.status, 200);
        moto
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
