//! Files of private keys: PKCS#8 (RFC 5208, RFC 5958), plain and encrypted (PBES2), and the older form of RFC 5915; as
//! PEM or DER. SM2 keys only.
//!
//! Read are the files of OpenSSL 3 and GmSSL: SM4-CBC or AES-CBC under PBKDF2 with HMAC-SM3, HMAC-SHA-256 or
//! HMAC-SHA-1. Written are PKCS#8 and PBES2 with SM4-CBC. It deliberately touches no file: bytes in, bytes out.

use crate::domain::asn;
use crate::domain::asn::Malformed;
use crate::domain::asn::ObjectIdentifier;
use crate::domain::asn::Reader;
use crate::domain::asn::tag;
use crate::domain::key::derive::Cipher;
pub use crate::domain::key::derive::Stirring;
use crate::domain::sm::sm2::PrivateKey;
use crate::domain::sm::sm4;
use std::fmt;
use zeroize::Zeroizing;

/// A key file is some hundred bytes; more is something else.
pub const FILE_BYTES_MAX: usize = 64 << 10;

/// Rounds of PBKDF2 in the files that are written. OpenSSL writes 2048, GmSSL 65536; more is better and takes longer.
pub const ROUNDS: u32 = 600_000;

/// More rounds than any writer uses: a file that asks for them would only keep the processor busy.
const ROUNDS_MAX: u32 = 10_000_000;

/// Longest salt that is read.
const SALT_BYTES_MAX: usize = 1024;

/// id-ecPublicKey (RFC 5480).
pub const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The SM2 curve (GM/T 0006).
pub const SM2_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");

/// Why a file gives no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// Encrypted, and no password was given.
    NeedsPassword,
    /// A key of another algorithm than SM2.
    NotSm2,
    /// Not a private key at all, or damaged.
    NotAKey,
    /// The public half in the file is not that of the private one.
    Torn,
    /// Encrypted in a way that is not read.
    Unsupported,
    /// The password does not open it, or it is damaged.
    WrongPassword,
}

impl fmt::Display for FileFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NeedsPassword => "私钥文件已加密，请给出口令文件",
            Self::NotSm2 => "不是 SM2 私钥",
            Self::NotAKey => "不是私钥文件，或已损坏；应为 PKCS#8（PEM 或 DER）",
            Self::Torn => "私钥文件中的公钥与私钥不是一对",
            Self::Unsupported => {
                "私钥文件的加密方式不受支持；应为 PBES2，SM4-CBC 或 AES-CBC，HMAC-SM3、HMAC-SHA256 或 HMAC-SHA1"
            }
            Self::WrongPassword => "口令不对，或私钥文件已损坏",
        })
    }
}

impl std::error::Error for FileFault {}

impl From<Malformed> for FileFault {
    fn from(_: Malformed) -> Self {
        Self::NotAKey
    }
}

/// The key in a file, PEM or DER. `password` is needed for an encrypted one and ignored for others.
///
/// # Errors
/// When there is none, or it cannot be opened.
pub fn read(bytes: &[u8], password: Option<&[u8]>) -> Result<PrivateKey, FileFault> {
    read_within(bytes, password, ROUNDS_MAX)
}

/// As [`read`], for whoever has less time: a file that wants more rounds of PBKDF2 than `rounds_max` is not read.
///
/// # Errors
/// As [`read`].
pub fn read_within(bytes: &[u8], password: Option<&[u8]>, rounds_max: u32) -> Result<PrivateKey, FileFault> {
    let locked = |der: &[u8]| encrypted(der, password.ok_or(FileFault::NeedsPassword)?, rounds_max);
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FileFault::NotAKey);
    }
    if bytes.first() == Some(&tag::SEQUENCE) {
        return read_der(bytes, locked);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| FileFault::NotAKey)?;
    for (start, _) in text.match_indices("-----BEGIN ") {
        let Ok((label, der)) = der::pem::decode_vec(&text.as_bytes()[start..block_end(&text[start..]) + start]) else {
            continue;
        };
        let der = Zeroizing::new(der);
        match label {
            "PRIVATE KEY" => return pkcs8(&der),
            "ENCRYPTED PRIVATE KEY" => return locked(&der),
            "EC PRIVATE KEY" | "SM2 PRIVATE KEY" => return sec1(&der, None),
            _ => {}
        }
    }
    Err(FileFault::NotAKey)
}

/// Where the block that begins at 0 ends: `pem_rfc7468` refuses a second block behind it.
fn block_end(text: &str) -> usize {
    let line_end = |from: usize| text[from..].find('\n').map_or(text.len(), |at| from + at + 1);
    text.find("-----END ").map_or(text.len(), line_end)
}

fn read_der(der: &[u8], locked: impl FnOnce(&[u8]) -> Result<PrivateKey, FileFault>) -> Result<PrivateKey, FileFault> {
    let mut inside = Reader::of_sequence(der)?;
    if inside.next_tag() == Some(tag::SEQUENCE) {
        return locked(der);
    }
    let _version = inside.small()?;
    if inside.next_tag() == Some(tag::SEQUENCE) { pkcs8(der) } else { sec1(der, None) }
}

/// `OneAsymmetricKey`: version, algorithm, `ECPrivateKey` in an OCTET STRING, attributes and public key at will.
fn pkcs8(der: &[u8]) -> Result<PrivateKey, FileFault> {
    let mut inside = Reader::of_sequence(der)?;
    if inside.small()? > 1 {
        return Err(FileFault::NotAKey);
    }
    let algorithm = inside.algorithm()?;
    if algorithm.oid != EC_PUBLIC_KEY || !is_sm2_curve(algorithm.parameters) {
        return Err(FileFault::NotSm2);
    }
    let key = inside.octets()?;
    inside.optional(tag::context(0))?;
    let public = match inside.optional(tag::context_primitive(1))? {
        Some([0, point @ ..]) => Some(point),
        Some(_) => return Err(FileFault::NotAKey),
        None => None,
    };
    inside.finish()?;
    sec1(key, public)
}

fn is_sm2_curve(parameters: Option<&[u8]>) -> bool {
    parameters.is_some_and(|parameters| parameters == asn::oid(SM2_CURVE))
}

/// `ECPrivateKey` of RFC 5915; with a public key that stood elsewhere.
fn sec1(der: &[u8], public: Option<&[u8]>) -> Result<PrivateKey, FileFault> {
    let mut inside = Reader::of_sequence(der)?;
    if inside.small()? != 1 {
        return Err(FileFault::NotAKey);
    }
    let scalar: &[u8; 32] = inside.octets()?.try_into().map_err(|_| FileFault::NotAKey)?;
    if let Some(parameters) = inside.optional(tag::context(0))?
        && !is_sm2_curve(Some(parameters))
    {
        return Err(FileFault::NotSm2);
    }
    let inner = inside.optional(tag::context(1))?;
    inside.finish()?;
    let key = PrivateKey::from_bytes(scalar).map_err(|_| FileFault::NotAKey)?;
    let inner = inner.map(|element| Reader::new(element).and_then(|mut element| element.bits())).transpose()?;
    for point in [public, inner].into_iter().flatten() {
        if !is_point_of(&key, point) {
            return Err(FileFault::Torn);
        }
    }
    Ok(key)
}

fn is_point_of(key: &PrivateKey, point: &[u8]) -> bool {
    crate::domain::sm::sm2::PublicKey::from_bytes(point).is_ok_and(|public| public == *key.public())
}

/// `EncryptedPrivateKeyInfo` with PBES2.
fn encrypted(der: &[u8], password: &[u8], rounds_max: u32) -> Result<PrivateKey, FileFault> {
    let mut inside = Reader::of_sequence(der)?;
    let scheme = inside.algorithm()?;
    let ciphertext = inside.octets()?;
    inside.finish()?;
    if scheme.oid != PBES2 {
        return Err(FileFault::Unsupported);
    }
    let mut parts = Reader::of_sequence(scheme.parameters.ok_or(FileFault::NotAKey)?)?;
    let (derivation, cipher) = (parts.algorithm()?, parts.algorithm()?);
    parts.finish()?;
    let (cipher, key_bytes) = Cipher::of(cipher.oid)
        .zip(cipher.parameters)
        .map(|((known, bytes), initial)| ((known, initial), bytes))
        .ok_or(FileFault::Unsupported)?;
    let mut initial = Reader::new(cipher.1)?;
    let initial_vector: &[u8; 16] = initial.octets()?.try_into().map_err(|_| FileFault::NotAKey)?;
    initial.finish()?;
    if derivation.oid != PBKDF2 {
        return Err(FileFault::Unsupported);
    }
    let (salt, rounds, stirring) = derivation_of(derivation.parameters.ok_or(FileFault::NotAKey)?, key_bytes)?;
    if rounds > rounds_max {
        return Err(FileFault::Unsupported);
    }
    let mut key = Zeroizing::new([0_u8; 32]);
    stirring.derive(password, salt, rounds, &mut key[..key_bytes]);
    let opened = cipher.0.open(&key[..key_bytes], initial_vector, ciphertext)?;
    // A wrong password passes the padding once in 256 times; then there is no key inside.
    pkcs8(&opened).map_err(|fault| if fault == FileFault::NotAKey { FileFault::WrongPassword } else { fault })
}

/// Salt, rounds and keyed digest of `PBKDF2-params`.
fn derivation_of(parameters: &[u8], key_bytes: usize) -> Result<(&[u8], u32, Stirring), FileFault> {
    let mut inside = Reader::of_sequence(parameters)?;
    let salt = inside.octets()?;
    let rounds = inside.small()?;
    if inside.next_tag() == Some(tag::INTEGER) && usize::try_from(inside.small()?).ok() != Some(key_bytes) {
        return Err(FileFault::NotAKey);
    }
    let stirring = if inside.is_empty() {
        Stirring::Sha1
    } else {
        let algorithm = inside.algorithm()?;
        Stirring::of(algorithm.oid).filter(|_| algorithm.is_plain()).ok_or(FileFault::Unsupported)?
    };
    inside.finish()?;
    if salt.len() > SALT_BYTES_MAX || rounds == 0 {
        return Err(FileFault::Unsupported);
    }
    Ok((salt, rounds, stirring))
}

/// PKCS#8 in DER, the public key inside as OpenSSL writes it.
pub fn write(key: &PrivateKey) -> Zeroizing<Vec<u8>> {
    let scalar = Zeroizing::new(asn::octets(&key.to_bytes()[..]));
    let point = asn::explicit(1, &asn::bits(&key.public().to_bytes()));
    let inner = Zeroizing::new(asn::sequence(&[&asn::small(1), &scalar, &point]));
    let inner = Zeroizing::new(asn::octets(&inner));
    Zeroizing::new(asn::sequence(&[&asn::small(0), &public_algorithm(), &inner]))
}

/// The AlgorithmIdentifier of an SM2 key.
pub fn public_algorithm() -> Vec<u8> {
    asn::sequence(&[&asn::oid(EC_PUBLIC_KEY), &asn::oid(SM2_CURVE)])
}

/// PKCS#8 in DER, encrypted: PBES2 with SM4-CBC. `salt` and `initial_vector` must be new for every file.
pub fn write_encrypted(
    key: &PrivateKey,
    password: &[u8],
    salt: &[u8; 16],
    initial_vector: &[u8; 16],
    stirring: Stirring,
    rounds: u32,
) -> Vec<u8> {
    let mut derived = Zeroizing::new([0; 16]);
    stirring.derive(password, salt, rounds, &mut derived[..]);
    let ciphertext = sm4::cbc_seal(&sm4::Key::new(&derived), initial_vector, &write(key));
    let digest = asn::sequence(&[&asn::oid(stirring.oid()), &asn::null()]);
    let parameters = asn::sequence(&[&asn::octets(salt), &asn::small(rounds), &digest]);
    let derivation = asn::sequence(&[&asn::oid(PBKDF2), &parameters]);
    let cipher = asn::sequence(&[&asn::oid(Cipher::SM4_OID), &asn::octets(initial_vector)]);
    let scheme = asn::sequence(&[&asn::oid(PBES2), &asn::sequence(&[&derivation, &cipher])]);
    asn::sequence(&[&scheme, &asn::octets(&ciphertext)])
}

/// A PEM block, lines of 64 characters.
///
/// # Panics
/// Never: the labels of this program are allowed, and the length is far from the limit.
pub fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(der::pem::encode_string(label, der::pem::LineEnding::LF, der).expect("a plain label and short data"))
}
