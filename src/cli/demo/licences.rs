//! Licences in the demo: one of each province verified offline, as it is and with one letter changed.

use crate::domain::licence::Decision;
use crate::domain::licence::Report;
use crate::domain::licence::Trust;
use crate::domain::licence::verify;
use crate::edge::clock::Clock;
use crate::edge::library;

const TRUST: &[&str] = &["root.cer", "hunan.cer", "hubei.cer", "root.crl", "hunan.crl", "hubei.crl"];

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
    println!("━━ 电子证照离线验证");
    for (title, name) in SHOWN {
        let good = carried(&format!("sm/licences/{name}"))?;
        let mut bad = good.clone();
        // In the middle of the seal, which lies there as it is.
        let place = bad.len() / 2;
        bad[place] ^= 1;
        for (what, file, is_good) in [("原件", &good, true), ("改动一个比特", &bad, false)] {
            let report = verify(file, &trust, at);
            let is_right = (report.decision == Decision::Accept) == is_good;
            right &= is_right;
            println!("   {} {title} {what}：{}", if is_right { "✔" } else { "✘" }, verdict(&report));
        }
    }
    println!();
    Ok(right)
}

fn verdict(report: &Report) -> String {
    let text = report.text();
    let verdict = text.lines().next().unwrap_or_default().trim_start_matches("结论：").to_owned();
    match report.codes().first() {
        Some(code) if report.decision != Decision::Accept => format!("{verdict}（{code}）"),
        _ => verdict,
    }
}
