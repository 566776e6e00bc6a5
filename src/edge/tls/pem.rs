//! PEM texts to chains, keys, issuers and revocation lists.

use crate::domain::key;
use crate::domain::x509::{Certificate, Purpose};
use crate::edge::tls::certificate::Facts;
use crate::edge::tls::key::{KeyInMemory, signing_key};
use crate::edge::tls::{Family, Fault};
use rustls::RootCertStore;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Our own certificate and key.
#[derive(Clone, Debug)]
pub struct Own<'a> {
    /// PEM: our certificate first, then its issuers up to but without the root.
    pub certificate: &'a [u8],
    pub key: Key<'a>,
}

/// Where the private key is.
#[derive(Clone)]
pub enum Key<'a> {
    /// PEM text: PKCS#8 or SEC1.
    Pem(&'a [u8]),
    /// An SM2 key that signs or decrypts for us, wherever it is.
    Handle(Arc<dyn key::Key>),
}

impl std::fmt::Debug for Key<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Pem(_) => "Pem",
            Self::Handle(_) => "Handle",
        })
    }
}

/// Whom we trust to issue certificates.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// PEM: the roots.
    pub issuers: &'a [u8],
    /// PEM: revocation lists. Where there are any, every certificate of a chain has to be covered by one that is not
    /// over: half a check would look like a whole one.
    pub revocation: Option<&'a [u8]>,
}

impl Own<'_> {
    pub(super) fn certified(&self, family: Family) -> Result<CertifiedKey, Fault> {
        let chain = certificates(self.certificate).ok_or(Fault::NoCertificate)?;
        let may_sign = chain.first().and_then(|own| may_sign(family, own)).ok_or(Fault::NoCertificate)?;
        let certified = match &self.key {
            Key::Pem(pem) => {
                let key = private_key(pem).ok_or(Fault::NoKey)?;
                CertifiedKey::from_der(chain, key, &family.provider()).map_err(|error| Fault::of_pair(&error))?
            }
            Key::Handle(key) => {
                let certified = CertifiedKey::new(chain, signing_key(Arc::clone(key)));
                certified.keys_match().map_err(|error| Fault::of_pair(&error))?;
                certified
            }
        };
        if may_sign { Ok(certified) } else { Err(Fault::NotForSigning) }
    }
}

/// Whether keyUsage lets a certificate sign handshakes; `None` where it cannot be read.
fn may_sign(family: Family, own: &CertificateDer<'_>) -> Option<bool> {
    match family {
        Family::Sm => {
            let own = Certificate::from_der(own).ok()?;
            Some([Purpose::TlsServerSign, Purpose::TlsClientSign].iter().any(|purpose| purpose.allowed_by(&own)))
        }
        Family::International(_) => Some(Facts::read(own)?.may_sign),
    }
}

impl Key<'_> {
    /// An SM2 key.
    pub(super) fn handle(&self) -> Result<Arc<dyn key::Key>, Fault> {
        match self {
            Self::Pem(pem) => Ok(Arc::new(key_in_memory(pem)?)),
            Self::Handle(key) => Ok(Arc::clone(key)),
        }
    }
}

impl Trust<'_> {
    pub(super) fn roots(&self) -> Result<Arc<RootCertStore>, Fault> {
        let mut roots = RootCertStore::empty();
        let issuers = certificates(self.issuers).ok_or(Fault::NoTrust)?;
        if roots.add_parsable_certificates(issuers).0 == 0 {
            return Err(Fault::NoTrust);
        }
        Ok(Arc::new(roots))
    }

    pub(super) fn lists(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, Fault> {
        let Some(pem) = self.revocation else { return Ok(Vec::new()) };
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(pem).collect();
        lists.ok().filter(|lists| !lists.is_empty()).ok_or(Fault::NoRevocation)
    }
}

/// Older tools, and OpenSSL's `ec`, write a SEC1 key of SM2 under a label of its own.
fn private_key(pem: &[u8]) -> Option<PrivateKeyDer<'static>> {
    if let Ok(key) = PrivateKeyDer::from_pem_slice(pem) {
        return Some(key);
    }
    let text = std::str::from_utf8(pem).ok()?;
    let relabelled = Zeroizing::new(text.replace("SM2 PRIVATE KEY-----", "EC PRIVATE KEY-----"));
    PrivateKeyDer::from_pem_slice(relabelled.as_bytes()).ok()
}

/// An SM2 key.
pub(super) fn key_in_memory(pem: &[u8]) -> Result<KeyInMemory, Fault> {
    KeyInMemory::from_der(&private_key(pem).ok_or(Fault::NoKey)?).map_err(|_| Fault::Mismatch)
}

pub(super) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    if all.is_empty() { None } else { Some(all) }
}
