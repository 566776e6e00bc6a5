//! `jingyue codes export` and `import`.

use crate::support::Copy;

#[test]
fn a_table_comes_back_from_a_workbook_as_it_went() {
    let copy = Copy::new();
    let before = copy.text("codes/marital.csv");
    let file = copy.file("marital.xlsx");
    let output = copy.run(&["codes", "export", "marital", "--to", file.to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let (code, told) = copy.import_file(&file, &["--table", "marital"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(copy.text("codes/marital.csv"), before);
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_no_matter() {
    let copy = Copy::new();
    let text = copy.text("codes/sex.csv");
    let (code, told) = copy.import("sex", &format!("\u{feff}{}", text.replace('\n', "\r\n")));
    assert_eq!(code, 0, "{told}");
    assert_eq!(copy.text("codes/sex.csv"), text);
}

#[test]
fn faults_are_told_by_cell_and_nothing_is_written() {
    let copy = Copy::new();
    let text = copy.text("codes/sex.csv");
    let rows: Vec<&str> = text.lines().collect();
    let twice = format!("{text}{}\n", rows[1]);
    let wide = text.replacen("\n1,", "\n１,", 1);
    for spoiled in [twice, wide] {
        assert_ne!(spoiled, text);
        let (code, told) = copy.import("sex", &spoiled);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains('M'), "{told}");
        assert_eq!(copy.text("codes/sex.csv"), text);
    }
}
