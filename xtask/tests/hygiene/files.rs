//! Files: short enough to be read, each with a word on what it is, and nothing that only holds on one machine.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::{none, root};

/// More lines than this and a file holds more than one idea.
const MOST_LINES: usize = 600;

/// The files that are in git or about to be.
fn files() -> Vec<(String, PathBuf)> {
    let mut git = Command::new("git");
    // A checkout that another user made, as on some machines that test, is read all the same.
    git.args([
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ])
    .current_dir(root());
    let output = git.output().unwrap();
    assert!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8(output.stdout).unwrap();
    let files = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(|name| (name.to_owned(), root().join(name)));
    // What was removed and not yet committed is listed and not there.
    files.filter(|(_, path)| path.is_file()).collect()
}

/// The Rust files that people write.
pub(crate) fn written() -> Vec<(String, String)> {
    let rust = files().into_iter().filter(|(name, _)| name.ends_with(".rs"));
    rust.map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .filter(|(_, text)| !generated(text))
        .collect()
}

/// Tools that write Rust say so at the top.
fn generated(text: &str) -> bool {
    text.lines()
        .take(2)
        .any(|line| line.starts_with("//") && line.contains("@generated"))
}

/// Whether a file begins with what it is for.
fn introduced(text: &str) -> bool {
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("#!"));
    lines.next().is_none_or(|line| line.starts_with("//!"))
}

/// Whether a file only lists modules and what they give.
fn only_lists_modules(text: &str) -> bool {
    let starts = [
        "mod ",
        "pub mod ",
        "pub(crate) mod ",
        "use ",
        "pub use ",
        "pub(crate) use ",
        "//",
        "#[",
        "}",
    ];
    let mut lines = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with(' '));
    lines.all(|line| starts.iter().any(|start| line.starts_with(start)) && !line.ends_with("mod tests {"))
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let long = written().into_iter().filter_map(|(name, text)| {
        let lines = text.lines().count();
        (lines > MOST_LINES)
            .then(|| format!("{name}: {lines} lines, at most {MOST_LINES}: split it by what it is about"))
    });
    none(&long.collect::<Vec<_>>());
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    // `tests.rs` says by its name what it is for: the tests of the module that it lies under.
    let silent = written()
        .into_iter()
        .filter(|(name, _)| !name.ends_with("/tests.rs"))
        .filter(|(_, text)| !introduced(text) && !only_lists_modules(text));
    none(
        &silent
            .map(|(name, _)| format!("{name}: begin with a `//!` line on what it is for"))
            .collect::<Vec<_>>(),
    );
}

/// A module with modules below it is `name.rs` beside the folder `name/`, so that an editor's tabs tell files apart.
/// `mod.rs` is for what cargo or a generator would otherwise take for something else.
#[test]
fn a_module_is_a_file_beside_its_folder() {
    let misplaced = files()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.ends_with("/mod.rs") && !may_be_mod_rs(name));
    none(
        &misplaced
            .map(|name| format!("{name}: move it to {}.rs", name.trim_end_matches("/mod.rs")))
            .collect::<Vec<_>>(),
    );
}

/// Whether cargo would take the file for a test program of its own (`tests/common.rs`), or the generator of the files
/// beside it has it written there (`gen/mod.rs`).
fn may_be_mod_rs(name: &str) -> bool {
    let folders: Vec<&str> = name.split('/').rev().skip(1).collect();
    matches!(folders.as_slice(), [_, "tests", ..] | ["gen", ..])
}

#[test]
fn module_files_are_told_apart() {
    assert!(may_be_mod_rs("cli/tests/common/mod.rs") && may_be_mod_rs("store/src/gen/mod.rs"));
    assert!(
        !may_be_mod_rs("cli/src/render/mod.rs") && !may_be_mod_rs("model/tests/schema/conformance/mod.rs")
    );
}

#[test]
fn beginnings_are_told_apart() {
    assert!(
        introduced("//! A thing.\nfn a() {}\n")
            && introduced("#![allow(x)]\n//! A thing.\n")
            && introduced("")
    );
    assert!(!introduced("use a::b;\n//! late\n") && !introduced("// no doc\n"));
    assert!(
        only_lists_modules("mod a;\npub use b::{\n    c,\n};\n")
            && !only_lists_modules("mod a;\nfn b() {}\n")
    );
    assert!(
        generated("// This file is @generated by prost-build.\n")
            && !generated("use a::b;\nuse c::d;\n// @generated")
    );
}

/// A function says what each of its parameters is; a closure may take a tuple apart, as whoever calls it made one.
#[test]
fn parameters_are_not_hidden_in_tuples() {
    let mut complaints = Vec::new();
    for (name, text) in written() {
        complaints.extend(with_tuples(&text).into_iter().map(|function| {
            format!("{name}: `{function}` takes a tuple apart: take two parameters, or a struct")
        }));
    }
    none(&complaints);
}

/// The functions with a pattern of a tuple among their parameters.
fn with_tuples(text: &str) -> Vec<&str> {
    let starts = text.match_indices("fn ").map(|(at, word)| at + word.len());
    let functions = starts.filter_map(|at| text.get(at..));
    functions
        .filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
            let (name, rest) = rest.split_at(end);
            (!name.is_empty() && takes_tuple(rest)).then_some(name)
        })
        .collect()
}

/// Whether among the parameters behind a function's name one is the pattern of a tuple. Proptest's `(a, b) in strategy`
/// names values that are made together, and is no parameter.
fn takes_tuple(signature: &str) -> bool {
    let mut depth = 0_usize;
    let mut angles = 0_usize;
    let mut before = ' ';
    // The last character that is no space, at the level of the parameters.
    let mut last = ' ';
    for (at, c) in signature.char_indices() {
        match c {
            '<' if depth == 0 => angles += 1,
            '>' if depth == 0 && before != '-' => angles = angles.saturating_sub(1),
            '(' if depth == 0 && angles > 0 => {}
            ')' if depth == 0 => {}
            '(' => {
                if depth == 1 && matches!(last, '(' | ',') && !is_made(&signature[at..]) {
                    return true;
                }
                depth += 1;
                if depth == 1 {
                    last = '(';
                }
            }
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return false;
                }
            }
            '{' | ';' if depth == 0 => return false,
            _ => {}
        }
        // A comma between the parameters of a type, as in `Result<A, (B, C)>`, is not one between ours.
        if depth == 1 && !c.is_whitespace() {
            match c {
                '<' => angles += 1,
                '>' if before != '-' => angles = angles.saturating_sub(1),
                _ => {}
            }
            last = if angles > 0 { '<' } else { c };
        }
        before = c;
    }
    false
}

/// Whether behind the pattern of a tuple stands what makes its values.
fn is_made(pattern: &str) -> bool {
    let behind = pattern.split_once(')').map(|(_, behind)| behind.trim_start());
    behind.is_some_and(|behind| behind.starts_with("in "))
}

#[test]
fn tuples_among_parameters_are_found() {
    let tuple = "(b, c): (B, C)";
    assert_eq!(
        with_tuples(&format!(
            "fn a({tuple}) {{}}\nfn d(\n    e: E,\n    {tuple},\n) {{}}"
        )),
        ["a", "d"]
    );
    let fine = "fn a(b: (B, C)) { d(|(e, f)| e); }\nfn g<F: Fn((A, B)) -> C>(h: Result<A, (B, C)>, i: fn(A) -> B) {}\n\
                fn j((k, l) in both(), m in any::<N>()) {}";
    assert!(with_tuples(fine).is_empty(), "{:?}", with_tuples(fine));
}

/// What tools leave beside the files that they work on.
#[test]
fn nothing_that_tools_leave_behind_is_in_git() {
    let endings = [
        ".snap.new",
        ".pending-snap",
        ".tfstate",
        ".tfstate.backup",
        ".lock.hcl",
        ".orig",
        ".rej",
        ".pyc",
    ];
    let left = files()
        .into_iter()
        // A state that a test reads is data, like any other.
        .filter(|(name, _)| !(name.contains("/tests/") && name.ends_with(".tfstate")))
        .filter(|(name, _)| endings.iter().any(|ending| name.ends_with(ending)));
    none(
        &left
            .map(|(name, _)| format!("{name}: remove it, and let git ignore its like"))
            .collect::<Vec<_>>(),
    );
}

/// Places that only one machine has, and hosts that clients of registries know without being told. Written in
/// pieces, because this file is in git too.
#[test]
fn nothing_names_one_machines_places_or_a_registrys_hosts() {
    let places = [["/wor", "k/"], ["/tmp/help", "ers"], ["/roo", "t/"]].map(|parts| parts.concat());
    let hosts = [
        ["crates", ".io"],
        ["pypi", ".org"],
        ["pythonhosted", ".org"],
        ["npmjs", ".org"],
        ["npmjs", ".com"],
        ["deb.debian", ".org"],
        ["proxy.golang", ".org"],
    ];
    let hosts = hosts.map(|parts| parts.concat());
    let mut complaints = Vec::new();
    for (name, path) in files() {
        let bytes = fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        // Cargo writes into its lock file where each package is from.
        let hosts = hosts.iter().filter(|_| name != "Cargo.lock");
        for (number, line) in text.lines().enumerate() {
            for found in places
                .iter()
                .chain(hosts.clone())
                .filter(|word| line.contains(word.as_str()))
            {
                complaints.push(format!("{name}:{}: names {found}", number + 1));
            }
        }
    }
    none(&complaints);
}
