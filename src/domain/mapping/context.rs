//! What a translation knows beside the message: the call, and what the answer keeps of the request.

use super::catalogue::City;
use crate::domain::fault::Fault;
use crate::domain::value::DateTime;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The call that a message belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Milliseconds since the epoch.
    pub now: i64,
    /// Running number of the exchange.
    pub sequence: u64,
    /// A message number that the gateway made, for sides that want one and got none.
    pub message_id: &'a str,
    /// The message number of the request, if it had one.
    pub message: Option<&'a str>,
    /// The calling and the handling city.
    pub from: &'a City,
    pub to: &'a City,
    /// The settings of the system that is called.
    pub settings: &'a BTreeMap<String, String>,
    /// Canonical values of the case that the message belongs to, where it is one of several of a long case.
    pub case: Option<&'a BTreeMap<String, String>>,
    /// Values of the request, for answers.
    pub kept: Option<&'a Kept>,
    /// What the licences say that the message carries; none where nobody looked.
    pub licences: Option<&'a LicenceFacts>,
    /// The fault to be told, for fault messages.
    pub fault: Option<&'a FaultWords>,
}

/// What verified licences say, in the words of the side that is written to: by the licence's identifier, then by the name
/// of GB/T 36903. It holds personal data, so `Debug` shows only how many licences there are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LicenceFacts(BTreeMap<String, BTreeMap<String, String>>);

impl std::fmt::Debug for LicenceFacts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "LicenceFacts({})", self.0.len())
    }
}

impl LicenceFacts {
    /// Adds what the licence with `identifier` says under `name`; several values of a name are one text with commas.
    pub fn add(&mut self, identifier: &str, name: &str, value: &str) {
        let text = self.0.entry(identifier.to_owned()).or_default().entry(name.to_owned()).or_default();
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(value);
    }

    /// What a licence says under a name.
    pub fn get(&self, identifier: &str, name: &str) -> Option<&str> {
        self.0.get(identifier)?.get(name).map(String::as_str)
    }
}

impl Context<'_> {
    /// The local moment.
    pub fn moment(&self) -> Option<DateTime> {
        DateTime::from_epoch_milliseconds(self.now)
    }
}

/// Canonical values of a request that its answer needs. It may hold personal data, so `Debug` shows only how many.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Kept {
    bytes: Vec<u8>,
    spans: Vec<Option<(u32, u32)>>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Kept({})", self.spans.len())
    }
}

/// Bytes for which there is room beforehand, for each value: numbers of cases and persons have about twenty.
const KEPT_BYTES: usize = 24;

impl Kept {
    /// Nothing yet, with room for so many values of usual length.
    pub(super) fn with_room_for(values: usize) -> Self {
        Self { bytes: Vec::with_capacity(values * KEPT_BYTES), spans: Vec::with_capacity(values) }
    }

    /// Adds the next value, in canonical text.
    pub fn push(&mut self, text: Option<&[u8]>) {
        match text {
            Some(text) => self.push_written(|out| out.extend_from_slice(text)),
            None => self.spans.push(None),
        }
    }

    /// Adds the next value as `write` appends it.
    pub(super) fn push_written(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let place = |bytes: &Vec<u8>| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let start = place(&self.bytes);
        write(&mut self.bytes);
        self.spans.push(Some((start, place(&self.bytes))));
    }

    /// The value by its number.
    pub fn value(&self, number: usize) -> Option<&[u8]> {
        let (start, end) = (*self.spans.get(number)?)?;
        self.bytes.get(start as usize..end as usize)
    }
}

/// A fault in the words of a fault message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultWords {
    /// Row of the code table `fault`.
    pub code: &'static str,
    /// `J` and three digits.
    pub number: String,
    /// The sentence for the clerk with the number in front. The other side's own words have no number of ours.
    pub told: String,
    /// Where in `told` the sentence itself begins.
    text_at: usize,
    pub fields: Vec<FaultFieldWords>,
}

/// A field fault in the words of a fault message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultFieldWords {
    pub code: &'static str,
    pub path: String,
    pub number: String,
    /// As in [`FaultWords`].
    pub told: String,
    text_at: usize,
}

impl FaultFieldWords {
    /// The sentence for the clerk.
    pub fn text(&self) -> &str {
        self.told.get(self.text_at..).unwrap_or_default()
    }
}

impl FaultWords {
    /// The sentence for the clerk.
    pub fn text(&self) -> &str {
        self.told.get(self.text_at..).unwrap_or_default()
    }

    /// The words for a fault.
    pub fn new(fault: &Fault) -> Self {
        // What is wrong with an answer is not the clerk's to mend.
        let answered = matches!(fault.cause(), Fault::AnswerWrong { .. });
        let fields = fault.fields().iter().map(|field| {
            let number = format!("J{:03}", field.number());
            let told = format!("{number} {}", if answered { field.answer_text() } else { field.window_text() });
            FaultFieldWords {
                code: field.canonical(),
                path: field.path.clone(),
                text_at: number.len() + 1,
                number,
                told,
            }
        });
        let number = format!("J{:03}", fault.entry().number);
        let (told, text_at) = match fault {
            // The other side's own words stay as they were.
            Fault::Refused(..) | Fault::PeerUnsure(..) | Fault::NotTaken(..) | Fault::AlreadyThere(..) => {
                (fault.window_text(), 0)
            }
            _ => (format!("{number} {}", fault.window_text()), number.len() + 1),
        };
        Self { code: fault.canonical(), number, told, text_at, fields: fields.collect() }
    }
}

/// A translated message.
#[derive(Debug)]
pub struct Translated {
    pub bytes: Vec<u8>,
    pub content_type: Arc<str>,
    /// What the answer will need; see [`super::Plan::kept_names`].
    pub kept: Kept,
    /// Values written with a declared loss.
    pub losses: u32,
    /// Members that no row declares; they were dropped.
    pub dropped: u32,
}
