//! How readers write slots: note a place, open the frame of a list item, link it to its list.
//!
//! It deliberately holds no reading state; a list's tail lies in its own first frame.

use crate::domain::fault::Fault;
use crate::domain::format::Kind;
use crate::domain::format::Limits;
use crate::domain::format::Misfit;
use crate::domain::format::Scratch;
use crate::domain::format::Slot;
use crate::domain::format::SlotNumber;
use crate::domain::format::Wanted;
use crate::domain::format::nested::Reading;
use crate::domain::format::scan;

/// Slots per member that a document may need. A list of empty items (`[{},{},…]`) would otherwise turn 3 bytes of
/// input into a whole frame; at the default of 1 000 000 members the frames end at 96 MB.
const SLOTS_PER_MEMBER: usize = 8;

/// Fewest slots that every document may use, whatever its limit of members.
const SLOTS_MIN: usize = 65_536;

impl Scratch {
    /// Whether nothing was noted yet at `number` of `frame`. Slot number 0 is no place and always free.
    #[inline]
    pub(super) fn is_free(&self, frame: u32, number: SlotNumber) -> bool {
        number == 0 || self.slot(frame, number).kind == Kind::Missing
    }

    /// Notes `slot` at `number` of `frame`. If something stands there already, it stays, the place goes to
    /// [`Scratch::duplicates`] and the answer is false.
    #[inline(always)]
    pub(super) fn note(&mut self, frame: u32, number: SlotNumber, slot: Slot) -> bool {
        if number == 0 {
            return true;
        }
        let place = frame + u32::from(number);
        match self.slots.get_mut(place as usize) {
            Some(free) if free.kind == Kind::Missing => {
                *free = slot;
                true
            }
            _ => {
                self.duplicates.push(place);
                false
            }
        }
    }

    /// Notes what was found at a place that wants a list or members.
    #[cold]
    pub(super) fn note_misfit(&mut self, frame: u32, number: SlotNumber, found: Slot, wanted: Wanted) {
        if self.note(frame, number, found) && found.kind != Kind::Null {
            self.misfits.push(Misfit { place: frame + u32::from(number), wanted });
        }
    }

    /// Notes the text of a place.
    ///
    /// # Errors
    /// When everything that was awaited has come, to end the readers; [`Scratch::awaited`] says so.
    #[inline(always)]
    pub(super) fn note_leaf(&mut self, frame: u32, number: SlotNumber, slot: Slot) -> Reading<()> {
        self.note(frame, number, slot);
        if self.awaited == 0 { Ok(()) } else { self.came(frame, number, slot) }
    }

    #[inline(never)]
    fn came(&mut self, frame: u32, number: SlotNumber, slot: Slot) -> Reading<()> {
        if frame == 0
            && number < 64
            && slot.len > 0
            && matches!(slot.kind, Kind::Text | Kind::JsonEscaped | Kind::XmlEscaped)
        {
            self.awaited &= !(1 << number);
            if self.awaited == 0 {
                return Err(Fault::Internal { reason: "enough was read" }.into());
            }
        }
        Ok(())
    }

    /// Appends an item to the list at `number` of `frame` and opens its frame of `size` slots. The first call makes
    /// the list. Returns the item's frame.
    ///
    /// # Errors
    /// When the document needs more slots than its limit of members allows.
    pub(super) fn append_item(
        &mut self,
        frame: u32,
        number: SlotNumber,
        size: u16,
        limits: &Limits,
    ) -> Result<u32, Fault> {
        let slots_max = limits.members_max.saturating_mul(SLOTS_PER_MEMBER).max(SLOTS_MIN).min(u32::MAX as usize);
        let item = self.slots.len();
        let end = item + usize::from(size).max(1);
        if end > slots_max {
            return Err(Fault::LimitExceeded { what: "列表占用的位置数", limit: slots_max });
        }
        if end > self.slots.capacity() && item > SLOTS_MIN / 4 {
            // Long lists: doubling would hold up to twice what the document needs.
            self.slots.reserve_exact(usize::from(size).max(item / 4));
        }
        self.slots.resize(end, Slot::default());
        let item = scan::narrow(item);
        let list = self.slot(frame, number);
        if list.kind == Kind::List && list.len > 0 {
            // The first frame's header keeps the tail in `len`, so that appending needs no walk.
            let first = list.off as usize;
            let tail = std::mem::replace(&mut self.slots[first].len, item) as usize;
            self.slots[tail].off = item;
        } else {
            self.slots[item as usize].len = item;
        }
        let off = if list.len > 0 { list.off } else { item };
        if let Some(slot) = self.slots.get_mut((frame + u32::from(number)) as usize) {
            *slot = Slot { off, len: list.len + 1, kind: Kind::List, buffer: 0 };
        }
        Ok(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::format::Tree;

    #[test]
    fn items_are_linked_in_order_even_between_others() {
        let mut scratch = Scratch::default();
        scratch.begin(&Tree { frame: 3, ..Tree::default() });
        let limits = Limits::default();
        let mut frames = Vec::new();
        for round in 0..4 {
            frames.push(scratch.append_item(0, 1, 2, &limits).unwrap());
            if round % 2 == 0 {
                scratch.append_item(0, 2, 5, &limits).unwrap();
            }
        }
        let list = scratch.slot(0, 1);
        assert_eq!((list.kind, list.len, list.off), (Kind::List, 4, frames[0]));
        let mut walked = Vec::new();
        let mut next = list.off;
        while next != 0 {
            walked.push(next);
            next = scratch.slots[next as usize].off;
        }
        assert_eq!(walked, frames);
        assert_eq!(scratch.slot(0, 2).len, 2);
    }

    #[test]
    fn frames_end_somewhere() {
        let mut scratch = Scratch::default();
        scratch.begin(&Tree { frame: 2, ..Tree::default() });
        let limits = Limits { members_max: 1, ..Limits::default() };
        let opened = (0..100).take_while(|_| scratch.append_item(0, 1, 10_000, &limits).is_ok()).count();
        assert_eq!(opened, 6);
    }

    #[test]
    fn the_first_note_stands() {
        let mut scratch = Scratch::default();
        scratch.begin(&Tree { frame: 3, ..Tree::default() });
        assert!(scratch.note(0, 2, Slot { kind: Kind::Null, ..Slot::default() }));
        assert!(!scratch.note(0, 2, Slot { kind: Kind::True, ..Slot::default() }));
        assert_eq!(scratch.slot(0, 2).kind, Kind::Null);
        assert_eq!(scratch.duplicates, [2]);
    }
}
