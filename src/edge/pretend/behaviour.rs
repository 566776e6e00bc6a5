//! What a pretend city does with a message besides the usual, asked for by the message itself.
//!
//! The marker `【模拟:…】` at the end of a free text asks for it; where a message has no such text, the last four
//! digits of an amount or of a letter number do. It deliberately has no other channel (no header, no switch), so that
//! a request through the gateway can ask for it too. The table is in the comment of [`crate::edge::pretend`].

use crate::edge::pretend::text::gb18030;
use std::time::Duration;

/// The longest delay that a message may ask for.
const SLOW_MS_MAX: u64 = 600_000;

/// What to do with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Answer as the message deserves.
    Usual,
    /// 拒绝: a business refusal, in an answer that is a success of the interface.
    Refuse,
    /// 慢 N: the usual answer, that much later.
    Slow(Duration),
    /// 断开: read the whole request, count it, close the connection.
    Cut,
    /// 断开前: close the connection while the request still arrives; it is not counted.
    CutEarly,
    /// 乱码: status 200 and bytes that are no document.
    Garbage,
    /// 错误 CODE: their error shape with that code.
    Error(String),
    /// 缺字段: a well-formed answer without an element that it must have.
    Missing,
    /// 未知代码: an answer with a code outside the table.
    UnknownCode,
    /// 500: HTTP status 500 and a page for people.
    Status500,
    /// A marker that is none of these; the answer is an error that says so.
    NotKnown(String),
}

impl Behaviour {
    /// The behaviour that a message asks for by its free `texts`, or else by its `numbers` (amounts, letter numbers).
    pub fn of(texts: &[&str], numbers: &[&str]) -> Self {
        texts
            .iter()
            .find_map(|text| Self::marked(text))
            .or_else(|| numbers.iter().find_map(|number| Self::numbered(number)))
            .unwrap_or(Self::Usual)
    }

    fn marked(text: &str) -> Option<Self> {
        let inside = text.trim_end().strip_suffix('】')?;
        let inside = inside.rsplit_once("【模拟").map(|(_, after)| after)?;
        let inside = inside.strip_prefix([':', '：'])?.trim();
        let (word, value) = inside.split_once(' ').unwrap_or((inside, ""));
        Some(match (word, value.trim()) {
            ("拒绝", "") => Self::Refuse,
            ("断开", "") => Self::Cut,
            ("断开前", "") => Self::CutEarly,
            ("乱码", "") => Self::Garbage,
            ("缺字段", "") => Self::Missing,
            ("未知代码", "") => Self::UnknownCode,
            ("500", "") => Self::Status500,
            ("错误", code) if !code.is_empty() => Self::Error(code.to_owned()),
            ("慢", delay) => match delay.parse::<u64>() {
                Ok(delay) if delay <= SLOW_MS_MAX => Self::Slow(Duration::from_millis(delay)),
                _ => Self::NotKnown(inside.to_owned()),
            },
            _ => Self::NotKnown(inside.to_owned()),
        })
    }

    fn numbered(number: &str) -> Option<Self> {
        let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).collect();
        Some(match digits.last_chunk::<4>()? {
            b"9961" => Self::Refuse,
            b"9962" => Self::Slow(Duration::from_secs(3)),
            b"9963" => Self::Cut,
            b"9964" => Self::Garbage,
            b"9965" => Self::Error(String::new()),
            b"9966" => Self::Missing,
            b"9967" => Self::UnknownCode,
            b"9968" => Self::Status500,
            _ => return None,
        })
    }
}

/// The tail of the marker 断开前 in every form in which a body may carry it.
pub fn early_cut_needles() -> Vec<Vec<u8>> {
    let tail = "断开前】";
    let wide = gb18030(tail);
    let percent = |upper: bool| {
        wide.iter().fold(Vec::new(), |mut text, byte| {
            let escaped = if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
            text.extend_from_slice(escaped.as_bytes());
            text
        })
    };
    let json = |upper: bool| {
        tail.encode_utf16().fold(Vec::new(), |mut text, unit| {
            let escaped = if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
            text.extend_from_slice(escaped.as_bytes());
            text
        })
    };
    vec![tail.as_bytes().to_vec(), percent(true), percent(false), json(true), json(false), wide]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers() {
        let of = |text| Behaviour::of(&["", text], &[]);
        assert_eq!(of("异地贷款"), Behaviour::Usual);
        assert_eq!(of("异地贷款【模拟:拒绝】"), Behaviour::Refuse);
        assert_eq!(of("【模拟：慢 3001】 "), Behaviour::Slow(Duration::from_millis(3001)));
        assert_eq!(of("【模拟:错误 -50】"), Behaviour::Error("-50".to_owned()));
        assert_eq!(of("【模拟:500】"), Behaviour::Status500);
        assert_eq!(of("【模拟:断开前】"), Behaviour::CutEarly);
        assert_eq!(of("【模拟:慢 600001】"), Behaviour::NotKnown("慢 600001".to_owned()));
        assert_eq!(of("【模拟:慢】"), Behaviour::NotKnown("慢".to_owned()));
        assert_eq!(of("【模拟:拒绝】后面还有字"), Behaviour::Usual);
    }

    #[test]
    fn numbers_only_without_a_marker() {
        assert_eq!(Behaviour::of(&[""], &["8499.61"]), Behaviour::Refuse);
        assert_eq!(Behaviour::of(&[""], &["849968"]), Behaviour::Status500);
        assert_eq!(Behaviour::of(&["【模拟:断开】"], &["849961"]), Behaviour::Cut);
        assert_eq!(Behaviour::of(&[""], &["840000", "45321.54", "61"]), Behaviour::Usual);
    }
}
