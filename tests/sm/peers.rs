//! Random cases against RustCrypto and `gmcrypto-core`, which share no code with ours or each other. Every case runs in
//! each way of computing that this processor has.
//!
//! A million of each kind, minutes on two cores, another seed each time:
//! `SM_SEED=… cargo test --release --test sm peers::million -- --ignored --nocapture`.

use crate::noise::Noise;
use crate::noise::spread;
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::array::ArraySize;
use aes_gcm::aead::consts;
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
use rustcrypto_hmac::Mac;
use rustcrypto_sm3::Digest;
use rustcrypto_sm3::Sm3;
use rustcrypto_sm4::Sm4;
use rustcrypto_sm4::cipher::BlockCipherDecrypt;
use rustcrypto_sm4::cipher::BlockCipherEncrypt;
use rustcrypto_sm4::cipher::KeyInit;

type SimpleHmac = rustcrypto_hmac::Hmac<Sm3>;

/// Whole blocks that one step of some way takes: of SM4 16, 32 or 64, of GHASH 8 or 16.
const STEPS: [usize; 4] = [8, 16, 32, 64];

/// A length: half of them short, a quarter around the ends of one or two steps of a way, the others longer, where
/// several steps and what is left behind them meet.
fn length(noise: &mut Noise) -> usize {
    match noise.below(20) {
        0..11 => noise.below(81),
        11..16 => 16 * noise.one_of(&STEPS) * (1 + noise.below(2)) + noise.below(35) - 17,
        16..19 => noise.below(1100),
        _ => noise.below(5000),
    }
}

/// A length where one block waits for the other, so that there are no steps: mostly short.
fn serial_length(noise: &mut Noise) -> usize {
    if noise.below(16) == 0 { length(noise) } else { noise.below(100) }
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
        counter[noise.one_of(&[0, 8, 12])..15].fill(0xff);
    }
    counter
}

/// The blocks of what `data` has from `start` up; less than a block at the end is left out.
fn blocks(data: &mut [u8], start: usize) -> &mut [[u8; 16]] {
    data[start..].as_chunks_mut().0
}

/// `key` in each way of this processor.
fn every_way(key: &[u8; 16]) -> impl Iterator<Item = (Way, sm4::Key)> {
    Way::here().map(|way| (way, sm4::Key::with_way(key, way).unwrap()))
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

/// Messages that are hashed side by side; twenty on average.
fn many_case(noise: &mut Noise) {
    let count = noise.below(41);
    let messages: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let bytes = length(noise);
            noise.bytes(bytes)
        })
        .collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let expected: Vec<[u8; 32]> = messages.iter().map(|message| Sm3::digest(message).into()).collect();
    for (message, expected) in messages.iter().zip(&expected) {
        assert_eq!(gmcrypto_core::sm3::hash(message), *expected, "SM3 of {} bytes", message.len());
    }
    for way in sm3::Way::here() {
        let mut digests = vec![[0; 32]; count];
        sm3::digest_many_with(way, &messages, &mut digests);
        assert_eq!(digests, expected, "{way:?}");
    }
}

fn ecb_case(noise: &mut Noise) {
    let key_bytes: [u8; 16] = noise.array();
    let bytes = length(noise);
    let (plain, start) = placed(noise, bytes);
    let end = start + bytes / 16 * 16;
    let (rustcrypto, gmcrypto) = (Sm4::new(&key_bytes.into()), gm::Sm4Cipher::new(&key_bytes));

    let (mut sealed, mut also) = (plain.clone(), plain.clone());
    for block in blocks(&mut sealed, start) {
        rustcrypto.encrypt_block(block.into());
    }
    gmcrypto.encrypt_blocks(blocks(&mut also, start));
    assert_eq!(sealed, also, "ECB of the peers, {bytes} at {start}");
    let (mut opened, mut also) = (plain.clone(), plain.clone());
    for block in blocks(&mut opened, start) {
        rustcrypto.decrypt_block(block.into());
    }
    gmcrypto.decrypt_blocks(blocks(&mut also, start));
    assert_eq!(opened, also, "ECB back of the peers, {bytes} at {start}");

    for (way, key) in every_way(&key_bytes) {
        let mut ours = plain.clone();
        sm4::ecb_encrypt(&key, &mut ours[start..end]).unwrap();
        assert_eq!(ours, sealed, "ECB {way:?} {bytes} at {start}");
        ours.copy_from_slice(&plain);
        sm4::ecb_decrypt(&key, &mut ours[start..end]).unwrap();
        assert_eq!(ours, opened, "ECB back {way:?} {bytes} at {start}");
    }
}

fn ctr_case(noise: &mut Noise) {
    let (key_bytes, iv, bytes): ([u8; 16], _, _) = (noise.array(), counter(noise), length(noise));
    let (plain, start) = placed(noise, bytes);
    let mut sealed = plain.clone();
    ctr::Ctr128BE::<Sm4>::new(&key_bytes.into(), &iv.into()).apply_keystream(&mut sealed[start..]);
    assert_eq!(sealed[start..], gm::mode_ctr::encrypt(&key_bytes, &iv, &plain[start..]), "CTR of the peers, {bytes}");
    for (way, key) in every_way(&key_bytes) {
        let mut ours = plain.clone();
        sm4::ctr(&key, &iv, &mut ours[start..]);
        assert_eq!(ours, sealed, "CTR {way:?} {bytes} at {start}");
    }
}

/// CBC to encrypt, where one block waits for the other, without and with padding.
fn cbc_case(noise: &mut Noise) {
    let (key_bytes, iv, bytes): ([u8; 16], [u8; 16], _) = (noise.array(), noise.array(), serial_length(noise));
    let (plain, start) = placed(noise, bytes);
    let end = start + bytes / 16 * 16;
    let mut sealed = plain.clone();
    let encryptor = cbc::Encryptor::<Sm4>::new(&key_bytes.into(), &iv.into());
    encryptor.encrypt_padded::<NoPadding>(&mut sealed[start..end], end - start).unwrap();
    let padded = gm::mode_cbc::encrypt(&key_bytes, &iv, &plain[start..]);
    assert_eq!(padded[..end - start], sealed[start..end], "CBC of the peers, {bytes}");
    for (way, key) in every_way(&key_bytes) {
        let mut ours = plain.clone();
        sm4::cbc_encrypt(&key, &iv, &mut ours[start..end]).unwrap();
        assert_eq!(ours, sealed, "CBC {way:?} {bytes} at {start}");
        assert_eq!(sm4::cbc_seal(&key, &iv, &plain[start..]), padded, "CBC {way:?} {bytes}");
        assert_eq!(sm4::cbc_open(&key, &iv, &padded).unwrap(), plain[start..], "CBC {way:?} {bytes}");
    }
}

/// CBC to decrypt, which goes many blocks at a time. `gmcrypto-core` only unpads, so its blocks are chained here.
fn cbc_back_case(noise: &mut Noise) {
    let (key_bytes, iv, bytes): ([u8; 16], [u8; 16], _) = (noise.array(), noise.array(), length(noise));
    let (mut sealed, start) = placed(noise, bytes);
    let end = start + bytes / 16 * 16;
    let mut opened = sealed.clone();
    let decryptor = cbc::Decryptor::<Sm4>::new(&key_bytes.into(), &iv.into());
    decryptor.decrypt_padded::<NoPadding>(&mut opened[start..end]).unwrap();
    let mut also = sealed.clone();
    gm::Sm4Cipher::new(&key_bytes).decrypt_blocks(blocks(&mut also, start));
    let mut before = iv;
    for (block, sealed) in blocks(&mut also, start).iter_mut().zip(blocks(&mut sealed, start)) {
        block.iter_mut().zip(before).for_each(|(byte, before)| *byte ^= before);
        before = *sealed;
    }
    assert_eq!(opened, also, "CBC back of the peers, {bytes}");
    for (way, key) in every_way(&key_bytes) {
        let mut ours = sealed.clone();
        sm4::cbc_decrypt(&key, &iv, &mut ours[start..end]).unwrap();
        assert_eq!(ours, opened, "CBC back {way:?} {bytes} at {start}");
    }
}

/// GCM of RustCrypto over `data` where it lies; the nonce has 12 or 16 bytes.
fn rustcrypto_gcm(key: &[u8; 16], nonce: &[u8], additional: &[u8], data: &mut [u8]) -> [u8; 16] {
    type Short = aes_gcm::AesGcm<Sm4, consts::U12>;
    type Long = aes_gcm::AesGcm<Sm4, consts::U16>;
    let data = InOutBuf::from(data);
    let tag = if let Ok(nonce) = <[u8; 12]>::try_from(nonce) {
        Short::new(&(*key).into()).encrypt_inout_detached(&nonce.into(), additional, data)
    } else {
        let nonce: [u8; 16] = nonce.try_into().unwrap();
        Long::new(&(*key).into()).encrypt_inout_detached(&nonce.into(), additional, data)
    };
    tag.unwrap().into()
}

/// Each way of SM4 with one of the ways of GHASH, another one from case to case.
fn gcm_case(noise: &mut Noise) {
    let key: [u8; 16] = noise.array();
    let nonce_bytes = noise.one_of(&[12, 12, 12, 16]);
    let (nonce, additional_bytes, bytes) = (noise.bytes(nonce_bytes), serial_length(noise), length(noise));
    let additional = noise.bytes(additional_bytes);
    let (plain, start) = placed(noise, bytes);

    let mut sealed = plain.clone();
    let tag = rustcrypto_gcm(&key, &nonce, &additional, &mut sealed[start..]);
    let (also, also_tag) = gm::mode_gcm::encrypt(&key, &nonce, &additional, &plain[start..]).unwrap();
    assert_eq!((also_tag, also.as_slice()), (tag, &sealed[start..]), "GCM of the peers, {bytes}");

    let products: Vec<Product> = Product::here().collect();
    let (first, mut wrong) = (noise.below(products.len()), tag);
    wrong[noise.below(16)] ^= 1 << noise.below(8);
    for (way, product) in Way::here().zip(products.into_iter().cycle().skip(first)) {
        let gcm = sm4::Gcm::with_ways(&key, way, product).unwrap();
        let mut ours = plain.clone();
        assert_eq!(gcm.seal(&nonce, &additional, &mut ours[start..]), tag, "{way:?} {product:?} {bytes} at {start}");
        assert_eq!(ours, sealed, "{way:?} {product:?} {bytes} at {start}");
        assert!(gcm.open(&nonce, &additional, &mut ours[start..], &wrong).is_err());
        assert_eq!(ours, sealed, "what is refused is left as it was");
        gcm.open(&nonce, &additional, &mut ours[start..], &tag).unwrap();
        assert_eq!(ours, plain, "{way:?} {product:?} {bytes} at {start}");
    }
}

/// Key, nonce, additional data and plain text to what is sealed and its tag behind it.
type Seal = fn(&[u8; 16], &[u8], &[u8], &[u8]) -> Vec<u8>;

/// CCM of RustCrypto, whose lengths of tags and nonces are types: what is sealed and its tag behind it.
fn rustcrypto_ccm(key: &[u8; 16], tag_bytes: usize, nonce: &[u8], additional: &[u8], plain: &[u8]) -> Vec<u8> {
    fn seal<Tag: ArraySize + ccm::TagSize, Length: ArraySize + ccm::NonceSize>(
        key: &[u8; 16],
        nonce: &[u8],
        additional: &[u8],
        plain: &[u8],
    ) -> Vec<u8> {
        let mut data = plain.to_vec();
        let ccm = ccm::Ccm::<Sm4, Tag, Length>::new(&(*key).into());
        let buffer = InOutBuf::from(&mut data[..]);
        let tag = ccm.encrypt_inout_detached(nonce.try_into().unwrap(), additional, buffer).unwrap();
        data.extend_from_slice(&tag);
        data
    }
    macro_rules! with_tag {
        ($tag:ty) => {
            match nonce.len() {
                7 => seal::<$tag, consts::U7>,
                8 => seal::<$tag, consts::U8>,
                9 => seal::<$tag, consts::U9>,
                10 => seal::<$tag, consts::U10>,
                11 => seal::<$tag, consts::U11>,
                12 => seal::<$tag, consts::U12>,
                _ => seal::<$tag, consts::U13>,
            }
        };
    }
    let seal: Seal = match tag_bytes {
        4 => with_tag!(consts::U4),
        6 => with_tag!(consts::U6),
        8 => with_tag!(consts::U8),
        10 => with_tag!(consts::U10),
        12 => with_tag!(consts::U12),
        14 => with_tag!(consts::U14),
        _ => with_tag!(consts::U16),
    };
    seal(key, nonce, additional, plain)
}

fn ccm_case(noise: &mut Noise) {
    let key: [u8; 16] = noise.array();
    let (nonce_bytes, tag_bytes) = (7 + noise.below(7), 4 + 2 * noise.below(7));
    let (additional_bytes, bytes) = (serial_length(noise), serial_length(noise));
    let (nonce, additional, plain) = (noise.bytes(nonce_bytes), noise.bytes(additional_bytes), noise.bytes(bytes));
    let sealed = rustcrypto_ccm(&key, tag_bytes, &nonce, &additional, &plain);
    let also = gm::mode_ccm::encrypt(&key, &nonce, &additional, &plain, tag_bytes).unwrap();
    assert_eq!(also, sealed, "CCM of the peers, {bytes}");
    for way in Way::here() {
        let ccm = sm4::Ccm::with_way(&key, tag_bytes, way).unwrap();
        let mut ours = plain.clone();
        let tag = ccm.seal(&nonce, &additional, &mut ours).unwrap();
        assert_eq!([&ours[..], &tag[..tag_bytes]].concat(), sealed, "CCM {way:?} {bytes}");
        ccm.open(&nonce, &additional, &mut ours, &tag[..tag_bytes]).unwrap();
        assert_eq!(ours, plain, "CCM {way:?} {bytes}");
    }
}

/// Fewer without optimisation, which slows vectors down most.
const FEW: usize = if cfg!(debug_assertions) { 20 } else { 2_000 };

macro_rules! few_and_a_million {
    ($($name:ident: $case:ident, $each:literal a case;)*) => {
        $(
            #[test]
            fn $name() {
                spread(FEW.div_ceil($each), stringify!($name), $case);
            }
        )*

        mod million {
            $(
                #[test]
                #[ignore = "minutes: run it with --release and another SM_SEED each time"]
                fn $name() {
                    super::spread(1_000_000_usize.div_ceil($each), stringify!($name), super::$case);
                }
            )*
        }
    };
}

few_and_a_million! {
    sm3_and_hmac: hash_case, 1 a case;
    sm3_side_by_side: many_case, 20 a case;
    ecb: ecb_case, 1 a case;
    ctr: ctr_case, 1 a case;
    cbc: cbc_case, 1 a case;
    cbc_back: cbc_back_case, 1 a case;
    gcm: gcm_case, 1 a case;
    ccm: ccm_case, 1 a case;
}
