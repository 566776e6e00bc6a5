//! TLS of the data listener: PEM texts to a server configuration, and a name for a client's certificate.
//!
//! It deliberately reads no files (the configuration does) and decides no permission: a verified certificate only
//! says who asks.

use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::sync::Arc;

/// Whether callers must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// Not asked for.
    Off,
    /// Asked for; a caller may do without and sign its requests instead.
    Optional,
    /// No connection without one.
    Required,
}

/// Why the texts make no TLS configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerTlsFault {
    /// The certificate file holds no certificate that can be read.
    NoCertificate,
    /// The key file holds no private key that can be read.
    NoKey,
    /// Certificate and key do not belong together, or their kind is not supported.
    Mismatch,
    /// The file of client issuers holds no certificate that can be read.
    NoTrust,
}

impl fmt::Display for ServerTlsFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoCertificate => "no certificate in the file",
            Self::NoKey => "no private key in the file",
            Self::Mismatch => "certificate and key do not belong together",
            Self::NoTrust => "no trusted certificate in the file",
        })
    }
}

impl std::error::Error for ServerTlsFault {}

/// TLS 1.2 and 1.3, h2 and http/1.1. `trust` holds the issuers of client certificates, unused where `client` is off.
///
/// # Errors
/// When a text lacks what it should hold, or certificate and key do not fit.
pub fn server_config(
    certificate: &[u8],
    key: &[u8],
    client: ClientCertificate,
    trust: &[u8],
) -> Result<rustls::ServerConfig, ServerTlsFault> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = certificates(certificate).ok_or(ServerTlsFault::NoCertificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| ServerTlsFault::NoKey)?;
    let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|_| ServerTlsFault::Mismatch)?;
    let builder = if client == ClientCertificate::Off {
        builder.with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(trust).ok_or(ServerTlsFault::NoTrust)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = if client == ClientCertificate::Optional { verifier.allow_unauthenticated() } else { verifier };
        builder.with_client_cert_verifier(verifier.build().map_err(|_| ServerTlsFault::NoTrust)?)
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|_| ServerTlsFault::Mismatch)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// SHA-256 of the DER form of the peer's own certificate.
pub(super) fn peer_sha256(session: &rustls::ServerConnection) -> Option<[u8; 32]> {
    let certificate = session.peer_certificates()?.first()?;
    ring::digest::digest(&ring::digest::SHA256, certificate).as_ref().try_into().ok()
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    if all.is_empty() { None } else { Some(all) }
}
