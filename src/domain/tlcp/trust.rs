//! Whether a chain of certificates passes: rustls-webpki over SM2 with SM3, and what it leaves to us.

use crate::domain::sm::Wrong;
use crate::domain::sm::sm2;
use crate::domain::tlcp::CertificateFault;
use crate::domain::tlcp::certificate::{Facts, SM2_KEY, Use};
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, CertificateRevocationListDer, InvalidSignature, ServerName,
    SignatureVerificationAlgorithm, TrustAnchor, UnixTime,
};
use std::fmt;
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, RevocationOptionsBuilder, VerifiedPath};

/// What the holder of a certificate is in the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

/// Judges certificates of peers.
pub trait Judge: Send + Sync {
    /// Whether `certificate` may act as `role` at `now` (seconds since 1970). `others` came with it and may lead to a
    /// trusted issuer.
    ///
    /// # Errors
    /// What is wrong with it.
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        role: Role,
        now: u64,
    ) -> Result<(), CertificateFault>;

    /// Whether `signature` is that of a peer with `key`, whose certificate passed, over the parts of `message` joined. A
    /// judge that remembers keys may do it faster.
    ///
    /// # Errors
    /// If it is not.
    fn verify(&self, key: &sm2::PublicKey, message: &[&[u8]], signature: &sm2::Signature) -> Result<(), Wrong> {
        key.verify(sm2::DEFAULT_ID, message, signature)
    }

    /// Names (DER) of the issuers whose certificates pass; a server sends them when it asks for a certificate.
    fn names(&self) -> Vec<Vec<u8>>;
}

/// Why trusted certificates or revocation lists cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustFault {
    /// The root at this place of the list cannot be read.
    Root(usize),
    /// The revocation list at this place cannot be read.
    RevocationList(usize),
    /// No root at all.
    NoRoots,
}

impl fmt::Display for TrustFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(place) => write!(formatter, "第{}张根证书无法解析 (root certificate cannot be read)", place + 1),
            Self::RevocationList(place) => {
                write!(formatter, "第{}份吊销列表无法解析 (revocation list cannot be read)", place + 1)
            }
            Self::NoRoots => formatter.write_str("没有受信任的根证书 (no root certificate)"),
        }
    }
}

impl std::error::Error for TrustFault {}

/// Trusted roots, and the revocation lists of every issuer below them if there are any.
pub struct Trust {
    anchors: Vec<TrustAnchor<'static>>,
    lists: Vec<webpki::CertRevocationList<'static>>,
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
}

impl Trust {
    /// With no `lists` revocation is not asked about; with any, a certificate that no list speaks of is refused.
    ///
    /// # Errors
    /// When one of them cannot be read, or there are no roots.
    pub fn new(roots: &[CertificateDer<'_>], lists: &[CertificateRevocationListDer<'_>]) -> Result<Self, TrustFault> {
        let anchor = |(place, root)| {
            webpki::anchor_from_trusted_cert(root).map(|anchor| anchor.to_owned()).map_err(|_| TrustFault::Root(place))
        };
        let list = |(place, list): (usize, &CertificateRevocationListDer<'_>)| {
            webpki::OwnedCertRevocationList::from_der(list)
                .map(webpki::CertRevocationList::from)
                .map_err(|_| TrustFault::RevocationList(place))
        };
        let anchors: Vec<_> = roots.iter().enumerate().map(anchor).collect::<Result<_, _>>()?;
        if anchors.is_empty() {
            return Err(TrustFault::NoRoots);
        }
        let lists = lists.iter().enumerate().map(list).collect::<Result<_, _>>()?;
        Ok(Self { anchors, lists, algorithms: SM2_SM3 })
    }

    /// With other code for SM2 with SM3 than [`SM2_SM3`], such as one that remembers the keys of issuers.
    #[must_use]
    pub fn with_algorithms(self, algorithms: &'static [&'static dyn SignatureVerificationAlgorithm]) -> Self {
        Self { algorithms, ..self }
    }
}

impl Judge for Trust {
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        role: Role,
        now: u64,
    ) -> Result<(), CertificateFault> {
        let usage = match role {
            Role::Client => KeyUsage::client_auth(),
            Role::Server => KeyUsage::server_auth(),
        };
        let lists: Vec<&webpki::CertRevocationList<'_>> = self.lists.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(RevocationOptionsBuilder::build);
        let issuers_may_issue = |path: &VerifiedPath<'_>| {
            path.intermediate_certificates().try_for_each(|issuer| {
                let der = issuer.der();
                let facts = Facts::read(&der).map_err(|_| webpki::Error::BadDer)?;
                facts.check_use(Use::Issue).map_err(|_| webpki::Error::EndEntityUsedAsCa)
            })
        };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let end = EndEntityCert::try_from(certificate).map_err(|fault| told(&fault))?;
        end.verify_for_usage(self.algorithms, &self.anchors, others, now, usage, revocation, Some(&issuers_may_issue))
            .map(|_| ())
            .map_err(|fault| told(&fault))
    }

    fn names(&self) -> Vec<Vec<u8>> {
        let name = |anchor: &TrustAnchor<'_>| {
            // The anchor holds the contents of the name's SEQUENCE; a name is short of 64 KiB.
            let content = anchor.subject.as_ref();
            let mut name = vec![0x30];
            match u8::try_from(content.len()) {
                Ok(length @ 0..=0x7f) => name.push(length),
                Ok(length) => name.extend_from_slice(&[0x81, length]),
                Err(_) => {
                    name.push(0x82);
                    name.extend_from_slice(&u16::try_from(content.len()).ok()?.to_be_bytes());
                }
            }
            name.extend_from_slice(content);
            Some(name)
        };
        self.anchors.iter().filter_map(name).collect()
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Trust").field("roots", &self.anchors.len()).finish_non_exhaustive()
    }
}

/// Whether `certificate` was issued to `name`.
pub(super) fn check_name(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), CertificateFault> {
    let end = EndEntityCert::try_from(certificate).map_err(|fault| told(&fault))?;
    end.verify_is_valid_for_subject_name(name).map_err(|fault| told(&fault))
}

fn told(fault: &webpki::Error) -> CertificateFault {
    use webpki::Error;
    match fault {
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } | Error::InvalidCertValidity => {
            CertificateFault::Expired
        }
        Error::CertNotValidForName(_) => CertificateFault::Name,
        Error::CertRevoked | Error::UnknownRevocationStatus | Error::CrlExpired { .. } => CertificateFault::Revoked,
        Error::UnknownIssuer => CertificateFault::UnknownIssuer,
        Error::InvalidSignatureForPublicKey
        | Error::SignatureAlgorithmMismatch
        | Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => CertificateFault::Signature,
        Error::RequiredEkuNotFoundContext(_) | Error::CaUsedAsEndEntity | Error::EndEntityUsedAsCa => {
            CertificateFault::Usage
        }
        _ => CertificateFault::Broken,
    }
}

/// SM2 with SM3 in certificates and revocation lists, for webpki: the parameters of the algorithm absent, and NULL.
pub const SM2_SM3: &[&dyn SignatureVerificationAlgorithm] = &[&Sm2Sm3 { null: false }, &Sm2Sm3 { null: true }];

#[derive(Debug)]
struct Sm2Sm3 {
    null: bool,
}

/// 1.2.156.10197.1.501, alone and with NULL behind it.
const ABSENT: &[u8] = &[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75];
const NULL: &[u8] = &[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75, 0x05, 0x00];

impl SignatureVerificationAlgorithm for Sm2Sm3 {
    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        AlgorithmIdentifier::from_slice(SM2_KEY)
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        AlgorithmIdentifier::from_slice(if self.null { NULL } else { ABSENT })
    }

    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = sm2::PublicKey::from_bytes(key).map_err(|_| InvalidSignature)?;
        let signature = sm2::Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        key.verify(sm2::DEFAULT_ID, &[message], &signature).map_err(|_| InvalidSignature)
    }
}
