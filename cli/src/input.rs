//! From paths to inputs: files, folders, standard input.

use crate::codes;
use crate::io::Io;
use meshform_compiler::frontend::{self, Input, Options, Reading, TemplateValues, text::MAX_BYTES};
use meshform_model::diag::Diagnostic;
use meshform_model::kind::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The endings of what is read from a folder.
const ENDINGS: &[&str] = &["json", "yaml", "yml", "tfstate"];
/// How deep folders are followed.
const MAX_FOLDERS: usize = 32;

/// In `--help` the options that say how inputs are read stand together, below those of the command itself.
const READING: &str = "How inputs are read";

/// What a command reads, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct InputArguments {
    /// Files or folders to read; `-` is standard input. CloudFormation, App Mesh JSON or YAML, Terraform state, Kubernetes manifests
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only this mesh; also the mesh of resources that do not name theirs
    #[arg(help_heading = READING, long, value_name = "NAME")]
    pub(crate) mesh: Option<String>,
    /// The kind of an App Mesh body that does not say it: virtualNode, route, …
    #[arg(help_heading = READING, long, value_name = "KIND", value_parser = kind)]
    pub(crate) kind: Option<Kind>,
    /// The name of an App Mesh body without one; the file's name otherwise
    #[arg(help_heading = READING, long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The virtual router or virtual gateway of routes that do not name theirs
    #[arg(help_heading = READING, long, value_name = "NAME")]
    pub(crate) parent: Option<String>,
    /// A value for a CloudFormation parameter, for a placeholder such as `${NAME}`, or for a variable of jq in API JSON
    #[arg(help_heading = READING, long = "parameter", value_name = "NAME=VALUE")]
    pub(crate) parameters: Vec<String>,
    /// A value that a CloudFormation template imports, by the name of the export
    #[arg(help_heading = READING, long = "import", value_name = "NAME=VALUE")]
    pub(crate) imports: Vec<String>,
    /// What `Fn::GetAtt` gives in a CloudFormation template; LOGICAL.Ref for what `Ref` gives
    #[arg(help_heading = READING, long = "attribute", value_name = "LOGICAL.ATTR=VALUE")]
    pub(crate) attributes: Vec<String>,
    /// A file with such values: JSON or YAML with `parameters`, `imports` and `attributes`, or CloudFormation's own
    #[arg(help_heading = READING, long = "values", value_name = "FILE")]
    pub(crate) values: Vec<PathBuf>,
}

/// What a command needs of templates beside the values of their resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TemplateUse {
    Values,
    /// The mesh's part of them, with its expressions.
    Expressions,
    /// All of them, as they were read.
    Whole,
}

impl InputArguments {
    /// Reads a text that was not in a file, such as a server's answer.
    pub(crate) fn read_text(&self, name: &str, text: &str) -> Reading {
        let options = Options {
            mesh: self.mesh.clone(),
            ..Options::default()
        };
        let input = Input {
            // How it ends tells JSON from YAML.
            name: format!("{name}#.json"),
            bytes: text.as_bytes().to_vec(),
            named: true,
        };
        frontend::read(vec![input], &options)
    }

    /// Reads everything, and the names of the meshes that were not asked for. What cannot be read is a problem of the
    /// reading.
    pub(crate) fn read(&self, templates: TemplateUse, io: &mut Io) -> (Reading, BTreeSet<String>) {
        let mut problems = Vec::new();
        let given = self.given(io, &mut problems);
        let mut inputs = Vec::new();
        for path in &self.paths {
            gather(io, path, &mut inputs, &mut problems);
        }
        let options = Options {
            mesh: self.mesh.clone(),
            kind: self.kind,
            name: self.name.clone(),
            parent: self.parent.clone(),
            parameters: given.parameters,
            imports: given.imports,
            attributes: given.attributes,
            symbolic: templates == TemplateUse::Expressions,
            whole: templates == TemplateUse::Whole,
            typed: templates == TemplateUse::Expressions,
        };
        let mut unread = Vec::new();
        let mut reading = frontend::read_with(inputs, &options, &mut |name| follow(io, name, &mut unread));
        problems.append(&mut unread);
        let mut others = BTreeSet::new();
        if let Some(mesh) = &self.mesh {
            reading.found.retain(|found| {
                let other = found.key.as_ref().filter(|key| key.mesh != *mesh);
                others.extend(other.map(|key| key.mesh.clone()));
                other.is_none()
            });
        }
        problems.append(&mut reading.problems);
        let is_misuse = |problem: &Diagnostic| problem.code == codes::BAD_OPTION;
        let (misused, problems) = problems.into_iter().partition(is_misuse);
        reading.misused.extend::<Vec<Diagnostic>>(misused);
        reading.problems = problems;
        (reading, others)
    }

    /// What `Fn::GetAtt` gives, by `LOGICAL.ATTRIBUTE`. What is wrong with the options, reading them tells.
    pub(crate) fn attributes(&self, io: &Io) -> BTreeMap<String, String> {
        self.given(io, &mut Vec::new()).attributes
    }

    /// The values of the files, and over them those of the options.
    fn given(&self, io: &Io, problems: &mut Vec<Diagnostic>) -> TemplateValues {
        let mut given = TemplateValues::default();
        for path in &self.values {
            match values(io, path) {
                Ok(read) => given.extend(read),
                Err(problem) => problems.push(*problem),
            }
        }
        let options = [
            ("parameter", "NAME=VALUE", &self.parameters, &mut given.parameters),
            ("import", "NAME=VALUE", &self.imports, &mut given.imports),
            (
                "attribute",
                "LOGICAL.ATTR=VALUE",
                &self.attributes,
                &mut given.attributes,
            ),
        ];
        for (option, form, all, into) in options {
            for text in all {
                match text.split_once('=') {
                    Some((name, value)) => drop(into.insert(name.to_owned(), value.to_owned())),
                    None => problems.push(
                        Diagnostic::error(codes::BAD_OPTION, format!("`--{option} {text}` has no `=`"))
                            .help(format!("write `--{option} {form}`")),
                    ),
                }
            }
        }
        given
    }
}

/// A kind by its name in the API, or as the AWS CLI spells it.
fn kind(text: &str) -> Result<Kind, String> {
    let plain = |text: &str| text.replace('-', "").to_ascii_lowercase();
    let found = Kind::ALL
        .into_iter()
        .find(|kind| plain(kind.name()) == plain(text));
    found.ok_or_else(|| format!("there are {}", Kind::ALL.map(Kind::name).join(", ")))
}

/// The values of a `--values` file.
fn values(io: &Io, path: &Path) -> Result<TemplateValues, Box<Diagnostic>> {
    let shown = path.display().to_string();
    let bytes = File::open(io.path(path))
        .and_then(|mut file| bounded(&mut file))
        .map_err(|error| cannot_read(&format!("`{shown}`"), &error))?;
    TemplateValues::read(&shown, bytes)
}

/// A file that an input names. Only what looks like a template or a manifest is opened.
fn follow(io: &Io, name: &str, problems: &mut Vec<Diagnostic>) -> Option<Vec<u8>> {
    let ending = Path::new(name)
        .extension()?
        .to_string_lossy()
        .to_ascii_lowercase();
    if !["json", "yaml", "yml", "template"].contains(&ending.as_str()) {
        return None;
    }
    let full = io.path(Path::new(name));
    if !fs::metadata(&full).is_ok_and(|meta| meta.is_file()) {
        return None;
    }
    match File::open(full).and_then(|mut file| bounded(&mut file)) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            problems.push(cannot_read(&format!("`{name}`"), &error));
            None
        }
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
