//! Making certificates, requests for them (PKCS#10) and revocation lists.
//!
//! What is to be signed is made here, whatever the issuer's algorithm; [`sign`] signs it with an SM2 key, and
//! [`assemble`] takes a signature that was made elsewhere. Serial numbers and times are arguments. The extensions are
//! those that Tongsuo, GmSSL and OpenSSL all accept: no empty basicConstraints in a leaf.

use crate::domain::asn;
use crate::domain::asn::ObjectIdentifier;
use crate::domain::asn::Reader;
use crate::domain::asn::tag;
use crate::domain::key;
use crate::domain::key::Key;
use crate::domain::key::KeyFault;
use crate::domain::key::file::public_algorithm;
use crate::domain::sm;
use crate::domain::sm::sm2;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::x509::Certificate;
use crate::domain::x509::CertificateFault;
use crate::domain::x509::Revoked;
use crate::domain::x509::Signed;
use crate::domain::x509::usage;
use crate::domain::x509::usage::bit;
use core::net::IpAddr;
use der::Encode;
use std::str::FromStr;

/// The AlgorithmIdentifier SM2-SM3, parameters absent as GM/T 0009 and OpenSSL have it.
pub const SM2_SM3_ALGORITHM: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75];

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Issues others; at most so many authorities below it.
    Authority {
        /// `None`: as many as one likes.
        path_length: Option<u8>,
    },
    /// Signs documents, seals, messages, trust lists.
    Signer,
    /// Signs time stamps.
    TimeStamp,
    /// Opens what is sealed for it in TLCP and in messages.
    TlsEncryption,
    /// Authenticates a party of TLS or TLCP, which may be either end of a connection.
    TlsSign,
}

impl Kind {
    const fn usage(self) -> u8 {
        match self {
            Self::Authority { .. } => bit::CERTIFICATE_SIGN | bit::CRL_SIGN,
            Self::Signer | Self::TimeStamp => bit::DIGITAL_SIGNATURE | bit::NON_REPUDIATION,
            Self::TlsEncryption => bit::KEY_ENCIPHERMENT | bit::DATA_ENCIPHERMENT | bit::KEY_AGREEMENT,
            Self::TlsSign => bit::DIGITAL_SIGNATURE,
        }
    }

    const fn purposes(self) -> &'static [ObjectIdentifier] {
        match self {
            Self::Authority { .. } | Self::Signer => &[],
            Self::TimeStamp => &[usage::TIME_STAMPING],
            Self::TlsEncryption | Self::TlsSign => &[usage::SERVER_AUTH, usage::CLIENT_AUTH],
        }
    }
}

/// What is written into a certificate.
#[derive(Clone, Copy, Debug)]
pub struct Issue<'a> {
    /// What it is for.
    pub kind: Kind,
    /// AlgorithmIdentifier of the issuer's signature, DER.
    pub algorithm: &'a [u8],
    /// Name of the issuer, DER.
    pub issuer: &'a [u8],
    /// The issuer's public point.
    pub issuer_point: &'a [u8],
    /// Name of the holder, DER.
    pub subject: &'a [u8],
    /// The holder's public point.
    pub point: &'a [u8],
    /// AlgorithmIdentifier of the holder's key, DER.
    pub point_algorithm: &'a [u8],
    /// Magnitude of the serial number, up to 19 bytes; the first should be random, since lists are searched by it.
    pub serial: &'a [u8],
    /// First second of the validity.
    pub not_before: i64,
    /// Last second of the validity.
    pub not_after: i64,
    /// DNS names and addresses that a server is reached under.
    pub names: &'a [String],
    /// Where the revocation list can be fetched.
    pub list_point: Option<&'a str>,
}

impl Issue<'_> {
    /// The TBSCertificate.
    pub fn to_be_signed(&self) -> Vec<u8> {
        let validity = asn::sequence(&[&asn::time(self.not_before), &asn::time(self.not_after)]);
        let holder_key = asn::sequence(&[self.point_algorithm, &asn::bits(self.point)]);
        asn::sequence(&[
            &asn::explicit(0, &asn::small(2)),
            &asn::integer(self.serial),
            self.algorithm,
            self.issuer,
            &validity,
            self.subject,
            &holder_key,
            &asn::explicit(3, &self.extensions()),
        ])
    }

    fn extensions(&self) -> Vec<u8> {
        let mut all = Vec::new();
        if let Kind::Authority { path_length } = self.kind {
            let limit = path_length.map(|limit| asn::small(limit.into())).unwrap_or_default();
            all.extend(extension("2.5.29.19", true, &asn::sequence(&[&asn::boolean(true), &limit])));
        }
        let usage = self.kind.usage();
        let unused = u8::try_from(usage.trailing_zeros()).unwrap_or(7);
        all.extend(extension("2.5.29.15", true, &asn::tlv(tag::BITS, &[&[unused, usage]])));
        let purposes: Vec<u8> = self.kind.purposes().iter().flat_map(|purpose| asn::oid(*purpose)).collect();
        if !purposes.is_empty() {
            // RFC 3161 wants it critical for time stamps; elsewhere it is not.
            let critical = self.kind == Kind::TimeStamp;
            all.extend(extension("2.5.29.37", critical, &asn::sequence(&[&purposes])));
        }
        let names: Vec<u8> = self.names.iter().flat_map(|name| general_name(name)).collect();
        if !names.is_empty() {
            all.extend(extension("2.5.29.17", false, &asn::sequence(&[&names])));
        }
        all.extend(extension("2.5.29.14", false, &asn::octets(&key_identifier(self.point))));
        all.extend(issuer_key(self.issuer_point));
        if let Some(address) = self.list_point {
            let name = asn::explicit(0, &asn::explicit(0, &asn::tlv(tag::context_primitive(6), &[address.as_bytes()])));
            all.extend(extension("2.5.29.31", false, &asn::sequence(&[&asn::sequence(&[&name])])));
        }
        asn::sequence(&[&all])
    }
}

/// What is written into a revocation list.
#[derive(Clone, Copy, Debug)]
pub struct ListIssue<'a> {
    /// AlgorithmIdentifier of the issuer's signature, DER.
    pub algorithm: &'a [u8],
    /// Name of the issuer, DER.
    pub issuer: &'a [u8],
    /// The issuer's public point.
    pub issuer_point: &'a [u8],
    /// Its number, which must grow.
    pub number: u32,
    /// When it is made.
    pub this_update: i64,
    /// When the next one is promised.
    pub next_update: i64,
    /// Serial numbers (the content of the INTEGER) with their entries.
    pub revoked: &'a [(Vec<u8>, Revoked)],
}

impl ListIssue<'_> {
    /// The TBSCertList, version 2.
    pub fn to_be_signed(&self) -> Vec<u8> {
        let entries: Vec<u8> = self
            .revoked
            .iter()
            .flat_map(|(serial, revoked)| {
                // CRLReason is ENUMERATED, tag 10. "Unspecified" is not written (RFC 5280, 5.3.1).
                let reason = extension("2.5.29.21", false, &asn::tlv(10, &[&[revoked.reason]]));
                let reason = if revoked.reason == 0 { Vec::new() } else { asn::sequence(&[&reason]) };
                asn::sequence(&[&asn::tlv(tag::INTEGER, &[serial]), &asn::time(revoked.since), &reason])
            })
            .collect();
        let entries = if entries.is_empty() { entries } else { asn::sequence(&[&entries]) };
        let number = extension("2.5.29.20", false, &asn::small(self.number));
        let extensions = asn::sequence(&[&issuer_key(self.issuer_point), &number]);
        asn::sequence(&[
            &asn::small(1),
            self.algorithm,
            self.issuer,
            &asn::time(self.this_update),
            &asn::time(self.next_update),
            &entries,
            &asn::explicit(0, &extensions),
        ])
    }
}

/// Content, algorithm and signature in one SEQUENCE: a certificate, a request or a list.
pub fn assemble(to_be_signed: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    asn::sequence(&[to_be_signed, algorithm, &asn::bits(signature)])
}

/// Signs with an SM2 key, whose algorithm must be the one written inside ([`SM2_SM3_ALGORITHM`]), and assembles.
///
/// # Errors
/// When the key does not sign.
pub fn sign(key: &dyn Key, to_be_signed: &[u8]) -> Result<Vec<u8>, KeyFault> {
    let signature = key::sign(key, sm2::DEFAULT_ID, &[to_be_signed])?;
    Ok(assemble(to_be_signed, SM2_SM3_ALGORITHM, &signature.to_der()))
}

/// A request for a certificate, PKCS#10 (RFC 2986), signed with the key it asks for.
///
/// # Errors
/// When the key does not sign.
pub fn request(key: &dyn Key, subject: &[u8]) -> Result<Vec<u8>, KeyFault> {
    let holder_key = asn::sequence(&[&public_algorithm(), &asn::bits(&key.public().to_bytes())]);
    let attributes = asn::tlv(tag::context(0), &[]);
    sign(key, &asn::sequence(&[&asn::small(0), subject, &holder_key, &attributes]))
}

/// Name and key of a request, once its signature is found right. Attributes are not looked at: what a certificate is
/// for is the issuer's to say.
///
/// # Errors
/// When it is no request for an SM2 key, or signed by another key.
pub(super) fn read_request(der: &[u8]) -> Result<(Vec<u8>, PublicKey), CertificateFault> {
    let signed = Signed::split(der)?;
    let mut inside = Reader::of_sequence(signed.content)?;
    if inside.small()? != 0 {
        return Err(CertificateFault::Malformed);
    }
    let subject = inside.raw_of(tag::SEQUENCE)?.to_vec();
    let mut holder_key = inside.sequence()?;
    let algorithm = holder_key.raw()?;
    if algorithm != public_algorithm() {
        return Err(CertificateFault::WeakAlgorithm);
    }
    let public = PublicKey::from_bytes(holder_key.bits()?).map_err(|_| CertificateFault::BadPublicKey)?;
    holder_key.finish()?;
    inside.optional(tag::context(0))?;
    inside.finish()?;
    signed.verify(&public)?;
    Ok((subject, public))
}

/// A name from what people write (RFC 4514: the most particular part first, as in `CN=…,O=…,C=CN`), DER.
///
/// # Errors
/// When it cannot be read.
pub fn name(text: &str) -> Result<Vec<u8>, CertificateFault> {
    let name = x509_cert::name::Name::from_str(text).map_err(|_| CertificateFault::Malformed)?;
    name.to_der().map_err(|_| CertificateFault::Malformed)
}

impl Certificate {
    /// Name (DER) and key of a request (PKCS#10, DER), once its signature is found right.
    ///
    /// # Errors
    /// When it is no request for an SM2 key, or signed by another key.
    pub fn requested(der: &[u8]) -> Result<(Vec<u8>, PublicKey), CertificateFault> {
        read_request(der)
    }
}

/// The first 20 bytes of the SM3 of a public point: long enough to find a key, as long as the usual SHA-1.
fn key_identifier(point: &[u8]) -> [u8; 20] {
    let digest = sm::digest(point);
    *digest.first_chunk().unwrap_or(&[0; 20])
}

fn issuer_key(point: &[u8]) -> Vec<u8> {
    let identifier = asn::tlv(tag::context_primitive(0), &[&key_identifier(point)]);
    extension("2.5.29.35", false, &asn::sequence(&[&identifier]))
}

fn extension(oid: &str, critical: bool, content: &[u8]) -> Vec<u8> {
    let critical = if critical { asn::boolean(true) } else { Vec::new() };
    asn::sequence(&[&asn::oid(ObjectIdentifier::new_unwrap(oid)), &critical, &asn::octets(content)])
}

fn general_name(name: &str) -> Vec<u8> {
    match IpAddr::from_str(name) {
        Ok(IpAddr::V4(address)) => asn::tlv(tag::context_primitive(7), &[&address.octets()]),
        Ok(IpAddr::V6(address)) => asn::tlv(tag::context_primitive(7), &[&address.octets()]),
        Err(_) => asn::tlv(tag::context_primitive(2), &[name.as_bytes()]),
    }
}
