//! Certificates with SM2 keys (X.509; GB/T 20518): reading, chains, revocation, usage, and making them.
//!
//! | part | file |
//! | --- | --- |
//! | one certificate, as it came | `certificate` |
//! | what its key may be used for | `usage` |
//! | the SM2-SM3 signature, for rustls and rustls-webpki | `algorithm` |
//! | revocation lists | `crl` |
//! | from a certificate to one that is trusted | `chain` |
//! | making certificates, requests and lists | `issue` |
//!
//! Paths are found and judged by rustls-webpki (signatures, names, times, basic constraints, path length, unknown
//! critical extensions). Added here is what it leaves out: key usage, revocation with freshness and with the time of a
//! signature, the anchor's own validity. Signatures are checked over the bytes that came.
//!
//! Time is an argument everywhere, in seconds since 1970-01-01T00:00:00Z.

mod algorithm;
mod certificate;
mod chain;
mod crl;
mod fault;
mod issue;
mod signed;
mod usage;
mod verified;

pub use crate::domain::x509::algorithm::SM2_KEY;
pub use crate::domain::x509::algorithm::Sm2Sm3;
pub use crate::domain::x509::algorithm::Verify;
pub use crate::domain::x509::certificate::Certificate;
pub use crate::domain::x509::chain::Level;
pub use crate::domain::x509::chain::Path;
pub use crate::domain::x509::chain::Revocation;
pub use crate::domain::x509::chain::Trust;
pub use crate::domain::x509::chain::When;
pub use crate::domain::x509::crl::Crl;
pub use crate::domain::x509::crl::Revoked;
pub use crate::domain::x509::fault::CertificateFault;
pub use crate::domain::x509::issue::Issue;
pub use crate::domain::x509::issue::Kind;
pub use crate::domain::x509::issue::ListIssue;
pub use crate::domain::x509::issue::SM2_SM3_ALGORITHM;
pub use crate::domain::x509::issue::assemble;
pub use crate::domain::x509::issue::name;
pub use crate::domain::x509::issue::request;
pub use crate::domain::x509::issue::sign;
pub use crate::domain::x509::signed::Signed;
pub use crate::domain::x509::usage::Purpose;
pub use crate::domain::x509::usage::is_pair;

/// Largest certificate that is read, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 64 << 10;

/// Most certificates of one chain, the anchor not counted.
pub const CHAIN_MAX: usize = 6;
