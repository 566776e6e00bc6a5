//! What a check that did not pass means where, and what a matter may see: the policy of a gateway, as a file for people
//! who do not program.
//!
//! Four levels, after the constraints of ETSI EN 319 102-1: `fail` (不予采信), `warn`, `inform` (both only told), and
//! `ignore` (not looked at); and `review` (人工核实) between. What decides whether the bytes are the ones that were
//! signed by whom is fixed and cannot be made milder. Without a file, the built-in policy has no matters, and every code
//! its own weight.

mod reading;

use crate::domain::licence::check::Code;
use crate::domain::licence::check::Levels;
use crate::domain::licence::policy::reading::Reading;
use crate::domain::sm;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What policy files of this form are called.
const FORMAT: &str = "licence-policy/1";
/// Largest policy file in bytes.
pub const POLICY_BYTES_MAX: usize = 1 << 20;

/// Whether the issuing side is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveRule {
    /// 必须: without an answer a person has to look.
    Required,
    /// 尽量: asked where there is a source; without one, the file speaks for itself.
    Preferred,
    /// 不问.
    Off,
}

/// Which signatures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every one.
    All,
    /// Those that cover the whole document, where one of them passes.
    AnyComplete,
}

/// What holds for one matter (事项).
#[derive(Clone, Debug)]
pub struct Rule {
    /// What the matter is called.
    pub name: String,
    /// Type codes of the licences that are accepted; any, where there are none.
    pub kinds: Vec<String>,
    /// Names (GB/T 36903) of the values that the matter may see.
    pub fields: Vec<String>,
    /// What a copy (加注件) may say it is for, besides the matter's name.
    pub copy_purposes: Vec<String>,
    pub live: LiveRule,
    /// How old the issuing side's answer may be, in seconds.
    pub staleness_seconds: i64,
    /// For how long after its next update a trust list still leads to REVIEW rather than REJECT, in seconds.
    pub grace_seconds: i64,
    pub coverage: Coverage,
    pub(super) levels: Arc<Levels>,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            name: String::new(),
            kinds: Vec::new(),
            fields: Vec::new(),
            copy_purposes: Vec::new(),
            live: LiveRule::Preferred,
            staleness_seconds: 3_600,
            grace_seconds: 72 * 3_600,
            coverage: Coverage::All,
            levels: Arc::default(),
        }
    }
}

/// A policy.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    version: Option<String>,
    usual: Rule,
    matters: BTreeMap<String, Rule>,
}

impl Policy {
    /// Reads the text of a policy file; `file` is what faults call it.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<PolicyFault>> {
        let mut reading = Reading::new(file, text);
        let (usual, matters) = reading.whole();
        let faults = reading.into_faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self { version: Some(sm::hex(&sm::digest(text.as_bytes()))), usual, matters })
    }

    /// SM3 of the file it was read from, in hexadecimal; none for the built-in policy.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The rule of a matter; none where the policy does not know it.
    pub fn matter(&self, code: &str) -> Option<&Rule> {
        self.matters.get(code)
    }

    /// The rule where no matter is named.
    pub const fn usual(&self) -> &Rule {
        &self.usual
    }

    /// The codes of the matters and their rules.
    pub fn matters(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.matters.iter().map(|(code, rule)| (code.as_str(), rule))
    }
}

/// One thing that is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFault {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub kind: PolicyFaultKind,
    /// What was found, in Chinese.
    pub found: String,
    /// What is expected, in Chinese.
    pub expected: String,
}

/// The kinds of faults; the numbers are shown as `V` and three digits and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyFaultKind {
    /// 不合 TOML 语法.
    Syntax = 1,
    /// 不认识的键.
    UnknownKey = 2,
    /// 缺少必填的键.
    MissingKey = 3,
    /// 值的类型不对.
    WrongType = 4,
    /// 数值超出范围.
    OutOfRange = 5,
    /// 不是可选的词.
    NotAChoice = 6,
    /// 不认识的检查代码.
    UnknownCode = 7,
    /// 检查不可放宽.
    Fixed = 8,
    /// 证照类型代码不对.
    BadKind = 9,
    /// 不是字段名.
    BadField = 10,
    /// 文件过大或条目过多.
    TooLarge = 11,
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, kind, found, expected } = self;
        write!(formatter, "{file}:{line}:{column} 错误 V{:03}：{found}", *kind as u16)?;
        if expected.is_empty() { Ok(()) } else { write!(formatter, "；应为{expected}") }
    }
}

impl Code {
    /// Whether a policy may give this check a milder level than its own. Not where the check decides whether the bytes
    /// are what was signed, by whom, and whether that was allowed.
    pub const fn is_adjustable(self) -> bool {
        matches!(
            self,
            Self::OfdMissingFile
                | Self::OfdNamespace
                | Self::SigOrphaned
                | Self::SigCoverageUnsignedEntry
                | Self::SesUnknownCriticalExt
                | Self::SigvalueRaw64
                | Self::SesLegacyVersion
                | Self::NoSeal
                | Self::SealExpiredNow
                | Self::SealTypeNotAllowed
                | Self::CertUnknownCriticalExt
                | Self::CertExpiredNow
                | Self::CertRevocationUnknown
                | Self::CertRevocationStale
                | Self::SigTimeMismatch
                | Self::TspMalformed
                | Self::TspUntrusted
                | Self::NoTimestamp
                | Self::LicIdSyntax
                | Self::LicIdCheckChar
                | Self::LicIdUncomputable
                | Self::LicTypeUnknown
                | Self::LicHolderCode
                | Self::LicNotYetValid
                | Self::LicExpired
                | Self::LicDate
                | Self::LicCopyExpired
                | Self::LicCopyPurpose
                | Self::LicState
                | Self::LicStateNotActive
                | Self::LicStateSuspended
                | Self::LicStateExpired
                | Self::LicStateCancelled
                | Self::LicStateWithdrawn
                | Self::LicStateRevoked
                | Self::LicStateTransferred
                | Self::LicStateSuperseded
                | Self::LicStateUnknown
                | Self::PolicySourceUnavailable
                | Self::PolicyMatterUnknown
        )
    }
}
