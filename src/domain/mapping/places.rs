//! Places that the reader could not take as they are declared: there twice, or another kind of thing.
//!
//! The reader notes them by number; here they get their path back. That walks through lists, which is slow and rare.

use super::checks::Faults;
use super::plan::RowNote;
use super::values::View;
use crate::domain::fault::FIELD_FAULTS_MAX;
use crate::domain::fault::FieldFaultKind;
use crate::domain::format::Kind;
use crate::domain::format::Wanted;

/// A place by its row and the positions in the lists around it.
struct Found<'v> {
    note: Option<&'v RowNote>,
    positions: Vec<u32>,
}

impl View<'_> {
    /// Everything that occurred twice or was of another kind.
    #[inline]
    pub(super) fn check_places(&self, faults: &mut Faults) {
        if !self.scratch.duplicates.is_empty() || !self.scratch.misfits.is_empty() {
            self.tell_places(faults);
        }
    }

    #[cold]
    fn tell_places(&self, faults: &mut Faults) {
        for place in &self.scratch.duplicates {
            self.tell_place(*place, FieldFaultKind::Duplicate, faults);
        }
        for misfit in &self.scratch.misfits {
            let expected = match misfit.wanted {
                Wanted::List => "列表".to_owned(),
                Wanted::Namespace(number) => {
                    let is_there = self.scratch.slots.get(misfit.place as usize);
                    let namespace = self.plan.tree.namespaces.get(usize::from(number));
                    let Some(namespace) = namespace.filter(|_| is_there.is_some_and(|slot| slot.kind == Kind::Missing))
                    else {
                        continue;
                    };
                    format!("命名空间 {namespace} 中的元素")
                }
                Wanted::Object => "对象（含下级字段）".to_owned(),
                Wanted::Text => "文字（内含报文）".to_owned(),
            };
            self.tell_place(misfit.place, FieldFaultKind::WrongForm { expected }, faults);
        }
    }

    fn tell_place(&self, place: u32, what: FieldFaultKind, faults: &mut Faults) {
        if faults.list.len() >= FIELD_FAULTS_MAX {
            faults.more += 1;
            return;
        }
        let mut found = Found { note: None, positions: Vec::new() };
        self.find_place(place, 0, 0, None, &mut found);
        // The list itself is told by its name, an item of it with its number.
        let whole = RowNote { path: "报文".into(), ..RowNote::default() };
        let note = found.note.unwrap_or(&whole);
        faults.push_blind(note, &found.positions, what);
    }

    /// Looks for a place in the frame at `frame` of a scope, then in the lists inside; `own` is the row of the list
    /// that the frame is an item of. Items lie in the order in which they were read, each before what is inside it.
    fn find_place<'v>(
        &'v self,
        place: u32,
        scope: usize,
        frame: u32,
        own: Option<&'v RowNote>,
        found: &mut Found<'v>,
    ) -> bool {
        let Some(here) = self.plan.scopes.get(scope) else { return false };
        if let Some(number) = place.checked_sub(frame).filter(|number| (*number as usize) < here.rows.len()) {
            found.note = if number == 0 { own } else { here.rows[number as usize].as_deref() };
            return true;
        }
        for child in &here.children {
            let Some((_, number)) = self.plan.scopes.get(*child).and_then(|scope| scope.list) else { continue };
            let list = self.scratch.slot(frame, number);
            let note = here.rows.get(usize::from(number)).and_then(Option::as_deref);
            let mut item = list.off;
            for position in 0..if list.kind == Kind::List { list.len } else { 0 } {
                let next = self.scratch.slot(item, 0).off;
                if item <= place && (next == 0 || place < next) {
                    found.positions.push(position);
                    if self.find_place(place, *child, item, note, found) {
                        return true;
                    }
                    found.positions.pop();
                }
                item = next;
            }
        }
        false
    }
}
