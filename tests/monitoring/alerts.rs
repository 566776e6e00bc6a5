//! The rules: right expressions, a text for the one who is called, and cases on both sides.

use crate::promql::Known;
use crate::{files, is_chinese, none, rules, text};
use std::collections::BTreeMap;

#[test]
fn rules_read_what_the_program_has() {
    let known = Known::all();
    let mut faults = Vec::new();
    for rule in rules::all() {
        let (_, found) = known.check(&rule.expression);
        faults.extend(found.into_iter().map(|fault| format!("{} {}: {fault}", rule.file, rule.name)));
    }
    none(&faults);
}

#[test]
fn every_alert_says_what_to_do() {
    let mut faults = Vec::new();
    for rule in rules::all().iter().filter(|rule| !rule.is_record) {
        let mut fault = |what: &str| faults.push(format!("{} {}: {what}", rule.file, rule.name));
        if !rule.name.starts_with("Jingyue") {
            fault("name does not begin with Jingyue");
        }
        if !["page", "ticket"].contains(&rule.severity.as_str()) {
            fault("severity is neither page nor ticket");
        }
        if !is_chinese(&rule.summary, 6) {
            fault("summary is not a Chinese sentence");
        }
        if !(rule.runbook.starts_with("1. ") && rule.runbook.contains("\n2. ") && is_chinese(&rule.runbook, 20)) {
            fault("runbook is not a list of Chinese steps");
        }
    }
    none(&faults);
}

#[test]
fn every_alert_has_a_case_that_fires_and_one_that_does_not() {
    let mut cases: BTreeMap<String, (usize, usize)> =
        rules::all().into_iter().filter(|rule| !rule.is_record).map(|rule| (rule.name, (0, 0))).collect();
    assert!(!cases.is_empty());
    for file in files("monitoring/prometheus/tests", "yml") {
        let mut alert = None;
        for line in text(&file).lines().map(str::trim) {
            if let Some((_, rest)) = line.split_once("expr: ALERTS{alertname=\"") {
                assert!(rest.contains("alertstate=\"firing\""), "{file}: {line}");
                alert = rest.split('"').next().map(str::to_owned);
            } else if line.starts_with("exp_samples:") {
                let alert = alert.take().unwrap_or_else(|| panic!("{file}: exp_samples without its alert"));
                let case = cases.get_mut(&alert).unwrap_or_else(|| panic!("{file}: no alert {alert}"));
                if line.ends_with("[]") { case.1 += 1 } else { case.0 += 1 }
            }
        }
    }
    let lacking = cases.iter().filter(|(_, (firing, quiet))| *firing == 0 || *quiet == 0);
    none(
        &lacking.map(|(alert, (firing, quiet))| format!("{alert}: {firing} firing, {quiet} quiet")).collect::<Vec<_>>(),
    );
}
