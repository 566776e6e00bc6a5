//! What protects the records of one direction: SM4-GCM, or SM4-CBC with HMAC-SM3, and the count of records.
//!
//! GCM: nonce = 4 bytes of the key block + 8 bytes that stand before the cipher text (we send the count of records,
//! which never repeats under a key); the additional data are count, kind, version and length of the plain text.
//! CBC: an IV by chance stands before the cipher text, see [`crate::domain::tlcp::cbc`].

use crate::domain::sm::sm4::Gcm;
use crate::domain::tlcp::TlcpFault;
use crate::domain::tlcp::VERSION;
use crate::domain::tlcp::cbc::Cbc;
use crate::domain::tlcp::config::Noise;
use std::ops::Range;

const EXPLICIT_BYTES: usize = 8;
const TAG_BYTES: usize = 16;
/// Records under one key. 2^24 records of 16 KiB are what RFC 8446 clause 5.5 lets a 128-bit block cipher in GCM carry;
/// SM4 has the same block. TLCP has no key update, and we refuse renegotiation: the connection ends instead.
pub(super) const RECORDS_MAX: u64 = 1 << 24;

pub(super) struct Protection {
    cipher: Cipher,
    pub(super) count: u64,
}

enum Cipher {
    Gcm { key: Gcm, salt: [u8; 4] },
    Cbc(Cbc),
}

/// The bytes that the authentication code covers besides the content.
pub(super) fn header(count: u64, kind: u8, length: usize) -> [u8; 13] {
    let mut header = [0; 13];
    header[..8].copy_from_slice(&count.to_be_bytes());
    header[8] = kind;
    header[9..11].copy_from_slice(&VERSION);
    header[11..].copy_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    header
}

impl Protection {
    pub(super) fn gcm(key: &[u8; 16], salt: [u8; 4]) -> Self {
        Self { cipher: Cipher::Gcm { key: Gcm::new(key), salt }, count: 0 }
    }

    pub(super) fn cbc(key: &[u8; 16], mac: &[u8; 32]) -> Self {
        Self { cipher: Cipher::Cbc(Cbc::new(key, mac)), count: 0 }
    }

    fn next(&mut self) -> Result<u64, TlcpFault> {
        let count = self.count;
        if count >= RECORDS_MAX {
            return Err(TlcpFault::KeyWorn);
        }
        self.count += 1;
        Ok(count)
    }

    /// Whether no record may follow but the one that says so.
    pub(super) const fn is_worn(&self) -> bool {
        self.count + 1 >= RECORDS_MAX
    }

    /// Appends the protected form of `parts`, at most a record's worth.
    pub(super) fn seal(
        &mut self,
        kind: u8,
        parts: &[&[u8]],
        out: &mut Vec<u8>,
        noise: &mut dyn Noise,
    ) -> Result<(), TlcpFault> {
        let count = self.next()?;
        let length = parts.iter().map(|part| part.len()).sum();
        let header = header(count, kind, length);
        match &self.cipher {
            Cipher::Gcm { key, salt } => {
                let explicit = count.to_be_bytes();
                out.extend_from_slice(&explicit);
                let start = out.len();
                for part in parts {
                    out.extend_from_slice(part);
                }
                let tag = key.seal(&nonce(*salt, explicit), &header, &mut out[start..]);
                out.extend_from_slice(&tag);
                Ok(())
            }
            Cipher::Cbc(cbc) => cbc.seal(&header, parts, out, noise),
        }
    }

    /// Opens `body` where it lies and tells where in it the content stands. Whatever is wrong is
    /// [`TlcpFault::RecordMac`].
    pub(super) fn open(&mut self, kind: u8, body: &mut [u8]) -> Result<Range<usize>, TlcpFault> {
        let count = self.next()?;
        match &self.cipher {
            Cipher::Gcm { key, salt } => {
                let (explicit, rest) = body.split_first_chunk_mut::<EXPLICIT_BYTES>().ok_or(TlcpFault::RecordMac)?;
                let (data, tag) = rest.split_last_chunk_mut::<TAG_BYTES>().ok_or(TlcpFault::RecordMac)?;
                let header = header(count, kind, data.len());
                key.open(&nonce(*salt, *explicit), &header, data, tag).map_err(|_| TlcpFault::RecordMac)?;
                Ok(EXPLICIT_BYTES..EXPLICIT_BYTES + data.len())
            }
            Cipher::Cbc(cbc) => cbc.open(count, kind, body),
        }
    }
}

fn nonce(salt: [u8; 4], explicit: [u8; EXPLICIT_BYTES]) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&salt);
    nonce[4..].copy_from_slice(&explicit);
    nonce
}
