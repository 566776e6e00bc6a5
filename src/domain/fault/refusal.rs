//! An error that the other side answered in its own words, and what it means for the message that was sent.

use super::Fault;

/// The other side's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Row of the table `fault`.
    pub canonical: &'static str,
    /// Their code, at most 32 characters.
    pub code: String,
    /// Their sentence, at most 200 characters.
    pub text: String,
    /// False where the table does not have the code; then nobody knows what it means.
    pub known: bool,
}

impl Refusal {
    /// The fault that it is. Only a row that says so is a no: whatever may hide a yes is [`Fault::PeerUnsure`], so that
    /// nobody sends a money message a second time on its account.
    pub fn fault(self) -> Fault {
        match self.canonical {
            _ if !self.known => Fault::PeerUnsure(self),
            "bad_format" | "missing_field" | "code_unmapped" | "auth_failed" | "sign_invalid" | "forbidden"
            | "not_found" => Fault::Refused(self),
            "duplicate" | "in_process" => Fault::AlreadyThere(self),
            "rate_limited" | "peer_busy" => Fault::NotTaken(self),
            _ => Fault::PeerUnsure(self),
        }
    }

    /// What the clerk reads of it, and may do.
    pub(super) fn window_text(&self, advice: &str) -> String {
        let Self { code, text, .. } = self;
        let text = if text.trim().is_empty() { "（没有说明）" } else { text };
        format!("对方系统返回：{text}（{code}），{advice}")
    }

    /// What to do after a no.
    pub(super) fn advice(&self) -> &'static str {
        match self.canonical {
            "auth_failed" | "sign_invalid" | "forbidden" => "对方没有受理，请联系网关运维",
            "not_found" => "请核对所填内容",
            _ => "对方没有受理，请更正后用新编号重新提交",
        }
    }
}

impl Fault {
    /// The error of the other side, where it is one.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal)
            | Self::PeerUnsure(refusal)
            | Self::NotTaken(refusal)
            | Self::AlreadyThere(refusal) => Some(refusal),
            _ => None,
        }
    }
}
