//! HMAC-SM3 (RFC 2104; GB/T 15852.2, mechanism 2) with a key whose two pads are hashed once.
//!
//! It deliberately gives whole codes only: who shortens one, or compares one (`sm::verify`), says so where it does.

use super::sm3;
use super::sm3::BLOCK_BYTES;
use super::sm3::DIGEST_BYTES;
use super::sm3::Sm3;
use std::fmt;
use zeroize::Zeroizing;

/// A key, made ready: SM3 after the inner and after the outer pad. Wiped when dropped.
#[derive(Clone)]
pub struct MacKey {
    inner: Sm3,
    outer: Sm3,
}

/// A code that is being computed.
pub struct Mac {
    inner: Sm3,
    outer: Sm3,
}

impl MacKey {
    /// A key of any length; one longer than a block is hashed first.
    pub fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        if key.len() > BLOCK_BYTES {
            block[..DIGEST_BYTES].copy_from_slice(&sm3::digest_parts(&[key]));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let after = |pad: u8| {
            let block = Zeroizing::new(block.map(|byte| byte ^ pad));
            let mut message = Sm3::new();
            message.update(block.as_slice());
            message
        };
        Self { inner: after(0x36), outer: after(0x5c) }
    }

    /// The code of the concatenation of `parts`, which is never built.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
        let mut mac = self.start();
        for part in parts {
            mac.update(part);
        }
        mac.finish()
    }

    /// Starts a code whose message comes in pieces.
    pub fn start(&self) -> Mac {
        Mac { inner: self.inner.clone(), outer: self.outer.clone() }
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MacKey(…)")
    }
}

impl Mac {
    /// Adds `bytes` to the message.
    pub fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    /// The code.
    pub fn finish(mut self) -> [u8; DIGEST_BYTES] {
        self.outer.update(&self.inner.finish());
        self.outer.finish()
    }
}
