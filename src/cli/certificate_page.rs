//! The coverage certificate as one page for the audit office: a row for each matter, a cell for each message, and every
//! reason told once. It prints on a few sheets of A4 and can be read without colours.

use super::coverage::grade;
use super::coverage::reasons;
use crate::domain::mapping::Certificate;
use crate::domain::mapping::CertificateLine;
use crate::domain::mapping::MessageKind;
use crate::domain::mapping::Program;
use std::collections::BTreeMap;
use std::fmt::Write;

const TITLE: &str = "荆岳通办 事项翻译覆盖证明";

const STYLE: &str = "body{font-family:'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',sans-serif;\
margin:2em auto;max-width:62em;line-height:1.45;color:#1a1a1a}h1{font-size:1.4em;margin:0 0 .3em}h2{font-size:1.05em;margin:1.4em 0 .4em}\
p{margin:.4em 0}code{overflow-wrap:anywhere}table{border-collapse:collapse;width:100%;font-size:.82em}\
th,td{border:1px solid #999;padding:.12em .45em;text-align:left;vertical-align:top}th{background:#eee;font-weight:600}\
td.n,th.n{text-align:right}td.k,th.n{white-space:nowrap}tr{break-inside:avoid}thead{display:table-header-group}\
.green{background:#dcefdc}.amber{background:#fff1c9}.red{background:#f6b9b9;font-weight:700}\
.bar{display:flex;height:1.2em;margin:.7em 0;border:1px solid #666}.bar .g{background:#5aa55a}.bar .a{background:#e6b422}.bar .r{background:#c33}\
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}\
@page{size:A4 portrait;margin:12mm 11mm}@media print{body{margin:0;max-width:none;font-size:9pt}h2{break-after:avoid}}";

/// Numbers of the reasons, in the order in which they first stand on the page.
#[derive(Default)]
struct Reasons {
    texts: Vec<String>,
    counts: Vec<usize>,
}

impl Reasons {
    fn number(&mut self, line: &CertificateLine) -> Option<usize> {
        let text = reasons(line, usize::MAX);
        if text.is_empty() {
            return None;
        }
        let index = self.texts.iter().position(|known| *known == text).unwrap_or_else(|| {
            self.texts.push(text);
            self.counts.push(0);
            self.texts.len() - 1
        });
        self.counts[index] += 1;
        Some(index + 1)
    }
}

/// The page.
pub(super) fn page(certificate: &Certificate, program: &Program) -> String {
    let mut out = String::with_capacity(certificate.lines.len() * 100);
    head(certificate, &mut out);
    by_system(certificate, program, &mut out);
    let mut reasons = Reasons::default();
    by_matter(certificate, program, &mut reasons, &mut out);
    if !reasons.texts.is_empty() {
        out.push_str("<h2>说明</h2><table><thead><tr><th class=\"n\">编号</th><th>内容</th><th class=\"n\">报文数</th></tr></thead><tbody>");
        for (index, (text, count)) in reasons.texts.iter().zip(&reasons.counts).enumerate() {
            let _ = write!(
                out,
                "<tr><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{count}</td></tr>",
                index + 1,
                escaped(text)
            );
        }
        out.push_str("</tbody></table>");
    }
    out.push_str("</body></html>\n");
    out
}

fn head(certificate: &Certificate, out: &mut String) {
    let totals = certificate.totals();
    // Writing into a string cannot fail.
    let _ = write!(
        out,
        "<!DOCTYPE html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><title>{TITLE}</title><style>{STYLE}</style></head><body><h1>{TITLE}</h1>\
<p>映射版本 <code>{}</code>，程序版本 {}</p>\
<p>事项 {} 个，报文 {} 条：绿 {}，黄 {}，红 {}。代码对照 {} 对，其中并码 {}、无对应则拒绝 {}。生成报文往返 {} 条；另有 {} 条所用代码已在相同的两行之间往返过，不再重复。</p>\
<div class=\"bar\" role=\"img\" aria-label=\"绿 {} 黄 {} 红 {}\"><span class=\"g\" style=\"flex:{}\"></span><span class=\"a\" style=\"flex:{}\"></span><span class=\"r\" style=\"flex:{}\"></span></div>\
<p>绿：全部字段往返不变。黄：可用，有声明过的不传、并码或按策略拒绝，理由见说明。红：不可用。</p>",
        escaped(&certificate.version),
        env!("CARGO_PKG_VERSION"),
        totals.matters,
        totals.lines,
        totals.green,
        totals.amber,
        totals.red,
        totals.codes,
        totals.folded,
        totals.refused,
        totals.generated,
        totals.shared,
        totals.green,
        totals.amber,
        totals.red,
        totals.green,
        totals.amber,
        totals.red,
    );
    if !certificate.unserved.is_empty() {
        let _ = write!(out, "<p>没有开通：{}</p>", escaped(&certificate.unserved.join("、")));
    }
}

/// Sums for each pair of systems.
fn by_system(certificate: &Certificate, program: &Program, out: &mut String) {
    let title = |profile: &str| {
        program.system(profile).map_or_else(|| profile.to_owned(), |system| system.profile.title.clone())
    };
    let mut sums: BTreeMap<(&str, &str), ([usize; 3], usize)> = BTreeMap::new();
    for line in &certificate.lines {
        let (grades, generated) = sums.entry((&line.from, &line.to)).or_default();
        grades[line.proof.grade() as usize] += 1;
        *generated += line.proof.generated;
    }
    out.push_str("<h2>按系统</h2><table><thead><tr><th>发出</th><th>收到</th><th class=\"n\">绿</th><th class=\"n\">黄</th><th class=\"n\">红</th><th class=\"n\">往返</th></tr></thead><tbody>");
    for ((from, to), (grades, generated)) in sums {
        let _ = write!(out, "<tr><td>{}</td><td>{}</td>", escaped(&title(from)), escaped(&title(to)));
        for number in grades.into_iter().chain([generated]) {
            let _ = write!(out, "<td class=\"n\">{number}</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

/// A row for each step of a matter, a cell for each direction and message.
fn by_matter(certificate: &Certificate, program: &Program, reasons: &mut Reasons, out: &mut String) {
    type Column<'c> = (&'c str, &'c str, bool);
    let column = |line: &CertificateLine| {
        // A request before its answer.
        (line.from_city.clone(), line.to_city.clone(), line.kind == MessageKind::Answer)
    };
    let mut columns: Vec<_> = certificate.lines.iter().map(column).collect();
    columns.sort();
    columns.dedup();
    let city = |name: &str| program.city(name).map_or_else(|| name.to_owned(), |city| city.title.clone());
    out.push_str(
        "<h2>按事项</h2><p>数字为传送的字段数；〔〕内为说明的编号。</p><table><thead><tr><th>事项</th><th>名称</th>",
    );
    for (from, to, answer) in &columns {
        let kind = if *answer { "答复" } else { "申请" };
        let _ = write!(out, "<th>{}→{}<br>{kind}</th>", escaped(&city(from)), escaped(&city(to)));
    }
    out.push_str("</tr></thead><tbody>");
    let mut rows: BTreeMap<(&str, &str), BTreeMap<Column<'_>, Vec<&CertificateLine>>> = BTreeMap::new();
    for line in &certificate.lines {
        let cells = rows.entry((&line.matter, &line.step)).or_default();
        let key = (line.from_city.as_str(), line.to_city.as_str(), line.kind == MessageKind::Answer);
        cells.entry(key).or_default().push(line);
    }
    for ((matter, step), cells) in rows {
        let title = cells.values().flatten().next().map_or("", |line| line.title.as_str());
        let step = if step == "main" { String::new() } else { format!("（{step}）") };
        let _ =
            write!(out, "<tr><td class=\"k\">{}</td><td>{}{}</td>", escaped(matter), escaped(title), escaped(&step));
        for (from, to, answer) in &columns {
            let lines = cells.get(&(from.as_str(), to.as_str(), *answer)).map_or(&[][..], Vec::as_slice);
            let worst = lines.iter().map(|line| line.proof.grade()).max();
            let class = worst.map_or("", |worst| grade(worst).0);
            let _ = write!(out, "<td class=\"k {class}\">");
            for (index, line) in lines.iter().enumerate() {
                let blank = if index > 0 { "<br>" } else { "" };
                let note = reasons.number(line).map_or(String::new(), |number| format!("〔{number}〕"));
                let _ = write!(out, "{blank}{} {}{note}", grade(line.proof.grade()).1, line.proof.carried);
            }
            out.push_str(if lines.is_empty() { "—</td>" } else { "</td>" });
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mapping::Grade;
    use crate::domain::mapping::Proof;

    #[test]
    fn every_reason_is_told_once() {
        let line = |dropped: &str| CertificateLine {
            matter: "M1".into(),
            title: "事项".into(),
            step: "main".into(),
            from_city: "a".into(),
            to_city: "b".into(),
            from: "p".into(),
            to: "q".into(),
            kind: MessageKind::Request,
            proof: Proof { dropped: vec![dropped.into()], ..Proof::default() },
        };
        let mut reasons = Reasons::default();
        assert_eq!([line("x"), line("y"), line("x")].map(|line| reasons.number(&line)), [Some(1), Some(2), Some(1)]);
        assert_eq!(reasons.counts, [2, 1]);
        assert_eq!(reasons.number(&CertificateLine { proof: Proof::default(), ..line("") }), None);
        assert_eq!(escaped("a<b>&\"c\""), "a&lt;b&gt;&amp;&quot;c&quot;");
        assert_eq!(grade(Grade::Red).1, "红");
    }
}
