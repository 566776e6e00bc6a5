//! From a certificate to one that is trusted.

use crate::domain::x509::CHAIN_MAX;
use crate::domain::x509::Certificate;
use crate::domain::x509::CertificateFault;
use crate::domain::x509::Crl;
use crate::domain::x509::Purpose;
use crate::domain::x509::algorithm::SM2_SM3;
use crate::domain::x509::usage::AnyPurpose;
use crate::domain::x509::usage::bit;
use crate::domain::x509::verified;
use crate::domain::x509::verified::Verified;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::SignatureVerificationAlgorithm;
use rustls_pki_types::TrustAnchor;
use rustls_pki_types::UnixTime;
use std::sync::Arc;
use std::time::Duration;
use webpki::EndEntityCert;

/// How much revocation matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not asked.
    Off,
    /// A list that speaks is believed; without one, or with an old one, the certificate passes.
    IfKnown,
    /// Without a fresh list nothing passes.
    Required,
}

/// How much later than now a revocation list may claim to be made: clocks differ a little.
const EARLY_SECONDS_MAX: i64 = 300;

/// How revocation is judged.
#[derive(Clone, Copy, Debug)]
pub struct Revocation {
    /// How much it matters.
    pub level: Level,
    /// How old a list may be, in seconds, whatever it promises itself.
    pub age_max: Option<i64>,
}

/// The two times of a judgement, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// For which the certificates must be valid: now, or when something was signed.
    pub at: i64,
    /// Against which the age of the lists is held.
    pub now: i64,
}

impl When {
    /// Judged as of now.
    pub const fn now(now: i64) -> Self {
        Self { at: now, now }
    }
}

/// A chain that was found good.
#[derive(Debug)]
pub struct Path {
    /// The certificate in question first, the trusted one last.
    pub certificates: Vec<Certificate>,
    /// Revoked later than the time in question: the earliest such entry.
    pub revoked_later: Option<i64>,
    /// Whether for some certificate no fresh list was found (only with [`Level::IfKnown`]).
    pub revocation_unknown: bool,
    /// First and last second for which, seen from now, the same would be said.
    good: (i64, i64),
}

/// Whom to trust, with the revocation lists at hand. It never changes; a reload makes another.
#[derive(Debug)]
pub struct Trust {
    anchors: Vec<Certificate>,
    /// The same, as rustls-webpki wants them, in the same order.
    roots: Vec<TrustAnchor<'static>>,
    lists: Vec<Crl>,
    revocation: Revocation,
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    verified: Verified,
}

impl Trust {
    /// Trusts `anchors`.
    ///
    /// # Errors
    /// When one of them cannot be an anchor: not an authority, or not an SM2 key.
    pub fn new(anchors: Vec<Certificate>, lists: Vec<Crl>, revocation: Revocation) -> Result<Self, CertificateFault> {
        let roots = anchors.iter().map(root).collect::<Result<_, _>>()?;
        Ok(Self { anchors, roots, lists, revocation, algorithms: SM2_SM3, verified: Verified::default() })
    }

    /// Whom connections trust: TLCP and RFC 8998. Where there are `lists`, every certificate of a chain must be covered
    /// by one that is not over; without any, revocation is not asked about. Anchors with other keys than SM2 may stand
    /// among the others and count for nothing.
    ///
    /// # Errors
    /// When an anchor with an SM2 key is not an authority.
    pub fn of_peers(mut anchors: Vec<Certificate>, lists: Vec<Crl>) -> Result<Self, CertificateFault> {
        anchors.retain(|anchor| anchor.public().is_some());
        let level = if lists.is_empty() { Level::Off } else { Level::Required };
        Self::new(anchors, lists, Revocation { level, age_max: None })
    }

    /// With other code for SM2 with SM3, such as one that remembers the keys of issuers.
    #[must_use]
    pub fn with_algorithms(self, algorithms: &'static [&'static dyn SignatureVerificationAlgorithm]) -> Self {
        Self { algorithms, ..self }
    }

    /// The certificates that are trusted.
    pub fn anchors(&self) -> &[Certificate] {
        &self.anchors
    }

    /// Judges `leaf` for `purpose`; `others` came with it and may lie between it and an anchor, in any order.
    ///
    /// # Errors
    /// The first reason why it is not good. Signatures, times and names come before usage, and usage before revocation.
    pub fn verify(
        &self,
        leaf: &Certificate,
        others: &[Certificate],
        purpose: Purpose,
        when: When,
    ) -> Result<Arc<Path>, CertificateFault> {
        if others.len() > CHAIN_MAX {
            return Err(CertificateFault::PathLength);
        }
        let name = verified::name(purpose, leaf, others);
        // What is judged for another time than now is rare, and its window is not the one that is kept.
        let is_now = when.at == when.now;
        if is_now
            && let Some(path) = self.verified.find(&name)
            && (path.good.0..=path.good.1).contains(&when.now)
        {
            return Ok(path);
        }
        let certificates = self.path(leaf, others, when.at)?;
        if !purpose.allowed_by(leaf) {
            return Err(CertificateFault::KeyUsage);
        }
        for issuer in &certificates[1..] {
            if issuer.key_usage().is_some_and(|usage| usage & bit::CERTIFICATE_SIGN == 0) {
                return Err(CertificateFault::IssuerNotAuthority);
            }
        }
        if !certificates[1..certificates.len() - 1].iter().all(|issuer| purpose.may_be_issued_by(issuer)) {
            return Err(CertificateFault::KeyUsage);
        }
        let from = certificates.iter().map(Certificate::not_before).max().unwrap_or(i64::MAX);
        let until = certificates.iter().map(Certificate::not_after).min().unwrap_or(i64::MIN);
        // rustls-webpki does not look at the times of an anchor.
        if when.at < from {
            return Err(CertificateFault::NotYetValid);
        }
        if when.at > until {
            return Err(CertificateFault::Expired);
        }
        let mut path = Path { certificates, revoked_later: None, revocation_unknown: false, good: (from, until) };
        if self.revocation.level != Level::Off {
            self.judge_revocation(&mut path, when)?;
        }
        let path = Arc::new(path);
        if is_now {
            self.verified.keep(name, path.clone());
        }
        Ok(path)
    }

    /// The certificates from `leaf` to an anchor, by rustls-webpki.
    fn path(
        &self,
        leaf: &Certificate,
        others: &[Certificate],
        when: i64,
    ) -> Result<Vec<Certificate>, CertificateFault> {
        let leaf_der = CertificateDer::from(leaf.der());
        let between: Vec<CertificateDer<'_>> = others.iter().map(|other| CertificateDer::from(other.der())).collect();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(when).unwrap_or(0)));
        let end = EndEntityCert::try_from(&leaf_der)?;
        let path = end.verify_for_usage(self.algorithms, &self.roots, &between, at, AnyPurpose, None, None)?;
        let mut certificates = vec![leaf.clone()];
        for issuer in path.intermediate_certificates() {
            certificates.push(Certificate::from_der(&issuer.der())?);
        }
        let is_found = |anchor: &TrustAnchor<'_>| {
            let found = path.anchor();
            anchor.subject == found.subject && anchor.subject_public_key_info == found.subject_public_key_info
        };
        let alike =
            || self.roots.iter().zip(&self.anchors).filter(|(root, _)| is_found(root)).map(|(_, anchor)| anchor);
        // A root that was renewed with its key stands beside the old one; the one that is valid counts.
        let is_valid = |anchor: &&Certificate| (anchor.not_before()..=anchor.not_after()).contains(&when);
        let anchor = alike().find(is_valid).or_else(|| alike().next());
        certificates.push(anchor.ok_or(CertificateFault::NoTrustedPath)?.clone());
        Ok(certificates)
    }

    /// Asks the lists about every certificate of the path but the anchor.
    fn judge_revocation(&self, path: &mut Path, when: When) -> Result<(), CertificateFault> {
        for pair in path.certificates.windows(2) {
            let [certificate, issuer] = pair else { continue };
            let status = self.status(certificate, issuer, when)?;
            let (from, until) = match (status.fresh, self.revocation.level) {
                (Some(span), _) => span,
                (None, Level::Required) if status.early => return Err(CertificateFault::RevocationEarly),
                (None, Level::Required) if status.listed => return Err(CertificateFault::RevocationStale),
                (None, Level::Required) => return Err(CertificateFault::RevocationUnknown),
                (None, _) => {
                    path.revocation_unknown = true;
                    (i64::MIN, i64::MAX)
                }
            };
            path.good.0 = path.good.0.max(from);
            path.good.1 = path.good.1.min(until);
            if let Some(since) = status.revoked_later {
                path.revoked_later = Some(path.revoked_later.map_or(since, |earlier| earlier.min(since)));
                path.good.1 = path.good.1.min(since - 1);
            }
        }
        Ok(())
    }

    fn status(&self, certificate: &Certificate, issuer: &Certificate, when: When) -> Result<Status, CertificateFault> {
        let mut status = Status { listed: false, early: false, fresh: None, revoked_later: None };
        let may_sign_lists = issuer.key_usage().is_none_or(|usage| usage & bit::CRL_SIGN != 0);
        let Some(public) = issuer.public().filter(|_| may_sign_lists) else { return Ok(status) };
        for list in self.lists.iter().filter(|list| list.covers(certificate) && list.verify(public).is_ok()) {
            status.listed = true;
            // An old list still knows who was revoked when it was made.
            if let Some(revoked) = list.find(certificate.serial()) {
                if revoked.since <= when.at {
                    return Err(CertificateFault::Revoked);
                }
                status.revoked_later = Some(revoked.since);
            }
            let from = list.this_update().saturating_sub(EARLY_SECONDS_MAX);
            let until = list.good_until(self.revocation.age_max);
            status.early |= when.now < from;
            if (from..=until).contains(&when.now) && status.fresh.is_none_or(|(_, other)| other < until) {
                status.fresh = Some((from, until));
            }
        }
        Ok(status)
    }
}

/// What the lists say about one certificate.
struct Status {
    listed: bool,
    /// Some list claims to be from later than now.
    early: bool,
    /// From when until when the list speaks that does so longest.
    fresh: Option<(i64, i64)>,
    revoked_later: Option<i64>,
}

fn root(certificate: &Certificate) -> Result<TrustAnchor<'static>, CertificateFault> {
    if certificate.public().is_none() {
        return Err(CertificateFault::BadPublicKey);
    }
    if !certificate.is_authority() {
        return Err(CertificateFault::IssuerNotAuthority);
    }
    let der = CertificateDer::from(certificate.der());
    Ok(webpki::anchor_from_trusted_cert(&der)?.to_owned())
}
