//! Registration: every row of the table becomes a family of one registry, here and nowhere else.

use crate::edge::metrics::describe::{self, Description, Kind};
use crate::edge::metrics::handles::DirectionCells;
use crate::edge::metrics::handshakes::Told;
use crate::edge::metrics::labels::AuthFailure;
use crate::edge::metrics::process::Process;
use crate::edge::metrics::timing::{Timing, Timings};
use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Every family of the table, by name.
pub(super) struct Families {
    pub(super) registry: Registry,
    /// Held while encoding, and while a set of series is replaced by another: no scrape sees half of it.
    pub(super) whole: Mutex<()>,
    pub(super) directions: Mutex<HashMap<String, Arc<DirectionCells>>>,
    pub(super) requests: IntCounterVec,
    pub(super) outcomes: IntCounterVec,
    pub(super) matter_duration: Timings,
    pub(super) request_duration: Timings,
    pub(super) stage_duration: Timings,
    pub(super) exchanges_inflight: IntGauge,
    pub(super) connections: IntGauge,
    pub(super) translate_failures: IntCounterVec,
    pub(super) codetable_misses: IntCounterVec,
    pub(super) translate_losses: IntCounterVec,
    pub(super) fields_dropped: IntCounterVec,
    pub(super) auth_failures: IntCounterVec,
    pub(super) ratelimit: IntCounterVec,
    pub(super) upstream_requests: IntCounterVec,
    pub(super) upstream_duration: Timings,
    pub(super) upstream_circuit: IntGaugeVec,
    pub(super) upstream_inflight: IntGaugeVec,
    pub(super) ledger_written: IntCounter,
    pub(super) ledger_failed: IntCounter,
    pub(super) ledger_write_duration: Arc<Timing>,
    /// Without a series until the ledger has been opened.
    pub(super) ledger_healthy: IntGaugeVec,
    pub(super) ledger_entries: IntGaugeVec,
    pub(super) ledger_oldest_open: IntGaugeVec,
    pub(super) ledger_oldest_unknown: IntGaugeVec,
    pub(super) licence_calls: IntCounterVec,
    pub(super) licence_duration: Timings,
    pub(super) licence_verdicts: IntCounterVec,
    pub(super) licence_kinds: IntCounterVec,
    pub(super) licence_limited: IntCounterVec,
    /// Without a series where there are no licence calls.
    pub(super) licence_receipts: IntGaugeVec,
    pub(super) licence_store: IntGaugeVec,
    pub(super) licence_chain: IntCounterVec,
    pub(super) licence_list_left: IntGaugeVec,
    pub(super) licence_crl_age: IntGaugeVec,
    pub(super) reload_successful: IntGaugeVec,
    pub(super) reload_timestamp: IntGaugeVec,
    pub(super) mapping_info: IntGaugeVec,
    pub(super) matter_info: IntGaugeVec,
    /// Without a series while no calendar is loaded.
    pub(super) calendar_left: IntGaugeVec,
    pub(super) certificate_not_after: IntGaugeVec,
    pub(super) crl_next_update: IntGaugeVec,
    pub(super) handshakes: IntCounterVec,
    pub(super) handshake_failures: IntCounterVec,
    pub(super) handshakes_told: Told,
    pub(super) device_calls: IntCounterVec,
    pub(super) device_duration: Timings,
}

/// Makes a family from its row of the table and hands it to the registry.
struct Registrar(Registry);

impl Registrar {
    const FIXED: &'static str = "the table holds each name once and in its right form, and a test makes them all";

    fn take<C: Collector + Clone + 'static>(&self, collector: C) -> C {
        self.0.register(Box::new(collector.clone())).expect(Self::FIXED);
        collector
    }

    fn counters(&self, description: &Description) -> IntCounterVec {
        debug_assert_eq!(description.kind, Kind::Counter, "{}", description.name);
        let options = Opts::new(description.name, description.help_en);
        self.take(IntCounterVec::new(options, description.labels).expect(Self::FIXED))
    }

    fn gauges(&self, description: &Description) -> IntGaugeVec {
        debug_assert_eq!(description.kind, Kind::Gauge, "{}", description.name);
        let options = Opts::new(description.name, description.help_en);
        self.take(IntGaugeVec::new(options, description.labels).expect(Self::FIXED))
    }

    fn gauge(&self, description: &Description) -> IntGauge {
        self.gauges(description).with_label_values::<&str>(&[])
    }

    fn timings(&self, description: &'static Description) -> Timings {
        self.take(Timings::new(description))
    }
}

impl Families {
    pub(super) fn new() -> Self {
        let registrar = Registrar(Registry::new());
        registrar.0.register(Box::new(Process::new())).expect(Registrar::FIXED);
        registrar.gauges(&describe::BUILD_INFO).with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let ledger_writes = registrar.counters(&describe::LEDGER_WRITES);
        let families = Self {
            whole: Mutex::default(),
            directions: Mutex::default(),
            requests: registrar.counters(&describe::REQUESTS),
            outcomes: registrar.counters(&describe::OUTCOMES),
            matter_duration: registrar.timings(&describe::MATTER_DURATION),
            request_duration: registrar.timings(&describe::REQUEST_DURATION),
            stage_duration: registrar.timings(&describe::STAGE_DURATION),
            exchanges_inflight: registrar.gauge(&describe::EXCHANGES_INFLIGHT),
            connections: registrar.gauge(&describe::CONNECTIONS),
            translate_failures: registrar.counters(&describe::TRANSLATE_FAILURES),
            codetable_misses: registrar.counters(&describe::CODETABLE_MISSES),
            translate_losses: registrar.counters(&describe::TRANSLATE_LOSSES),
            fields_dropped: registrar.counters(&describe::FIELDS_DROPPED),
            auth_failures: registrar.counters(&describe::AUTH_FAILURES),
            ratelimit: registrar.counters(&describe::RATELIMIT_DECISIONS),
            upstream_requests: registrar.counters(&describe::UPSTREAM_REQUESTS),
            upstream_duration: registrar.timings(&describe::UPSTREAM_DURATION),
            upstream_circuit: registrar.gauges(&describe::UPSTREAM_CIRCUIT),
            upstream_inflight: registrar.gauges(&describe::UPSTREAM_INFLIGHT),
            ledger_written: ledger_writes.with_label_values(&["ok"]),
            ledger_failed: ledger_writes.with_label_values(&["failed"]),
            ledger_write_duration: registrar.timings(&describe::LEDGER_WRITE_DURATION).with(&[]),
            ledger_healthy: registrar.gauges(&describe::LEDGER_HEALTHY),
            ledger_entries: registrar.gauges(&describe::LEDGER_ENTRIES),
            ledger_oldest_open: registrar.gauges(&describe::LEDGER_OLDEST_OPEN),
            ledger_oldest_unknown: registrar.gauges(&describe::LEDGER_OLDEST_UNKNOWN),
            licence_calls: registrar.counters(&describe::LICENCE_CALLS),
            licence_duration: registrar.timings(&describe::LICENCE_DURATION),
            licence_verdicts: registrar.counters(&describe::LICENCE_VERDICTS),
            licence_kinds: registrar.counters(&describe::LICENCE_KINDS),
            licence_limited: registrar.counters(&describe::LICENCE_LIMITED),
            licence_receipts: registrar.gauges(&describe::LICENCE_RECEIPTS),
            licence_store: registrar.gauges(&describe::LICENCE_STORE),
            licence_list_left: registrar.gauges(&describe::LICENCE_LIST_LEFT),
            licence_crl_age: registrar.gauges(&describe::LICENCE_CRL_AGE),
            licence_chain: registrar.counters(&describe::LICENCE_CHAIN),
            reload_successful: registrar.gauges(&describe::RELOAD_SUCCESSFUL),
            reload_timestamp: registrar.gauges(&describe::RELOAD_TIMESTAMP),
            mapping_info: registrar.gauges(&describe::MAPPING_INFO),
            matter_info: registrar.gauges(&describe::MATTER_INFO),
            calendar_left: registrar.gauges(&describe::CALENDAR_LEFT),
            certificate_not_after: registrar.gauges(&describe::CERTIFICATE_NOT_AFTER),
            crl_next_update: registrar.gauges(&describe::CRL_NEXT_UPDATE),
            handshakes: registrar.counters(&describe::HANDSHAKES),
            handshake_failures: registrar.counters(&describe::HANDSHAKE_FAILURES),
            handshakes_told: Told::default(),
            device_calls: registrar.counters(&describe::DEVICE_CALLS),
            device_duration: registrar.timings(&describe::DEVICE_DURATION),
            registry: registrar.0,
        };
        for reason in AuthFailure::ALL {
            families.auth_failures.with_label_values(&[reason.word()]);
        }
        families
    }

    pub(super) fn whole(&self) -> MutexGuard<'_, ()> {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
