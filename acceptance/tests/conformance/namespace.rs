//! A network of our own: this program again in a namespace, a neighbour at the other end of a cable, and App Mesh's
//! rules of iptables.

use super::sheet::caught;
use meshform_acceptance::{interception, tools};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The file into which the program in the namespace writes what became of its rows.
const REPORT: &str = "MESHFORM_CONFORMANCE_REPORT";

/// What the namespace is like.
pub(crate) struct Network {
    /// Whether there is more than one user.
    pub(crate) users: bool,
    neighbour: Child,
    namespace: File,
}

/// A promise that is looked at in the namespace.
pub(crate) type Check = fn(&Network);

/// Whether this machine lets us be more than one user: root may make a network namespace without one of users.
pub(crate) fn users() -> bool {
    let mut made = Command::new("unshare");
    made.args(["-n", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs the checks of [`inside`] in a namespace; gives what became of each.
pub(crate) fn outside() -> Vec<Option<String>> {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let make = if users() { "-n" } else { "-Urn" };
    let program = std::env::current_exe().unwrap();
    let mut again = Command::new("unshare");
    again.arg(make).arg(program);
    again.args(["--exact", "rows_in_a_namespace", "--nocapture"]);
    // What the harness says in there is not for whoever counts tests.
    again.env(REPORT, &report).stdout(Stdio::null());
    let output = again.output().expect("unshare runs (util-linux)");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "in a namespace of its own (`unshare {make}`): {said}"
    );
    serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap()
}

/// In the namespace: runs the checks, each with rules of its own. Elsewhere does nothing.
pub(crate) fn inside(checks: &[(bool, Check)]) {
    let Some(report) = std::env::var_os(REPORT) else {
        return;
    };
    let network = Network::new();
    let failures: Vec<Option<String>> = checks
        .iter()
        .map(|(needs_users, check)| {
            if *needs_users && !network.users {
                return None;
            }
            network.clear();
            caught(|| check(&network)).err()
        })
        .collect();
    std::fs::write(report, serde_json::to_vec(&failures).unwrap()).unwrap();
}

impl Network {
    /// A cable: 10.9.0.1 here, 10.9.0.2 there, and everything else lies beyond.
    fn new() -> Self {
        let neighbour = Command::new("unshare")
            .args(["-n", "sleep", "300"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let namespace = |process: &str| format!("/proc/{process}/ns/net");
        let theirs = namespace(&neighbour.id().to_string());
        let link = |path: &str| std::fs::read_link(path).unwrap();
        while link(&theirs) == link(&namespace("self")) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let network = Self {
            // In a namespace of users nobody but us is known.
            users: std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| {
                let count = map.split_whitespace().nth(2);
                count.is_some_and(|count| count != "1")
            }),
            namespace: File::open(&theirs).unwrap(),
            neighbour,
        };
        ip("link set lo up");
        let id = network.neighbour.id();
        ip(&format!("link add v0 type veth peer name v1 netns {id}"));
        ip("addr add 10.9.0.1/24 dev v0");
        ip("link set v0 up");
        ip("route add default via 10.9.0.2");
        network.there(|| {
            ip("addr add 10.9.0.2/24 dev v1");
            ip("link set v1 up");
            ip("link set lo up");
        });
        network
    }

    /// Runs something at the other end of the cable; threads that it starts stay there.
    pub(crate) fn there<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let moved = scope.spawn(|| {
                move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                run()
            });
            moved
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// No rules.
    pub(crate) fn clear(&self) {
        iptables("-t nat -F");
        iptables("-t nat -X");
    }

    /// App Mesh's rules for the properties of a proxy configuration.
    pub(crate) fn intercept(&self, properties: &BTreeMap<String, String>) {
        for rule in interception::rules(properties, self.users) {
            iptables(&rule);
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.neighbour.kill();
        let _ = self.neighbour.wait();
    }
}

/// Whom a program runs as, by the system's numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) group: u32,
}

/// Starts a program as another user; the program's own folder need not be open to that user.
pub(crate) fn as_user(user: User, program: &Path) -> Command {
    let User { id, group } = user;
    let mut command = Command::new("sh");
    let start = format!(
        "exec 9<\"$0\"; exec setpriv --reuid={id} --regid={group} --clear-groups /proc/self/fd/9 \"$@\""
    );
    command.args(["-c", &start]).arg(program);
    command
}

fn ip(arguments: &str) {
    run(tools::ip().as_os_str(), arguments);
}

fn iptables(arguments: &str) {
    run(tools::iptables().as_os_str(), arguments);
}

fn run(program: &OsStr, arguments: &str) {
    let output = Command::new(program)
        .args(arguments.split(' '))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{} {arguments}: {said}",
        program.display()
    );
}
