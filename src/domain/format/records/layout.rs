//! The layout of a fixed-width file, as a table: `record,field,start,bytes,type,rule`.
//!
//! The first field of each record carries its mark, the rule of that row. Other rules are notes for people, except
//! `spaces` on a filler. It deliberately checks no sums and no counts; those are rules of the mapping.

use std::fmt;

/// What a field holds, which decides how it is filled up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text, filled up with spaces on the right (`char`).
    Text,
    /// Digits, filled up with zeros on the left (`number`).
    Number,
    /// A date or time, as long as its field or empty (`date`, `datetime`).
    Date,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: Box<str>,
    /// Bytes before the field, after encoding.
    pub off: usize,
    /// Bytes of the field, after encoding.
    pub bytes: usize,
    pub kind: FieldKind,
    /// What must stand there: the mark of the record's first field.
    pub mark: Option<Box<str>>,
}

/// One kind of record of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordKind {
    pub name: Box<str>,
    /// In the order of their places, without gaps.
    pub fields: Vec<Field>,
    /// Bytes of the whole record, the line end not counted.
    pub bytes: usize,
}

/// All kinds of records of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub records: Vec<RecordKind>,
}

/// What is wrong with a row of a layout table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutFault {
    /// Line of the table, counted from 1; 0 where the whole table is meant.
    pub line: u64,
    /// What is wrong, in Chinese.
    pub what: String,
}

impl fmt::Display for LayoutFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "版式表第 {} 行：{}", self.line, self.what)
    }
}

impl std::error::Error for LayoutFault {}

/// Columns of a layout table.
const COLUMNS: [&str; 6] = ["record", "field", "start", "bytes", "type", "rule"];

/// Most bytes of a record, so that a slip in a layout cannot ask for any amount of memory.
const RECORD_BYTES_MAX: usize = 1 << 20;

impl Layout {
    /// The layout that `text`, a table in CSV form, describes.
    ///
    /// # Errors
    /// All faults of the table: columns that lack, places that do not follow one another, unknown types, fields or
    /// records that stand twice, marks that lack or do not fill their field.
    pub fn parse(text: &str) -> Result<Self, Vec<LayoutFault>> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let mut faults = Vec::new();
        let mut layout = Self { records: Vec::new() };
        match reader.headers() {
            Ok(headers) if headers.iter().eq(COLUMNS) => {}
            _ => return Err(vec![LayoutFault { line: 1, what: format!("表头应为 {}", COLUMNS.join(",")) }]),
        }
        for row in reader.records() {
            match row {
                Ok(row) => {
                    let line = row.position().map_or(0, csv::Position::line);
                    if let Err(what) = layout.add(&row) {
                        faults.push(LayoutFault { line, what });
                    }
                }
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    faults.push(LayoutFault { line, what: "列数不对或不是 UTF-8".into() });
                }
            }
        }
        if layout.records.is_empty() && faults.is_empty() {
            faults.push(LayoutFault { line: 0, what: "版式表没有内容".into() });
        }
        layout.check_marks(&mut faults);
        if faults.is_empty() { Ok(layout) } else { Err(faults) }
    }

    fn add(&mut self, row: &csv::StringRecord) -> Result<(), String> {
        let cell = |column: usize| row.get(column).unwrap_or_default();
        let number = |column: usize| {
            cell(column).parse::<usize>().ok().filter(|number| (1..=RECORD_BYTES_MAX).contains(number)).ok_or_else(
                || format!("{} 应为 1 至 {RECORD_BYTES_MAX} 的整数，实际是“{}”", COLUMNS[column], cell(column)),
            )
        };
        let (start, bytes) = (number(2)?, number(3)?);
        let kind = match cell(4) {
            "char" => FieldKind::Text,
            "number" => FieldKind::Number,
            "date" | "datetime" => FieldKind::Date,
            other => return Err(format!("type 应为 char、number、date 或 datetime，实际是“{other}”")),
        };
        let known = self.records.iter().position(|record| *record.name == *cell(0));
        if known.is_some_and(|place| place + 1 < self.records.len()) {
            return Err(format!("记录 {} 的行应连在一起", cell(0)));
        }
        let place = known.unwrap_or_else(|| {
            self.records.push(RecordKind { name: cell(0).into(), fields: Vec::new(), bytes: 0 });
            self.records.len() - 1
        });
        let record = &mut self.records[place];
        let expected = record.bytes + 1;
        let mark = record.fields.is_empty().then(|| cell(5).into());
        let double = record.fields.iter().any(|field| *field.name == *cell(1));
        record.bytes = start - 1 + bytes;
        record.fields.push(Field { name: cell(1).into(), off: start - 1, bytes, kind, mark });
        if cell(0).is_empty() || cell(1).is_empty() {
            return Err("记录名和字段名不能为空".into());
        }
        if double {
            return Err(format!("记录 {} 的字段 {} 出现两次", cell(0), cell(1)));
        }
        if start != expected {
            return Err(format!("字段 {} 应从第 {expected} 字节开始，实际是 {start}", cell(1)));
        }
        Ok(())
    }

    /// Every record needs a mark that fills its first field, and no mark may begin another.
    fn check_marks(&self, faults: &mut Vec<LayoutFault>) {
        let mut marks: Vec<&str> = Vec::new();
        for record in &self.records {
            let mark = record.mark();
            let fills = record.fields.first().is_some_and(|field| field.bytes == mark.len());
            if mark.is_empty() || !mark.is_ascii() || !fills {
                let what = format!("记录 {} 的第一个字段应在 rule 列写明标识，且正好占满该字段", record.name);
                faults.push(LayoutFault { line: 0, what });
            }
            if marks.iter().any(|other| other.starts_with(mark) || mark.starts_with(other)) {
                faults.push(LayoutFault {
                    line: 0, what: format!("记录 {} 的标识与另一记录混淆", record.name)
                });
            }
            marks.push(mark);
        }
    }

    /// The kind of record that `line` begins like.
    pub(super) fn record_of(&self, line: &[u8]) -> Option<&RecordKind> {
        self.records.iter().find(|record| line.starts_with(record.mark().as_bytes()))
    }

    /// The kind of record with that name.
    pub fn record(&self, name: &str) -> Option<&RecordKind> {
        self.records.iter().find(|record| *record.name == *name)
    }
}

impl RecordKind {
    fn mark(&self) -> &str {
        self.fields.first().and_then(|field| field.mark.as_deref()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "record,field,start,bytes,type,rule\n";

    #[test]
    fn a_table_becomes_places() {
        let layout =
            Layout::parse(&format!("{HEAD}H,type,1,1,char,H\nH,count,2,8,number,\nD,type,1,2,char,DD\n")).unwrap();
        assert_eq!(layout.records.len(), 2);
        assert_eq!((layout.records[0].bytes, layout.records[0].fields[1].off), (9, 1));
        assert_eq!(layout.record_of(b"DDx").map(|record| &*record.name), Some("D"));
        assert_eq!(layout.record_of(b"Dx"), None);
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let table =
            format!("{HEAD}H,type,1,1,char,H\nH,a,3,2,char,\nH,b,5,x,char,\nH,c,5,1,text,\nD,type,1,1,char,HD\n");
        let lines: Vec<_> = Layout::parse(&table).unwrap_err().iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [3, 4, 5, 0, 0]);
        assert_eq!(Layout::parse("a,b\n").unwrap_err()[0].line, 1);
        assert_eq!(Layout::parse(HEAD).unwrap_err().len(), 1);
    }
}
