//! SM3 of messages that exchanges of one worker hold at the same time, taken side by side.
//!
//! An exchange leaves its message and steps back once; every other exchange of the worker that has something to do does
//! it meanwhile, and leaves its message too. Whoever comes back first hashes all of them, each in a lane of its own,
//! which costs little more than one. Alone, a message is hashed as ever.

use crate::domain::sm;
use crate::domain::sm::sm3;
use bytes::Bytes;
use std::cell::RefCell;
use std::rc::Rc;

/// A longer message is hashed at once: the others would wait for it, and have its lane's neighbours empty.
const BYTES_MAX: usize = 64 << 10;

/// Messages that are hashed together, and their digests once somebody has hashed them.
#[derive(Debug, Default)]
struct Batch {
    messages: Vec<Bytes>,
    digests: Vec<[u8; sm::DIGEST_BYTES]>,
}

impl Batch {
    fn digest(&mut self) {
        let messages: Vec<&[u8]> = self.messages.iter().map(AsRef::as_ref).collect();
        self.digests = vec![[0; sm::DIGEST_BYTES]; messages.len()];
        sm3::digest_many(&messages, &mut self.digests);
        self.messages.clear();
    }
}

/// The batch that is being gathered.
#[derive(Debug, Default)]
pub(super) struct Digests {
    gathering: RefCell<Rc<RefCell<Batch>>>,
}

impl Digests {
    /// SM3 of `message`.
    pub(super) async fn of(&self, message: &Bytes) -> [u8; sm::DIGEST_BYTES] {
        if message.len() > BYTES_MAX {
            return sm::digest(message);
        }
        let batch = Rc::clone(&self.gathering.borrow());
        let place = {
            let messages = &mut batch.borrow_mut().messages;
            messages.push(message.clone());
            messages.len() - 1
        };
        tokio::task::yield_now().await;
        if batch.borrow().digests.is_empty() {
            // Whoever comes from here on gathers anew.
            self.gathering.take();
            batch.borrow_mut().digest();
        }
        batch.borrow().digests.get(place).copied().unwrap_or_else(|| sm::digest(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    #[tokio::test(flavor = "current_thread")]
    async fn each_message_gets_its_own_digest_whoever_hashes() {
        let digests = Digests::default();
        for count in [1, 2, 3, 17, 40] {
            let messages: Vec<Bytes> = (0..count).map(|length| vec![b'a'; length * 97].into()).collect();
            let told = join_all(messages.iter().map(|message| digests.of(message))).await;
            let expected: Vec<_> = messages.iter().map(|message| sm::digest(message)).collect();
            assert_eq!(told, expected);
        }
        let long = Bytes::from(vec![7; BYTES_MAX + 1]);
        assert_eq!(digests.of(&long).await, sm::digest(&long));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn one_that_gives_up_leaves_the_others_right() {
        let digests = Digests::default();
        let (gone, kept) = (Bytes::from_static(b"gone"), Bytes::from_static(b"kept"));
        let mut first = Box::pin(digests.of(&gone));
        let waker = futures_util::task::noop_waker();
        assert!(first.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        drop(first);
        assert_eq!(digests.of(&kept).await, sm::digest(&kept));
        assert_eq!(digests.of(&gone).await, sm::digest(&gone));
    }
}
