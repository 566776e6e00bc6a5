//! A rest for a device that fails again and again: calls are refused at once, and one is let through from time to time.
//!
//! It deliberately reads no clock: times are those of a monotonic clock, given by the caller.

use std::time::Duration;

/// Failures in a row after which the device rests.
const FAILURES_MAX: u32 = 3;

/// How long it rests before one call tries it again.
pub(super) const REST: Duration = Duration::from_secs(5);

/// What is remembered of the last calls.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    rests_until: Duration,
}

impl Breaker {
    /// Whether a call may be made. The one that tries a device after its rest begins another rest, so that it stays
    /// alone until its outcome is known.
    pub(super) fn admits(&mut self, now: Duration) -> bool {
        if self.failures < FAILURES_MAX {
            return true;
        }
        let tries = now >= self.rests_until;
        if tries {
            self.rests_until = now + REST;
        }
        tries
    }

    /// A call came to its end. A fault that says something of the request and nothing of the device is no failure.
    pub(super) fn ended(&mut self, failed: bool, now: Duration) {
        if !failed {
            self.failures = 0;
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX {
            self.rests_until = now + REST;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_make_it_rest_and_one_call_tries_it() {
        let second = Duration::from_secs;
        let mut breaker = Breaker::default();
        for now in [1, 2] {
            assert!(breaker.admits(second(now)));
            breaker.ended(true, second(now));
        }
        breaker.ended(false, second(3));
        for now in [4, 5, 6] {
            assert!(breaker.admits(second(now)));
            breaker.ended(true, second(now));
        }
        assert!(!breaker.admits(second(7)) && !breaker.admits(second(10)));
        assert!(breaker.admits(second(11)), "the rest is over");
        assert!(!breaker.admits(second(12)), "one at a time");
        breaker.ended(true, second(13));
        assert!(!breaker.admits(second(17)));
        assert!(breaker.admits(second(18)));
        breaker.ended(false, second(19));
        assert!(breaker.admits(second(19)) && breaker.admits(second(19)));
    }
}
