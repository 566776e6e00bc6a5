//! Why a licence call gets no result: stable codes, the texts beside them, and the status of a sharing platform.
//!
//! A verdict is never here: a forged licence is an answer, a call that cannot be answered is a refusal.

use crate::domain::fault::Fault;
use crate::edge::licences::CodeState;
use crate::edge::licences::StoreFault;
use crate::exchange::Answer;
use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::header::RETRY_AFTER;
use serde_json::Value;
use serde_json::json;

macro_rules! refusals {
    ($($name:ident $code:literal $status:literal $share:literal $text:literal $action:literal;)*) => {
        /// The kinds of refusals; a code never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $($name,)* }

        impl Kind {
            /// The stable code.
            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// `head.status` of a sharing platform's answer.
            pub(crate) const fn share_status(self) -> u16 {
                match self { $(Self::$name => $share,)* }
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            const fn action(self) -> &'static str {
                match self { $(Self::$name => $action,)* }
            }
        }
    };
}

refusals! {
    Schema "REQ.SCHEMA" 400 12 "请求的字段不符合要求" "请按 faults 逐项改正后重新提交";
    Path "REQ.PATH" 404 99 "没有这个证照接口" "请核对请求路径";
    Method "REQ.METHOD" 405 99 "请求方法不对" "请按接口说明使用 GET、POST 或 PUT";
    TooLarge "REQ.TOO_LARGE" 413 12 "文件或请求过大" "证照文件最大 20 MiB，请核对文件";
    AuthMissing "AUTH.MISSING" 401 11 "没有可用的身份凭据或用证码" "请核对应用标识、签名、证书，或重新取得用证码";
    Matter "AUTH.MATTER_NOT_ALLOWED" 403 100 "没有为这个事项使用证照的权限" "请核对事项编码；需要时请网关管理员授权";
    CodeUsed "AUTH.CODE_USED" 409 100 "用证码已经用过" "一个用证码只能用一次，请重新取得";
    CodeExpired "AUTH.CODE_EXPIRED" 410 100 "用证码已过期" "请重新取得用证码";
    NotFound "SRC.NOT_FOUND" 404 10 "没有找到证照" "请核对证照标识、持证主体代码和证照类型";
    Ambiguous "SRC.AMBIGUOUS" 409 99 "找到多个证照，不能确定是哪一个" "请补充证照标识或证照编号";
    NotProvided "SRC.NOT_PROVIDED" 501 2 "没有接入证照来源" "请使用上传文件的核验接口，或请网关管理员接入来源";
    BadAnswer "SRC.BAD_ANSWER" 502 99 "证照来源给出的内容不能用" "请稍后重试；仍不行请联系网关管理员";
    SourceTimeout "SRC.TIMEOUT" 504 99 "证照来源没有及时答复" "请稍后重试；仍不行请联系网关管理员检查来源与线路";
    Limited "RATE.LIMITED" 429 99 "请求过于频繁" "请按 Retry-After 给出的秒数等待";
    ListExpired "TRUST.LIST_EXPIRED" 503 99 "信任清单已过期" "请网关管理员更新信任清单";
    ListRefused "TRUST.LIST_REFUSED" 422 99 "信任清单不能采用" "请核对签名、省份、序号与有效期后重新提交";
    Busy "SYS.BUSY" 503 99 "网关繁忙" "请稍后重试";
    Store "SYS.STORE" 503 99 "证照库不能写入，网关停止受理证照业务" "请联系网关管理员检查磁盘后重启";
    Internal "SYS.INTERNAL" 500 99 "网关内部错误" "请联系网关管理员";
}

/// One field that is not as it must be. It never holds the field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldFault {
    pub(super) field: String,
    pub(super) text: String,
}

/// A call that is refused.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) kind: Kind,
    /// What exactly, in Chinese; empty where the kind says it all.
    pub(super) detail: String,
    pub(super) faults: Vec<FieldFault>,
    pub(super) retry_after: Option<u32>,
}

impl From<Kind> for Refusal {
    fn from(kind: Kind) -> Self {
        Self { kind, detail: String::new(), faults: Vec::new(), retry_after: None }
    }
}

impl From<StoreFault> for Refusal {
    fn from(_: StoreFault) -> Self {
        Kind::Store.into()
    }
}

impl From<Fault> for Refusal {
    /// What was wrong before the call was looked at.
    fn from(fault: Fault) -> Self {
        let kind = match &fault {
            Fault::CredentialsMissing { .. }
            | Fault::UnknownCaller
            | Fault::WrongSignature
            | Fault::ClockOutside { .. }
            | Fault::NonceReplayed => Kind::AuthMissing,
            Fault::NotPermitted { .. } => Kind::Matter,
            Fault::LimitExceeded { .. } => Kind::TooLarge,
            Fault::RateLimited { .. } | Fault::DailyCountReached { .. } => Kind::Limited,
            Fault::Overloaded | Fault::Draining => Kind::Busy,
            Fault::Malformed { .. } | Fault::BodyTimeout | Fault::BodyIncomplete => Kind::Schema,
            _ => Kind::Internal,
        };
        let retry_after = match fault {
            Fault::RateLimited { retry_after_seconds } | Fault::DailyCountReached { retry_after_seconds } => {
                Some(retry_after_seconds)
            }
            Fault::Overloaded => Some(1),
            _ => None,
        };
        Self { kind, detail: fault.window_text(), faults: Vec::new(), retry_after }
    }
}

impl Refusal {
    /// A refusal for fields.
    pub(super) fn fields(faults: Vec<FieldFault>) -> Self {
        Self { faults, ..Kind::Schema.into() }
    }

    /// One field's.
    pub(super) fn field(field: &str, text: &str) -> Self {
        Self::fields(vec![FieldFault { field: field.to_owned(), text: text.to_owned() }])
    }

    /// The same with what exactly is wrong.
    pub(super) fn with(kind: Kind, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..kind.into() }
    }

    pub(super) fn limited(seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..Kind::Limited.into() }
    }

    /// What a code that is not good means.
    ///
    /// # Errors
    /// Unless the code is good.
    pub(super) fn of_code(state: CodeState) -> Result<(), Self> {
        match state {
            CodeState::Good => Ok(()),
            CodeState::Unknown => {
                Err(Self::with(Kind::AuthMissing, "用证码不存在，或不是为本系统、本办件、本证照取得的"))
            }
            CodeState::OtherMatter => Err(Self::with(Kind::Matter, "用证码是为另一个事项取得的")),
            CodeState::Used => Err(Kind::CodeUsed.into()),
            CodeState::Expired => Err(Kind::CodeExpired.into()),
        }
    }

    /// What is told: the kind's text, and what exactly.
    pub(super) fn text(&self) -> String {
        let text = self.kind.text();
        if self.detail.is_empty() { text.to_owned() } else { format!("{text}：{}", self.detail) }
    }

    /// The answer to the call.
    pub(super) fn answer(&self, request_id: Option<&str>) -> Answer {
        let faults: Vec<Value> =
            self.faults.iter().map(|fault| json!({ "field": fault.field, "textZh": fault.text })).collect();
        let mut answer = json_answer(
            self.kind.status(),
            &json!({
                "code": self.kind.code(),
                "textZh": self.text(),
                "actionZh": self.kind.action(),
                "faults": faults,
                "requestId": request_id,
            }),
        );
        if let Some(seconds) = self.retry_after {
            answer.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

/// An answer with a JSON body, which nobody on the way may keep.
pub(super) fn json_answer(status: u16, body: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer { status, headers, body: Bytes::from(body.to_string()) }
}
