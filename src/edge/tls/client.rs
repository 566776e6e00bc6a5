//! Client configurations. There is no switch to trust any certificate.

use crate::edge::tls::pem::{Own, Trust};
use crate::edge::tls::{Family, Fault, both, verifier};
use rustls::ClientConfig;
use rustls::sign::SingleCertAndKey;
use std::sync::Arc;

/// A client of one family that trusts the issuers in `trust`, with our own certificate and key where `own` gives them.
/// `http2` offers h2 and http/1.1 by ALPN; otherwise nothing is offered, which old peers like best.
///
/// # Errors
/// All faults: texts that lack what they should hold, certificate and key that do not fit.
pub fn client_config(
    family: Family,
    trust: Trust<'_>,
    own: Option<&Own<'_>>,
    http2: bool,
) -> Result<ClientConfig, Vec<Fault>> {
    let certified = own.map(|own| own.certified(family)).transpose();
    let (certified, verifier) = both(certified, verifier::of_servers(family, trust))?;
    let builder = ClientConfig::builder_with_provider(family.provider())
        .with_protocol_versions(family.versions())
        .map_err(|_| vec![Fault::Mismatch])?
        // Ours is rustls's own verifier with keyUsage and a memory; it can only refuse more.
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match certified {
        None => builder.with_no_client_auth(),
        Some(certified) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified))),
    };
    if http2 {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    Ok(config)
}
