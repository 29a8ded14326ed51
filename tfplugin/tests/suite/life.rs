//! The life of a provider process: debugging, the death of its parent.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tfplugin::testing::terraform::Workspace;
use tokio::io::{AsyncBufReadExt as _, BufReader};

fn notes(workspace: &Workspace) {
    let note = format!("{}/a.txt", workspace.scratch().display());
    let hcl = format!(
        "terraform {{\n  required_providers {{\n    note = {{ source = \"acme/note\" }}\n  }}\n}}\n\
         resource \"note_file\" \"a\" {{\n  path = {note:?}\n  text = \"hush\"\n}}\n"
    );
    workspace.config(&hcl).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_under_debug_serves_several_runs_of_terraform() {
    let mut child = tokio::process::Command::new(super::example("note"))
        .arg("--debug")
        .env("TF_LOG_PROVIDER", "debug")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let reattach = loop {
        let line = lines.next_line().await.unwrap().expect("the line for the shell");
        if let Some(rest) = line.strip_prefix("TF_REATTACH_PROVIDERS='") {
            break rest.trim_end_matches('\'').to_owned();
        }
    };
    assert!(
        reattach.contains(&format!("\"Pid\":{},", child.id().unwrap())),
        "{reattach}"
    );
    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            sink.lock().unwrap().push(line);
        }
    });
    let applied = move || {
        let log = log.lock().unwrap();
        log.iter()
            .filter(|line| line.contains("\"tf_rpc\":\"ApplyResourceChange\""))
            .count()
    };
    tokio::task::spawn_blocking(move || {
        for (run, (terraform, version)) in super::terraforms().into_iter().enumerate() {
            // What would be started is no provider: only the one that runs already can have answered.
            let no_provider = super::example("conformance");
            let mut workspace = Workspace::new(&terraform, "acme/note", &no_provider).unwrap();
            notes(&workspace);
            let alone = workspace.apply().expect_err("there is no provider to start");
            assert!(alone.to_string().contains("plugin"), "{version}: {alone}");
            assert_eq!(applied(), 2 * run, "{version}");
            workspace.var("TF_REATTACH_PROVIDERS", &reattach);
            workspace.apply().unwrap();
            assert!(workspace.plan(&[]).unwrap().changed().is_empty());
            workspace.destroy().unwrap();
            // Its log comes through a pipe.
            let patience = Instant::now() + Duration::from_secs(20);
            while applied() < 2 * (run + 1) && Instant::now() < patience {
                std::thread::sleep(Duration::from_millis(20));
            }
            assert_eq!(
                applied(),
                2 * (run + 1),
                "{version}: the running one made and removed a note"
            );
        }
    })
    .await
    .unwrap();
    assert!(child.try_wait().unwrap().is_none(), "it is still there");
}

#[cfg(unix)]
#[tokio::test]
async fn a_provider_ends_when_its_parent_is_gone() {
    // The shell in between is the parent; it waits for a line that never comes and is then killed.
    let program = super::example("note");
    let cookie = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
    let mut shell = tokio::process::Command::new("sh")
        .args(["-c", "\"$0\" & echo \"pid $!\"; wait"])
        .arg(&program)
        .stderr(Stdio::null())
        .env("TF_PLUGIN_MAGIC_COOKIE", cookie)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    let (mut pid, mut socket) = (None, None);
    while pid.is_none() || socket.is_none() {
        let line = lines.next_line().await.unwrap().expect("a line");
        match line.strip_prefix("pid ") {
            Some(text) => pid = Some(text.to_owned()),
            None => socket = line.split('|').nth(3).map(str::to_owned),
        }
    }
    let (process, socket) = (
        format!("/proc/{}", pid.unwrap()),
        std::path::PathBuf::from(socket.unwrap()),
    );
    assert!(socket.exists());
    shell.kill().await.unwrap();
    let start = Instant::now();
    while socket.exists() || std::fs::read_link(format!("{process}/exe")).is_ok() {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{process} is still there"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
