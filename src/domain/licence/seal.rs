//! Seals and seal signatures: GM/T 0031-2014 (structure version 1), GB/T 38540-2020 (version 4), and version 5.
//!
//! Everything is a slice of what came; what a signature covers is never put together anew, except for the outer
//! header that version 1 prescribes around three parts.

use crate::domain::licence::der::BITS;
use crate::domain::licence::der::Malformed;
use crate::domain::licence::der::OCTETS;
use crate::domain::licence::der::OID;
use crate::domain::licence::der::Reader;
use crate::domain::licence::der::SEQUENCE;
use crate::domain::licence::der::context;
use crate::domain::licence::der::seconds;
use crate::domain::sm;

/// Most certificates in the list of a seal.
const LISTED_MAX: usize = 256;
/// Names of digests of certificates (GB/T 38540): everything but SM3 is refused.
const DIGEST_NAMES: &[&str] = &["SM3", "1.2.156.10197.1.401"];

/// Who may sign with a seal.
#[derive(Clone, Debug)]
pub(super) enum Listed<'a> {
    Certificates(Vec<&'a [u8]>),
    /// SM3 digests of certificates; none for an entry of another digest.
    Digests(Vec<Option<&'a [u8]>>),
}

impl Listed<'_> {
    /// Whether the certificate with these bytes is among them.
    pub(super) fn has(&self, certificate: &[u8]) -> bool {
        match self {
            Self::Certificates(all) => all.contains(&certificate),
            Self::Digests(all) => {
                let digest = sm::digest(certificate);
                all.iter().flatten().any(|listed| sm::verify(&digest, listed))
            }
        }
    }
}

/// SESeal.
#[derive(Clone, Debug)]
pub(super) struct Seal<'a> {
    /// The whole, as in a file `Seal.esl`.
    pub(super) raw: &'a [u8],
    /// eSealInfo.
    info: &'a [u8],
    pub(super) version: u32,
    /// esID: 14 digits for government seals.
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) listed: Listed<'a>,
    pub(super) valid_from: i64,
    pub(super) valid_until: i64,
    pub(super) has_unknown_critical: bool,
    /// The certificate of the seal's maker.
    pub(super) maker: &'a [u8],
    pub(super) algorithm: &'a [u8],
    pub(super) value: &'a [u8],
    /// The certificate and the algorithm as elements: what the maker of version 1 signs besides eSealInfo.
    signed_too: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Seal<'a> {
    fn read(outer: &mut Reader<'a>) -> Result<Self, Malformed> {
        let whole = outer.element(SEQUENCE)?;
        let mut inside = Reader::new(whole.content);
        let info = inside.element(SEQUENCE)?;
        let mut parts = Reader::new(info.content);
        let mut header = parts.sequence()?;
        let id = header.text()?;
        let version = header.small()?;
        header.text()?;
        header.end()?;
        if id != "ES" {
            return Err(Malformed);
        }
        let id = parts.text()?;
        let mut property = parts.sequence()?;
        property.small()?;
        let name = property.text()?;
        let listed = listed(&mut property)?;
        property.time()?;
        let (valid_from, valid_until) = (property.time()?, property.time()?);
        property.end()?;
        let mut picture = parts.sequence()?;
        picture.text()?;
        picture.octets()?;
        picture.small()?;
        picture.small()?;
        picture.end()?;
        let has_unknown_critical = match parts.optional(SEQUENCE)? {
            Some(extensions) => has_critical(extensions.content)?,
            // Some writers tag them, as in TBS_Sign.
            None => match parts.optional(context(0))? {
                Some(extensions) => has_critical(Reader::new(extensions.content).sequence()?.rest())?,
                None => false,
            },
        };
        parts.end()?;

        let is_legacy = inside.peek() == Some(SEQUENCE);
        let mut sign = if is_legacy { inside.sequence()? } else { inside };
        let maker = sign.element(OCTETS)?;
        let algorithm = sign.element(OID)?;
        let value = sign.bits()?;
        if is_legacy {
            inside.end()?;
        } else if version >= 5 {
            // The time stamp of a seal changes nothing that is judged here.
            sign.optional(context(0))?;
        }
        sign.end()?;
        Ok(Self {
            raw: whole.raw,
            info: info.raw,
            version,
            id,
            name,
            listed,
            valid_from,
            valid_until,
            has_unknown_critical,
            maker: maker.content,
            algorithm: algorithm.content,
            value,
            signed_too: is_legacy.then_some((maker.raw, algorithm.raw)),
        })
    }

    /// What the maker signed, in parts that follow one another; the first is the outer header where there is one.
    pub(super) fn signed<'b>(&self, header: &'b mut Vec<u8>) -> Vec<&'b [u8]>
    where
        'a: 'b,
    {
        match self.signed_too {
            None => vec![self.info],
            Some((maker, algorithm)) => {
                *header = sequence_header(self.info.len() + maker.len() + algorithm.len());
                vec![header.as_slice(), self.info, maker, algorithm]
            }
        }
    }

    /// Whether it is of GM/T 0031.
    pub(super) const fn is_legacy(&self) -> bool {
        self.signed_too.is_some()
    }
}

/// Identifier and shortest length of a SEQUENCE.
fn sequence_header(length: usize) -> Vec<u8> {
    let bytes = length.to_be_bytes();
    let skipped = bytes.iter().take_while(|byte| **byte == 0).count();
    let octets = &bytes[skipped..];
    match (length, u8::try_from(octets.len())) {
        (0x80.., Ok(count)) => [&[SEQUENCE, 0x80 | count], octets].concat(),
        _ => vec![SEQUENCE, octets.first().copied().unwrap_or(0)],
    }
}

/// Certificates, or from version 4 on a number that says which of the two, and certificates or digests.
fn listed<'a>(property: &mut Reader<'a>) -> Result<Listed<'a>, Malformed> {
    let kind = if property.peek() == Some(SEQUENCE) { 1 } else { property.small()? };
    let mut list = property.sequence()?;
    let mut certificates = Vec::new();
    let mut digests = Vec::new();
    while !list.is_empty() {
        if certificates.len() + digests.len() >= LISTED_MAX {
            return Err(Malformed);
        }
        match kind {
            1 => certificates.push(list.octets()?),
            2 => {
                let mut entry = list.sequence()?;
                let name = entry.text()?;
                let digest = entry.octets()?;
                entry.end()?;
                let is_sm3 = DIGEST_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
                digests.push(is_sm3.then_some(digest));
            }
            _ => return Err(Malformed),
        }
    }
    Ok(if kind == 2 { Listed::Digests(digests) } else { Listed::Certificates(certificates) })
}

/// Whether one of these ExtData is critical. None is known here.
fn has_critical(extensions: &[u8]) -> Result<bool, Malformed> {
    let mut extensions = Reader::new(extensions);
    let mut critical = false;
    while !extensions.is_empty() {
        let mut extension = extensions.sequence()?;
        extension.oid()?;
        critical |= extension.flag()?;
        extension.octets()?;
        extension.end()?;
    }
    Ok(critical)
}

/// What a seal signature says of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told<'a> {
    /// The signer's own word.
    Claimed(i64),
    /// A time-stamp token.
    Stamped(&'a [u8]),
}

/// `SES_Signature`.
#[derive(Clone, Debug)]
pub(super) struct SealSignature<'a> {
    /// `TBS_Sign`, which is what the value is over.
    pub(super) signed: &'a [u8],
    pub(super) version: u32,
    pub(super) seal: Seal<'a>,
    pub(super) time: Option<Told<'a>>,
    pub(super) data_hash: &'a [u8],
    /// The path of Signature.xml.
    pub(super) property: &'a str,
    pub(super) has_unknown_critical: bool,
    pub(super) certificate: &'a [u8],
    pub(super) algorithm: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) time_stamp: Option<&'a [u8]>,
    /// Elements outside: 2 of version 1, 4 or 5 of versions 4 and 5.
    elements: usize,
}

/// Why a value is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    Malformed,
    TrailingData,
}

impl From<Malformed> for Unreadable {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl<'a> SealSignature<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let mut outer = Reader::new(bytes);
        let mut inside = outer.sequence()?;
        if !outer.is_empty() {
            return Err(Unreadable::TrailingData);
        }
        let signed = inside.element(SEQUENCE)?;
        let mut parts = Reader::new(signed.content);
        let version = parts.small()?;
        let seal = Seal::read(&mut parts)?;
        let is_legacy = inside.peek() == Some(BITS);
        let time =
            if parts.peek() == Some(BITS) { legacy_time(parts.bits()?) } else { Some(Told::Claimed(parts.time()?)) };
        let data_hash = parts.bits()?;
        let property = parts.text()?;
        let mut has_unknown_critical = seal.has_unknown_critical;
        let (certificate, algorithm) = if is_legacy {
            (parts.octets()?, parts.oid()?)
        } else {
            if let Some(extensions) = parts.optional(context(0))? {
                let mut inside = Reader::new(extensions.content);
                // EXPLICIT; some writers leave the SEQUENCE out.
                let list = if looks_like_one(inside) { inside.sequence()?.rest() } else { extensions.content };
                has_unknown_critical |= has_critical(list)?;
            }
            (inside.octets()?, inside.oid()?)
        };
        parts.end()?;
        let value = inside.bits()?;
        let mut elements = if is_legacy { 2 } else { 4 };
        let mut time_stamp = None;
        if let Some(stamp) = inside.optional(context(0))? {
            let mut stamp = Reader::new(stamp.content);
            time_stamp = Some(stamp.bits()?);
            stamp.end()?;
            elements += 1;
        }
        inside.end()?;
        Ok(Self {
            signed: signed.raw,
            version,
            seal,
            time,
            data_hash,
            property,
            has_unknown_critical,
            certificate,
            algorithm,
            value,
            time_stamp,
            elements,
        })
    }

    /// Whether the number of elements, the signature's version and the seal's version are of one edition.
    pub(super) fn versions_agree(&self) -> bool {
        let legacy = self.elements == 2;
        self.version == self.seal.version
            && legacy == self.seal.is_legacy()
            && if legacy { self.version < 4 } else { matches!(self.version, 4 | 5) }
    }

    pub(super) const fn is_legacy(&self) -> bool {
        self.elements == 2
    }
}

/// Whether `[0]` holds one SEQUENCE of ExtData rather than ExtData themselves, which begin with an OID.
fn looks_like_one(inside: Reader<'_>) -> bool {
    let mut one = inside;
    one.sequence().is_ok_and(|first| one.is_empty() && first.peek() != Some(OID))
}

/// timeInfo of version 1, a BIT STRING of unsaid content: a DER time, a time-stamp token, or digits.
fn legacy_time(bytes: &[u8]) -> Option<Told<'_>> {
    if bytes.first() == Some(&SEQUENCE) {
        return Some(Told::Stamped(bytes));
    }
    let mut reader = Reader::new(bytes);
    if let Ok(time) = reader.time()
        && reader.is_empty()
    {
        return Some(Told::Claimed(time));
    }
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('Z')?;
    let digits = if text.len() == 12 { format!("20{text}") } else { text.to_owned() };
    (digits.len() == 14).then(|| seconds(&digits)).flatten().map(Told::Claimed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_shortest() {
        assert_eq!(sequence_header(0), [0x30, 0]);
        assert_eq!(sequence_header(0x7f), [0x30, 0x7f]);
        assert_eq!(sequence_header(0x80), [0x30, 0x81, 0x80]);
        assert_eq!(sequence_header(0x1234), [0x30, 0x82, 0x12, 0x34]);
    }
}
