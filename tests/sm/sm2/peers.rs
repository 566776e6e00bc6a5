//! RustCrypto `sm2` and `gmcrypto-core`, both directions, another key each case: signatures 500,000 each way, then
//! 50,000 ciphertexts each way with either and as many signatures with `gmcrypto-core`, and 25,000 exchanges on either
//! side.
//!
//! That many at length, some minutes on two cores, another seed each time:
//! `SM_SEED=… cargo test --release --test sm sm2::peers::at_length -- --ignored --nocapture`.

use crate::noise::Noise;
use crate::noise::spread;
use exchange::gmcrypto_on_either_side;
use gmcrypto_core::sm2 as gm;
use jingyue::domain::sm::sm2::DEFAULT_ID;
use jingyue::domain::sm::sm2::KnownKey;
use jingyue::domain::sm::sm2::Order;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::domain::sm::sm2::Signature;
use sm2::dsa::signature::Signer;
use sm2::dsa::signature::Verifier;
use sm2::elliptic_curve::rand_core::TryCryptoRng;
use sm2::elliptic_curve::rand_core::TryRng;
use sm2::pke::DecryptingKey;
use sm2::pke::EncryptingKey;
use sm2::pke::Mode;
use std::convert::Infallible;

/// The peers' chance.
struct Chance<'noise>(&'noise mut Noise);

impl TryRng for Chance<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(self.0.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(self.0.array()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0.bytes(bytes.len()));
        Ok(())
    }
}

impl TryCryptoRng for Chance<'_> {}

fn key(noise: &mut Noise) -> PrivateKey {
    PrivateKey::generate(&noise.array())
}

/// A message of `shortest` bytes and up to two hundred more.
fn message(noise: &mut Noise, shortest: usize) -> Vec<u8> {
    let bytes = shortest + noise.below(200);
    noise.bytes(bytes)
}

/// Signatures of one key, each way.
const SIGNATURES: usize = 16;

/// [`SIGNATURES`] each way; we verify as with a key never seen and as with one that has a table.
fn rustcrypto_signatures(noise: &mut Noise) {
    let id = std::str::from_utf8(DEFAULT_ID).unwrap();
    let own = key(noise);
    let theirs = sm2::dsa::SigningKey::from_slice(id, own.to_bytes().as_slice()).unwrap();
    let (unknown, known) = (own.public(), KnownKey::new(own.public()));
    for number in 0..SIGNATURES {
        let message = message(noise, 1);
        let signature = own.sign(DEFAULT_ID, &[&message], &noise.array()).unwrap();
        let read = sm2::dsa::Signature::from_slice(&signature.to_bytes()).unwrap();
        assert!(theirs.verifying_key().verify(&message, &read).is_ok());
        let made: sm2::dsa::Signature = theirs.sign(&message);
        let made = Signature::from_bytes(&made.to_bytes().into()).unwrap();
        assert!(unknown.verify(DEFAULT_ID, &[&message], &made).is_ok());
        assert!(known.verify(DEFAULT_ID, &[&message], &made).is_ok());
        if number == 0 {
            assert!(unknown.verify(DEFAULT_ID, &[&message, b"."], &made).is_err());
            assert!(known.verify(DEFAULT_ID, &[&message, b"."], &made).is_err());
        }
    }
}

/// A ciphertext each way, in one of the three forms.
fn rustcrypto_encryption(noise: &mut Noise) {
    // Longer than two bytes: RustCrypto takes a mask of zeros, which a short text can have.
    let (own, message) = (key(noise), message(noise, 7));
    let secret = sm2::SecretKey::from_slice(own.to_bytes().as_slice()).unwrap();
    let raw = [Some((Order::C1C3C2, Mode::C1C3C2)), Some((Order::C1C2C3, Mode::C1C2C3)), None];
    if let Some((order, mode)) = noise.one_of(&raw) {
        let theirs = DecryptingKey::new_with_mode(secret.to_nonzero_scalar(), mode);
        let made = own.public().encrypt_raw(&message, &noise.array(), order).unwrap();
        assert_eq!(theirs.decrypt(&made).unwrap(), message);
        let encrypting = EncryptingKey::new_with_mode(secret.public_key(), mode);
        let made = encrypting.encrypt(&mut Chance(noise), &message).unwrap();
        assert_eq!(own.decrypt_raw(&made, order).unwrap().as_slice(), message);
    } else {
        let theirs = DecryptingKey::new(secret.clone());
        let made = own.public().encrypt(&message, &noise.array()).unwrap();
        assert_eq!(theirs.decrypt_der(&made).unwrap(), message);
        let made = EncryptingKey::new(secret.public_key()).encrypt_der(&mut Chance(noise), &message).unwrap();
        assert_eq!(own.decrypt(&made).unwrap().as_slice(), message);
    }
}

/// A signature and a ciphertext each way, the user's id another each time.
fn gmcrypto_both(noise: &mut Noise) {
    let (own, message) = (key(noise), message(noise, 1));
    let theirs = gm::Sm2PrivateKey::from_bytes_be(&own.to_bytes()).unwrap();
    let public = theirs.public_key();
    assert_eq!(public.to_sec1_uncompressed(), own.public().to_bytes());
    let id = format!("{}@example.com", noise.below(1_000_000));
    let signature = own.sign(id.as_bytes(), &[&message], &noise.array()).unwrap().to_der();
    assert!(gm::verify_with_id(&public, id.as_bytes(), &message, &signature));
    let made = gm::sign_with_id(&theirs, id.as_bytes(), &message, &mut Chance(noise)).unwrap();
    let made = Signature::from_der(&made).unwrap();
    assert!(own.public().verify(id.as_bytes(), &[&message], &made).is_ok());
    let sealed = own.public().encrypt(&message, &noise.array()).unwrap();
    assert_eq!(gm::decrypt(&theirs, &sealed).unwrap(), message);
    let sealed = gm::encrypt(&public, &message, &mut Chance(noise)).unwrap();
    assert_eq!(own.decrypt(&sealed).unwrap().as_slice(), message);
}

mod exchange {
    use super::Chance;
    use super::Noise;
    use super::gm;
    use gm::key_exchange::Sm2KxConfirm;
    use gm::key_exchange::Sm2KxEphemeralPoint;
    use gm::key_exchange::Sm2KxInitiator;
    use gm::key_exchange::Sm2KxResponder;
    use jingyue::domain::sm::sm2::PublicKey;
    use jingyue::domain::sm::sm2::exchange::Ephemeral;
    use jingyue::domain::sm::sm2::exchange::Party;
    use jingyue::domain::sm::sm2::exchange::Side;
    use jingyue::domain::sm::sm2::exchange::agree;

    /// An exchange with `gmcrypto-core` on either side.
    pub(super) fn gmcrypto_on_either_side(noise: &mut Noise) {
        let (own, other) = (super::key(noise), super::key(noise));
        let theirs = gm::Sm2PrivateKey::from_bytes_be(&other.to_bytes()).unwrap();
        let our_public = gm::Sm2PublicKey::from_sec1_bytes(&own.public().to_bytes()).unwrap();
        let party = Party { key: other.public(), id: b"other" };

        let responder = Sm2KxResponder::new(&theirs, &our_public, b"own", b"other", 48).unwrap();
        let moment = Ephemeral::new(&noise.array());
        let sent = Sm2KxEphemeralPoint::from_bytes(&moment.public().to_bytes());
        let (point, confirmation, waiting) = responder.respond(&sent, &mut Chance(noise)).unwrap();
        let point = PublicKey::from_bytes(&point.to_bytes()).unwrap();
        let agreed = agree(Side::Initiator, (&own, b"own"), moment, party, &point, 48).unwrap();
        let answer = Sm2KxConfirm::from_bytes(agreed.confirmation());
        let key = agreed.confirm(&confirmation.to_bytes()).unwrap();
        assert_eq!(waiting.finish(&answer).unwrap().as_bytes(), key.as_slice());

        let initiator = Sm2KxInitiator::new(&theirs, &our_public, b"other", b"own", 48).unwrap();
        let (point, waiting) = initiator.produce_ephemeral(&mut Chance(noise)).unwrap();
        let point = PublicKey::from_bytes(&point.to_bytes()).unwrap();
        let moment = Ephemeral::new(&noise.array());
        let sent = Sm2KxEphemeralPoint::from_bytes(&moment.public().to_bytes());
        let agreed = agree(Side::Responder, (&own, b"own"), moment, party, &point, 48).unwrap();
        let (key, answer) = waiting.confirm(&sent, &Sm2KxConfirm::from_bytes(agreed.confirmation())).unwrap();
        assert_eq!(agreed.confirm(&answer.to_bytes()).unwrap().as_slice(), key.as_bytes());
    }
}

const FEW: usize = if cfg!(debug_assertions) { 4 } else { 500 };

macro_rules! few_and_many {
    ($($name:ident: $case:ident, at length $many:expr;)*) => {
        $(
            #[test]
            fn $name() {
                spread(FEW, stringify!($name), $case);
            }
        )*

        mod at_length {
            $(
                #[test]
                #[ignore = "minutes: run it with --release and another SM_SEED each time"]
                fn $name() {
                    super::spread($many, stringify!($name), super::$case);
                }
            )*
        }
    };
}

few_and_many! {
    signatures_with_rustcrypto: rustcrypto_signatures, at length 500_000 / super::SIGNATURES;
    encryption_with_rustcrypto: rustcrypto_encryption, at length 50_000;
    signatures_and_encryption_with_gmcrypto: gmcrypto_both, at length 50_000;
    exchange_with_gmcrypto: gmcrypto_on_either_side, at length 25_000;
}
