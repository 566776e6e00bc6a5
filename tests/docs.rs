//! `docs/faults.md` says what the code says. `UPDATE_DOCS=1 cargo test --test docs` writes it anew.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it should do")]

use jingyue::domain::fault::ContentPart;
use jingyue::domain::fault::Entry;
use jingyue::domain::fault::Fault;
use jingyue::domain::fault::FieldFault;
use jingyue::domain::fault::FieldFaultKind;
use jingyue::domain::fault::LengthUnit;
use jingyue::domain::fault::Refusal;
use jingyue::domain::fault::Retry;
use jingyue::domain::fault::TABLE;
use jingyue::domain::fault::Unknown;
use jingyue::domain::mapping;
use jingyue::edge::config;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One fault of each number that needs facts for its sentence; the facts are examples.
fn example(entry: &Entry) -> Fault {
    let all = [
        Fault::Malformed { format: "JSON", offset: 118, reason: "unexpected end" },
        Fault::WrongCharset { charset: "UTF-8", offset: 118 },
        Fault::LimitExceeded { what: "长度", limit: 16_777_216 },
        Fault::DoctypeRefused { offset: 22 },
        Fault::WrongContentType { part: ContentPart::Type, expected: "application/json" },
        Fault::UnknownPath,
        Fault::WrongMethod { expected: "POST" },
        Fault::BodyTimeout,
        Fault::BodyIncomplete,
        Fault::KeyMissing { paths: "data.idempotencyKey".into() },
        Fault::Fields { faults: vec![field(FieldFaultKind::Missing)], more: 0 },
        Fault::UnknownMatter { code: "GJ99".into(), what: Unknown::Matter },
        Fault::NotServed { matter: "GJ12".into(), city: "荆州市".into() },
        Fault::CredentialsMissing { header: "x-app-key".into() },
        Fault::UnknownCaller,
        Fault::WrongSignature,
        Fault::ClockOutside { window_seconds: 300, is_milliseconds: true },
        Fault::NonceReplayed,
        Fault::NotPermitted { matter: "GJ12".into() },
        Fault::LicencesRefused { faults: vec![licence(FieldFaultKind::LicenceUnknown)], more: 0 },
        Fault::LicencesUnavailable {
            faults: vec![licence(FieldFaultKind::LicenceUnavailable { reason: "超过时限" })],
            more: 0,
        },
        Fault::LicenceUseNotPermitted { matter: "GJ12".into() },
        Fault::RateLimited { retry_after_seconds: 1 },
        Fault::DailyCountReached { retry_after_seconds: 3600 },
        Fault::Overloaded,
        Fault::NotDelivered { reason: "connection refused or failed" },
        Fault::BreakerOpen { retry_after_seconds: 10 },
        Fault::DeadlinePassed,
        Fault::ConnectionLost,
        Fault::AnswerUnreadable { reason: "answer is not HTTP" },
        Fault::AnswerTooLarge { limit: 16_777_216 },
        Fault::AnswerWrong { faults: vec![field(FieldFaultKind::Missing)], more: 0 },
        Fault::AnswerStatus { status: 500 },
        refusal("not_found", "-40", "未查询到记录"),
        refusal("peer_timeout", "-81", "处理超时"),
        refusal("peer_busy", "-80", "系统繁忙"),
        refusal("duplicate", "-60", "重复提交"),
        Fault::AskAgain { cause: Box::new(Fault::DeadlinePassed) },
        Fault::LedgerUnavailable,
        Fault::StillInProgress,
        Fault::KeyReused,
        Fault::OutcomeUnknown,
        Fault::KeyUnsettled,
        Fault::ResolvedDone,
        Fault::ResolvedNotDone,
        Fault::Internal { reason: "a city is not in the mapping set" },
        Fault::Draining,
    ];
    let found = all.into_iter().find(|fault| fault.entry().number == entry.number);
    found.unwrap_or_else(|| panic!("give J{:03} {} an example in tests/docs.rs", entry.number, entry.name))
}

fn refusal(canonical: &'static str, code: &str, text: &str) -> Fault {
    Refusal { canonical, code: code.into(), text: text.into(), known: true }.fault()
}

fn field(what: FieldFaultKind) -> FieldFault {
    FieldFault { path: "data.withdrawReason".into(), title: "提取原因".into(), what }
}

fn licence(what: FieldFaultKind) -> FieldFault {
    FieldFault { path: "data.materials[1].certIdentifier".into(), title: "电子证照标识".into(), what }
}

fn fields() -> Vec<FieldFault> {
    let no_counterpart = FieldFaultKind::NoCounterpart {
        table: "pf-withdraw-reason".into(),
        code: "99".into(),
        from: "jgjt320".into(),
        to: "vendor3".into(),
    };
    let kinds = vec![
        FieldFaultKind::Missing,
        no_counterpart,
        FieldFaultKind::WrongForm { expected: "日期 2026-11-23".into() },
        FieldFaultKind::TooLong { max: 40, unit: LengthUnit::Bytes },
        FieldFaultKind::Unencodable { character: '𬱖', charset: "GBK" },
        FieldFaultKind::SumDiffers { rule: "合计 = 本金 + 利息".into() },
        FieldFaultKind::CountDiffers { declared: "3".into(), found: 2 },
        FieldFaultKind::DigestDiffers,
        FieldFaultKind::PrecisionLost { expected: "元，两位小数".into() },
        FieldFaultKind::OrderDiffers { rule: "起始 <= 截止".into() },
        FieldFaultKind::BadIdentifier { kind: "公民身份号码", reason: "校验位不对" },
        FieldFaultKind::BeyondCalendar { last: "2026-12-31".into() },
        FieldFaultKind::Duplicate,
        FieldFaultKind::RuleBroken { rule: "结果为同意时须有金额".into() },
    ];
    let licences = vec![
        FieldFaultKind::LicenceRejected {
            reasons: vec![("LIC.STATE_CANCELLED", "发证机关答复：证照已注销")]
        },
        FieldFaultKind::LicenceInDoubt { reasons: vec![("SIG.NO_POE", "证书或印章现已失效")] },
        FieldFaultKind::LicenceUnknown,
        FieldFaultKind::LicenceUnequal {
            table: "证照状态",
            value: "TRANSFERRED".into(),
            from: "hunan".into(),
            to: "hubei".into(),
        },
        FieldFaultKind::LicenceUnavailable { reason: "超过时限" },
    ];
    kinds.into_iter().map(field).chain(licences.into_iter().map(licence)).collect()
}

fn retry(retry: Retry) -> String {
    match retry {
        Retry::Never => "不可".into(),
        Retry::SameKey => "同编号".into(),
        Retry::AfterSeconds(seconds) => format!("{seconds} 秒后"),
        Retry::QueryFirst => "先查询".into(),
    }
}

fn table(head: &str, rows: impl Iterator<Item = String>) -> String {
    let columns = head.matches('|').count() - 1;
    let mut text = format!("{head}\n|{}\n", " --- |".repeat(columns));
    for row in rows {
        writeln!(text, "{row}").unwrap();
    }
    text
}

fn numbers(letter: char, list: &[(u16, &str)]) -> String {
    table("| 编号 | 含义 |", list.iter().map(|(number, title)| format!("| {letter}{number:03} | {title} |")))
}

/// The text with the block of that name replaced.
fn with(text: &str, name: &str, block: &str) -> String {
    let begin = format!("<!-- generated: {name} -->\n");
    let start = text.find(&begin).unwrap_or_else(|| panic!("docs/faults.md has no block {name}")) + begin.len();
    let end = start + text[start..].find("<!-- end -->").unwrap();
    format!("{}\n{block}\n{}", &text[..start], &text[end..])
}

#[test]
fn faults_are_told_as_the_code_has_them() {
    let path = root().join("docs/faults.md");
    let found = fs::read_to_string(&path).unwrap();
    let faults = TABLE.iter().map(|entry| {
        let Entry { number, name, status, side, operator, .. } = entry;
        let told = example(entry).window_text();
        format!(
            "| J{number:03} | `{name}` | {status} | {} | {} | {told} | {operator} |",
            side.title(),
            retry(entry.retry)
        )
    });
    let fields = fields();
    let fields = fields.iter().map(|fault| format!("| J{} | {} |", fault.number(), fault.window_text()));
    let mut text = found.clone();
    for (name, block) in [
        ("faults", table("| 编号 | 名称 | HTTP | 归谁 | 重试 | 窗口看到（举例） | 运维提示 |", faults)),
        ("fields", table("| 编号 | 窗口看到（举例） |", fields)),
        ("mapping", numbers('M', mapping::NUMBERS)),
        ("configuration", numbers('C', config::NUMBERS)),
    ] {
        text = with(&text, name, &block);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    } else {
        assert!(text == found, "docs/faults.md differs from the code: UPDATE_DOCS=1 cargo test --test docs");
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.file_name().is_some_and(|name| name != "numbers.rs") {
            found.push(path);
        }
    }
}

/// Every number of the table is given somewhere, and every number that is given stands in the table.
#[test]
fn no_diagnostic_is_told_that_the_compiler_never_gives() {
    let mut files = Vec::new();
    sources(&root().join("src/domain/mapping"), &mut files);
    sources(&root().join("src/domain/recognition"), &mut files);
    sources(&root().join("src/edge/sheet"), &mut files);
    let mut given = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let words = code.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        given.extend(words.filter(|word| word.len() == 3).filter_map(|word| word.parse::<u16>().ok()));
    }
    let known: BTreeSet<u16> = mapping::NUMBERS.iter().map(|(number, _)| *number).collect();
    let never: Vec<_> = known.difference(&given).collect();
    assert!(never.is_empty(), "numbers of mapping::NUMBERS that no code gives: {never:?}");
    assert!(mapping::NUMBERS.is_sorted_by(|one, other| one.0 < other.0));
    assert!(config::NUMBERS.is_sorted_by(|one, other| one.0 < other.0));
}

/// What a source file says when it uses cryptography itself.
const CRYPTOGRAPHY: &[&str] = &[
    "MacKey",
    "pbkdf2::",
    "ring::default_provider",
    "ring::digest",
    "ring::hmac",
    "ring::rand",
    "ring::signature",
    "sm::digest",
    "sm::header_signature",
    "sm::hmac",
    "sm::kdf",
    "sm::sm2",
    "sm::sm3",
    "sm::sm4",
    "sm::verify",
];

/// The table of docs/cryptography.md has every place that uses cryptography, and none that uses none. A module that is
/// named there stands for those below it.
#[test]
fn every_use_of_cryptography_is_listed() {
    let page = fs::read_to_string(root().join("docs/cryptography.md")).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| line.trim_end_matches('|').rsplit('|').next());
    let named: BTreeSet<&str> =
        rows.flat_map(|cell| cell.split('`')).filter(|word| word.contains("::") && !word.contains(' ')).collect();
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut using = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let is_test = file.components().any(|part| part.as_os_str() == "tests") || file.ends_with("tests.rs");
        if !is_test && CRYPTOGRAPHY.iter().any(|word| code.contains(word)) {
            let path = file.strip_prefix(root().join("src")).unwrap().with_extension("").display().to_string();
            let module = path.replace('/', "::");
            using.insert(module.strip_suffix("::mod").unwrap_or(&module).to_owned());
        }
    }
    let holds = |name: &str, module: &str| {
        module.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let unlisted: Vec<&String> = using.iter().filter(|module| !named.iter().any(|name| holds(name, module))).collect();
    assert!(unlisted.is_empty(), "docs/cryptography.md does not say that these use cryptography: {unlisted:?}");
    // Randomness is named for what it does, without one of the words.
    let others = ["edge::clock"];
    let stale: Vec<&&str> =
        named.iter().filter(|name| !others.contains(name) && !using.iter().any(|module| holds(name, module))).collect();
    assert!(stale.is_empty(), "docs/cryptography.md names these, which use none: {stale:?}");
}

/// Every link to a file of this repository, in every page, leads somewhere.
#[test]
fn links_lead_somewhere() {
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/decisions", "deploy", "monitoring"] {
        let files = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "md")));
    }
    let mut dead = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let outside = link.is_empty() || link.contains("://");
            if !outside && !page.parent().unwrap().join(link).exists() {
                dead.push(format!("{}: {link}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(pages.len() > 10);
    assert!(dead.is_empty(), "links that lead nowhere:\n{}", dead.join("\n"));
}
