//! The little DER (ITU-T X.690, clause 10) that signatures and ciphertexts need, read strictly: every value has one
//! form only.

use crate::domain::sm::Wrong;

/// Tag of an INTEGER.
const INTEGER: u8 = 0x02;

/// Tag of an OCTET STRING.
pub(super) const OCTETS: u8 = 0x04;

/// Tag of a SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;

/// Takes an element with `tag` off the front of `rest` and gives its content.
pub(super) fn take<'a>(rest: &mut &'a [u8], tag: u8) -> Result<&'a [u8], Wrong> {
    let (&[found, first], mut behind) = rest.split_first_chunk::<2>().ok_or(Wrong)?;
    if found != tag {
        return Err(Wrong);
    }
    let mut length = usize::from(first);
    if first >= 0x80 {
        let digits = usize::from(first & 0x7f);
        // Four bytes of length: more than any message here has.
        if digits == 0 || digits > 4 || behind.len() < digits || behind[0] == 0 {
            return Err(Wrong);
        }
        let (written, after) = behind.split_at(digits);
        length = written.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length < 0x80 {
            return Err(Wrong);
        }
        behind = after;
    }
    let (content, after) = behind.split_at_checked(length).ok_or(Wrong)?;
    *rest = after;
    Ok(content)
}

/// The content of the element with `tag` that `bytes` are, nothing behind it.
pub(super) fn only(bytes: &[u8], tag: u8) -> Result<&[u8], Wrong> {
    let mut rest = bytes;
    let content = take(&mut rest, tag)?;
    if rest.is_empty() { Ok(content) } else { Err(Wrong) }
}

/// Takes an INTEGER from zero to 2^256 - 1 off the front of `rest`.
pub(super) fn number(rest: &mut &[u8]) -> Result<[u8; 32], Wrong> {
    let content = take(rest, INTEGER)?;
    let digits = match *content {
        // Nothing, a negative number, or a zero byte that is not needed.
        [] | [0x80..=0xff, ..] | [0, 0..0x80, ..] => return Err(Wrong),
        [0, 0x80..=0xff, ..] => &content[1..],
        _ => content,
    };
    let start = 32_usize.checked_sub(digits.len()).ok_or(Wrong)?;
    let mut number = [0; 32];
    number[start..].copy_from_slice(digits);
    Ok(number)
}

/// Appends an element.
pub(super) fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    let length = content.len().to_be_bytes();
    let digits = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    match digits {
        [] => out.push(0),
        [short @ 0..0x80] => out.push(*short),
        _ => {
            #[allow(clippy::cast_possible_truncation, reason = "a length has at most eight bytes")]
            out.push(0x80 | digits.len() as u8);
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(content);
}

/// Appends an INTEGER that is not negative.
pub(super) fn put_number(out: &mut Vec<u8>, number: &[u8; 32]) {
    let zeros = number.iter().take_while(|byte| **byte == 0).count().min(31);
    let digits = &number[zeros..];
    if digits[0] < 0x80 {
        put(out, INTEGER, digits);
    } else {
        let mut longer = [0; 33];
        longer[1..].copy_from_slice(number);
        put(out, INTEGER, &longer[zeros..]);
    }
}
