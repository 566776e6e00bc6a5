//! The charsets of the peers, strict both ways: nothing is replaced, nothing is guessed.
//!
//! Reading: encoding_rs follows the browser standard, so a GBK label reads four-byte sequences too, and the bytes
//! that GB 18030-2022 gave to new characters read as those. Writing GBK never writes four bytes. Private-use
//! characters are written only where they come back as themselves: U+E81E, for one, would return as U+9FB4.
//! It deliberately offers no substitutes; what a peer accepts instead is declared in its profile.

use crate::domain::fault::Fault;
use crate::domain::format::scan;

use encoding_rs::CoderResult;
use encoding_rs::DecoderResult;
use encoding_rs::EncoderResult;
use encoding_rs::Encoding;

/// A charset that a peer writes and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charset {
    Utf8,
    /// GBK as widely written, with the euro sign at 0x80.
    Gbk,
    /// GB 18030, one, two and four bytes.
    Gb18030,
}

/// Bytes that one step of a coder may make; lies on the stack.
const STEP: usize = 1024;

impl Charset {
    /// The charset by one of its usual names, in any case. `GB2312` is read as GBK, which contains it.
    pub fn parse(name: &str) -> Option<Self> {
        let known = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if known(&["UTF-8", "UTF8"]) {
            Some(Self::Utf8)
        } else if known(&["GBK", "GB2312", "CP936", "MS936", "X-GBK"]) {
            Some(Self::Gbk)
        } else if known(&["GB18030", "GB18030-2022", "GB18030-2005", "GB-18030"]) {
            Some(Self::Gb18030)
        } else {
            None
        }
    }

    /// The registered name, as declarations and headers carry it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gbk => "GBK",
            Self::Gb18030 => "GB18030",
        }
    }

    /// Whether texts need no conversion.
    pub const fn is_utf8(self) -> bool {
        matches!(self, Self::Utf8)
    }

    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Utf8 => encoding_rs::UTF_8,
            Self::Gbk => encoding_rs::GBK,
            Self::Gb18030 => encoding_rs::GB18030,
        }
    }

    /// Appends `input` as UTF-8 to `out`. A byte-order mark is text like any other.
    ///
    /// # Errors
    /// [`Fault::WrongCharset`] with the offset of the first byte of the first wrong sequence. `out` is then as before.
    pub fn decode(self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.is_utf8() {
            scan::check_utf8(input)?;
            out.extend_from_slice(input);
            return Ok(());
        }
        let before = out.len();
        let mut decoder = self.encoding().new_decoder_without_bom_handling();
        let mut read = 0;
        loop {
            // A third more is the usual growth of Chinese text; a full buffer only costs another turn.
            let filled = out.len();
            out.resize(filled + (input.len() - read) * 3 / 2 + 16, 0);
            let (result, took, wrote) =
                decoder.decode_to_utf8_without_replacement(&input[read..], &mut out[filled..], true);
            out.truncate(filled + wrote);
            read += took;
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, after) => {
                    out.truncate(before);
                    let offset = read.saturating_sub(usize::from(length) + usize::from(after));
                    return Err(Fault::WrongCharset { charset: self.name(), offset });
                }
            }
        }
    }

    /// Appends `text` in this charset to `out`.
    ///
    /// # Errors
    /// The first character that the charset lacks. `out` is then as before.
    pub fn encode(self, text: &str, out: &mut Vec<u8>) -> Result<(), char> {
        let before = out.len();
        let outcome = self.run(text, |bytes| out.extend_from_slice(bytes));
        if outcome.is_err() {
            out.truncate(before);
        }
        outcome
    }

    /// Whether [`Self::encode`] would succeed; nothing is allocated.
    ///
    /// # Errors
    /// The first character that the charset lacks.
    pub fn can_encode(self, text: &str) -> Result<(), char> {
        self.run(text, |_| ())
    }

    fn run(self, text: &str, mut take: impl FnMut(&[u8])) -> Result<(), char> {
        if self.is_utf8() || text.is_ascii() {
            take(text.as_bytes());
            return Ok(());
        }
        let private = self.first_lost_private(text);
        let text_up_to_private = private.map_or(text, |(at, _)| &text[..at]);
        let mut encoder = self.encoding().new_encoder();
        let mut step = [0; STEP];
        let mut rest = text_up_to_private;
        loop {
            let (result, read, wrote) = encoder.encode_from_utf8_without_replacement(rest, &mut step, true);
            take(&step[..wrote]);
            rest = &rest[read..];
            match result {
                EncoderResult::InputEmpty => return private.map_or(Ok(()), |(_, character)| Err(character)),
                EncoderResult::OutputFull => {}
                EncoderResult::Unmappable(character) => return Err(character),
            }
        }
    }

    /// The first private-use character that would not come back as itself, with its place.
    fn first_lost_private(self, text: &str) -> Option<(usize, char)> {
        // U+E000 to U+F8FF begin with EE or with EF.
        memchr::memchr2_iter(0xEE, 0xEF, text.as_bytes()).find_map(|at| {
            let character = text.get(at..)?.chars().next()?;
            (('\u{E000}'..='\u{F8FF}').contains(&character) && !self.returns(character)).then_some((at, character))
        })
    }

    /// Whether `character`, written and read again, is still the same.
    fn returns(self, character: char) -> bool {
        let mut utf8 = [0; 4];
        let text = &*character.encode_utf8(&mut utf8);
        let (mut bytes, mut again) = ([0; 8], [0; 16]);
        let (result, _, wrote) =
            self.encoding().new_encoder().encode_from_utf8_without_replacement(text, &mut bytes, true);
        if result != EncoderResult::InputEmpty {
            return false;
        }
        let mut decoder = self.encoding().new_decoder_without_bom_handling();
        let (result, _, length, replaced) = decoder.decode_to_utf8(&bytes[..wrote], &mut again, true);
        result == CoderResult::InputEmpty && !replaced && again.get(..length) == Some(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(charset: Charset, text: &str) -> Result<Vec<u8>, char> {
        let mut out = b"before".to_vec();
        let outcome = charset.encode(text, &mut out);
        assert_eq!(charset.can_encode(text), outcome);
        match outcome {
            Ok(()) => Ok(out.split_off(6)),
            Err(character) => {
                assert_eq!(out, b"before");
                Err(character)
            }
        }
    }

    fn decoded(charset: Charset, bytes: &[u8]) -> Result<String, Fault> {
        let mut out = Vec::new();
        charset.decode(bytes, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn names() {
        for charset in [Charset::Utf8, Charset::Gbk, Charset::Gb18030] {
            assert_eq!(Charset::parse(charset.name()), Some(charset));
            assert_eq!(Charset::parse(&charset.name().to_lowercase()), Some(charset));
        }
        assert_eq!(Charset::parse("gb2312"), Some(Charset::Gbk));
        assert_eq!(Charset::parse("big5"), None);
    }

    #[test]
    fn gbk_writes_no_four_bytes_and_no_references() {
        assert_eq!(encoded(Charset::Gbk, "刘𬱖"), Err('𬱖'));
        assert_eq!(encoded(Charset::Gbk, "㛃"), Err('㛃'));
        assert_eq!(encoded(Charset::Gbk, "刘堃·").unwrap(), [0xC1, 0xF5, 0x88, 0xD2, 0xA1, 0xA4]);
        assert_eq!(encoded(Charset::Gb18030, "𬱖").unwrap(), [0x99, 0x33, 0xC3, 0x36]);
    }

    #[test]
    fn gbk_reads_four_bytes() {
        assert_eq!(decoded(Charset::Gbk, &[0xC1, 0xF5, 0x99, 0x33, 0xC3, 0x36]).as_deref(), Ok("刘𬱖"));
        assert_eq!(decoded(Charset::Gb18030, &[0xFE, 0x59]).as_deref(), Ok("\u{9FB4}"));
    }

    #[test]
    fn private_use_is_written_only_where_it_returns() {
        for lost in ['\u{E81E}', '\u{E78D}', '\u{E5E5}'] {
            assert_eq!(encoded(Charset::Gb18030, &format!("甲{lost}乙𬱖")), Err(lost));
        }
        // A user-defined area of the standard.
        assert_eq!(encoded(Charset::Gb18030, "\u{E000}").unwrap(), [0xAA, 0xA1]);
        // What comes first is told first.
        assert_eq!(encoded(Charset::Gbk, "𬱖\u{E81E}"), Err('𬱖'));
    }

    #[test]
    fn every_character_that_is_written_comes_back() {
        for charset in [Charset::Gbk, Charset::Gb18030] {
            let mut written = 0;
            for character in '\0'..=char::MAX {
                let text = character.to_string();
                let mut out = Vec::new();
                if charset.encode(&text, &mut out).is_ok() {
                    written += 1;
                    assert_eq!(decoded(charset, &out).as_deref(), Ok(text.as_str()), "{:04X}", u32::from(character));
                }
            }
            assert!(written > 20_000);
        }
    }

    #[test]
    fn wrong_bytes_are_located() {
        let wrong = |charset: Charset, offset| Err(Fault::WrongCharset { charset: charset.name(), offset });
        for charset in [Charset::Gbk, Charset::Gb18030] {
            assert_eq!(decoded(charset, b"abc\xFF"), wrong(charset, 3));
            assert_eq!(decoded(charset, b"a\xC1\xF5\xC1"), wrong(charset, 3));
            assert_eq!(decoded(charset, b"a\xC1\x20b"), wrong(charset, 1));
            assert_eq!(decoded(charset, b"a\x99\x33\xC3"), wrong(charset, 1));
            assert_eq!(decoded(charset, b"a\x99\x33\xC3\x20"), wrong(charset, 1));
        }
        assert_eq!(decoded(Charset::Utf8, b"ab\xE5\x88"), wrong(Charset::Utf8, 2));
    }

    #[test]
    fn long_texts_take_several_steps() {
        let text = "刘𬱖a".repeat(2000);
        let bytes = encoded(Charset::Gb18030, &text).unwrap();
        assert_eq!(bytes.len(), 2000 * 7);
        assert_eq!(decoded(Charset::Gb18030, &bytes).as_deref(), Ok(text.as_str()));
    }
}
