//! What a certificate of international TLS says of its use and its end, which webpki does not tell. Where it has no
//! keyUsage, as many such certificates have none, it may be used for anything (RFC 5280, section 4.2.1.3).

use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};

/// The facts of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Last second of its validity, since 1970.
    pub(super) not_after: u64,
    /// It is the certificate of an issuer.
    pub(super) authority: bool,
    /// keyUsage, where it is there, has digitalSignature (RFC 8446, section 4.4.2.2).
    pub(super) may_sign: bool,
    /// keyUsage, where it is there, has keyCertSign (RFC 5280, section 4.2.1.3).
    pub(super) may_issue: bool,
}

impl Facts {
    /// Reads DER; `None` where it cannot be read.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let contents = certificate.tbs_certificate();
        let usage = contents.get_extension::<KeyUsage>().ok()?.map(|(_, usage)| usage);
        let constraints = contents.get_extension::<BasicConstraints>().ok()?.map(|(_, constraints)| constraints);
        Some(Self {
            not_after: contents.validity().not_after.to_unix_duration().as_secs(),
            authority: constraints.is_some_and(|constraints| constraints.ca),
            may_sign: usage.is_none_or(|usage| usage.digital_signature()),
            may_issue: usage.is_none_or(|usage| usage.key_cert_sign()),
        })
    }
}
