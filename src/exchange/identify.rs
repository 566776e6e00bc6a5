//! Who asks: by client certificate, by the header signature of the window dialect, or by that of an exchange.
//!
//! The window's signature covers method, path, time, nonce and the SM3 of the body. An exchange's covers service, requester
//! and time only, so it is taken once: it is its own nonce. A nonce is taken only after the signature was found right, so
//! that nobody else can use up a caller's nonces.

use super::Arrived;
use super::Exchange;
use super::state::State;
use crate::domain::fault::Fault;
use crate::domain::headers::Family;
use crate::domain::headers::Fields;
use crate::domain::headers::Signature;
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
    /// Finds out who sent a request with a body of that `digest`.
    ///
    /// # Errors
    /// The faults of the 300 range.
    pub(super) fn identify(&self, state: &State, arrived: &Arrived, digest: [u8; 32]) -> Result<Known, Fault> {
        let (caller, signature) = match claim(state, &arrived.headers, arrived.certificate_sha256.as_ref())? {
            Claim::Certificate(caller) => return Ok(Known { caller, digest }),
            Claim::Signature(caller, signature) => (caller, signature),
        };
        let (time, nonce) = match &signature.family {
            Family::Window => window(arrived, signature, &digest)?,
            Family::Exchange(fields) => exchange(&arrived.headers, signature, fields)?,
        };
        check_time(state, time, arrived.received_at)?;
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

/// Who a request says it is from.
pub(super) enum Claim<'s> {
    /// By its certificate, which was verified: nothing is left to be seen.
    Certificate(usize),
    /// By a signature that is to be verified yet.
    Signature(usize, &'s Signature),
}

/// Who a request says it is from, by its head alone.
///
/// # Errors
/// [`Fault::CredentialsMissing`] and [`Fault::UnknownCaller`].
pub(super) fn claim<'s>(
    state: &'s State,
    headers: &HeaderMap,
    certificate: Option<&[u8; 32]>,
) -> Result<Claim<'s>, Fault> {
    let requester = state.exchange_requester(headers);
    if let Some(print) = certificate {
        if let Some(caller) = state.caller_by_certificate(print) {
            return Ok(Claim::Certificate(caller));
        }
        if !headers.contains_key("x-app-key") && requester.is_none() {
            return Err(Fault::UnknownCaller);
        }
    }
    let key = match requester {
        Some(key) => key.to_str().map_err(|_| Fault::UnknownCaller)?,
        None => header(headers, "x-app-key")?,
    };
    let caller = state.caller_by_key(key).ok_or(Fault::UnknownCaller)?;
    let signature = state.callers[caller].signature.as_ref().ok_or(Fault::UnknownCaller)?;
    if matches!(signature.family, Family::Window) {
        for name in ["x-timestamp", "x-nonce", "x-sign"] {
            header(headers, name)?;
        }
    }
    Ok(Claim::Signature(caller, signature))
}

/// Time and nonce of a request that the window family's signature fits.
fn window<'a>(arrived: &'a Arrived, signature: &Signature, digest: &[u8; 32]) -> Result<(&'a str, &'a str), Fault> {
    // A requester of an exchange that is named under another family's field is nobody.
    if header(&arrived.headers, "x-app-key")? != signature.key {
        return Err(Fault::UnknownCaller);
    }
    let timestamp = header(&arrived.headers, "x-timestamp")?;
    let nonce = header(&arrived.headers, "x-nonce")?;
    let given = header(&arrived.headers, "x-sign")?;
    let path = arrived.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let method = arrived.method.as_str();
    let computed = sm::header_signature_with(&signature.mac, method, path, timestamp, nonce, digest);
    let given = sm::unhex(given).ok_or(Fault::WrongSignature)?;
    if sm::verify(&computed, &given) { Ok((timestamp, nonce)) } else { Err(Fault::WrongSignature) }
}

/// Time and signature of a request that an exchange's signature fits.
fn exchange<'a>(headers: &'a HeaderMap, signature: &Signature, fields: &Fields) -> Result<(&'a str, &'a str), Fault> {
    if header(headers, &fields.requester)? != signature.key {
        return Err(Fault::UnknownCaller);
    }
    let service = header(headers, &fields.service)?;
    let time = header(headers, &fields.time)?;
    let given = header(headers, &fields.sign)?;
    let right = fields.verify(signature.secret.reveal(), service, &signature.key, time, given);
    if right { Ok((time, given)) } else { Err(Fault::WrongSignature) }
}

/// The first moment in milliseconds that is no number of seconds of today: in 1973.
const MILLISECONDS_MIN: i64 = 100_000_000_000;

fn check_time(state: &State, timestamp: &str, now: i64) -> Result<(), Fault> {
    let window_seconds = state.clock_window_seconds;
    let time = timestamp.parse::<i64>().ok();
    let near = time.is_some_and(|time| now.abs_diff(time) <= u64::from(window_seconds) * 1000);
    let is_milliseconds = time.is_some_and(|time| time >= MILLISECONDS_MIN);
    if near { Ok(()) } else { Err(Fault::ClockOutside { window_seconds, is_milliseconds }) }
}

/// A field that is there and says something.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Fault> {
    let missing = || Fault::CredentialsMissing { header: name.to_owned().into() };
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty()).ok_or_else(missing)
}
