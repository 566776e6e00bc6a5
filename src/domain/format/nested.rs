//! Documents within texts of other documents: XML in a CDATA section, JSON in a string, lines in a field.
//!
//! Text without escapes is read where it stands; only escaped text is decoded first, into the side buffer of the
//! next level. It deliberately leaves the grammar to the readers.

use crate::domain::fault::Fault;
use crate::domain::format::Kind;
use crate::domain::format::Limits;
use crate::domain::format::NestedFormat;
use crate::domain::format::NodeId;
use crate::domain::format::SIDES;
use crate::domain::format::Scratch;
use crate::domain::format::Slot;
use crate::domain::format::Tree;
use crate::domain::format::escape;
use crate::domain::format::json;
use crate::domain::format::records;
use crate::domain::format::scan;
use crate::domain::format::xml;

/// Depth that no setting can exceed: the readers call themselves once per level.
const DEPTH_CEILING: usize = 200;

/// What a step of a reader gives. A fault is large; boxed, it leaves the usual result in two registers.
pub(super) type Reading<T> = Result<T, Box<Fault>>;

/// Where a document lies: from `start` to the end of `bytes`, which are UTF-8.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The buffer, cut off at the end of the document. Slots count from its beginning.
    pub(super) bytes: &'a [u8],
    /// First byte of the document.
    pub(super) start: usize,
    /// Number of the buffer, as slots carry it.
    pub(super) buffer: u8,
    /// The frame that the document's slots belong to.
    pub(super) frame: u32,
    /// Levels that enclosing documents have open already.
    pub(super) depth: usize,
}

impl<'a> Place<'a> {
    /// A whole buffer as a document of the root frame.
    pub(super) const fn whole(bytes: &'a [u8], buffer: u8) -> Self {
        Self { bytes, start: 0, buffer, frame: 0, depth: 0 }
    }

    /// Checks the size of the document.
    ///
    /// # Errors
    /// When it is larger than `limits.bytes_max`, or than a slot can address.
    pub(super) fn check_size(&self, limits: &Limits) -> Result<(), Fault> {
        let limit = limits.bytes_max.min(u32::MAX as usize);
        if self.bytes.len() > limit {
            return Err(Fault::LimitExceeded { what: "字节数", limit });
        }
        Ok(())
    }

    /// The document without a byte-order mark.
    pub(super) fn after_mark(&self) -> usize {
        let marked = self.bytes.get(self.start..).is_some_and(|rest| rest.starts_with("\u{FEFF}".as_bytes()));
        if marked { self.start + 3 } else { self.start }
    }
}

/// The deepest level that `limits` allow.
#[inline]
pub(super) const fn depth_max(limits: &Limits) -> usize {
    if limits.depth_max < DEPTH_CEILING { limits.depth_max } else { DEPTH_CEILING }
}

/// Reads the document that is the text `text` of the document at `within`, into the same frame. Empty or blank text
/// is no document; the slot that notes the text tells what there was.
///
/// # Errors
/// Those of the reader, and when texts are nested deeper than there are side buffers.
pub(super) fn read(
    (tree, node): (&Tree, NodeId),
    format: &NestedFormat,
    text: Slot,
    within: Place<'_>,
    scratch: &mut Scratch,
    limits: &Limits,
) -> Result<(), Fault> {
    let start = text.off as usize;
    let end = start + text.len as usize;
    let depth = within.depth + 1;
    if depth > depth_max(limits) {
        return Err(Fault::LimitExceeded { what: "嵌套层数", limit: depth_max(limits) });
    }
    match text.kind {
        Kind::Text => {
            let bytes = within.bytes.get(..end).unwrap_or_default();
            dispatch((tree, node), format, Place { bytes, start, depth, ..within }, scratch, limits)
        }
        Kind::JsonEscaped | Kind::XmlEscaped => {
            let level = usize::from(within.buffer);
            if level >= SIDES {
                return Err(Fault::LimitExceeded { what: "转义嵌套层数", limit: SIDES });
            }
            // The buffer leaves the scratch while it is read. Earlier documents of this level stay in it.
            let mut side = std::mem::take(&mut scratch.sides[level]);
            let start = side.len();
            let raw = within.bytes.get(text.off as usize..end).unwrap_or_default();
            let outcome = escape::unescape(text.kind, raw, &mut side).and_then(|()| {
                let place = Place { bytes: &side, start, buffer: within.buffer + 1, frame: within.frame, depth };
                dispatch((tree, node), format, place, scratch, limits)
            });
            scratch.sides[level] = side;
            outcome
        }
        _ => Ok(()),
    }
}

fn dispatch(
    (tree, node): (&Tree, NodeId),
    format: &NestedFormat,
    place: Place<'_>,
    scratch: &mut Scratch,
    limits: &Limits,
) -> Result<(), Fault> {
    let first = scan::skip_space(place.bytes, place.start);
    if first == place.bytes.len() {
        return Ok(());
    }
    match format {
        NestedFormat::Json => json::read_place(tree, node, place, scratch, limits),
        // Line ends around a CDATA section stand before the nested document's XML declaration.
        NestedFormat::Xml => xml::read_place(tree, node, Place { start: first, ..place }, scratch, limits),
        NestedFormat::Delimited(spec) => records::read_place((tree, node), spec, place, scratch, limits),
    }
}

/// Runs `read` on the side buffer `level`, which leaves the scratch meanwhile.
///
/// # Errors
/// Those of `read`, and when there is no such buffer or its bytes are not UTF-8.
pub(super) fn with_side(
    level: usize,
    scratch: &mut Scratch,
    read: impl FnOnce(Place<'_>, &mut Scratch) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let (Some(side), Ok(buffer)) = (scratch.sides.get_mut(level), u8::try_from(level + 1)) else {
        return Err(Fault::Internal { reason: "no such side buffer" });
    };
    let side = std::mem::take(side);
    let outcome = scan::check_utf8(&side).and_then(|()| read(Place::whole(&side, buffer), scratch));
    scratch.sides[level] = side;
    outcome
}
