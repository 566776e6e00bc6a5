//! The key exchange group curveSM2: RFC 8998, section 3.2.1. Plain ECDH, a new key for each connection.

use crate::domain::sm::sm2::{EphemeralKey, PublicKey};
use crate::edge::tls::noise;
use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};

/// curveSM2 (IANA, TLS Supported Groups, value 41).
pub const CURVE_SM2: NamedGroup = NamedGroup::Unknown(0x0029);

/// Bytes of an uncompressed point, the only form that TLS 1.3 takes (RFC 8446, section 4.2.8.2).
const POINT_BYTES: usize = 65;

#[derive(Debug)]
pub(super) struct CurveSm2;

impl SupportedKxGroup for CurveSm2 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let key = EphemeralKey::generate(&*noise()?);
        let share = key.public().to_bytes();
        Ok(Box::new(Share { key, share }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        CURVE_SM2
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

struct Share {
    key: EphemeralKey,
    share: [u8; POINT_BYTES],
}

impl ActiveKeyExchange for Share {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        if peer.len() != POINT_BYTES {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        let peer = PublicKey::from_bytes(peer).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let secret = self.key.agree(&peer).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        Ok(SharedSecret::from(secret.as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn group(&self) -> NamedGroup {
        CURVE_SM2
    }
}
