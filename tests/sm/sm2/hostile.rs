//! Keys, signatures and ciphertexts that are wrong in one place, or made to hit an exception.

use super::key;
use super::message;
use super::noise;
use crate::vectors::bytes;
use jingyue::domain::sm::Wrong;
use jingyue::domain::sm::sm2::DEFAULT_ID;
use jingyue::domain::sm::sm2::KnownKey;
use jingyue::domain::sm::sm2::Order;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::domain::sm::sm2::PublicKey;
use jingyue::domain::sm::sm2::Signature;

const ORDER: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
const PRIME: &str = "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff";

#[test]
fn one_bit_of_a_signature() {
    let own = key(1);
    let known = KnownKey::new(own.public());
    let signature = own.sign(DEFAULT_ID, &[b"message"], &noise("nonce", 1)).unwrap();
    for bit in 0..512 {
        let mut bytes = signature.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(other) = Signature::from_bytes(&bytes) else { continue };
        assert_eq!(own.public().verify(DEFAULT_ID, &[b"message"], &other), Err(Wrong), "bit {bit}");
        assert_eq!(known.verify(DEFAULT_ID, &[b"message"], &other), Err(Wrong), "bit {bit}");
    }
}

#[test]
fn numbers_of_a_signature_out_of_range() {
    let (order, zero, one) = (bytes(ORDER), [0; 32], [&[0; 31], [1].as_slice()].concat());
    let mut last = order.clone();
    last[31] -= 1;
    let signature = |r: &[u8], s: &[u8]| Signature::from_bytes(&[r, s].concat().try_into().unwrap());
    for wrong in [zero.as_slice(), &order, &[0xff; 32]] {
        assert!(signature(wrong, &one).is_err());
        assert!(signature(&one, wrong).is_err());
    }
    // r + s = n: t is zero, whatever the message.
    let opposite = signature(&one, &last).unwrap();
    let own = key(1);
    assert_eq!(own.public().verify_digest(&[0; 32], &opposite), Err(Wrong));
    assert_eq!(KnownKey::new(own.public()).verify_digest(&[0; 32], &opposite), Err(Wrong));
    assert!(signature(&last, &last).is_ok());
}

#[test]
fn signatures_in_der_have_one_form() {
    let signature =
        Signature::from_bytes(&[&[0; 31], [1].as_slice(), &[0x80; 32]].concat().try_into().unwrap()).unwrap();
    let der = signature.to_der();
    assert_eq!(der, bytes(&["3026020101022100", &"80".repeat(32)].concat()));
    assert_eq!(Signature::from_der(&der), Ok(signature));
    let number = "80".repeat(32);
    for wrong in [
        String::new(),
        "30".to_owned(),
        // A byte behind, inside and outside.
        format!("3026020101022100{number}00"),
        format!("3027020101022100{number}00"),
        // Lengths longer than they need, without end, too great.
        format!("308126020101022100{number}"),
        format!("30820026020101022100{number}"),
        format!("3080020101022100{number}0000"),
        format!("3027020101022100{number}"),
        format!("302702810101022100{number}"),
        format!("30ffffffffff020101022100{number}"),
        // Numbers longer than they need, negative, empty, zero, too great.
        format!("302702020001022100{number}"),
        format!("30250201010220{number}"),
        format!("30250200022100{number}"),
        format!("3026020100022100{number}"),
        format!("3026020181022100{number}"),
        format!("30270201010222010{}", "0".repeat(65)),
        // Another tag.
        format!("3126020101022100{number}"),
        format!("3026030101022100{number}"),
        format!("3026020101032100{number}"),
        // One number, three numbers.
        "3003020101".to_owned(),
        format!("3029020101022100{number}020101"),
    ] {
        assert_eq!(Signature::from_der(&bytes(&wrong)), Err(Wrong), "{wrong}");
    }
    for end in 0..der.len() {
        assert_eq!(Signature::from_der(&der[..end]), Err(Wrong));
    }
}

#[test]
fn public_keys_that_are_none() {
    let good = key(1).public().to_bytes();
    assert!(PublicKey::from_bytes(&good).is_ok());
    let prime = bytes(PRIME);
    let point = |form: u8, x: &[u8], y: &[u8]| PublicKey::from_bytes(&[&[form], x, y].concat());
    let (x, y) = (&good[1..33], &good[33..]);
    for form in [0, 1, 2, 3, 5, 6, 7, 0x84] {
        assert!(point(form, x, y).is_err(), "{form}");
    }
    assert!(point(4, y, x).is_err());
    assert!(point(4, x, &[]).is_err());
    assert!(point(4, x, &[y, &[0]].concat()).is_err());
    assert!(point(4, x, &[0; 32]).is_err());
    assert!(point(4, &[0; 32], &[0; 32]).is_err());
    assert!(point(4, &prime, y).is_err());
    assert!(point(4, x, &prime).is_err());
    assert!(PublicKey::from_bytes(&[]).is_err());
    assert!(PublicKey::from_bytes(&[0]).is_err());
    // x = 0 is a point of this curve; x + p writes it a second time.
    let zero = point(2, &[0; 32], &[]).unwrap();
    assert_eq!(point(4, &zero.to_bytes()[1..33], &zero.to_bytes()[33..]), Ok(zero));
    assert!(point(2, &prime, &[]).is_err());
    assert!(point(2, &[0xff; 32], &[]).is_err());
    // Half of the numbers are no x of a point, the others have an even and an odd y.
    let mut found = 0;
    for number in 0..64 {
        let x = noise::<32>("x", number);
        let pair = [2, 3].map(|form| point(form, &x, &[]));
        assert_eq!(pair[0].is_ok(), pair[1].is_ok());
        if let [Ok(even), Ok(odd)] = pair {
            assert_eq!((even.to_bytes()[64] & 1, odd.to_bytes()[64] & 1), (0, 1));
            found += 1;
        }
    }
    assert!((16..48).contains(&found), "{found}");
}

#[test]
fn one_bit_of_a_ciphertext() {
    let own = key(2);
    let plain = message(3);
    let sealed = own.public().encrypt(&plain, &noise("nonce", 1)).unwrap();
    assert_eq!(own.decrypt(&sealed).unwrap().as_slice(), plain);
    let raw = own.public().encrypt_raw(&plain, &noise("nonce", 1), Order::C1C3C2).unwrap();
    let old = own.public().encrypt_raw(&plain, &noise("nonce", 1), Order::C1C2C3).unwrap();
    for at in 0..sealed.len() * 8 {
        let flip = |text: &[u8]| {
            let mut text = text.to_vec();
            if let Some(byte) = text.get_mut(at / 8) {
                *byte ^= 1 << (at % 8);
            }
            text
        };
        assert!(own.decrypt(&flip(&sealed)).is_err(), "bit {at}");
        // Of a compressed point a bit of the form gives the opposite point, which is another text.
        if at / 8 < raw.len() {
            assert!(own.decrypt_raw(&flip(&raw), Order::C1C3C2).is_err(), "bit {at}");
            assert!(own.decrypt_raw(&flip(&old), Order::C1C2C3).is_err(), "bit {at}");
        }
    }
    for end in 0..sealed.len() {
        assert!(own.decrypt(&sealed[..end]).is_err());
    }
    for end in 0..raw.len() {
        assert!(own.decrypt_raw(&raw[..end], Order::C1C3C2).is_err());
        assert!(own.decrypt_raw(&old[..end], Order::C1C2C3).is_err());
    }
    assert!(own.decrypt(&[sealed.as_slice(), &[0]].concat()).is_err());
    assert!(own.decrypt_raw(&[raw.as_slice(), &[0]].concat(), Order::C1C3C2).is_err());
}

#[test]
fn leading_zeros_and_long_texts_stay() {
    let own = key(3);
    for length in [1, 2, 31, 32, 33, 127, 128, 200, 255, 256, 65_535, 65_536, 100_000] {
        let mut plain = vec![0; length];
        plain[length - 1] = 1;
        let sealed = own.public().encrypt(&plain, &noise("nonce", 4)).unwrap();
        assert!(own.decrypt(&sealed).unwrap().as_slice() == plain, "{length}");
    }
}

#[test]
fn compressed_points_before_a_ciphertext() {
    let own = key(4);
    let raw = own.public().encrypt_raw(b"text", &noise("nonce", 5), Order::C1C3C2).unwrap();
    let short = [&[2 | raw[64] & 1], &raw[1..33], &raw[65..]].concat();
    assert_eq!(own.decrypt_raw(&short, Order::C1C3C2).unwrap().as_slice(), b"text");
    let other = [&[3 - raw[64] % 2], &raw[1..33], &raw[65..]].concat();
    assert!(own.decrypt_raw(&other, Order::C1C3C2).is_err());
}

/// d = 1, 2 and n - 2: the public key is G, 2G and -2G, where additions meet equal and opposite points.
#[test]
fn keys_at_the_edges() {
    let mut last: [u8; 32] = bytes(ORDER).try_into().unwrap();
    last[31] -= 2;
    let small = |number| [[0; 31].as_slice(), &[number]].concat().try_into().unwrap();
    for number in [small(1), small(2), small(3), last] {
        let own = PrivateKey::from_bytes(&number).unwrap();
        let known = KnownKey::new(own.public());
        for case in 0..4 {
            let signature = own.sign(DEFAULT_ID, &[&message(case)], &noise("nonce", case)).unwrap();
            assert!(own.public().verify(DEFAULT_ID, &[&message(case)], &signature).is_ok());
            assert!(known.verify(DEFAULT_ID, &[&message(case)], &signature).is_ok());
            let sealed = own.public().encrypt(&message(case), &noise("nonce", case)).unwrap();
            assert_eq!(own.decrypt(&sealed).unwrap().as_slice(), message(case));
            assert_eq!(own.agree(key(case).public()).unwrap(), key(case).agree(own.public()).unwrap());
        }
    }
}
