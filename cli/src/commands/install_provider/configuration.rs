//! Whether the user's configuration of Terraform or OpenTofu hides the implied local mirror.

mod text;

use super::plugin_hosts::{self, PluginHost};
use crate::codes;
use crate::io::Io;
use meshform_model::diag::Diagnostic;
use std::fs;
use std::path::{Path, PathBuf};
use text::{Block, blocks, line, texts};

/// A file of a configuration.
struct File {
    path: PathBuf,
    text: String,
}

/// The problems: where a program would not look at `plugins`, or would look elsewhere first.
pub(super) fn hides(io: &Io, plugins: &Path) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut known: Vec<Vec<PathBuf>> = Vec::new();
    for place in &plugin_hosts::PLUGIN_HOSTS {
        let files = files(io, place);
        let paths = files.iter().map(|file| file.path.clone()).collect();
        // Where both programs read the same, what is told of the first holds.
        if known.contains(&paths) {
            continue;
        }
        known.push(paths);
        problems.extend(files.iter().find_map(|file| judge(place, file, plugins)));
    }
    problems
}

/// What a file with a `provider_installation` block has to say; there is one such block at most, or the programs refuse
/// to run.
fn judge(place: &PluginHost, file: &File, plugins: &Path) -> Option<Diagnostic> {
    let blocks = blocks(&file.text);
    let installation = blocks
        .iter()
        .find(|block| block.path == ["provider_installation"])?;
    let within = |name: &'static str| {
        blocks
            .iter()
            .filter(move |block| block.path.len() == 2 && block.path.last().is_some_and(|last| last == name))
            .filter(|block| block.start >= installation.start && block.end <= installation.end)
    };
    let shown = plugins.display().to_string();
    let program = place.program;
    let at = |block: &Block| {
        let line = line(&file.text, block.start);
        format!("`{}`, line {line}", file.path.display())
    };
    if let Some(overrides) =
        within("dev_overrides").find(|block| block.text(&file.text).contains("meshform/appmesh"))
    {
        let message = format!(
            "`dev_overrides` in {} names another provider for `meshform/appmesh`",
            at(overrides)
        );
        let help =
            format!("{program} uses that one and not what was installed; remove that line to use this one");
        return Some(Diagnostic::warning(codes::MIRROR_HIDDEN, message).help(help));
    }
    let mirrored = within("filesystem_mirror").any(|block| {
        let text = block.text(&file.text);
        let path = texts(text, "path").and_then(|all| all.into_iter().next());
        path.is_some_and(|path| same_folder(&path, plugins)) && admits(place, text)
    });
    if mirrored {
        return None;
    }
    let message = format!(
        "{program} will not look into `{shown}`: {}, has a `provider_installation` block",
        at(installation)
    );
    let help = format!(
        "write into that block, and exclude = [\"meshform/appmesh\"] into the others:\nfilesystem_mirror {{\n  path    = \
         \"{shown}\"\n  include = [\"meshform/appmesh\"]\n}}"
    );
    Some(Diagnostic::warning(codes::MIRROR_HIDDEN, message).help(help))
}

/// The files that a program reads: the one that a variable names, or the one in the home folder and then those in the
/// configuration folder, in order of their names.
fn files(io: &Io, place: &PluginHost) -> Vec<File> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).ok()?;
        Some(File { path, text })
    };
    let named = ["TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"]
        .iter()
        .find_map(|name| io.var(name).filter(|value| !value.is_empty()));
    if let Some(path) = named {
        return read(io.path(Path::new(path))).into_iter().collect();
    }
    let folder = plugin_hosts::configuration_folder(io);
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok());
    let mut more: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy());
            name.is_some_and(|name| name.ends_with(".tfrc") || name.ends_with(".tfrc.json"))
        })
        .collect();
    more.sort();
    let main = plugin_hosts::main_file(io, place);
    main.into_iter().chain(more).filter_map(read).collect()
}

/// Whether a mirror's `include` and `exclude` let the provider through.
fn admits(place: &PluginHost, block: &str) -> bool {
    let names = ["meshform/appmesh", "meshform/*", "*/*"];
    let lists = |argument: &str| {
        texts(block, argument).map(|items| {
            items.iter().any(|item| {
                let local = item
                    .strip_prefix(place.registry)
                    .and_then(|rest| rest.strip_prefix('/'));
                names.contains(&local.unwrap_or(item))
            })
        })
    };
    lists("include").unwrap_or(true) && !lists("exclude").unwrap_or(false)
}

fn same_folder(path: &str, plugins: &Path) -> bool {
    let resolved = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    resolved(Path::new(path)) == resolved(plugins)
}

#[cfg(test)]
mod tests;
