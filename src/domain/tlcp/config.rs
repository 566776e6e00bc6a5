//! What a caller sets: keys and certificates, trust, suites; and where randomness comes from.

use crate::domain::sm::Wrong;
use crate::domain::sm::sm2;
use crate::domain::tlcp::CertificateFault;
use crate::domain::tlcp::Suite;
use crate::domain::tlcp::certificate::{Use, check_pair, key};
use crate::domain::tlcp::session::Sessions;
use crate::domain::tlcp::trust::Judge;
use crate::domain::tlcp::wire::vector;
use crate::domain::x509::Certificate;
use rustls_pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Certificates that we send or read in one message. Two and a chain of three are usual.
pub(super) const CERTIFICATES_MAX: usize = 10;

/// A source of random bytes; a connection owns one.
pub trait Noise: Send {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// When there is no randomness to be had; the connection ends.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Wrong>;
}

/// The key of a signing certificate, wherever it is kept.
pub trait SigningKey: Send + Sync {
    /// The public key.
    fn public(&self) -> &sm2::PublicKey;

    /// The signature with [`sm2::DEFAULT_ID`] over the concatenation of `parts`, in DER.
    ///
    /// # Errors
    /// When the key cannot be used now.
    fn sign(&self, parts: &[&[u8]], noise: &[u8; 32]) -> Result<Vec<u8>, Wrong>;
}

/// The key of an encryption certificate, wherever it is kept.
pub trait DecryptionKey: Send + Sync {
    /// The public key.
    fn public(&self) -> &sm2::PublicKey;

    /// What a cipher text in the DER form of GM/T 0009 stands for.
    ///
    /// # Errors
    /// When the cipher text is wrong, or the key cannot be used now.
    fn decrypt(&self, cipher_text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Wrong>;
}

impl SigningKey for sm2::PrivateKey {
    fn public(&self) -> &sm2::PublicKey {
        Self::public(self)
    }

    fn sign(&self, parts: &[&[u8]], noise: &[u8; 32]) -> Result<Vec<u8>, Wrong> {
        Ok(Self::sign(self, sm2::DEFAULT_ID, parts, noise)?.to_der())
    }
}

impl DecryptionKey for sm2::PrivateKey {
    fn public(&self) -> &sm2::PublicKey {
        Self::public(self)
    }

    fn decrypt(&self, cipher_text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Wrong> {
        Self::decrypt(self, cipher_text)
    }
}

/// Two certificates of one subject, their issuers, and the two keys (双证书).
pub struct Identity {
    pub(super) signing: Arc<dyn SigningKey>,
    pub(super) decryption: Arc<dyn DecryptionKey>,
    /// Body of the Certificate message.
    pub(super) message: Vec<u8>,
    /// The encryption certificate behind its length of three bytes, as the server signs it.
    pub(super) encryption_certificate: Vec<u8>,
}

impl Identity {
    /// `chain`: signing certificate, encryption certificate, then the issuers without the root.
    ///
    /// # Errors
    /// When a certificate cannot be read, the keys are not theirs, the subjects differ, or their key usage forbids
    /// what they are for: a peer would refuse them.
    pub fn new(
        chain: &[CertificateDer<'_>],
        signing: Arc<dyn SigningKey>,
        decryption: Arc<dyn DecryptionKey>,
    ) -> Result<Self, CertificateFault> {
        let [first, second, ..] = chain else { return Err(CertificateFault::Missing) };
        if chain.len() > CERTIFICATES_MAX || chain.iter().map(|certificate| certificate.len()).sum::<usize>() > 0xf000 {
            return Err(CertificateFault::Broken);
        }
        let (sign, encrypt) = (Certificate::from_der(first)?, Certificate::from_der(second)?);
        check_pair(&sign, &encrypt)?;
        if key(&sign, Use::Sign)? != *signing.public() || key(&encrypt, Use::Encrypt)? != *decryption.public() {
            return Err(CertificateFault::Key);
        }
        let mut message = Vec::new();
        vector::<3>(&mut message, |out| {
            for certificate in chain {
                vector::<3>(out, |out| out.extend_from_slice(certificate));
            }
        });
        let mut encryption_certificate = Vec::new();
        vector::<3>(&mut encryption_certificate, |out| out.extend_from_slice(second));
        Ok(Self { signing, decryption, message, encryption_certificate })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Whether a server asks for the client's certificate, and who judges it.
#[derive(Clone)]
pub enum ClientAuthentication {
    /// Not asked for.
    Off,
    /// Asked for; a client may do without.
    Optional(Arc<dyn Judge>),
    /// No connection without one.
    Required(Arc<dyn Judge>),
}

impl ClientAuthentication {
    pub(super) fn judge(&self) -> Option<&Arc<dyn Judge>> {
        match self {
            Self::Off => None,
            Self::Optional(judge) | Self::Required(judge) => Some(judge),
        }
    }
}

/// How a server answers. One value serves all connections; what a reload changes is a new value with new sessions, so
/// that nobody resumes what the new trust would refuse.
#[derive(Clone)]
pub struct ServerConfig {
    /// For callers without a name, or with one that is not in `named`.
    pub identity: Arc<Identity>,
    /// By server name (SNI), in lower case.
    pub named: BTreeMap<String, Arc<Identity>>,
    pub client: ClientAuthentication,
    /// In order of preference.
    pub suites: Vec<Suite>,
    /// Application protocols (ALPN) in order of preference; empty: none is spoken of.
    pub protocols: Vec<Vec<u8>>,
    /// `None`: nothing is resumed.
    pub sessions: Option<Arc<dyn Sessions>>,
    /// How long a session may be resumed, in seconds.
    pub session_seconds: u64,
}

impl ServerConfig {
    /// Both suites, no client certificate, no application protocols, no resumption.
    pub fn new(identity: Arc<Identity>) -> Self {
        Self {
            identity,
            named: BTreeMap::new(),
            client: ClientAuthentication::Off,
            suites: Suite::ALL.to_vec(),
            protocols: Vec::new(),
            sessions: None,
            session_seconds: 3600,
        }
    }
}

/// How a client calls. One value serves all connections to peers of one trust.
#[derive(Clone)]
pub struct ClientConfig {
    /// Judges the server's certificates.
    pub judge: Arc<dyn Judge>,
    /// Shown where the server asks for a certificate.
    pub identity: Option<Arc<Identity>>,
    /// In order of preference.
    pub suites: Vec<Suite>,
    /// Application protocols (ALPN) in order of preference; empty: no such extension.
    pub protocols: Vec<Vec<u8>>,
    /// Whether the server's name is sent (SNI). Some peers refuse every extension.
    pub sends_name: bool,
    /// How long a session may be resumed, in seconds.
    pub session_seconds: u64,
}

impl ClientConfig {
    /// Both suites, no certificate, no extension.
    pub fn new(judge: Arc<dyn Judge>) -> Self {
        Self {
            judge,
            identity: None,
            suites: Suite::ALL.to_vec(),
            protocols: Vec::new(),
            sends_name: false,
            session_seconds: 3600,
        }
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerConfig").field("suites", &self.suites).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientConfig").field("suites", &self.suites).finish_non_exhaustive()
    }
}

/// Bytes that follow from a number, for fuzzing and tests: never for keys that protect anything.
pub(super) struct Counted {
    seed: u64,
    count: u64,
}

impl Counted {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }
}

impl Noise for Counted {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Wrong> {
        for piece in bytes.chunks_mut(crate::domain::sm::DIGEST_BYTES) {
            self.count += 1;
            let block = crate::domain::sm::hmac(&self.seed.to_be_bytes(), &[&self.count.to_be_bytes()]);
            piece.copy_from_slice(&block[..piece.len()]);
        }
        Ok(())
    }
}
