//! What the caller gets: an answer in its own dialect, also when something went wrong. Here alone a fault becomes an
//! answer; what is counted and logged of an exchange is gathered here too.

use super::Answer;
use super::Arrived;
use super::Exchange;
use super::admit::Admitted;
use super::state::State;
use super::translate::Outward;
use crate::domain::fault::Fault;
use crate::domain::mapping::Context;
use crate::domain::mapping::Pair;
use crate::edge::clock::Clock;
use crate::edge::ledger::Finding;
use crate::edge::ledger::Opening;
use crate::edge::ledger::StoredAnswer;
use crate::edge::ledger::mark_of;
use crate::edge::limit::Limiter;
use crate::edge::limit::Verdict;
use crate::edge::metrics::Finished;
use crate::edge::metrics::Stage;
use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::StatusCode;
use http::header::ALLOW;
use http::header::CONTENT_TYPE;
use http::header::RETRY_AFTER;
use std::collections::BTreeMap;
use std::time::Duration;

/// The number of a fault, whatever dialect tells it.
const FAULT_FIELD: HeaderName = HeaderName::from_static("x-jingyue-fault");

/// Stages of one exchange.
const STAGES: usize = 9;

/// What is known of an exchange so far, for its answer, its metrics and its log line.
pub(super) struct Story<'s> {
    state: &'s State,
    clock: &'s Clock,
    began: Duration,
    last: Duration,
    stages: [(Stage, Duration); STAGES],
    count: usize,
    /// Profile whose path was called.
    profile: Option<&'s str>,
    caller: Option<usize>,
    /// What translates, and the name of the handling city.
    route: Option<(&'s Pair, &'s str)>,
    message: Option<String>,
    limits: HeaderMap,
    sequence: u64,
    losses: u32,
    fault: Option<Fault>,
    /// By which its entry in the ledger is found, where it ended with a fault.
    mark: Option<String>,
}

impl<'s> Story<'s> {
    pub(super) fn new(clock: &'s Clock, state: &'s State) -> Self {
        let began = clock.monotonic();
        Self {
            state,
            clock,
            began,
            last: began,
            stages: [(Stage::Identify, Duration::ZERO); STAGES],
            count: 0,
            profile: None,
            caller: None,
            route: None,
            message: None,
            limits: HeaderMap::new(),
            sequence: 0,
            losses: 0,
            fault: None,
            mark: None,
        }
    }

    pub(super) fn arrived(&mut self, arrived: &Arrived) {
        self.profile = self.state.profile_by_path(arrived.uri.path());
    }

    pub(super) fn known(&mut self, caller: usize, stage: Stage) {
        self.caller = Some(caller);
        self.profile = Some(&self.state.callers[caller].profile);
        self.passed(stage);
    }

    pub(super) fn limited(&mut self, limiter: &Limiter, verdict: &Verdict) {
        limiter.write_fields(verdict, &mut self.limits);
    }

    pub(super) fn routed(&mut self, pair: &'s Pair, city: &'s str) {
        self.route = Some((pair, city));
    }

    /// The number of a message that goes no further.
    pub(super) fn numbered(&mut self, message: Option<String>) {
        self.message = message;
    }

    pub(super) fn admitted(&mut self, admitted: &Admitted<'_>, stage: Stage) {
        self.message.clone_from(&admitted.arrival.message);
        self.passed(stage);
    }

    pub(super) fn translated(&mut self, outward: &Outward, stage: Stage) {
        (self.sequence, self.losses) = (outward.sequence, outward.losses);
        self.passed(stage);
    }

    pub(super) fn passed(&mut self, stage: Stage) {
        let now = self.clock.monotonic();
        if let Some(place) = self.stages.get_mut(self.count) {
            *place = (stage, now.saturating_sub(self.last));
            self.count += 1;
        }
        self.last = now;
    }

    pub(super) fn ended(&mut self, fault: Option<Fault>) {
        self.fault = fault;
    }

    /// Adds the header fields that say what of the caller's limits is left and what was wrong.
    pub(super) fn add_fields(&mut self, headers: &mut HeaderMap, fault: Option<&Fault>) {
        headers.extend(std::mem::take(&mut self.limits));
        let Some(fault) = fault else { return };
        if let Fault::WrongMethod { expected } = fault {
            // RFC 9110, 15.5.6: a 405 says what is allowed.
            headers.insert(ALLOW, HeaderValue::from_static(expected));
        }
        if let Some(seconds) = fault.retry_after_seconds() {
            headers.entry(RETRY_AFTER).or_insert_with(|| HeaderValue::from(seconds));
        }
        if let Ok(number) = HeaderValue::from_str(&format!("J{:03}", fault.entry().number)) {
            headers.insert(FAULT_FIELD, number);
        }
    }

    /// Notes the key of the ledger's entry: for what went wrong, so that a log line leads to the entry.
    pub(super) fn marked(&mut self, key: &str) {
        self.mark = Some(mark_of(key));
    }

    pub(super) const fn went_wrong(&self) -> bool {
        self.fault.is_some()
    }

    pub(super) fn finished<'f>(&'f self, fault: Option<&'f Fault>) -> Finished<'f> {
        Finished {
            caller: self.caller.map(|caller| &*self.state.callers[caller].name),
            sequence: self.sequence,
            elapsed: self.clock.monotonic().saturating_sub(self.began),
            stages: &self.stages[..self.count],
            losses: u64::from(self.losses),
            fault,
            mark: self.mark.as_deref(),
        }
    }
}

impl Exchange {
    /// The end of the story: the answer, or the fault in the caller's dialect; counted and logged once.
    pub(super) fn grant(&self, state: &State, told: Result<Answer, Fault>, mut story: Story<'_>) -> Answer {
        let mut answer = match told {
            Ok(answer) => answer,
            Err(fault) => {
                let operation = story.route.map(|(pair, _)| pair.from_service.operation.as_str());
                let answer = match story.profile {
                    Some(profile) => self.tell_with(state, profile, operation, story.message.as_deref(), &fault),
                    None => plain(&fault),
                };
                story.fault = Some(fault);
                answer
            }
        };
        let fault = story.fault.take();
        story.add_fields(&mut answer.headers, fault.as_ref());
        story.fault = fault;
        if story.sequence > 0 {
            answer.headers.insert(HeaderName::from_static("x-jingyue-sequence"), HeaderValue::from(story.sequence));
        }
        story.passed(Stage::Answer);
        let metrics = match (story.route, story.caller) {
            (Some((pair, city)), Some(caller)) => {
                let from = &state.callers[caller].city;
                if let Some(fault) = &story.fault {
                    let tables = |name: &str| state.program.catalogue().tables.get(name);
                    self.drift.fault(&format!("{from}_to_{city}"), &pair.to, fault.cause(), tables, self.clock.now());
                }
                state.matter_metrics(from, city, &pair.matter.code)
            }
            _ => state.unidentified(),
        };
        metrics.finished(&story.finished(story.fault.as_ref()));
        answer
    }

    /// A fault in the words of a profile, for an exchange that was admitted.
    pub(super) fn tell(
        &self,
        state: &State,
        admitted: Option<&Admitted<'_>>,
        profile: &str,
        operation: Option<&str>,
        fault: &Fault,
    ) -> Answer {
        let message = admitted.and_then(|admitted| admitted.arrival.message.as_deref());
        self.tell_with(state, profile, operation, message, fault)
    }

    fn tell_with(
        &self,
        state: &State,
        profile: &str,
        operation: Option<&str>,
        message: Option<&str>,
        fault: &Fault,
    ) -> Answer {
        let program = &state.program;
        let (Some(system), Some(city)) = (program.system(profile), program.catalogue().cities.first()) else {
            return plain(fault);
        };
        // A fault is our word, so the cities of the call do not matter to it.
        let settings = BTreeMap::new();
        let context = Context {
            now: self.clock.now(),
            sequence: 0,
            message_id: "",
            message,
            from: city,
            to: city,
            settings: &settings,
            case: None,
            kept: None,
            licences: None,
            fault: None,
        };
        let mut workspace = self.workspace.take();
        let rendered = program.render(system, operation, fault, &context, &mut workspace);
        self.workspace.replace(workspace);
        let mut answer = translated(rendered.bytes.into(), &rendered.content_type);
        answer.status = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer
    }
}

/// A fault for a caller whose dialect is not known: JSON with the same words.
pub(super) fn plain(fault: &Fault) -> Answer {
    let entry = fault.entry();
    let body = serde_json::json!({
        "number": format!("J{:03}", entry.number),
        "name": entry.name,
        "side": entry.side.title(),
        "text": fault.window_text(),
    });
    let mut answer = translated(body.to_string().into(), "application/json;charset=UTF-8");
    answer.status = StatusCode::from_u16(entry.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(seconds) = fault.retry_after_seconds() {
        answer.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// A translated message as an answer.
pub(super) fn translated(body: Bytes, content_type: &str) -> Answer {
    let mut headers = HeaderMap::with_capacity(6);
    if let Ok(value) = HeaderValue::from_str(content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    Answer { status: StatusCode::OK, headers, body }
}

/// What an earlier request with the same key means for this one.
///
/// # Errors
/// Where there is no answer, the fault that says why.
pub(super) fn of_earlier(earlier: Opening) -> Result<Answer, Fault> {
    match earlier {
        Opening::Repeat(answer) => stored(answer),
        Opening::InProgress => Err(Fault::StillInProgress),
        Opening::ContentDiffers { settled: true } => Err(Fault::KeyReused),
        Opening::ContentDiffers { settled: false } => Err(Fault::KeyUnsettled),
        Opening::Unknown(_) => Err(Fault::OutcomeUnknown),
        Opening::Resolved(Finding::Done) => Err(Fault::ResolvedDone),
        Opening::Resolved(Finding::NotDone) => Err(Fault::ResolvedNotDone),
        Opening::New(_) => Err(Fault::Internal { reason: "a new entry is no earlier one" }),
    }
}

/// The answer that an earlier request with the same key got.
fn stored(stored: StoredAnswer) -> Result<Answer, Fault> {
    let status = StatusCode::from_u16(stored.status).map_err(|_| Fault::OutcomeUnknown)?;
    let mut answer = translated(stored.body.into_inner(), &stored.content_type);
    answer.status = status;
    answer.headers.insert(HeaderName::from_static("x-jingyue-repeat"), HeaderValue::from_static("1"));
    Ok(answer)
}

/// The content type of an answer.
pub(super) fn content_type(answer: &Answer) -> &str {
    answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
