//! `jingyue codes export` and `import`: everything goes out and comes back as it was, and whatever spreadsheet programs and
//! people do to a table in between is told at its cell.

use crate::support::Copy;
use jingyue::domain::mapping::Grid;
use jingyue::domain::mapping::tidied;
use jingyue::edge::library::Library;
use jingyue::edge::sheet;

/// All files that go out to a spreadsheet: code tables, message files, lists.
#[test]
fn every_table_and_message_file_comes_back_as_it_went() {
    let files = Library::load(&crate::support::mappings()).unwrap().files;
    let folder = tempfile::tempdir().unwrap();
    let (mut compared, mut differing) = (0, Vec::new());
    for (path, text) in files.0.iter().filter(|(path, _)| path.strip_suffix(".csv").is_some()) {
        let grid = Grid::of_csv(text).unwrap();
        for ending in ["xlsx", "csv", "gbk.csv"] {
            let file = folder.path().join(format!("{compared}.{ending}"));
            if ending == "gbk.csv" {
                // As an older program writes it: GBK, CRLF, every row padded to the longest.
                let width = grid.rows.iter().map(|row| row.cells.len()).max().unwrap_or_default() + 2;
                let mut padded = grid.clone();
                padded.rows.iter_mut().for_each(|row| row.cells.resize(width, String::new()));
                let text = padded.csv().replace('\n', "\r\n") + &",".repeat(width - 1) + "\r\n";
                let mut bytes = Vec::new();
                // A few tables hold characters that GBK lacks.
                let charset = jingyue::domain::format::charset::Charset::Gb18030;
                charset.encode(&text, &mut bytes).unwrap();
                std::fs::write(&file, bytes).unwrap();
            } else {
                sheet::write(&file, &grid).unwrap();
            }
            let back = tidied(&files, path, sheet::read(&file).unwrap().grid);
            assert_eq!(back.faults, [], "{path}");
            if back.csv() != *text {
                differing.push(format!("{path} by {ending}"));
            }
            compared += 1;
        }
    }
    assert!(compared > 3 * 150, "{compared}");
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn a_table_comes_back_from_a_workbook_as_it_went() {
    let copy = Copy::few();
    for (name, path) in
        [("marital", "codes/marital.csv"), ("--list=matters", "matters.csv"), ("--list=fields", "fields.csv")]
    {
        let before = copy.text(path);
        let file = copy.file(&format!("{}.xlsx", name.trim_start_matches('-')));
        let output = copy.run(&["codes", "export", name, "--to", file.to_str().unwrap()], b"");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let option = if name.starts_with('-') { vec![name] } else { vec!["--table", name] };
        let (code, told) = copy.import_file(&file, &option);
        assert_eq!(code, 0, "{told}");
        assert!(told.contains("没有改动"), "{told}");
        assert_eq!(copy.text(path), before);
    }
}

#[test]
fn a_message_file_is_edited_in_a_workbook() {
    let copy = Copy::few();
    let file = copy.file("answer.xlsx");
    let to = file.to_str().unwrap();
    let name = "--message=yueyang-window/gj12-answer";
    assert_eq!(copy.run(&["codes", "export", name, "--to", to], b"").status.code(), Some(0));
    let mut grid = sheet::read(&file).unwrap().grid;
    let row = grid.rows.iter_mut().find(|row| row.cells.get(1).is_some_and(|field| field == "accept_org")).unwrap();
    row.cells[1] = "accept_orgg".into();
    let cell = format!("B{}", row.number);
    std::fs::remove_file(&file).unwrap();
    sheet::write(&file, &grid).unwrap();
    let before = copy.text("messages/yueyang-window/gj12-answer.csv");
    let (code, told) = copy.import_file(&file, &[name]);
    assert_eq!(code, 1);
    assert!(told.contains(&format!("{cell} 错误 M160")) && told.contains("accept_org"), "{told}");
    assert_eq!(copy.text("messages/yueyang-window/gj12-answer.csv"), before);
}

/// The rows of issue 3, "Bad input", each by its name, and what a spreadsheet adds to them.
mod bad_input {
    use super::Copy;
    use jingyue::domain::mapping::Grid;
    use jingyue::edge::sheet;

    /// Imports a changed table: it is refused with the fault at the cell, and stays as it was.
    #[track_caller]
    fn refused(table: &str, change: impl Fn(&str) -> String, at: &[&str]) -> String {
        let copy = Copy::few();
        let path = format!("codes/{table}.csv");
        let before = copy.text(&path);
        let changed = change(&before);
        assert_ne!(changed, before);
        let (code, told) = copy.import(table, &changed);
        assert_eq!(code, 1, "{told}");
        for cell in at {
            assert!(told.contains(cell), "{cell} is not in: {told}");
        }
        assert_eq!(copy.text(&path), before);
        told
    }

    #[test]
    fn duplicate() {
        let told = refused("sex", |text| format!("{text}2,又一女,2,\n"), &["A6 错误 M122"]);
        assert!(told.contains("代码“2”重复"), "{told}");
    }

    #[test]
    fn cycle_of_fall_backs() {
        let change = |text: &str| {
            text.replacen("\n20,已婚,20,20,,,", "\n20,已婚,20,20,,21,", 1).replacen(
                "\n10,未婚,10,10,,,",
                "\n10,未婚,10,10,,10,",
                1,
            )
        };
        refused("marital", change, &["F2 错误 M127", "F3 错误 M127", "F4 错误 M127"]);
    }

    #[test]
    fn retired_code() {
        // Row 4 writes the code of row 3, which ended.
        let change = |text: &str| {
            let text = text.replacen(
                "canonical,title,gb,jingzhou,jingzhou.way,parent,",
                "canonical,title,gb,jingzhou,jingzhou.way,parent,valid_to,",
                1,
            );
            let (header, rows) = text.split_once('\n').unwrap();
            let rows: Vec<String> = rows
                .lines()
                .map(|row| {
                    let cells: Vec<&str> = row.splitn(7, ',').collect();
                    let ended = if cells[0] == "20" { "2025-12-31" } else { "" };
                    format!("{},{ended},{}\n", cells[..6].join(","), cells[6])
                })
                .collect();
            format!("{header}\n{}", rows.concat())
        };
        let told = refused("marital", change, &["D4 错误 M129"]);
        assert!(told.contains("停用"), "{told}");
    }

    #[test]
    fn byte_order_mark() {
        let copy = Copy::few();
        let text = copy.text("codes/sex.csv");
        let (code, told) = copy.import("sex", &format!("\u{feff}{text}"));
        assert_eq!((code, copy.text("codes/sex.csv")), (0, text.clone()), "{told}");
        // Kept by hand in the mapping directory it is read too.
        copy.put("codes/sex.csv", &format!("\u{feff}{text}"));
        let output = copy.run(&["matters", "impact", "--table", "sex"], b"");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn carriage_returns() {
        let copy = Copy::few();
        let text = copy.text("codes/sex.csv");
        let (code, told) = copy.import("sex", &text.replace('\n', "\r\n"));
        assert_eq!((code, copy.text("codes/sex.csv")), (0, text.clone()), "{told}");
        copy.put("codes/sex.csv", &text.replace('\n', "\r\n").replacen("\n1,", "\n2,", 1));
        let output = copy.run(&["matters", "impact", "--table", "sex"], b"");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && told.contains("codes/sex.csv:4:1 错误 M122"), "{told}");
    }

    #[test]
    fn full_width_digits() {
        let told =
            refused("sex", |text| text.replacen("\n1,男,1,", "\n１,男,１,", 1), &["A3 错误 M184", "C3 错误 M184"]);
        assert!(told.contains("应为“1”"), "{told}");
        // In the mapping directory itself they are found too.
        let copy = Copy::few();
        copy.put("codes/sex.csv", &copy.text("codes/sex.csv").replacen("\n1,男,1,", "\n1,男,１,", 1));
        let output = copy.run(&["matters", "impact", "--table", "sex"], b"");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && told.contains("codes/sex.csv:3:5 错误 M184"), "{told}");
    }

    /// Without the column at `index`.
    fn without(text: &str, index: usize) -> String {
        let mut grid = Grid::of_csv(text).unwrap();
        for row in &mut grid.rows {
            row.cells.remove(index);
        }
        grid.csv()
    }

    #[test]
    fn missing_column() {
        let told = refused("sex", |text| without(text, 0), &["A1 错误 M104"]);
        assert!(told.contains("canonical") && !told.contains("M122"), "{told}");
        let told = refused("marital", |text| without(text, 3), &["A1 错误 M192"]);
        assert!(told.contains("jingzhou") && !told.contains("M165"), "{told}");
    }

    #[test]
    fn unknown_column() {
        let told = refused("sex", |text| text.replacen("source", "sorce", 1), &["D1 错误 M191"]);
        assert!(told.contains("source"), "{told}");
        let told =
            refused("sex", |text| text.replacen(",gb,", ",gb,gbb.way,", 1).replace(",\"", ",,\""), &["D1 错误 M120"]);
        assert!(told.contains("gbb"), "{told}");
        // A column of another name is a new set of codes, and said to be one.
        let copy = Copy::few();
        let text = copy.text("codes/sex.csv").replacen(",source", ",xianning,source", 1).replace(",\"", ",,\"");
        let (code, told) = copy.import("sex", &text);
        assert!(code == 0 && told.contains("新增列 1（xianning）"), "{told}");
    }

    /// The table with so many rows more.
    fn long(text: &str, rows: usize) -> String {
        let row = |number| format!("x{number},第 {number} 项,x{number},\"long, made up\"\n");
        text.to_owned() + &(0..rows).map(row).collect::<String>()
    }

    #[test]
    fn a_hundred_thousand_rows() {
        let copy = Copy::few();
        let long = long(&copy.text("codes/sex.csv"), 100_000);
        let (code, told) = copy.import("sex", &long);
        assert_eq!(code, 0, "{told}");
        assert!(told.contains("新增行 100000"), "{told}");
        assert!(copy.text("codes/sex.csv") == long, "as it went");
    }

    #[test]
    fn one_fault_in_thousands_of_rows() {
        let copy = Copy::few();
        let long = long(&copy.text("codes/sex.csv"), 3_000);
        let file = copy.file("long.xlsx");
        sheet::write(&file, &Grid::of_csv(&format!("{long}x7,又,,\n")).unwrap()).unwrap();
        let (code, told) = copy.import_file(&file, &["--table", "sex"]);
        assert!(code == 1 && told.contains("A3006 错误 M122") && told.contains("1 处错误"), "{told}");
    }

    #[test]
    fn too_many_rows_and_columns() {
        let told = refused("sex", |text| text.to_owned() + &"a,b,c,d\n".repeat(200_001), &["错误 M181"]);
        assert!(told.contains("200000 行"), "{told}");
        refused("sex", |text| text.replacen("canonical", &"canonical,".repeat(300), 1), &["IW1 错误 M181"]);
    }

    #[test]
    fn all_faults_at_once() {
        let change = |text: &str| format!("{text}2,重,2,\n３,全角,3,,,多\n4.0,小数,4,\n#REF!,错误值,5,\n5,两读,1,\n");
        refused(
            "sex",
            change,
            &["A6 错误 M122", "A7 错误 M184", "F7 错误 M182", "A8 错误 M185", "A9 错误 M183", "C10 错误 M125"],
        );
    }

    #[test]
    fn other_files() {
        let copy = Copy::few();
        let before = copy.text("codes/sex.csv");
        let cases: [(&str, &[u8], &str); 5] = [
            ("empty.csv", b"", "M103"),
            ("text.xlsx", b"canonical,title\n1,x\n", "xlsx"),
            ("old.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
            ("zip.csv", b"PK\x03\x04", "xlsx"),
            ("tabs.csv", b"canonical\ttitle\tgb\n1\tx\t1\n", "M101"),
        ];
        for (name, bytes, says) in cases {
            let file = copy.file(name);
            std::fs::write(&file, bytes).unwrap();
            let (code, told) = copy.import_file(&file, &["--table", "sex"]);
            assert!(code == 1 && told.contains(says), "{name}: {told}");
        }
        assert_eq!(copy.text("codes/sex.csv"), before);
    }
}
