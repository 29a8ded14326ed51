//! Formats of access logs: what Envoy's reader of them takes.
//!
//! Where Envoy's reader differs between versions, the newest is followed; [`newer_log_operators`] tells from which version on
//! each operator is known.

mod known;

use super::{Findings, codes, named};
use crate::key::ResourceKey;
use crate::path::Path;
use crate::spec::{AccessLog, Logging, LoggingFormat};
use std::collections::BTreeMap;

pub(super) fn check(
    key: &ResourceKey,
    path: fn() -> Path<Logging>,
    logging: Option<&Logging>,
    report: &mut Findings,
) {
    let Some(AccessLog::File(file)) = logging.and_then(|logging| logging.access_log.as_ref()) else {
        return;
    };
    let path = || path().access_log().file().format();
    let refuse = |path: Path<String>, fault: FormatError, report: &mut Findings| {
        let message = format!("in the access log format of {} {}", named(key), fault.what);
        report.error(codes::LOG_FORMAT, (key, path), message, &fault.help);
    };
    match &file.format {
        None => {}
        Some(LoggingFormat::Text(text)) => {
            if let Err(fault) = read(text) {
                refuse(path().text(), fault, report);
            }
        }
        Some(LoggingFormat::Json(fields)) => {
            let mut first = BTreeMap::new();
            for (i, field) in fields.iter().enumerate() {
                if let Err(fault) = read(&field.value) {
                    refuse(path().json().at(i).value(), fault, report);
                }
                if first.insert(&field.key, i).is_some() {
                    let fault = FormatError {
                        what: format!("the key `{}` occurs twice", field.key),
                        help: "rename one of them, or remove it: a JSON object has each key once".to_owned(),
                    };
                    refuse(path().json().at(i).key(), fault, report);
                }
            }
        }
    }
}

/// The command operators of a format, as they stand there, that not every Envoy takes, each with the minor version of
/// Envoy 1 that brought it.
pub fn newer_log_operators(text: &str) -> Vec<(String, u16)> {
    let commands = read(text).unwrap_or_default();
    let since = |command: Command<'_>| Some((command.name.to_owned(), command.since()?));
    commands.into_iter().filter_map(since).collect()
}

/// Why Envoy refuses a format.
struct FormatError {
    what: String,
    help: String,
}

/// The operators of a format.
fn read(text: &str) -> Result<Vec<Command<'_>>, FormatError> {
    let mut commands = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        if let Some(after) = after.strip_prefix('%') {
            rest = after;
            continue;
        }
        let command = Command::read(after).ok_or_else(|| {
            let shown: String = after.chars().take(30).collect();
            FormatError {
                what: format!("`%{shown}` is not a command operator"),
                help: "write an operator such as `%START_TIME%` or `%REQ(USER-AGENT):40%`, and `%%` for a percent \
                       sign"
                    .to_owned(),
            }
        })?;
        command.check()?;
        rest = command.rest;
        commands.push(command);
    }
    Ok(commands)
}

/// `NAME(parameters):length%`; all but the name may be left out.
struct Command<'a> {
    name: &'a str,
    parameters: Option<&'a str>,
    length: bool,
    rest: &'a str,
}

impl<'a> Command<'a> {
    /// Reads an operator from what follows its first `%`; `None` when no `%` ends it.
    fn read(text: &'a str) -> Option<Self> {
        let end = text.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))?;
        let (name, after) = text.split_at(end);
        if name.is_empty() {
            return None;
        }
        let Some(inside) = after.strip_prefix('(') else {
            let (length, rest) = end_of(after)?;
            return Some(Self {
                name,
                parameters: None,
                length,
                rest,
            });
        };
        // The first closing bracket that ends the operator; parameters have no end of a line.
        let line = inside.split('\n').next().unwrap_or_default();
        line.match_indices(')').find_map(|(at, _)| {
            let (parameters, after) = (inside.get(..at)?, inside.get(at + 1..)?);
            let (length, rest) = end_of(after)?;
            Some(Self {
                name,
                parameters: Some(parameters),
                length,
                rest,
            })
        })
    }

    /// The first version that takes it so, where that is not the oldest that was looked at.
    fn since(&self) -> Option<u16> {
        let parameters = self.parameters.filter(|parameters| !parameters.is_empty());
        known::since(self.name, parameters, self.length)
    }

    fn check(&self) -> Result<(), FormatError> {
        let name = self.name;
        let fault = |what: String, help: &str| {
            Err(FormatError {
                what,
                help: help.to_owned(),
            })
        };
        let Some(operator) = known::find(name) else {
            return Err(FormatError {
                what: format!("`%{name}%` is not an operator that Envoy knows"),
                help: known::alike(name),
            });
        };
        // Empty brackets are as good as none.
        let parameters = self.parameters.filter(|parameters| !parameters.is_empty());
        if let Some(problem) = operator.parameters.problem(parameters) {
            let form = operator.parameters.form();
            return fault(
                format!("`%{name}%` {problem}"),
                &format!("write `%{name}{form}%`"),
            );
        }
        if self.length && !operator.length {
            return fault(
                format!("`%{name}%` takes no length"),
                "remove the number after `:`",
            );
        }
        Ok(())
    }
}

/// `%` or `:12%`: whether there is a length, and what follows.
fn end_of(text: &str) -> Option<(bool, &str)> {
    if let Some(rest) = text.strip_prefix('%') {
        return Some((false, rest));
    }
    let (digits, rest) = text.strip_prefix(':')?.split_once('%')?;
    let number = digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u64>().is_ok();
    number.then_some((true, rest))
}

#[cfg(test)]
mod tests;
