//! Keys inside a cryptographic device, behind the C interface SDF of GM/T 0018.
//!
//! The vendor's shared library is loaded when it is needed. The digest e is made here and the device gets 32 bytes; it
//! is asked for signatures, for opening ciphertexts and for public keys, and for nothing else: verifying, SM3 and SM4
//! are done in software. A session serves one call at a time; when all are in use another is opened, up to a limit. A
//! session that reports an error of the device itself is closed, and the call is made once more on a new one.
//!
//! Every call is made on a thread of the device's own and has a deadline (`desk`): a device that hangs costs its callers
//! that time, and after a few failures in a row nothing, because it rests (`breaker`).

mod breaker;
mod calls;
mod desk;
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
use crate::edge::keys::sdf::desk::CallFault;
use crate::edge::keys::sdf::desk::Desk;
use crate::edge::keys::sdf::session::OpenDevice;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;
use std::sync::mpsc;
use std::time::Duration;
use zeroize::Zeroizing;

pub use crate::edge::keys::sdf::calls::DecryptCall;
pub use crate::edge::keys::sdf::desk::CallOutcome;
pub use crate::edge::keys::sdf::desk::Operation;
pub use crate::edge::keys::sdf::desk::Watch;

/// How a device is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceSettings {
    /// How its library wants to be asked to decrypt.
    pub decrypt: DecryptCall,
    /// Calls under way at a time, each on a session and a thread of its own.
    pub sessions_max: usize,
    /// Longest time that a caller waits for a call.
    pub deadline: Duration,
}

impl Default for DeviceSettings {
    fn default() -> Self {
        Self { decrypt: DecryptCall::Index, sessions_max: 4, deadline: Duration::from_secs(2) }
    }
}

/// Why a device gives no key.
#[derive(Debug)]
pub enum SdfFault {
    /// The library cannot be loaded, or lacks a function.
    Library(String),
    /// The device reports an error (GM/T 0018 annex A).
    Device(u32),
    /// The device gave a public key that is no point of the curve.
    BadKey,
    /// The device does not answer in time.
    TimedOut,
    /// The device failed again and again and is left alone for a while.
    Refused,
}

impl From<CallFault> for SdfFault {
    fn from(fault: CallFault) -> Self {
        match fault {
            CallFault::Device(number) => Self::Device(number),
            CallFault::TimedOut => Self::TimedOut,
            CallFault::Refused => Self::Refused,
        }
    }
}

impl From<CallFault> for KeyFault {
    fn from(fault: CallFault) -> Self {
        match fault {
            CallFault::Device(number) => Self::Unavailable(number),
            CallFault::TimedOut | CallFault::Refused => Self::Unavailable(0),
        }
    }
}

impl fmt::Display for SdfFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(reason) => write!(formatter, "密码设备的接口库无法装入：{reason}"),
            Self::Device(number) => write!(formatter, "密码设备报错 {number:#010x}：{}", meaning(*number)),
            Self::BadKey => formatter.write_str("密码设备给出的公钥无效"),
            Self::TimedOut => formatter.write_str("密码设备在时限内没有应答"),
            Self::Refused => formatter.write_str("密码设备连续失败，暂停使用几秒"),
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
pub struct Device(Arc<Desk>);

/// The devices that are open, by their library and settings.
static OPEN: Mutex<Vec<(PathBuf, DeviceSettings, Weak<Desk>)>> = Mutex::new(Vec::new());

impl Device {
    /// Loads the vendor's library and opens its device.
    ///
    /// # Errors
    /// When the library cannot be loaded or the device does not open.
    pub fn open(library: &Path, settings: &DeviceSettings) -> Result<Self, SdfFault> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let (path, decrypt) = (library.to_owned(), settings.decrypt);
        let opening = move || drop(sender.send(OpenDevice::open(&path, decrypt)));
        // A device that hangs while it is opened keeps this thread and not the caller.
        std::thread::Builder::new().name("sdf".into()).spawn(opening).map_err(|_| SdfFault::TimedOut)?;
        let device = receiver.recv_timeout(settings.deadline).map_err(|_| SdfFault::TimedOut)??;
        Ok(Self(Arc::new(Desk::new(device, settings))))
    }

    /// The same device as before where it is in use with these settings, or else [`Device::open`]: a reload of the
    /// configuration opens no device a second time.
    ///
    /// # Errors
    /// As [`Device::open`].
    pub fn shared(library: &Path, settings: &DeviceSettings) -> Result<Self, SdfFault> {
        let path = std::fs::canonicalize(library).unwrap_or_else(|_| library.to_owned());
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(.., desk)| desk.strong_count() > 0);
        let same = open.iter().find(|(other, with, _)| *other == path && with == settings);
        if let Some(desk) = same.and_then(|(.., desk)| desk.upgrade()) {
            return Ok(Self(desk));
        }
        let device = Self::open(&path, settings)?;
        open.push((path, *settings, Arc::downgrade(&device.0)));
        Ok(device)
    }

    /// From now on `watch` is told of every call. The first one stays.
    pub fn watch(&self, watch: Arc<dyn Watch>) {
        self.0.watch(watch);
    }

    /// The key at `index`. `password` is the access password of the private key, where the device wants one.
    ///
    /// # Errors
    /// When there is no such key, or the password is wrong.
    pub fn key(&self, index: u32, half: Half, password: Option<Zeroizing<Vec<u8>>>) -> Result<DeviceKey, SdfFault> {
        let password = password.map(Arc::new);
        let asked = password.clone();
        let point = self.0.call(Operation::Find, move |session| {
            let point = session.export(index, half)?;
            if let Some(password) = &asked {
                // Asked for once here so that a wrong password is told now and not with the first exchange.
                session.claim(index, password)?;
            }
            Ok(point)
        })?;
        let public = public_of(&point).ok_or(SdfFault::BadKey)?;
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
    device: Arc<Desk>,
    index: u32,
    half: Half,
    password: Option<Arc<Zeroizing<Vec<u8>>>>,
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

    fn may_wait(&self) -> bool {
        true
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature, KeyFault> {
        if self.half != Half::Sign {
            return Err(KeyFault::Unsupported);
        }
        let (index, password, digest_to_sign) = (self.index, self.password.clone(), *digest);
        let value = self.device.call(Operation::Sign, move |session| {
            session.claim_once(index, password.as_deref().map(|password| &**password))?;
            session.sign(index, &digest_to_sign)
        })?;
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
        let (index, password, hidden) = (self.index, self.password.clone(), hidden.to_vec());
        let opened = self.device.call(Operation::Decrypt, move |session| {
            session.claim_once(index, password.as_deref().map(|password| &**password))?;
            session.decrypt(index, &point, &digest, &hidden)
        });
        opened.map_err(|fault| match fault {
            // Wrong ciphertexts are reported as failed private-key operations or as bad arguments or data.
            CallFault::Device(0x0100_000c | 0x0100_0015 | 0x0100_0016 | 0x0100_0019 | 0x0100_001d) => KeyFault::Wrong,
            fault => fault.into(),
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
