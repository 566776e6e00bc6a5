//! A hash map from short codes to numbers: nearly all codes fit into 15 bytes, so the key is one word compare.

use rustc_hash::FxHashMap;

/// Longest key that is packed.
const PACKED_MAX: usize = 15;

/// Codes to numbers; built once, then only read.
#[derive(Clone, Debug, Default)]
pub(super) struct PackedMap {
    /// Open addressing, a power of two long and at most half full; key 0 is free (a packed key is never 0).
    cells: Vec<(u128, u32)>,
    used: usize,
    long: FxHashMap<Box<[u8]>, u32>,
}

/// A code of up to [`PACKED_MAX`] bytes as one number, its length on top. Words that overlap take the place of a copy
/// of unknown length, which would be a call.
#[inline]
fn pack(code: &[u8]) -> u128 {
    let length = code.len();
    let text = if let (Some(first), Some(last)) = (code.first_chunk::<8>(), code.last_chunk::<8>()) {
        u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << (8 * (length - 8))
    } else if let (Some(first), Some(last)) = (code.first_chunk::<4>(), code.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        u128::from(u64::from(first) | u64::from(last) << (8 * (length - 4)))
    } else if let (Some(first), Some(last)) = (code.first(), code.last()) {
        // First, middle and last of one to three bytes are all of them.
        let middle = u32::from(code[length / 2]) << (8 * (length / 2));
        u128::from(u32::from(*first) | middle | u32::from(*last) << (8 * (length - 1)))
    } else {
        0
    };
    text | (length as u128 + 1) << (8 * PACKED_MAX)
}

fn spread(key: u128) -> usize {
    let low = u64::try_from(key & u128::from(u64::MAX)).unwrap_or_default();
    let high = u64::try_from(key >> 64).unwrap_or_default();
    let mixed = low.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ high.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    usize::try_from((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32).unwrap_or_default()
}

impl PackedMap {
    pub(super) fn insert(&mut self, code: &[u8], number: u32) {
        if code.len() > PACKED_MAX {
            self.long.insert(code.into(), number);
            return;
        }
        if self.cells.len() < (self.used + 1) * 2 {
            let longer = vec![(0, 0); ((self.used + 1) * 4).next_power_of_two().max(8)];
            let old = std::mem::replace(&mut self.cells, longer);
            for (key, number) in old.into_iter().filter(|(key, _)| *key != 0) {
                self.put(key, number);
            }
        }
        self.put(pack(code), number);
        self.used += 1;
    }

    fn put(&mut self, key: u128, number: u32) {
        let mask = self.cells.len() - 1;
        let mut at = spread(key) & mask;
        while self.cells[at].0 != 0 && self.cells[at].0 != key {
            at = (at + 1) & mask;
        }
        self.cells[at] = (key, number);
    }

    #[inline]
    pub(super) fn find(&self, code: &[u8]) -> Option<u32> {
        if code.len() > PACKED_MAX {
            return self.long.get(code).copied();
        }
        let mask = self.cells.len().checked_sub(1)?;
        let key = pack(code);
        let mut at = spread(key) & mask;
        loop {
            let (found, number) = self.cells[at];
            if found == key {
                return Some(number);
            }
            if found == 0 {
                return None;
            }
            at = (at + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in_and_nothing_else() {
        let mut map = PackedMap::default();
        assert_eq!(map.find(b"1"), None);
        let codes: Vec<String> = (0..4000).map(|n| format!("{n:0width$}", width = 1 + n % 20)).collect();
        for (number, code) in codes.iter().enumerate() {
            map.insert(code.as_bytes(), u32::try_from(number).unwrap());
        }
        let last = |code: &String| codes.iter().rposition(|known| known == code).unwrap();
        for code in &codes {
            assert_eq!(map.find(code.as_bytes()), Some(u32::try_from(last(code)).unwrap()), "{code}");
        }
        assert_eq!(map.find(b""), None);
        assert_eq!(map.find(b"x"), None);
        assert_eq!(map.find(b"12345678901234567890123"), None);
    }
}
