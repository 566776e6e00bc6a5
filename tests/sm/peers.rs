//! Random cases against RustCrypto and `gmcrypto-core`, which share no code with ours or each other.

use crate::noise::Noise;
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::inout::InOutBuf;
use cbc::cipher::BlockModeDecrypt;
use cbc::cipher::BlockModeEncrypt;
use cbc::cipher::block_padding::NoPadding;
use ctr::cipher::KeyIvInit;
use ctr::cipher::StreamCipher;
use gmcrypto_core::hmac;
use gmcrypto_core::sm4 as gm;
use jingyue::domain::sm::mac::MacKey;
use jingyue::domain::sm::sm3;
use jingyue::domain::sm::sm4;
use jingyue::domain::sm::sm4::Product;
use jingyue::domain::sm::sm4::Way;
use rustcrypto_hmac::KeyInit;
use rustcrypto_hmac::Mac;
use rustcrypto_sm3::Digest;
use rustcrypto_sm3::Sm3;
use rustcrypto_sm4::Sm4;

type SimpleHmac = rustcrypto_hmac::Hmac<Sm3>;
type PeerGcm = aes_gcm::AesGcm<Sm4, aes_gcm::aead::consts::U12>;

/// A length: mostly short, at times across several batches of every way.
fn length(noise: &mut Noise) -> usize {
    let end = [17, 70, 300, 1100, 3000][noise.below(5)];
    noise.below(end)
}

/// A message at an odd place of memory, and where it begins.
fn placed(noise: &mut Noise, length: usize) -> (Vec<u8>, usize) {
    let start = noise.below(65);
    (noise.bytes(start + length), start)
}

/// A counter or nonce; every other counter is near a turn of its lower 32, 64 or 128 bits.
fn counter(noise: &mut Noise) -> [u8; 16] {
    let mut counter: [u8; 16] = noise.array();
    if noise.below(2) == 0 {
        counter[[0, 8, 12][noise.below(3)]..15].fill(0xff);
    }
    counter
}

fn one_of<T: Copy>(noise: &mut Noise, all: impl Iterator<Item = T>) -> T {
    let all: Vec<T> = all.collect();
    all[noise.below(all.len())]
}

fn hash_case(noise: &mut Noise) {
    let bytes = length(noise);
    let (message, start) = placed(noise, bytes);
    let message = &message[start..];
    let expected: [u8; 32] = Sm3::digest(message).into();
    let mut ours = sm3::Sm3::new();
    let mut rest = message;
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(noise.below(rest.len() + 1));
        ours.update(head);
        rest = tail;
    }
    assert_eq!(ours.finish(), expected, "SM3 of {bytes} bytes");
    assert_eq!(gmcrypto_core::sm3::hash(message), expected, "SM3 of {bytes} bytes");

    let key_bytes = noise.below(150);
    let key = noise.bytes(key_bytes);
    let mut peer = SimpleHmac::new_from_slice(&key).unwrap();
    peer.update(message);
    let expected: [u8; 32] = peer.finalize().into_bytes().into();
    assert_eq!(MacKey::new(&key).tag(&[message]), expected, "HMAC with {key_bytes} bytes over {bytes}");
    assert_eq!(hmac::hmac_sm3(&key, message), expected, "HMAC with {key_bytes} bytes over {bytes}");
}

fn many_case(noise: &mut Noise) {
    let count = noise.below(40);
    let messages: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let bytes = length(noise);
            noise.bytes(bytes)
        })
        .collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let mut digests = vec![[0; 32]; count];
    let way = one_of(noise, sm3::Way::here());
    sm3::digest_many_with(way, &messages, &mut digests);
    for (message, digest) in messages.iter().zip(digests) {
        assert_eq!(digest, *Sm3::digest(message), "{way:?}");
    }
}

fn cipher_case(noise: &mut Noise) {
    let (key_bytes, way): ([u8; 16], Way) = (noise.array(), one_of(noise, Way::here()));
    let key = sm4::Key::with_way(&key_bytes, way).unwrap();
    let iv = counter(noise);
    let bytes = length(noise);
    let (plain, start) = placed(noise, bytes);

    let (mut ours, mut peer) = (plain.clone(), plain.clone());
    sm4::ctr(&key, &iv, &mut ours[start..]);
    ctr::Ctr128BE::<Sm4>::new(&key_bytes.into(), &iv.into()).apply_keystream(&mut peer[start..]);
    assert_eq!(ours, peer, "CTR {way:?} {bytes} at {start}");
    assert_eq!(ours[start..], gm::mode_ctr::encrypt(&key_bytes, &iv, &plain[start..]), "CTR {way:?} {bytes}");

    let end = start + bytes / 16 * 16;
    let (mut ours, mut peer) = (plain.clone(), plain.clone());
    sm4::cbc_encrypt(&key, &iv, &mut ours[start..end]).unwrap();
    let encryptor = cbc::Encryptor::<Sm4>::new(&key_bytes.into(), &iv.into());
    encryptor.encrypt_padded::<NoPadding>(&mut peer[start..end], end - start).unwrap();
    assert_eq!(ours, peer, "CBC {way:?} {bytes} at {start}");
    let sealed = sm4::cbc_seal(&key, &iv, &plain[start..]);
    assert_eq!(sealed, gm::mode_cbc::encrypt(&key_bytes, &iv, &plain[start..]), "CBC {way:?} {bytes}");
    assert_eq!(sm4::cbc_open(&key, &iv, &sealed).unwrap(), plain[start..], "CBC {way:?} {bytes}");

    let (mut ours, mut peer) = (plain.clone(), plain);
    sm4::cbc_decrypt(&key, &iv, &mut ours[start..end]).unwrap();
    let decryptor = cbc::Decryptor::<Sm4>::new(&key_bytes.into(), &iv.into());
    decryptor.decrypt_padded::<NoPadding>(&mut peer[start..end]).unwrap();
    assert_eq!(ours, peer, "CBC back {way:?} {bytes} at {start}");
}

fn gcm_case(noise: &mut Noise) {
    let key_bytes: [u8; 16] = noise.array();
    let (way, product) = (one_of(noise, Way::here()), one_of(noise, Product::here()));
    let gcm = sm4::Gcm::with_ways(&key_bytes, way, product).unwrap();
    let nonce: [u8; 12] = noise.array();
    let (additional_bytes, bytes) = (length(noise), length(noise));
    let additional = noise.bytes(additional_bytes);
    let (plain, start) = placed(noise, bytes);

    let (mut ours, mut peer) = (plain.clone(), plain.clone());
    let tag = gcm.seal(&nonce, &additional, &mut ours[start..]);
    let buffer = InOutBuf::from(&mut peer[start..]);
    let cipher = <PeerGcm as aes_gcm::KeyInit>::new(&key_bytes.into());
    let expected = cipher.encrypt_inout_detached(&nonce.into(), &additional, buffer).unwrap();
    assert_eq!((tag.as_slice(), &ours), (expected.as_slice(), &peer), "{way:?} {product:?} {bytes} at {start}");

    let (sealed, expected) = gm::mode_gcm::encrypt(&key_bytes, &nonce, &additional, &plain[start..]).unwrap();
    assert_eq!((tag, &ours[start..]), (expected, sealed.as_slice()), "{way:?} {product:?} {bytes} at {start}");

    let mut wrong = tag;
    wrong[noise.below(16)] ^= 1 << noise.below(8);
    assert!(gcm.open(&nonce, &additional, &mut ours[start..], &wrong).is_err());
    assert_eq!(ours, peer, "what is refused is left as it was");
    gcm.open(&nonce, &additional, &mut ours[start..], &tag).unwrap();
    assert_eq!(ours, plain);
}

/// CCM, which of the two peers `gmcrypto-core` has.
fn ccm_case(noise: &mut Noise) {
    let key: [u8; 16] = noise.array();
    let (nonce_bytes, tag_bytes) = (7 + noise.below(7), 4 + 2 * noise.below(7));
    let (additional_bytes, bytes) = (length(noise), length(noise));
    let (nonce, additional, plain) = (noise.bytes(nonce_bytes), noise.bytes(additional_bytes), noise.bytes(bytes));
    let ccm = sm4::Ccm::new(&key, tag_bytes).unwrap();
    let mut ours = plain.clone();
    let tag = ccm.seal(&nonce, &additional, &mut ours).unwrap();
    let sealed = [&ours[..], &tag[..tag_bytes]].concat();
    assert_eq!(Some(sealed), gm::mode_ccm::encrypt(&key, &nonce, &additional, &plain, tag_bytes), "CCM {bytes}");
    ccm.open(&nonce, &additional, &mut ours, &tag[..tag_bytes]).unwrap();
    assert_eq!(ours, plain);
}

fn cases(count: usize, name: &str) {
    let mut noise = Noise::new(name);
    for _ in 0..count / 9 {
        for _ in 0..3 {
            cipher_case(&mut noise);
        }
        for _ in 0..2 {
            gcm_case(&mut noise);
            hash_case(&mut noise);
        }
        ccm_case(&mut noise);
        many_case(&mut noise);
    }
}

/// Fewer without optimisation, which slows vectors down most.
#[test]
fn random_cases_agree_with_the_peers() {
    cases(if cfg!(debug_assertions) { 270 } else { 20_000 }, "random_cases_agree_with_the_peers");
}

#[test]
#[ignore = "minutes: run it with --release and another SM_SEED each time"]
fn a_million_cases_agree_with_the_peers() {
    cases(1_000_000, "a_million_cases_agree_with_the_peers");
}
