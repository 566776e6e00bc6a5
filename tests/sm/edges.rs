//! Edges of GCM and CCM: counters that turn, empty parts, nonces of other lengths, anything changed.

use crate::noise::Noise;
use jingyue::domain::sm::sm4;
use jingyue::domain::sm::sm4::Product;
use jingyue::domain::sm::sm4::Way;

/// The 32 bits that count turn in the first batch and in later ones. Who knows the key can choose J₀.
#[test]
fn the_counter_turns_at_32_bits() {
    let mut noise = Noise::new("the_counter_turns_at_32_bits");
    let key_bytes: [u8; 16] = noise.array();
    let key = sm4::Key::new(&key_bytes);
    let gcm = sm4::Gcm::new(&key_bytes);
    for start in [u32::MAX, u32::MAX - 1, u32::MAX - 40, u32::MAX - 200] {
        let fixed: [u8; 12] = noise.array();
        let wanted = u128::from_be_bytes([&fixed[..], &start.to_be_bytes()].concat().try_into().unwrap());
        let nonce = nonce_for(&key, wanted);
        let mut data = vec![0; 16 * 300];
        gcm.seal(&nonce, &[], &mut data);
        for (index, block) in (1..).zip(data.as_chunks::<16>().0) {
            let mut expected: [u8; 16] =
                [&fixed[..], &start.wrapping_add(index).to_be_bytes()].concat().try_into().unwrap();
            sm4::ecb_encrypt(&key, &mut expected).unwrap();
            assert_eq!(*block, expected, "block {index} after {start:08x}");
        }
    }
}

/// The product in GF(2¹²⁸) as SP 800-38D writes it (clause 6.3): the highest bit is the coefficient of x⁰.
fn product(x: u128, y: u128) -> u128 {
    let (mut sum, mut shifted) = (0, y);
    for bit in 0..128 {
        if x >> (127 - bit) & 1 == 1 {
            sum ^= shifted;
        }
        shifted = shifted >> 1 ^ if shifted & 1 == 1 { 0xe1 << 120 } else { 0 };
    }
    sum
}

/// The nonce of sixteen bytes whose J₀ is `wanted`: ((nonce · H) + 128) · H = wanted, where the inverse of H is H to the
/// 2¹²⁸ − 2.
fn nonce_for(key: &sm4::Key, wanted: u128) -> [u8; 16] {
    let mut block = [0; 16];
    sm4::ecb_encrypt(key, &mut block).unwrap();
    let (mut inverse, mut square) = (1 << 127, u128::from_be_bytes(block));
    for _ in 1..128 {
        square = product(square, square);
        inverse = product(inverse, square);
    }
    product(product(wanted, inverse) ^ 128, inverse).to_be_bytes()
}

#[test]
fn empty_parts_have_a_tag_too() {
    for product in Product::here() {
        let gcm = sm4::Gcm::with_ways(&[1; 16], Way::best(), product).unwrap();
        let nonce = [2; 12];
        let tags = [(&b""[..], 0), (b"a", 0), (b"", 1), (b"a", 1), (b"\0", 1), (b"a\0", 0)].map(|(aad, length)| {
            let mut data = vec![0; length];
            let tag = gcm.seal(&nonce, aad, &mut data);
            gcm.open(&nonce, aad, &mut data, &tag).unwrap();
            tag
        });
        for (index, tag) in tags.iter().enumerate() {
            assert!(!tags[..index].contains(tag), "{product:?} {index}");
        }
    }
}

#[test]
fn an_empty_nonce_is_refused() {
    let gcm = sm4::Gcm::new(&[1; 16]);
    assert!(gcm.open(&[], &[], &mut [], &[0; 16]).is_err());
    assert!(std::panic::catch_unwind(|| gcm.seal(&[], &[], &mut [])).is_err());
    let ccm = sm4::Ccm::new(&[1; 16], 16).unwrap();
    for length in (0..7).chain([14, 15, 16]) {
        assert!(ccm.seal(&vec![0; length], &[], &mut []).is_err(), "{length}");
    }
    assert!(ccm.seal(&[0; 13], &[], &mut vec![0; 65_535]).is_ok());
    assert!(ccm.seal(&[0; 13], &[], &mut vec![0; 65_536]).is_err());
    for tag_bytes in [0, 2, 3, 5, 17, 18] {
        assert!(sm4::Ccm::new(&[1; 16], tag_bytes).is_err(), "{tag_bytes}");
    }
}

#[test]
fn one_bit_anywhere_is_refused() {
    let (plain, additional, nonce) = ([3u8; 40], [4u8; 20], [5u8; 12]);
    let gcm = sm4::Gcm::new(&[1; 16]);
    let ccm = sm4::Ccm::new(&[1; 16], 8).unwrap();
    let (mut by_gcm, mut by_ccm) = (plain, plain);
    let gcm_tag = gcm.seal(&nonce, &additional, &mut by_gcm);
    let ccm_tag = ccm.seal(&nonce, &additional, &mut by_ccm).unwrap();
    let flip = |bytes: &mut [u8], bit: usize| bytes[bit / 8] ^= 1 << (bit % 8);
    for bit in 0..8 * (40 + 20 + 12 + 8) {
        let (mut gcm_data, mut ccm_data, mut additional, mut nonce) = (by_gcm, by_ccm, additional, nonce);
        let (mut gcm_tag, mut ccm_tag) = (gcm_tag, ccm_tag);
        match bit / 8 {
            0..40 => {
                flip(&mut gcm_data, bit);
                flip(&mut ccm_data, bit);
            }
            40..60 => flip(&mut additional, bit - 8 * 40),
            60..72 => flip(&mut nonce, bit - 8 * 60),
            _ => {
                flip(&mut gcm_tag, bit - 8 * 72);
                flip(&mut ccm_tag, bit - 8 * 72);
            }
        }
        let before = gcm_data;
        assert!(gcm.open(&nonce, &additional, &mut gcm_data, &gcm_tag).is_err(), "{bit}");
        assert_eq!(gcm_data, before);
        assert!(ccm.open(&nonce, &additional, &mut ccm_data, &ccm_tag[..8]).is_err(), "{bit}");
        assert_eq!(ccm_data, [0; 40]);
    }
    assert!(ccm.open(&nonce, &additional, &mut by_ccm.clone(), &ccm_tag).is_err(), "a longer tag");
    assert!(ccm.open(&nonce, &additional, &mut by_ccm.clone(), &ccm_tag[..6]).is_err(), "a shorter tag");
    assert!(ccm.open(&nonce, &additional, &mut by_ccm, &ccm_tag[..8]).is_ok());
}
