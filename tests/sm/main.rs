//! The national algorithms against the standards, published vectors, RustCrypto, OpenSSL and each other.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it should do")]

mod edges;
mod noise;
mod openssl;
mod peers;
mod sm2;
mod standards;
mod vectors;
mod ways;
