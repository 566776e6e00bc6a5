//! Into the other side's words, and back.

use super::Exchange;
use super::admit::Admitted;
use super::licences::Handed;
use super::state::State;
use crate::domain::fault::Fault;
use crate::domain::mapping::Context;
use crate::domain::mapping::Kept;
use crate::domain::mapping::Translated;
use crate::edge::upstream::Reply;
use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A message ready to leave, and what its answer will need.
pub(super) struct Outward {
    pub body: Bytes,
    /// SM3 of the body.
    pub digest: [u8; 32],
    pub content_type: Arc<str>,
    pub kept: Kept,
    pub sequence: u64,
    pub message_id: String,
    pub losses: u32,
}

/// An answer in the caller's words.
pub(super) struct Homeward {
    pub body: Bytes,
    pub content_type: Arc<str>,
    /// SM3 of what came.
    pub reply_digest: [u8; 32],
}

impl Exchange {
    /// Translates the request.
    ///
    /// # Errors
    /// All field faults together.
    pub(super) async fn translate_outward(
        &self,
        state: &State,
        admitted: &Admitted<'_>,
        body: &[u8],
        handed: &Handed,
    ) -> Result<Outward, Fault> {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let message_id = if admitted.arrival.message.is_some() {
            String::new()
        } else {
            format!("JY{}{sequence:06}", admitted.received_at)
        };
        let mut workspace = self.workspace.take();
        let translated = self.with_context(state, admitted, sequence, &message_id, None, |context| {
            let context = Context { licences: handed.facts(), ..*context };
            admitted.pair.request.translate(body, &context, &mut workspace)
        });
        self.workspace.replace(workspace);
        let Translated { bytes, content_type, kept, losses, dropped } = translated?;
        self.undeclared(state, &admitted.pair.from, dropped);
        let body = Bytes::from(bytes);
        let digest = self.digests.of(&body).await;
        Ok(Outward { body, digest, content_type, kept, sequence, message_id, losses })
    }

    /// Translates the answer.
    ///
    /// # Errors
    /// What the other side's own error means ([`Fault::refusal`]); the other faults of the 500 range where its answer is no use.
    pub(super) async fn translate_homeward(
        &self,
        state: &State,
        admitted: &Admitted<'_>,
        outward: &Outward,
        reply: Reply,
    ) -> Result<Homeward, Fault> {
        if let Some(reason) = encoded(&reply) {
            return Err(Fault::AnswerUnreadable { reason });
        }
        let mut workspace = self.workspace.take();
        let translated =
            self.with_context(state, admitted, outward.sequence, &outward.message_id, Some(&outward.kept), |context| {
                admitted.pair.answer.translate(&reply.body, context, &mut workspace)
            });
        self.workspace.replace(workspace);
        let success = reply.status.is_success();
        match translated {
            Ok(translated) if success => {
                self.undeclared(state, &admitted.pair.to, translated.dropped);
                let reply_digest = self.digests.of(&reply.body).await;
                Ok(Homeward { body: translated.bytes.into(), content_type: translated.content_type, reply_digest })
            }
            // A side that says no in its own words is believed whatever its HTTP status is.
            Err(fault) if fault.refusal().is_some() => Err(fault),
            _ if !success => Err(Fault::AnswerStatus { status: reply.status.as_u16() }),
            Err(Fault::Fields { faults, more }) => Err(Fault::AnswerWrong { faults, more }),
            Err(Fault::Internal { reason } | Fault::AnswerUnreadable { reason } | Fault::Malformed { reason, .. }) => {
                Err(Fault::AnswerUnreadable { reason })
            }
            Err(other) => Err(Fault::AnswerUnreadable { reason: other.entry().name }),
            Ok(_) => Err(Fault::AnswerUnreadable { reason: "answer is not in the agreed form" }),
        }
    }

    /// Counts members that a message had and its profile does not declare.
    fn undeclared(&self, state: &State, profile: &str, dropped: u32) {
        if let Some(metrics) = state.profile_metrics(profile).filter(|_| dropped > 0) {
            metrics.fields_dropped(u64::from(dropped));
            self.drift.undeclared(profile, u64::from(dropped), self.clock.now());
        }
    }

    pub(super) fn with_context<T>(
        &self,
        state: &State,
        admitted: &Admitted<'_>,
        sequence: u64,
        message_id: &str,
        kept: Option<&Kept>,
        act: impl FnOnce(&Context<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        act(&Context {
            now: self.clock.now(),
            sequence,
            message_id,
            message: admitted.arrival.message.as_deref(),
            from: admitted.from,
            to: admitted.to,
            settings: &state.targets[admitted.target].settings,
            case: None,
            kept,
            licences: None,
            fault: None,
        })
    }
}

/// Why an answer's body cannot be looked at: it is packed, which nobody asked for.
fn encoded(reply: &Reply) -> Option<&'static str> {
    let coding = reply.headers.get(CONTENT_ENCODING)?;
    (!coding.as_bytes().eq_ignore_ascii_case(b"identity")).then_some("answer has a content encoding")
}
