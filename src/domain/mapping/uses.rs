//! Which places of which messages a code table touches.
//!
//! It deliberately says nothing of what happens there: that is the certificate's work.

use super::address;
use super::catalogue::Catalogue;
use super::compile::MessageKind;
use super::message::MessageRow;
use super::message::RowField;
use super::notation::AddressPart;
use super::notation::ConditionText;
use super::notation::Convert;
use super::notation::Fallback;
use super::notation::Test;
use super::profile::Profile;
use super::profile::Service;
use super::program::Compiler;
use super::program::Program;
use super::source::Files;
use crate::domain::codes::Way;
use std::collections::BTreeSet;

/// The table of return codes: every profile that has a result uses it without any row saying so.
const FAULTS: &str = "fault";

/// How a place uses a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A code of the set stands there.
    Code,
    /// A condition or a default names a canonical code.
    Named,
    /// The answer's own return code.
    Result,
}

/// One place of one message that uses a code table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub matter: String,
    pub title: String,
    pub step: String,
    /// Profiles of the caller and of the handling side: the direction.
    pub from: String,
    pub to: String,
    /// The profile in whose message the place is.
    pub profile: String,
    pub kind: MessageKind,
    /// The message file.
    pub file: String,
    pub line: usize,
    pub path: String,
    /// The canonical field, or empty.
    pub field: String,
    pub field_title: String,
    pub table: String,
    /// The set of codes; empty where the canonical codes themselves are meant.
    pub set: String,
    pub role: Role,
    /// The canonical code that is named, for [`Role::Named`].
    pub code: String,
}

/// A row of a code table that a code is found in, as it is asked for on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub canonical: String,
    pub title: String,
    /// Set, code, and which way it may be used, for the sets that have one.
    pub codes: Vec<(String, String, Way)>,
}

impl Program {
    /// Every use of every code table, in the order of matters, steps and directions.
    pub fn uses(&self, files: &Files) -> Vec<Use> {
        let catalogue = self.catalogue();
        let mut compiler = Compiler::new(files, catalogue);
        let mut uses = BTreeSet::new();
        for pair in self.pairs() {
            for (name, service) in [(&pair.from, &pair.from_service), (&pair.to, &pair.to_service)] {
                let Some(system) = self.system(name) else { continue };
                for kind in [MessageKind::Request, MessageKind::Answer] {
                    let request = kind == MessageKind::Request;
                    let file = if request { &service.request } else { &service.answer };
                    let blank = Use {
                        matter: pair.matter.code.to_string(),
                        title: pair.matter.title.clone(),
                        step: pair.step.to_string(),
                        from: pair.from.clone(),
                        to: pair.to.clone(),
                        profile: name.clone(),
                        kind,
                        file: format!("messages/{name}/{file}.csv"),
                        line: 0,
                        path: String::new(),
                        field: String::new(),
                        field_title: String::new(),
                        table: String::new(),
                        set: String::new(),
                        role: Role::Code,
                        code: String::new(),
                    };
                    let message = compiler.of_matter(&system.profile, file, service, request, &pair.matter);
                    for row in message.iter().flat_map(|message| &message.rows) {
                        of_row(catalogue, row, &blank, &mut uses);
                    }
                    // The handling side's return code is read before anything else of its answer.
                    if !request && *name == pair.to {
                        of_result(&system.profile, service, &blank, &mut uses);
                    }
                }
            }
        }
        uses.into_iter().collect()
    }

    /// The rows of a table that a code belongs to: as canonical code, or as the code of any set.
    pub fn find_code(&self, table: &str, code: &str) -> Vec<Found> {
        let Some(table) = self.catalogue().tables.get(table) else { return Vec::new() };
        let mut found = Vec::new();
        for row in table.rows() {
            let cells = table.sets.iter().zip(&row.cells).filter_map(|(set, cell)| Some((set, cell.as_ref()?)));
            let codes: Vec<_> = cells.map(|(set, cell)| (set.clone(), cell.code.clone(), cell.way)).collect();
            if row.canonical == code || codes.iter().any(|(_, own, _)| own == code) {
                found.push(Found { canonical: row.canonical.clone(), title: row.title.clone(), codes });
            }
        }
        found
    }
}

fn of_result(profile: &Profile, service: &Service, blank: &Use, uses: &mut BTreeSet<Use>) {
    let Some(words) = &profile.result else { return };
    for path in &words.code {
        uses.insert(Use {
            file: profile.file.clone(),
            path: path.replace("{operation}", &service.operation),
            table: FAULTS.into(),
            set: words.set.clone(),
            role: Role::Result,
            ..blank.clone()
        });
    }
}

fn of_row(catalogue: &Catalogue, row: &MessageRow, blank: &Use, uses: &mut BTreeSet<Use>) {
    let (field, field_title) = match &row.field {
        RowField::Canonical(id) => (id.clone(), catalogue.field(id).map_or(String::new(), |field| field.title.clone())),
        RowField::Call(_) | RowField::None => (String::new(), String::new()),
    };
    let here = Use {
        // An included row stands in the included file, a name in names.csv.
        file: row.place.file.clone(),
        line: row.place.line,
        path: row.path.clone(),
        field,
        field_title,
        ..blank.clone()
    };
    match &row.conversion.convert {
        Convert::Code { table, set, .. } => {
            uses.insert(Use { table: table.clone(), set: set.clone(), ..here.clone() });
        }
        Convert::Address(AddressPart::Division | AddressPart::Rest | AddressPart::Text) => {
            uses.insert(Use { table: address::TABLE.into(), set: address::SET.into(), ..here.clone() });
        }
        _ => {}
    }
    let mut named = |field: &str, code: &str| {
        if let Some(table) = catalogue.field(field).and_then(|field| field.table.clone()) {
            uses.insert(Use { table, role: Role::Named, code: code.to_owned(), ..here.clone() });
        }
    };
    if let Some(condition) = &row.condition {
        of_condition(condition, &mut named);
    }
    match &row.fallback {
        Some(Fallback::Choose { choices, otherwise }) => {
            for (condition, code) in choices {
                of_condition(condition, &mut named);
                named(&here.field, code);
            }
            if let Some(code) = otherwise {
                named(&here.field, code);
            }
        }
        Some(Fallback::Is { field, value }) => named(field, value),
        Some(Fallback::Text(code)) => named(&here.field, code),
        _ => {}
    }
}

fn of_condition(condition: &ConditionText, named: &mut dyn FnMut(&str, &str)) {
    for (field, test) in &condition.0 {
        if let Test::Differs(code) | Test::Equals(code) = test {
            named(field, code);
        }
    }
}
