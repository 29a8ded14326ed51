//! Which row notices when one field of what is emitted is missing: `cargo xtask conformance --mutate`.
//!
//! This program runs itself: for each section once, to note the fields that its configurations hold, and then for each
//! field without it, first the quickest sections that hold it, one by one, then the others together, until a row
//! notices. A field that no row notices is one that nothing here shows to be needed: Envoy has the same by default, or
//! a row is weak.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::rows::SECTIONS;
use super::sheet::ALSO;
use meshform_envoy::{Files, layout};

/// A field that is left out.
const DROP: &str = "MESHFORM_CONFORMANCE_DROP";
/// A file that takes the fields that are there.
const FIELDS: &str = "MESHFORM_CONFORMANCE_FIELDS";
/// `all`, `only WORD`, or `sample N`.
const MUTATE: &str = "MESHFORM_CONFORMANCE_MUTATE";

/// How many of these programs run at the same time: most of their time goes in waiting.
const JOBS: usize = 2;
/// So many sections are tried alone.
const ALONE: usize = 3;
/// Longer than any section takes.
const LIMIT: Duration = Duration::from_secs(180);

/// What names a resource, says its type or its version: without it nothing is left to look at.
const IDENTITY: &[&str] = &["@type", "version_info"];
/// What holds a user's own names, not Envoy's.
const OPAQUE: &[&str] = &["json_format", "filter_metadata"];

static NOTICED: AtomicBool = AtomicBool::new(false);

/// Whether a field is left out.
pub(crate) fn is_on() -> bool {
    env::var_os(DROP).is_some()
}

/// A row does not hold: where a field is left out, no other has to be looked at.
pub(crate) fn noticed() {
    NOTICED.store(is_on(), Ordering::SeqCst);
}

/// Whether a row has noticed the field that is left out.
pub(crate) fn is_noticed() -> bool {
    NOTICED.load(Ordering::SeqCst)
}

/// What was emitted, without the field that is to be left out.
pub(crate) fn applied(mut files: Files) -> Files {
    let (drop, note) = (env::var(DROP).ok(), env::var_os(FIELDS));
    if drop.is_none() && note.is_none() {
        return files;
    }
    let mut seen = BTreeSet::new();
    for (name, content) in &mut files {
        let mut file: Value = serde_json::from_slice(content).unwrap();
        match file.get_mut("resources").and_then(Value::as_array_mut) {
            Some(resources) => resources
                .iter_mut()
                .for_each(|resource| walk(resource, "", drop.as_deref(), &mut seen)),
            None if name == layout::BOOTSTRAP => {
                walk(&mut file, "Bootstrap", drop.as_deref(), &mut seen);
            }
            // Files that this Envoy is not started with.
            None => continue,
        }
        if drop.is_some() {
            *content = serde_json::to_vec(&file).unwrap();
        }
    }
    if let Some(path) = note {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        let lines: String = seen.iter().map(|field| format!("{field}\n")).collect();
        file.write_all(lines.as_bytes()).unwrap();
    }
    files
}

/// Notes the fields of a message, called by its type and their names, and takes one of them away.
fn walk(value: &mut Value, at: &str, drop: Option<&str>, seen: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, at, drop, seen)),
        Value::Object(fields) => {
            let kind = fields.get("@type").and_then(Value::as_str);
            let kind = kind.and_then(|kind| kind.rsplit('.').next());
            let at = kind.unwrap_or(at).to_owned();
            fields.retain(|name, _| drop != Some(format!("{at}.{name}").as_str()));
            for (name, value) in fields {
                if !IDENTITY.contains(&name.as_str()) {
                    let field = format!("{at}.{name}");
                    if !OPAQUE.contains(&name.as_str()) {
                        walk(value, &field, drop, seen);
                    }
                    seen.insert(field);
                }
            }
        }
        _ => {}
    }
}

/// What became of one field.
struct Noticed {
    field: String,
    /// The row; none where nobody noticed.
    by: Option<String>,
    sections: usize,
}

#[test]
fn each_field_is_noticed_by_a_row() {
    let Ok(asked) = env::var(MUTATE) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sections = survey(folder.path());
    let fields: BTreeSet<&String> = sections.values().flat_map(|(fields, _)| fields).collect();
    let fields: Vec<&String> = match asked.split_once(' ') {
        Some(("only", word)) => fields.into_iter().filter(|field| field.contains(word)).collect(),
        Some(("sample", count)) => {
            let count: usize = count.parse().unwrap();
            let step = fields.len().div_ceil(count.max(1)).max(1);
            fields.into_iter().step_by(step).collect()
        }
        _ => fields.into_iter().collect(),
    };
    println!("{} fields", fields.len());
    let all = in_parallel(&fields, |field| {
        let noticed = look(field, &sections);
        match &noticed.by {
            Some(row) => println!("{field}: {row}"),
            None => println!("{field}: NOBODY, of {} sections", noticed.sections),
        }
        noticed
    });
    let nobody: Vec<&Noticed> = all.iter().filter(|one| one.by.is_none()).collect();
    println!(
        "\n{} of {} fields are noticed; nobody notices:",
        all.len() - nobody.len(),
        all.len()
    );
    for one in nobody {
        println!("  {}", one.field);
    }
}

/// The fields of each section's configurations, and the time that it takes; sections that do not hold have none.
fn survey(folder: &std::path::Path) -> BTreeMap<usize, (BTreeSet<String>, Duration)> {
    let numbers: Vec<usize> = (0..SECTIONS.len()).collect();
    let found = in_parallel(&numbers, |at| {
        let path = folder.join(at.to_string());
        let begun = Instant::now();
        let ran = run(SECTIONS[*at].0, &[(FIELDS, path.to_str().unwrap())]);
        let taken = begun.elapsed();
        if let Some(row) = ran {
            println!("{} is left out, as it does not hold: {row}", SECTIONS[*at].0);
            return None;
        }
        let noted = fs::read_to_string(path).unwrap_or_default();
        Some((*at, (noted.lines().map(str::to_owned).collect(), taken)))
    });
    found.into_iter().flatten().collect()
}

/// Runs the sections that hold a field without it, until a row notices.
fn look(field: &str, sections: &BTreeMap<usize, (BTreeSet<String>, Duration)>) -> Noticed {
    let mut holding: Vec<(&Duration, usize)> = sections
        .iter()
        .filter(|(_, (fields, _))| fields.contains(field))
        .map(|(at, (_, taken))| (taken, *at))
        .collect();
    holding.sort();
    let titles: Vec<&str> = holding.iter().map(|(_, at)| SECTIONS[*at].0).collect();
    let (alone, together) = titles.split_at(titles.len().min(ALONE));
    let together = (!together.is_empty()).then(|| together.join(ALSO));
    let mut asked = alone.iter().map(|title| (*title).to_owned()).chain(together);
    let by = asked.find_map(|sections| run(&sections, &[(DROP, field)]));
    Noticed {
        field: field.to_owned(),
        by,
        sections: holding.len(),
    }
}

/// Runs sections in a process of its own; gives the first row that does not hold.
fn run(sections: &str, environment: &[(&str, &str)]) -> Option<String> {
    let output = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["what_is_promised_holds", "--exact", "--nocapture"])
        .env_remove(MUTATE)
        .env("MESHFORM_CONFORMANCE_ONLY", sections)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(output.reopen().unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let holds = ended(&mut child);
    let text = fs::read_to_string(output.path()).unwrap_or_default();
    let row = text.lines().find_map(|line| line.strip_prefix("does not hold: "));
    match (holds, row) {
        (Some(true), None) => None,
        (None, None) => Some("does not come to its end".to_owned()),
        (_, row) => Some(row.unwrap_or("ends with an error").to_owned()),
    }
}

/// Whether it went well; none where it had to be ended.
fn ended(child: &mut Child) -> Option<bool> {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.success());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// What becomes of each, several at a time, in their order.
fn in_parallel<T: Sync, R: Send>(all: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..JOBS {
            scope.spawn(|| {
                loop {
                    let at = {
                        let mut next = next.lock().unwrap();
                        *next += 1;
                        *next - 1
                    };
                    let Some(one) = all.get(at) else {
                        return;
                    };
                    let result = act(one);
                    done.lock().unwrap().push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[test]
fn a_field_is_called_by_its_message_and_its_names() {
    let mut value = serde_json::json!({"@type": "x/envoy.Cluster", "hosts": [{"port": 1, "name": "a"}, {"port": 2}],
        "typed": {"@type": "x/envoy.Filter", "json_format": {"mine": 1}}});
    let mut seen = BTreeSet::new();
    walk(&mut value, "", Some("Cluster.hosts.port"), &mut seen);
    let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    assert_eq!(
        seen,
        [
            "Cluster.hosts",
            "Cluster.hosts.name",
            "Cluster.typed",
            "Filter.json_format"
        ]
    );
    assert_eq!(value["hosts"], serde_json::json!([{"name": "a"}, {}]));
}
