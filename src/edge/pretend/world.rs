//! What the pretend systems share: clock, secrets, what was received, and the letters they remember.
//!
//! It deliberately keeps everything in bounded memory and nothing on disk.

use crate::domain::masked::Masked;
use crate::edge::pretend::behaviour::Behaviour;
use bytes::Bytes;
use http::HeaderMap;
use http::Method;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// Requests remembered, at most; older ones are forgotten first.
const RECEIVED_MAX: usize = 10_000;

/// Bytes of requests remembered, at most.
const RECEIVED_BYTES_MAX: usize = 64 << 20;

/// Signatures and letters remembered, at most.
const REMEMBERED_MAX: usize = 10_000;

/// Milliseconds since 1970, from wherever the time comes.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A request as it arrived, read whole.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// Path and query as in the request line.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    /// The value of a header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The charset that the Content-Type tells, if it does.
    pub fn charset(&self) -> Option<&str> {
        let (_, after) = self.header("content-type").split_once("charset=")?;
        Some(after.split(';').next().unwrap_or(after).trim_matches(['"', ' ']))
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
}

/// What a system makes of a request.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The idempotency number, or empty where the request could not be read so far.
    pub key: String,
    /// What the request asked for; the server does what concerns the connection.
    pub behaviour: Behaviour,
    pub reply: Reply,
}

/// A request that a system received and read to its end.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// Which system.
    pub system: &'static str,
    /// Idempotency number: YWLSH, LSH, SendSeqNo or msgId; empty if the message could not be read so far.
    pub key: String,
    /// The body, byte for byte.
    pub bytes: Bytes,
}

impl fmt::Debug for Received {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} ({} bytes)", self.system, self.key, self.bytes.len())
    }
}

/// What became of a transfer letter.
#[derive(Clone, Debug)]
pub struct Letter {
    /// SendSeqNo of the message that brought it.
    pub sequence: String,
    /// Code of the progress: `pf-transfer-status`.
    pub progress: &'static str,
}

/// What the pretend systems share.
pub struct World {
    pub clock: Clock,
    pub secret: Masked<Vec<u8>>,
    pub licence_code: String,
    received: Mutex<(VecDeque<Received>, usize)>,
    signatures: Mutex<VecDeque<String>>,
    letters: Mutex<HashMap<String, Letter>>,
    licences: Mutex<HashMap<String, i64>>,
}

impl World {
    pub fn new(clock: Clock, secret: Masked<Vec<u8>>, licence_code: String) -> Self {
        Self {
            clock,
            secret,
            licence_code,
            received: Mutex::default(),
            signatures: Mutex::default(),
            letters: Mutex::default(),
            licences: Mutex::default(),
        }
    }

    /// Milliseconds since 1970.
    pub fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Notes a request.
    pub fn note(&self, received: Received) {
        let mut journal = hold(&self.received);
        journal.1 += received.bytes.len();
        journal.0.push_back(received);
        while journal.0.len() > RECEIVED_MAX || journal.1 > RECEIVED_BYTES_MAX {
            let Some(oldest) = journal.0.pop_front() else { break };
            journal.1 -= oldest.bytes.len();
        }
    }

    /// All requests noted, oldest first.
    pub fn received(&self) -> Vec<Received> {
        hold(&self.received).0.iter().cloned().collect()
    }

    /// Notes a signature. Whether it is new.
    pub fn signature_is_new(&self, signature: &str) -> bool {
        let mut signatures = hold(&self.signatures);
        if signatures.iter().any(|known| known == signature) {
            return false;
        }
        if signatures.len() >= REMEMBERED_MAX {
            signatures.pop_front();
        }
        signatures.push_back(signature.to_owned());
        true
    }

    /// Notes a letter; `Err` with the sequence number that brought it first if another message already did.
    pub fn open_letter(&self, number: &str, sequence: &str) -> Result<(), String> {
        let mut letters = hold(&self.letters);
        match letters.get(number) {
            Some(known) if known.sequence != sequence => Err(known.sequence.clone()),
            Some(_) => Ok(()),
            None => {
                // When the memory is full the letter is answered all the same, only not remembered.
                if letters.len() < REMEMBERED_MAX {
                    letters.insert(number.to_owned(), Letter { sequence: sequence.to_owned(), progress: "02" });
                }
                Ok(())
            }
        }
    }

    /// Notes how far a letter has come, if it is known.
    pub fn move_letter(&self, number: &str, progress: &'static str) {
        if let Some(letter) = hold(&self.letters).get_mut(number) {
            letter.progress = progress;
        }
    }

    /// Gives a licence another status (`head.status` of the sharing platform) than 0.
    pub fn set_licence_status(&self, identifier: &str, status: i64) {
        let mut licences = hold(&self.licences);
        if licences.len() < REMEMBERED_MAX {
            licences.insert(identifier.to_owned(), status);
        }
    }

    /// The status of a licence.
    pub fn licence_status(&self, identifier: &str) -> i64 {
        hold(&self.licences).get(identifier).copied().unwrap_or_default()
    }

    /// How far a letter has come.
    pub fn letter_progress(&self, number: &str) -> Option<&'static str> {
        hold(&self.letters).get(number).map(|letter| letter.progress)
    }
}

/// Nothing here can break half-way, so a lock that a panic left behind is as good as any.
fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World::new(Arc::new(|| 0), Masked::new(Vec::new()), String::new())
    }

    #[test]
    fn the_journal_forgets_the_oldest_first() {
        let world = world();
        let big = Bytes::from(vec![0; RECEIVED_BYTES_MAX / 2]);
        for key in ["1", "2", "3"] {
            world.note(Received { system: "jingzhou-fund", key: key.to_owned(), bytes: big.clone() });
        }
        let keys: Vec<String> = world.received().into_iter().map(|received| received.key).collect();
        assert_eq!(keys, ["2", "3"]);
    }

    #[test]
    fn a_letter_is_duplicate_only_under_another_number() {
        let world = world();
        assert_eq!(world.open_letter("L", "1"), Ok(()));
        assert_eq!(world.open_letter("L", "1"), Ok(()));
        assert_eq!(world.open_letter("L", "2"), Err("1".to_owned()));
        world.move_letter("L", "08");
        assert_eq!(world.letter_progress("L"), Some("08"));
        assert_eq!(world.letter_progress("M"), None);
    }
}
