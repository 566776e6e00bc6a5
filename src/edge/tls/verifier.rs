//! Chains of peers of international TLS: rustls and webpki verify them (signatures, times, names, purposes, revocation
//! lists), keyUsage is looked at here, and a chain that was found good is remembered for a while. Peers with SM2
//! certificates are judged by `national`.
//!
//! Remembering is safe because nothing that could change the verdict escapes it: issuers and revocation lists are
//! fixed for the life of a verifier (a reload makes new ones), the end of every certificate bounds the entry, and an
//! entry holds for ten minutes at most, which bounds how long a revocation list that is over goes unnoticed. The
//! signature over the handshake is verified every time.

use crate::edge::tls::certificate::Facts;
use crate::edge::tls::national;
use crate::edge::tls::recent::Recent;
use crate::edge::tls::{ClientCertificate, Family, Fault, Trust};
use ring::digest::{Context, SHA256};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::{Arc, Mutex, PoisonError};

/// Longest time for which a chain counts as verified, in seconds.
const REMEMBERED_SECONDS: u64 = 600;
/// Chains remembered by one verifier.
const CHAINS_MAX: usize = 1024;

/// Verifies callers.
pub(super) fn of_clients(
    family: Family,
    client: ClientCertificate,
    trust: Trust<'_>,
) -> Result<Arc<dyn ClientCertVerifier>, Fault> {
    if family == Family::Sm {
        return national::of_clients(client, trust);
    }
    let (roots, lists) = (trust.roots()?, trust.lists()?);
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, family.provider());
    if !lists.is_empty() {
        builder = builder.with_crls(lists).enforce_revocation_expiration();
    }
    if client == ClientCertificate::Optional {
        builder = builder.allow_unauthenticated();
    }
    let inner = builder.build().map_err(|_| Fault::NoRevocation)?;
    Ok(Arc::new(OfClients { inner, verified: Verified::new() }))
}

/// Verifies the systems that we call.
pub(super) fn of_servers(family: Family, trust: Trust<'_>) -> Result<Arc<dyn ServerCertVerifier>, Fault> {
    if family == Family::Sm {
        return national::of_servers(trust);
    }
    let (roots, lists) = (trust.roots()?, trust.lists()?);
    let mut builder = WebPkiServerVerifier::builder_with_provider(roots, family.provider());
    if !lists.is_empty() {
        builder = builder.with_crls(lists).enforce_revocation_expiration();
    }
    let inner = builder.build().map_err(|_| Fault::NoRevocation)?;
    Ok(Arc::new(OfServers { inner, verified: Verified::new() }))
}

/// Chains found good.
#[derive(Debug)]
struct Verified(Mutex<Recent<[u8; 32], Period>>);

/// Seconds since 1970, both ends within.
#[derive(Clone, Copy, Debug)]
struct Period {
    from: u64,
    until: u64,
}

impl Verified {
    fn new() -> Self {
        Self(Mutex::new(Recent::new(CHAINS_MAX)))
    }

    /// Runs `verify`, which gives the chain's end, unless the same chain for the same `name` was found good shortly
    /// before.
    fn once<E>(
        &self,
        name: &[u8],
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        verify: impl FnOnce() -> Result<u64, E>,
    ) -> Result<(), E> {
        let key = key(name, end_entity, intermediates);
        let now = now.as_secs();
        let remembered = self.lock().find(&key).copied();
        if remembered.is_some_and(|period| (period.from..=period.until).contains(&now)) {
            return Ok(());
        }
        let end = verify()?;
        let period = Period { from: now, until: end.min(now.saturating_add(REMEMBERED_SECONDS)) };
        self.lock().store(key, period);
        Ok(())
    }

    /// What the map holds is right at every moment, so a panic elsewhere spoils nothing.
    fn lock(&self) -> std::sync::MutexGuard<'_, Recent<[u8; 32], Period>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each part with its length before it, so that no other chain gives the same bytes.
fn key(name: &[u8], end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let parts = [name, end_entity].into_iter().chain(intermediates.iter().map(AsRef::as_ref));
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

/// The end entity must be for signatures; every issuer that came along must be for issuing. Which of them webpki went
/// through is not told, so none may be otherwise. Gives the earliest end of all.
fn check_usage(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Result<u64, Error> {
    let read = |der: &CertificateDer<'_>| Facts::read(der).ok_or(CertificateError::BadEncoding);
    let own = read(end_entity)?;
    if !own.may_sign {
        return Err(CertificateError::InvalidPurpose.into());
    }
    let mut end = own.not_after;
    for der in intermediates {
        let facts = read(der)?;
        if facts.authority && !facts.may_issue {
            return Err(CertificateError::InvalidPurpose.into());
        }
        end = end.min(facts.not_after);
    }
    Ok(end)
}

#[derive(Debug)]
struct OfClients {
    inner: Arc<dyn ClientCertVerifier>,
    verified: Verified,
}

impl ClientCertVerifier for OfClients {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verify = || {
            self.inner.verify_client_cert(end_entity, intermediates, now)?;
            check_usage(end_entity, intermediates)
        };
        self.verified.once(b"", end_entity, intermediates, now, verify)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[derive(Debug)]
struct OfServers {
    inner: Arc<WebPkiServerVerifier>,
    verified: Verified,
}

impl ServerCertVerifier for OfServers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = || {
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
            check_usage(end_entity, intermediates)
        };
        self.verified.once(server_name.to_str().as_bytes(), end_entity, intermediates, now, verify)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
