//! Electronic seals and what is signed with them: GM/T 0031-2014 (version 1), GB/T 38540-2020 (version 4), version 5.

use super::Form;
use super::IssueFault;
use crate::domain::asn;
use crate::domain::asn::ObjectIdentifier;
use crate::domain::asn::tag;
use crate::domain::key;
use crate::domain::key::Key;
use crate::domain::sm::sm2::DEFAULT_ID;
use crate::domain::value::DateTime;
use crate::domain::value::DateTimeForm;

const SM2_WITH_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");
const IA5: u8 = 0x16;
/// Millimetres of the picture.
pub(super) const SIDE_MM: u32 = 40;
const EIGHT_HOURS: i64 = 8 * 3_600;
/// Type of the seal: 1, an organisation's.
const ORGANIZATION: u32 = 1;

/// A seal that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct SealDraft<'a> {
    /// 1, 4 or 5.
    pub version: u8,
    /// esID: 14 digits for government seals.
    pub id: &'a str,
    pub name: &'a str,
    /// Certificates of those who may sign with it, DER.
    pub holders: &'a [&'a [u8]],
    /// PNG.
    pub picture: &'a [u8],
    /// Seconds since 1970-01-01T00:00:00Z.
    pub made: i64,
    pub valid_from: i64,
    pub valid_until: i64,
}

impl SealDraft<'_> {
    /// The seal, as in a file `Seal.esl`, signed by its maker.
    ///
    /// # Errors
    /// A version or a time that cannot be, or a key that does not sign.
    pub fn make(&self, maker: &dyn Key, certificate: &[u8]) -> Result<Vec<u8>, IssueFault> {
        let is_legacy = match self.version {
            1 => true,
            4 | 5 => false,
            _ => return Err(IssueFault::Field("version".to_owned())),
        };
        if self.id.is_empty() || !self.id.is_ascii() {
            return Err(IssueFault::Field("esID".to_owned()));
        }
        let time = |seconds| if is_legacy { utc_time(seconds) } else { generalized_time(seconds) };
        let holders: Vec<Vec<u8>> = self.holders.iter().map(|holder| asn::octets(holder)).collect();
        // Version 4 says whether certificates (1) or digests (2) are listed.
        let list_kind = if is_legacy { Vec::new() } else { asn::small(1) };
        let property = asn::sequence(&[
            &asn::small(ORGANIZATION),
            &asn::utf8(self.name),
            &list_kind,
            &asn::sequence(&[&holders.concat()]),
            &time(self.made).ok_or(IssueFault::Time)?,
            &time(self.valid_from).ok_or(IssueFault::Time)?,
            &time(self.valid_until).ok_or(IssueFault::Time)?,
        ]);
        let header = asn::sequence(&[&ia5("ES"), &asn::small(self.version.into()), &ia5("JINGYUE")]);
        let picture =
            asn::sequence(&[&ia5("PNG"), &asn::octets(self.picture), &asn::small(SIDE_MM), &asn::small(SIDE_MM)]);
        let info = asn::sequence(&[&header, &ia5(self.id), &property, &picture]);
        let (own, algorithm) = (asn::octets(certificate), asn::oid(SM2_WITH_SM3));
        if is_legacy {
            let value = sign_over(maker, &asn::sequence(&[&info, &own, &algorithm]))?;
            Ok(asn::sequence(&[&info, &asn::sequence(&[&own, &algorithm, &value])]))
        } else {
            Ok(asn::sequence(&[&info, &own, &algorithm, &sign_over(maker, &info)?]))
        }
    }
}

/// The value (`SignedValue.dat`) over the digest of Signature.xml.
pub(super) fn sign(
    form: Form,
    key: &dyn Key,
    certificate: &[u8],
    seal: &[u8],
    digest: &[u8],
    path: &str,
    at: i64,
) -> Result<Vec<u8>, IssueFault> {
    let (own, algorithm) = (asn::octets(certificate), asn::oid(SM2_WITH_SM3));
    let version = form.seal_version().unwrap_or(4);
    let told = asn::small(version.into());
    if version == 1 {
        let time = asn::bits(&utc_time(at).ok_or(IssueFault::Time)?);
        let signed = asn::sequence(&[&told, seal, &time, &asn::bits(digest), &ia5(path), &own, &algorithm]);
        return Ok(asn::sequence(&[&signed, &sign_over(key, &signed)?]));
    }
    let time = generalized_time(at).ok_or(IssueFault::Time)?;
    let signed = asn::sequence(&[&told, seal, &time, &asn::bits(digest), &ia5(path)]);
    Ok(asn::sequence(&[&signed, &own, &algorithm, &sign_over(key, &signed)?]))
}

/// The signature as BIT STRING.
fn sign_over(key: &dyn Key, message: &[u8]) -> Result<Vec<u8>, IssueFault> {
    Ok(asn::bits(&key::sign(key, DEFAULT_ID, &[message])?.to_der()))
}

fn ia5(text: &str) -> Vec<u8> {
    asn::tlv(IA5, &[text.as_bytes()])
}

/// `20240315020000Z`, UTC.
pub(super) fn clock(seconds: i64) -> Option<String> {
    let local = DateTime::from_epoch_milliseconds((seconds - EIGHT_HOURS).checked_mul(1_000)?)?;
    let mut out = Vec::new();
    local.write(DateTimeForm::Compact, &mut out);
    String::from_utf8(out).ok().map(|text| text + "Z")
}

fn generalized_time(seconds: i64) -> Option<Vec<u8>> {
    Some(asn::tlv(tag::GENERALIZED_TIME, &[clock(seconds)?.as_bytes()]))
}

/// Two digits of the year: 1950 to 2049.
fn utc_time(seconds: i64) -> Option<Vec<u8>> {
    let text = clock(seconds)?;
    let is_near = ("1950".."2050").contains(&text.get(..4)?);
    is_near.then(|| asn::tlv(tag::UTC_TIME, &[text.as_bytes().get(2..).unwrap_or_default()]))
}
