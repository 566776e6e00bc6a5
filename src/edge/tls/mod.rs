//! TLS with national cryptography (RFC 8998: TLS_SM4_GCM_SM3, curveSM2, sm2sig_sm3) as a provider of rustls, and the
//! configurations of server and client for it and for international TLS.
//!
//! It deliberately reads no files (the configuration does), opens no connection, and decides no permission: a verified
//! certificate only says who asks. The two families never mix in one configuration: rustls chooses suite and
//! certificate independently, so a mixed one could show an SM2 certificate under AES.
//!
//! | part | file |
//! | --- | --- |
//! | SM3, HMAC-SM3 for transcript and key schedule | `hash` |
//! | records under SM4-GCM | `record` |
//! | curveSM2 | `group` |
//! | signatures of peers, with tables for keys often seen | `signature` |
//! | our own keys | `key` |
//! | session tickets | `ticket` |
//! | peers with SM2 certificates | `national` |
//! | what an international certificate says of its use and its end | `certificate` |
//! | international chains of peers, verified once and remembered for a while | `verifier` |
//! | PEM texts to the above | `pem` |
//! | server and client configurations | `server`, `client`; for TLCP `tlcp` |

mod certificate;
mod client;
mod group;
mod hash;
mod key;
mod national;
mod pem;
mod provider;
mod recent;
mod record;
mod server;
mod signature;
mod ticket;
mod tlcp;
mod verifier;

pub use crate::edge::tls::client::client_config;
pub use crate::edge::tls::group::CURVE_SM2;
pub use crate::edge::tls::key::signing_key;
pub use crate::edge::tls::pem::{Key, Own, Trust};
pub use crate::edge::tls::provider::{SM4_GCM_SM3, sm_provider};
pub use crate::edge::tls::server::{ClientCertificate, server_config};
pub use crate::edge::tls::signature::SM2SIG_SM3;
pub use crate::edge::tls::tlcp::{Pair, tlcp_client_config, tlcp_server_config};

use crate::edge::clock;
use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, GetRandomFailed};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Which algorithms a configuration is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// RFC 8998: TLS 1.3 with SM2, SM3 and SM4 and nothing else.
    Sm,
    /// TLS with the usual algorithms.
    International(Versions),
}

/// Versions of international TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    Tls12,
    Tls12And13,
    Tls13,
}

impl Family {
    fn provider(self) -> Arc<CryptoProvider> {
        Arc::new(match self {
            Self::Sm => sm_provider(),
            Self::International(_) => rustls::crypto::ring::default_provider(),
        })
    }

    const fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Self::Sm | Self::International(Versions::Tls13) => TLS13_ONLY,
            Self::International(Versions::Tls12) => TLS12_ONLY,
            Self::International(Versions::Tls12And13) => rustls::ALL_VERSIONS,
        }
    }
}

static TLS12_ONLY: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
static TLS13_ONLY: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// Why texts make no TLS configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The certificate file holds no certificate that can be read.
    NoCertificate,
    /// The certificate cannot be used: it has a critical extension that nobody knows, or parts that are not well formed.
    BadCertificate,
    /// The key file holds no private key that can be read.
    NoKey,
    /// Certificate and key do not belong together, or are not of this family.
    Mismatch,
    /// The certificate may not be used for signing, by its keyUsage.
    NotForSigning,
    /// The encryption certificate of TLCP or its key cannot be used.
    NoEncryption,
    /// Signing and encryption certificate name different subjects.
    DifferentSubjects,
    /// The file of trusted issuers holds no certificate that can be read.
    NoTrust,
    /// The file of revocation lists holds none that can be read.
    NoRevocation,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoCertificate => "no certificate in the file",
            Self::BadCertificate => "the certificate has an unknown critical extension or is malformed",
            Self::NoKey => "no private key in the file",
            Self::Mismatch => "certificate and key do not belong together",
            Self::NotForSigning => "the certificate is not for digital signatures",
            Self::NoEncryption => "encryption certificate and key cannot be used",
            Self::DifferentSubjects => "signing and encryption certificate differ in subject",
            Self::NoTrust => "no trusted certificate in the file",
            Self::NoRevocation => "no revocation list in the file",
        })
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// What it means that rustls takes no such pair of certificate and key.
    fn of_pair(error: &rustls::Error) -> Self {
        if matches!(error, rustls::Error::InvalidCertificate(_)) { Self::BadCertificate } else { Self::Mismatch }
    }
}

/// Both, or the faults of both.
fn both<A, B>(first: Result<A, Fault>, second: Result<B, Fault>) -> Result<(A, B), Vec<Fault>> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (first, second) => Err(first.err().into_iter().chain(second.err()).collect()),
    }
}

/// SHA-256 of the DER form of a certificate, by which callers are known.
pub fn fingerprint(certificate: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest.as_ref());
    fingerprint
}

/// Fresh bytes from the operating system, wiped after use.
fn noise<const N: usize>() -> Result<Zeroizing<[u8; N]>, GetRandomFailed> {
    let mut bytes = Zeroizing::new([0; N]);
    clock::random(&mut *bytes).map_err(|_| GetRandomFailed)?;
    Ok(bytes)
}
