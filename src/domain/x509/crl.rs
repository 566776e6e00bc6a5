//! Revocation lists: version 2 (and 1) of RFC 5280, whole lists only.
//!
//! Delta lists and lists that speak for other issuers are refused. A list that speaks for some of an issuer's
//! certificates only (issuingDistributionPoint) is asked about these only.

use crate::domain::asn::Malformed;
use crate::domain::asn::ObjectIdentifier;
use crate::domain::asn::Reader;
use crate::domain::asn::tag;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::x509::Certificate;
use crate::domain::x509::CertificateFault;
use crate::domain::x509::Signed;
use crate::domain::x509::certificate::addresses_of;
use crate::domain::x509::certificate::extension;
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

/// Largest list that is read, in bytes: about a million entries.
const LIST_BYTES_MAX: usize = 64 << 20;

const LIST_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const LIST_SCOPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

/// An entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Since when, in seconds since 1970.
    pub since: i64,
    /// The number of CRLReason; 0 where none is given.
    pub reason: u8,
}

/// A list that can be read. Its signature is checked when it is asked about a certificate, by that one's issuer.
#[derive(Debug)]
pub struct Crl {
    der: Vec<u8>,
    issuer: Range<usize>,
    this_update: i64,
    next_update: Option<i64>,
    number: Vec<u8>,
    revoked: HashMap<Box<[u8]>, Revoked>,
    scope: Scope,
    /// The point of the key that its signature was found right with, so that it is not hashed for every question.
    verified: OnceLock<[u8; 65]>,
}

#[derive(Debug, Default)]
struct Scope {
    addresses: Vec<String>,
    users_only: bool,
    authorities_only: bool,
}

impl Crl {
    /// Reads one from DER.
    ///
    /// # Errors
    /// When it is none, or of a kind that is not read.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateFault> {
        if der.len() > LIST_BYTES_MAX {
            return Err(CertificateFault::Malformed);
        }
        let signed = Signed::split(der)?;
        let mut inside = Reader::of_sequence(signed.content)?;
        if inside.next_tag() == Some(tag::INTEGER) && inside.small()? != 1 {
            return Err(CertificateFault::Malformed);
        }
        if inside.algorithm()? != signed.algorithm {
            return Err(CertificateFault::Malformed);
        }
        let issuer = inside.raw_of(tag::SEQUENCE)?;
        let start = issuer.as_ptr() as usize - der.as_ptr() as usize;
        let issuer = start..start + issuer.len();
        let this_update = inside.time()?;
        let is_time = matches!(inside.next_tag(), Some(tag::UTC_TIME | tag::GENERALIZED_TIME));
        let next_update = if is_time { Some(inside.time()?) } else { None };
        let mut revoked = HashMap::new();
        if let Some(entries) = inside.optional(tag::SEQUENCE)? {
            let mut entries = Reader::new(entries)?;
            while !entries.is_empty() {
                let (serial, entry) = entry(entries.sequence()?)?;
                revoked.insert(serial.into(), entry);
            }
        }
        let (number, scope) = match inside.optional(tag::context(0))? {
            Some(list) => scope_of(Reader::of_sequence(list)?)?,
            None => Default::default(),
        };
        inside.finish()?;
        let verified = OnceLock::new();
        Ok(Self { der: der.to_vec(), issuer, this_update, next_update, number, revoked, scope, verified })
    }

    /// All lists of a file, PEM or DER.
    ///
    /// # Errors
    /// When there is none, or one of them cannot be read.
    pub fn all(file: &[u8]) -> Result<Vec<Self>, CertificateFault> {
        if file.first() == Some(&tag::SEQUENCE) {
            return Ok(vec![Self::from_der(file)?]);
        }
        let read = |der: Result<CertificateRevocationListDer<'_>, _>| {
            der.map_err(|_| CertificateFault::Malformed).and_then(|der| Self::from_der(&der))
        };
        let all: Vec<Self> = CertificateRevocationListDer::pem_slice_iter(file).map(read).collect::<Result<_, _>>()?;
        if all.is_empty() { Err(CertificateFault::Malformed) } else { Ok(all) }
    }

    /// The name of the issuer, DER.
    pub fn issuer(&self) -> &[u8] {
        &self.der[self.issuer.clone()]
    }

    /// When it was made.
    pub const fn this_update(&self) -> i64 {
        self.this_update
    }

    /// When the next one is promised.
    pub const fn next_update(&self) -> Option<i64> {
        self.next_update
    }

    /// The magnitude of its number, big-endian; nothing where it has none.
    pub fn number(&self) -> &[u8] {
        &self.number
    }

    /// How many certificates it revokes.
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// Whether it revokes none.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }

    /// Until when it may be relied on, where it may also not be older than `age_max` seconds.
    pub fn good_until(&self, age_max: Option<i64>) -> i64 {
        let by_age = age_max.map(|age| self.this_update.saturating_add(age));
        // Without either there is no promise at all, so it is stale from the beginning.
        [self.next_update, by_age].into_iter().flatten().min().unwrap_or(i64::MIN)
    }

    /// Whether it speaks about `certificate`: same issuer, and within its scope.
    pub fn covers(&self, certificate: &Certificate) -> bool {
        let scope = &self.scope;
        let points = certificate.list_points();
        self.issuer() == certificate.issuer()
            && !(scope.users_only && certificate.is_authority())
            && (!scope.authorities_only || certificate.is_authority())
            && (scope.addresses.is_empty() || points.is_empty() || scope.addresses.iter().any(|at| points.contains(at)))
    }

    /// What it says about a serial number.
    pub fn find(&self, serial: &[u8]) -> Option<Revoked> {
        self.revoked.get(serial).copied()
    }

    /// Checks its signature.
    ///
    /// # Errors
    /// When it is not `issuer`'s.
    pub fn verify(&self, issuer: &PublicKey) -> Result<(), CertificateFault> {
        let point = issuer.to_bytes();
        if self.verified.get() == Some(&point) {
            return Ok(());
        }
        Signed::split(&self.der)?.verify(issuer)?;
        // Another thread may have been first; then it found the same.
        let _ = self.verified.set(point);
        Ok(())
    }
}

fn entry(mut parts: Reader<'_>) -> Result<(&[u8], Revoked), Malformed> {
    let serial = parts.value(tag::INTEGER)?;
    let since = parts.time()?;
    let mut reason = 0;
    if let Some(extensions) = parts.optional(tag::SEQUENCE)? {
        let mut extensions = Reader::new(extensions)?;
        while !extensions.is_empty() {
            match extension(&mut extensions)? {
                // CRLReason is ENUMERATED, tag 10.
                (REASON, _, [10, 1, number]) => reason = *number,
                // Also certificateIssuer: an entry that speaks about somebody else's certificate.
                (_, true, _) => return Err(Malformed),
                _ => {}
            }
        }
    }
    parts.finish()?;
    Ok((serial, Revoked { since, reason }))
}

/// The number and the scope, from the extensions of a list.
fn scope_of(mut list: Reader<'_>) -> Result<(Vec<u8>, Scope), Malformed> {
    let (mut number, mut scope) = (Vec::new(), Scope::default());
    while !list.is_empty() {
        match extension(&mut list)? {
            (LIST_NUMBER, _, content) => number = Reader::new(content)?.unsigned()?.to_vec(),
            (LIST_SCOPE, _, content) => {
                let mut parts = Reader::of_sequence(content)?;
                if let Some(name) = parts.optional(tag::context(0))? {
                    scope.addresses = addresses_of(name)?;
                }
                let mut flag =
                    |n| parts.optional(tag::context_primitive(n)).map(|value| value.is_some_and(|v| v != [0]));
                scope.users_only = flag(1)?;
                scope.authorities_only = flag(2)?;
                // Some reasons only, other issuers' certificates, attribute certificates.
                if flag(3)? || flag(4)? || flag(5)? {
                    return Err(Malformed);
                }
                parts.finish()?;
            }
            // Also deltaCRLIndicator, which is always critical.
            (_, true, _) => return Err(Malformed),
            _ => {}
        }
    }
    Ok((number, scope))
}
