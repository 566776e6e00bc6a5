//! Signed and sealed messages (GB/T 35275, GM/T 0010): SignedData with SM2-SM3, EnvelopedData with SM2 and SM4-CBC, and
//! bare SM2 ciphertexts as licence platforms send them.
//!
//! | part | file |
//! | --- | --- |
//! | where the partners depart from the standard | `profile` |
//! | SM2 ciphertexts, from one form to another | `cipher` |
//! | SignedData | `signed` |
//! | EnvelopedData | `enveloped` |
//! | an encryption key pair from an authority | `key_pair` |
//!
//! SM4-CBC hides a content and does not protect it: whoever seals something that matters signs it first and seals the
//! signed message. What is received is opened and then verified, and the sender is told one fault for both.
//! It deliberately has no randomness: keys, vectors and noise are arguments.

pub mod cipher;
pub mod damage;
mod enveloped;
mod fault;
mod key_pair;
mod profile;
mod signed;

pub use crate::domain::envelope::enveloped::Sealed;
pub use crate::domain::envelope::enveloped::Secrets;
pub use crate::domain::envelope::enveloped::open;
pub use crate::domain::envelope::enveloped::seal;
pub use crate::domain::envelope::fault::EnvelopeFault;
pub use crate::domain::envelope::key_pair::KEY_PAIR_BYTES_MAX;
pub use crate::domain::envelope::key_pair::KeyPairSecrets;
pub use crate::domain::envelope::key_pair::SealedKeyPair;
pub use crate::domain::envelope::key_pair::seal_key_pair;
pub use crate::domain::envelope::profile::PROFILES;
pub use crate::domain::envelope::profile::Profile;
pub use crate::domain::envelope::signed::Message;
pub use crate::domain::envelope::signed::Signer;
pub use crate::domain::envelope::signed::Signing;
pub use crate::domain::envelope::signed::sign;

use crate::domain::asn;
use crate::domain::asn::Malformed;
use crate::domain::asn::ObjectIdentifier;
use crate::domain::asn::Reader;
use crate::domain::asn::tag;
use crate::domain::x509::Certificate;

/// Largest message that is written or read.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Most signers and most recipients of one message.
pub(crate) const PARTIES_MAX: usize = 32;

pub(crate) mod oid {
    use crate::domain::asn::ObjectIdentifier;

    pub(crate) const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.1");
    pub(crate) const SIGNED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.2");
    pub(crate) const ENVELOPED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.3");
    pub(crate) const PKCS7_SIGNED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
    pub(crate) const PKCS7_ENVELOPED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
    pub(crate) const SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.401");
    pub(crate) const SM3_UNKEYED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.401.1");
    pub(crate) const SM2_SIGN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301.1");
    pub(crate) const SM2_ENCRYPT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301.3");
    pub(crate) const SM2_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
    pub(crate) const SM2_WITH_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");
    pub(crate) const SM4_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.104.2");
    pub(crate) const SM4_ECB: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.104.1");
    pub(crate) const SM4: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.104");
    pub(crate) const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
    pub(crate) const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
    pub(crate) const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
}

/// The ContentInfo of type `kind` around `content`, unless it is larger than anybody reads.
fn message_of(kind: ObjectIdentifier, content: &[u8]) -> Result<Vec<u8>, EnvelopeFault> {
    let der = asn::sequence(&[&asn::oid(kind), &asn::explicit(0, content)]);
    if der.len() > MESSAGE_BYTES_MAX { Err(EnvelopeFault::TooLarge) } else { Ok(der) }
}

/// The content of the ContentInfo that `der` must be, of one of the types `wanted`.
fn content_of<'a>(der: &'a [u8], wanted: &[ObjectIdentifier]) -> Result<Reader<'a>, EnvelopeFault> {
    if der.len() > MESSAGE_BYTES_MAX {
        return Err(EnvelopeFault::TooLarge);
    }
    let mut outer = Reader::of_sequence(der)?;
    if !wanted.contains(&outer.oid()?) {
        return Err(EnvelopeFault::Unsupported);
    }
    let content = outer.value(tag::context(0))?;
    outer.finish()?;
    Ok(Reader::of_sequence(content)?)
}

/// IssuerAndSerialNumber.
fn issuer_and_serial(certificate: &Certificate) -> Vec<u8> {
    asn::sequence(&[certificate.issuer(), &asn::tlv(tag::INTEGER, &[certificate.serial()])])
}

/// Whether an IssuerAndSerialNumber names `certificate`.
fn names(mut issuer_and_serial: Reader<'_>, certificate: &Certificate) -> Result<bool, Malformed> {
    let issuer = issuer_and_serial.raw_of(tag::SEQUENCE)?;
    let serial = issuer_and_serial.value(tag::INTEGER)?;
    issuer_and_serial.finish()?;
    Ok(issuer == certificate.issuer() && serial == certificate.serial())
}
