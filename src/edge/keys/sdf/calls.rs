//! The functions of GM/T 0018 that are used, as the C library exports them.
#![allow(
    unsafe_code,
    reason = "a C library is called; everything unsafe about it is in this file and its callers' contract"
)]

use crate::edge::keys::sdf::SdfFault;
use libloading::Library;
use std::ffi::c_void;
use std::path::Path;

/// A handle of the library.
pub(super) type Handle = *mut c_void;

/// Two numbers, right-aligned: r and s of ECCSignature, x and y of the others.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Value {
    pub(super) first: [u8; 64],
    pub(super) second: [u8; 64],
}

/// ECCrefPublicKey.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) bits: u32,
    pub(super) value: Value,
}

/// How the vendor's `SDF_InternalDecrypt_ECC` wants its arguments. GM/T 0018-2012 leaves the function out, and vendors
/// who add it differ; the manual of the device says which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecryptCall {
    /// Session, algorithm, index, ciphertext, output.
    AlgorithmIndex,
    /// Session, index, ciphertext, output.
    Index,
    /// Session, index, algorithm, ciphertext, output.
    IndexAlgorithm,
}

/// SGD_SM2_3: encryption with SM2 (GM/T 0006).
const SM2_ENCRYPTION: u32 = 0x0002_0800;

type OnHandle = unsafe extern "C" fn(Handle) -> u32;
type OpenOn = unsafe extern "C" fn(Handle, *mut Handle) -> u32;
type Export = unsafe extern "C" fn(Handle, u32, *mut Point) -> u32;

/// The functions, and the library that they live in as long as this lives.
pub(super) struct Calls {
    open_device: unsafe extern "C" fn(*mut Handle) -> u32,
    close_device: OnHandle,
    open_session: OpenOn,
    close_session: OnHandle,
    claim: unsafe extern "C" fn(Handle, u32, *const u8, u32) -> u32,
    release: unsafe extern "C" fn(Handle, u32) -> u32,
    export_sign: Export,
    export_encrypt: Export,
    sign: unsafe extern "C" fn(Handle, u32, *const u8, u32, *mut Value) -> u32,
    /// Its type depends on [`DecryptCall`]; a library for signing only may lack it.
    decrypt: Option<unsafe extern "C" fn()>,
    decrypt_call: DecryptCall,
    _library: Library,
}

/// 0 is right, everything else a number of the device.
fn outcome(number: u32) -> Result<(), u32> {
    if number == 0 { Ok(()) } else { Err(number) }
}

impl Calls {
    pub(super) fn load(path: &Path, decrypt_call: DecryptCall) -> Result<Self, SdfFault> {
        let fault = |error: libloading::Error| SdfFault::Library(error.to_string());
        // SAFETY: the library's own start-up code runs. The operator chose the file in the configuration, which only an
        // administrator can write, as he chose this program.
        let library = unsafe { Library::new(path) }.map_err(fault)?;
        macro_rules! symbol {
            ($name:literal) => {
                // SAFETY: the types are those of GM/T 0018 clause 6; the pointer is kept beside the library, which is
                // not unloaded before it.
                *unsafe { library.get($name) }.map_err(fault)?
            };
        }
        Ok(Self {
            open_device: symbol!(b"SDF_OpenDevice"),
            close_device: symbol!(b"SDF_CloseDevice"),
            open_session: symbol!(b"SDF_OpenSession"),
            close_session: symbol!(b"SDF_CloseSession"),
            claim: symbol!(b"SDF_GetPrivateKeyAccessRight"),
            release: symbol!(b"SDF_ReleasePrivateKeyAccessRight"),
            export_sign: symbol!(b"SDF_ExportSignPublicKey_ECC"),
            export_encrypt: symbol!(b"SDF_ExportEncPublicKey_ECC"),
            sign: symbol!(b"SDF_InternalSign_ECC"),
            // SAFETY: as above; it is called only after a cast to the type that the operator named.
            decrypt: unsafe { library.get(b"SDF_InternalDecrypt_ECC") }.ok().map(|symbol| *symbol),
            decrypt_call,
            _library: library,
        })
    }

    pub(super) fn open_device(&self) -> Result<Handle, u32> {
        let mut handle = std::ptr::null_mut();
        // SAFETY: the function writes one handle, for which there is room.
        outcome(unsafe { (self.open_device)(&raw mut handle) }).map(|()| handle)
    }

    /// # Safety
    /// `device` came from [`Calls::open_device`], is not closed, and is not used again.
    pub(super) unsafe fn close_device(&self, device: Handle) {
        // SAFETY: the caller's promise. An error while closing changes nothing for us.
        unsafe { (self.close_device)(device) };
    }

    /// # Safety
    /// `device` came from [`Calls::open_device`] and is not closed.
    pub(super) unsafe fn open_session(&self, device: Handle) -> Result<Handle, u32> {
        let mut handle = std::ptr::null_mut();
        // SAFETY: the caller's promise; the function writes one handle, for which there is room.
        outcome(unsafe { (self.open_session)(device, &raw mut handle) }).map(|()| handle)
    }

    /// # Safety
    /// `session` came from [`Calls::open_session`], is not closed, and is not used again.
    pub(super) unsafe fn close_session(&self, session: Handle) {
        // SAFETY: the caller's promise.
        unsafe { (self.close_session)(session) };
    }

    /// # Safety
    /// `session` is open and used by nobody else at the moment. So it is for all that follow.
    pub(super) unsafe fn claim(&self, session: Handle, index: u32, password: &[u8]) -> Result<(), u32> {
        let length = u32::try_from(password.len()).map_err(|_| 0_u32)?;
        // SAFETY: the caller's promise; the function reads `length` bytes.
        outcome(unsafe { (self.claim)(session, index, password.as_ptr(), length) })
    }

    /// # Safety
    /// As [`Calls::claim`].
    pub(super) unsafe fn release(&self, session: Handle, index: u32) {
        // SAFETY: the caller's promise.
        unsafe { (self.release)(session, index) };
    }

    /// # Safety
    /// As [`Calls::claim`].
    pub(super) unsafe fn export(&self, session: Handle, index: u32, sign: bool) -> Result<Point, u32> {
        let call = if sign { self.export_sign } else { self.export_encrypt };
        let mut point = Point { bits: 0, value: Value { first: [0; 64], second: [0; 64] } };
        // SAFETY: the caller's promise; the function writes one ECCrefPublicKey.
        outcome(unsafe { call(session, index, &raw mut point) }).map(|()| point)
    }

    /// # Safety
    /// As [`Calls::claim`].
    pub(super) unsafe fn sign(&self, session: Handle, index: u32, digest: &[u8; 32]) -> Result<Value, u32> {
        let mut value = Value { first: [0; 64], second: [0; 64] };
        // SAFETY: the caller's promise; the function reads 32 bytes and writes one ECCSignature.
        outcome(unsafe { (self.sign)(session, index, digest.as_ptr(), 32, &raw mut value) }).map(|()| value)
    }

    /// `cipher` is an ECCCipher as `session` lays it out; `output` has room for as many bytes as are hidden in it.
    /// Gives how many were written.
    ///
    /// # Safety
    /// As [`Calls::claim`], and what was said about `cipher` and `output`.
    pub(super) unsafe fn decrypt(
        &self,
        session: Handle,
        index: u32,
        cipher: &[u32],
        output: &mut [u8],
    ) -> Result<usize, u32> {
        // SDR_NOTSUPPORT.
        let Some(call) = self.decrypt else { return Err(0x0100_0002) };
        let mut length = u32::try_from(output.len()).map_err(|_| 0x0100_001d_u32)?;
        let (data, room) = (cipher.as_ptr().cast::<u8>(), output.as_mut_ptr());
        let number = match self.decrypt_call {
            DecryptCall::Index => {
                type Call = unsafe extern "C" fn(Handle, u32, *const u8, *mut u8, *mut u32) -> u32;
                // SAFETY: the operator says that the library's function has this type; both are function pointers.
                let call: Call = unsafe { std::mem::transmute(call) };
                // SAFETY: the caller's promise.
                unsafe { call(session, index, data, room, &raw mut length) }
            }
            order => {
                type Call = unsafe extern "C" fn(Handle, u32, u32, *const u8, *mut u8, *mut u32) -> u32;
                // SAFETY: the operator says that the library's function has this type; both are function pointers.
                let call: Call = unsafe { std::mem::transmute(call) };
                let (second, third) = match order {
                    DecryptCall::IndexAlgorithm => (index, SM2_ENCRYPTION),
                    _ => (SM2_ENCRYPTION, index),
                };
                // SAFETY: the caller's promise.
                unsafe { call(session, second, third, data, room, &raw mut length) }
            }
        };
        outcome(number)?;
        // A length beyond the room would mean that the library wrote beyond it; nothing after that is sound.
        usize::try_from(length).ok().filter(|length| *length <= output.len()).ok_or(0x0100_0001)
    }
}
