//! The only reader of clock and randomness.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Milliseconds = i64;

/// Where the time comes from: the machine, or a test.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that only a test moves.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at `now` until [`Clock::set`].
    pub fn manual(now: Milliseconds) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(now)))
    }

    /// The time now.
    pub fn now(&self) -> Milliseconds {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Self::Manual(now) => now.load(Ordering::Acquire),
        }
    }

    /// Time since a moment that is fixed for the life of the process, for waits and rates: it never steps back,
    /// where [`Clock::now`] follows every correction of the machine's clock. A manual clock gives its own time.
    pub fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        match self {
            Self::System => START.get_or_init(Instant::now).elapsed(),
            Self::Manual(_) => Duration::from_millis(u64::try_from(self.now()).unwrap_or(0)),
        }
    }

    /// Moves a manual clock; the machine's clock is left alone.
    pub fn set(&self, now: Milliseconds) {
        if let Self::Manual(cell) = self {
            cell.store(now, Ordering::Release);
        }
    }
}

/// [`Clock::monotonic`] for governor's limiters, so that a test can move their time too.
#[derive(Clone, Debug)]
pub struct Ticks(pub Clock);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

/// Fills `bytes` from the operating system's random source.
///
/// # Errors
/// When the operating system has none to give.
pub fn random(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    getrandom::fill(bytes)
}
