//! A key whose device answers when the test says so.

use jingyue::domain::key::{Key, KeyFault};
use jingyue::domain::sm::sm2::{PublicKey, Signature};
use jingyue::edge::keys::SoftwareKey;
use std::fmt;
use std::sync::{Mutex, mpsc};
use std::time::Duration;
use zeroize::Zeroizing;

/// Longest time that it hangs: a test that never lets it answer fails and does not hang.
const HANGS: Duration = Duration::from_secs(10);

pub(crate) struct Hanging {
    key: SoftwareKey,
    asked: Mutex<mpsc::Sender<()>>,
    answers: Mutex<mpsc::Receiver<()>>,
}

/// The test's end of the key.
pub(crate) struct Device {
    /// Something comes each time that the key is asked.
    pub(crate) asked: mpsc::Receiver<()>,
    /// What is sent lets one answer out.
    pub(crate) answer: mpsc::Sender<()>,
}

impl Hanging {
    pub(crate) fn new(key: SoftwareKey) -> (Self, Device) {
        let (asks, asked) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        (Self { key, asked: Mutex::new(asks), answers: Mutex::new(answers) }, Device { asked, answer })
    }

    fn hang(&self) -> Result<(), KeyFault> {
        self.asked.lock().unwrap().send(()).unwrap();
        self.answers.lock().unwrap().recv_timeout(HANGS).map_err(|_| KeyFault::Unavailable(0))
    }
}

impl fmt::Debug for Hanging {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hanging")
    }
}

impl Key for Hanging {
    fn public(&self) -> &PublicKey {
        self.key.public()
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature, KeyFault> {
        self.hang()?;
        self.key.sign_digest(digest)
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        self.hang()?;
        self.key.decrypt(ciphertext)
    }

    fn agree(&self, _: &PublicKey) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
        Err(KeyFault::Unsupported)
    }

    fn may_wait(&self) -> bool {
        true
    }
}
