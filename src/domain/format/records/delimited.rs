//! Delimited files, line by line: columns borrowed from the decoded line, and lines written so that they read back.
//!
//! A text that contains the separator is a fault, never silently written. It deliberately knows no quoting; the
//! peers have none.

use crate::domain::fault::Fault;
use crate::domain::format::charset::Charset;
use crate::domain::format::records::Delimited;
use crate::domain::format::records::Lines;
use crate::domain::format::records::RecordFault;
use crate::domain::format::records::RecordFaultKind;

use std::io::BufRead;

/// Reads a delimited file row by row.
#[derive(Debug)]
pub struct DelimitedReader<R> {
    lines: Lines<R>,
    spec: Delimited,
    charset: Charset,
    text: Vec<u8>,
}

/// One row; its columns are borrowed from the reader.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Line, counted from 1.
    pub line: u64,
    columns: &'a str,
    separator: &'a str,
}

impl<'a> Row<'a> {
    /// The columns in order. Every row has at least one.
    pub fn columns(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.columns.split(self.separator)
    }
}

impl<R: BufRead> DelimitedReader<R> {
    /// A reader of rows that have at most `line_bytes_max` bytes.
    pub const fn new(source: R, spec: Delimited, charset: Charset, line_bytes_max: usize) -> Self {
        Self { lines: Lines::new(source, line_bytes_max), spec, charset, text: Vec::new() }
    }

    /// The next row, or none at the end.
    ///
    /// # Errors
    /// Those of [`Lines::next_line`]; when the bytes are not text of the charset, or the last separator is missing.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, RecordFault> {
        let Some((line, raw)) = self.lines.next_line()? else { return Ok(None) };
        self.text.clear();
        let fault = |what| RecordFault { line, field: "".into(), what };
        // The charset first: the separator's bytes may be part of a character.
        self.charset.decode(raw, &mut self.text).map_err(|wrong| fault(wrong_charset(&wrong, self.charset)))?;
        let text = std::str::from_utf8(&self.text)
            .map_err(|wrong| fault(RecordFaultKind::WrongCharset { charset: "UTF-8", offset: wrong.valid_up_to() }))?;
        let columns = if self.spec.trailing {
            text.strip_suffix(&*self.spec.separator).ok_or_else(|| fault(RecordFaultKind::NoTrailingSeparator))?
        } else {
            text
        };
        Ok(Some(Row { line, columns, separator: &self.spec.separator }))
    }
}

/// The record fault for what a charset said.
pub(super) fn wrong_charset(fault: &Fault, charset: Charset) -> RecordFaultKind {
    let offset = if let Fault::WrongCharset { offset, .. } = fault { *offset } else { 0 };
    RecordFaultKind::WrongCharset { charset: charset.name(), offset }
}

impl Delimited {
    /// Appends one line in `charset` to `out`, without a line end. `line` is only for faults.
    ///
    /// # Errors
    /// When a column has the separator or a control character in it, or a character that the charset lacks; `out` is
    /// then as before.
    pub fn write<'a>(
        &self,
        columns: impl IntoIterator<Item = &'a str>,
        charset: Charset,
        line: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordFault> {
        let before = out.len();
        let mut number = 0_usize;
        let fails = |number: usize, what, out: &mut Vec<u8>| {
            out.truncate(before);
            Err(RecordFault { line, field: number.to_string().into(), what })
        };
        for column in columns {
            number += 1;
            let separated = if number > 1 { encode(&self.separator, charset, out) } else { Ok(()) };
            if let Err(what) = separated.and_then(|()| self.check(column)).and_then(|()| encode(column, charset, out)) {
                return fails(number, what, out);
            }
        }
        if self.trailing {
            if let Err(what) = encode(&self.separator, charset, out) {
                return fails(number, what, out);
            }
        } else if out.len() == before {
            // It would be read as no line at all.
            return fails(number, RecordFaultKind::EmptyLine, out);
        }
        Ok(())
    }

    /// Whether `column`, with a separator after it, reads back as itself.
    fn check(&self, column: &str) -> Result<(), RecordFaultKind> {
        let (separator, text) = (self.separator.as_bytes(), column.as_bytes());
        let overlaps = |shared: usize| {
            // `|` before `||`: the reader would find the separator one byte early.
            text.ends_with(&separator[..shared]) && separator.starts_with(&separator[shared..])
        };
        if memchr::memmem::find(text, separator).is_some() || (1..separator.len()).any(overlaps) {
            return Err(RecordFaultKind::ContainsSeparator);
        }
        if column.chars().any(char::is_control) {
            return Err(RecordFaultKind::ContainsControl);
        }
        Ok(())
    }
}

/// Appends `text` in `charset`.
pub(super) fn encode(text: &str, charset: Charset, out: &mut Vec<u8>) -> Result<(), RecordFaultKind> {
    charset.encode(text, out).map_err(|character| RecordFaultKind::Unencodable { character, charset: charset.name() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(separator: &str, trailing: bool) -> Delimited {
        Delimited { separator: separator.into(), trailing }
    }

    fn written(spec: &Delimited, charset: Charset, columns: &[&str]) -> Result<Vec<u8>, RecordFault> {
        let mut out = b"x".to_vec();
        let outcome = spec.write(columns.iter().copied(), charset, 7, &mut out);
        if outcome.is_err() {
            assert_eq!(out, b"x");
        }
        outcome.map(|()| out.split_off(1))
    }

    fn read_back(spec: &Delimited, charset: Charset, bytes: &[u8]) -> Result<Vec<Vec<String>>, RecordFault> {
        let mut reader = DelimitedReader::new(bytes, spec.clone(), charset, 1000);
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row()? {
            rows.push(row.columns().map(String::from).collect());
        }
        Ok(rows)
    }

    #[test]
    fn separators_are_sought_in_text_not_in_bytes() {
        // The second byte of 亅 is `|` in GBK, that of 丂 is `@`.
        for charset in [Charset::Gbk, Charset::Gb18030, Charset::Utf8] {
            let spec = spec("|", true);
            let bytes = written(&spec, charset, &["亅丂", "", "刘"]).unwrap();
            assert_eq!(read_back(&spec, charset, &bytes).unwrap(), [["亅丂", "", "刘"]]);
        }
        let mut pipe = Vec::new();
        Charset::Gbk.encode("亅丂", &mut pipe).unwrap();
        assert_eq!((pipe[1], pipe[3]), (b'|', b'@'));
    }

    #[test]
    fn a_separator_in_a_text_is_a_fault() {
        let told = |spec: &Delimited, columns: &[&str]| {
            written(spec, Charset::Gbk, columns).map_err(|fault| (fault.line, fault.field.to_string(), fault.what))
        };
        assert_eq!(told(&spec("|", true), &["a", "含|竖线"]), Err((7, "2".into(), RecordFaultKind::ContainsSeparator)));
        assert_eq!(told(&spec("@|$", true), &["含@|$"]), Err((7, "1".into(), RecordFaultKind::ContainsSeparator)));
        assert_eq!(told(&spec("||", false), &["a|", "b"]), Err((7, "1".into(), RecordFaultKind::ContainsSeparator)));
        assert_eq!(told(&spec("|", true), &["a\nb"]), Err((7, "1".into(), RecordFaultKind::ContainsControl)));
        assert_eq!(told(&spec("|", false), &[""]), Err((7, "1".into(), RecordFaultKind::EmptyLine)));
        let lacking = RecordFaultKind::Unencodable { character: '𬱖', charset: "GBK" };
        assert_eq!(told(&spec("|", true), &["", "", "刘𬱖"]), Err((7, "3".into(), lacking)));
    }

    #[test]
    fn parts_of_a_separator_are_text() {
        let spec = spec("@|$", true);
        let columns = ["含|竖线和@符号", "@|", "$", "@"];
        let bytes = written(&spec, Charset::Gb18030, &columns).unwrap();
        assert_eq!(read_back(&spec, Charset::Gb18030, &bytes).unwrap(), [columns]);
    }

    #[test]
    fn broken_files_are_told_with_their_line() {
        let wrong = read_back(&spec("|", true), Charset::Gbk, b"a|\nb|c\n").unwrap_err();
        assert_eq!((wrong.line, wrong.what), (2, RecordFaultKind::NoTrailingSeparator));
        let wrong = read_back(&spec("|", true), Charset::Gbk, b"a|\nb\xFF|\n").unwrap_err();
        assert_eq!((wrong.line, wrong.what), (2, RecordFaultKind::WrongCharset { charset: "GBK", offset: 1 }));
    }
}
