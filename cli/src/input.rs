//! From paths to inputs: files, folders, standard input.

use crate::codes;
use crate::io::Io;
use meshform_compiler::frontend::{self, Input, Options, Reading, text::MAX_BYTES};
use meshform_model::diag::Diagnostic;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The endings of what is read from a folder.
const ENDINGS: &[&str] = &["json", "yaml", "yml", "tfstate"];
/// How deep folders are followed.
const MAX_FOLDERS: usize = 32;

/// What a command reads, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct InputArguments {
    /// Files or folders to read; `-` is standard input. CloudFormation, App Mesh JSON or YAML, Terraform state
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only this mesh; also the mesh of resources that do not name theirs
    #[arg(long, value_name = "NAME")]
    pub(crate) mesh: Option<String>,
    /// A value for a CloudFormation parameter
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    pub(crate) parameters: Vec<String>,
}

impl InputArguments {
    /// Reads everything. What cannot be read is a problem of the reading.
    pub(crate) fn read(&self, io: &mut Io) -> Reading {
        let mut problems = Vec::new();
        let mut parameters = BTreeMap::new();
        for parameter in &self.parameters {
            match parameter.split_once('=') {
                Some((name, value)) => drop(parameters.insert(name.to_owned(), value.to_owned())),
                None => problems.push(
                    Diagnostic::error(codes::BAD_OPTION, format!("`--parameter {parameter}` has no `=`"))
                        .help("write `--parameter NAME=VALUE`"),
                ),
            }
        }
        let mut inputs = Vec::new();
        for path in &self.paths {
            gather(io, path, &mut inputs, &mut problems);
        }
        let options = Options {
            mesh: self.mesh.clone(),
            parameters,
        };
        let mut reading = frontend::read(inputs, &options);
        if let Some(mesh) = &self.mesh {
            reading
                .found
                .retain(|found| found.key.as_ref().is_none_or(|key| key.mesh == *mesh));
        }
        problems.append(&mut reading.problems);
        reading.problems = problems;
        reading
    }
}

fn gather(io: &mut Io, path: &Path, inputs: &mut Vec<Input>, problems: &mut Vec<Diagnostic>) {
    if path == Path::new("-") {
        match bounded(&mut io.stdin) {
            Ok(bytes) => inputs.push(Input {
                name: "<stdin>".to_owned(),
                bytes,
                named: true,
            }),
            Err(error) => problems.push(cannot_read("standard input", &error)),
        }
        return;
    }
    let full = io.path(path);
    let shown = path.display().to_string();
    match fs::metadata(&full) {
        Ok(meta) if meta.is_dir() => {
            let before = inputs.len();
            folder(&full, path, MAX_FOLDERS, inputs, problems);
            if inputs.len() == before {
                problems.push(
                    Diagnostic::warning(
                        frontend::codes::NOTHING_FOUND,
                        format!("`{shown}` holds no file to read"),
                    )
                    .help(format!("files that end in {} are read", ENDINGS.join(", "))),
                );
            }
        }
        Ok(_) => file(&full, shown, true, inputs, problems),
        Err(error) => problems.push(cannot_read(&format!("`{shown}`"), &error)),
    }
}

/// The files of a folder, by name, so that the order does not depend on the file system.
fn folder(full: &Path, shown: &Path, levels: usize, inputs: &mut Vec<Input>, problems: &mut Vec<Diagnostic>) {
    let entries = match fs::read_dir(full) {
        Ok(entries) => entries,
        Err(error) => return problems.push(cannot_read(&format!("`{}`", shown.display()), &error)),
    };
    let mut names: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name())
        .collect();
    names.sort();
    for name in names {
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let (full, shown) = (full.join(&name), shown.join(&name));
        // Links to folders are not followed: they can lead in a circle.
        let is_folder = fs::symlink_metadata(&full).is_ok_and(|meta| meta.is_dir());
        if is_folder && levels > 0 {
            folder(&full, &shown, levels - 1, inputs, problems);
        }
        let ending = full
            .extension()
            .map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let wanted = ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()));
        if wanted && fs::metadata(&full).is_ok_and(|meta| meta.is_file()) {
            file(&full, shown.display().to_string(), false, inputs, problems);
        }
    }
}

fn file(full: &Path, name: String, named: bool, inputs: &mut Vec<Input>, problems: &mut Vec<Diagnostic>) {
    match File::open(full).and_then(|mut file| bounded(&mut file)) {
        Ok(bytes) => inputs.push(Input { name, bytes, named }),
        Err(error) => problems.push(cannot_read(&format!("`{name}`"), &error)),
    }
}

/// One file as it is, or standard input where it is `-`.
pub(crate) fn one(io: &mut Io, path: &Path) -> Result<Vec<u8>, Box<Diagnostic>> {
    let read = if path == Path::new("-") {
        bounded(&mut io.stdin)
    } else {
        File::open(io.path(path)).and_then(|mut file| bounded(&mut file))
    };
    read.map_err(|error| Box::new(cannot_read(&format!("`{}`", path.display()), &error)))
}

/// One byte more than is allowed is enough for the reader to refuse it.
fn bounded(from: &mut dyn Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cannot_read(what: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(codes::CANNOT_READ, format!("{what} cannot be read: {error}"))
}
