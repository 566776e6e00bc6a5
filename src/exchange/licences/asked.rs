//! What every call says of itself: for which matter and case, at which window, by whom, on which ground.

use super::fields::Fields;
use super::fields::Form;
use crate::domain::licence::Expect;
use crate::domain::masked::Masked;

/// Grounds of use: the holder's consent, an agent's mandate, the office's duty.
pub(super) const GROUNDS: [&str; 3] = ["consent", "entrust", "duty"];

/// The part that all uses of a licence have.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) request_id: Option<String>,
    pub(super) matter: String,
    pub(super) case_number: String,
    pub(super) window: String,
    pub(super) operator: Masked<String>,
    pub(super) ground: &'static str,
}

impl Common {
    pub(super) fn read(fields: &mut Fields) -> Self {
        let common = Self {
            request_id: fields.optional("requestId", 64, Form::Code),
            matter: fields.required("matter", 64, Form::Code),
            case_number: fields.required("caseNo", 64, Form::Code),
            window: fields.required("window", 64, Form::Code),
            operator: Masked::new(fields.required("operator", 128, Form::Free)),
            ground: fields.choice("ground", &GROUNDS, true),
        };
        // Asked for, since whoever uses a licence must know why; free text, so it is neither believed nor kept.
        let _ = fields.required("useCause", 200, Form::Free);
        common
    }
}

/// What the caller already knows of the licence.
pub(super) fn expect(fields: &mut Fields) -> Expect {
    Expect {
        kind: fields.optional("expect.ZZLXDM", 21, Form::Code),
        holder: fields.optional("expect.CZZTDM", 64, Form::Free).map(Masked::new),
        holder_kind: fields.optional("expect.CZZTDMLXDM", 3, Form::Code),
    }
}

/// A one-time code, which never shows itself.
pub(super) fn code(fields: &mut Fields, must: bool) -> Option<Masked<String>> {
    let code = if must {
        Some(fields.required("authCode", 64, Form::Code))
    } else {
        fields.optional("authCode", 64, Form::Code)
    };
    code.filter(|code| !code.is_empty()).map(Masked::new)
}
