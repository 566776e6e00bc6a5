//! Slots to canonical values: reading what one side wrote.

use super::address::Parts;
use super::context::Context;
use super::identifiers;
use super::notation::CallName;
use super::notation::FaultFieldPart;
use super::notation::FaultPart;
use super::notation::Who;
use super::plan::AddressFrom;
use super::plan::AddressWant;
use super::plan::Condition;
use super::plan::LEVELS;
use super::plan::Plan;
use super::plan::Read;
use super::plan::Source;
use super::plan::Term;
use super::text;
use crate::domain::codes::Choice;
use crate::domain::codes::Lookup;
use crate::domain::fault::FieldFaultKind;
use crate::domain::format::Kind;
use crate::domain::format::Scratch;
use crate::domain::format::Slot;
use crate::domain::format::SlotNumber;
use crate::domain::format::escape;
use crate::domain::value;
use crate::domain::value::Date;
use crate::domain::value::DateForm;
use crate::domain::value::DateTime;
use crate::domain::value::DateTimeForm;
use crate::domain::value::Month;
use crate::domain::value::MonthForm;
use crate::domain::value::Type;
use crate::domain::value::Value;

/// What is at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got<'s> {
    Empty,
    Missing,
    Null,
    Value(Value<'s>),
}

impl Got<'_> {
    pub(super) const fn is_value(&self) -> bool {
        matches!(self, Self::Value(_))
    }
}

/// Memory that values may be borrowed from; kept and used again.
#[derive(Debug, Default)]
pub(super) struct Spare {
    pub text: Vec<u8>,
    made: Vec<u8>,
    parts: Parts,
}

/// Places for [`LEVELS`] levels; a power of two, so that an index costs nothing.
pub(super) const ROOM: usize = LEVELS.next_power_of_two();

/// A message that was read, and where in its lists one stands.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub plan: &'a Plan,
    pub input: &'a [u8],
    pub scratch: &'a Scratch,
    pub context: &'a Context<'a>,
    /// Frame of each list level of the source.
    pub frames: [u32; ROOM],
    /// Position in each list of the target, from 0.
    pub positions: [u32; ROOM],
    /// Number of each item among those written, from 0.
    pub numbers: [i64; ROOM],
    /// Lists of the target that are open.
    pub depth: usize,
}

/// What comes of a field. The fault is boxed: it is rare and large, and the rest fits into registers.
pub(super) type Outcome<T> = std::result::Result<T, Box<FieldFaultKind>>;

type Result<'s> = Outcome<Got<'s>>;

fn wrong(expected: &str) -> FieldFaultKind {
    FieldFaultKind::WrongForm { expected: expected.to_owned() }
}

impl<'a> View<'a> {
    /// The slot of a place.
    #[inline]
    pub(super) fn slot(&self, level: u8, number: SlotNumber) -> Slot {
        self.scratch.slot(self.frames[usize::from(level) % ROOM], number)
    }

    /// The text of a slot, escapes resolved.
    #[inline]
    pub(super) fn text<'s>(&'s self, slot: Slot, spare: &'s mut Vec<u8>) -> &'s [u8] {
        escape::text(slot.kind, self.scratch.raw(self.input, slot), spare)
    }

    /// The state of a slot where it holds no value of its own; `None` where it does.
    #[inline]
    pub(super) fn absence(&self, slot: Slot, text_null: bool) -> Option<Got<'static>> {
        match slot.kind {
            Kind::Missing => Some(Got::Missing),
            Kind::Null => Some(Got::Null),
            Kind::Text if slot.len == 0 => Some(Got::Empty),
            Kind::Text if text_null && self.scratch.raw(self.input, slot) == b"null" => Some(Got::Null),
            _ => None,
        }
    }

    /// The canonical value of a source.
    pub(super) fn get<'s>(&'s self, source: &'s Source, spare: &'s mut Spare) -> Result<'s> {
        match source {
            Source::Slot { level, slot, read, text_null } => {
                let slot = self.slot(*level, *slot);
                if let Some(absence) = self.absence(slot, *text_null) {
                    // Where "no end" is written as nothing, nothing means no end; a missing place still means nothing.
                    let no_end = matches!(read, Read::Validity { no_end: None, .. }) && absence != Got::Missing;
                    return Ok(if no_end { Got::Value(Value::NoEnd) } else { absence });
                }
                if matches!(slot.kind, Kind::List | Kind::Object) {
                    return Err(wrong("一个值，而不是对象或列表").into());
                }
                let Spare { text, made, .. } = spare;
                let raw = self.text(slot, text);
                self.read(read, slot.kind, raw, made)
            }
            Source::Nothing => Ok(Got::Missing),
            Source::Licence { identifier, name } => self.licence(identifier, name, spare),
            Source::Joined { level, date, time } => {
                let (date, time) = (self.slot(*level, *date), self.slot(*level, *time));
                if let Some(absence) = self.absence(date, false) {
                    return Ok(absence);
                }
                let Spare { text, made, .. } = spare;
                made.clear();
                made.extend_from_slice(self.text(date, text).trim_ascii());
                made.extend_from_slice(self.text(time, text).trim_ascii());
                let moment =
                    DateTime::read(DateTimeForm::Compact, made).map(|moment| Got::Value(Value::DateTime(moment)));
                moment.ok_or_else(|| wrong("日期 20261123 与时刻 093015").into())
            }
            Source::Serial { case, matter } => self.serial(case, matter, spare),
            Source::Const { text, kind } => canonical(*kind, text.as_bytes()),
            Source::Kept { number, kind } => match self.context.kept.and_then(|kept| kept.value(*number)) {
                None => Ok(Got::Missing),
                Some(b"") => Ok(Got::Empty),
                Some(text) => canonical(*kind, text),
            },
            Source::Call(call) => Ok(self.call(call)),
            Source::Index { base } => {
                let number = self.numbers[self.depth.saturating_sub(1) % ROOM];
                Ok(Got::Value(Value::Int(number + base)))
            }
            Source::Is { source, value } => Ok(Got::Value(Value::Bool(self.is(source, value)))),
            Source::Choose { choices, otherwise, kind } => {
                let chosen = choices.iter().find(|(condition, _)| self.holds(condition)).map(|(_, value)| value);
                chosen.or(otherwise.as_ref()).map_or(Ok(Got::Missing), |text| canonical(*kind, text.as_bytes()))
            }
            Source::Count { level, slot, plus, filter, .. } => {
                let count = self.count(*level, *slot, filter.as_ref());
                Ok(Got::Value(Value::Int(i64::from(count) + plus)))
            }
            Source::Due { accepted, days } => self.due(accepted, days, spare),
            Source::Address { from, want } => self.address(from, *want, spare),
        }
    }

    /// Case numbers are `YJ`, yyyyMMdd, the accepting division and six digits with a check character; the serial number
    /// of older systems repeats day and number. A case number of another shape gives none.
    fn serial<'s>(&'s self, case: &'s Source, matter: &str, spare: &'s mut Spare) -> Result<'s> {
        let mut made = Vec::new();
        if let Got::Value(Value::Text(text)) = self.get(case, spare)? {
            let digits =
                |range: std::ops::Range<usize>| text.get(range).filter(|part| part.iter().all(u8::is_ascii_digit));
            let letters = self.context.from.keys.get("letters");
            if let ((23, Some(day)), Some(number), Some(letters)) =
                ((text.len(), digits(2..10)), digits(16..22), letters)
            {
                made.extend_from_slice(format!("{letters}-{matter}-").as_bytes());
                made.extend_from_slice(day);
                made.push(b'-');
                made.extend_from_slice(number);
            }
        }
        spare.made = made;
        Ok(if spare.made.is_empty() { Got::Missing } else { Got::Value(Value::Text(&spare.made)) })
    }

    fn due<'s>(&'s self, accepted: &'s Source, days: &'s Source, spare: &'s mut Spare) -> Result<'s> {
        let accepted = match self.get(accepted, spare)? {
            Got::Value(Value::DateTime(moment)) => moment.date,
            Got::Value(Value::Date(date)) => date,
            _ => return Ok(Got::Missing),
        };
        let Got::Value(Value::Int(days)) = self.get(days, spare)? else { return Ok(Got::Missing) };
        let days = u32::try_from(days).ok().filter(|days| *days <= 3660).ok_or_else(|| wrong("工作日数 0 到 3660"))?;
        let calendar = &self.plan.calendar;
        calendar.due(accepted, days).map(|date| Got::Value(Value::Date(date))).ok_or_else(|| {
            let mut last = Vec::new();
            if let Some(date) = calendar.last() {
                date.write(DateForm::Dashed, &mut last);
            }
            FieldFaultKind::BeyondCalendar { last: String::from_utf8_lossy(&last).into_owned() }.into()
        })
    }

    fn address<'s>(&'s self, from: &'s AddressFrom, want: AddressWant, spare: &'s mut Spare) -> Result<'s> {
        let mut parts = std::mem::take(&mut spare.parts);
        let filled = self.address_parts(from, spare, &mut parts);
        spare.parts = parts;
        filled?;
        let Spare { made, parts, .. } = spare;
        if parts.is_empty() {
            return Ok(Got::Missing);
        }
        made.clear();
        match want {
            AddressWant::Part(number) => made.extend_from_slice(parts.part(number)),
            AddressWant::Whole(part) => {
                self.plan.divisions.write(parts, part, made).map_err(|unknown| FieldFaultKind::NoCounterpart {
                    table: super::address::TABLE.to_owned(),
                    code: unknown.0,
                    from: self.plan.sides.0.to_string(),
                    to: self.plan.sides.1.to_string(),
                })?;
            }
        }
        Ok(if made.is_empty() { Got::Null } else { Got::Value(Value::Text(made)) })
    }

    fn address_parts(&self, from: &AddressFrom, spare: &mut Spare, parts: &mut Parts) -> Outcome<()> {
        let mut other = Vec::new();
        match from {
            AddressFrom::Parts(sources) => {
                parts.clear();
                for source in sources {
                    match source.as_ref().map(|source| self.get(source, spare)).transpose()? {
                        Some(Got::Value(Value::Text(text))) => parts.push(text),
                        _ => parts.push(b""),
                    }
                }
            }
            AddressFrom::DivisionRest { division, rest } => {
                if let Some(Got::Value(Value::Text(text))) =
                    division.as_ref().map(|source| self.get(source, spare)).transpose()?
                {
                    other.extend_from_slice(text);
                }
                let rest = rest.as_ref().map(|source| self.get(source, spare)).transpose()?;
                let rest = if let Some(Got::Value(Value::Text(text))) = rest { text } else { b"" };
                self.plan.divisions.from_division(&other, rest, parts);
                if other.is_empty() && rest.is_empty() {
                    parts.clear();
                }
            }
            AddressFrom::Text(source) => match self.get(source, spare)? {
                Got::Value(Value::Text(text)) => self.plan.divisions.from_text(text, parts),
                _ => parts.clear(),
            },
        }
        Ok(())
    }

    fn licence<'s>(&'s self, identifier: &'s Source, name: &str, spare: &'s mut Spare) -> Result<'s> {
        let Some(licences) = self.context.licences else { return Ok(Got::Missing) };
        let Got::Value(Value::Text(text)) = self.get(identifier, spare)? else { return Ok(Got::Missing) };
        let told = std::str::from_utf8(text.trim_ascii()).ok().and_then(|text| licences.get(text, name));
        Ok(told.map_or(Got::Missing, |told| Got::Value(Value::Text(told.as_bytes()))))
    }

    fn call(&self, call: &CallName) -> Got<'_> {
        let text = |text: &'a str| Got::Value(Value::Text(text.as_bytes()));
        let field = |part: FaultFieldPart| {
            let position = self.positions[self.depth.saturating_sub(1) % ROOM] as usize;
            let field = self.context.fault.and_then(|fault| fault.fields.get(position));
            field.map_or(Got::Missing, |field| match part {
                FaultFieldPart::Code => text(field.code),
                FaultFieldPart::Number => text(&field.number),
                FaultFieldPart::Path => text(&field.path),
                FaultFieldPart::Text => text(field.text()),
                FaultFieldPart::Told => text(&field.told),
            })
        };
        let city = |who: Who, key: &str| {
            let city = if matches!(who, Who::From | Who::Own) { self.context.from } else { self.context.to };
            city.keys.get(key).map_or(Got::Missing, |value| text(value))
        };
        match call {
            CallName::Now => self.context.moment().map_or(Got::Missing, |moment| Got::Value(Value::DateTime(moment))),
            CallName::Sequence => Got::Value(Value::Int(i64::try_from(self.context.sequence).unwrap_or(i64::MAX))),
            CallName::MessageId => self.context.message.map_or_else(|| text(self.context.message_id), text),
            CallName::City { who, key } => city(*who, key),
            CallName::Case(name) => {
                self.context.case.and_then(|case| case.get(name)).map_or(Got::Missing, |value| text(value))
            }
            CallName::Setting(name) => self.context.settings.get(name).map_or(Got::Missing, |value| text(value)),
            CallName::Fault(part) => self.context.fault.map_or(Got::Missing, |fault| match part {
                FaultPart::Code => text(fault.code),
                FaultPart::Number => text(&fault.number),
                FaultPart::Text => text(fault.text()),
                FaultPart::Told => text(&fault.told),
            }),
            CallName::FaultField(part) => field(*part),
            // The compiler puts the plan's own constants in their place.
            CallName::Matter | CallName::Operation | CallName::Service => Got::Missing,
        }
    }

    fn count(&self, level: u8, slot: SlotNumber, filter: Option<&Condition>) -> u32 {
        let list = self.slot(level, slot);
        if list.kind != Kind::List {
            return 0;
        }
        let Some(filter) = filter else { return list.len };
        let inner = (usize::from(level) + 1) % ROOM;
        let mut view = *self;
        let mut frame = list.off;
        let mut count = 0;
        for _ in 0..list.len {
            view.frames[inner] = frame;
            count += u32::from(view.holds(filter));
            frame = self.scratch.slot(frame, 0).off;
        }
        count
    }

    /// True where every term of the condition holds. A value that cannot be read does not hold.
    pub(super) fn holds(&self, condition: &Condition) -> bool {
        condition.terms.iter().all(|(source, term)| self.holds_one(source, term))
    }

    fn holds_one(&self, source: &Source, term: &Term) -> bool {
        let mut spare = Spare::default();
        let got = self.get(source, &mut spare);
        let Ok(got) = got else { return false };
        match term {
            Term::Absent => !got.is_value(),
            Term::Present => got.is_value(),
            Term::Equals(text) => got_is(got, text),
            Term::Differs(text) => !got_is(got, text),
        }
    }

    /// True where the source has that canonical text.
    fn is(&self, source: &Source, text: &str) -> bool {
        let mut spare = Spare::default();
        self.get(source, &mut spare).is_ok_and(|got| got_is(got, text))
    }

    /// The reading of a code that holds today and under the message's own conditions.
    pub(super) fn choose<'l>(&self, lookup: &'l Lookup, conditions: &[Condition], code: &[u8]) -> Option<&'l Choice> {
        if let Some(choice) = lookup.plain(code) {
            return Some(choice);
        }
        let today = self.context.moment().map(|moment| moment.date);
        lookup.choices(code)?.iter().find(|choice| {
            today.is_none_or(|today| choice.holds(today))
                && choice
                    .condition
                    .is_none_or(|number| conditions.get(number).is_some_and(|condition| self.holds(condition)))
        })
    }

    fn read<'s>(&'s self, read: &'s Read, kind: Kind, raw: &'s [u8], made: &'s mut Vec<u8>) -> Result<'s> {
        let literal = matches!(kind, Kind::Number | Kind::True | Kind::False);
        let trimmed = raw.trim_ascii();
        if text::is_blank(raw) {
            return Ok(Got::Empty);
        }
        let value = match read {
            Read::Name | Read::Text if literal => return Err(wrong("文字（加引号）").into()),
            Read::Text => Some(Value::Text(raw)),
            Read::Name => Some(Value::Text(text::name(raw, made))),
            Read::Code { lookup, conditions, table } => {
                let choice =
                    self.choose(lookup, conditions, trimmed).ok_or_else(|| self.no_counterpart(table, trimmed))?;
                Some(Value::Text(choice.canonical.as_bytes()))
            }
            Read::Date(forms) => forms.iter().find_map(|form| Date::read(*form, trimmed)).map(Value::Date),
            Read::Validity { form, no_end } => {
                if no_end.as_ref().is_some_and(|text| text.as_bytes() == trimmed) {
                    Some(Value::NoEnd)
                } else {
                    Date::read(*form, trimmed).map(Value::Date)
                }
            }
            Read::Month(forms) => forms.iter().find_map(|form| Month::read(*form, trimmed)).map(Value::Month),
            Read::DateTime(forms) => forms.iter().find_map(|form| DateTime::read(*form, trimmed)).map(Value::DateTime),
            Read::Amount(unit) => value::read_amount(*unit, trimmed).map(Value::Amount),
            Read::Rate(unit) => value::read_rate(*unit, trimmed).map(Value::Rate),
            Read::Bool(set) => set.read(trimmed).map(Value::Bool),
            Read::Int => value::read_integer(trimmed).map(Value::Int),
            Read::Identifier(kind) => {
                made.clear();
                identifiers::write(*kind, trimmed, made)?;
                Some(Value::Text(made))
            }
        };
        value.map(Got::Value).ok_or_else(|| wrong(&expected(read)).into())
    }

    /// The fault of a code that has no counterpart.
    pub(super) fn no_counterpart(&self, table: &str, code: &[u8]) -> FieldFaultKind {
        let code: String = String::from_utf8_lossy(code).chars().take(32).collect();
        let (from, to) = &self.plan.sides;
        FieldFaultKind::NoCounterpart { table: table.to_owned(), code, from: from.to_string(), to: to.to_string() }
    }
}

/// What a reader expects, for the clerk.
fn expected(read: &Read) -> String {
    match read {
        Read::Amount(unit) => unit.title().to_owned(),
        Read::Bool(set) => format!("{} 或 {}", set.words().0, set.words().1),
        Read::Date(forms) => forms[0].title().to_owned(),
        Read::DateTime(forms) => forms[0].title().to_owned(),
        Read::Int => "整数".into(),
        Read::Month(forms) => forms[0].title().to_owned(),
        Read::Rate(_) => "比例（十进制小数）".into(),
        Read::Validity { form, .. } => form.title().to_owned(),
        Read::Code { .. } | Read::Identifier(_) | Read::Name | Read::Text => "文字".into(),
    }
}

/// Reads a canonical text by its type.
fn canonical(kind: Type, text: &[u8]) -> Result<'_> {
    let value = match kind {
        Type::Amount => value::read_integer(text).map(Value::Amount),
        Type::Bool => value::BoolSet::Json.read(text).map(Value::Bool),
        Type::Validity if text == NO_END => Some(Value::NoEnd),
        Type::Date | Type::Validity => Date::read(DateForm::Compact, text).map(Value::Date),
        Type::DateTime => DateTime::read(DateTimeForm::Compact, text).map(Value::DateTime),
        Type::Int => value::read_integer(text).map(Value::Int),
        Type::Month => Month::read(MonthForm::Compact, text).map(Value::Month),
        Type::Rate => value::read_integer(text).map(Value::Rate),
        Type::Address | Type::Code | Type::List | Type::Text => Some(Value::Text(text)),
    };
    value.map(Got::Value).ok_or_else(|| wrong("规范值").into())
}

/// Canonical text of a validity without end.
const NO_END: &[u8] = b"99991231";

/// Writes a value's canonical text.
pub(super) fn write_canonical(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Amount(fen) => value::write_integer(fen, out),
        Value::Bool(yes) => out.extend_from_slice(if yes { b"true" } else { b"false" }),
        Value::Date(date) => date.write(DateForm::Compact, out),
        Value::DateTime(moment) => moment.write(DateTimeForm::Compact, out),
        Value::Int(number) => value::write_integer(number, out),
        Value::Month(month) => month.write(MonthForm::Compact, out),
        Value::NoEnd => out.extend_from_slice(NO_END),
        Value::Rate(rate) => value::write_integer(rate, out),
        Value::Text(text) => out.extend_from_slice(text),
    }
}

fn got_is(got: Got<'_>, text: &str) -> bool {
    match got {
        Got::Value(Value::Text(found)) => found == text.as_bytes(),
        Got::Value(value) => {
            let mut found = Vec::new();
            write_canonical(value, &mut found);
            found == text.as_bytes()
        }
        _ => false,
    }
}
