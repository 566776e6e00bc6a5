//! What a request says of itself before a plan is chosen.

use super::profile::Identify;
use super::profile::Profile;
use super::profile::Service;
use super::reader::layout_of_paths;
use super::run::Workspace;
use super::run::read_document;
use crate::domain::fault::Fault;
use crate::domain::format::Kind;
use crate::domain::format::NodeId;
use crate::domain::format::Tree;
use crate::domain::format::escape;
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
    tree: Tree,
    start: NodeId,
    service: Range<usize>,
    matter: Range<usize>,
    variant: Range<usize>,
    key: Range<usize>,
    message: Range<usize>,
    target: Range<usize>,
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
        let (tree, start) = layout_of_paths(profile, &distinct(&paths));
        let at = |range: Range<usize>| range;
        Self {
            tree,
            start,
            service: at(service),
            matter: at(matter),
            variant: at(variant),
            key: at(key),
            message: at(message),
            target: at(target),
        }
    }

    /// Looks into a request that came at `path`.
    pub(super) fn look(
        &self,
        profile: &Profile,
        path: &str,
        fields: HeaderFields<'_>,
        body: &[u8],
        workspace: &mut Workspace,
        slots: &[usize],
    ) -> Result<Arrival, Fault> {
        if !profile.services.iter().any(|service| service.path == path) {
            return Err(Fault::UnknownPath);
        }
        let direction = &profile.request;
        read_document(
            direction.format,
            direction.charset,
            &self.tree,
            self.start,
            body,
            &mut workspace.scratch,
            &profile.limits,
        )?;
        let scratch = &workspace.scratch;
        let text = |range: &Range<usize>| {
            range.clone().find_map(|index| {
                let slot = scratch.slot(0, u16::try_from(slots[index] + 1).ok()?);
                if matches!(slot.kind, Kind::Missing | Kind::Null | Kind::List | Kind::Object) || slot.len == 0 {
                    return None;
                }
                let mut spare = Vec::new();
                let text = escape::text(slot.kind, scratch.raw(body, slot), &mut spare).trim_ascii();
                (!text.is_empty() && text.len() <= KEY_BYTES_MAX).then(|| String::from_utf8_lossy(text).into_owned())
            })
        };
        let (matter, variant) = (text(&self.matter), text(&self.variant));
        let service = match &profile.identify.service_header {
            Some(name) => fields(name).filter(|text| text.len() <= KEY_BYTES_MAX).map(str::to_owned),
            None => text(&self.service),
        };
        let service = choose(profile, path, service.as_deref(), matter.as_deref(), variant.as_deref())?;
        let made = || profile.identify.key_made.then(String::new);
        let missing = || Fault::KeyMissing { paths: profile.identify.key_text.clone() };
        let key = text(&self.key).or_else(made).ok_or_else(missing)?;
        Ok(Arrival { service, key, message: text(&self.message), target: text(&self.target) })
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

/// For each path of a profile's identification the number of its slot, from 0.
pub(super) fn slots(profile: &Profile) -> Vec<usize> {
    let Identify { service, matter, variant, key, message, target, .. } = &profile.identify;
    let all: Vec<_> =
        service.iter().chain(matter).chain(variant).chain(key).chain(message).chain(target).cloned().collect();
    let distinct = distinct(&all);
    all.iter().map(|path| distinct.iter().position(|known| known == path).unwrap_or_default()).collect()
}

fn choose(
    profile: &Profile,
    path: &str,
    service: Option<&str>,
    matter: Option<&str>,
    variant: Option<&str>,
) -> Result<usize, Fault> {
    let named = profile.identify.service.is_some() || profile.identify.service_header.is_some();
    let fits = |declared: &str, found: Option<&str>| declared.is_empty() || found == Some(declared);
    let candidates = profile.services.iter().enumerate().filter(|(_, row): &(usize, &Service)| {
        row.path == path
            && (!named || fits(&row.service, service))
            && (profile.identify.variant.is_none() || fits(&row.variant, variant))
            && matter.is_none_or(|matter| row.matter == matter)
    });
    let mut candidates = candidates.map(|(index, _)| index);
    if let (Some(index), None) = (candidates.next(), candidates.next()) {
        Ok(index)
    } else {
        // The word that is wrong is told: a service that nobody serves, else the matter.
        let known = |service: &&str| profile.services.iter().any(|row| row.service == *service);
        let strange = service.filter(|service| named && !known(service));
        let code = strange.or(matter).or(service).unwrap_or("（未写明）").chars().take(40).collect();
        Err(Fault::UnknownMatter { code })
    }
}
