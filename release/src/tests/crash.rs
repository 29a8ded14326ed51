//! A process that dies at each step of a release, one after the other. It is this test program, started again.

use super::*;
use crate::steps::{ReleaseStep, Steps};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

const PLACE: &str = "MESHFORM_TEST_PLACE";
const LAST: &str = "MESHFORM_TEST_LAST_STEP";

/// Dies after so many steps, without any chance to clean up.
#[derive(Debug)]
struct Die {
    passed: AtomicUsize,
    after: usize,
}

impl Steps for Die {
    fn passed(&self, _: ReleaseStep) {
        if self.passed.fetch_add(1, Ordering::SeqCst) == self.after {
            std::process::abort();
        }
    }
}

/// Not a test: the body of the process that dies.
#[test]
#[ignore = "started by the other tests of this file"]
fn dying_process() {
    let (Ok(place), Ok(last)) = (std::env::var(PLACE), std::env::var(LAST)) else {
        return;
    };
    let steps = Die {
        passed: AtomicUsize::new(0),
        after: last.parse().unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = store(Path::new(&place));
        let releaser = releaser(Path::new(&place), &store).with_steps(Arc::new(steps));
        releaser.release("apps").await.unwrap();
    });
}

/// Whether the process came through.
fn run_until(place: &Path, step: usize) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::dying_process", "--ignored"])
        .env(PLACE, place)
        .env(LAST, step.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    status.success()
}

/// A mesh that is released, then changed everywhere: one node is new, one changed, one gone.
async fn changed_mesh(place: &Path) {
    let store = store(place);
    write_mesh(&*store, "1").await;
    for name in ["changes", "stays", "goes"] {
        write_node(&*store, name, "1").await;
    }
    releaser(place, &store).release("apps").await.unwrap();
    delete(&*store, &node_key("goes")).await;
    write_node(&*store, "changes", "2").await;
    write_node(&*store, "comes", "1").await;
}

/// The files that are in use, with this place's name taken out.
fn portable(place: &Path) -> BTreeMap<PathBuf, String> {
    let root = place.join("published");
    let name = root.to_str().unwrap().to_owned();
    let files = in_use(&root).into_iter();
    files
        .map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap().replace(&name, "ROOT")))
        .collect()
}

#[tokio::test]
async fn killed_after_any_step_proxies_read_complete_sets_and_the_next_run_finishes() {
    let clean = TempDir::new().unwrap();
    changed_mesh(clean.path()).await;
    assert!(run_until(clean.path(), usize::MAX));
    // Sets are named by content, and the content has the place in it: compared by proxy instead.
    let wanted = see_all(&clean.path().join("published"));
    assert_eq!(wanted.len(), 4);
    let wanted_files: Vec<String> = portable(clean.path()).into_values().collect();
    let mut step = 0;
    loop {
        let place = TempDir::new().unwrap();
        changed_mesh(place.path()).await;
        let root = place.path().join("published");
        let came_through = run_until(place.path(), step);
        // `see_all` panics where a set is not complete.
        let after_kill = see_all(&root);
        assert!(
            after_kill.len() >= 3,
            "step {step}: a proxy has lost its files: {after_kill:?}"
        );
        let store = store(place.path());
        let releaser = releaser(place.path(), &store);
        releaser.release("apps").await.unwrap();
        assert_eq!(see_all(&root), wanted, "step {step}");
        let mut files: Vec<String> = portable(place.path()).into_values().collect();
        let mut sorted = wanted_files.clone();
        files.sort();
        sorted.sort();
        assert_eq!(files, sorted, "step {step}");
        let settled = releaser.release("apps").await.unwrap();
        assert_eq!(
            settled.published(),
            Default::default(),
            "step {step}: nothing is left to do"
        );
        if came_through {
            break;
        }
        step += 1;
    }
    println!("killed after each of {step} steps");
    assert!(step >= 15, "{step}");
}

#[tokio::test]
async fn a_broken_mesh_does_not_keep_the_next_run_from_finishing_what_was_released() {
    let clean = TempDir::new().unwrap();
    changed_mesh(clean.path()).await;
    assert!(run_until(clean.path(), usize::MAX));
    let wanted = see_all(&clean.path().join("published"));
    let place = TempDir::new().unwrap();
    changed_mesh(place.path()).await;
    // Just after the pointer was set: Built, Stored, Pointed.
    assert!(!run_until(place.path(), 2));
    let store = store(place.path());
    write_service(&*store, "broken.apps.local", "nowhere").await;
    let outcome = releaser(place.path(), &store).release("apps").await.unwrap();
    assert_eq!(outcome.verdict, ReleaseVerdict::Invalid);
    assert_eq!(see_all(&place.path().join("published")), wanted);
}
