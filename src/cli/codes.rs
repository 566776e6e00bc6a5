//! `jingyue codes`: code tables and message files out to a spreadsheet and back, and drafts for codes that were seen.

use super::AT_FAULT;
use super::OURS;
use super::USAGE;
use crate::domain::mapping::Changes;
use crate::domain::mapping::Grid;
use crate::domain::mapping::LISTS;
use crate::domain::mapping::Seen;
use crate::domain::mapping::import;
use crate::domain::mapping::nearest;
use crate::edge::library::Library;
use crate::edge::sheet;
use crate::edge::trouble::in_words;
use clap::Args;
use clap::Subcommand;
use serde::Deserialize;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

/// Largest drift report in bytes; a full one has well under one megabyte.
const REPORT_BYTES_MAX: u64 = 8 << 20;
/// Faults that are listed: more nobody reads, and one slip may spoil a whole column.
const FAULTS_MAX: usize = 1_000;
/// Names of a list that are shown.
const SHOWN_MAX: usize = 8;

/// What to do with code tables.
#[derive(Args, Debug)]
pub(super) struct Codes {
    #[command(subcommand)]
    what: What,
    /// 映射目录
    #[arg(long, global = true)]
    mappings: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 按实际来文中的未知代码起草码表行（标准输出，CSV）
    Propose {
        /// 管理入口 GET /v1/drift 的 JSON；“-”为标准输入
        #[arg(long)]
        from: PathBuf,
    },
    /// 把码表、报文文件或清单导出为 xlsx 或 csv，供 WPS、Excel 编辑
    Export {
        /// 码表名，如 sex
        #[arg(required_unless_present_any = ["message", "list"], conflicts_with_all = ["message", "list"])]
        table: Option<String>,
        /// 报文文件，写作 系统档案/名称
        #[arg(long, conflicts_with = "list")]
        message: Option<String>,
        /// 清单：archetypes、calendar、fields、matters、rules
        #[arg(long)]
        list: Option<String>,
        /// 输出文件，.xlsx 或 .csv，不得已存在
        #[arg(long)]
        to: PathBuf,
    },
    /// 导入编辑好的码表、报文文件或清单：全部检查通过才写入
    Import {
        /// 编辑好的文件，.xlsx 或 .csv
        file: PathBuf,
        /// 码表名
        #[arg(long, required_unless_present_any = ["message", "list"], conflicts_with_all = ["message", "list"])]
        table: Option<String>,
        /// 报文文件，写作 系统档案/名称
        #[arg(long, conflicts_with = "list")]
        message: Option<String>,
        /// 清单：archetypes、calendar、fields、matters、rules
        #[arg(long)]
        list: Option<String>,
        /// 只检查，不写入
        #[arg(long)]
        check: bool,
    },
}

#[derive(Deserialize)]
struct Report {
    codes: Vec<Seen>,
    #[serde(default)]
    codes_left_out: u64,
}

impl Codes {
    pub(super) fn run(&self) -> u8 {
        let done = match &self.what {
            What::Propose { from } => self.propose(from),
            What::Export { table, message, list, to } => {
                path_of(table.as_deref(), message.as_deref(), list.as_deref()).and_then(|path| self.export(&path, to))
            }
            What::Import { file, table, message, list, check } => {
                path_of(table.as_deref(), message.as_deref(), list.as_deref())
                    .and_then(|path| self.import(file, &path, *check))
            }
        };
        done.err().unwrap_or(0)
    }

    fn propose(&self, from: &Path) -> Result<(), u8> {
        let text = report(from).map_err(|error| told(&format!("{} 无法读取：{}", from.display(), in_words(&error))))?;
        let report: Report = serde_json::from_str(&text).map_err(|error| {
            told(&format!("不是 /v1/drift 的 JSON：第 {} 行第 {} 列", error.line(), error.column()))
        })?;
        let library = super::library(self.mappings.as_deref())?;
        let proposal = super::program(&library)?.propose(&library.files, &report.codes);
        super::put(&proposal.text);
        for (table, side, reason) in &proposal.left_out {
            eprintln!("未起草：码表 {table}，来自 {side}：{reason}");
        }
        if report.codes_left_out > 0 {
            eprintln!("另有 {} 次出现因网关记录已满而没有列出", report.codes_left_out);
        }
        eprintln!("起草 {} 行；canonical 留空处须由人确定后再填入码表", proposal.rows);
        Ok(())
    }

    fn export(&self, path: &str, to: &Path) -> Result<(), u8> {
        let library = super::library(self.mappings.as_deref())?;
        let text = library.files.text(path).ok_or_else(|| missing(&library, path))?;
        let grid = Grid::of_csv(text).map_err(|fault| told(&format!("{path} {fault}")))?;
        sheet::write(to, &grid).map_err(|error| told(&error.to_string()))?;
        let is_csv = to.extension().is_some_and(|found| found.eq_ignore_ascii_case("csv"));
        let worked_out = |cell: &String| cell.starts_with(['=', '+', '-', '@']);
        if is_csv && grid.rows.iter().flat_map(|row| &row.cells).any(worked_out) {
            eprintln!("提醒：有以 =、+、-、@ 开头的格，WPS、Excel 打开 CSV 时会当作公式；请改用 xlsx");
        }
        if is_csv && grid.rows.iter().flat_map(|row| &row.cells).any(|cell| is_padded(cell)) {
            eprintln!("提醒：有前导零的代码，WPS、Excel 打开 CSV 时会去掉；请改用 xlsx");
        }
        tell!("已导出 {path}：{} 行 → {}", grid.rows.len().saturating_sub(1), to.display());
        Ok(())
    }

    fn import(&self, file: &Path, path: &str, check: bool) -> Result<(), u8> {
        let root = self.directory();
        let library = super::library(self.mappings.as_deref())?;
        let read = sheet::read(file).map_err(|error| told(&error.to_string()))?;
        if let Some(charset) = read.charset {
            eprintln!("提醒：文件不是 UTF-8，已按 {} 读入，请核对汉字", charset.name());
        }
        let imported = import(&library.files, path, read.grid).map_err(|faults| {
            for fault in faults.iter().take(FAULTS_MAX) {
                eprintln!("{fault}");
            }
            if faults.len() > FAULTS_MAX {
                eprintln!("……只列出前 {FAULTS_MAX} 处");
            }
            told(&format!("{} 有 {} 处错误，没有写入", file.display(), faults.len()))
        })?;
        let summary = summary(&imported.changes);
        if check {
            tell!("检查通过：{path}：{summary}；没有写入");
            return Ok(());
        }
        let root = root.ok_or_else(|| told("请用 --mappings 指出要写入的映射目录"))?;
        if library.files.0.get(path) == Some(&imported.text) {
            tell!("{path} 没有改动");
            return Ok(());
        }
        sheet::replace(&root.join(path), imported.text.as_bytes()).map_err(|error| {
            eprintln!("{} 无法写入：{}；原文件未动", root.join(path).display(), in_words(&error));
            OURS
        })?;
        tell!("已写入 {path}：{summary}；重载网关后生效");
        Ok(())
    }

    /// The directory that is written to: none where the tables are those that the program carries.
    fn directory(&self) -> Option<PathBuf> {
        let here = Path::new("mappings");
        self.mappings.clone().or_else(|| here.join("fields.csv").is_file().then(|| here.to_owned()))
    }
}

fn told(text: &str) -> u8 {
    eprintln!("{text}");
    AT_FAULT
}

fn report(from: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if from == Path::new("-") {
        std::io::stdin().lock().take(REPORT_BYTES_MAX).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(from)?.take(REPORT_BYTES_MAX).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// The file below the mapping directory. A name is one word: it must not lead out of the folder.
fn path_of(table: Option<&str>, message: Option<&str>, list: Option<&str>) -> Result<String, u8> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let wrong = |found: &str, expected: &str| {
        eprintln!("“{found}”不是{expected}");
        USAGE
    };
    match (table, message, list) {
        (Some(table), ..) if is_name(table) => Ok(format!("codes/{table}.csv")),
        (Some(table), ..) => Err(wrong(table, "码表名（字母、数字、-、_）")),
        (None, Some(message), _) => match message.split_once('/') {
            Some((profile, name)) if is_name(profile) && is_name(name) => Ok(format!("messages/{profile}/{name}.csv")),
            _ => Err(wrong(message, " 系统档案/名称")),
        },
        (None, None, Some(list)) if LISTS.contains(&list) => Ok(format!("{list}.csv")),
        (None, None, Some(list)) => Err(wrong(list, &format!("清单名（{}）", LISTS.join("、")))),
        (None, None, None) => Err(USAGE),
    }
}

fn missing(library: &Library, path: &str) -> u8 {
    let near = nearest(path, library.files.0.keys().map(String::as_str));
    let near = near.map_or(String::new(), |near| format!("，是否想写 {near}？"));
    told(&format!("映射目录中没有 {path}{near}"))
}

fn is_padded(cell: &str) -> bool {
    cell.len() > 1 && cell.starts_with('0') && cell.bytes().all(|byte| byte.is_ascii_digit())
}

fn summary(changes: &Changes) -> String {
    let list = |title: &str, names: &[String]| {
        let shown: Vec<&str> = names.iter().take(SHOWN_MAX).map(String::as_str).collect();
        let more = if names.len() > SHOWN_MAX { "…" } else { "" };
        (!names.is_empty()).then(|| format!("{title} {}（{}{more}）", names.len(), shown.join("、")))
    };
    let parts = [
        (!changes.known).then(|| "新文件".to_owned()),
        list("新增列", &changes.columns_added),
        list("删去列", &changes.columns_removed),
        list("新增行", &changes.added),
        list("修改行", &changes.changed),
        list("删去行", &changes.removed),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "内容没有改动".to_owned() } else { parts.join("，") }
}
