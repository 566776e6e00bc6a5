//! Records under SM4-GCM: RFC 8998, section 3.3, over RFC 8446, section 5.2.
//!
//! It deliberately gives no keys away: rustls has no name for SM4 keys, and only TLS in the kernel would ask for them.

use crate::domain::sm::sm4::Gcm;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter, Nonce,
    OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload, Tls13AeadAlgorithm, UnsupportedOperationError,
    make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// The content type that ends a plain record.
const TYPE_BYTES: usize = 1;

pub(super) struct Sm4Gcm;

struct Protection {
    gcm: Gcm,
    iv: Iv,
}

impl Protection {
    fn new(key: &AeadKey, iv: Iv) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        // rustls keeps every key in 32 bytes and cuts it to `key_len`.
        let length = key.as_ref().len().min(KEY_BYTES);
        debug_assert_eq!(length, KEY_BYTES);
        bytes[..length].copy_from_slice(&key.as_ref()[..length]);
        Self { gcm: Gcm::new(&bytes), iv }
    }
}

impl Tls13AeadAlgorithm for Sm4Gcm {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Protection::new(&key, iv))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Protection::new(&key, iv))
    }

    fn key_len(&self) -> usize {
        KEY_BYTES
    }

    fn extract_keys(&self, _: AeadKey, _: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

impl MessageEncrypter for Protection {
    fn encrypt(&mut self, message: OutboundPlainMessage<'_>, sequence: u64) -> Result<OutboundOpaqueMessage, Error> {
        let total = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(total);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&[u8::from(message.typ)]);
        let nonce = Nonce::new(&self.iv, sequence).0;
        let tag = self.gcm.seal(&nonce, &make_tls13_aad(total), payload.as_mut());
        payload.extend_from_slice(&tag);
        Ok(OutboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, payload))
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        payload_len + TYPE_BYTES + TAG_BYTES
    }
}

impl MessageDecrypter for Protection {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let payload = &mut message.payload;
        let aad = make_tls13_aad(payload.len());
        let nonce = Nonce::new(&self.iv, sequence).0;
        let (data, tag) = payload.split_last_chunk_mut::<TAG_BYTES>().ok_or(Error::DecryptError)?;
        let plain = data.len();
        self.gcm.open(&nonce, &aad, data, tag).map_err(|_| Error::DecryptError)?;
        payload.truncate(plain);
        message.into_tls13_unpadded_message()
    }
}
