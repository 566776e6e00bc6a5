//! What a two-dimensional code on a licence holds: the identifier, or an address with the identifier in it.
//!
//! An address is read and never asked: it says nothing that could be believed.

use crate::domain::licence::identifier::ROOT;
use std::fmt;

/// Most bytes that a code can hold (ISO/IEC 18004, version 40 with the lowest correction).
const BYTES_MAX: usize = 2_953;

/// Why a code leads to no licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QrFault {
    /// More than a code can hold, or control characters in it.
    Form,
    /// No identifier in it.
    None,
    /// Two different ones.
    Ambiguous,
}

impl QrFault {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "QR.FORM",
            Self::None => "QR.NO_IDENTIFIER",
            Self::Ambiguous => "QR.AMBIGUOUS",
        }
    }
}

impl fmt::Display for QrFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Form => "二维码内容过长，或含有控制字符",
            Self::None => "二维码中没有证照标识",
            Self::Ambiguous => "二维码中有两个不同的证照标识",
        };
        write!(formatter, "{}：{text}", self.code())
    }
}

/// The one identifier in the content of a code: alone, or as a part of an address. Whether its check character is right
/// is [`crate::domain::licence::check_identifier`]'s to say.
///
/// # Errors
/// Where there is none, or more than one.
pub fn identifier_of_qr(content: &str) -> Result<&str, QrFault> {
    let content = content.trim();
    if content.len() > BYTES_MAX || content.chars().any(char::is_control) {
        return Err(QrFault::Form);
    }
    let mut found: Option<&str> = None;
    for (at, _) in content.match_indices(ROOT) {
        // Digits before it would make it another number.
        if content[..at].ends_with(|before: char| before.is_ascii_alphanumeric() || before == '.') {
            continue;
        }
        let rest = &content[at..];
        let is_part = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        let identifier = &rest[..rest.find(|character| !is_part(character)).unwrap_or(rest.len())];
        if found.is_some_and(|before| before != identifier) {
            return Err(QrFault::Ambiguous);
        }
        found = Some(identifier);
    }
    found.ok_or(QrFault::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_found_and_nothing_else() {
        let id = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U";
        for content in [
            id.to_owned(),
            format!(" {id}\n"),
            format!("https://zwfw.example/cert?zzbs={id}&from=qr"),
            format!("https://zwfw.example/c/{id}"),
            format!("https://zwfw.example/c/{id}?again={id}#x"),
        ] {
            assert_eq!(identifier_of_qr(&content), Ok(id), "{content}");
        }
        assert_eq!(identifier_of_qr("https://zwfw.example/c/1"), Err(QrFault::None));
        assert_eq!(identifier_of_qr(&format!("9{id}")), Err(QrFault::None));
        assert_eq!(identifier_of_qr(&format!("{id} {}", id.replace("403", "404"))), Err(QrFault::Ambiguous));
        assert_eq!(identifier_of_qr(&format!("{id}\u{1b}[2J")), Err(QrFault::Form));
        assert_eq!(identifier_of_qr(&"1.2.156.3005.2.".repeat(200)), Err(QrFault::Form));
    }
}
