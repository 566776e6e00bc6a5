//! Server configurations.

use crate::edge::tls::pem::{Own, Trust};
use crate::edge::tls::{Family, Fault, ticket, verifier};
use rustls::ServerConfig;
use rustls::sign::SingleCertAndKey;
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

/// A server of one family, for h2 and http/1.1. `trust` holds the issuers of client certificates, unused where
/// `client` is off.
///
/// # Errors
/// When a text lacks what it should hold, or certificate and key do not fit.
pub fn server_config(
    family: Family,
    own: &Own<'_>,
    client: ClientCertificate,
    trust: Trust<'_>,
) -> Result<ServerConfig, Fault> {
    let builder = ServerConfig::builder_with_provider(family.provider())
        .with_protocol_versions(family.versions())
        .map_err(|_| Fault::Mismatch)?;
    let builder = if client == ClientCertificate::Off {
        builder.with_no_client_auth()
    } else {
        builder.with_client_cert_verifier(verifier::of_clients(family, client, trust)?)
    };
    let certified = own.certified(family)?;
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if family == Family::Sm
        && let Ok(tickets) = ticket::tickets()
    {
        config.ticketer = tickets;
    }
    Ok(config)
}
