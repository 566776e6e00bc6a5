//! `jingyue matters coverage`: the certificate, as text, JSON, or one printable page.

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

/// Proves everything; tells how far it is where that takes longer than a second and somebody looks.
pub(super) fn certificate(program: &Program, library: &Library) -> Certificate {
    let clock = Clock::System;
    let began = clock.monotonic();
    let watched = std::io::stderr().is_terminal();
    let mut last = 0;
    program.certificate(&library.files, &mut |done, total| {
        let percent = done * 100 / total.max(1);
        if watched && percent > last && clock.monotonic().saturating_sub(began).as_secs() >= 1 {
            eprint!("\r已证明 {done}/{total}（{percent}%）");
            if done == total {
                eprintln!();
            }
        }
        last = percent;
    })
}

const fn grade(grade: Grade) -> (&'static str, &'static str) {
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

fn some(list: &[String]) -> String {
    let shown: Vec<&str> = list.iter().take(SHOWN_MAX).map(String::as_str).collect();
    let more = if list.len() > SHOWN_MAX { format!(" 等 {} 项", list.len()) } else { String::new() };
    format!("{}{more}", shown.join("、"))
}

/// Why a line is not green, in Chinese.
fn reasons(line: &CertificateLine) -> String {
    let proof = &line.proof;
    let mut reasons = Vec::new();
    if !proof.faults.is_empty() {
        reasons.push(format!("不符：{}", some(&proof.faults)));
    }
    if !proof.dropped.is_empty() {
        reasons.push(format!("不传：{}", some(&proof.dropped)));
    }
    if !proof.folded.is_empty() {
        reasons.push(format!("并码：{}", some(&proof.folded)));
    }
    if !proof.conditional.is_empty() {
        reasons.push(format!("视其他字段而定：{}", some(&proof.conditional)));
    }
    if !proof.refused.is_empty() {
        reasons.push(format!("无对应则拒绝：{}", some(&proof.refused)));
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
        "覆盖证明  映射版本 {}\n事项 {} 个，报文 {} 条：绿 {}，黄 {}，红 {}；代码对照 {} 对（并码 {}，无对应则拒绝 {}）；生成报文往返 {} 条",
        &certificate.version[..12],
        totals.matters,
        totals.lines,
        totals.green,
        totals.amber,
        totals.red,
        totals.codes,
        totals.folded,
        totals.refused,
        totals.generated
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
            reasons(line)
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
                "grade": grade(line.proof.grade()).0, "carried": line.proof.carried, "generated": line.proof.generated,
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
        },
        "unserved": certificate.unserved,
        "lines": lines,
    })
}

const STYLE: &str = "body{font-family:'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',sans-serif;margin:2em;line-height:1.5;color:#1a1a1a}\
h1{font-size:1.4em}table{border-collapse:collapse;width:100%;font-size:.85em}th,td{border:1px solid #999;padding:.25em .5em;text-align:left;vertical-align:top}\
th{background:#eee}tr{break-inside:avoid}thead{display:table-header-group}.green td:first-child{background:#cfe8cf}.amber td:first-child{background:#ffe9b0}.red td:first-child{background:#f6b9b9}\
.bar{display:flex;height:1.4em;margin:.8em 0;border:1px solid #666}.bar span{display:block}.bar .g{background:#5aa55a}.bar .a{background:#e6b422}.bar .r{background:#c33}\
@page{size:A4 landscape;margin:12mm}@media print{body{margin:0}}";

/// The certificate as one page.
pub(super) fn html(certificate: &Certificate, title: &str) -> String {
    let totals = certificate.totals();
    let mut out = String::with_capacity(certificate.lines.len() * 400);
    let share = |part: usize| part * 1000 / totals.lines.max(1);
    let _ = write!(
        out,
        "<!DOCTYPE html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>\
<p>映射版本 <code>{}</code></p><p>事项 {} 个，报文 {} 条：绿 {}，黄 {}，红 {}。代码对照 {} 对，其中并码 {}、无对应则拒绝 {}。生成报文往返 {} 条。</p>\
<div class=\"bar\" role=\"img\" aria-label=\"绿 {} 黄 {} 红 {}\"><span class=\"g\" style=\"flex:{}\"></span><span class=\"a\" style=\"flex:{}\"></span><span class=\"r\" style=\"flex:{}\"></span></div>\
<p>绿：全部字段往返不变。黄：可用，有声明过的不传、并码或按策略拒绝，理由见行。红：不可用。</p>",
        escaped(&certificate.version),
        totals.matters,
        totals.lines,
        totals.green,
        totals.amber,
        totals.red,
        totals.codes,
        totals.folded,
        totals.refused,
        totals.generated,
        totals.green,
        totals.amber,
        totals.red,
        share(totals.green),
        share(totals.amber),
        share(totals.red),
    );
    if !certificate.unserved.is_empty() {
        let _ = write!(out, "<p>没有开通：{}</p>", escaped(&certificate.unserved.join("、")));
    }
    out.push_str("<table><thead><tr><th>结果</th><th>事项</th><th>名称</th><th>方向</th><th>报文</th><th>字段</th><th>往返</th><th>说明</th></tr></thead><tbody>");
    for line in &certificate.lines {
        let (class, word) = grade(line.proof.grade());
        let step = if line.step == "main" { String::new() } else { format!("（{}）", line.step) };
        let _ = write!(
            out,
            "<tr class=\"{class}\"><td>{word}</td><td>{}</td><td>{}{}</td><td>{} → {}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&line.matter),
            escaped(&line.title),
            escaped(&step),
            escaped(&line.from),
            escaped(&line.to),
            kind(line.kind),
            line.proof.carried,
            line.proof.generated,
            escaped(&reasons(line))
        );
    }
    out.push_str("</tbody></table></body></html>\n");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
