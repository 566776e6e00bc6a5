//! How a system shows who it is in HTTP header fields: two families of signatures.
//!
//! It deliberately holds no clock and no memory: whether a time is near and a number new is the caller's to say.
//!
//! The window family is the one of the sample messages: [`sm::header_signature`]. The exchange family is that of the
//! national data-sharing exchange and of the provinces that took it over under a prefix of their own. As public clients
//! write it, the four fields are `<prefix>_rid` (who asks), `<prefix>_sid` (which service), `<prefix>_rtime`
//! (milliseconds) and `<prefix>_sign`: the Base64 form of HMAC-SHA256, under the service's secret, over sid, rid and
//! rtime joined without anything between. The form with SM3 instead of SHA-256 is composed. Neither covers the body.

use crate::domain::masked::Masked;
use crate::domain::sm;
use crate::domain::sm::mac::MacKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Longest prefix of an exchange's header fields in bytes.
pub const PREFIX_BYTES_MAX: usize = 32;

/// Who a system is, and the secret that proves it.
#[derive(Clone, Debug)]
pub struct Signature {
    /// `X-App-Key`, or `<prefix>_rid`.
    pub key: String,
    pub secret: Masked<Vec<u8>>,
    /// The secret made ready for HMAC-SM3, which the window family asks for with every request.
    pub mac: MacKey,
    pub family: Family,
}

impl Signature {
    /// A system that signs with `secret`.
    pub fn new(key: String, secret: Masked<Vec<u8>>, family: Family) -> Self {
        let mac = MacKey::new(secret.reveal());
        Self { key, secret, mac, family }
    }
}

/// The header fields that are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Family {
    Exchange(Fields),
    /// `X-App-Key`, `X-Timestamp`, `X-Nonce`, `X-Sign`.
    #[default]
    Window,
}

/// The digest below the authentication code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Digest {
    #[default]
    Sha256,
    Sm3,
}

/// Names of the exchange family's header fields in lower case, and its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    pub requester: String,
    pub service: String,
    pub time: String,
    pub sign: String,
    pub digest: Digest,
}

impl Fields {
    /// The fields under a prefix of 1 to [`PREFIX_BYTES_MAX`] letters, digits, hyphens and underscores.
    pub fn new(prefix: &str, digest: Digest) -> Option<Self> {
        let well = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if prefix.is_empty() || prefix.len() > PREFIX_BYTES_MAX || !prefix.bytes().all(well) {
            return None;
        }
        let prefix = prefix.to_ascii_lowercase();
        let name = |field: &str| format!("{prefix}_{field}");
        Some(Self { requester: name("rid"), service: name("sid"), time: name("rtime"), sign: name("sign"), digest })
    }

    fn code(&self, secret: &[u8], service: &str, requester: &str, time: &str) -> [u8; sm::DIGEST_BYTES] {
        let parts = [service, requester, time].map(str::as_bytes);
        match self.digest {
            Digest::Sm3 => sm::hmac(secret, &parts),
            Digest::Sha256 => {
                let mut context = ring::hmac::Context::with_key(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret));
                for part in parts {
                    context.update(part);
                }
                let mut code = [0; sm::DIGEST_BYTES];
                code.copy_from_slice(context.sign().as_ref());
                code
            }
        }
    }

    /// The text of the signature field.
    pub fn sign(&self, secret: &[u8], service: &str, requester: &str, time: &str) -> String {
        STANDARD.encode(self.code(secret, service, requester, time))
    }

    /// Whether a signature field holds the right text.
    pub fn verify(&self, secret: &[u8], service: &str, requester: &str, time: &str, given: &str) -> bool {
        // Decoded into room for little more than a code: a long field costs nothing.
        let mut bytes = [0; sm::DIGEST_BYTES + 1];
        let decoded = STANDARD.decode_slice(given, &mut bytes);
        decoded.is_ok_and(|length| sm::verify(&self.code(secret, service, requester, time), &bytes[..length]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "s_1430600000000_0001";
    const REQUESTER: &str = "7f6c1e52-0000-4000-8000-000000000001";
    const TIME: &str = "1795397415000";
    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn fields(digest: Digest) -> Fields {
        Fields::new("gjgxjhpt", digest).unwrap()
    }

    #[test]
    fn the_code_is_the_one_that_openssl_makes() {
        // printf %s "$SERVICE$REQUESTER$TIME" | openssl dgst -sha256|-sm3 -mac HMAC -macopt key:… -binary | base64
        for (digest, expected) in [
            (Digest::Sha256, "ae3hXEVsAeAZ5tWYOIDSaGJk8iBj16KeP6+oxWeCfTA="),
            (Digest::Sm3, "2y69c33dIykVgufEPu/m6oXEjlszVBJjY9hq6NY6lC0="),
        ] {
            assert_eq!(fields(digest).sign(SECRET, SERVICE, REQUESTER, TIME), expected);
        }
    }

    #[test]
    fn only_the_right_text_is_right() {
        for digest in [Digest::Sha256, Digest::Sm3] {
            let fields = fields(digest);
            let right = fields.sign(SECRET, SERVICE, REQUESTER, TIME);
            assert!(fields.verify(SECRET, SERVICE, REQUESTER, TIME, &right));
            let other =
                Fields { digest: if digest == Digest::Sm3 { Digest::Sha256 } else { Digest::Sm3 }, ..fields.clone() };
            assert!(!other.verify(SECRET, SERVICE, REQUESTER, TIME, &right));
            assert!(!fields.verify(b"another", SERVICE, REQUESTER, TIME, &right));
            assert!(!fields.verify(SECRET, "s_2", REQUESTER, TIME, &right));
            assert!(!fields.verify(SECRET, SERVICE, REQUESTER, "1795397415001", &right));
            let long = STANDARD.encode([0u8; 4096]);
            for wrong in ["", "=", "not base64", &right[1..], &right[..43], &right.to_lowercase(), &long] {
                assert!(!fields.verify(SECRET, SERVICE, REQUESTER, TIME, wrong), "{wrong}");
            }
        }
    }

    #[test]
    fn names_come_from_the_prefix() {
        let fields = Fields::new("GJGXJHPT", Digest::Sha256).unwrap();
        assert_eq!((fields.requester.as_str(), fields.sign.as_str()), ("gjgxjhpt_rid", "gjgxjhpt_sign"));
        for bad in ["", "a b", "国", "a:b", &"x".repeat(33)] {
            assert_eq!(Fields::new(bad, Digest::Sha256), None, "{bad}");
        }
    }
}
