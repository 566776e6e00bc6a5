//! Helpers for reading the TOML files: values that know their place.

use crate::domain::mapping::Diagnostic;
use crate::domain::mapping::Place;
use crate::domain::mapping::place_at;
use crate::domain::value::Date;
use crate::domain::value::DateForm;
use serde::de::DeserializeOwned;

/// A text and the byte range that it was read from.
pub(super) type Text = toml::Spanned<String>;

/// One file while it is read.
pub(super) struct Source<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// The whole file as `T`; its first fault otherwise.
    pub(super) fn read<T: DeserializeOwned>(&self, faults: &mut Vec<Diagnostic>) -> Option<T> {
        match toml::from_str(self.text) {
            Ok(value) => Some(value),
            Err(error) => {
                let place = self.at(error.span().map_or(0, |span| span.start));
                faults.push(Diagnostic::error(107, &place, format!("TOML 内容不对：{}", error.message())));
                None
            }
        }
    }

    /// Where a byte stands.
    pub(super) fn at(&self, offset: usize) -> Place {
        place_at(self.path, self.text, offset)
    }

    /// Where a value stands.
    pub(super) fn place(&self, value: &Text) -> Place {
        self.at(value.span().start)
    }

    /// A fault at a value.
    pub(super) fn fault(&self, number: u16, value: &Text, found: impl Into<String>) -> Diagnostic {
        Diagnostic::error(number, &self.place(value), found)
    }

    /// A day written as 2026-11-23; told where it is none. Empty: none.
    pub(super) fn day(&self, value: &Text, faults: &mut Vec<Diagnostic>) -> Option<Date> {
        let text = value.get_ref();
        if text.is_empty() {
            return None;
        }
        let day = Date::read(DateForm::Dashed, text.as_bytes());
        if day.is_none() {
            faults.push(self.fault(200, value, format!("日期“{text}”看不懂")).expected("2026-11-23"));
        }
        day
    }

    /// Tells where a row names no source.
    pub(super) fn sourced(&self, source: &Text, faults: &mut Vec<Diagnostic>) {
        if source.get_ref().trim().is_empty() {
            faults.push(self.fault(206, source, "没有注明来源").expected("标准与条款、所见系统，或“自拟”"));
        }
    }
}
