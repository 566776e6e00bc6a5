//! Canonical values to bytes: writing what the other side reads.

use super::notation::Write;
use super::plan::Escape;
use super::plan::FieldOp;
use super::plan::Plan;
use super::plan::Put;
use super::text;
use super::values::Outcome;
use super::values::View;
use crate::domain::fault::FieldFaultKind;
use crate::domain::fault::LengthUnit;
use crate::domain::format::charset::Charset;
use crate::domain::format::escape;
use crate::domain::value;
use crate::domain::value::Month;
use crate::domain::value::Value;

/// True where the value was written with a declared loss.
pub(super) type Lossy = bool;

/// Writes a place that holds nothing; true where something was written.
pub(super) fn absent(op: &FieldOp, how: Write, out: &mut Vec<u8>) -> bool {
    match how {
        Write::Omit => false,
        Write::Null => {
            op.null.write_member(out);
            true
        }
        Write::Empty => {
            op.empty.write_member(out);
            true
        }
    }
}

impl Plan {
    /// The text with declared substitutes for what the charset lacks; `None` where that does not help.
    fn substituted(&self, text: &str) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        for character in text.chars() {
            match self.substitutes.get(&character) {
                Some(substitute) => out.push_str(substitute),
                None => out.push(character),
            }
        }
        self.target_charset.can_encode(&out).is_ok().then_some(out)
    }
}

impl Put {
    /// Name of the code table, for faults.
    pub(super) fn table(&self) -> &str {
        if let Self::Code { table, .. } = self { table } else { "" }
    }
}

impl View<'_> {
    /// Writes a value as the op has it, between the op's `before` and `after`.
    pub(super) fn put(&self, op: &FieldOp, value: Value<'_>, out: &mut Vec<u8>) -> Outcome<Lossy> {
        let mut lossy = false;
        match (&op.put, value) {
            (Put::Text { trim, strip_codes }, Value::Text(text)) => {
                let text = if *trim { text::trim(text) } else { text };
                if *strip_codes
                    && memchr::memmem::find(text, "（".as_bytes()).or_else(|| memchr::memchr(b'(', text)).is_some()
                {
                    let mut stripped = Vec::with_capacity(text.len());
                    lossy = text::strip_codes(text, &mut stripped);
                    self.put_text(op, &stripped, out)?;
                } else {
                    self.put_text(op, text, out)?;
                }
            }
            (Put::Name, Value::Text(text)) => {
                let mut made = Vec::new();
                self.put_text(op, text::name(text, &mut made), out)?;
            }
            (Put::Mask(mask), value) => {
                let mut hidden = Vec::new();
                let mut shown = Vec::new();
                super::values::write_canonical(value, &mut shown);
                text::mask(*mask, &shown, &mut hidden);
                self.put_text(op, &hidden, out)?;
                lossy = true;
            }
            (Put::Code { lookup, table }, Value::Text(code)) => {
                let choice = self.choose(lookup, &[], code);
                let choice = choice.ok_or_else(|| self.no_counterpart(table, code))?;
                let written = choice.out.as_deref().ok_or_else(|| self.no_counterpart(table, code))?;
                lossy = choice.lossy;
                self.put_text(op, written.as_bytes(), out)?;
            }
            (Put::Date(form) | Put::Validity { form, .. }, Value::Date(date)) => date.write(*form, out),
            (Put::Date(form), Value::DateTime(moment)) => moment.date.write(*form, out),
            (Put::Validity { no_end: Some(text), .. }, Value::NoEnd) => self.put_text(op, text.as_bytes(), out)?,
            (Put::Month(form), Value::Month(month)) => month.write(*form, out),
            (Put::Month(form), Value::Date(date)) => Month::of(date).write(*form, out),
            (Put::DateTime(form), Value::DateTime(moment)) => {
                use crate::domain::value::DateTimeForm;
                let now_exactly = matches!(form, DateTimeForm::EpochMilliseconds) && is_now(op);
                if now_exactly {
                    value::write_integer(self.context.now, out);
                } else {
                    moment.write(*form, out);
                }
            }
            (Put::Amount { unit, decimals }, Value::Amount(fen)) => {
                if !value::write_amount(*unit, *decimals, fen, out) {
                    return Err(FieldFaultKind::PrecisionLost { expected: unit.title().to_owned() }.into());
                }
            }
            (Put::Rate { unit, decimals }, Value::Rate(rate)) => {
                if !value::write_rate(*unit, *decimals, rate, out) {
                    return Err(FieldFaultKind::PrecisionLost { expected: "百分数两位小数".to_owned() }.into());
                }
            }
            (Put::Bool(set), Value::Bool(yes)) => {
                let words = set.words();
                out.extend_from_slice(if yes { words.0 } else { words.1 }.as_bytes());
            }
            (Put::Int, Value::Int(number)) => value::write_integer(number, out),
            (Put::Sequence { answering }, _) => self.put_sequence(*answering, out)?,
            (Put::Identifier(kind), Value::Text(text)) => {
                let mut made = Vec::new();
                super::identifiers::write(*kind, text, &mut made)?;
                self.put_text(op, &made, out)?;
            }
            (_, value) => {
                // Types were compared when the plan was made; what is left is a text where the other side has a type.
                let mut made = Vec::new();
                super::values::write_canonical(value, &mut made);
                self.put_text(op, &made, out)?;
            }
        }
        Ok(lossy)
    }

    /// Node digits, yyMMdd and nine digits of the running number, as the transfer platform numbers messages.
    fn put_sequence(&self, answering: bool, out: &mut Vec<u8>) -> Outcome<()> {
        let city = if answering { self.context.to } else { self.context.from };
        let node = city.keys.get("fund_node").map_or("", String::as_str);
        let digits = node.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let moment = self.context.moment();
        let Some(moment) = moment.filter(|_| digits.len() == 5) else {
            return Err(FieldFaultKind::WrongForm { expected: "城市文件中有五位数字的 fund_node".into() }.into());
        };
        let (year, month, day) = moment.date.parts();
        let number = self.context.sequence % 1_000_000_000;
        out.extend_from_slice(format!("{digits}{:02}{month:02}{day:02}{number:09}", year % 100).as_bytes());
        Ok(())
    }

    /// Writes text: length and charset checked, escaped.
    #[inline]
    pub(super) fn put_text(&self, op: &FieldOp, text: &[u8], out: &mut Vec<u8>) -> Outcome<()> {
        if op.characters_max.is_some_and(|max| text.len() > max) || op.bytes_max.is_some() {
            self.check_length(op, text)?;
        }
        let charset = self.plan.target_charset;
        if charset != Charset::Utf8 && !text.is_ascii() {
            let characters = String::from_utf8_lossy(text);
            if let Err(character) = charset.can_encode(&characters) {
                let refused = FieldFaultKind::Unencodable { character, charset: charset.name() };
                let replaced = self.plan.substituted(&characters).ok_or(refused)?;
                return self.put_text(op, replaced.as_bytes(), out);
            }
        }
        let forbidden = |_| FieldFaultKind::WrongForm { expected: "不含控制字符的文字".into() };
        match op.escape {
            Escape::Json => escape::json(out, text),
            Escape::Xml => escape::xml_text(out, text).map_err(forbidden)?,
            Escape::XmlTwice => escape::xml_text_twice(out, text).map_err(forbidden)?,
            Escape::XmlAttribute => escape::xml_attribute(out, text).map_err(forbidden)?,
            Escape::None => out.extend_from_slice(text),
            Escape::Delimited => {
                let separator = op.separator.as_bytes();
                if memchr::memmem::find(text, separator).is_some() || memchr::memchr2(b'\n', b'\r', text).is_some() {
                    let expected = format!("不含分隔符“{}”和换行的文字", op.separator);
                    return Err(FieldFaultKind::WrongForm { expected }.into());
                }
                escape::xml_text(out, text).map_err(forbidden)?;
            }
        }
        Ok(())
    }

    fn check_length(&self, op: &FieldOp, text: &[u8]) -> Outcome<()> {
        let text = String::from_utf8_lossy(text);
        if let Some(max) = op.characters_max.filter(|max| text.chars().count() > *max) {
            return Err(FieldFaultKind::TooLong { max, unit: LengthUnit::Characters }.into());
        }
        if let Some(max) = op.bytes_max {
            let mut encoded = Vec::new();
            let charset = self.plan.target_charset;
            let refused = |character| FieldFaultKind::Unencodable { character, charset: charset.name() };
            charset.encode(&text, &mut encoded).map_err(refused)?;
            if encoded.len() > max {
                return Err(FieldFaultKind::TooLong { max, unit: LengthUnit::Bytes }.into());
            }
        }
        Ok(())
    }
}

/// The gateway's own clock has milliseconds, canonical moments have not.
fn is_now(op: &FieldOp) -> bool {
    use super::notation::CallName;
    use super::plan::Source;
    matches!(op.source, Some(Source::Call(CallName::Now)))
}
