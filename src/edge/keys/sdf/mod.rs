//! Keys inside a cryptographic device, behind the C interface SDF of GM/T 0018.
//!
//! The vendor's shared library is loaded when it is needed. The digest e is made here and the device gets 32 bytes; it
//! is asked for signatures, for opening ciphertexts and for public keys, and for nothing else: verifying, SM3 and SM4
//! are done in software. A session serves one call at a time; when all are in use another is opened, up to a limit. A
//! session that reports an error of the device itself is closed, and the call is made once more on a new one.
//!
//! Calls wait for the device. Who must not wait makes them on a thread that may.

mod calls;
mod session;

use crate::domain::asn;
use crate::domain::asn::Malformed;
use crate::domain::asn::Reader;
use crate::domain::key::Key;
use crate::domain::key::KeyFault;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::sm::sm2::Signature;
use crate::edge::keys::sdf::calls::Point;
use crate::edge::keys::sdf::calls::Value;
use crate::edge::keys::sdf::session::Sessions;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

pub use crate::edge::keys::sdf::calls::DecryptCall;

/// Why a device gives no key.
#[derive(Debug)]
pub enum SdfFault {
    /// The library cannot be loaded, or lacks a function.
    Library(String),
    /// The device reports an error (GM/T 0018 annex A).
    Device(u32),
    /// The device gave a public key that is no point of the curve.
    BadKey,
}

impl fmt::Display for SdfFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(reason) => write!(formatter, "密码设备的接口库无法装入：{reason}"),
            Self::Device(number) => write!(formatter, "密码设备报错 {number:#010x}：{}", meaning(*number)),
            Self::BadKey => formatter.write_str("密码设备给出的公钥无效"),
        }
    }
}

impl std::error::Error for SdfFault {}

/// What the commonest numbers of GM/T 0018 annex A mean.
const fn meaning(number: u32) -> &'static str {
    match number {
        0x0100_0002 => "不支持的接口",
        0x0100_0003 => "与设备通信失败",
        0x0100_0004 => "运算模块无响应",
        0x0100_0005 => "打开设备失败",
        0x0100_0006 => "创建会话失败",
        0x0100_0007 => "没有私钥使用权限，请检查私钥访问口令",
        0x0100_0008 => "密钥不存在，请检查密钥索引",
        0x0100_000c => "私钥运算失败",
        0x0100_000d => "签名运算失败",
        0x0100_001d => "参数错误",
        _ => "含义见设备手册",
    }
}

/// Errors of the device itself, after which a session is not used again: no communication, no answer, no session.
pub(super) const fn is_broken(number: u32) -> bool {
    matches!(number, 0x0100_0001 | 0x0100_0003..=0x0100_0006)
}

/// Which key of a pair: each index of a device holds one for signing and one for encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The one that signs.
    Sign,
    /// The one that opens.
    Encrypt,
}

/// A device that is open.
#[derive(Clone)]
pub struct Device(Arc<Sessions>);

impl Device {
    /// Loads the vendor's library and opens its device. At most `sessions_max` calls are under way at a time.
    ///
    /// # Errors
    /// When the library cannot be loaded or the device does not open.
    pub fn open(library: &Path, decrypt: DecryptCall, sessions_max: usize) -> Result<Self, SdfFault> {
        Ok(Self(Arc::new(Sessions::open(library, decrypt, sessions_max)?)))
    }

    /// The key at `index`. `password` is the access password of the private key, where the device wants one.
    ///
    /// # Errors
    /// When there is no such key, or the password is wrong.
    pub fn key(&self, index: u32, half: Half, password: Option<Zeroizing<Vec<u8>>>) -> Result<DeviceKey, SdfFault> {
        let point = self.0.with(|session| session.export(index, half)).map_err(SdfFault::Device)?;
        let public = public_of(&point).ok_or(SdfFault::BadKey)?;
        if let Some(password) = &password {
            // Asked for once here so that a wrong password is told now and not with the first exchange.
            self.0.with(|session| session.claim(index, password)).map_err(SdfFault::Device)?;
        }
        Ok(DeviceKey { device: self.0.clone(), index, half, password, public })
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Device")
    }
}

/// A key inside a device.
pub struct DeviceKey {
    device: Arc<Sessions>,
    index: u32,
    half: Half,
    password: Option<Zeroizing<Vec<u8>>>,
    public: PublicKey,
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DeviceKey({} {:?} {})", self.index, self.half, self.id())
    }
}

impl Key for DeviceKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature, KeyFault> {
        if self.half != Half::Sign {
            return Err(KeyFault::Unsupported);
        }
        let value = self.device.with(|session| {
            session.claim_once(self.index, self.password.as_deref())?;
            session.sign(self.index, digest)
        });
        let value = value.map_err(KeyFault::Unavailable)?;
        let joined = [narrow(&value.first), narrow(&value.second)];
        let [Some(r), Some(s)] = joined else { return Err(KeyFault::Unavailable(0)) };
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(r);
        bytes[32..].copy_from_slice(s);
        let signature = Signature::from_bytes(&bytes).map_err(|_| KeyFault::Unavailable(0))?;
        // A device that computes wrongly, or signs with another key, must not be believed.
        self.public.verify_digest(digest, &signature).map_err(|_| KeyFault::Unavailable(0))?;
        Ok(signature)
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        if self.half != Half::Encrypt {
            return Err(KeyFault::Unsupported);
        }
        let (point, digest, hidden) = parts_of(ciphertext).map_err(|Malformed| KeyFault::Wrong)?;
        let opened = self.device.with(|session| {
            session.claim_once(self.index, self.password.as_deref())?;
            session.decrypt(self.index, &point, &digest, hidden)
        });
        opened.map_err(|number| match number {
            // Wrong ciphertexts are reported as failed private-key operations or as bad arguments or data.
            0x0100_000c | 0x0100_0015 | 0x0100_0016 | 0x0100_0019 | 0x0100_001d => KeyFault::Wrong,
            number => KeyFault::Unavailable(number),
        })
    }

    fn agree(&self, _: &PublicKey) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
        // GM/T 0018 has the key exchange of GB/T 32918.3 only, never the bare point.
        Err(KeyFault::Unsupported)
    }
}

/// A value of up to 64 bytes, right-aligned, as the 32 bytes that SM2 needs.
fn narrow(wide: &[u8; 64]) -> Option<&[u8; 32]> {
    let (high, low) = wide.split_last_chunk()?;
    high.iter().all(|byte| *byte == 0).then_some(low)
}

fn public_of(point: &Point) -> Option<PublicKey> {
    let mut bytes = [4; 65];
    bytes[1..33].copy_from_slice(narrow(&point.value.first)?);
    bytes[33..].copy_from_slice(narrow(&point.value.second)?);
    PublicKey::from_bytes(&bytes).ok().filter(|_| point.bits == 256)
}

/// C1, C3 and C2 of a ciphertext in the form of GM/T 0009, C1 checked to lie on the curve before a device sees it.
fn parts_of(ciphertext: &[u8]) -> Result<(Value, [u8; 32], &[u8]), Malformed> {
    let mut inside = Reader::of_sequence(ciphertext)?;
    let mut value = Value { first: [0; 64], second: [0; 64] };
    for place in [&mut value.first, &mut value.second] {
        let magnitude = inside.unsigned()?;
        let start = 64_usize.checked_sub(magnitude.len()).filter(|start| *start >= 32).ok_or(Malformed)?;
        place[start..].copy_from_slice(magnitude);
    }
    let digest = inside.value(asn::tag::OCTETS)?.try_into().map_err(|_| Malformed)?;
    let hidden = inside.octets()?;
    inside.finish()?;
    let point = Point { bits: 256, value };
    public_of(&point).ok_or(Malformed)?;
    Ok((point.value, digest, hidden))
}
