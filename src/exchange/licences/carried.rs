//! The licences that the message of an exchange carries by their identifiers: fetched, verified, and handed on in the
//! other side's words.
//!
//! ```text
//!  carries → earlier entry? → may translate? → rates → each: find, fetch, judge, receipt → equivalence → facts
//! ```
//!
//! Only what the policy releases for the matter is handed on, and only of licences that are accepted. Anything else
//! stops the exchange before it leaves a trace at the other side; all licences are told of at once.

use super::Called;
use super::asked::Common;
use super::refusal::Kind;
use super::refusal::Refusal;
use super::sides::Sides;
use super::uses::kind_of_fault;
use super::verify::Asked;
use crate::domain::fault::Fault;
use crate::domain::fault::FieldFault;
use crate::domain::fault::FieldFaultKind;
use crate::domain::licence::Decision;
use crate::domain::licence::Detail;
use crate::domain::licence::Expect;
use crate::domain::licence::Report;
use crate::domain::mapping::Carried;
use crate::domain::mapping::Carries;
use crate::domain::mapping::LicenceFacts;
use crate::domain::masked::Masked;
use crate::domain::recognition::Facts;
use crate::domain::recognition::NATIONAL;
use crate::domain::recognition::NoCounterpart;
use crate::domain::recognition::Side;
use crate::edge::ledger::Question;
use crate::edge::licences::Conclusion;
use crate::edge::licences::Found;
use crate::edge::licences::Licences;
use crate::edge::licences::Wanted;
use crate::edge::metrics::Stage;
use crate::exchange::Exchange;
use crate::exchange::admit::Admitted;
use crate::exchange::answer::Story;
use crate::exchange::record::is_repeatable;
use crate::exchange::state::State;
use futures_util::future::join_all;
use std::cell::RefCell;
use std::sync::Arc;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio::time::timeout_at;

/// The word of these uses in receipts and metrics.
const CALL: &str = "exchange";
/// Names that are told of every licence, whatever the policy says, and the state, which must have a counterpart.
const ALWAYS: [&str; 4] = ["ZZBS", "ZZLXDM", "ZZBFJGDM", "ZZZT"];
/// Marks between the codes of several holders.
const SEPARATORS: [char; 7] = [',', '，', '、', ';', '；', ' ', '|'];
/// What ends an exchange whose earlier entry was given up between the look and the opening.
pub(in crate::exchange) const GONE: Fault = Fault::NotDelivered { reason: "an earlier request with the key ended" };

/// What an exchange takes along from its licences.
#[derive(Debug)]
pub(in crate::exchange) enum Handed {
    /// The matter asks for none, or the message carries none.
    Nothing,
    Facts(LicenceFacts),
    /// The ledger knows the request: what comes of it is the ledger's word, and nothing is fetched or sent again.
    Known,
}

impl Handed {
    pub(in crate::exchange) const fn facts(&self) -> Option<&LicenceFacts> {
        match self {
            Self::Facts(facts) => Some(facts),
            Self::Nothing | Self::Known => None,
        }
    }
}

/// What came of one licence: what it says, or why it is no use.
type Outcomes = Result<Vec<(String, String)>, FieldFaultKind>;

impl Exchange {
    /// Fetches and verifies the licences of an admitted message, where its matter asks for what they say.
    ///
    /// # Errors
    /// [`Fault::LicencesRefused`] with all that cannot be used, [`Fault::LicencesUnavailable`] where none of them was
    /// found wrong; the faults of the message itself first, since a licence is not used for what cannot be sent.
    pub(in crate::exchange) async fn licences_of(
        &self,
        state: &State,
        admitted: &Admitted<'_>,
        body: &[u8],
        story: &mut Story<'_>,
    ) -> Result<Handed, Fault> {
        match state.licences.as_ref().filter(|_| admitted.pair.request.asks_licences()) {
            // Boxed: most exchanges ask for none, and need not make room for it.
            Some(desk) => Box::pin(self.licences_from(desk, state, admitted, body, story)).await,
            None => Ok(Handed::Nothing),
        }
    }

    async fn licences_from(
        &self,
        desk: &Arc<Licences>,
        state: &State,
        admitted: &Admitted<'_>,
        body: &[u8],
        story: &mut Story<'_>,
    ) -> Result<Handed, Fault> {
        let deadline = Instant::now() + state.targets[admitted.target].deadline;
        let mut workspace = self.workspace.take();
        let carries = self.with_context(state, admitted, 0, "", None, |context| {
            let carries = admitted.pair.request.carries(body, context, &mut workspace)?;
            if !carries.licences.is_empty() {
                admitted.pair.request.translate(body, context, &mut workspace)?;
            }
            Ok(carries)
        });
        self.workspace.replace(workspace);
        let carries = carries?;
        if carries.licences.is_empty() {
            return Ok(Handed::Nothing);
        }
        if self.is_known(state, admitted).await? {
            return Ok(Handed::Known);
        }
        let matter = &admitted.pair.matter.code;
        let caller = &state.callers[admitted.caller];
        let access = caller.licences.as_ref().filter(|access| (access.may)(matter));
        let access = access.ok_or_else(|| Fault::LicenceUseNotPermitted { matter: matter.to_string() })?;
        let now = self.clock.now();
        let request_id = RefCell::new(None);
        let called = Called {
            desk,
            metrics: &self.metrics,
            caller: &caller.name,
            access,
            now,
            sides: Sides::of(state, &admitted.to.name),
            request_id: &request_id,
        };
        let common = common(admitted, &carries, &caller.name);
        called.may_use(&common).map_err(|refusal| fault_of(&refusal))?;
        let began = self.clock.monotonic();
        let outcomes =
            join_all(carries.licences.iter().map(|one| called.carried(one, &carries, &common, deadline))).await;
        let outcomes: Result<Vec<Outcomes>, Fault> = outcomes.into_iter().collect();
        let gathered = outcomes.and_then(|outcomes| gather(&carries.licences, outcomes));
        let word = gathered.as_ref().map_or_else(|fault| fault.entry().name, |_| "OK");
        self.metrics.licence_called(CALL, word, self.clock.monotonic().saturating_sub(began));
        story.passed(Stage::Licences);
        gathered.map(Handed::Facts)
    }

    /// True where an earlier request with the key has an answer, is under way, or has an unknown outcome.
    async fn is_known(&self, state: &State, admitted: &Admitted<'_>) -> Result<bool, Fault> {
        let question = Question {
            caller: Arc::clone(&state.callers[admitted.caller].name),
            key: admitted.ledger_key(),
            request_digest: admitted.digest,
            repeatable: is_repeatable(&admitted.pair.matter),
        };
        Ok(self.ledger.look(question).await?.is_some())
    }
}

/// The use as receipts name it: what the message says of case, window and clerk, as far as a receipt may hold it.
fn common(admitted: &Admitted<'_>, carries: &Carries, caller: &str) -> Common {
    let may_keep = |text: &Option<String>| text.clone().filter(|text| super::fields::is_code(text));
    Common {
        request_id: None,
        matter: admitted.pair.matter.code.to_string(),
        case_number: may_keep(&carries.case)
            .or_else(|| may_keep(&Some(admitted.arrival.key.clone())))
            .unwrap_or_else(|| "-".to_owned()),
        window: may_keep(&carries.window).unwrap_or_else(|| caller.to_owned()),
        operator: carries.operator.clone().unwrap_or_else(|| Masked::new(caller.to_owned())),
        ground: if carries.entrusted { "entrust" } else { "consent" },
    }
}

impl Called<'_> {
    /// One licence from its source to the other side's words. Whatever comes of it leaves a receipt.
    async fn carried(
        &self,
        one: &Carried,
        carries: &Carries,
        common: &Common,
        deadline: Instant,
    ) -> Result<Outcomes, Fault> {
        let fetched = match timeout_at(deadline, self.fetched_file(one, &common.matter)).await {
            Ok(fetched) => fetched,
            Err(_) => Err(Kind::SourceTimeout.into()),
        };
        let (file, found) = match fetched {
            Ok(fetched) => fetched,
            Err(refusal) => {
                let (word, kind) = match refusal.kind {
                    Kind::NotFound => (Kind::NotFound.code(), FieldFaultKind::LicenceUnknown),
                    Kind::Ambiguous => {
                        let reasons = vec![(Kind::Ambiguous.code(), "来源有不止一个这样的证照")];
                        (Kind::Ambiguous.code(), FieldFaultKind::LicenceInDoubt { reasons })
                    }
                    Kind::SourceTimeout => {
                        ("UNAVAILABLE", FieldFaultKind::LicenceUnavailable { reason: "来源没有及时答复" })
                    }
                    Kind::BadAnswer => {
                        ("UNAVAILABLE", FieldFaultKind::LicenceUnavailable { reason: "来源给出的内容不能用" })
                    }
                    Kind::NotProvided => {
                        ("UNAVAILABLE", FieldFaultKind::LicenceUnavailable { reason: "没有接入证照来源" })
                    }
                    _ => return Err(fault_of(&refusal)),
                };
                self.leave(common, &one.identifier, word).await?;
                return Ok(Err(kind));
            }
        };
        let asked = Asked {
            common: common.clone(),
            file,
            expect: Expect {
                kind: one.kind.clone(),
                holder: expected_holder(carries, &found.holder),
                holder_kind: None,
            },
            at: None,
            live: "preferred",
            level: Detail::Simple,
            code: None,
            purpose: "use",
            word: found.live.clone(),
        };
        let report = match timeout_at(deadline, self.judged_whole(asked, CALL)).await {
            Ok(Ok((_, report))) => report,
            Ok(Err(refusal)) => return Err(fault_of(&refusal)),
            Err(_) => {
                self.leave(common, &one.identifier, "UNAVAILABLE").await?;
                return Ok(Err(FieldFaultKind::LicenceUnavailable { reason: "来源没有及时答复" }));
            }
        };
        let is_asked_for = report.facts().identifier() == Some(one.identifier.as_str());
        // Then nothing can be said about any licence, which is no word about this one.
        if report.decision == Decision::Reject && report.codes().contains(&"POLICY.LIST_EXPIRED") {
            return Ok(Err(FieldFaultKind::LicenceUnavailable {
                reason: "信任清单已过期，请联系网关运维"
            }));
        }
        Ok(match report.decision {
            Decision::Accept if !is_asked_for => Err(FieldFaultKind::LicenceRejected {
                reasons: vec![(Kind::BadAnswer.code(), "取来的不是这一标识的证照")],
            }),
            Decision::Accept => self.handed(&report),
            Decision::Review => Err(FieldFaultKind::LicenceInDoubt { reasons: report.weighty() }),
            Decision::Reject => Err(FieldFaultKind::LicenceRejected { reasons: report.weighty() }),
        })
    }

    /// The file of a licence, and what its source says of it; no turn is held while it is waited for.
    async fn fetched_file(&self, one: &Carried, matter: &str) -> Result<(Vec<u8>, Arc<Found>), Refusal> {
        let source = self.source()?;
        let cause = self.desk.policy.matter(matter).map_or(matter, |rule| rule.name.as_str()).to_owned();
        let wanted = Wanted {
            identifier: Some(one.identifier.clone()),
            cause: Some(cause),
            even_rejected: true,
            ..Wanted::default()
        };
        let fetched = spawn_blocking(move || -> Result<(Vec<u8>, Arc<Found>), Refusal> {
            let mut found = source.find(&wanted).map_err(kind_of_fault)?;
            match (found.pop(), found.is_empty()) {
                (None, _) => Err(Kind::NotFound.into()),
                (Some(_), false) => Err(Kind::Ambiguous.into()),
                (Some(found), true) => {
                    let file = source.fetch(&found).map_err(kind_of_fault)?;
                    Ok((file, found))
                }
            }
        });
        let (file, found) = fetched.await.map_err(|_| Refusal::from(Kind::Internal))??;
        if !found.holder.is_empty() {
            self.count_holder(&found.holder)?;
        }
        Ok((file, found))
    }

    /// A receipt of a licence that was asked for and not judged.
    async fn leave(&self, common: &Common, identifier: &str, decision: &str) -> Result<(), Fault> {
        let receipt = self.receipt(common, CALL, decision).map(|mut receipt| {
            receipt.licence = Some(self.desk.pseudonym("licence", identifier));
            receipt
        });
        let receipt = receipt.map_err(|refusal| fault_of(&refusal))?;
        let conclusion = Conclusion { receipt, report: None, proof: None, spent: None, minted: None };
        self.conclude(conclusion).await.map_err(|refusal| fault_of(&refusal))
    }

    /// What the other side gets of an accepted licence, by its names of GB/T 36903.
    fn handed(&self, report: &Report) -> Outcomes {
        let unequal = |fault: NoCounterpart| FieldFaultKind::LicenceUnequal {
            table: fault.table.title(),
            value: fault.value,
            from: fault.from,
            to: fault.to,
        };
        let facts = report.facts();
        let authority = facts.authority().unwrap_or_default();
        let recognition = &self.desk.recognition;
        let day = self.today();
        let (Some(from), Some(to), Some(day)) = (self.sides.issuing(authority), self.sides.receiver(), day) else {
            return Err(FieldFaultKind::LicenceUnequal {
                table: "颁发机构",
                value: authority.chars().take(18).collect(),
                from: "—".to_owned(),
                to: self.sides.receiver().unwrap_or("—").to_owned(),
            });
        };
        let is_handed = |name: &str| ALWAYS.contains(&name) || report.released().contains_key(name);
        let told = facts.iter().filter(|(name, _)| is_handed(name));
        let told = told.flat_map(|(name, values)| values.iter().map(move |value| (name.to_owned(), value.clone())));
        let national = Side { province: from, dialect: NATIONAL };
        let translated = recognition.translate(&Facts(told.collect()), national, Side::own(to), day);
        let translated = translated.map_err(|faults| {
            let bare = FieldFaultKind::LicenceUnavailable { reason: "不能译出" };
            faults.into_iter().next().map_or(bare, unequal)
        })?;
        let dialect = recognition.dialect(to);
        let national_name = |own: &str| dialect.and_then(|dialect| dialect.national_name(own)).map(str::to_owned);
        let told = translated.facts.0.into_iter();
        let mut handed: Vec<(String, String)> =
            told.filter_map(|(own, value)| Some((national_name(&own)?, value))).collect();
        // The state is looked at so that one without counterpart stops here; it is told where it is released.
        handed.retain(|(name, _)| name != "ZZZT" || report.released().contains_key(name));
        Ok(handed)
    }
}

/// The number in the message that holds the licence; the applicant's where none does, so that the report says so.
fn expected_holder(carries: &Carries, holder: &str) -> Option<Masked<String>> {
    let holds = |number: &&Masked<String>| {
        holder.split(SEPARATORS).any(|code| code.trim().eq_ignore_ascii_case(number.reveal()))
    };
    carries.holders.iter().find(holds).or_else(|| carries.holders.first()).cloned()
}

/// All facts, or all faults. What is wrong is told before what could not be had.
fn gather(licences: &[Carried], outcomes: Vec<Outcomes>) -> Result<LicenceFacts, Fault> {
    let mut facts = LicenceFacts::default();
    let mut faults = Vec::new();
    for (one, outcome) in licences.iter().zip(outcomes) {
        match outcome {
            Ok(handed) => handed.iter().for_each(|(name, value)| facts.add(&one.identifier, name, value)),
            Err(what) => faults.push(FieldFault { path: one.path.clone(), title: one.title.clone(), what }),
        }
    }
    if faults.is_empty() {
        return Ok(facts);
    }
    let is_missing = |fault: &FieldFault| matches!(fault.what, FieldFaultKind::LicenceUnavailable { .. });
    if faults.iter().all(is_missing) {
        Err(Fault::LicencesUnavailable { faults, more: 0 })
    } else {
        faults.sort_by_key(is_missing);
        Err(Fault::LicencesRefused { faults, more: 0 })
    }
}

/// A refusal of the licence desk as the fault of an exchange.
fn fault_of(refusal: &Refusal) -> Fault {
    match refusal.kind {
        Kind::Limited => Fault::RateLimited { retry_after_seconds: refusal.retry_after.unwrap_or(1) },
        Kind::Busy => Fault::Overloaded,
        Kind::Store => Fault::LedgerUnavailable,
        _ => Fault::Internal { reason: "the licence desk failed" },
    }
}
