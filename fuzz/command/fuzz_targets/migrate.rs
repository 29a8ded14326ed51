//! `meshform migrate --write` of any module: what it writes it reads again, and then it has nothing more to do.
#![no_main]

use meshform::io::{Io, OutputStyle};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

fn migrate(folder: &Path) {
    let mut io = Io {
        stdin: Box::new(std::io::empty()),
        stdout: Box::new(std::io::sink()),
        stderr: Box::new(std::io::sink()),
        env: BTreeMap::new(),
        directory: folder.to_owned(),
        program: None,
        manner: OutputStyle::default(),
        lost: None,
    };
    let words = ["meshform", "migrate", ".", "--write"].map(OsString::from);
    let _ = meshform::run(words.to_vec(), &mut io);
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    let folder = tempfile::tempdir().expect("a folder for the module");
    let file = folder.path().join("main.tf");
    std::fs::write(&file, text).expect("the module's file");
    migrate(folder.path());
    let once = std::fs::read(&file).expect("the module's file");
    migrate(folder.path());
    let twice = std::fs::read(&file).expect("the module's file");
    assert!(once == twice, "a second run changes something");
});
