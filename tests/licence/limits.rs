//! Every limit, one too many each; and what the files on hand cost and stand: all their bytes flipped, cut at every place.

use super::build::*;
use super::*;
use jingyue::domain::licence::fuzz;
use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

fn expect(file: &[u8], code: &str) {
    expect_failed(&report_of(&Draft::new(), file), &[code]);
}

/// 20 MiB of file.
#[test]
fn a_file_beyond_20_mib_is_refused() {
    let mut file = pack(&Draft::new().sealed());
    file.resize((20 << 20) + 1, 0);
    expect(&file, "ZIP.TOO_LARGE");
}

/// 100 MiB unpacked, told or real.
#[test]
fn more_than_100_mib_unpacked_is_refused() {
    let mut all = entries(&Draft::new().sealed());
    for index in 0..6_u32 {
        let name = format!("Doc_0/Res/{index}");
        all.push(Entry { name, method: 8, told_size: Some(20 << 20), data: vec![0; 200 << 10], ..Entry::default() });
    }
    expect(&container(&all), "ZIP.TOO_LARGE");
}

/// 5 000 members.
#[test]
fn more_than_5000_members_are_refused() {
    let mut all = entries(&Draft::new().sealed());
    all.extend((0..5_001).map(|index| Entry { name: format!("x/{index}"), ..Entry::default() }));
    expect(&container(&all), "ZIP.TOO_MANY");
}

/// XML: 64 levels, 16 MiB.
#[test]
fn deep_and_long_xml_is_refused() {
    for text in [
        format!("<a xmlns=\"http://www.ofdspec.org/2016\">{}{}</a>", "<b>".repeat(70), "</b>".repeat(70)),
        format!("<a><!--{}--></a>", "x".repeat((16 << 20) + 1)),
    ] {
        let mut draft = Draft::new();
        *member(&mut draft.members, "Document.xml") = text.into_bytes();
        // A comment of 16 MiB packs to nothing, so it lies there stored.
        expect(&pack(&draft.sealed()), "XML.DEPTH");
    }
}

/// 32 signatures.
#[test]
fn more_than_32_signatures_are_refused() {
    let mut members = Draft::new().sealed();
    let one = "<ofd:Signature ID=\"1\" BaseLoc=\"Sign_0/Signature.xml\"/>";
    let many: String =
        (1..40).map(|id| format!("<ofd:Signature ID=\"{id}\" BaseLoc=\"Sign_0/Signature.xml\"/>")).collect();
    replace(&mut members, "Signatures.xml", one, &many);
    expect(&pack(&members), "SIG.TOO_MANY");
}

/// 5 000 references; the container's own limit would be met too if they led to files of their own.
#[test]
fn more_than_5000_references_are_refused() {
    let mut members = Draft::new().sealed();
    let one = "</ofd:References>";
    let many =
        "<ofd:Reference FileRef=\"/OFD.xml\"><ofd:CheckValue>AA==</ofd:CheckValue></ofd:Reference>".repeat(5_001);
    replace(&mut members, "Sign_0/Signature.xml", one, &(many + one));
    let report = report_of(&Draft::new(), &pack(&members));
    assert_eq!(report.decision, Decision::Reject);
    let lines = report.text().lines().count();
    assert!(lines < 500, "a report of {lines} lines");
}

/// A folder of sample files, its trust, and when each is verified.
struct Samples {
    trust: Trust,
    files: Vec<(String, Vec<u8>, i64, bool)>,
}

fn samples(folder: &Path) -> Samples {
    let read = |path: PathBuf| std::fs::read(path).unwrap();
    let mut trust = Vec::new();
    for entry in std::fs::read_dir(folder.join("pki")).unwrap() {
        let path = entry.unwrap().path();
        trust.push((path.file_name().unwrap().to_str().unwrap().to_owned(), read(path)));
    }
    let expected: serde_json::Value = serde_json::from_slice(&read(folder.join("expected.json"))).unwrap();
    let mut files = Vec::new();
    for line in expected.as_array().unwrap() {
        let name = line["file"].as_str().unwrap().to_owned();
        let at: jiff::Timestamp = line["validation_time"].as_str().unwrap().parse().unwrap();
        files.push((name.clone(), read(folder.join(&name)), at.as_second(), line["decision"] == "ACCEPT"));
    }
    Samples { trust: Trust::of_files(&trust).unwrap(), files }
}

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = ["../shared/licence/examples", "../../shared/licence/examples"].map(|path| root.join(path));
    let mut all = vec![root.join("tests/licence/samples")];
    all.extend(shared.into_iter().find(|folder| folder.is_dir()));
    all
}

/// What a container holds, by name.
fn content(file: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    use std::io::Read;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(file)).ok()?;
    let mut members = BTreeMap::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).ok()?;
        let mut bytes = Vec::new();
        member.by_ref().take(4 << 20).read_to_end(&mut bytes).ok()?;
        members.insert(member.name().ok()?.to_string(), bytes);
    }
    Some(members)
}

/// How many bytes of each file are flipped; a run over all of them takes minutes, so each run takes others.
fn picked(length: usize) -> impl Iterator<Item = usize> {
    const FLIPS: usize = 120;
    let seed = std::env::var("JINGYUE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_usize);
    let step = (length / FLIPS).max(1);
    (seed % step..length).step_by(step)
}

/// No flipped bit makes a panic, none makes an accepted file of a rejected one, and what is accepted says the same as
/// before.
#[test]
fn flipped_bits_of_all_samples_change_nothing_that_is_accepted() {
    for folder in folders() {
        let samples = samples(&folder);
        for (name, good, at, accepted) in &samples.files {
            let before = accepted.then(|| content(good)).flatten();
            for place in picked(good.len()) {
                let mut bad = good.clone();
                bad[place] ^= 1 << (place % 8);
                let report = verify(&bad, &samples.trust, *at);
                if report.decision == Decision::Accept {
                    assert!(*accepted, "{name} byte {place} makes it acceptable");
                    assert_eq!(content(&bad), before, "{name} byte {place}");
                }
                drop((report.json(), report.text()));
            }
        }
    }
}

#[test]
fn cut_samples_are_never_accepted() {
    for folder in folders() {
        let samples = samples(&folder);
        for (name, good, at, _) in &samples.files {
            for end in picked(good.len()) {
                fuzz(&good[..end], &samples.trust);
                let report = verify(&good[..end], &samples.trust, *at);
                assert_eq!(report.decision, Decision::Reject, "{name} cut at {end}");
            }
        }
    }
}
