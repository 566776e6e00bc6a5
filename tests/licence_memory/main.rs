//! What a verification holds at once: bombs cost no more than their file, large licences a small multiple of theirs.
//!
//! One test, because the counts are those of the whole process.

#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::format_collect, reason = "some hundred bytes, once")]
#![allow(dead_code, reason = "the builder is shared with other tests")]

#[path = "../licence/build.rs"]
mod build;
#[path = "../../benches/translate/counting.rs"]
mod counting;

use build::AT;
use build::Draft;
use build::Entry;
use build::container;
use build::entries;
use build::large;
use build::pack;
use jingyue::domain::licence::Decision;
use jingyue::domain::licence::Trust;
use jingyue::domain::licence::verify;
use std::io::Write;

/// What a verification may hold beside the file and what is unpacked of it: tables, texts, the report.
const BESIDE_MAX: usize = 8 << 20;

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn memory_is_bounded() {
    let draft = Draft::new();
    let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
    let bomb = |told: u32, data: Vec<u8>, count: usize| {
        let mut all = entries(&draft.sealed());
        all.extend((0..count).map(|index| Entry {
            name: format!("Doc_0/Res/{index}"),
            method: 8,
            told_size: Some(told),
            data: data.clone(),
            ..Entry::default()
        }));
        container(&all)
    };
    let zeros = deflated(&vec![0; 64 << 20]);
    let mut members = draft.sealed();
    let entities: String =
        (1..10).map(|level| format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10))).collect();
    let doctype = format!("<!DOCTYPE a [<!ENTITY a0 \"ha\">{entities}]><a>&a9;</a>");
    *build::member(&mut members, "Document.xml") = doctype.into_bytes();
    let deep = {
        let mut draft = Draft::new();
        *build::member(&mut draft.members, "Document.xml") = "<b>".repeat(5 << 20).into_bytes();
        pack(&draft.sealed())
    };
    for (name, file) in [
        ("64 MiB of zeros, told", bomb(64 << 20, zeros.clone(), 1)),
        ("64 MiB of zeros, told as 1 000 bytes", bomb(1_000, zeros.clone(), 1)),
        ("six of them", bomb(64 << 20, zeros.clone(), 6)),
        ("40 MiB in twenty, beyond the ratio", bomb(2 << 20, deflated(&vec![0; 2 << 20]), 20)),
        ("entities", pack(&members)),
        ("5 Mi levels", deep),
    ] {
        let (calls, peak, report) = counting::count(|| verify(&file, &trust, AT));
        eprintln!("{name}: file {} KiB, peak {} KiB, {calls} allocations", file.len() >> 10, peak >> 10);
        assert_eq!(report.decision, Decision::Reject, "{name}: {}", report.text());
        assert!(peak < 2 * file.len() + BESIDE_MAX, "{name}: {peak} bytes held at once");
    }
    for bytes in [100 << 10, 16 << 20, 19 << 20] {
        let (draft, file) = large(bytes);
        let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
        let (calls, peak, report) = counting::count(|| verify(&file, &trust, AT));
        eprintln!("licence of {} KiB: peak {} KiB, {calls} allocations", file.len() >> 10, peak >> 10);
        assert_eq!(report.decision, Decision::Accept, "{}", report.text());
        assert!(peak < 2 * file.len() + BESIDE_MAX, "{bytes}: {peak} bytes held at once");
    }
}
