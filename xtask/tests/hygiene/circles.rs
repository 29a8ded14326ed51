//! The modules of a crate make no circles: of two modules beside each other, at any depth, one stands above the other, so
//! that either can be read without the whole. A module and its own parts may be one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{members, metadata, none, text};

type Imports = BTreeMap<String, BTreeSet<String>>;

/// A circle that may be.
struct Exemption {
    /// The module that the circle is in, below its crate's package.
    within: &'static str,
    modules: &'static [&'static str],
    reason: &'static str,
}

const EXEMPTIONS: &[Exemption] = &[
    Exemption {
        within: "meshform-compiler::frontend::cloudformation",
        modules: &[
            "arguments",
            "constraints",
            "expression",
            "given",
            "loops",
            "scope",
            "stacks",
            "sub",
            "symbolic",
        ],
        reason: "expressions stand in expressions, and what a scope gives is made of them",
    },
    Exemption {
        within: "meshform-compiler::frontend",
        modules: &["cloudformation", "found"],
        reason: "a value that is missing in a template is told in CloudFormation's words, beside what was found of it",
    },
    Exemption {
        within: "meshform-compiler::ecs",
        modules: &[
            "app",
            "appmesh",
            "companions",
            "patch",
            "registry",
            "unused",
            "values",
        ],
        reason: "values fills the templates with the containers that the others make, of pieces that are written alike",
    },
    Exemption {
        within: "meshform::commands::compile",
        modules: &["ecs", "kubernetes", "targets"],
        reason: "targets calls what builds each form, and these ask it for the proxies and files that were chosen",
    },
    Exemption {
        within: "tfplugin-rs::testing",
        modules: &["client", "instance", "process", "protocol5", "read_schema"],
        reason: "a client of a program under test and its parts: published as one",
    },
    Exemption {
        within: "tfplugin-rs::testing::terraform",
        modules: &["programs", "workspace"],
        reason: "the version of a program is asked by running it in a folder",
    },
    Exemption {
        within: "xtask::bench",
        modules: &["plans", "usage"],
        reason: "plans are timed, and then run once more to be weighed",
    },
];

#[test]
fn modules_of_a_crate_make_no_circles() {
    let mut complaints = Vec::new();
    let mut used = BTreeSet::new();
    for package in members(metadata()) {
        let name = text(package, "name");
        let source = Path::new(text(package, "manifest_path")).with_file_name("src");
        let files = files(&source);
        for parent in parents(&files) {
            let within = [std::slice::from_ref(&name.to_owned()), &parent]
                .concat()
                .join("::");
            for circle in circles(&imports(&files, &parent)) {
                let known = EXEMPTIONS
                    .iter()
                    .position(|one| one.within == within && one.modules == circle);
                match known {
                    Some(known) => drop(used.insert(known)),
                    None => complaints.push(format!("{within}: {} import each other", circle.join(", "))),
                }
            }
        }
    }
    for (number, one) in EXEMPTIONS.iter().enumerate() {
        if !used.contains(&number) || one.reason.is_empty() {
            complaints.push(format!(
                "{}: no such circle, or no reason; strike the exemption",
                one.within
            ));
        }
    }
    none(&complaints);
}

/// The modules that have others below them; the crate itself is the empty path.
fn parents(files: &[(Vec<String>, String)]) -> BTreeSet<Vec<String>> {
    let mut above = BTreeSet::new();
    for (module, _) in files {
        let mut parent = module.clone();
        while parent.pop().is_some() {
            above.insert(parent.clone());
        }
    }
    above
}

/// Which of the modules right below a parent imports which, directly or through a name that the parent has of it.
fn imports(files: &[(Vec<String>, String)], parent: &[String]) -> Imports {
    let depth = parent.len();
    let below = |module: &[String]| {
        let inside = module.len() > depth && module.starts_with(parent);
        let own = module.get(depth).filter(|_| inside)?;
        (!["lib", "main"].contains(&own.as_str())).then(|| own.clone())
    };
    let siblings: BTreeSet<String> = files.iter().filter_map(|(module, _)| below(module)).collect();
    let is_parent = |module: &[String]| match depth {
        0 => ["lib", "main"].iter().any(|root| module == [*root]),
        _ => module == parent,
    };
    // `use part::Thing` in the parent makes `super::Thing` an import of `part`.
    let mut passed_on: BTreeMap<String, &String> = BTreeMap::new();
    for (_, text) in files.iter().filter(|(module, _)| is_parent(module)) {
        let uses = uses(text);
        for sibling in &siblings {
            for root in [format!("{sibling}::"), format!("self::{sibling}::")] {
                let names = named_after(&uses, &root);
                passed_on.extend(names.into_iter().map(|name| (name, sibling)));
            }
        }
    }
    let mut imports: Imports = siblings
        .iter()
        .map(|one| (one.clone(), BTreeSet::new()))
        .collect();
    for (module, text) in files {
        let (Some(own), false) = (below(module), module.iter().any(|part| part == "tests")) else {
            continue;
        };
        let absolute: String = ["crate"]
            .into_iter()
            .chain(parent.iter().map(String::as_str))
            .fold(String::new(), |path, part| path + part + "::");
        for root in [absolute, "super::".repeat(module.len() - depth)] {
            for name in named_after(text, &root) {
                let meant = siblings.get(&name).or_else(|| passed_on.get(&name).copied());
                if let Some(meant) = meant.filter(|meant| **meant != own) {
                    imports.entry(own.clone()).or_default().insert(meant.clone());
                }
            }
        }
    }
    imports
}

/// The `use` statements of a file.
fn uses(text: &str) -> String {
    let statements = text
        .split(';')
        .filter_map(|statement| statement.rsplit_once("use "));
    let statements =
        statements.filter(|(before, _)| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
    statements.map(|(_, tree)| format!("{tree};\n")).collect()
}

/// The modules below a folder by their path, each with its code: no comments, no tests.
fn files(folder: &Path) -> Vec<(Vec<String>, String)> {
    let mut out = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for path in fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                // Generated from protobuf files, which are not ours to order.
                if path.file_name().is_some_and(|name| name != "gen") {
                    folders.push(path);
                }
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

#[test]
fn circles_are_found_at_any_depth_and_through_names_that_a_parent_passes_on() {
    let file = |module: &str, text: &str| {
        let module = module.split("::").map(str::to_owned).collect::<Vec<_>>();
        (module, text.to_owned())
    };
    let files = [
        file("lib", "mod top;"),
        file(
            "top",
            "mod a;\nmod b;\npub use b::{self, Thing};\npub(crate) use self::a::other;",
        ),
        file("top::a", "use super::Thing;"),
        file("top::b::c", "use crate::top::a::x;"),
        file("top::b::d", "use super::c;"),
    ];
    let top = ["top".to_owned()];
    assert_eq!(circles(&imports(&files, &top)), [["a", "b"]]);
    let below: Vec<String> = ["top", "b"].map(str::to_owned).to_vec();
    assert!(circles(&imports(&files, &below)).is_empty());
    assert!(parents(&files).contains(&below));
}
