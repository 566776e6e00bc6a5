//! One X.509 certificate (GB/T 20518), as much of it as judging a licence needs.
//!
//! Laxer than RFC 5280 where certificates of the field are: algorithm parameters absent or NULL, UTF-8 in any string
//! type. The seam to `domain::x509`: this module and [`crate::domain::licence::trust`] can be replaced by it.

use crate::domain::licence::der::INTEGER;
use crate::domain::licence::der::Malformed;
use crate::domain::licence::der::Reader;
use crate::domain::licence::der::SEQUENCE;
use crate::domain::licence::der::SET;
use crate::domain::licence::der::context;
use crate::domain::licence::der::oid;
use crate::domain::sm::sm2;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::sm::sm2::Signature;
use std::ops::Range;

/// Largest certificate, in bytes.
const BYTES_MAX: usize = 64 << 10;

/// Bits of the first octet of keyUsage (RFC 5280, 4.2.1.3).
pub(super) mod usage {
    pub(in crate::domain::licence) const SIGN: u8 = 0x80 | 0x40;
    pub(in crate::domain::licence) const CERTIFICATE_SIGN: u8 = 0x04;
    pub(in crate::domain::licence) const LIST_SIGN: u8 = 0x02;
}

/// The key of a certificate.
#[derive(Clone, Debug)]
pub(super) enum Key {
    Sm2(Box<PublicKey>),
    /// Said to be of SM2, and no point of the curve.
    Bad,
    /// Of another kind.
    Other,
}

/// A certificate as it came. Whether it is trusted is another question.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    der: Vec<u8>,
    content: Range<usize>,
    signature: Range<usize>,
    /// The outer and the inner algorithm are both SM2 with SM3.
    pub(super) is_sm2_signed: bool,
    pub(super) issuer: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) key: Key,
    pub(super) authority: Option<bool>,
    pub(super) path_length: Option<u32>,
    pub(super) key_usage: Option<u8>,
    pub(super) stamps_time: bool,
    pub(super) subject_key: Option<Vec<u8>>,
    pub(super) authority_key: Option<Vec<u8>>,
    pub(super) has_unknown_critical: bool,
    /// O of the subject; government seals write `<credit code><name>`.
    pub(super) organization: String,
    /// CN of the subject.
    pub(super) common_name: String,
    /// CN of the issuer.
    pub(super) issuer_name: String,
}

impl Certificate {
    /// Reads one from DER, without a byte behind it.
    pub(super) fn parse(der: &[u8]) -> Result<Self, Malformed> {
        if der.len() > BYTES_MAX {
            return Err(Malformed);
        }
        let place = |part: &[u8]| {
            let start = part.as_ptr().addr() - der.as_ptr().addr();
            start..start + part.len()
        };
        let mut outer = Reader::of_sequence(der)?;
        let content = outer.element(SEQUENCE)?;
        let outer_algorithm = outer.sequence()?.oid()?;
        let signature = outer.bits()?;
        outer.end()?;

        let mut inside = Reader::new(content.content);
        let version = match inside.optional(context(0))? {
            Some(version) => Reader::new(version.content).small()?,
            None => 0,
        };
        let serial = inside.integer()?;
        let inner_algorithm = inside.sequence()?.oid()?;
        let issuer = inside.element(SEQUENCE)?;
        let mut validity = inside.sequence()?;
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        validity.end()?;
        let subject = inside.element(SEQUENCE)?;
        let key = key(&mut inside)?;
        let mut certificate = Self {
            content: place(content.raw),
            signature: place(signature),
            is_sm2_signed: outer_algorithm == oid::SM2_WITH_SM3 && inner_algorithm == outer_algorithm,
            issuer: issuer.raw.to_vec(),
            subject: subject.raw.to_vec(),
            serial: serial.to_vec(),
            not_before,
            not_after,
            key,
            authority: None,
            path_length: None,
            key_usage: None,
            stamps_time: false,
            subject_key: None,
            authority_key: None,
            has_unknown_critical: false,
            organization: name_part(subject.content, oid::ORGANIZATION)?,
            common_name: name_part(subject.content, oid::COMMON_NAME)?,
            issuer_name: name_part(issuer.content, oid::COMMON_NAME)?,
            der: der.to_vec(),
        };
        // issuerUniqueID, subjectUniqueID: skipped, written in several ways by issuers of the field.
        while inside.peek().is_some_and(|tag| tag != context(3)) {
            inside.any()?;
        }
        if let Some(extensions) = inside.optional(context(3))? {
            if version != 2 {
                return Err(Malformed);
            }
            certificate.read_extensions(Reader::of_sequence(extensions.content)?)?;
        }
        inside.end()?;
        Ok(certificate)
    }

    fn read_extensions(&mut self, mut extensions: Reader<'_>) -> Result<(), Malformed> {
        let mut seen: Vec<&[u8]> = Vec::new();
        while !extensions.is_empty() {
            let mut extension = extensions.sequence()?;
            let id = extension.oid()?;
            let critical = extension.flag()?;
            let value = extension.octets()?;
            extension.end()?;
            if seen.contains(&id) {
                return Err(Malformed);
            }
            seen.push(id);
            let mut value = Reader::new(value);
            match id {
                oid::BASIC_CONSTRAINTS => {
                    let mut inside = value.sequence()?;
                    self.authority = Some(inside.flag()?);
                    self.path_length = if inside.is_empty() { None } else { Some(inside.small()?) };
                }
                oid::KEY_USAGE => match value.any()?.content {
                    [_, first, ..] => self.key_usage = Some(*first),
                    _ => return Err(Malformed),
                },
                oid::SUBJECT_KEY => self.subject_key = Some(value.octets()?.to_vec()),
                oid::AUTHORITY_KEY => {
                    let mut inside = value.sequence()?;
                    self.authority_key = inside.optional(0x80)?.map(|element| element.content.to_vec());
                }
                oid::EXTENDED_USAGE => {
                    let mut inside = value.sequence()?;
                    while !inside.is_empty() {
                        self.stamps_time |= inside.oid()? == oid::TIME_STAMPING;
                    }
                }
                // Nothing in them that a seal's chain is judged by.
                oid::ALTERNATIVE_NAME | oid::POLICIES | oid::LIST_POINTS => {}
                _ => self.has_unknown_critical |= critical,
            }
        }
        Ok(())
    }

    /// The bytes as they came.
    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The public key, where it is a good one of SM2.
    pub(super) fn public(&self) -> Option<&PublicKey> {
        match &self.key {
            Key::Sm2(public) => Some(public),
            Key::Bad | Key::Other => None,
        }
    }

    /// Whether `issuer` signed it, over the bytes as they came.
    pub(super) fn is_signed_by(&self, issuer: &Self) -> bool {
        let Some(public) = issuer.public().filter(|_| self.is_sm2_signed) else { return false };
        Signature::from_der(&self.der[self.signature.clone()]).is_ok_and(|signature| {
            public.verify(sm2::DEFAULT_ID, &[&self.der[self.content.clone()]], &signature).is_ok()
        })
    }

    /// Whether its own issuer is itself.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether names and key identifiers allow `issuer` to have issued it.
    pub(super) fn may_be_from(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject && self.key_agrees(issuer).unwrap_or(true)
    }

    /// Whether the key identifiers are the same, where both have one.
    pub(super) fn key_agrees(&self, issuer: &Self) -> Option<bool> {
        Some(self.authority_key.as_ref()? == issuer.subject_key.as_ref()?)
    }

    /// The serial number in hexadecimal.
    pub(super) fn serial_text(&self) -> String {
        crate::domain::sm::hex(&self.serial)
    }
}

fn key(inside: &mut Reader<'_>) -> Result<Key, Malformed> {
    let mut info = inside.sequence()?;
    let mut algorithm = info.sequence()?;
    let is_curve =
        algorithm.oid()? == oid::EC_KEY && algorithm.optional(6)?.is_some_and(|curve| curve.content == oid::SM2);
    let point = info.bits()?;
    info.end()?;
    Ok(match PublicKey::from_bytes(point) {
        _ if !is_curve => Key::Other,
        Ok(public) => Key::Sm2(Box::new(public)),
        Err(_) => Key::Bad,
    })
}

/// The last value of an attribute of a name, or an empty text.
fn name_part(name: &[u8], wanted: &[u8]) -> Result<String, Malformed> {
    let mut sets = Reader::new(name);
    let mut found = String::new();
    while !sets.is_empty() {
        let mut set = sets.inside(SET)?;
        while !set.is_empty() {
            let mut pair = set.sequence()?;
            let id = pair.oid()?;
            let value = pair.any()?;
            if id == wanted {
                found = match value.tag {
                    // BMPString
                    0x1e => {
                        let (units, _) = value.content.as_chunks::<2>();
                        let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
                        String::from_utf16_lossy(&units)
                    }
                    _ => String::from_utf8_lossy(value.content).into_owned(),
                };
            }
        }
    }
    Ok(found)
}

/// The serial numbers that a list of an issuer revokes.
#[derive(Clone, Debug)]
pub(super) struct RevocationList {
    der: Vec<u8>,
    content: Range<usize>,
    signature: Range<usize>,
    pub(super) issuer: Vec<u8>,
    pub(super) this_update: i64,
    pub(super) next_update: Option<i64>,
    /// Serial numbers and the times of revocation, sorted by serial number.
    revoked: Vec<(Vec<u8>, i64)>,
    /// Speaks of certificates of users, of authorities.
    pub(super) covers: (bool, bool),
}

impl RevocationList {
    /// Reads one from DER. A list that leaves something out that this program would need (some reasons only, other
    /// issuers, changes only) is refused.
    pub(super) fn parse(der: &[u8]) -> Result<Self, Malformed> {
        let place = |part: &[u8]| {
            let start = part.as_ptr().addr() - der.as_ptr().addr();
            start..start + part.len()
        };
        let mut outer = Reader::of_sequence(der)?;
        let content = outer.element(SEQUENCE)?;
        let outer_algorithm = outer.plain_algorithm()?;
        let signature = outer.bits()?;
        outer.end()?;
        let mut inside = Reader::new(content.content);
        if inside.peek() == Some(INTEGER) {
            inside.small()?;
        }
        let inner_algorithm = inside.plain_algorithm()?;
        if outer_algorithm != oid::SM2_WITH_SM3 || inner_algorithm != outer_algorithm {
            return Err(Malformed);
        }
        let issuer = inside.element(SEQUENCE)?;
        let this_update = inside.time()?;
        let next_update = if matches!(inside.peek(), Some(0x17 | 0x18)) { Some(inside.time()?) } else { None };
        let mut revoked = Vec::new();
        if let Some(entries) = inside.optional(SEQUENCE)? {
            let mut entries = Reader::new(entries.content);
            while !entries.is_empty() {
                let mut entry = entries.sequence()?;
                let serial = entry.integer()?.to_vec();
                revoked.push((serial, entry.time()?));
                if let Some(extensions) = entry.optional(SEQUENCE)? {
                    no_critical(extensions.content)?;
                }
                entry.end()?;
            }
        }
        revoked.sort_unstable();
        let covers = match inside.optional(context(0))? {
            Some(extensions) => scope(Reader::of_sequence(extensions.content)?)?,
            None => (true, true),
        };
        inside.end()?;
        Ok(Self {
            content: place(content.raw),
            signature: place(signature),
            issuer: issuer.raw.to_vec(),
            this_update,
            next_update,
            revoked,
            covers,
            der: der.to_vec(),
        })
    }

    /// Whether `issuer` signed it and may.
    pub(super) fn is_signed_by(&self, issuer: &Certificate) -> bool {
        issuer.subject == self.issuer
            && issuer.key_usage.is_none_or(|bits| bits & usage::LIST_SIGN != 0)
            && issuer.public().is_some_and(|public| {
                Signature::from_der(&self.der[self.signature.clone()]).is_ok_and(|signature| {
                    public.verify(sm2::DEFAULT_ID, &[&self.der[self.content.clone()]], &signature).is_ok()
                })
            })
    }

    /// When the certificate of that number was revoked: the earliest time, should there be two.
    pub(super) fn revoked(&self, serial: &[u8]) -> Option<i64> {
        let first = self.revoked.partition_point(|(known, _)| known.as_slice() < serial);
        self.revoked.get(first).filter(|(known, _)| known == serial).map(|(_, time)| *time)
    }
}

fn no_critical(extensions: &[u8]) -> Result<(), Malformed> {
    let mut extensions = Reader::new(extensions);
    while !extensions.is_empty() {
        let mut extension = extensions.sequence()?;
        extension.oid()?;
        if extension.flag()? {
            return Err(Malformed);
        }
    }
    Ok(())
}

/// Which certificates a list speaks of: of users, of authorities.
fn scope(mut extensions: Reader<'_>) -> Result<(bool, bool), Malformed> {
    let mut covers = (true, true);
    while !extensions.is_empty() {
        let mut extension = extensions.sequence()?;
        let id = extension.oid()?;
        let critical = extension.flag()?;
        let value = extension.octets()?;
        match id {
            oid::ISSUING_POINT => {
                let mut inside = Reader::of_sequence(value)?;
                inside.optional(context(0))?;
                let mut flag =
                    |n: u8| inside.optional(0x80 | n).map(|flag| flag.is_some_and(|flag| flag.content != [0]));
                let (users, authorities) = (flag(1)?, flag(2)?);
                if flag(3)? || flag(4)? || flag(5)? {
                    return Err(Malformed);
                }
                inside.end()?;
                covers = (!authorities, !users);
            }
            _ if critical => return Err(Malformed),
            _ => {}
        }
    }
    Ok(covers)
}
