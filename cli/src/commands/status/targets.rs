//! How publish targets stand.

use super::super::said::cut;
use meshform_release::{TargetState, TargetStatus, listed};
use serde_json::{Value as Json, json};

/// How a target stands, in words.
pub(super) fn words(target: &TargetStatus) -> String {
    let report = &target.report;
    let host = match report.host.as_str() {
        "" => String::new(),
        host => format!(" on {host}"),
    };
    let release = report
        .release
        .as_ref()
        .map_or("no release", |release| cut(release.as_str()));
    let stands = match &target.standing {
        TargetState::Current => "current".to_owned(),
        TargetState::Behind(paths) => format!("behind: {}", listed(paths)),
        TargetState::Failed(error) => format!("cannot be read: {error}"),
        TargetState::Unreachable => match &report.failure {
            None => format!("cannot be read from here; it reported {release} at {}", report.at),
            Some(failure) => format!("failed at {}: {}", failure.at, failure.message),
        },
    };
    format!("  published to {}{host}: {stands}", report.target)
}

pub(super) fn json(target: &TargetStatus) -> Json {
    let report = &target.report;
    let (standing, behind): (&str, &[String]) = match &target.standing {
        TargetState::Current => ("current", &[]),
        TargetState::Behind(paths) => ("behind", paths),
        TargetState::Failed(_) => ("failed", &[]),
        TargetState::Unreachable => ("unreachable", &[]),
    };
    let failure = report.failure.as_ref();
    json!({
        "target": report.target,
        "host": report.host,
        "standing": standing,
        "behind": behind,
        "release": report.release.as_ref().map(|release| release.as_str()),
        "at": report.at.to_string(),
        "failure": failure.map(|failure| json!({"at": failure.at.to_string(), "message": failure.message})),
    })
}
