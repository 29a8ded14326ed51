//! The modules of a crate make no circles: of two modules, one stands above the other, so that either can be read
//! without the whole. Only modules at the top of a crate are looked at; below, a subject and its parts may be one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{members, metadata, none, text};

type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_of_a_crate_make_no_circles() {
    let mut complaints = Vec::new();
    for package in members(metadata()) {
        let name = text(package, "name");
        let source = Path::new(text(package, "manifest_path")).with_file_name("src");
        for circle in circles(&imports(&source)) {
            complaints.push(format!("{name}: {} import each other", circle.join(", ")));
        }
    }
    none(&complaints);
}

/// Which top-level module of a crate imports which.
fn imports(source: &Path) -> Imports {
    let files = files(source);
    let tops: BTreeSet<&String> = files
        .iter()
        .filter_map(|(module, _)| module.first())
        .filter(|top| !["lib", "main"].contains(&top.as_str()))
        .collect();
    let mut imports = Imports::new();
    for (module, text) in &files {
        let (Some(own), false) = (module.first(), module.iter().any(|part| part == "tests")) else {
            continue;
        };
        if !tops.contains(own) {
            continue;
        }
        let used = imports.entry(own.clone()).or_default();
        for root in ["crate::".to_owned(), "super::".repeat(module.len())] {
            let names = named_after(text, &root);
            used.extend(
                names
                    .into_iter()
                    .filter(|name| tops.contains(name) && name != own),
            );
        }
    }
    imports
}

/// The modules below a folder by their path, each with its code: no comments, no tests.
fn files(folder: &Path) -> Vec<(Vec<String>, String)> {
    let mut out = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for path in fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative: PathBuf = path.strip_prefix(folder).unwrap().with_extension("");
                let mut module: Vec<String> = relative
                    .iter()
                    .map(|part| part.to_str().unwrap().to_owned())
                    .collect();
                module.pop_if(|last| last == "mod");
                out.push((module, code(&fs::read_to_string(path).unwrap())));
            }
        }
    }
    out
}

/// What is compiled into the crate: comments and the tests at a file's end are left out.
fn code(text: &str) -> String {
    let before_tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..before_tests]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The names that follow a root: `a` and `b` of `crate::a::x` and `crate::{a::x, b::{c, d}}`.
fn named_after(text: &str, root: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let name = |text: &str| -> String { text.trim_start().chars().take_while(|c| is_name(*c)).collect() };
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices(root) {
        // `super::crate::` is not a path, but `super::super::` holds a `super::`.
        if text[..at].ends_with(|c: char| is_name(c) || c == ':') {
            continue;
        }
        let after = &text[at + root.len()..];
        if !after.starts_with('{') {
            names.insert(name(after));
            continue;
        }
        let mut depth = 0;
        let mut begins = false;
        for (at, c) in after.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if begins && depth == 1 {
                names.insert(name(&after[at..]));
            }
            begins = depth == 1 && ['{', ','].contains(&c);
            if depth == 0 {
                break;
            }
        }
    }
    names
}

/// Groups of modules of which each leads to every other, sorted.
fn circles(imports: &Imports) -> Vec<Vec<&str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = imports
        .keys()
        .map(|from| (&**from, reached(imports, from)))
        .collect();
    let mut circles = BTreeSet::new();
    for (from, to) in &reach {
        let back = to
            .iter()
            .filter(|one| reach.get(*one).is_some_and(|back| back.contains(from)));
        let circle: BTreeSet<&str> = back.copied().collect();
        if !circle.is_empty() {
            circles.insert(circle.into_iter().collect::<Vec<_>>());
        }
    }
    circles.into_iter().collect()
}

fn reached<'a>(imports: &'a Imports, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = imports[from].iter().map(String::as_str).collect();
    while let Some(module) = next.pop() {
        if reached.insert(module) {
            next.extend(imports.get(module).into_iter().flatten().map(String::as_str));
        }
    }
    reached
}

#[test]
fn imports_are_read_and_circles_found() {
    let text = code(
        "use crate::{a::{x, y}, b, c::z};\n// use crate::no;\nfn f() { crate::d::g(); super::super::e::h() }\n\
         #[cfg(test)]\nmod tests {\n use crate::tested;\n}",
    );
    let names = |root: &str| named_after(&text, root).into_iter().collect::<Vec<_>>();
    assert_eq!(names("crate::"), ["a", "b", "c", "d"]);
    assert_eq!(names("super::super::"), ["e"]);
    assert_eq!(
        names("super::"),
        ["super"],
        "one level up from there is not the top"
    );
    let imports: Imports = [
        ("a", vec!["b"]),
        ("b", vec!["c"]),
        ("c", vec!["a"]),
        ("d", vec!["a"]),
    ]
    .into_iter()
    .map(|(from, to)| (from.to_owned(), to.into_iter().map(str::to_owned).collect()))
    .collect();
    assert_eq!(circles(&imports), [["a", "b", "c"]]);
}
