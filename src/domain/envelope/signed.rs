//! SignedData: making it, reading it, verifying it.
//!
//! A message without signers says nothing and is refused as such; one with several is good only when all are. Without
//! attributes a signature covers the content itself; with attributes it covers these, and the digest among them must be
//! the content's. Attributes are hashed as they came, their identifier changed from `[0]` to SET as the standard wants.

use crate::domain::asn;
use crate::domain::asn::Malformed;
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
use crate::domain::envelope::profile::Hashed;
use crate::domain::key;
use crate::domain::key::Key;
use crate::domain::sm;
use crate::domain::sm::sm2;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::sm::sm2::Signature;
use crate::domain::x509::CHAIN_MAX;
use crate::domain::x509::Certificate;
use crate::domain::x509::Path;
use crate::domain::x509::Purpose;
use crate::domain::x509::Trust;
use crate::domain::x509::When;
use std::borrow::Cow;
use std::sync::Arc;

/// How to sign.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The partner's way.
    pub profile: &'a Profile,
    /// The signer's certificate first, then those between it and what the partner trusts.
    pub certificates: &'a [Certificate],
    /// Whether the content goes into the message.
    pub attached: bool,
    /// With attributes, and with this time among them, in seconds since 1970; `None`: without attributes.
    pub time: Option<i64>,
}

/// A signed message over `content`, DER.
///
/// # Errors
/// When the key does not sign, no certificate is given, or the signer's is not for signing; when the message gets larger
/// than is read.
pub fn sign(key: &dyn Key, signing: Signing<'_>, content: &[u8]) -> Result<Vec<u8>, EnvelopeFault> {
    let own = signing.certificates.first().ok_or(EnvelopeFault::NoSignerCertificate)?;
    if signing.attached && content.len() > MESSAGE_BYTES_MAX {
        return Err(EnvelopeFault::TooLarge);
    }
    if !Purpose::Sign.allowed_by(own) {
        return Err(EnvelopeFault::Purpose);
    }
    let inner = content_info(content);
    let attributes = signing.time.map(|time| attributes(content, time));
    let covered = match (&attributes, signing.profile.hashed) {
        (Some(attributes), _) => attributes.as_slice(),
        (None, Hashed::Content) => content,
        (None, Hashed::ContentInfo) => inner.as_slice(),
    };
    let signature = key::sign(key, sm2::DEFAULT_ID, &[covered])?;
    let plain = |oid| asn::sequence(&[&asn::oid(oid)]);
    // The same attributes under [0].
    let implicit = attributes.map(|set| [&[tag::context(0)], &set[1..]].concat()).unwrap_or_default();
    let signer = asn::sequence(&[
        &asn::small(1),
        &issuer_and_serial(own),
        &plain(oid::SM3),
        &implicit,
        &plain(oid::SM2_SIGN),
        &asn::octets(&signature.to_der()),
    ]);
    let certificates: Vec<&[u8]> = signing.certificates.iter().map(Certificate::der).collect();
    let inner = if signing.attached { inner } else { asn::sequence(&[&asn::oid(oid::DATA)]) };
    let signed = asn::sequence(&[
        &asn::small(1),
        &asn::set_of(vec![plain(oid::SM3)]),
        &inner,
        &asn::tlv(tag::context(0), &certificates),
        &asn::set_of(vec![signer]),
    ]);
    message_of(oid::SIGNED, &signed)
}

/// The inner ContentInfo around `content`.
fn content_info(content: &[u8]) -> Vec<u8> {
    asn::sequence(&[&asn::oid(oid::DATA), &asn::explicit(0, &asn::octets(content))])
}

/// The attributes contentType, messageDigest and signingTime, as a SET.
fn attributes(content: &[u8], time: i64) -> Vec<u8> {
    let attribute = |oid, value: Vec<u8>| asn::sequence(&[&asn::oid(oid), &asn::set_of(vec![value])]);
    asn::set_of(vec![
        attribute(oid::CONTENT_TYPE, asn::oid(oid::DATA)),
        attribute(oid::MESSAGE_DIGEST, asn::octets(&sm::digest(content))),
        attribute(oid::SIGNING_TIME, asn::time(time)),
    ])
}

/// A signed message that was read and not yet verified.
#[derive(Debug)]
pub struct Message<'a> {
    content_type: ObjectIdentifier,
    content_info: &'a [u8],
    content: Option<&'a [u8]>,
    certificates: Vec<Certificate>,
    signers: Vec<SignerInfo<'a>>,
}

#[derive(Debug)]
struct SignerInfo<'a> {
    issuer_and_serial: Reader<'a>,
    attributes: Option<&'a [u8]>,
    signature: &'a [u8],
}

/// Somebody whose signature was found right.
#[derive(Clone, Debug)]
pub struct Signer {
    /// His certificate.
    pub certificate: Certificate,
    /// When he says that he signed, in seconds since 1970.
    pub time: Option<i64>,
}

impl<'a> Message<'a> {
    /// Reads one from DER. The content types of PKCS#7 are read beside those of GM/T 0010.
    ///
    /// # Errors
    /// When it is none, nobody signed it, or it uses other algorithms.
    pub fn read(der: &'a [u8]) -> Result<Self, EnvelopeFault> {
        let mut inside = content_of(der, &[oid::SIGNED, oid::PKCS7_SIGNED])?;
        if inside.small()? != 1 {
            return Err(EnvelopeFault::Malformed);
        }
        let mut digests = inside.constructed(tag::SET)?;
        while !digests.is_empty() {
            digests.algorithm()?;
        }
        let content_info = inside.raw_of(tag::SEQUENCE)?;
        let mut inner = Reader::of_sequence(content_info)?;
        let content_type = inner.oid()?;
        let content = match inner.optional(tag::context(0))? {
            Some(element) => {
                let mut element = Reader::new(element)?;
                let octets = element.octets()?;
                element.finish()?;
                Some(octets)
            }
            None => None,
        };
        inner.finish()?;
        let mut certificates = Vec::new();
        if let Some(list) = inside.optional(tag::context(0))? {
            let mut list = Reader::new(list)?;
            while !list.is_empty() {
                if certificates.len() == PARTIES_MAX + CHAIN_MAX {
                    return Err(EnvelopeFault::TooLarge);
                }
                certificates.push(Certificate::from_der(list.raw()?)?);
            }
        }
        // Lists inside a message are the sender's word; those that count come from the trust list.
        inside.optional(tag::context(1))?;
        let mut infos = inside.constructed(tag::SET)?;
        inside.finish()?;
        let mut signers = Vec::new();
        while !infos.is_empty() {
            if signers.len() == PARTIES_MAX {
                return Err(EnvelopeFault::TooLarge);
            }
            signers.push(signer_info(infos.sequence()?)?);
        }
        if signers.is_empty() {
            return Err(EnvelopeFault::NoSigner);
        }
        Ok(Self { content_type, content_info, content, certificates, signers })
    }

    /// The content, where it is inside.
    pub const fn content(&self) -> Option<&'a [u8]> {
        self.content
    }

    /// The certificates that came with it. Nothing is said about them yet.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Checks all signatures; over `detached` where the content is not inside. `known` are certificates at hand, for
    /// messages that bring none. It does not judge the certificates: that is [`Message::verify`].
    ///
    /// # Errors
    /// When one of them is wrong, or a certificate or the content is missing. A content beside a message that has one
    /// inside must be the same.
    pub fn check(
        &self,
        profile: &Profile,
        detached: Option<&[u8]>,
        known: &[Certificate],
    ) -> Result<Vec<Signer>, EnvelopeFault> {
        let content = match (self.content, detached) {
            (Some(inside), Some(beside)) if inside != beside => return Err(EnvelopeFault::ContentChanged),
            (Some(content), _) | (None, Some(content)) => content,
            (None, None) => return Err(EnvelopeFault::NoContent),
        };
        let mut signers = Vec::new();
        for info in &self.signers {
            let certificate = self.certificate_of(info, known)?;
            let public = certificate.public().ok_or(EnvelopeFault::Unsupported)?;
            let (covered, time) = self.covered(info, profile, content)?;
            let signature = read_signature(info.signature, profile)?;
            verify(public, &covered, &signature)?;
            signers.push(Signer { certificate: certificate.clone(), time });
        }
        Ok(signers)
    }

    /// Checks all signatures as [`Message::check`] does, and judges the signers' certificates for signing. Authorities
    /// between them and the trusted ones come from the message and from `known`.
    ///
    /// # Errors
    /// Also when a certificate is not trusted for signing.
    pub fn verify(
        &self,
        profile: &Profile,
        detached: Option<&[u8]>,
        known: &[Certificate],
        trust: &Trust,
        when: When,
    ) -> Result<Vec<(Signer, Arc<Path>)>, EnvelopeFault> {
        let signers = self.check(profile, detached, known)?;
        let others = |own: &Certificate| -> Vec<Certificate> {
            let all = self.certificates.iter().chain(known);
            all.filter(|other| *other != own && other.is_authority()).cloned().collect()
        };
        let judge = |signer: Signer| {
            let path = trust.verify(&signer.certificate, &others(&signer.certificate), Purpose::Sign, when)?;
            Ok((signer, path))
        };
        signers.into_iter().map(judge).collect()
    }

    fn certificate_of<'c>(
        &'c self,
        info: &SignerInfo<'_>,
        known: &'c [Certificate],
    ) -> Result<&'c Certificate, EnvelopeFault> {
        for certificate in self.certificates.iter().chain(known) {
            if names(info.issuer_and_serial.clone(), certificate)? {
                return Ok(certificate);
            }
        }
        Err(EnvelopeFault::NoSignerCertificate)
    }

    /// What a signature covers, and the time among the attributes.
    fn covered<'c>(
        &'c self,
        info: &SignerInfo<'_>,
        profile: &Profile,
        content: &'c [u8],
    ) -> Result<(Cow<'c, [u8]>, Option<i64>), EnvelopeFault> {
        let Some(attributes) = info.attributes else {
            return Ok(match profile.hashed {
                Hashed::Content => (Cow::Borrowed(content), None),
                Hashed::ContentInfo if self.content.is_some() => (Cow::Borrowed(self.content_info), None),
                Hashed::ContentInfo => (Cow::Owned(content_info(content)), None),
            });
        };
        let mut list = Reader::new(attributes)?;
        let (mut content_type, mut digest, mut time) = (None, None, None);
        while !list.is_empty() {
            let mut attribute = list.sequence()?;
            let oid = attribute.oid()?;
            let mut values = attribute.constructed(tag::SET)?;
            attribute.finish()?;
            match oid {
                oid::CONTENT_TYPE => once(&mut content_type, values.oid()?)?,
                oid::MESSAGE_DIGEST => once(&mut digest, values.octets()?)?,
                oid::SIGNING_TIME => once(&mut time, values.time()?)?,
                _ => continue,
            }
            values.finish()?;
        }
        if content_type != Some(self.content_type) {
            return Err(EnvelopeFault::Malformed);
        }
        if !digest.is_some_and(|digest| sm::verify(&sm::digest(content), digest)) {
            return Err(EnvelopeFault::ContentChanged);
        }
        Ok((Cow::Owned(asn::tlv(tag::SET, &[attributes])), time))
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Malformed> {
    if place.replace(value).is_some() { Err(Malformed) } else { Ok(()) }
}

fn signer_info(mut parts: Reader<'_>) -> Result<SignerInfo<'_>, EnvelopeFault> {
    if parts.small()? != 1 {
        return Err(EnvelopeFault::Malformed);
    }
    let issuer_and_serial = parts.sequence()?;
    let digest = parts.algorithm()?;
    let attributes = parts.optional(tag::context(0))?;
    let algorithm = parts.algorithm()?;
    let signature = parts.octets()?;
    parts.optional(tag::context(1))?;
    parts.finish()?;
    // The last is the number of the curve, which some write for the algorithm.
    let is_sm2 = [oid::SM2_SIGN, oid::SM2_WITH_SM3, oid::SM2_CURVE].contains(&algorithm.oid);
    if ![oid::SM3, oid::SM3_UNKEYED].contains(&digest.oid) || !is_sm2 || !digest.is_plain() {
        return Err(EnvelopeFault::Unsupported);
    }
    Ok(SignerInfo { issuer_and_serial, attributes, signature })
}

fn read_signature(bytes: &[u8], profile: &Profile) -> Result<Signature, EnvelopeFault> {
    let read = match <&[u8; 64]>::try_from(bytes) {
        Ok(joined) if profile.reads_raw_signatures => Signature::from_bytes(joined),
        _ => Signature::from_der(bytes),
    };
    read.map_err(|_| EnvelopeFault::SignatureInvalid)
}

fn verify(public: &PublicKey, covered: &[u8], signature: &Signature) -> Result<(), EnvelopeFault> {
    public.verify(sm2::DEFAULT_ID, &[covered], signature).map_err(|_| EnvelopeFault::SignatureInvalid)
}
