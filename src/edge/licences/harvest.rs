//! Against harvesting: how often a caller, an operator and a holder may be the subject of a call.
//!
//! Keys are HMAC-SM3 values, so that what lies in memory names nobody. Counts are of one process; a reload keeps them
//! while the rates stay the same.

use crate::edge::clock::Clock;
use crate::edge::clock::Ticks;
use crate::edge::licences::store::Digest;
use governor::Quota;
use governor::RateLimiter;
use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use std::num::NonZeroU32;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Checks between two clearings of what has long recovered.
const CLEAR_EVERY: u32 = 4_096;
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// How often; each is also the most at once after a quiet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    pub caller_per_minute: NonZeroU32,
    pub operator_per_minute: NonZeroU32,
    pub holder_per_day: NonZeroU32,
}

/// Whose rate it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Caller,
    Operator,
    Holder,
}

impl Subject {
    /// The word of metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Operator => "operator",
            Self::Holder => "holder",
        }
    }
}

type Keyed = RateLimiter<Digest, HashMapStateStore<Digest>, Ticks, NoOpMiddleware<Duration>>;

/// The counts.
pub struct Harvest {
    rates: Rates,
    ticks: Ticks,
    callers: Keyed,
    operators: Keyed,
    holders: Keyed,
    checks: AtomicU32,
}

impl Harvest {
    /// Nothing counted yet.
    pub fn new(rates: Rates, clock: Clock) -> Self {
        let ticks = Ticks(clock);
        let keyed = |most: NonZeroU32, period: Duration| {
            // A period is never zero: the most is below 2^32 and a minute has 6 * 10^10 nanoseconds.
            let quota = Quota::with_period(period / most.get()).unwrap_or(Quota::per_second(most)).allow_burst(most);
            RateLimiter::hashmap_with_clock(quota, ticks.clone())
        };
        Self {
            rates,
            callers: keyed(rates.caller_per_minute, MINUTE),
            operators: keyed(rates.operator_per_minute, MINUTE),
            holders: keyed(rates.holder_per_day, DAY),
            ticks,
            checks: AtomicU32::new(0),
        }
    }

    /// The rates.
    pub const fn rates(&self) -> Rates {
        self.rates
    }

    /// Counts one call.
    ///
    /// # Errors
    /// The seconds after which to come again.
    pub fn check(&self, subject: Subject, key: &Digest) -> Result<(), u32> {
        let keyed = match subject {
            Subject::Caller => &self.callers,
            Subject::Operator => &self.operators,
            Subject::Holder => &self.holders,
        };
        if self.checks.fetch_add(1, Ordering::Relaxed) % CLEAR_EVERY == CLEAR_EVERY - 1 {
            for keyed in [&self.callers, &self.operators, &self.holders] {
                keyed.retain_recent();
            }
        }
        keyed.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.ticks.now()).as_millis().div_ceil(1000);
            u32::try_from(wait).unwrap_or(u32::MAX).max(1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_has_its_own_count() {
        let clock = Clock::manual(0);
        let most = |most| NonZeroU32::new(most).unwrap();
        let rates = Rates { caller_per_minute: most(3), operator_per_minute: most(2), holder_per_day: most(1) };
        let harvest = Harvest::new(rates, clock.clone());
        let passed = |subject, key: u8| (0..10).filter(|_| harvest.check(subject, &[key; 32]).is_ok()).count();
        assert_eq!([passed(Subject::Caller, 1), passed(Subject::Operator, 1), passed(Subject::Holder, 1)], [3, 2, 1]);
        assert_eq!(passed(Subject::Holder, 2), 1);
        assert_eq!(harvest.check(Subject::Holder, &[1; 32]), Err(86_400));
        clock.set(60_000);
        assert_eq!([passed(Subject::Caller, 1), passed(Subject::Operator, 1), passed(Subject::Holder, 1)], [3, 2, 0]);
        clock.set(86_400_000);
        assert_eq!(passed(Subject::Holder, 1), 1);
    }
}
