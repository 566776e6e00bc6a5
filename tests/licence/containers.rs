//! Attacks on the zip container.

use super::build::*;
use super::*;

fn entries_of_good() -> Vec<Entry> {
    entries(&Draft::new().sealed())
}

fn expect_container(file: &[u8], code: &str) {
    expect_failed(&report_of(&Draft::new(), file), &[code]);
}

#[test]
fn descriptors_folders_and_comments_are_fine() {
    let mut with = entries_of_good();
    for entry in &mut with {
        entry.has_descriptor = true;
    }
    with.push(Entry { name: "Doc_0/Res/".to_owned(), attributes: 0o040_755 << 16, ..Entry::default() });
    let mut file = container(&with);
    expect_passed(&report_of(&Draft::new(), &file), &[]);
    let end = file.len() - 2;
    file[end] = 2;
    file.extend(b"ok");
    expect_passed(&report_of(&Draft::new(), &file), &[]);
}

#[test]
fn names_that_leave_the_package_fail() {
    for name in ["../../x", "/etc/x", "a/../../x", "C:\\x", "a\\b", "./a", "a//b", ""] {
        let mut entries = entries_of_good();
        entries.push(Entry { name: name.to_owned(), ..Entry::default() });
        expect_container(&container(&entries), "ZIP.UNSAFE_PATH");
    }
}

#[test]
fn names_that_are_not_one_file_fail() {
    for (name, code) in [
        ("Doc_0/Document.xml", "ZIP.DUPLICATE_ENTRY"),
        ("doc_0/document.XML", "ZIP.CASE_COLLISION"),
        ("Doc_0/Document.xml/a", "ZIP.DUPLICATE_ENTRY"),
    ] {
        for first in [true, false] {
            let mut entries = entries_of_good();
            let evil = Entry { name: name.to_owned(), data: b"evil".to_vec(), ..Entry::default() };
            entries.insert(if first { 0 } else { entries.len() }, evil);
            expect_container(&container(&entries), code);
        }
    }
}

#[test]
fn headers_that_disagree_fail() {
    let mut entries = entries_of_good();
    entries[1].local_name = Some("Doc_0/Dokument.xml".to_owned());
    expect_container(&container(&entries), "ZIP.HEADER_MISMATCH");
    let mut file = container(&entries_of_good());
    // The CRC of the first local header.
    file[14] ^= 1;
    expect_container(&file, "ZIP.HEADER_MISMATCH");
}

#[test]
fn data_around_and_between_fails() {
    let file = container(&entries_of_good());
    expect_container(&[b"MZ", &file[..]].concat(), "ZIP.PREFIX_DATA");
    expect_container(&[&file[..], b"x"].concat(), "ZIP.MALFORMED");
    expect_container(&[&file[..], &file[..]].concat(), "ZIP.MULTIPLE_EOCD");
    expect_container(&[&file[..], &file[file.len() - 22..]].concat(), "ZIP.MULTIPLE_EOCD");
    let mut commented = file.clone();
    let end = commented.len() - 2;
    commented[end] = 22;
    commented.extend(&file[file.len() - 22..]);
    expect_container(&commented, "ZIP.MULTIPLE_EOCD");
    // A member that the directory does not list.
    let all = entries_of_good();
    let hidden = container(&all);
    let start = u32::from_le_bytes(*hidden[hidden.len() - 6..].first_chunk().unwrap()) as usize;
    let first = 46 + all[0].name.len();
    let mut file = [&hidden[..start], &hidden[start + first..]].concat();
    let end = file.len() - 22;
    let count = (u16::try_from(all.len()).unwrap() - 1).to_le_bytes();
    file[end + 8..end + 12].copy_from_slice(&[count, count].concat());
    let size = u32::try_from(hidden.len() - 22 - start - first).unwrap();
    file[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
    expect_container(&file, "ZIP.PREFIX_DATA");
}

#[test]
fn kinds_of_members_that_are_not_read_fail() {
    for (change, code) in [
        ((|entry| entry.flags = 1) as fn(&mut Entry), "ZIP.ENCRYPTED"),
        (|entry| entry.method = 12, "ZIP.METHOD"),
        (|entry| entry.attributes = 0o120_777 << 16, "ZIP.SYMLINK"),
        (|entry| entry.attributes = 0o010_644 << 16, "ZIP.SYMLINK"),
    ] {
        let mut entries = entries_of_good();
        change(&mut entries[1]);
        expect_container(&container(&entries), code);
    }
}

#[test]
fn bombs_are_not_unpacked() {
    let deflated = |told_size: u32| Entry {
        name: "Doc_0/Res/bomb.bin".to_owned(),
        data: vec![3, 0],
        method: 8,
        told_size: Some(told_size),
        ..Entry::default()
    };
    for (told, code) in [(64 << 20, "ZIP.RATIO_LIMIT"), (200 << 20, "ZIP.TOO_LARGE"), (1_000, "ZIP.MALFORMED")] {
        let mut entries = entries_of_good();
        entries.push(deflated(told));
        expect_container(&container(&entries), code);
    }
    let many = (0..5_001).map(|index| Entry { name: format!("a{index}"), ..Entry::default() });
    expect_container(&container(&many.collect::<Vec<_>>()), "ZIP.TOO_MANY");
    expect_container(&vec![0; (20 << 20) + 1], "ZIP.TOO_LARGE");
}

#[test]
fn what_is_no_container_fails() {
    for file in [&b""[..], b"PK", b"%PDF-1.7", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"] {
        expect_container(file, "ZIP.MALFORMED");
    }
}
