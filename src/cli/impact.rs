//! `jingyue matters impact`: what a change of a code table, or of one code, would touch.

use super::AT_FAULT;
use crate::domain::codes::Way;
use crate::domain::mapping::Found;
use crate::domain::mapping::MessageKind;
use crate::domain::mapping::Program;
use crate::domain::mapping::Role;
use crate::domain::mapping::Use;
use crate::domain::mapping::nearest;
use crate::edge::library::Library;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write;

/// What a table, or one code of it, touches.
#[derive(Debug)]
pub(super) struct Impact {
    table: String,
    code: Option<String>,
    /// Rows that the code stands in.
    rows: Vec<Found>,
    uses: Vec<Use>,
}

impl Impact {
    /// Looks everything up.
    ///
    /// # Errors
    /// The exit code, where there is no such table or code; it was told.
    pub(super) fn of(program: &Program, library: &Library, table: &str, code: Option<&str>) -> Result<Self, u8> {
        let tables = &program.catalogue().tables;
        if !tables.contains_key(table) {
            let near = nearest(table, tables.keys().map(String::as_str));
            eprintln!("没有码表“{table}”{}", near.map_or(String::new(), |near| format!("，是否想写“{near}”？")));
            return Err(AT_FAULT);
        }
        let rows = code.map_or(Vec::new(), |code| program.find_code(table, code));
        if let Some(code) = code.filter(|_| rows.is_empty()) {
            eprintln!("码表 {table} 中没有代码“{code}”");
            return Err(AT_FAULT);
        }
        let mut uses = program.uses(&library.files);
        uses.retain(|place| place.table == table && code.is_none_or(|_| rows.iter().any(|row| touches(row, place))));
        Ok(Self { table: table.to_owned(), code: code.map(str::to_owned), rows, uses })
    }

    fn matters(&self) -> usize {
        self.uses.iter().map(|place| &place.matter).collect::<BTreeSet<_>>().len()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        // Writing into a string cannot fail.
        let what = self.code.as_ref().map_or(String::new(), |code| format!(" 代码 {code}"));
        let _ = writeln!(out, "码表 {}{what}：事项 {} 个，位置 {} 处", self.table, self.matters(), self.uses.len());
        for row in &self.rows {
            let codes: Vec<String> =
                row.codes.iter().map(|(set, code, way)| format!("{set}={code}{}", arrow(*way))).collect();
            let _ = writeln!(out, "  标准代码 {} {}：{}", row.canonical, row.title, codes.join("  "));
        }
        let mut last = None;
        for place in &self.uses {
            let head = (&place.matter, &place.step, &place.from, &place.to);
            if last != Some(head) {
                let step = if place.step == "main" { String::new() } else { format!("（步骤 {}）", place.step) };
                let _ = writeln!(out, "\n{} {}{step}  {} → {}", place.matter, place.title, place.from, place.to);
                last = Some(head);
            }
            let field =
                if place.field.is_empty() { String::new() } else { format!("  {} {}", place.field, place.field_title) };
            let _ = writeln!(
                out,
                "  {} {}：{}{field}  [{}]  {}{}",
                place.profile,
                kind(place.kind),
                place.path,
                role(place),
                place.file,
                if place.line > 0 { format!(":{}", place.line) } else { String::new() }
            );
        }
        out
    }

    /// For programs.
    pub(super) fn value(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let codes: Vec<Value> = row
                    .codes
                    .iter()
                    .map(|(set, code, way)| json!({"set": set, "code": code, "way": word(*way)}))
                    .collect();
                json!({"canonical": row.canonical, "title": row.title, "codes": codes})
            })
            .collect();
        let uses: Vec<Value> = self
            .uses
            .iter()
            .map(|place| {
                json!({
                    "matter": place.matter, "title": place.title, "step": place.step, "from": place.from, "to": place.to,
                    "profile": place.profile, "message": place.kind.word(), "file": place.file, "line": place.line,
                    "path": place.path, "field": place.field, "set": place.set, "code": place.code,
                    "role": match place.role { Role::Code => "code", Role::Named => "named", Role::Result => "result" },
                })
            })
            .collect();
        json!({"table": self.table, "code": self.code, "matters": self.matters(), "rows": rows, "uses": uses})
    }
}

/// True where a place would meet the row: its set has a code for it, or the place names the canonical code.
fn touches(row: &Found, place: &Use) -> bool {
    if place.role == Role::Named {
        return place.code == row.canonical;
    }
    // Where the set has no code for the row, nothing of it can stand.
    row.codes.iter().any(|(set, ..)| *set == place.set)
}

fn role(place: &Use) -> String {
    match place.role {
        Role::Code => format!("代码列 {}", place.set),
        Role::Named => format!("条件或缺省 {}", place.code),
        Role::Result => format!("返回码列 {}", place.set),
    }
}

const fn kind(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Answer => "答复",
        MessageKind::Fault => "错误",
        MessageKind::Request => "申请",
    }
}

const fn arrow(way: Way) -> &'static str {
    match way {
        Way::Both => "",
        Way::In => "（只读入）",
        Way::Out => "（只写出）",
    }
}

const fn word(way: Way) -> &'static str {
    match way {
        Way::Both => "both",
        Way::In => "in",
        Way::Out => "out",
    }
}
