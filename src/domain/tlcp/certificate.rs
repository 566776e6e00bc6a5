//! What a certificate says about itself, as far as the pair of TLCP needs it: subject, SM2 key, key usage, CA or not.
//!
//! It deliberately judges no signature and no date: [`crate::domain::tlcp::trust`] hands those to rustls-webpki, which
//! in turn does not look at keyUsage (RFC 5280 clause 4.2.1.3), so that is done here.

use crate::domain::sm::sm2;
use crate::domain::tlcp::CertificateFault;

const SEQUENCE: u8 = 0x30;
const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// [0], [1], [2] and [3] of TBSCertificate.
const VERSION: u8 = 0xa0;
const ISSUER_UNIQUE: u8 = 0x81;
const SUBJECT_UNIQUE: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.15 and 2.5.29.19.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// AlgorithmIdentifier of an SM2 key: id-ecPublicKey (1.2.840.10045.2.1) on the curve 1.2.156.10197.1.301, without the
/// outer SEQUENCE.
pub(super) const SM2_KEY: &[u8] =
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Sign,
    Encrypt,
    Issue,
}

impl Use {
    /// Bits of keyUsage of which one must be set, the first bit of the standard highest.
    const fn bits(self) -> u8 {
        match self {
            Self::Sign => 0b1000_0000,    // digitalSignature
            Self::Encrypt => 0b0011_1000, // keyEncipherment, dataEncipherment, keyAgreement
            Self::Issue => 0b0000_0100,   // keyCertSign
        }
    }
}

/// What a certificate says.
pub(super) struct Facts<'a> {
    subject: &'a [u8],
    /// Contents of SubjectPublicKeyInfo.
    key: &'a [u8],
    /// The first eight bits of keyUsage, if there is one.
    usage: Option<u8>,
    pub(super) is_issuer: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn read(certificate: &'a [u8]) -> Result<Self, CertificateFault> {
        let mut outer = Der(certificate);
        let mut parts = Der(outer.expect(SEQUENCE)?);
        let mut body = Der(parts.expect(SEQUENCE)?);
        body.optional(VERSION)?;
        body.expect(INTEGER)?; // serial number
        body.expect(SEQUENCE)?; // signature
        body.expect(SEQUENCE)?; // issuer
        body.expect(SEQUENCE)?; // validity
        let subject = body.expect(SEQUENCE)?;
        let key = body.expect(SEQUENCE)?;
        body.optional(ISSUER_UNIQUE)?;
        body.optional(SUBJECT_UNIQUE)?;
        let mut facts = Self { subject, key, usage: None, is_issuer: false };
        if let Some(extensions) = body.optional(EXTENSIONS)? {
            let mut list = Der(Der(extensions).expect(SEQUENCE)?);
            while !list.0.is_empty() {
                facts.extension(Der(list.expect(SEQUENCE)?))?;
            }
        }
        if body.0.is_empty() && outer.0.is_empty() { Ok(facts) } else { Err(CertificateFault::Broken) }
    }

    fn extension(&mut self, mut extension: Der<'a>) -> Result<(), CertificateFault> {
        let name = extension.expect(OBJECT_IDENTIFIER)?;
        extension.optional(BOOLEAN)?;
        let mut value = Der(extension.expect(OCTET_STRING)?);
        match name {
            KEY_USAGE => {
                // The first byte counts the unused bits of the last one, which DER leaves zero.
                let bits = value.expect(BIT_STRING)?;
                self.usage = Some(bits.get(1).copied().unwrap_or(0));
            }
            BASIC_CONSTRAINTS => {
                let mut constraints = Der(value.expect(SEQUENCE)?);
                self.is_issuer = constraints.optional(BOOLEAN)? == Some(&[0xff]);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether keyUsage allows `purpose`. A certificate of the pair must have a keyUsage: GB/T 20518 demands it, and
    /// without one nothing tells the two apart. An issuer may do without.
    pub(super) fn check_use(&self, purpose: Use) -> Result<(), CertificateFault> {
        match self.usage {
            Some(usage) if usage & purpose.bits() != 0 => Ok(()),
            None if purpose == Use::Issue => Ok(()),
            _ => Err(CertificateFault::Usage),
        }
    }

    /// The SM2 key, if it may be used for `purpose`.
    pub(super) fn key(&self, purpose: Use) -> Result<sm2::PublicKey, CertificateFault> {
        self.check_use(purpose)?;
        let mut parts = Der(self.key);
        let algorithm = parts.expect(SEQUENCE)?;
        let bits = parts.expect(BIT_STRING)?;
        match bits.split_first() {
            Some((0, point)) if algorithm == SM2_KEY && parts.0.is_empty() => {
                sm2::PublicKey::from_bytes(point).map_err(|_| CertificateFault::Key)
            }
            _ => Err(CertificateFault::Key),
        }
    }

    /// Whether the two make one pair: the same subject, neither an issuer, and each for its own use.
    pub(super) fn check_pair(signing: &Facts<'_>, encryption: &Facts<'_>) -> Result<(), CertificateFault> {
        if signing.subject != encryption.subject {
            return Err(CertificateFault::DifferentSubjects);
        }
        if signing.is_issuer || encryption.is_issuer {
            return Err(CertificateFault::Usage);
        }
        signing.check_use(Use::Sign)?;
        encryption.check_use(Use::Encrypt)
    }
}

/// What is left of a DER structure.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Contents of the next element, which must have this tag.
    fn expect(&mut self, tag: u8) -> Result<&'a [u8], CertificateFault> {
        match self.next() {
            Some((found, content)) if found == tag => Ok(content),
            _ => Err(CertificateFault::Broken),
        }
    }

    /// Contents of the next element if it has this tag.
    fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, CertificateFault> {
        if self.0.first() == Some(&tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => {
                let (&low, rest) = rest.split_first()?;
                (usize::from(low), rest)
            }
            0x82 => {
                let (&long, rest) = rest.split_first_chunk()?;
                (usize::from(u16::from_be_bytes(long)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}
