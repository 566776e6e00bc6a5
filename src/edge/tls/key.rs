//! Our own SM2 keys as rustls uses them: sign a handshake, tell the public half.
//!
//! What signs is a handle ([`Key`]): a key read from a text here, or one that is opened elsewhere and may sit in a
//! device.

use crate::domain::key;
use crate::domain::key::{Key, KeyFault};
use crate::domain::sm::Wrong;
use crate::domain::sm::sm2::{PrivateKey, PublicKey, Signature, TLS13_ID};
use crate::domain::x509::SM2_KEY;
use crate::edge::tls::noise;
use crate::edge::tls::signature::SM2SIG_SM3;
use pkcs8::ObjectIdentifier;
use pkcs8::der::Decode;
use rustls::crypto::KeyProvider;
use rustls::sign::{Signer, SigningKey, public_key_to_spki};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// id-ecPublicKey, RFC 5480.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The curve of SM2, GM/T 0006.
const SM2_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");

/// `key` in the shape that rustls takes, for a [`rustls::sign::CertifiedKey`].
pub fn signing_key(key: Arc<dyn Key>) -> Arc<dyn SigningKey> {
    Arc::new(Sm2SigningKey(key))
}

/// A key in memory.
pub(super) struct KeyInMemory(PrivateKey);

impl fmt::Debug for KeyInMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyInMemory")
    }
}

impl KeyInMemory {
    /// Reads PKCS#8 (RFC 5958) or SEC1 (RFC 5915) DER; the curve must be that of SM2.
    pub(super) fn from_der(der: &PrivateKeyDer<'_>) -> Result<Self, Wrong> {
        let key = match der {
            PrivateKeyDer::Pkcs8(der) => {
                let info = pkcs8::PrivateKeyInfoRef::from_der(der.secret_pkcs8_der()).map_err(|_| Wrong)?;
                let oids = info.algorithm.oids().map_err(|_| Wrong)?;
                if oids != (EC_PUBLIC_KEY, Some(SM2_CURVE)) {
                    return Err(Wrong);
                }
                let inner = sec1::EcPrivateKey::from_der(info.private_key.as_bytes()).map_err(|_| Wrong)?;
                scalar(&inner, true)?
            }
            PrivateKeyDer::Sec1(der) => {
                scalar(&sec1::EcPrivateKey::from_der(der.secret_sec1_der()).map_err(|_| Wrong)?, false)?
            }
            _ => return Err(Wrong),
        };
        Ok(Self(key))
    }
}

/// The scalar; `curve_known` where the curve was named outside already and need not be here.
fn scalar(key: &sec1::EcPrivateKey<'_>, curve_known: bool) -> Result<PrivateKey, Wrong> {
    match key.parameters.and_then(sec1::EcParameters::named_curve) {
        Some(curve) if curve != SM2_CURVE => return Err(Wrong),
        None if !curve_known => return Err(Wrong),
        _ => {}
    }
    PrivateKey::from_bytes(key.private_key.try_into().map_err(|_| Wrong)?)
}

impl Key for KeyInMemory {
    fn public(&self) -> &PublicKey {
        self.0.public()
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature, KeyFault> {
        let noise = noise::<32>().map_err(|_| KeyFault::Unavailable(0))?;
        Ok(self.0.sign_digest(digest, &noise))
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        self.0.decrypt(ciphertext).map_err(|Wrong| KeyFault::Wrong)
    }

    fn agree(&self, peer: &PublicKey) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
        self.0.agree(peer).map_err(|Wrong| KeyFault::Wrong)
    }
}

/// What the provider loads keys with.
#[derive(Debug)]
pub(super) struct Keys;

impl KeyProvider for Keys {
    fn load_private_key(&self, der: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let key = KeyInMemory::from_der(&der).map_err(|_| Error::General("not an SM2 private key".into()))?;
        Ok(signing_key(Arc::new(key)))
    }
}

#[derive(Debug)]
struct Sm2SigningKey(Arc<dyn Key>);

impl SigningKey for Sm2SigningKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = || Box::new(Sm2Signer(Arc::clone(&self.0))) as Box<dyn Signer>;
        offered.contains(&SM2SIG_SM3).then(signer)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(public_key_to_spki(&SM2_KEY, self.0.public().to_bytes()))
    }

    /// Only TLS 1.2 looks at it, for which there is no suite here; 8 is what the high half of 0x0708 is not.
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Unknown(8)
    }
}

#[derive(Debug)]
struct Sm2Signer(Arc<dyn Key>);

impl Signer for Sm2Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signed = key::sign(&*self.0, TLS13_ID, &[message]);
        let signature = signed.map_err(|_| Error::General("the SM2 key cannot sign".into()))?;
        Ok(signature.to_der())
    }

    fn scheme(&self) -> SignatureScheme {
        SM2SIG_SM3
    }
}
