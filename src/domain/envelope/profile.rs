//! Where the partners depart from GB/T 35275, each under a name of its own.
//!
//! Sources: the programs of GmSSL 3.3 (`cms.c`) and emmansun/gmsm (`pkcs7`, `cfca`), and real licences. A profile is
//! chosen for a partner; nothing is guessed from a message.

use crate::domain::envelope::cipher::Form;
use crate::domain::sm::sm2::Order;

/// What a signature without attributes is made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hashed {
    /// The content alone, as the standard has it.
    Content,
    /// The whole inner ContentInfo, its headers included.
    ContentInfo,
}

/// How a recipient is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recipient {
    /// By the issuer and the number of his certificate.
    IssuerAndSerial,
    /// By the key identifier in his certificate.
    KeyIdentifier,
}

/// One partner's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What it is called in files and on the command line.
    pub name: &'static str,
    /// Whose way it is, for people.
    pub meaning: &'static str,
    pub(super) hashed: Hashed,
    pub(super) recipient: Recipient,
    pub(super) key_form: Form,
    /// Whether a signature may also be r ‖ s, 64 bytes, which one vendor of seals writes.
    pub(super) reads_raw_signatures: bool,
}

/// All of them; the first is the standard's.
pub const PROFILES: &[Profile] = &[
    Profile {
        name: "gbt35275",
        meaning: "GB/T 35275-2017 本身",
        hashed: Hashed::Content,
        recipient: Recipient::IssuerAndSerial,
        key_form: Form::Der,
        reads_raw_signatures: false,
    },
    Profile {
        name: "gmssl",
        meaning: "GmSSL 3：签名覆盖内层 ContentInfo 的头",
        hashed: Hashed::ContentInfo,
        recipient: Recipient::IssuerAndSerial,
        key_form: Form::Der,
        reads_raw_signatures: false,
    },
    Profile {
        name: "cfca",
        meaning: "CFCA SADK 3.2 及以上：以主体密钥标识指明接收者",
        hashed: Hashed::Content,
        recipient: Recipient::KeyIdentifier,
        key_form: Form::Der,
        reads_raw_signatures: false,
    },
    Profile {
        name: "cfca-legacy",
        meaning: "CFCA SADK 3.2 以前：会话密钥密文为 C1C2C3，且没有 04 前缀",
        hashed: Hashed::Content,
        recipient: Recipient::IssuerAndSerial,
        key_form: Form::Raw { order: Order::C1C2C3, marked: false },
        reads_raw_signatures: false,
    },
    Profile {
        name: "seal-raw",
        meaning: "个别签章厂商：SM2 签名值为 r‖s 共 64 字节",
        hashed: Hashed::Content,
        recipient: Recipient::IssuerAndSerial,
        key_form: Form::Der,
        reads_raw_signatures: true,
    },
];

impl Profile {
    /// The standard's.
    pub const STANDARD: &'static Self = &PROFILES[0];

    /// The one of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }
}
