//! What is asked about a licence: whom to trust, by which policy, at what time, for which matter, and what others know.
//!
//! Nothing of it is looked up here: the archive's word and the issuing side's word come in as arguments.

use crate::domain::licence::policy::Policy;
use crate::domain::licence::trust::Trust;
use crate::domain::masked::Masked;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// One question about one file.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    pub trust: &'a Trust,
    pub policy: &'a Policy,
    /// The time of validation, in seconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// The code of the matter (事项编码) that the licence is used for.
    pub matter: Option<&'a str>,
    /// The earliest moment at which our own archive knew the SM3 of the file, in seconds since 1970-01-01T00:00:00Z.
    pub proof: Option<i64>,
    /// What the issuing side said; none when it was not asked.
    pub live: Option<&'a Live>,
    pub expect: Expect,
    /// Type codes of the catalogue (证照目录); none where no catalogue is loaded, and any well-formed type is taken.
    pub kinds: Option<&'a BTreeSet<String>>,
}

impl<'a> Question<'a> {
    /// The plain question: is it right, at the time `at`?
    pub fn new(trust: &'a Trust, policy: &'a Policy, at: i64) -> Self {
        Self { trust, policy, at, matter: None, proof: None, live: None, expect: Expect::default(), kinds: None }
    }
}

/// What the caller already knows of the licence; what is none is not compared.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// 证照类型代码 (ZZLXDM).
    pub kind: Option<String>,
    /// 持证主体代码 (CZZTDM).
    pub holder: Option<Masked<String>>,
    /// 持证主体代码类型代码 (CZZTDMLXDM), GB/T 36903 annex A: 111, 001, …
    pub holder_kind: Option<String>,
}

/// What the issuing side answered about the licence of this file.
#[derive(Clone, Debug)]
pub enum Live {
    /// It could not be asked, or did not answer.
    Unavailable,
    Answered(Word),
}

/// The issuing side's word about one licence.
#[derive(Clone, Debug)]
pub struct Word {
    pub state: State,
    /// 证照标识 (ZZBS) that the answer is about.
    pub identifier: String,
    /// Values by the names of GB/T 36903 (ZZLXDM, CZZT, CZZTDM, ZZYXQJZRQ, …); those that are there are compared.
    pub fields: Masked<BTreeMap<String, String>>,
    /// When it was given, in seconds since 1970-01-01T00:00:00Z.
    pub at: i64,
}

/// The state of a licence (证照状态). Sources write it in several ways; this is what they are led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// 有效.
    Valid,
    /// 未激活.
    NotActive,
    /// 暂扣、冻结、受限.
    Suspended,
    /// 过期失效.
    Expired,
    /// 注销.
    Cancelled,
    /// 撤销.
    Withdrawn,
    /// 吊销.
    Revoked,
    /// 转出.
    Transferred,
    /// 变更、补换: another licence stands for it.
    Superseded,
    /// The source has no word for it, or does not know the licence.
    Unknown,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Valid,
        Self::NotActive,
        Self::Suspended,
        Self::Expired,
        Self::Cancelled,
        Self::Withdrawn,
        Self::Revoked,
        Self::Transferred,
        Self::Superseded,
        Self::Unknown,
    ];

    /// The word in reports: `VALID`, `NOT_ACTIVE`, …
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::NotActive => "NOT_ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::Expired => "EXPIRED",
            Self::Cancelled => "CANCELLED",
            Self::Withdrawn => "WITHDRAWN",
            Self::Revoked => "REVOKED",
            Self::Transferred => "TRANSFERRED",
            Self::Superseded => "SUPERSEDED",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The state of a word as [`State::word`] gives it, in either case; none for any other.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word().eq_ignore_ascii_case(word))
    }
}

/// What a licence says, from files under an intact signature only. For use inside the process; it is never printed.
#[derive(Clone, Default)]
pub struct Facts {
    pub(super) values: BTreeMap<String, Vec<String>>,
}

impl std::fmt::Debug for Facts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Facts({} values)", self.values.len())
    }
}

impl Facts {
    /// The value of a name of GB/T 36903 (`CZZT`, `ZZYXQJZRQ`, `KZ_…`); the first, where there are several.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// All values of a name: several holders are several values.
    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.values.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// 证照标识.
    pub fn identifier(&self) -> Option<&str> {
        self.get("ZZBS")
    }

    /// 证照类型代码.
    pub fn kind(&self) -> Option<&str> {
        self.get("ZZLXDM")
    }

    /// 证照颁发机构代码.
    pub fn authority(&self) -> Option<&str> {
        self.get("ZZBFJGDM")
    }

    /// 证照颁发机构.
    pub fn authority_name(&self) -> Option<&str> {
        self.get("ZZBFJG")
    }

    /// 持证主体.
    pub fn holder(&self) -> Option<&str> {
        self.get("CZZT")
    }

    /// 持证主体代码.
    pub fn holder_code(&self) -> Option<&str> {
        self.get("CZZTDM")
    }

    /// 持证主体代码类型代码.
    pub fn holder_kind(&self) -> Option<&str> {
        self.get("CZZTDMLXDM")
    }
}
