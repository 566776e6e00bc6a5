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
