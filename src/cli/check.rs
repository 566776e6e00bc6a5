//! `jingyue check`: configuration, mappings, tables, catalogue and examples, everything that is wrong at once.

use super::AT_FAULT;
use super::coverage;
use super::leaves::difference;
use super::translate::Job;
use super::translate::JobError;
use super::translate::parse_time;
use crate::app;
use crate::domain::licence::Policy;
use crate::domain::licence::PolicyFault;
use crate::domain::mapping::Grade;
use crate::domain::mapping::Level;
use crate::domain::mapping::Program;
use crate::domain::recognition::Recognition;
use crate::edge::clock::Clock;
use crate::edge::config::Config;
use crate::edge::library::Library;
use clap::Args;
use clap::ValueEnum;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// Where a mapping directory keeps the policy for licences.
const POLICY: &str = "licence/policy.toml";
/// Certificates that end within so many days are told.
const WARNING_DAYS: i64 = 30;
/// Revocation lists whose next one is due within so many seconds are told.
const LIST_WARNING_SECONDS: i64 = 86_400;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Json,
    Text,
}

/// What to check.
#[derive(Args, Debug)]
pub(super) struct Check {
    /// 配置文件；省略则只检查映射
    #[arg(long)]
    config: Option<PathBuf>,
    /// 映射目录；省略则为配置所指，或当前目录的 mappings，都没有时为程序内置的一套
    #[arg(long)]
    mappings: Option<PathBuf>,
    /// 报告格式
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// One line of the report.
#[derive(serde::Serialize)]
struct Finding {
    level: &'static str,
    number: String,
    file: String,
    line: usize,
    column: usize,
    found: String,
    expected: String,
    hint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    matter: String,
    #[serde(default)]
    step: Option<String>,
    message: String,
    from: String,
    to: String,
    from_city: String,
    to_city: String,
    at: String,
    #[serde(default = "one")]
    sequence: u64,
    input: String,
    output: String,
    #[serde(default)]
    back: bool,
    #[serde(default)]
    back_ignore: Vec<String>,
    #[serde(default)]
    composed: bool,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default)]
    with: BTreeMap<String, String>,
}

const fn one() -> u64 {
    1
}

impl Check {
    pub(super) fn run(&self) -> u8 {
        let (findings, summary, checked) = self.check();
        let errors = findings.iter().filter(|finding| finding.level == "error").count();
        match self.format {
            Format::Json => {
                let report = serde_json::json!({ "ok": errors == 0, "errors": errors, "findings": findings, "mappings": checked, "summary": summary });
                tell!("{report:#}");
            }
            Format::Text => {
                for finding in &findings {
                    tell!("{}", line(finding));
                }
                let checked = if checked.is_empty() { String::new() } else { format!("（映射：{checked}）") };
                if errors == 0 {
                    tell!("检查通过{checked}：{summary}");
                } else {
                    tell!("检查未通过{checked}：{errors} 处错误");
                }
            }
        }
        if errors == 0 { 0 } else { AT_FAULT }
    }

    /// What was found, a summary, and which mapping set was looked at.
    fn check(&self) -> (Vec<Finding>, String, String) {
        let mut findings = Vec::new();
        let config = self.config.as_ref().and_then(|path| match Config::load(path) {
            Ok((config, warnings)) => {
                findings.extend(warnings.iter().map(of_problem));
                Some(config)
            }
            Err(problems) => {
                findings.extend(problems.iter().map(of_problem));
                None
            }
        });
        if let Some(config) = &config {
            let now = Clock::System.now() / 1000;
            findings.extend(expiring(&config.certificates, now));
            findings.extend(over(&config.revocation_lists, now));
            findings.extend(exposed(&config.private_files));
        }
        let directory =
            self.mappings.clone().or_else(|| config.as_ref().map(|config| config.mappings_directory.clone()));
        let checked = super::origin(directory.as_deref());
        let library = match super::load(directory.as_deref()) {
            Ok(library) => library,
            Err(error) => {
                findings.push(plain("L001", error.to_string()));
                return (findings, String::new(), checked);
            }
        };
        let recognition = Recognition::compile(&library.files).unwrap_or_else(|faults| {
            findings.extend(faults.iter().map(of_diagnostic));
            Recognition::default()
        });
        findings.extend(library.files.text(POLICY).map_or_else(Vec::new, of_policy));
        let program = match Program::compile(&library.files) {
            Ok(program) => program,
            Err(faults) => {
                findings.extend(faults.iter().map(of_diagnostic));
                return (findings, String::new(), checked);
            }
        };
        findings.extend(program.warnings().iter().map(of_diagnostic));
        let named = config.as_ref().and_then(|config| config.licences.as_ref()?.policy.as_ref());
        let policy = named.map(|(file, text)| (file.as_str(), text.as_str()));
        let policy = policy.or_else(|| library.files.text(POLICY).map(|text| (POLICY, text)));
        let policy = policy.and_then(|(file, text)| Policy::read(file, text).ok());
        findings.extend(recognition.unreleased(&program, policy.as_ref()).iter().map(of_diagnostic));
        if let Some(Err(problems)) = config.as_ref().map(|config| app::check(config, &library)) {
            findings.extend(problems.into_iter().map(|problem| plain("C900", problem)));
        }
        let certificate = coverage::certificate(&program, &library);
        for line in certificate.lines.iter().filter(|line| line.proof.grade() == Grade::Red) {
            let found =
                format!("{} {} {}→{}：{}", line.matter, line.step, line.from, line.to, line.proof.faults.join("、"));
            findings.push(plain("P001", found));
        }
        let totals = certificate.totals();
        let (examples, composed) = run_examples(&program, &library, &mut findings);
        let catalogue = program.catalogue();
        let summary = format!(
            "事项 {} 个，城市 {} 个，系统档案 {} 个，码表 {} 张，翻译方案 {} 组，样例 {examples} 对（其中自拟 {composed} 对），证照类型 {} 种，等价关系 {} 条，证明：绿 {} 黄 {} 红 {}；映射版本 {}",
            catalogue.matters.len(),
            catalogue.cities.len(),
            program.systems().count(),
            catalogue.tables.len(),
            program.pairs().count(),
            recognition.catalogue().len(),
            recognition.equivalences().len(),
            totals.green,
            totals.amber,
            totals.red,
            &program.version()[..12],
        );
        (findings, summary, checked)
    }
}

/// The certificates that have ended, or will before [`WARNING_DAYS`] have passed.
fn expiring(certificates: &[(String, i64)], now: i64) -> impl Iterator<Item = Finding> {
    certificates.iter().filter_map(move |(file, not_after)| {
        let days = (not_after - now).div_euclid(86_400);
        let hint = "请向签发机构换发，放好文件后重新加载配置".to_owned();
        let file = file.clone();
        if days < 0 {
            Some(Finding { file, hint, ..plain("K002", "证书已过期".to_owned()) })
        } else if days < WARNING_DAYS {
            Some(Finding { level: "warning", file, hint, ..plain("K003", format!("证书还有 {days} 天到期")) })
        } else {
            None
        }
    })
}

/// The revocation lists that are over, or will be within [`LIST_WARNING_SECONDS`].
fn over(lists: &[(String, i64)], now: i64) -> impl Iterator<Item = Finding> {
    lists.iter().filter_map(move |(file, next_update)| {
        let left = next_update - now;
        let hint = "请取签发机构的新吊销列表，放好文件后重新加载配置".to_owned();
        let file = file.clone();
        if left < 0 {
            let found = "吊销列表已过时：要它的连接都会被拒绝".to_owned();
            Some(Finding { file, hint, ..plain("K005", found) })
        } else if left < LIST_WARNING_SECONDS {
            let found = format!("吊销列表还有 {} 小时过时", left / 3_600);
            Some(Finding { level: "warning", file, hint, ..plain("K006", found) })
        } else {
            None
        }
    })
}

/// The files of keys and secrets that others on this machine may read or change: everybody, or a group that may write.
/// A group that may read is how a service is often given its files.
fn exposed(files: &[(String, PathBuf)]) -> impl Iterator<Item = Finding> {
    files.iter().filter_map(|(file, path)| {
        let mode = path.metadata().ok()?.permissions().mode() & 0o777;
        let finding = || Finding {
            level: "warning",
            file: file.clone(),
            expected: "属主为网关用户，权限 0600 或 0640".to_owned(),
            ..plain("K007", format!("私钥、口令或密钥文件的权限是 {mode:04o}，本机其他用户能读或改"))
        };
        (mode & 0o027 != 0).then(finding)
    })
}

/// Runs all examples; gives how many there are, and how many of these are composed, not seen in the field.
fn run_examples(program: &Program, library: &Library, findings: &mut Vec<Finding>) -> (usize, usize) {
    let (mut count, mut composed) = (0, 0);
    for (path, text) in library.files.0.iter().filter(|(path, _)| path.starts_with("examples/")) {
        count += 1;
        match toml::from_str::<Example>(text) {
            Ok(example) => {
                composed += usize::from(example.composed);
                if let Err(found) = example.run(program, library) {
                    findings.push(Finding { file: path.clone(), ..plain("E001", found) });
                }
            }
            Err(error) => findings
                .push(Finding {
                    file: path.clone(), ..plain("E002", format!("样例看不懂：{}", error.message()))
                }),
        }
    }
    (count, composed)
}

impl Example {
    fn run(&self, program: &Program, library: &Library) -> Result<(), String> {
        let file = |name: &str| {
            library.examples.get(&format!("examples/{name}")).ok_or_else(|| format!("examples/{name} 不存在"))
        };
        let (input, expected) = (file(&self.input)?, file(&self.output)?);
        let output = self.translate(program, input, false)?;
        if let Some(found) = difference(expected, &output, &[])? {
            return Err(format!("结果与 {} 不同：{found}", self.output));
        }
        if self.back {
            let back = self.translate(program, &output, true).map_err(|found| format!("译回：{found}"))?;
            if let Some(found) = difference(input, &back, &self.back_ignore)? {
                return Err(format!("译回后与 {} 不同：{found}", self.input));
            }
        }
        Ok(())
    }

    fn translate(&self, program: &Program, input: &[u8], back: bool) -> Result<Vec<u8>, String> {
        let now = parse_time(&self.at).map_err(|_| format!("at = “{}”看不懂", self.at))?;
        let mut with = self.settings.clone();
        with.extend(self.with.clone());
        let turn = |first, second| if back { (second, first) } else { (first, second) };
        let (from, to) = turn(self.from.as_str(), self.to.as_str());
        // Cities are named as caller and handler, whichever way the message goes.
        let cities = turn(self.from_city.as_str(), self.to_city.as_str());
        let request = self.message == "request";
        let job = Job {
            program,
            matter: &self.matter,
            step: self.step.as_deref(),
            request,
            from,
            to,
            now,
            sequence: self.sequence,
            with: &with,
            cities: Some(cities),
        };
        match job.run(input, None) {
            Ok(output) => Ok(output),
            // Where the other side says no, what the caller gets is the expected output.
            Err(JobError::Fault(fault)) if fault.refusal().is_some() => {
                job.told(&fault).map_err(|_| "错误报文写不出来".into())
            }
            Err(JobError::Fault(fault)) => Err(format!("J{:03} {}", fault.entry().number, fault.window_text())),
            Err(JobError::Usage(text)) => Err(text),
        }
    }
}

fn of_diagnostic(fault: &crate::domain::mapping::Diagnostic) -> Finding {
    Finding {
        level: if fault.level == Level::Error { "error" } else { "warning" },
        number: format!("M{:03}", fault.number),
        file: fault.place.file.clone(),
        line: fault.place.line,
        column: fault.place.column,
        found: fault.found.clone(),
        expected: fault.expected.clone(),
        hint: fault.hint.clone(),
    }
}

fn of_policy(text: &str) -> Vec<Finding> {
    let faults = Policy::read(POLICY, text).err().unwrap_or_default();
    let finding = |fault: PolicyFault| Finding {
        level: "error",
        number: format!("V{:03}", fault.kind as u16),
        file: fault.file,
        line: fault.line,
        column: fault.column,
        found: fault.found,
        expected: fault.expected,
        hint: String::new(),
    };
    faults.into_iter().map(finding).collect()
}

fn of_problem(problem: &crate::edge::config::Problem) -> Finding {
    Finding {
        level: if problem.level == crate::edge::config::Level::Error { "error" } else { "warning" },
        number: format!("C{:03}", problem.number),
        file: problem.file.clone(),
        line: problem.line,
        column: problem.column,
        found: problem.found.clone(),
        expected: problem.expected.clone(),
        hint: problem.hint.clone(),
    }
}

fn plain(number: &str, found: String) -> Finding {
    Finding {
        level: "error",
        number: number.to_owned(),
        file: String::new(),
        line: 0,
        column: 0,
        found,
        expected: String::new(),
        hint: String::new(),
    }
}

fn line(finding: &Finding) -> String {
    let level = if finding.level == "error" { "错误" } else { "提醒" };
    let place = match (finding.file.is_empty(), finding.line) {
        (true, _) => String::new(),
        (false, 0) => format!("{} ", finding.file),
        (false, line) => format!("{}:{line}:{} ", finding.file, finding.column),
    };
    let expected = if finding.expected.is_empty() { String::new() } else { format!("；应为{}", finding.expected) };
    let hint = if finding.hint.is_empty() { String::new() } else { format!("；{}", finding.hint) };
    format!("{place}{level} {}：{}{expected}{hint}", finding.number, finding.found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_told_before_and_after_their_end() {
        let now = 1_795_478_400;
        let all = [-1, 0, 29 * 86_400, 30 * 86_400].map(|left| ("gateway.pem".to_owned(), now + left));
        let told: Vec<(String, &str)> =
            expiring(&all, now).map(|finding| (finding.number.clone(), finding.level)).collect();
        let expected = [("K002", "error"), ("K003", "warning"), ("K003", "warning")];
        assert_eq!(told, expected.map(|(number, level)| (number.to_owned(), level)));
        let all = [-1, 0, 86_399, 86_400].map(|left| ("ca.crl".to_owned(), now + left));
        let told: Vec<(String, &str)> =
            over(&all, now).map(|finding| (finding.number.clone(), finding.level)).collect();
        let expected = [("K005", "error"), ("K006", "warning"), ("K006", "warning")];
        assert_eq!(told, expected.map(|(number, level)| (number.to_owned(), level)));
    }
}
