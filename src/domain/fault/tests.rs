//! The table of faults against itself.

use super::*;

#[test]
fn numbers_rise_and_names_are_unique() {
    for pair in TABLE.windows(2) {
        assert!(pair[0].number < pair[1].number, "{} {}", pair[0].name, pair[1].name);
    }
    let mut names: Vec<_> = TABLE.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TABLE.len());
}

#[test]
fn every_row_speaks_a_canonical_word() {
    for entry in TABLE {
        assert!(CANONICAL.contains(&entry.canonical), "{}", entry.name);
    }
}

#[test]
fn all_field_faults_are_told_at_once() {
    let missing = |path: &str| FieldFault { path: path.into(), title: String::new(), what: FieldFaultKind::Missing };
    let text = Fault::Fields { faults: vec![missing("data.a"), missing("data.b")], more: 1 }.window_text();
    assert!(text.contains("3 处") && text.contains("data.a") && text.contains("data.b") && text.contains("另有 1"));
}

/// The notes of the table `fault` say for each row what a caller may do; the code must not be bolder.
#[test]
fn what_an_error_of_the_other_side_allows_is_what_its_row_says() {
    let table = include_str!("../../../mappings/codes/fault.csv");
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let mut rows = 0;
    for row in reader.records().map(Result::unwrap) {
        let (word, note) = (canonical(&row[0]), &row[row.len() - 1]);
        assert_eq!(word, &row[0], "CANONICAL has the row");
        let fault = |known| Refusal { canonical: word, code: "-1".into(), text: String::new(), known }.fault();
        let fits = match fault(true) {
            Fault::Refused(_) | Fault::AlreadyThere(_) => note == "retry: no",
            Fault::NotTaken(_) => note.starts_with("retry: yes"),
            Fault::PeerUnsure(_) => note.starts_with("retry: query first"),
            _ => false,
        };
        assert!(fits, "{word}: {note}");
        assert!(matches!(fault(false), Fault::PeerUnsure(_)), "{word}");
        rows += 1;
    }
    assert_eq!(rows, CANONICAL.len());
}
