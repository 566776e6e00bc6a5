//! `jingyue translate`: one message, offline.

use super::AT_FAULT;
use super::USAGE;
use crate::domain::fault::Fault;
use crate::domain::mapping::City;
use crate::domain::mapping::Context;
use crate::domain::mapping::Kept;
use crate::domain::mapping::Line;
use crate::domain::mapping::Pair;
use crate::domain::mapping::Program;
use crate::domain::mapping::Trace;
use crate::domain::mapping::Workspace;
use crate::domain::mapping::nearest;
use crate::domain::value::DateTime;
use crate::domain::value::DateTimeForm;
use crate::edge::clock::Clock;
use crate::edge::trouble::in_words;
use clap::Args;
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::io::Read;
use std::io::Write;
use std::path::PathBuf;

/// Which message of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Message {
    Request,
    #[value(alias = "answer")]
    Response,
}

/// What to translate.
#[derive(Args, Debug)]
pub(super) struct Translate {
    /// 事项编码，如 GJ12
    #[arg(long)]
    matter: String,
    /// 来文系统档案
    #[arg(long)]
    from: String,
    /// 目标系统档案
    #[arg(long)]
    to: String,
    /// request：申请；response：答复
    #[arg(long, value_enum)]
    message: Message,
    /// 事项的步骤；省略时按报文内容判断，判断不了则为 main
    #[arg(long)]
    step: Option<String>,
    /// 逐字段说明来源、规则、码表行、结果和损失（写到标准错误）
    #[arg(long)]
    explain: bool,
    /// 翻译所用的时间，如 2026-11-23T09:30:15+08:00；省略为现在
    #[arg(long)]
    at: Option<String>,
    /// 网关流水号
    #[arg(long, default_value_t = 1)]
    sequence: u64,
    /// 答复所需的申请字段，或系统设置：名=值，可写多个
    #[arg(long = "with", value_name = "NAME=VALUE")]
    with: Vec<String>,
    /// 映射目录
    #[arg(long)]
    mappings: Option<PathBuf>,
    /// 报文文件；省略为标准输入
    file: Option<PathBuf>,
}

impl Translate {
    pub(super) fn run(&self) -> u8 {
        match self.translate() {
            Ok(()) => 0,
            Err(code) => code,
        }
    }

    fn translate(&self) -> Result<(), u8> {
        let library = super::library(self.mappings.as_deref())?;
        let program = super::program(&library)?;
        let input = self.input()?;
        let now = self.now()?;
        let with = pairs(&self.with)?;
        let job = Job {
            program: &program,
            matter: &self.matter,
            step: self.step.as_deref(),
            request: self.message == Message::Request,
            from: &self.from,
            to: &self.to,
            now,
            sequence: self.sequence,
            with: &with,
            cities: None,
        };
        if let Err(text) = job.check_with() {
            eprintln!("{text}");
            return Err(USAGE);
        }
        let mut trace = self.explain.then(Trace::default);
        match job.run(&input, trace.as_mut()) {
            Ok(output) => {
                if let Some(trace) = &trace {
                    trace.lines.iter().for_each(|line| eprintln!("{}", explain(line)));
                }
                let written = std::io::stdout().write_all(&output).and_then(|()| std::io::stdout().flush());
                written.map_err(|_| super::OURS)
            }
            Err(JobError::Usage(text)) => {
                eprintln!("{text}");
                Err(USAGE)
            }
            Err(JobError::Fault(fault)) => {
                eprintln!("J{:03} {}", fault.entry().number, fault.window_text());
                Err(AT_FAULT)
            }
        }
    }

    fn input(&self) -> Result<Vec<u8>, u8> {
        let mut bytes = Vec::new();
        let read = match &self.file {
            Some(file) => std::fs::read(file).map(|read| bytes = read),
            None => std::io::stdin().read_to_end(&mut bytes).map(|_| ()),
        };
        read.map(|()| bytes).map_err(|error| {
            let name = self.file.as_ref().map_or("标准输入".into(), |file| file.display().to_string());
            eprintln!("{name} 无法读取：{}", in_words(&error));
            AT_FAULT
        })
    }

    fn now(&self) -> Result<i64, u8> {
        self.at.as_deref().map_or_else(|| Ok(Clock::System.now()), parse_time).inspect_err(|_| {
            eprintln!("--at 的时间看不懂，应形如 2026-11-23T09:30:15+08:00");
        })
    }
}

/// Milliseconds of a written time.
pub(super) fn parse_time(text: &str) -> Result<i64, u8> {
    // Milliseconds stand between the seconds and the offset.
    let (whole, milliseconds) = match text.split_once('.') {
        None => (text.to_owned(), 0),
        Some((head, tail)) => {
            let (fraction, offset) = tail.split_at_checked(3).ok_or(USAGE)?;
            (format!("{head}{offset}"), fraction.parse::<i64>().map_err(|_| USAGE)?)
        }
    };
    let moment = DateTime::read(DateTimeForm::Offset, whole.as_bytes()).ok_or(USAGE)?;
    Ok(moment.epoch_milliseconds() + milliseconds)
}

fn pairs(texts: &[String]) -> Result<BTreeMap<String, String>, u8> {
    let pair = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    texts.iter().map(|text| pair(text).ok_or(text)).collect::<Result<_, _>>().map_err(|text| {
        eprintln!("--with “{text}”看不懂，应形如 名=值");
        USAGE
    })
}

/// Why a translation did not come about.
#[derive(Debug)]
pub(super) enum JobError {
    Fault(Fault),
    Usage(String),
}

/// One offline translation.
pub(super) struct Job<'a> {
    pub program: &'a Program,
    pub matter: &'a str,
    pub step: Option<&'a str>,
    pub request: bool,
    pub from: &'a str,
    pub to: &'a str,
    pub now: i64,
    pub sequence: u64,
    /// Settings, and fields of the request for answers.
    pub with: &'a BTreeMap<String, String>,
    /// Names of the calling and the handling city, where they are not clear from the profiles.
    pub cities: Option<(&'a str, &'a str)>,
}

impl Job<'_> {
    /// Translates `input`.
    pub(super) fn run(&self, input: &[u8], trace: Option<&mut Trace>) -> Result<Vec<u8>, JobError> {
        let mut workspace = Workspace::default();
        // The caller is whose request it is: an answer goes from the handling side back to it.
        let (caller, handler) = if self.request { (self.from, self.to) } else { (self.to, self.from) };
        for name in [caller, handler] {
            if self.program.system(name).is_none() {
                let near = nearest(name, self.program.systems().map(|system| system.profile.name.as_str()));
                let hint = near.map_or(String::new(), |near| format!("，是否想写“{near}”？"));
                return Err(JobError::Usage(format!("系统档案“{name}”不存在{hint}")));
            }
        }
        let (step, message) = self.step(caller, input, &mut workspace);
        let pair = self.program.pair(caller, handler, self.matter, &step).ok_or_else(|| {
            JobError::Usage(format!("事项“{}”（步骤 {step}）在 {caller} 与 {handler} 之间没有开通", self.matter))
        })?;
        let (from, to) = self.cities(caller, handler)?;
        let kept = self.kept(pair);
        let context = Context {
            now: self.now,
            sequence: self.sequence,
            message_id: "JY00000000000000000000",
            message: message.as_deref().or(self.with.get("msg_id").map(String::as_str)),
            from,
            to,
            settings: self.with,
            case: Some(self.with),
            kept: Some(&kept),
            licences: None,
            fault: None,
        };
        let plan = if self.request { &pair.request } else { &pair.answer };
        plan.translate_traced(input, &context, &mut workspace, trace)
            .map(|translated| translated.bytes)
            .map_err(JobError::Fault)
    }

    /// Whether every name of `with` is one that a message of the matter between the two profiles can ask for, and says
    /// which settings are not given.
    fn check_with(&self) -> Result<(), String> {
        let (caller, handler) = if self.request { (self.from, self.to) } else { (self.to, self.from) };
        if [caller, handler].iter().any(|name| self.program.system(name).is_none()) {
            // Which is told with the translation.
            return Ok(());
        }
        let settings = self.program.settings_of(handler);
        let pairs = self.program.pairs().filter(|pair| pair.from == caller && pair.to == handler);
        let kept = pairs.filter(|pair| *pair.matter.code == *self.matter).flat_map(|pair| pair.request.kept_names());
        let fields = self.program.catalogue().fields.keys().map(String::as_str);
        let known: Vec<&str> = settings.keys().copied().chain(kept).chain(fields).chain(["msg_id"]).collect();
        if let Some(name) = self.with.keys().find(|name| !known.contains(&name.as_str())) {
            let near = nearest(name, known.iter().copied());
            let hint = near.map_or_else(String::new, |near| format!("，是否想写“{near}”？"));
            return Err(format!("--with 的“{name}”既不是 {handler} 的设置，也不是字段{hint}"));
        }
        let missing = settings.iter().filter(|(name, needed)| **needed && !self.with.contains_key(**name));
        for (name, _) in missing.filter(|_| self.request) {
            eprintln!("提醒：没有给出 {handler} 的设置“{name}”，报文中相应位置空着；请加 --with {name}=值");
        }
        Ok(())
    }

    /// A fault as the caller of this exchange would get it.
    pub(super) fn told(&self, fault: &Fault) -> Result<Vec<u8>, JobError> {
        let (caller, handler) = if self.request { (self.from, self.to) } else { (self.to, self.from) };
        let missing = || JobError::Usage(format!("系统档案“{caller}”不存在"));
        let system = self.program.system(caller).ok_or_else(missing)?;
        let (from, to) = self.cities(caller, handler)?;
        let step = self.step.unwrap_or("main");
        let service =
            system.profile.services.iter().find(|service| service.matter == self.matter && service.step == step);
        let context = Context {
            now: self.now,
            sequence: self.sequence,
            message_id: "",
            message: self.with.get("msg_id").map(String::as_str),
            from,
            to,
            settings: self.with,
            case: Some(self.with),
            kept: None,
            licences: None,
            fault: None,
        };
        let operation = service.map(|service| service.operation.as_str());
        Ok(self.program.render(system, operation, fault, &context, &mut Workspace::default()).bytes)
    }

    /// The step: as told, or what the request says of itself.
    fn step(&self, caller: &str, input: &[u8], workspace: &mut Workspace) -> (String, Option<String>) {
        let system = self.program.system(caller).filter(|_| self.request);
        let arrival = system.and_then(|system| {
            let paths = system.profile.services.iter().filter(|service| service.matter == self.matter);
            let mut found = paths.filter_map(|service| {
                self.program.arrive(system, &service.path, &|_| Some(&service.service), input, workspace).ok()
            });
            found.next().map(|arrival| (system.profile.services[arrival.service].step.clone(), arrival.message))
        });
        let (step, message) = arrival.map_or((None, None), |(step, message)| (Some(step), message));
        let told = self.step.map(str::to_owned);
        (told.or(step).unwrap_or_else(|| "main".into()), message)
    }

    fn cities(&self, caller: &str, handler: &str) -> Result<(&City, &City), JobError> {
        let cities = &self.program.catalogue().cities;
        let named = |name: &str| cities.iter().find(|city| city.name == name);
        if let Some((from, to)) = self.cities {
            let found = named(from).zip(named(to));
            return found.ok_or_else(|| JobError::Usage(format!("城市“{from}”或“{to}”不存在")));
        }
        let runs = |profile: &str| {
            cities.iter().filter(|city| city.profiles.iter().any(|name| name == profile)).collect::<Vec<_>>()
        };
        let (from, to) = (runs(caller), runs(handler));
        let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
        pairs
            .into_iter()
            .find(|(from, to)| from.name != to.name)
            .ok_or_else(|| JobError::Usage("两个系统档案不属于两个城市".into()))
    }

    fn kept(&self, pair: &Pair) -> Kept {
        let mut kept = Kept::default();
        for name in pair.request.kept_names() {
            kept.push(self.with.get(name).map(String::as_bytes));
        }
        kept
    }
}

/// One line of an explanation.
pub(super) fn explain(line: &Line) -> String {
    let title = if line.to.title.is_empty() { &line.to.field } else { &line.to.title };
    let origin = match &line.from {
        // Made of several places: an address, for one.
        Some(from) if line.source.is_empty() && !line.canonical.is_empty() => {
            format!("{} 等", numbered(&from.path, &line.positions))
        }
        Some(from) => match line.to.convert.strip_prefix("licence ") {
            Some(name) => {
                let place = numbered(&from.path, &line.positions);
                format!("{place} 所指证照的 {name}（网关取证、核验后给出）")
            }
            None => format!("{} = {}", numbered(&from.path, &line.positions), shown(&line.source)),
        },
        None if line.constant => "常量".to_owned(),
        None => "由网关给出".to_owned(),
    };
    let canonical = if line.canonical == line.source || line.canonical.is_empty() {
        String::new()
    } else {
        format!(" → {}", shown(&line.canonical))
    };
    let result = if line.result.is_empty() { "（不写）".to_owned() } else { shown(&line.result) };
    let rule = |text: &str| if text.is_empty() { "text".to_owned() } else { text.to_owned() };
    let rules = match &line.from {
        Some(from) if from.convert != line.to.convert => {
            format!("{} → {}", rule(&from.convert), rule(&line.to.convert))
        }
        _ => rule(&line.to.convert),
    };
    let table = line.table_line.as_ref().map_or(String::new(), |(table, row)| format!("，codes/{table}.csv:{row}"));
    let loss = if line.lossy { "（有损）" } else { "" };
    let target = numbered(&line.to.path, &line.positions);
    format!(
        "{title}：{origin}{canonical} → {target} = {result}{loss}  [{rules}{table}，{}:{}]",
        line.to.place.file, line.to.place.line
    )
}

/// The path below the envelope, with the items' numbers in its lists.
fn numbered(path: &str, positions: &[u32]) -> String {
    let path = path.rsplit('!').next().unwrap_or(path);
    let mut out = path.to_owned();
    for position in positions {
        out = match (out.find("[]"), out.find("[2..]")) {
            (Some(_), None) => out.replacen("[]", &format!("[{position}]"), 1),
            (None, Some(_)) => out.replacen("[2..]", &format!("[{}]", position + 2), 1),
            _ => out,
        };
    }
    out
}

fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    if text.chars().count() > SHOWN_MAX {
        format!("{}…", text.chars().take(SHOWN_MAX).collect::<String>())
    } else {
        text.to_owned()
    }
}
