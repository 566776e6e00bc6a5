//! The key derivation function of SM2 (GB/T 32918.4-2016, clause 5.4.3): SM3(Z ‖ 1) ‖ SM3(Z ‖ 2) ‖ …, cut to length.
//!
//! It deliberately does not look at what it gives: that a key of zeros is refused is the rule of those who use it.

use super::sm3::DIGEST_BYTES;
use super::sm3::Sm3;
use zeroize::Zeroizing;

/// Fills `out` with the key that is derived from the concatenation of `z`.
///
/// # Panics
/// When `out` is longer than the (2³² − 1) × 32 bytes that the standard's counter reaches.
pub fn fill(z: &[&[u8]], out: &mut [u8]) {
    let mut start = Sm3::new();
    for part in z {
        start.update(part);
    }
    for (index, piece) in out.chunks_mut(DIGEST_BYTES).enumerate() {
        let counter = u32::try_from(index + 1).expect("the standard ends at 2³² − 1 pieces");
        let mut message = start.clone();
        message.update(&counter.to_be_bytes());
        piece.copy_from_slice(&Zeroizing::new(message.finish())[..piece.len()]);
    }
}
