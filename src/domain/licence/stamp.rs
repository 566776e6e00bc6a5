//! Time stamps: a token of RFC 3161 in the form of GB/T 35275, with SM3 and SM2.
//!
//! No file of the field that was seen carries one; a token that cannot be trusted proves nothing and changes nothing
//! but the report.

use crate::domain::licence::chain::When;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::seal::Unreadable;
use crate::domain::licence::signature::hold_value;
use crate::domain::licence::signed_data::TimeStamp;
use crate::domain::licence::trust::Trust;

use crate::domain::sm;

/// Seconds between the clocks of a signer and a time stamper.
const CLOCKS_APART_MAX: i64 = 300;

/// The time that `token` proves for the bytes `over`, if it proves one.
pub(super) fn judge(
    token: &[u8],
    over: &[u8],
    claimed: Option<i64>,
    trust: &Trust,
    at: i64,
    checks: &mut Checks,
) -> Option<i64> {
    let stamp = match TimeStamp::parse(token) {
        Ok(stamp) => stamp,
        Err(Unreadable::Malformed | Unreadable::TrailingData) => {
            checks.fail(Code::TspMalformed, "");
            return None;
        }
    };
    checks.pass(Code::TspMalformed);
    let is_own = sm::verify(&sm::digest(over), stamp.imprint);
    checks.hold(Code::TspImprintMismatch, is_own);
    let is_trusted = is_trusted(&stamp, trust, at, checks);
    checks.hold(Code::TspUntrusted, is_trusted);
    let in_order = stamp.time <= at && claimed.is_none_or(|claimed| claimed <= stamp.time + CLOCKS_APART_MAX);
    checks.hold(Code::TspOrder, in_order);
    (is_own && is_trusted && in_order).then_some(stamp.time)
}

/// One signer, whose certificate stamps times, whose value is right, and whose chain was good at the time.
fn is_trusted(stamp: &TimeStamp<'_>, trust: &Trust, at: i64, checks: &mut Checks) -> bool {
    let [signer] = stamp.data.signers.as_slice() else { return false };
    let Some(certificate) = signer.certificate(&stamp.data.certificates) else { return false };
    let Some(attributes) = signer.signed_attributes() else { return false };
    let is_digest = signer.digest.is_some_and(|digest| sm::verify(&sm::digest(stamp.info), digest));
    let is_kind = signer.kind == Some(stamp.data.kind);
    let mut own = Checks::default();
    let is_right = hold_value(Code::SigValueInvalid, (trust, certificate), &attributes, signer.value, &mut own);
    let ground = trust.stamper_ground(certificate, stamp.time);
    let when = When { signed: Some(stamp.time), at, is_proved: true, ground };
    certificate.judge(trust, &stamp.data.certificates, when, &mut own);
    for check in own.list().iter().filter(|check| check.weight().is_some()) {
        checks.fail_as(check.code, crate::domain::licence::check::Level::Inform, check.detail.as_str());
    }
    is_digest && is_kind && is_right && certificate.stamps_time && own.worst().is_none()
}
