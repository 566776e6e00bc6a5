//! Where SM2 keys come from: files, and cryptographic devices behind SDF (GM/T 0018).
//!
//! | part | file |
//! | --- | --- |
//! | a key in this process's memory | `software` |
//! | a key inside a device | `sdf` |
//! | several keys of one purpose, one of them in use | `ring` |
//! | keeping memory out of core dumps | `guard` |
//!
//! A configuration names files, never keys or passwords. The private half of a software key lives in one place, is
//! wiped when it goes, and is shown by nothing.

mod guard;
mod ring;
mod sdf;
mod software;

pub use crate::edge::keys::guard::keep_memory_private;
pub use crate::edge::keys::ring::KeyRing;
pub use crate::edge::keys::sdf::CallOutcome;
pub use crate::edge::keys::sdf::DecryptCall;
pub use crate::edge::keys::sdf::Device;
pub use crate::edge::keys::sdf::DeviceKey;
pub use crate::edge::keys::sdf::DeviceSettings;
pub use crate::edge::keys::sdf::Half;
pub use crate::edge::keys::sdf::Operation;
pub use crate::edge::keys::sdf::SdfFault;
pub use crate::edge::keys::sdf::Watch;
pub use crate::edge::keys::software::SoftwareKey;

use crate::domain::key::Key;
use crate::domain::key::file;
use crate::domain::key::file::FileFault;
use crate::edge::trouble::in_words;
use std::fmt;
use std::io;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Longest password file.
const PASSWORD_BYTES_MAX: usize = 4 << 10;

/// Why a key file gives no key.
#[derive(Debug)]
pub enum OpenFault {
    /// The file, or that of the password, cannot be read.
    Io(io::Error),
    /// What is in it is no key that is read.
    File(FileFault),
}

impl fmt::Display for OpenFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(formatter, "文件读不出：{}", in_words(error)),
            Self::File(fault) => fault.fmt(formatter),
        }
    }
}

impl std::error::Error for OpenFault {}

/// The key in a file, PEM or DER, plain or encrypted; the password is the content of its own file, a line end at its
/// end left out.
///
/// # Errors
/// When a file cannot be read, or holds no SM2 key that opens.
pub fn open_file(path: &Path, password_file: Option<&Path>) -> Result<Arc<dyn Key>, OpenFault> {
    let bytes = secret(path, file::FILE_BYTES_MAX).map_err(OpenFault::Io)?;
    let password = password_file.map(password).transpose().map_err(OpenFault::Io)?;
    let key = file::read(&bytes, password.as_ref().map(|password| password.as_slice())).map_err(OpenFault::File)?;
    Ok(Arc::new(SoftwareKey::new(key)))
}

/// The self-test of the cryptography ([`crate::domain::key::self_test`]), with randomness of the operating system.
///
/// # Errors
/// A text that says what did not work.
pub fn self_test() -> Result<(), String> {
    let mut noise = [0; 32];
    crate::edge::clock::random(&mut noise).map_err(|error| format!("操作系统没有给出随机数：{error}"))?;
    crate::domain::key::self_test(&noise).map_err(|fault| fault.to_string())
}

/// The password in a file.
///
/// # Errors
/// When it cannot be read, or is empty or too long.
pub fn password(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = secret(path, PASSWORD_BYTES_MAX)?;
    while bytes.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
        bytes.pop();
    }
    if bytes.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "口令文件是空的"));
    }
    Ok(bytes)
}

/// The bytes of a file, read into memory that never moves while it grows and is wiped in the end.
///
/// # Errors
/// When it cannot be read, or has more than `bytes_max`.
pub fn secret(path: &Path, bytes_max: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = std::fs::File::open(path)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(bytes_max + 1));
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "文件过大"));
    }
    Ok(bytes)
}
