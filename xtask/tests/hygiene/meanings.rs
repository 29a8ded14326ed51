//! One place for each meaning: what a crate decides or names is not decided or named again elsewhere.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::{none, root};
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
        let is_ours = matches!(parts[..], [folder, "src", ..] if !["acceptance", "xtask"].contains(&folder));
        is_ours && !parts.contains(&"tests") && !name.ends_with("/tests.rs")
    });
    all
}

/// Whether a line of code asks itself whose a record is.
fn compares_owners(line: &str) -> bool {
    let compared = |rest: &str| rest.starts_with(" == ") || rest.starts_with(" != ");
    let mut after = line.split(".owner").skip(1);
    after.any(compared)
        || ["== ", "!= ", "== &", "!= &"].iter().any(|sign| {
            let rest = line.split(sign).skip(1);
            rest.into_iter().any(|rest| {
                rest.split([' ', ')', ';'])
                    .next()
                    .is_some_and(|word| word.ends_with(".owner"))
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
        "others.filter(|(_, last)| last.owner != by.owner);",
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

/// What files in a proxy's folder and objects of a bucket target are called.
const NAMES: [&str; 9] = [
    "bootstrap.json",
    "static.json",
    "lds.json",
    "cds.json",
    "current.json",
    "discovery.json",
    "lease.json",
    "xds/",
    "/bundles/",
];

/// Where they are written, each with the reason.
const NAMED_IN: [(&str, &str); 6] = [
    (
        "model/src/proxy_files.rs",
        "the files: what both layouts take them from",
    ),
    ("bundle/src/proxy.rs", "the keys of a proxy's objects"),
    ("bundle/src/discovery.rs", "the keys of a poller's objects"),
    ("bundle/src/objects.rs", "what an object is called in errors"),
    ("bundle/src/publish/polled.rs", "a poller's files in a directory"),
    (
        "compiler/src/policy.rs",
        "IAM policies by key, by a crate that may not know `bundle`; agents' tests run under them",
    ),
];

#[test]
fn only_layouts_know_what_files_are_called() {
    let mut complaints = Vec::new();
    for (name, text) in sources() {
        if NAMED_IN.iter().any(|(file, _)| *file == name) {
            continue;
        }
        for (number, line) in built(&text) {
            let found = NAMES
                .iter()
                .filter(|file| literals(line).any(|text| text.contains(**file)));
            complaints.extend(found.map(|file| {
                format!("{name}:{number}: spells `{file}`; take it from `layout`, or from what knows the key")
            }));
        }
    }
    none(&complaints);
    let texts: Vec<(String, String)> = sources();
    let idle = NAMED_IN.iter().filter(|(file, _)| {
        let text = texts.iter().find(|(name, _)| name == file);
        !text.is_some_and(|(_, text)| {
            NAMES
                .iter()
                .any(|word| built(text).any(|(_, line)| line.contains(word)))
        })
    });
    none(
        &idle
            .map(|(file, _)| format!("{file}: names no file any more; take it off the list"))
            .collect::<Vec<_>>(),
    );
}

/// The texts between quotation marks of a line; not sentences, which tell somebody of a file.
fn literals(line: &str) -> impl Iterator<Item = &str> {
    let texts = line.split('"').skip(1).step_by(2);
    texts.filter(|text| !text.contains(' '))
}

/// Where code names fields of the schema: there typed paths stand for them, so that a misspelt one does not compile.
const TYPED: [&str; 4] = [
    "model/src/rules",
    "model/src/mesh",
    "envoy/src/lower",
    "envoy/src/ir",
];

/// Words that are a field's name and something else, or that only an example for people uses.
const UNTYPED: [(&str, &str, &[&str]); 10] = [
    (
        "model/src/mesh/reference.rs",
        "where the fields of every kind stand",
        &["spec"],
    ),
    (
        "model/src/rules/names.rs",
        "an identity is the store's, and has no schema",
        &["metadata", "meshOwner", "resourceOwner", "arn"],
    ),
    ("model/src/rules/profiles.rs", "an example", &["egressSniAllowed"]),
    (
        "model/src/rules/quotas.rs",
        "a quota's name in settings",
        &["backends"],
    ),
    (
        "envoy/src/lower/",
        "what Envoy's statistics of outgoing requests begin with",
        &["egress"],
    ),
    (
        "envoy/src/lower/explicit.rs",
        "an example",
        &["interception", "explicit", "services", "virtualService", "port"],
    ),
    (
        "envoy/src/lower/ingress.rs",
        "an example",
        &["inbound", "appPorts", "listenerPort", "appPort"],
    ),
    (
        "envoy/src/lower/telemetry.rs",
        "an example",
        &["envoyVersion", "min"],
    ),
    (
        "envoy/src/lower/tls.rs",
        "examples",
        &[
            "certificateChain",
            "privateKey",
            "trustChain",
            "certificates",
            "reference",
            "source",
            "file",
            "sdsSocketPath",
        ],
    ),
    (
        "envoy/src/lower/upstream.rs",
        "the name of Envoy's own match",
        &["default"],
    ),
];

#[test]
fn rules_and_lowering_name_fields_by_typed_paths() {
    let fields = fields();
    assert!(
        fields.contains("perRequest") && fields.len() > 150,
        "{}",
        fields.len()
    );
    let is_allowed = |name: &str, text: &str| {
        let mut allowed = UNTYPED.iter();
        allowed.any(|(place, _, words)| name.starts_with(place) && words.contains(&text))
    };
    let mut complaints = Vec::new();
    for (name, text) in sources() {
        if !TYPED.iter().any(|place| name.starts_with(place)) {
            continue;
        }
        for (number, line) in built(&text) {
            let found = literals(line).filter(|text| fields.contains(*text) || text.starts_with("/spec"));
            let found = found.filter(|text| !is_allowed(&name, text));
            complaints.extend(found.map(|text| {
                format!("{name}:{number}: `{text}` is a field: name it by its path, such as `Path::<Listener>::timeout`")
            }));
        }
    }
    none(&complaints);
}

/// The name of every field that a schema has.
fn fields() -> BTreeSet<String> {
    fn collect(schema: &Value, found: &mut BTreeSet<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            found.extend(properties.keys().cloned());
        }
        match schema {
            Value::Object(parts) => parts.values().for_each(|part| collect(part, found)),
            Value::Array(parts) => parts.iter().for_each(|part| collect(part, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(root().join("schemas")).unwrap() {
        let text = std::fs::read(file.unwrap().path()).unwrap();
        collect(&serde_json::from_slice(&text).unwrap(), &mut found);
    }
    found
}
