//! A difference as text, JSON and Markdown.

use super::MeshDiff;
use crate::render::clean;
use meshform_compiler::diff::{Change, ChangeKind, FieldChange, FieldKind, name};
use meshform_envoy::diff::{ConnectionEffect, Difference, PartDiff, ProxyDiff};
use meshform_model::key::ResourceKey;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

pub(super) fn text(diffs: &[MeshDiff], summary: bool) -> String {
    let mut out = String::new();
    for diff in diffs {
        out.push_str(&format!("mesh {}: {}\n", clean(&diff.mesh), in_short(diff)));
        if summary {
            continue;
        }
        for change in &diff.changes {
            for line in change.to_string().lines() {
                out.push_str(&format!("  {}\n", clean(line)));
            }
        }
        if let Some(note) = &diff.note {
            out.push_str(&format!("  {}\n", clean(note)));
        }
        for proxy in &diff.proxies {
            out.push_str(&format!(
                "\n  proxy of {}{}\n",
                clean(&name(&proxy.key)),
                whole(proxy)
            ));
            for (cause, parts) in by_cause(proxy) {
                out.push_str(&format!("    because of {}\n", clean(&cause)));
                for part in parts {
                    out.push_str(&format!("      {}\n", clean(&part_words(part))));
                }
            }
        }
    }
    if diffs.is_empty() {
        out.push_str("no mesh in either input\n");
    }
    out
}

pub(super) fn markdown(diffs: &[MeshDiff], summary: bool) -> String {
    let mut out = String::new();
    for diff in diffs {
        out.push_str(&format!("### Mesh {}\n\n{}\n", code(&diff.mesh), in_short(diff)));
        if summary {
            out.push('\n');
            continue;
        }
        if !diff.changes.is_empty() {
            out.push('\n');
        }
        for change in &diff.changes {
            for line in change.to_string().lines() {
                out.push_str(&format!("- {}\n", code(line)));
            }
        }
        if let Some(note) = &diff.note {
            out.push_str(&format!("\n{note}\n"));
        }
        if !diff.proxies.is_empty() {
            let open = "\n<details><summary>Proxies</summary>\n\n| proxy | because of | what it gets | open connections |\n| --- | \
                        --- | --- | --- |\n";
            out.push_str(open);
            for proxy in &diff.proxies {
                let of = cell(&name(&proxy.key));
                if proxy.parts.is_empty() {
                    out.push_str(&format!("| {of} | | {} | |\n", how(proxy.how)));
                }
                for (cause, parts) in by_cause(proxy) {
                    for part in parts {
                        out.push_str(&format!(
                            "| {of} | {} | {} {} {} | {} |\n",
                            cell(&cause),
                            part.kind.words(),
                            cell(&part.name),
                            how(part.how),
                            effect(part.effect),
                        ));
                    }
                }
            }
            out.push_str("\n</details>\n");
        }
        out.push('\n');
    }
    out
}

pub(super) fn json(diffs: &[MeshDiff]) -> String {
    let meshes: Vec<Json> = diffs
        .iter()
        .map(|diff| {
            json!({
                "mesh": diff.mesh,
                "resources": diff.changes.iter().map(change_json).collect::<Vec<_>>(),
                "proxies": diff.proxies.iter().map(proxy_json).collect::<Vec<_>>(),
                "proxyCount": diff.count,
                "note": diff.note,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "meshes": meshes }))
}

fn change_json(change: &Change) -> Json {
    let (how, was, fields) = match &change.what {
        ChangeKind::Added => ("added", None, &[] as &[FieldChange]),
        ChangeKind::Removed => ("removed", None, &[] as &[FieldChange]),
        ChangeKind::Renamed(was, fields) => ("renamed", Some(was.path()), fields.as_slice()),
        ChangeKind::Changed(fields) => ("changed", None, fields.as_slice()),
    };
    let fields: Vec<Json> = fields
        .iter()
        .map(|field| match &field.kind {
            FieldKind::Set(after) => json!({"path": field.path, "after": after}),
            FieldKind::Unset(before) => json!({"path": field.path, "before": before}),
            FieldKind::Changed(before, after) => {
                json!({"path": field.path, "before": before, "after": after})
            }
            FieldKind::Reordered => json!({"path": field.path, "reordered": true}),
        })
        .collect();
    json!({"resource": change.key.path(), "change": how, "was": was, "fields": fields})
}

fn proxy_json(proxy: &ProxyDiff) -> Json {
    let parts: Vec<Json> = proxy
        .parts
        .iter()
        .map(|part| {
            json!({
                "kind": part.kind.words(), "name": part.name, "change": how_json(part.how),
                "causes": part.causes.iter().map(ResourceKey::path).collect::<Vec<_>>(),
                "openConnections": match part.effect {
                    ConnectionEffect::Untouched => "untouched",
                    ConnectionEffect::Drained => "drained",
                    ConnectionEffect::Restart => "restart",
                },
            })
        })
        .collect();
    json!({"proxy": proxy.key.path(), "change": how_json(proxy.how), "parts": parts})
}

/// `2 resources changed, 1 new; 3 of 10 proxies change, open connections are drained`.
fn in_short(diff: &MeshDiff) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for change in &diff.changes {
        let word = match change.what {
            ChangeKind::Added => "new",
            ChangeKind::Removed => "gone",
            ChangeKind::Renamed(..) => "renamed",
            ChangeKind::Changed(_) => "changed",
        };
        *counts.entry(word).or_default() += 1;
    }
    if counts.is_empty() {
        return "no difference".to_owned();
    }
    let parts: Vec<String> = counts
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    let resources = if diff.changes.len() == 1 {
        "resource"
    } else {
        "resources"
    };
    let mut out = format!("{} {resources}: {}", diff.changes.len(), parts.join(", "));
    if diff.note.is_none() {
        let effects = diff
            .proxies
            .iter()
            .flat_map(|proxy| &proxy.parts)
            .map(|part| part.effect);
        let worst = effects
            .max()
            .map(|worst| format!("; open connections: {}", effect(worst)));
        let reached = diff.proxies.len();
        out.push_str(&format!(
            "; {reached} of {} proxies change{}",
            diff.count,
            worst.unwrap_or_default()
        ));
    }
    out
}

fn whole(proxy: &ProxyDiff) -> &'static str {
    match proxy.how {
        Difference::Added => ": new",
        Difference::Removed => ": gone; its listeners drain",
        Difference::Changed => "",
    }
}

/// The parts of a proxy by what they are made from that changed.
fn by_cause(proxy: &ProxyDiff) -> BTreeMap<String, Vec<&PartDiff>> {
    let mut out: BTreeMap<String, Vec<&PartDiff>> = BTreeMap::new();
    for part in &proxy.parts {
        let causes: Vec<String> = part.causes.iter().map(name).collect();
        let cause = if causes.is_empty() {
            "what it calls or how it is run".to_owned()
        } else {
            causes.join(", ")
        };
        out.entry(cause).or_default().push(part);
    }
    out
}

fn part_words(part: &PartDiff) -> String {
    format!(
        "{} {} {}; open connections: {}",
        part.kind.words(),
        part.name,
        how(part.how),
        effect(part.effect)
    )
}

fn how(how: Difference) -> &'static str {
    match how {
        Difference::Added => "new",
        Difference::Removed => "gone",
        Difference::Changed => "changed",
    }
}

fn how_json(how: Difference) -> &'static str {
    match how {
        Difference::Added => "added",
        Difference::Removed => "removed",
        Difference::Changed => "changed",
    }
}

fn effect(effect: ConnectionEffect) -> &'static str {
    match effect {
        ConnectionEffect::Untouched => "untouched",
        ConnectionEffect::Drained => "drained (requests in flight complete first)",
        ConnectionEffect::Restart => "need a restart of Envoy, which resets them",
    }
}

/// A text as Markdown shows it, whatever is in it.
fn code(text: &str) -> String {
    let text = clean(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{space}{text}{space}{fence}")
}

/// The same within a table, where `|` ends a cell even in code, and a `\` before it is read as one that escapes another.
fn cell(text: &str) -> String {
    if !text.contains('|') {
        return code(text);
    }
    let escaped = clean(text).chars().fold(String::new(), |mut out, c| {
        match c.is_alphanumeric() || c == ' ' {
            true => out.push(c),
            false => out.push_str(&format!("&#{};", u32::from(c))),
        }
        out
    });
    format!("<code>{escaped}</code>")
}

#[cfg(test)]
mod tests;
