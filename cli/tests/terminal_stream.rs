//! What the command writes where standard error is a terminal: a pseudo terminal here.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test program")]

mod common;

use common::World;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let world = World::new(&[("mesh.yaml", "{meshName: m, spec: {}}\n")]);
    for arguments in [
        &["convert", "mesh.yaml", "--to", "api"][..],
        &["validate", "mesh.yaml"],
        &["--help"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ran = Command::new(env!("CARGO_BIN_EXE_meshform"))
            .args(arguments)
            .current_dir(world.path())
            .stdout(full)
            .output()
            .unwrap();
        let told = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(
            told.contains("error[MF0802]: standard output cannot be written"),
            "{told}"
        );
    }
}

const WIPE: &str = "\r\u{1b}[K";
const LINE: &str = "meshform validate: ";

/// A command whose standard error is a terminal, and which waits for its input.
struct OnTerminal {
    child: Child,
    terminal: File,
    told: String,
}

impl OnTerminal {
    fn start(world: &World, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let terminal = openpt(flags).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let program = ioctl_tiocgptpeer(&terminal, flags).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_meshform"))
            .args(arguments)
            .current_dir(world.path())
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::from(program))
            .spawn()
            .unwrap();
        Self {
            child,
            terminal: File::from(terminal),
            told: String::new(),
        }
    }

    /// Reads on; false at the end, which Linux tells as an error of the device.
    fn more(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.terminal.read(&mut bytes) {
            Ok(count @ 1..) => {
                self.told.push_str(&String::from_utf8_lossy(&bytes[..count]));
                true
            }
            _ => false,
        }
    }

    fn until(&mut self, text: &str) {
        while !self.told.contains(text) {
            assert!(self.more(), "no `{text}`: {:?}", self.told);
        }
    }

    /// Everything that was told, after the input that it waits for.
    fn end(mut self) -> String {
        let mut input = self.child.stdin.take().unwrap();
        // A command that reads files has ended by now.
        let _ = input.write_all(b"- {meshName: shop, spec: {}}\n");
        drop(input);
        while self.more() {}
        self.child.wait().unwrap();
        self.told
    }
}

#[test]
fn work_over_a_second_is_told_on_a_terminal_and_leaves_nothing_behind() {
    let world = World::new(&[]);
    let validate = ["validate", "-"];
    let quiet = OnTerminal::start(&world, &["-q", "validate", "-"], &[]);
    let dumb = OnTerminal::start(&world, &validate, &[("TERM", "dumb")]);
    let piped = Command::new(env!("CARGO_BIN_EXE_meshform"))
        .args(validate)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut loud = OnTerminal::start(&world, &validate, &[]);
    // The others were there first, so that they would have told of at least one second by now.
    loud.until(&format!("{LINE}2 s"));
    let told = loud.end();
    assert_eq!(told.rsplit_once(WIPE).unwrap().1, "", "{told:?}");
    assert_eq!(quiet.end(), "");
    assert_eq!(dumb.end(), "", "a terminal that cannot wipe a line gets none");
    let piped = String::from_utf8(piped.wait_with_output().unwrap().stderr).unwrap();
    assert!(!piped.contains(LINE), "{piped:?}");
}

#[test]
fn a_terminal_gets_colours_unless_somebody_said_no() {
    let world = World::new(&[("mesh.json", "{")]);
    let told = |arguments: &[&str], variables: &[(&str, &str)]| {
        let told = OnTerminal::start(&world, arguments, variables).end();
        assert!(told.contains("error"), "{told:?}");
        told.contains('\u{1b}')
    };
    let validate = ["validate", "mesh.json"];
    assert!(told(&validate, &[]));
    assert!(told(&validate, &[("NO_COLOR", "")]), "an empty one says nothing");
    assert!(!told(&validate, &[("NO_COLOR", "1")]));
    assert!(!told(&validate, &[("TERM", "dumb")]));
    assert!(!told(&["validate", "mesh.json", "--color", "never"], &[]));
    assert!(told(
        &["validate", "mesh.json", "--color", "always"],
        &[("NO_COLOR", "1")]
    ));
}
