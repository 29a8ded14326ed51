//! The image layout that `cargo xtask dist --oci` writes: read here by hand, and by skopeo where that is at hand.

use flate2::read::GzDecoder;
use meshform_acceptance::tools;
use meshform_bundle::Digest;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the task hands to Python, with an agent that is some bytes.
fn write(out: &Path, agent: &[u8], base: Option<&Path>) {
    let program = out.with_extension("agent");
    fs::write(&program, agent).unwrap();
    let order = json!({"out": out, "version": "1.2.3", "images": [{
        "name": "meshform-agent",
        "architecture": "amd64",
        "base": base,
        "layer": [
            {"path": "usr/local/bin/meshform-agent", "mode": "755", "from": program},
            {"path": "var/lib/meshform", "mode": "755", "owner": 1337},
            {"path": "tmp", "mode": "1777", "owner": 0},
        ],
        "config": {"Entrypoint": ["/usr/local/bin/meshform-agent"], "User": "1337:1337",
            "Volumes": {"/var/lib/meshform": {}}},
    }]});
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/src/dist/oci.py");
    let mut running = Command::new(tools::python())
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(order.to_string().as_bytes()).unwrap();
    drop(stdin);
    assert!(running.wait().unwrap().success());
}

/// A blob that is what its name, and its descriptor, say.
fn blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().unwrap();
    let name = digest.strip_prefix("sha256:").unwrap();
    let bytes = fs::read(layout.join("blobs/sha256").join(name)).unwrap();
    assert_eq!(Digest::of(&bytes).as_str(), name);
    assert_eq!(json!(bytes.len()), descriptor["size"]);
    bytes
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The entries of a tar archive: type, mode, owner and content by path.
fn entries(tar: &[u8]) -> BTreeMap<String, (char, u32, u32, Vec<u8>)> {
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8(bytes[..end].to_vec()).unwrap()
    };
    let octal = |bytes: &[u8]| u32::from_str_radix(text(bytes).trim(), 8).unwrap();
    let mut found = BTreeMap::new();
    let mut rest = tar;
    while rest[0] != 0 {
        let (head, after) = rest.split_at(512);
        assert_eq!(octal(&head[136..148]), 0, "no dates");
        let size = octal(&head[124..136]) as usize;
        let entry = (
            char::from(head[156]),
            octal(&head[100..108]),
            octal(&head[108..116]),
            after[..size].to_vec(),
        );
        found.insert(text(&head[..100]).trim_end_matches('/').to_owned(), entry);
        rest = &after[size.div_ceil(512) * 512..];
    }
    found
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), bytes);
            }
        }
    }
    found
}

#[test]
fn an_image_layout_holds_what_it_names_and_is_the_same_each_time() {
    let place = tempfile::tempdir().unwrap();
    let (first, second) = (place.path().join("first"), place.path().join("second"));
    for layout in [&first, &second] {
        write(layout, b"\x7fELF agent", None);
    }
    assert_eq!(files(&first), files(&second));
    assert_eq!(
        parsed(&fs::read(first.join("oci-layout")).unwrap())["imageLayoutVersion"],
        "1.0.0"
    );
    let index = parsed(&fs::read(first.join("index.json")).unwrap());
    let descriptor = &index["manifests"][0];
    assert_eq!(
        descriptor["platform"],
        json!({"os": "linux", "architecture": "amd64"})
    );
    let manifest = parsed(&blob(&first, descriptor));
    let config = parsed(&blob(&first, &manifest["config"]));
    assert_eq!(config["config"]["Volumes"], json!({"/var/lib/meshform": {}}));
    let mut tar = Vec::new();
    let packed = blob(&first, &manifest["layers"][0]);
    GzDecoder::new(packed.as_slice()).read_to_end(&mut tar).unwrap();
    assert_eq!(
        config["rootfs"]["diff_ids"],
        json!([format!("sha256:{}", Digest::of(&tar))])
    );
    let entries = entries(&tar);
    let (kind, mode, owner, content) = &entries["usr/local/bin/meshform-agent"];
    assert_eq!(
        (*kind, *mode, *owner, content.as_slice()),
        ('0', 0o755, 0, b"\x7fELF agent".as_slice())
    );
    let (kind, mode, owner, _) = &entries["var/lib/meshform"];
    assert_eq!((*kind, *mode, *owner), ('5', 0o755, 1337), "the volume is 1337's");
    assert_eq!(entries["var/lib"].2, 0);
    assert_eq!(entries["tmp"].1, 0o1777);
    // On a base: its layers first, its configuration below ours.
    let above = place.path().join("above");
    write(&above, b"another", Some(&first));
    let index = parsed(&fs::read(above.join("index.json")).unwrap());
    let manifest = parsed(&blob(&above, &index["manifests"][0]));
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);
    assert_eq!(blob(&above, &manifest["layers"][0]), packed);
    let config = parsed(&blob(&above, &manifest["config"]));
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
    skopeo(&above, &place.path().join("copied"));
}

/// Lets skopeo read and copy it, where there is one: neither CI nor a fresh checkout fetches it.
fn skopeo(layout: &Path, copy: &Path) {
    let program = std::env::var_os("MESHFORM_SKOPEO").unwrap_or_else(|| "skopeo".into());
    let image = format!("oci:{}:meshform-agent-amd64", layout.display());
    let Ok(inspected) = Command::new(&program).args(["inspect", &image]).output() else {
        return;
    };
    let told = String::from_utf8_lossy(&inspected.stderr);
    assert!(inspected.status.success(), "{told}");
    assert_eq!(parsed(&inspected.stdout)["Architecture"], "amd64");
    let to = format!("oci:{}:copied", copy.display());
    let copied = Command::new(&program)
        .args(["--insecure-policy", "copy", &image, &to])
        .output()
        .unwrap();
    assert!(
        copied.status.success(),
        "{}",
        String::from_utf8_lossy(&copied.stderr)
    );
}
