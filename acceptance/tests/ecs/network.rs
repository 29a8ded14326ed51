//! A network with a bridge, and a namespace at a cable of it for each task, as `awsvpc` gives each a network interface.

use meshform_acceptance::tools;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Says that the program runs in the namespace.
const INSIDE: &str = "MESHFORM_ECS_NETWORK";
/// The test's own address.
pub(crate) const OUTSIDE: Ipv4Addr = Ipv4Addr::new(10, 9, 1, 1);
/// An address that nobody has: whoever calls it must have been intercepted.
pub(crate) const NOWHERE: &str = "10.9.1.250";

/// Whether this machine lets us have several users in a namespace.
pub(crate) fn users() -> bool {
    let mut made = Command::new("unshare");
    made.args(["-n", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs one test of this program in a namespace.
pub(crate) fn again(test: &str) {
    let mut again = Command::new("unshare");
    again.arg("-n").arg(std::env::current_exe().unwrap());
    again.args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    // What the harness says in there is not for whoever counts tests.
    let output = again.output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// The bridge with the test at it.
pub(crate) fn bridge() {
    run(&tools::ip(), "link set lo up");
    // Of its own: else it takes the lowest of its ports, another one with the next task, and those who know the one before
    // send into the void until they ask again.
    run(&tools::ip(), "link add br0 address 02:00:0a:09:01:01 type bridge");
    run(&tools::ip(), &format!("addr add {OUTSIDE}/24 dev br0"));
    run(&tools::ip(), "link set br0 up");
}

/// A task's own network.
pub(crate) struct Interface {
    holder: Child,
    pub(crate) address: Ipv4Addr,
}

impl Interface {
    pub(crate) fn new(number: u8) -> Self {
        let holder = Command::new("unshare")
            .args(["-n", "sleep", "600"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let address = Ipv4Addr::new(10, 9, 1, number);
        let made = Self { holder, address };
        let link = |path: PathBuf| std::fs::read_link(path).unwrap();
        while link(made.path()) == link("/proc/self/ns/net".into()) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let ip = tools::ip();
        run(
            &ip,
            &format!(
                "link add t{number} type veth peer name eth0 netns {}",
                made.holder.id()
            ),
        );
        run(&ip, &format!("link set t{number} master br0"));
        run(&ip, &format!("link set t{number} up"));
        made.inside(&ip, "link set lo up");
        made.inside(&ip, &format!("addr add {address}/24 dev eth0"));
        made.inside(&ip, "link set eth0 up");
        made.inside(&ip, &format!("route add default via {OUTSIDE}"));
        made
    }

    fn path(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.holder.id()).into()
    }

    /// Runs a program in it.
    pub(crate) fn inside(&self, program: &std::path::Path, arguments: &str) {
        let mut command = self.command(program);
        let output = command.args(arguments.split(' ')).output().unwrap();
        assert!(
            output.status.success(),
            "{} {arguments}: {}",
            program.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// A command that will run in it.
    pub(crate) fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.path().display()))
            .arg("--")
            .arg(program);
        command
    }
}

impl Drop for Interface {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn run(program: &std::path::Path, arguments: &str) {
    let output = Command::new(program).args(arguments.split(' ')).output().unwrap();
    assert!(
        output.status.success(),
        "{} {arguments}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
}
