//! Golden folders: `cases/<feature>/mesh.json` → `cases/<feature>/envoy/<proxy>/…`, or `problems.txt` where the mesh
//! has no form in Envoy. `UPDATE=1` writes them anew and removes what is no longer made. Every static configuration
//! is given to real Envoy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn cases_are_what_they_were_and_envoy_takes_them() {
    let update = std::env::var_os("UPDATE").is_some();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<PathBuf> = fs::read_dir(&cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    let mut faults = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let made = made(folder);
        if update {
            rewrite(folder, &made);
        }
        faults.extend(differences(folder, &made));
    }
    faults.extend(refused(&folders));
    assert!(
        faults.is_empty(),
        "{}\n(UPDATE=1 writes the files anew)",
        faults.join("\n")
    );
}

/// What a case gives, by path below its folder.
fn made(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let text = fs::read_to_string(folder.join("mesh.json")).unwrap();
    let json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files = BTreeMap::new();
    match support::build(&support::mesh(&json)) {
        Ok(output) => {
            for proxy in output.proxies {
                let name = proxy.key.name.replace('/', "_");
                for (path, content) in proxy.files() {
                    files.insert(format!("envoy/{name}/{path}"), content);
                }
            }
            if !output.warnings.is_empty() {
                let lines: Vec<String> = output.warnings.iter().map(|w| format!("{w}\n")).collect();
                files.insert("problems.txt".to_owned(), lines.concat().into_bytes());
            }
        }
        Err(problems) => {
            files.insert("problems.txt".to_owned(), (problems + "\n").into_bytes());
        }
    }
    files
}

fn existing(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, root: &Path, out: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, out);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                out.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(folder, folder, &mut out);
    out.remove("mesh.json");
    out
}

fn rewrite(folder: &Path, made: &BTreeMap<String, Vec<u8>>) {
    let _ = fs::remove_dir_all(folder.join("envoy"));
    let _ = fs::remove_file(folder.join("problems.txt"));
    for (path, content) in made {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn differences(folder: &Path, made: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let existing = existing(folder);
    let mut faults = Vec::new();
    for path in existing
        .keys()
        .chain(made.keys())
        .collect::<std::collections::BTreeSet<_>>()
    {
        let what = match (existing.get(path), made.get(path)) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(_), Some(_)) => "differs",
            (Some(_), None) => "is no longer made",
            (None, _) => "is new",
        };
        faults.push(format!("{}/{path} {what}", folder.display()));
    }
    faults
}

/// Gives every static configuration to Envoy, with certificates where the cases name some, and with loopback ports.
fn refused(folders: &[PathBuf]) -> Vec<String> {
    let work = tempfile::tempdir().unwrap();
    let certificates = work.path().join("tls");
    fs::create_dir(&certificates).unwrap();
    support::write_certificates(&certificates);
    let mut faults = Vec::new();
    let mut asked = 0;
    for folder in folders {
        for (path, content) in existing(folder) {
            if !path.ends_with("static.json") {
                continue;
            }
            let text = String::from_utf8(content).unwrap();
            let text = text.replace("/etc/meshform/tls", certificates.to_str().unwrap());
            let file = work.path().join(format!("{asked}.json"));
            fs::write(&file, text).unwrap();
            asked += 1;
            if let Err(fault) = support::validate(&file) {
                faults.push(format!("{}/{path}: {fault}", folder.display()));
            }
        }
    }
    assert!(asked > 0, "no case has a static configuration");
    faults
}
