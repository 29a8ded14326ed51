//! `docgen ROOT [--check]`, with the provider's schema on standard input. `cargo xtask docs` is the way to run it.

use meshform_docgen::{pages, tree};
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (root, check) = match arguments.as_slice() {
        [root] => (root, false),
        [root, flag] if flag == "--check" => (root, true),
        _ => return say(2, "docgen ROOT [--check] < schema.json"),
    };
    match run(Path::new(root), check) {
        Ok(lines) if check && !lines.is_empty() => say(
            1,
            &format!("{}\n`cargo xtask docs` writes them anew", lines.join("\n")),
        ),
        Ok(lines) if lines.is_empty() => say(0, "docs: every page is up to date"),
        Ok(lines) => say(0, &lines.join("\n")),
        Err(problem) => say(1, &format!("error: {problem}")),
    }
}

fn run(root: &Path, check: bool) -> Result<Vec<String>, String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| format!("cannot read standard input: {error}"))?;
    let schema =
        serde_json::from_str(&text).map_err(|error| format!("standard input is no JSON: {error}"))?;
    let pages = pages(root, &schema)?;
    if check {
        return Ok(tree::differences(root, &pages));
    }
    tree::write(root, &pages).map_err(|error| format!("cannot write the pages: {error}"))
}

fn say(status: u8, text: &str) -> ExitCode {
    // A reader that went away changes nothing of what was done.
    let _ = writeln!(std::io::stdout(), "{text}");
    ExitCode::from(status)
}
