//! The sentences for the clerk, made from a fault's facts: Chinese, without personal data, each says what to do.

use crate::domain::fault::{ContentPart, Fault, FieldFault, FieldFaultKind, LengthUnit, Unknown};

impl FieldFault {
    /// The sentence for the clerk: names the field and says what to do.
    pub fn window_text(&self) -> String {
        format!("{}，{}", self.what_is_wrong(), self.advice())
    }

    /// The same of an answer: the field is the other side's to mend, so that no advice is given.
    pub fn answer_text(&self) -> String {
        self.what_is_wrong()
    }

    fn what_is_wrong(&self) -> String {
        let field = if self.title.is_empty() {
            format!("字段 {}", self.path)
        } else {
            format!("“{}”（{}）", self.title, self.path)
        };
        match &self.what {
            FieldFaultKind::Missing => format!("{field}必填但没有内容"),
            FieldFaultKind::NoCounterpart { table, code, from, to } => {
                format!("{field}的代码“{code}”在码表 {table} 中没有对应项（{from} → {to}）")
            }
            FieldFaultKind::WrongForm { expected } => format!("{field}的格式不对，应为{expected}"),
            FieldFaultKind::TooLong { max, unit } => {
                let unit = match unit {
                    LengthUnit::Bytes => "字节",
                    LengthUnit::Characters => "个字",
                };
                format!("{field}太长，接收方最多接受 {max} {unit}")
            }
            FieldFaultKind::Unencodable { character, charset } => {
                format!("{field}中的字“{character}”（U+{:04X}）在接收方字符集 {charset} 中没有", u32::from(*character))
            }
            FieldFaultKind::SumDiffers { rule } => format!("{field}的金额或比例合计不符（{rule}）"),
            FieldFaultKind::CountDiffers { declared, found } => {
                format!("{field}写明 {declared} 条，实际 {found} 条")
            }
            FieldFaultKind::DigestDiffers => format!("{field}与材料内容的 SM3 摘要不符"),
            FieldFaultKind::PrecisionLost { expected } => {
                format!("{field}的小数位数超出接收方能保存的范围（{expected}）")
            }
            FieldFaultKind::OrderDiffers { rule } => format!("{field}的先后次序不对（{rule}）"),
            FieldFaultKind::BadIdentifier { kind, reason } => format!("{field}的{kind}{reason}"),
            FieldFaultKind::BeyondCalendar { last } => format!("{field}超出已载入的工作日历（截至 {last}）"),
            FieldFaultKind::Duplicate => format!("{field}出现了两次"),
            FieldFaultKind::RuleBroken { rule } => format!("{field}不符合规则：{rule}"),
            FieldFaultKind::LicenceRejected { reasons } => format!("{field}的证照不予采信（{}）", told(reasons)),
            FieldFaultKind::LicenceInDoubt { reasons } => format!("{field}的证照需要人工核实（{}）", told(reasons)),
            FieldFaultKind::LicenceUnknown => format!("{field}在证照来源中没有找到"),
            FieldFaultKind::LicenceUnequal { table, value, from, to } => {
                format!("{field}的证照可以采信，但{table}“{value}”（{from}）在 {to} 没有互认的对应")
            }
            FieldFaultKind::LicenceUnavailable { reason } => format!("{field}的证照没有取到（{reason}）"),
        }
    }

    const fn advice(&self) -> &'static str {
        match &self.what {
            FieldFaultKind::Missing => "请补填后重新提交",
            FieldFaultKind::NoCounterpart { .. } => "请改选其他代码，或请运维在码表中补充对照",
            FieldFaultKind::WrongForm { .. } => "请更正后重新提交",
            FieldFaultKind::TooLong { .. } => "请缩短后重新提交",
            FieldFaultKind::Unencodable { .. } => "请改用规范写法，或走纸质渠道",
            FieldFaultKind::SumDiffers { .. }
            | FieldFaultKind::CountDiffers { .. }
            | FieldFaultKind::RuleBroken { .. } => "请核对后重新提交",
            FieldFaultKind::DigestDiffers => "请重新上传该材料",
            FieldFaultKind::PrecisionLost { .. } => "请核对金额",
            FieldFaultKind::OrderDiffers { .. } => "请核对日期",
            FieldFaultKind::BadIdentifier { .. } => "请核对后重新输入",
            FieldFaultKind::BeyondCalendar { .. } => "请运维载入新一年的日历",
            FieldFaultKind::Duplicate => "请保留一个",
            FieldFaultKind::LicenceRejected { .. } => "请核对证照标识，或请当事人向发证机关换领后重新提交",
            FieldFaultKind::LicenceInDoubt { .. } => "请向发证机关核实，改用原件办理",
            FieldFaultKind::LicenceUnknown => "请核对证照标识后重新提交",
            FieldFaultKind::LicenceUnequal { .. } => "请改用原件办理",
            FieldFaultKind::LicenceUnavailable { .. } => "请稍后用同一编号重新提交",
        }
    }
}

/// What a licence was found to be, at most three reasons of it: the report has them all.
fn told(reasons: &[(&str, &str)]) -> String {
    let told: Vec<String> = reasons.iter().take(3).map(|(code, sentence)| format!("{sentence} {code}")).collect();
    told.join("；")
}

impl Fault {
    /// The sentence for the clerk: what happened and what to do, in Chinese, without personal data.
    pub fn window_text(&self) -> String {
        match self {
            Self::Malformed { format, offset, reason } => {
                format!("报文不是完整正确的 {format}（第 {offset} 字节：{reason}），请检查后重新发送")
            }
            Self::WrongCharset { charset, offset } => {
                format!("报文第 {offset} 字节起不是 {charset} 编码，请按约定的字符集发送")
            }
            Self::LimitExceeded { what: what @ "随机数长度", limit } => {
                format!("{what}超过上限 {limit} 字节，请换用较短的随机数，重新签名发送")
            }
            Self::LimitExceeded { what, limit } => format!("报文的{what}超过上限 {limit}，请拆分或精简后重新发送"),
            Self::DoctypeRefused { .. } => "报文含有 DOCTYPE 声明，不予接受，请去掉后重新发送".into(),
            Self::WrongContentType { part, expected } => part.window_text(expected),
            Self::UnknownPath => "没有这个接口地址，请核对接口文档中的路径".into(),
            Self::WrongMethod { expected } => format!("请求方法不对，请使用 {expected}"),
            Self::BodyTimeout => "报文传输超时，请求没有办理，请重新发送".into(),
            Self::BodyIncomplete => "报文没有传完连接就断了，请求没有办理，请重新发送".into(),
            Self::KeyMissing { paths } => format!("报文缺少防重编号（{paths}），请补填后重新提交"),
            Self::Fields { faults, more } => to_mend("报文有", faults, *more),
            Self::UnknownMatter { code, what } => what.window_text(code),
            Self::NotServed { matter, city } => format!("{city}没有开通事项“{matter}”的跨省通办，请改走其他渠道"),
            Self::CredentialsMissing { header } => format!("请求没有携带身份凭据（{header}），请按接入规范签名"),
            Self::UnknownCaller => "来文系统没有登记，请联系网关运维办理接入".into(),
            Self::WrongSignature => "签名验证没有通过，请核对密钥和签名原文".into(),
            Self::ClockOutside { is_milliseconds: false, .. } => {
                "时间戳应为 1970 年起的毫秒数（13 位），请更正后重新签名发送".into()
            }
            Self::ClockOutside { window_seconds, .. } => {
                format!("请求时间与网关相差超过 {window_seconds} 秒，请校准时钟后重新签名发送")
            }
            Self::NonceReplayed => "随机数已经用过，请换新的随机数重新签名发送".into(),
            Self::NotPermitted { matter } => format!("来文系统没有办理事项“{matter}”的权限，请联系网关运维授权"),
            Self::LicencesRefused { faults, more } => to_mend("证照核验没有通过，申请没有送出；有", faults, *more),
            Self::LicencesUnavailable { faults, more } => to_mend("证照没有取到，申请没有送出；有", faults, *more),
            Self::LicenceUseNotPermitted { matter } => {
                format!("来文系统没有为事项“{matter}”使用证照的权限，申请没有送出，请联系网关运维授权")
            }
            Self::RateLimited { retry_after_seconds } => format!("请求过于频繁，请 {retry_after_seconds} 秒后再试"),
            Self::DailyCountReached { retry_after_seconds } => {
                format!("今日次数已用完，请 {retry_after_seconds} 秒后再试，或联系网关运维调整")
            }
            Self::Overloaded => "网关繁忙，请求没有办理，请稍后重新发送".into(),
            Self::NotDelivered { .. } => "请求没有送达对方城市，可以用同一编号重新提交".into(),
            Self::BreakerOpen { retry_after_seconds } => {
                format!("对方系统暂时不可用，请求没有送出，请 {retry_after_seconds} 秒后用同一编号重试")
            }
            Self::DeadlinePassed => "对方系统没有在时限内答复，结果未知，请先查询办理结果，不要重复提交".into(),
            Self::ConnectionLost => "请求送出后线路中断，结果未知，请先查询办理结果，不要重复提交".into(),
            Self::AnswerUnreadable { .. } => "对方系统的答复无法识别，结果未知，请先查询办理结果，不要重复提交".into(),
            Self::AnswerTooLarge { limit } => {
                format!("对方系统的答复超过上限 {limit} 字节，结果未知，请先查询办理结果，不要重复提交")
            }
            Self::AnswerWrong { faults, more } => not_as_agreed(faults, *more),
            Self::AnswerStatus { status } => {
                format!("对方系统返回状态 {status}，结果未知，请先查询办理结果，不要重复提交")
            }
            Self::Refused(refusal) => refusal.window_text(refusal.advice()),
            Self::PeerUnsure(refusal) => {
                refusal.window_text("对方是否已经办理不能确定，结果未知，请先查询办理结果，不要重复提交")
            }
            Self::NotTaken(refusal) => refusal.window_text("对方没有受理，请稍后用同一编号重新提交"),
            Self::AlreadyThere(refusal) => {
                refusal.window_text("对方已有同一业务，请先查询办理结果，不要重复提交，也不要换新编号")
            }
            Self::AskAgain { cause } => ask_again(cause),
            Self::LedgerUnavailable => "网关台账暂不可用，请求没有送出，请稍后用同一编号重新提交".into(),
            Self::StillInProgress => "同一编号的请求正在办理，请稍后再查，不要重复提交".into(),
            Self::KeyReused => "同一编号已经用于内容不同的请求，先前的请求已有结果；同一笔业务请查询先前的结果，不要重复提交，确属另一笔业务才换新编号".into(),
            Self::KeyUnsettled => {
                "同一编号已经用于内容不同的请求，先前的结果未知，请先查询办理结果，不要重复提交，也不要换新编号".into()
            }
            Self::OutcomeUnknown => "同一编号的请求先前结果未知，网关不会再次发送，请先查询办理结果".into(),
            Self::ResolvedDone => {
                "同一编号的请求经核实，对方已经办理，不要重复提交；办理结果请向对方查询".into()
            }
            Self::ResolvedNotDone => {
                "同一编号的请求经核实，对方没有办理；仍要办理的，请用新编号重新提交".into()
            }
            Self::Internal { .. } => "网关内部错误，请先查询办理结果，并联系网关运维".into(),
            Self::Draining => "网关正在停机维护，请求没有办理，请稍后重新发送".into(),
        }
    }
}

impl ContentPart {
    fn window_text(self, expected: &str) -> String {
        match self {
            Self::Charset => {
                format!("内容类型中写的字符集与约定不符，应为 {expected}，请按它编码正文，并更正请求头")
            }
            Self::Coding => "正文经过压缩（Content-Encoding），网关不解压，请发送未压缩的正文".into(),
            Self::Type => format!("内容类型不对，应为 {expected}，请更正请求头"),
        }
    }
}

impl Unknown {
    fn window_text(self, code: &str) -> String {
        match self {
            Self::Matter => format!("没有事项“{code}”，请核对事项编码"),
            Self::Place => format!("事项“{code}”不在这个地址或服务编号下办理，请核对接口文档中的路径和服务编号"),
            Self::Service => format!("没有服务编号“{code}”，请核对接口文档中的服务编号"),
        }
    }
}

/// A query that may simply be made again.
fn ask_again(cause: &Fault) -> String {
    let number = cause.entry().number;
    let advice = format!("没有得到可用的答复（J{number:03}），重复查询不影响业务，请稍后用同一编号重新提交");
    match cause.refusal() {
        Some(refusal) => refusal.window_text(&advice),
        None => format!("查询{advice}"),
    }
}

/// What the other side has to mend: its answer may have been a yes.
fn not_as_agreed(faults: &[FieldFault], more: usize) -> String {
    let lead = "对方系统已答复，但答复内容不合约定，结果未知，请先查询办理结果，不要重复提交；答复有";
    fields_text(lead, "不合约定", faults.iter().map(FieldFault::answer_text), more)
}

/// What the caller has to mend.
fn to_mend(lead: &str, faults: &[FieldFault], more: usize) -> String {
    fields_text(lead, "需要更正", faults.iter().map(FieldFault::window_text), more)
}

fn fields_text(lead: &str, why: &str, faults: impl ExactSizeIterator<Item = String>, more: usize) -> String {
    let mut text = format!("{lead} {} 处{why}：", faults.len() + more);
    for (index, fault) in faults.enumerate() {
        if index > 0 {
            text.push('；');
        }
        text.push_str(&fault);
    }
    if more > 0 {
        text.push_str("；另有 ");
        text.push_str(&more.to_string());
        text.push_str(" 处未列出");
    }
    text
}
