//! EnvelopedData: a content under SM4-CBC, its key under the recipients' SM2 keys.

use crate::domain::asn;
use crate::domain::asn::ObjectIdentifier;
use crate::domain::asn::Reader;
use crate::domain::asn::tag;
use crate::domain::envelope::EnvelopeFault;
use crate::domain::envelope::MESSAGE_BYTES_MAX;
use crate::domain::envelope::PARTIES_MAX;
use crate::domain::envelope::Profile;
use crate::domain::envelope::content_of;
use crate::domain::envelope::issuer_and_serial;
use crate::domain::envelope::message_of;
use crate::domain::envelope::names;
use crate::domain::envelope::oid;
use crate::domain::envelope::profile::Recipient;
use crate::domain::key::Key;
use crate::domain::sm::sm4;
use crate::domain::x509::Certificate;
use crate::domain::x509::Purpose;
use zeroize::Zeroizing;

/// What must come from the operating system's randomness, for one message only.
#[derive(Debug)]
pub struct Secrets {
    /// The key of the content.
    pub content_key: Zeroizing<[u8; 16]>,
    /// The initial vector.
    pub initial_vector: [u8; 16],
    /// For the encryption of the key to each recipient, in their order.
    pub noise: Vec<Zeroizing<[u8; 48]>>,
}

/// Seals `content` for `recipients`, DER.
///
/// # Errors
/// When there is no recipient or no noise for one, a certificate is not for encryption or has no SM2 key, or (where the
/// profile names recipients by it) no key identifier; when the message gets larger than is read.
pub fn seal(
    profile: &Profile,
    recipients: &[Certificate],
    content: &[u8],
    secrets: &Secrets,
) -> Result<Vec<u8>, EnvelopeFault> {
    if recipients.is_empty() || recipients.len() > PARTIES_MAX || secrets.noise.len() < recipients.len() {
        return Err(EnvelopeFault::Unsupported);
    }
    if content.len() > MESSAGE_BYTES_MAX {
        return Err(EnvelopeFault::TooLarge);
    }
    let by_key = profile.recipient == Recipient::KeyIdentifier;
    let version = asn::small(if by_key { 2 } else { 1 });
    let mut infos = Vec::new();
    for (recipient, noise) in recipients.iter().zip(&secrets.noise) {
        may_open(recipient)?;
        let public = recipient.public().ok_or(EnvelopeFault::Unsupported)?;
        let ciphertext = public.encrypt(&secrets.content_key[..], noise).map_err(|_| EnvelopeFault::Unsupported)?;
        let whom = if by_key {
            let identifier = recipient.subject_key().ok_or(EnvelopeFault::Unsupported)?;
            asn::tlv(tag::context_primitive(0), &[identifier])
        } else {
            issuer_and_serial(recipient)
        };
        infos.push(asn::sequence(&[
            &version,
            &whom,
            &asn::sequence(&[&asn::oid(oid::SM2_ENCRYPT)]),
            &asn::octets(&profile.key_form.of_der(&ciphertext)?),
        ]));
    }
    let hidden = sm4::cbc_seal(&sm4::Key::new(&secrets.content_key), &secrets.initial_vector, content);
    let content = asn::sequence(&[
        &asn::oid(oid::DATA),
        &asn::sequence(&[&asn::oid(oid::SM4_CBC), &asn::octets(&secrets.initial_vector)]),
        &asn::tlv(tag::context_primitive(0), &[&hidden]),
    ]);
    let enveloped = asn::sequence(&[&version, &asn::set_of(infos), &content]);
    message_of(oid::ENVELOPED, &enveloped)
}

/// A sealed message that was read and not yet opened.
#[derive(Debug)]
pub struct Sealed<'a> {
    recipients: Vec<RecipientInfo<'a>>,
    initial_vector: [u8; 16],
    hidden: Vec<u8>,
}

#[derive(Debug)]
struct RecipientInfo<'a> {
    whom: Whom<'a>,
    algorithm: ObjectIdentifier,
    ciphertext: &'a [u8],
}

#[derive(Debug)]
enum Whom<'a> {
    IssuerAndSerial(Reader<'a>),
    KeyIdentifier(&'a [u8]),
}

impl<'a> Sealed<'a> {
    /// Reads one from DER. The content types of PKCS#7 are read beside those of GM/T 0010.
    ///
    /// # Errors
    /// When it is none, or its content is hidden in another way than SM4-CBC.
    pub fn read(der: &'a [u8]) -> Result<Self, EnvelopeFault> {
        let mut inside = content_of(der, &[oid::ENVELOPED, oid::PKCS7_ENVELOPED])?;
        if inside.small()? > 2 {
            return Err(EnvelopeFault::Malformed);
        }
        let mut infos = inside.constructed(tag::SET)?;
        let mut recipients = Vec::new();
        while !infos.is_empty() {
            if recipients.len() == PARTIES_MAX {
                return Err(EnvelopeFault::TooLarge);
            }
            recipients.push(recipient_info(infos.sequence()?)?);
        }
        let (initial_vector, hidden) = hidden_content(inside.sequence()?)?;
        inside.finish()?;
        Ok(Self { recipients, initial_vector, hidden })
    }

    /// The encrypted key for `certificate`, which may be named in either way.
    fn key_for(&self, certificate: &Certificate) -> Result<&'a [u8], EnvelopeFault> {
        for info in &self.recipients {
            let named = match &info.whom {
                Whom::IssuerAndSerial(whom) => names(whom.clone(), certificate)?,
                Whom::KeyIdentifier(identifier) => certificate.subject_key() == Some(identifier),
            };
            if named {
                // Some write the number of the curve or of the signature for that of the encryption.
                let known = [oid::SM2_ENCRYPT, oid::SM2_CURVE, oid::SM2_SIGN].contains(&info.algorithm);
                return if known { Ok(info.ciphertext) } else { Err(EnvelopeFault::Unsupported) };
            }
        }
        Err(EnvelopeFault::NotForUs)
    }
}

/// Opens a message sealed for `certificate`, whose key is `key`.
///
/// # Errors
/// When it is sealed for others, or does not open; when the certificate is not for encryption.
pub fn open(
    profile: &Profile,
    key: &dyn Key,
    certificate: &Certificate,
    der: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeFault> {
    may_open(certificate)?;
    let sealed = Sealed::read(der)?;
    let ciphertext = sealed.key_for(certificate)?;
    let content_key = key.decrypt(&profile.key_form.to_der(ciphertext)?)?;
    let content_key: &[u8; 16] = content_key.as_slice().try_into().map_err(|_| EnvelopeFault::NotOpened)?;
    let opened = sm4::cbc_open(&sm4::Key::new(content_key), &sealed.initial_vector, &sealed.hidden);
    opened.map(Zeroizing::new).map_err(|_| EnvelopeFault::NotOpened)
}

/// A signing key opens nothing (GB/T 20518), or whoever holds a copy of it for signing could read as well.
fn may_open(certificate: &Certificate) -> Result<(), EnvelopeFault> {
    if Purpose::Decrypt.allowed_by(certificate) { Ok(()) } else { Err(EnvelopeFault::Purpose) }
}

fn recipient_info(mut info: Reader<'_>) -> Result<RecipientInfo<'_>, EnvelopeFault> {
    info.small()?;
    let whom = match info.optional(tag::context_primitive(0))? {
        Some(identifier) => Whom::KeyIdentifier(identifier),
        None => Whom::IssuerAndSerial(info.sequence()?),
    };
    let (algorithm, ciphertext) = (info.algorithm()?.oid, info.octets()?);
    info.finish()?;
    Ok(RecipientInfo { whom, algorithm, ciphertext })
}

/// The initial vector and the hidden content of EncryptedContentInfo. The content is one string, or strings inside `[0]`.
fn hidden_content(mut info: Reader<'_>) -> Result<([u8; 16], Vec<u8>), EnvelopeFault> {
    info.oid()?;
    let algorithm = info.algorithm()?;
    if ![oid::SM4_CBC, oid::SM4].contains(&algorithm.oid) {
        return Err(EnvelopeFault::Unsupported);
    }
    let mut vector = Reader::new(algorithm.parameters.ok_or(EnvelopeFault::Malformed)?)?;
    let initial_vector = vector.octets()?.try_into().map_err(|_| EnvelopeFault::Malformed)?;
    let hidden = if info.next_tag() == Some(tag::context(0)) {
        let (mut strings, mut joined) = (info.constructed(tag::context(0))?, Vec::new());
        while !strings.is_empty() {
            joined.extend_from_slice(strings.octets()?);
        }
        joined
    } else {
        info.value(tag::context_primitive(0))?.to_vec()
    };
    // sharedInfo, which is not used.
    info.optional(tag::context_primitive(1))?;
    info.optional(tag::context_primitive(2))?;
    info.finish()?;
    Ok((initial_vector, hidden))
}
