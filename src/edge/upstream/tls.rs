//! TLS towards a system: PEM texts to a client configuration.
//!
//! It deliberately reads no files (the configuration does) and has no switch to trust any certificate.

use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::sync::Arc;

/// Why the texts make no TLS configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTlsFault {
    /// The file of trusted issuers holds no certificate that can be read.
    NoTrust,
    /// Our certificate file holds no certificate that can be read.
    NoCertificate,
    /// Our key file holds no private key that can be read.
    NoKey,
    /// Certificate and key do not belong together, or their kind is not supported.
    Mismatch,
}

impl fmt::Display for ClientTlsFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoTrust => "no trusted certificate in the file",
            Self::NoCertificate => "no certificate in the file",
            Self::NoKey => "no private key in the file",
            Self::Mismatch => "certificate and key do not belong together",
        })
    }
}

impl std::error::Error for ClientTlsFault {}

/// TLS 1.2 and 1.3 with the issuers in `trust`, and with our own certificate chain and key where `own` gives them.
/// `http2` offers h2 and http/1.1 by ALPN; otherwise nothing is offered, which old peers like best.
///
/// # Errors
/// When a text lacks what it should hold, or certificate and key do not fit.
pub fn client_config(
    trust: &[u8],
    own: Option<(&[u8], &[u8])>,
    http2: bool,
) -> Result<rustls::ClientConfig, ClientTlsFault> {
    let mut roots = RootCertStore::empty();
    let issuers = certificates(trust).ok_or(ClientTlsFault::NoTrust)?;
    if roots.add_parsable_certificates(issuers).0 == 0 {
        return Err(ClientTlsFault::NoTrust);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| ClientTlsFault::Mismatch)?
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = certificates(chain).ok_or(ClientTlsFault::NoCertificate)?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| ClientTlsFault::NoKey)?;
            builder.with_client_auth_cert(chain, key).map_err(|_| ClientTlsFault::Mismatch)?
        }
    };
    if http2 {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    Ok(config)
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    if all.is_empty() { None } else { Some(all) }
}
