//! Writing DER: each function gives one whole element, made of whole elements.

use crate::domain::asn::ObjectIdentifier;
use crate::domain::asn::tag;
use der::DateTime;
use der::Encode;
use der::asn1::GeneralizedTime;
use der::asn1::UtcTime;
use std::time::Duration;

/// The element with the identifier octet `tag` around the concatenation of `parts`.
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut written = Vec::with_capacity(length + 6);
    written.push(tag);
    if let Ok(short) = u8::try_from(length)
        && short < 0x80
    {
        written.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        // At most eight.
        written.push(0x80 | u8::try_from(bytes.len()).unwrap_or_default());
        written.extend_from_slice(bytes);
    }
    for part in parts {
        written.extend_from_slice(part);
    }
    written
}

/// A SEQUENCE.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag::SEQUENCE, parts)
}

/// A SET OF, its elements in the order of DER.
pub fn set_of(mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    let parts: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
    tlv(tag::SET, &parts)
}

/// `[n]` around a whole element.
pub fn explicit(n: u8, element: &[u8]) -> Vec<u8> {
    tlv(tag::context(n), &[element])
}

/// An INTEGER that is not negative, from its magnitude, big-endian.
pub fn integer(magnitude: &[u8]) -> Vec<u8> {
    let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
    let magnitude = &magnitude[zeros..];
    let sign: &[u8] = if magnitude.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    tlv(tag::INTEGER, &[sign, magnitude])
}

/// A small INTEGER.
pub fn small(value: u32) -> Vec<u8> {
    integer(&value.to_be_bytes())
}

/// A BOOLEAN.
pub fn boolean(value: bool) -> Vec<u8> {
    tlv(tag::BOOLEAN, &[&[if value { 0xff } else { 0 }]])
}

/// NULL.
pub fn null() -> Vec<u8> {
    tlv(tag::NULL, &[])
}

/// An OCTET STRING.
pub fn octets(bytes: &[u8]) -> Vec<u8> {
    tlv(tag::OCTETS, &[bytes])
}

/// A BIT STRING of whole bytes.
pub fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(tag::BITS, &[&[0], bytes])
}

/// A UTF8String.
pub fn utf8(text: &str) -> Vec<u8> {
    tlv(tag::UTF8, &[text.as_bytes()])
}

/// An OBJECT IDENTIFIER.
pub fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    tlv(tag::OID, &[oid.as_bytes()])
}

/// A moment as RFC 5280 wants it: UTCTime up to the end of 2049, GeneralizedTime after that. A moment before 1970 or
/// after 9999 is written as the nearest of these.
pub fn time(seconds: i64) -> Vec<u8> {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    if let Ok(short) = UtcTime::from_unix_duration(since)
        && let Ok(written) = short.to_der()
    {
        return written;
    }
    let long = GeneralizedTime::from_unix_duration(since)
        .unwrap_or_else(|_| GeneralizedTime::from_date_time(DateTime::INFINITY));
    long.to_der().unwrap_or_default()
}
