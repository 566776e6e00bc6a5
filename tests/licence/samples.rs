//! Sample files with the verdicts they must get: those committed here, and the larger set where it is beside the
//! repository.

use super::*;
use serde_json::Value;
use std::path::Path;

fn run(folder: &Path) -> usize {
    let files = files(folder);
    let count = judged(folder, &Trust::of_files(&files).unwrap());
    // A signed list that grants what the folder trusts anyway changes no verdict.
    assert_eq!(judged(folder, &Trust::of_files(&with_lists(files)).unwrap()), count);
    count
}

/// The folder with a list of each province, made for the test: the samples' root, makers of seals and offices.
fn with_lists(mut files: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let granted = |name: &str| {
        let (_, certificate) = files.iter().find(|(known, _)| known == name).unwrap();
        let holder = build::Holder { key: [1; 32], name: Vec::new(), certificate: der(certificate) };
        lists::granted(&holder)
    };
    let list = |province: &str, maker: &str, code: &str, office: &str, seal: &str| {
        serde_json::json!({
            "scheme": "dzzz-trust/1", "province": province, "sequence": 1, "issued": "2024-05-01T00:00:00+08:00",
            "nextUpdate": "2024-11-01T00:00:00+08:00", "operator": {}, "anchors": [granted("root.cer")],
            "sealMakers": [granted(maker)], "tsas": [], "crls": [], "nextOperatorKey": null,
            "offices": [{ "uscc": code, "name": office, "sealIds": [seal], "from": "2020-01-01T00:00:00+08:00" }],
        })
    };
    let made = [
        ("hunan", list("430000", "sealer_hn.cer", "11430600LAB0000011", "岳阳市测试局", "43060000000001")),
        ("hubei", list("420000", "sealer_hb.cer", "11421000LAB000001A", "荆州市测试局", "42100000000001")),
    ];
    let operator = lists::operator(20);
    for (name, list) in made {
        lists::add(&mut files, name, &list, &operator);
    }
    files.push(("list-operator.cer".to_owned(), operator.certificate));
    files
}

/// The DER of a certificate that may be PEM.
fn der(bytes: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder.join("pki")).unwrap() {
        let path = entry.unwrap().path();
        files.push((path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()));
    }
    files
}

fn judged(folder: &Path, trust: &Trust) -> usize {
    let expected: Value = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let mut faults = Vec::new();
    for line in expected.as_array().unwrap() {
        let name = line["file"].as_str().unwrap();
        let at: jiff::Timestamp = line["validation_time"].as_str().unwrap().parse().unwrap();
        let report = verify(&std::fs::read(folder.join(name)).unwrap(), trust, at.as_second());
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
