//! One certificate: the bytes that came, and what this program wants to know of them.

use crate::domain::asn::Malformed;
use crate::domain::asn::ObjectIdentifier;
use crate::domain::asn::Reader;
use crate::domain::asn::tag;
use crate::domain::key::file::EC_PUBLIC_KEY;
use crate::domain::key::file::SM2_CURVE;
use crate::domain::sm;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::x509::CERTIFICATE_BYTES_MAX;
use crate::domain::x509::CertificateFault;
use crate::domain::x509::Signed;
use der::Decode;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use std::fmt;
use std::ops::Range;
use webpki::EndEntityCert;

/// Most certificates read from one file.
const FILE_MAX: usize = 1_000;

const SUBJECT_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const ALTERNATIVE_NAMES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const LIST_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
const EXTENDED_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// A certificate that can be read. Whether it is trusted is [`crate::domain::x509::Trust`]'s to say.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    issuer: Range<usize>,
    subject: Range<usize>,
    serial: Range<usize>,
    not_before: i64,
    not_after: i64,
    public: Option<PublicKey>,
    extensions: Extensions,
}

#[derive(Clone, Default)]
struct Extensions {
    key_usage: Option<u8>,
    purposes: Option<Vec<ObjectIdentifier>>,
    authority: bool,
    path_length: Option<u8>,
    subject_key: Option<Vec<u8>>,
    list_points: Vec<String>,
    names: Vec<String>,
}

impl Certificate {
    /// Reads one from DER.
    ///
    /// # Errors
    /// When it is none. A key of another kind than SM2 is no error here: [`Certificate::public`] is `None` then.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateFault> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateFault::Malformed);
        }
        let within = |part: &[u8]| {
            let start = part.as_ptr() as usize - der.as_ptr() as usize;
            start..start + part.len()
        };
        let signed = Signed::split(der)?;
        let mut inside = Reader::of_sequence(signed.content)?;
        // Version 3 (2), the only one with extensions.
        let mut version = inside.constructed(tag::context(0))?;
        if version.small()? != 2 {
            return Err(CertificateFault::Malformed);
        }
        version.finish()?;
        let serial = inside.value(tag::INTEGER)?;
        if inside.algorithm()? != signed.algorithm {
            return Err(CertificateFault::Malformed);
        }
        let issuer = inside.raw_of(tag::SEQUENCE)?;
        let mut validity = inside.sequence()?;
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        validity.finish()?;
        let subject = inside.raw_of(tag::SEQUENCE)?;
        let public = public_of(&mut inside)?;
        // Unique identifiers, which nobody uses; one producer writes them with another type inside.
        for n in [1, 2] {
            if inside.next_tag().is_some_and(|next| next & 0xdf == tag::context_primitive(n)) {
                inside.raw()?;
            }
        }
        let extensions = match inside.optional(tag::context(3))? {
            Some(list) => extensions_of(Reader::of_sequence(list)?)?,
            None => Extensions::default(),
        };
        inside.finish()?;
        let (issuer, subject, serial) = (within(issuer), within(subject), within(serial));
        Ok(Self { der: der.to_vec(), issuer, subject, serial, not_before, not_after, public, extensions })
    }

    /// All certificates of a file, PEM or DER, in its order.
    ///
    /// # Errors
    /// When there is none, or one of them cannot be read.
    pub fn all(file: &[u8]) -> Result<Vec<Self>, CertificateFault> {
        if file.first() == Some(&tag::SEQUENCE) {
            return Ok(vec![Self::from_der(file)?]);
        }
        let mut all = Vec::new();
        for der in CertificateDer::pem_slice_iter(file) {
            if all.len() == FILE_MAX {
                return Err(CertificateFault::Malformed);
            }
            all.push(Self::from_der(&der.map_err(|_| CertificateFault::Malformed)?)?);
        }
        if all.is_empty() { Err(CertificateFault::Malformed) } else { Ok(all) }
    }

    /// The bytes that came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SM3 of the bytes that came: what a trust list calls the certificate.
    pub fn fingerprint(&self) -> [u8; sm::DIGEST_BYTES] {
        sm::digest(&self.der)
    }

    /// The parts that the issuer signed and signed with.
    ///
    /// # Errors
    /// Never: it was split once before.
    pub fn signed(&self) -> Result<Signed<'_>, CertificateFault> {
        Ok(Signed::split(&self.der)?)
    }

    /// The name of the issuer, DER.
    pub fn issuer(&self) -> &[u8] {
        &self.der[self.issuer.clone()]
    }

    /// The name of the holder, DER.
    pub fn subject(&self) -> &[u8] {
        &self.der[self.subject.clone()]
    }

    /// The content of the INTEGER that is the serial number.
    pub fn serial(&self) -> &[u8] {
        &self.der[self.serial.clone()]
    }

    /// The name of the holder as people write it (RFC 4514).
    pub fn subject_text(&self) -> String {
        name_text(self.subject())
    }

    /// The name of the issuer as people write it (RFC 4514).
    pub fn issuer_text(&self) -> String {
        name_text(self.issuer())
    }

    /// The first second of its validity.
    pub const fn not_before(&self) -> i64 {
        self.not_before
    }

    /// The last second of its validity.
    pub const fn not_after(&self) -> i64 {
        self.not_after
    }

    /// The holder's key, where it is an SM2 key.
    pub const fn public(&self) -> Option<&PublicKey> {
        self.public.as_ref()
    }

    /// Whether a server that is called `name` may show it: by subjectAltName alone (RFC 9525).
    pub fn is_for(&self, name: &ServerName<'_>) -> bool {
        let der = CertificateDer::from(self.der());
        EndEntityCert::try_from(&der).is_ok_and(|end| end.verify_is_valid_for_subject_name(name).is_ok())
    }

    /// The first byte of keyUsage, where there is the extension.
    pub const fn key_usage(&self) -> Option<u8> {
        self.extensions.key_usage
    }

    /// The extended usages, where there is the extension.
    pub fn purposes(&self) -> Option<&[ObjectIdentifier]> {
        self.extensions.purposes.as_deref()
    }

    /// Whether it may issue certificates.
    pub const fn is_authority(&self) -> bool {
        self.extensions.authority
    }

    /// How many levels of authorities may stand below it; `None` where it says nothing, or more than anybody has.
    pub const fn path_length(&self) -> Option<u8> {
        self.extensions.path_length
    }

    /// The identifier of its key.
    pub fn subject_key(&self) -> Option<&[u8]> {
        self.extensions.subject_key.as_deref()
    }

    /// Where it says that its revocation list is.
    pub fn list_points(&self) -> &[String] {
        &self.extensions.list_points
    }

    /// The DNS names it is for.
    pub fn names(&self) -> &[String] {
        &self.extensions.names
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Certificate({})", self.subject_text())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

/// A name as people write it; one that cannot be read as its bytes.
fn name_text(der: &[u8]) -> String {
    x509_cert::name::Name::from_der(der).map_or_else(|_| sm::hex(der), |name| name.to_string())
}

fn public_of(inside: &mut Reader<'_>) -> Result<Option<PublicKey>, CertificateFault> {
    let mut parts = inside.sequence()?;
    let algorithm = parts.algorithm()?;
    let point = parts.bits()?;
    parts.finish()?;
    let curve = algorithm.parameters.map(|parameters| Reader::new(parameters).and_then(|mut curve| curve.oid()));
    if algorithm.oid != EC_PUBLIC_KEY || curve != Some(Ok(SM2_CURVE)) {
        return Ok(None);
    }
    PublicKey::from_bytes(point).map(Some).map_err(|_| CertificateFault::BadPublicKey)
}

fn extensions_of(mut list: Reader<'_>) -> Result<Extensions, Malformed> {
    let mut extensions = Extensions::default();
    let mut seen = Vec::new();
    while !list.is_empty() {
        let (oid, _critical, content) = extension(&mut list)?;
        if seen.contains(&oid) {
            return Err(Malformed);
        }
        seen.push(oid);
        match oid {
            KEY_USAGE => {
                let [_unused, first, ..] = Reader::new(content)?.value(tag::BITS)? else { return Err(Malformed) };
                extensions.key_usage = Some(*first);
            }
            EXTENDED_USAGE => {
                let (mut usages, mut purposes) = (Reader::of_sequence(content)?, Vec::new());
                while !usages.is_empty() {
                    purposes.push(usages.oid()?);
                }
                extensions.purposes = Some(purposes);
            }
            BASIC_CONSTRAINTS => {
                let mut constraints = Reader::of_sequence(content)?;
                extensions.authority = constraints.optional(tag::BOOLEAN)? == Some(&[0xff]);
                extensions.path_length = match constraints.optional(tag::INTEGER)? {
                    Some([length]) if *length < 0x80 => Some(*length),
                    _ => None,
                };
            }
            SUBJECT_KEY => extensions.subject_key = Some(Reader::new(content)?.octets()?.to_vec()),
            LIST_POINTS => extensions.list_points = points_of(content)?,
            ALTERNATIVE_NAMES => {
                // Bad general names are seen in the field; nobody is known by one that cannot be read.
                let mut names = Reader::of_sequence(content)?;
                while let Some(next) = names.next_tag() {
                    let Ok(name) = names.value(next) else { break };
                    if next == tag::context_primitive(2)
                        && let Ok(name) = std::str::from_utf8(name)
                    {
                        extensions.names.push(name.to_owned());
                    }
                }
            }
            // Whether it is critical is for the path to judge, where rustls-webpki does.
            _ => {}
        }
    }
    Ok(extensions)
}

/// One Extension: which, whether critical, its content.
pub(super) fn extension<'a>(list: &mut Reader<'a>) -> Result<(ObjectIdentifier, bool, &'a [u8]), Malformed> {
    let mut parts = list.sequence()?;
    let oid = parts.oid()?;
    // FALSE written out is not DER, and many issuers write it.
    let critical = parts.optional(tag::BOOLEAN)?.is_some_and(|value| value != [0]);
    let content = parts.octets()?;
    parts.finish()?;
    Ok((oid, critical, content))
}

/// The addresses in cRLDistributionPoints.
fn points_of(content: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut points = Reader::of_sequence(content)?;
    let mut addresses = Vec::new();
    while !points.is_empty() {
        let mut point = points.sequence()?;
        if let Some(name) = point.optional(tag::context(0))? {
            addresses.extend(addresses_of(name)?);
        }
    }
    Ok(addresses)
}

/// The addresses in a DistributionPointName.
pub(super) fn addresses_of(name: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut addresses = Vec::new();
    let mut name = Reader::new(name)?;
    if let Some(full) = name.optional(tag::context(0))? {
        let mut full = Reader::new(full)?;
        while let Some(next) = full.next_tag() {
            let address = full.value(next)?;
            if next == tag::context_primitive(6)
                && let Ok(address) = std::str::from_utf8(address)
            {
                addresses.push(address.to_owned());
            }
        }
    }
    Ok(addresses)
}
