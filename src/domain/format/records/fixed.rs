//! Fixed-width files, record by record. Widths count bytes after encoding, so fields are cut before decoding and
//! filled up after encoding.
//!
//! It deliberately refuses what does not fit instead of cutting it.

use crate::domain::format::charset::Charset;
use crate::domain::format::records::Field;
use crate::domain::format::records::FieldKind;
use crate::domain::format::records::Layout;
use crate::domain::format::records::Lines;
use crate::domain::format::records::RecordFault;
use crate::domain::format::records::RecordFaultKind;
use crate::domain::format::records::RecordKind;
use crate::domain::format::records::delimited::encode;
use crate::domain::format::records::delimited::wrong_charset;

use std::io::BufRead;

/// Reads a fixed-width file record by record.
#[derive(Debug)]
pub struct FixedReader<'l, R> {
    lines: Lines<R>,
    layout: &'l Layout,
    charset: Charset,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// One record; its texts are borrowed from the reader.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Line, counted from 1.
    pub line: u64,
    pub kind: &'a RecordKind,
    text: &'a str,
    ends: &'a [usize],
}

impl<'a> Record<'a> {
    /// The fields in order with their texts: without the spaces or zeros that fill them up. A number keeps one digit.
    pub fn fields(&self) -> impl Iterator<Item = (&'a Field, &'a str)> + use<'a> {
        let text = self.text;
        let mut start = 0;
        self.kind.fields.iter().zip(self.ends).map(move |(field, end)| {
            let piece = text.get(start..*end).unwrap_or_default();
            start = *end;
            (field, piece)
        })
    }

    /// The text of the field with that name.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.fields().find(|(field, _)| *field.name == *name).map(|(_, text)| text)
    }
}

impl<'l, R: BufRead> FixedReader<'l, R> {
    /// A reader of the file `source`, laid out as `layout` says.
    pub fn new(source: R, layout: &'l Layout, charset: Charset) -> Self {
        let longest = layout.records.iter().map(|record| record.bytes).max().unwrap_or(0);
        // Lines somewhat too long are told with their length, all others with the limit.
        let lines = Lines::new(source, longest * 2);
        Self { lines, layout, charset, text: Vec::new(), ends: Vec::new() }
    }

    /// The next record, or none at the end.
    ///
    /// # Errors
    /// Those of [`Lines::next_line`]; when the line is no record of the layout, has another length, or a field holds
    /// what it cannot hold.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, RecordFault> {
        let Some((line, raw)) = self.lines.next_line()? else { return Ok(None) };
        let fault = |field: &str, what| RecordFault { line, field: field.into(), what };
        let kind = self.layout.record_of(raw).ok_or_else(|| fault("", RecordFaultKind::UnknownRecord))?;
        if raw.len() != kind.bytes {
            return Err(fault("", RecordFaultKind::WrongLength { expected: kind.bytes, found: raw.len() }));
        }
        self.text.clear();
        self.ends.clear();
        for field in &kind.fields {
            let bytes = raw.get(field.off..field.off + field.bytes).unwrap_or_default();
            let content = unfilled(field, bytes).map_err(|what| fault(&field.name, what))?;
            self.charset.decode(content, &mut self.text).map_err(|wrong| {
                let what = match wrong_charset(&wrong, self.charset) {
                    RecordFaultKind::WrongCharset { charset, offset } => {
                        RecordFaultKind::WrongCharset { charset, offset: field.off + offset }
                    }
                    other => other,
                };
                fault(&field.name, what)
            })?;
            self.ends.push(self.text.len());
        }
        let text = std::str::from_utf8(&self.text).map_err(|wrong| {
            fault("", RecordFaultKind::WrongCharset { charset: "UTF-8", offset: wrong.valid_up_to() })
        })?;
        Ok(Some(Record { line, kind, text, ends: &self.ends }))
    }
}

/// The bytes of a field without what fills it up. Neither a space nor a zero is part of a longer character at the
/// end of a GB 18030 text: second and fourth bytes are never 0x20.
fn unfilled<'a>(field: &Field, bytes: &'a [u8]) -> Result<&'a [u8], RecordFaultKind> {
    match field.kind {
        FieldKind::Number => {
            if !bytes.iter().all(u8::is_ascii_digit) {
                return Err(RecordFaultKind::NotDigits);
            }
            let zeros = bytes.iter().take(bytes.len().saturating_sub(1)).take_while(|byte| **byte == b'0').count();
            Ok(&bytes[zeros..])
        }
        FieldKind::Text | FieldKind::Date => {
            let length = bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
            Ok(&bytes[..length])
        }
    }
}

impl Layout {
    /// Appends one record in `charset` to `out`, without a line end. `value` gives the text of a field, none for one
    /// that stays empty; the mark is written by itself. `line` is only for faults.
    ///
    /// # Errors
    /// When there is no such record, a text does not fit, a number is missing or has other characters than digits,
    /// or the charset lacks a character; `out` is then as before.
    pub fn write<'a>(
        &self,
        record: &str,
        value: impl Fn(&str) -> Option<&'a str>,
        charset: Charset,
        line: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordFault> {
        let before = out.len();
        let fault = |field: &str, what| RecordFault { line, field: field.into(), what };
        let kind = self.record(record).ok_or_else(|| fault("", RecordFaultKind::UnknownRecord))?;
        for field in &kind.fields {
            let text = field.mark.as_deref().or_else(|| value(&field.name)).unwrap_or_default();
            if let Err(what) = write_field(field, text, charset, out) {
                out.truncate(before);
                return Err(fault(&field.name, what));
            }
        }
        Ok(())
    }
}

fn write_field(field: &Field, text: &str, charset: Charset, out: &mut Vec<u8>) -> Result<(), RecordFaultKind> {
    if text.chars().any(char::is_control) {
        return Err(RecordFaultKind::ContainsControl);
    }
    let start = out.len();
    if field.kind == FieldKind::Number {
        if text.is_empty() {
            return Err(RecordFaultKind::Missing);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(RecordFaultKind::NotDigits);
        }
        out.resize(start + field.bytes.saturating_sub(text.len()), b'0');
    }
    encode(text, charset, out)?;
    let found = out.len() - start;
    if found > field.bytes {
        return Err(RecordFaultKind::TooLong { bytes_max: field.bytes, found });
    }
    if field.kind == FieldKind::Date && !text.is_empty() && found != field.bytes {
        return Err(RecordFaultKind::WrongLength { expected: field.bytes, found });
    }
    out.resize(start + field.bytes, b' ');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "record,field,start,bytes,type,rule\n\
        D,type,1,1,char,D\nD,name,2,8,char,\nD,amount,10,5,number,fen\nD,day,15,8,date,\nT,type,1,1,char,T\nT,count,2,3,number,\n";

    fn written(values: [Option<&'static str>; 3]) -> Result<Vec<u8>, (String, RecordFaultKind)> {
        let layout = Layout::parse(TABLE).unwrap();
        let mut out = Vec::new();
        let value = |name: &str| match name {
            "name" => values[0],
            "amount" => values[1],
            _ => values[2],
        };
        let outcome = layout.write("D", value, Charset::Gb18030, 3, &mut out);
        outcome.map(|()| out).map_err(|fault| (fault.field.to_string(), fault.what))
    }

    #[test]
    fn widths_count_bytes_after_encoding() {
        let line = written([Some("刘𬱖"), Some("12"), Some("20261123")]).unwrap();
        assert_eq!(line, b"D\xC1\xF5\x99\x33\xC3\x36  0001220261123");
        let layout = Layout::parse(TABLE).unwrap();
        let file = [&line[..], b"\r\nT007\r\n"].concat();
        let mut reader = FixedReader::new(&file[..], &layout, Charset::Gb18030);
        let record = reader.next_record().unwrap().unwrap();
        let texts: Vec<_> = record.fields().map(|(field, text)| (&*field.name, text)).collect();
        assert_eq!(texts, [("type", "D"), ("name", "刘𬱖"), ("amount", "12"), ("day", "20261123")]);
        let record = reader.next_record().unwrap().unwrap();
        assert_eq!((record.line, &*record.kind.name, record.field("count")), (2, "T", Some("7")));
        assert!(reader.next_record().unwrap().is_none());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        use RecordFaultKind as Kind;
        let told = |values, field: &str, what| assert_eq!(written(values), Err((field.to_string(), what)));
        told([Some("欧阳娜仁·"), Some("1"), None], "name", Kind::TooLong { bytes_max: 8, found: 10 });
        told([None, Some("123456"), None], "amount", Kind::TooLong { bytes_max: 5, found: 6 });
        told([None, Some("-1"), None], "amount", Kind::NotDigits);
        told([None, None, None], "amount", Kind::Missing);
        told([None, Some("1"), Some("2026")], "day", Kind::WrongLength { expected: 8, found: 4 });
        told([Some("a\nb"), Some("1"), None], "name", Kind::ContainsControl);
        assert!(written([None, Some("0"), None]).is_ok());
    }

    #[test]
    fn broken_records_are_told_with_line_and_field() {
        let layout = Layout::parse(TABLE).unwrap();
        let told = |file: &[u8]| {
            let mut reader = FixedReader::new(file, &layout, Charset::Gb18030);
            let fault = loop {
                match reader.next_record() {
                    Ok(Some(_)) => {}
                    Ok(None) => return None,
                    Err(fault) => break fault,
                }
            };
            Some((fault.line, fault.field.to_string(), fault.what))
        };
        assert_eq!(told(b"T001\nX\n"), Some((2, String::new(), RecordFaultKind::UnknownRecord)));
        let short = RecordFaultKind::WrongLength { expected: 4, found: 3 };
        assert_eq!(told(b"T01\n"), Some((1, String::new(), short)));
        assert_eq!(told(b"T0 1\n"), Some((1, "count".into(), RecordFaultKind::NotDigits)));
        // A character cut in two by the field's end.
        let cut = RecordFaultKind::WrongCharset { charset: "GB18030", offset: 8 };
        assert_eq!(told(b"Dabcdefg\x990000120261123\n"), Some((1, "name".into(), cut)));
    }
}
