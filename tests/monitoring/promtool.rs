//! Prometheus's own judgement. Where `promtool` is missing it is installed, and where it cannot be, the tests fail.

use crate::{files, path};
use jingyue::edge::metrics::{MappingFacts, MatterFacts, Metrics, RateDecision, UpstreamCode};
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

fn promtool() -> Command {
    static READY: OnceLock<()> = OnceLock::new();
    READY.get_or_init(|| {
        let installed = Command::new("bash").arg(path("tests/tools.sh")).status().expect("bash runs");
        assert!(installed.success(), "tests/tools.sh could not install promtool");
    });
    let mut command = Command::new("promtool");
    command.current_dir(path("monitoring/prometheus"));
    command
}

#[track_caller]
fn passes(output: &Output) {
    let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_configuration_and_its_rules_are_valid() {
    passes(&promtool().args(["check", "config", "prometheus.yml"]).output().expect("promtool runs"));
}

#[test]
fn the_alerts_fire_and_stay_quiet_as_their_cases_say() {
    let tests = files("monitoring/prometheus/tests", "yml").into_iter().map(|file| path(&file));
    passes(&promtool().args(["test", "rules"]).args(tests).output().expect("promtool runs"));
}

#[test]
fn a_case_that_does_not_hold_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let rules = path("monitoring/prometheus/rules/ops.yml");
    let case = format!(
        "rule_files: [{}]\ntests:\n  - interval: 1m\n    input_series:\n      - series: 'up{{job=\"jingyue\"}}'\n        \
         values: '1x9'\n    alert_rule_test:\n      - eval_time: 5m\n        alertname: JingyueDown\n        \
         exp_alerts:\n          - exp_labels: {{severity: page}}\n",
        rules.display()
    );
    let file = folder.path().join("case.yml");
    std::fs::write(&file, case).unwrap();
    let output = promtool().args(["test", "rules"]).arg(file).output().expect("promtool runs");
    assert!(!output.status.success());
}

#[test]
fn the_scrape_is_well_formed() {
    let metrics = Metrics::new();
    metrics.unidentified();
    metrics.upstream("jingzhou-window").finished(UpstreamCode::Success, Duration::from_millis(3));
    metrics.client("yy-kstb-01").rate_decided(RateDecision::Allowed);
    metrics.profile("yueyang-window").fields_dropped(1);
    metrics.ledger_counted(true, &[], 0);
    metrics.calendar_counted(Some(3_283_200));
    metrics.config_reloaded(0);
    let matters = [MatterFacts { code: "GJ03", title: "带\"引号\"与\\的名称", class: "PFW" }];
    metrics.mapping_loaded(&MappingFacts {
        version: "a",
        matters: &matters,
        tables: &["sex"],
        directions: &["a_to_b"],
    });
    metrics.certificates_loaded(&[("gateway", 2_000_000_000)], 0);
    metrics.revocation_lists_loaded(&[("ca.crl", 2_000_000_000)], 0);
    let mut child = promtool()
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    child.stdin.take().expect("stdin is piped").write_all(metrics.encode().as_bytes()).unwrap();
    passes(&child.wait_with_output().unwrap());
}
