//! The proxies that run, as their agents report them.

use super::super::said::{cut, reason_words};
use meshform_release::{Condition, Fleet, RunningProxy};
use meshform_store::Timestamp;
use serde_json::{Value as Json, json};

/// A line for each proxy, the worst first, and those below it that say why.
pub(super) fn lines(fleet: &Fleet) -> Vec<String> {
    let mut lines: Vec<String> = fleet
        .unseen
        .iter()
        .map(|(target, error)| format!("  proxies that report to {target} cannot be read from here: {error}"))
        .collect();
    if fleet.proxies.is_empty() {
        return lines;
    }
    let count = |condition: Condition| {
        let count = fleet.count(condition);
        (count > 0).then(|| format!("{count} {}", condition.words()))
    };
    let counts: Vec<String> = Condition::ALL.into_iter().filter_map(count).collect();
    lines.push(format!("  proxies: {}", counts.join(", ")));
    // Those that have ended in order are counted, and otherwise of no concern.
    let shown: Vec<&RunningProxy> = fleet
        .proxies
        .iter()
        .filter(|one| one.condition != Condition::Stopped)
        .collect();
    let rows: Vec<[String; 6]> = shown.iter().map(|one| row(one)).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    for (row, one) in rows.iter().zip(&shown) {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        lines.push(format!("    {}", line.trim_end()));
        lines.extend(one.status.reasons.iter().map(|reason| reason_words(reason)));
    }
    lines
}

fn row(one: &RunningProxy) -> [String; 6] {
    let status = &one.status;
    let name = status
        .proxy
        .strip_prefix(&format!("mesh/{}/", status.mesh))
        .unwrap_or(&status.proxy);
    let release = status
        .release
        .as_ref()
        .map_or("no release", |release| cut(release.as_str()));
    let condition = match one.condition {
        Condition::Lost => format!("lost since {}", one.at),
        _ if status.gave_up => format!("gave up at {}", one.at),
        other => other.words().to_owned(),
    };
    let expires = match first_expiry(one) {
        Some(day) => format!("certificate until {day}"),
        None => String::new(),
    };
    [
        name.to_owned(),
        status.instance.replace('\n', " "),
        condition,
        match status.since {
            since if since == 0 || status.release.is_none() => release.to_owned(),
            since => format!("{release} since {}", time(since)),
        },
        status
            .envoy
            .as_ref()
            .map_or_else(String::new, |version| format!("Envoy {version}")),
        expires,
    ]
}

/// When the first of its certificates ends.
fn first_expiry(one: &RunningProxy) -> Option<&str> {
    let days = one.status.certificates.iter().map(|held| held.not_after.as_str());
    days.filter(|day| !day.is_empty()).min()
}

/// Whole seconds are enough for people.
fn time(millis: u64) -> Timestamp {
    Timestamp(i64::try_from(millis / 1000 * 1000).unwrap_or(i64::MAX))
}

pub(super) fn json(one: &RunningProxy) -> Json {
    let status = &one.status;
    json!({
        "proxy": status.proxy,
        "instance": status.instance,
        "target": one.target,
        "condition": one.condition.name(),
        "state": status.state,
        "reasons": status.reasons,
        "release": status.release,
        "bundle": status.bundle,
        "endpoints": status.endpoints,
        "since": (status.since > 0).then(|| time(status.since).to_string()),
        "reportedAt": one.at.to_string(),
        "envoy": status.envoy,
        "agent": status.agent,
        "started": (status.started > 0).then(|| time(status.started).to_string()),
        "gaveUp": status.gave_up,
        "restarts": status.restarts,
        "needsRestart": status.needs_restart,
        "mode": status.mode,
        "discovery": status.discovery,
        "rejected": status.rejected,
        "certificates": status.certificates,
    })
}
