//! Strict DER, read where it lies (ITU-T X.690).
//!
//! Lengths are definite and shortest, identifiers have one octet, and nothing is ever written back: what is verified
//! is a slice of what came. It is laxer than DER in one point that real seals need: a BOOLEAN that equals its default
//! may be written out. Errors do not say where.

use jiff::civil::DateTime;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BITS: u8 = 0x03;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const PRINTABLE: u8 = 0x13;
pub(super) const IA5: u8 = 0x16;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// `[n]`, constructed.
pub(super) const fn context(n: u8) -> u8 {
    0xa0 | n
}

/// Not the DER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// One element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// Identifier and length included.
    pub(super) raw: &'a [u8],
    pub(super) content: &'a [u8],
}

/// Elements that lie side by side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The elements of the one SEQUENCE that `bytes` must be.
    pub(super) fn of_sequence(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Self(bytes);
        let inside = outer.sequence()?;
        outer.end()?;
        Ok(inside)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is not read yet.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self) -> Result<Element<'a>, Malformed> {
        let [tag, first, ..] = *self.0 else { return Err(Malformed) };
        if tag & 0x1f == 0x1f {
            return Err(Malformed);
        }
        let (header, length) = if first < 0x80 {
            (2, usize::from(first))
        } else {
            let octets = usize::from(first & 0x7f);
            if !(1..=4).contains(&octets) {
                return Err(Malformed);
            }
            let bytes = self.0.get(2..2 + octets).ok_or(Malformed)?;
            let length = bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
            if bytes[0] == 0 || length < 0x80 {
                return Err(Malformed);
            }
            (2 + octets, length)
        };
        let end = header.checked_add(length).ok_or(Malformed)?;
        let raw = self.0.get(..end).ok_or(Malformed)?;
        self.0 = &self.0[end..];
        Ok(Element { tag, raw, content: &raw[header..] })
    }

    pub(super) fn element(&mut self, tag: u8) -> Result<Element<'a>, Malformed> {
        if self.peek() == Some(tag) { self.any() } else { Err(Malformed) }
    }

    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Malformed> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    pub(super) fn inside(&mut self, tag: u8) -> Result<Self, Malformed> {
        Ok(Self(self.element(tag)?.content))
    }

    pub(super) fn sequence(&mut self) -> Result<Self, Malformed> {
        self.inside(SEQUENCE)
    }

    pub(super) fn octets(&mut self) -> Result<&'a [u8], Malformed> {
        Ok(self.element(OCTETS)?.content)
    }

    /// The octets of an OBJECT IDENTIFIER.
    pub(super) fn oid(&mut self) -> Result<&'a [u8], Malformed> {
        let content = self.element(OID)?.content;
        if content.last().is_none_or(|last| *last >= 0x80) { Err(Malformed) } else { Ok(content) }
    }

    /// The octets of an INTEGER in its shortest form.
    pub(super) fn integer(&mut self) -> Result<&'a [u8], Malformed> {
        match self.element(INTEGER)?.content {
            [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err(Malformed),
            content => Ok(content),
        }
    }

    /// An INTEGER from 0 to 2^31 - 1.
    pub(super) fn small(&mut self) -> Result<u32, Malformed> {
        let content = self.integer()?;
        if content[0] >= 0x80 || content.len() > 4 {
            return Err(Malformed);
        }
        Ok(content.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    /// A BIT STRING of whole octets.
    pub(super) fn bits(&mut self) -> Result<&'a [u8], Malformed> {
        match self.element(BITS)?.content {
            [0, octets @ ..] => Ok(octets),
            _ => Err(Malformed),
        }
    }

    /// A BOOLEAN that may be left out.
    pub(super) fn flag(&mut self) -> Result<bool, Malformed> {
        match self.optional(BOOLEAN)?.map(|element| element.content) {
            None | Some([0]) => Ok(false),
            Some([0xff]) => Ok(true),
            Some(_) => Err(Malformed),
        }
    }

    /// A string of any of the kinds that seals and names use. Real ones carry UTF-8 in IA5String.
    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let element = self.any()?;
        if !matches!(element.tag, UTF8 | PRINTABLE | IA5 | 0x14) {
            return Err(Malformed);
        }
        std::str::from_utf8(element.content).map_err(|_| Malformed)
    }

    /// UTCTime or GeneralizedTime, in seconds since 1970-01-01T00:00:00Z.
    pub(super) fn time(&mut self) -> Result<i64, Malformed> {
        let element = self.any()?;
        let text = std::str::from_utf8(element.content).map_err(|_| Malformed)?;
        match element.tag {
            UTC_TIME if text.len() == 13 => {
                let century = if text.as_bytes()[0] >= b'5' { "19" } else { "20" };
                moment(&format!("{century}{text}"))
            }
            GENERALIZED_TIME => moment(text),
            _ => None,
        }
        .ok_or(Malformed)
    }

    /// The OID of an `AlgorithmIdentifier`, whose parameters must be absent or NULL.
    pub(super) fn plain_algorithm(&mut self) -> Result<&'a [u8], Malformed> {
        let mut inside = self.sequence()?;
        let oid = inside.oid()?;
        if matches!(inside.rest(), [] | [5, 0]) { Ok(oid) } else { Err(Malformed) }
    }
}

/// `20240315020000Z`, a fraction allowed.
fn moment(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) {
        return None;
    }
    seconds(whole)
}

/// Fourteen digits as seconds since 1970-01-01T00:00:00, in whatever zone they are.
pub(super) fn seconds(digits: &str) -> Option<i64> {
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i8>().ok();
    let year = digits.get(..4)?.parse().ok()?;
    let time = DateTime::new(year, part(4..6)?, part(6..8)?, part(8..10)?, part(10..12)?, part(12..14)?, 0).ok()?;
    Some(jiff::tz::Offset::UTC.to_timestamp(time).ok()?.as_second())
}

/// Object identifiers, as their octets. Origins: GM/T 0006, GM/T 0010, RFC 5280, PKCS #9.
pub(super) mod oid {
    pub(in crate::domain::licence) const SM2_WITH_SM3: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x83, 0x75];
    pub(in crate::domain::licence) const SM2: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x82, 0x2d];
    pub(in crate::domain::licence) const SM2_SIGN: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x82, 0x2d, 1];
    pub(in crate::domain::licence) const SM3: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x83, 0x11];
    pub(in crate::domain::licence) const SM3_UNKEYED: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x83, 0x11, 1];
    pub(in crate::domain::licence) const GM_SIGNED_DATA: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 6, 1, 4, 2, 2];
    pub(in crate::domain::licence) const GM_DATA: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 6, 1, 4, 2, 1];
    pub(in crate::domain::licence) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    pub(in crate::domain::licence) const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    pub(in crate::domain::licence) const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
    pub(in crate::domain::licence) const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
    pub(in crate::domain::licence) const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
    pub(in crate::domain::licence) const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];
    pub(in crate::domain::licence) const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    pub(in crate::domain::licence) const ORGANIZATION: &[u8] = &[0x55, 4, 10];
    pub(in crate::domain::licence) const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    pub(in crate::domain::licence) const SUBJECT_KEY: &[u8] = &[0x55, 0x1d, 14];
    pub(in crate::domain::licence) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
    pub(in crate::domain::licence) const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 17];
    pub(in crate::domain::licence) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
    pub(in crate::domain::licence) const ISSUING_POINT: &[u8] = &[0x55, 0x1d, 28];
    pub(in crate::domain::licence) const POLICIES: &[u8] = &[0x55, 0x1d, 32];
    pub(in crate::domain::licence) const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 35];
    pub(in crate::domain::licence) const EXTENDED_USAGE: &[u8] = &[0x55, 0x1d, 37];
    pub(in crate::domain::licence) const LIST_POINTS: &[u8] = &[0x55, 0x1d, 31];
    pub(in crate::domain::licence) const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shortest_length_is_read() {
        for (bytes, right) in [
            (&[4, 1, 7][..], true),
            (&[4, 0x81, 1, 7], false),
            (&[4, 0x80, 7, 0, 0], false),
            (&[4, 2, 7], false),
            (&[4, 0x84, 0xff, 0xff, 0xff, 0xff], false),
            (&[0x1f, 1, 7], false),
            (&[4], false),
            (&[], false),
        ] {
            assert_eq!(Reader::new(bytes).any().is_ok(), right, "{bytes:x?}");
        }
    }

    #[test]
    fn times() {
        let read = |tag: u8, text: &str| {
            let length = u8::try_from(text.len()).unwrap();
            Reader::new(&[&[tag, length], text.as_bytes()].concat()).time().ok()
        };
        assert_eq!(read(UTC_TIME, "240315020000Z"), Some(1_710_468_000));
        assert_eq!(read(GENERALIZED_TIME, "20240315020000Z"), Some(1_710_468_000));
        assert_eq!(read(GENERALIZED_TIME, "20240315020000.123Z"), Some(1_710_468_000));
        assert_eq!(read(UTC_TIME, "500101000000Z"), Some(-631_152_000));
        for text in ["20240230000000Z", "20240315020000", "20240315020000+0800", "2024031502000Z", "2024031502000é"] {
            assert_eq!(read(GENERALIZED_TIME, text), None, "{text}");
        }
    }
}
