//! Whether it may pass: limits, permission, and where it goes.

use super::Arrived;
use super::Exchange;
use super::answer::Story;
use super::identify::Known;
use super::state::State;
use crate::domain::fault::ContentPart;
use crate::domain::fault::Fault;
use crate::domain::format::charset::Charset;
use crate::domain::mapping::Arrival;
use crate::domain::mapping::City;
use crate::domain::mapping::Pair;
use crate::domain::mapping::Service;
use crate::domain::mapping::System;
use crate::edge::limit::Spent;
use crate::edge::limit::Verdict;
use crate::edge::metrics::RateDecision;
use http::Method;
use http::header::CONTENT_ENCODING;
use http::header::CONTENT_TYPE;
use std::sync::atomic::Ordering;

/// A request within its caller's limits that says what it is.
pub(super) struct Heard<'s> {
    pub caller: usize,
    pub digest: [u8; 32],
    pub arrival: Arrival,
    pub system: &'s System,
    /// City of the caller.
    pub home: &'s City,
    pub received_at: i64,
}

impl<'s> Heard<'s> {
    /// The row of `services.csv` that it fits.
    pub(super) fn service(&self) -> &'s Service {
        &self.system.profile.services[self.arrival.service]
    }

    /// The key of its entry in the ledger: one number may be used in several steps of a case, so it is one within its
    /// matter and step.
    pub(super) fn ledger_key(&self) -> String {
        let service = self.service();
        format!("{}/{}/{}", service.matter, service.step, self.arrival.key)
    }
}

/// A request that may go on.
pub(super) struct Admitted<'s> {
    pub caller: usize,
    pub digest: [u8; 32],
    pub arrival: &'s Arrival,
    pub pair: &'s Pair,
    pub from: &'s City,
    /// The handling city.
    pub to: &'s City,
    /// Index of the system that is called.
    pub target: usize,
    pub received_at: i64,
}

impl Admitted<'_> {
    /// As [`Heard::ledger_key`].
    pub(super) fn ledger_key(&self) -> String {
        format!("{}/{}/{}", self.pair.matter.code, self.pair.step, self.arrival.key)
    }
}

impl Exchange {
    /// Hears what a request within its caller's limits says of itself.
    ///
    /// # Errors
    /// Limits, form, unknown matters.
    pub(super) fn hear<'s>(
        &self,
        state: &'s State,
        known: Known,
        arrived: &Arrived,
        body: &[u8],
        story: &mut Story<'_>,
    ) -> Result<Heard<'s>, Fault> {
        let caller = &state.callers[known.caller];
        limit(state, known.caller, body.len(), arrived.received_at, story)?;
        let not_served = || Fault::Internal { reason: "the caller's profile is not in the mapping set" };
        let system = state.program.system(&caller.profile).ok_or_else(not_served)?;
        let home = state.program.city(&caller.city).ok_or_else(not_served)?;
        if arrived.method != Method::POST {
            return Err(Fault::WrongMethod { expected: "POST" });
        }
        check_content(arrived, &system.profile.request.content_type)?;
        check_charset(arrived, system.profile.request.charset)?;
        let mut workspace = self.workspace.take();
        let fields = |name: &str| arrived.headers.get(name).and_then(|value| value.to_str().ok());
        let arrival = state.program.arrive(system, arrived.uri.path(), &fields, body, &mut workspace);
        if matches!(&arrival, Err(Fault::UnknownMatter { .. } | Fault::KeyMissing { .. })) {
            story.numbered(state.program.message_of(system, body, &workspace));
        }
        self.workspace.replace(workspace);
        let mut arrival = arrival?;
        if arrival.key.is_empty() {
            let number = self.sequence.fetch_add(1, Ordering::Relaxed);
            arrival.key = format!("JY{}{number:06}", arrived.received_at);
        }
        let (caller, digest, received_at) = (known.caller, known.digest, arrived.received_at);
        Ok(Heard { caller, digest, arrival, system, home, received_at })
    }
}

/// Admits a request within its caller's permissions.
///
/// # Errors
/// Matters that are not served, missing permission.
pub(super) fn admit<'s: 'a, 'a>(
    state: &'s State,
    heard: &'a Heard<'s>,
    story: &mut Story<'s>,
) -> Result<Admitted<'a>, Fault> {
    let (city, pair) = state.program.route(heard.home, heard.system, &heard.arrival)?;
    story.routed(pair, &city.name);
    if !(state.callers[heard.caller].may)(&pair.matter.code, &city.name) {
        return Err(Fault::NotPermitted { matter: pair.matter.code.to_string() });
    }
    let target = state.target_of(&city.name, &city.title, pair)?;
    Ok(Admitted {
        caller: heard.caller,
        digest: heard.digest,
        arrival: &heard.arrival,
        pair,
        from: heard.home,
        to: city,
        target,
        received_at: heard.received_at,
    })
}

/// Asks the caller's limits.
///
/// # Errors
/// [`Fault::RateLimited`] and [`Fault::DailyCountReached`].
pub(super) fn limit(
    state: &State,
    caller: usize,
    body_bytes: usize,
    now: i64,
    story: &mut Story<'_>,
) -> Result<(), Fault> {
    let caller = &state.callers[caller];
    let verdict = caller.limiter.check(body_bytes, now);
    story.limited(&caller.limiter, &verdict);
    match verdict {
        Verdict::Admitted { .. } => {
            caller.metrics.rate_decided(RateDecision::Allowed);
            Ok(())
        }
        Verdict::Refused { retry_after_seconds, spent } => {
            let (decision, fault) = match spent {
                Spent::Bytes => (RateDecision::BytesPerSecond, Fault::RateLimited { retry_after_seconds }),
                Spent::Day => (RateDecision::PerDay, Fault::DailyCountReached { retry_after_seconds }),
                Spent::Requests => (RateDecision::PerSecond, Fault::RateLimited { retry_after_seconds }),
            };
            caller.metrics.rate_decided(decision);
            Err(fault)
        }
    }
}

/// A body comes as it is, in the profile's media type and charset; a request that says nothing is taken at its word.
fn check_content(arrived: &Arrived, declared: &str) -> Result<(), Fault> {
    let wrong = |part, expected| Err(Fault::WrongContentType { part, expected });
    let is_plain = |coding: &http::HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    if arrived.headers.get(CONTENT_ENCODING).is_some_and(|coding| !is_plain(coding)) {
        return wrong(ContentPart::Coding, "identity");
    }
    let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some(found) = arrived.headers.get(CONTENT_TYPE) else { return Ok(()) };
    let whole = found.to_str().unwrap_or_default();
    let (found, wanted) = (essence(whole), essence(declared));
    let known: &[&'static str] =
        &["application/json", "application/x-www-form-urlencoded", "application/xml", "text/xml"];
    let expected = known.iter().find(|known| **known == wanted).copied().unwrap_or("系统档案中的内容类型");
    // Both names of XML are in use for the same thing.
    let xml = |text: &str| matches!(text, "text/xml" | "application/xml" | "application/soap+xml");
    if found != wanted && !(xml(&found) && xml(&wanted)) {
        return wrong(ContentPart::Type, expected);
    }
    Ok(())
}

/// The value of a parameter of a content type, if it is the charset.
fn charset(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
}

/// The charset that a request says it is in, where it says so, is the profile's. GBK and its larger successor GB18030
/// are often named for one another.
fn check_charset(arrived: &Arrived, agreed: Charset) -> Result<(), Fault> {
    let found = arrived.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(named) = found.split(';').skip(1).find_map(charset) else { return Ok(()) };
    let names: &[&str] = if agreed.is_utf8() {
        &["utf-8", "utf8", "us-ascii"]
    } else {
        &["gb2312", "gbk", "gb18030", "gb18030-2022", "cp936", "us-ascii"]
    };
    if names.iter().any(|name| named.eq_ignore_ascii_case(name)) {
        Ok(())
    } else {
        Err(Fault::WrongContentType { part: ContentPart::Charset, expected: agreed.name() })
    }
}
