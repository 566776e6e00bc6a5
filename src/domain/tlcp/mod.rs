//! TLCP, the transport layer cryptography protocol (传输层密码协议, GB/T 38636-2020): a state machine that is fed bytes
//! and gives bytes.
//!
//! ```text
//!   bytes of the peer → Connection::input, received ─┐                  ┌─ Connection::plain → the caller
//!                                                    ├─ records, messages
//!   bytes to the peer ← Connection::output, sent ────┘                  └─ Connection::send  ← the caller
//! ```
//! Suites ECC_SM4_GCM_SM3 and ECC_SM4_CBC_SM3: the client encrypts a premaster secret to the server's encryption
//! certificate, the server proves its signing key over both randoms and that certificate. One-way or mutual, with
//! resumption by session id, SNI and ALPN.
//!
//! It deliberately touches nothing: time is an argument, randomness a [`Noise`], remembered sessions a [`Sessions`],
//! keys are [`SigningKey`] and [`DecryptionKey`] and may sit in a device. What it leaves out, and why, stands in
//! `docs/decisions/0005-own-tlcp.md`: the ECDHE and IBC suites, renegotiation, compression, session tickets.
//!
//! | file | what |
//! | --- | --- |
//! | `wire` `message` | grammar of the handshake messages |
//! | `schedule` `protect` `cbc` | secrets to keys; records sealed and opened |
//! | `record` | records cut from and put into buffers |
//! | `certificate` `trust` | what a pair must be; who judges chains |
//! | `config` `session` | what a caller sets; what is remembered |
//! | `server` `client` `handshake` | the two handshakes, step by step; what they share |
//! | `connection` | the whole, as callers see it |

mod cbc;
mod certificate;
mod client;
mod config;
mod connection;
mod fault;
mod handshake;
mod message;
mod probe;
mod protect;
mod record;
mod schedule;
mod server;
mod session;
mod trust;
mod wire;

pub use crate::domain::tlcp::config::{
    ClientAuthentication, ClientConfig, DecryptionKey, Identity, Noise, ServerConfig, SigningKey,
};
pub use crate::domain::tlcp::connection::Connection;
pub use crate::domain::tlcp::fault::{Alert, CertificateFault, TlcpFault};
pub use crate::domain::tlcp::probe::{RecordProbe, probe_client, probe_record, probe_server};
pub use crate::domain::tlcp::session::{RememberedSessions, Session, Sessions};
pub use crate::domain::tlcp::trust::Judge;

/// The version on the wire, 1.1; GM/T 0024-2014 has the same.
pub const VERSION: [u8; 2] = [1, 1];

/// A cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// ECC_SM4_CBC_SM3, 0xE013.
    EccSm4CbcSm3,
    /// ECC_SM4_GCM_SM3, 0xE053.
    EccSm4GcmSm3,
}

impl Suite {
    /// Both, in the order in which we prefer them.
    pub const ALL: [Self; 2] = [Self::EccSm4GcmSm3, Self::EccSm4CbcSm3];

    /// Its number on the wire.
    pub const fn number(self) -> u16 {
        match self {
            Self::EccSm4CbcSm3 => 0xe013,
            Self::EccSm4GcmSm3 => 0xe053,
        }
    }

    /// The suite with this number.
    pub fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.number() == number)
    }
}

#[cfg(test)]
mod tests;
