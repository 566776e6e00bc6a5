//! Peers with SM2 certificates: whom the files let us trust, and the verdict in the words of rustls.
//!
//! RFC 8998 and TLCP ask the same judge, [`crate::domain::x509::Trust`], which also judges signed messages: whoever is
//! refused under one is refused under the others, keyUsage, revocation lists and the dates of the root included. It
//! remembers good chains for as long as they stay good. The signature over the handshake is verified every time.

use crate::domain::x509;
use crate::domain::x509::{Certificate, CertificateFault, Crl, Purpose, When};
use crate::edge::tls::signature::ALGORITHMS;
use crate::edge::tls::{ClientCertificate, Fault, Trust};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::verify_tls13_signature;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;

/// The issuers and lists in `trust`.
pub(super) fn trusted(trust: Trust<'_>) -> Result<x509::Trust, Fault> {
    let issuers = Certificate::all(trust.issuers).map_err(|_| Fault::NoTrust)?;
    let lists = trust.revocation.map(Crl::all).transpose().map_err(|_| Fault::NoRevocation)?;
    let trust = x509::Trust::of_peers(issuers, lists.unwrap_or_default()).map_err(|_| Fault::NoTrust)?;
    Ok(trust.with_algorithms(ALGORITHMS.all))
}

/// Verifies callers of RFC 8998.
pub(super) fn of_clients(client: ClientCertificate, trust: Trust<'_>) -> Result<Arc<dyn ClientCertVerifier>, Fault> {
    let trust = trusted(trust)?;
    let names = trust.anchors().iter().map(|anchor| anchor.subject().to_vec().into()).collect();
    Ok(Arc::new(OfClients { trust, names, is_mandatory: client != ClientCertificate::Optional }))
}

/// Verifies the systems that we call under RFC 8998.
pub(super) fn of_servers(trust: Trust<'_>) -> Result<Arc<dyn ServerCertVerifier>, Fault> {
    Ok(Arc::new(OfServers(trusted(trust)?)))
}

fn judge(
    trust: &x509::Trust,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    purpose: Purpose,
    now: UnixTime,
) -> Result<Certificate, Error> {
    let read = |der: &CertificateDer<'_>| Certificate::from_der(der).map_err(told);
    let certificate = read(end_entity)?;
    let others = intermediates.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let now = When::now(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    trust.verify(&certificate, &others, purpose, now).map_err(told)?;
    Ok(certificate)
}

fn told(fault: CertificateFault) -> Error {
    Error::InvalidCertificate(match fault {
        CertificateFault::BadPublicKey | CertificateFault::Malformed => CertificateError::BadEncoding,
        CertificateFault::Expired => CertificateError::Expired,
        CertificateFault::IssuerNotAuthority | CertificateFault::KeyUsage => CertificateError::InvalidPurpose,
        CertificateFault::NoTrustedPath => CertificateError::UnknownIssuer,
        CertificateFault::NotYetValid => CertificateError::NotValidYet,
        CertificateFault::RevocationStale => CertificateError::ExpiredRevocationList,
        CertificateFault::RevocationUnknown => CertificateError::UnknownRevocationStatus,
        CertificateFault::Revoked => CertificateError::Revoked,
        CertificateFault::SignatureInvalid => CertificateError::BadSignature,
        CertificateFault::UnknownCritical => CertificateError::UnhandledCriticalExtension,
        CertificateFault::PathLength | CertificateFault::RevocationEarly | CertificateFault::WeakAlgorithm => {
            CertificateError::Other(OtherError(Arc::new(fault)))
        }
    })
}

/// Never asked: RFC 8998 is TLS 1.3.
fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::General("no TLS 1.2 with national algorithms".into()))
}

fn schemes() -> Vec<SignatureScheme> {
    ALGORITHMS.supported_schemes()
}

#[derive(Debug)]
struct OfClients {
    trust: x509::Trust,
    names: Vec<DistinguishedName>,
    is_mandatory: bool,
}

impl ClientCertVerifier for OfClients {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.names
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        judge(&self.trust, end_entity, intermediates, Purpose::TlsClientSign, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &ALGORITHMS)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes()
    }
}

#[derive(Debug)]
struct OfServers(x509::Trust);

impl ServerCertVerifier for OfServers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = judge(&self.0, end_entity, intermediates, Purpose::TlsServerSign, now)?;
        if !certificate.is_for(server_name) {
            return Err(CertificateError::NotValidForName.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &ALGORITHMS)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes()
    }
}
