//! SM3 and HMAC-SM3 in the shapes that rustls asks for: transcript hash and key schedule.
//!
//! It deliberately computes nothing itself; see `domain::sm`.

use crate::domain::sm;
use crate::domain::sm::mac::MacKey;
use crate::domain::sm::sm3::Sm3;
use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};
use rustls::crypto::hmac::{Hmac, Key, Tag};

/// SM3 among the hash functions of TLS (IANA, TLS HashAlgorithm, value 7). rustls compares it when a session resumes.
const SM3: HashAlgorithm = HashAlgorithm::Unknown(7);

pub(super) struct Sm3Hash;

impl Hash for Sm3Hash {
    fn start(&self) -> Box<dyn Context> {
        Box::new(Transcript(Sm3::new()))
    }

    fn hash(&self, data: &[u8]) -> Output {
        Output::new(&sm::digest(data))
    }

    fn output_len(&self) -> usize {
        sm::DIGEST_BYTES
    }

    fn algorithm(&self) -> HashAlgorithm {
        SM3
    }
}

struct Transcript(Sm3);

impl Context for Transcript {
    fn fork_finish(&self) -> Output {
        Output::new(&self.0.clone().finish())
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> Output {
        Output::new(&self.0.finish())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

pub(super) struct Sm3Hmac;

impl Hmac for Sm3Hmac {
    fn with_key(&self, key: &[u8]) -> Box<dyn Key> {
        Box::new(HmacKey(MacKey::new(key)))
    }

    fn hash_output_len(&self) -> usize {
        sm::DIGEST_BYTES
    }
}

struct HmacKey(MacKey);

impl Key for HmacKey {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> Tag {
        let mut mac = self.0.start();
        mac.update(first);
        for part in middle {
            mac.update(part);
        }
        mac.update(last);
        Tag::new(&mac.finish())
    }

    fn tag_len(&self) -> usize {
        sm::DIGEST_BYTES
    }
}
