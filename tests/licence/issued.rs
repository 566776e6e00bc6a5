//! What `jingyue licence issue` and `pki sample` make: accepted as it is, and not when a byte of it differs.

use super::*;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-sample/sm")
}

fn trust() -> Trust {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(samples().join("trust")).unwrap() {
        let path = entry.unwrap().path();
        files.push((path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()));
    }
    Trust::of_files(&files).unwrap()
}

/// 2026-11-23T09:30:15+08:00, as in the sample messages.
const SAMPLE_AT: i64 = 1_795_397_415;

fn licences() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(samples().join("licences")).unwrap() {
        let path = entry.unwrap().path();
        all.push((path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()));
    }
    all.sort();
    all
}

#[test]
fn samples_of_both_provinces_are_accepted() {
    let trust = trust();
    let all = licences();
    let of = |province: &str| all.iter().filter(|(name, _)| name.starts_with(province)).count();
    assert_eq!((of("hunan-"), of("hubei-")), (4, 4));
    let mut formats = std::collections::BTreeSet::new();
    for (name, file) in &all {
        let report = verify(file, &trust, SAMPLE_AT);
        assert_eq!(report.decision, Decision::Accept, "{name}: {}", report.text());
        formats.insert(report.json()["signatures"][0]["format"].as_str().unwrap().to_owned());
    }
    assert!(formats.len() >= 4, "every form of signature: {formats:?}");
}

#[test]
fn the_samples_are_trusted_by_the_signed_lists_of_both_provinces() {
    let mut provinces: Vec<String> = trust().lists().iter().map(|list| list.province().to_owned()).collect();
    provinces.sort();
    assert_eq!(provinces, ["420000", "430000"]);
    // Without the list of its province, a licence is nobody's to trust, whatever certificates are there.
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in std::fs::read_dir(samples().join("trust")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("430000") {
            files.push((name, std::fs::read(&path).unwrap()));
        }
    }
    let hubei = Trust::of_files(&files).unwrap();
    for (name, file) in licences() {
        let is_accepted = verify(&file, &hubei, SAMPLE_AT).decision == Decision::Accept;
        assert_eq!(is_accepted, name.starts_with("hubei-"), "{name}");
    }
}

/// The members, unpacked.
fn members(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(file)).unwrap();
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        members.push((member.name().unwrap().to_string(), bytes));
    }
    members
}

fn packed(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        out.start_file(name.as_str(), options).unwrap();
        out.write_all(bytes).unwrap();
    }
    out.finish().unwrap().into_inner()
}

/// Below the container, where its CRC does not help: some bytes of every member; of the list only what says something.
#[test]
fn no_byte_of_an_issued_licence_can_be_changed() {
    let trust = trust();
    // A certificate that came along between the signer and the root is a help for the search and nothing more: the trust
    // folder has its own.
    let between: Vec<Vec<u8>> = ["hunan", "hubei"]
        .map(|name| {
            jingyue::domain::x509::Certificate::all(&std::fs::read(samples().join(format!("ca/{name}.pem"))).unwrap())
        })
        .map(|read| read.unwrap()[0].der().to_vec())
        .to_vec();
    for (file_name, file) in licences() {
        let good = members(&file);
        assert_eq!(verify(&packed(&good), &trust, SAMPLE_AT).decision, Decision::Accept, "{file_name} packed anew");
        for (index, (name, bytes)) in good.iter().enumerate().filter(|(_, (name, _))| !name.ends_with("Signatures.xml"))
        {
            for at in (index..bytes.len()).step_by((bytes.len() / 24).max(1)) {
                let lies_in = |part: &Vec<u8>| {
                    memchr::memmem::find(bytes, part).is_some_and(|start| (start..start + part.len()).contains(&at))
                };
                if name.ends_with("SignedValue.dat") && between.iter().any(lies_in) {
                    continue;
                }
                let mut bad = good.clone();
                bad[index].1[at] ^= 1 << (at % 8);
                let report = verify(&packed(&bad), &trust, SAMPLE_AT);
                assert_ne!(report.decision, Decision::Accept, "{file_name} {name} byte {at}");
            }
        }
    }
}

#[test]
fn a_seal_and_a_licence_by_command() {
    let folder = tempfile::tempdir().unwrap();
    let signer = |name: &str| samples().join("signers").join(name);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jingyue"));
        let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let draft = folder.path().join("licence.toml");
    let text = "type = \"11100000000013338W011\"\nauthority = \"岳阳样例局\"\nauthority_code = \"11430600MY0000012M\"\n\
                serial = \"A1\"\n[[field]]\nname = \"CZZT\"\nvalue = \"刘<样>&本\"\n";
    std::fs::write(&draft, text).unwrap();
    for (version, form) in
        [("1", "ses1"), ("4", "ses4"), ("5", "ses5"), ("4", "sign-content"), ("4", "sign-attributes")]
    {
        let (seal, out) = (folder.path().join(format!("{form}.esl")), folder.path().join(format!("{form}.ofd")));
        let (office, office_key) = (path(&signer("yueyang-office.pem")), path(&signer("yueyang-office.key")));
        let (maker, maker_key) = (path(&signer("hunan-seal-maker.pem")), path(&signer("hunan-seal-maker.key")));
        let (seal, out) = (path(&seal), path(&out));
        let made = run(&[
            "licence",
            "seal",
            "--id",
            "43060000009991",
            "--name",
            "岳阳样例局电子证照专用章",
            "--holder",
            &office,
            "--key",
            &maker_key,
            "--certificate",
            &maker,
            "--version",
            version,
            "--out",
            &seal,
        ]);
        assert_eq!(made.0, 0, "{}", made.2);
        let draft = path(&draft);
        let arguments = [
            "licence",
            "issue",
            "--from",
            &draft,
            "--key",
            &office_key,
            "--certificate",
            &office,
            "--form",
            form,
            "--seal",
            &seal,
            "--out",
            &out,
        ];
        let issued = run(&arguments);
        assert_eq!(issued.0, 0, "{}", issued.2);
        let expected = "1.2.156.3005.2.11100000000013338W011.11430600MY0000012M.A1.001.";
        assert!(issued.1.starts_with(expected), "{}", issued.1);
        assert_eq!(run(&arguments).0, 1, "nothing is written over");
        let verified = run(&["licence", "verify", &out, "--trust", &path(&samples().join("trust"))]);
        assert_eq!(verified.0, 0, "{form}: {}", verified.1);
    }
    std::fs::write(&draft, text.replace("W011", "W01").replace("CZZT", "CZZTT")).unwrap();
    let arguments =
        ["licence", "issue", "--from", &path(&draft), "--key", "k", "--certificate", "c", "--seal", "s", "--out", "o"];
    let (code, _, told) = run(&arguments);
    assert_eq!(code, 1);
    assert!(told.contains("证照类型“11100000000013338W01”不在目录中") && told.contains("是否想写“CZZT”"), "{told}");
}
