//! Calls to a device, each on a thread that may wait for it and under a deadline of the caller.
//!
//! ```text
//!   caller ── job ──▶ queue ──▶ thread with a session of its own ──▶ the vendor's library
//!     └─ waits until the deadline ◀────────────── outcome ──┘
//! ```
//! A thread inside a library that does not come back cannot be stopped. Its caller leaves when the time is over, another
//! thread takes its place, and when it comes back after all it is taken in again or ends. So many of them may be lost and
//! no more; a device that fails again and again rests (`breaker`).

use crate::edge::clock::Clock;
use crate::edge::keys::sdf::DeviceSettings;
use crate::edge::keys::sdf::breaker::Breaker;
use crate::edge::keys::sdf::is_broken;
use crate::edge::keys::sdf::session::OpenDevice;
use crate::edge::keys::sdf::session::Session;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::time::Duration;

/// Threads that may hang in the library beside those that work.
const STUCK_MAX: usize = 8;

/// What is asked of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Open a ciphertext.
    Decrypt,
    /// Look a key up: its public half, and the right to use it.
    Find,
    /// Sign a digest.
    Sign,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// With what was asked for.
    Ok,
    /// With an error number of the device.
    Error,
    /// With no answer in time.
    TimedOut,
    /// It was not made: the device rests after failures, or too many threads hang in it.
    Refused,
}

/// Is told of every call to a device.
pub trait Watch: Send + Sync {
    /// A call has ended; `elapsed` counts from when the caller asked.
    fn called(&self, operation: Operation, outcome: CallOutcome, elapsed: Duration);
}

/// Why a call gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallFault {
    Device(u32),
    TimedOut,
    Refused,
}

/// Where a job is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Taken,
    /// Its caller went away.
    Left,
}

/// Changes only under the lock of the desk.
type Ticket = Arc<Mutex<Stage>>;

struct Job {
    ticket: Ticket,
    work: Box<dyn FnOnce(&mut Option<Session>, &Arc<OpenDevice>) -> bool + Send>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// All threads, and those whose caller went away.
    threads: usize,
    stuck: usize,
    idle: usize,
    is_closed: bool,
    /// Sessions opened before this changed are not used again.
    generation: u64,
    breaker: Breaker,
}

struct Shared {
    sessions_max: usize,
    state: Mutex<State>,
    changed: Condvar,
}

/// The calls to one device.
pub(super) struct Desk {
    device: Arc<OpenDevice>,
    deadline: Duration,
    shared: Arc<Shared>,
    watch: OnceLock<Arc<dyn Watch>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // What is under the lock is whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<(Job, u64)> {
        let mut state = self.lock();
        loop {
            while let Some(job) = state.jobs.pop_front() {
                if advance(&job.ticket, Stage::Taken) == Stage::Waiting {
                    return Some((job, state.generation));
                }
            }
            if state.is_closed {
                return None;
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// What a thread does until there is nothing more to do.
    fn work(&self, device: Arc<OpenDevice>) {
        let mut session = None;
        let mut opened_in = 0;
        while let Some((job, generation)) = self.next() {
            if opened_in != generation {
                session = None;
                opened_in = generation;
            }
            let is_broken = (job.work)(&mut session, &device);
            let mut state = self.lock();
            if is_broken {
                // The others were opened on the same broken device.
                state.generation += 1;
                opened_in = state.generation;
            }
            if advance(&job.ticket, Stage::Taken) == Stage::Left {
                state.stuck -= 1;
                if state.threads - state.stuck > self.sessions_max {
                    break;
                }
            }
        }
        drop((session, device));
        self.lock().threads -= 1;
        self.changed.notify_all();
    }
}

fn advance(ticket: &Ticket, to: Stage) -> Stage {
    std::mem::replace(&mut *ticket.lock().unwrap_or_else(PoisonError::into_inner), to)
}

impl Desk {
    pub(super) fn new(device: OpenDevice, settings: &DeviceSettings) -> Self {
        let shared =
            Shared { sessions_max: settings.sessions_max.max(1), state: Mutex::default(), changed: Condvar::new() };
        let watch = OnceLock::new();
        Self { device: Arc::new(device), deadline: settings.deadline, shared: Arc::new(shared), watch }
    }

    /// From now on `watch` is told of calls; the first one stays.
    pub(super) fn watch(&self, watch: Arc<dyn Watch>) {
        let _ = self.watch.set(watch);
    }

    /// Makes a call on a session; once more on a new one where the first was broken.
    pub(super) fn call<T: Send + 'static>(
        &self,
        operation: Operation,
        call: impl Fn(&mut Session) -> Result<T, u32> + Send + 'static,
    ) -> Result<T, CallFault> {
        let started = Clock::System.monotonic();
        let outcome = self.hand_in(started, call);
        let ended = Clock::System.monotonic();
        let (word, failed) = match &outcome {
            Ok(_) => (CallOutcome::Ok, false),
            Err(CallFault::Device(number)) => (CallOutcome::Error, is_broken(*number)),
            Err(CallFault::TimedOut) => (CallOutcome::TimedOut, true),
            Err(CallFault::Refused) => (CallOutcome::Refused, false),
        };
        if word != CallOutcome::Refused {
            self.shared.lock().breaker.ended(failed, ended);
        }
        if let Some(watch) = self.watch.get() {
            watch.called(operation, word, ended.saturating_sub(started));
        }
        outcome
    }

    fn hand_in<T: Send + 'static>(
        &self,
        now: Duration,
        call: impl Fn(&mut Session) -> Result<T, u32> + Send + 'static,
    ) -> Result<T, CallFault> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let ticket = Arc::new(Mutex::new(Stage::Waiting));
        let work = Box::new(move |session: &mut Option<Session>, device: &Arc<OpenDevice>| {
            let (outcome, was_broken) = attempt(session, device, &call);
            // A caller who went away takes no outcome; what it holds is wiped as it is dropped.
            let _ = sender.send(outcome);
            was_broken
        });
        {
            let mut state = self.shared.lock();
            if state.stuck >= STUCK_MAX || !state.breaker.admits(now) {
                return Err(CallFault::Refused);
            }
            state.jobs.push_back(Job { ticket: Arc::clone(&ticket), work });
            if state.idle < state.jobs.len() && state.threads - state.stuck < self.shared.sessions_max {
                self.spawn(&mut state);
            }
        }
        self.shared.changed.notify_one();
        match receiver.recv_timeout(self.deadline) {
            Ok(outcome) => outcome.map_err(CallFault::Device),
            Err(_) => {
                let mut state = self.shared.lock();
                if let Ok(outcome) = receiver.try_recv() {
                    return outcome.map_err(CallFault::Device);
                }
                if advance(&ticket, Stage::Left) == Stage::Taken {
                    state.stuck += 1;
                }
                Err(CallFault::TimedOut)
            }
        }
    }

    fn spawn(&self, state: &mut State) {
        let (shared, device) = (Arc::clone(&self.shared), Arc::clone(&self.device));
        let spawned = std::thread::Builder::new().name("sdf".into()).spawn(move || shared.work(device));
        // Without a new thread the job waits for one of the others, or for its deadline.
        state.threads += usize::from(spawned.is_ok());
    }
}

impl Drop for Desk {
    /// Waits, up to the deadline, until the sessions are closed.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        self.shared.changed.notify_all();
        let busy = |state: &mut State| state.threads > state.stuck;
        drop(self.shared.changed.wait_timeout_while(state, self.deadline, busy));
    }
}

/// The outcome, and whether a session turned out to be broken.
fn attempt<T>(
    session: &mut Option<Session>,
    device: &Arc<OpenDevice>,
    call: &impl Fn(&mut Session) -> Result<T, u32>,
) -> (Result<T, u32>, bool) {
    let mut once = || {
        let open = match session {
            Some(open) => open,
            None => session.insert(Session::open(device)?),
        };
        let outcome = call(open);
        if matches!(outcome, Err(number) if is_broken(number)) {
            *session = None;
        }
        outcome
    };
    match once() {
        Err(number) if is_broken(number) => (once(), true),
        outcome => (outcome, false),
    }
}
