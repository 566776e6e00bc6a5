//! Encryption key pairs that go from an authority to the holder of a signing key.

use crate::cli::sm::Told;
use crate::cli::sm::certificates;
use crate::cli::sm::random;
use crate::cli::sm::read;
use crate::domain::asn::tag;
use crate::domain::envelope;
use crate::domain::envelope::KEY_PAIR_BYTES_MAX;
use crate::domain::envelope::KeyPairSecrets;
use crate::domain::envelope::SealedKeyPair;
use crate::domain::key::Key;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::x509::Purpose;
use crate::edge::keys::SoftwareKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use zeroize::Zeroizing;

/// `pair` for the holder of `recipient`.
pub(super) fn seal(recipient: &PublicKey, pair: &SoftwareKey) -> Result<Vec<u8>, Told> {
    let secrets = KeyPairSecrets { content_key: Zeroizing::new(random()?), noise: Zeroizing::new(random()?) };
    envelope::seal_key_pair(recipient, pair.reveal(), &secrets).map_err(Told::ours)
}

/// The pair in a file (or standard input), opened with `signing`; it must be that of the certificate.
pub(super) fn open(file: Option<&Path>, signing: &dyn Key, certificate: &Path) -> Result<SoftwareKey, Told> {
    let certificate = certificates(certificate)?.swap_remove(0);
    let mut bytes = read(file, KEY_PAIR_BYTES_MAX * 2)?;
    if bytes.first() != Some(&tag::SEQUENCE) {
        bytes.retain(|byte| !byte.is_ascii_whitespace());
        bytes = STANDARD.decode(&bytes).map_err(|_| Told::fault("密钥对保护结构不是 DER，也不是 Base64"))?;
    }
    let told = |fault: envelope::EnvelopeFault| Told::fault(format_args!("{} 密钥对保护结构：{fault}", fault.code()));
    let sealed = SealedKeyPair::read(&bytes).map_err(told)?;
    if certificate.public() != Some(sealed.public()) {
        return Err(Told::fault("密钥对保护结构中的公钥不是加密证书的公钥"));
    }
    if !Purpose::Decrypt.allowed_by(&certificate) {
        return Err(Told::fault("证书的密钥用途不是加密"));
    }
    Ok(SoftwareKey::new(sealed.open(signing).map_err(told)?))
}
