//! `jingyue matters coverage`: the certificate, as text or JSON; as a page in `certificate_page`.

use crate::domain::mapping::Certificate;
use crate::domain::mapping::CertificateLine;
use crate::domain::mapping::Grade;
use crate::domain::mapping::MessageKind;
use crate::domain::mapping::Program;
use crate::edge::clock::Clock;
use crate::edge::library::Library;
use serde_json::Value;
use serde_json::json;
use std::fmt::Write;
use std::io::IsTerminal;

/// Items of a list that a line of text shows.
const SHOWN_MAX: usize = 6;

/// Seconds between two lines of a log that nobody watches.
const LOGGED_SECONDS: u64 = 5;

/// Proves everything; tells how far it is where that takes longer than a second: on the terminal, or else in the log.
pub(super) fn certificate(program: &Program, library: &Library) -> Certificate {
    let clock = Clock::System;
    let began = clock.monotonic();
    let watched = std::io::stderr().is_terminal();
    let (mut last, mut logged) = (0, 0);
    program.certificate(&library.files, &mut |done, total| {
        let percent = done * 100 / total.max(1);
        let seconds = clock.monotonic().saturating_sub(began).as_secs();
        if watched && percent > last && seconds >= 1 {
            eprint!("\r已证明 {done}/{total}（{percent}%）");
            if done == total {
                eprintln!();
            }
        } else if !watched && seconds >= logged + LOGGED_SECONDS {
            logged = seconds;
            tracing::info!(done, total, "proving the mapping set");
        }
        last = percent;
    })
}

/// The word for programs and the one for people.
pub(super) const fn grade(grade: Grade) -> (&'static str, &'static str) {
    match grade {
        Grade::Green => ("green", "绿"),
        Grade::Amber => ("amber", "黄"),
        Grade::Red => ("red", "红"),
    }
}

const fn kind(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Answer => "答复",
        MessageKind::Fault => "错误",
        MessageKind::Request => "申请",
    }
}

fn some(list: &[String], shown_max: usize) -> String {
    let shown: Vec<&str> = list.iter().take(shown_max).map(String::as_str).collect();
    let more = if list.len() > shown_max { format!(" 等 {} 项", list.len()) } else { String::new() };
    format!("{}{more}", shown.join("、"))
}

/// `sex:1、2` for `sex:1` and `sex:2`: a table is named once for the codes of it that follow.
fn without_repeats(codes: &[String]) -> Vec<String> {
    let table = |code: &String| code.split_once(':').map(|(table, _)| table.to_owned());
    let mut last = None;
    let short = |code: &String| {
        let known = last.replace(table(code)).flatten();
        match code.split_once(':') {
            Some((table, own)) if known.is_some_and(|known| known == table) => own.to_owned(),
            _ => code.clone(),
        }
    };
    codes.iter().map(short).collect()
}

/// Why a line is not green, in Chinese; at most so many items of each list.
pub(super) fn reasons(line: &CertificateLine, shown_max: usize) -> String {
    let some = |list: &[String]| some(list, shown_max);
    let codes = |list: &[String]| some(&without_repeats(list));
    let proof = &line.proof;
    let mut reasons = Vec::new();
    if !proof.faults.is_empty() {
        reasons.push(format!("不符：{}", some(&proof.faults)));
    }
    if !proof.dropped.is_empty() {
        reasons.push(format!("不传：{}", some(&proof.dropped)));
    }
    if !proof.folded.is_empty() {
        reasons.push(format!("并码：{}", codes(&proof.folded)));
    }
    if !proof.conditional.is_empty() {
        reasons.push(format!("视其他字段而定：{}", codes(&proof.conditional)));
    }
    if !proof.refused.is_empty() {
        reasons.push(format!("无对应则拒绝：{}", codes(&proof.refused)));
    }
    reasons.join("；")
}

/// The certificate as lines of text.
pub(super) fn text(certificate: &Certificate) -> String {
    let totals = certificate.totals();
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(
        out,
        "覆盖证明  映射版本 {}\n事项 {} 个，报文 {} 条：绿 {}，黄 {}，红 {}；代码对照 {} 对（并码 {}，无对应则拒绝 {}）；生成报文往返 {} 条，另有 {} 条的代码在别行走过",
        &certificate.version[..12],
        totals.matters,
        totals.lines,
        totals.green,
        totals.amber,
        totals.red,
        totals.codes,
        totals.folded,
        totals.refused,
        totals.generated,
        totals.shared
    );
    if !certificate.unserved.is_empty() {
        let _ = writeln!(out, "没有开通：{}", certificate.unserved.join("、"));
    }
    for line in &certificate.lines {
        let _ = writeln!(
            out,
            "{} {} {} {} {}→{} {}：传 {} 个字段，往返 {} 条{}{}",
            grade(line.proof.grade()).1,
            line.matter,
            line.title,
            if line.step == "main" { "" } else { &line.step },
            line.from,
            line.to,
            kind(line.kind),
            line.proof.carried,
            line.proof.generated,
            if line.proof.grade() == Grade::Green { "" } else { "；" },
            reasons(line, SHOWN_MAX)
        );
    }
    out
}

/// The certificate as JSON.
pub(super) fn value(certificate: &Certificate) -> Value {
    let totals = certificate.totals();
    let lines: Vec<Value> = certificate
        .lines
        .iter()
        .map(|line| {
            json!({
                "matter": line.matter, "title": line.title, "step": line.step, "message": line.kind.word(),
                "from_city": line.from_city, "to_city": line.to_city, "from": line.from, "to": line.to,
                "grade": grade(line.proof.grade()).0, "carried": line.proof.carried, "generated": line.proof.generated, "shared": line.proof.shared,
                "codes": line.proof.codes, "folded": line.proof.folded, "conditional": line.proof.conditional, "refused": line.proof.refused,
                "dropped": line.proof.dropped, "faults": line.proof.faults,
            })
        })
        .collect();
    json!({
        "version": certificate.version,
        "totals": {
            "matters": totals.matters, "lines": totals.lines, "green": totals.green, "amber": totals.amber, "red": totals.red,
            "codes": totals.codes, "folded": totals.folded, "refused": totals.refused, "generated": totals.generated,
            "shared": totals.shared,
        },
        "unserved": certificate.unserved,
        "lines": lines,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_named_once() {
        let owned = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
        let codes = owned(&["id-doc:80", "sex:1", "sex:2", "sex:9", "id-doc:113"]);
        assert_eq!(without_repeats(&codes), ["id-doc:80", "sex:1", "2", "9", "id-doc:113"]);
        assert_eq!(some(&owned(&["a", "b", "c"]), 2), "a、b 等 3 项");
    }
}
