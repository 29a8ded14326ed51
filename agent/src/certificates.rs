//! Certificates in files that change without Envoy seeing it: it watches the folder for a file that is moved into it, and
//! sees neither one that is written in place nor a link above the folder that leads elsewhere.
//!
//! Envoy reads the files again when its secret's message changes. So the same files are named by another spelling of
//! their paths, `/certs/./tls.crt`.

use meshform_bundle::layout::types;
use meshform_bundle::{Body, Bundle, ROOT, Resource};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// How many spellings are used in turn. Two would do for Envoy; with four, one that it could still be reading is not
/// used again at once.
const SPELLINGS: usize = 4;

/// What tells a file's content from another: inode, size, time of the last change.
type FileStamp = Option<(u64, u64, i64, i64)>;

/// The files that the secrets of a proxy name.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    marks: BTreeMap<PathBuf, FileStamp>,
    /// They have changed since Envoy was told, and may be changing yet.
    pending: bool,
    turn: usize,
}

impl Certificates {
    /// From now on those of this bundle; their paths in the spelling that is in turn.
    pub(crate) fn follow(&mut self, bundle: &mut Bundle, dir: &Path) -> Result<(), String> {
        let mut files = Vec::new();
        for resource in bundle
            .resources
            .iter_mut()
            .filter(|one| one.type_url == types::SECRET)
        {
            let mut body: Value =
                serde_json::from_str(resource.body.as_str()).map_err(|error| error.to_string())?;
            respell(&mut body, self.turn, dir, &mut files);
            let body = Body::parse(&body.to_string()).map_err(|error| error.to_string())?;
            *resource = Resource::new(types::SECRET, &resource.name, &resource.file, body);
        }
        let marks = files.into_iter().map(|file| {
            let seen = self.marks.get(&file).copied();
            let mark = seen.unwrap_or_else(|| mark(&file));
            (file, mark)
        });
        self.marks = marks.collect();
        Ok(())
    }

    /// Whether files have changed, and then have stayed as they are from one look to the next: a certificate and its key
    /// are seldom written at once.
    pub(crate) fn have_changed(&mut self) -> bool {
        let mut moving = false;
        for (file, seen) in &mut self.marks {
            let now = mark(file);
            moving |= *seen != now;
            *seen = now;
        }
        if moving {
            self.pending = true;
            return false;
        }
        if std::mem::take(&mut self.pending) {
            self.turn = (self.turn + 1) % SPELLINGS;
            return true;
        }
        false
    }

    /// Which spelling is in turn.
    pub(crate) fn turn(&self) -> usize {
        self.turn
    }
}

fn mark(file: &PathBuf) -> FileStamp {
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
}

/// Gives every absolute `filename` the spelling that is in turn, and notes its own.
fn respell(value: &mut Value, turn: usize, dir: &Path, files: &mut Vec<PathBuf>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| respell(item, turn, dir, files)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(path) if name == "filename" && path.starts_with('/') => {
                        // What is below the directory of the proxy's files still has a placeholder for it.
                        let begin = match path.strip_prefix(ROOT) {
                            Some(below) => {
                                files.push(dir.join(below.trim_start_matches('/')));
                                ROOT.len() + 1
                            }
                            None => {
                                files.push(PathBuf::from(path.as_str()));
                                1
                            }
                        };
                        if begin <= path.len() {
                            path.insert_str(begin, &"./".repeat(turn));
                        }
                    }
                    _ => respell(value, turn, dir, files),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_bundle::ProxyId;

    #[test]
    fn a_change_is_told_once_it_is_over_and_by_another_spelling() {
        let file = std::env::temp_dir().join(format!("meshform-agent-{}", std::process::id()));
        std::fs::write(&file, "1").unwrap();
        let body =
            serde_json::json!({"name": "s", "tls_certificate": {"certificate_chain": {"filename": file}}});
        let body = Body::parse(&body.to_string()).unwrap();
        let bundle = Bundle {
            proxy: ProxyId::virtual_node("apps", "a"),
            bootstrap: Body::parse("{}").unwrap(),
            resources: vec![Resource::new(types::SECRET, "s", "sds/s.json", body)],
            origins: BTreeMap::new(),
        };
        let mut certificates = Certificates::default();
        let mut followed = bundle.clone();
        certificates.follow(&mut followed, Path::new("/srv")).unwrap();
        assert_eq!(followed, bundle);
        assert!(!certificates.have_changed());
        std::fs::write(&file, "22").unwrap();
        assert!(!certificates.have_changed(), "it may be changing yet");
        assert!(certificates.have_changed());
        assert!(!certificates.have_changed(), "told once");
        certificates.follow(&mut followed, Path::new("/srv")).unwrap();
        assert!(
            followed.resources[0]
                .body
                .as_str()
                .contains(&format!("/.{}", file.display()))
        );
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn files_below_the_directory_are_found_behind_its_placeholder() {
        let mut body = serde_json::json!({"filename": format!("{ROOT}/.meshform/x")});
        let mut files = Vec::new();
        respell(&mut body, 1, Path::new("/srv/mesh"), &mut files);
        assert_eq!(files, [PathBuf::from("/srv/mesh/.meshform/x")]);
        assert_eq!(body["filename"], format!("{ROOT}/./.meshform/x"));
    }
}
