//! From a password to the bytes that an encrypted key file holds: PBKDF2 and the block ciphers of PBES2 (RFC 8018).

use crate::domain::asn::ObjectIdentifier;
use crate::domain::key::file::FileFault;
use crate::domain::sm::mac::MacKey;
use crate::domain::sm::sm4;
use aes::cipher::BlockModeDecrypt;
use aes::cipher::KeyIvInit;
use aes::cipher::block_padding::Pkcs7;
use zeroize::Zeroizing;

/// The keyed digest that PBKDF2 stirs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stirring {
    /// HMAC-SM3 under 1.2.156.10197.1.401.2, as GmSSL writes and reads it.
    Sm3,
    /// HMAC-SM3 under 1.2.156.10197.1.401.3.1, the number of GM/T 0091-2020, as OpenSSL from 3.2 on has it.
    Sm3OfStandard,
    /// HMAC-SHA-1, what is meant where nothing is written (RFC 8018). Read only.
    Sha1,
    /// HMAC-SHA-256, as OpenSSL writes it by default.
    Sha256,
}

const STIRRINGS: &[(Stirring, ObjectIdentifier)] = &[
    (Stirring::Sm3, ObjectIdentifier::new_unwrap("1.2.156.10197.1.401.2")),
    (Stirring::Sm3OfStandard, ObjectIdentifier::new_unwrap("1.2.156.10197.1.401.3.1")),
    (Stirring::Sha1, ObjectIdentifier::new_unwrap("1.2.840.113549.2.7")),
    (Stirring::Sha256, ObjectIdentifier::new_unwrap("1.2.840.113549.2.9")),
];

impl Stirring {
    pub(super) fn of(oid: ObjectIdentifier) -> Option<Self> {
        STIRRINGS.iter().find(|(_, its)| *its == oid).map(|(stirring, _)| *stirring)
    }

    pub(super) fn oid(self) -> ObjectIdentifier {
        STIRRINGS.iter().find(|(stirring, _)| *stirring == self).map_or(STIRRINGS[0].1, |(_, oid)| *oid)
    }

    /// PBKDF2 over `password`.
    pub(super) fn derive(self, password: &[u8], salt: &[u8], rounds: u32, out: &mut [u8]) {
        match self {
            Self::Sm3 | Self::Sm3OfStandard => stir_sm3(password, salt, rounds, out),
            Self::Sha1 => pbkdf2::pbkdf2_hmac::<sha1::Sha1>(password, salt, rounds, out),
            Self::Sha256 => pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, rounds, out),
        }
    }
}

/// RFC 8018 clause 5.2 with HMAC-SM3, whose pads are hashed once for all rounds.
fn stir_sm3(password: &[u8], salt: &[u8], rounds: u32, out: &mut [u8]) {
    let key = MacKey::new(password);
    for (index, block) in (1_u32..).zip(out.chunks_mut(32)) {
        let mut last = Zeroizing::new(key.tag(&[salt, &index.to_be_bytes()]));
        let mut sum = last.clone();
        for _ in 1..rounds {
            *last = key.tag(&[&*last]);
            for (sum, byte) in sum.iter_mut().zip(last.iter()) {
                *sum ^= byte;
            }
        }
        block.copy_from_slice(&sum[..block.len()]);
    }
}

/// A block cipher in CBC mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    Sm4,
}

/// SM4-CBC: GM/T 0006; AES: NIST's own numbers.
const CIPHERS: &[(Cipher, ObjectIdentifier, usize)] = &[
    (Cipher::Sm4, ObjectIdentifier::new_unwrap("1.2.156.10197.1.104.2"), 16),
    (Cipher::Aes128, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2"), 16),
    (Cipher::Aes192, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22"), 24),
    (Cipher::Aes256, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42"), 32),
];

impl Cipher {
    pub(super) const SM4_OID: ObjectIdentifier = CIPHERS[0].1;

    pub(super) fn of(oid: ObjectIdentifier) -> Option<(Self, usize)> {
        CIPHERS.iter().find(|(_, its, _)| *its == oid).map(|(cipher, _, key_bytes)| (*cipher, *key_bytes))
    }

    /// `key` has the length that [`Cipher::of`] gave.
    pub(super) fn open(
        self,
        key: &[u8],
        initial: &[u8; 16],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, FileFault> {
        let opened = match self {
            Self::Sm4 => {
                let key = key.first_chunk().ok_or(FileFault::WrongPassword)?;
                sm4::cbc_open(&sm4::Key::new(key), initial, ciphertext).ok()
            }
            Self::Aes128 => aes_open::<aes::Aes128>(key, initial, ciphertext),
            Self::Aes192 => aes_open::<aes::Aes192>(key, initial, ciphertext),
            Self::Aes256 => aes_open::<aes::Aes256>(key, initial, ciphertext),
        };
        opened.map(Zeroizing::new).ok_or(FileFault::WrongPassword)
    }
}

fn aes_open<C>(key: &[u8], initial: &[u8; 16], ciphertext: &[u8]) -> Option<Vec<u8>>
where
    C: aes::cipher::BlockCipherDecrypt + aes::cipher::KeyInit,
    cbc::Decryptor<C>: KeyIvInit + BlockModeDecrypt,
{
    let mode = cbc::Decryptor::<C>::new_from_slices(key, initial).ok()?;
    mode.decrypt_padded_vec::<Pkcs7>(ciphertext).ok()
}
