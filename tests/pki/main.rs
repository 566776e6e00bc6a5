//! Keys, certificates, messages: against OpenSSL, with everything that can be wrong about them.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it should do")]

mod authority;
mod chains;
mod commands;
mod damage;
mod device;
mod examples;
mod key_pair;
mod keys;
mod messages;
mod support;
