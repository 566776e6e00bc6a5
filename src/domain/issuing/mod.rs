//! Makes licences: an OFD file (GB/T 33190) with its metadata, a page that viewers show, and a seal on it.
//!
//! ```text
//!  Draft ─► page, metadata ─► members ─► Signature.xml over all of them ─► value (seal | SignedData) ─► zip
//! ```
//!
//! For samples, tests and offices that issue. Everything reachable is covered by the signature; the bytes depend on the
//! arguments alone, but for the signatures' own randomness. It deliberately keeps no register of what was issued.
//!
//! Sources: GB/T 33190-2016 (OFD), GM/T 0099-2020 (cryptography in OFD), GB/T 38540-2020 and GM/T 0031-2014 (seals), GB/T
//! 35275-2017 (SignedData), GB/T 36903 and 36904-2018 (metadata, identifier).

mod package;
mod page;
mod picture;
mod seal;

pub use picture::png as seal_picture;
pub use seal::SealDraft;

use crate::domain::envelope;
use crate::domain::envelope::EnvelopeFault;
use crate::domain::envelope::PROFILES;
use crate::domain::envelope::Signing;
use crate::domain::ids::CreditCode;
use crate::domain::key::Key;
use crate::domain::key::KeyFault;
use crate::domain::licence::check_character;
use crate::domain::sm;
use crate::domain::x509::Certificate;
use package::Member;
use std::fmt;

/// Most fields of a licence, and longest value in bytes.
const FIELDS_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 1_024;
/// Longest serial number: a UUID without dashes.
const SERIAL_MAX: usize = 32;
/// The file that is signed, as seals name it.
const SIGNATURE_PATH: &str = "/Doc_0/Signs/Sign_0/Signature.xml";

/// How a licence is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A seal of GM/T 0031-2014.
    Seal1,
    /// A seal of GB/T 38540-2020.
    Seal4,
    /// The same with structure version 5.
    Seal5,
    /// GB/T 35275 over the digest of Signature.xml, which lies inside; no seal.
    SignContent,
    /// GB/T 35275 with attributes, nothing inside; no seal.
    SignAttributes,
}

impl Form {
    /// The structure version of the seal, where there is one.
    pub const fn seal_version(self) -> Option<u8> {
        match self {
            Self::Seal1 => Some(1),
            Self::Seal4 => Some(4),
            Self::Seal5 => Some(5),
            Self::SignContent | Self::SignAttributes => None,
        }
    }
}

/// A field: its name in the standard, what it is called on the page (empty: it is not shown), its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub title: String,
    pub value: String,
}

/// What a licence says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its name (ZZMC), which is the page's heading.
    pub name: String,
    /// 证照类型代码, 21 characters.
    pub kind: String,
    /// The issuing authority and its credit code.
    pub authority: String,
    pub authority_code: String,
    /// Digits and capitals; part of the identifier.
    pub serial: String,
    /// 1 and up; part of the identifier.
    pub version: u16,
    /// Everything else, in the order of the page: ZZBH, CZZT, …
    pub entries: Vec<Entry>,
    /// Small print at the foot of the page, such as what it is a sample of.
    pub remark: String,
}

/// Who signs, how and when.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    pub key: &'a dyn Key,
    /// The signer's certificate first, then those above it.
    pub certificates: &'a [Certificate],
    pub form: Form,
    /// The seal (`Seal.esl`) and its picture; the seal is not used by forms without one.
    pub seal: &'a [u8],
    pub picture: &'a [u8],
    /// Seconds since 1970-01-01T00:00:00Z.
    pub at: i64,
}

/// Why there is no licence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueFault {
    /// A field that cannot be: its name.
    Field(String),
    TooLarge,
    NoCertificate,
    /// The time cannot be written.
    Time,
    Key(KeyFault),
    Envelope(EnvelopeFault),
}

impl fmt::Display for IssueFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(formatter, "{name} 的值为空、过长，或不合规定"),
            Self::TooLarge => formatter.write_str("字段太多"),
            Self::NoCertificate => formatter.write_str("没有签名证书"),
            Self::Time => formatter.write_str("签署时间写不出来"),
            Self::Key(fault) => write!(formatter, "{fault}"),
            Self::Envelope(fault) => write!(formatter, "{fault}"),
        }
    }
}

impl std::error::Error for IssueFault {}

impl From<KeyFault> for IssueFault {
    fn from(fault: KeyFault) -> Self {
        Self::Key(fault)
    }
}

impl Draft {
    /// 证照标识 (GB/T 36904): root, type, authority, serial, version, check character of MOD 37,36.
    ///
    /// # Errors
    /// A part that is not of its form.
    pub fn identifier(&self) -> Result<String, IssueFault> {
        let wrong = |name: &str| IssueFault::Field(name.to_owned());
        let is_code = |code: &str| CreditCode::parse(code).is_ok();
        let is_kind = self.kind.split_at_checked(18).is_some_and(|(authority, number)| {
            is_code(authority) && number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if !is_kind {
            return Err(wrong("ZZLXDM"));
        }
        if !is_code(&self.authority_code) {
            return Err(wrong("ZZBFJGDM"));
        }
        let is_serial = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        if self.serial.is_empty() || self.serial.len() > SERIAL_MAX || !self.serial.bytes().all(is_serial) {
            return Err(wrong("serial"));
        }
        if self.version == 0 || self.version > 999 {
            return Err(wrong("version"));
        }
        let Self { kind, authority_code, serial, version, .. } = self;
        let check =
            check_character(&format!("{kind}{authority_code}{serial}{version:03}")).ok_or_else(|| wrong("serial"))?;
        Ok(format!("1.2.156.3005.2.{kind}.{authority_code}.{serial}.{version:03}.{check}"))
    }

    /// All fields of the metadata: those that every licence has, then the entries.
    fn metadata(&self) -> Result<Vec<(&str, String)>, IssueFault> {
        let mut fields = vec![
            ("ZZMC", self.name.clone()),
            ("ZZLXDM", self.kind.clone()),
            ("ZZBS", self.identifier()?),
            ("ZZBFJG", self.authority.clone()),
            ("ZZBFJGDM", self.authority_code.clone()),
        ];
        fields.extend(self.entries.iter().map(|entry| (entry.name.as_str(), entry.value.clone())));
        if fields.len() > FIELDS_MAX {
            return Err(IssueFault::TooLarge);
        }
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let is_value =
            |value: &str| !value.is_empty() && value.len() <= VALUE_BYTES_MAX && !value.chars().any(char::is_control);
        match fields.iter().find(|(name, value)| !is_name(name) || !is_value(value)) {
            Some((name, _)) => Err(IssueFault::Field((*name).to_owned())),
            None => Ok(fields),
        }
    }
}

/// The licence as an OFD file.
///
/// # Errors
/// A draft that cannot be, or a key that does not sign.
pub fn issue(draft: &Draft, signer: &Signer<'_>) -> Result<Vec<u8>, IssueFault> {
    let certificate = signer.certificates.first().ok_or(IssueFault::NoCertificate)?;
    let clock = seal::clock(signer.at).ok_or(IssueFault::Time)?;
    let has_seal = signer.form.seal_version().is_some();
    // A signature without a seal shows nothing, so the picture is part of the page.
    let picture = (!has_seal).then_some(signer.picture);
    let mut members = vec![
        Member::packed("OFD.xml", page::entry(&draft.metadata()?, &clock)),
        Member::packed("Doc_0/Document.xml", page::document(picture.is_some())),
        Member::packed("Doc_0/PublicRes.xml", page::fonts()),
        Member::packed("Doc_0/Pages/Page_0/Content.xml", page::content(draft, &draft.identifier()?, picture.is_some())),
    ];
    if let Some(picture) = picture {
        members.push(Member::packed("Doc_0/DocumentRes.xml", page::resources()));
        members.push(Member::stored("Doc_0/Res/seal.png", picture.to_vec()));
    }
    let references: Vec<(String, [u8; sm::DIGEST_BYTES])> =
        members.iter().map(|member| (format!("/{}", member.name), sm::digest(&member.bytes))).collect();
    let signature = page::signature(&references, &clock, has_seal);
    let digest = sm::digest(&signature);
    let value = match signer.form {
        Form::Seal1 | Form::Seal4 | Form::Seal5 => {
            seal::sign(signer.form, signer.key, certificate.der(), signer.seal, &digest, SIGNATURE_PATH, signer.at)?
        }
        Form::SignContent | Form::SignAttributes => {
            let attached = signer.form == Form::SignContent;
            let time = (!attached).then_some(signer.at);
            let signing = Signing { profile: &PROFILES[0], certificates: signer.certificates, attached, time };
            let content: &[u8] = if attached { &digest } else { &signature };
            envelope::sign(signer.key, signing, content).map_err(IssueFault::Envelope)?
        }
    };
    members.push(Member::packed("Doc_0/Signs/Signatures.xml", page::signatures(has_seal)));
    members.push(Member::packed("Doc_0/Signs/Sign_0/Signature.xml", signature));
    if has_seal {
        members.push(Member::stored("Doc_0/Signs/Sign_0/Seal.esl", signer.seal.to_vec()));
    }
    members.push(Member::stored("Doc_0/Signs/Sign_0/SignedValue.dat", value));
    package::pack(&members).ok_or(IssueFault::TooLarge)
}

#[cfg(test)]
mod tests;
