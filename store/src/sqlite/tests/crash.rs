//! Processes that are killed. The writer is this test program itself, started again.

use super::open;
use crate::testing::{author, node};
use crate::{Author, Created, Expected, Prefix, RunId, RunState, Store, create};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use tempfile::TempDir;

const PLACE: &str = "MESHFORM_TEST_WRITER";

/// Not a test: the body of a writer process. Writes for ever and says so after each acknowledgement.
#[test]
#[ignore = "started by the other tests of this file"]
fn writer_process() {
    let (Ok(place), Ok(name)) = (std::env::var(PLACE), std::env::var("MESHFORM_TEST_NAME")) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = open(Path::new(&place));
        let run = store.open_run(&name).await.unwrap();
        let who = Author {
            run: Some(run.clone()),
            ..author(&name)
        };
        let mut out = std::io::stdout();
        writeln!(out, "run {run}").unwrap();
        for number in 0.. {
            let name = format!("{name}-{run}-{number}");
            create(&store, node(&name, number), &who).await.unwrap();
            writeln!(out, "wrote {name}").unwrap();
            out.flush().unwrap();
        }
    });
}

struct Writer {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Writer {
    fn start(place: &Path, name: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "sqlite::tests::crash::writer_process",
                "--ignored",
                "--nocapture",
            ])
            .env(PLACE, place)
            .env("MESHFORM_TEST_NAME", name)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What follows a word on the next line that has it.
    fn next(&mut self, word: &str) -> Option<String> {
        let found = |line: String| line.split_once(word).map(|(_, rest)| rest.trim().to_owned());
        self.lines.by_ref().map_while(Result::ok).find_map(found)
    }

    /// SIGKILL, then what it had said and nobody had read yet.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut rest = Vec::new();
        while let Some(name) = self.next("wrote ") {
            rest.push(name);
        }
        rest
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn no_acknowledged_write_is_lost_when_writers_are_killed() {
    let directory = TempDir::new().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..12 {
        // Two processes at once; killed at different points, the first round while the store is created.
        let mut writers = [
            Writer::start(directory.path(), "one"),
            Writer::start(directory.path(), "two"),
        ];
        for writer in &mut writers {
            for _ in 0..round * 3 {
                acknowledged.extend(writer.next("wrote "));
            }
        }
        for writer in writers {
            // What is cut off in the middle of a line was not acknowledged in full.
            let mut rest = writer.kill();
            rest.retain(|name| name.split('-').count() == 7);
            rest.pop();
            acknowledged.extend(rest);
        }
        let store = open(directory.path());
        let listing = store.list(&Prefix::mesh("apps")).await.unwrap();
        let names: std::collections::BTreeSet<_> =
            listing.records.iter().map(|r| r.key.name.clone()).collect();
        let lost: Vec<_> = acknowledged
            .iter()
            .filter(|name| !names.contains(*name))
            .collect();
        assert!(lost.is_empty(), "round {round}: {lost:?}");
        assert!(listing.unreadable.is_empty());
    }
    assert!(acknowledged.len() > 300, "{}", acknowledged.len());
    println!(
        "{} acknowledged writes of 24 killed writers, none lost",
        acknowledged.len()
    );
}

#[tokio::test]
async fn only_an_equal_record_of_the_same_owners_dead_run_is_adopted() {
    let directory = TempDir::new().unwrap();
    let mut writer = Writer::start(directory.path(), "one");
    let run = RunId(writer.next("run ").unwrap());
    let name = writer.next("wrote ").unwrap();
    let store = open(directory.path());
    assert_eq!(store.run_state(&run).await.unwrap(), RunState::Alive);
    let mine = store.open_run("me").await.unwrap();
    let me = Author {
        run: Some(mine),
        ..author("one")
    };
    assert!(
        create(&store, node(&name, 0), &me).await.is_err(),
        "its writer lives"
    );
    writer.kill();
    assert_eq!(store.run_state(&run).await.unwrap(), RunState::Dead);
    assert!(
        create(&store, node(&name, 7), &me).await.is_err(),
        "it is not equal"
    );
    let other = Author {
        owner: "two".to_owned(),
        ..me.clone()
    };
    assert!(
        create(&store, node(&name, 0), &other).await.is_err(),
        "it is another owner's"
    );
    let adopted = create(&store, node(&name, 0), &me).await.unwrap();
    let Created::Adopted(record) = adopted else {
        panic!("{adopted:?}")
    };
    assert_eq!(record.author, me);
    assert!(create(&store, node(&name, 0), &me).await.is_err(), "adopted once");
    let next = store
        .put(node(&name, 1), Expected::At(record.revision), &me)
        .await;
    assert!(next.is_ok());
}
