//! An SM2 key as a handle: what may be done with it, not what it is.
//!
//! Whoever signs or opens something takes a [`Key`]; whether a file or a device stands behind it (`edge::keys`) makes no
//! difference to him. The digest to be signed is made here, so that a device gets 32 bytes and never a message. The
//! forms of key files are in `file`. It deliberately knows no certificate.

mod derive;
pub mod file;
mod trial;

pub use crate::domain::key::trial::TrialFault;
pub use crate::domain::key::trial::run as self_test;

use crate::domain::sm;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::sm::sm2::Signature;
use crate::domain::sm::sm3;
use std::fmt;
use zeroize::Zeroizing;

/// Why a key did not do what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// The ciphertext or the other side's point is wrong. It does not say how.
    Wrong,
    /// This kind of key cannot do it, ever.
    Unsupported,
    /// The device does not answer, or there is no randomness; the number is the device's own (GM/T 0018 annex A), 0
    /// where there is none.
    Unavailable(u32),
}

impl fmt::Display for KeyFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong => formatter.write_str("密文或对方公钥有误"),
            Self::Unsupported => formatter.write_str("这种密钥不支持该操作"),
            Self::Unavailable(0) => formatter.write_str("密钥暂不可用"),
            Self::Unavailable(number) => write!(formatter, "密码设备报错 {number:#010x}"),
        }
    }
}

impl std::error::Error for KeyFault {}

/// An SM2 key pair whose private half stays where it is.
pub trait Key: Send + Sync + fmt::Debug {
    /// The public half.
    fn public(&self) -> &PublicKey;

    /// Signs a digest e of GB/T 32918.2. Use [`sign`] for a message.
    ///
    /// # Errors
    /// When the device or the source of randomness fails.
    fn sign_digest(&self, digest: &[u8; sm::DIGEST_BYTES]) -> Result<Signature, KeyFault>;

    /// Opens a ciphertext in the form of GM/T 0009 (DER). Other forms: `envelope::cipher`.
    ///
    /// # Errors
    /// When it is not for this key or was changed, or the device fails.
    fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault>;

    /// The x-coordinate of the point shared with `peer` (ECDH).
    ///
    /// # Errors
    /// When the key is in a device that keeps such points to itself.
    fn agree(&self, peer: &PublicKey) -> Result<Zeroizing<[u8; 32]>, KeyFault>;

    /// Whether using it may wait for a device. Whoever must not wait uses such a key on another thread.
    fn may_wait(&self) -> bool {
        false
    }

    /// What this key is called in records and metrics: it says which key, and nothing about it.
    fn id(&self) -> KeyId {
        KeyId::of(self.public())
    }
}

/// The digest e = SM3(Z ‖ M) of GB/T 32918.2 clause 6 for a signer with identity `id`, M being the parts joined.
///
/// # Errors
/// If `id` is too long to be one ([`PublicKey::z`]).
pub fn message_digest(
    public: &PublicKey,
    id: &[u8],
    message_parts: &[&[u8]],
) -> Result<[u8; sm::DIGEST_BYTES], KeyFault> {
    let z = public.z(id).map_err(|_| KeyFault::Unsupported)?;
    let mut digest = sm3::Sm3::new();
    digest.update(&z);
    for part in message_parts {
        digest.update(part);
    }
    Ok(digest.finish())
}

/// Signs the parts joined, for a signer with identity `id` (usually [`sm::sm2::DEFAULT_ID`]).
///
/// # Errors
/// As [`Key::sign_digest`] and [`message_digest`].
pub fn sign(key: &dyn Key, id: &[u8], message_parts: &[&[u8]]) -> Result<Signature, KeyFault> {
    key.sign_digest(&message_digest(key.public(), id, message_parts)?)
}

/// The name of a key: the first eight bytes of the SM3 of its public point. Two keys do not share one by accident, and
/// nobody can give a key a name that is another's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The name of `public`.
    pub fn of(public: &PublicKey) -> Self {
        let digest = sm::digest(&public.to_bytes());
        Self(*digest.first_chunk().unwrap_or(&[0; 8]))
    }

    /// The sixteen hexadecimal digits that [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 16 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(|number| Self(number.to_be_bytes()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&sm::hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
