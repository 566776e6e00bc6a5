//! What hostile bytes are thrown at: one body for each reader of keys, certificates, lists and messages. The tests run
//! them, and so can a fuzzer; none of them may panic, whatever it is given.

use crate::domain::envelope::Message;
use crate::domain::envelope::Profile;
use crate::domain::envelope::Sealed;
use crate::domain::envelope::SealedKeyPair;
use crate::domain::envelope::cipher::FORMS;
use crate::domain::key::file;
use crate::domain::sm::sm2::PrivateKey;
use crate::domain::sm::sm2::Signature;
use crate::domain::x509::Certificate;
use crate::domain::x509::Crl;

/// Rounds of PBKDF2 that [`key_with`] waits for.
const KEY_ROUNDS_MAX: u32 = 64;

/// Reads bytes as something.
pub type Body = fn(&[u8]);

/// Every reader, with its name.
pub const BODIES: &[(&str, Body)] = &[
    ("certificate", certificate),
    ("ciphertext", ciphertext),
    ("envelope", enveloped),
    ("key", key),
    ("list", list),
    ("message", message),
    ("request", request),
    ("signature", signature),
];

/// A certificate, or a file of them.
///
/// # Panics
/// When what was read is not what came.
pub fn certificate(bytes: &[u8]) {
    if let Ok(read) = Certificate::from_der(bytes) {
        assert_eq!(read.der(), bytes);
        let _ = (read.subject_text(), read.issuer_text(), read.fingerprint());
    }
    let _ = Certificate::all(bytes);
}

/// An SM2 ciphertext in each form, there and back.
pub fn ciphertext(bytes: &[u8]) {
    for (_, form) in FORMS {
        if let Ok(der) = form.to_der(bytes) {
            let _ = form.of_der(&der);
        }
    }
}

/// An SM2 ciphertext in each form, as far as `key` can be made to open it.
pub fn ciphertext_for(key: &PrivateKey, bytes: &[u8]) {
    for (_, form) in FORMS {
        if let Ok(der) = form.to_der(bytes) {
            let _ = key.decrypt(&der);
        }
    }
}

/// A sealed message, or an enveloped key pair, as far as it can be read without a key.
pub fn enveloped(bytes: &[u8]) {
    let _ = Sealed::read(bytes);
    let _ = SealedKeyPair::read(bytes);
}

/// A key file, as far as it can be read without a password.
pub fn key(bytes: &[u8]) {
    let _ = file::read(bytes, None);
}

/// A key file, with a password; files that want more rounds than a few are left alone, as they only take time.
pub fn key_with(password: &[u8], bytes: &[u8]) {
    let _ = file::read_within(bytes, Some(password), KEY_ROUNDS_MAX);
}

/// A revocation list, or a file of them.
pub fn list(bytes: &[u8]) {
    let _ = Crl::from_der(bytes);
    let _ = Crl::all(bytes);
}

/// A signed message, and its signatures where it has a content.
pub fn message(bytes: &[u8]) {
    if let Ok(message) = Message::read(bytes) {
        let _ = message.check(Profile::STANDARD, None, &[]);
    }
}

/// A request for a certificate.
pub fn request(bytes: &[u8]) {
    let _ = Certificate::requested(bytes);
}

/// A signature.
///
/// # Panics
/// When what was read is written in another way.
pub fn signature(bytes: &[u8]) {
    if let Ok(read) = Signature::from_der(bytes) {
        assert_eq!(read.to_der(), bytes);
    }
}
