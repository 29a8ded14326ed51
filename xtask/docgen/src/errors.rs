//! `docs/guides/errors.md`: every code that a message may carry.

use meshform_model::diag::CodeInfo;

/// A range of codes: its beginning, and what it is about.
struct Range {
    prefix: &'static str,
    title: &'static str,
}

const RANGES: &[Range] = &[
    Range {
        prefix: "MF01",
        title: "One resource by itself",
    },
    Range {
        prefix: "MF02",
        title: "The rules of a mesh",
    },
    Range {
        prefix: "MF03",
        title: "From a mesh to Envoy",
    },
    Range {
        prefix: "MF04",
        title: "The store",
    },
    Range {
        prefix: "MF05",
        title: "Releases",
    },
    Range {
        prefix: "MF06",
        title: "Reading inputs",
    },
    Range {
        prefix: "MF07",
        title: "Writing resources",
    },
    Range {
        prefix: "MF08",
        title: "The command",
    },
    Range {
        prefix: "MF09",
        title: "CloudFormation and ECS",
    },
    Range {
        prefix: "MF10",
        title: "The control plane",
    },
];

/// The codes of every crate. A code is listed where its problem is made, whatever the range.
const CODES: &[&[CodeInfo]] = &[
    meshform_model::validate::codes::CODES,
    meshform_model::codes::CODES,
    meshform_envoy::codes::CODES,
    meshform_store::codes::CODES,
    meshform_bundle::codes::CODES,
    meshform_registry::codes::CODES,
    meshform_release::codes::CODES,
    meshform_compiler::frontend::codes::CODES,
    meshform_compiler::cloudformation::codes::CODES,
    meshform_compiler::ecs::codes::CODES,
    meshform_cfn::codes::CODES,
    meshform_compiler::kubernetes::codes::CODES,
    meshform_console::CODES,
    meshform_controlplane::codes::CODES,
    terraform_provider_appmesh::codes::CODES,
    meshform::codes::CODES,
];

/// Codes that no message carries any more, and the one that says the same now. They are never used again.
const RETIRED: &[(&str, &str)] = &[
    ("MF0218", "MF0704"),
    ("MF0219", "MF0704"),
    ("MF0301", "MF0510"),
    ("MF0646", "MF0701"),
    ("MF0710", "MF1003"),
    ("MF0711", "MF0502"),
    ("MF0805", "MF0203"),
    ("MF0806", "MF0204"),
    ("MF0985", "MF0401"),
];

pub fn errors() -> String {
    let mut out = String::from(
        "---\npage_title: \"Errors and warnings\"\nsubcategory: \"\"\ndescription: |-\n  What each code of a message \
         means, and what to do.\n---\n\n# Errors and warnings\n\n<!-- Written by `cargo xtask docs` from the code. -->\n\nEvery message of the \
         provider and of `meshform` carries a code. It stays the same from version to version, so you can search \
         for it and tell scripts about it. This page says what each code means and what to do.\n",
    );
    for range in RANGES {
        out.push_str(&format!("\n## {}xx: {}\n", range.prefix, range.title));
        let all = CODES.iter().copied().flatten();
        let mut infos: Vec<&CodeInfo> = all.filter(|info| info.code.0.starts_with(range.prefix)).collect();
        infos.sort_by_key(|info| info.code);
        for info in infos {
            let code = info.code.0;
            let anchor = code.to_ascii_lowercase();
            out.push_str(&format!(
                "\n<a id=\"{anchor}\"></a>\n### {code}: {}\n\n{}\n",
                info.title, info.explanation
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_in_a_range_and_there_once() {
        let mut seen = BTreeSet::new();
        for info in CODES.iter().copied().flatten() {
            let code = info.code.0;
            let in_range = RANGES.iter().any(|range| code.starts_with(range.prefix));
            assert!(in_range, "{code} is in no range");
            assert!(seen.insert(info.code), "{code} twice");
            assert!(info.explanation.ends_with('.'), "{code}");
            // They stand in the middle of a line: a capital only begins a name.
            let mut letters = info.title.chars();
            let (first, second) = (letters.next().unwrap(), letters.next().unwrap());
            let names = [
                "App",
                "Cloud",
                "CloudFormation",
                "Envoy",
                "Kubernetes",
                "Terraform",
            ];
            let named = names.contains(&info.title.split(' ').next().unwrap());
            let begins = first.is_lowercase() || !second.is_lowercase() && second != ' ';
            assert!(begins || named, "{code}: {}", info.title);
        }
        assert!(seen.len() > 100, "{}", seen.len());
        for (code, now) in RETIRED {
            let there = |code: &str| seen.iter().any(|one| one.0 == code);
            assert!(!there(code) && there(now), "{code} became {now}");
        }
    }
}
