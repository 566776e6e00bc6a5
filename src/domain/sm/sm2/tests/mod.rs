//! The worked examples of GB/T 32918.5-2017 (recommended curve, annexes A to C) with their intermediate values.
//!
//! `arithmetic` and `points` compare the parts with other implementations: briefly in a debug build, at length in a
//! release build (`cargo test --release --lib domain::sm::sm2`).

mod arithmetic;
mod points;

use crate::domain::sm::Wrong;
use crate::domain::sm::hex;
use crate::domain::sm::sm2::DEFAULT_ID;
use crate::domain::sm::sm2::EphemeralKey;
use crate::domain::sm::sm2::ID_BYTES_MAX;
use crate::domain::sm::sm2::KnownKey;
use crate::domain::sm::sm2::Order;
use crate::domain::sm::sm2::PrivateKey;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::sm::sm2::Signature;
use crate::domain::sm::sm2::TLS13_ID;
use crate::domain::sm::sm2::comb;
use crate::domain::sm::sm2::exchange;
use crate::domain::sm::sm2::exchange::Ephemeral;
use crate::domain::sm::sm2::exchange::Party;
use crate::domain::sm::sm2::exchange::Side;
use crate::domain::sm::sm2::public;
use crate::domain::sm::sm2::scalar::Scalar;
use crate::domain::sm::unhex;

/// Cases of a comparison: few where arithmetic is not optimised.
fn cases(release: u32) -> u32 {
    if cfg!(debug_assertions) { release.div_ceil(500) } else { release }
}

/// Numbers that look random, always the same (xorshift64*, Vigna 2016).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Four limbs; half of them are such that carries and borrows run.
    fn limbs(&mut self) -> [u64; 4] {
        const EDGES: [u64; 8] = [0, 1, u64::MAX, u64::MAX - 1, 1 << 32, u64::MAX << 32, 0xffff_ffff, !(1 << 32)];
        std::array::from_fn(|_| {
            let number = self.next();
            let edge = EDGES[usize::try_from(number % 8).unwrap()];
            if number >> 63 == 0 { edge } else { self.next() }
        })
    }
}

fn number(text: &str) -> [u8; 32] {
    unhex(text).unwrap()
}

fn private(text: &str) -> PrivateKey {
    PrivateKey::from_bytes(&number(text)).unwrap()
}

/// Noise from which the key or nonce is just this number.
fn noise(text: &str) -> [u8; 48] {
    let mut noise = [0; 48];
    noise[16..].copy_from_slice(&number(text));
    noise
}

const D: &str = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
const K: &str = "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21";
const X1: &str = "04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73";
const Y1: &str = "e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0";

#[test]
fn signature_of_annex_a() {
    let key = private(D);
    assert_eq!(
        hex(&key.public().to_bytes()),
        "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020\
         ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    );
    let z = key.public().z(DEFAULT_ID).unwrap();
    assert_eq!(hex(&z), "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3");
    let digest = public::digest_of(&z, &[b"message ", b"digest"]);
    assert_eq!(hex(&digest), "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640");
    let k = Scalar::from_bytes(&number(K)).unwrap();
    let point = comb::base_product(&k).to_affine().unwrap();
    assert_eq!(hex(&point.x.to_bytes()), X1);
    let signature = key.sign_with(&digest, &k).unwrap();
    let expected = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3\
                    b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";
    assert_eq!(hex(&signature.to_bytes()), expected);
    assert_eq!(key.public().verify(DEFAULT_ID, &[b"message digest"], &signature), Ok(()));
    assert_eq!(KnownKey::new(key.public()).verify(DEFAULT_ID, &[b"message digest"], &signature), Ok(()));
    assert_eq!(key.public().verify(TLS13_ID, &[b"message digest"], &signature), Err(Wrong));
}

#[test]
fn encryption_of_annex_c() {
    let key = private(D);
    let raw = key.public().encrypt_raw(b"encryption standard", &noise(K), Order::C1C3C2).unwrap();
    let c3 = "59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766";
    let c2 = "21886ca989ca9c7d58087307ca93092d651efa";
    assert_eq!(hex(&raw), ["04", X1, Y1, c3, c2].concat());
    assert_eq!(key.decrypt_raw(&raw, Order::C1C3C2).unwrap().as_slice(), b"encryption standard");
    let old = key.public().encrypt_raw(b"encryption standard", &noise(K), Order::C1C2C3).unwrap();
    assert_eq!(hex(&old), ["04", X1, Y1, c2, c3].concat());
    assert_eq!(key.decrypt_raw(&old, Order::C1C2C3).unwrap().as_slice(), b"encryption standard");
    assert!(key.decrypt_raw(&old, Order::C1C3C2).is_err());
    let der = key.public().encrypt(b"encryption standard", &noise(K)).unwrap();
    assert_eq!(hex(&der), ["307c0220", X1, "022100", Y1, "0420", c3, "0413", c2].concat());
    assert_eq!(key.decrypt(&der).unwrap().as_slice(), b"encryption standard");
}

#[test]
fn key_exchange_of_annex_b() {
    let a = private("81eb26e941bb5af16df116495f90695272ae2cd63d6c4ae1678418be48230029");
    let b = private("785129917d45a9ea5437a59356b82338eaadda6ceb199088f14ae10defa229b5");
    let (a_id, b_id) = (DEFAULT_ID, DEFAULT_ID);
    assert_eq!(hex(&a.public().z(a_id).unwrap()), "3b85a57179e11e7e513aa622991f2ca74d1807a0bd4d4b38f90987a17ac245b1");
    assert_eq!(hex(&b.public().z(b_id).unwrap()), "79c988d63229d97ef19fe02ca1056e01e6a7411ed24694aa8f834f4a4ab022f7");
    let a_moment = Ephemeral::new(&noise("d4de15474db74d06491c440d305e012400990f3e390c7e87153c12db2ea60bb3"));
    let b_moment = Ephemeral::new(&noise("7e07124814b309489125eaed101113164ebf0f3458c5bd88335c1f9d596243d6"));
    let (r_a, r_b) = (*a_moment.public(), *b_moment.public());
    assert_eq!(hex(&r_a.to_bytes()[1..33]), "64ced1bdbc99d590049b434d0fd73428cf608a5db8fe5ce07f15026940bae40e");
    let (to_a, to_b) = (Party { key: a.public(), id: a_id }, Party { key: b.public(), id: b_id });
    let at_a = exchange::agree(Side::Initiator, (&a, a_id), a_moment, to_b, &r_b, 16).unwrap();
    let at_b = exchange::agree(Side::Responder, (&b, b_id), b_moment, to_a, &r_a, 16).unwrap();
    let (s_a, s_b) = (*at_a.confirmation(), *at_b.confirmation());
    assert_eq!(hex(&s_b), "d3a0fe15dee185ceae907a6b595cc32a266ed7b3367e9983a896dc32fa20f8eb");
    assert_eq!(hex(&s_a), "18c7894b3816df16cf07b05c5ec0bef5d655d58f779cc1b400a4f3884644db88");
    let key = "6c89347354de2484c60b4ab1fde4c6e5";
    assert_eq!(hex(&at_a.confirm(&s_b).unwrap()), key);
    assert!(
        exchange::agree(Side::Responder, (&b, b_id), Ephemeral::new(&[7; 48]), to_a, &r_a, 16)
            .unwrap()
            .confirm(&s_a)
            .is_err()
    );
    assert_eq!(hex(&at_b.confirm(&s_a).unwrap()), key);
}

/// Steps A5 and A6 want another nonce where r, s or r + k is zero.
#[test]
fn nonces_that_the_standard_refuses() {
    let key = private(D);
    let k = Scalar::from_bytes(&number(K)).unwrap();
    let x = Scalar::from_bytes(&number(X1)).unwrap();
    // r = e + x1 = 0
    let e = Scalar::ZERO.subtract(&x);
    assert!(key.sign_with(&e.to_bytes(), &k).is_none());
    // r = -k
    let e = e.subtract(&k);
    assert!(key.sign_with(&e.to_bytes(), &k).is_none());
    // s = 0 where k = r * d, that is r = k / d
    let d = Scalar::from_bytes(&number(D)).unwrap();
    let e = k.multiply(&d.invert()).subtract(&x);
    assert!(key.sign_with(&e.to_bytes(), &k).is_none());
    let e = e.add(&Scalar::ONE);
    assert!(key.sign_with(&e.to_bytes(), &k).is_some());
    assert!(key.sign_with(&e.to_bytes(), &Scalar::ZERO).is_none());
}

/// The same noise gives the same signature; another digest, key or noise another nonce, and so another r - e.
#[test]
fn nonces_are_hedged() {
    let sign = |key: &PrivateKey, digest: u8, noise: u8| {
        let signature = key.sign_digest(&[digest; 32], &[noise; 32]);
        signature.r.subtract(&Scalar::from_bytes(&[digest; 32]).unwrap()).to_bytes()
    };
    let (key, other) = (private(D), private(K));
    let x = sign(&key, 1, 0);
    assert_eq!(x, sign(&key, 1, 0));
    assert_ne!(x, sign(&key, 2, 0));
    assert_ne!(x, sign(&key, 1, 1));
    assert_ne!(x, sign(&other, 1, 0));
}

#[test]
fn secrets_do_not_show() {
    let key = private(D);
    let text = format!("{key:?}").to_lowercase();
    assert!(!text.contains(&D[..8]), "{text}");
    assert_eq!(hex(key.to_bytes().as_slice()), D);
}

#[test]
fn private_keys_out_of_range() {
    let order = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d541";
    let key = |end: &str| PrivateKey::from_bytes(&number(&[order, end].concat()));
    assert!(key("21").is_ok());
    assert!(key("22").is_err());
    assert!(key("23").is_err());
    assert!(PrivateKey::from_bytes(&[0; 32]).is_err());
    assert!(PrivateKey::from_bytes(&[0xff; 32]).is_err());
    // Noise that would give zero, and n - 1: the next candidate serves.
    assert!(PrivateKey::generate(&[0; 48]).public() != PrivateKey::generate(&noise(&[order, "22"].concat())).public());
}

/// The first nonce masks the two bytes with zeros only: the standard wants another (found by trying).
#[test]
fn empty_messages_and_empty_masks_are_refused() {
    let key = private(D);
    assert!(key.public().encrypt(b"", &[1; 48]).is_err());
    let refused = (1_u32..1 << 24).find(|number| {
        let mut noise = [0; 48];
        noise[44..].copy_from_slice(&number.to_be_bytes());
        let raw = key.public().encrypt_raw(&[0xa5], &noise, Order::C1C3C2).unwrap();
        // A mask of zeros would leave the text as it is.
        assert_ne!(raw[97..], [0xa5]);
        let mut scalar = [0; 32];
        scalar[28..].copy_from_slice(&number.to_be_bytes());
        let point = PrivateKey::from_bytes(&scalar).unwrap();
        raw[..65] != point.public().to_bytes()
    });
    assert!(refused.unwrap() < 10_000);
}

#[test]
fn both_directions_at_random() {
    for seed in 0..20 {
        let key = PrivateKey::generate(&[seed; 48]);
        let other = PrivateKey::generate(&[seed + 100; 48]);
        assert_eq!(key.agree(other.public()).unwrap(), other.agree(key.public()).unwrap());
        let message = vec![seed; usize::from(seed) * 5 + 1];
        let signature = key.sign(DEFAULT_ID, &[&message], &[seed; 32]).unwrap();
        assert_eq!(key.public().verify(DEFAULT_ID, &[&message], &signature), Ok(()));
        assert_eq!(other.public().verify(DEFAULT_ID, &[&message], &signature), Err(Wrong));
        assert_eq!(Signature::from_der(&signature.to_der()), Ok(signature));
        let sealed = key.public().encrypt(&message, &[seed; 48]).unwrap();
        assert_eq!(key.decrypt(&sealed).unwrap().as_slice(), message);
        assert!(other.decrypt(&sealed).is_err());
        let bytes = key.public().to_bytes();
        let mut short = [2 | bytes[64] & 1; 33];
        short[1..].copy_from_slice(&bytes[1..33]);
        assert_eq!(PublicKey::from_bytes(&short), Ok(*key.public()));
    }
}

#[test]
fn an_id_whose_bits_cannot_be_counted_is_a_fault() {
    let key = PrivateKey::generate(&[1; 48]);
    let (longest, longer) = (vec![b'x'; ID_BYTES_MAX], vec![b'x'; ID_BYTES_MAX + 1]);
    let signature = key.sign(&longest, &[b"message"], &[2; 32]).unwrap();
    assert_eq!(key.public().verify(&longest, &[b"message"], &signature), Ok(()));
    assert_eq!(key.public().z(&longer), Err(Wrong));
    assert!(key.sign(&longer, &[b"message"], &[2; 32]).is_err());
    assert_eq!(key.public().verify(&longer, &[b"message"], &signature), Err(Wrong));
    assert_eq!(KnownKey::new(key.public()).verify(&longer, &[b"message"], &signature), Err(Wrong));
}

#[test]
fn a_key_of_the_moment_agrees_as_any_other() {
    let other = PrivateKey::generate(&[9; 48]);
    for case in 0..20 {
        let (moment, lasting) = (EphemeralKey::generate(&[case; 48]), PrivateKey::generate(&[case; 48]));
        assert_eq!(moment.public(), lasting.public());
        assert!(!format!("{moment:?}").contains(&hex(lasting.to_bytes().as_slice())));
        assert_eq!(moment.agree(other.public()).unwrap(), other.agree(lasting.public()).unwrap());
    }
}
