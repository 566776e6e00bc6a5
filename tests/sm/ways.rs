//! Every way of computing that this processor has gives the same.

use crate::noise::Noise;
use jingyue::domain::sm::sm3;
use jingyue::domain::sm::sm4;
use jingyue::domain::sm::sm4::Product;
use jingyue::domain::sm::sm4::Way;

#[test]
fn blocks_of_every_way_are_the_same() {
    let mut noise = Noise::new("blocks_of_every_way_are_the_same");
    for length in (0..200).chain([1024, 2048 + 7]) {
        let key: [u8; 16] = noise.array();
        let plain = noise.bytes(16 * length);
        let portable = sm4::Key::with_way(&key, Way::Portable).unwrap();
        let mut sealed = plain.clone();
        sm4::ecb_encrypt(&portable, &mut sealed).unwrap();
        let iv = noise.array();
        let mut chained = plain.clone();
        sm4::cbc_encrypt(&portable, &iv, &mut chained).unwrap();
        for way in Way::here() {
            let key = sm4::Key::with_way(&key, way).unwrap();
            let mut data = plain.clone();
            sm4::ecb_encrypt(&key, &mut data).unwrap();
            assert_eq!(data, sealed, "{way:?} {length}");
            sm4::ecb_decrypt(&key, &mut data).unwrap();
            assert_eq!(data, plain, "{way:?} {length}");
            sm4::cbc_encrypt(&key, &iv, &mut data).unwrap();
            assert_eq!(data, chained, "{way:?} {length}");
            sm4::cbc_decrypt(&key, &iv, &mut data).unwrap();
            assert_eq!(data, plain, "{way:?} {length}");
        }
    }
}

#[test]
fn counters_of_every_way_are_the_same() {
    let mut noise = Noise::new("counters_of_every_way_are_the_same");
    for length in (0..300).step_by(7).chain([2047, 2048, 2049, 4096, 16 * 1024 + 3]) {
        let key: [u8; 16] = noise.array();
        let portable = sm4::Key::with_way(&key, Way::Portable).unwrap();
        let plain = noise.bytes(length);
        // Somewhere, and where one, four and all bytes carry.
        let near = noise.below(300) as u128;
        for counter in [u128::from_be_bytes(noise.array()), 0x7fff - near, (1 << 40) - near, near.wrapping_neg()] {
            let counter = counter.to_be_bytes();
            let mut sealed = plain.clone();
            sm4::ctr(&portable, &counter, &mut sealed);
            for way in Way::here() {
                let key = sm4::Key::with_way(&key, way).unwrap();
                let mut data = plain.clone();
                sm4::ctr(&key, &counter, &mut data);
                assert_eq!(data, sealed, "{way:?} {length} {counter:?}");
            }
        }
    }
}

#[test]
fn gcm_of_every_way_is_the_same() {
    let mut noise = Noise::new("gcm_of_every_way_is_the_same");
    for length in (0..300).chain([511, 1024, 4096 + 5]) {
        let key: [u8; 16] = noise.array();
        let (nonce_bytes, additional_bytes) = (noise.below(40) + 1, noise.below(600));
        let (nonce, additional) = (noise.bytes(nonce_bytes), noise.bytes(additional_bytes));
        let plain = noise.bytes(length);
        let mut sealed = plain.clone();
        let portable = sm4::Gcm::with_ways(&key, Way::Portable, Product::Portable).unwrap();
        let tag = portable.seal(&nonce, &additional, &mut sealed);
        for (way, product) in Way::here().flat_map(|way| Product::here().map(move |product| (way, product))) {
            let gcm = sm4::Gcm::with_ways(&key, way, product).unwrap();
            let mut data = plain.clone();
            assert_eq!(gcm.seal(&nonce, &additional, &mut data), tag, "{way:?} {product:?} {length}");
            assert_eq!(data, sealed, "{way:?} {product:?} {length}");
            gcm.open(&nonce, &additional, &mut data, &tag).unwrap();
            assert_eq!(data, plain, "{way:?} {product:?} {length}");
        }
    }
}

#[test]
fn many_messages_of_every_way_are_hashed_as_one_by_one() {
    let mut noise = Noise::new("many_messages_of_every_way_are_hashed_as_one_by_one");
    for count in (0..40).chain([100]) {
        let lengths: Vec<usize> = (0..count).map(|_| noise.below(if count % 3 == 0 { 80 } else { 1000 })).collect();
        let messages: Vec<Vec<u8>> = lengths.iter().map(|length| noise.bytes(*length)).collect();
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let expected: Vec<[u8; 32]> = messages.iter().map(|message| sm3::digest_parts(&[message])).collect();
        for way in sm3::Way::here() {
            let mut digests = vec![[0; 32]; count];
            sm3::digest_many_with(way, &messages, &mut digests);
            assert_eq!(digests, expected, "{way:?} {count}");
        }
    }
}
