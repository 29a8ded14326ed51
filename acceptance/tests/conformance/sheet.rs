//! The table: rows by section, run in parallel, and the page that it becomes.

use super::mutation;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// One promise and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) feature: &'static str,
    /// The fields of the model that it is about, `virtualNode.listeners.tls.mode`; `{a,b}` stands for either.
    pub(crate) fields: &'static [&'static str],
    /// What was sent and seen.
    pub(crate) shown: &'static str,
    /// Only where the machine has what it takes; else the reason of its absence here.
    pub(crate) needs: Option<&'static str>,
    /// What it needs is not there, so nothing was looked at.
    pub(crate) skipped: bool,
    /// Why it does not hold.
    pub(crate) failure: Option<String>,
}

/// A section that grows.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    pub(crate) rows: Vec<Row>,
}

/// A title, and what fills the section.
pub(crate) type Section = (&'static str, fn(&mut Sheet));

impl Sheet {
    /// A row that holds when `check` comes to its end.
    pub(crate) fn row(
        &mut self,
        feature: &'static str,
        fields: &'static [&'static str],
        shown: &'static str,
        check: impl FnOnce(),
    ) {
        if mutation::is_noticed() {
            return;
        }
        let failure = caught(check).err();
        if failure.is_some() {
            mutation::noticed();
        }
        self.rows.push(Row {
            feature,
            fields,
            shown,
            needs: None,
            skipped: false,
            failure,
        });
    }

    /// As [`row`](Self::row), for what is about time: `check` is tried up to five times, because a busy machine makes
    /// things late now and then. What does not hold fails each time.
    pub(crate) fn row_in_time(
        &mut self,
        feature: &'static str,
        fields: &'static [&'static str],
        shown: &'static str,
        check: impl Fn(),
    ) {
        self.row(feature, fields, shown, || {
            let tries = if mutation::is_on() { 2 } else { 5 };
            for _ in 1..tries {
                if caught(&check).is_ok() {
                    return;
                }
            }
            check();
        });
    }

    /// For what not every machine can do: what it needs, and whether that is there.
    pub(crate) fn where_there_is(&mut self, needs: &'static str, there: bool) -> Conditional<'_> {
        Conditional {
            sheet: self,
            needs,
            there,
        }
    }
}

/// A sheet whose next row is looked at only where the machine has what it needs.
#[derive(Debug)]
pub(crate) struct Conditional<'s> {
    sheet: &'s mut Sheet,
    needs: &'static str,
    there: bool,
}

impl Conditional<'_> {
    /// As [`Sheet::row`].
    pub(crate) fn row(
        self,
        feature: &'static str,
        fields: &'static [&'static str],
        shown: &'static str,
        check: impl FnOnce(),
    ) {
        if mutation::is_noticed() {
            return;
        }
        let failure = if self.there { caught(check).err() } else { None };
        if failure.is_some() {
            mutation::noticed();
        }
        self.sheet.rows.push(Row {
            feature,
            fields,
            shown,
            needs: Some(self.needs),
            skipped: !self.there,
            failure,
        });
    }
}

/// What a check that panics says.
pub(crate) fn caught(check: impl FnOnce()) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(check)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "panicked".to_owned())
    })
}

/// Waits until it is so, at most so many seconds.
#[track_caller]
pub(crate) fn eventually(what: &str, limit: u64, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < Duration::from_secs(limit),
            "not within {limit} s: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Stands between the titles of several sections that are asked for.
pub(crate) const ALSO: &str = "|";

/// Runs all sections, several at once, and gives them in their order, each with its time in seconds.
pub(crate) fn run(sections: &[Section], only: Option<&str>) -> Vec<(&'static str, Vec<Row>, f64)> {
    let is_named = |title: &str, only: &str| {
        only.split(ALSO).any(|only| {
            let whole = |(title, _): &Section| title.eq_ignore_ascii_case(only);
            match sections.iter().any(whole) {
                true => title.eq_ignore_ascii_case(only),
                false => title.to_lowercase().contains(&only.to_lowercase()),
            }
        })
    };
    let next = Mutex::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        // Most of the time goes in waiting: more of them than there are cores.
        for _ in 0..5 {
            scope.spawn(|| {
                loop {
                    let at = {
                        let mut next = next.lock().unwrap();
                        *next += 1;
                        *next - 1
                    };
                    let Some((title, fill)) = sections.get(at) else {
                        return;
                    };
                    if only.is_some_and(|only| !is_named(title, only)) {
                        continue;
                    }
                    let start = Instant::now();
                    let mut sheet = Sheet::default();
                    if let Err(failure) = caught(|| fill(&mut sheet)) {
                        mutation::noticed();
                        sheet.rows.push(Row {
                            feature: "the section's proxies start",
                            fields: &[],
                            shown: "",
                            needs: None,
                            skipped: false,
                            failure: Some(failure),
                        });
                    }
                    let taken = start.elapsed().as_secs_f64();
                    done.lock().unwrap().push((at, (*title, sheet.rows, taken)));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, section)| section).collect()
}
