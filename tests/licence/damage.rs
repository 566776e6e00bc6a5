//! Damage: no bit of a good file can be changed, and no end cut off, so that it is still accepted with other content.

use super::build::*;
use super::*;
use jingyue::domain::licence::fuzz;

/// Fields of a zip file that say nothing about content: versions, times, attributes. A change there may be accepted.
fn unpacked(file: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    use std::io::Read;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(file)).ok()?;
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).ok()?;
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).ok()?;
        members.push((member.name().ok()?.to_string(), bytes));
    }
    members.sort();
    Some(members)
}

fn forms() -> Vec<Draft> {
    vec![Draft::new(), Draft { version: 1, told_version: 1, ..Draft::new() }, Draft { is_raw: true, ..Draft::new() }]
}

/// A bit of every byte; the bit moves on from byte to byte.
#[test]
fn flipped_bits_never_change_what_is_accepted() {
    let draft = Draft::new();
    let good = pack(&draft.sealed());
    let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
    let content = unpacked(&good);
    let mut accepted = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        if verify(&bad, &trust, AT).decision == Decision::Accept {
            accepted += 1;
            assert_eq!(unpacked(&bad), content, "byte {at}");
        }
    }
    assert!(accepted < good.len() / 10, "{accepted}");
}

/// Below the container, where its CRC does not help: bytes of every member, others in each form of signature.
#[test]
fn changed_members_are_never_accepted() {
    for (form, draft) in forms().into_iter().enumerate() {
        let members = draft.sealed();
        let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
        for (index, (name, bytes)) in members.iter().enumerate() {
            for at in (form..bytes.len()).step_by(7) {
                let mut members = members.clone();
                members[index].1[at] ^= 1 << (at % 8);
                let report = verify(&pack(&members), &trust, AT);
                // The list is not signed; it may change where it says nothing, such as an identifier.
                let is_list = name.ends_with("Signatures.xml");
                assert!(report.decision != Decision::Accept || is_list, "{name} byte {at}: {}", report.text());
            }
        }
    }
}

#[test]
fn cut_files_are_never_accepted() {
    for draft in forms() {
        let good = pack(&draft.sealed());
        let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
        for end in 0..good.len() {
            assert_eq!(verify(&good[..end], &trust, AT).decision, Decision::Reject);
        }
    }
}

#[test]
fn noise_is_no_licence() {
    let draft = Draft::new();
    let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
    let mut state = 7_u32;
    for length in 0..2_000 {
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        fuzz(&bytes, &trust);
        fuzz(&[b"PK\x03\x04", &bytes[..]].concat(), &trust);
    }
}
