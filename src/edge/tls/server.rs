//! Server configurations.

use crate::edge::tls::pem::{Own, Trust};
use crate::edge::tls::{Family, Fault, both, ticket, verifier};
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
/// All faults: texts that lack what they should hold, certificate and key that do not fit.
pub fn server_config(
    family: Family,
    own: &Own<'_>,
    client: ClientCertificate,
    trust: Trust<'_>,
) -> Result<ServerConfig, Vec<Fault>> {
    let verifier = match client {
        ClientCertificate::Off => Ok(None),
        _ => verifier::of_clients(family, client, trust).map(Some),
    };
    let (certified, verifier) = both(own.certified(family), verifier)?;
    let builder = ServerConfig::builder_with_provider(family.provider())
        .with_protocol_versions(family.versions())
        .map_err(|_| vec![Fault::Mismatch])?;
    let builder = match verifier {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if family == Family::Sm
        && let Ok(tickets) = ticket::tickets()
    {
        config.ticketer = tickets;
    }
    Ok(config)
}
