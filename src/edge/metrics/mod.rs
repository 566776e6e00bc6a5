//! Everything that is counted or logged, one function per thing that happens: log line and metric together.
//!
//! Names, labels and help stand in one table ([`Metrics::describe`]). It does not decide, sample or alert, and no
//! label or log field holds a case number or a person. One [`Metrics`] is one registry; clones share it.
//!
//! Resolve handles while loading the configuration, then only add:
//!
//! ```
//! use jingyue::edge::metrics::{Finished, Metrics, Stage};
//! use std::time::Duration;
//!
//! let metrics = Metrics::new();
//! let handles = metrics.matter("GJ03", "PFW", "yueyang_to_jingzhou");
//! let stages = [(Stage::Identify, Duration::from_micros(40)), (Stage::Forward, Duration::from_millis(80))];
//! handles.finished(&Finished {
//!     caller: Some("yy-kstb-01"),
//!     sequence: 1,
//!     elapsed: Duration::from_millis(81),
//!     stages: &stages,
//!     losses: 0,
//!     fault: None,
//!     mark: None,
//! });
//! assert!(metrics.encode().contains("jingyue_outcomes_total"));
//! ```

mod describe;
mod families;
mod handles;
mod handshakes;
mod labels;
mod licences;
mod process;
mod timing;

pub use describe::{Description, Kind};
pub use handles::{ClientHandles, DeviceHandles, Finished, MatterHandles, ProfileHandles, UpstreamHandles};
pub use handshakes::brief;
pub use labels::{
    AuthFailure, DeviceOperation, DeviceOutcome, HandshakeOutcome, HandshakeReason, LedgerState, OutcomeLabel,
    ProtocolLabel, RateDecision, Stage, TranslateFailure, UNKNOWN, UpstreamCode,
};

use crate::edge::clock::{Clock, Milliseconds};
use crate::edge::metrics::families::Families;
use crate::edge::metrics::handles::DirectionCells;
use prometheus::{IntGauge, IntGaugeVec, TextEncoder};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// The registry and its events.
#[derive(Clone)]
pub struct Metrics {
    families: Arc<Families>,
}

/// A thing that lasts: counted in a gauge from its making until it is dropped.
#[derive(Debug)]
#[must_use = "what it counts ends when it is dropped"]
pub struct Held(IntGauge);

impl Held {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What a newly loaded mapping set is made of, as far as metrics tell.
#[derive(Clone, Copy, Debug)]
pub struct MappingFacts<'a> {
    /// Content hash of the set.
    pub version: &'a str,
    pub matters: &'a [MatterFacts<'a>],
    /// Names of the code tables.
    pub tables: &'a [&'a str],
    /// All directions, as `yueyang_to_jingzhou`.
    pub directions: &'a [&'a str],
}

/// A matter as the catalogue has it.
#[derive(Clone, Copy, Debug)]
pub struct MatterFacts<'a> {
    pub code: &'a str,
    /// Chinese title.
    pub title: &'a str,
    /// Class of matters that are alike, such as `PFW`.
    pub class: &'a str,
}

/// Entries of the ledger that are alike.
#[derive(Clone, Copy, Debug)]
pub struct LedgerGroup {
    pub state: LedgerState,
    /// True where they move money.
    pub money: bool,
    pub count: u64,
    pub oldest_opened_at: Milliseconds,
}

impl Metrics {
    /// A registry of its own with every family of the table.
    pub fn new() -> Self {
        Self { families: Arc::new(Families::new()) }
    }

    /// Every metric there is: the table that registration, docs and dashboards are made from and tested against.
    pub fn describe() -> &'static [Description] {
        describe::TABLE
    }

    /// The classic text form (`text/plain; version=0.0.4`).
    pub fn encode(&self) -> String {
        let _whole = self.families.whole();
        TextEncoder::new().encode_to_string(&self.families.registry.gather()).unwrap_or_else(|error| {
            tracing::error!(%error, "metrics cannot be written out");
            String::new()
        })
    }

    // ---- handles: resolve while loading, keep

    /// The series of a matter of the catalogue. Never call it with a code that a request brought.
    pub fn matter(&self, matter: &str, class: &str, direction: &str) -> MatterHandles {
        let mut directions = self.families.directions.lock().unwrap_or_else(PoisonError::into_inner);
        let cells = directions
            .entry(direction.to_owned())
            .or_insert_with(|| Arc::new(DirectionCells::new(&self.families, direction)));
        MatterHandles::new(Arc::clone(&self.families), Arc::clone(cells), matter, class)
    }

    /// The series of all codes that are not in the catalogue.
    pub fn unknown_matter(&self, direction: &str) -> MatterHandles {
        self.matter(UNKNOWN, UNKNOWN, direction)
    }

    /// The series of requests refused before caller, matter or direction were known.
    pub fn unidentified(&self) -> MatterHandles {
        self.matter(UNKNOWN, UNKNOWN, UNKNOWN)
    }

    /// The series of a called system, by its name in the configuration.
    pub fn upstream(&self, name: &str) -> UpstreamHandles {
        UpstreamHandles::new(&self.families, name)
    }

    /// The series of a caller's limits, by its name in the configuration.
    pub fn client(&self, name: &str) -> ClientHandles {
        ClientHandles::new(&self.families, name)
    }

    /// The series of a cryptographic device, by its name in the configuration.
    pub fn device(&self, name: &str) -> DeviceHandles {
        DeviceHandles::new(&self.families, name)
    }

    /// The series of a system profile.
    pub fn profile(&self, name: &str) -> ProfileHandles {
        ProfileHandles::new(&self.families, name)
    }

    // ---- events

    /// A connection was accepted; it counts until the guard is dropped.
    pub fn connection_opened(&self) -> Held {
        tracing::trace!("connection opened");
        Held::new(&self.families.connections)
    }

    /// A handshake at the data listener has ended.
    pub fn handshake_ended(&self, protocol: ProtocolLabel, outcome: HandshakeOutcome) {
        self.families.handshakes.with_label_values(&[protocol.word(), outcome.word()]).inc();
        tracing::debug!(%protocol, %outcome, "handshake ended");
    }

    /// A handshake at the data listener failed, or took too long. Strangers can make as many of them as they like, so each
    /// reason is told once a second.
    pub fn handshake_failed(
        &self,
        peer: SocketAddr,
        protocol: ProtocolLabel,
        reason: HandshakeReason,
        cause: &dyn fmt::Display,
    ) {
        let is_late = reason == HandshakeReason::Timeout;
        self.handshake_ended(protocol, if is_late { HandshakeOutcome::TimedOut } else { HandshakeOutcome::Failed });
        self.families.handshake_failures.with_label_values(&[protocol.word(), reason.word()]).inc();
        if let Some(kept_back) = self.families.handshakes_told.is_due(reason, Clock::System.monotonic()) {
            tracing::info!(%peer, %protocol, %reason, cause = brief(cause), kept_back, "tls handshake failed");
        }
    }

    /// A request has arrived; its exchange counts as under way until the guard is dropped.
    pub fn exchange_started(&self) -> Held {
        Held::new(&self.families.exchanges_inflight)
    }

    /// `entries` entries are durable; the write took `elapsed`.
    pub fn ledger_written(&self, entries: u64, elapsed: Duration) {
        self.families.ledger_written.inc_by(entries);
        self.families.ledger_write_duration.observe(elapsed);
        tracing::debug!(entries, elapsed_us = elapsed.as_micros(), "ledger written");
    }

    /// A write of `entries` entries failed and the ledger refuses work from now on.
    pub fn ledger_write_failed(&self, entries: u64, error: &dyn fmt::Display) {
        self.families.ledger_failed.inc_by(entries);
        self.families.ledger_healthy.with_label_values::<&str>(&[]).set(0);
        tracing::error!(entries, %error, "ledger write failed; no further work is taken");
    }

    /// The ledger's books were counted (before each scrape). Groups that are not named are empty.
    pub fn ledger_counted(&self, healthy: bool, groups: &[LedgerGroup], now: Milliseconds) {
        let families = &self.families;
        let _whole = families.whole();
        families.ledger_healthy.with_label_values::<&str>(&[]).set(i64::from(healthy));
        for money in [false, true] {
            let word = if money { "true" } else { "false" };
            for state in LedgerState::ALL {
                let group = groups.iter().find(|group| group.state == *state && group.money == money);
                let count = group.map_or(0, |group| i64::try_from(group.count).unwrap_or(i64::MAX));
                families.ledger_entries.with_label_values(&[state.word(), word]).set(count);
                let age_seconds = group
                    .filter(|group| group.count > 0)
                    .map_or(0, |group| now.saturating_sub(group.oldest_opened_at).max(0) / 1_000);
                match state {
                    LedgerState::Open => families.ledger_oldest_open.with_label_values(&[word]).set(age_seconds),
                    LedgerState::Unknown => families.ledger_oldest_unknown.with_label_values(&[word]).set(age_seconds),
                    LedgerState::NotDelivered | LedgerState::Answered | LedgerState::Resolved => {}
                }
            }
        }
    }

    /// The loaded calendar was held against now (before each scrape); `None` where none is loaded.
    pub fn calendar_counted(&self, seconds_left: Option<i64>) {
        let _whole = self.families.whole();
        match seconds_left {
            Some(seconds) => self.families.calendar_left.with_label_values::<&str>(&[]).set(seconds),
            None => self.families.calendar_left.reset(),
        }
    }

    /// A configuration was loaded and is in force.
    pub fn config_reloaded(&self, now: Milliseconds) {
        self.families.reload_successful.with_label_values::<&str>(&[]).set(1);
        self.families.reload_timestamp.with_label_values::<&str>(&[]).set(now / 1_000);
        tracing::info!("configuration loaded");
    }

    /// A configuration was refused; the earlier one stays in force.
    pub fn config_reload_refused(&self, problems: usize) {
        self.families.reload_successful.with_label_values::<&str>(&[]).set(0);
        tracing::error!(problems, "configuration refused; the earlier one stays in force");
    }

    /// A mapping set is in force. Code tables start at zero so that a first miss can be seen as a rise.
    pub fn mapping_loaded(&self, facts: &MappingFacts<'_>) {
        let families = &self.families;
        let _whole = families.whole();
        families.mapping_info.reset();
        families.mapping_info.with_label_values(&[facts.version]).set(1);
        families.matter_info.reset();
        for matter in facts.matters {
            families.matter_info.with_label_values(&[matter.code, matter.title, matter.class]).set(1);
        }
        for table in facts.tables {
            for direction in facts.directions {
                families.codetable_misses.with_label_values(&[*table, *direction]);
            }
        }
        tracing::info!(version = facts.version, matters = facts.matters.len(), "mapping set in force");
    }

    /// The certificates in use, each with a name and the second of its expiry (since 1970).
    pub fn certificates_loaded(&self, certificates: &[(&str, i64)], now: Milliseconds) {
        self.ends_loaded(&self.families.certificate_not_after, certificates, |name, not_after_seconds| {
            if not_after_seconds < now / 1_000 {
                tracing::warn!(certificate = name, not_after_seconds, "certificate has expired");
            } else {
                tracing::info!(certificate = name, not_after_seconds, "certificate loaded");
            }
        });
    }

    /// The files of revocation lists in use, each with the second (since 1970) for which the next list is promised.
    pub fn revocation_lists_loaded(&self, lists: &[(&str, i64)], now: Milliseconds) {
        self.ends_loaded(&self.families.crl_next_update, lists, |name, next_update_seconds| {
            if next_update_seconds < now / 1_000 {
                tracing::warn!(list = name, next_update_seconds, "revocation list is over; its peers are refused");
            } else {
                tracing::info!(list = name, next_update_seconds, "revocation list loaded");
            }
        });
    }

    /// Shows these ends, and no others, and tells of each.
    fn ends_loaded(&self, gauge: &IntGaugeVec, ends: &[(&str, i64)], tell: impl Fn(&str, i64)) {
        let _whole = self.families.whole();
        gauge.reset();
        for (name, seconds) in ends {
            gauge.with_label_values(&[*name]).set(*seconds);
            tell(name, *seconds);
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fault::{Fault, FieldFault, FieldFaultKind};
    use std::collections::BTreeSet;

    const DIRECTION: &str = "yueyang_to_jingzhou";
    const STAGES: &[(Stage, Duration)] =
        &[(Stage::Identify, Duration::from_micros(30)), (Stage::Forward, Duration::from_millis(15))];

    fn finished(fault: Option<&Fault>) -> Finished<'_> {
        Finished {
            caller: Some("yy-kstb-01"),
            sequence: 7,
            elapsed: Duration::from_millis(20),
            stages: STAGES,
            losses: 2,
            fault,
            mark: None,
        }
    }

    fn gap() -> Fault {
        let what = FieldFaultKind::NoCounterpart {
            table: "nation".into(),
            code: "99".into(),
            from: "yueyang".into(),
            to: "jingzhou".into(),
        };
        Fault::Fields { faults: vec![FieldFault { path: "data.mz".into(), title: "民族".into(), what }], more: 0 }
    }

    fn everything_happens() -> Metrics {
        let metrics = Metrics::new();
        let handles = metrics.matter("GJ03", "PFW", DIRECTION);
        handles.finished(&finished(None));
        handles.finished(&finished(Some(&gap())));
        metrics.unidentified().finished(&finished(Some(&Fault::UnknownCaller)));
        let system = metrics.upstream("jingzhou-window");
        let _request = system.started();
        system.finished(UpstreamCode::of_status(200), Duration::from_millis(9));
        system.circuit_opened(5, 10);
        metrics.client("yy-kstb-01").rate_decided(RateDecision::PerDay);
        metrics.profile("yueyang-window").fields_dropped(3);
        metrics.ledger_written(4, Duration::from_micros(900));
        let unknown = LedgerGroup { state: LedgerState::Unknown, money: true, count: 1, oldest_opened_at: 5_000 };
        metrics.ledger_counted(true, &[unknown], 65_500);
        metrics.config_reloaded(1_700_000_000_999);
        let matter = MatterFacts { code: "GJ03", title: "正常退休提取住房公积金", class: "PFW" };
        let facts =
            MappingFacts { version: "abc", matters: &[matter], tables: &["nation", "sex"], directions: &[DIRECTION] };
        metrics.mapping_loaded(&facts);
        metrics.certificates_loaded(&[("gateway", 2_000_000_000)], 0);
        metrics.revocation_lists_loaded(&[("ca.crl", 2_000_000_000)], 0);
        metrics.handshake_ended(ProtocolLabel::Rfc8998, HandshakeOutcome::Resumed);
        let peer = "127.0.0.1:9".parse().unwrap();
        metrics.handshake_failed(peer, ProtocolLabel::Tlcp, HandshakeReason::OwnKey, &"the device hangs");
        let device = metrics.device("hsm");
        device.called(DeviceOperation::Sign, DeviceOutcome::TimedOut, Duration::from_secs(2));
        metrics.calendar_counted(Some(3_283_200));
        metrics.licence_called("verify", "OK", Duration::from_millis(2));
        metrics.licence_judged("REJECT", "SIG.VALUE_INVALID");
        metrics.licence_kind_judged(Some("430000"), None, "REJECT");
        metrics.licence_limited("holder");
        metrics.licence_counted(true, 3);
        metrics.licence_chain_broken(2);
        metrics.licence_trust_counted(&[("430000", 90)], &[("CA", 10)], 30_000);
        metrics
    }

    #[track_caller]
    fn has(text: &str, line: &str) {
        assert!(text.lines().any(|found| found == line), "no line {line} in\n{text}");
    }

    #[test]
    fn what_is_registered_is_what_is_described() {
        let metrics = everything_happens();
        let text = metrics.encode();
        for description in Metrics::describe() {
            has(&text, &format!("# HELP {} {}", description.name, description.help_en));
            has(&text, &format!("# TYPE {} {}", description.name, description.kind.word()));
        }
        assert_eq!(text.matches("# TYPE").count(), Metrics::describe().len());
        let names: BTreeSet<_> = Metrics::describe().iter().map(|description| description.name).collect();
        assert_eq!(names.len(), Metrics::describe().len());
        for family in metrics.families.registry.gather() {
            let description = Metrics::describe().iter().find(|found| found.name == family.name()).unwrap();
            for metric in family.get_metric() {
                let labels: BTreeSet<_> = metric.get_label().iter().map(prometheus::proto::LabelPair::name).collect();
                assert_eq!(labels, description.labels.iter().copied().collect(), "{}", description.name);
            }
        }
    }

    #[test]
    fn an_exchange_is_counted_once_in_each_place() {
        let text = everything_happens().encode();
        for line in [
            "jingyue_requests_total{direction=\"yueyang_to_jingzhou\",matter=\"GJ03\",outcome=\"ok\"} 1",
            "jingyue_requests_total{direction=\"yueyang_to_jingzhou\",matter=\"GJ03\",outcome=\"translate_error\"} 1",
            "jingyue_requests_total{direction=\"_unknown\",matter=\"_unknown\",outcome=\"auth_error\"} 1",
            "jingyue_outcomes_total{direction=\"yueyang_to_jingzhou\",outcome=\"ok\"} 1",
            "jingyue_outcomes_total{direction=\"yueyang_to_jingzhou\",outcome=\"timeout\"} 0",
            "jingyue_matter_duration_seconds_sum{matter=\"GJ03\",direction=\"yueyang_to_jingzhou\"} 0.04",
            "jingyue_request_duration_seconds_bucket{direction=\"yueyang_to_jingzhou\",class=\"PFW\",le=\"0.025\"} 2",
            "jingyue_stage_duration_seconds_count{stage=\"forward\",direction=\"yueyang_to_jingzhou\"} 2",
            "jingyue_stage_duration_seconds_count{stage=\"answer\",direction=\"yueyang_to_jingzhou\"} 0",
            "jingyue_translate_losses_total{direction=\"yueyang_to_jingzhou\"} 4",
            "jingyue_translate_failures_total{direction=\"yueyang_to_jingzhou\",reason=\"unmapped_code\"} 1",
            "jingyue_codetable_misses_total{direction=\"yueyang_to_jingzhou\",table=\"nation\"} 1",
            "jingyue_codetable_misses_total{direction=\"yueyang_to_jingzhou\",table=\"sex\"} 0",
            "jingyue_auth_failures_total{reason=\"unknown_caller\"} 1",
            "jingyue_fields_dropped_total{profile=\"yueyang-window\"} 3",
            "jingyue_ratelimit_decisions_total{client=\"yy-kstb-01\",decision=\"per_day\"} 1",
        ] {
            has(&text, line);
        }
        assert!(!text.contains("outcome=\"timeout\",matter") && !text.contains("matter=\"GJ03\",outcome=\"timeout\""));
    }

    #[test]
    fn guards_and_the_breaker_fall_back() {
        let metrics = Metrics::new();
        let system = metrics.upstream("jingzhou-window");
        let held = (system.started(), metrics.connection_opened(), metrics.exchange_started());
        system.circuit_opened(5, 10);
        let text = metrics.encode();
        for name in ["upstream_inflight{upstream=\"jingzhou-window\"}", "connections", "exchanges_inflight"] {
            has(&text, &format!("jingyue_{name} 1"));
        }
        has(&text, "jingyue_upstream_circuit_open{upstream=\"jingzhou-window\"} 1");
        drop(held);
        system.circuit_closed();
        let text = metrics.encode();
        for name in ["upstream_inflight{upstream=\"jingzhou-window\"}", "connections", "exchanges_inflight"] {
            has(&text, &format!("jingyue_{name} 0"));
        }
        has(&text, "jingyue_upstream_circuit_open{upstream=\"jingzhou-window\"} 0");
    }

    #[test]
    fn books_and_certificates_show_the_latest_state_only() {
        let metrics = everything_happens();
        let text = metrics.encode();
        has(&text, "jingyue_ledger_healthy 1");
        has(&text, "jingyue_ledger_entries{money=\"true\",outcome=\"unknown\"} 1");
        has(&text, "jingyue_ledger_oldest_unknown_age_seconds{money=\"true\"} 60");
        has(&text, "jingyue_ledger_oldest_unknown_age_seconds{money=\"false\"} 0");
        has(&text, "jingyue_config_last_reload_success_timestamp_seconds 1700000000");
        has(&text, "jingyue_calendar_left_seconds 3283200");
        metrics.ledger_counted(true, &[], 70_000);
        metrics.ledger_write_failed(2, &"disk full");
        metrics.config_reload_refused(3);
        let facts = MappingFacts { version: "def", matters: &[], tables: &[], directions: &[] };
        metrics.mapping_loaded(&facts);
        metrics.certificates_loaded(&[("other", 1)], 0);
        metrics.calendar_counted(None);
        let text = metrics.encode();
        has(&text, "jingyue_ledger_oldest_unknown_age_seconds{money=\"true\"} 0");
        has(&text, "jingyue_ledger_healthy 0");
        has(&text, "jingyue_ledger_writes_total{result=\"failed\"} 2");
        has(&text, "jingyue_config_last_reload_successful 0");
        has(&text, "jingyue_config_last_reload_success_timestamp_seconds 1700000000");
        has(&text, "jingyue_mapping_info{version=\"def\"} 1");
        assert!(!text.contains("jingyue_calendar_left_seconds "), "no calendar, no time left");
        assert!(!text.contains("abc") && !text.contains("正常退休") && !text.contains("cert=\"gateway\""));
    }
}
