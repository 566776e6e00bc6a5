//! Answers of the sharing platforms: an envelope in JSON whose `data`, or `data.certData`, is SM2 ciphertext under the
//! caller's key, in hexadecimal and the order C1C3C2 with a leading 04.
//!
//! Such an answer says what the issuing side holds. It is no signed licence: it confirms one, or is all there is.

use crate::domain::envelope::cipher;
use crate::domain::envelope::cipher::Form;
use crate::domain::key::Key;
use crate::domain::licence::check::Code;
use crate::domain::licence::json::Node;
use crate::domain::licence::question::State;
use crate::domain::licence::question::Word;
use crate::domain::masked::Masked;
use crate::domain::sm::sm2::Order;
use std::collections::BTreeMap;
use std::fmt;

/// What is encrypted, as the platforms write it.
const FORM: Form = Form::Raw { order: Order::C1C3C2, marked: true };

/// Why an answer cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFault {
    /// Larger than [`crate::domain::licence::JSON_BYTES_MAX`].
    TooLarge,
    /// Not the JSON that is expected, outside or inside.
    Malformed,
    /// A key comes twice.
    DuplicateKey,
    /// Not encrypted for this key, or changed on the way.
    Unreadable,
    /// The platform refuses, with its own number.
    Refused(i64),
}

impl AnswerFault {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "ANSWER.TOO_LARGE",
            Self::Malformed => "ANSWER.MALFORMED",
            Self::DuplicateKey => "ANSWER.DUPLICATE_KEY",
            Self::Unreadable => "ANSWER.UNREADABLE",
            Self::Refused(_) => "ANSWER.REFUSED",
        }
    }

    fn of(code: Code) -> Self {
        match code {
            Code::JsonTooLarge => Self::TooLarge,
            Code::JsonDuplicateKey => Self::DuplicateKey,
            _ => Self::Malformed,
        }
    }
}

impl fmt::Display for AnswerFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}：", self.code())?;
        match self {
            Self::TooLarge => formatter.write_str("共享平台的答复过大"),
            Self::Malformed => formatter.write_str("共享平台的答复不合格式"),
            Self::DuplicateKey => formatter.write_str("共享平台的答复中有重复的键"),
            Self::Unreadable => formatter.write_str("共享平台的答复不能用本方密钥解开"),
            Self::Refused(status) => write!(formatter, "共享平台没有受理，head.status 为 {status}"),
        }
    }
}

/// An answer that was opened.
#[derive(Clone, Debug)]
pub struct Answer {
    state: State,
    /// By the names of GB/T 36903.
    values: Masked<BTreeMap<String, String>>,
}

impl Answer {
    /// Opens the answer `bytes` with the caller's own key. Values that came unencrypted are refused: anybody could have
    /// put them there.
    ///
    /// # Errors
    /// See [`AnswerFault`].
    pub fn open(key: &dyn Key, bytes: &[u8]) -> Result<Self, AnswerFault> {
        let node = Node::read(bytes).map_err(AnswerFault::of)?;
        let status = node.get("head").and_then(|head| head.get("status")).and_then(Node::text);
        let status: i64 = status.and_then(|status| status.parse().ok()).ok_or(AnswerFault::Malformed)?;
        // The envelope's numbers: 10 no match, 21 abolished or cancelled, 22 expired, 23 restricted.
        let told = match status {
            0 => State::Valid,
            10 => State::Unknown,
            21 => State::Cancelled,
            22 => State::Expired,
            23 => State::Suspended,
            other => return Err(AnswerFault::Refused(other)),
        };
        let data = node.get("data");
        let hidden = data.and_then(|data| data.text().or_else(|| data.get("certData")?.text()));
        let Some(hidden) = hidden.filter(|hidden| !hidden.is_empty()) else {
            // Without a licence there is nothing to encrypt; with one there is.
            return if status == 0 {
                Err(AnswerFault::Malformed)
            } else {
                Ok(Self { state: told, values: Masked::default() })
            };
        };
        let plain = cipher::open_hex(key, FORM, hidden.trim()).map_err(|_| AnswerFault::Unreadable)?;
        let inside = Node::read(&plain).map_err(AnswerFault::of)?;
        let licence = inside.get("certData").unwrap_or(&inside);
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in licence.values() {
            // Several holders are one text with commas here, as the platforms write them.
            let text = values.entry(name).or_default();
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(&value);
        }
        // State numbers of the platforms, where the licence tells one.
        let state = match values.get("ZZZT").map(String::as_str) {
            Some("-8" | "-5" | "-3" | "-2") => State::Cancelled,
            Some("-4") => State::Expired,
            Some("12" | "13") => State::Suspended,
            _ => told,
        };
        Ok(Self { state, values: Masked::new(values) })
    }

    /// The state of the licence.
    pub const fn state(&self) -> State {
        self.state
    }

    /// A value by its name in GB/T 36903.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.reveal().get(name).map(String::as_str)
    }

    /// The answer as the issuing side's word, given at `at` (seconds since 1970-01-01T00:00:00Z) about the licence with
    /// the identifier that was asked for, should the answer not repeat it.
    pub fn word(&self, asked_for: &str, at: i64) -> Word {
        let identifier = self.get("ZZBS").unwrap_or(asked_for).to_owned();
        Word { state: self.state, identifier, fields: self.values.clone(), at }
    }
}
