//! Counts of tests, read from what test programs print.

/// How many tests there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u32,
    pub(super) failed: u32,
    pub(super) ignored: u32,
    /// The names of the tests that failed.
    pub(super) names: Vec<String>,
}

impl Tally {
    /// Of something that is one thing.
    pub(super) fn one(passed: bool) -> Self {
        Self {
            passed: u32::from(passed),
            failed: u32::from(!passed),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.names.extend(other.names.iter().cloned());
    }

    /// Reads a line of a test program's output; counts it if it is the closing one, and keeps the name of a test that
    /// failed.
    pub(super) fn read(&mut self, line: &str) {
        let name = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"));
        self.names.extend(name.map(str::to_owned));
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split(';') {
            let mut words = count.split_whitespace();
            let number = words
                .next()
                .and_then(|word| word.parse::<u32>().ok())
                .unwrap_or(0);
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.ignored += number,
                _ => {}
            }
        }
    }

    /// The whole run's verdict has a say too: one that ended badly with no test to show for it (what did not
    /// compile, a test program that was killed) is one failure.
    pub(super) fn closed(mut self, success: bool) -> Self {
        if !success && self.failed == 0 {
            self.failed = 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_counted_and_others_are_not() {
        let mut tally = Tally::default();
        tally.read("running 3 tests");
        tally.read(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.10s",
        );
        tally.read("test a::b ... FAILED");
        tally.read(
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s",
        );
        assert_eq!(
            tally,
            Tally {
                passed: 14,
                failed: 1,
                ignored: 1,
                names: vec!["a::b".to_owned()],
            }
        );
    }

    #[test]
    fn a_run_that_did_not_compile_is_one_failure() {
        assert_eq!(Tally::default().closed(false), Tally::one(false));
        let failed = Tally {
            passed: 3,
            failed: 2,
            ..Tally::default()
        };
        assert_eq!(failed.clone().closed(false), failed);
        assert_eq!(Tally::default().closed(true), Tally::default());
    }
}
