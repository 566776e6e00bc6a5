//! RustCrypto `sm2` and `gmcrypto-core`, both directions. At length in a release build:
//! `cargo test --release --test sm sm2::peers`.

use super::key;
use super::message;
use super::noise;
use gmcrypto_core::sm2 as gm;
use jingyue::domain::sm::sm2::DEFAULT_ID;
use jingyue::domain::sm::sm2::KnownKey;
use jingyue::domain::sm::sm2::Order;
use jingyue::domain::sm::sm2::Signature;
use sm2::dsa::signature::Signer;
use sm2::dsa::signature::Verifier;
use sm2::elliptic_curve::rand_core::TryCryptoRng;
use sm2::elliptic_curve::rand_core::TryRng;
use sm2::pke::DecryptingKey;
use sm2::pke::EncryptingKey;
use sm2::pke::Mode;
use std::convert::Infallible;

const CASES: u32 = if cfg!(debug_assertions) { 6 } else { 2_000 };

/// Numbers that look random, always the same.
struct Noise(u32);

impl TryRng for Noise {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0 += 1;
        Ok(u32::from_be_bytes(noise("peer", self.0)))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 += 1;
        Ok(u64::from_be_bytes(noise("peer", self.0)))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0 += 1;
        jingyue::domain::sm::kdf::fill(&[b"peer", &self.0.to_be_bytes()], bytes);
        Ok(())
    }
}

impl TryCryptoRng for Noise {}

#[test]
fn signatures_with_rustcrypto() {
    let id = std::str::from_utf8(DEFAULT_ID).unwrap();
    for number in 0..CASES {
        let (own, message) = (key(number), message(number));
        let theirs = sm2::dsa::SigningKey::from_slice(id, own.to_bytes().as_slice()).unwrap();
        let signature = own.sign(DEFAULT_ID, &[&message], &noise("nonce", number)).unwrap();
        let read = sm2::dsa::Signature::from_slice(&signature.to_bytes()).unwrap();
        assert!(theirs.verifying_key().verify(&message, &read).is_ok(), "{number}");
        let made: sm2::dsa::Signature = theirs.sign(&message);
        let made = Signature::from_bytes(&made.to_bytes().into()).unwrap();
        assert!(own.public().verify(DEFAULT_ID, &[&message], &made).is_ok(), "{number}");
        assert!(own.public().verify(DEFAULT_ID, &[&message, b"."], &made).is_err(), "{number}");
    }
    let known = KnownKey::new(key(0).public());
    let theirs = sm2::dsa::SigningKey::from_slice(id, key(0).to_bytes().as_slice()).unwrap();
    for number in 0..CASES {
        let made: sm2::dsa::Signature = theirs.sign(&message(number));
        let made = Signature::from_bytes(&made.to_bytes().into()).unwrap();
        assert!(known.verify(DEFAULT_ID, &[&message(number)], &made).is_ok(), "{number}");
        assert!(known.verify(DEFAULT_ID, &[&message(number), b"."], &made).is_err(), "{number}");
    }
}

#[test]
fn encryption_with_rustcrypto() {
    let mut rng = Noise(0);
    for number in 0..CASES {
        // Longer than two bytes: RustCrypto takes a mask of zeros, which a short text can have.
        let (own, message) = (key(number), [message(number).as_slice(), b"......"].concat());
        let secret = sm2::SecretKey::from_slice(own.to_bytes().as_slice()).unwrap();
        for (order, mode) in [(Order::C1C3C2, Mode::C1C3C2), (Order::C1C2C3, Mode::C1C2C3)] {
            let theirs = DecryptingKey::new_with_mode(secret.to_nonzero_scalar(), mode);
            let made = own.public().encrypt_raw(&message, &noise("nonce", number), order).unwrap();
            assert_eq!(theirs.decrypt(&made).unwrap(), message, "{number}");
            let encrypting = EncryptingKey::new_with_mode(secret.public_key(), mode);
            let made = encrypting.encrypt(&mut rng, &message).unwrap();
            assert_eq!(own.decrypt_raw(&made, order).unwrap().as_slice(), message, "{number}");
        }
        let theirs = DecryptingKey::new(secret.clone());
        let made = own.public().encrypt(&message, &noise("nonce", number)).unwrap();
        assert_eq!(theirs.decrypt_der(&made).unwrap(), message, "{number}");
        let made = EncryptingKey::new(secret.public_key()).encrypt_der(&mut rng, &message).unwrap();
        assert_eq!(own.decrypt(&made).unwrap().as_slice(), message, "{number}");
    }
}

#[test]
fn signatures_and_encryption_with_gmcrypto() {
    let mut rng = Noise(1 << 30);
    for number in 0..CASES {
        let (own, message) = (key(number), message(number));
        let theirs = gm::Sm2PrivateKey::from_bytes_be(&own.to_bytes()).unwrap();
        let public = theirs.public_key();
        assert_eq!(public.to_sec1_uncompressed(), own.public().to_bytes());
        let id = format!("{number}@example.com");
        let signature = own.sign(id.as_bytes(), &[&message], &noise("nonce", number)).unwrap().to_der();
        assert!(gm::verify_with_id(&public, id.as_bytes(), &message, &signature), "{number}");
        let made = gm::sign_with_id(&theirs, id.as_bytes(), &message, &mut rng).unwrap();
        let made = Signature::from_der(&made).unwrap();
        assert!(own.public().verify(id.as_bytes(), &[&message], &made).is_ok(), "{number}");
        let sealed = own.public().encrypt(&message, &noise("nonce", number)).unwrap();
        assert_eq!(gm::decrypt(&theirs, &sealed).unwrap(), message, "{number}");
        let sealed = gm::encrypt(&public, &message, &mut rng).unwrap();
        assert_eq!(own.decrypt(&sealed).unwrap().as_slice(), message, "{number}");
    }
}

mod exchange {
    use super::CASES;
    use super::Noise;
    use super::gm;
    use super::key;
    use super::noise;
    use gm::key_exchange::Sm2KxConfirm;
    use gm::key_exchange::Sm2KxEphemeralPoint;
    use gm::key_exchange::Sm2KxInitiator;
    use gm::key_exchange::Sm2KxResponder;
    use jingyue::domain::sm::sm2::PublicKey;
    use jingyue::domain::sm::sm2::exchange::Ephemeral;
    use jingyue::domain::sm::sm2::exchange::Party;
    use jingyue::domain::sm::sm2::exchange::Side;
    use jingyue::domain::sm::sm2::exchange::agree;

    #[test]
    fn with_gmcrypto_on_either_side() {
        let mut rng = Noise(1 << 31);
        for number in 0..CASES {
            let (own, other) = (key(number), key(number + CASES));
            let theirs = gm::Sm2PrivateKey::from_bytes_be(&other.to_bytes()).unwrap();
            let our_public = gm::Sm2PublicKey::from_sec1_bytes(&own.public().to_bytes()).unwrap();
            let party = Party { key: other.public(), id: b"other" };

            let responder = Sm2KxResponder::new(&theirs, &our_public, b"own", b"other", 48).unwrap();
            let moment = Ephemeral::new(&noise("moment", number));
            let sent = Sm2KxEphemeralPoint::from_bytes(&moment.public().to_bytes());
            let (point, confirmation, waiting) = responder.respond(&sent, &mut rng).unwrap();
            let point = PublicKey::from_bytes(&point.to_bytes()).unwrap();
            let agreed = agree(Side::Initiator, (&own, b"own"), moment, party, &point, 48).unwrap();
            let answer = Sm2KxConfirm::from_bytes(agreed.confirmation());
            let key = agreed.confirm(&confirmation.to_bytes()).unwrap();
            assert_eq!(waiting.finish(&answer).unwrap().as_bytes(), key.as_slice(), "{number}");

            let initiator = Sm2KxInitiator::new(&theirs, &our_public, b"other", b"own", 48).unwrap();
            let (point, waiting) = initiator.produce_ephemeral(&mut rng).unwrap();
            let point = PublicKey::from_bytes(&point.to_bytes()).unwrap();
            let moment = Ephemeral::new(&noise("moment", number));
            let sent = Sm2KxEphemeralPoint::from_bytes(&moment.public().to_bytes());
            let agreed = agree(Side::Responder, (&own, b"own"), moment, party, &point, 48).unwrap();
            let (key, answer) = waiting.confirm(&sent, &Sm2KxConfirm::from_bytes(agreed.confirmation())).unwrap();
            assert_eq!(agreed.confirm(&answer.to_bytes()).unwrap().as_slice(), key.as_bytes(), "{number}");
        }
    }
}
