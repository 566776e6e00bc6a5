//! Finding the next byte that matters, eight bytes at a time.
//!
//! Texts in these documents are short, so a call into a vector routine costs more than it saves; a 64-bit word
//! does. Each test below flags the high bit of a byte that fits. A borrow can flag a byte *above* one that fits,
//! never below, so the lowest flag is always right. It deliberately knows no grammar.

use crate::domain::fault::Fault;

const HIGH: u64 = 0x8080_8080_8080_8080;

/// `byte` in all eight places.
const fn every(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

/// Flags bytes equal to `byte`.
#[inline]
const fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ every(byte);
    difference.wrapping_sub(every(1)) & !difference & HIGH
}

/// Flags control characters and the one byte that `turn` turns into 0x20 (`turn` is below 0x20, so control
/// characters stay among themselves).
#[inline]
const fn control_or(word: u64, turn: u8) -> u64 {
    (word ^ every(turn)).wrapping_sub(every(0x21)) & !word & HIGH
}

/// The first place at or after `at` that `flags` (words) or `fits` (the last bytes) finds, or the length.
/// The first two words are looked at in line: most names and many texts end there.
#[inline(always)]
fn find(bytes: &[u8], at: usize, flags: impl Fn(u64) -> u64, fits: impl Fn(u8) -> bool) -> usize {
    if let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        if let Some(place) = first_of_two(*chunk, &flags) {
            return at + place;
        }
        return find_further(bytes, at + 16, flags, fits);
    }
    find_further(bytes, at, flags, fits)
}

#[inline(never)]
fn find_further(bytes: &[u8], mut at: usize, flags: impl Fn(u64) -> u64, fits: impl Fn(u8) -> bool) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        if let Some(place) = first_of_two(*chunk, &flags) {
            return at + place;
        }
        at += 16;
    }
    match last_words(bytes, at, flags) {
        // Bytes before `at` are seen too, and the borrow of one that fits may have flagged the next.
        Some(place) if bytes.get(place).is_none_or(|byte| fits(*byte)) => place,
        _ => {
            while bytes.get(at).is_some_and(|byte| !fits(*byte)) {
                at += 1;
            }
            at
        }
    }
}

/// The first flagged byte at or after `at`, or the length, where fewer than sixteen bytes are left: they are taken
/// as words that overlap, for one byte after the other would cost more than all the rest of a short text.
#[inline(always)]
fn last_words(bytes: &[u8], at: usize, flags: impl Fn(u64) -> u64) -> Option<usize> {
    let length = bytes.len();
    if at >= length {
        return Some(at);
    }
    if let Some(chunk) = bytes.last_chunk::<16>() {
        let [low, high] = chunk.as_chunks::<8>().0 else { return None };
        let (low, high) = (flags(u64::from_le_bytes(*low)), flags(u64::from_le_bytes(*high)));
        let flagged = (u128::from(low) | u128::from(high) << 64) >> (8 * (16 - (length - at)));
        return Some(if flagged == 0 { length } else { at + (flagged.trailing_zeros() / 8) as usize });
    }
    if at > 0 {
        return None;
    }
    if let (Some(low), Some(high)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let (low, high) = (flags(u64::from_le_bytes(*low)), flags(u64::from_le_bytes(*high)));
        let place = |word: u64| (word.trailing_zeros() / 8) as usize;
        return Some(match (low, high) {
            (0, 0) => length,
            (0, high) => length - 8 + place(high),
            (low, _) => place(low),
        });
    }
    let (low, high) = (bytes.first_chunk::<4>()?, bytes.last_chunk::<4>()?);
    let word = u64::from(u32::from_le_bytes(*low)) | u64::from(u32::from_le_bytes(*high)) << 32;
    Some(match (flags(word).trailing_zeros() / 8) as usize {
        8 => length,
        place @ ..4 => place,
        place => length + place - 8,
    })
}

/// The first flagged byte of two words. Both are looked at before the branch: one that goes either way costs more
/// than a few operations.
#[inline(always)]
fn first_of_two(chunk: [u8; 16], flags: impl Fn(u64) -> u64) -> Option<usize> {
    let [low, high] = chunk.as_chunks::<8>().0 else { return None };
    let (low, high) = (flags(u64::from_le_bytes(*low)), flags(u64::from_le_bytes(*high)));
    if low | high == 0 {
        return None;
    }
    let place = if low == 0 { 64 + high.trailing_zeros() } else { low.trailing_zeros() };
    Some((place / 8) as usize)
}

/// The next quote, backslash or control character: all that can end or break a run of a JSON string.
#[inline(always)]
pub(super) fn json_stop(bytes: &[u8], at: usize) -> usize {
    find(
        bytes,
        at,
        |word| control_or(word, b'"' ^ 0x20) | equal(word, b'\\'),
        |byte| byte < 0x20 || byte == b'"' || byte == b'\\',
    )
}

/// The next `<`, `&`, `]` or control character (line ends among them) of XML text.
#[inline(always)]
pub(super) fn text_stop(bytes: &[u8], at: usize) -> usize {
    find(
        bytes,
        at,
        |word| control_or(word, b'&' ^ 0x20) | equal(word, b'<') | equal(word, b']'),
        |byte| byte < 0x20 || matches!(byte, b'&' | b'<' | b']'),
    )
}

/// The next `quote`, `<`, `&` or control character of an attribute value.
#[inline]
pub(super) fn value_stop(bytes: &[u8], at: usize, quote: u8) -> usize {
    find(
        bytes,
        at,
        |word| control_or(word, b'&' ^ 0x20) | equal(word, b'<') | equal(word, quote),
        |byte| byte < 0x20 || byte == quote || matches!(byte, b'&' | b'<'),
    )
}

/// The next byte that XML text cannot carry as it is: `&`, `<`, `>`, a control character, or 0xEF, which may begin
/// U+FFFE or U+FFFF.
#[inline]
pub(super) fn xml_stop(bytes: &[u8], at: usize) -> usize {
    find(
        bytes,
        at,
        |word| control_or(word, b'&' ^ 0x20) | equal(word & !every(2), b'<') | equal(word, 0xEF),
        |byte| byte < 0x20 || matches!(byte, b'&' | b'<' | b'>' | 0xEF),
    )
}

/// As [`xml_stop`], and the double quote.
#[inline]
pub(super) fn attribute_stop(bytes: &[u8], at: usize) -> usize {
    find(
        bytes,
        at,
        |word| control_or(word, b'&' ^ 0x20) | equal(word & !every(2), b'<') | equal(word, 0xEF) | equal(word, b'"'),
        |byte| byte < 0x20 || matches!(byte, b'&' | b'<' | b'>' | 0xEF | b'"'),
    )
}

/// The first byte at or after `at` that is no space, tab or line end.
#[inline]
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b' ') => {
                // Indentation: runs of blanks are taken by the word.
                at += 1;
                while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
                    let other = u64::from_le_bytes(*chunk) ^ every(b' ');
                    at += (other.trailing_zeros() / 8) as usize;
                    if other != 0 {
                        break;
                    }
                }
            }
            Some(b'\n' | b'\r' | b'\t') => at += 1,
            _ => return at,
        }
    }
}

/// Whether two short texts are the same. Names are mostly under 16 bytes, where a library call costs more.
#[inline]
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    if let (Some(left_end), Some(right_end)) = (left.last_chunk::<8>(), right.last_chunk::<8>()) {
        let mut at = 0;
        while at + 8 < left.len() {
            match (left[at..].first_chunk::<8>(), right[at..].first_chunk::<8>()) {
                (Some(one), Some(other)) if one == other => at += 8,
                _ => return false,
            }
        }
        return left_end == right_end;
    }
    if let (Some(left_end), Some(right_end)) = (left.last_chunk::<4>(), right.last_chunk::<4>()) {
        return left_end == right_end && left.first_chunk::<4>() == right.first_chunk::<4>();
    }
    // One to three bytes: first, middle and last are all of them.
    left.first() == right.first()
        && left.get(left.len() / 2) == right.get(right.len() / 2)
        && left.last() == right.last()
}

/// The first byte that XML 1.0 forbids everywhere: a control character other than tab and line ends.
pub(super) fn forbidden_control(bytes: &[u8]) -> Option<usize> {
    let forbidden = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    // Whole blocks without an early end: the compiler makes vector code of it.
    for (number, block) in bytes.chunks(64).enumerate() {
        if block.iter().fold(false, |found, byte| found | forbidden(*byte)) {
            return block.iter().position(|byte| forbidden(*byte)).map(|place| number * 64 + place);
        }
    }
    None
}

/// Checks that `bytes` are UTF-8.
///
/// # Errors
/// [`Fault::WrongCharset`] with the offset of the first byte that is not.
pub(super) fn check_utf8(bytes: &[u8]) -> Result<(), Fault> {
    if simdutf8::basic::from_utf8(bytes).is_ok() {
        return Ok(());
    }
    match simdutf8::compat::from_utf8(bytes) {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::WrongCharset { charset: "UTF-8", offset: error.valid_up_to() }),
    }
}

/// The character that begins at `at`, if the bytes there are UTF-8.
pub(super) fn character_at(bytes: &[u8], at: usize) -> Option<char> {
    let rest = bytes.get(at..)?;
    let piece = rest.get(..rest.len().min(4))?;
    match std::str::from_utf8(piece) {
        Ok(text) => text.chars().next(),
        Err(error) => std::str::from_utf8(piece.get(..error.valid_up_to())?).ok()?.chars().next(),
    }
}

/// A length or offset as a slot holds it. Documents above 4 GiB are refused before, so nothing is cut.
#[inline]
pub(super) fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(bytes: &[u8], at: usize, fits: impl Fn(u8) -> bool) -> usize {
        (at..bytes.len()).find(|place| fits(bytes[*place])).unwrap_or(bytes.len())
    }

    /// All pairs of bytes in all places of a word: the borrow of one must not hide or invent another.
    #[test]
    fn every_byte_pair_in_every_place() {
        let mut bytes = [b'a'; 19];
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                for place in [0, 3, 7, 8, 15, 17] {
                    bytes[place] = first;
                    bytes[place + 1] = second;
                    let json = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
                    assert_eq!(json_stop(&bytes, 0), slow(&bytes, 0, json));
                    let text = |byte: u8| byte < 0x20 || matches!(byte, b'&' | b'<' | b']');
                    assert_eq!(text_stop(&bytes, 0), slow(&bytes, 0, text));
                    let value = |byte: u8| byte < 0x20 || matches!(byte, b'&' | b'<' | b'\'');
                    assert_eq!(value_stop(&bytes, 0, b'\''), slow(&bytes, 0, value));
                    let xml = |byte: u8| byte < 0x20 || matches!(byte, b'&' | b'<' | b'>' | 0xEF);
                    assert_eq!(xml_stop(&bytes, 0), slow(&bytes, 0, xml));
                    let attribute = |byte: u8| byte < 0x20 || matches!(byte, b'&' | b'<' | b'>' | 0xEF | b'"');
                    assert_eq!(attribute_stop(&bytes, 0), slow(&bytes, 0, attribute));
                    bytes[place] = b'a';
                    bytes[place + 1] = b'a';
                }
            }
        }
    }

    /// Texts of all lengths, looked at from all places: the last bytes are taken together with those before them.
    #[test]
    fn every_length_from_every_place() {
        let fits = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        for length in 0..50 {
            for stop in 0..=length {
                for (first, second) in [(b'"', b'a'), (b'"', b'#'), (b'\\', b']'), (0x1F, b' '), (b'"', 0xFF)] {
                    let mut bytes = vec![b'a'; length];
                    for (place, byte) in [(stop, first), (stop + 1, second)] {
                        if let Some(free) = bytes.get_mut(place) {
                            *free = byte;
                        }
                    }
                    for at in 0..=length {
                        assert_eq!(json_stop(&bytes, at), slow(&bytes, at, fits), "{length} {stop} {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn space_of_every_length() {
        for length in 0..40 {
            let text = format!("\r\n{}\tx", " ".repeat(length));
            assert_eq!(skip_space(text.as_bytes(), 0), length + 3);
            assert_eq!(skip_space(" ".repeat(length).as_bytes(), 0), length);
        }
    }

    #[test]
    fn same_of_every_length() {
        let text = b"abcdefghijklmnopqrstuvwxyz";
        for length in 0..text.len() {
            assert!(same(&text[..length], &text[..length]));
            assert!(!same(&text[..length], &text[..=length]));
            for place in 0..length {
                let mut other = text[..length].to_vec();
                other[place] ^= 1;
                assert!(!same(&text[..length], &other), "{length} {place}");
            }
        }
    }

    #[test]
    fn forbidden_characters_are_found_in_any_block() {
        for place in [0, 63, 64, 200] {
            let mut bytes = vec![b'\n'; 201];
            assert_eq!(forbidden_control(&bytes), None);
            bytes[place] = 0x1F;
            assert_eq!(forbidden_control(&bytes), Some(place));
        }
    }
}
