//! A session with a device: opened when it is needed, owned by one thread, closed after an error of the device.
#![allow(unsafe_code, reason = "handles of a C library are kept; each is owned by exactly one value")]

use crate::edge::keys::sdf::DecryptCall;
use crate::edge::keys::sdf::Half;
use crate::edge::keys::sdf::SdfFault;
use crate::edge::keys::sdf::calls::Calls;
use crate::edge::keys::sdf::calls::Handle;
use crate::edge::keys::sdf::calls::Point;
use crate::edge::keys::sdf::calls::Value;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of an ECCCipher before its ciphertext: x and y of 64 bytes, the digest of 32, the length of 4.
const CIPHER_HEAD_BYTES: usize = 64 + 64 + 32 + 4;

/// A device that is open.
pub(super) struct OpenDevice {
    calls: Calls,
    handle: Handle,
}

// SAFETY: GM/T 0018 clause 5 lets a device handle be shared by the threads of a process; it is used here only to open
// sessions and, by the one owner, to close it.
unsafe impl Send for OpenDevice {}
// SAFETY: as above.
unsafe impl Sync for OpenDevice {}

impl OpenDevice {
    /// Loads the library and opens its device.
    pub(super) fn open(library: &Path, decrypt: DecryptCall) -> Result<Self, SdfFault> {
        let calls = Calls::load(library, decrypt)?;
        let handle = calls.open_device().map_err(SdfFault::Device)?;
        Ok(Self { calls, handle })
    }
}

impl Drop for OpenDevice {
    fn drop(&mut self) {
        // SAFETY: it came from open_device; every session holds this value, so all are closed.
        unsafe { self.calls.close_device(self.handle) };
    }
}

/// A session, owned by whoever makes a call on it.
pub(super) struct Session {
    device: Arc<OpenDevice>,
    handle: Handle,
    claimed: Vec<u32>,
}

// SAFETY: a session may be used by any thread, one at a time: it is moved to whoever uses it and never shared.
unsafe impl Send for Session {}

impl Session {
    pub(super) fn open(device: &Arc<OpenDevice>) -> Result<Self, u32> {
        // SAFETY: the device is open as long as the value lives.
        let handle = unsafe { device.calls.open_session(device.handle) }?;
        Ok(Self { device: device.clone(), handle, claimed: Vec::new() })
    }

    /// The public key at `index`.
    pub(super) fn export(&mut self, index: u32, half: Half) -> Result<Point, u32> {
        // SAFETY: this session is open and, by `&mut`, used by nobody else.
        unsafe { self.device.calls.export(self.handle, index, half == Half::Sign) }
    }

    /// Asks for the use of the private key at `index`.
    pub(super) fn claim(&mut self, index: u32, password: &[u8]) -> Result<(), u32> {
        // SAFETY: as in `export`.
        unsafe { self.device.calls.claim(self.handle, index, password) }?;
        self.claimed.push(index);
        Ok(())
    }

    /// The same where it was not done in this session before.
    pub(super) fn claim_once(&mut self, index: u32, password: Option<&Vec<u8>>) -> Result<(), u32> {
        match password {
            Some(password) if !self.claimed.contains(&index) => self.claim(index, password),
            _ => Ok(()),
        }
    }

    /// Signs a digest.
    pub(super) fn sign(&mut self, index: u32, digest: &[u8; 32]) -> Result<Value, u32> {
        // SAFETY: as in `export`.
        unsafe { self.device.calls.sign(self.handle, index, digest) }
    }

    /// Opens a ciphertext given as C1, C3, C2.
    pub(super) fn decrypt(
        &mut self,
        index: u32,
        point: &Value,
        digest: &[u8; 32],
        hidden: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, u32> {
        let length = u32::try_from(hidden.len()).map_err(|_| 0x0100_001d_u32)?;
        let mut cipher = Vec::with_capacity(CIPHER_HEAD_BYTES + hidden.len() + 3);
        cipher.extend_from_slice(&point.first);
        cipher.extend_from_slice(&point.second);
        cipher.extend_from_slice(digest);
        cipher.extend_from_slice(&length.to_ne_bytes());
        cipher.extend_from_slice(hidden);
        cipher.resize(cipher.len().next_multiple_of(4), 0);
        // As words, because the structure has one and must lie as it.
        let cipher: Vec<u32> = cipher.as_chunks().0.iter().map(|word| u32::from_ne_bytes(*word)).collect();
        let mut output = Zeroizing::new(vec![0; hidden.len()]);
        // SAFETY: as in `export`; `cipher` is an ECCCipher, whose parts have no padding between them, and a plaintext is
        // as long as its ciphertext.
        let written = unsafe { self.device.calls.decrypt(self.handle, index, &cipher, &mut output) }?;
        output.truncate(written);
        Ok(output)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for index in &self.claimed {
            // SAFETY: the session is open and used by nobody else.
            unsafe { self.device.calls.release(self.handle, *index) };
        }
        // SAFETY: as above, and it is not used again.
        unsafe { self.device.calls.close_session(self.handle) };
    }
}
