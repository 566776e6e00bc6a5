//! Carrying a plan out: read once, check, write once.

use super::checks::Faults;
use super::context::Context;
use super::context::Kept;
use super::context::Translated;
use super::explain::Trace;
use super::plan::Direct;
use super::plan::FieldOp;
use super::plan::LEVELS;
use super::plan::ListOp;
use super::plan::ListSource;
use super::plan::Op;
use super::plan::Plan;
use super::plan::Put;
use super::profile::Format;
use super::put::absent;
use super::values::Got;
use super::values::Outcome;
use super::values::ROOM;
use super::values::Spare;
use super::values::View;
use super::values::write_canonical;
use crate::domain::fault::Fault;
use crate::domain::fault::FieldFaultKind;
use crate::domain::format::Kind;
use crate::domain::format::Scratch;
use crate::domain::format::form;
use crate::domain::format::json;
use crate::domain::format::xml;
use crate::domain::value::Value;
use std::sync::atomic::Ordering;

/// Memory of a translation, kept and used again from message to message.
#[derive(Debug, Default)]
pub struct Workspace {
    pub(super) scratch: Scratch,
    spare: Spare,
}

/// What is being written.
struct Output<'t> {
    out: Vec<u8>,
    spare: &'t mut Spare,
    faults: Faults,
    losses: u32,
    /// Places written so far, constants not counted: by it a container knows whether it is empty.
    places: usize,
    trace: Option<&'t mut Trace>,
}

/// Most bytes that an output is expected to grow by beyond the measure of its input.
const GROWTH_MAX: usize = 16 << 10;

impl Plan {
    /// Translates one message.
    ///
    /// # Errors
    /// Faults of the form, then all field faults together as [`Fault::Fields`]; for answers [`Fault::Refused`] first.
    pub fn translate(
        &self,
        input: &[u8],
        context: &Context<'_>,
        workspace: &mut Workspace,
    ) -> Result<Translated, Fault> {
        self.translate_traced(input, context, workspace, None)
    }

    /// Translates one message and tells of every place.
    ///
    /// # Errors
    /// As [`Plan::translate`].
    pub fn translate_traced(
        &self,
        input: &[u8],
        context: &Context<'_>,
        workspace: &mut Workspace,
        trace: Option<&mut Trace>,
    ) -> Result<Translated, Fault> {
        self.read(input, &mut workspace.scratch)?;
        self.write(input, context, workspace, trace)
    }

    fn write(
        &self,
        input: &[u8],
        context: &Context<'_>,
        workspace: &mut Workspace,
        trace: Option<&mut Trace>,
    ) -> Result<Translated, Fault> {
        let Workspace { scratch, spare } = workspace;
        let view = View::root(self, input, scratch, context);
        view.check_echoes()?;
        view.check_result()?;
        let out = Vec::with_capacity(self.expected_length(input));
        let mut output = Output { out, spare, faults: Faults::default(), losses: 0, places: 0, trace };
        view.check(&mut output.faults);
        view.ops(&self.ops, &mut output);
        let kept = view.keep(&mut output);
        let Output { mut out, mut faults, losses, .. } = output;
        faults.settle();
        if !faults.list.is_empty() {
            return Err(Fault::Fields { faults: faults.list, more: faults.more });
        }
        self.learn_length(input, &out);
        if self.encode_whole {
            out = self.encode(&out)?;
        }
        let dropped = scratch.undeclared;
        Ok(Translated { bytes: out, content_type: self.content_type.clone(), kept, losses, dropped })
    }

    /// Room for the output: what the input takes and an eighth more, and what earlier outputs took beyond that.
    fn expected_length(&self, input: &[u8]) -> usize {
        input.len() + input.len() / 8 + self.growth.load(Ordering::Relaxed)
    }

    /// Keeps in mind how much an output was longer than expected. The bound keeps one odd message from making all
    /// later ones ask for its size.
    fn learn_length(&self, input: &[u8], out: &[u8]) {
        let longer = (out.len() + 64).saturating_sub(self.expected_length(input));
        if longer > 0 {
            let growth = self.growth.load(Ordering::Relaxed) + longer;
            self.growth.store(growth.min(GROWTH_MAX), Ordering::Relaxed);
        }
    }

    /// Writes a fault message: nothing is read, all values are the call's.
    ///
    /// # Errors
    /// When a value cannot be written.
    pub(super) fn write_fault(&self, context: &Context<'_>, workspace: &mut Workspace) -> Result<Translated, Fault> {
        workspace.scratch.begin(&self.tree);
        self.write(&[], context, workspace, None)
    }

    pub(super) fn read(&self, input: &[u8], scratch: &mut Scratch) -> Result<(), Fault> {
        read_document(self.format, self.charset, &self.tree, self.start, input, scratch, &self.limits)
    }

    fn encode(&self, text: &[u8]) -> Result<Vec<u8>, Fault> {
        let text = std::str::from_utf8(text).map_err(|_| Fault::Internal { reason: "output is not UTF-8" })?;
        let mut out = Vec::with_capacity(text.len());
        // Every field was checked when it was written, so only a constant of a mapping file can fail here.
        self.target_charset
            .encode(text, &mut out)
            .map_err(|_| Fault::Internal { reason: "a constant lacks in the charset" })?;
        Ok(out)
    }
}

/// Reads a document of any format into slots. Whatever comes of it, the scratch is this document's: each reader begins it
/// before it checks the size.
///
/// # Errors
/// Faults of the form.
pub(super) fn read_document(
    format: Format,
    charset: crate::domain::format::charset::Charset,
    tree: &crate::domain::format::Tree,
    start: crate::domain::format::NodeId,
    input: &[u8],
    scratch: &mut Scratch,
    limits: &crate::domain::format::Limits,
) -> Result<(), Fault> {
    match format {
        Format::Form => form::read(tree, start, charset, input, scratch, limits),
        Format::Json if charset.is_utf8() => json::read(tree, start, input, scratch, limits),
        Format::Xml if charset.is_utf8() => xml::read(tree, start, input, scratch, limits),
        Format::Json | Format::Xml => {
            scratch.begin(tree);
            if input.len() > limits.bytes_max {
                return Err(Fault::LimitExceeded { what: "字节数", limit: limits.bytes_max });
            }
            charset.decode(input, &mut scratch.sides[0])?;
            if format == Format::Json {
                json::read_side(tree, start, 0, scratch, limits)
            } else {
                xml::read_side(tree, start, 0, scratch, limits)
            }
        }
    }
}

/// What came of a field.
#[derive(Clone, Copy)]
struct Wrote {
    /// A place was written, constants not counted.
    place: bool,
    lossy: bool,
}

impl<'a> View<'a> {
    /// At the beginning of a message, in no list.
    pub(super) const fn root(plan: &'a Plan, input: &'a [u8], scratch: &'a Scratch, context: &'a Context<'a>) -> Self {
        let (frames, positions, numbers) = ([0; ROOM], [0; ROOM], [0; ROOM]);
        Self { plan, input, scratch, context, frames, positions, numbers, depth: 0 }
    }

    fn ops(&self, ops: &[Op], output: &mut Output<'_>) {
        for op in ops {
            match op {
                Op::Literal(piece) => piece.write(&mut output.out),
                Op::Field(op) => self.field(op, output),
                Op::List(op) => self.list(op, output),
                Op::Group { open, attributes, open_end, close, ops, keep, condition } => {
                    if condition.as_ref().is_some_and(|condition| !self.holds(condition)) {
                        continue;
                    }
                    let (start, places) = (output.out.len(), output.places);
                    open.write_member(&mut output.out);
                    for attribute in attributes {
                        self.field(attribute, output);
                    }
                    open_end.write(&mut output.out);
                    self.ops(ops, output);
                    close.write(&mut output.out);
                    if !keep && output.places == places {
                        output.out.truncate(start);
                    }
                }
                Op::Parameter { name, ops } => self.parameter(name, ops, output),
            }
        }
    }

    fn parameter(&self, name: &[u8], ops: &[Op], output: &mut Output<'_>) {
        let start = output.out.len();
        self.ops(ops, output);
        if output.out.len() == start {
            return;
        }
        let written = output.out.split_off(start);
        if !output.out.is_empty() {
            output.out.push(b'&');
        }
        output.out.extend_from_slice(name);
        output.out.push(b'=');
        let mut encoded = Vec::with_capacity(written.len());
        let text = String::from_utf8_lossy(&written);
        if self.plan.target_charset.encode(&text, &mut encoded).is_ok() {
            form::encode_component(&mut output.out, &encoded);
        }
    }

    fn field(&self, op: &FieldOp, output: &mut Output<'_>) {
        if op.condition.as_ref().is_some_and(|condition| !self.holds(condition)) {
            return;
        }
        let start = output.out.len();
        let written = match &op.direct {
            Some(direct) => self.direct(op, direct, output),
            None => self.general(op, output),
        };
        match written {
            Ok(Wrote { place, lossy }) => {
                output.places += usize::from(place);
                output.losses += u32::from(lossy);
                if output.trace.is_some() {
                    self.explain(op, start, lossy, output);
                }
            }
            Err(what) => {
                output.out.truncate(start);
                // What is wrong with the division of an address was told with the division.
                if op.to.convert != "address rest" || !output.faults.has(&what) {
                    let note = op.from.as_deref().unwrap_or(&op.to);
                    output.faults.push(note, &self.positions[..self.depth], *what);
                }
            }
        }
    }

    /// Text to text and code to code: no canonical value is made.
    #[inline]
    fn direct(&self, op: &FieldOp, direct: &Direct, output: &mut Output<'_>) -> Outcome<Wrote> {
        let (Direct::Code { level, slot, text_null, .. } | Direct::Text { level, slot, text_null }) = direct;
        let slot = self.slot(*level, *slot);
        if self.absence(slot, *text_null).is_some() {
            return self.general(op, output);
        }
        let text = self.text(slot, &mut output.spare.text);
        let is_text = matches!(slot.kind, Kind::Text | Kind::JsonEscaped | Kind::XmlEscaped);
        let (written, lossy) = match direct {
            Direct::Text { .. } if is_text && !super::text::is_blank(text) => (text, false),
            Direct::Text { .. } => return self.general(op, output),
            Direct::Code { lookup, .. } => match lookup.plain(text) {
                // No counterpart: refused in the words of the side that sent it.
                Some(choice) => match &choice.out {
                    Some(code) => (code.as_bytes(), choice.lossy),
                    None => return Err(self.no_counterpart(op.put.table(), text).into()),
                },
                None => return self.general(op, output),
            },
        };
        let out = &mut output.out;
        op.before.write_member(out);
        self.put_text(op, written, out)?;
        op.after.write(out);
        Ok(Wrote { place: true, lossy })
    }

    fn general(&self, op: &FieldOp, output: &mut Output<'_>) -> Outcome<Wrote> {
        let Output { out, spare, .. } = output;
        let source = op.source.as_ref().map_or(Ok(Got::Missing), |source| self.get(source, spare))?;
        let source = match source {
            Got::Value(value) => return self.value(op, value, out),
            Got::Empty => Got::Empty,
            Got::Missing => Got::Missing,
            Got::Null => Got::Null,
        };
        // A default stands in only where the source holds no value.
        let fallback = op.fallback.as_ref().map_or(Ok(Got::Missing), |fallback| self.get(fallback, spare))?;
        let how = match (source, fallback) {
            (_, Got::Value(value)) => return self.value(op, value, out),
            (Got::Null, Got::Missing) | (_, Got::Null) => op.null_as,
            (Got::Empty, Got::Missing) | (_, Got::Empty) => op.empty_as,
            _ => op.missing_as,
        };
        if op.required {
            return Err(FieldFaultKind::Missing.into());
        }
        // A null or an empty element is a place of its own, an omitted one is not.
        Ok(Wrote { place: absent(op, how, out), lossy: false })
    }

    fn value(&self, op: &FieldOp, value: Value<'_>, out: &mut Vec<u8>) -> Outcome<Wrote> {
        // A validity without end, on a side that writes it as nothing.
        if value == Value::NoEnd && matches!(&op.put, Put::Validity { no_end: None, .. } | Put::Date(_)) {
            return Ok(Wrote { place: absent(op, op.null_as, out), lossy: false });
        }
        op.before.write_member(out);
        let lossy = self.put(op, value, out)?;
        op.after.write(out);
        Ok(Wrote { place: !op.is_constant(), lossy })
    }

    fn list(&self, op: &ListOp, output: &mut Output<'_>) {
        let (level, list, length) = match op.source {
            ListSource::Slot { level, slot } => {
                let list = self.slot(level, slot);
                (usize::from(level), list, if list.kind == Kind::List { list.len } else { 0 })
            }
            ListSource::FaultFields => {
                let fields = self.context.fault.map_or(0, |fault| fault.fields.len());
                (0, crate::domain::format::Slot::default(), u32::try_from(fields).unwrap_or(u32::MAX))
            }
            ListSource::Nothing => (0, crate::domain::format::Slot::default(), 0),
        };
        if self.depth + 1 >= LEVELS {
            return;
        }
        if length == 0 && op.required {
            let note = op.from.as_deref().unwrap_or(&op.to);
            output.faults.push(note, &self.positions[..self.depth], FieldFaultKind::Missing);
        }
        if length == 0 && list.kind != Kind::List && !op.keep {
            return;
        }
        op.open.write_member(&mut output.out);
        output.places += usize::from(!op.open.is_empty());
        let mut view = *self;
        view.depth += 1;
        let mut frame = list.off;
        let mut number = 0;
        for position in 0..length {
            view.positions[self.depth] = position;
            if list.kind == Kind::List {
                view.frames[(level + 1) % ROOM] = frame;
                frame = self.scratch.slot(frame, 0).off;
            }
            if op.filter.as_ref().is_some_and(|filter| !view.holds(filter)) {
                continue;
            }
            let start = output.out.len();
            if number > 0 {
                op.between.write(&mut output.out);
            }
            // The index of an item is its number among those written, not among those read.
            view.numbers[self.depth % ROOM] = number;
            if view.item(op, number, output) {
                output.places += 1;
                number += 1;
            } else {
                output.out.truncate(start);
            }
        }
        op.close.write(&mut output.out);
    }

    /// Writes an item; false where nothing but its comma was written: a plain value that is not there.
    fn item(&self, op: &ListOp, number: i64, output: &mut Output<'_>) -> bool {
        op.item_open.write_member(&mut output.out);
        if let Some(first) = op.numbered_from {
            crate::domain::value::write_integer(number + first, &mut output.out);
            output.out.push(b'"');
        }
        for attribute in &op.item_attributes {
            self.field(attribute, output);
        }
        op.item_open_end.write(&mut output.out);
        let opened = output.out.len();
        self.ops(&op.ops, output);
        let is_bare = !op.item_open.is_empty() && op.item_close.is_empty();
        op.item_close.write(&mut output.out);
        !is_bare || output.out.len() > opened
    }

    fn keep(&self, output: &mut Output<'_>) -> Kept {
        let mut kept = Kept::with_room_for(self.plan.keeps.len());
        for keep in &self.plan.keeps {
            let got = keep.source.as_ref().map(|source| self.get(source, output.spare));
            match got {
                Some(Ok(Got::Value(value))) => kept.push_written(|out| write_canonical(value, out)),
                Some(Ok(Got::Empty)) => kept.push(Some(b"")),
                _ => kept.push(None),
            }
        }
        kept
    }

    #[cold]
    fn explain(&self, op: &FieldOp, start: usize, lossy: bool, output: &mut Output<'_>) {
        let mut spare = Spare::default();
        let got = op.source.as_ref().map(|source| self.get(source, &mut spare));
        let mut canonical = Vec::new();
        if let Some(Ok(Got::Value(value))) = got {
            write_canonical(value, &mut canonical);
        } else {
            let mut spare = Spare::default();
            if let Some(Ok(Got::Value(value))) = op.fallback.as_ref().map(|fallback| self.get(fallback, &mut spare)) {
                write_canonical(value, &mut canonical);
            }
        }
        let raw = self.explain_raw(op);
        let written = &output.out[start.min(output.out.len())..];
        let result = written.strip_suffix(&*op.after).unwrap_or(written);
        let before = op.before.strip_prefix(b",").filter(|_| !result.starts_with(b",")).unwrap_or(&op.before);
        let result = result.strip_prefix(before).unwrap_or(result);
        let result = String::from_utf8_lossy(result).into_owned();
        let canonical = String::from_utf8_lossy(&canonical).into_owned();
        let table_line = self.table_line(op);
        if let Some(trace) = output.trace.as_deref_mut() {
            let texts = super::explain::Texts { source: raw, canonical, result };
            trace.push(op, &self.positions[..self.depth], texts, lossy, table_line);
        }
    }
}
