//! Two messages to one plan.

use super::address;
use super::address::Divisions;
use super::carried::Look;
use super::catalogue::Catalogue;
use super::catalogue::RuleRow;
use super::message::Message;
use super::message::MessageRow;
use super::message::RowField;
use super::notation::Convert;
use super::notation::Part;
use super::notation::Rule;
use super::plan::Check;
use super::plan::CheckRule;
use super::plan::Keep;
use super::plan::Plan;
use super::plan::ResultCheck;
use super::plan::RowNote;
use super::plan::Source;
use super::plan::SumPart;
use super::profile::Direction;
use super::profile::Format;
use super::profile::Profile;
use super::profile::Service;
use super::profile::absolute;
use super::reader;
use super::reader::Layout;
use super::resolve::Resolver;
use super::resolve::row_field;
use super::source::Diagnostic;
use super::source::Place;
use super::writer::Writer;
use crate::domain::codes;
use crate::domain::codes::Lookup;
use crate::domain::codes::Otherwise;
use crate::domain::format::charset::Charset;
use crate::domain::value::Type;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// One side of a plan.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub profile: &'a Profile,
    pub direction: &'a Direction,
    pub message: &'a Message,
    pub service: &'a Service,
}

/// What kind of message a plan translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    Answer,
    Fault,
    Request,
}

impl MessageKind {
    /// The word in `rules.csv` and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Fault => "fault",
            Self::Request => "request",
        }
    }
}

/// What all plans share.
pub(super) struct Shared<'a> {
    pub catalogue: &'a Catalogue,
    pub divisions: Arc<Divisions>,
    pub calendar: Arc<crate::domain::value::Calendar>,
    pub lookups: Lookups,
}

impl<'a> Shared<'a> {
    /// What plans over a catalogue share.
    pub(super) fn new(catalogue: &'a Catalogue) -> Self {
        let divisions = catalogue.tables.get(address::TABLE).map(Divisions::new).unwrap_or_default();
        let calendar = Arc::new(catalogue.calendar.clone());
        Self { catalogue, divisions: Arc::new(divisions), calendar, lookups: Lookups::default() }
    }
}

type LookupKey = (Option<(String, String)>, Option<(String, String)>, Otherwise);

/// Look-ups that plans share: hundreds of matters use the same few.
#[derive(Default)]
pub(super) struct Lookups(RefCell<FxHashMap<LookupKey, Arc<Lookup>>>);

impl Lookups {
    /// The composition of two sets, made once.
    pub(super) fn compose(&self, read: codes::Side<'_>, write: codes::Side<'_>, otherwise: &Otherwise) -> Arc<Lookup> {
        let name = |side: codes::Side<'_>| side.map(|(table, set)| (table.name.clone(), set.to_owned()));
        let key = (name(read), name(write), otherwise.clone());
        let mut known = self.0.borrow_mut();
        Arc::clone(known.entry(key).or_insert_with(|| Arc::new(Lookup::compose(read, write, otherwise))))
    }
}

/// What one plan is made of.
pub(super) struct Order<'a> {
    pub kind: MessageKind,
    /// `None` for fault messages.
    pub source: Option<Side<'a>>,
    pub target: Side<'a>,
    /// The caller's request, for answers.
    pub request: Option<&'a Message>,
    /// Names that the answer needs, for requests.
    pub keeps: Vec<String>,
}

/// Compiles one plan. Names of the values that it needs of the request come beside it.
pub(super) fn compile(shared: &Shared<'_>, order: &Order<'_>, faults: &mut Vec<Diagnostic>) -> (Plan, Vec<String>) {
    let empty = Message::default();
    let mut source = order.source.map_or_else(|| empty.clone(), |side| side.message.clone());
    let watched =
        order.source.filter(|_| order.kind == MessageKind::Answer).map(|side| watch(&mut source, side, faults));
    let source_profile = order.source.map_or(order.target.profile, |side| side.profile);
    let notes = notes(shared.catalogue, &source);
    let target_notes = self::notes(shared.catalogue, order.target.message);
    let separator = order.source.map_or(order.target.direction, |side| side.direction).separator();
    let layout = reader::layout(source_profile, separator, &source, &notes, faults);
    let service = order.target.service;
    let mut resolver = Resolver {
        catalogue: shared.catalogue,
        lookups: &shared.lookups,
        message: &source,
        layout: &layout,
        notes: &notes,
        request: order.request,
        kept: Vec::new(),
        outward: order.kind == MessageKind::Request,
        used: vec![false; source.rows.len()],
        words: [service.matter.clone(), service.service.clone(), service.operation.clone()],
        faults: Vec::new(),
    };
    let mut writer = Writer {
        profile: order.target.profile,
        direction: order.target.direction,
        message: order.target.message,
        notes: &target_notes,
        resolver: &mut resolver,
        lenient: order.kind == MessageKind::Fault,
    };
    let ops = writer.document();
    let checks = checks(shared.catalogue, order, &mut resolver);
    let echoes = echoes(shared.catalogue, order, &mut resolver);
    let mut keeps = Vec::new();
    for name in &order.keeps {
        let kind = shared.catalogue.field(name).map_or(Type::Text, |field| field.kind);
        let source = resolver.source(name, kind, None, &Place::default()).map(|(source, _)| source);
        keeps.push(Keep { name: name.clone(), source });
    }
    let result = watched.and_then(|watched| result_check(shared.catalogue, order, &watched, &mut resolver));
    let licences = order.source.filter(|_| order.kind == MessageKind::Request);
    let licences = licences.and_then(|_| Look::compile(order.target.message, &target_notes, &mut resolver));
    faults.append(&mut resolver.faults);
    let (kept, used) = (std::mem::take(&mut resolver.kept), std::mem::take(&mut resolver.used));
    let dropped = dropped(&source, &notes, &used);
    let mut layout = layout;
    require(&mut layout, &source, &used);
    let target = order.target.direction;
    let from = order.source.map_or(target, |side| side.direction);
    let plan = Plan {
        format: from.format,
        charset: from.charset,
        limits: source_profile.limits,
        tree: layout.tree,
        start: layout.start,
        scopes: layout.scopes,
        result,
        checks,
        echoes,
        keeps,
        ops,
        target_charset: target.charset,
        substitutes: target.substitutes.clone(),
        encode_whole: target.format != Format::Form && target.charset != Charset::Utf8,
        content_type: target.content_type.as_str().into(),
        divisions: shared.divisions.clone(),
        calendar: shared.calendar.clone(),
        dropped,
        sides: (source_profile.name.as_str().into(), order.target.profile.name.as_str().into()),
        licences: licences.map(Box::new),
        growth: AtomicUsize::new(1024),
    };
    (plan, kept)
}

/// What a person is told about each row.
fn notes(catalogue: &Catalogue, message: &Message) -> Vec<Arc<RowNote>> {
    let note = |row: &MessageRow| {
        let id = row_field(&row.field);
        let field = catalogue.field(id);
        Arc::new(RowNote {
            path: row.path.clone(),
            field: id.to_owned(),
            title: field.map_or(String::new(), |field| field.title.clone()),
            convert: row.convert.clone(),
            privacy: field.map_or(String::new(), |field| field.privacy.clone()),
            place: row.place.clone(),
        })
    };
    message.rows.iter().map(note).collect()
}

/// Rows in which an answer's own word is read.
struct Watched {
    codes: Vec<usize>,
    texts: Vec<usize>,
}

fn watch(message: &mut Message, side: Side<'_>, faults: &mut Vec<Diagnostic>) -> Watched {
    let mut watched = Watched { codes: Vec::new(), texts: Vec::new() };
    let Some(words) = &side.profile.result else { return watched };
    let root = side.direction.root.replace("{operation}", &side.service.operation);
    let place = Place { file: side.profile.file.clone(), line: 1, column: 1 };
    let mut add = |paths: &[String], kind: &str, rows: &mut Vec<usize>| {
        for (number, path) in paths.iter().enumerate() {
            let name = format!("@result.{kind}.{number}");
            let path = absolute(&root, path, side.direction.separator());
            rows.extend(message.watch(&path, &name, side.direction.separator(), &place, faults));
        }
    };
    add(&words.code, "code", &mut watched.codes);
    add(&words.text, "text", &mut watched.texts);
    watched
}

fn result_check(
    catalogue: &Catalogue,
    order: &Order<'_>,
    watched: &Watched,
    resolver: &mut Resolver<'_>,
) -> Option<ResultCheck> {
    let profile = order.source?.profile;
    let words = profile.result.as_ref()?;
    let table = catalogue.tables.get("fault");
    let place = Place { file: profile.file.clone(), line: 1, column: 1 };
    let Some(table) = table.filter(|table| table.sets.contains(&words.set)) else {
        let found = format!("码表 fault 没有代码集“{}”", words.set);
        resolver.faults.push(Diagnostic::error(165, &place, found));
        return None;
    };
    let mut slots = |rows: &[usize]| {
        rows.iter()
            .filter_map(|row| {
                resolver.used[*row] = true;
                resolver.layout.rows.get(row).map(|spot| spot.slot)
            })
            .collect::<Vec<_>>()
    };
    Some(ResultCheck {
        codes: slots(&watched.codes),
        texts: slots(&watched.texts),
        ok: words.ok.clone(),
        lookup: resolver.lookups.compose(Some((table, &words.set)), None, &Otherwise::Refuse),
    })
}

/// Declared places that nothing is read from.
fn dropped(message: &Message, notes: &[Arc<RowNote>], used: &[bool]) -> Vec<Arc<RowNote>> {
    let rows = message.rows.iter().enumerate().filter(|(index, row)| {
        matches!(row.field, RowField::Canonical(_))
            && !used[*index]
            && !matches!(
                row.conversion.convert,
                Convert::Container
                    | Convert::Count { .. }
                    | Convert::Index { .. }
                    | Convert::Licence(_)
                    | Convert::List
            )
    });
    rows.filter_map(|(index, _)| notes.get(index).cloned()).collect()
}

/// Required places that nothing is read from, required lists, and counts.
fn require(layout: &mut Layout, message: &Message, used: &[bool]) {
    for (index, row) in message.rows.iter().enumerate() {
        if let Convert::Count { list, plus } = &row.conversion.convert {
            if let Some((spot, list)) = layout.rows.get(&index).zip(layout.lists.get(list))
                && list.0.scope == spot.scope
            {
                layout.scopes[spot.scope].counts.push((spot.slot, list.0.slot, *plus));
            }
        } else if row.required && row.conversion.convert == Convert::List {
            if let Some((spot, _)) = layout.lists.get(row_field(&row.field).trim_end_matches("[]")) {
                layout.scopes[spot.scope].required.push(spot.slot);
            }
        } else if row.required
            && !used[index]
            && row.condition.is_none()
            && let Some(spot) = layout.rows.get(&index)
        {
            layout.scopes[spot.scope].required.push(spot.slot);
        }
    }
}

/// The rules that hold for this message and can be checked on the side that is read.
fn checks(catalogue: &Catalogue, order: &Order<'_>, resolver: &mut Resolver<'_>) -> Vec<Check> {
    rules(catalogue, order).filter_map(|row| check(row, resolver)).collect()
}

/// The rows of `rules.csv` for this message.
fn rules<'a>(catalogue: &'a Catalogue, order: &Order<'a>) -> impl Iterator<Item = &'a RuleRow> {
    let any = |pattern: &str, word: &str| pattern == "*" || pattern.split('|').any(|one| one == word);
    let (source, kind) = (order.source, order.kind.word());
    catalogue.rules.iter().filter(move |row| {
        source.is_some_and(|source| {
            any(&row.matter, &source.service.matter) && any(&row.step, &source.service.step) && any(&row.message, kind)
        })
    })
}

/// What an answer repeats of its request, where both messages have it.
fn echoes(catalogue: &Catalogue, order: &Order<'_>, resolver: &mut Resolver<'_>) -> Vec<(Source, Source)> {
    let mut echoes = Vec::new();
    for row in rules(catalogue, order) {
        let Rule::Same(id) = &row.rule else { continue };
        if order.kind != MessageKind::Answer || id.contains("[]") {
            let found = format!("规则“{}”不能用在这里", row.text);
            let fault = Diagnostic::error(166, &row.place, found).expected("message 一列为 answer，字段不在列表中");
            resolver.faults.push(fault);
            continue;
        }
        let Some(field) = resolver.field(id, &row.place) else { continue };
        if resolver.message.row_of(id).is_some_and(|row| resolver.layout.rows.contains_key(&row))
            && let Some(request) = resolver.kept(id, field.kind)
            && let Some((answer, Some(_))) = resolver.source(id, field.kind, None, &row.place)
        {
            echoes.push((answer, request));
        }
    }
    echoes
}

fn check(row: &RuleRow, resolver: &mut Resolver<'_>) -> Option<Check> {
    let first = match &row.rule {
        Rule::Digest { digest, .. } => digest,
        Rule::Order { before, .. } => before,
        Rule::Identifier { field, .. }
        | Rule::Positive(field)
        | Rule::Required { field, .. }
        | Rule::Total { field, .. } => field,
        // No rule within a message.
        Rule::Same(_) => return None,
        Rule::Sum { total, .. } => total,
    };
    let field = resolver.field(first, &row.place)?;
    let index = resolver.message.row_of(first)?;
    let spot = *resolver.layout.rows.get(&index)?;
    let mut source = |id: &str| -> Option<Source> {
        let kind = resolver.field(id, &row.place)?.kind;
        resolver.source(id, kind, None, &row.place).map(|(source, _)| source)
    };
    let mut scope = spot.scope;
    let rule = match &row.rule {
        Rule::Sum { total, parts } => CheckRule::Sum {
            total: source(total)?,
            parts: parts.iter().map(|part| sum_part(part, field.kind, scope, row, resolver)).collect::<Option<_>>()?,
        },
        Rule::Order { before, after } => CheckRule::Order { before: source(before)?, after: source(after)? },
        Rule::Digest { digest, content } => {
            let digest = source(digest)?;
            let content = resolver.layout.rows.get(&resolver.message.row_of(content)?)?;
            CheckRule::Digest { digest, content: (content.level, content.slot) }
        }
        Rule::Required { field, condition } => {
            let source = source(field)?;
            CheckRule::Required { source, condition: resolver.condition(condition, around(field), &row.place)? }
        }
        Rule::Identifier { field, kind, condition } => {
            let (source, kind) = (source(field)?, *kind);
            CheckRule::Identifier { source, kind, condition: resolver.condition(condition, around(field), &row.place)? }
        }
        Rule::Positive(field) => CheckRule::Positive(source(field)?),
        Rule::Same(_) => return None,
        Rule::Total { field: id, value } => {
            let item = source(id)?;
            let (list, _) = *resolver.layout.lists.get(id.rsplit_once("[].")?.0)?;
            scope = list.scope;
            CheckRule::Total { item, list: (list.level, list.slot), value: total(field.kind, value, row, resolver)? }
        }
    };
    Some(Check { scope, rule, text: told(row, resolver), note: resolver.notes.get(index)?.clone() })
}

/// The list that a field stands in, with its `[].`, or nothing.
fn around(field: &str) -> &str {
    field.rfind("[].").map_or("", |at| &field[..at + 3])
}

/// A part of a sum on the side that is read; `None`, and the rule does not apply, where that side has no such place.
fn sum_part(part: &Part, total: Type, scope: usize, row: &RuleRow, resolver: &mut Resolver<'_>) -> Option<SumPart> {
    let kind = match part {
        Part::Count(_) => Type::Int,
        Part::Each(id) | Part::Field(id) => resolver.field(id, &row.place)?.kind,
    };
    if kind != total {
        let found = format!("“{}”与合计不是同一类型", part.id());
        resolver.faults.push(Diagnostic::error(166, &row.place, found).expected("金额与金额、整数与整数相加"));
        return None;
    }
    let Some(list) = part.list() else {
        return resolver.source(part.id(), kind, None, &row.place).map(|(source, _)| SumPart::Field(source));
    };
    let (list, _) = *resolver.layout.lists.get(list)?;
    if list.scope != scope {
        return None;
    }
    match part {
        Part::Count(_) => Some(SumPart::Count(list.slot)),
        _ => {
            resolver.source(part.id(), kind, None, &row.place).map(|(item, _)| SumPart::Each { item, list: list.slot })
        }
    }
}

/// A rule in the words of the side that sent the message: titles and places instead of canonical names.
fn told(row: &RuleRow, resolver: &Resolver<'_>) -> String {
    let named = |id: &str| {
        let title = resolver.catalogue.field(id.trim_end_matches("[]")).map_or(id, |field| field.title.as_str());
        let own = resolver.message.rows.iter().find(|own| row_field(&own.field) == id);
        own.map_or_else(|| format!("“{title}”"), |own| format!("“{title}”（{}）", own.path))
    };
    let part = |part: &Part| match part {
        Part::Count(id) => format!("{}的条数", named(id)),
        Part::Each(id) => format!("各条{}之和", named(id)),
        Part::Field(id) => named(id),
    };
    match &row.rule {
        Rule::Sum { total, parts } => {
            format!("{} = {}", named(total), parts.iter().map(part).collect::<Vec<_>>().join(" + "))
        }
        Rule::Total { field, value } => format!("各条{}之和 = {value}", named(field)),
        Rule::Order { before, after } => format!("{}不晚于{}", named(before), named(after)),
        Rule::Positive(field) => format!("{}应大于 0", named(field)),
        Rule::Digest { .. } | Rule::Identifier { .. } | Rule::Required { .. } | Rule::Same(_) => row.text.clone(),
    }
}

/// A total as it is written in a rule: percent for rates, yuan for amounts.
fn total(kind: Type, text: &str, row: &RuleRow, resolver: &mut Resolver<'_>) -> Option<i64> {
    use crate::domain::value;
    let number = match kind {
        Type::Rate => value::read_rate(value::RateUnit::Percent, text.as_bytes()),
        Type::Amount => value::read_amount(value::AmountUnit::Yuan, text.as_bytes()),
        Type::Int => value::read_integer(text.as_bytes()),
        _ => None,
    };
    if number.is_none() {
        resolver
            .faults
            .push(Diagnostic::error(166, &row.place, format!("合计“{text}”与字段类型不合")).expected("数字"));
    }
    number
}
