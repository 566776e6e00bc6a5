//! How often a caller may come: a rate with bursts, a count per Beijing calendar day, and bytes per second.
//!
//! It deliberately keeps no map from names to limiters: callers stand in the configuration, so each holds its own
//! [`Limiter`], found once when the configuration is loaded. Counts are of one process and start anew with it.
//!
//! The header fields are those of `draft-ietf-httpapi-ratelimit-headers-10` (September 2025) and `Retry-After` of
//! RFC 9110:
//!
//! ```text
//! RateLimit-Policy: "window";q=100;w=2, "window-day";q=20000;w=86400, "window-bytes";q=16777216;w=2;qu="content-bytes"
//! RateLimit: "window";r=99;t=1, "window-day";r=19999;t=34567
//! Retry-After: 1
//! ```

use crate::edge::clock::{Clock, Milliseconds, Ticks};
use governor::clock::Clock as GovernorClock;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use std::fmt::Write;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What one `[[limit]]` of the configuration allows to each caller that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Name; printable ASCII without quotation marks and backslashes, since it stands in header fields.
    pub name: String,
    /// Requests per second in the long run.
    pub per_second: NonZeroU32,
    /// Requests at once after a quiet time.
    pub burst: NonZeroU32,
    /// Requests per Beijing calendar day.
    pub per_day: Option<u32>,
    /// Bytes of request bodies.
    pub bytes: Option<BytesPolicy>,
}

/// A rate of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BytesPolicy {
    /// Bytes per second in the long run.
    pub per_second: u64,
    /// Bytes at once after a quiet time; not less than the largest body, which could else never pass.
    pub burst: u64,
}

/// May this request pass?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, and counted.
    Admitted {
        /// Requests that could follow at once.
        remaining: u32,
        /// Seconds until the whole burst is there again.
        reset_seconds: u32,
        /// The same for the day, where days are counted.
        day: Option<Day>,
    },
    /// No, and not counted for the day.
    Refused {
        /// When to come again.
        retry_after_seconds: u32,
        /// What there is too much of.
        spent: Spent,
    },
}

/// The part of a policy that a request was refused by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// Bytes of bodies.
    Bytes,
    /// Requests of the day.
    Day,
    /// Requests of the second.
    Requests,
}

/// What is left of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub remaining: u32,
    /// Seconds until midnight in Beijing.
    pub reset_seconds: u32,
}

type Direct = RateLimiter<NotKeyed, InMemoryState, Ticks, StateInformationMiddleware>;

/// The limits of one caller. Lock-free; all workers share it.
#[derive(Debug)]
pub struct Limiter {
    policy: Policy,
    policy_field: HeaderValue,
    ticks: Ticks,
    requests: Direct,
    bytes: Option<Direct>,
    /// Number of the Beijing day in the high half, requests of that day in the low half.
    day: AtomicU64,
}

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const DAY_MS: i64 = 86_400_000;
/// Beijing time is eight hours ahead of UTC, all the year.
const BEIJING_MS: i64 = 8 * 3_600_000;
/// Bytes are counted in pieces of this size, so that the time of one piece is still many nanoseconds.
const PIECE_BYTES: u64 = 1024;

impl Limiter {
    /// Nothing counted yet. `clock` drives the rates; the day comes with each request.
    pub fn new(policy: Policy, clock: Clock) -> Self {
        let ticks = Ticks(clock);
        let quota = Quota::per_second(policy.per_second).allow_burst(policy.burst);
        let bytes = policy.bytes.map(|bytes| {
            let quota = Quota::per_second(pieces(bytes.per_second)).allow_burst(pieces(bytes.burst));
            RateLimiter::direct_with_clock(quota, ticks.clone()).with_middleware()
        });
        Self {
            policy_field: policy_field(&policy),
            requests: RateLimiter::direct_with_clock(quota, ticks.clone()).with_middleware(),
            bytes,
            ticks,
            day: AtomicU64::new(0),
            policy,
        }
    }

    /// Judges and counts one request with a body of `body_bytes`, received at `now`.
    pub fn check(&self, body_bytes: usize, now: Milliseconds) -> Verdict {
        let (today, midnight_seconds) = day_of(now);
        let refused = |retry_after_seconds, spent| Verdict::Refused { retry_after_seconds, spent };
        // Looked at first, so that refused requests of a spent day use up nothing else.
        if self.policy.per_day.is_some_and(|most| self.counted(today) >= most) {
            return refused(midnight_seconds, Spent::Day);
        }
        let state = match self.requests.check() {
            Ok(state) => state,
            Err(until) => return refused(whole_seconds(until.wait_time_from(self.ticks.now())), Spent::Requests),
        };
        if let (Some(limiter), Some(policy)) = (&self.bytes, self.policy.bytes) {
            let count = pieces(body_bytes as u64).min(pieces(policy.burst));
            // More than the burst was cut down above, so the outer result is always well.
            if let Ok(Err(until)) = limiter.check_n(count) {
                return refused(whole_seconds(until.wait_time_from(self.ticks.now())), Spent::Bytes);
            }
        }
        let day = match self.policy.per_day {
            None => None,
            Some(most) => match self.count(today, most) {
                Some(counted) => Some(Day { remaining: most - counted, reset_seconds: midnight_seconds }),
                None => return refused(midnight_seconds, Spent::Day),
            },
        };
        let remaining = state.remaining_burst_capacity();
        let used = self.policy.burst.get().saturating_sub(remaining);
        Verdict::Admitted { remaining, reset_seconds: used.div_ceil(self.policy.per_second.get()), day }
    }

    /// Writes what `verdict` of this limiter means into the header of the answer.
    pub fn write_fields(&self, verdict: &Verdict, headers: &mut HeaderMap) {
        let name = &self.policy.name;
        let mut field = String::with_capacity(80);
        // Writing into a string cannot fail.
        let _ = match *verdict {
            Verdict::Admitted { remaining, reset_seconds, day } => {
                let _ = write!(field, "\"{name}\";r={remaining};t={reset_seconds}");
                match day {
                    Some(day) => write!(field, ", \"{name}-day\";r={};t={}", day.remaining, day.reset_seconds),
                    None => Ok(()),
                }
            }
            Verdict::Refused { retry_after_seconds, spent } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_seconds));
                let part = match spent {
                    Spent::Bytes => "-bytes",
                    Spent::Day => "-day",
                    Spent::Requests => "",
                };
                write!(field, "\"{name}{part}\";r=0;t={retry_after_seconds}")
            }
        };
        headers.insert(RATELIMIT_POLICY, self.policy_field.clone());
        if let Ok(value) = HeaderValue::try_from(field) {
            headers.insert(RATELIMIT, value);
        }
    }

    /// Takes over the day's count of the limiter that stood here before a reload, so that reloading gives no one a
    /// second day.
    pub fn carry_over(&self, earlier: &Self) {
        self.day.fetch_max(earlier.day.load(Ordering::Acquire), Ordering::AcqRel);
    }

    /// Requests counted today.
    fn counted(&self, today: u32) -> u32 {
        let (day, count) = unpack(self.day.load(Ordering::Acquire));
        if day < today { 0 } else { count }
    }

    /// Counts one more, unless `most` were counted.
    fn count(&self, today: u32, most: u32) -> Option<u32> {
        let next = |packed| {
            let (day, count) = unpack(packed);
            // A clock set back over midnight goes on with the later day.
            if day < today { (most > 0).then(|| pack(today, 1)) } else { (count < most).then(|| pack(day, count + 1)) }
        };
        let before = self.day.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        next(before).map(|packed| unpack(packed).1)
    }
}

fn policy_field(policy: &Policy) -> HeaderValue {
    let name = &policy.name;
    let window = |quota: u64, per_second: u64| quota.div_ceil(per_second.max(1)).max(1);
    let burst = policy.burst.get();
    let mut field = format!("\"{name}\";q={burst};w={}", window(burst.into(), policy.per_second.get().into()));
    // Writing into a string cannot fail.
    if let Some(per_day) = policy.per_day {
        let _ = write!(field, ", \"{name}-day\";q={per_day};w=86400");
    }
    if let Some(bytes) = policy.bytes {
        let w = window(bytes.burst, bytes.per_second);
        let _ = write!(field, ", \"{name}-bytes\";q={};w={w};qu=\"content-bytes\"", bytes.burst);
    }
    HeaderValue::try_from(field).unwrap_or_else(|_| HeaderValue::from_static("\"unnamed\""))
}

fn pieces(bytes: u64) -> NonZeroU32 {
    let pieces = bytes.div_ceil(PIECE_BYTES).clamp(1, u32::MAX.into());
    NonZeroU32::new(u32::try_from(pieces).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN)
}

fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

/// Number of the Beijing day and the seconds that are left of it.
fn day_of(now: Milliseconds) -> (u32, u32) {
    let local = now.saturating_add(BEIJING_MS);
    let left_ms = DAY_MS - local.rem_euclid(DAY_MS);
    let day = u32::try_from(local.div_euclid(DAY_MS)).unwrap_or(0);
    (day, u32::try_from((left_ms + 999) / 1000).unwrap_or(1))
}

fn unpack(packed: u64) -> (u32, u32) {
    let low = u32::try_from(packed & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    (u32::try_from(packed >> 32).unwrap_or(u32::MAX), low)
}

fn pack(day: u32, count: u32) -> u64 {
    u64::from(day) << 32 | u64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-02T15:59:58Z is two seconds before midnight in Beijing.
    const BEFORE_MIDNIGHT: Milliseconds = 1_772_467_198_000;

    fn policy() -> Policy {
        Policy {
            name: "window".into(),
            per_second: NonZeroU32::new(50).unwrap(),
            burst: NonZeroU32::new(100).unwrap(),
            per_day: None,
            bytes: None,
        }
    }

    fn admitted(limiter: &Limiter, requests: usize, now: Milliseconds) -> usize {
        (0..requests).filter(|_| matches!(limiter.check(0, now), Verdict::Admitted { .. })).count()
    }

    #[test]
    fn burst_then_rate() {
        let clock = Clock::manual(BEFORE_MIDNIGHT);
        let limiter = Limiter::new(policy(), clock.clone());
        assert_eq!(limiter.check(0, clock.now()), Verdict::Admitted { remaining: 99, reset_seconds: 1, day: None });
        assert_eq!(admitted(&limiter, 200, clock.now()), 99);
        assert_eq!(limiter.check(0, clock.now()), Verdict::Refused { retry_after_seconds: 1, spent: Spent::Requests });
        clock.set(BEFORE_MIDNIGHT + 1_000);
        assert_eq!(admitted(&limiter, 200, clock.now()), 50);
    }

    #[test]
    fn the_day_is_counted_exactly_and_ends_at_midnight_in_beijing() {
        let clock = Clock::manual(BEFORE_MIDNIGHT);
        let limiter = Limiter::new(Policy { per_day: Some(3), ..policy() }, clock.clone());
        let first = limiter.check(0, clock.now());
        assert!(
            matches!(first, Verdict::Admitted { day: Some(Day { remaining: 2, reset_seconds: 2 }), .. }),
            "{first:?}"
        );
        assert_eq!(admitted(&limiter, 10, clock.now()), 2);
        assert_eq!(limiter.check(0, clock.now()), Verdict::Refused { retry_after_seconds: 2, spent: Spent::Day });
        let after = Limiter::new(Policy { per_day: Some(3), ..policy() }, clock.clone());
        after.carry_over(&limiter);
        assert_eq!(admitted(&after, 10, clock.now()), 0, "a reload gives no second day");
        clock.set(BEFORE_MIDNIGHT + 2_000);
        assert_eq!(admitted(&limiter, 10, clock.now()), 3);
        assert_eq!(admitted(&limiter, 10, BEFORE_MIDNIGHT), 0, "setting the clock back gives no second day");
    }

    #[test]
    fn the_day_is_exact_under_contention() {
        let clock = Clock::manual(BEFORE_MIDNIGHT);
        let plenty = NonZeroU32::new(1_000_000).unwrap();
        let policy = Policy { per_second: plenty, burst: plenty, per_day: Some(1_000), ..policy() };
        let limiter = Limiter::new(policy, clock);
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| admitted(&limiter, 1_000, BEFORE_MIDNIGHT))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 1_000);
    }

    #[test]
    fn bytes_have_their_own_rate_and_the_largest_body_can_pass() {
        let clock = Clock::manual(BEFORE_MIDNIGHT);
        let bytes = Some(BytesPolicy { per_second: 1 << 20, burst: 4 << 20 });
        let limiter = Limiter::new(Policy { bytes, ..policy() }, clock.clone());
        assert!(matches!(limiter.check(4 << 20, clock.now()), Verdict::Admitted { .. }));
        let refused = limiter.check(2 << 20, clock.now());
        assert_eq!(refused, Verdict::Refused { retry_after_seconds: 2, spent: Spent::Bytes });
        let mut headers = HeaderMap::new();
        limiter.write_fields(&refused, &mut headers);
        assert_eq!(headers["ratelimit"], "\"window-bytes\";r=0;t=2", "requests are not what is short");
        clock.set(BEFORE_MIDNIGHT + 2_000);
        assert!(matches!(limiter.check(2 << 20, clock.now()), Verdict::Admitted { .. }));
        clock.set(BEFORE_MIDNIGHT + 60_000);
        assert!(matches!(limiter.check(9 << 20, clock.now()), Verdict::Admitted { .. }), "counted as the burst");
    }

    #[test]
    fn fields_follow_the_draft() {
        let clock = Clock::manual(BEFORE_MIDNIGHT);
        let bytes = Some(BytesPolicy { per_second: 10 << 20, burst: 16 << 20 });
        let limiter = Limiter::new(Policy { per_day: Some(1), bytes, ..policy() }, clock.clone());
        let mut headers = HeaderMap::new();
        limiter.write_fields(&limiter.check(0, clock.now()), &mut headers);
        assert_eq!(
            headers["ratelimit-policy"],
            "\"window\";q=100;w=2, \"window-day\";q=1;w=86400, \"window-bytes\";q=16777216;w=2;qu=\"content-bytes\""
        );
        assert_eq!(headers["ratelimit"], "\"window\";r=99;t=1, \"window-day\";r=0;t=2");
        assert!(!headers.contains_key("retry-after"));
        limiter.write_fields(&limiter.check(0, clock.now()), &mut headers);
        assert_eq!(headers["ratelimit"], "\"window-day\";r=0;t=2");
        assert_eq!(headers["retry-after"], "2");
    }
}
