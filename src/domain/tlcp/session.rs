//! Sessions that can be resumed by their id: suite, master secret, and whose certificates stood behind them.

use crate::domain::tlcp::Suite;
use crate::domain::tlcp::schedule::Master;
use rustls_pki_types::CertificateDer;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) const ID_BYTES: usize = 32;

/// What both sides remember of a handshake.
#[derive(Clone)]
pub struct Session {
    pub(super) id: Vec<u8>,
    pub(super) suite: Suite,
    pub(super) master: Master,
    pub(super) peer: Arc<[CertificateDer<'static>]>,
    pub(super) server_name: Option<String>,
    /// Seconds since 1970.
    pub(super) made_at: u64,
}

impl Session {
    /// Whether it may still be resumed `now`; a clock that stepped back makes it unfit too.
    pub(super) fn is_fresh(&self, now: u64, seconds: u64) -> bool {
        now.checked_sub(self.made_at).is_some_and(|age| age < seconds)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// Where a server remembers sessions. It is asked once a handshake and must not wait.
pub trait Sessions: Send + Sync {
    /// The session with this id, which stays remembered.
    fn find(&self, id: &[u8]) -> Option<Session>;
    /// Remembers one more.
    fn keep(&self, session: Session);
    /// Forgets one whose connection failed.
    fn forget(&self, id: &[u8]);
}

/// A bounded memory of one process; the oldest makes room.
pub struct RememberedSessions {
    sessions_max: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    by_id: HashMap<Vec<u8>, Session>,
    /// Oldest first; may name some that were forgotten.
    order: VecDeque<Vec<u8>>,
}

impl RememberedSessions {
    /// Room for `sessions_max` sessions, about 3 KB each with a client's certificates.
    pub fn new(sessions_max: usize) -> Self {
        Self { sessions_max, held: Mutex::default() }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions for RememberedSessions {
    fn find(&self, id: &[u8]) -> Option<Session> {
        self.held().by_id.get(id).cloned()
    }

    fn keep(&self, session: Session) {
        let mut held = self.held();
        while held.order.len() >= self.sessions_max {
            let Some(oldest) = held.order.pop_front() else { return };
            held.by_id.remove(&oldest);
        }
        held.order.push_back(session.id.clone());
        held.by_id.insert(session.id.clone(), session);
    }

    fn forget(&self, id: &[u8]) {
        self.held().by_id.remove(id);
    }
}

impl fmt::Debug for RememberedSessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RememberedSessions").field("sessions_max", &self.sessions_max).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: u8) -> Session {
        Session {
            id: vec![id; ID_BYTES],
            suite: Suite::EccSm4GcmSm3,
            master: Master::new([0; 48]),
            peer: Arc::new([]),
            server_name: None,
            made_at: 100,
        }
    }

    #[test]
    fn the_oldest_makes_room() {
        let sessions = RememberedSessions::new(2);
        (1..=3).for_each(|id| sessions.keep(session(id)));
        assert!(sessions.find(&[1; 32]).is_none());
        assert!(sessions.find(&[2; 32]).is_some() && sessions.find(&[3; 32]).is_some());
        sessions.forget(&[3; 32]);
        assert!(sessions.find(&[3; 32]).is_none());
        (4..=90).for_each(|id| sessions.keep(session(id)));
        assert!(sessions.held().order.len() <= 2 && sessions.held().by_id.len() <= 2);
    }

    #[test]
    fn no_room_keeps_nothing() {
        let sessions = RememberedSessions::new(0);
        sessions.keep(session(1));
        assert!(sessions.find(&[1; 32]).is_none());
    }

    #[test]
    fn fresh_until_its_seconds_are_over() {
        let session = session(1);
        assert!(session.is_fresh(100, 10) && session.is_fresh(109, 10));
        assert!(!session.is_fresh(110, 10) && !session.is_fresh(99, 10));
    }
}
