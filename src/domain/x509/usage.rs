//! What the key of a certificate may be used for.

use crate::domain::asn::ObjectIdentifier;
use crate::domain::x509::Certificate;
use webpki::ExtendedKeyUsageValidator;
use webpki::KeyPurposeIdIter;

/// Bits of keyUsage in its first byte (RFC 5280, 4.2.1.3).
pub(super) mod bit {
    pub(in crate::domain::x509) const DIGITAL_SIGNATURE: u8 = 0x80;
    pub(in crate::domain::x509) const NON_REPUDIATION: u8 = 0x40;
    pub(in crate::domain::x509) const KEY_ENCIPHERMENT: u8 = 0x20;
    pub(in crate::domain::x509) const DATA_ENCIPHERMENT: u8 = 0x10;
    pub(in crate::domain::x509) const KEY_AGREEMENT: u8 = 0x08;
    pub(in crate::domain::x509) const CERTIFICATE_SIGN: u8 = 0x04;
    pub(in crate::domain::x509) const CRL_SIGN: u8 = 0x02;
}

pub(super) const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
pub(super) const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
pub(super) const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const ANY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// What somebody wants to do with the key of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Open what was sealed for it: message envelopes.
    Decrypt,
    /// Sign messages, seals and documents.
    Sign,
    /// Sign time stamps; the extended usage must say so.
    StampTime,
    /// Open the premaster secret of TLCP, or the handshake's other half, as a client.
    TlsClientEncryption,
    /// Authenticate a TLS or TLCP client.
    TlsClientSign,
    /// Open the premaster secret of TLCP, as a server.
    TlsServerEncryption,
    /// Authenticate a TLS or TLCP server.
    TlsServerSign,
}

impl Purpose {
    /// One of these bits must be set. Others may be, since many issuers write all they have (signing and enciphering in
    /// one certificate); an encryption certificate that signs is what this refuses.
    const fn bits(self) -> u8 {
        match self {
            Self::Sign | Self::StampTime => bit::DIGITAL_SIGNATURE | bit::NON_REPUDIATION,
            Self::TlsClientSign | Self::TlsServerSign => bit::DIGITAL_SIGNATURE,
            Self::Decrypt | Self::TlsClientEncryption | Self::TlsServerEncryption => {
                bit::KEY_ENCIPHERMENT | bit::DATA_ENCIPHERMENT | bit::KEY_AGREEMENT
            }
        }
    }

    /// The extended usage that must be among those of a certificate that has any.
    const fn extended(self) -> Option<ObjectIdentifier> {
        match self {
            Self::Decrypt | Self::Sign => None,
            Self::StampTime => Some(TIME_STAMPING),
            Self::TlsClientEncryption | Self::TlsClientSign => Some(CLIENT_AUTH),
            Self::TlsServerEncryption | Self::TlsServerSign => Some(SERVER_AUTH),
        }
    }

    /// Whether keyUsage of `certificate` allows it. One without keyUsage may be used for anything (RFC 5280); GB/T 20518
    /// wants it in every certificate, so it is refused here.
    pub fn allowed_by(self, certificate: &Certificate) -> bool {
        certificate.key_usage().is_some_and(|usage| usage & self.bits() != 0)
            && self.extended().is_none_or(|wanted| match certificate.purposes() {
                None => self != Self::StampTime,
                Some(purposes) => purposes.contains(&wanted) || (purposes.contains(&ANY) && self != Self::StampTime),
            })
    }
}

impl Purpose {
    /// Whether `issuer`, which stands between a peer's certificate and an anchor, may issue for it: one that names
    /// extended usages issues for these only, where a connection is concerned. What is signed or sealed is judged more
    /// loosely, since authorities of the field carry extended usages of all kinds.
    pub(super) fn may_be_issued_by(self, issuer: &Certificate) -> bool {
        let wanted = match self {
            Self::Decrypt | Self::Sign | Self::StampTime => return true,
            Self::TlsClientEncryption | Self::TlsClientSign => CLIENT_AUTH,
            Self::TlsServerEncryption | Self::TlsServerSign => SERVER_AUTH,
        };
        issuer.purposes().is_none_or(|purposes| purposes.contains(&wanted) || purposes.contains(&ANY))
    }
}

/// Whether two certificates are a pair of TLCP (GB/T 38636): one holder, one issuer, one key for signing and another for
/// encryption.
pub fn is_pair(sign: &Certificate, encrypt: &Certificate) -> bool {
    sign.subject() == encrypt.subject()
        && sign.issuer() == encrypt.issuer()
        && sign.public() != encrypt.public()
        && Purpose::TlsServerSign.bits() & sign.key_usage().unwrap_or(0) != 0
        && Purpose::Decrypt.allowed_by(encrypt)
}

/// Lets everything pass: extended usage is judged by [`Purpose::allowed_by`] and [`Purpose::may_be_issued_by`].
pub(super) struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, ids: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        for id in ids {
            id?;
        }
        Ok(())
    }
}
