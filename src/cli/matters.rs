//! `jingyue matters`: the catalogue, and what is translated for each matter.

use super::AT_FAULT;
use super::certificate_page;
use super::coverage;
use super::impact::Impact;
use crate::domain::mapping::Matter;
use crate::domain::mapping::Pair;
use crate::domain::mapping::Program;
use crate::domain::mapping::nearest;
use crate::edge::library::Library;
use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use serde_json::Value;
use serde_json::json;
use std::path::PathBuf;

/// How the catalogue is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Json,
    Text,
}

/// What to show of the catalogue.
#[derive(Args, Debug)]
pub(super) struct Matters {
    #[command(subcommand)]
    what: Option<What>,
    /// 映射目录
    #[arg(long, global = true)]
    mappings: Option<PathBuf>,
    /// 输出格式
    #[arg(long, value_enum, default_value = "text", global = true)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 列出全部事项
    List,
    /// 覆盖证明：每个事项、方向、报文证明了什么；有红则退出码为 1
    Coverage,
    /// 影响：一个码表或其中一个代码涉及哪些事项、方向、报文与字段
    Impact {
        /// 码表名
        #[arg(long)]
        table: String,
        /// 标准代码，或任一侧的代码
        #[arg(long)]
        code: Option<String>,
    },
    /// 一个事项：开通的方向、系统，以及哪些字段传、哪些不传
    Show {
        /// 事项编码
        code: String,
    },
}

impl Matters {
    pub(super) fn run(&self) -> u8 {
        let shown = super::library(self.mappings.as_deref()).and_then(|library| {
            let program = super::program(&library)?;
            match &self.what {
                None | Some(What::List) => {
                    self.list(&program);
                    Ok(())
                }
                Some(What::Coverage) => self.coverage(&program, &library),
                Some(What::Impact { table, code }) => {
                    let impact = Impact::of(&program, &library, table, code.as_deref())?;
                    match self.format {
                        Format::Json => super::put(&format!("{:#}\n", impact.value())),
                        Format::Html | Format::Text => super::put(&impact.text()),
                    }
                    Ok(())
                }
                Some(What::Show { code }) => self.show(&program, code),
            }
        });
        shown.err().unwrap_or(0)
    }

    fn coverage(&self, program: &Program, library: &Library) -> Result<(), u8> {
        let certificate = coverage::certificate(program, library);
        match self.format {
            Format::Html => tell!("{}", certificate_page::page(&certificate, program).trim_end()),
            Format::Json => tell!("{:#}", coverage::value(&certificate)),
            Format::Text => tell!("{}", coverage::text(&certificate).trim_end()),
        }
        if certificate.totals().red == 0 { Ok(()) } else { Err(AT_FAULT) }
    }

    fn list(&self, program: &Program) {
        let matters = program.catalogue().matters.values();
        match self.format {
            Format::Json => {
                let list: Vec<Value> = matters.map(|matter| describe(program, matter)).collect();
                tell!("{:#}", Value::from(list));
            }
            Format::Html | Format::Text => {
                for matter in matters {
                    let open = pairs(program, &matter.code).map(|pair| format!("{} → {}", pair.from, pair.to));
                    let mut open: Vec<String> = open.collect();
                    open.dedup();
                    tell!("{}  {}  [{}]  {}", matter.code, matter.title, matter.department, open.join("，"));
                }
            }
        }
    }

    fn show(&self, program: &Program, code: &str) -> Result<(), u8> {
        let matters = &program.catalogue().matters;
        let Some(matter) = matters.get(code) else {
            let near = nearest(code, matters.keys().map(String::as_str))
                .map_or(String::new(), |near| format!("，是否想写“{near}”？"));
            eprintln!("没有事项“{code}”{near}");
            return Err(AT_FAULT);
        };
        if self.format == Format::Json {
            tell!("{:#}", describe(program, matter));
            return Ok(());
        }
        tell!("{}  {}", matter.code, matter.title);
        tell!(
            "  部门 {}  类型 {}  方式 {}  承诺工作日 {}",
            matter.department,
            matter.archetype,
            matter.mode,
            matter.promised_workdays
        );
        tell!("  资金事项 {}  可重复执行 {}  来源 {}", yes(matter.money), yes(matter.idempotent), matter.source);
        for pair in pairs(program, code) {
            tell!(
                "\n  {} → {}（步骤 {}）  {} → {}",
                pair.from,
                pair.to,
                pair.step,
                pair.from_service.path,
                pair.to_service.path
            );
            for (title, plan) in [("申请", &pair.request), ("答复", &pair.answer)] {
                let dropped: Vec<&str> = plan.dropped().iter().map(|note| note.path.as_str()).collect();
                let kept: Vec<&str> = plan.kept_names().collect();
                tell!("    {title}：不传 {}", if dropped.is_empty() { "无".to_owned() } else { dropped.join("、") });
                if !kept.is_empty() {
                    tell!("      答复要用到的申请字段 {}", kept.join("、"));
                }
            }
        }
        Ok(())
    }
}

fn pairs<'p>(program: &'p Program, code: &'p str) -> impl Iterator<Item = &'p Pair> {
    program.pairs().map(std::sync::Arc::as_ref).filter(move |pair| *pair.matter.code == *code)
}

fn describe(program: &Program, matter: &Matter) -> Value {
    let open: Vec<Value> = pairs(program, &matter.code)
        .map(|pair| {
            let dropped = |plan: &crate::domain::mapping::Plan| {
                plan.dropped().iter().map(|note| note.path.clone()).collect::<Vec<_>>()
            };
            json!({
                "from": pair.from, "to": pair.to, "step": &*pair.step,
                "from_path": pair.from_service.path, "to_path": pair.to_service.path,
                "request_dropped": dropped(&pair.request), "answer_dropped": dropped(&pair.answer),
            })
        })
        .collect();
    json!({
        "code": &*matter.code, "title": matter.title, "department": matter.department, "archetype": matter.archetype,
        "mode": matter.mode, "money": matter.money, "idempotent": matter.idempotent,
        "promised_workdays": matter.promised_workdays, "source": matter.source, "pairs": open,
    })
}

const fn yes(yes: bool) -> &'static str {
    if yes { "是" } else { "否" }
}
