//! Certificate, key, issuers and revocation lists as the sections about TLS name them.
//!
//! It deliberately judges no certificate: `edge::tls` does, and what it finds is told here at the right place.

use crate::domain::key::file;
use crate::domain::key::file::FileFault;
use crate::domain::key::{Key as Handle, KeyId};
use crate::domain::masked::Masked;
use crate::domain::x509::Certificate;
use crate::edge::config::files::Files;
use crate::edge::config::keys;
use crate::edge::config::problem::Kind;
use crate::edge::config::reader::{Document, Place, Placed, Section};
use crate::edge::keys::{Half, KeyRing, SoftwareKey};
use crate::edge::tls::{Fault, Key, Own, Pair, Trust};
use std::sync::Arc;

/// A file by its name and what is in it.
struct Named {
    name: Placed<String>,
    bytes: Masked<Vec<u8>>,
}

/// A private key, by the file or the name that the section gives it.
struct OwnKey {
    name: Placed<String>,
    source: Source,
}

enum Source {
    /// Of another algorithm than SM2, or damaged: `edge::tls` says what it is worth.
    Pem(Masked<Vec<u8>>),
    Handle(Arc<dyn Handle>),
}

/// The files of one family of TLS.
pub(super) struct Credentials {
    certificate: Option<Named>,
    key: Option<OwnKey>,
    trust: Option<Named>,
    revocation: Option<Named>,
    /// For TLCP.
    encryption_certificate: Option<Named>,
    encryption_key: Option<OwnKey>,
    /// Where the section uses what only SM2 keys have.
    handles: Option<Place>,
    /// False when something is missing or cannot be read, which was reported. What is there is still worth a look.
    complete: bool,
}

/// Names of the keys that differ between sections.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub(super) trust: &'static str,
    pub(super) revocation: &'static str,
    /// Whether there may be SM2 keys, so an encryption certificate, passwords and key names.
    pub(super) national: bool,
}

/// How one pair of certificate and key is named.
struct Words {
    certificate: &'static str,
    key: &'static str,
    password: &'static str,
    ring: &'static str,
    half: Half,
    /// What to say when one of the pair is not there.
    hint: &'static str,
}

const OWN: Words = Words {
    certificate: "certificate_file",
    key: "key_file",
    password: "key_password_file",
    ring: "keys",
    half: Half::Sign,
    hint: "证书与私钥要成对写",
};
const ENCRYPTION: Words = Words {
    certificate: "encryption_certificate_file",
    key: "encryption_key_file",
    password: "encryption_key_password_file",
    ring: "encryption_keys",
    half: Half::Encrypt,
    hint: "加密证书与私钥要成对写",
};

/// Whether the section says something of an encryption certificate.
pub(super) fn has_encryption(section: &Section<'_, '_>) -> bool {
    [ENCRYPTION.certificate, ENCRYPTION.key, ENCRYPTION.ring].into_iter().any(|key| section.has(key))
}

impl Credentials {
    /// Reads what the section names. Certificate and key come together; `own_required`: they must be there.
    pub(super) fn take(section: &mut Section<'_, '_>, files: &Files<'_>, keys: Keys, own_required: bool) -> Self {
        let mut taken = Taken { section, files, national: keys.national, complete: true };
        let (certificate, key) = taken.pair(&OWN, own_required);
        let (trust, revocation) = (taken.file(keys.trust), taken.file(keys.revocation));
        let (encryption_certificate, encryption_key) =
            if keys.national { taken.pair(&ENCRYPTION, false) } else { (None, None) };
        let complete = taken.complete;
        let handles = [OWN, ENCRYPTION].into_iter().flat_map(|words| [words.ring, words.password]);
        let handles = handles.filter(|key| keys.national && section.has(key)).map(|key| section.place_of(key)).next();
        Self { certificate, key, trust, revocation, encryption_certificate, encryption_key, handles, complete }
    }

    /// What is made of these files, if all of them were there; faults are told at the name of the file to blame.
    pub(super) fn judge<T>(&self, document: &Document<'_>, made: Result<T, Vec<Fault>>, mismatch: &str) -> Option<T> {
        match made {
            Ok(made) => self.complete.then_some(made),
            Err(faults) => {
                for fault in faults {
                    self.report(document, fault, mismatch);
                }
                None
            }
        }
    }

    /// Our own certificate and key, where they are named.
    pub(super) fn own(&self) -> Option<Own<'_>> {
        own(self.certificate.as_ref(), self.key.as_ref())
    }

    /// Both pairs for TLCP, where they are named.
    pub(super) fn pair(&self) -> Option<Pair<'_>> {
        let encryption = own(self.encryption_certificate.as_ref(), self.encryption_key.as_ref())?;
        Some(Pair { signing: self.own()?, encryption })
    }

    /// Whether one of our own keys may wait for a device.
    pub(super) fn may_wait(&self) -> bool {
        let keys = [&self.key, &self.encryption_key].into_iter().flatten();
        keys.into_iter().any(|key| matches!(&key.source, Source::Handle(key) if key.may_wait()))
    }

    /// Whom to trust; nobody where no issuers are named.
    pub(super) fn trust(&self) -> Trust<'_> {
        Trust { issuers: bytes(self.trust.as_ref()).unwrap_or_default(), revocation: bytes(self.revocation.as_ref()) }
    }

    /// Reports passwords and key names where the protocol is international: its keys are plain PEM files.
    pub(super) fn refuse_handles(&self, document: &Document<'_>) -> bool {
        if let Some(place) = &self.handles {
            let found = "国际算法的私钥不能加密存放，也不能取自 [[key]]";
            document.error(place, Kind::Conflict, found, "PEM 格式、不加密的 key_file", "口令与密钥名称只用于国密协议");
        }
        self.handles.is_some()
    }

    fn report(&self, document: &Document<'_>, fault: Fault, mismatch: &str) {
        let certificate = self.certificate.as_ref().map(|named| &named.name);
        let key = self.key.as_ref().map(|key| &key.name);
        let encryption = self.encryption_certificate.as_ref().map(|named| &named.name);
        let (name, found) = match fault {
            Fault::NoCertificate => (certificate, "文件中没有可用的证书"),
            Fault::BadCertificate => (certificate, "证书不能用：含有不认识的关键扩展，或编码有误"),
            Fault::NoKey => (key, "文件中没有可用的私钥"),
            Fault::Mismatch => (key, mismatch),
            Fault::NotForSigning => (certificate, "证书的密钥用途（keyUsage）不含数字签名"),
            Fault::NoEncryption => (encryption, "加密证书与它的私钥不能用：不是一对、不是 SM2，或密钥用途不含加密"),
            Fault::DifferentSubjects => (encryption, "加密证书与签名证书的主体不同"),
            Fault::NoTrust => (self.trust.as_ref().map(|named| &named.name), "文件中没有可用的签发机构证书"),
            Fault::NoRevocation => (self.revocation.as_ref().map(|named| &named.name), "文件中没有可用的证书吊销列表"),
        };
        let Some(name) = name else { return };
        let found = format!("{}：{found}", name.value);
        document.error(&name.place, Kind::BadCertificate, found, "PEM 格式的证书与私钥", "");
    }
}

/// A section while its keys are read.
struct Taken<'s, 'd, 't, 'f> {
    section: &'s mut Section<'d, 't>,
    files: &'s Files<'f>,
    national: bool,
    complete: bool,
}

impl Taken<'_, '_, '_, '_> {
    /// The file that `key` names; one that is there and gives nothing was reported.
    fn file(&mut self, key: &'static str) -> Option<Named> {
        let name = self.section.text(key);
        let there = self.section.has(key);
        let document = self.section.document();
        let named = name.and_then(|name| Some(Named { bytes: self.files.bytes(document, &name)?, name }));
        self.complete &= named.is_some() == there;
        named
    }

    fn pair(&mut self, words: &Words, required: bool) -> (Option<Named>, Option<OwnKey>) {
        let has_certificate = self.section.has(words.certificate);
        let has_ring = self.national && self.section.has(words.ring);
        let has_key = has_ring || self.section.has(words.key);
        let needed = required || has_certificate || has_key;
        for (key, there) in [(words.certificate, has_certificate), (words.key, has_key)] {
            if needed && !there {
                self.section.missing(key, if has_certificate || has_key { words.hint } else { "" });
            }
        }
        self.complete &= !needed || has_certificate && has_key;
        let certificate = self.file(words.certificate);
        let key = if self.national { self.key(words, certificate.as_ref()) } else { self.pem(words) };
        self.complete &= key.is_some() == has_key;
        (certificate, key)
    }

    fn pem(&mut self, words: &Words) -> Option<OwnKey> {
        let (name, document) = (self.section.text(words.key)?, self.section.document());
        let source = Source::Pem(self.files.private(document, &name)?);
        Some(OwnKey { name, source })
    }

    /// An SM2 key: from its file, or the one of the ring that belongs to the certificate.
    fn key(&mut self, words: &Words, certificate: Option<&Named>) -> Option<OwnKey> {
        let password = keys::secret_of(self.section, self.files, words.password);
        let names = self.section.texts(words.ring);
        let document = self.section.document();
        if self.section.has(words.ring) {
            let mut stray = false;
            for other in [words.key, words.password].into_iter().filter(|key| self.section.has(key)) {
                let found = format!("{} 与 {other} 同时写了", words.ring);
                document.error(&self.section.place_of(other), Kind::Conflict, found, "写其中一种", "");
                stray = true;
            }
            self.section.text(words.key);
            return self.of_ring(words, &names, certificate).filter(|_| !stray);
        }
        if self.section.has(words.password) && !self.section.has(words.key) {
            self.section.missing(words.key, "写了口令文件，没有写私钥文件");
        }
        let name = self.section.text(words.key)?;
        let bytes = self.files.private(document, &name)?;
        let source = match file::read(bytes.reveal(), None) {
            // PEM or DER, PKCS#8 or SEC1: all are read in one place.
            Ok(key) if !self.section.has(words.password) => Source::Handle(Arc::new(SoftwareKey::new(key))),
            Err(fault) if fault != FileFault::NeedsPassword && !self.section.has(words.password) => Source::Pem(bytes),
            _ => Source::Handle(keys::open(document, self.files, &name, password?.as_ref(), words.password)?),
        };
        Some(OwnKey { name, source })
    }

    /// New and old keys stand side by side while certificates are changed: the certificate says which one is used.
    fn of_ring(&self, words: &Words, names: &[Placed<String>], certificate: Option<&Named>) -> Option<OwnKey> {
        let document = self.section.document();
        let store = self.files.keys.get()?;
        // All of them, so that everything wrong is told at once.
        let found: Vec<_> = names.iter().map(|name| store.resolve(document, name, words.half)).collect();
        let place = self.section.place_of(words.ring);
        if names.is_empty() {
            document.error(&place, Kind::Conflict, format!("{} 是空的", words.ring), "至少一把密钥的名称", "");
        }
        let mut all = found.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
        let ring = KeyRing::new(all.next()?, all.collect());
        let certificates = Certificate::all(certificate?.bytes.reveal()).unwrap_or_default();
        let wanted = certificates.first().and_then(Certificate::public).map(KeyId::of);
        let Some(key) = wanted.map_or(Some(ring.current()), |id| ring.find(id)) else {
            let ids: Vec<String> = ring.ids().map(|id| id.to_string()).collect();
            let found = format!("{} 中没有证书的那一把密钥：有 {}", words.ring, ids.join("、"));
            let wanted = wanted.map_or_else(String::new, |id| format!("标识为 {id} 的密钥"));
            document.error(&place, Kind::KeyUnusable, found, wanted, "换证书时，新旧密钥都列上");
            return None;
        };
        let at = ring.ids().position(|id| id == key.id()).unwrap_or(0);
        let name = names.get(at).cloned()?;
        Some(OwnKey { name, source: Source::Handle(Arc::clone(key)) })
    }
}

fn own<'a>(certificate: Option<&'a Named>, key: Option<&'a OwnKey>) -> Option<Own<'a>> {
    let key = match &key?.source {
        Source::Pem(bytes) => Key::Pem(bytes.reveal()),
        Source::Handle(key) => Key::Handle(Arc::clone(key)),
    };
    Some(Own { certificate: certificate?.bytes.reveal(), key })
}

fn bytes(named: Option<&Named>) -> Option<&[u8]> {
    named.map(|named| named.bytes.reveal().as_slice())
}

/// What a pair that does not fit is told with.
pub(super) const INTERNATIONAL_MISMATCH: &str = "私钥与证书不是一对，或算法不受支持";
pub(super) const SM_MISMATCH: &str = "私钥与证书不是一对，或不是 SM2";
