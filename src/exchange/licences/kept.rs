//! What was kept: a caller's reports, and the usage receipts for the issuing side (用证回流).

use super::Called;
use super::refusal::Kind;
use super::refusal::Refusal;
use crate::domain::sm;
use crate::edge::licences::Receipt;
use serde_json::Value;
use serde_json::json;

/// Receipts of one answer.
const PAGE: usize = 500;

impl Called<'_> {
    /// `GET /v1/licences/reports/{id}`: only for the caller who had it made.
    pub(super) async fn report(&self, id: &str) -> Result<Value, Refusal> {
        let text = self.desk.store.report(id.to_owned(), self.caller.to_owned()).await?;
        let text = text.ok_or_else(|| Refusal::with(Kind::NotFound, "没有这份核验报告"))?;
        serde_json::from_str(&text).map_err(|_| Kind::Store.into())
    }

    /// `GET /v1/licences/receipts?since=`: in their order, with a check of their chain. `since` is the number of the last
    /// receipt that the reader has, so that what is behind it counts as not yet taken.
    pub(super) async fn receipts(&self, query: &str) -> Result<Value, Refusal> {
        if !self.access.receipts {
            return Err(Refusal::with(Kind::Matter, "没有为本系统开通用证回流"));
        }
        let since = match query.split('&').find_map(|part| part.strip_prefix("since=")) {
            None => 0,
            Some(text) => text
                .parse::<i64>()
                .ok()
                .filter(|since| *since >= 0)
                .ok_or_else(|| Refusal::field("since", "应为不小于 0 的整数"))?,
        };
        let page = self.desk.store.receipts(since, PAGE).await?;
        if let Some(sequence) = page.broken_at {
            self.metrics.licence_chain_broken(sequence);
        }
        let next = page.receipts.last().map_or(since.max(page.anchor.sequence), |receipt| receipt.sequence);
        Ok(json!({
            "receipts": page.receipts.iter().map(told).collect::<Vec<_>>(),
            "next": next,
            "last": page.last,
            "chain": { "intact": page.broken_at.is_none(), "brokenAt": page.broken_at },
            "anchor": { "sequence": page.anchor.sequence, "digest": sm::hex(&page.anchor.digest) },
        }))
    }
}

fn told(receipt: &Receipt) -> Value {
    let Receipt { sequence, entry, previous, digest } = receipt;
    let hex = |digest: &[u8; 32]| sm::hex(digest);
    json!({
        "sequence": sequence,
        "receipt": entry.id,
        "time": entry.at,
        "caller": entry.caller,
        "operatorHmac": hex(&entry.operator),
        "window": entry.window,
        "matter": entry.matter,
        "caseNo": entry.case_number,
        "ground": entry.ground,
        "identifierHmac": entry.licence.as_ref().map(hex),
        "ZZLXDM": entry.kind,
        "holderHmac": entry.holder.as_ref().map(hex),
        "call": entry.call,
        "decision": entry.decision,
        "reportSm3": entry.report.as_ref().map(hex),
        "previous": hex(previous),
        "digest": hex(digest),
    })
}
