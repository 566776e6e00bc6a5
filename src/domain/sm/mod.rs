//! The national algorithms: SM3 digests, HMAC-SM3, key derivation, SM4 and its modes, and the header signature of the
//! window dialect.
//!
//! The module deliberately makes no key, no nonce and no noise, and knows no header names: who signs, with which secret
//! and when, is the caller's business. Errors and results say nothing about how close a wrong value was.

pub mod kdf;
pub mod mac;
pub mod sm2;
pub mod sm3;
pub mod sm4;

use mac::MacKey;
use std::error::Error;
use std::fmt;
use subtle::ConstantTimeEq;

pub use sm3::DIGEST_BYTES;

/// Something does not hold: a tag, a padding, a length, a signature. It deliberately does not say what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wrong;

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("cryptographic check failed")
    }
}

impl Error for Wrong {}

/// SM3 of `bytes`, which are read where they lie.
pub fn digest(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    sm3::digest_parts(&[bytes])
}

/// HMAC-SM3 under `key` over the concatenation of `parts`, which is never built. A key of any length will do. Who
/// signs often under one key keeps a [`MacKey`].
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    MacKey::new(key).tag(parts)
}

/// Lower-case hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// The 32 bytes that 64 hexadecimal digits of either case stand for, or `None`.
pub fn unhex(text: &str) -> Option<[u8; DIGEST_BYTES]> {
    let text = text.as_bytes();
    if text.len() != DIGEST_BYTES * 2 {
        return None;
    }
    let mut bytes = [0; DIGEST_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? * 16 + low?).ok()?;
    }
    Some(bytes)
}

/// Whether `given` is `computed`, in a time that does not depend on where they differ. A shortened `given` is wrong.
pub fn verify(computed: &[u8; DIGEST_BYTES], given: &[u8]) -> bool {
    computed.as_slice().ct_eq(given).into()
}

/// The signature of the window dialect's `X-Sign` header (written there in [`hex`]): HMAC-SM3 over method, path,
/// timestamp (the text of the header, milliseconds), nonce and the hexadecimal SM3 of the body, joined by line feeds.
/// `path` is what stands in the request line, a query included. No other header is covered.
pub fn header_signature(
    secret: &[u8],
    method: &str,
    path: &str,
    timestamp: &str,
    nonce: &str,
    body_digest: &[u8; DIGEST_BYTES],
) -> [u8; DIGEST_BYTES] {
    header_signature_with(&MacKey::new(secret), method, path, timestamp, nonce, body_digest)
}

/// [`header_signature`] under a secret that has been made ready.
pub fn header_signature_with(
    key: &MacKey,
    method: &str,
    path: &str,
    timestamp: &str,
    nonce: &str,
    body_digest: &[u8; DIGEST_BYTES],
) -> [u8; DIGEST_BYTES] {
    let body_digest = hex(body_digest);
    let parts = [method, "\n", path, "\n", timestamp, "\n", nonce, "\n", body_digest.as_str()];
    key.tag(&parts.map(str::as_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GB/T 32905-2016 annex A.1 and A.2; the third is `openssl dgst -sm3` of nothing.
    const DIGESTS: &[(&[u8], &str)] = &[
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (
            b"abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd",
            "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
        ),
        (b"", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"),
    ];

    #[test]
    fn digests_of_the_standard() {
        for (message, expected) in DIGESTS {
            assert_eq!(hex(&digest(message)), *expected);
        }
    }

    fn bytes(text: &str) -> Vec<u8> {
        let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
        text.as_bytes().as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) * 16 + digit(*low)).collect()
    }

    #[test]
    fn wycheproof_hmac() {
        let file = include_str!("../../../tests/vectors/hmac_sm3_test.json");
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let mut count = 0;
        for group in file["testGroups"].as_array().unwrap() {
            let tag_bytes = usize::try_from(group["tagSize"].as_u64().unwrap()).unwrap() / 8;
            for test in group["tests"].as_array().unwrap() {
                let field = |name: &str| bytes(test[name].as_str().unwrap());
                let (key, message, tag) = (field("key"), field("msg"), field("tag"));
                let (left, right) = message.split_at(message.len() / 2);
                let computed = hmac(&key, &[left, right]);
                let valid = test["result"] == "valid";
                assert_eq!(computed[..tag_bytes] == tag[..], valid, "tcId {}", test["tcId"]);
                assert_eq!(verify(&computed, &tag), valid && tag_bytes == DIGEST_BYTES, "tcId {}", test["tcId"]);
                count += 1;
            }
        }
        assert_eq!(count, file["numberOfTests"].as_u64().unwrap());
    }

    /// The expected value was made with Python 3: `hmac.new(secret, text, "sm3")` over
    /// `hashlib.new("sm3", b"{}")`. `tests/pretend` checks the five signatures of the sample messages.
    #[test]
    fn header_signature_covers_secret_path_and_body() {
        let sign = |secret: &[u8], path: &str, body: &[u8]| {
            header_signature(secret, "POST", path, "1795397415000", "9f3c1a7e5b2d4860", &digest(body))
        };
        let right = sign(b"test-secret-yueyang", "/gateway/api/ent/licence", b"{}");
        assert_eq!(hex(&right), "777a288b358be3775333fdb35decbf2cce2edea0dc0168a150fbbde123d37c2f");
        assert!(!verify(&right, &sign(b"test-secret-yueyanh", "/gateway/api/ent/licence", b"{}")));
        assert!(!verify(&right, &sign(b"test-secret-yueyang", "/gateway/api/ent/licence?x", b"{}")));
        assert!(!verify(&right, &sign(b"test-secret-yueyang", "/gateway/api/ent/licence", b"{ }")));
    }

    #[test]
    fn one_bit_or_one_byte_less_is_wrong() {
        let computed = hmac(b"key", &[b"message"]);
        assert!(verify(&computed, &computed));
        for bit in 0..DIGEST_BYTES * 8 {
            let mut other = computed;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify(&computed, &other));
        }
        assert!(!verify(&computed, &computed[..31]));
        assert!(!verify(&computed, &[]));
    }

    #[test]
    fn hexadecimal_both_ways() {
        let digest = digest(b"abc");
        assert_eq!(unhex(&hex(&digest)), Some(digest));
        assert_eq!(unhex(&hex(&digest).to_uppercase()), Some(digest));
        assert_eq!(unhex(&hex(&digest)[1..]), None);
        assert_eq!(unhex(&"+f".repeat(32)), None);
    }
}
