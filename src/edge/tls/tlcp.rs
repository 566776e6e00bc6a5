//! Configurations of TLCP (`domain::tlcp`) from the same texts as the others, with the same judge of chains as RFC 8998.

use crate::domain::key;
use crate::domain::key::Key;
use crate::domain::sm::Wrong;
use crate::domain::sm::sm2::{DEFAULT_ID, PublicKey, Signature};
use crate::domain::tlcp;
use crate::domain::tlcp::{CertificateFault, Identity, Judge, RememberedSessions};
use crate::domain::x509;
use crate::domain::x509::{Certificate, Purpose};
use crate::edge::tls::national;
use crate::edge::tls::pem::{Own, Trust, certificates};
use crate::edge::tls::signature;
use crate::edge::tls::{ClientCertificate, Family, Fault, both};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Sessions that a listener remembers, about 3 KB each.
const SESSIONS_MAX: usize = 4096;

/// Our two certificates (双证书) and their keys.
#[derive(Clone, Debug)]
pub struct Pair<'a> {
    /// The signing certificate, which is that of RFC 8998 as well.
    pub signing: Own<'a>,
    /// Encryption certificate, of whose text only the first counts, and the key that decrypts.
    pub encryption: Own<'a>,
}

impl Pair<'_> {
    fn identity(&self) -> Result<Arc<Identity>, Fault> {
        // Whatever is wrong with the signing half is found out here.
        self.signing.certified(Family::Sm)?;
        let signing = self.signing.key.handle()?;
        let mut chain = certificates(self.signing.certificate).ok_or(Fault::NoCertificate)?;
        let encryption = certificates(self.encryption.certificate).and_then(|chain| chain.into_iter().next());
        chain.insert(1, encryption.ok_or(Fault::NoEncryption)?);
        let decryption = self.encryption.key.handle().map_err(|_| Fault::NoEncryption)?;
        let identity = Identity::new(&chain, Arc::new(Signing(signing)), Arc::new(Decryption(decryption)));
        identity.map(Arc::new).map_err(|fault| match fault {
            CertificateFault::DifferentSubjects => Fault::DifferentSubjects,
            _ => Fault::NoEncryption,
        })
    }
}

/// A key of TLS at TLCP's signatures.
struct Signing(Arc<dyn Key>);

impl tlcp::SigningKey for Signing {
    fn public(&self) -> &PublicKey {
        self.0.public()
    }

    /// The noise is left alone: the key draws its own.
    fn sign(&self, parts: &[&[u8]], _: &[u8; 32]) -> Result<Vec<u8>, Wrong> {
        Ok(key::sign(&*self.0, DEFAULT_ID, parts).map_err(|_| Wrong)?.to_der())
    }
}

/// The same at TLCP's premaster secrets.
struct Decryption(Arc<dyn Key>);

impl tlcp::DecryptionKey for Decryption {
    fn public(&self) -> &PublicKey {
        self.0.public()
    }

    fn decrypt(&self, cipher_text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Wrong> {
        self.0.decrypt(cipher_text).map_err(|_| Wrong)
    }
}

/// Judges by trusted roots, and remembers the keys of peers.
struct Remembering(x509::Trust);

impl Remembering {
    fn judge_of(trust: Trust<'_>) -> Result<Arc<dyn Judge>, Fault> {
        Ok(Arc::new(Self(national::trusted(trust)?)))
    }
}

impl Judge for Remembering {
    fn judge(
        &self,
        certificate: &Certificate,
        others: &[Certificate],
        purpose: Purpose,
        now: u64,
    ) -> Result<(), CertificateFault> {
        self.0.judge(certificate, others, purpose, now)
    }

    fn verify(&self, key: &PublicKey, message: &[&[u8]], signature: &Signature) -> Result<(), Wrong> {
        signature::verify(key, DEFAULT_ID, message, signature)
    }

    fn names(&self) -> Vec<Vec<u8>> {
        self.0.names()
    }
}

fn protocols() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

/// A server of TLCP, for h2 and http/1.1. `trust` holds the issuers of client certificates, unused where `client` is
/// off.
///
/// # Errors
/// All faults of the texts.
pub fn tlcp_server_config(
    own: &Pair<'_>,
    client: ClientCertificate,
    trust: Trust<'_>,
) -> Result<tlcp::ServerConfig, Vec<Fault>> {
    let authentication = match client {
        ClientCertificate::Off => Ok(tlcp::ClientAuthentication::Off),
        ClientCertificate::Optional => Remembering::judge_of(trust).map(tlcp::ClientAuthentication::Optional),
        ClientCertificate::Required => Remembering::judge_of(trust).map(tlcp::ClientAuthentication::Required),
    };
    let (identity, client) = both(own.identity(), authentication)?;
    Ok(tlcp::ServerConfig {
        client,
        protocols: protocols(),
        sessions: Some(Arc::new(RememberedSessions::new(SESSIONS_MAX))),
        ..tlcp::ServerConfig::new(identity)
    })
}

/// A client of TLCP that trusts the issuers in `trust`, with our own pair where `own` gives it. `http2` offers h2 and
/// http/1.1 by ALPN; otherwise no extension at all is sent, which old peers like best.
///
/// # Errors
/// All faults of the texts.
pub fn tlcp_client_config(
    trust: Trust<'_>,
    own: Option<&Pair<'_>>,
    http2: bool,
) -> Result<tlcp::ClientConfig, Vec<Fault>> {
    let identity = own.map(Pair::identity).transpose();
    let (identity, judge) = both(identity, Remembering::judge_of(trust))?;
    let protocols = if http2 { protocols() } else { Vec::new() };
    Ok(tlcp::ClientConfig { identity, protocols, ..tlcp::ClientConfig::new(judge) })
}
