//! Every way an exchange can fail, in one table.
//!
//! A variant carries facts; the sentences are made from the facts in one place each:
//! [`Fault::window_text`] for the clerk (Chinese, says what to do), `Display` for the log (English),
//! [`Entry::operator`] as a hint for the ops team. Numbers are never reused.
//!
//! Ranges: 100 form of the request, 200 mapping and codes, 300 identity and trust, 400 limits,
//! 500 the other city, 600 ledger, 900 ours.

mod facts;
mod log;
mod plain;
mod refusal;
mod text;

pub use facts::ContentPart;
pub use facts::Unknown;
pub use plain::is_plain;
pub use plain::may_show_return;
pub use refusal::Refusal;
use std::borrow::Cow;

/// Whose move it is to put the fault right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// 窗口或来文系统: the caller.
    Window,
    /// 对方城市: the system that was called.
    OtherCity,
    /// 网关: this program or its configuration.
    Gateway,
}

impl Side {
    /// The side as the clerk reads it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Window => "本窗口",
            Self::OtherCity => "对方城市",
            Self::Gateway => "网关",
        }
    }
}

/// What the caller may do with the same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not without a change to the request.
    Never,
    /// The same request with the same idempotency key, at once or later.
    SameKey,
    /// The same request after that many seconds.
    AfterSeconds(u32),
    /// Ask for the result first; a money request is never sent again blindly.
    QueryFirst,
}

/// One line of the table: what is fixed for a kind of fault.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Stable number, shown as `J` and three digits.
    pub number: u16,
    /// Stable name, used as a metric label and in the docs.
    pub name: &'static str,
    /// HTTP status for dialects that use one.
    pub status: u16,
    /// Whose move it is.
    pub side: Side,
    /// What the caller may do.
    pub retry: Retry,
    /// Row of the code table `fault`, which gives each dialect's own return code.
    pub canonical: &'static str,
    /// Hint for the ops team, in Chinese.
    pub operator: &'static str,
}

/// A fault of one field. All of a message are gathered before it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// Where in the message, in the words of the side that sent it.
    pub path: String,
    /// The field's Chinese name, or empty.
    pub title: String,
    /// What is wrong.
    pub what: FieldFaultKind,
}

/// What is wrong with a field. No variant holds the field's value except codes, which are not personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldFaultKind {
    /// 201: required and missing, null or empty.
    Missing,
    /// 202: the code has no counterpart on the other side.
    NoCounterpart { table: String, code: String, from: String, to: String },
    /// 203: the text does not have the declared form.
    WrongForm { expected: String },
    /// 204: longer than the target takes.
    TooLong { max: usize, unit: LengthUnit },
    /// 205: a character that the target charset lacks.
    Unencodable { character: char, charset: &'static str },
    /// 206: two sides of a declared sum differ.
    SumDiffers { rule: String },
    /// 207: a declared count is not the number of items.
    CountDiffers { declared: String, found: usize },
    /// 208: the digest does not fit the content.
    DigestDiffers,
    /// 209: more digits than the target can hold.
    PrecisionLost { expected: String },
    /// 210: two dates stand in the wrong order.
    OrderDiffers { rule: String },
    /// 211: an identifier that is none of its kind: check character, date, division or shape.
    BadIdentifier { kind: &'static str, reason: &'static str },
    /// 212: the date lies past the loaded calendar.
    BeyondCalendar { last: String },
    /// 213: the member stands twice.
    Duplicate,
    /// 214: any other declared rule.
    RuleBroken { rule: String },
    /// 311: the licence is not to be accepted; stable codes and sentences of what did not pass, the weightiest first.
    LicenceRejected { reasons: Vec<(&'static str, &'static str)> },
    /// 312: a person has to look at the licence; as above.
    LicenceInDoubt { reasons: Vec<(&'static str, &'static str)> },
    /// 313: the source has no such licence.
    LicenceUnknown,
    /// 314: the licence is good, and the other side has nothing that it is equal to.
    LicenceUnequal { table: &'static str, value: String, from: String, to: String },
    /// 315: the source did not answer in time, or its answer is no use.
    LicenceUnavailable { reason: &'static str },
}

/// Unit of a length limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthUnit {
    Bytes,
    Characters,
}

impl FieldFault {
    /// Stable number of the kind.
    pub const fn number(&self) -> u16 {
        match self.what {
            FieldFaultKind::Missing => 201,
            FieldFaultKind::NoCounterpart { .. } => 202,
            FieldFaultKind::WrongForm { .. } => 203,
            FieldFaultKind::TooLong { .. } => 204,
            FieldFaultKind::Unencodable { .. } => 205,
            FieldFaultKind::SumDiffers { .. } => 206,
            FieldFaultKind::CountDiffers { .. } => 207,
            FieldFaultKind::DigestDiffers => 208,
            FieldFaultKind::PrecisionLost { .. } => 209,
            FieldFaultKind::OrderDiffers { .. } => 210,
            FieldFaultKind::BadIdentifier { .. } => 211,
            FieldFaultKind::BeyondCalendar { .. } => 212,
            FieldFaultKind::Duplicate => 213,
            FieldFaultKind::RuleBroken { .. } => 214,
            FieldFaultKind::LicenceRejected { .. } => 311,
            FieldFaultKind::LicenceInDoubt { .. } => 312,
            FieldFaultKind::LicenceUnknown => 313,
            FieldFaultKind::LicenceUnequal { .. } => 314,
            FieldFaultKind::LicenceUnavailable { .. } => 315,
        }
    }

    /// The row of the code table `fault` for this kind.
    pub const fn canonical(&self) -> &'static str {
        match self.what {
            FieldFaultKind::Missing => "missing_field",
            FieldFaultKind::NoCounterpart { .. } | FieldFaultKind::LicenceUnequal { .. } => "code_unmapped",
            FieldFaultKind::LicenceUnknown => "not_found",
            FieldFaultKind::LicenceUnavailable { .. } => "peer_busy",
            _ => "bad_format",
        }
    }
}

/// A fault of a whole exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    // 100: form of the request
    Malformed {
        format: &'static str,
        offset: usize,
        reason: &'static str,
    },
    WrongCharset {
        charset: &'static str,
        offset: usize,
    },
    LimitExceeded {
        what: &'static str,
        limit: usize,
    },
    DoctypeRefused {
        offset: usize,
    },
    WrongContentType {
        part: ContentPart,
        expected: &'static str,
    },
    UnknownPath,
    WrongMethod {
        expected: &'static str,
    },
    BodyTimeout,
    BodyIncomplete,
    KeyMissing {
        paths: String,
    },
    // 200: mapping and codes
    Fields {
        faults: Vec<FieldFault>,
        more: usize,
    },
    UnknownMatter {
        code: String,
        what: Unknown,
    },
    NotServed {
        matter: String,
        city: String,
    },
    // 300: identity and trust
    CredentialsMissing {
        header: Cow<'static, str>,
    },
    UnknownCaller,
    WrongSignature,
    ClockOutside {
        window_seconds: u32,
        /// False where what was sent cannot be a number of milliseconds.
        is_milliseconds: bool,
    },
    NonceReplayed,
    NotPermitted {
        matter: String,
    },
    /// The licences that the message carries: each that cannot be used, with its place in the message.
    LicencesRefused {
        faults: Vec<FieldFault>,
        more: usize,
    },
    /// Licences could not be fetched; none of them was found to be wrong.
    LicencesUnavailable {
        faults: Vec<FieldFault>,
        more: usize,
    },
    LicenceUseNotPermitted {
        matter: String,
    },
    // 400: limits
    RateLimited {
        retry_after_seconds: u32,
    },
    DailyCountReached {
        retry_after_seconds: u32,
    },
    Overloaded,
    // 500: the other city
    NotDelivered {
        reason: &'static str,
    },
    BreakerOpen {
        retry_after_seconds: u32,
    },
    DeadlinePassed,
    ConnectionLost,
    AnswerUnreadable {
        reason: &'static str,
    },
    AnswerTooLarge {
        limit: usize,
    },
    AnswerWrong {
        faults: Vec<FieldFault>,
        more: usize,
    },
    AnswerStatus {
        status: u16,
    },
    /// The other side said no. This and the next three are made by [`Refusal::fault`].
    Refused(Refusal),
    /// Its error leaves open what it did with the message, or is none that the table knows.
    PeerUnsure(Refusal),
    /// It says that it did not take the message.
    NotTaken(Refusal),
    /// It says that it has the same case already.
    AlreadyThere(Refusal),
    /// A request whose second execution changes nothing got no answer that is of use; `cause` says why.
    AskAgain {
        cause: Box<Fault>,
    },
    // 600: ledger
    LedgerUnavailable,
    StillInProgress,
    KeyReused,
    OutcomeUnknown,
    /// The key with another content, while nobody knows what came of the first.
    KeyUnsettled,
    /// The outcome was unknown, and somebody has found out that the other side did it.
    ResolvedDone,
    /// The outcome was unknown, and somebody has found out that the other side did not do it.
    ResolvedNotDone,
    // 900: ours
    Internal {
        reason: &'static str,
    },
    Draining,
}

/// Most field faults that one refusal lists; further ones are counted.
pub const FIELD_FAULTS_MAX: usize = 100;

/// Rows of the code table `fault`, in the order of the table. The other side's errors are told in these words.
pub const CANONICAL: &[&str] = &[
    "bad_format",
    "missing_field",
    "code_unmapped",
    "auth_failed",
    "sign_invalid",
    "forbidden",
    "not_found",
    "duplicate",
    "in_process",
    "rate_limited",
    "peer_busy",
    "peer_timeout",
    "peer_error",
    "gateway_error",
];

/// The row of [`CANONICAL`] with that name, or `peer_error`.
pub fn canonical(name: &str) -> &'static str {
    CANONICAL.iter().find(|row| **row == name).copied().unwrap_or("peer_error")
}

macro_rules! entries {
    ($($constant:ident = $number:literal $name:literal $status:literal $side:ident $retry:expr, $canonical:literal, $operator:literal;)*) => {
        $(const $constant: Entry = Entry {
            number: $number, name: $name, status: $status, side: Side::$side, retry: $retry,
            canonical: $canonical, operator: $operator,
        };)*
        /// The whole table, in the order of the numbers.
        pub const TABLE: &[Entry] = &[$($constant),*];
    };
}

entries! {
    MALFORMED = 101 "malformed" 400 Window Retry::Never, "bad_format", "对照位置查看来文；常见于截断、手工拼接的报文";
    WRONG_CHARSET = 102 "wrong_charset" 400 Window Retry::Never, "bad_format", "核对系统档案中的字符集与来文声明";
    LIMIT_EXCEEDED = 103 "limit_exceeded" 413 Window Retry::Never, "bad_format", "确有需要时在系统档案的 limits 中放宽";
    DOCTYPE_REFUSED = 104 "doctype_refused" 400 Window Retry::Never, "bad_format", "DTD 一律拒绝，防止实体攻击";
    WRONG_CONTENT_TYPE = 105 "wrong_content_type" 415 Window Retry::Never, "bad_format", "核对对方发送的 Content-Type";
    UNKNOWN_PATH = 106 "unknown_path" 404 Window Retry::Never, "not_found", "核对 services.csv 中的路径";
    WRONG_METHOD = 107 "wrong_method" 405 Window Retry::Never, "bad_format", "业务接口只接受 POST";
    BODY_TIMEOUT = 108 "body_timeout" 408 Window Retry::SameKey, "bad_format", "来文传输过慢；检查线路或放宽 body_timeout_ms";
    BODY_INCOMPLETE = 109 "body_incomplete" 400 Window Retry::SameKey, "bad_format", "来文未传完连接已断";
    KEY_MISSING = 110 "key_missing" 400 Window Retry::Never, "missing_field", "来文缺少幂等编号，网关无法保证不重复";
    FIELDS = 200 "fields_refused" 422 Window Retry::Never, "bad_format", "逐条见各字段错误；代码无对应时检查码表";
    UNKNOWN_MATTER = 220 "unknown_matter" 404 Window Retry::Never, "not_found", "核对事项目录与 services.csv";
    NOT_SERVED = 221 "not_served" 404 Window Retry::Never, "not_found", "对方城市没有开通该事项，或没有配置其系统";
    CREDENTIALS_MISSING = 301 "credentials_missing" 401 Window Retry::Never, "auth_failed", "来文未带签名头，也没有客户端证书";
    UNKNOWN_CALLER = 302 "unknown_caller" 401 Window Retry::Never, "auth_failed", "应用标识或证书未在配置中登记";
    WRONG_SIGNATURE = 303 "wrong_signature" 401 Window Retry::Never, "sign_invalid", "核对密钥与签名原文（方法、路径、时间戳、随机数、正文 SM3）";
    CLOCK_OUTSIDE = 304 "clock_outside" 401 Window Retry::Never, "sign_invalid", "双方时钟相差过大，检查 NTP";
    NONCE_REPLAYED = 305 "nonce_replayed" 401 Window Retry::Never, "sign_invalid", "随机数重复；若非对方程序错误，可能是重放";
    NOT_PERMITTED = 306 "not_permitted" 403 Window Retry::Never, "forbidden", "在 [[caller]] 的 allow 中授权后重载";
    LICENCES_REFUSED = 307 "licences_refused" 422 Window Retry::Never, "bad_format", "逐条见各证照；核验报告按 reports 查，代码见 licences.md";
    LICENCES_UNAVAILABLE = 308 "licences_unavailable" 503 OtherCity Retry::SameKey, "peer_busy", "证照来源没有及时答复，请求没有送出；检查来源与线路";
    LICENCE_USE_NOT_PERMITTED = 309 "licence_use_not_permitted" 403 Window Retry::Never, "forbidden", "在 [[caller]] 的 licences.matters 中授权后重载";
    RATE_LIMITED = 401 "rate_limited" 429 Window Retry::AfterSeconds(1), "rate_limited", "频率超限；见 [[limit]]";
    DAILY_COUNT_REACHED = 402 "daily_count_reached" 429 Window Retry::AfterSeconds(3600), "rate_limited", "当日次数用完；见 [[limit]] 的 per_day";
    OVERLOADED = 403 "overloaded" 503 Gateway Retry::AfterSeconds(2), "peer_busy", "同时办理数已满；见 exchanges_max";
    NOT_DELIVERED = 501 "not_delivered" 502 OtherCity Retry::SameKey, "peer_busy", "请求确定没有送出，可以重发；检查线路与对方监听";
    BREAKER_OPEN = 502 "breaker_open" 503 OtherCity Retry::AfterSeconds(10), "peer_busy", "对方连续失败，熔断中；请求没有送出";
    DEADLINE_PASSED = 503 "deadline_passed" 504 OtherCity Retry::QueryFirst, "peer_timeout", "超过时限没有答复，结果未知；先查询，再人工处理";
    CONNECTION_LOST = 504 "connection_lost" 504 OtherCity Retry::QueryFirst, "peer_timeout", "送出后连接断开，结果未知；先查询，再人工处理";
    ANSWER_UNREADABLE = 505 "answer_unreadable" 502 OtherCity Retry::QueryFirst, "peer_error", "对方答复无法解析，结果未知；原因在日志的 error 中，网关不留原文，须向对方索取";
    ANSWER_TOO_LARGE = 506 "answer_too_large" 502 OtherCity Retry::QueryFirst, "peer_error", "对方答复超过上限，结果未知；先查询，确有需要时放宽 answer_bytes_max";
    ANSWER_WRONG = 507 "answer_wrong" 502 OtherCity Retry::QueryFirst, "peer_error", "对方答复缺字段或代码无对应，结果未知；逐条见各字段错误，先查询，再请对方更正或补码表";
    ANSWER_STATUS = 508 "answer_status" 502 OtherCity Retry::QueryFirst, "peer_error", "对方返回非 2xx 状态，结果未知；先查询，再人工处理";
    REFUSED = 509 "refused" 422 OtherCity Retry::Never, "peer_error", "对方明确不予办理，错误码含义见码表 fault；-50 一类的身份错误由网关运维处理";
    PEER_UNSURE = 510 "peer_unsure" 502 OtherCity Retry::QueryFirst, "peer_error", "对方返回的错误没有说明是否已办理，或码表 fault 中没有该错误码；结果未知，先查询，再人工处理";
    NOT_TAKEN = 511 "not_taken" 503 OtherCity Retry::AfterSeconds(10), "peer_busy", "对方明确没有受理（繁忙或限流），可用同一编号重发；持续出现时联系对方";
    ALREADY_THERE = 512 "already_there" 409 OtherCity Retry::QueryFirst, "duplicate", "对方已有同一业务；先查询，不要换新编号重发";
    ASK_AGAIN = 513 "ask_again" 504 OtherCity Retry::SameKey, "peer_timeout", "查询类事项没有得到可用的答复（原因见日志），重办不改变什么，可用同一编号重发";
    LEDGER_UNAVAILABLE = 601 "ledger_unavailable" 503 Gateway Retry::SameKey, "gateway_error", "台账不可写，网关停止转发；检查磁盘";
    STILL_IN_PROGRESS = 602 "still_in_progress" 409 Window Retry::AfterSeconds(5), "in_process", "同一编号的请求仍在办理";
    KEY_REUSED = 603 "key_reused" 409 Window Retry::Never, "duplicate", "同一编号换了内容（逐字节比较，含报文编号和时间），已拒绝；先前的请求已有结果";
    OUTCOME_UNKNOWN = 604 "outcome_unknown" 504 OtherCity Retry::QueryFirst, "peer_timeout", "同一编号先前结果未知，不会再次发送；先查询";
    KEY_UNSETTLED = 605 "key_unsettled" 409 Window Retry::QueryFirst, "duplicate", "同一编号换了内容，而先前的请求结果未知或仍在办理；先查询，重发须与原报文逐字节相同";
    RESOLVED_DONE = 606 "resolved_done" 409 Window Retry::Never, "duplicate", "先前结果未知，已核实对方办理，见台账的核实记录";
    RESOLVED_NOT_DONE = 607 "resolved_not_done" 409 Window Retry::Never, "duplicate", "先前结果未知，已核实对方没有办理，见台账的核实记录";
    INTERNAL = 901 "internal" 500 Gateway Retry::QueryFirst, "gateway_error", "程序内部错误，查日志并报告";
    DRAINING = 902 "draining" 503 Gateway Retry::SameKey, "peer_busy", "网关正在停机，不再接收新请求";
}

impl Fault {
    /// The fixed line of the table for this fault.
    pub const fn entry(&self) -> &'static Entry {
        match self {
            Self::Malformed { .. } => &MALFORMED,
            Self::WrongCharset { .. } => &WRONG_CHARSET,
            Self::LimitExceeded { .. } => &LIMIT_EXCEEDED,
            Self::DoctypeRefused { .. } => &DOCTYPE_REFUSED,
            Self::WrongContentType { .. } => &WRONG_CONTENT_TYPE,
            Self::UnknownPath => &UNKNOWN_PATH,
            Self::WrongMethod { .. } => &WRONG_METHOD,
            Self::BodyTimeout => &BODY_TIMEOUT,
            Self::BodyIncomplete => &BODY_INCOMPLETE,
            Self::KeyMissing { .. } => &KEY_MISSING,
            Self::Fields { .. } => &FIELDS,
            Self::UnknownMatter { .. } => &UNKNOWN_MATTER,
            Self::NotServed { .. } => &NOT_SERVED,
            Self::CredentialsMissing { .. } => &CREDENTIALS_MISSING,
            Self::UnknownCaller => &UNKNOWN_CALLER,
            Self::WrongSignature => &WRONG_SIGNATURE,
            Self::ClockOutside { .. } => &CLOCK_OUTSIDE,
            Self::NonceReplayed => &NONCE_REPLAYED,
            Self::NotPermitted { .. } => &NOT_PERMITTED,
            Self::LicencesRefused { .. } => &LICENCES_REFUSED,
            Self::LicencesUnavailable { .. } => &LICENCES_UNAVAILABLE,
            Self::LicenceUseNotPermitted { .. } => &LICENCE_USE_NOT_PERMITTED,
            Self::RateLimited { .. } => &RATE_LIMITED,
            Self::DailyCountReached { .. } => &DAILY_COUNT_REACHED,
            Self::Overloaded => &OVERLOADED,
            Self::NotDelivered { .. } => &NOT_DELIVERED,
            Self::BreakerOpen { .. } => &BREAKER_OPEN,
            Self::DeadlinePassed => &DEADLINE_PASSED,
            Self::ConnectionLost => &CONNECTION_LOST,
            Self::AnswerUnreadable { .. } => &ANSWER_UNREADABLE,
            Self::AnswerTooLarge { .. } => &ANSWER_TOO_LARGE,
            Self::AnswerWrong { .. } => &ANSWER_WRONG,
            Self::AnswerStatus { .. } => &ANSWER_STATUS,
            Self::Refused(_) => &REFUSED,
            Self::PeerUnsure(_) => &PEER_UNSURE,
            Self::NotTaken(_) => &NOT_TAKEN,
            Self::AlreadyThere(_) => &ALREADY_THERE,
            Self::AskAgain { .. } => &ASK_AGAIN,
            Self::LedgerUnavailable => &LEDGER_UNAVAILABLE,
            Self::StillInProgress => &STILL_IN_PROGRESS,
            Self::KeyReused => &KEY_REUSED,
            Self::OutcomeUnknown => &OUTCOME_UNKNOWN,
            Self::KeyUnsettled => &KEY_UNSETTLED,
            Self::ResolvedDone => &RESOLVED_DONE,
            Self::ResolvedNotDone => &RESOLVED_NOT_DONE,
            Self::Internal { .. } => &INTERNAL,
            Self::Draining => &DRAINING,
        }
    }

    /// Row of the code table `fault`: a refusal of the other side and a single kind of field fault keep their own.
    pub fn canonical(&self) -> &'static str {
        match self {
            Self::Refused(refusal)
            | Self::PeerUnsure(refusal)
            | Self::NotTaken(refusal)
            | Self::AlreadyThere(refusal) => refusal.canonical,
            Self::AskAgain { cause } => cause.canonical(),
            Self::Fields { faults, .. } | Self::LicencesRefused { faults, .. } => {
                faults.first().map_or("bad_format", FieldFault::canonical)
            }
            other => other.entry().canonical,
        }
    }

    /// What lies behind it: itself, unless it says so.
    pub fn cause(&self) -> &Self {
        match self {
            Self::AskAgain { cause } => cause,
            fault => fault,
        }
    }

    /// The faults of single fields, or none.
    pub fn fields(&self) -> &[FieldFault] {
        match self.cause() {
            Self::Fields { faults, .. }
            | Self::AnswerWrong { faults, .. }
            | Self::LicencesRefused { faults, .. }
            | Self::LicencesUnavailable { faults, .. } => faults,
            _ => &[],
        }
    }

    /// Seconds after which the same request makes sense, where a number can be given.
    pub const fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::RateLimited { retry_after_seconds }
            | Self::DailyCountReached { retry_after_seconds }
            | Self::BreakerOpen { retry_after_seconds } => Some(*retry_after_seconds),
            other => match other.entry().retry {
                Retry::AfterSeconds(seconds) => Some(seconds),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests;
