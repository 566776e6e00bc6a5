//! The key derivation function of SM2 (GB/T 32918.4-2016, clause 5.4.3): SM3(Z ‖ 1) ‖ SM3(Z ‖ 2) ‖ …, cut to length.
//!
//! It deliberately does not look at what it gives: that a key of zeros is refused is the rule of those who use it.

use super::sm3;
use super::sm3::DIGEST_BYTES;
use super::sm3::Sm3;
use zeroize::Zeroizing;

/// Digests that are computed side by side.
const ABREAST: usize = 16;

/// Fills `out` with the key that is derived from the concatenation of `z`.
///
/// # Panics
/// When `out` is longer than the (2³² − 1) × 32 bytes that the standard's counter reaches.
pub fn fill(z: &[&[u8]], out: &mut [u8]) {
    let mut start = Sm3::new();
    for part in z {
        start.update(part);
    }
    let mut digests = Zeroizing::new([[0; DIGEST_BYTES]; ABREAST]);
    for (index, pieces) in out.chunks_mut(ABREAST * DIGEST_BYTES).enumerate() {
        let counter = u32::try_from(index * ABREAST + 1).expect("the standard ends at 2³² − 1 digests");
        let count = pieces.len().div_ceil(DIGEST_BYTES);
        sm3::digest_counters(&start, counter, &mut digests[..count]);
        pieces.copy_from_slice(&digests.as_flattened()[..pieces.len()]);
    }
}
