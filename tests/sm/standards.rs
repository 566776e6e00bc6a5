//! The examples printed in the standards and in RFC 8998.

use crate::vectors::bytes;
use jingyue::domain::sm::hex;
use jingyue::domain::sm::kdf;
use jingyue::domain::sm::mac::MacKey;
use jingyue::domain::sm::sm3;
use jingyue::domain::sm::sm4;

/// GB/T 32907-2016, annex A: key, which is the plain text too.
const KEY: [u8; 16] = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210_u128.to_be_bytes();

#[test]
fn sm4_once_and_a_million_times() {
    let key = sm4::Key::new(&KEY);
    let mut block = KEY;
    sm4::ecb_encrypt(&key, &mut block).unwrap();
    assert_eq!(hex(&block), "681edf34d206965e86b3e94f536e4246");
    for _ in 1..1_000_000 {
        sm4::ecb_encrypt(&key, &mut block).unwrap();
    }
    assert_eq!(hex(&block), "595298c7c6fd271f0402f804c33d3f66");
    sm4::ecb_decrypt(&key, &mut block).unwrap();
    sm4::ecb_encrypt(&key, &mut block).unwrap();
    assert_eq!(hex(&block), "595298c7c6fd271f0402f804c33d3f66");
}

#[test]
fn sm3_in_pieces_of_any_length() {
    let message: Vec<u8> = (0..=255_u8).cycle().step_by(7).take(300).collect();
    for length in [0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 300] {
        let message = &message[..length];
        let whole = sm3::digest_parts(&[message]);
        for split in 0..=length {
            let (left, right) = message.split_at(split);
            assert_eq!(sm3::digest_parts(&[left, &[], right]), whole, "{length} at {split}");
        }
    }
}

/// RFC 8998, appendix A.1 and A.2.
#[test]
fn rfc_8998() {
    let nonce = bytes("00001234567800000000abcd");
    let additional = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let plain = bytes(
        "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeee\
         aaaaaaaaaaaaaaaa",
    );

    let gcm = sm4::Gcm::new(&KEY);
    let mut data = plain.clone();
    let tag = gcm.seal(&nonce, &additional, &mut data);
    assert_eq!(
        hex(&data),
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397\
         b4024a2691233b8d"
    );
    assert_eq!(hex(&tag), "83de3541e4c2b58177e065a9bf7b62ec");
    gcm.open(&nonce, &additional, &mut data, &tag).unwrap();
    assert_eq!(data, plain);

    let ccm = sm4::Ccm::new(&KEY, 16).unwrap();
    let tag = ccm.seal(&nonce, &additional, &mut data).unwrap();
    assert_eq!(
        hex(&data),
        "48af93501fa62adbcd414cce6034d895dda1bf8f132f042098661572e7483094fd12e518ce062c98acee28d95df4416bed31a2f04476c18b\
         b40c84a74b97dc5b"
    );
    assert_eq!(hex(&tag), "16842d4fa186f56ab33256971fa110f4");
    ccm.open(&nonce, &additional, &mut data, &tag).unwrap();
    assert_eq!(data, plain);
}

#[test]
fn the_derivation_counts_from_one_and_is_cut() {
    let whole = |length: usize| {
        let mut key = vec![0; length];
        kdf::fill(&[b"shared ", b"secret"], &mut key);
        key
    };
    let long = whole(1000);
    for length in [0, 1, 31, 32, 33, 999] {
        assert_eq!(whole(length), long[..length]);
    }
    for (index, piece) in (1u32..).zip(long.chunks(32)) {
        assert_eq!(piece, &sm3::digest_parts(&[b"shared secret", &index.to_be_bytes()])[..piece.len()]);
    }
}

#[test]
fn a_code_in_pieces() {
    let key = MacKey::new(b"key");
    let mut mac = key.start();
    mac.update(b"one ");
    mac.update(b"two");
    assert_eq!(mac.finish(), key.tag(&[b"one", b" two"]));
    assert_ne!(key.tag(&[b"one two"]), MacKey::new(b"kez").tag(&[b"one two"]));
    assert_eq!(format!("{key:?}"), "MacKey(…)");
}

#[test]
fn padding_of_each_length_opens_and_no_other() {
    let key = sm4::Key::new(&KEY);
    let iv = [7; 16];
    for length in 0..50 {
        let plain = vec![0x5a; length];
        let sealed = sm4::cbc_seal(&key, &iv, &plain);
        assert_eq!(sealed.len(), length / 16 * 16 + 16);
        assert_eq!(sm4::cbc_open(&key, &iv, &sealed).unwrap(), plain);
        assert!(sm4::cbc_open(&key, &iv, &sealed[1..]).is_err());
    }
    assert!(sm4::cbc_open(&key, &iv, &[]).is_err());
    for last in 0..=255u8 {
        for wrong in 0..16 {
            let mut block = [last; 16];
            block[wrong] ^= 1;
            let mut sealed = block;
            sm4::cbc_encrypt(&key, &iv, &mut sealed).unwrap();
            let claimed = usize::from(block[15]);
            let right = (1..=16).contains(&claimed) && block[16 - claimed..].iter().all(|byte| *byte == block[15]);
            assert_eq!(sm4::cbc_open(&key, &iv, &sealed).is_ok(), right, "{block:?}");
        }
    }
}
