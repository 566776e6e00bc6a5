//! The way from a certificate to an anchor, and whether it was good when the signature was made.

use crate::domain::licence::certificate::Certificate;
use crate::domain::licence::certificate::Key;
use crate::domain::licence::certificate::usage;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::check::Level;
use crate::domain::licence::trust::Ground;
use crate::domain::licence::trust::Revocation;
use crate::domain::licence::trust::Trust;
use crate::domain::licence::trust_list::Span;
use std::sync::Arc;

/// Most certificates of a chain, the anchor included.
const CHAIN_MAX: usize = 5;

/// The search for a chain.
pub(super) struct Search<'a> {
    pub(super) trust: &'a Trust,
    pub(super) ground: Ground,
    pub(super) extra: &'a [Certificate],
    /// How many signatures may still be checked.
    pub(super) tries: usize,
    /// A certificate of the trust folder has the key that is named and did not sign.
    pub(super) has_bad: bool,
}

impl<'a> Search<'a> {
    /// Lengthens `chain` up to an anchor, if there is a way.
    pub(super) fn climb(&mut self, chain: &mut Vec<&'a Certificate>) -> bool {
        let Some(last) = chain.last().copied() else { return false };
        if self.trust.is_anchor(last, self.ground) {
            return true;
        }
        if chain.len() >= CHAIN_MAX {
            return false;
        }
        let known = self.trust.issuers(self.ground).map(|issuer| (issuer, true));
        let candidates = known.chain(self.extra.iter().map(|issuer| (issuer, false)));
        let mut candidates: Vec<(&Certificate, bool)> =
            candidates.filter(|(issuer, _)| last.may_be_from(issuer)).collect();
        candidates.sort_by_key(|(issuer, _)| issuer.authority != Some(true));
        for (issuer, is_known) in candidates {
            if self.tries == 0 || chain.iter().any(|before| before.der() == issuer.der()) {
                continue;
            }
            self.tries -= 1;
            if !last.is_signed_by(issuer) {
                self.has_bad |= is_known && last.key_agrees(issuer) == Some(true);
                continue;
            }
            chain.push(issuer);
            if self.climb(chain) {
                return true;
            }
            chain.pop();
        }
        false
    }
}

/// When a signature was made, and when it is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// Seconds since 1970-01-01T00:00:00Z; none when nobody says.
    pub(super) signed: Option<i64>,
    pub(super) at: i64,
    /// Whether somebody else than the signer says when it was signed.
    pub(super) is_proved: bool,
    /// By whose word the signer is trusted.
    pub(super) ground: Ground,
}

impl When {
    /// The time that decides: of the signing, or of the check where nobody says when that was.
    pub(super) fn decisive(&self) -> i64 {
        self.signed.unwrap_or(self.at)
    }
}

impl Certificate {
    /// Judges this certificate and its chain, as of the time of the signature. Returns whether something in it has
    /// ended since, so that the time of the signature would have to be proved.
    pub(super) fn judge(&self, trust: &Trust, extra: &[Self], when: When, checks: &mut Checks) -> bool {
        match self.key {
            Key::Sm2(_) => checks.pass(Code::CertBadPublicKey),
            Key::Bad => checks.fail(Code::CertBadPublicKey, ""),
            Key::Other => checks.fail(Code::CertWeakAlg, "公钥"),
        }
        checks.hold(Code::CertWeakAlg, self.is_sm2_signed && !matches!(self.key, Key::Other));
        checks.hold(Code::CertKeyUsage, self.key_usage.is_some_and(|bits| bits & usage::SIGN != 0));
        let chain = match trust.chain(self, extra, when.ground) {
            Ok(chain) => {
                checks.pass(Code::CertNoTrustedPath);
                checks.pass(Code::CertSignatureInvalid);
                chain
            }
            Err(code) => {
                checks.fail(code, format!("签发者 {}", self.issuer_name));
                Arc::new(vec![self.clone()])
            }
        };
        let has_anchor = !checks.told(Code::CertNoTrustedPath) && !checks.told(Code::CertSignatureInvalid);
        judge_authorities(&chain, checks);
        let mut lapsed = false;
        if let Some(anchor) = chain.last().filter(|_| has_anchor && when.ground != Ground::Folder) {
            let spans: Vec<Span> = trust.grants(anchor, when.ground).map(|granted| granted.span).collect();
            if !spans.iter().any(|span| span.holds(when.decisive())) {
                checks.fail(Code::CertNoTrustedPath, "签名时信任清单没有授予该根证书");
            }
            lapsed |= !spans.iter().any(|span| span.holds(when.at));
        }
        for (index, certificate) in chain.iter().enumerate() {
            if certificate.has_unknown_critical {
                checks.fail(Code::CertUnknownCriticalExt, &certificate.common_name);
            }
            lapsed |= certificate.judge_validity(when, checks);
            let issuer = chain.get(index + 1);
            if let Some(issuer) = issuer {
                lapsed |= certificate.judge_revocation(trust, issuer, when, checks);
            }
        }
        let rest: &[Code] = if has_anchor {
            &[
                Code::CertUnknownCriticalExt,
                Code::CertNotYetValid,
                Code::CertExpiredAtSigning,
                Code::CertExpiredNow,
                Code::CertRevoked,
                Code::CertRevocationUnknown,
                Code::CertRevocationStale,
            ]
        } else {
            checks.skip(Code::CertRevoked, "没有可信的证书链");
            &[Code::CertUnknownCriticalExt, Code::CertNotYetValid, Code::CertExpiredAtSigning, Code::CertExpiredNow]
        };
        checks.pass_rest(rest);
        lapsed
    }

    /// The earliest moment at which something in this certificate's chain had ended, as far as is known at `at`. What
    /// is proved to be older needs no further word.
    pub(super) fn end(&self, trust: &Trust, extra: &[Self], ground: Ground, at: i64) -> i64 {
        let Ok(chain) = trust.chain(self, extra, ground) else { return self.not_after };
        let mut end = i64::MAX;
        for (index, certificate) in chain.iter().enumerate() {
            end = end.min(certificate.not_after);
            if let Some(issuer) = chain.get(index + 1)
                && let Revocation::Revoked(time) = trust.revocation(certificate, issuer, at)
            {
                end = end.min(time.saturating_sub(1));
            }
        }
        if let Some(anchor) = chain.last().filter(|_| ground != Ground::Folder) {
            end = end.min(trust.grants(anchor, ground).map(|granted| granted.span.end()).max().unwrap_or(i64::MAX));
        }
        end
    }

    fn judge_validity(&self, when: When, checks: &mut Checks) -> bool {
        let signed = when.decisive();
        if signed < self.not_before {
            checks.fail(Code::CertNotYetValid, &self.common_name);
        }
        if signed > self.not_after {
            checks.fail(Code::CertExpiredAtSigning, &self.common_name);
        }
        let lapsed = when.at > self.not_after;
        if lapsed {
            checks.fail(Code::CertExpiredNow, &self.common_name);
        }
        lapsed
    }

    fn judge_revocation(&self, trust: &Trust, issuer: &Self, when: When, checks: &mut Checks) -> bool {
        match trust.revocation(self, issuer, when.at) {
            Revocation::Good => {}
            Revocation::Unknown => checks.fail(Code::CertRevocationUnknown, &self.common_name),
            Revocation::Stale => checks.fail(Code::CertRevocationStale, &self.common_name),
            Revocation::Revoked(time) if time > when.at => {}
            Revocation::Revoked(time) if when.signed.is_some_and(|signed| signed < time) => {
                // The thief of a key writes any time he likes.
                if !when.is_proved {
                    checks.fail_as(Code::CertRevoked, Level::Review, "吊销晚于自称的签名时间");
                    return true;
                }
            }
            Revocation::Revoked(_) => checks.fail(Code::CertRevoked, &self.common_name),
        }
        false
    }
}

/// Whether the issuers of a chain may issue.
fn judge_authorities(chain: &[Certificate], checks: &mut Checks) {
    let mut below = 0_u32;
    for (index, issuer) in chain.iter().enumerate().skip(1) {
        let is_anchor = index + 1 == chain.len();
        // An anchor is trusted for what it is; an old one has no extensions.
        if issuer.authority != Some(true) && !(is_anchor && issuer.authority.is_none()) {
            checks.fail(Code::CertIssuerNotCa, &issuer.common_name);
        }
        if issuer.key_usage.is_some_and(|bits| bits & usage::CERTIFICATE_SIGN == 0) {
            checks.fail(Code::CertKeyUsage, format!("{} 不可签发证书", issuer.common_name));
        }
        if issuer.path_length.is_some_and(|length| below > length) {
            checks.fail(Code::CertPathlen, &issuer.common_name);
        }
        if !issuer.is_self_issued() {
            below += 1;
        }
    }
    checks.pass_rest(&[Code::CertIssuerNotCa, Code::CertPathlen]);
}
