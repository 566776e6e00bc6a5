//! Elements that are not what is wanted at their place: text where members should be, another namespace.

use crate::domain::format::Action;
use crate::domain::format::Misfit;
use crate::domain::format::Node;
use crate::domain::format::Wanted;
use crate::domain::format::scan;
use crate::domain::format::xml::Reader;
use crate::domain::format::xml::tag::Tag;

impl Reader<'_> {
    /// An element that wants members and was just passed: text beside them is another kind of thing.
    #[inline]
    pub(super) fn tell_strays(&mut self, before: u32, place: u32) {
        if self.scratch.strays != before {
            self.scratch.strays = before;
            self.scratch.misfits.push(Misfit { place, wanted: Wanted::Object });
        }
    }

    /// An element that no key takes: notes whether it would have been taken in another namespace.
    pub(super) fn note_foreign(&mut self, node: Option<&Node>, tag: &Tag, frame: u32) {
        let (off, len) = tag.name.local();
        let local = self.bytes(off, len);
        for key in node.into_iter().flat_map(|node| &node.keys) {
            let Some(namespace) = key.namespace.filter(|_| scan::same(&key.name, local)) else { continue };
            let (Action::Leaf(slot)
            | Action::Enter { slot, .. }
            | Action::List { slot, .. }
            | Action::FirstRest { slot, .. }
            | Action::Nested { slot, .. }) = &key.action
            else {
                continue;
            };
            let place = frame + u32::from(*slot);
            self.scratch.misfits.push(Misfit { place, wanted: Wanted::Namespace(namespace) });
        }
    }
}
