//! A root module and the modules that it calls by a local path, as they are written.

use super::edit::BlockBounds;
use super::quoted;
use crate::codes;
use crate::io::Io;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};
use hcl_edit::{Span as _, parser};
use meshform_model::diag::{Diagnostic, ProblemLocation, Sources};
use meshform_model::value::Span;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// How deep modules call one another at most.
const MAX_DEPTH: usize = 32;
/// A larger file is no configuration that a person wrote.
const MAX_BYTES: u64 = 16 << 20;

/// The folder of a module.
#[derive(Debug)]
pub(super) struct Module {
    /// As it is shown: seen from where the command runs.
    pub(super) folder: PathBuf,
    /// The names of the calls that lead there from the root module.
    pub(super) calls: Vec<String>,
    pub(super) files: Vec<SourceFile>,
    /// The names of its JSON files that speak of App Mesh.
    pub(super) json: Vec<String>,
}

/// A file of a module.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) path: PathBuf,
    pub(super) source: u32,
    pub(super) text: String,
    /// Bytes before the text that was parsed: a byte order mark.
    shift: usize,
    body: Body,
}

/// A block, and where it is.
#[derive(Clone, Copy)]
pub(super) struct FoundBlock<'m> {
    pub(super) source: &'m SourceFile,
    pub(super) block: &'m Block,
}

/// A module that is called from elsewhere than a local path.
#[derive(Debug)]
pub(super) struct Foreign {
    /// The names of the calls, from the root module to this one.
    pub(super) calls: Vec<String>,
    pub(super) place: ProblemLocation,
    pub(super) source: String,
}

/// The root module and the local modules that it calls, however deep.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
    pub(super) foreign: Vec<Foreign>,
    pub(super) sources: Sources,
    pub(super) problems: Vec<Diagnostic>,
    seen: BTreeSet<PathBuf>,
}

/// Whether a file is configuration: of Terraform, or of OpenTofu alone.
pub(super) fn is_hcl(name: &str) -> bool {
    [".tf", ".tofu"].iter().any(|end| name.ends_with(end))
}

pub(super) fn is_json(name: &str) -> bool {
    [".tf.json", ".tofu.json"].iter().any(|end| name.ends_with(end))
}

impl Tree {
    pub(super) fn read(io: &Io, root: &Path) -> Self {
        let mut tree = Self::default();
        tree.module(io, &plain(root), &[]);
        tree
    }

    fn module(&mut self, io: &Io, folder: &Path, calls: &[String]) {
        let full = io.path(folder);
        let canonical = full.canonicalize().unwrap_or_else(|_| full.clone());
        if calls.len() > MAX_DEPTH || !self.seen.insert(canonical) {
            return;
        }
        let entries = match fs::read_dir(&full) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(folder, &error.to_string()),
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        let mut module = Module {
            folder: folder.to_owned(),
            calls: calls.to_vec(),
            files: Vec::new(),
            json: Vec::new(),
        };
        for name in names {
            let shown = folder.join(&name);
            if is_json(&name) {
                let text = fs::read_to_string(io.path(&shown)).unwrap_or_default();
                if text.contains("aws_appmesh_") {
                    module.json.push(shown.display().to_string());
                }
            } else if is_hcl(&name) {
                module.files.extend(self.file(io, shown));
            }
        }
        let called = self.calls(&module);
        self.modules.push(module);
        for (folder, calls) in called {
            self.module(io, &folder, &calls);
        }
    }

    fn unreadable(&mut self, path: &Path, why: &str) {
        self.problems.push(Diagnostic::error(
            codes::CANNOT_READ,
            format!("`{}` cannot be read: {why}", path.display()),
        ));
    }

    fn file(&mut self, io: &Io, shown: PathBuf) -> Option<SourceFile> {
        let full = io.path(&shown);
        if fs::metadata(&full).is_ok_and(|meta| meta.len() > MAX_BYTES) {
            self.unreadable(&shown, "it is larger than 16 MiB");
            return None;
        }
        let text = match fs::read_to_string(&full) {
            Ok(text) => text,
            Err(error) => {
                self.unreadable(&shown, &error.to_string());
                return None;
            }
        };
        let source = self.sources.add(shown.display().to_string(), text.clone());
        let shift = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let parsed = text.get(shift..).unwrap_or_default();
        let body = match parser::parse_body(parsed) {
            Ok(body) => body,
            Err(error) => {
                let location = error.location();
                let start = offset(&text, location.line(), location.column());
                self.not_hcl(place(source, start, start), error.message());
                return None;
            }
        };
        if let Some(broken) = quoted::broken(parsed, &body) {
            let place = place(source, broken.start + shift, broken.end + shift);
            self.not_hcl(
                place,
                "a quoted text goes over several lines; `\\n` or `<<EOT` writes a line break",
            );
            return None;
        }
        Some(SourceFile {
            path: shown,
            source,
            text,
            shift,
            body,
        })
    }

    fn not_hcl(&mut self, place: ProblemLocation, why: &str) {
        self.problems.push(
            Diagnostic::error(codes::NOT_HCL, format!("the configuration cannot be read: {why}"))
                .help("`terraform validate` says more; nothing is changed before every file can be read")
                .at(place),
        );
    }

    /// The local modules that a module calls; those from elsewhere are noted.
    fn calls(&mut self, module: &Module) -> Vec<(PathBuf, Vec<String>)> {
        let mut local = Vec::new();
        for call in module.blocks("module") {
            let Some(label) = call.label(0) else { continue };
            let mut calls = module.calls.clone();
            calls.push(label.to_owned());
            let source = call.block.body.get_attribute("source");
            match source.and_then(|source| source.value.as_str()) {
                Some(path) if path.starts_with("./") || path.starts_with("../") => {
                    local.push((plain(&module.folder.join(path)), calls));
                }
                Some(source) => self.foreign.push(Foreign {
                    calls,
                    place: call.place(),
                    source: source.to_owned(),
                }),
                None => {}
            }
        }
        local
    }
}

impl Module {
    /// Its blocks of that name.
    pub(super) fn blocks<'m>(&'m self, name: &'m str) -> impl Iterator<Item = FoundBlock<'m>> {
        self.files.iter().flat_map(move |source| {
            let blocks = source.body.get_blocks(name);
            blocks.map(move |block| FoundBlock { source, block })
        })
    }

    /// Its resources and data sources of App Mesh.
    pub(super) fn of_app_mesh(&self) -> impl Iterator<Item = FoundBlock<'_>> {
        let all = self.blocks("resource").chain(self.blocks("data"));
        all.filter(|found| found.label(0).is_some_and(|ty| ty.starts_with("aws_appmesh_")))
    }

    /// How Terraform calls it: `module.a.module.b.`, or nothing for the root module.
    pub(super) fn address(&self) -> String {
        address(&self.calls)
    }

    pub(super) fn is_root(&self) -> bool {
        self.calls.is_empty()
    }
}

/// The beginning of the addresses of a called module's resources: `module.a.module.b.`.
pub(super) fn address(calls: &[String]) -> String {
    calls.iter().map(|call| format!("module.{call}.")).collect()
}

impl<'m> FoundBlock<'m> {
    pub(super) fn label(&self, at: usize) -> Option<&'m str> {
        self.block.labels.get(at).map(|label| label.as_str())
    }

    /// A block inside, of the same file.
    pub(super) fn inside(self, block: &'m Block) -> Self {
        Self { block, ..self }
    }

    /// Where it begins, where its name and labels end, and where it ends, in the text of its file.
    pub(super) fn bounds(&self) -> BlockBounds {
        let shift = self.source.shift;
        let whole = self.block.span().unwrap_or_default();
        let last = self.block.labels.last().and_then(|label| label.span());
        let header = last.or_else(|| self.block.ident.span()).unwrap_or_default();
        BlockBounds {
            start: whole.start + shift,
            header: header.end + shift,
            end: whole.end + shift,
        }
    }

    /// The text of an expression, and where it is.
    pub(super) fn text_of(&self, value: &Expression) -> (std::ops::Range<usize>, &'m str) {
        let shift = self.source.shift;
        let span = value.span().unwrap_or_default();
        let range = span.start + shift..span.end + shift;
        let text = self.source.text.get(range.clone()).unwrap_or_default();
        let from = range.start + (text.len() - text.trim_start().len());
        let text = text.trim();
        (from..from + text.len(), text)
    }

    pub(super) fn place(&self) -> ProblemLocation {
        let bounds = self.bounds();
        place(self.source.source, bounds.start, bounds.header)
    }

    /// How Terraform calls a resource or a data source within its module.
    pub(super) fn name(&self) -> String {
        let (ty, name) = (
            self.label(0).unwrap_or_default(),
            self.label(1).unwrap_or_default(),
        );
        match self.block.has_ident("data") {
            true => format!("data.{ty}.{name}"),
            false => format!("{ty}.{name}"),
        }
    }
}

/// The place of some bytes.
fn place(source: u32, start: usize, end: usize) -> ProblemLocation {
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    ProblemLocation {
        span: Some(Span {
            source,
            start: narrow(start),
            end: narrow(end),
        }),
        ..ProblemLocation::default()
    }
}

/// Where a line and column, from 1, are in a text.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let before: usize = lines.map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    let skipped = rest.chars().take(column.saturating_sub(1));
    before + skipped.map(char::len_utf8).sum::<usize>()
}

/// A path without `a/../`, as a person would write it.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match (part, out.components().next_back()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => drop(out.pop()),
            _ => out.push(part),
        }
    }
    out
}
