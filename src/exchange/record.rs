//! The ledger's line before anything leaves, and its line after.

use super::Answer;
use super::Exchange;
use super::admit::Admitted;
use super::admit::Heard;
use super::answer;
use super::state::State;
use super::translate::Homeward;
use super::translate::Outward;
use crate::domain::fault::Fault;
use crate::domain::mapping::Matter;
use crate::domain::masked::Masked;
use crate::edge::ledger::ClosingEntry;
use crate::edge::ledger::Opened;
use crate::edge::ledger::Opening;
use crate::edge::ledger::OpeningEntry;
use crate::edge::ledger::Outcome;
use crate::edge::ledger::Question;
use crate::edge::ledger::StoredAnswer;
use std::sync::Arc;

/// What was written down, and what the caller gets.
pub(super) struct Recorded {
    pub answer: Answer,
    pub fault: Option<Fault>,
}

impl Exchange {
    /// Opens the entry; when this gives [`Opening::New`] it is durable.
    ///
    /// # Errors
    /// [`Fault::LedgerUnavailable`]: nothing leaves then.
    pub(super) async fn record_open(
        &self,
        state: &State,
        admitted: &Admitted<'_>,
        outward: &Outward,
    ) -> Result<Opening, Fault> {
        let matter = &admitted.pair.matter;
        let entry = OpeningEntry {
            caller: Arc::clone(&state.callers[admitted.caller].name),
            key: admitted.ledger_key(),
            request_digest: admitted.digest,
            outbound_digest: outward.digest,
            matter: Arc::clone(&matter.code),
            step: Arc::clone(&admitted.pair.step),
            target: Arc::clone(&state.targets[admitted.target].name),
            money: matter.money,
            repeatable: is_repeatable(matter),
            mapping_version: Arc::clone(state.program.version()),
            sequence: outward.sequence,
            opened_at: self.clock.now(),
        };
        let began = self.clock.monotonic();
        let opening = self.ledger.open(entry).await;
        match &opening {
            Ok(Opening::New(_)) => self.metrics.ledger_written(1, self.clock.monotonic().saturating_sub(began)),
            // A look only.
            Ok(_) => {}
            Err(fault) => self.write_failed(fault),
        }
        opening
    }

    fn write_failed(&self, fault: &Fault) {
        match self.ledger.failure() {
            Some(reason) => self.metrics.ledger_write_failed(1, &reason),
            None => self.metrics.ledger_write_failed(1, fault),
        }
    }

    /// The end of a request that cannot go on: what the ledger says of an earlier one with its key, or else `fault`.
    ///
    /// # Errors
    /// The ledger's word, or `fault`.
    pub(super) async fn told_before(&self, state: &State, heard: &Heard<'_>, fault: Fault) -> Result<Answer, Fault> {
        // Who may not ask for a matter gets no answer of it either.
        if matches!(fault, Fault::NotPermitted { .. }) {
            return Err(fault);
        }
        let matter = state.program.catalogue().matters.get(&heard.service().matter);
        let question = Question {
            caller: Arc::clone(&state.callers[heard.caller].name),
            key: heard.ledger_key(),
            request_digest: heard.digest,
            repeatable: matter.is_some_and(is_repeatable),
        };
        self.ledger.look(question).await?.map_or(Err(fault), answer::of_earlier)
    }

    /// Closes the entry with what came of it. The caller gets its answer even if this cannot be written: the entry
    /// stays open then, is shown as unknown, and nothing is sent a second time.
    pub(super) async fn record_close(
        &self,
        state: &State,
        admitted: &Admitted<'_>,
        opened: Opened,
        homeward: Result<Homeward, Fault>,
    ) -> Recorded {
        let (answer, content_type, fault, reply_digest) = match homeward {
            Ok(Homeward { body, content_type, reply_digest }) => {
                (answer::translated(body, &content_type), content_type, None, Some(reply_digest))
            }
            Err(fault) => {
                let operation = &admitted.pair.from_service.operation;
                let answer = self.tell(state, Some(admitted), &admitted.pair.from, Some(operation), &fault);
                let content_type = answer::content_type(&answer).into();
                (answer, content_type, Some(fault), None)
            }
        };
        let entry = ClosingEntry {
            outcome: fault.as_ref().map_or(Outcome::Answered, outcome),
            fault: fault.as_ref().map_or(0, |fault| fault.entry().number),
            reply_digest,
            answer: StoredAnswer {
                status: answer.status.as_u16(),
                content_type,
                body: Masked::new(answer.body.clone()),
            },
            closed_at: self.clock.now(),
        };
        let began = self.clock.monotonic();
        match self.ledger.close(opened, entry).await {
            Ok(()) => self.metrics.ledger_written(1, self.clock.monotonic().saturating_sub(began)),
            Err(fault) => self.write_failed(&fault),
        }
        Recorded { answer, fault }
    }
}

/// True where a second execution changes nothing.
pub(super) const fn is_repeatable(matter: &Matter) -> bool {
    matter.idempotent && !matter.money
}

/// What is told of a fault after the opening entry: a query without answer is simply asked again.
pub(super) fn told_of(fault: Fault, matter: &Matter) -> Fault {
    if is_repeatable(matter) && outcome(&fault) == Outcome::Unknown {
        Fault::AskAgain { cause: Box::new(fault) }
    } else {
        fault
    }
}

/// What a fault after the opening entry says of the other side.
fn outcome(fault: &Fault) -> Outcome {
    match fault {
        Fault::NotDelivered { .. } | Fault::BreakerOpen { .. } | Fault::NotTaken(_) => Outcome::NotDelivered,
        Fault::Refused(_) | Fault::AlreadyThere(_) => Outcome::Answered,
        // An answer that cannot be read, or an error that does not say what was done, may hide a yes.
        _ => Outcome::Unknown,
    }
}
