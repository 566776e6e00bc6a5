//! The sample messages and files of the two cities.

use crate::shape::Shape;
use crate::shape::at;
use crate::shape::items;
use jingyue::domain::format::Kind;
use jingyue::domain::format::Limits;
use jingyue::domain::format::Naming;
use jingyue::domain::format::Scratch;
use jingyue::domain::format::charset::Charset;
use jingyue::domain::format::form;
use jingyue::domain::format::json;
use jingyue::domain::format::records::Delimited;
use jingyue::domain::format::records::DelimitedReader;
use jingyue::domain::format::records::FixedReader;
use jingyue::domain::format::records::Layout;
use jingyue::domain::format::xml;
use std::path::Path;

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/examples").join(name)).unwrap()
}

#[test]
fn soap_with_a_package_in_a_section() {
    let input = sample("02-pf-withdraw-rent/jingzhou.request.soap.xml");
    let mut shape = Shape::new();
    let package = "Envelope/Body/KSTB_SQ/information!xml/PACKAGE";
    let licence = shape.leaf("Envelope/Body/KSTB_SQ/sqzcm");
    let name = shape.leaf(&format!("{package}/DATA/RECORD/XM"));
    let note = shape.leaf(&format!("{package}/DATA/RECORD/BZ"));
    let materials = shape.list(&format!("{package}/DATA/RECORD/CLLB/CL"), &["CLMC", "CLNR", "ZZBS"]);
    let mut scratch = Scratch::default();
    xml::read(&shape.tree, 0, &input, &mut scratch, &Limits::default()).unwrap();
    let text = |number| at(&scratch, &input, 0, number);
    assert_eq!(text(licence).1, "JZ-LIC-0001");
    assert_eq!(text(name), (Kind::Text, "刘𬱖".into()));
    assert_eq!(text(note), (Kind::XmlEscaped, "租金含税<8400元&按季付]]>".into()));
    assert!(scratch.sides.iter().all(Vec::is_empty), "a plain section is read where it stands");
    let rows: Vec<_> = items(&scratch, materials)
        .iter()
        .map(|frame| [1, 2, 3].map(|number| at(&scratch, &input, *frame, number).0))
        .collect();
    assert_eq!(rows, [[Kind::Text, Kind::Text, Kind::Missing], [Kind::Text, Kind::Text, Kind::Text]]);
    assert!(scratch.duplicates.is_empty());
}

#[test]
fn json_of_the_same_case() {
    let input = sample("02-pf-withdraw-rent/yueyang.request.json");
    let mut shape = Shape::new();
    let name = shape.leaf("data/applicant/spouse/spouseName");
    let street = shape.leaf("data/lease/houseAddr/street");
    let close = shape.leaf("data/closeAccount");
    let count = shape.leaf("data/houseCount");
    let materials = shape.list("data/materials", &["name", "content"]);
    let mut scratch = Scratch::default();
    json::read(&shape.tree, 0, &input, &mut scratch, &Limits::default()).unwrap();
    assert_eq!(at(&scratch, &input, 0, name).1, "王㛃");
    assert_eq!(
        [street, close, count].map(|number| at(&scratch, &input, 0, number).0),
        [Kind::Null, Kind::False, Kind::Number]
    );
    let kinds: Vec<_> = items(&scratch, materials).iter().map(|frame| at(&scratch, &input, *frame, 2).0).collect();
    assert_eq!(kinds, [Kind::Text, Kind::Null]);
}

#[test]
fn form_with_a_document_in_gb18030() {
    let input = sample("01-pf-query/jingzhou.request.form");
    let mut shape = Shape::new();
    let code = shape.leaf("jydm");
    let name = shape.leaf("xml!xml/ROOT/BODY/XINGMING");
    let account = shape.leaf("xml!xml/ROOT/BODY/GRZH");
    let mut scratch = Scratch::default();
    form::read(&shape.tree, 0, Charset::Gbk, &input, &mut scratch, &Limits::default()).unwrap();
    assert_eq!(at(&scratch, &input, 0, code).1, "GJJ1001");
    assert_eq!(at(&scratch, &input, 0, name).1, "刘𬱖");
    assert_eq!(at(&scratch, &input, 0, account), (Kind::Text, String::new()));
    // Written again, the parameter is the same byte for byte.
    let (start, raw) = (input.windows(5).position(|piece| piece == b"&xml=").unwrap() + 5, scratch.slot(0, 2));
    let document = String::from_utf8(scratch.raw(&input, raw).to_vec()).unwrap();
    let (mut encoded, mut written) = (Vec::new(), Vec::new());
    Charset::Gb18030.encode(&document, &mut encoded).unwrap();
    form::encode_component(&mut written, &encoded);
    assert_eq!(written, &input[start..]);
}

fn read_fields(name: &str, shape: &mut Shape) -> Scratch {
    let input = sample(name);
    let elements = [&b"field"[..], b"field-list"].map(Into::into).to_vec();
    shape.tree.naming = Naming::Attribute { elements, attribute: b"name"[..].into() };
    let mut scratch = Scratch::default();
    scratch.begin(&shape.tree);
    let [first, ..] = &mut scratch.sides;
    Charset::Gbk.decode(&input, first).unwrap();
    xml::read_side(&shape.tree, 0, 0, &mut scratch, &Limits::default()).unwrap();
    scratch
}

#[test]
fn fields_named_by_attribute() {
    let mut shape = Shape::new();
    let date = shape.leaf("message/head/SendDate");
    let customer = shape.leaf("message/head/CustNo");
    let name = shape.leaf("message/body/EmpName");
    let scratch = read_fields("03-pf-transfer/m1-letter.request.gb18030.xml", &mut shape);
    let text = |number| at(&scratch, &[], 0, number);
    assert_eq!((text(date).1.as_str(), text(name).1.as_str()), ("20261123", "刘𬱖"));
    assert_eq!(text(customer), (Kind::Text, String::new()));

    let mut shape = Shape::new();
    let files = shape.list("message/body/FILE_LIST/0", &["NAME", "DATA"]);
    let scratch = read_fields("03-pf-transfer/m4-money-notice.request.gb18030.xml", &mut shape);
    let frames = items(&scratch, files);
    assert_eq!(at(&scratch, &[], frames[0], 1).1, "BDC_ACC_430600000000000_20261123.DAT");
    assert!(at(&scratch, &[], frames[0], 2).1.contains("|荆州住房公积金中心|45321.54|"));
}

/// Every sample document is accepted, every JSON and XML one of them.
#[test]
fn all_sample_documents_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/examples");
    let (mut scratch, mut read) = (Scratch::default(), 0);
    for case in std::fs::read_dir(folder).unwrap().filter_map(|entry| std::fs::read_dir(entry.unwrap().path()).ok()) {
        for file in case {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let input = std::fs::read(&path).unwrap();
            let tree = Shape::new().tree;
            let extension = path.extension().and_then(|extension| extension.to_str());
            let outcome = if extension == Some("json") {
                json::read(&tree, 0, &input, &mut scratch, &Limits::default())
            } else if name.contains(".gb18030.") && extension == Some("xml") {
                let mut text = Vec::new();
                Charset::Gb18030.decode(&input, &mut text).unwrap();
                xml::read(&tree, 0, &text, &mut scratch, &Limits::default())
            } else if extension == Some("xml") {
                xml::read(&tree, 0, &input, &mut scratch, &Limits::default())
            } else {
                continue;
            };
            assert_eq!(outcome, Ok(()), "{name}");
            read += 1;
        }
    }
    assert!(read > 30, "{read}");
}

#[test]
fn the_transfer_file_round_trips() {
    let input = sample("03-pf-transfer/BDC_BAT_430600000000000_43060261123000000106.DAT");
    let spec = Delimited { separator: "@|$".into(), trailing: true };
    let mut reader = DelimitedReader::new(&input[..], spec.clone(), Charset::Gb18030, 4096);
    let (mut written, mut notes) = (Vec::new(), Vec::new());
    while let Some(row) = reader.next_row().unwrap() {
        assert_eq!(row.columns().count(), 19);
        notes.push(row.columns().nth(16).unwrap().to_string());
        // Line feeds stand between the lines, none after the last.
        written.extend_from_slice(if row.line > 1 { b"\n" } else { b"" });
        spec.write(row.columns(), Charset::Gb18030, row.line, &mut written).unwrap();
    }
    assert_eq!(written, input);
    // The second row has a bar and an at sign in a text, which only the short separator cannot carry.
    assert_eq!(notes, ["", "含|竖线和@符号"]);
    let bar = Delimited { separator: "|".into(), trailing: true };
    let fault = bar.write([notes[1].as_str()], Charset::Gb18030, 2, &mut Vec::new()).unwrap_err();
    assert_eq!(fault.to_string(), "第 2 行字段 1：内容中含有分隔符，不能写入");
}

#[test]
fn the_settlement_file_round_trips() {
    let input = sample("03-pf-transfer/GJJDZ_430600_421000_20261123.gb18030.txt");
    let table = String::from_utf8(sample("03-pf-transfer/GJJDZ.layout.csv")).unwrap();
    let layout = Layout::parse(&table).unwrap();
    let mut reader = FixedReader::new(&input[..], &layout, Charset::Gb18030);
    let (mut written, mut names, mut sums) = (Vec::new(), Vec::new(), [0_u64; 2]);
    while let Some(record) = reader.next_record().unwrap() {
        let number = |name| record.field(name).unwrap().parse::<u64>().unwrap();
        match &*record.kind.name {
            "D" => {
                names.push(record.field("name").unwrap().to_string());
                sums[usize::from(record.field("reversal") == Some("1"))] += number("amount");
            }
            "T" => assert_eq!([number("sum"), number("reversal_sum")], sums),
            _ => assert_eq!(number("count"), 3),
        }
        layout
            .write(&record.kind.name, |name| record.field(name), Charset::Gb18030, record.line, &mut written)
            .unwrap();
        written.extend_from_slice(b"\r\n");
    }
    assert_eq!(written, input);
    assert_eq!(names[0], "刘𬱖");
    assert_eq!(names.len(), 3);
}
