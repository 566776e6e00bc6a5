//! What is checked before anything is written: the answer's own word, required places, counts, rules across fields.

use super::plan::Check;
use super::plan::CheckRule;
use super::plan::LEVELS;
use super::plan::Plan;
use super::plan::RowNote;
use super::plan::Source;
use super::plan::SumPart;
use super::text;
use super::values::Got;
use super::values::ROOM;
use super::values::Spare;
use super::values::View;
use super::values::write_canonical;
use crate::domain::fault;
use crate::domain::fault::FIELD_FAULTS_MAX;
use crate::domain::fault::Fault;
use crate::domain::fault::FieldFault;
use crate::domain::fault::FieldFaultKind;
use crate::domain::fault::Refusal;
use crate::domain::format::Kind;
use crate::domain::format::Slot;
use crate::domain::format::SlotNumber;
use crate::domain::sm;
use crate::domain::value::Value;
use base64::Engine;

/// Field faults gathered so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub list: Vec<FieldFault>,
    pub more: usize,
    /// Containers whose inside cannot be judged: of another kind, or there twice.
    blind: Vec<String>,
}

impl Faults {
    /// Adds a fault at a row; `positions` number the lists in its path.
    pub(super) fn push(&mut self, note: &RowNote, positions: &[u32], what: FieldFaultKind) {
        if self.list.len() >= FIELD_FAULTS_MAX {
            self.more += 1;
            return;
        }
        self.list.push(FieldFault { path: numbered(&note.path, positions), title: note.title.clone(), what });
    }

    /// True where the same is said of some place already.
    pub(super) fn has(&self, what: &FieldFaultKind) -> bool {
        self.list.iter().any(|fault| fault.what == *what)
    }

    /// Adds a fault at a place whose inside was not looked into.
    pub(super) fn push_blind(&mut self, note: &RowNote, positions: &[u32], what: FieldFaultKind) {
        let path = numbered(&note.path, positions);
        let path = path.strip_suffix("[]").map_or_else(|| path.clone(), str::to_owned);
        self.blind.push(path.clone());
        self.list.push(FieldFault { path, title: note.title.clone(), what });
    }

    /// Takes out what is said to be missing inside a container that was not looked into.
    pub(super) fn settle(&mut self) {
        let blind = std::mem::take(&mut self.blind);
        let inside = |path: &str| {
            let below = |rest: &str| rest.is_empty() || rest.starts_with(['.', '/', '[', '!']);
            blind.iter().any(|container| path.strip_prefix(container.as_str()).is_some_and(below))
        };
        if !blind.is_empty() {
            self.list.retain(|fault| fault.what != FieldFaultKind::Missing || !inside(&fault.path));
        }
    }
}

/// The path with the items' numbers in its lists: `data.accounts[1].balance`.
pub(super) fn numbered(path: &str, positions: &[u32]) -> String {
    let mut out = String::with_capacity(path.len() + 8);
    let mut rest = path;
    for position in positions {
        let Some(at) =
            [("[]", 2), ("[2..]", 5)].iter().filter_map(|(mark, length)| Some((rest.find(mark)?, *length))).min()
        else {
            break;
        };
        out.push_str(&rest[..at.0]);
        let first = if at.1 == 2 { 0 } else { 2 };
        let number = position + first;
        out.push('[');
        out.push_str(&number.to_string());
        out.push(']');
        rest = &rest[at.0 + at.1..];
    }
    out.push_str(rest);
    out
}

impl View<'_> {
    /// What the answer says of itself, at the level of the interface.
    ///
    /// # Errors
    /// What [`Refusal::fault`] makes of an error; [`Fault::AnswerUnreadable`] where it says nothing.
    pub(super) fn check_result(&self) -> Result<(), Fault> {
        let Some(result) = &self.plan.result else { return Ok(()) };
        // An empty code says nothing, which is no refusal.
        let code = result.codes.iter().map(|number| self.slot(0, *number)).find(|slot| self.is_filled(*slot));
        let Some(code) = code else { return Err(Fault::AnswerUnreadable { reason: "answer without result code" }) };
        let mut spare = Vec::new();
        let code = self.text(code, &mut spare).trim_ascii();
        if result.ok.iter().any(|ok| ok.as_bytes() == code) {
            return Ok(());
        }
        let code = String::from_utf8_lossy(code).into_owned();
        let text = result.texts.iter().map(|number| self.slot(0, *number)).find(|slot| slot.len > 0);
        let mut spare = Vec::new();
        let text = text.map_or(String::new(), |slot| {
            String::from_utf8_lossy(self.text(slot, &mut spare)).chars().take(200).collect()
        });
        let choice = self.choose(&result.lookup, &[], code.as_bytes());
        let canonical = choice.map_or("peer_error", |choice| fault::canonical(&choice.canonical));
        Err(Refusal { canonical, code: code.chars().take(32).collect(), text, known: choice.is_some() }.fault())
    }

    /// Whether there is more than white space at a place.
    fn is_filled(&self, slot: Slot) -> bool {
        let mut spare = Vec::new();
        !matches!(slot.kind, Kind::Missing | Kind::Null) && !text::is_blank(self.text(slot, &mut spare))
    }

    /// That the answer is the answer to this request: what it repeats of it, it repeats as it was. What is not there
    /// says nothing.
    ///
    /// # Errors
    /// [`Fault::AnswerUnreadable`] where it belongs to another.
    pub(super) fn check_echoes(&self) -> Result<(), Fault> {
        for (answer, request) in &self.plan.echoes {
            let (mut spare, mut other) = (Spare::default(), Spare::default());
            if let (Ok(Got::Value(answer)), Ok(Got::Value(request))) =
                (self.get(answer, &mut spare), self.get(request, &mut other))
                && answer != request
            {
                return Err(Fault::AnswerUnreadable { reason: "answer to another request" });
            }
        }
        Ok(())
    }

    /// Everything that must hold of the message as it was read.
    pub(super) fn check(&self, faults: &mut Faults) {
        self.check_places(faults);
        let mut view = *self;
        view.check_scope(0, 0, faults);
    }

    fn check_scope(&mut self, scope: usize, level: usize, faults: &mut Faults) {
        let plan: &Plan = self.plan;
        let Some(own) = plan.scopes.get(scope) else { return };
        let depth = u8::try_from(level).unwrap_or_default();
        for number in &own.required {
            let slot = self.slot(depth, *number);
            let empty = match slot.kind {
                Kind::Missing | Kind::Null => true,
                Kind::Text | Kind::JsonEscaped | Kind::XmlEscaped => {
                    super::text::is_blank(self.text(slot, &mut Vec::new()))
                }
                Kind::List => slot.len == 0,
                _ => false,
            };
            if let Some(note) = own.rows.get(usize::from(*number)).and_then(Option::as_deref).filter(|_| empty) {
                faults.push(note, &self.positions[..level], FieldFaultKind::Missing);
            }
        }
        for (number, list, plus) in &own.counts {
            self.check_count(
                depth,
                *number,
                *list,
                *plus,
                own.rows.get(usize::from(*number)).and_then(Option::as_deref),
                faults,
            );
        }
        for check in plan.checks.iter().filter(|check| check.scope == scope) {
            self.check_rule(check, level, faults);
        }
        if level + 1 >= LEVELS {
            return;
        }
        for child in &own.children {
            let Some((_, number)) = plan.scopes.get(*child).and_then(|scope| scope.list) else { continue };
            if !plan.needs_visit(*child) {
                continue;
            }
            let list = self.slot(depth, number);
            let mut frame = list.off;
            for position in 0..if list.kind == Kind::List { list.len } else { 0 } {
                self.frames[level + 1] = frame;
                self.positions[level] = position;
                self.check_scope(*child, level + 1, faults);
                frame = self.scratch.slot(frame, 0).off;
            }
        }
    }

    fn check_count(
        &self,
        level: u8,
        number: SlotNumber,
        list: SlotNumber,
        plus: i64,
        note: Option<&RowNote>,
        faults: &mut Faults,
    ) {
        let slot = self.slot(level, number);
        let Some(note) = note.filter(|_| !matches!(slot.kind, Kind::Missing | Kind::Null)) else { return };
        let list = self.slot(level, list);
        let found = if list.kind == Kind::List { list.len as usize } else { 0 };
        let mut spare = Vec::new();
        let text = self.text(slot, &mut spare).trim_ascii();
        let declared = crate::domain::value::read_integer(text);
        if declared.is_none_or(|declared| usize::try_from(declared - plus) != Ok(found)) {
            let declared = String::from_utf8_lossy(text).chars().take(20).collect();
            faults.push(note, &[], FieldFaultKind::CountDiffers { declared, found });
        }
    }

    fn number(&self, source: &Source) -> Option<i64> {
        let mut spare = Spare::default();
        match self.get(source, &mut spare) {
            Ok(Got::Value(Value::Amount(number) | Value::Int(number) | Value::Rate(number))) => Some(number),
            _ => None,
        }
    }

    /// One part of a sum; `None` where it cannot be told, which is another fault's affair.
    fn part(&self, part: &SumPart, level: usize) -> Option<i128> {
        match part {
            SumPart::Field(source) => self.number(source).map(i128::from),
            SumPart::Each { item, list } => self.all_items(item, *list, level),
            SumPart::Count(list) => {
                let list = self.slot(u8::try_from(level).ok()?, *list);
                (list.kind == Kind::List).then_some(i128::from(list.len))
            }
        }
    }

    /// The numbers of all items of a list together. An item without the number adds nothing: leaving one out must not
    /// switch the rule off. `None` where there is no list, no item has one, or one cannot be read. Wide enough for any
    /// list of amounts: an overflow would pass for "nothing to compare".
    fn all_items(&self, item: &Source, list: SlotNumber, level: usize) -> Option<i128> {
        let list = self.slot(u8::try_from(level).ok()?, list);
        if list.kind != Kind::List {
            return None;
        }
        let mut view = *self;
        let mut frame = list.off;
        let mut sum = None;
        for _ in 0..list.len {
            view.frames[(level + 1) % ROOM] = frame;
            let mut spare = Spare::default();
            match view.get(item, &mut spare) {
                Ok(Got::Value(Value::Amount(number) | Value::Int(number) | Value::Rate(number))) => {
                    sum = Some(sum.unwrap_or_default() + i128::from(number));
                }
                Ok(got) if !got.is_value() => {}
                _ => return None,
            }
            frame = self.scratch.slot(frame, 0).off;
        }
        sum
    }

    fn canonical(&self, source: &Source) -> Option<Vec<u8>> {
        let mut spare = Spare::default();
        let Ok(Got::Value(value)) = self.get(source, &mut spare) else { return None };
        let mut out = Vec::new();
        write_canonical(value, &mut out);
        Some(out)
    }

    /// A value that cannot be read is reported where it is written, so a rule with such a value is passed over here.
    fn check_rule(&self, check: &Check, level: usize, faults: &mut Faults) {
        let rule = || check.text.clone();
        let positions = &self.positions[..level];
        match &check.rule {
            CheckRule::Sum { total, parts } => {
                let sum = parts.iter().map(|part| self.part(part, level)).sum::<Option<i128>>();
                if self.number(total).zip(sum).is_some_and(|(total, sum)| i128::from(total) != sum) {
                    faults.push(&check.note, positions, FieldFaultKind::SumDiffers { rule: rule() });
                }
            }
            CheckRule::Total { item, list: (_, number), value, .. } => {
                let sum = self.all_items(item, *number, level);
                if sum.is_some_and(|sum| sum != i128::from(*value)) {
                    faults.push(&check.note, positions, FieldFaultKind::SumDiffers { rule: rule() });
                }
            }
            CheckRule::Order { before, after } => {
                if self.canonical(before).zip(self.canonical(after)).is_some_and(|(before, after)| before > after) {
                    faults.push(&check.note, positions, FieldFaultKind::OrderDiffers { rule: rule() });
                }
            }
            CheckRule::Required { source, condition } => {
                let mut spare = Spare::default();
                let missing = matches!(self.get(source, &mut spare), Ok(got) if !got.is_value());
                if missing && self.holds(condition) {
                    faults.push(&check.note, positions, FieldFaultKind::Missing);
                }
            }
            CheckRule::Identifier { source, kind, condition } => {
                let mut spare = Spare::default();
                // The condition comes last: almost every number is right.
                if let Ok(Got::Value(Value::Text(text))) = self.get(source, &mut spare)
                    && let Some(fault) = super::identifiers::fault(*kind, text)
                    && self.holds(condition)
                {
                    faults.push(&check.note, positions, fault);
                }
            }
            CheckRule::Positive(source) => {
                if self.number(source).is_some_and(|number| number <= 0) {
                    faults.push(&check.note, positions, FieldFaultKind::RuleBroken { rule: rule() });
                }
            }
            CheckRule::Digest { digest, content } => self.check_digest(check, digest, *content, positions, faults),
        }
    }

    fn check_digest(
        &self,
        check: &Check,
        digest: &Source,
        content: (u8, SlotNumber),
        positions: &[u32],
        faults: &mut Faults,
    ) {
        let slot = self.slot(content.0, content.1);
        let Some(declared) = self.canonical(digest).filter(|_| slot.len > 0 && slot.kind != Kind::Null) else { return };
        let mut spare = Vec::new();
        let text = self.text(slot, &mut spare);
        let mut bytes = Vec::new();
        if base64::engine::general_purpose::STANDARD.decode_vec(text, &mut bytes).is_err() {
            // Told of the content, not of its digest.
            let scope = self.plan.scopes.get(check.scope);
            let note = scope.and_then(|scope| scope.rows.get(usize::from(content.1))?.as_deref());
            let expected = "Base64 编码的材料内容".to_owned();
            return faults.push(note.unwrap_or(&check.note), positions, FieldFaultKind::WrongForm { expected });
        }
        if !sm::hex(&sm::digest(&bytes)).as_bytes().eq_ignore_ascii_case(&declared) {
            faults.push(&check.note, positions, FieldFaultKind::DigestDiffers);
        }
    }
}

impl Plan {
    /// True where the items of a scope have anything to be checked.
    fn needs_visit(&self, scope: usize) -> bool {
        let own = &self.scopes[scope];
        !own.required.is_empty()
            || !own.counts.is_empty()
            || self.checks.iter().any(|check| check.scope == scope)
            || own.children.iter().any(|child| self.needs_visit(*child))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_numbered() {
        assert_eq!(numbered("data.accounts[].balance", &[1]), "data.accounts[1].balance");
        assert_eq!(numbered("DATA/RECORD[2..]/SXH", &[0]), "DATA/RECORD[2]/SXH");
        assert_eq!(numbered("a[].b[].c", &[3, 4]), "a[3].b[4].c");
        assert_eq!(numbered("data.x", &[]), "data.x");
    }
}
