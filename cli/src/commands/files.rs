//! `--check-files`: whether the certificates and keys that proxies read are where the proxies will look for them.

use super::load::{Loaded, is_called};
use crate::codes;
use crate::io::Io;
use meshform_envoy::{self as envoy, NeededFile, Options, Purpose};
use meshform_model::diag::{Diagnostic, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The beginning of everything in a PEM file.
const PEM: &[u8] = b"-----BEGIN ";
/// More than any bundle of authorities has.
const MAX_BYTES: u64 = 16 << 20;

/// Where to look for proxies' files.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct FilesArgument {
    /// Also check the certificates and keys that proxies read, below this folder as on the proxy's machine (`/`: here)
    #[arg(long, value_name = "ROOT")]
    check_files: Option<PathBuf>,
}

impl FilesArgument {
    /// Adds what is wrong with the files, where that was asked for and the meshes are valid.
    pub(crate) fn check(&self, io: &Io, meshes: &[Mesh], node: Option<&str>, loaded: &mut Loaded) {
        let Some(root) = &self.check_files else { return };
        if has_errors(&loaded.problems) {
            return;
        }
        let root = io.path(root);
        let mut needed = BTreeSet::new();
        for mesh in meshes {
            let wanted = |key: &ResourceKey| node.is_none_or(|node| is_called(key, node));
            // Paths do not depend on where releases lie.
            let options = Options::new("/");
            match envoy::needed_files_where(mesh, &options, |key| wanted(key)) {
                // Logs are made by Envoy, and a socket by whoever listens on it.
                Ok(files) => {
                    let read = files
                        .into_iter()
                        .filter(|file| file.purpose == Purpose::Certificate);
                    needed.extend(read);
                }
                Err(problems) => {
                    let problems = loaded.placed(problems);
                    loaded.add(problems);
                }
            }
        }
        let problems = needed
            .iter()
            .filter_map(|file| Some(problem(file, &fault(&root, &file.path)?, &root)))
            .collect();
        let problems = loaded.placed(problems);
        loaded.add(problems);
    }
}

fn problem(file: &NeededFile, fault: &str, root: &Path) -> Diagnostic {
    let (path, root) = (&file.path, root.display());
    Diagnostic::error(codes::PROXY_FILE, format!("`{path}` below `{root}` {fault}"))
        .help("Envoy reads it at that path of its own machine: put a PEM file there, or name another")
        .at(file.origin.place())
}

/// What is wrong with a file.
fn fault(root: &Path, path: &str) -> Option<String> {
    let place = root.join(path.trim_start_matches('/'));
    let mut bytes = Vec::new();
    let read = std::fs::metadata(&place).and_then(|found| {
        if !found.is_file() {
            return Ok(false);
        }
        let file = std::fs::File::open(&place)?;
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(true)
    });
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some("is not there".to_owned()),
        Err(error) => Some(format!("cannot be read: {error}")),
        Ok(false) => Some("is not a file".to_owned()),
        Ok(true) => {
            let pem = bytes.windows(PEM.len()).any(|part| part == PEM);
            (!pem).then(|| "holds no PEM".to_owned())
        }
    }
}
