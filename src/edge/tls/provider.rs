//! The parts together: one suite, one group, one signature scheme. Nothing to negotiate, nothing to downgrade to.

use crate::edge::clock;
use crate::edge::tls::group::CurveSm2;
use crate::edge::tls::hash::{Sm3Hash, Sm3Hmac};
use crate::edge::tls::key::Keys;
use crate::edge::tls::record::Sm4Gcm;
use crate::edge::tls::signature::ALGORITHMS;
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{CipherSuiteCommon, CryptoProvider, GetRandomFailed, SecureRandom};
use rustls::{CipherSuite, SupportedCipherSuite, Tls13CipherSuite};

/// TLS_SM4_GCM_SM3 (RFC 8998, section 2).
pub const SM4_GCM_SM3: CipherSuite = CipherSuite::Unknown(0x00c6);

/// Records under one key, as RFC 8446, section 5.5 has it for AES-GCM: SM4 has the same block.
const RECORDS_MAX: u64 = 1 << 24;

static TLS13_SM4_GCM_SM3: Tls13CipherSuite = Tls13CipherSuite {
    common: CipherSuiteCommon { suite: SM4_GCM_SM3, hash_provider: &Sm3Hash, confidentiality_limit: RECORDS_MAX },
    hkdf_provider: &HkdfUsingHmac(&Sm3Hmac),
    aead_alg: &Sm4Gcm,
    quic: None,
};

/// RFC 8998 for rustls.
pub fn sm_provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![SupportedCipherSuite::Tls13(&TLS13_SM4_GCM_SM3)],
        kx_groups: vec![&CurveSm2],
        signature_verification_algorithms: ALGORITHMS,
        secure_random: &OperatingSystem,
        key_provider: &Keys,
    }
}

#[derive(Debug)]
struct OperatingSystem;

impl SecureRandom for OperatingSystem {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        clock::random(bytes).map_err(|_| GetRandomFailed)
    }
}
