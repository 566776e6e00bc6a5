//! `docs/metrics.md` says what the program has.

use crate::{path, text};
use jingyue::edge::metrics::Metrics;
use std::fmt::Write as _;

fn markdown() -> String {
    let mut text = String::from(
        "# 指标\n\n由程序中的指标表生成，不要手改：`UPDATE_DOCS=1 cargo test --test monitoring docs`。\n\
         标签值只来自配置、映射文件和固定清单；未知的事项或方向记为 `_unknown`。\n\n\
         | 指标 | 类型 | 标签 | 含义 | Meaning |\n|---|---|---|---|---|\n",
    );
    for metric in Metrics::describe() {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            metric.name,
            metric.kind.word(),
            labels.join(" "),
            metric.help_zh,
            metric.help_en
        )
        .unwrap();
    }
    text
}

#[test]
fn docs_list_every_metric() {
    let fresh = markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path("docs/metrics.md"), &fresh).unwrap();
    }
    assert!(
        text("docs/metrics.md") == fresh,
        "docs/metrics.md is stale: UPDATE_DOCS=1 cargo test --test monitoring docs"
    );
}
