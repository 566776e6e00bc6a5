//! What a request says of the licences that it carries by their identifiers, before they are fetched.
//!
//! It is made for plans whose target has a place for what a licence says (`licence NAME` in a message file), and for no
//! other: those are asked in one comparison. It deliberately fetches and judges nothing.

use super::checks::numbered;
use super::context::Context;
use super::message::Message;
use super::notation::Convert;
use super::plan::Plan;
use super::plan::RowNote;
use super::plan::Source;
use super::resolve::Resolver;
use super::resolve::row_field;
use super::run::Workspace;
use super::source::Diagnostic;
use super::values::Got;
use super::values::Spare;
use super::values::View;
use super::values::write_canonical;
use crate::domain::codes::Lookup;
use crate::domain::codes::Otherwise;
use crate::domain::fault::Fault;
use crate::domain::format::Kind;
use crate::domain::format::SlotNumber;
use crate::domain::masked::Masked;
use crate::domain::value::Type;
use std::sync::Arc;

/// Most licences of one message.
pub const CARRIED_MAX: usize = 16;
/// The code table of materials, and its set of the types that are licences.
const MATERIALS: (&str, &str) = ("material-type", "licence");
/// Fields that name a holder: the applicant first, who is told where none of them holds the licence.
const HOLDERS: [&str; 5] = ["id_no", "uscc", "spouse_id_no", "minor_id_no", "legal_person_id_no"];

/// What a request says of its licences, and of the use that is made of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carries {
    /// Each identifier once, at most [`CARRIED_MAX`].
    pub licences: Vec<Carried>,
    /// Numbers of the persons and organisations that the request is about, the applicant's first.
    pub holders: Vec<Masked<String>>,
    /// True where an agent acts for the applicant.
    pub entrusted: bool,
    /// 办件编号, 窗口编号, 经办人工号, where the request has them.
    pub case: Option<String>,
    pub window: Option<String>,
    pub operator: Option<Masked<String>>,
}

/// One licence of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// 证照标识, as it was sent.
    pub identifier: String,
    /// 证照类型代码 that the material must have, where the request says what material it is.
    pub kind: Option<String>,
    /// The place of the identifier in the words of the side that sent it, and the field's title.
    pub path: String,
    pub title: String,
}

/// The compiled look.
#[derive(Debug)]
pub(super) struct Look {
    places: Vec<Place>,
    holders: Vec<Source>,
    agent: Option<Source>,
    case: Option<Source>,
    window: Option<Source>,
    operator: Option<Source>,
    /// Target rows that take something from a licence: the name of GB/T 36903, and the row.
    rows: Vec<(String, Arc<RowNote>)>,
}

#[derive(Debug)]
struct Place {
    /// The list at the root whose items carry a licence each; none for a licence beside it.
    list: Option<SlotNumber>,
    identifier: Source,
    material: Option<(Source, Option<Arc<Lookup>>)>,
    note: Arc<RowNote>,
}

impl Look {
    /// What is to be looked at for `target`; none where it takes nothing from a licence, or the source has no licence.
    pub(super) fn compile(
        target: &Message,
        target_notes: &[Arc<RowNote>],
        resolver: &mut Resolver<'_>,
    ) -> Option<Self> {
        let mut identifiers: Vec<&str> = Vec::new();
        let mut rows = Vec::new();
        for (index, row) in target.rows.iter().enumerate() {
            let Convert::Licence(name) = &row.conversion.convert else { continue };
            let identifier = row_field(&row.field);
            if !identifiers.contains(&identifier) {
                identifiers.push(identifier);
            }
            rows.extend(target_notes.get(index).map(|note| (name.clone(), Arc::clone(note))));
        }
        if rows.is_empty() {
            return None;
        }
        // Looking makes nothing of the message read: what is required and what is dropped is about what is written.
        let used = resolver.used.clone();
        let places: Vec<Place> =
            identifiers.iter().filter_map(|identifier| Place::compile(identifier, target, resolver)).collect();
        let mut value = |id: &str| {
            let kind = resolver.catalogue.field(id)?.kind;
            resolver.source(id, kind, None, &super::source::Place::default()).map(|(source, _)| source)
        };
        let holders = HOLDERS.iter().filter_map(|id| value(id)).collect();
        let (agent, case) = (value("agent_id_no"), value("case_no"));
        let (window, operator) = (value("window_no"), value("clerk_no"));
        resolver.used = used;
        (!places.is_empty()).then_some(Self { places, holders, agent, case, window, operator, rows })
    }
}

impl Place {
    fn compile(identifier: &str, target: &Message, resolver: &mut Resolver<'_>) -> Option<Self> {
        let place = target.rows.iter().find(|row| row_field(&row.field) == identifier)?.field_place.clone();
        let (source, row) = resolver.source(identifier, Type::Text, None, &place)?;
        let note = Arc::clone(resolver.notes.get(row?)?);
        let list = match identifier.rsplit_once("[].") {
            None => None,
            Some((list, _)) => {
                let (spot, _) = *resolver.layout.lists.get(list)?;
                if spot.level != 0 {
                    let found = format!("证照“{identifier}”在列表套列表中");
                    resolver.faults.push(Diagnostic::error(167, &place, found).expected("最多一层列表"));
                    return None;
                }
                Some(spot.slot)
            }
        };
        let prefix = identifier.rfind("[].").map_or("", |at| &identifier[..at + 3]);
        let beside = |id: &str, resolver: &mut Resolver<'_>| {
            let kind = resolver.catalogue.field(id)?.kind;
            resolver.source(&format!("{prefix}{id}"), kind, None, &place).map(|(source, _)| source)
        };
        let (table, set) = MATERIALS;
        let table = resolver.catalogue.tables.get(table).filter(|table| table.sets.iter().any(|known| known == set));
        let lookup = table.map(|table| resolver.lookups.compose(None, Some((table, set)), &Otherwise::Refuse));
        let material = match beside("licence_type", resolver) {
            Some(source) => Some((source, None)),
            None => lookup.and_then(|lookup| Some((beside("material_type", resolver)?, Some(lookup)))),
        };
        Some(Self { list, identifier: source, material, note })
    }
}

impl Plan {
    /// True where the target takes something from the licences that the source carries.
    pub const fn asks_licences(&self) -> bool {
        self.licences.is_some()
    }

    /// Places of the target that take something from a licence: the name of GB/T 36903, and the row.
    pub fn licence_rows(&self) -> impl Iterator<Item = (&str, &RowNote)> {
        self.licences.iter().flat_map(|look| &look.rows).map(|(name, note)| (name.as_str(), &**note))
    }

    /// What the request `input` says of its licences. What cannot be read is left out: a translation tells it.
    ///
    /// # Errors
    /// Faults of the form, and [`Fault::LimitExceeded`] for too many licences.
    pub fn carries(&self, input: &[u8], context: &Context<'_>, workspace: &mut Workspace) -> Result<Carries, Fault> {
        let Some(look) = &self.licences else { return Ok(Carries::default()) };
        self.read(input, &mut workspace.scratch)?;
        let scratch = &workspace.scratch;
        let mut view = View::root(self, input, scratch, context);
        let mut carries = Carries {
            holders: look.holders.iter().filter_map(|source| view.told(source)).map(Masked::new).collect(),
            entrusted: look.agent.as_ref().and_then(|source| view.told(source)).is_some(),
            case: look.case.as_ref().and_then(|source| view.told(source)),
            window: look.window.as_ref().and_then(|source| view.told(source)),
            operator: look.operator.as_ref().and_then(|source| view.told(source)).map(Masked::new),
            licences: Vec::new(),
        };
        for place in &look.places {
            let Some(list) = place.list else {
                view.carried(place, &[], &mut carries.licences)?;
                continue;
            };
            let list = view.slot(0, list);
            let length = if list.kind == Kind::List { list.len } else { 0 };
            let mut frame = list.off;
            for position in 0..length {
                view.frames[1] = frame;
                frame = scratch.slot(frame, 0).off;
                view.carried(place, &[position], &mut carries.licences)?;
            }
        }
        Ok(carries)
    }
}

impl View<'_> {
    /// The canonical text of a value.
    fn told(&self, source: &Source) -> Option<String> {
        let mut spare = Spare::default();
        let Ok(Got::Value(value)) = self.get(source, &mut spare) else { return None };
        let mut text = Vec::new();
        write_canonical(value, &mut text);
        let text = String::from_utf8(text).ok()?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    fn carried(&self, place: &Place, positions: &[u32], carried: &mut Vec<Carried>) -> Result<(), Fault> {
        let Some(identifier) = self.told(&place.identifier) else { return Ok(()) };
        if carried.iter().any(|known| known.identifier == identifier) {
            return Ok(());
        }
        if carried.len() >= CARRIED_MAX {
            return Err(Fault::LimitExceeded { what: "证照件数", limit: CARRIED_MAX });
        }
        let material = place.material.as_ref().and_then(|(source, lookup)| {
            let told = self.told(source)?;
            match lookup {
                None => Some(told),
                Some(lookup) => Some(self.choose(lookup, &[], told.as_bytes())?.out.as_deref()?.to_owned()),
            }
        });
        carried.push(Carried {
            identifier,
            kind: material,
            path: numbered(&place.note.path, positions),
            title: place.note.title.clone(),
        });
        Ok(())
    }
}
