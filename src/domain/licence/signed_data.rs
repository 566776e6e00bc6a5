//! SignedData of GB/T 35275-2017 (GM/T 0010), as signatures of the kind `Sign` and time stamps carry it.
//!
//! Two forms live: the content is the 32-byte SM3 of Signature.xml and the value is over those bytes; or there is no
//! content and the value is over the signed attributes, one of which is the digest.

use crate::domain::licence::certificate::Certificate;
use crate::domain::licence::der::Element;
use crate::domain::licence::der::OCTETS;
use crate::domain::licence::der::Reader;
use crate::domain::licence::der::SEQUENCE;
use crate::domain::licence::der::SET;
use crate::domain::licence::der::context;
use crate::domain::licence::der::oid;
use crate::domain::licence::seal::Unreadable;

/// Most certificates, and most signers.
const PARTS_MAX: usize = 32;

/// What is read of it.
#[derive(Debug)]
pub(super) struct SignedData<'a> {
    /// The kind of the content.
    pub(super) kind: &'a [u8],
    pub(super) content: Option<&'a [u8]>,
    /// Those that can be read.
    pub(super) certificates: Vec<Certificate>,
    pub(super) signers: Vec<Signer<'a>>,
}

/// One SignerInfo.
#[derive(Debug)]
pub(super) struct Signer<'a> {
    pub(super) issuer: &'a [u8],
    pub(super) serial: &'a [u8],
    pub(super) digest_algorithm: &'a [u8],
    /// With the identifier `[0]` that it came with.
    attributes: Option<Element<'a>>,
    pub(super) kind: Option<&'a [u8]>,
    pub(super) digest: Option<&'a [u8]>,
    pub(super) time: Option<i64>,
    pub(super) algorithm: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<'a> SignedData<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let mut outer = Reader::new(bytes);
        let mut info = outer.sequence()?;
        if !outer.is_empty() {
            return Err(Unreadable::TrailingData);
        }
        let kind = info.oid()?;
        if kind != oid::GM_SIGNED_DATA && kind != oid::SIGNED_DATA {
            return Err(Unreadable::Malformed);
        }
        let mut explicit = info.inside(context(0))?;
        info.end()?;
        let mut data = explicit.sequence()?;
        explicit.end()?;
        data.small()?;
        data.element(SET)?;
        let mut inner = data.sequence()?;
        let kind = inner.oid()?;
        let content = match inner.optional(context(0))? {
            Some(content) => {
                let mut content = Reader::new(content.content);
                let octets = content.octets()?;
                content.end()?;
                Some(octets)
            }
            None => None,
        };
        inner.end()?;
        let mut certificates = Vec::new();
        if let Some(set) = data.optional(context(0))? {
            let mut set = Reader::new(set.content);
            while !set.is_empty() && certificates.len() < PARTS_MAX {
                if let Ok(certificate) = Certificate::parse(set.element(SEQUENCE)?.raw) {
                    certificates.push(certificate);
                }
            }
        }
        data.optional(context(1))?;
        let mut set = data.inside(SET)?;
        data.end()?;
        let mut signers = Vec::new();
        while !set.is_empty() {
            if signers.len() >= PARTS_MAX {
                return Err(Unreadable::Malformed);
            }
            signers.push(Signer::read(set.sequence()?)?);
        }
        Ok(Self { kind, content, certificates, signers })
    }
}

impl<'a> Signer<'a> {
    fn read(mut inside: Reader<'a>) -> Result<Self, Unreadable> {
        inside.small()?;
        let mut name = inside.sequence()?;
        let issuer = name.element(SEQUENCE)?.raw;
        let serial = name.integer()?;
        name.end()?;
        let digest_algorithm = inside.plain_algorithm()?;
        let attributes = inside.optional(context(0))?;
        let algorithm = inside.plain_algorithm()?;
        let value = inside.octets()?;
        inside.optional(context(1))?;
        inside.end()?;
        let mut signer = Self {
            issuer,
            serial,
            digest_algorithm,
            attributes,
            kind: None,
            digest: None,
            time: None,
            algorithm,
            value,
        };
        if let Some(attributes) = attributes {
            let mut list = Reader::new(attributes.content);
            while !list.is_empty() {
                let mut attribute = list.sequence()?;
                let id = attribute.oid()?;
                let mut values = attribute.inside(SET)?;
                attribute.end()?;
                let twice = match id {
                    oid::CONTENT_TYPE => signer.kind.replace(values.oid()?).is_some(),
                    oid::MESSAGE_DIGEST => signer.digest.replace(values.octets()?).is_some(),
                    oid::SIGNING_TIME => signer.time.replace(values.time()?).is_some(),
                    _ => continue,
                };
                values.end()?;
                if twice {
                    return Err(Unreadable::Malformed);
                }
            }
        }
        Ok(signer)
    }

    /// The certificate of this signer among `certificates`.
    pub(super) fn certificate<'c>(&self, certificates: &'c [Certificate]) -> Option<&'c Certificate> {
        certificates.iter().find(|known| known.issuer == self.issuer && known.serial == self.serial)
    }

    /// The signed attributes under the identifier they are signed with, in two parts.
    pub(super) fn signed_attributes(&self) -> Option<[&'a [u8]; 2]> {
        self.attributes.map(|attributes| [&[SET][..], &attributes.raw[1..]])
    }
}

/// What a time stamp says (RFC 3161 with SM3).
#[derive(Debug)]
pub(super) struct TimeStamp<'a> {
    pub(super) data: SignedData<'a>,
    /// TSTInfo, which is what the stamper signed.
    pub(super) info: &'a [u8],
    pub(super) imprint: &'a [u8],
    pub(super) time: i64,
}

impl<'a> TimeStamp<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let data = SignedData::parse(bytes)?;
        let info = data.content.filter(|_| data.kind == oid::TST_INFO).ok_or(Unreadable::Malformed)?;
        let mut inside = Reader::of_sequence(info)?;
        inside.small()?;
        inside.oid()?;
        let mut imprint = inside.sequence()?;
        let algorithm = imprint.plain_algorithm()?;
        let digest = imprint.element(OCTETS)?.content;
        imprint.end()?;
        if algorithm != oid::SM3 && algorithm != oid::SM3_UNKEYED {
            return Err(Unreadable::Malformed);
        }
        inside.integer()?;
        let time = inside.time()?;
        // Accuracy, ordering, nonce, name, extensions: nothing that is judged here.
        Ok(Self { data, info, imprint: digest, time })
    }
}
