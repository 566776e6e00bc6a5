//! Who asks: by client certificate, or by the header signature of the window dialect.
//!
//! The signature covers method, path, time, nonce and the SM3 of the body. The nonce is taken only after the signature
//! was found right, so that nobody else can use up a caller's nonces.

use super::Arrived;
use super::Exchange;
use super::state::State;
use crate::domain::fault::Fault;
use crate::domain::sm;
use crate::edge::nonces::Nonce;
use http::HeaderMap;

/// Longest nonce in bytes.
const NONCE_BYTES_MAX: usize = 128;

/// A caller, and the digest of what it sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub caller: usize,
    /// SM3 of the body.
    pub digest: [u8; 32],
}

impl Exchange {
    /// Finds out who sent a request.
    ///
    /// # Errors
    /// The faults of the 300 range.
    pub(super) fn identify(&self, state: &State, arrived: &Arrived, body: &[u8]) -> Result<Known, Fault> {
        let digest = sm::digest(body);
        if let Some(print) = &arrived.certificate_sha256 {
            if let Some(caller) = state.caller_by_certificate(print) {
                return Ok(Known { caller, digest });
            }
            if !arrived.headers.contains_key("x-app-key") {
                return Err(Fault::UnknownCaller);
            }
        }
        let key = header(&arrived.headers, "x-app-key")?;
        let caller = state.caller_by_key(key).ok_or(Fault::UnknownCaller)?;
        let (_, secret) = state.callers[caller].signature.as_ref().ok_or(Fault::UnknownCaller)?;
        let timestamp = header(&arrived.headers, "x-timestamp")?;
        let nonce = header(&arrived.headers, "x-nonce")?;
        let given = header(&arrived.headers, "x-sign")?;
        let path = arrived.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let signature = sm::header_signature_with(secret, arrived.method.as_str(), path, timestamp, nonce, &digest);
        let given = sm::unhex(given).ok_or(Fault::WrongSignature)?;
        if !sm::verify(&signature, &given) {
            return Err(Fault::WrongSignature);
        }
        check_time(state, timestamp, arrived.received_at)?;
        if nonce.len() > NONCE_BYTES_MAX {
            return Err(Fault::LimitExceeded { what: "随机数长度", limit: NONCE_BYTES_MAX });
        }
        match self.nonces.take(&state.callers[caller].name, nonce.as_bytes(), arrived.received_at) {
            Nonce::New => Ok(Known { caller, digest }),
            Nonce::Used => Err(Fault::NonceReplayed),
            Nonce::Full => Err(Fault::Overloaded),
        }
    }
}

fn check_time(state: &State, timestamp: &str, now: i64) -> Result<(), Fault> {
    let window = state.clock_window_seconds;
    let time = timestamp.parse::<i64>().ok().filter(|time| *time >= 0);
    let near = time.is_some_and(|time| (now - time).abs() <= i64::from(window) * 1000);
    if near { Ok(()) } else { Err(Fault::ClockOutside { window_seconds: window }) }
}

fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, Fault> {
    let value = headers.get(name).ok_or(Fault::CredentialsMissing { header: name })?;
    value.to_str().map_err(|_| Fault::CredentialsMissing { header: name })
}
