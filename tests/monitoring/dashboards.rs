//! The dashboards: what each panel must have, and where it may stand.

use crate::promql::Known;
use crate::{files, is_chinese, none, text};
use serde_json::Value;
use std::collections::BTreeSet;

/// Variables that Grafana has by itself.
const BUILT_IN: &[&str] = &["__rate_interval", "__range"];

#[test]
fn dashboards_are_in_order() {
    let known = Known::all();
    let mut faults = Vec::new();
    let mut uids = BTreeSet::new();
    for file in files("monitoring/grafana/dashboards", "json") {
        let board: Value = serde_json::from_str(&text(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let uid = board["uid"].as_str().unwrap_or_default().to_owned();
        let mut found = check(&board, &known);
        if uid.is_empty() || !uids.insert(uid) {
            found.push("uid is empty or used twice".to_owned());
        }
        faults.extend(found.into_iter().map(|fault| format!("{file}: {fault}")));
    }
    none(&faults);
}

fn check(board: &Value, known: &Known) -> Vec<String> {
    let mut faults = Vec::new();
    let none = Vec::new();
    let list = |value: &Value| value.as_array().unwrap_or(&none).clone();
    if board["editable"] != Value::Bool(false) {
        faults.push("editable is not false".to_owned());
    }
    if !is_chinese(board["title"].as_str().unwrap_or_default(), 4) {
        faults.push("title is not Chinese".to_owned());
    }
    if list(&board["links"]).is_empty() || list(&board["tags"]).is_empty() {
        faults.push("no links or no tags".to_owned());
    }
    let variables: BTreeSet<String> = list(&board["templating"]["list"])
        .iter()
        .map(|variable| variable["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    for wanted in ["datasource", "direction", "matter"] {
        if !variables.contains(wanted) {
            faults.push(format!("no variable {wanted}"));
        }
    }
    for variable in list(&board["templating"]["list"]) {
        if variable["type"] == "query" {
            let query = variable["definition"].as_str().unwrap_or_default();
            let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
            match inner.and_then(|inner| inner.rsplit_once(',')) {
                Some((selector, label)) if query == variable["query"]["query"] => {
                    // A bare selector of a counter is right here: only its labels are read.
                    let (_, found) = known.check(&format!("sum by ({label}) (timestamp({selector}))"));
                    faults.extend(found.into_iter().filter(|fault| !fault.contains("without rate")));
                }
                _ => faults.push(format!("variable {} does not read label values", variable["name"])),
            }
        }
    }
    for annotation in list(&board["annotations"]["list"]) {
        source(&annotation, "annotation", &mut faults);
        expression(annotation["expr"].as_str().unwrap_or_default(), &variables, known, &mut faults);
    }
    let panels = list(&board["panels"]);
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        check_panel(panel, &variables, known, &mut faults);
    }
    places(&panels, &mut faults);
    faults
}

fn check_panel(panel: &Value, variables: &BTreeSet<String>, known: &Known, faults: &mut Vec<String>) {
    let title = panel["title"].as_str().unwrap_or_default();
    let place = format!("panel {} {title}", panel["id"]);
    if !is_chinese(title, 2) {
        faults.push(format!("{place}: title is not Chinese"));
    }
    if !is_chinese(panel["description"].as_str().unwrap_or_default(), 8) {
        faults.push(format!("{place}: no Chinese description"));
    }
    if panel["fieldConfig"]["defaults"]["unit"].as_str().is_none_or(str::is_empty) {
        faults.push(format!("{place}: no unit"));
    }
    if !["stat", "table", "timeseries"].contains(&panel["type"].as_str().unwrap_or_default()) {
        faults.push(format!("{place}: type {} is not one we use", panel["type"]));
    }
    source(panel, &place, faults);
    let targets = panel["targets"].as_array().cloned().unwrap_or_default();
    if targets.is_empty() {
        faults.push(format!("{place}: no query"));
    }
    for target in targets {
        source(&target, &place, faults);
        expression(target["expr"].as_str().unwrap_or_default(), variables, known, faults);
    }
}

fn source(value: &Value, place: &str, faults: &mut Vec<String>) {
    if value["datasource"]["uid"] != "${datasource}" || value["datasource"]["type"] != "prometheus" {
        faults.push(format!("{place}: data source is not ${{datasource}}"));
    }
}

fn expression(expression: &str, variables: &BTreeSet<String>, known: &Known, faults: &mut Vec<String>) {
    for range in expression.split('[').skip(1).filter_map(|rest| rest.split(']').next()) {
        if !["$__rate_interval", "$__range"].contains(&range) {
            faults.push(format!("range {range} is not $__rate_interval: {expression}"));
        }
    }
    for used in expression.split('$').skip(1) {
        let used: String =
            used.chars().take_while(|character| character.is_ascii_alphanumeric() || *character == '_').collect();
        if !variables.contains(&used) && !BUILT_IN.contains(&used.as_str()) {
            faults.push(format!("no variable ${used}: {expression}"));
        }
    }
    let plain = expression.replace("$__rate_interval", "5m").replace("$__range", "1h");
    faults.extend(known.check(&plain).1);
}

/// Ids are unique, and no two panels cover the same cell of the grid of 24 columns.
fn places(panels: &[Value], faults: &mut Vec<String>) {
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in panels {
        if !ids.insert(panel["id"].to_string()) {
            faults.push(format!("id {} is used twice", panel["id"]));
        }
        let [x, y, width, height] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap_or(0));
        if width == 0 || height == 0 || x + width > 24 {
            faults.push(format!("panel {} has no place in the grid", panel["id"]));
        }
        let covered = (x..x + width).flat_map(|column| (y..y + height).map(move |line| (column, line)));
        if covered.filter(|cell| !cells.insert(*cell)).count() > 0 {
            faults.push(format!("panel {} lies over another", panel["id"]));
        }
    }
}

#[test]
fn a_wrong_dashboard_is_seen() {
    let known = Known::all();
    let file = files("monitoring/grafana/dashboards", "json").remove(0);
    let whole: Value = serde_json::from_str(&text(&file)).unwrap();
    let panel = whole["panels"].as_array().unwrap().iter().position(|panel| panel["type"] == "timeseries").unwrap();
    let damages: &[(&str, Value, &str)] = &[
        ("/editable", true.into(), "editable"),
        ("/panels/0/id", whole["panels"][1]["id"].clone(), "used twice"),
        ("/panels/0/gridPos/y", whole["panels"][1]["gridPos"]["y"].clone(), "lies over"),
        ("/panels/{}/description", "".into(), "description"),
        ("/panels/{}/title", "Rate".into(), "title"),
        ("/panels/{}/fieldConfig/defaults/unit", "".into(), "no unit"),
        ("/panels/{}/datasource/uid", "abc".into(), "data source"),
        ("/panels/{}/targets/0/expr", "rate(jingyue_outcomes_total{job=\"jingyue\"}[5m])".into(), "range 5m"),
        ("/panels/{}/targets/0/expr", "jingyue_gone{job=\"jingyue\"}".into(), "no metric"),
        ("/panels/{}/targets/0/expr", "up{job=\"$nobody\"}".into(), "no variable"),
        ("/templating/list/0/name", "other".into(), "no variable datasource"),
        ("/templating/list/2/definition", "label_values(up, x)".into(), "does not read"),
    ];
    for (pointer, value, fault) in damages {
        let mut board = whole.clone();
        let pointer = pointer.replace("{}", &panel.to_string());
        *board.pointer_mut(&pointer).unwrap_or_else(|| panic!("{pointer}")) = value.clone();
        let faults = check(&board, &known);
        assert!(faults.iter().any(|found| found.contains(fault)), "{pointer}: {faults:?}");
    }
}
