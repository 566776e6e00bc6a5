//! An encryption key pair that an authority made for the holder of a signing key: the private half under SM4, the key of
//! SM4 under the signing key (GB/T 35276-2017, clause 7.4; GM/T 0009-2012, clause 7.4: SM2EnvelopedKey).
//!
//! ```text
//! SEQUENCE { AlgorithmIdentifier, SM2Cipher, BIT STRING point, BIT STRING private half under SM4-ECB }
//! ```
//!
//! The structure authenticates nothing but the key of SM4. So the pair counts only when its private half makes its
//! public half, and a caller compares the latter with the certificate that came along. The standard says nothing of
//! padding; 32 bytes need none, and none is read.

use crate::domain::asn;
use crate::domain::asn::ObjectIdentifier;
use crate::domain::asn::Reader;
use crate::domain::asn::tag;
use crate::domain::envelope::EnvelopeFault;
use crate::domain::envelope::oid;
use crate::domain::key::Key;
use crate::domain::sm::sm2::PRIVATE_KEY_BYTES;
use crate::domain::sm::sm2::PrivateKey;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::sm::sm4;
use zeroize::Zeroizing;

/// An enveloped pair is some 300 bytes; more is something else.
pub const KEY_PAIR_BYTES_MAX: usize = 4 << 10;

/// SM4 in ECB, or SM4 without a word of the mode, which some write.
const CIPHERS: [ObjectIdentifier; 2] = [oid::SM4_ECB, oid::SM4];

/// What must come from the operating system's randomness, for one pair only.
#[derive(Debug)]
pub struct KeyPairSecrets {
    /// The key of SM4.
    pub content_key: Zeroizing<[u8; 16]>,
    /// For its encryption.
    pub noise: Zeroizing<[u8; 48]>,
}

/// Seals `pair` for the holder of `recipient`, DER.
///
/// # Errors
/// Never with a key of 16 bytes; the caller need not rely on that.
pub fn seal_key_pair(
    recipient: &PublicKey,
    pair: &PrivateKey,
    secrets: &KeyPairSecrets,
) -> Result<Vec<u8>, EnvelopeFault> {
    let mut hidden = pair.to_bytes();
    let key = sm4::Key::new(&secrets.content_key);
    sm4::ecb_encrypt(&key, hidden.as_mut_slice()).map_err(|_| EnvelopeFault::Unsupported)?;
    let sealed = recipient.encrypt(&secrets.content_key[..], &secrets.noise);
    Ok(asn::sequence(&[
        &asn::sequence(&[&asn::oid(oid::SM4_ECB), &asn::null()]),
        &sealed.map_err(|_| EnvelopeFault::Unsupported)?,
        &asn::bits(&pair.public().to_bytes()),
        &asn::bits(hidden.as_slice()),
    ]))
}

/// An enveloped pair that was read and not yet opened.
#[derive(Debug)]
pub struct SealedKeyPair<'a> {
    sealed: &'a [u8],
    public: PublicKey,
    hidden: &'a [u8; PRIVATE_KEY_BYTES],
}

impl<'a> SealedKeyPair<'a> {
    /// Reads one from DER.
    ///
    /// # Errors
    /// When it is none, or its private half is hidden in another way than SM4-ECB.
    pub fn read(der: &'a [u8]) -> Result<Self, EnvelopeFault> {
        if der.len() > KEY_PAIR_BYTES_MAX {
            return Err(EnvelopeFault::TooLarge);
        }
        let mut inside = Reader::of_sequence(der)?;
        let algorithm = inside.algorithm()?;
        let sealed = inside.raw_of(tag::SEQUENCE)?;
        let public = PublicKey::from_bytes(inside.bits()?).map_err(|_| EnvelopeFault::Malformed)?;
        let hidden = inside.bits()?.try_into().map_err(|_| EnvelopeFault::Unsupported)?;
        inside.finish()?;
        if !CIPHERS.contains(&algorithm.oid) || !algorithm.is_plain() {
            return Err(EnvelopeFault::Unsupported);
        }
        Ok(Self { sealed, public, hidden })
    }

    /// The public half, as it is written there.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Opens it with the signing key it was made for.
    ///
    /// # Errors
    /// When it is for another key or was changed, which are not told apart, or the key cannot be used.
    pub fn open(&self, key: &dyn Key) -> Result<PrivateKey, EnvelopeFault> {
        let content_key = key.decrypt(self.sealed)?;
        let content_key: &[u8; 16] = content_key.as_slice().try_into().map_err(|_| EnvelopeFault::NotOpened)?;
        let mut number = Zeroizing::new(*self.hidden);
        let opened = sm4::ecb_decrypt(&sm4::Key::new(content_key), number.as_mut_slice());
        let pair = opened.and_then(|()| PrivateKey::from_bytes(&number)).map_err(|_| EnvelopeFault::NotOpened)?;
        if *pair.public() == self.public { Ok(pair) } else { Err(EnvelopeFault::NotOpened) }
    }
}
