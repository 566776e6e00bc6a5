//! The sections `[[key]]` and `[device.NAME]`: private SM2 keys by name, in files or in cryptographic devices.
//!
//! It deliberately holds no password in the configuration: a file has it. What is wrong with a key is told at the key
//! that names it, and never with anything that is in it.

use crate::domain::key::file;
use crate::domain::key::{Key, KeyId};
use crate::edge::config::files::Files;
use crate::edge::config::problem::Kind;
use crate::edge::config::reader::{Document, Place, Placed, Section};
use crate::edge::config::{Names, milliseconds, size};
use crate::edge::keys::{DecryptCall, Device, DeviceSettings, Half, SoftwareKey};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A device has some hundred places for keys.
const INDEX_MAX: u64 = 65_535;

/// The keys and devices that a configuration declares.
pub(super) struct Store {
    names: Names,
    keys: Vec<Option<Declared>>,
    devices: Vec<(String, Option<Device>)>,
}

struct Declared {
    source: Source,
    /// Where to tell what is wrong with it.
    place: Place,
    /// The id that it must have.
    id: Option<KeyId>,
}

enum Source {
    File(Arc<dyn Key>),
    Device { device: Device, index: u32, pin: Option<Zeroizing<Vec<u8>>> },
}

impl Store {
    /// Reads both kinds of sections.
    pub(super) fn check(root: &mut Section<'_, '_>, files: &Files<'_>) -> Self {
        let devices = root.section("device").map(Section::tables).unwrap_or_default();
        let devices = devices.into_iter().map(|(name, section)| (name, device(section, files))).collect();
        let mut store = Self { names: Names::new("key"), keys: Vec::new(), devices };
        for section in root.sections("key") {
            let key = store.declare(section, files);
            store.keys.push(key);
        }
        store
    }

    /// The devices that opened, by name.
    pub(super) fn devices(&self) -> Vec<(String, Device)> {
        self.devices.iter().filter_map(|(name, device)| Some((name.clone(), device.clone()?))).collect()
    }

    /// The key that `name` names; of a device the half that is asked for.
    pub(super) fn resolve(&self, document: &Document<'_>, name: &Placed<String>, half: Half) -> Option<Arc<dyn Key>> {
        let declared = self.keys.get(self.names.resolve(document, name)?)?.as_ref()?;
        let key: Arc<dyn Key> = match &declared.source {
            Source::File(key) => Arc::clone(key),
            Source::Device { device, index, pin } => match device.key(*index, half, pin.clone()) {
                Ok(key) => Arc::new(key),
                Err(fault) => {
                    let found = format!("密钥 {} 不能用：{fault}", name.value);
                    document.error(&declared.place, Kind::KeyUnusable, found, "设备中有这个索引的密钥，口令正确", "");
                    return None;
                }
            },
        };
        if let Some(id) = declared.id.filter(|id| *id != key.id()) {
            let found = format!("密钥 {} 的标识是 {}，写的是 {id}", name.value, key.id());
            document.error(&declared.place, Kind::KeyUnusable, found, "标识与密钥相符", "密钥换过时，标识也要改");
            return None;
        }
        Some(key)
    }

    fn declare(&mut self, mut section: Section<'_, '_>, files: &Files<'_>) -> Option<Declared> {
        let document = section.document();
        let name = self.names.declare(&mut section);
        let place = section.place().clone();
        let (has_file, has_device) = (section.has("file"), section.has("device"));
        let id = key_id(&mut section);
        if has_file == has_device {
            let found = if has_file { "既写了 file，又写了 device" } else { "没有写明密钥在哪里" };
            document.error(&place, Kind::Conflict, found, "file 与 device 写一个", "");
        }
        let source = if has_device { self.in_device(&mut section, files) } else { in_file(&mut section, files) };
        section.finish();
        (name.is_some() && has_file != has_device).then_some(())?;
        Some(Declared { source: source?, place, id: id? })
    }

    fn in_device(&self, section: &mut Section<'_, '_>, files: &Files<'_>) -> Option<Source> {
        let document = section.document();
        let name = section.text("device");
        let index = section.number_optional("index", 1..INDEX_MAX + 1);
        if !section.has("index") {
            section.missing("index", "密钥在设备中的索引");
        }
        let pin = secret_of(section, files, "pin_file");
        let name = name?;
        let Some((_, device)) = self.devices.iter().find(|(declared, _)| *declared == name.value) else {
            let found = format!("{} 没有在 [device.{}] 中声明", name.value, name.value);
            document.error(&name.place, Kind::Undeclared, found, "已声明的 [device.名称]", "");
            return None;
        };
        Some(Source::Device { device: device.clone()?, index: u32::try_from(index?).ok()?, pin: pin? })
    }
}

/// `Some(None)`: not written.
#[expect(clippy::option_option, reason = "outside: reported fault; inside: not written")]
fn key_id(section: &mut Section<'_, '_>) -> Option<Option<KeyId>> {
    let Some(text) = section.text("id") else { return (!section.has("id")).then_some(None) };
    let id = KeyId::parse(&text.value);
    if id.is_none() {
        let found = format!("id = \"{}\"", text.value);
        section.document().error(&text.place, Kind::BadName, found, "16 位小写十六进制的密钥标识", "");
    }
    id.map(Some)
}

/// The password in the file that `key` names. `Some(None)`: no such key.
#[expect(clippy::option_option, reason = "outside: reported fault; inside: not written")]
pub(super) fn secret_of(
    section: &mut Section<'_, '_>,
    files: &Files<'_>,
    key: &'static str,
) -> Option<Option<Zeroizing<Vec<u8>>>> {
    let Some(name) = section.text(key) else { return (!section.has(key)).then_some(None) };
    let mut password = Zeroizing::new(files.private(section.document(), &name)?.into_inner());
    while password.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
        password.pop();
    }
    if password.is_empty() {
        let found = format!("口令文件 {} 是空的", name.value);
        section.document().error(&name.place, Kind::KeyUnusable, found, "一行口令", "");
        return None;
    }
    Some(Some(password))
}

fn in_file(section: &mut Section<'_, '_>, files: &Files<'_>) -> Option<Source> {
    let name = section.text("file");
    let password = secret_of(section, files, "password_file");
    let key = open(section.document(), files, &name?, password?.as_ref(), "password_file")?;
    Some(Source::File(key))
}

/// The SM2 key in a file; `password_key` is where a password would be named.
pub(super) fn open(
    document: &Document<'_>,
    files: &Files<'_>,
    name: &Placed<String>,
    password: Option<&Zeroizing<Vec<u8>>>,
    password_key: &str,
) -> Option<Arc<dyn Key>> {
    let bytes = Zeroizing::new(files.private(document, name)?.into_inner());
    match file::read(&bytes, password.map(|password| password.as_slice())) {
        Ok(key) => Some(Arc::new(SoftwareKey::new(key))),
        Err(fault) => {
            let hint = match fault {
                file::FileFault::NeedsPassword => format!("口令放在文件里，用 {password_key} 写明文件名"),
                _ => String::new(),
            };
            let found = format!("{}：{fault}", name.value);
            document.error(&name.place, Kind::KeyUnusable, found, "SM2 私钥文件，PKCS#8", hint);
            None
        }
    }
}

fn device(mut section: Section<'_, '_>, files: &Files<'_>) -> Option<Device> {
    let document = section.document();
    let library = section.text_required("library");
    let orders = [
        ("index", DecryptCall::Index),
        ("index-algorithm", DecryptCall::IndexAlgorithm),
        ("algorithm-index", DecryptCall::AlgorithmIndex),
    ];
    let settings = DeviceSettings {
        decrypt: section.choice("decrypt_call", &orders, DecryptCall::Index),
        sessions_max: size(section.number("sessions_max", 1..257, 4)),
        deadline: milliseconds(&mut section, "deadline_ms", 2_000),
    };
    section.finish();
    let library = library?;
    match Device::shared(&files.path(&library.value), &settings) {
        Ok(device) => Some(device),
        Err(fault) => {
            let found = format!("{}：{fault}", library.value);
            document.error(&library.place, Kind::KeyUnusable, found, "能打开的密码设备", "");
            None
        }
    }
}
