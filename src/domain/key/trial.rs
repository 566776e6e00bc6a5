//! The start-up self-test: known answers of SM2, SM3 and SM4 must come out on this very machine, by the way of computing
//! that was chosen for its processor, before anything is signed or opened.
//!
//! It takes a few milliseconds. The answers are those of the standards, named beside each; where a standard fixes a
//! random number that cannot be given here (signing), a signature is made and verified instead.

use crate::domain::sm;
use crate::domain::sm::mac::MacKey;
use crate::domain::sm::sm2::DEFAULT_ID;
use crate::domain::sm::sm2::KnownKey;
use crate::domain::sm::sm2::Order;
use crate::domain::sm::sm2::PrivateKey;
use crate::domain::sm::sm2::Signature;
use crate::domain::sm::sm3;
use crate::domain::sm::sm4;
use std::fmt;

/// The algorithm whose known answer did not come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialFault(pub &'static str);

impl fmt::Display for TrialFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "密码算法自检不通过：{}；程序或机器有问题，不能使用", self.0)
    }
}

impl std::error::Error for TrialFault {}

type Trial = (&'static str, fn(&[u8; 32]) -> Option<bool>);

const TRIALS: &[Trial] = &[
    ("SM3", |_| Some(digests())),
    ("SM3 多路并行", |_| Some(digests_side_by_side())),
    ("HMAC-SM3", |_| Some(tags())),
    ("SM4", |_| Some(blocks())),
    ("SM4-CBC", |_| cbc()),
    ("SM4-GCM", |_| gcm()),
    ("SM4-GCM 多分组", |_| gcm_in_batches()),
    ("SM2 验签", |_| verifies()),
    ("SM2 签名", signs),
    ("SM2 解密", |_| opens()),
];

/// Runs all of them. `noise` is 32 random bytes.
///
/// # Errors
/// The first that does not come out.
pub fn run(noise: &[u8; 32]) -> Result<(), TrialFault> {
    match TRIALS.iter().find(|(_, trial)| trial(noise) != Some(true)) {
        Some((name, _)) => Err(TrialFault(name)),
        None => Ok(()),
    }
}

/// GB/T 32905-2016 annex A.1 and A.2.
fn digests() -> bool {
    let long = b"abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd";
    sm::hex(&sm::digest(b"abc")) == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        && sm::hex(&sm::digest(long)) == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
}

/// The lanes of a processor with vectors, and what is left over: seventeen messages of different lengths, each
/// `openssl dgst -sm3 -binary`, OpenSSL 3.0, then the same over the digests joined.
fn digests_side_by_side() -> bool {
    let data = kibibyte();
    let messages: [&[u8]; 17] = std::array::from_fn(|index| &data[..61 * index]);
    let mut all = [[0; sm::DIGEST_BYTES]; 17];
    sm3::digest_many(&messages, &mut all);
    sm::hex(&sm::digest(all.as_flattened())) == "e3be4ab64a9c3cd186d486f8572a9a4702c37e3e18b8caed2cbc84126dc57824"
}

/// The bytes 0 to 255, four times.
fn kibibyte() -> [u8; 1024] {
    let mut count = (0..=u8::MAX).cycle();
    std::array::from_fn(|_| count.next().unwrap_or_default())
}

/// `printf message | openssl dgst -sm3 -hmac key`, OpenSSL 3.0.
fn tags() -> bool {
    let tag = MacKey::new(b"key").tag(&[b"mess", b"age"]);
    sm::hex(&tag) == "34c90b291a80b7fd7f2be43d683935bab9d149164666c4ef8857c815cf2ef832"
}

/// GB/T 32907-2016 annex A.1.
fn blocks() -> bool {
    let mut block = SEQUENCE;
    let key = sm4::Key::new(&SEQUENCE);
    let right = sm4::ecb_encrypt(&key, &mut block).is_ok()
        && block == [0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e, 0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46];
    right && sm4::ecb_decrypt(&key, &mut block).is_ok() && block == SEQUENCE
}

/// Key and plaintext of the standard's example.
const SEQUENCE: [u8; 16] =
    [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10];

/// `printf 0123456789abcdef0123456789abcdef | openssl enc -sm4-cbc -K $SEQUENCE -iv $SEQUENCE`, OpenSSL 3.0.
fn cbc() -> Option<bool> {
    let plain = b"0123456789abcdef0123456789abcdef";
    let hidden =
        bytes("f3ccef63e186984d87e6a7eaf624b94a30ed190d1f5afd64d8fd6bf2a8527fd9efe8ca0fafbc729ed2ef2776fb10f11d")?;
    let key = sm4::Key::new(&SEQUENCE);
    let opened = sm4::cbc_open(&key, &SEQUENCE, &hidden).ok()?;
    Some(sm4::cbc_seal(&key, &SEQUENCE, plain) == hidden && opened == plain)
}

/// RFC 8998 annex A.1.
fn gcm() -> Option<bool> {
    let plain = bytes(
        "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
    )?;
    let hidden = bytes(
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
    )?;
    let beside = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")?;
    let nonce = bytes("00001234567800000000abcd")?;
    let gcm = sm4::Gcm::new(&SEQUENCE);
    let mut data = plain.clone();
    let tag = gcm.seal(&nonce, &beside, &mut data);
    let right = data == hidden && sm::hex(&tag) == "83de3541e4c2b58177e065a9bf7b62ec";
    let mut changed = tag;
    changed[0] ^= 1;
    let refused = gcm.open(&nonce, &beside, &mut hidden.clone(), &changed).is_err();
    Some(right && refused && gcm.open(&nonce, &beside, &mut data, &tag).is_ok() && data == plain)
}

/// More blocks than the widest batch of the counter mode and of GHASH takes, sealed and opened. The tag is that of
/// `openssl enc -sm4-ctr`, OpenSSL 3.0, and of GHASH by NIST SP 800-38D, clause 6.4, written out in Python; the same
/// script gives the tag of RFC 8998.
fn gcm_in_batches() -> Option<bool> {
    let (beside, nonce) = (bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")?, bytes("00001234567800000000abcd")?);
    let (gcm, mut data) = (sm4::Gcm::new(&SEQUENCE), kibibyte());
    let tag = gcm.seal(&nonce, &beside, &mut data);
    let right = sm::hex(&tag) == "2e4176d80169c0fb9b9c5efd298290ee";
    Some(right && gcm.open(&nonce, &beside, &mut data, &tag).is_ok() && data == kibibyte())
}

/// The private key of the examples of GB/T 32918.5-2017.
fn example_key() -> Option<PrivateKey> {
    let scalar = sm::unhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")?;
    PrivateKey::from_bytes(&scalar).ok()
}

/// GB/T 32918.5-2017 annex A.2, with a table of the key and without.
fn verifies() -> Option<bool> {
    let signature: [u8; 64] = bytes(
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
    )?
    .try_into()
    .ok()?;
    let key = example_key()?;
    let signature = Signature::from_bytes(&signature).ok()?;
    let known = KnownKey::new(key.public());
    let verify = |message: &[u8]| key.public().verify(DEFAULT_ID, &[message], &signature).is_ok();
    let verify_known = |message: &[u8]| known.verify(DEFAULT_ID, &[message], &signature).is_ok();
    let both = |message: &[u8]| (verify(message), verify_known(message));
    Some(both(b"message digest") == (true, true) && both(b"message digesT") == (false, false))
}

/// What is signed is verified, and nothing else is.
fn signs(noise: &[u8; 32]) -> Option<bool> {
    let key = example_key()?;
    let signature = key.sign(DEFAULT_ID, &[b"message digest"], noise).ok()?;
    let verify = |message: &[u8]| key.public().verify(DEFAULT_ID, &[message], &signature).is_ok();
    Some(verify(b"message digest") && !verify(b"message digesT"))
}

/// GB/T 32918.5-2017 annex C.2.
fn opens() -> Option<bool> {
    let mut ciphertext = bytes(
        "0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df059983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd876621886ca989ca9c7d58087307ca93092d651efa",
    )?;
    let key = example_key()?;
    let opened = key.decrypt_raw(&ciphertext, Order::C1C3C2).ok()?;
    *ciphertext.last_mut()? ^= 1;
    Some(opened.as_slice() == b"encryption standard" && key.decrypt_raw(&ciphertext, Order::C1C3C2).is_err())
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().as_chunks::<2>().0.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_answer_comes_out() {
        for (name, trial) in TRIALS {
            assert_eq!(trial(&[7; 32]), Some(true), "{name}");
        }
        assert_eq!(run(&[7; 32]), Ok(()));
    }
}
