//! Random damage: whatever the bytes, every reader ends, and never by a panic.

use crate::shape::Shape;
use jingyue::domain::format::Kind;
use jingyue::domain::format::Limits;
use jingyue::domain::format::Naming;
use jingyue::domain::format::Scratch;
use jingyue::domain::format::charset::Charset;
use jingyue::domain::format::escape;
use jingyue::domain::format::form;
use jingyue::domain::format::json;
use jingyue::domain::format::records;
use jingyue::domain::format::records::Delimited;
use jingyue::domain::format::records::DelimitedReader;
use jingyue::domain::format::records::FixedReader;
use jingyue::domain::format::records::Layout;
use jingyue::domain::format::xml;
use proptest::prelude::*;

const JSON: &[u8] = r#"{"head":{"msgId":"YY1","n":-1.5e3},"data":{"name":"刘\ud873\udc56","list":[{"x":"1"},null,"t"],"doc":"{\"inner\":\"\\u5218\"}"},"z":[true,{}]}"#.as_bytes();

const XML: &[u8] = "<?xml version=\"1.0\" encoding=\"GBK\"?>\n<s:head xmlns:s='urn:s' xmlns='urn:d'><msgId a='1&amp;'>YY&#49;</msgId><data><name><![CDATA[刘]]>𬱖</name><list><x>1</x></list><list/><doc>&lt;inner>&amp;lt;&lt;/inner></doc><field name='y'>&#x5218;</field></data><!-- c --><z/></s:head>".as_bytes();

const FORM: &[u8] = b"msgId=a%20b+c&doc=%3Cinner%3E%C1%F5%99%33%C3%36%26amp%3B%3C%2Finner%3E&z=%FE%59&list=1&list=2";

const ROWS: &[u8] = "1@|$\u{5218}@|$含|竖线@|$\r\n2@|$@|$@|$\n".as_bytes();

const FIXED: &[u8] = b"D\xC1\xF5\x99\x33\xC3\x36  0001220261123\r\nT007\r\n";

const LAYOUT: &str = "record,field,start,bytes,type,rule\nD,type,1,1,char,D\nD,name,2,8,char,\nD,amount,10,5,number,\nD,day,15,8,date,\nT,type,1,1,char,T\nT,count,2,3,number,\n";

fn shape(format: &str) -> Shape {
    let mut shape = Shape::new();
    let root = if format == "xml" { "head/" } else { "" };
    shape.leaf(&format!("{root}msgId"));
    shape.leaf(&format!("{root}head/msgId"));
    shape.leaf(&format!("{root}data/name"));
    shape.leaf(&format!("{root}data/y"));
    shape.list(&format!("{root}data/list"), &["x"]);
    shape.list(&format!("{root}list"), &[]);
    let kind = if format == "json" { "json" } else { "xml" };
    shape.leaf(&format!("{root}data/doc!{kind}/inner"));
    shape.leaf(&format!("{root}doc!{kind}/inner"));
    shape
}

/// Every slot lies within its buffer and, if escaped, can be decoded.
fn sound(scratch: &Scratch, input: &[u8]) {
    for slot in &scratch.slots {
        let raw = scratch.raw(input, *slot);
        if !matches!(slot.kind, Kind::Missing | Kind::List) {
            assert_eq!(raw.len(), slot.len as usize);
            escape::unescape(slot.kind, raw, &mut Vec::new()).unwrap();
            assert!(std::str::from_utf8(raw).is_ok());
        }
    }
}

fn read_all(bytes: &[u8]) {
    let (limits, mut scratch) = (Limits::default(), Scratch::default());
    if json::read(&shape("json").tree, 0, bytes, &mut scratch, &limits).is_ok() {
        sound(&scratch, bytes);
    }
    let mut tree = shape("xml").tree;
    for naming in
        [Naming::Element, Naming::Attribute { elements: vec![b"field"[..].into()], attribute: b"name"[..].into() }]
    {
        tree.naming = naming;
        if xml::read(&tree, 0, bytes, &mut scratch, &limits).is_ok() {
            sound(&scratch, bytes);
        }
    }
    for charset in [Charset::Utf8, Charset::Gbk, Charset::Gb18030] {
        if form::read(&shape("form").tree, 0, charset, bytes, &mut scratch, &limits).is_ok() {
            sound(&scratch, bytes);
        }
        let mut text = Vec::new();
        if charset.decode(bytes, &mut text).is_ok() {
            assert!(std::str::from_utf8(&text).is_ok());
        }
        let spec = Delimited { separator: "@|$".into(), trailing: true };
        let mut reader = DelimitedReader::new(bytes, spec.clone(), charset, 200);
        while let Ok(Some(row)) = reader.next_row() {
            let mut again = Vec::new();
            if spec.write(row.columns(), charset, row.line, &mut again).is_ok() {
                let mut second = DelimitedReader::new(&again[..], spec.clone(), charset, 400);
                let second = second.next_row().unwrap().unwrap();
                assert!(second.columns().eq(row.columns()));
            }
        }
        let layout = Layout::parse(LAYOUT).unwrap();
        let mut reader = FixedReader::new(bytes, &layout, charset);
        while let Ok(Some(record)) = reader.next_record() {
            assert!(record.fields().count() >= 2);
        }
        let mut rows = Shape::new();
        rows.list("ROW", &["1", "3"]);
        if records::read(&rows.tree, 0, &spec, bytes, &mut scratch, &limits).is_ok() {
            sound(&scratch, bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_damage_breaks_a_reader(
        base in prop::sample::select(vec![JSON, XML, FORM, ROWS, FIXED]),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4, any::<u8>(), any::<prop::sample::Index>()), 0..6),
    ) {
        let mut bytes = base.to_vec();
        for (place, how, byte, other) in cuts {
            if bytes.is_empty() {
                break;
            }
            let (place, other) = (place.index(bytes.len()), other.index(bytes.len()));
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 => bytes.truncate(place),
                _ => {
                    // A stretch of the document again, somewhere else.
                    let piece = bytes[place.min(other)..place.max(other)].to_vec();
                    bytes.splice(place..place, piece);
                }
            }
        }
        read_all(&bytes);
    }

    #[test]
    fn no_bytes_break_a_reader(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        read_all(&bytes);
    }

    #[test]
    fn what_is_escaped_comes_back(text in "\\PC{0,40}|[\\x20-\\x7e\\n\\t\\r刘]{0,40}") {
        let (mut out, mut back) = (Vec::new(), Vec::new());
        escape::json(&mut out, text.as_bytes());
        escape::unescape(Kind::JsonEscaped, &out, &mut back).unwrap();
        prop_assert_eq!(&back, text.as_bytes());
        for write in [escape::xml_text, escape::xml_attribute] {
            out.clear();
            back.clear();
            if write(&mut out, text.as_bytes()).is_ok() {
                escape::unescape(Kind::XmlEscaped, &out, &mut back).unwrap();
                prop_assert_eq!(&back, text.as_bytes());
            }
        }
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        if escape::xml_text(&mut once, text.as_bytes()).is_ok() {
            escape::xml_text(&mut twice, &once).unwrap();
            out.clear();
            escape::xml_text_twice(&mut out, text.as_bytes()).unwrap();
            prop_assert_eq!(out, twice);
        }
    }
}
