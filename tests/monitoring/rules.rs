//! Reads the rule files: the few shapes of YAML that they use, line by line. `promtool` holds them to the rest.

use crate::{files, text};

/// One recording or alerting rule.
#[derive(Debug, Default)]
pub(crate) struct Rule {
    pub(crate) file: String,
    pub(crate) is_record: bool,
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) severity: String,
    pub(crate) summary: String,
    pub(crate) runbook: String,
}

/// The rules of all files, recording rules first.
pub(crate) fn all() -> Vec<Rule> {
    let mut rules: Vec<Rule> =
        files("monitoring/prometheus/rules", "yml").iter().flat_map(|file| read(file, &text(file))).collect();
    rules.sort_by_key(|rule| !rule.is_record);
    rules
}

fn read(file: &str, text: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = indentation(line);
        let Some((key, value)) = line.trim_start().split_once(':') else { continue };
        let mut value = value.trim().trim_matches('"').to_owned();
        if value == "|" {
            value.clear();
            while let Some(next) = lines.next_if(|next| next.trim().is_empty() || indentation(next) > indent) {
                value.push_str(next.trim());
                value.push('\n');
            }
        }
        match key {
            "- record" | "- alert" => {
                rules.push(Rule {
                    file: file.to_owned(),
                    is_record: key == "- record",
                    name: value,
                    ..Rule::default()
                });
            }
            "expr" | "severity" | "summary" | "runbook" => {
                let rule = rules.last_mut().unwrap_or_else(|| panic!("{file}: {key} outside a rule"));
                match key {
                    "expr" => rule.expression = value,
                    "severity" => rule.severity = value,
                    "summary" => rule.summary = value,
                    _ => rule.runbook = value,
                }
            }
            _ => {}
        }
    }
    rules
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[test]
fn blocks_and_single_lines_are_read() {
    let text = "groups:\n  - name: g\n    rules:\n      - record: a:b:c\n        expr: sum(x)\n      - alert: A\n        \
                expr: |\n          x > 1\n          and y\n        labels:\n          severity: page\n        \
                annotations:\n          summary: \"文字\"\n          runbook: |\n            1. 先看\n";
    let rules = read("f", text);
    assert_eq!(rules.len(), 2);
    assert!(rules[0].is_record && rules[0].expression == "sum(x)");
    assert_eq!(rules[1].expression, "x > 1\nand y\n");
    assert_eq!((rules[1].severity.as_str(), rules[1].summary.as_str()), ("page", "文字"));
    assert_eq!(rules[1].runbook, "1. 先看\n");
}
