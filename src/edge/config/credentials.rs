//! Certificate, key, issuers and revocation lists as the sections about TLS name them.
//!
//! It deliberately judges no certificate: `edge::tls` does, and what it finds is told here at the right place.

use crate::domain::masked::Masked;
use crate::edge::config::files::Files;
use crate::edge::config::problem::Kind;
use crate::edge::config::reader::{Document, Placed, Section};
use crate::edge::tls::{Fault, Key, Own, Pair, Trust};

/// A file by its name and what is in it.
pub(super) struct Named {
    name: Placed<String>,
    bytes: Masked<Vec<u8>>,
}

/// The files of one family of TLS.
pub(super) struct Credentials {
    certificate: Option<Named>,
    key: Option<Named>,
    trust: Option<Named>,
    revocation: Option<Named>,
    /// Encryption certificate and key, for TLCP.
    encryption: [Option<Named>; 2],
    /// False when something is missing or cannot be read, which was reported. What is there is still worth a look.
    complete: bool,
}

/// Names of the keys that differ between sections.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub(super) trust: &'static str,
    pub(super) revocation: &'static str,
    /// Whether there may be an encryption certificate.
    pub(super) encryption: bool,
}

const ENCRYPTION_KEYS: [&str; 2] = ["encryption_certificate_file", "encryption_key_file"];

impl Credentials {
    /// Reads what the section names. Certificate and key come together; `own_required`: they must be there.
    pub(super) fn take(section: &mut Section<'_, '_>, files: &Files<'_>, keys: Keys, own_required: bool) -> Self {
        let document = section.document();
        let pair = [section.has("certificate_file"), section.has("key_file")];
        let needed = own_required || pair.contains(&true);
        for (key, there) in ["certificate_file", "key_file"].into_iter().zip(pair) {
            if needed && !there {
                let hint = if pair.contains(&true) { "证书与私钥要成对写" } else { "" };
                section.missing(key, hint);
            }
        }
        let mut complete = !needed || pair == [true, true];
        let mut read = |key| {
            let name = section.text(key)?;
            let bytes = files.bytes(document, &name);
            complete &= bytes.is_some();
            Some(Named { name, bytes: bytes? })
        };
        let (certificate, key) = (read("certificate_file"), read("key_file"));
        let (trust, revocation) = (read(keys.trust), read(keys.revocation));
        let mut encryption = [None, None];
        if keys.encryption {
            encryption = ENCRYPTION_KEYS.map(&mut read);
        }
        let pair = ENCRYPTION_KEYS.map(|key| keys.encryption && section.has(key));
        for (key, there) in ENCRYPTION_KEYS.into_iter().zip(pair) {
            if pair.contains(&true) && !there {
                section.missing(key, "加密证书与私钥要成对写");
                complete = false;
            }
        }
        // A key that is there and gave nothing was of the wrong type, which is reported too.
        let typed = section.has("certificate_file") == certificate.is_some()
            && section.has("key_file") == key.is_some()
            && section.has(keys.trust) == trust.is_some()
            && section.has(keys.revocation) == revocation.is_some()
            && pair == [encryption[0].is_some(), encryption[1].is_some()];
        Self { certificate, key, trust, revocation, encryption, complete: complete && typed }
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
        let (certificate, key) = self.certificate.as_ref().zip(self.key.as_ref())?;
        Some(Own { certificate: certificate.bytes.reveal(), key: Key::Pem(key.bytes.reveal()) })
    }

    /// Both pairs for TLCP, where they are named.
    pub(super) fn pair(&self) -> Option<Pair<'_>> {
        let [certificate, key] = &self.encryption;
        let encryption = (bytes(certificate.as_ref())?, bytes(key.as_ref())?);
        Some(Pair { signing: self.own()?, encryption })
    }

    /// Whom to trust; nobody where no issuers are named.
    pub(super) fn trust(&self) -> Trust<'_> {
        Trust { issuers: bytes(self.trust.as_ref()).unwrap_or_default(), revocation: bytes(self.revocation.as_ref()) }
    }

    fn report(&self, document: &Document<'_>, fault: Fault, mismatch: &str) {
        let (named, found) = match fault {
            Fault::NoCertificate => (&self.certificate, "文件中没有可用的证书"),
            Fault::NoKey => (&self.key, "文件中没有可用的私钥"),
            Fault::Mismatch => (&self.key, mismatch),
            Fault::NotForSigning => (&self.certificate, "证书的密钥用途（keyUsage）不含数字签名"),
            Fault::NoEncryption => {
                (&self.encryption[0], "加密证书与它的私钥不能用：不是一对、不是 SM2，或密钥用途不含加密")
            }
            Fault::DifferentSubjects => (&self.encryption[0], "加密证书与签名证书的主体不同"),
            Fault::NoTrust => (&self.trust, "文件中没有可用的签发机构证书"),
            Fault::NoRevocation => (&self.revocation, "文件中没有可用的证书吊销列表"),
        };
        let Some(Named { name, .. }) = named else { return };
        let found = format!("{}：{found}", name.value);
        document.error(&name.place, Kind::BadCertificate, found, "PEM 格式的证书与私钥", "");
    }
}

fn bytes(named: Option<&Named>) -> Option<&[u8]> {
    named.map(|named| named.bytes.reveal().as_slice())
}

/// What a pair that does not fit is told with.
pub(super) const INTERNATIONAL_MISMATCH: &str = "私钥与证书不是一对，或算法不受支持";
pub(super) const SM_MISMATCH: &str = "私钥与证书不是一对，或不是 SM2";
