//! SM4-CBC with HMAC-SM3, MAC first (RFC 5246 clause 6.2.3.2 as GB/T 38636 takes it over), opened in constant time.
//!
//! ```text
//! record = IV (16) + SM4-CBC( content + HMAC-SM3(header + content) (32) + padding )
//! padding = p + 1 bytes of value p, 0 <= p <= 255
//! ```
//! The attack to withstand (Lucky 13): who can tell a wrong padding from a wrong code, by the answer or by its time,
//! reads plain text. So both are one fault, and the time depends on the length of the record alone: the code is
//! reckoned over as many blocks as the longest content could need, and the state after the true last block, the
//! received code and the padding are picked with masks, never with a branch or an address that depends on them. A wrong
//! padding counts as the shortest one, so that the code is reckoned then too.

use crate::domain::sm::sm3;
use crate::domain::sm::sm4;
use crate::domain::tlcp::TlcpFault;
use crate::domain::tlcp::config::Noise;
use crate::domain::tlcp::protect;
use std::ops::Range;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater, ConstantTimeLess};
use zeroize::{Zeroize, Zeroizing};

const BLOCK_BYTES: usize = 16;
const MAC_BYTES: usize = 32;
const HEADER_BYTES: usize = 13;
const PADDING_MAX: usize = 255;
/// Bytes of a block of SM3.
const CHUNK: usize = 64;

/// Keys of one direction.
pub(super) struct Cbc {
    key: sm4::Key,
    /// States of SM3 after the key's inner and outer block.
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Drop for Cbc {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl Cbc {
    pub(super) fn new(key: &[u8; 16], mac: &[u8; 32]) -> Self {
        let state = |pad: u8| {
            let mut block = Zeroizing::new([pad; CHUNK]);
            block.iter_mut().zip(mac).for_each(|(byte, key)| *byte ^= key);
            let mut state = sm3::INITIAL;
            sm3::compress(&mut state, &[*block]);
            state
        };
        Self { key: sm4::Key::new(key), inner: state(0x36), outer: state(0x5c) }
    }

    pub(super) fn seal(
        &self,
        header: &[u8; HEADER_BYTES],
        parts: &[&[u8]],
        out: &mut Vec<u8>,
        noise: &mut dyn Noise,
    ) -> Result<(), TlcpFault> {
        let mut iv = [0; BLOCK_BYTES];
        noise.fill(&mut iv).map_err(|_| TlcpFault::Internal)?;
        out.extend_from_slice(&iv);
        let start = out.len();
        for part in parts {
            out.extend_from_slice(part);
        }
        let length = out.len() - start;
        let tag = self.tag(header, &out[start..], length, length);
        out.extend_from_slice(&tag);
        let padding = BLOCK_BYTES - 1 - (length + MAC_BYTES) % BLOCK_BYTES;
        out.resize(out.len() + padding + 1, padding.to_be_bytes()[size_of::<usize>() - 1]);
        sm4::cbc_encrypt(&self.key, &iv, &mut out[start..]).map_err(|_| TlcpFault::Internal)
    }

    pub(super) fn open(&self, count: u64, kind: u8, body: &mut [u8]) -> Result<Range<usize>, TlcpFault> {
        let (iv, text) = body.split_first_chunk_mut::<BLOCK_BYTES>().ok_or(TlcpFault::RecordMac)?;
        // The shortest record holds a code and a byte of padding: three blocks. Lengths are public.
        if text.len() < MAC_BYTES + BLOCK_BYTES {
            return Err(TlcpFault::RecordMac);
        }
        sm4::cbc_decrypt(&self.key, iv, text).map_err(|_| TlcpFault::RecordMac)?;
        let (good, padding) = padding(text);
        let most = text.len() - MAC_BYTES - 1;
        let least = most.saturating_sub(PADDING_MAX);
        let length = most - padding;
        let header = protect::header(count, kind, length);
        let tag = self.tag(&header, &text[..most], length, least);
        let found = Zeroizing::new(pick_code(text, length, least));
        if bool::from(good & tag.ct_eq(&found[..])) {
            Ok(BLOCK_BYTES..BLOCK_BYTES + length)
        } else {
            Err(TlcpFault::RecordMac)
        }
    }

    /// HMAC-SM3 over `header` and `data[..length]`. `length` is secret and at least `least`; the time depends on
    /// `least` and `data.len()`.
    fn tag(&self, header: &[u8; HEADER_BYTES], data: &[u8], length: usize, least: usize) -> [u8; MAC_BYTES] {
        let total = wide(HEADER_BYTES + length);
        let bits = ((wide(CHUNK) + total) * 8).to_be_bytes();
        let last = (total + 8) >> 6;
        let blocks = (HEADER_BYTES + data.len() + 8) / CHUNK + 1;
        let certain = (HEADER_BYTES + least) / CHUNK;
        let mut state = self.inner;
        for index in 0..certain {
            sm3::compress(&mut state, &[plain_block(header, data, index)]);
        }
        let mut result = [0; 8];
        for index in certain..blocks {
            let mut block = plain_block(header, data, index);
            for (offset, byte) in block.iter_mut().enumerate() {
                let place = wide(index * CHUNK + offset);
                let masked = u8::conditional_select(&0, byte, place.ct_lt(&total));
                *byte = masked | u8::conditional_select(&0, &0x80, place.ct_eq(&total));
            }
            let is_last = wide(index).ct_eq(&last);
            for (byte, length) in block[CHUNK - 8..].iter_mut().zip(bits) {
                *byte |= u8::conditional_select(&0, &length, is_last);
            }
            sm3::compress(&mut state, &[block]);
            for (word, word_now) in result.iter_mut().zip(state) {
                word.conditional_assign(&word_now, is_last);
            }
        }
        state.zeroize();
        let mut block = [0; CHUNK];
        write_words(&mut block, &result);
        block[MAC_BYTES] = 0x80;
        block[CHUNK - 2..].copy_from_slice(&[3, 0]); // 8 * (64 + 32) bits
        let mut state = self.outer;
        sm3::compress(&mut state, &[block]);
        let mut tag = [0; MAC_BYTES];
        write_words(&mut tag, &state);
        tag
    }
}

fn wide(number: usize) -> u64 {
    number as u64
}

fn write_words(out: &mut [u8], words: &[u32; 8]) {
    out.as_chunks_mut::<4>().0.iter_mut().zip(words).for_each(|(bytes, word)| *bytes = word.to_be_bytes());
}

/// Block `index` of `header` and `data`, zeros behind their end.
fn plain_block(header: &[u8; HEADER_BYTES], data: &[u8], index: usize) -> [u8; CHUNK] {
    let mut block = [0; CHUNK];
    let rest = if index == 0 {
        block[..HEADER_BYTES].copy_from_slice(header);
        &mut block[HEADER_BYTES..]
    } else {
        &mut block[..]
    };
    let from = (index * CHUNK).saturating_sub(HEADER_BYTES);
    let available = data.get(from..).unwrap_or_default();
    let count = available.len().min(rest.len());
    rest[..count].copy_from_slice(&available[..count]);
    block
}

/// Whether the padding is right, and the number of its bytes without the last; 0 where it is wrong.
fn padding(text: &[u8]) -> (Choice, usize) {
    let last = text[text.len() - 1];
    let wanted = u64::from(last);
    let mut good = !(wanted + wide(MAC_BYTES) + 1).ct_gt(&wide(text.len()));
    let scanned = PADDING_MAX.min(text.len() - 1);
    for (distance, byte) in text.iter().rev().skip(1).take(scanned).enumerate() {
        let inside = wide(distance).ct_lt(&wanted);
        good &= !inside | byte.ct_eq(&last);
    }
    let padding = u8::conditional_select(&0, &last, good);
    (good, usize::from(padding))
}

/// The code at `text[length..length + 32]`; `length` is secret, at least `least`.
fn pick_code(text: &[u8], length: usize, least: usize) -> [u8; MAC_BYTES] {
    let (from, to) = (wide(length), wide(length + MAC_BYTES));
    let mut turned = [0_u8; MAC_BYTES];
    for (distance, byte) in text[least..text.len() - 1].iter().enumerate() {
        let place = wide(least + distance);
        let inside = !place.ct_lt(&from) & place.ct_lt(&to);
        turned[distance % MAC_BYTES] |= u8::conditional_select(&0, byte, inside);
    }
    // Byte i of the code stands at (i + turn) % 32; turn back bit by bit of the turn.
    let turn = length - least;
    for shift in [1, 2, 4, 8, 16] {
        let choice = !wide(turn & shift).ct_eq(&0);
        let back: [u8; MAC_BYTES] = std::array::from_fn(|index| turned[(index + shift) % MAC_BYTES]);
        turned.iter_mut().zip(back).for_each(|(byte, other)| byte.conditional_assign(&other, choice));
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sm::hmac;
    use crate::domain::tlcp::config::Counted;

    fn cbc() -> Cbc {
        Cbc::new(&[7; 16], &[9; 32])
    }

    /// A record of `content` and `padding + 1` bytes of padding, then changed by `change` before it is encrypted.
    fn record(content: &[u8], padding: u8, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut text = content.to_vec();
        text.extend_from_slice(&hmac(&[9; 32], &[&protect::header(5, 23, content.len()), content]));
        text.resize(text.len() + usize::from(padding) + 1, padding);
        assert_eq!(text.len() % 16, 0);
        change(&mut text);
        sm4::cbc_encrypt(&sm4::Key::new(&[7; 16]), &[3; 16], &mut text).unwrap();
        [&[3; 16][..], &text].concat()
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 31 % 251).to_be_bytes()[7]).collect()
    }

    #[test]
    fn opens_every_length_with_every_padding() {
        // Around each border of a block of SM3 and SM4; the longest contents with the shortest and longest padding.
        let each = (0..=20).chain(40..=70).chain(110..=116).chain(250..=258).map(|length| (length, 16));
        for (length, step) in each.chain([16_383, 16_384].map(|length| (length, 240))) {
            let content = content(length);
            let least = 15 - (length + 32) % 16;
            for padding in (least..256).step_by(step) {
                let mut record = record(&content, u8::try_from(padding).unwrap(), |_| ());
                let range = cbc().open(5, 23, &mut record).unwrap();
                assert!(record[range] == content[..], "length {length}, padding {padding}");
            }
        }
    }

    #[test]
    fn seals_what_it_opens() {
        for length in 0..200 {
            let content = content(length);
            let (left, right) = content.split_at(length / 3);
            let mut out = vec![1, 2];
            let header = protect::header(5, 23, length);
            cbc().seal(&header, &[left, right], &mut out, &mut Counted::new(1)).unwrap();
            assert_eq!(out[..2], [1, 2]);
            let range = cbc().open(5, 23, &mut out[2..]).unwrap();
            assert_eq!(out[2..][range], content[..]);
        }
    }

    #[test]
    fn each_wrong_byte_is_one_and_the_same_fault() {
        for (length, padding) in [(20, 11), (0, 15), (0, 255), (100, 11), (31, 0)] {
            let content = content(length);
            let total = record(&content, padding, |_| ()).len() - 16;
            for place in 0..total {
                let mut record = record(&content, padding, |text| text[place] ^= 1);
                assert_eq!(cbc().open(5, 23, &mut record), Err(TlcpFault::RecordMac), "{length} {padding} {place}");
            }
            let mut whole = record(&content, padding, |_| ());
            assert_eq!(cbc().open(6, 23, &mut whole.clone()), Err(TlcpFault::RecordMac));
            assert_eq!(cbc().open(5, 22, &mut whole), Err(TlcpFault::RecordMac));
        }
    }

    #[test]
    fn a_padding_longer_than_the_record_is_refused() {
        for last in 16..=255 {
            let mut record = record(&[], 15, |text| text[32..].fill(last));
            assert_eq!(cbc().open(5, 23, &mut record), Err(TlcpFault::RecordMac));
        }
    }

    #[test]
    fn short_and_odd_records_are_refused() {
        for length in (0..64).chain(65..80) {
            assert_eq!(cbc().open(0, 23, &mut vec![0; length]), Err(TlcpFault::RecordMac));
        }
    }
}
