//! Strict DER: read where it lies, and written inside out.
//!
//! Reading stands on the `der` crate, which refuses indefinite and over-long lengths and truncated input; what is read
//! is handed out as slices of the input, so that a signature is checked over the bytes that came and never over a
//! second encoding of them. It deliberately knows no structure: certificates, messages and keys are read by their own
//! modules.
//!
//! DER is ITU-T X.690 (GB/T 16263.1).

mod write;

pub use crate::domain::asn::write::bits;
pub use crate::domain::asn::write::boolean;
pub use crate::domain::asn::write::explicit;
pub use crate::domain::asn::write::integer;
pub use crate::domain::asn::write::null;
pub use crate::domain::asn::write::octets;
pub use crate::domain::asn::write::oid;
pub use crate::domain::asn::write::sequence;
pub use crate::domain::asn::write::set_of;
pub use crate::domain::asn::write::small;
pub use crate::domain::asn::write::time;
pub use crate::domain::asn::write::tlv;
pub use crate::domain::asn::write::utf8;
pub use der::asn1::ObjectIdentifier;

use der::Decode;
use der::Header;
use der::Length;
use der::Reader as _;
use der::SliceReader;
use std::fmt;

/// Identifier octets.
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// BIT STRING.
    pub const BITS: u8 = 0x03;
    /// OCTET STRING.
    pub const OCTETS: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// UTF8String.
    pub const UTF8: u8 = 0x0c;
    /// UTCTime.
    pub const UTC_TIME: u8 = 0x17;
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: u8 = 0x18;
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: u8 = 0x30;
    /// SET and SET OF.
    pub const SET: u8 = 0x31;

    /// `[n]`, constructed: explicit, or an implicit SEQUENCE or SET. `n` is below 31.
    pub const fn context(n: u8) -> u8 {
        0xa0 | n
    }

    /// `[n]`, primitive: an implicit string or integer. `n` is below 31.
    pub const fn context_primitive(n: u8) -> u8 {
        0x80 | n
    }
}

/// The bytes are not the strict DER of what was expected. It does not say where: an error must not teach an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not the strict DER that was expected")
    }
}

impl std::error::Error for Malformed {}

impl From<der::Error> for Malformed {
    fn from(_: der::Error) -> Self {
        Self
    }
}

/// The elements of one constructed value, one after the other.
#[derive(Clone, Debug)]
pub struct Reader<'a>(SliceReader<'a>);

impl<'a> Reader<'a> {
    /// Over whole elements that lie side by side.
    ///
    /// # Errors
    /// When there are more bytes than the `der` crate handles (256 MiB).
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self(SliceReader::new(bytes)?))
    }

    /// Over the elements of the one SEQUENCE that `bytes` must be, without a byte more.
    ///
    /// # Errors
    /// When it is something else.
    pub fn of_sequence(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Self::new(bytes)?;
        let inner = outer.constructed(tag::SEQUENCE)?;
        outer.finish()?;
        Ok(inner)
    }

    /// The identifier octet of the next element, if there is one.
    pub fn next_tag(&self) -> Option<u8> {
        self.0.peek_byte()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_finished()
    }

    /// The next element, identifier and length included.
    ///
    /// # Errors
    /// When there is none, or it is not DER.
    pub fn raw(&mut self) -> Result<&'a [u8], Malformed> {
        Ok(self.0.tlv_bytes()?)
    }

    /// The next element, identifier and length included, which must have the identifier octet `tag`.
    ///
    /// # Errors
    /// When it has another, or there is none.
    pub fn raw_of(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        if self.next_tag() == Some(tag) { self.raw() } else { Err(Malformed) }
    }

    /// The content of the next element, which must have the identifier octet `tag`.
    ///
    /// # Errors
    /// When it has another, or there is none.
    pub fn value(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        if self.next_tag() != Some(tag) {
            return Err(Malformed);
        }
        let header = Header::decode(&mut self.0)?;
        Ok(self.0.read_slice(header.length())?)
    }

    /// The content of the next element where it has the identifier octet `tag`; else nothing is read.
    ///
    /// # Errors
    /// When it has that identifier and is not DER.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.next_tag() == Some(tag) { self.value(tag).map(Some) } else { Ok(None) }
    }

    /// The elements inside the next element.
    ///
    /// # Errors
    /// As [`Reader::value`].
    pub fn constructed(&mut self, tag: u8) -> Result<Self, Malformed> {
        Self::new(self.value(tag)?)
    }

    /// The elements of the SEQUENCE that comes next.
    ///
    /// # Errors
    /// As [`Reader::value`].
    pub fn sequence(&mut self) -> Result<Self, Malformed> {
        self.constructed(tag::SEQUENCE)
    }

    /// The magnitude of the INTEGER that comes next, big-endian, without leading zeros; it must not be negative.
    ///
    /// # Errors
    /// Also when it is not the shortest form.
    pub fn unsigned(&mut self) -> Result<&'a [u8], Malformed> {
        match self.value(tag::INTEGER)? {
            [0] => Ok(&[]),
            [0, rest @ ..] if rest[0] >= 0x80 => Ok(rest),
            [] | [0 | 0x80..=0xff, ..] => Err(Malformed),
            magnitude => Ok(magnitude),
        }
    }

    /// The INTEGER that comes next where it is small.
    ///
    /// # Errors
    /// Also when it does not fit 32 bits.
    pub fn small(&mut self) -> Result<u32, Malformed> {
        let magnitude = self.unsigned()?;
        if magnitude.len() > 4 {
            return Err(Malformed);
        }
        Ok(magnitude.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    /// The OBJECT IDENTIFIER that comes next.
    ///
    /// # Errors
    /// As [`Reader::value`].
    pub fn oid(&mut self) -> Result<ObjectIdentifier, Malformed> {
        ObjectIdentifier::from_bytes(self.value(tag::OID)?).map_err(|_| Malformed)
    }

    /// The bytes of the BIT STRING that comes next, which must be whole bytes.
    ///
    /// # Errors
    /// Also when bits are unused.
    pub fn bits(&mut self) -> Result<&'a [u8], Malformed> {
        match self.value(tag::BITS)? {
            [0, bytes @ ..] => Ok(bytes),
            _ => Err(Malformed),
        }
    }

    /// The bytes of the OCTET STRING that comes next.
    ///
    /// # Errors
    /// As [`Reader::value`].
    pub fn octets(&mut self) -> Result<&'a [u8], Malformed> {
        self.value(tag::OCTETS)
    }

    /// The UTCTime or GeneralizedTime that comes next, in seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// Also when it is not in the form of RFC 5280 (UTC, with seconds, without fractions).
    pub fn time(&mut self) -> Result<i64, Malformed> {
        let seconds = match self.next_tag() {
            Some(tag::UTC_TIME) => der::asn1::UtcTime::from_der(self.raw()?)?.to_unix_duration().as_secs(),
            Some(tag::GENERALIZED_TIME) => {
                der::asn1::GeneralizedTime::from_der(self.raw()?)?.to_unix_duration().as_secs()
            }
            _ => return Err(Malformed),
        };
        i64::try_from(seconds).map_err(|_| Malformed)
    }

    /// An AlgorithmIdentifier: its OID, and its parameters as a whole element where there are any.
    ///
    /// # Errors
    /// When it is something else.
    pub fn algorithm(&mut self) -> Result<Algorithm<'a>, Malformed> {
        let mut inside = self.sequence()?;
        let oid = inside.oid()?;
        let parameters = if inside.is_empty() { None } else { Some(inside.raw()?) };
        inside.finish()?;
        Ok(Algorithm { oid, parameters })
    }

    /// That nothing is left.
    ///
    /// # Errors
    /// When something is.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.0.remaining_len() == Length::ZERO { Ok(()) } else { Err(Malformed) }
    }
}

/// An AlgorithmIdentifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithm<'a> {
    /// Which algorithm.
    pub oid: ObjectIdentifier,
    /// Its parameters, a whole element.
    pub parameters: Option<&'a [u8]>,
}

impl Algorithm<'_> {
    /// Whether there are no parameters: absent or NULL, since issuers disagree on which of the two to write.
    pub fn is_plain(&self) -> bool {
        matches!(self.parameters, None | Some([tag::NULL, 0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shortest_form_is_read() {
        for (bytes, magnitude) in [
            (&[2, 1, 0][..], Some(&[][..])),
            (&[2, 1, 0x7f], Some(&[0x7f])),
            (&[2, 2, 0, 0x80], Some(&[0x80])),
            (&[2, 2, 0, 0x7f], None),
            (&[2, 1, 0x80], None),
            (&[2, 0], None),
            (&[2, 0x81, 1, 5], None),
            (&[2, 0x80, 5, 0, 0], None),
            (&[2, 3, 5], None),
        ] {
            let read = Reader::new(bytes).unwrap().unsigned();
            assert_eq!(read.ok(), magnitude, "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let moment = 1_795_397_415;
        let written = sequence(&[&integer(&[0, 0, 0x90]), &time(moment), &time(4_102_444_800), &octets(&[7; 300])]);
        let mut inside = Reader::of_sequence(&written).unwrap();
        assert_eq!(inside.unsigned().unwrap(), [0x90]);
        assert_eq!(inside.next_tag(), Some(tag::UTC_TIME));
        assert_eq!(inside.time().unwrap(), moment);
        assert_eq!(inside.next_tag(), Some(tag::GENERALIZED_TIME), "2100 does not fit two digits");
        assert_eq!(inside.time().unwrap(), 4_102_444_800);
        assert_eq!(inside.octets().unwrap(), [7; 300]);
        inside.finish().unwrap();
        for cut in 0..written.len() {
            assert!(Reader::of_sequence(&written[..cut]).is_err());
        }
        assert!(Reader::of_sequence(&[&written[..], &[0]].concat()).is_err());
    }

    #[test]
    fn a_set_is_written_in_order() {
        let set = set_of(vec![octets(&[2]), octets(&[1, 1]), octets(&[1])]);
        assert_eq!(set, [0x31, 10, 4, 1, 1, 4, 1, 2, 4, 2, 1, 1]);
    }
}
