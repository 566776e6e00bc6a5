//! Trees for tests, built from paths.

use jingyue::domain::format::Action;
use jingyue::domain::format::Key;
use jingyue::domain::format::Kind;
use jingyue::domain::format::NestedFormat;
use jingyue::domain::format::Node;
use jingyue::domain::format::NodeId;
use jingyue::domain::format::Scratch;
use jingyue::domain::format::SlotNumber;
use jingyue::domain::format::Tree;
use jingyue::domain::format::escape;

/// A tree that grows by paths such as `Envelope/Body/information!xml/PACKAGE`; `!xml` and `!json` mark a text that is
/// a document. Documents begin at node 0.
pub(crate) struct Shape {
    pub(crate) tree: Tree,
}

impl Shape {
    pub(crate) fn new() -> Self {
        Self { tree: Tree { nodes: vec![Node::default()], frame: 1, ..Tree::default() } }
    }

    fn slot(&mut self) -> SlotNumber {
        self.tree.frame += 1;
        self.tree.frame - 1
    }

    fn node(&mut self, node: Node) -> NodeId {
        self.tree.nodes.push(node);
        NodeId::try_from(self.tree.nodes.len() - 1).unwrap()
    }

    fn add(&mut self, node: NodeId, name: &str, action: Action) {
        self.tree.nodes[usize::from(node)].keys.push(Key { name: name.as_bytes().into(), namespace: None, action });
    }

    /// The node that the parents of `path` lead to, and the last name.
    fn parent<'p>(&mut self, path: &'p str) -> (NodeId, &'p str) {
        let (parents, last) = path.rsplit_once('/').unwrap_or(("", path));
        let mut at = 0;
        for step in parents.split('/').filter(|step| !step.is_empty()) {
            let (name, format) = match step.split_once('!') {
                Some((name, "xml")) => (name, Some(NestedFormat::Xml)),
                Some((name, _)) => (name, Some(NestedFormat::Json)),
                None => (step, None),
            };
            let known = self.tree.nodes[usize::from(at)].keys.iter().find_map(|key| match &key.action {
                Action::Enter { node, .. } | Action::Nested { node, .. } if *key.name == *name.as_bytes() => {
                    Some(*node)
                }
                _ => None,
            });
            at = known.unwrap_or_else(|| {
                let (slot, node) = (self.slot(), self.node(Node::default()));
                let action = match format {
                    Some(format) => Action::Nested { slot, format, node },
                    None => Action::Enter { slot, node },
                };
                self.add(at, name, action);
                node
            });
        }
        (at, last)
    }

    pub(crate) fn leaf(&mut self, path: &str) -> SlotNumber {
        let (node, name) = self.parent(path);
        let slot = self.slot();
        self.add(node, name, Action::Leaf(slot));
        slot
    }

    /// A list whose items have `columns` as slots 1, 2, …; the slot after those is an item's own text.
    pub(crate) fn list(&mut self, path: &str, columns: &[&str]) -> SlotNumber {
        let (node, name) = self.parent(path);
        let keys = (1..).zip(columns).map(|(number, column)| Key {
            name: column.as_bytes().into(),
            namespace: None,
            action: Action::Leaf(number),
        });
        let text = SlotNumber::try_from(columns.len() + 1).unwrap();
        let item = Node { keys: keys.collect(), text: Some(text), ..Node::default() };
        let (slot, item) = (self.slot(), self.node(item));
        self.add(node, name, Action::List { slot, node: item, frame: text + 1 });
        slot
    }
}

/// Kind and decoded text of a place; of a list the number of items.
pub(crate) fn at(scratch: &Scratch, input: &[u8], frame: u32, number: SlotNumber) -> (Kind, String) {
    let slot = scratch.slot(frame, number);
    if slot.kind == Kind::List {
        return (slot.kind, slot.len.to_string());
    }
    let mut spare = Vec::new();
    let text = escape::text(slot.kind, scratch.raw(input, slot), &mut spare);
    (slot.kind, String::from_utf8(text.to_vec()).unwrap())
}

/// The frames of a list's items.
pub(crate) fn items(scratch: &Scratch, list: SlotNumber) -> Vec<u32> {
    let slot = scratch.slot(0, list);
    let first = if slot.kind == Kind::List { slot.off } else { 0 };
    let next = |frame: &u32| Some(scratch.slot(*frame, 0).off);
    std::iter::successors(Some(first), next).take_while(|frame| *frame != 0).collect()
}
