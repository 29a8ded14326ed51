use super::*;
use clap::Parser as _;
use meshform_store::testing::CountedStore;
use meshform_store::{SqliteOptions, SqliteStore};
use std::fs;
use std::path::Path;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn mesh(node: &str) -> String {
    format!(
        "- {{meshName: apps, spec: {{}}}}\n- meshName: apps\n  virtualNodeName: {node}\n  spec: {{listeners: [{{portMapping: \
         {{port: 80, protocol: http}}}}], serviceDiscovery: {{dns: {{hostname: {node}.local}}}}}}\n"
    )
}

fn applied(folder: &Path, store: &Arc<dyn Store>, text: &str) -> ApplyReport {
    fs::write(folder.join("mesh.yaml"), text).unwrap();
    let words = ["apply", "mesh.yaml", "--owner", "us", "--prune"];
    let arguments = Line::try_parse_from(words).unwrap().arguments;
    let mut io = Io {
        stdin: Box::new(std::io::empty()),
        stdout: Box::new(std::io::sink()),
        stderr: Box::new(std::io::sink()),
        env: std::collections::BTreeMap::new(),
        directory: folder.to_owned(),
        program: None,
        manner: crate::io::OutputStyle::default(),
        lost: None,
    };
    let mut loaded = load(&arguments.input, &mut io).unwrap();
    let done = store::wait(apply_to(store, &arguments, &io, &mut loaded)).unwrap();
    assert!(!has_errors(&loaded.problems), "{:?}", loaded.problems);
    done.unwrap()
}

#[test]
fn writing_and_releasing_share_one_view_of_the_mesh() {
    let folder = tempfile::tempdir().unwrap();
    let inner = SqliteStore::open(SqliteOptions::new(folder.path().join("store"))).unwrap();
    let counted = Arc::new(CountedStore::new(Arc::new(inner)));
    let store: Arc<dyn Store> = counted.clone();
    applied(folder.path(), &store, &mesh("a"));
    counted.lists();
    let done = applied(folder.path(), &store, &mesh("b"));
    let deleted = done.steps.iter().filter(|step| step.todo == Todo::Delete);
    assert_eq!(deleted.count(), 1, "who deletes looks at what is inside");
    assert_eq!(
        counted.lists(),
        2,
        "what the store has, for the plan; and the view, of which the release learns the same"
    );
}
