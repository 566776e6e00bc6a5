//! SM2 from outside: vectors, other implementations, OpenSSL, and input that is wrong.

mod hostile;
mod openssl;
mod peers;
mod vectors;

use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::domain::sm::sm3;

/// Bytes that look random, always the same for a label and a number.
fn noise<const N: usize>(label: &str, number: u32) -> [u8; N] {
    let mut bytes = [0; N];
    jingyue::domain::sm::kdf::fill(&[label.as_bytes(), &number.to_be_bytes()], &mut bytes);
    bytes
}

fn key(number: u32) -> PrivateKey {
    PrivateKey::generate(&noise("key", number))
}

/// A message whose length differs from number to number.
fn message(number: u32) -> Vec<u8> {
    let digest = sm3::digest_parts(&[&number.to_be_bytes()]);
    digest.iter().cycle().take(1 + usize::try_from(number).unwrap() * 7 % 200).copied().collect()
}
