//! "Did you mean": what a wrong name or value was probably meant to be.

use super::codes;
use crate::diag::Diagnostic;

/// The candidate that is closest to what was written, if one is close enough to be meant. Case and underscores
/// do not count, so that `port_mapping` and `PortMapping` find `portMapping`.
pub fn closest<'a>(written: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // Long texts are not misspelt names, and the distance costs their product.
    if written.len() > 64 {
        return None;
    }
    let plain = |text: &str| -> Vec<char> {
        text.chars()
            .filter(|c| *c != '_' && *c != '-')
            .flat_map(char::to_lowercase)
            .collect()
    };
    let written = plain(written);
    candidates
        .iter()
        .map(|candidate| (distance(&written, &plain(candidate)), *candidate))
        // Of a name of one letter nothing would be left.
        .filter(|(distance, candidate)| {
            *distance <= (candidate.len() / 3).max(1) && *distance < candidate.len()
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// The problem of a field that is not among `names`.
pub(crate) fn unknown_field(written: &str, names: &[&str]) -> Diagnostic {
    let problem = Diagnostic::error(
        codes::UNKNOWN_FIELD,
        format!("there is no field {}", super::quote::quoted(written)),
    );
    match closest(written, names) {
        Some(name) => problem.help(format!("did you mean `{name}`?")),
        None if names.is_empty() => problem.help("no fields are known here"),
        None if names.len() == 1 => {
            problem.help(format!("the only field is {}", super::quote::listed(names, "")))
        }
        None => problem.help(format!("the fields are {}", super::quote::listed(names, "and"))),
    }
}

/// How many single edits (insert, delete, replace, swap of neighbours) lie between two texts.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, cb) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&last, j) + usize::from(ca != cb))
                .min(at(&last, j + 1) + 1)
                .min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_are_found() {
        let names = ["portMapping", "healthCheck", "tls", "timeout"];
        assert_eq!(closest("port_mapping", &names), Some("portMapping"));
        assert_eq!(closest("protMapping", &names), Some("portMapping"));
        assert_eq!(closest("healtcheck", &names), Some("healthCheck"));
        assert_eq!(closest("TLS", &names), Some("tls"));
        assert_eq!(closest("logging", &names), None);
        assert_eq!(closest(&"x".repeat(10_000_000), &names), None);
    }
}
