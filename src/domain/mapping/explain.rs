//! What became of every place: for `--explain`, the demo, and whoever asks why.

use super::plan::Direct;
use super::plan::FieldOp;
use super::plan::Put;
use super::plan::Read;
use super::plan::RowNote;
use super::plan::Source;
use super::values::View;
use std::sync::Arc;

/// One place of the target, and where its value came from.
#[derive(Clone, Debug)]
pub struct Line {
    /// The row of the source, where there is one.
    pub from: Option<Arc<RowNote>>,
    /// The row of the target.
    pub to: Arc<RowNote>,
    /// Text as it came.
    pub source: String,
    /// Canonical text.
    pub canonical: String,
    /// Text as it was written, escapes included.
    pub result: String,
    /// Written with a declared loss.
    pub lossy: bool,
    /// Code table and line of the row that was used.
    pub table_line: Option<(Arc<str>, usize)>,
    /// Positions in the lists around it, from 0.
    pub positions: Vec<u32>,
    /// True for constants of the mapping file.
    pub constant: bool,
}

/// All places of a message, in the order of the target.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub lines: Vec<Line>,
}

/// A value as it came, as it is meant, and as it was written.
pub(super) struct Texts {
    pub source: String,
    pub canonical: String,
    pub result: String,
}

impl Trace {
    pub(super) fn push(
        &mut self,
        op: &FieldOp,
        positions: &[u32],
        texts: Texts,
        lossy: bool,
        table_line: Option<(Arc<str>, usize)>,
    ) {
        let Texts { source, canonical, result } = texts;
        self.lines.push(Line {
            from: op.from.clone(),
            to: op.to.clone(),
            source,
            canonical,
            result,
            lossy,
            table_line,
            positions: positions.to_vec(),
            constant: op.is_constant(),
        });
    }
}

impl FieldOp {
    /// True where the value is a constant of the mapping file.
    pub(super) fn is_constant(&self) -> bool {
        matches!(self.source, Some(Source::Const { .. })) && self.fallback.is_none()
    }
}

impl View<'_> {
    /// The text of the source place, as it came.
    pub(super) fn explain_raw(&self, op: &FieldOp) -> String {
        let slot = match (&op.direct, &op.source) {
            (Some(Direct::Code { level, slot, .. } | Direct::Text { level, slot, .. }), _)
            | (None, Some(Source::Slot { level, slot, .. })) => self.slot(*level, *slot),
            (None, Some(Source::Licence { identifier, .. })) => match &**identifier {
                Source::Slot { level, slot, .. } => self.slot(*level, *slot),
                _ => return String::new(),
            },
            _ => return String::new(),
        };
        let mut spare = Vec::new();
        String::from_utf8_lossy(self.text(slot, &mut spare)).into_owned()
    }

    /// The line of the code table that gave the value.
    pub(super) fn table_line(&self, op: &FieldOp) -> Option<(Arc<str>, usize)> {
        let Some(Source::Slot { level, slot, read: Read::Code { lookup, conditions, table }, .. }) = &op.source else {
            return None;
        };
        let mut spare = Vec::new();
        let slot = self.slot(*level, *slot);
        let choice = self.choose(lookup, conditions, self.text(slot, &mut spare).trim_ascii())?;
        let line = match &op.put {
            Put::Code { lookup, table } => {
                return Some((table.clone(), self.choose(lookup, &[], choice.canonical.as_bytes())?.line));
            }
            _ => choice.line,
        };
        Some((table.clone(), line))
    }
}
