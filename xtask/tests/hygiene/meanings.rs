//! One place for each meaning: what a crate decides or names is not decided or named again elsewhere.

use crate::common::none;
use crate::files::written;

/// The code of a file that is built into a program, line by line: no tests, no comments.
fn built(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    let lines = text.get(..end).unwrap_or_default().lines().enumerate();
    lines
        .map(|(number, line)| (number + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The sources of our programs and libraries, without what only tests read, and what only we run.
fn sources() -> Vec<(String, String)> {
    let mut all = written();
    all.retain(|(name, _)| {
        let parts: Vec<&str> = name.split('/').collect();
        let is_ours = parts.get(1) == Some(&"src") && !["acceptance", "xtask"].contains(&parts[0]);
        is_ours && !parts.contains(&"tests") && !name.ends_with("/tests.rs")
    });
    all
}

/// Whether a line of code asks itself whose a record is.
fn compares_owners(line: &str) -> bool {
    let compared = |rest: &str| rest.starts_with(" == ") || rest.starts_with(" != ");
    let mut after = line.split("author.owner").skip(1);
    after.any(compared)
        || ["== ", "!= ", "== &", "!= &"].iter().any(|sign| {
            let rest = line.split(sign).skip(1);
            rest.into_iter().any(|rest| {
                rest.split([' ', ')', ';'])
                    .next()
                    .is_some_and(|word| word.ends_with("author.owner"))
            })
        })
}

#[test]
fn whose_a_record_is_only_the_registry_decides() {
    let mut complaints = Vec::new();
    for (name, text) in sources() {
        if name.starts_with("registry/") || name.starts_with("store/") {
            continue;
        }
        let found = built(&text).filter(|(_, line)| compares_owners(line));
        complaints.extend(found.map(|(number, _)| {
            format!("{name}:{number}: ask `meshform_registry::Writer`, or `belongs_to`, whose a record is")
        }));
    }
    none(&complaints);
}

#[test]
fn comparisons_of_owners_are_found() {
    for bad in [
        "if record.author.owner == self.owner {",
        ".filter(|record| record.author.owner != by.owner);",
        "(owner == record.author.owner).then(",
        "owner != &record.author.owner",
    ] {
        assert!(compares_owners(bad), "{bad}");
    }
    for fine in [
        "let owner = &record.author.owner;",
        "owner: record.author.owner.clone(),",
    ] {
        assert!(!compares_owners(fine), "{fine}");
    }
}
