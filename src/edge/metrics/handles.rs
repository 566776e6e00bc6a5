//! Series resolved once and kept: what happens to a matter, a system, a caller or a profile.
//!
//! Handles are made while the configuration is loaded and cloned freely; on the request path they only add.
//! They decide nothing: the outcome of an exchange follows from its fault alone.

use crate::domain::fault::{Fault, FieldFaultKind};
use crate::edge::metrics::Held;
use crate::edge::metrics::families::Families;
use crate::edge::metrics::labels::{
    AuthFailure, DeviceOperation, DeviceOutcome, OutcomeLabel, RateDecision, Stage, TranslateFailure, UNKNOWN,
    UpstreamCode,
};
use crate::edge::metrics::timing::Timing;
use prometheus::{IntCounter, IntGauge};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Field faults with a number from here on are about licences.
const LICENCE_NUMBERS: u16 = 300;

/// The series of a cryptographic device.
#[derive(Clone)]
pub struct DeviceHandles {
    name: String,
    durations: Vec<Arc<Timing>>,
    calls: Vec<[IntCounter; DeviceOutcome::ALL.len()]>,
}

impl DeviceHandles {
    pub(super) fn new(families: &Families, name: &str) -> Self {
        let calls = |operation: &DeviceOperation| {
            [DeviceOutcome::Ok, DeviceOutcome::Error, DeviceOutcome::TimedOut, DeviceOutcome::Refused]
                .map(|outcome| families.device_calls.with_label_values(&[name, operation.word(), outcome.word()]))
        };
        let duration = |operation: &DeviceOperation| families.device_duration.with(&[name, operation.word()]);
        Self {
            name: name.to_owned(),
            durations: DeviceOperation::ALL.iter().map(duration).collect(),
            calls: DeviceOperation::ALL.iter().map(calls).collect(),
        }
    }

    /// A call has ended; `elapsed` counts from when it was asked for.
    pub fn called(&self, operation: DeviceOperation, outcome: DeviceOutcome, elapsed: Duration) {
        self.calls[operation as usize][outcome as usize].inc();
        self.durations[operation as usize].observe(elapsed);
        if outcome != DeviceOutcome::Ok {
            let elapsed_ms = elapsed.as_millis();
            tracing::warn!(device = self.name, %operation, %outcome, elapsed_ms, "call to a cryptographic device failed");
        }
    }
}

/// The series of one matter in one direction.
#[derive(Clone)]
pub struct MatterHandles(Arc<MatterCells>);

struct MatterCells {
    matter: String,
    /// `ok` is touched at once, the others when they first happen: most never do.
    requests: [OnceLock<IntCounter>; OutcomeLabel::ALL.len()],
    duration: Arc<Timing>,
    duration_by_class: Arc<Timing>,
    direction: Arc<DirectionCells>,
    families: Arc<Families>,
}

/// The series that all matters of one direction share.
pub(super) struct DirectionCells {
    direction: String,
    outcomes: Vec<IntCounter>,
    stages: Vec<Arc<Timing>>,
    failures: Vec<IntCounter>,
    losses: IntCounter,
}

impl DirectionCells {
    pub(super) fn new(families: &Families, direction: &str) -> Self {
        let outcome = |outcome: &OutcomeLabel| families.outcomes.with_label_values(&[direction, outcome.word()]);
        let stage = |stage: &Stage| families.stage_duration.with(&[stage.word(), direction]);
        let failure =
            |reason: &TranslateFailure| families.translate_failures.with_label_values(&[direction, reason.word()]);
        Self {
            direction: direction.to_owned(),
            outcomes: OutcomeLabel::ALL.iter().map(outcome).collect(),
            stages: Stage::ALL.iter().map(stage).collect(),
            failures: TranslateFailure::ALL.iter().map(failure).collect(),
            losses: families.translate_losses.with_label_values(&[direction]),
        }
    }
}

/// An exchange that has come to its end, one way or the other.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// Name of the caller from the configuration; `None` while it is not identified.
    pub caller: Option<&'a str>,
    /// The gateway's running number of the exchange, 0 where it got none.
    pub sequence: u64,
    /// From the request's arrival to the answer.
    pub elapsed: Duration,
    /// The steps that were taken.
    pub stages: &'a [(Stage, Duration)],
    /// Values that were translated with a declared loss.
    pub losses: u64,
    /// Why it failed; `None` for an answer of the other side or a stored one.
    pub fault: Option<&'a Fault>,
    /// By which the entry in the ledger is found: a mark of its key, never the key.
    pub mark: Option<&'a str>,
}

impl MatterHandles {
    pub(super) fn new(families: Arc<Families>, direction: Arc<DirectionCells>, matter: &str, class: &str) -> Self {
        let cells = MatterCells {
            matter: matter.to_owned(),
            requests: Default::default(),
            duration: families.matter_duration.with(&[matter, &direction.direction]),
            duration_by_class: families.request_duration.with(&[&direction.direction, class]),
            direction,
            families,
        };
        cells.request(OutcomeLabel::Ok);
        Self(Arc::new(cells))
    }

    /// Matter code, or `_unknown`.
    pub fn matter(&self) -> &str {
        &self.0.matter
    }

    /// Direction, or `_unknown`.
    pub fn direction(&self) -> &str {
        &self.0.direction.direction
    }

    /// Counts the exchange, its times and its fault, and writes its one log line.
    pub fn finished(&self, finished: &Finished<'_>) -> OutcomeLabel {
        let outcome = finished.fault.map_or(OutcomeLabel::Ok, OutcomeLabel::of);
        let cells = &*self.0;
        cells.request(outcome).inc();
        cells.duration.observe(finished.elapsed);
        cells.duration_by_class.observe(finished.elapsed);
        cells.direction.outcomes[outcome as usize].inc();
        for (stage, duration) in finished.stages {
            cells.direction.stages[*stage as usize].observe(*duration);
        }
        if finished.losses > 0 {
            cells.direction.losses.inc_by(finished.losses);
        }
        if let Some(fault) = finished.fault {
            cells.count_fault(fault);
        }
        self.log(finished, outcome);
        outcome
    }

    fn log(&self, finished: &Finished<'_>, outcome: OutcomeLabel) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    sequence = finished.sequence,
                    caller = finished.caller.unwrap_or(UNKNOWN),
                    matter = self.matter(),
                    direction = self.direction(),
                    outcome = outcome.word(),
                    elapsed_us = microseconds(finished.elapsed),
                    stages = %StageTimes(finished.stages),
                    losses = finished.losses,
                    fault = finished.fault.map(tracing::field::display),
                    mark = finished.mark,
                    "exchange finished"
                )
            };
        }
        match outcome {
            OutcomeLabel::Ok | OutcomeLabel::RejectBusiness | OutcomeLabel::RateLimited => line!(info),
            OutcomeLabel::TranslateError
            | OutcomeLabel::UpstreamError
            | OutcomeLabel::Timeout
            | OutcomeLabel::AuthError => line!(warn),
            OutcomeLabel::InternalError => line!(error),
        }
    }
}

impl fmt::Debug for MatterHandles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MatterHandles({} {})", self.matter(), self.direction())
    }
}

impl MatterCells {
    fn request(&self, outcome: OutcomeLabel) -> &IntCounter {
        self.requests[outcome as usize].get_or_init(|| {
            let labels = [self.matter.as_str(), &self.direction.direction, outcome.word()];
            self.families.requests.with_label_values(&labels)
        })
    }

    #[cold]
    fn count_fault(&self, fault: &Fault) {
        let fault = fault.cause();
        if let Some(reason) = TranslateFailure::of_message(fault) {
            self.direction.failures[reason as usize].inc();
        }
        if fault.refusal().is_some_and(|refusal| !refusal.known) {
            self.families.codetable_misses.with_label_values(&["fault", &self.direction.direction]).inc();
        }
        // What is wrong with a licence is no failure of a translation.
        for field in fault.fields().iter().filter(|field| field.number() < LICENCE_NUMBERS) {
            self.direction.failures[TranslateFailure::of(&field.what) as usize].inc();
            if let FieldFaultKind::NoCounterpart { table, .. } = &field.what {
                self.families.codetable_misses.with_label_values(&[table.as_str(), &self.direction.direction]).inc();
            }
        }
        if let Some(reason) = AuthFailure::of(fault) {
            self.families.auth_failures.with_label_values(&[reason.word()]).inc();
        }
    }
}

/// Prints `identify=12 admit=3` in microseconds; costs nothing while the line is filtered out.
struct StageTimes<'a>(&'a [(Stage, Duration)]);

impl fmt::Display for StageTimes<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (stage, duration)) in self.0.iter().enumerate() {
            let blank = if index == 0 { "" } else { " " };
            write!(formatter, "{blank}{stage}={}", duration.as_micros())?;
        }
        Ok(())
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The series of one called system.
#[derive(Clone)]
pub struct UpstreamHandles(Arc<UpstreamCells>);

struct UpstreamCells {
    name: String,
    codes: Vec<IntCounter>,
    duration: Arc<Timing>,
    circuit: IntGauge,
    inflight: IntGauge,
}

impl UpstreamHandles {
    pub(super) fn new(families: &Families, name: &str) -> Self {
        let code = |code: &UpstreamCode| families.upstream_requests.with_label_values(&[name, code.word()]);
        Self(Arc::new(UpstreamCells {
            name: name.to_owned(),
            codes: UpstreamCode::ALL.iter().map(code).collect(),
            duration: families.upstream_duration.with(&[name]),
            circuit: families.upstream_circuit.with_label_values(&[name]),
            inflight: families.upstream_inflight.with_label_values(&[name]),
        }))
    }

    /// A request is about to be sent; it counts as in flight until the guard is dropped.
    pub fn started(&self) -> Held {
        Held::new(&self.0.inflight)
    }

    /// A request has ended. Requests that an open breaker kept back are `NotDelivered` with no time.
    pub fn finished(&self, code: UpstreamCode, elapsed: Duration) {
        self.0.codes[code as usize].inc();
        self.0.duration.observe(elapsed);
        tracing::debug!(
            upstream = self.0.name,
            code = code.word(),
            elapsed_us = microseconds(elapsed),
            "system called"
        );
    }

    /// The breaker was looked at (before each scrape): what a reload has put in its place is seen too.
    pub fn circuit_counted(&self, open: bool) {
        self.0.circuit.set(i64::from(open));
    }

    /// The breaker keeps requests back for `open_seconds`, after that many failures in a row.
    pub fn circuit_opened(&self, failures: u32, open_seconds: u64) {
        self.0.circuit.set(1);
        tracing::warn!(upstream = self.0.name, failures, open_seconds, "circuit breaker opened");
    }

    /// The breaker lets requests pass again.
    pub fn circuit_closed(&self) {
        self.0.circuit.set(0);
        tracing::info!(upstream = self.0.name, "circuit breaker closed");
    }
}

impl fmt::Debug for UpstreamHandles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UpstreamHandles({})", self.0.name)
    }
}

/// The series of one caller's limits.
#[derive(Clone, Debug)]
pub struct ClientHandles {
    name: Arc<str>,
    decisions: Arc<[IntCounter]>,
}

impl ClientHandles {
    pub(super) fn new(families: &Families, name: &str) -> Self {
        let decision = |decision: &RateDecision| families.ratelimit.with_label_values(&[name, decision.word()]);
        Self { name: name.into(), decisions: RateDecision::ALL.iter().map(decision).collect() }
    }

    /// A limit was asked and has decided.
    pub fn rate_decided(&self, decision: RateDecision) {
        self.decisions[decision as usize].inc();
        if decision != RateDecision::Allowed {
            tracing::info!(client = &*self.name, decision = decision.word(), "rate limit reached");
        }
    }
}

/// The series of one system profile.
#[derive(Clone, Debug)]
pub struct ProfileHandles {
    name: Arc<str>,
    dropped: IntCounter,
}

impl ProfileHandles {
    pub(super) fn new(families: &Families, name: &str) -> Self {
        Self { name: name.into(), dropped: families.fields_dropped.with_label_values(&[name]) }
    }

    /// A message held `count` fields that the profile does not declare, and they were left out.
    pub fn fields_dropped(&self, count: u64) {
        if count > 0 {
            self.dropped.inc_by(count);
            tracing::debug!(profile = &*self.name, count, "undeclared fields left out");
        }
    }
}
