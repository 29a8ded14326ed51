//! `docs/errors.md`: every code that a message may carry.

use meshform_model::diag::CodeInfo;

/// A range of codes: its beginning, what it is about, and who lists it.
struct Range {
    prefix: &'static str,
    title: &'static str,
    codes: &'static [&'static [CodeInfo]],
}

const RANGES: &[Range] = &[
    Range {
        prefix: "MF01",
        title: "One resource by itself",
        codes: &[meshform_model::validate::codes::CODES],
    },
    Range {
        prefix: "MF02",
        title: "The rules of a mesh",
        codes: &[meshform_model::codes::CODES],
    },
    Range {
        prefix: "MF03",
        title: "From a mesh to Envoy",
        codes: &[meshform_envoy::codes::CODES, meshform_model::codes::CODES],
    },
    Range {
        prefix: "MF04",
        title: "The store",
        codes: &[meshform_store::codes::CODES],
    },
    Range {
        prefix: "MF05",
        title: "Releases",
        codes: &[meshform_release::codes::CODES],
    },
    Range {
        prefix: "MF06",
        title: "Reading inputs",
        codes: &[meshform_compiler::frontend::codes::CODES],
    },
    Range {
        prefix: "MF07",
        title: "Writing resources",
        codes: &[
            meshform_registry::codes::CODES,
            terraform_provider_appmesh::codes::CODES,
        ],
    },
    Range {
        prefix: "MF08",
        title: "The command",
        codes: &[meshform::codes::CODES],
    },
    Range {
        prefix: "MF09",
        title: "CloudFormation and ECS",
        codes: &[
            meshform_compiler::cloudformation::codes::CODES,
            meshform_compiler::ecs::codes::CODES,
        ],
    },
];

/// Codes that no message carries any more, and the one that says the same now. They are never used again.
const RETIRED: &[(&str, &str)] = &[("MF0218", "MF0704"), ("MF0219", "MF0704")];

/// The page.
pub fn errors() -> String {
    let mut out = String::from(
        "# Errors and warnings\n\n<!-- Written by `cargo xtask docs` from the code. -->\n\nEvery message of the \
         provider and of `meshform` carries a code. It stays the same from version to version, so you can search \
         for it and tell scripts about it. This page says what each code means and what to do.\n",
    );
    for range in RANGES {
        out.push_str(&format!("\n## {}xx: {}\n", range.prefix, range.title));
        let all = range.codes.iter().copied().flatten();
        let mut infos: Vec<&CodeInfo> = all.filter(|info| info.code.0.starts_with(range.prefix)).collect();
        infos.sort_by_key(|info| info.code);
        for info in infos {
            let code = info.code.0;
            let anchor = code.to_ascii_lowercase();
            out.push_str(&format!(
                "\n<a id=\"{anchor}\"></a>\n### {code}: {}\n\n{}\n",
                lowered(info.title),
                info.explanation
            ));
        }
    }
    out.push_str("\n## Retired codes\n\n| no longer used | what it meant is now |\n| --- | --- |\n");
    for (code, now) in RETIRED {
        let (from, to) = (code.to_ascii_lowercase(), now.to_ascii_lowercase());
        out.push_str(&format!("| <a id=\"{from}\"></a>{code} | [{now}](#{to}) |\n"));
    }
    out
}

/// Titles as they stand in the middle of a line; names of things in capitals keep them.
fn lowered(title: &str) -> String {
    let mut letters = title.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            let first_word = title.split(' ').next().unwrap_or_default();
            if [
                "App",
                "Cloud",
                "CloudFormation",
                "Envoy",
                "Kubernetes",
                "Terraform",
            ]
            .contains(&first_word)
            {
                title.to_owned()
            } else {
                first.to_lowercase().to_string() + letters.as_str()
            }
        }
        _ => title.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_in_its_range_and_there_once() {
        let mut seen = BTreeSet::new();
        for range in RANGES {
            for info in range.codes.iter().copied().flatten() {
                assert!(
                    info.code.0.starts_with(range.prefix),
                    "{} in {}xx",
                    info.code.0,
                    range.prefix
                );
                assert!(seen.insert(info.code), "{} twice", info.code.0);
                assert!(
                    !info.title.is_empty() && info.explanation.ends_with('.'),
                    "{}",
                    info.code.0
                );
            }
        }
        assert!(seen.len() > 100, "{}", seen.len());
        for (code, now) in RETIRED {
            let there = |code: &str| seen.iter().any(|one| one.0 == code);
            assert!(!there(code) && there(now), "{code} became {now}");
        }
    }

    #[test]
    fn titles_begin_in_lower_case_unless_they_begin_with_a_name() {
        assert_eq!(lowered("The store is damaged"), "the store is damaged");
        assert_eq!(lowered("JSON syntax"), "JSON syntax");
        assert_eq!(
            lowered("Terraform would not find it"),
            "Terraform would not find it"
        );
        assert_eq!(lowered("App Mesh's Envoy"), "App Mesh's Envoy");
        assert_eq!(lowered("a name"), "a name");
    }
}
