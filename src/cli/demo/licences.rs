//! Licences in the demo: one of each province verified offline, trusting the signed lists of both, as it is and with one
//! letter of its page changed.

use crate::domain::licence::Decision;
use crate::domain::licence::Report;
use crate::domain::licence::Trust;
use crate::domain::licence::verify;
use crate::edge::clock::Clock;
use crate::edge::library;
use std::io::Cursor;
use std::io::Read;
use std::io::Write;
use zip::DateTime;
use zip::ZipArchive;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const TRUST: &[&str] = &[
    "430000.json",
    "430000.sig",
    "420000.json",
    "420000.sig",
    "list-operator.cer",
    "root.cer",
    "hunan.cer",
    "hubei.cer",
    "root.crl",
    "hunan.crl",
    "hubei.crl",
];

/// The page of a sample licence, and the word of it that is changed.
const PAGE: &str = "Doc_0/Pages/Page_0/Content.xml";
const WORD: (&[u8], &[u8]) = ("样例".as_bytes(), "样本".as_bytes());

/// What is shown: title, sample.
const SHOWN: &[(&str, &str)] = &[
    ("湖南：结婚证（OFD，GB/T 38540 电子签章）", "hunan-marriage.ofd"),
    ("湖北：不动产权证书（OFD，GB/T 38540 电子签章）", "hubei-land.ofd"),
];

fn carried(name: &str) -> Result<Vec<u8>, Vec<String>> {
    library::sample(name).ok_or_else(|| vec![format!("程序没有携带 {name}")])
}

/// What the sample licences are verified with.
pub(super) fn trust_files() -> Result<Vec<(String, Vec<u8>)>, Vec<String>> {
    TRUST.iter().map(|name| Ok(((*name).to_owned(), carried(&format!("sm/trust/{name}"))?))).collect()
}

/// Tells it; true where the good ones are accepted and the changed ones are not.
pub(super) fn show() -> Result<bool, Vec<String>> {
    let trust = Trust::of_files(&trust_files()?)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let at = Clock::System.now().div_euclid(1_000);
    let mut right = true;
    tell!("━━ 电子证照离线验证");
    for (title, name) in SHOWN {
        let good = carried(&format!("sm/licences/{name}"))?;
        let bad = altered(&good).ok_or_else(|| vec![format!("样例 {name} 的页面与所记不符")])?;
        for (what, file, code) in [("原件", &good, None), ("页面改动一个字", &bad, Some("SIG.REF_DIGEST_MISMATCH"))]
        {
            let report = verify(file, &trust, at);
            let is_right = match code {
                None => report.decision == Decision::Accept,
                Some(code) => report.decision == Decision::Reject && report.codes().first() == Some(&code),
            };
            right &= is_right;
            tell!("   {} {title} {what}：{}", if is_right { "✔" } else { "✘" }, verdict(&report));
        }
    }
    tell!("");
    Ok(right)
}

/// The licence packed anew, right as a package, with a word of its page changed.
fn altered(file: &[u8]) -> Option<Vec<u8>> {
    let mut members = ZipArchive::new(Cursor::new(file)).ok()?;
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let mut is_changed = false;
    for index in 0..members.len() {
        let mut member = members.by_index(index).ok()?;
        let (name, mut bytes) = (member.name().ok()?.into_owned(), Vec::new());
        member.read_to_end(&mut bytes).ok()?;
        if name == PAGE {
            let place = memchr::memmem::find(&bytes, WORD.0)?;
            bytes[place..place + WORD.0.len()].copy_from_slice(WORD.1);
            is_changed = true;
        }
        let options = SimpleFileOptions::default().compression_method(member.compression());
        out.start_file(name, options.last_modified_time(DateTime::default())).ok()?;
        out.write_all(&bytes).ok()?;
    }
    let packed = out.finish().ok()?.into_inner();
    is_changed.then_some(packed)
}

fn verdict(report: &Report) -> String {
    let text = report.text();
    let verdict = text.lines().next().unwrap_or_default().trim_start_matches("结论：").to_owned();
    match report.codes().first() {
        Some(code) if report.decision != Decision::Accept => format!("{verdict}（{code}）"),
        _ => verdict,
    }
}
