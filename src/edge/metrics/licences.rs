//! What happens to licences. Labels are words and codes of fixed lists; no licence, holder or case is among them.

use crate::edge::clock::Milliseconds;
use crate::edge::metrics::Metrics;
use crate::edge::metrics::labels::UNKNOWN;
use std::time::Duration;

impl Metrics {
    /// A licence call was answered with `code`, `OK` among them.
    pub fn licence_called(&self, call: &str, code: &str, elapsed: Duration) {
        self.families.licence_calls.with_label_values(&[call, code]).inc();
        self.families.licence_duration.with(&[call]).observe(elapsed);
        tracing::debug!(call, code, elapsed_us = elapsed.as_micros(), "licence call");
    }

    /// A licence was judged; `code` is the weightiest that did not pass.
    pub fn licence_judged(&self, decision: &str, code: &str) {
        self.families.licence_verdicts.with_label_values(&[decision, code]).inc();
    }

    /// The licence that was judged is of a type of the catalogue, by its name, and of a province, by its code as in
    /// `430000`; none for what is in no list, so that no licence makes a label of its own.
    pub fn licence_kind_judged(&self, province: Option<&str>, kind: Option<&str>, decision: &str) {
        let labels = [province.unwrap_or(UNKNOWN), kind.unwrap_or(UNKNOWN), decision];
        self.families.licence_kinds.with_label_values(&labels).inc();
    }

    /// A call was refused by the limit of a caller, an operator or a holder.
    pub fn licence_limited(&self, subject: &str) {
        self.families.licence_limited.with_label_values(&[subject]).inc();
        tracing::info!(subject, "licence call over its limit");
    }

    /// The store was looked at (before each scrape).
    pub fn licence_counted(&self, healthy: bool, receipts_waiting: i64) {
        self.families.licence_store.with_label_values::<&str>(&[]).set(i64::from(healthy));
        self.families.licence_receipts.with_label_values::<&str>(&[]).set(receipts_waiting);
    }

    /// The trust was looked at (before each scrape): next updates of the trust lists by province, times of issue of the
    /// revocation lists by issuer, all in seconds since 1970.
    pub fn licence_trust_counted(&self, lists: &[(&str, i64)], revocations: &[(&str, i64)], now: Milliseconds) {
        let now = now.div_euclid(1_000);
        let _whole = self.families.whole();
        self.families.licence_list_left.reset();
        for (province, next_update) in lists {
            self.families.licence_list_left.with_label_values(&[*province]).set(next_update.saturating_sub(now));
        }
        self.families.licence_crl_age.reset();
        for (issuer, issued) in revocations {
            self.families.licence_crl_age.with_label_values(&[*issuer]).set(now.saturating_sub(*issued));
        }
    }

    /// The chain of receipts does not hold at number `sequence`.
    pub fn licence_chain_broken(&self, sequence: i64) {
        self.families.licence_chain.with_label_values::<&str>(&[]).inc();
        tracing::error!(sequence, "the chain of usage receipts is broken");
    }
}
