//! The tree that a reader walks with, from the places of a message.

use super::message::Message;
use super::message::Node as Branch;
use super::message::RowField;
use super::message::is_attribute;
use super::message::is_list;
use super::message::list_name;
use super::notation::Convert;
use super::notation::Segment;
use super::notation::SegmentKind;
use super::plan::LEVELS;
use super::plan::RowNote;
use super::plan::Scope;
use super::profile::Profile;
use super::source::Diagnostic;
use crate::domain::format::Action;
use crate::domain::format::Key;
use crate::domain::format::Name;
use crate::domain::format::Naming;
use crate::domain::format::NestedFormat;
use crate::domain::format::Node;
use crate::domain::format::NodeId;
use crate::domain::format::SlotNumber;
use crate::domain::format::Tree;
use crate::domain::format::records::Delimited;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Where a row or list lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub scope: usize,
    /// List level of the scope; 0 is the root.
    pub level: u8,
    pub slot: SlotNumber,
}

/// A tree, and where everything in it lies.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub tree: Tree,
    pub start: NodeId,
    pub scopes: Vec<Scope>,
    /// Spots of rows that have one.
    pub rows: FxHashMap<usize, Spot>,
    /// Canonical lists: the spot of the list in its parent scope, and the scope of its items.
    pub lists: FxHashMap<String, (Spot, usize)>,
    next: Vec<SlotNumber>,
}

/// Builds the layout of a message; `separator` is what its paths have between two steps.
pub(super) fn layout(
    profile: &Profile,
    separator: char,
    message: &Message,
    notes: &[Arc<RowNote>],
    faults: &mut Vec<Diagnostic>,
) -> Layout {
    let mut layout = Layout::default();
    layout.add_scope(None, 0);
    if let Some(naming) = &profile.naming {
        let elements = vec![naming.leaf.as_bytes().into(), naming.list.as_bytes().into()];
        layout.tree.naming = Naming::Attribute { elements, attribute: naming.attribute.as_bytes().into() };
    }
    let mut building = Building { profile, separator, message, notes, faults, layout: &mut layout, steps: 0 };
    let start = building.node(&message.roots, 0, 0);
    layout.start = start;
    layout.tree.frame = layout.next[0];
    layout
}

/// A layout of single paths, for looking into a message before its plan is chosen. Slots are numbered from 1.
pub(super) fn layout_of_paths(profile: &Profile, paths: &[Vec<Segment>]) -> (Tree, NodeId) {
    let mut tree = Tree { nodes: vec![Node::default()], frame: 1, ..Tree::default() };
    if let Some(naming) = &profile.naming {
        let elements = vec![naming.leaf.as_bytes().into(), naming.list.as_bytes().into()];
        tree.naming = Naming::Attribute { elements, attribute: naming.attribute.as_bytes().into() };
    }
    // Paths may share steps, so slots of leaves come first and the steps' own behind them.
    tree.frame = u16::try_from(paths.len() + 1).unwrap_or(u16::MAX);
    for (index, path) in paths.iter().enumerate() {
        let mut at: NodeId = 0;
        for (step, segment) in path.iter().enumerate() {
            let name = if segment.name == "*" { Name::default() } else { segment.name.as_bytes().into() };
            let last = step + 1 == path.len();
            let nested = path.get(step + 1).is_some_and(|next| next.nested);
            let known = tree.nodes[usize::from(at)]
                .keys
                .iter()
                .find(|key| key.name == name)
                .and_then(|key| enter_of(&key.action));
            if let (Some(node), false) = (known, last) {
                at = node;
                continue;
            }
            let action = if last {
                Action::Leaf(u16::try_from(index + 1).unwrap_or(u16::MAX))
            } else {
                let slot = tree.frame;
                tree.frame += 1;
                tree.nodes.push(Node::default());
                let node = u16::try_from(tree.nodes.len() - 1).unwrap_or(u16::MAX);
                if nested {
                    Action::Nested { slot, format: NestedFormat::Xml, node }
                } else {
                    Action::Enter { slot, node }
                }
            };
            let next = enter_of(&action);
            let action = match segment.kind {
                SegmentKind::First => {
                    let slot = tree.frame;
                    tree.frame += 1;
                    Action::FirstRest { slot, first: Box::new(action), rest: Box::new(Action::Skip) }
                }
                _ => action,
            };
            tree.nodes[usize::from(at)].keys.push(Key { name, namespace: None, action });
            at = next.unwrap_or(at);
        }
    }
    (tree, 0)
}

fn enter_of(action: &Action) -> Option<NodeId> {
    match action {
        Action::Enter { node, .. } | Action::Nested { node, .. } => Some(*node),
        Action::FirstRest { first, .. } => enter_of(first),
        _ => None,
    }
}

impl Layout {
    fn add_scope(&mut self, list: Option<(usize, SlotNumber)>, level: usize) -> usize {
        debug_assert!(level < LEVELS);
        self.scopes.push(Scope { list, rows: vec![None], ..Scope::default() });
        self.next.push(1);
        let scope = self.scopes.len() - 1;
        if let Some((parent, _)) = list {
            self.scopes[parent].children.push(scope);
        }
        scope
    }

    fn slot(&mut self, scope: usize, note: Option<Arc<RowNote>>) -> SlotNumber {
        let slot = self.next[scope];
        self.next[scope] += 1;
        self.scopes[scope].rows.push(note);
        slot
    }
}

struct Building<'a> {
    profile: &'a Profile,
    message: &'a Message,
    notes: &'a [Arc<RowNote>],
    faults: &'a mut Vec<Diagnostic>,
    layout: &'a mut Layout,
    separator: char,
    /// Steps of the path of the branches that are being gone through.
    steps: usize,
}

impl Building<'_> {
    fn node(&mut self, branches: &[Branch], scope: usize, level: usize) -> NodeId {
        let id = self.layout.tree.nodes.len();
        self.layout.tree.nodes.push(Node::default());
        let mut node = Node::default();
        self.steps += 1;
        for branch in branches {
            if is_attribute(branch) {
                if let Some(slot) = branch.row.and_then(|row| self.row_slot(row, scope, level)) {
                    node.attributes.push((branch.segment.name.as_bytes().into(), slot));
                }
                continue;
            }
            let same = |kind: SegmentKind| {
                branches.iter().find(|other| other.segment.name == branch.segment.name && other.segment.kind == kind)
            };
            let action = match branch.segment.kind {
                SegmentKind::First if same(SegmentKind::Rest).is_some() => {
                    let slot = self.layout.slot(scope, self.container(branch));
                    let first = Box::new(self.action(branch, scope, level));
                    let rest = same(SegmentKind::Rest).map_or(Action::Skip, |rest| self.action(rest, scope, level));
                    Action::FirstRest { slot, first, rest: Box::new(rest) }
                }
                SegmentKind::Rest if same(SegmentKind::First).is_some() => continue,
                SegmentKind::Rest => {
                    let slot = self.layout.slot(scope, self.container(branch));
                    let rest = Box::new(self.action(branch, scope, level));
                    Action::FirstRest { slot, first: Box::new(Action::Skip), rest }
                }
                _ => self.action(branch, scope, level),
            };
            let name = if branch.segment.name == "*" { Name::default() } else { branch.segment.name.as_bytes().into() };
            node.keys.push(Key { name, namespace: self.namespace(&branch.segment.prefix), action });
        }
        self.steps -= 1;
        self.layout.tree.nodes[id] = node;
        u16::try_from(id).unwrap_or(u16::MAX)
    }

    fn namespace(&mut self, prefix: &str) -> Option<u16> {
        let name = self.profile.namespaces.get(prefix).filter(|_| !prefix.is_empty())?;
        let known = &mut self.layout.tree.namespaces;
        let index = known.iter().position(|known| **known == **name).unwrap_or_else(|| {
            known.push(name.as_str().into());
            known.len() - 1
        });
        u16::try_from(index).ok()
    }

    /// The slot of a row that is looked at when read; constants and things of the call are not.
    fn row_slot(&mut self, row: usize, scope: usize, level: usize) -> Option<SlotNumber> {
        let declared = &self.message.rows[row];
        let wanted = match &declared.conversion.convert {
            Convert::Count { .. } => true,
            Convert::Const(_) | Convert::Container | Convert::Index { .. } | Convert::List => false,
            _ => matches!(declared.field, RowField::Canonical(_)),
        };
        if !wanted {
            return None;
        }
        let slot = self.layout.slot(scope, self.notes.get(row).cloned());
        self.layout.rows.insert(row, Spot { scope, level: u8::try_from(level).unwrap_or_default(), slot });
        Some(slot)
    }

    fn action(&mut self, branch: &Branch, scope: usize, level: usize) -> Action {
        if is_list(branch) {
            return self.list(branch, scope, level);
        }
        if branch.children.is_empty() {
            return branch.row.and_then(|row| self.row_slot(row, scope, level)).map_or(Action::Skip, Action::Leaf);
        }
        if let Some(nested) = branch.children.iter().find(|child| child.segment.nested) {
            let format = self.nested_format(nested);
            let slot = self.layout.slot(scope, self.container(branch));
            let node = self.node(&branch.children, scope, level);
            return Action::Nested { slot, format, node };
        }
        let slot = self.layout.slot(scope, self.container(branch));
        let own = branch.row.and_then(|row| self.row_slot(row, scope, level));
        let node = self.node(&branch.children, scope, level);
        self.layout.tree.nodes[usize::from(node)].text = own;
        Action::Enter { slot, node }
    }

    fn nested_format(&self, nested: &Branch) -> NestedFormat {
        match &self.profile.nested.delimited {
            Some((separator, trailing)) if nested.segment.name == "ROW" && is_list(nested) => {
                NestedFormat::Delimited(Delimited { separator: separator.as_str().into(), trailing: *trailing })
            }
            _ => NestedFormat::Xml,
        }
    }

    /// What a person is told about a container or list: its own row, or the beginning of the path of a row inside.
    fn container(&self, branch: &Branch) -> Option<Arc<RowNote>> {
        let row = first_row(branch)?;
        if branch.row == Some(row) {
            return self.notes.get(row).cloned();
        }
        let path = &self.message.rows.get(row)?.path;
        let mut ends = path.match_indices(['!', self.separator]).map(|(at, _)| at);
        let end = ends.nth(self.steps.saturating_sub(1)).unwrap_or(path.len());
        Some(Arc::new(RowNote { path: path[..end].to_owned(), ..RowNote::default() }))
    }

    fn list(&mut self, branch: &Branch, scope: usize, level: usize) -> Action {
        let slot = self.layout.slot(scope, self.container(branch));
        if level + 1 >= LEVELS {
            if let Some(row) = first_row(branch) {
                let place = &self.message.rows[row].place;
                self.faults.push(Diagnostic::error(152, place, format!("列表套列表超过 {} 层", LEVELS - 1)));
            }
            return Action::Skip;
        }
        let items = self.layout.add_scope(Some((scope, slot)), level + 1);
        if let Some(name) = list_name(branch, &self.message.rows, level + 1) {
            let spot = Spot { scope, level: u8::try_from(level).unwrap_or_default(), slot };
            self.layout.lists.insert(name, (spot, items));
        }
        let own = branch.row.and_then(|row| self.row_slot(row, items, level + 1));
        let node = self.node(&branch.children, items, level + 1);
        self.layout.tree.nodes[usize::from(node)].text = own;
        Action::List { slot, node, frame: self.layout.next[items] }
    }
}

/// The first row at or below a branch.
pub(super) fn first_row(branch: &Branch) -> Option<usize> {
    branch.row.or_else(|| branch.children.iter().find_map(first_row))
}
