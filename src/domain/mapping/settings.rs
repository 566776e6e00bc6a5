//! Which settings of a system (`@setting.NAME`) its messages are written with.
//!
//! It deliberately reads no configuration: `app` compares.

use super::notation::CallName;
use super::plan::FieldOp;
use super::plan::Op;
use super::plan::Plan;
use super::plan::Source;
use super::program::Program;
use std::collections::BTreeMap;

/// True for settings without which a place stays empty; false where something else stands in.
type Settings<'p> = BTreeMap<&'p str, bool>;

impl Program {
    /// Names of the settings that messages to systems of a profile are written with, each true where nothing else stands
    /// in for it.
    pub fn settings_of(&self, profile: &str) -> BTreeMap<&str, bool> {
        let mut found = Settings::new();
        for pair in self.pairs().filter(|pair| pair.to == profile) {
            pair.request.settings(&mut found);
        }
        found
    }
}

impl Plan {
    /// Adds the names of the settings that this plan writes.
    pub(super) fn settings<'p>(&'p self, found: &mut Settings<'p>) {
        of_ops(&self.ops, found);
    }
}

fn of_ops<'p>(ops: &'p [Op], found: &mut Settings<'p>) {
    for op in ops {
        match op {
            Op::Field(op) => of_field(op, found),
            Op::Group { attributes, ops, .. } => {
                for op in attributes {
                    of_field(op, found);
                }
                of_ops(ops, found);
            }
            Op::List(list) => {
                for op in &list.item_attributes {
                    of_field(op, found);
                }
                of_ops(&list.ops, found);
            }
            Op::Literal(_) => {}
            Op::Parameter { ops, .. } => of_ops(ops, found),
        }
    }
}

fn of_field<'p>(op: &'p FieldOp, found: &mut Settings<'p>) {
    let name = |source: &'p Option<Source>| match source {
        Some(Source::Call(CallName::Setting(name))) => Some(name.as_str()),
        _ => None,
    };
    if let Some(name) = name(&op.source) {
        *found.entry(name).or_default() |= op.fallback.is_none();
    }
    if let Some(name) = name(&op.fallback) {
        found.entry(name).or_default();
    }
}
