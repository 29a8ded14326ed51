//! "Did you mean": what a wrong name or value was probably meant to be.

use super::codes;
use crate::diag::Diagnostic;
use strsim::osa_distance;

/// Among how many names of a mesh the one that was meant is looked for: the edit distance to each is computed, for every
/// reference that leads nowhere.
pub const MAX_SUGGESTIONS: usize = 500;

/// The candidate that is closest to what was written, if one is close enough to be meant. Case and underscores
/// do not count, so that `port_mapping` and `PortMapping` find `portMapping`.
pub fn closest<'a>(written: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // Long texts are not misspelt names, and the distance costs their product.
    if written.len() > 64 {
        return None;
    }
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| *c != '_' && *c != '-')
            .flat_map(char::to_lowercase)
            .collect()
    };
    let written = plain(written);
    candidates
        .iter()
        .map(|candidate| (osa_distance(&written, &plain(candidate)), *candidate))
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
