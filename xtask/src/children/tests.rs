//! Real programs, really ended.

use std::io::{BufRead, BufReader, Write};

use super::*;

/// Whether a process is there (and not only as a name that nobody has waited for yet).
fn alive(pid: u32) -> bool {
    let mut ask = Command::new("ps");
    ask.args(["-o", "stat=", "-p", &pid.to_string()]);
    let answer = ask.output().unwrap();
    let state = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

fn gone(pid: u32) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while alive(pid) && Instant::now() < deadline {
        thread::sleep(POLL);
    }
    !alive(pid)
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

fn log(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("xtask-children-{name}-{}", std::process::id()))
}

#[test]
fn what_is_dropped_takes_its_programs_with_it_and_what_they_left() {
    let children = Children::new().unwrap();
    let log = log("drop");
    // A program that ends by itself and leaves another behind.
    let running = children
        .start("leaver", &mut shell("sleep 300 & echo $!; exec sleep 300"), &log)
        .unwrap();
    let left = loop {
        let text = std::fs::read_to_string(&log).unwrap();
        if let Some(pid) = text.lines().next().and_then(|line| line.parse().ok()) {
            break pid;
        }
        thread::sleep(POLL);
    };
    assert!(alive(running.pid()) && alive(left));
    drop(children);
    assert!(gone(running.pid()), "the program itself");
    assert!(gone(left), "what it had started");
    std::fs::remove_file(log).unwrap();
}

#[test]
fn a_run_gives_output_and_status() {
    let children = Children::new().unwrap();
    let output = children
        .run(&mut shell("echo out; echo err >&2; exit 3"))
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (&b"out\n"[..], &b"err\n"[..])
    );
    assert!(lock(&children.known).is_empty());
}

#[test]
fn an_interruption_ends_the_programs_and_us() {
    // Another process of this very test program plays the task.
    let mut task = Command::new(std::env::current_exe().unwrap());
    task.args([
        "--exact",
        "children::tests::task_that_is_interrupted",
        "--ignored",
        "--nocapture",
    ]);
    let mut task = task.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(task.stdout.take().unwrap()).lines();
    let pid: u32 = lines
        .map_while(|line| line.ok())
        .find_map(|line| line.strip_prefix("started ")?.parse().ok())
        .unwrap();
    assert!(alive(pid));
    kill("INT", &task.id().to_string());
    assert_eq!(task.wait().unwrap().code(), Some(130));
    assert!(gone(pid));
}

#[test]
#[ignore = "not a test: the process that the test above interrupts"]
fn task_that_is_interrupted() {
    let children = Children::new().unwrap();
    let log = log("interrupted");
    let running = children
        .start("sleeper", &mut shell("exec sleep 300"), &log)
        .unwrap();
    std::fs::remove_file(log).unwrap();
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "\nstarted {}", running.pid()).unwrap();
    stdout.flush().unwrap();
    drop(stdout);
    thread::sleep(Duration::from_secs(60));
}
