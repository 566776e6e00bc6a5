//! Entries of unknown outcome, for those who find out what came of them: a list, and what they found.
//!
//! It deliberately sends nothing and changes no entry: a resolution is written beside it.

use crate::domain::licence::time_text;
use crate::edge::clock::Milliseconds;
use crate::edge::ledger::Finding;
use crate::edge::ledger::Ledger;
use crate::edge::ledger::Resolution;
use crate::edge::ledger::mark_of;
use serde::Deserialize;
use serde_json::json;

/// Entries that one list shows.
const LISTED_MAX: usize = 200;
/// Characters of a name.
const WHO_MAX: usize = 40;
/// Characters of a reason.
const WHY_MAX: usize = 400;

/// What a person says of an entry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    entry: i64,
    verdict: Word,
    who: String,
    why: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Done,
    NotDone,
}

/// The entries that wait, as JSON.
///
/// # Errors
/// Why not, in Chinese.
pub(crate) fn list(ledger: &dyn Ledger) -> Result<String, String> {
    let found = ledger.unknown(LISTED_MAX + 1).map_err(|fault| fault.window_text())?;
    let more = found.len() > LISTED_MAX;
    let entries: Vec<_> = found
        .into_iter()
        .take(LISTED_MAX)
        .map(|entry| {
            json!({
                "entry": entry.id,
                "mark": mark_of(&entry.key),
                "caller": entry.caller,
                "key": entry.key,
                "matter": entry.matter,
                "step": entry.step,
                "target": entry.target,
                "money": entry.money,
                "sequence": entry.sequence,
                "openedAt": moment(entry.opened_at),
                // A kill leaves no time of closing and no fault.
                "closedAt": entry.closed_at.map(moment),
                "fault": (entry.fault > 0).then(|| format!("J{:03}", entry.fault)),
            })
        })
        .collect();
    Ok(json!({ "entries": entries, "more": more }).to_string())
}

/// Writes what a person found out.
///
/// # Errors
/// Why not, in Chinese.
pub(crate) fn resolve(ledger: &dyn Ledger, body: &[u8], now: Milliseconds) -> Result<String, String> {
    let form =
        "应为 {\"entry\":编号,\"verdict\":\"done（已办理）或 not_done（未办理）\",\"who\":\"核实人\",\"why\":\"依据\"}";
    let said: Said = serde_json::from_slice(body).map_err(|_| format!("内容不合格式，{form}"))?;
    let (who, why) = (said.who.trim(), said.why.trim());
    let fits = |text: &str, most: usize| !text.is_empty() && text.chars().count() <= most;
    if !fits(who, WHO_MAX) || !fits(why, WHY_MAX) {
        return Err(format!("核实人（至多 {WHO_MAX} 字）和依据（至多 {WHY_MAX} 字）都要写明"));
    }
    let verdict = match said.verdict {
        Word::Done => Finding::Done,
        Word::NotDone => Finding::NotDone,
    };
    let resolution =
        Resolution { entry: said.entry, verdict, who: who.to_owned(), why: why.to_owned(), resolved_at: now };
    if ledger.resolve(resolution).map_err(|fault| fault.window_text())? {
        tracing::warn!(entry = said.entry, ?verdict, "unknown outcome resolved");
        Ok(json!({ "resolved": true, "entry": said.entry }).to_string())
    } else {
        Err(format!("记录 {} 不是结果未知的记录，或已经核实过（核实记录不能改写）", said.entry))
    }
}

fn moment(time: Milliseconds) -> String {
    time_text(time.div_euclid(1000))
}
