//! Sample files with the verdicts they must get: those committed here, and the larger set where it is beside the
//! repository.

use super::*;
use serde_json::Value;
use std::path::Path;

fn run(folder: &Path) -> usize {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder.join("pki")).unwrap() {
        let path = entry.unwrap().path();
        files.push((path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()));
    }
    let trust = Trust::of_files(&files).unwrap();
    let expected: Value = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let mut faults = Vec::new();
    for line in expected.as_array().unwrap() {
        let name = line["file"].as_str().unwrap();
        let at: jiff::Timestamp = line["validation_time"].as_str().unwrap().parse().unwrap();
        let report = verify(&std::fs::read(folder.join(name)).unwrap(), &trust, at.as_second());
        let json = report.json();
        let told = report.codes();
        let codes = line["codes"].as_array().unwrap();
        let has_all = codes.iter().all(|code| told.contains(&code.as_str().unwrap()));
        if json["decision"] != line["decision"] || json["signature"] != line["signature"] || !has_all {
            faults.push(format!("{name}: {line}\n{}", report.text()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    expected.as_array().unwrap().len()
}

#[test]
fn committed_samples_get_their_verdicts() {
    assert!(run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/licence/samples")) >= 8);
}

#[test]
fn shared_samples_get_their_verdicts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/licence/examples");
    let folder = if folder.is_dir() {
        folder
    } else {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/licence/examples")
    };
    if !folder.is_dir() {
        eprintln!("skipped: no ../shared/licence/examples");
        return;
    }
    eprintln!("{} files", run(&folder));
}
