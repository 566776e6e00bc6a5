//! What a request says of itself before a plan is chosen.

use super::profile::Direction;
use super::profile::Identify;
use super::profile::Profile;
use super::reader::layout_of_paths;
use super::run::Workspace;
use super::run::read_document;
use crate::domain::fault::Fault;
use crate::domain::fault::Unknown;
use crate::domain::format::Kind;
use crate::domain::format::NodeId;
use crate::domain::format::Scratch;
use crate::domain::format::SlotNumber;
use crate::domain::format::Tree;
use crate::domain::format::escape;
use rustc_hash::FxHashMap;
use std::ops::Range;

/// Longest idempotency key and message number in bytes.
pub(super) const KEY_BYTES_MAX: usize = 128;

/// What a request says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Index of the row in the profile's `services.csv`.
    pub service: usize,
    /// Idempotency key; empty where the profile leaves it to the gateway to make one.
    pub key: String,
    /// Message number to answer to.
    pub message: Option<String>,
    /// Division or centre of the handling side.
    pub target: Option<String>,
}

/// A request's HTTP header fields by their names in lower case.
pub type HeaderFields<'h> = &'h dyn Fn(&str) -> Option<&'h str>;

/// The compiled looks into a request.
#[derive(Debug)]
pub(super) struct Identifier {
    /// Ends the reading as soon as the first choice of every look has its text.
    tree: Tree,
    /// The same for the whole document, for one whose first choices did not do.
    whole: Tree,
    start: NodeId,
    /// For every path of the ranges below the number of its slot.
    slots: Vec<SlotNumber>,
    service: Range<usize>,
    matter: Range<usize>,
    variant: Range<usize>,
    key: Range<usize>,
    message: Range<usize>,
    target: Range<usize>,
    rows: FxHashMap<String, Rows>,
}

/// Rows of `services.csv` of one HTTP path, by their place there.
#[derive(Debug, Default)]
struct Rows {
    all: Vec<usize>,
    by_matter: FxHashMap<String, Vec<usize>>,
}

impl Identifier {
    pub(super) fn new(profile: &Profile) -> Self {
        let Identify { service, matter, variant, key, message, target, .. } = &profile.identify;
        let mut paths = Vec::new();
        let mut add = |more: Vec<_>| {
            let start = paths.len();
            paths.extend(more);
            start..paths.len()
        };
        let service = add(service.iter().cloned().collect());
        let matter = add(matter.iter().cloned().collect());
        let variant = add(variant.iter().cloned().collect());
        let key = add(key.clone());
        let message = add(message.iter().cloned().collect());
        let target = add(target.clone());
        // The same path may be asked for twice (key and message number); a tree has one slot a place.
        let distinct = distinct(&paths);
        let (whole, start) = layout_of_paths(profile, &distinct);
        let number = |path| distinct.iter().position(|known| known == path).map_or(0, |place| place + 1);
        let slots: Vec<_> =
            paths.iter().map(|path| SlotNumber::try_from(number(path)).unwrap_or(SlotNumber::MAX)).collect();
        let first =
            [&service, &matter, &variant, &key, &message, &target].into_iter().filter(|range| !range.is_empty());
        let bits = first.map(|range| 1_u64.checked_shl(u32::from(slots[range.start])));
        let awaited = bits.reduce(|one, other| Some(one? | other?)).flatten().unwrap_or_default();
        let mut rows: FxHashMap<String, Rows> = FxHashMap::default();
        for (index, row) in profile.services.iter().enumerate() {
            let rows = rows.entry(row.path.clone()).or_default();
            rows.all.push(index);
            rows.by_matter.entry(row.matter.clone()).or_default().push(index);
        }
        let tree = Tree { awaited, ..whole.clone() };
        Self { tree, whole, start, slots, service, matter, variant, key, message, target, rows }
    }

    /// Looks into a request that came at `path`. What comes behind the last thing that is looked for is not read here,
    /// so a fault there is the plan's to find.
    pub(super) fn look(
        &self,
        profile: &Profile,
        path: &str,
        fields: HeaderFields<'_>,
        body: &[u8],
        workspace: &mut Workspace,
    ) -> Result<Arrival, Fault> {
        let rows = self.rows.get(path).ok_or(Fault::UnknownPath)?;
        let scratch = &mut workspace.scratch;
        let is_cut_short = self.read(profile, &self.tree, body, scratch)?;
        let ranges = [&self.service, &self.matter, &self.variant, &self.key, &self.message, &self.target];
        let is_there = |range: &&Range<usize>| {
            range.is_empty() || self.text(range.start..range.start + 1, body, scratch).is_some()
        };
        if is_cut_short && !ranges.iter().all(is_there) {
            self.read(profile, &self.whole, body, scratch)?;
        }
        let text = |range: &Range<usize>| self.text(range.clone(), body, scratch);
        let (matter, variant) = (text(&self.matter), text(&self.variant));
        let service = match &profile.identify.service_header {
            Some(name) => fields(name).filter(|text| text.len() <= KEY_BYTES_MAX).map(str::to_owned),
            None => text(&self.service),
        };
        let service = choose(profile, rows, service.as_deref(), matter.as_deref(), variant.as_deref())?;
        let made = || profile.identify.key_made.then(String::new);
        let missing = || Fault::KeyMissing { paths: profile.identify.key_text.clone() };
        let key = text(&self.key).or_else(made).ok_or_else(missing)?;
        Ok(Arrival { service, key, message: text(&self.message), target: text(&self.target) })
    }

    /// The message number of the request that was looked into last, whatever came of it.
    pub(super) fn message(&self, body: &[u8], scratch: &Scratch) -> Option<String> {
        self.text(self.message.clone(), body, scratch)
    }

    /// True where all that was awaited came before the end.
    fn read(&self, profile: &Profile, tree: &Tree, body: &[u8], scratch: &mut Scratch) -> Result<bool, Fault> {
        let Direction { format, charset, .. } = profile.request;
        let read = read_document(format, charset, tree, self.start, body, scratch, &profile.limits);
        if tree.awaited != 0 && scratch.awaited == 0 { Ok(true) } else { read.map(|()| false) }
    }

    /// The first text that stands at one of the paths.
    fn text(&self, mut range: Range<usize>, body: &[u8], scratch: &Scratch) -> Option<String> {
        range.find_map(|index| {
            let slot = scratch.slot(0, *self.slots.get(index)?);
            if matches!(slot.kind, Kind::Missing | Kind::Null | Kind::List | Kind::Object) || slot.len == 0 {
                return None;
            }
            let mut spare = Vec::new();
            let text = escape::text(slot.kind, scratch.raw(body, slot), &mut spare).trim_ascii();
            (!text.is_empty() && text.len() <= KEY_BYTES_MAX).then(|| String::from_utf8_lossy(text).into_owned())
        })
    }
}

/// Distinct paths in order of first appearance.
pub(super) fn distinct<T: PartialEq + Clone>(paths: &[T]) -> Vec<T> {
    let mut distinct: Vec<T> = Vec::new();
    for path in paths {
        if !distinct.contains(path) {
            distinct.push(path.clone());
        }
    }
    distinct
}

fn choose(
    profile: &Profile,
    rows: &Rows,
    service: Option<&str>,
    matter: Option<&str>,
    variant: Option<&str>,
) -> Result<usize, Fault> {
    let named = profile.identify.service.is_some() || profile.identify.service_header.is_some();
    let fits = |declared: &str, found: Option<&str>| declared.is_empty() || found == Some(declared);
    let of_matter = match matter {
        Some(matter) => rows.by_matter.get(matter).map_or(&[][..], Vec::as_slice),
        None => &rows.all,
    };
    let mut candidates = of_matter.iter().copied().filter(|index| {
        let row = &profile.services[*index];
        (!named || fits(&row.service, service)) && (profile.identify.variant.is_none() || fits(&row.variant, variant))
    });
    if let (Some(index), None) = (candidates.next(), candidates.next()) {
        Ok(index)
    } else {
        // The word that is wrong is told: a service that nobody serves, else the matter.
        let known = |service: &&str| profile.services.iter().any(|row| row.service == *service);
        let strange = service.filter(|service| named && !known(service));
        let what = match (strange, matter) {
            (Some(_), _) => Unknown::Service,
            (None, Some(matter)) if profile.services.iter().all(|row| row.matter != matter) => Unknown::Matter,
            (None, _) if matter.or(service).is_some() => Unknown::Place,
            _ => Unknown::Matter,
        };
        let code = strange.or(matter).or(service).unwrap_or("（未写明）").chars().take(40).collect();
        Err(Fault::UnknownMatter { code, what })
    }
}
