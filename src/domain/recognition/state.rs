//! The states of a licence, one list for all sides.

/// What a licence is worth now, as its issuing authority says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    Valid,
    /// 未激活
    NotActive,
    /// 暂扣、冻结、受限
    Suspended,
    /// 过期失效
    Expired,
    /// 注销
    Cancelled,
    /// 撤销
    Withdrawn,
    /// 吊销
    Revoked,
    /// 转出
    Transferred,
    /// 变更、补换: there is a new identifier.
    Superseded,
    Unknown,
}

impl State {
    /// All of them, in this order.
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

    /// The canonical word.
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

    /// The word for the clerk.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Valid => "有效",
            Self::NotActive => "未激活",
            Self::Suspended => "暂扣、冻结或受限",
            Self::Expired => "过期失效",
            Self::Cancelled => "注销",
            Self::Withdrawn => "撤销",
            Self::Revoked => "吊销",
            Self::Transferred => "转出",
            Self::Superseded => "变更或补换",
            Self::Unknown => "不明",
        }
    }

    /// By its canonical word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}
