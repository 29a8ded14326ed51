//! Who answers: measured, and held against what the routes want.

use std::net::SocketAddr;

use meshform_acceptance::http::Client;
use meshform_acceptance::load::Tally;

use crate::failure::{Failure, Result};

/// How far from what is wanted a split may be that is nevertheless right: chance goes further once in two million.
const TOLERANCE: f64 = 5.0;

pub(super) struct Requests {
    pub(super) title: &'static str,
    pub(super) path: &'static str,
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) count: usize,
}

/// One row of the table.
struct Row {
    service: String,
    wanted: u32,
    answered: usize,
    sent: usize,
}

/// Sends them all, one after the other, on one connection.
pub(super) fn send(address: SocketAddr, host: &str, requests: &Requests) -> Tally {
    let mut client = Client::new(address);
    let mut tally = Tally::default();
    for _ in 0..requests.count {
        tally.send_with(&mut client, host, requests.path, requests.headers);
    }
    tally
}

/// The lines of a table for one kind of requests, or why the split is not the one that is wanted (in percent, by
/// service).
pub(super) fn compare(title: &str, tally: &Tally, wanted: &[(&str, u32)]) -> Result<String> {
    if tally.failures() > 0 {
        return Err(Failure::new(format!(
            "{} of {} requests failed ({title}):\n{}",
            tally.failures(),
            tally.sent(),
            failures(tally)
        )));
    }
    let rows: Vec<Row> = wanted
        .iter()
        .map(|(service, wanted)| Row {
            service: (*service).to_owned(),
            wanted: *wanted,
            answered: tally.of(service),
            sent: tally.sent(),
        })
        .collect();
    let mut text = format!("{title}\n");
    for row in &rows {
        text.push_str(&row.line());
        text.push('\n');
    }
    if rows.iter().all(Row::holds) && rows.iter().map(|row| row.answered).sum::<usize>() == tally.sent() {
        Ok(text)
    } else {
        Err(Failure::new(format!(
            "the requests are not split as the routes want:\n{}{text}answered by: {:?}",
            head(),
            tally.answered
        )))
    }
}

/// What stands above the tables.
pub(super) fn head() -> String {
    format!("{:<28}{:>8}{:>11}{:>12}\n", "", "wanted", "measured", "deviation")
}

/// A count as people write it.
pub(super) fn thousands(count: usize) -> String {
    match (count / 1000, count % 1000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{thousands},{rest:03}"),
    }
}

/// What went wrong, each with how often.
pub(super) fn failures(tally: &Tally) -> String {
    let lines = tally.failed.iter().take(5);
    lines
        .map(|(what, count)| format!("  {count} x {what}\n"))
        .collect()
}

impl Row {
    #[allow(clippy::cast_precision_loss, reason = "counts of requests are small")]
    fn sigmas(&self) -> Option<f64> {
        let wanted = f64::from(self.wanted) / 100.0;
        let sent = self.sent as f64;
        let sigma = (sent * wanted * (1.0 - wanted)).sqrt();
        (sigma > 0.0).then(|| (self.answered as f64 - sent * wanted) / sigma)
    }

    /// What is wanted whole or not at all holds to the last request; all else as chance lets it.
    fn holds(&self) -> bool {
        match self.sigmas() {
            Some(sigmas) => sigmas.abs() <= TOLERANCE,
            None => self.answered * 100 == self.sent * self.wanted as usize,
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "counts of requests are small")]
    fn line(&self) -> String {
        let measured = 100.0 * self.answered as f64 / self.sent.max(1) as f64;
        let deviation = match self.sigmas() {
            Some(sigmas) => format!("{sigmas:+.1} σ"),
            None if self.holds() => "exact".to_owned(),
            None => "wrong".to_owned(),
        };
        let arrow = format!("  → {}", self.service);
        format!("{arrow:<28}{:>6} %{measured:>9.1} %{deviation:>12}", self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(answers: &[(&str, usize)]) -> Tally {
        Tally {
            answered: answers
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
            ..Tally::default()
        }
    }

    #[test]
    fn a_split_within_chance_is_shown_with_its_deviation() {
        let text = compare(
            "to /",
            &tally(&[("b", 760), ("v2", 240)]),
            &[("b", 75), ("v2", 25)],
        )
        .unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1].split_whitespace().collect::<Vec<_>>().join(" "),
            "→ b 75 % 76.0 % +0.7 σ"
        );
        assert!(lines[2].ends_with("-0.7 σ"), "{text}");
    }

    #[test]
    fn a_split_beyond_chance_is_refused() {
        assert!(
            compare(
                "to /",
                &tally(&[("b", 850), ("v2", 150)]),
                &[("b", 75), ("v2", 25)]
            )
            .is_err()
        );
    }

    #[test]
    fn all_to_one_must_be_all() {
        assert!(
            compare("to /", &tally(&[("v2", 50)]), &[("v2", 100)])
                .unwrap()
                .contains("exact")
        );
        assert!(compare("to /", &tally(&[("v2", 49), ("b", 1)]), &[("v2", 100)]).is_err());
    }

    #[test]
    fn answers_of_a_service_that_no_route_names_are_refused() {
        let answers = tally(&[("b", 750), ("v2", 249), ("other", 1)]);
        assert!(compare("to /", &answers, &[("b", 75), ("v2", 25)]).is_err());
    }

    #[test]
    fn failed_requests_are_told_with_what_went_wrong() {
        let mut answers = tally(&[("b", 100)]);
        answers.failed.insert("503 UH".to_owned(), 3);
        let failure = compare("to /", &answers, &[("b", 100)]).unwrap_err().to_string();
        assert!(
            failure.contains("3 of 103") && failure.contains("3 x 503 UH"),
            "{failure}"
        );
    }
}
