//! The circuit breaker of one system, shared by all workers: after some failures in a row nothing is sent for a while.
//!
//! It deliberately keeps no window of past results: a rate over the two or three requests an hour that a small matter
//! sees says nothing, a run of failures does.
//!
//! ```text
//!  closed ──(failures in a row reach the limit)──> open until T
//!  open until T ──(first request at or after T: the probe; T moves on by one period)──> open, probe under way
//!  probe well: closed          probe failed: open for another period          probe lost: the next one after T
//! ```
//!
//! The probe *leases* its turn by moving `T` on, so a probe that never reports back cannot block the way for ever.

use crate::edge::clock::Clock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// When to break and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open the breaker; at least 1.
    pub failures: u32,
    /// How long nothing is sent before one request may try.
    pub open: Duration,
}

/// See the module comment. Lock-free; the way through a closed breaker is one atomic load.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    clock: Clock,
    /// Milliseconds of the monotonic clock; 0 is closed.
    open_until: AtomicU64,
    failures: AtomicU32,
}

/// Leave to send one request; to be given back with [`Breaker::report`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Permission {
    probe: bool,
}

impl Breaker {
    /// A closed breaker.
    pub const fn new(settings: BreakerSettings, clock: Clock) -> Self {
        Self { settings, clock, open_until: AtomicU64::new(0), failures: AtomicU32::new(0) }
    }

    /// When it breaks and for how long.
    pub const fn settings(&self) -> &BreakerSettings {
        &self.settings
    }

    /// True while requests are refused or a probe is under way.
    pub fn is_open(&self) -> bool {
        self.open_until.load(Ordering::Acquire) != 0
    }

    /// Leave to send, or the seconds after which to ask again.
    pub(crate) fn admit(&self) -> Result<Permission, u32> {
        let until = self.open_until.load(Ordering::Acquire);
        if until == 0 {
            return Ok(Permission { probe: false });
        }
        let now = self.now();
        if now < until {
            return Err(seconds(until - now));
        }
        let next = now + self.period();
        match self.open_until.compare_exchange(until, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(Permission { probe: true }),
            Err(0) => Ok(Permission { probe: false }),
            Err(other) => Err(seconds(other.saturating_sub(now))),
        }
    }

    /// What came of the request. Requests that were under way when the breaker opened do not move it: only the probe.
    /// True when this report opened or closed the breaker.
    #[expect(clippy::needless_pass_by_value, reason = "a permission is good for one request")]
    pub(crate) fn report(&self, permission: Permission, well: bool) -> bool {
        match (permission.probe, well) {
            (true, true) => {
                self.failures.store(0, Ordering::Release);
                self.open_until.swap(0, Ordering::AcqRel) != 0
            }
            (true, false) => {
                self.open_until.store(self.now() + self.period(), Ordering::Release);
                false
            }
            (false, true) => {
                if self.failures.load(Ordering::Relaxed) != 0 {
                    self.failures.store(0, Ordering::Release);
                }
                false
            }
            (false, false) => {
                let run = self.failures.fetch_add(1, Ordering::AcqRel).saturating_add(1);
                run >= self.settings.failures
                    && self
                        .open_until
                        .compare_exchange(0, self.now() + self.period(), Ordering::AcqRel, Ordering::Acquire)
                        .is_ok()
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX / 2)
    }

    /// At least one millisecond, so that no deadline is ever 0, which means closed.
    fn period(&self) -> u64 {
        u64::try_from(self.settings.open.as_millis()).unwrap_or(u64::MAX / 4).max(1)
    }
}

fn seconds(milliseconds: u64) -> u32 {
    u32::try_from(milliseconds.div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(clock: &Clock) -> Breaker {
        Breaker::new(BreakerSettings { failures: 3, open: Duration::from_secs(10) }, clock.clone())
    }

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            let permission = breaker.admit().unwrap();
            breaker.report(permission, false);
        }
    }

    #[test]
    fn opens_after_a_run_and_not_after_scattered_failures() {
        let breaker = breaker(&Clock::manual(1_000));
        fail(&breaker, 2);
        assert!(!breaker.report(breaker.admit().unwrap(), true));
        fail(&breaker, 2);
        assert!(!breaker.is_open());
        assert!(breaker.report(breaker.admit().unwrap(), false), "the third in a row opens");
        assert_eq!(breaker.admit().unwrap_err(), 10);
    }

    #[test]
    fn one_probe_at_a_time_decides() {
        let clock = Clock::manual(1_000);
        let breaker = breaker(&clock);
        fail(&breaker, 3);
        clock.set(5_500);
        assert_eq!(breaker.admit().unwrap_err(), 6);
        clock.set(11_000);
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_err(), "the second must wait for the probe");
        breaker.report(probe, false);
        assert_eq!(breaker.admit().unwrap_err(), 10);
        clock.set(21_000);
        let probe = breaker.admit().unwrap();
        assert!(breaker.report(probe, true));
        assert!(!breaker.is_open());
        fail(&breaker, 2);
        assert!(!breaker.is_open(), "the run starts anew");
    }

    #[test]
    fn a_lost_probe_does_not_block_for_ever_and_late_reports_do_not_decide() {
        let clock = Clock::manual(0);
        let breaker = breaker(&clock);
        let early = breaker.admit().unwrap();
        let late = breaker.admit().unwrap();
        fail(&breaker, 3);
        assert!(!breaker.report(early, true));
        assert!(breaker.is_open());
        clock.set(10_000);
        drop(breaker.admit().unwrap());
        assert!(breaker.admit().is_err());
        assert!(!breaker.report(late, false));
        clock.set(20_000);
        assert!(breaker.admit().is_ok());
    }
}
