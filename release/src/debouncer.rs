//! How writes follow each other, and so when a pause of them is one.
//!
//! A release costs what the whole mesh costs. If every short gap between two writes of one long apply led to one, an
//! apply would cost the square of its size. So a pause is told from what came before: twice the longest gap between
//! the last writes. And the longer writes go on, the longer the next release on the way waits.

use std::time::{Duration, Instant};

/// While writes go on, so many times longer than the last release took is waited before the next one: a long apply
/// of a large mesh is not slowed down by the releases on its way.
const SHARE: u32 = 8;

/// How often the wait for a release on the way doubles: from a second to eight. Eight seconds are as long as proxies of
/// a mesh should wait for what was written first.
const DOUBLINGS: u32 = 3;

/// Writes that come so many times later than a release would wait belong to another apply: Terraform's slowest
/// resources keep it waiting for seconds, not for ten times as long.
const ANOTHER: u32 = 10;

/// When a mesh is released.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// After so long without a write; longer where the writes before came slowly.
    pub quiet: Duration,
    /// While writes go on: at the latest so long after the first; longer with each release on the way.
    pub longest: Duration,
    /// The same where somebody waits for the release. Writes that the answers to the last ones have let go come sooner.
    pub quiet_awaited: Duration,
    /// How long a release that takes away the last route of a router is held, as another route may be on its way.
    pub hold: Duration,
}

impl Timing {
    /// A route that follows what it depends on comes within seconds, also through a slow bucket.
    pub const HOLD: Duration = Duration::from_secs(10);
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            // Terraform's parallel writes follow each other within milliseconds, those to a bucket within some tens.
            quiet: Duration::from_millis(50),
            // Whoever shifts weights by a long apply sees traffic follow while it runs.
            longest: Duration::from_secs(1),
            // Terraform's next request follows an answer within a few milliseconds; each write of a chain waits for this.
            quiet_awaited: Duration::from_millis(15),
            hold: Self::HOLD,
        }
    }
}

/// By so much of itself a gap is forgotten with each write that comes sooner: a dozen of them halve it, which is as
/// many as Terraform has under way at once.
const FORGET: u32 = 16;

/// The writes of one mesh.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Debouncer {
    last: Instant,
    /// The longest of the last gaps.
    gap: Duration,
    /// How many releases were made on the way, without a pause before them.
    on_the_way: u32,
}

impl Debouncer {
    /// Starts waiting at a first write.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            last: now,
            gap: Duration::ZERO,
            on_the_way: 0,
        }
    }

    /// Waits longer for another write.
    pub(crate) fn write(&mut self, now: Instant, timing: Timing) {
        let gap = now.saturating_duration_since(self.last);
        if gap > timing.longest * ANOTHER {
            *self = Self::new(now);
            return;
        }
        let remembered = self.gap - self.gap / FORGET;
        self.gap = remembered.max(gap.min(timing.longest));
        self.last = now;
    }

    /// When the last write came.
    pub(crate) fn last(&self) -> Instant {
        self.last
    }

    /// When the mesh is to be released whose writes wait since `first`.
    pub(crate) fn due(&self, first: Instant, timing: Timing, took: Duration) -> Instant {
        let quiet = (self.gap * 2).min(timing.longest).max(timing.quiet);
        let longest = timing.longest * 2_u32.pow(self.on_the_way.min(DOUBLINGS));
        (self.last + quiet).min(first + longest.max(took * SHARE))
    }

    /// Notes that the mesh is released now.
    pub(crate) fn released(&mut self, now: Instant, timing: Timing) {
        let paused = now.saturating_duration_since(self.last) >= timing.longest.max(timing.quiet);
        self.on_the_way = if paused { 0 } else { self.on_the_way + 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        quiet: Duration::from_millis(50),
        longest: Duration::from_secs(1),
        quiet_awaited: Duration::from_millis(15),
        hold: Timing::HOLD,
    };

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// When releases are made, in milliseconds, of writes that come so.
    fn releases(writes: impl IntoIterator<Item = u64>, took: Duration) -> Vec<u64> {
        let start = Instant::now();
        let mut debouncer: Option<Debouncer> = None;
        let mut first = None;
        let mut made = Vec::new();
        for write in writes.into_iter().map(Some).chain([None]) {
            let now = write.map(|write| start + millis(write));
            if let (Some(debouncer), Some(since)) = (&mut debouncer, first) {
                let due = debouncer.due(since, TIMING, took);
                if now.is_none_or(|now| due < now) {
                    made.push(u64::try_from((due - start).as_millis()).unwrap());
                    debouncer.released(due, TIMING);
                    first = None;
                }
            }
            let Some(now) = now else { break };
            match &mut debouncer {
                Some(debouncer) => debouncer.write(now, TIMING),
                None => debouncer = Some(Debouncer::new(now)),
            }
            first.get_or_insert(now);
        }
        made
    }

    #[test]
    fn a_write_alone_is_released_at_once() {
        assert_eq!(releases([0], millis(5)), [50]);
        assert_eq!(releases([0, 60_000], millis(5)), [50, 60_050], "another apply");
        assert_eq!(releases([0, 3, 6, 9], millis(5)), [59]);
    }

    #[test]
    fn short_gaps_between_the_writes_of_an_apply_are_no_pauses() {
        // Eight writes a second for four minutes.
        let slow: Vec<u64> = (0..2_000).map(|number| number * 125).collect();
        let made = releases(slow, millis(5));
        assert!(made.len() < 40, "{} releases of 2000 writes", made.len());
        // Ten at once, then nothing for half a second.
        let bursts = (0..200).flat_map(|burst| (0..10).map(move |write| burst * 500 + write));
        let made = releases(bursts, millis(5));
        assert!(made.len() < 20, "{} releases of 200 bursts", made.len());
    }

    #[test]
    fn a_long_apply_is_released_on_the_way_and_ever_more_rarely() {
        let writes: Vec<u64> = (0..10_000).map(|number| number * 10).collect();
        let made = releases(writes, millis(5));
        let waits: Vec<u64> = made.windows(2).map(|pair| (pair[1] - pair[0]) / 1000).collect();
        assert_eq!(waits.get(..3), Some(&[2, 4, 8][..]), "{made:?}");
        assert!(waits.iter().all(|wait| *wait <= 8), "{made:?}");
        assert_eq!(made.len(), 15, "{made:?}");
    }

    #[test]
    fn releases_that_take_long_are_made_rarely() {
        let writes: Vec<u64> = (0..3_000).map(|number| number * 10).collect();
        let made = releases(writes, millis(1_500));
        assert_eq!(made.len(), 3, "{made:?}");
    }

    #[test]
    fn after_a_pause_it_begins_anew() {
        let writes = (0..500).map(|number| number * 10);
        let later = (0..2).map(|number| 8_000 + number * 10);
        let made = releases(writes.chain(later), millis(5));
        let last = made.last().copied().unwrap();
        assert!(last <= 8_010 + 1_000, "{made:?}");
    }
}
