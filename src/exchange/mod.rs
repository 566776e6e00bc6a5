//! The story of one exchange.
//!
//! ```text
//!  arrive → identify → admit → licences → translate → record(open) → forward → translate back → record(close) → answer
//! ```
//!
//! Each step takes what the step before it made, so that leaving one out does not compile; the branches stand here,
//! the helpers do straight work. [`Exchange::run`] must be driven to its end whether or not the caller still waits:
//! an opened entry has to be closed.

mod admit;
mod answer;
mod digests;
mod forward;
mod identify;
mod licences;
mod record;
mod relay;
mod state;
mod translate;

pub use licences::licence_routes;
pub use state::Caller;
pub use state::LicenceAccess;
pub use state::Permission;
pub use state::Relay;
pub use state::ShareAccess;
pub use state::State;
pub use state::Target;

use crate::domain::fault::Fault;
use crate::domain::mapping::Workspace;
use crate::edge::clock::Clock;
use crate::edge::clock::Milliseconds;
use crate::edge::drift::Drift;
use crate::edge::ledger::Ledger;
use crate::edge::ledger::Opening;
use crate::edge::metrics::Metrics;
use crate::edge::metrics::Stage;
use crate::edge::nonces::Nonces;
use crate::edge::upstream::Pool;
use admit::Admitted;
use admit::Heard;
use answer::Story;
use arc_swap::ArcSwap;
use bytes::Bytes;
use digests::Digests;
use http::HeaderMap;
use http::Method;
use http::StatusCode;
use http::Uri;
use licences::Handed;
use record::Recorded;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use translate::Outward;

/// A request as it arrived.
#[derive(Debug)]
pub struct Arrived {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// The body, or why there is none.
    pub body: Result<Bytes, Fault>,
    /// SHA-256 of the client certificate, where one was shown and verified.
    pub certificate_sha256: Option<[u8; 32]>,
    pub received_at: Milliseconds,
}

/// What the caller gets.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What all workers share and no reload replaces.
#[derive(Clone)]
pub struct Shared {
    pub state: Arc<ArcSwap<State>>,
    pub ledger: Arc<dyn Ledger>,
    pub nonces: Arc<Nonces>,
    /// The next running number.
    pub sequence: Arc<AtomicU64>,
    pub metrics: Metrics,
    pub drift: Arc<Drift>,
    pub clock: Clock,
}

/// One worker's part in all exchanges.
pub struct Exchange {
    state: Arc<ArcSwap<State>>,
    ledger: Arc<dyn Ledger>,
    nonces: Arc<Nonces>,
    sequence: Arc<AtomicU64>,
    metrics: Metrics,
    drift: Arc<Drift>,
    clock: Clock,
    /// Reused memory of translations; taken out while one runs, so that it is never borrowed across a wait.
    workspace: RefCell<Workspace>,
    digests: Digests,
    /// Pools of this worker, by target, and the generation that they belong to.
    pools: RefCell<(u64, Vec<Pool>)>,
}

impl Exchange {
    /// A worker's own.
    pub fn new(shared: Shared) -> Self {
        let Shared { state, ledger, nonces, sequence, metrics, drift, clock } = shared;
        Self {
            state,
            ledger,
            nonces,
            sequence,
            metrics,
            drift,
            clock,
            workspace: RefCell::default(),
            digests: Digests::default(),
            pools: RefCell::new((0, Vec::new())),
        }
    }

    /// Whether a request's body is worth reading, by its head: who does not say who it is, or is nobody, is refused at
    /// once. Paths with another way to say it, or that are open to all, are not judged here.
    ///
    /// # Errors
    /// The faults of [`Self::run`] for such a request.
    pub fn before_body(&self, path: &str, headers: &HeaderMap, certificate: Option<&[u8; 32]>) -> Result<(), Fault> {
        let state = self.state.load();
        let relay = state.relays.iter().find(|relay| path.starts_with(&relay.path));
        if relay.is_some_and(|relay| relay.callers.is_empty()) || (state.licences.is_some() && licences::serves(path)) {
            return Ok(());
        }
        identify::claim(&state, headers, certificate).map(|_| ())
    }

    /// Carries one request from arrival to answer. It never fails: every fault becomes an answer.
    pub async fn run(&self, arrived: Arrived) -> Answer {
        let _held = self.metrics.exchange_started();
        let state = self.state.load_full();
        if let Some(desk) = state.licences.as_ref().filter(|_| licences::serves(arrived.uri.path())) {
            return Box::pin(self.licences(&state, desk, arrived)).await;
        }
        let mut story = Story::new(&self.clock, &state);
        if let Some(relay) = state.relays.iter().find(|relay| arrived.uri.path().starts_with(&relay.path)) {
            return self.relay(&state, relay, arrived, story).await;
        }
        let told = self.steps(&state, arrived, &mut story).await;
        self.grant(&state, told, story)
    }

    /// All that stands between a request and its entry in the ledger.
    async fn prepare<'s: 'a, 'a>(
        &self,
        state: &'s State,
        heard: &'a Heard<'s>,
        body: &[u8],
        story: &mut Story<'s>,
    ) -> Result<(Admitted<'a>, Handed, Outward), Fault> {
        let admitted = admit::admit(state, heard, story)?;
        story.admitted(&admitted, Stage::Admit);
        let handed = self.licences_of(state, &admitted, body, story).await?;
        let outbound = self.translate_outward(state, &admitted, body, &handed).await?;
        story.translated(&outbound, Stage::Translate);
        Ok((admitted, handed, outbound))
    }

    /// The steps in order.
    async fn steps<'s>(&self, state: &'s State, arrived: Arrived, story: &mut Story<'s>) -> Result<Answer, Fault> {
        story.arrived(&arrived);
        let body = arrived.body.clone()?;
        let digest = self.digests.of(&body).await;
        let known = self.identify(state, &arrived, digest)?;
        story.known(known.caller, Stage::Identify);
        let heard = self.hear(state, known, &arrived, &body, story)?;
        let told = self.further(state, &heard, &body, story).await;
        if told.is_err() || story.went_wrong() {
            story.marked(&heard.ledger_key());
        }
        told
    }

    /// The steps from the moment that it is known whose request it is, and which.
    async fn further<'s: 'a, 'a>(
        &self,
        state: &'s State,
        heard: &'a Heard<'s>,
        body: &[u8],
        story: &mut Story<'s>,
    ) -> Result<Answer, Fault> {
        let (admitted, handed, outbound) = match self.prepare(state, heard, body, story).await {
            Ok(prepared) => prepared,
            // What is wrong with it by today's mappings is no news for a request that has left already.
            Err(fault) => return Box::pin(self.told_before(state, heard, fault)).await,
        };
        let opened = match self.record_open(state, &admitted, &outbound).await? {
            Opening::New(opened) => opened,
            earlier => return answer::of_earlier(earlier),
        };
        story.passed(Stage::RecordOpen);
        let reply = match handed {
            Handed::Known => Err(licences::GONE),
            Handed::Nothing | Handed::Facts(_) => self.forward(state, &admitted, &opened, &outbound).await,
        };
        story.passed(Stage::Forward);
        let homeward = match reply {
            Ok(reply) => self.translate_homeward(state, &admitted, &outbound, reply).await,
            Err(fault) => Err(fault),
        };
        let homeward = homeward.map_err(|fault| record::told_of(fault, &admitted.pair.matter));
        story.passed(Stage::TranslateBack);
        let Recorded { answer, fault } = self.record_close(state, &admitted, opened, homeward).await;
        story.passed(Stage::RecordClose);
        story.ended(fault);
        Ok(answer)
    }
}
