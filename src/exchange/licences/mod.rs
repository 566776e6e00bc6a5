//! The licence calls: who asks, for which matter and case, within which limits; then the verdict, the receipt, the
//! answer.
//!
//! ```text
//!  arrive → identify → read the fields → matter, limits → judge (a thread beside the event loop)
//!         → conclude: report, proof of existence, code used up, receipt; durable in one write → answer
//! ```
//!
//! | route | file |
//! | --- | --- |
//! | `POST /v1/licences/verify` | `verify` |
//! | `POST /v1/licences/query`, `auth`, `fetch`, `match` | `uses` |
//! | `GET /v1/licences/types?side=`, `GET /v1/licences/equivalence/{ZZLXDM}`, `POST /v1/licences/id/check` | `lookup` |
//! | `GET /v1/trust/lists`, `PUT /v1/trust/lists/{province}` | `lists` |
//! | `POST /CertShare/*` | `share` |
//! | `GET /v1/licences/reports/{id}`, `GET /v1/licences/receipts?since=` | `kept` |
//! | none: the licences that the message of an exchange carries | `carried` |
//!
//! A verdict is an answer with status 200, whatever it is; what cannot be answered is a [`refusal`].

mod asked;
mod carried;
mod fields;
mod kept;
mod lists;
mod lookup;
mod refusal;
mod share;
mod sides;
mod uses;
mod verify;

use super::Answer;
use super::Arrived;
use super::Exchange;
use super::admit::limit;
use super::answer::Story;
use super::state::LicenceAccess;
use super::state::State;
use crate::domain::fault::Fault;
use crate::domain::masked::Masked;
use crate::domain::sm;
use crate::edge::clock;
use crate::edge::clock::Milliseconds;
use crate::edge::licences::Binding;
use crate::edge::licences::CodeUse;
use crate::edge::licences::Digest;
use crate::edge::licences::Found;
use crate::edge::licences::Licences;
use crate::edge::licences::ReceiptEntry;
use crate::edge::licences::Subject;
use crate::edge::metrics::Metrics;
use asked::Common;
use bytes::Bytes;
pub(super) use carried::GONE;
pub(super) use carried::Handed;
use http::Method;
use http::header::CONTENT_TYPE;
use refusal::Kind;
use refusal::Refusal;
use serde_json::Value;
use share::Envelope;
use sides::Sides;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::task::spawn_blocking;

/// A body above that many bytes is digested beside the event loop.
const INLINE_BYTES_MAX: usize = 64 << 10;

/// The path of the trust lists.
const LISTS: &str = "/v1/trust/lists";
/// Beginning of the paths of a sharing platform.
const SHARE: &str = "/CertShare/";

/// Whether a path is one of the licence calls.
pub(super) fn serves(path: &str) -> bool {
    path.starts_with("/v1/licences/") || path.starts_with(LISTS) || path.starts_with(SHARE)
}

/// A call by its route; the word is the label of metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Route {
    Auth,
    Equivalence(String),
    Fetch,
    IdCheck,
    ListPut(String),
    Lists,
    Match,
    Query,
    Receipts,
    Report(String),
    Share(String),
    Types,
    Unknown,
    Verify,
}

impl Route {
    fn of(path: &str) -> Self {
        if let Some(name) = path.strip_prefix(SHARE) {
            return Self::Share(name.to_owned());
        }
        if let Some(rest) = path.strip_prefix(LISTS) {
            return match rest.strip_prefix('/') {
                None if rest.is_empty() => Self::Lists,
                Some(province) if !province.is_empty() => Self::ListPut(province.to_owned()),
                _ => Self::Unknown,
            };
        }
        let Some(rest) = path.strip_prefix("/v1/licences/") else { return Self::Unknown };
        let one = |rest: &str| Some(rest.to_owned()).filter(|name| !name.is_empty() && !name.contains('/'));
        match rest {
            "auth" => Self::Auth,
            "fetch" => Self::Fetch,
            "id/check" => Self::IdCheck,
            "match" => Self::Match,
            "query" => Self::Query,
            "receipts" => Self::Receipts,
            "types" => Self::Types,
            "verify" => Self::Verify,
            _ => match rest.split_once('/') {
                Some(("equivalence", code)) => one(code).map_or(Self::Unknown, Self::Equivalence),
                Some(("reports", id)) => one(id).map_or(Self::Unknown, Self::Report),
                _ => Self::Unknown,
            },
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Equivalence(_) => "equivalence",
            Self::Fetch => "fetch",
            Self::IdCheck => "id_check",
            Self::ListPut(_) => "list_put",
            Self::Lists => "lists",
            Self::Match => "match",
            Self::Query => "query",
            Self::Receipts => "receipts",
            Self::Report(_) => "report",
            Self::Share(_) => "share",
            Self::Types => "types",
            Self::Unknown => "unknown",
            Self::Verify => "verify",
        }
    }

    const fn method(&self) -> Option<Method> {
        match self {
            Self::Auth | Self::Fetch | Self::IdCheck | Self::Match | Self::Query | Self::Share(_) | Self::Verify => {
                Some(Method::POST)
            }
            Self::Equivalence(_) | Self::Lists | Self::Receipts | Self::Report(_) | Self::Types => Some(Method::GET),
            Self::ListPut(_) => Some(Method::PUT),
            Self::Unknown => None,
        }
    }
}

/// Every licence call, as `docs/openapi.yaml` has them: method, and path with its parameters in braces.
pub fn licence_routes() -> Vec<(Method, String)> {
    let of = |rest: &str| format!("/v1/licences/{rest}");
    let parameter = |name: &str| format!("{{{name}}}");
    let mut routes: Vec<(Route, String)> = vec![
        (Route::Auth, of("auth")),
        (Route::Equivalence(parameter("ZZLXDM")), of("equivalence/{ZZLXDM}")),
        (Route::Fetch, of("fetch")),
        (Route::IdCheck, of("id/check")),
        (Route::ListPut(parameter("province")), format!("{LISTS}/{{province}}")),
        (Route::Lists, LISTS.to_owned()),
        (Route::Match, of("match")),
        (Route::Query, of("query")),
        (Route::Receipts, of("receipts")),
        (Route::Report(parameter("id")), of("reports/{id}")),
        (Route::Types, of("types")),
        (Route::Verify, of("verify")),
    ];
    routes.extend(share::CALLS.map(|name| (Route::Share(name.to_owned()), format!("{SHARE}{name}"))));
    routes.into_iter().filter_map(|(route, path)| Some((route.method()?, path))).collect()
}

/// A call whose caller is known.
struct Called<'c> {
    desk: &'c Arc<Licences>,
    metrics: &'c Metrics,
    /// Name of the calling system.
    caller: &'c str,
    access: &'c LicenceAccess,
    now: Milliseconds,
    sides: Sides,
    /// As the caller gave it, once it was read.
    request_id: &'c RefCell<Option<String>>,
}

impl Exchange {
    /// Carries a licence call from arrival to answer.
    pub(super) async fn licences(&self, state: &State, desk: &Arc<Licences>, arrived: Arrived) -> Answer {
        let began = self.clock.monotonic();
        let route = Route::of(arrived.uri.path());
        let request_id = RefCell::new(None);
        if let Route::Share(name) = &route {
            let told = self.share_call(state, desk, name, arrived, &request_id).await;
            let (answer, code) = match told {
                Ok(body) => (refusal::json_answer(200, &body), "OK"),
                Err(refused) => (share::refused(&refused), refused.refusal.kind.code()),
            };
            self.metrics.licence_called(route.word(), code, self.clock.monotonic().saturating_sub(began));
            return answer;
        }
        let told = self.licence_call(state, desk, &route, arrived, &request_id).await;
        let (answer, code) = match told {
            Ok(body) => (refusal::json_answer(200, &body), "OK"),
            Err(refusal) => {
                if matches!(refusal.kind, Kind::Internal | Kind::Store | Kind::BadAnswer) {
                    tracing::error!(call = route.word(), code = refusal.kind.code(), "licence call failed");
                }
                (refusal.answer(request_id.borrow().as_deref()), refusal.kind.code())
            }
        };
        self.metrics.licence_called(route.word(), code, self.clock.monotonic().saturating_sub(began));
        answer
    }

    async fn licence_call(
        &self,
        state: &State,
        desk: &Arc<Licences>,
        route: &Route,
        arrived: Arrived,
        request_id: &RefCell<Option<String>>,
    ) -> Result<Value, Refusal> {
        let body = arrived.body.clone()?;
        let method = route.method().ok_or(Kind::Path)?;
        let caller = self.licence_caller(state, &arrived, &body).await?;
        if arrived.method != method {
            return Err(Refusal::with(Kind::Method, format!("应为 {method}")));
        }
        let called = self.called(state, desk, caller, body.len(), arrived.received_at, request_id)?;
        let content_type = arrived.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let query = arrived.uri.query().unwrap_or_default();
        match route {
            Route::Auth => called.auth(content_type.to_owned(), body).await,
            Route::Equivalence(code) => called.equivalence(code),
            Route::Fetch => called.fetch(content_type.to_owned(), body).await,
            Route::IdCheck => called.check_identifier(content_type.to_owned(), body).await,
            Route::ListPut(province) => called.put_list(province, &arrived.headers, body).await,
            Route::Lists => Ok(called.lists()),
            Route::Match => called.matches(content_type.to_owned(), body).await,
            Route::Query => called.query(content_type.to_owned(), body).await,
            Route::Receipts => called.receipts(query).await,
            Route::Report(id) => called.report(id).await,
            Route::Types => called.types(query),
            // A sharing platform's call is answered in another shape, before this.
            Route::Share(_) | Route::Unknown => Err(Kind::Path.into()),
            Route::Verify => called.verify(content_type.to_owned(), body).await,
        }
    }

    /// The same in the shape of a sharing platform.
    async fn share_call(
        &self,
        state: &State,
        desk: &Arc<Licences>,
        name: &str,
        arrived: Arrived,
        request_id: &RefCell<Option<String>>,
    ) -> Result<Value, share::Refused> {
        let body = arrived.body.clone()?;
        if arrived.method != Method::POST {
            return Err(Refusal::with(Kind::Method, "应为 POST").into());
        }
        // A token stands in the body; a caller that signs or shows its certificate needs none.
        let signs = arrived.headers.contains_key("x-app-key") || state.exchange_requester(&arrived.headers).is_some();
        let shows =
            arrived.certificate_sha256.as_ref().is_some_and(|print| state.caller_by_certificate(print).is_some());
        let known = if signs || shows { Some(self.licence_caller(state, &arrived, &body).await?) } else { None };
        let length = body.len();
        let envelope = if length > INLINE_BYTES_MAX {
            spawn_blocking(move || Envelope::read(&body)).await.map_err(|_| Kind::Internal)??
        } else {
            Envelope::read(&body)?
        };
        let caller = match known {
            Some(caller) => caller,
            None => envelope.caller(state)?,
        };
        let called = self.called(state, desk, caller, length, arrived.received_at, request_id)?;
        called.share(name, envelope).await
    }

    /// What the caller may do, within its general limit.
    fn called<'c>(
        &'c self,
        state: &'c State,
        desk: &'c Arc<Licences>,
        caller: usize,
        body_bytes: usize,
        now: Milliseconds,
        request_id: &'c RefCell<Option<String>>,
    ) -> Result<Called<'c>, Refusal> {
        let access = state.callers[caller].licences.as_ref();
        let access = access.ok_or_else(|| Refusal::with(Kind::Matter, "没有为本系统开通证照接口"))?;
        let mut story = Story::new(&self.clock, state);
        limit(state, caller, body_bytes, now, &mut story)?;
        let sides = Sides::of(state, &state.callers[caller].city);
        let caller = &state.callers[caller].name;
        Ok(Called { desk, metrics: &self.metrics, caller, access, now, sides, request_id })
    }

    /// Who asks. The digest of a large body is worked out beside the event loop.
    async fn licence_caller(&self, state: &State, arrived: &Arrived, body: &Bytes) -> Result<usize, Refusal> {
        let digest = if body.len() > INLINE_BYTES_MAX {
            let body = body.clone();
            spawn_blocking(move || sm::digest(&body)).await.map_err(|_| Kind::Internal)?
        } else {
            sm::digest(body)
        };
        Ok(self.identify(state, arrived, digest)?.caller)
    }
}

impl Called<'_> {
    /// Runs `work` on a thread where it blocks no event loop, when it is its turn.
    async fn turn<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.taken(work).await?.await.map_err(|_| Kind::Internal.into())
    }

    /// The same with an end of the wait for it, after which there is nothing.
    async fn turn_until<T, F>(&self, most: Duration, work: F) -> Result<Option<T>, Refusal>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let done = self.taken(work).await?;
        tokio::time::timeout(most, done).await.ok().transpose().map_err(|_| Kind::Internal.into())
    }

    /// Waits for the turn; the work keeps it until it ends.
    async fn taken<T, F>(&self, work: F) -> Result<JoinHandle<T>, Refusal>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let turns = Arc::clone(&self.desk.turns);
        let turn = tokio::time::timeout(self.desk.waits.turn, turns.acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(Kind::Busy)?;
        Ok(spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        }))
    }

    /// Keeps the caller's number of the request for the answer.
    fn note(&self, common: &Common) {
        self.request_id.replace(common.request_id.clone());
    }

    /// Whether the matter is the caller's, and the rates of caller and operator.
    fn may_use(&self, common: &Common) -> Result<(), Refusal> {
        if !(self.access.may)(&common.matter) {
            return Err(Kind::Matter.into());
        }
        self.count(Subject::Caller, &self.desk.pseudonym("caller", self.caller))?;
        // The same word may name two people in two systems.
        let operator = format!("{}/{}", self.caller, common.operator.reveal());
        self.count(Subject::Operator, &self.desk.pseudonym("operator", &operator))
    }

    /// The rate of a holder.
    fn count_holder(&self, code: &str) -> Result<(), Refusal> {
        self.count(Subject::Holder, &self.desk.pseudonym("holder", code))
    }

    fn count(&self, subject: Subject, key: &Digest) -> Result<(), Refusal> {
        self.desk.harvest.check(subject, key).map_err(|seconds| {
            self.metrics.licence_limited(subject.word());
            Refusal::limited(seconds)
        })
    }

    /// A receipt of this call; what it is about is told by [`Called::about`].
    fn receipt(&self, common: &Common, call: &str, decision: &str) -> Result<ReceiptEntry, Refusal> {
        Ok(ReceiptEntry {
            id: random_id()?,
            at: self.now,
            caller: self.caller.to_owned(),
            operator: self.desk.pseudonym("operator", &format!("{}/{}", self.caller, common.operator.reveal())),
            window: common.window.clone(),
            matter: common.matter.clone(),
            case_number: common.case_number.clone(),
            ground: common.ground.to_owned(),
            licence: None,
            kind: String::new(),
            holder: None,
            call: call.to_owned(),
            decision: decision.to_owned(),
            report: None,
        })
    }

    /// Says in a receipt what it is about, as far as that became known: identifier and holder as their HMAC-SM3 values, a
    /// type only where it is one.
    fn about(&self, receipt: &mut ReceiptEntry, identifier: Option<&str>, kind: Option<&str>, holder: Option<&str>) {
        receipt.licence = identifier.map(|text| self.desk.pseudonym("licence", text));
        receipt.holder = holder.map(|text| self.desk.pseudonym("holder", text));
        // What is no type may be anything, and is left out.
        let is_kind = |kind: &&str| kind.len() == 21 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
        kind.filter(is_kind).unwrap_or_default().clone_into(&mut receipt.kind);
    }

    /// The same of a licence at its source.
    fn about_found(&self, receipt: &mut ReceiptEntry, found: &Found) {
        self.about(receipt, Some(&found.identifier), Some(&found.kind), Some(&found.holder));
    }

    /// The use of a code for a licence.
    fn code_use(&self, code: &Masked<String>, common: &Common, licence: Digest, purpose: &'static str) -> CodeUse {
        let binding = Binding {
            caller: self.caller.to_owned(),
            matter: common.matter.clone(),
            case_number: common.case_number.clone(),
            licence,
        };
        CodeUse { digest: sm::digest(code.reveal().as_bytes()), purpose, binding, now: self.now }
    }
}

/// 32 hexadecimal digits that nobody guesses.
fn random_id() -> Result<String, Refusal> {
    let mut bytes = [0; 16];
    clock::random(&mut bytes).map_err(|_| Fault::Internal { reason: "no randomness" })?;
    Ok(sm::hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A new route without a line in the list of routes does not compile here, or has its word missing.
    #[test]
    fn every_route_is_listed() {
        let listed: BTreeSet<&str> = licence_routes().iter().map(|(_, path)| Route::of(path).word()).collect();
        let words = |route: Route| match route {
            Route::Auth
            | Route::Equivalence(_)
            | Route::Fetch
            | Route::IdCheck
            | Route::ListPut(_)
            | Route::Lists
            | Route::Match
            | Route::Query
            | Route::Receipts
            | Route::Report(_)
            | Route::Share(_)
            | Route::Types
            | Route::Verify => 13,
            Route::Unknown => 0,
        };
        assert_eq!(listed.len(), words(Route::Verify));
        assert!(!listed.contains("unknown"));
        for (method, path) in licence_routes() {
            assert_eq!(Route::of(&path).method(), Some(method), "{path}");
            assert!(serves(&path));
        }
    }
}
